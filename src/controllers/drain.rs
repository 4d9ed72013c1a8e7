//! `kubectl drain`: which pods of a node it evicts, and when it tries again.
//!
//! The node is cordoned first. The list of pods is made once; each is evicted on its own, all at the same time, and an
//! eviction that a budget refuses is tried again every five seconds. The drain ends when all of them are gone.
//! Source: Kubernetes, `staging/src/k8s.io/kubectl/pkg/drain/drain.go` and `filters.go`.

use crate::time::SimDuration;

/// After how long a refused eviction is tried again.
pub const RETRY: SimDuration = SimDuration::from_secs(5);

/// A pod on the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Index of the pod.
    pub pod: u32,
    /// Whether a DaemonSet made it, which would only make it again.
    pub of_daemon_set: bool,
    /// Whether a controller made it, which will replace it.
    pub has_controller: bool,
    /// Whether it has been deleted already.
    pub is_deleted: bool,
}

/// What a drain does about the pods of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// It evicts these and waits for the end of those that were deleted already; the others stay.
    Evict {
        /// Pods to evict.
        evict: Vec<u32>,
        /// Pods that are on their way out.
        wait: Vec<u32>,
        /// Pods of DaemonSets, which stay.
        stay: Vec<u32>,
    },
    /// It does nothing, since these have no controller, and would be lost.
    Refuse(Vec<u32>),
}

/// What `kubectl drain --ignore-daemonsets --delete-emptydir-data` does, with `--force` maybe.
#[must_use]
pub fn plan(pods: &[Candidate], force: bool) -> Plan {
    let of = |what: &dyn Fn(&Candidate) -> bool| -> Vec<u32> {
        pods.iter().filter(|pod| what(pod)).map(|pod| pod.pod).collect()
    };
    let lost = of(&|pod| !pod.has_controller && !pod.of_daemon_set && !pod.is_deleted);
    if !lost.is_empty() && !force {
        return Plan::Refuse(lost);
    }
    Plan::Evict {
        evict: of(&|pod| !pod.of_daemon_set && !pod.is_deleted),
        wait: of(&|pod| !pod.of_daemon_set && pod.is_deleted),
        stay: of(&|pod| pod.of_daemon_set),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn replaced(pod: u32) -> Candidate {
        Candidate { pod, of_daemon_set: false, has_controller: true, is_deleted: false }
    }

    #[test]
    fn daemons_stay_and_single_pods_stop_it() {
        let daemon = Candidate { of_daemon_set: true, ..replaced(2) };
        let deleted = Candidate { is_deleted: true, ..replaced(3) };
        let single = Candidate { has_controller: false, ..replaced(4) };
        let pods = [replaced(1), daemon, deleted];
        let plan_of_three = Plan::Evict { evict: vec![1], wait: vec![3], stay: vec![2] };
        assert_eq!(plan(&pods, false), plan_of_three);
        assert_eq!(plan(&pods, true), plan_of_three);
        let pods = [replaced(1), single];
        assert_eq!(plan(&pods, false), Plan::Refuse(vec![4]));
        assert_eq!(plan(&pods, true), Plan::Evict { evict: vec![1, 4], wait: vec![], stay: vec![] });
        let going = [Candidate { is_deleted: true, ..single }];
        assert_eq!(plan(&going, false), Plan::Evict { evict: vec![], wait: vec![4], stay: vec![] });
    }
}
