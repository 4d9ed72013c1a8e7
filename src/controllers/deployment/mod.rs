//! Deployments: which ReplicaSet is to have how many pods next.
//!
//! The controller looks again whenever the Deployment, one of its ReplicaSets or one of their pods changes, and does one
//! thing a time: it scales the ReplicaSet of the current template up, or else the others down. That order, and counting
//! what was asked for rather than what runs, is what bounds surge and unavailability. Pods on their way out count nowhere:
//! so many more than `replicas + maxSurge` may exist. Source: Kubernetes, `pkg/controller/deployment`.

pub mod progress;
pub mod revisions;
mod rolling;
mod scaling;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_steps;
#[cfg(test)]
mod tests_upstream;

use super::amount::Amount;

/// What a Deployment wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// How many pods.
    pub replicas: u32,
    /// How pods of an old template are replaced.
    pub strategy: Strategy,
    /// Whether rollouts stand still; scaling goes on.
    pub is_paused: bool,
}

/// How pods of an old template are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// A few at a time.
    RollingUpdate {
        /// How many pods more than wanted there may be; percentages are rounded up.
        max_surge: Amount,
        /// How many pods fewer than wanted may be available; percentages are rounded down.
        max_unavailable: Amount,
    },
    /// All old ones first, and new ones when the last of them is gone.
    Recreate,
}

impl Strategy {
    /// What a Deployment has that says nothing.
    pub const DEFAULT: Self =
        Self::RollingUpdate { max_surge: Amount::Percent(25), max_unavailable: Amount::Percent(25) };
}

/// How many pods more and how many fewer than wanted a rolling update may have: never neither, or it could not begin.
#[must_use]
pub fn fenceposts(max_surge: Amount, max_unavailable: Amount, replicas: u32) -> (u32, u32) {
    match (max_surge.up(replicas), max_unavailable.down(replicas)) {
        (0, 0) => (0, 1),
        both => both,
    }
}

impl Wanted {
    /// How many pods more than wanted there may be.
    #[must_use]
    pub fn max_surge(&self) -> u32 {
        match self.strategy {
            Strategy::RollingUpdate { max_surge, max_unavailable } => {
                fenceposts(max_surge, max_unavailable, self.replicas).0
            }
            Strategy::Recreate => 0,
        }
    }

    /// How many pods fewer than wanted may be available.
    #[must_use]
    pub fn max_unavailable(&self) -> u32 {
        match self.strategy {
            Strategy::RollingUpdate { max_surge, max_unavailable } => {
                fenceposts(max_surge, max_unavailable, self.replicas).1.min(self.replicas)
            }
            Strategy::Recreate => 0,
        }
    }

    /// What a ReplicaSet remembers of the Deployment that scales it now.
    #[must_use]
    pub fn scale(&self) -> Scale {
        Scale { replicas: self.replicas, most: self.replicas + self.max_surge() }
    }
}

/// What a ReplicaSet remembers of its Deployment from when it was scaled last (two annotations in Kubernetes): so the
/// controller sees that somebody has scaled the Deployment since, and from what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scale {
    /// How many pods the Deployment wanted.
    pub replicas: u32,
    /// How many it would have allowed.
    pub most: u32,
}

/// A ReplicaSet as the controller sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReplicaSet {
    /// Its template, by whatever number the caller gives templates: equal ones have equal numbers.
    pub template: u32,
    /// Which revision of the Deployment it is now.
    pub revision: u32,
    /// Its place in the order of creation.
    pub created: u64,
    /// How many pods it is asked to have (`spec.replicas`).
    pub spec: u32,
    /// How many it has, without those that were deleted (`status.replicas`).
    pub actual: u32,
    /// How many of these are ready.
    pub ready: u32,
    /// How many have been ready for `minReadySeconds`.
    pub available: u32,
    /// How many pods of it were deleted and are not gone yet.
    pub terminating: u32,
    /// What it remembers of when it was scaled last.
    pub scaled_for: Scale,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decision {
    /// Make the ReplicaSet of the current template, with so many pods.
    pub create: Option<u32>,
    /// Scale these: which, and to how many pods. One that has as many already only takes the new [`Wanted::scale`].
    pub scale: Vec<(usize, u32)>,
}

impl Decision {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.create.is_none() && self.scale.is_empty()
    }

    /// The same done to numbers: for callers that keep ReplicaSets as such, and for tests. A ReplicaSet that is made stands last.
    pub fn apply(&self, wanted: &Wanted, template: u32, sets: &mut Vec<ReplicaSet>) {
        for (set, spec) in &self.scale {
            sets[*set].spec = *spec;
            sets[*set].scaled_for = wanted.scale();
        }
        if let Some(spec) = self.create {
            let created = sets.iter().map(|set| set.created + 1).max().unwrap_or(0);
            let revision = revisions::next(sets, None);
            let scaled_for = wanted.scale();
            sets.push(ReplicaSet { template, revision, created, spec, scaled_for, ..ReplicaSet::default() });
        }
    }
}

/// One look of the controller at a Deployment, whose ReplicaSets are `sets`; `new` is that of the current template, if
/// there is one (see [`revisions::current`]).
#[must_use]
pub fn reconcile(wanted: &Wanted, sets: &[ReplicaSet], new: Option<usize>) -> Decision {
    let was_scaled = sets.iter().any(|set| set.spec > 0 && set.scaled_for.replicas != wanted.replicas);
    if wanted.is_paused || was_scaled {
        return Decision { create: None, scale: scaling::scale(wanted, sets, new) };
    }
    match wanted.strategy {
        Strategy::RollingUpdate { .. } => rolling::roll(wanted, sets, new),
        Strategy::Recreate => recreate(wanted, sets, new),
    }
}

/// Old pods first; none is made as long as one of these exists, be it on its way out.
fn recreate(wanted: &Wanted, sets: &[ReplicaSet], new: Option<usize>) -> Decision {
    let old = || others(sets, new);
    let scale: Vec<(usize, u32)> = old().filter(|set| sets[*set].spec > 0).map(|set| (set, 0)).collect();
    if !scale.is_empty() {
        return Decision { create: None, scale };
    }
    if old().any(|set| sets[set].actual + sets[set].terminating > 0) {
        return Decision::default();
    }
    match new {
        None => Decision { create: Some(wanted.replicas), scale },
        Some(set) if sets[set].spec != wanted.replicas => {
            Decision { create: None, scale: vec![(set, wanted.replicas)] }
        }
        Some(_) => Decision::default(),
    }
}

/// All but one, as they stand.
fn others(sets: &[ReplicaSet], new: Option<usize>) -> impl Iterator<Item = usize> {
    (0..sets.len()).filter(move |set| Some(*set) != new)
}
