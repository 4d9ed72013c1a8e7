//! ReplicaSet: which pods it deletes first.

/// What a ReplicaSet looks at when it must delete pods.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Index of the pod.
    pub pod: u32,
    /// Whether it has a node.
    pub is_placed: bool,
    /// Whether its containers run.
    pub runs: bool,
    /// Whether it is ready.
    pub is_ready: bool,
    /// How many pods of the same controller are on its node.
    pub on_node: u32,
    /// Seconds for which it has been ready.
    pub ready_for: f64,
    /// Its number: later pods have higher ones.
    pub number: u32,
}

/// The pods that a ReplicaSet deletes first: without a node before placed ones, pending before running, not ready before
/// ready, on nodes with more of its pods first, ready for a shorter time first (in powers of two), younger first.
/// Source: Kubernetes, `pkg/controller/controller_utils.go`, `ActivePodsWithRanks`.
#[must_use]
pub fn victims(mut candidates: Vec<Candidate>, count: usize) -> Vec<u32> {
    let age = |candidate: &Candidate| match candidate.ready_for {
        seconds if seconds < 1.0 => 0,
        seconds => libm::log2(seconds) as u32 + 1,
    };
    candidates.sort_by_key(|candidate| {
        (
            candidate.is_placed,
            candidate.runs,
            candidate.is_ready,
            std::cmp::Reverse(candidate.on_node),
            age(candidate),
            std::cmp::Reverse(candidate.number),
        )
    });
    candidates.iter().take(count).map(|candidate| candidate.pod).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(pod: u32, on_node: u32, ready_for: f64) -> Candidate {
        Candidate { pod, is_placed: true, runs: true, is_ready: true, on_node, ready_for, number: pod }
    }

    #[test]
    fn the_least_useful_go_first() {
        let pods = vec![
            ready(0, 1, 1_000.0),
            ready(1, 2, 1_000.0),
            ready(2, 2, 1_010.0),
            ready(3, 1, 3.0),
            Candidate { is_ready: false, ..ready(4, 1, 500.0) },
            Candidate { is_ready: false, runs: false, ..ready(5, 1, 0.0) },
            Candidate { is_ready: false, runs: false, is_placed: false, ..ready(6, 0, 0.0) },
        ];
        // 1 and 2 have been ready for as long, in powers of two: the younger goes.
        assert_eq!(victims(pods.clone(), 7), [6, 5, 4, 2, 1, 3, 0]);
        assert_eq!(victims(pods, 2), [6, 5]);
    }
}
