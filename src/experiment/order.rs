//! Which run each job is: variants in their order, and those that stop together in turn, look by look.
//!
//! Variants with the same goal (`run.replications.until`) make the same number of replications, because replications are
//! compared in pairs: the largest that one of them needs. So between two looks all of them are run, one variant after
//! the other. A variant with a fixed number is alone, and looked at once, after its last replication.

use crate::scenario::Scenario;
use crate::stats::Precision;

/// Variants that stop together.
#[derive(Debug, Clone)]
pub(super) struct Group {
    /// Their places in the list of variants.
    pub(super) variants: Vec<usize>,
    /// Most replications of each.
    most: u32,
    /// What ends them sooner.
    pub(super) goal: Option<Precision>,
    /// The first job.
    pub(super) first: usize,
}

/// A job's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) group: usize,
    pub(super) variant: usize,
    pub(super) replication: u32,
}

impl Group {
    /// The number of replications at which to look next, when so many were made of each variant.
    pub(super) fn next_look(&self, made: u32) -> Option<u32> {
        match self.goal {
            Some(goal) => goal.next_look(made),
            None => Some(self.most).filter(|most| made < *most),
        }
    }

    /// Jobs of `replications` of each variant.
    pub(super) fn jobs(&self, replications: u32) -> usize {
        usize::try_from(self.variants.len() as u64 * u64::from(replications)).unwrap_or(usize::MAX)
    }

    /// Fewest replications before it may stop.
    pub(super) fn fewest(&self) -> u32 {
        // Two looks must agree.
        let first = self.next_look(0).unwrap_or(0);
        self.next_look(first).unwrap_or(first)
    }

    /// Variant and replication of the `job`-th job of the group.
    fn place(&self, job: usize) -> (usize, u32) {
        let (mut before, mut made) = (0, 0);
        while let Some(look) = self.next_look(made) {
            let end = self.jobs(look);
            if job < end {
                let width = (look - made) as usize;
                let (variant, replication) = ((job - before) / width, (job - before) % width);
                return (self.variants[variant], made + replication as u32);
            }
            (before, made) = (end, look);
        }
        unreachable!("a job belongs to a variant")
    }
}

/// The groups of the variants of one scenario, which are numbered from `first` on, in the order of their first variants.
pub(super) fn groups(variants: &[Scenario], first: usize) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (index, variant) in variants.iter().enumerate() {
        let run = &variant.run;
        let same = |group: &&mut Group| {
            let other = &variants[group.variants[0] - first].run;
            run.until.is_some() && (run.replications, &run.until) == (other.replications, &other.until)
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.variants.push(first + index),
            None => {
                let goal = run.precision();
                groups.push(Group { variants: vec![first + index], most: run.replications, goal, first: 0 });
            }
        }
    }
    groups
}

/// Numbers the jobs in the order of the groups.
pub(super) fn number(groups: &mut [Group]) {
    let mut first: usize = 0;
    for group in groups {
        group.first = first;
        first = first.saturating_add(group.jobs(group.most));
    }
}

/// The number of jobs if nothing ends sooner.
pub(super) fn total(groups: &[Group]) -> usize {
    groups.last().map_or(0, |group| group.first.saturating_add(group.jobs(group.most)))
}

/// Where a job belongs.
pub(super) fn place(groups: &[Group], job: usize) -> Place {
    let group = groups.partition_point(|group| group.first <= job) - 1;
    let (variant, replication) = groups[group].place(job - groups[group].first);
    Place { group, variant, replication }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(variants: &[usize], most: u32, min: Option<u32>, first: usize) -> Group {
        let goal = min.map(|min| Precision { min, max: most, relative_half_width: 0.1 });
        Group { variants: variants.to_vec(), most, goal, first }
    }

    #[test]
    fn jobs_go_variant_by_variant_and_within_a_goal_look_by_look() {
        let groups = [group(&[0], 2, None, 0), group(&[1, 3], 5, Some(2), 2), group(&[2], 1, None, 12)];
        assert_eq!(total(&groups), 13);
        let places: Vec<(usize, usize, u32)> = (0..13)
            .map(|job| place(&groups, job))
            .map(|place| (place.group, place.variant, place.replication))
            .collect();
        assert_eq!(
            places,
            [
                (0, 0, 0),
                (0, 0, 1),
                // Looks at 2, 3 and 5.
                (1, 1, 0),
                (1, 1, 1),
                (1, 3, 0),
                (1, 3, 1),
                (1, 1, 2),
                (1, 3, 2),
                (1, 1, 3),
                (1, 1, 4),
                (1, 3, 3),
                (1, 3, 4),
                (2, 2, 0),
            ]
        );
        assert_eq!((groups[0].fewest(), groups[1].fewest(), groups[2].fewest()), (2, 3, 1));
    }

    #[test]
    fn millions_of_replications_cost_nothing_beforehand() {
        let groups = [group(&(0..1_000).collect::<Vec<_>>(), 10_000_000, Some(20), 0)];
        assert_eq!(total(&groups), 10_000_000_000);
        let last = place(&groups, 9_999_999_999);
        assert_eq!((last.variant, last.replication), (999, 9_999_999));
    }
}
