//! kube-proxy in nftables mode: which endpoint a new connection gets.
//!
//! A verdict map leads from address and port to the Service's chain in one look-up, however many Services there are;
//! there `numgen random mod n` draws one of n endpoints (`pkg/proxy/nftables/proxier.go` of Kubernetes). So the choice is
//! the same as with iptables, and the way to it is shorter.

use crate::random::Stream;
use crate::time::SimDuration;

/// What the look-up costs the first packet of a connection; ASSUMED: what iptables costs without its rules.
pub const FIRST_PACKET: SimDuration = SimDuration::from_nanos(5_000);

/// The endpoint a new connection gets; `None` when there is none.
#[must_use]
pub fn pick(endpoints: u32, stream: &mut Stream) -> Option<u32> {
    (endpoints > 0).then(|| stream.below(endpoints))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_equally_likely() {
        let mut stream = Stream::new(1, 0, "test");
        let mut counts = [0_u64; 7];
        for _ in 0..70_000 {
            counts[pick(7, &mut stream).expect("seven endpoints") as usize] += 1;
        }
        let (statistic, p) = crate::stats::chi_square(&counts, &[1.0; 7]).expect("enough counts");
        assert!(p > 1e-4, "chi-square {statistic}, p {p}: {counts:?}");
        assert_eq!(pick(0, &mut stream), None);
    }
}
