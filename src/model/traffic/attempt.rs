//! The hot records of what is under way: requests and their attempts.

use crate::balance::Ended;
use crate::cause::FailureCause;
use crate::model::at;
use crate::model::plan::NONE;
use crate::time::SimTime;

/// Where an attempt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Waiting for a pooled connection of the client.
    ClientPool,
    /// Waiting for a pooled connection of the proxy.
    UpstreamPool,
    /// On the way to the pod (connecting, hops, the proxy's handling).
    Going,
    /// Waiting in a container's queue.
    Queued,
    /// In service, with a completion scheduled.
    Serving,
    /// In service, waiting for calls.
    Calling,
    /// Back from calls, waiting for a slot again.
    Resuming,
    /// On the way back.
    Returning,
}

/// One try at a request.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Identity: every draw that belongs to this attempt is keyed by it.
    pub base: u64,
    /// Where its demand comes from, when not from `base`: the row of a trace, or the identity of its request.
    pub identity: u64,
    /// When it reached the pod.
    pub reached: u64,
    /// When its current wait or service began.
    pub since: u64,
    /// Nanoseconds of work done for it so far.
    pub work: u64,
    /// Its request; `NONE` once the client has given up.
    pub request: u32,
    /// Its flow.
    pub flow: u32,
    /// Its client.
    pub client: u32,
    /// The endpoint it goes to; `NONE` before the choice.
    pub endpoint: u32,
    /// When a balancer chose the endpoint; at layer 4, when it chose for the connection.
    pub picked: u64,
    /// Where the balancer that chose the endpoint has it.
    pub place_in_balancer: u32,
    /// Queue links.
    pub next: u32,
    /// Queue links.
    pub previous: u32,
    /// The proxy worker it goes through.
    pub worker: u32,
    /// The client's pooled connection it holds.
    pub connection: u32,
    /// The proxy's pooled connection it holds.
    pub upstream: u32,
    /// Ticket or timer of the queue timeout.
    pub patience: u32,
    /// First of the calls it waits for.
    pub first_call: u32,
    /// Calls it waits for.
    pub joins: u32,
    /// Place where it failed.
    pub place: u16,
    /// Index of the current step.
    pub step: u16,
    /// Where it is.
    pub stage: Stage,
    /// Whether its request arrived in the window.
    pub measured: bool,
    /// Whether a slot of a container is held.
    pub holds_slot: bool,
    /// Whether the work was cancelled: it is dropped at the next event.
    pub cancelled: bool,
    /// Why it failed, if it did.
    pub failure: Option<FailureCause>,
}

/// The step of what is nobody's request, but a kubelet's question that waits in a container's queue.
pub(crate) const QUESTION: u16 = u16::MAX;

impl Attempt {
    /// A kubelet's question: it has its turn in the queue, and nothing is to be done for it.
    pub(crate) fn question(now: SimTime) -> Self {
        Self {
            base: 0,
            identity: 0,
            reached: now.as_nanos(),
            since: now.as_nanos(),
            work: 0,
            request: NONE,
            flow: NONE,
            client: NONE,
            endpoint: NONE,
            picked: now.as_nanos(),
            place_in_balancer: NONE,
            next: NONE,
            previous: NONE,
            worker: NONE,
            connection: NONE,
            upstream: NONE,
            patience: NONE,
            first_call: NONE,
            joins: 0,
            place: 0,
            step: QUESTION,
            stage: Stage::Queued,
            measured: false,
            holds_slot: false,
            cancelled: false,
            failure: None,
        }
    }

    /// How it ended, for the balancer that chose its endpoint.
    #[inline(always)]
    pub(crate) const fn ended(&self, now: SimTime) -> Ended {
        Ended { picked: at(self.picked), now, failed: self.failure.is_some() || self.cancelled }
    }
}

/// How a try or a request failed.
#[derive(Debug, Clone, Copy)]
pub struct Failure {
    /// Why.
    pub cause: FailureCause,
    /// Where: index into the places.
    pub place: u16,
    /// The pod that answered or was waited for; `NONE` before the choice.
    pub endpoint: u32,
    /// Who was late, if that is why: a number of `control/lateness.rs`.
    pub late: u16,
    /// Whether the client stopped waiting, so that what was entered in the ledger need not have passed.
    pub gave_up: bool,
}

/// What a client wants.
#[derive(Debug, Clone)]
pub struct Request {
    /// Identity.
    pub base: u64,
    /// Number in its traffic.
    pub number: u64,
    /// Scheduled arrival.
    pub arrived: u64,
    /// When the back-off under way ends; 0 without one.
    pub retry_at: u64,
    /// Its flow.
    pub flow: u32,
    /// Its client.
    pub client: u32,
    /// The attempt under way; `NONE` during a back-off.
    pub attempt: u32,
    /// Tries so far.
    pub tries: u32,
    /// Ticket of the total timeout.
    pub deadline: u32,
    /// Ticket of the timeout of this try.
    pub per_try: u32,
    /// The attempt that waits for this call; `NONE` for requests of a traffic.
    pub caller: u32,
    /// Next call of the same caller.
    pub next_call: u32,
    /// The user of a closed loop; `NONE` otherwise.
    pub user: u32,
    /// Whether it arrived in the window.
    pub measured: bool,
}
