//! Which runs there are, in which order they are taken, and about what they cost.

use super::RunError;
use super::order::{self, Group, Place};
use crate::arrivals;
use crate::scenario::{Scenario, Window};

/// The variants of one scenario, or of several that are simulated together.
#[derive(Debug, Clone)]
pub struct Work<'s> {
    families: Vec<&'s [Scenario]>,
    /// The number of the first variant of each family.
    first: Vec<usize>,
    /// The family of each variant.
    family: Vec<usize>,
    /// Variants that stop together, in the order in which their runs are taken and handed out.
    groups: Vec<Group>,
}

impl<'s> Work<'s> {
    /// Every replication of every variant, in their order. A family is the variants of one scenario, which share one
    /// warm-up where it is to be found.
    #[must_use]
    pub fn new(families: &[&'s [Scenario]]) -> Self {
        let mut first = Vec::with_capacity(families.len());
        let mut family = Vec::new();
        for (index, variants) in families.iter().enumerate() {
            first.push(family.len());
            family.extend(variants.iter().map(|_| index));
        }
        let of = |(variants, first): (&&'s [Scenario], &usize)| order::groups(variants, *first);
        let mut groups: Vec<Group> = families.iter().zip(&first).flat_map(of).collect();
        order::number(&mut groups);
        Self { families: families.to_vec(), first, family, groups }
    }

    /// The same with the variants first whose runs are likely to take longest: what is left to the end is short then,
    /// and no worker waits long for another (R. L. Graham, "Bounds on Multiprocessing Timing Anomalies", 1969).
    #[must_use]
    pub fn longest_first(mut self) -> Self {
        let costs: Vec<f64> = self.variants().map(cost).collect();
        let cost = |group: &Group| group.variants.iter().map(|variant| costs[*variant]).fold(0.0, f64::max);
        // A stable sort: what costs the same stays in its order.
        self.groups.sort_by(|a, b| cost(b).total_cmp(&cost(a)));
        order::number(&mut self.groups);
        self
    }

    /// All variants by their numbers.
    pub(super) fn variants(&self) -> impl Iterator<Item = &'s Scenario> {
        self.families.iter().flat_map(|variants| variants.iter())
    }

    pub(super) fn families(&self) -> impl Iterator<Item = &'s [Scenario]> {
        self.families.iter().copied()
    }

    pub(super) fn variant(&self, variant: usize) -> &'s Scenario {
        let family = self.family[variant];
        &self.families[family][variant - self.first[family]]
    }

    pub(super) fn family(&self, variant: usize) -> usize {
        self.family[variant]
    }

    /// An error with the scenario that it belongs to, where there are several.
    pub(super) fn within(&self, family: usize, error: RunError) -> RunError {
        match self.families[family].first() {
            Some(variant) if self.families.len() > 1 => error.within(&variant.name),
            _ => error,
        }
    }

    /// Variants that stop together, in order.
    pub(super) fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// How many jobs there are if nothing ends sooner.
    pub(super) fn total(&self) -> usize {
        order::total(&self.groups)
    }

    /// Where a job belongs.
    pub(super) fn place(&self, job: usize) -> Place {
        order::place(&self.groups, job)
    }
}

/// About how many requests one replication has. What a request costs is not known beforehand; within a grid it differs
/// less than their number.
fn cost(scenario: &Scenario) -> f64 {
    /// An answer in a closed loop, where only a simulation could say how long it takes.
    const ANSWER_SECONDS: f64 = 0.01;
    let duration = match scenario.run.window {
        Window::Requests { requests, .. } => return requests as f64,
        Window::Time { duration, .. } | Window::Auto { duration } => duration.as_secs_f64(),
    };
    let rates = scenario.traffic.iter().map(|traffic| match &traffic.arrivals {
        arrivals::Spec::Closed { users, think } => f64::from(*users) / (think.mean() + ANSWER_SECONDS),
        open => open.mean_rate().unwrap_or(0.0),
    });
    duration * rates.sum::<f64>()
}

/// What the runs cost that are done, and what those are likely to cost that are not.
#[derive(Debug)]
pub(super) struct Costs {
    /// Of each variant: requests that one run is expected to have, runs that are left, events of its first run.
    variants: Vec<(f64, u32, Option<f64>)>,
    /// Events of the runs that are done.
    done: f64,
    /// Requests that were expected of the first runs of variants, where one is done, and the events that they had.
    seen: (f64, f64),
    /// Events of the runs that are left of these.
    known: f64,
    /// Requests that are expected of the runs of all others.
    unknown: f64,
}

