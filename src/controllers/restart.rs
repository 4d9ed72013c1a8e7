//! When the kubelet starts a container again that has ended: CrashLoopBackOff.
//!
//! The first time at once, then 10 s after the end, doubling to 5 minutes; all over again once a container has run for ten.
//! Sources: Kubernetes, `pkg/kubelet/kubelet.go` (`initialCrashLoopBackOff`, 10 s; `MaxCrashLoopBackOff`, 300 s); its page on
//! the life of pods.

use crate::time::SimDuration;

const FIRST: SimDuration = SimDuration::from_secs(10);
const LONGEST: SimDuration = SimDuration::from_secs(300);
const FORGOTTEN_AFTER: SimDuration = SimDuration::from_secs(600);

/// The back-off of a container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backoff {
    next: SimDuration,
}

impl Backoff {
    /// How long after the end of a container that ran for so long the next start is.
    pub fn after(&mut self, ran: SimDuration) -> SimDuration {
        if ran >= FORGOTTEN_AFTER {
            self.next = SimDuration::ZERO;
        }
        let wait = self.next;
        self.next = if wait.is_zero() { FIRST } else { (wait + wait).min(LONGEST) };
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T4: a container that ends at once.
    #[test]
    fn the_waits_double_up_to_five_minutes() {
        let mut backoff = Backoff::default();
        let mut at = SimDuration::ZERO;
        let mut starts = Vec::new();
        for _ in 0..8 {
            at += backoff.after(SimDuration::ZERO);
            starts.push(at.as_nanos() / 1_000_000_000);
        }
        assert_eq!(starts, [0, 10, 30, 70, 150, 310, 610, 910]);
    }

    #[test]
    fn ten_minutes_without_an_end_forgive_everything() {
        let mut backoff = Backoff::default();
        let second = SimDuration::from_secs(1);
        let waits: Vec<SimDuration> = (0..3).map(|_| backoff.after(second)).collect();
        assert_eq!(waits, [0, 10, 20].map(SimDuration::from_secs));
        assert_eq!(backoff.after(SimDuration::from_secs(599)), SimDuration::from_secs(40));
        assert_eq!(backoff.after(SimDuration::from_secs(600)), SimDuration::ZERO);
        assert_eq!(backoff.after(second), SimDuration::from_secs(10));
    }
}
