//! What an ingress controller does where a pod fails it: it sends the request to the next one.
//!
//! As `proxy-next-upstream: error timeout` of ingress-nginx: connections that are refused, not answered or reset, whether
//! the request was sent by then or not; nothing that a pod answers. The client knows nothing of it.

use crate::cause::FailureCause;
use crate::engine::Schedule;
use crate::model::World;
use crate::model::plan::{NONE, Route};
use crate::model::traffic::attempt::Stage;
use crate::time::SimTime;

impl World<'_> {
    /// A controller's try at a pod failed, and its accounts are closed: whether it goes on with another.
    #[inline(never)]
    pub(super) fn goes_to_next(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) -> bool {
        let entry = &self.attempts[attempt];
        let Route::Proxy7(proxy) = self.plan_flow(entry.flow).route else { return false };
        let Some(controller) = &self.plan.scenario.proxies[proxy as usize].controller else { return false };
        let Some(ways) = self.ways.as_deref_mut() else { return false };
        let failed = matches!(
            entry.failure,
            Some(
                FailureCause::Refused
                    | FailureCause::WrongPod
                    | FailureCause::ConnectTimeout
                    | FailureCause::ConntrackFull
                    | FailureCause::Reset
            )
        );
        let tries = ways.tries.get(&attempt).copied().unwrap_or(1);
        if !failed || entry.request == NONE || tries >= controller.tries {
            ways.tries.remove(&attempt);
            return false;
        }
        ways.tries.insert(attempt, tries + 1);
        let (request, measured, recorder) = (entry.request, entry.measured, self.plan_flow(entry.flow).recorder);
        let (cause, place) = (entry.failure.expect("it failed"), entry.place);
        if measured {
            let late = self.who_was_late(attempt, cause);
            self.recorders.counts(recorder).attempt_failed(cause, place, late);
        }
        if self.probes.any_flow {
            self.watch_next_upstream(attempt, now);
        }
        // What came before is lost time, the client's part of it included.
        self.waste(request, now);
        let entry = &mut self.attempts[attempt];
        (entry.failure, entry.stage, entry.endpoint) = (None, Stage::Going, NONE);
        (entry.joins, entry.step, entry.work) = (0, 0, 0);
        self.on_at_proxy(attempt, now, schedule);
        true
    }
}