impl Costs {
    pub(super) fn new(work: &Work<'_>) -> Self {
        // Of a variant with a goal those are expected that it makes at least.
        let least = |variant: &Scenario| variant.run.until.as_ref().map_or(variant.run.replications, |until| until.min);
        let of = |variant: &Scenario| (cost(variant), least(variant), None);
        let variants: Vec<(f64, u32, Option<f64>)> = work.variants().map(of).collect();
        let unknown = variants.iter().map(|(cost, runs, _)| cost * f64::from(*runs)).sum();
        Self { variants, done: 0.0, seen: (0.0, 0.0), known: 0.0, unknown }
    }

    /// A run of a variant is done; the share of the work that is done with it.
    pub(super) fn ran(&mut self, variant: usize, events: u64) -> f64 {
        let events = events as f64;
        let (cost, left, first) = &mut self.variants[variant];
        self.done += events;
        match first {
            Some(first) => self.known -= *first,
            None => {
                self.seen = (self.seen.0 + *cost, self.seen.1 + events);
                self.unknown -= *cost * f64::from(*left);
                self.known += events * f64::from(left.saturating_sub(1));
                *first = Some(events);
            }
        }
        *left = left.saturating_sub(1);
        let events_per_request = if self.seen.0 > 0.0 { self.seen.1 / self.seen.0 } else { 1.0 };
        let left = self.known.max(0.0) + self.unknown.max(0.0) * events_per_request;
        if self.done > 0.0 { self.done / (self.done + left) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{DiskFiles, Overrides, load};

    /// Variants with these rates, two replications each.
    fn scenarios(rates: &[u32]) -> Vec<Scenario> {
        let variants: String = rates
            .iter()
            .enumerate()
            .map(|(i, rate)| format!("{{name: v{i}, set: {{\"traffic[t].arrivals.poisson.rate\": {rate}/s}}}}, "))
            .collect();
        let text = format!(
            "apiVersion: windtunnel/v1\nkind: Scenario\nmetadata: {{name: s}}\nspec:\n  \
             run: {{duration: 10s, replications: 2}}\n  workloads: [{{target: deployment/web, inline: {{replicas: 1, \
             port: 80}}, containers: {{app: {{concurrency: 1, serviceTime: 1ms}}}}}}]\n  traffic: [{{name: t, to: \
             http://web/, arrivals: {{poisson: {{rate: 1/s}}}}}}]\n  variants: [{variants}]\n"
        );
        load("s.yaml", &text, &DiskFiles::new(""), &Overrides::default()).expect("a valid scenario").variants
    }

    #[test]
    fn every_job_has_its_place_in_any_order() {
        let (first, second) = (scenarios(&[10, 30, 20]), scenarios(&[40, 20]));
        let pair = |place: Place| (place.variant, place.replication);
        let places = |work: &Work<'_>| (0..work.total()).map(|job| pair(work.place(job))).collect::<Vec<_>>();
        let twice = |order: [usize; 5]| order.into_iter().flat_map(|v| [(v, 0), (v, 1)]).collect::<Vec<_>>();
        let work = Work::new(&[&first, &second]);
        assert_eq!(places(&work), twice([0, 1, 2, 3, 4]));
        assert_eq!((0..5).map(|v| work.family(v)).collect::<Vec<_>>(), [0, 0, 0, 1, 1]);
        assert_eq!(work.variant(4).variant, "v1");
        assert_eq!(places(&work.longest_first()), twice([3, 1, 2, 4, 0]), "alike stay in their order");
        assert_eq!(Work::new(&[]).total(), 0);
    }

    #[test]
    fn runs_count_as_what_they_cost() {
        let variants = scenarios(&[100, 900]);
        let mut costs = Costs::new(&Work::new(&[&variants]));
        // 3 events a request: 3,000 of 2 × (3,000 + 27,000).
        assert!((costs.ran(0, 3_000) - 0.05).abs() < 1e-12);
        assert!((costs.ran(0, 3_000) - 0.1).abs() < 1e-12);
        // Dearer than it looked: its other run is taken to cost as much.
        assert!((costs.ran(1, 54_000) - 60.0 / 114.0).abs() < 1e-12);
        assert!((costs.ran(1, 54_000) - 1.0).abs() < 1e-12);
    }
}
