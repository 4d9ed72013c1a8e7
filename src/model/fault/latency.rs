//! Latency spikes: packets that are sent meanwhile take longer.

use super::during::During;
use super::hops::Hops;
use crate::model::network::topology::{PathClass, Topology};
use crate::model::random_keys::LATENCY_SPIKE;
use crate::random::{Keyed, mix};
use crate::scenario::Scenario;
use crate::scenario::fault::{Delay, Wrong};
use crate::time::{SimDuration, SimTime};

/// All spikes.
#[derive(Debug, Default)]
pub(super) struct Latency {
    spikes: Vec<Spike>,
}

#[derive(Debug)]
struct Spike {
    during: During,
    hops: Hops,
    delay: Delay,
}

impl Latency {
    pub(super) fn new(scenario: &Scenario, topology: &Topology) -> Self {
        let spikes = scenario.faults.iter().filter_map(|fault| {
            let Wrong::LatencySpike { between, delay } = &fault.what else { return None };
            let hops = Hops::of(between, scenario, topology);
            Some(Spike { during: During::of(fault), hops, delay: delay.clone() })
        });
        Self { spikes: spikes.collect() }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.spikes.is_empty()
    }

    pub(super) fn may_touch(&self, class: PathClass) -> bool {
        self.spikes.iter().any(|spike| spike.hops.may_have(class))
    }

    /// What a hop takes that begins at a time, given what it usually takes and its key. Spikes that overlap follow one
    /// another in the order of the file.
    pub(super) fn apply(
        &self,
        class: PathClass,
        ends: (u32, u32),
        (usual, key): (SimDuration, u64),
        at: SimTime,
    ) -> SimDuration {
        let mut delay = usual;
        for (number, spike) in (0_u64..).zip(&self.spikes) {
            if !spike.during.has(at) || !spike.hops.has(class, ends) {
                continue;
            }
            delay = match &spike.delay {
                Delay::Adds(dist) => {
                    let adds = dist.as_constant();
                    delay + adds.unwrap_or_else(|| dist.sample(&mut Keyed::new(mix(key ^ LATENCY_SPIKE, number))))
                }
                Delay::Times(times) => SimDuration::from_secs_f64(delay.as_secs_f64() * times).unwrap_or(delay),
            };
        }
        delay
    }
}
