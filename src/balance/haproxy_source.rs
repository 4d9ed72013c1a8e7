//! The client's address on HAProxy's ring: `balance source` with `hash-type consistent`.
//!
//! Addresses are hashed as 32-bit numbers, with the hash of the ring itself (see [`HaproxyRing`]). Clients count up from
//! the first address; those of each further traffic or call begin 65,536 later. Source: HAProxy, `backend.c`
//! (`get_server_sh`).

use crate::random::Stream;

use super::haproxy_ring::{HaproxyRing, full_hash};
use super::parameter::{Form, Given, Parameter, WEIGHTS};
use super::policy::{Changes, Policy, PolicyListed, State};
use super::sight::Sight;
use super::weights::Weights;

/// 10.244.0.1.
const FIRST_CLIENT: u32 = 0x0af4_0001;

/// The client's address on HAProxy's ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HaproxySource {
    /// How much each endpoint gets.
    pub weights: Weights,
    /// Address of the first client.
    pub first_client: u32,
}

impl Policy for HaproxySource {
    const LISTED: PolicyListed = PolicyListed {
        name: "haproxy-source",
        parameters: &[
            WEIGHTS,
            Parameter {
                key: "firstClient",
                form: Form::Ip,
                default: "10.244.0.1",
                doc: "the address of the first client; the others count up from it",
            },
        ],
        information: "the client's address, number and weights of the endpoints",
        cost: "O(log n), no draw",
        source: "HAProxy balance source, hash-type consistent",
        summary: "the endpoint of the point on HAProxy's ring that is nearest to the hash of the client's address",
    };

    type State = HaproxySourceState;

    fn read(given: &mut Given) -> Self {
        HaproxyRing::check(given);
        Self { weights: given.weights(), first_client: given.ip("firstClient").unwrap_or(FIRST_CLIENT) }
    }

    fn build(&self, endpoints: u32, _stream: &mut Stream) -> HaproxySourceState {
        HaproxySourceState { ring: HaproxyRing::new(&self.weights.of(endpoints)), policy: self.clone() }
    }

    #[cfg(test)]
    fn examples() -> Vec<Self> {
        vec![Self { weights: Weights::example(), first_client: FIRST_CLIENT }]
    }
}

#[derive(Debug, Clone)]
pub(super) struct HaproxySourceState {
    policy: HaproxySource,
    ring: HaproxyRing,
}

impl State for HaproxySourceState {
    fn pick(&mut self, _stream: &mut Stream, sight: &impl Sight) -> Option<u32> {
        let (flow, number) = ((sight.client() >> 32) as u32, sight.client() as u32);
        let address = self.policy.first_client.wrapping_add(number).wrapping_add(flow << 16);
        self.ring.nearest(full_hash(address))
    }

    fn resize(&mut self, endpoints: u32) {
        self.ring = HaproxyRing::new(&self.policy.weights.of(endpoints));
    }

    fn follow(&mut self, changes: &Changes) {
        let weights = self.policy.weights.following(changes);
        self.ring = HaproxyRing::among(changes.numbers.iter().copied(), &weights);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balance::Glance;
    use crate::time::SimTime;

    /// Recorded from HAProxy: the servers of the clients 127.0.2.1 to 127.0.2.64 among eight of weight 1.
    #[test]
    fn clients_go_where_haproxy_sends_them() {
        let recorded = [
            8, 2, 5, 3, 1, 4, 3, 5, 1, 2, 3, 6, 6, 6, 4, 4, 7, 5, 4, 6, 8, 6, 2, 6, 7, 3, 3, 5, 4, 5, 6, 5, 5, 6, 2, 6,
            4, 6, 1, 2, 7, 4, 3, 2, 1, 8, 5, 4, 7, 2, 4, 1, 3, 5, 2, 6, 5, 7, 8, 5, 3, 8, 6, 6,
        ];
        let policy = HaproxySource { weights: Weights::NONE, first_client: 0x7f00_0201 };
        let mut stream = Stream::new(1, 0, "source");
        let mut state = policy.build(8, &mut stream);
        let servers: Vec<u32> = (0..64)
            .map(|client| state.pick(&mut stream, &Glance { now: SimTime::ZERO, client }).unwrap() + 1)
            .collect();
        assert_eq!(servers, recorded);
    }
}
