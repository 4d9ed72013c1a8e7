//! Consistent hashing on a ring of points.
//!
//! An endpoint has points at hash("ADDRESS:PORT_i"), i = 0, 1, …; a client goes to the first point at or behind its own
//! hash. With weights that add up to 1, the scale is min(⌈w_min · minRingSize⌉ / w_min, maxRingSize), and an endpoint
//! gets points while there are fewer in all than the scale times the weights up to and including its own. Source: Envoy,
//! `ring_hash_lb.cc`, with xxHash64; of the reordering at retries nothing is here.

use crate::random::Stream;

use super::bounded::{BALANCE_FACTOR, Bounded, Overflow, staleness};
use super::hash::{Addresses, FIRST_ADDRESS, xxh64};
use super::hashed::{HashedState, Hashing};
use super::parameter::{Form, Given, Parameter, STALENESS, WEIGHTS};
use super::policy::{Asks, Policy, PolicyListed};
use super::weights::Weights;
use crate::time::SimDuration;

/// Envoy's limit on points.
const MAX_RING: u64 = 8_388_608;

/// How many points a ring has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RingSize {
    /// At least so many, with all endpoints on it.
    pub min: u32,
    /// At most about so many.
    pub max: u32,
}

impl RingSize {
    /// Envoy's defaults.
    pub const USUAL: Self = Self { min: 1_024, max: MAX_RING as u32 };
}

/// Consistent hashing of the client on a ring of points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RingHash {
    /// How much each endpoint gets.
    pub weights: Weights,
    /// How many points there are.
    pub size: RingSize,
    /// What is hashed of the endpoints.
    pub addresses: Addresses,
    /// Most that an endpoint may have, in percent of its share, and where the rest goes.
    pub bound: Option<(u32, Overflow)>,
    /// How long bounds are compared with one report of the pods; without it, with its own counts.
    pub staleness: Option<SimDuration>,
}

impl Policy for RingHash {
    const LISTED: PolicyListed = PolicyListed {
        name: "ring-hash",
        parameters: &[
            WEIGHTS,
            Parameter {
                key: "minRingSize",
                form: Form::Count(1, MAX_RING),
                default: "1024",
                doc: "least number of points on the ring",
            },
            Parameter {
                key: "maxRingSize",
                form: Form::Count(1, MAX_RING),
                default: "8388608",
                doc: "greatest number of points on the ring",
            },
            FIRST_ADDRESS,
            BALANCE_FACTOR,
            Parameter {
                key: "overflow",
                form: Form::Word(&["random", "clockwise"]),
                default: "random",
                doc: "where requests beyond balanceFactor go, to any other endpoint or to the next on the ring",
            },
            STALENESS,
        ],
        information: "the client, addresses and weights of the endpoints; \
                      with balanceFactor requests of this balancer without a reply yet, by endpoint; \
                      with staleness what the pods reported last, whoever sent it",
        cost: "O(log n), no draw; a few others when a bounded endpoint is full, at most n",
        source: "Envoy RING_HASH, gRPC ring_hash (A42); V. Mirrokni et al., Consistent Hashing with Bounded Loads (2018)",
        summary: "the endpoint of the first point on the ring at or behind the hash of the client",
    };

    type State = Box<HashedState<Self>>;

    fn read(given: &mut Given) -> Self {
        let size = RingSize {
            min: given.count("minRingSize").unwrap_or(RingSize::USUAL.min),
            max: given.count("maxRingSize").unwrap_or(RingSize::USUAL.max),
        };
        if size.max < size.min {
            let message = format!("`maxRingSize` ({}) is less than `minRingSize` ({})", size.max, size.min);
            given.refuse("maxRingSize", message, None);
        }
        let ways = [("random", Overflow::Random), ("clockwise", Overflow::Clockwise)];
        let overflow = given.word("overflow", &ways).unwrap_or(Overflow::Random);
        if given.has("overflow") && !given.has(BALANCE_FACTOR.key) {
            given.refuse(
                "overflow",
                "`overflow` has no effect without `balanceFactor`",
                Some("write for example balanceFactor: 150, or remove `overflow`"),
            );
        }
        Self {
            weights: given.weights(),
            size,
            addresses: given.address(FIRST_ADDRESS.key).unwrap_or(Addresses::USUAL),
            bound: given.count(BALANCE_FACTOR.key).map(|factor| (factor, overflow)),
            staleness: staleness(given),
        }
    }

