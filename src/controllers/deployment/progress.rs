//! Whether a rollout gets on: the condition `Progressing`. A rollout that does not get on for `progressDeadlineSeconds`
//! is reported and nothing else: the controller neither stops it nor goes back.

use super::{ReplicaSet, Wanted};
use crate::time::{SimDuration, SimTime};

/// What a Deployment's status says of its pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status {
    /// How many there are, without those that were deleted.
    pub replicas: u32,
    /// How many of these are of the current template.
    pub updated: u32,
    /// How many are ready.
    pub ready: u32,
    /// How many are available.
    pub available: u32,
}

impl Status {
    /// The status of a Deployment with these ReplicaSets.
    #[must_use]
    pub fn of(sets: &[ReplicaSet], new: Option<usize>) -> Self {
        let sum = |count: fn(&ReplicaSet) -> u32| sets.iter().map(count).sum();
        Self {
            replicas: sum(|set| set.actual),
            updated: new.map_or(0, |new| sets[new].actual),
            ready: sum(|set| set.ready),
            available: sum(|set| set.available),
        }
    }

    /// Whether the rollout is complete: all pods are of the current template and available, and there is no other.
    #[must_use]
    pub fn is_complete(&self, wanted: &Wanted) -> bool {
        [self.updated, self.replicas, self.available].iter().all(|count| *count == wanted.replicas)
    }

    /// Whether the Deployment has as many available pods as it must.
    #[must_use]
    pub fn is_available(&self, wanted: &Wanted) -> bool {
        self.available + wanted.max_unavailable() >= wanted.replicas
    }

    /// Whether something has got on since `before`.
    #[must_use]
    pub fn has_progressed(&self, before: &Self) -> bool {
        let old = |status: &Self| i64::from(status.replicas) - i64::from(status.updated);
        self.updated > before.updated
            || old(self) < old(before)
            || self.ready > before.ready
            || self.available > before.available
    }
}

/// Why a Deployment's condition `Progressing` is as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The ReplicaSet of the current template was made, or found.
    NewReplicaSet,
    /// Pods come, go, or become ready.
    ReplicaSetUpdated,
    /// The rollout is complete.
    NewReplicaSetAvailable,
    /// Nothing has got on for too long.
    ProgressDeadlineExceeded,
    /// The Deployment stands still, because somebody said so.
    DeploymentPaused,
    /// It goes on, because somebody said so.
    DeploymentResumed,
}

/// The condition `Progressing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progressing {
    /// Why it is as it is.
    pub reason: Reason,
    /// When something got on last.
    pub updated: SimTime,
}

/// What is said after a look at the Deployment: the condition, and when to look again if nothing happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// The condition.
    pub condition: Option<Progressing>,
    /// When a rollout that does not get on is to be looked at again.
    pub again: Option<SimTime>,
}

/// The condition after a look at `now`; `before` and `condition` are from the last one.
#[must_use]
pub fn report(
    wanted: &Wanted,
    deadline: Option<SimDuration>,
    (before, after): (Status, Status),
    condition: Option<Progressing>,
    now: SimTime,
) -> Report {
    let Some(deadline) = deadline else { return Report { condition: None, again: None } };
    let was_complete = condition.is_some_and(|known| known.reason == Reason::NewReplicaSetAvailable);
    if was_complete && after.replicas == after.updated {
        return Report { condition, again: None };
    }
    let said = |reason| Some(Progressing { reason, updated: now });
    let new = if after.is_complete(wanted) {
        said(Reason::NewReplicaSetAvailable)
    } else if after.has_progressed(&before) {
        said(Reason::ReplicaSetUpdated)
    } else if condition.is_some_and(|known| has_timed_out(known, deadline, now)) {
        match condition {
            Some(known) if known.reason == Reason::ProgressDeadlineExceeded => condition,
            _ => said(Reason::ProgressDeadlineExceeded),
        }
    } else {
        condition
    };
    let again = match new {
        Some(known) if !after.is_complete(wanted) => look_again(known, deadline, now),
        _ => None,
    };
    Report { condition: new, again }
}

