//! What goes wrong for a while: one file a fault.
//!
//! Most faults are functions of the plan and of the time, without state: whoever asks at one time gets one answer, which
//! lets stories be told afterwards. A scenario without faults asks nothing: what the request path would ask is decided
//! in the plan.

mod dns_outage;
mod during;
mod hops;
mod latency;
mod packet_loss;
mod slow;
mod traffic;

pub(crate) use packet_loss::Passage;
pub(crate) use traffic::Spikes;

use crate::engine::Schedule;
use crate::model::World;
use crate::model::network::topology::{PathClass, Topology};
use crate::model::plan::Plan;
use crate::scenario::Scenario;
use crate::time::{SimDuration, SimTime};

/// The faults of a scenario, laid out.
#[derive(Debug, Default)]
pub struct Faults {
    slow: slow::Slow,
    latency: latency::Latency,
    losses: packet_loss::Losses,
    dns: dns_outage::DnsOutages,
}

impl Faults {
    /// Lays them out; hops that may take time by a fault take it from now on.
    #[must_use]
    pub fn new(scenario: &Scenario, topology: &mut Topology) -> Self {
        let faults = Self {
            slow: slow::Slow::new(scenario),
            latency: latency::Latency::new(scenario, topology),
            losses: packet_loss::Losses::new(scenario, topology),
            dns: dns_outage::DnsOutages::new(scenario),
        };
        for class in PathClass::ALL {
            if faults.latency.may_touch(class) || faults.losses.may_touch(class) {
                topology.touch(class);
            }
        }
        faults
    }

    /// Whether work may be slower at times.
    #[must_use]
    pub const fn slow_work(&self) -> bool {
        !self.slow.is_empty()
    }

    /// Whether hops may take longer at times, or lose packets.
    #[must_use]
    pub const fn touch_hops(&self) -> bool {
        !self.latency.is_empty() || !self.losses.is_empty()
    }
}

impl Plan {
    /// The one-way delay of a hop that begins at a time; [`Topology::delay`] where no fault touches hops.
    #[must_use]
    #[inline]
    pub fn delay(&self, class: PathClass, (from, to): (u32, u32), key: u64, at: SimTime) -> SimDuration {
        let usual = self.topology.delay(class, key);
        if self.faults.touch_hops() { self.delay_under_faults(class, (from, to), (usual, key), at) } else { usual }
    }

    #[inline(never)]
    fn delay_under_faults(
        &self,
        class: PathClass,
        ends: (u32, u32),
        (usual, key): (SimDuration, u64),
        at: SimTime,
    ) -> SimDuration {
        self.faults.latency.apply(class, ends, (usual, key), at)
    }
}

impl World<'_> {
    /// A fault begins or ends: a row of `events.csv`.
    pub(super) fn tell_fault(&mut self, fault: usize, begins: bool, now: SimTime, schedule: &mut Schedule) {
        let scenario = &self.plan.scenario;
        let fault = &scenario.faults[fault];
        let kind = if begins { "fault-begins" } else { "fault-ends" };
        self.enter_event(now, kind, fault.object(scenario), fault.detail());
        if self.plan.loses_packets() {
            self.look_around(now, schedule);
        }
    }
}
