//! PodDisruptionBudget: how many pods may be evicted now, and what the API server answers to an eviction.
//!
//! Source: Kubernetes, `pkg/controller/disruption/disruption.go` (the status) and `pkg/registry/core/pod/storage/eviction.go`
//! (the answer).

use std::fmt;

use super::amount::Amount;

/// What a budget wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// How many must stay.
    pub bound: Bound,
    /// `unhealthyPodEvictionPolicy: AlwaysAllow`: pods that are not ready may always go.
    pub always_lets_unhealthy_go: bool,
}

/// How many pods must stay healthy; percentages are of what the controllers want, and round up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// `minAvailable`.
    MinAvailable(Amount),
    /// `maxUnavailable`.
    MaxUnavailable(Amount),
}

/// What the controller sees of the pods that a budget selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Observed {
    /// How many pods there are.
    pub pods: u32,
    /// How many pods their controllers want, together; pods without a controller do not count.
    pub wanted: u32,
    /// How many are ready and not deleted.
    pub healthy: u32,
}

/// `status` of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// `currentHealthy`.
    pub healthy: u32,
    /// `desiredHealthy`.
    pub desired: u32,
    /// `expectedPods`.
    pub expected: u32,
    /// `disruptionsAllowed`.
    pub allowed: u32,
}

/// The status of a budget.
#[must_use]
pub fn status(budget: Budget, observed: Observed) -> Status {
    let (expected, desired) = match budget.bound {
        Bound::MinAvailable(Amount::Count(count)) => (observed.pods, count),
        Bound::MinAvailable(share) => (observed.wanted, share.up(observed.wanted)),
        Bound::MaxUnavailable(amount) => (observed.wanted, observed.wanted.saturating_sub(amount.up(observed.wanted))),
    };
    let allowed = if expected == 0 { 0 } else { observed.healthy.saturating_sub(desired) };
    Status { healthy: observed.healthy, desired, expected, allowed }
}

/// A pod that somebody wants to evict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Whether some of its containers run: a pod that has not started is deleted without asking.
    pub has_started: bool,
    /// Whether it has been deleted already.
    pub is_deleted: bool,
    /// Whether it is ready.
    pub is_ready: bool,
}

/// Why an eviction is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The budget lets no pod go: status 429, which `kubectl drain` tries again.
    Budget(Status),
    /// The pod has several budgets, which evictions do not support: status 500.
    Several,
}

impl fmt::Display for Refusal {
    /// In the words of the API server.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Budget(status) => write!(
                formatter,
                "429: cannot evict pod as it would violate the pod's disruption budget, which needs {} healthy pods and has {} currently",
                status.desired, status.healthy
            ),
            Self::Several => write!(
                formatter,
                "500: this pod has more than one PodDisruptionBudget, which the eviction subresource does not support"
            ),
        }
    }
}

