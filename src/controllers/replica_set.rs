//! ReplicaSet: which pods it deletes first, and how it makes many.

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

/// Most pods that are made or deleted in one look (`BurstReplicas`).
pub const MOST_IN_A_LOOK: u32 = 500;

/// In how many pods at a time `count` pods are made: one, then twice as many as before, each batch when the last one is
/// written; no more than [`MOST_IN_A_LOOK`] in all. So a quota that refuses pods is asked for few. Source: Kubernetes,
/// `pkg/controller/replicaset`, `slowStartBatch`.
pub fn batches(count: u32) -> impl Iterator<Item = u32> {
    let mut left = count.min(MOST_IN_A_LOOK);
    let sizes = std::iter::successors(Some(1_u32), |size| size.checked_mul(2));
    sizes.map_while(move |size| {
        let own = size.min(left);
        left -= own;
        (own > 0).then_some(own)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The batches of Kubernetes' `TestSlowStartBatch`, and the most of a look.
    #[test]
    fn pods_are_made_slowly_at_first() {
        let told = |count| batches(count).collect::<Vec<u32>>();
        assert!(told(0).is_empty());
        assert_eq!(told(1), [1]);
        assert_eq!(told(10), [1, 2, 4, 3]);
        assert_eq!(told(15), [1, 2, 4, 8]);
        assert_eq!(told(501), [1, 2, 4, 8, 16, 32, 64, 128, 245]);
    }

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
