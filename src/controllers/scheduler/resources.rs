//! Requests of pods against what nodes have, and the two scores that look at them.

/// Processing time and memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Resources {
    /// Thousandths of a core.
    pub cpu: u64,
    /// Bytes.
    pub memory: u64,
}

/// What a container that requests nothing counts as when nodes are scored, and only then.
/// Source: Kubernetes, `pkg/scheduler/util/pod_resources.go`.
pub const ASSUMED: Resources = Resources { cpu: 100, memory: 200 * 1024 * 1024 };

impl Resources {
    /// The sum.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self { cpu: self.cpu + other.cpu, memory: self.memory + other.memory }
    }

    /// The difference, nothing below zero.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self { cpu: self.cpu.saturating_sub(other.cpu), memory: self.memory.saturating_sub(other.memory) }
    }

    /// The larger of each.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { cpu: self.cpu.max(other.cpu), memory: self.memory.max(other.memory) }
    }

    /// Whether nothing is asked for.
    #[must_use]
    pub const fn is_nothing(self) -> bool {
        self.cpu == 0 && self.memory == 0
    }
}

/// What a node has for pods; what is not known is without limit and not scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allocatable {
    /// Thousandths of a core.
    pub cpu: Option<u64>,
    /// Bytes.
    pub memory: Option<u64>,
}

impl Allocatable {
    /// What a pod lacks here: processing time, memory.
    #[must_use]
    pub fn lacks(self, taken: Resources, wanted: Resources) -> (bool, bool) {
        let lacks =
            |has: Option<u64>, taken: u64, wanted: u64| wanted > 0 && has.is_some_and(|has| taken + wanted > has);
        (lacks(self.cpu, taken.cpu, wanted.cpu), lacks(self.memory, taken.memory, wanted.memory))
    }

    /// The largest share that is requested, of processing time and memory.
    #[must_use]
    pub fn utilization(self, taken: Resources) -> f64 {
        let share = |has: Option<u64>, taken: u64| match has {
            Some(has) if has > 0 => taken as f64 / has as f64,
            _ => 0.0,
        };
        share(self.cpu, taken.cpu).max(share(self.memory, taken.memory))
    }

    /// The share that is not requested, on average of what is known.
    #[must_use]
    pub fn waste(self, taken: Resources) -> f64 {
        let free: Vec<f64> =
            self.pairs(taken).map(|(has, taken)| has.saturating_sub(taken) as f64 / has as f64).collect();
        if free.is_empty() { 0.0 } else { free.iter().sum::<f64>() / free.len() as f64 }
    }

    fn pairs(self, wanted: Resources) -> impl Iterator<Item = (u64, u64)> {
        let pairs = [(self.cpu, wanted.cpu), (self.memory, wanted.memory)];
        pairs.into_iter().filter_map(|(has, wanted)| has.filter(|has| *has > 0).map(|has| (has, wanted)))
    }

    /// `LeastAllocated`: how much would be left, in percent, on average of the resources; all in whole numbers.
    #[must_use]
    pub fn least_allocated(self, wanted: Resources) -> u64 {
        let (sum, count) = self.pairs(wanted).fold((0, 0), |(sum, count), (has, wanted)| {
            (sum + if wanted > has { 0 } else { (has - wanted) * 100 / has }, count + 1)
        });
        sum.checked_div(count).unwrap_or(0)
    }

    /// `BalancedAllocation`: 100 less the standard deviation of the shares that would be requested, in percent.
    #[must_use]
    pub fn balanced(self, wanted: Resources) -> u64 {
        let shares: Vec<f64> = self.pairs(wanted).map(|(has, wanted)| (wanted as f64 / has as f64).min(1.0)).collect();
        let deviation = if let [first, second] = shares[..] { ((first - second) / 2.0).abs() } else { 0.0 };
        ((1.0 - deviation) * 100.0) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn of(cpu: u64, memory: u64) -> Resources {
        Resources { cpu, memory }
    }

    const fn has(cpu: u64, memory: u64) -> Allocatable {
        Allocatable { cpu: Some(cpu), memory: Some(memory) }
    }

    /// `TestLeastAllocatedScoringStrategy` in Kubernetes' `pkg/scheduler/framework/plugins/noderesources`: what the node
    /// has, what its pods request, what the pod requests, the score.
    #[test]
    fn least_allocated_table() {
        let rows = [
            (has(4000, 10000), of(0, 0), of(0, 0), 100),
            (has(4000, 10000), of(0, 0), of(3000, 5000), 37),
            (has(6000, 10000), of(0, 0), of(3000, 5000), 50),
            (has(10000, 20000), of(6000, 0), of(0, 0), 70),
            (has(10000, 20000), of(6000, 5000), of(0, 0), 57),
            (has(10000, 20000), of(3000, 0), of(3000, 5000), 57),
            (has(10000, 20000), of(3000, 5000), of(3000, 5000), 45),
            (has(10000, 50000), of(3000, 5000), of(3000, 5000), 60),
            (has(4000, 10000), of(3000, 0), of(3000, 0), 50),
            (has(4000, 10000), of(3000, 5000), of(3000, 0), 25),
            (has(0, 0), of(3000, 5000), of(0, 0), 0),
            (has(6000, 10000), of(0, 0), of(3000, 5000), 50),
        ];
        for (has, taken, wanted, score) in rows {
            assert_eq!(has.least_allocated(taken.plus(wanted)), score, "{has:?} {taken:?} {wanted:?}");
        }
    }

    /// `TestNodeResourcesBalancedAllocation`, the rows of processing time and memory.
    #[test]
    fn balanced_allocation_table() {
        let rows = [
            (has(4000, 10000), of(3000, 5000), 87),
            (has(6000, 10000), of(3000, 5000), 100),
            (has(10000, 20000), of(6000, 5000), 82),
            (has(10000, 20000), of(6000, 10000), 95),
            (has(10000, 50000), of(6000, 10000), 80),
            (has(6000, 10000), of(6000, 0), 50),
            (has(6000, 10000), of(6000, 5000), 75),
            (has(3500, 40000), of(3000, 5000), 63),
        ];
        for (has, wanted, score) in rows {
            assert_eq!(has.balanced(wanted), score, "{has:?} {wanted:?}");
        }
    }

    #[test]
    fn what_is_not_known_is_without_limit() {
        let node = Allocatable { cpu: Some(1000), memory: None };
        assert_eq!(node.lacks(of(600, 0), of(400, u64::MAX / 2)), (false, false));
        assert_eq!(node.lacks(of(601, 0), of(400, 1)), (true, false));
        assert_eq!(node.lacks(of(2000, 0), of(0, 1)), (false, false), "who asks for none lacks none");
        assert!((node.utilization(of(250, 99)) - 0.25).abs() < 1e-12);
    }
}
