//! What `explain` watches: hooks in the model that are off in every other run, and never change what happens.
//!
//! The hooks stand where the probes of named metrics stand, behind the same flags, and on ways that a request of the
//! simplest models never goes; so a run that is not watched does not pay for them.

mod survey;

use crate::model::World;
use crate::model::plan::{NONE, Plan};
use crate::observe::survey::{Spent, Survey};
use crate::time::SimTime;

use survey::Accounts;

/// Everything that is watched in a run.
#[derive(Debug)]
pub(crate) struct Watch {
    accounts: Option<Accounts>,
}

impl Watch {
    /// What the plan asks for; `None` where it asks for nothing.
    pub(crate) fn new(plan: &Plan) -> Option<Box<Self>> {
        let accounts = plan.scenario.observe.survey.map(|slowest| Accounts::new(plan.traffics, slowest));
        accounts.is_some().then(|| Box::new(Self { accounts }))
    }

    /// The surveys, one a traffic, where they were asked for.
    pub(crate) fn finish(self) -> Vec<Survey> {
        self.accounts.map_or_else(Vec::new, |accounts| accounts.surveys)
    }
}

impl World<'_> {
    /// A request is about to begin in the next free slot.
    #[inline(never)]
    pub(crate) fn watch_begin(&mut self) {
        let request = self.requests.next_slot();
        if let Some(Watch { accounts: Some(accounts), .. }) = self.watch.as_deref_mut() {
            accounts.clear(request);
        }
    }

    /// A request waited at a station since `since`.
    #[inline(never)]
    pub(crate) fn watch_waited(&mut self, request: u32, station: usize, since: u64, now: SimTime) {
        let waited = now.as_nanos() - since;
        self.watch_spent(request, station, Spent { waited, served: 0 });
    }

    /// A request is served at a station for so long.
    #[inline(never)]
    pub(crate) fn watch_served(&mut self, request: u32, station: usize, nanos: u64) {
        self.watch_spent(request, station, Spent { waited: 0, served: nanos });
    }

    fn watch_spent(&mut self, request: u32, station: usize, time: Spent) {
        if let Some(Watch { accounts: Some(accounts), .. }) = self.watch.as_deref_mut()
            && request != NONE
        {
            accounts.add(request, crate::model::plan::as_u32(station), time);
        }
    }

    /// Everything so far came to nothing.
    pub(crate) fn watch_wasted(&mut self, request: u32) {
        if let Some(Watch { accounts: Some(accounts), .. }) = self.watch.as_deref_mut() {
            accounts.clear(request);
        }
    }

    /// The ledger of a call enters that of its caller.
    pub(crate) fn watch_merged(&mut self, call: u32, caller: u32) {
        if let Some(Watch { accounts: Some(accounts), .. }) = self.watch.as_deref_mut() {
            accounts.merge(call, caller);
        }
    }

    /// A request succeeded.
    #[inline(never)]
    pub(crate) fn watch_succeeded(&mut self, request: u32, latency: u64) {
        let entry = &self.requests[request];
        if let Some(Watch { accounts: Some(accounts), .. }) = self.watch.as_deref_mut()
            && entry.measured
            && entry.caller == NONE
        {
            accounts.succeeded(entry.flow as usize, request, entry.number, latency);
        }
    }
}
