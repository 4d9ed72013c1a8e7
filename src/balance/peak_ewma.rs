//! Two choices by estimated latency times queue, with an estimate that jumps up at once and comes down slowly.
//!
//! cost = estimate · (outstanding + 1), the lower of two different endpoints drawn uniformly (the first of equals).
//! A reply that took r at a time dt after the last look sets the estimate e to r if r > e, else to e·k + r·(1 − k) with
//! k = exp(−dt / decay). Looking at it counts as a reply that took nothing: an endpoint that is not used looks faster and
//! faster until it is tried again. Failed requests count as replies. With `staleness` outstanding is what the pod reported
//! last, whoever sent it; latencies stay the balancer's own, since a pod does not know them. Sources: Finagle, Linkerd; tower,
//! `src/load/peak_ewma.rs`.

use crate::random::Stream;
use crate::time::{SimDuration, SimTime};

use super::parameter::{Form, Given, Parameter, STALENESS};
use super::policy::{Asks, Changes, Policy, PolicyListed, State};
use super::sight::{Ended, Sight};

/// Two choices by estimated latency times queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeakEwma {
    /// Time in which an estimate falls to 1/e.
    pub decay: SimDuration,
    /// The estimate of an endpoint that never replied.
    pub default_rtt: SimDuration,
    /// How long the balancer goes by one report of how many requests pods have; without it, by its own counts. Latencies
    /// are always its own.
    pub staleness: Option<SimDuration>,
}

impl PeakEwma {
    /// What Linkerd uses.
    pub const USUAL: Self =
        Self { decay: SimDuration::from_secs(10), default_rtt: SimDuration::from_millis(30), staleness: None };
}

impl Policy for PeakEwma {
    const LISTED: PolicyListed = PolicyListed {
        name: "peak-ewma",
        parameters: &[
            Parameter {
                key: "decay",
                form: Form::Duration,
                default: "10s",
                doc: "time in which an estimate falls to 1/e",
            },
            Parameter {
                key: "defaultRtt",
                form: Form::Duration,
                default: "30ms",
                doc: "the estimate of an endpoint that never replied",
            },
            STALENESS,
        ],
        information: "requests of this balancer without a reply yet, by endpoint; how long replies took; the time; \
                      with staleness how many the pods reported last, whoever sent them",
        cost: "O(1), one draw",
        source: "Linkerd and Finagle; tower, load/peak_ewma.rs",
        summary: "of two different endpoints drawn uniformly the lower estimated latency x (outstanding + 1); \
                  estimates jump up to a slower reply, fall exponentially otherwise",
    };

    type State = PeakEwmaState;

    fn read(given: &mut Given) -> Self {
        let usual = Self::USUAL;
        Self {
            decay: given.duration("decay").unwrap_or(usual.decay),
            default_rtt: given.duration("defaultRtt").unwrap_or(usual.default_rtt),
            staleness: given.duration(STALENESS.key),
        }
    }

    fn asks(&self) -> Asks {
        Asks { reports: self.staleness, ..Asks::default() }
    }

    fn build(&self, endpoints: u32, _stream: &mut Stream) -> PeakEwmaState {
        let (decay, default_rtt) = (self.decay.as_nanos() as f64, self.default_rtt.as_nanos() as f64);
        let mut state = PeakEwmaState { decay, default_rtt, stale: self.staleness.is_some(), endpoints: Vec::new() };
        state.resize(endpoints);
        // Those of the beginning age from the beginning.
        state.endpoints.iter_mut().for_each(|endpoint| endpoint.changed = Some(SimTime::ZERO));
        state
    }

    #[cfg(test)]
    fn examples() -> Vec<Self> {
        vec![Self::USUAL, Self { staleness: Some(SimDuration::from_secs(1)), ..Self::USUAL }]
    }
}

#[derive(Debug, Clone)]
pub(super) struct PeakEwmaState {
    /// In nanoseconds, as everything here.
    decay: f64,
    default_rtt: f64,
    /// It goes by what pods report of their queues.
    stale: bool,
    endpoints: Vec<Endpoint>,
}

#[derive(Debug, Clone, Copy)]
struct Endpoint {
    estimate: f64,
    /// When it last changed; for one that came later, at first never.
    changed: Option<SimTime>,
    outstanding: u32,
    /// How many the pod reported last.
    reported: u32,
}

impl Endpoint {
    /// Enters a reply that took `rtt`.
    fn sample(&mut self, rtt: f64, now: SimTime, decay: f64) {
        if rtt > self.estimate {
            self.estimate = rtt;
        } else if let Some(changed) = self.changed {
            let kept = libm::exp(-((now - changed).as_nanos() as f64) / decay);
            self.estimate = self.estimate * kept + rtt * (1.0 - kept);
        }
        self.changed = Some(now);
    }

    fn cost(&mut self, now: SimTime, decay: f64, stale: bool) -> f64 {
        self.sample(0.0, now, decay);
        self.estimate * (f64::from(if stale { self.reported } else { self.outstanding }) + 1.0)
    }
}

impl PeakEwmaState {
    /// The estimated latency of an endpoint in nanoseconds, as of its last change.
    #[cfg(test)]
    pub(super) fn estimate(&self, endpoint: usize) -> f64 {
        self.endpoints[endpoint].estimate
    }
}

impl State for PeakEwmaState {
    fn pick(&mut self, stream: &mut Stream, sight: &impl Sight) -> Option<u32> {
        let now = sight.now();
        let endpoints = self.endpoints.len() as u32;
        let chosen = match endpoints {
            0 => return None,
            1 => 0,
            _ => {
                let (first, second) = stream.below_both(endpoints, endpoints - 1);
                let second = second + u32::from(second >= first);
                let mut cost = |endpoint: u32| self.endpoints[endpoint as usize].cost(now, self.decay, self.stale);
                if cost(first) <= cost(second) { first } else { second }
            }
        };
        self.endpoints[chosen as usize].outstanding += 1;
        Some(chosen)
    }

    fn done(&mut self, endpoint: u32, ended: Ended) {
        if let Some(endpoint) = self.endpoints.get_mut(endpoint as usize)
            && endpoint.outstanding > 0
        {
            endpoint.outstanding -= 1;
            endpoint.sample((ended.now - ended.picked).as_nanos() as f64, ended.now, self.decay);
        }
    }

    fn outstanding(&self, endpoint: u32) -> u32 {
        if self.stale { 0 } else { self.endpoints.get(endpoint as usize).map_or(0, |endpoint| endpoint.outstanding) }
    }

    fn report(&mut self, sight: &impl Sight) {
        if self.stale {
            (0..).zip(&mut self.endpoints).for_each(|(place, endpoint)| endpoint.reported = sight.jobs(place));
        }
    }

    fn resize(&mut self, endpoints: u32) {
        let new = Endpoint { estimate: self.default_rtt, changed: None, outstanding: 0, reported: 0 };
        self.endpoints.resize(endpoints as usize, new);
    }

    fn follow(&mut self, changes: &Changes) {
        let new = Endpoint { estimate: self.default_rtt, changed: None, outstanding: 0, reported: 0 };
        self.endpoints = changes.apply(&self.endpoints, new);
    }
}
