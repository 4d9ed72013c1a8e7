//! Consistent hashing by a table that endpoints fill in turn.
//!
//! Each endpoint has an order of the M slots, offset + k·skip mod M with offset = H(key) mod M and
//! skip = H'(key) mod (M − 1) + 1, and claims in each of its turns the first free slot of its order. In iteration t it
//! has its turn if t·w has reached its target, which then grows by the largest weight. A client goes to slot
//! hash mod M. Sources: D. Eisenbud et al., "Maglev" (NSDI 2016), algorithm 1; Envoy, `maglev_lb.cc` (endpoints in the
//! order of their keys "ADDRESS:PORT", H and H' xxHash64 with seeds 0 and 1).

use super::bounded::Bounded;
use super::hash::{Addresses, of_client, xxh64};
use super::weights::Weights;

const FREE: u32 = u32::MAX;

#[derive(Debug, Clone)]
pub(super) struct Maglev {
    weights: Weights,
    size: u32,
    addresses: Addresses,
    bounded: Option<Bounded>,
    table: Vec<u32>,
}

impl Maglev {
    pub(super) fn new(
        endpoints: u32,
        weights: Weights,
        size: u32,
        addresses: Addresses,
        bounded: Option<Bounded>,
    ) -> Self {
        let mut policy = Self { weights, size, addresses, bounded, table: Vec::new() };
        policy.resize(endpoints);
        policy
    }

    #[inline(never)]
    pub(super) fn pick(&mut self, client: u64) -> Option<u32> {
        if self.table.is_empty() {
            return None;
        }
        let hash = of_client(client);
        let hashed = self.table[(hash % u64::from(self.size)) as usize];
        let Some(bounded) = &mut self.bounded else { return Some(hashed) };
        let endpoint = bounded.or_another(hashed, hash);
        bounded.picked(endpoint);
        Some(endpoint)
    }

    pub(super) fn done(&mut self, endpoint: u32) {
        if let Some(bounded) = &mut self.bounded {
            bounded.done(endpoint);
        }
    }

    pub(super) fn outstanding(&self, endpoint: u32) -> u32 {
        self.bounded.as_ref().map_or(0, |bounded| bounded.outstanding(endpoint))
    }

    pub(super) fn resize(&mut self, endpoints: u32) {
        let weights = self.weights.of(endpoints);
        let mut keys: Vec<(String, u32)> =
            (0..endpoints).map(|endpoint| (self.addresses.of(endpoint), endpoint)).collect();
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
        self.table = table(&claimants, self.size);
        if let Some(bounded) = &mut self.bounded {
            bounded.resize(weights);
        }
    }

    #[cfg(test)]
    pub(super) fn table(&self) -> &[u32] {
        &self.table
    }
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
