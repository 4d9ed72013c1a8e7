//! kube-proxy in iptables mode: which endpoint a new connection gets.
//!
//! For a Service port with n ready endpoints kube-proxy writes n rules; rule i (from 0) matches with probability
//! 1/(n − i), the last one always (`writeServiceToEndpointRules` in kube-proxy's iptables proxier). Walking the rules
//! gives each endpoint the same probability 1/n, independently for every connection and every node. The model draws the
//! outcome of the walk with one random number; [`walk`] is the walk itself, kept as the definition it is tested against.
//!
//! The first packet of a connection walks: over the rules of other Services, in an order that each kube-proxy makes up,
//! to its own, then over the endpoints' rules to the one that matches. [`first_packet`] is what that takes.
//!
//! With no endpoint the connection is rejected at once (the client sees `refused`).

use crate::random::Stream;
use crate::time::SimDuration;

/// What a first packet costs without walking, and what each rule adds; ASSUMED: 30 to 50 ns a rule fit what measurements
/// with ten thousand Services show, 0.15 to 0.25 ms on the first packet.
const BASE_NANOS: u64 = 5_000;
const RULE_NANOS: u64 = 40;

/// The time to walk over so many rules.
#[must_use]
pub const fn first_packet(rules: u64) -> SimDuration {
    SimDuration::from_nanos(BASE_NANOS + RULE_NANOS * rules)
}

/// The probability of each rule, as kube-proxy writes it (ten decimals).
#[must_use]
pub fn rule_probabilities(endpoints: u32) -> Vec<f64> {
    (0..endpoints).map(|rule| (1e10 / f64::from(endpoints - rule)).round() / 1e10).collect()
}

/// The endpoint a new connection gets; `None` when there is none.
#[must_use]
#[inline]
pub fn pick(endpoints: u32, stream: &mut Stream) -> Option<u32> {
    match endpoints {
        0 => None,
        1 => Some(0),
        n => Some(stream.below(n)),
    }
}

/// The walk over the rules: the first rule that matches.
#[must_use]
pub fn walk(endpoints: u32, stream: &mut Stream) -> Option<u32> {
    let rules = rule_probabilities(endpoints);
    rules.iter().zip(0..).find(|(probability, _)| stream.unit() < **probability).map(|(_, endpoint)| endpoint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_have_the_probabilities_kube_proxy_writes() {
        assert_eq!(rule_probabilities(3), vec![0.333_333_333_3, 0.5, 1.0]);
        assert_eq!(rule_probabilities(4), vec![0.25, 0.333_333_333_3, 0.5, 1.0]);
        assert_eq!(rule_probabilities(1), vec![1.0]);
        assert!(rule_probabilities(0).is_empty());
    }

    #[test]
    fn walking_the_rules_and_drawing_once_agree() {
        let mut stream = Stream::new(1, 0, "test");
        let (mut walked, mut picked) = ([0_u64; 7], [0_u64; 7]);
        for _ in 0..70_000 {
            walked[walk(7, &mut stream).expect("seven endpoints") as usize] += 1;
            picked[pick(7, &mut stream).expect("seven endpoints") as usize] += 1;
        }
        for counts in [walked, picked] {
            let (statistic, p) = crate::stats::chi_square(&counts, &[1.0; 7]).expect("enough counts");
            assert!(p > 1e-4, "chi-square {statistic}, p {p}: {counts:?}");
        }
    }

    #[test]
    fn no_endpoint_is_no_pick() {
        assert_eq!(pick(0, &mut Stream::new(1, 0, "test")), None);
        assert_eq!(walk(0, &mut Stream::new(1, 0, "test")), None);
    }
}