    fn asks(&self) -> Asks {
        Asks { reports: self.staleness, ..Asks::default() }
    }

    fn build(&self, endpoints: u32, _stream: &mut Stream) -> Self::State {
        HashedState::beside(self, None, endpoints)
    }

    fn build_beside(&self, other: Option<&Self::State>, endpoints: u32, _stream: &mut Stream) -> Self::State {
        HashedState::beside(self, other.map(|other| &**other), endpoints)
    }

    #[cfg(test)]
    fn examples() -> Vec<Self> {
        let of = |bound, staleness| Self {
            weights: Weights::NONE,
            size: RingSize { min: 100, ..RingSize::USUAL },
            addresses: Addresses::USUAL,
            bound,
            staleness,
        };
        let (random, clockwise) = (Some((120, Overflow::Random)), Some((120, Overflow::Clockwise)));
        let second = Some(SimDuration::from_secs(1));
        vec![of(None, None), of(random, None), of(clockwise, None), of(random, second), of(clockwise, second)]
    }
}

impl RingHash {
    /// The share of all hashes that leads to each of so many endpoints: the length of its arcs. Bounds are left aside.
    #[must_use]
    pub fn shares(&self, endpoints: u32) -> Vec<f64> {
        let ring = self.lay(&(0..endpoints).collect::<Vec<_>>());
        let mut shares = vec![0.0; endpoints as usize];
        let Some((last, _)) = ring.last() else { return shares };
        let mut before = *last;
        for (point, endpoint) in &ring {
            // A ring of one point is one whole turn.
            let arc = if ring.len() == 1 { 2.0_f64.powi(64) } else { point.wrapping_sub(before) as f64 };
            shares[*endpoint as usize] += arc / 2.0_f64.powi(64);
            before = *point;
        }
        shares
    }
}

impl Hashing for RingHash {
    /// Points and their endpoints, ascending.
    type Table = Vec<(u64, u32)>;

    fn lay(&self, numbers: &[u32]) -> Self::Table {
        ring(&self.weights.among(numbers.iter().copied()), self.size, |endpoint, point| {
            xxh64(format!("{}_{point}", self.addresses.of(numbers[endpoint as usize])).as_bytes(), 0)
        })
    }

    fn weights(&self) -> &Weights {
        &self.weights
    }

    fn bounds(&self) -> Option<Bounded> {
        self.bound.map(|(factor, overflow)| Bounded::new(factor, overflow, self.staleness))
    }

    fn look_up(ring: &Self::Table, hash: u64) -> Option<u32> {
        Some(ring.get(first_point(ring, hash))?.1)
    }

    fn within(ring: &Self::Table, bounded: &Bounded, looked_up: u32, hash: u64) -> u32 {
        match bounded.overflow() {
            Overflow::Random => bounded.or_another(looked_up, hash),
            Overflow::Clockwise => {
                let at = first_point(ring, hash);
                let mut turn = ring[at..].iter().chain(&ring[..at]).map(|(_, endpoint)| *endpoint);
                turn.find(|endpoint| !bounded.is_full(*endpoint)).unwrap_or(looked_up)
            }
        }
    }
}

/// The first point at or behind a hash.
fn first_point(ring: &[(u64, u32)], hash: u64) -> usize {
    let at = ring.partition_point(|(point, _)| *point < hash);
    if at < ring.len() { at } else { 0 }
}

/// The points of endpoints with these weights.
fn ring(weights: &[u32], size: RingSize, hash: impl Fn(u32, u32) -> u64) -> Vec<(u64, u32)> {
    let total: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
    let Some(lightest) = weights.iter().filter(|weight| **weight > 0).min() else { return Vec::new() };
    let lightest = f64::from(*lightest) / total;
    // In floating point, step for step as Envoy does it: a rounded bit more is a point more.
    let scale = ((lightest * f64::from(size.min)).ceil() / lightest).min(f64::from(size.max));
    let mut ring = Vec::new();
    let mut target = 0.0;
    for (endpoint, weight) in (0..).zip(weights) {
        target += scale * (f64::from(*weight) / total);
        let mut point = 0;
        while (ring.len() as f64) < target {
            ring.push((hash(endpoint, point), endpoint));
            point += 1;
        }
    }
    ring.sort_unstable();
    ring
}