/// Whether a pod may be evicted, which has these budgets with their status as it is now.
///
/// # Errors
/// Why not.
pub fn evict(pod: Candidate, budgets: &[(Budget, Status)]) -> Result<(), Refusal> {
    if !pod.has_started || pod.is_deleted {
        return Ok(());
    }
    let (budget, status) = match budgets {
        [] => return Ok(()),
        [(budget, status)] => (budget, *status),
        _ => return Err(Refusal::Several),
    };
    // A pod that is not ready does not count as healthy, so its end takes nothing from the budget.
    let is_whole = status.healthy >= status.desired && status.desired > 0;
    if !pod.is_ready && (budget.always_lets_unhealthy_go || is_whole) {
        return Ok(());
    }
    if status.allowed == 0 { Err(Refusal::Budget(status)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Amount::{Count, Percent};
    use Bound::{MaxUnavailable, MinAvailable};

    const fn of(bound: Bound) -> Budget {
        Budget { bound, always_lets_unhealthy_go: false }
    }

    const fn seen(pods: u32, wanted: u32, healthy: u32) -> Observed {
        Observed { pods, wanted, healthy }
    }

    /// Rows after Kubernetes' `disruption_test.go` (`TestNoSelector` … `TestReplicaSet`, `TestIntegerMaxUnavailable…`,
    /// `TestMultipleControllers`): budget, pods, wanted, healthy; allowed, desired, expected.
    #[test]
    fn status_table() {
        let rows = [
            // Nothing selected: nothing may go, whatever the number says.
            (MinAvailable(Count(3)), seen(0, 0, 0), 0, 3, 0),
            (MinAvailable(Count(3)), seen(1, 0, 1), 0, 3, 1),
            (MinAvailable(Count(3)), seen(4, 0, 4), 1, 3, 4),
            (MinAvailable(Percent(28)), seen(0, 0, 0), 0, 0, 0),
            (MinAvailable(Percent(28)), seen(1, 0, 1), 0, 0, 0),
            // 28 % of 10 is 3.
            (MinAvailable(Percent(28)), seen(10, 10, 10), 7, 3, 10),
            // 67 % of 3 is 3: none may go.
            (MinAvailable(Percent(67)), seen(3, 3, 3), 0, 3, 3),
            (MinAvailable(Percent(50)), seen(5, 5, 5), 2, 3, 5),
            (MaxUnavailable(Count(1)), seen(1, 1, 1), 1, 0, 1),
            (MaxUnavailable(Count(1)), seen(5, 5, 5), 1, 4, 5),
            (MaxUnavailable(Count(1)), seen(5, 5, 4), 0, 4, 5),
            (MaxUnavailable(Count(1)), seen(7, 7, 5), 0, 6, 7),
            (MaxUnavailable(Count(9)), seen(2, 2, 2), 2, 0, 2),
            // 30 % of 10 are 3, of 7 as well.
            (MaxUnavailable(Percent(30)), seen(10, 10, 10), 3, 7, 10),
            (MaxUnavailable(Percent(30)), seen(7, 7, 7), 3, 4, 7),
            // The wanted pods count, not those that there are: scaled up, the new ones are missing.
            (MaxUnavailable(Count(1)), seen(2, 5, 2), 0, 4, 5),
            // Pods without a controller have no scale, so that none may go.
            (MaxUnavailable(Count(1)), seen(2, 0, 2), 0, 0, 0),
        ];
        for (bound, observed, allowed, desired, expected) in rows {
            let wanted = Status { healthy: observed.healthy, desired, expected, allowed };
            assert_eq!(status(of(bound), observed), wanted, "{bound:?} {observed:?}");
        }
    }

    /// Rows after `TestEviction` and `TestEvictionIgnorePDB` in Kubernetes' `eviction_test.go`.
    #[test]
    fn evictions() {
        let ready = Candidate { has_started: true, is_deleted: false, is_ready: true };
        let unready = Candidate { is_ready: false, ..ready };
        let exact = |healthy, desired, allowed| Status { healthy, desired, expected: 5, allowed };
        let plain = of(MinAvailable(Count(3)));
        let lenient = Budget { always_lets_unhealthy_go: true, ..plain };
        let refused = |status| Err(Refusal::Budget(status));
        let none = exact(3, 3, 0);
        assert_eq!(evict(ready, &[]), Ok(()));
        assert_eq!(evict(ready, &[(plain, none)]), refused(none));
        assert_eq!(evict(ready, &[(plain, exact(4, 3, 1))]), Ok(()));
        assert_eq!(evict(ready, &[(plain, none), (plain, exact(9, 3, 6))]), Err(Refusal::Several));
        assert_eq!(evict(Candidate { has_started: false, ..unready }, &[(plain, none)]), Ok(()), "pending");
        assert_eq!(evict(Candidate { is_deleted: true, ..ready }, &[(plain, none)]), Ok(()), "deleted already");
        // Not ready: it may go while the others are enough, and with the lenient policy always.
        assert_eq!(evict(unready, &[(plain, none)]), Ok(()));
        let short = exact(2, 3, 0);
        assert_eq!(evict(unready, &[(plain, short)]), refused(short));
        assert_eq!(evict(unready, &[(lenient, short)]), Ok(()));
        assert_eq!(evict(ready, &[(lenient, short)]), refused(short));
        let zero = exact(0, 0, 0);
        assert_eq!(evict(unready, &[(plain, zero)]), refused(zero), "a budget that wants none knows nothing yet");
        assert_eq!(
            Refusal::Budget(none).to_string(),
            "429: cannot evict pod as it would violate the pod's disruption budget, which needs 3 healthy pods and has 3 currently"
        );
        assert_eq!(
            Refusal::Several.to_string(),
            "500: this pod has more than one PodDisruptionBudget, which the eviction subresource does not support"
        );
    }
}