/// Whether a rollout has not got on for longer than its deadline.
#[must_use]
pub fn has_timed_out(condition: Progressing, deadline: SimDuration, now: SimTime) -> bool {
    match condition.reason {
        Reason::NewReplicaSetAvailable => false,
        Reason::ProgressDeadlineExceeded => true,
        _ => condition.updated + deadline < now,
    }
}

/// When a rollout that does not get on is looked at again: a second after its deadline, or as soon as it is over if that is
/// less than a second away.
fn look_again(condition: Progressing, deadline: SimDuration, now: SimTime) -> Option<SimTime> {
    if condition.reason == Reason::ProgressDeadlineExceeded {
        return None;
    }
    let due = condition.updated + deadline;
    let second = SimDuration::from_secs(1);
    let soon = due.max(now) + SimDuration::from_nanos(1);
    Some(if due < now + second { soon } else { due + second })
}

/// The condition when the ReplicaSet of the current template was made: the deadline counts from here.
#[must_use]
pub fn begun(now: SimTime) -> Progressing {
    Progressing { reason: Reason::NewReplicaSet, updated: now }
}

/// The condition after somebody paused or resumed the Deployment: a pause does not count against the deadline. One that
/// was exceeded stays so.
#[must_use]
pub fn paused(condition: Option<Progressing>, is_paused: bool, now: SimTime) -> Option<Progressing> {
    let was_paused = condition.is_some_and(|known| known.reason == Reason::DeploymentPaused);
    let is_late = condition.is_some_and(|known| known.reason == Reason::ProgressDeadlineExceeded);
    match (is_paused, was_paused) {
        _ if is_late => condition,
        (true, false) => Some(Progressing { reason: Reason::DeploymentPaused, updated: now }),
        (false, true) => Some(Progressing { reason: Reason::DeploymentResumed, updated: now }),
        _ => condition,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Strategy;
    use super::super::tests::wanted;
    use super::*;
    use crate::controllers::amount::Amount::Count;

    fn status([replicas, updated, ready, available]: [u32; 4]) -> Status {
        Status { replicas, updated, ready, available }
    }

    fn second(second: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_secs(second)
    }

    const MINUTE: SimDuration = SimDuration::from_secs(60);

    /// Rows of Kubernetes' `TestDeploymentComplete` (`deployment_util_test.go`).
    #[test]
    fn complete() {
        for (desired, now, updated, available, expected) in [
            (5, 5, 5, 4, false),
            (5, 5, 5, 3, false),
            (5, 5, 5, 5, true),
            (5, 5, 4, 5, false),
            (1, 2, 1, 1, false),
            (1, 1, 1, 0, false),
        ] {
            let status = status([now, updated, available, available]);
            assert_eq!(status.is_complete(&wanted(desired, Strategy::DEFAULT)), expected, "{status:?}");
        }
    }

    /// Rows of Kubernetes' `TestDeploymentProgressing` (`deployment_util_test.go`).
    #[test]
    fn progressing() {
        for (before, after, expected) in [
            ([10, 4, 4, 4], [10, 6, 4, 4], true),
            ([10, 4, 4, 4], [10, 4, 4, 4], false),
            ([10, 4, 6, 6], [8, 4, 6, 6], true),
            ([10, 7, 3, 3], [10, 6, 3, 3], false),
            ([10, 4, 7, 7], [8, 8, 5, 5], true),
            ([10, 10, 9, 8], [10, 10, 10, 8], true),
            ([10, 10, 10, 9], [10, 10, 10, 10], true),
        ] {
            assert_eq!(status(after).has_progressed(&status(before)), expected, "{before:?} {after:?}");
        }
    }

    /// Rows of Kubernetes' `TestDeploymentTimedOut` (`deployment_util_test.go`).
    #[test]
    fn timed_out() {
        let ten = SimDuration::from_secs(10);
        for (reason, updated, now, expected) in [
            (Reason::ReplicaSetUpdated, 69, 80, true),
            (Reason::ReplicaSetUpdated, 71, 80, false),
            (Reason::NewReplicaSetAvailable, 0, 80, false),
            (Reason::ProgressDeadlineExceeded, 79, 80, true),
        ] {
            let condition = Progressing { reason, updated: second(updated) };
            assert_eq!(has_timed_out(condition, ten, second(now)), expected, "{condition:?}");
        }
        let stuck = (status([3, 3, 1, 1]), status([3, 3, 1, 1]));
        let none = report(&wanted(3, Strategy::DEFAULT), None, stuck, Some(begun(second(69))), second(80));
        assert_eq!(none, Report { condition: None, again: None }, "without a deadline nothing is said");
    }

    /// Rows of Kubernetes' `TestRequeueStuckDeployment` (`progress_test.go`): deadline 60 s, updated at second 0.
    #[test]
    fn looked_at_again() {
        let wanted = wanted(3, Strategy::Recreate);
        let stuck = status([3, 3, 1, 1]);
        let condition = Progressing { reason: Reason::ReplicaSetUpdated, updated: second(0) };
        let again = |now| report(&wanted, Some(MINUTE), (stuck, stuck), Some(condition), now).again;
        assert_eq!(again(second(30)), Some(second(61)), "30 s before the deadline, and a second");
        assert_eq!(again(second(59)), Some(second(61)), "1 s before it, and a second");
        let late = second(59) + SimDuration::from_nanos(1);
        assert_eq!(again(late), Some(second(60) + SimDuration::from_nanos(1)), "as soon as it is over");
        assert_eq!(again(second(60)), Some(second(60) + SimDuration::from_nanos(1)), "at it");
        let over = report(&wanted, Some(MINUTE), (stuck, stuck), Some(condition), second(61));
        let exceeded = Progressing { reason: Reason::ProgressDeadlineExceeded, updated: second(61) };
        assert_eq!(over, Report { condition: Some(exceeded), again: None });
        let later = report(&wanted, Some(MINUTE), (stuck, stuck), over.condition, second(120));
        assert_eq!(later, over, "said once");
        let nothing = report(&wanted, Some(MINUTE), (stuck, stuck), None, second(120));
        assert_eq!(nothing, Report { condition: None, again: None }, "no condition, no deadline");
        let complete = status([3, 3, 3, 3]);
        let done = report(&wanted, Some(MINUTE), (stuck, complete), Some(condition), second(30));
        let available = Progressing { reason: Reason::NewReplicaSetAvailable, updated: second(30) };
        assert_eq!(done, Report { condition: Some(available), again: None });
    }

    /// A rollout that gets on after its deadline is on its way again; one that is complete loses nothing when pods fail.
    #[test]
    fn late_is_not_lost() {
        let wanted = wanted(3, Strategy::DEFAULT);
        let exceeded = Progressing { reason: Reason::ProgressDeadlineExceeded, updated: second(61) };
        let (before, after) = (status([4, 1, 3, 3]), status([4, 2, 3, 3]));
        let on = report(&wanted, Some(MINUTE), (before, after), Some(exceeded), second(90));
        assert_eq!(on.condition, Some(Progressing { reason: Reason::ReplicaSetUpdated, updated: second(90) }));
        assert_eq!(on.again, Some(second(151)));
        let available = Progressing { reason: Reason::NewReplicaSetAvailable, updated: second(100) };
        let failed = (status([3, 3, 3, 3]), status([3, 3, 1, 1]));
        let same = report(&wanted, Some(MINUTE), failed, Some(available), second(500));
        assert_eq!(same, Report { condition: Some(available), again: None });
    }

    #[test]
    fn a_pause_does_not_count() {
        let condition = Some(begun(second(0)));
        let still = paused(condition, true, second(10));
        assert_eq!(still, Some(Progressing { reason: Reason::DeploymentPaused, updated: second(10) }));
        assert_eq!(paused(still, true, second(20)), still);
        let on = paused(still, false, second(500));
        assert_eq!(on, Some(Progressing { reason: Reason::DeploymentResumed, updated: second(500) }));
        let exceeded = Some(Progressing { reason: Reason::ProgressDeadlineExceeded, updated: second(61) });
        assert_eq!(paused(exceeded, true, second(70)), exceeded);
    }

    #[test]
    fn availability() {
        let strategy = Strategy::RollingUpdate { max_surge: Count(1), max_unavailable: Count(2) };
        let wanted = wanted(10, strategy);
        assert!(status([10, 0, 8, 8]).is_available(&wanted));
        assert!(!status([10, 0, 8, 7]).is_available(&wanted));
    }
}
