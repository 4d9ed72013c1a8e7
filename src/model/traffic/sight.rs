//! What a balancer may look at when it chooses.

use crate::balance::Sight;
use crate::model::cluster::station::Station;
use crate::model::cluster::unfinished::Unfinished;
use crate::model::network::endpoints::Snapshot;
use crate::model::plan::EndpointPlan;
use crate::time::SimTime;

/// The time, the client of the request at hand, and, for oracles, the pods themselves.
#[derive(Debug)]
pub(crate) struct PodSight<'a> {
    pub(crate) endpoints: &'a [EndpointPlan],
    pub(crate) stations: &'a Vec<Station>,
    pub(crate) work: Option<&'a Unfinished>,
    /// The endpoints that the balancer knows.
    pub(crate) programmed: &'a Snapshot,
    pub(crate) now: SimTime,
    pub(crate) flow: u32,
    pub(crate) client: u32,
}

impl Sight for PodSight<'_> {
    #[inline]
    fn now(&self) -> SimTime {
        self.now
    }

    /// The clients of the first traffic are 0, 1, …; others are told from them by their flow.
    #[inline]
    fn client(&self) -> u64 {
        u64::from(self.flow) << 32 | u64::from(self.client)
    }

    fn jobs(&self, place: u32) -> u32 {
        let endpoint = self.programmed.endpoint(place);
        self.stations[self.endpoints[endpoint as usize].station as usize].in_system()
    }

    fn work(&self, place: u32) -> u128 {
        let endpoint = self.programmed.endpoint(place);
        let work = self.work.expect("the plan keeps books where a policy asks for work");
        work.of(self.endpoints[endpoint as usize].station as usize, self.now)
    }
}
