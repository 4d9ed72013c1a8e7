//! Consistent hashing by a table that endpoints fill in turn.
//!
//! Each endpoint has an order of the M slots, offset + k·skip mod M with offset = H(key) mod M and
//! skip = H'(key) mod (M − 1) + 1, and claims in each of its turns the first free slot of its order. In iteration t it
//! has its turn if t·w has reached its target, which then grows by the largest weight. A client goes to slot
//! hash mod M. Sources: D. Eisenbud et al., "Maglev" (NSDI 2016), algorithm 1; Envoy, `maglev_lb.cc` (endpoints in the
//! order of their keys "ADDRESS:PORT", H and H' xxHash64 with seeds 0 and 1).

use crate::random::Stream;

use super::bounded::{BALANCE_FACTOR, Bounded, Overflow, staleness};
use super::hash::{Addresses, FIRST_ADDRESS, xxh64};
use super::hashed::{HashedState, Hashing};
use super::parameter::{Form, Given, Parameter, STALENESS, WEIGHTS};
use super::policy::{Asks, Policy, PolicyListed};
use super::weights::Weights;
use crate::time::SimDuration;

/// Envoy's limit on slots, and its default.
const MAX_TABLE: u64 = 5_000_011;
const USUAL_TABLE: u32 = 65_537;

const FREE: u32 = u32::MAX;

/// Consistent hashing of the client by a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maglev {
    /// How much each endpoint gets.
    pub weights: Weights,
    /// How many slots there are: a prime number.
    pub size: u32,
    /// What is hashed of the endpoints.
    pub addresses: Addresses,
    /// Most that an endpoint may have, in percent of its share.
    pub bound: Option<u32>,
    /// How long bounds are compared with one report of the pods; without it, with its own counts.
    pub staleness: Option<SimDuration>,
}

impl Policy for Maglev {
    const LISTED: PolicyListed = PolicyListed {
        name: "maglev",
        parameters: &[
            WEIGHTS,
            Parameter {
                key: "tableSize",
                form: Form::Count(2, MAX_TABLE),
                default: "65537",
                doc: "number of slots, a prime number",
            },
            FIRST_ADDRESS,
            BALANCE_FACTOR,
            STALENESS,
        ],
        information: "the client, addresses and weights of the endpoints; \
                      with balanceFactor requests of this balancer without a reply yet, by endpoint; \
                      with staleness what the pods reported last, whoever sent it",
        cost: "O(1), no draw; a few others when a bounded endpoint is full, at most n",
        source: "Envoy MAGLEV; D. Eisenbud et al., Maglev (NSDI 2016)",
        summary: "the endpoint in slot (hash of the client modulo the table's size), slots being claimed in turn",
    };

    type State = Box<HashedState<Self>>;

    fn read(given: &mut Given) -> Self {
        let size = given.count("tableSize").unwrap_or(USUAL_TABLE);
        if !is_prime(size) {
            let near = (size..).find(|number| is_prime(*number)).unwrap_or(USUAL_TABLE);
            let message = format!("`tableSize` must be a prime number, found {size}");
            given.refuse("tableSize", message, Some(&format!("the next one is {near}")));
        }
        Self {
            weights: given.weights(),
            size,
            addresses: given.address(FIRST_ADDRESS.key).unwrap_or(Addresses::USUAL),
            bound: given.count(BALANCE_FACTOR.key),
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
        let (weights, addresses) = (Weights::example(), Addresses::USUAL);
        let of = |bound, staleness| Self { weights: weights.clone(), size: 251, addresses, bound, staleness };
        vec![of(None, None), of(Some(120), None), of(Some(120), Some(SimDuration::from_secs(1)))]
    }
}

impl Maglev {
    /// The endpoint of each slot, over so many endpoints. Bounds are left aside.
    #[must_use]
    pub fn table(&self, endpoints: u32) -> Vec<u32> {
        self.lay(&(0..endpoints).collect::<Vec<_>>())
    }
}

impl Hashing for Maglev {
    type Table = Vec<u32>;

    fn lay(&self, numbers: &[u32]) -> Vec<u32> {
        let weights = self.weights.among(numbers.iter().copied());
        let mut keys: Vec<(String, u32)> =
            (0..).zip(numbers).map(|(endpoint, number)| (self.addresses.of(*number), endpoint)).collect();
        keys.sort_unstable();
        let size = u64::from(self.size);
        let claimants: Vec<Claimant> = keys
            .iter()
            .map(|(key, endpoint)| Claimant {
                endpoint: *endpoint,
                weight: weights[*endpoint as usize],
                offset: xxh64(key.as_bytes(), 0) % size,
                skip: xxh64(key.as_bytes(), 1) % (size - 1) + 1,
            })
            .collect();
        table(&claimants, self.size)
    }

    fn weights(&self) -> &Weights {
        &self.weights
    }

    fn bounds(&self) -> Option<Bounded> {
        self.bound.map(|factor| Bounded::new(factor, Overflow::Random, self.staleness))
    }

    fn look_up(table: &Vec<u32>, hash: u64) -> Option<u32> {
        // An empty table has no slot.
        let slot = hash.checked_rem(table.len() as u64)?;
        Some(table[slot as usize])
    }
}

fn is_prime(number: u32) -> bool {
    number >= 2 && (2..).take_while(|factor| factor * factor <= number).all(|factor| !number.is_multiple_of(factor))
}

/// An endpoint that fills the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claimant {
    pub(super) endpoint: u32,
    pub(super) weight: u32,
    pub(super) offset: u64,
    pub(super) skip: u64,
}

/// The table of endpoints in the order of their turns; `size` is prime, so every order reaches every slot.
pub(super) fn table(claimants: &[Claimant], size: u32) -> Vec<u32> {
    let heaviest = claimants.iter().map(|claimant| u64::from(claimant.weight)).max().unwrap_or(0);
    if heaviest == 0 {
        return Vec::new();
    }
    let mut table = vec![FREE; size as usize];
    // Next slot and target of each.
    let mut turns: Vec<(u64, u64)> = claimants.iter().map(|claimant| (claimant.offset, 0)).collect();
    let mut free = size;
    for iteration in 1_u64.. {
        for (claimant, (slot, target)) in claimants.iter().zip(&mut turns) {
            if claimant.weight == 0 || iteration * u64::from(claimant.weight) < *target {
                continue;
            }
            *target += heaviest;
            while table[*slot as usize] != FREE {
                *slot = (*slot + claimant.skip) % u64::from(size);
            }
            table[*slot as usize] = claimant.endpoint;
            free -= 1;
            if free == 0 {
                return table;
            }
        }
    }
    unreachable!("the heaviest has a turn in every iteration")
}
