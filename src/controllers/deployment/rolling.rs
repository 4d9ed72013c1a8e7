//! Rolling updates: `rolling.go` of the Deployment controller.

use super::{Decision, ReplicaSet, Wanted, others};

/// One look at a rolling update: the new ReplicaSet first, and the old ones if it need not be scaled.
pub(super) fn roll(wanted: &Wanted, sets: &[ReplicaSet], new: Option<usize>) -> Decision {
    let total: u32 = sets.iter().map(|set| set.spec).sum();
    let Some(own) = new else {
        // One that is made has all that it may have, so the old ones follow in the same look.
        let count = new_replicas(wanted, total, 0);
        let mut sets_with_it = sets.to_vec();
        sets_with_it.push(ReplicaSet { spec: count, ..ReplicaSet::default() });
        return Decision { create: Some(count), scale: reconcile_old(wanted, &sets_with_it, sets.len()) };
    };
    let spec = sets[own].spec;
    let to = if spec > wanted.replicas { wanted.replicas } else { new_replicas(wanted, total, spec) };
    let scale = if to == spec { reconcile_old(wanted, sets, own) } else { vec![(own, to)] };
    Decision { create: None, scale }
}

/// How many pods a new ReplicaSet with `spec` may be asked to have, when all have `total` (`NewRSNewReplicas`).
pub(super) fn new_replicas(wanted: &Wanted, total: u32, spec: u32) -> u32 {
    let most = wanted.replicas + wanted.max_surge();
    spec + most.saturating_sub(total).min(wanted.replicas.saturating_sub(spec))
}

/// Scales old ReplicaSets down as far as availability allows.
pub(super) fn reconcile_old(wanted: &Wanted, sets: &[ReplicaSet], new: usize) -> Vec<(usize, u32)> {
    let mut old: Vec<usize> = others(sets, Some(new)).filter(|set| sets[*set].spec > 0).collect();
    if old.is_empty() {
        return Vec::new();
    }
    old.sort_by_key(|set| sets[*set].created);
    let total: i64 = sets.iter().map(|set| i64::from(set.spec)).sum();
    let min_available = i64::from(wanted.replicas) - i64::from(wanted.max_unavailable());
    // What the new one lacks must come from the old ones.
    let unavailable = i64::from(sets[new].spec) - i64::from(sets[new].available);
    let removable = total - min_available - unavailable;
    if removable <= 0 {
        return Vec::new();
    }
    let mut specs: Vec<u32> = sets.iter().map(|set| set.spec).collect();
    // Counts of pods that lag behind end the look; what was scaled before stays scaled.
    if clean_up(sets, &old, removable, &mut specs).is_some() {
        let available: i64 = sets.iter().map(|set| i64::from(set.available)).sum();
        scale_down(&old, available - min_available, &mut specs);
    }
    old.into_iter().filter(|set| specs[*set] != sets[*set].spec).map(|set| (set, specs[set])).collect()
}

/// Takes away pods that are not available: that makes nothing worse, and they must not hold up the rollout. Returns how
/// many; none if a ReplicaSet has more available pods than it was asked for.
pub(super) fn clean_up(sets: &[ReplicaSet], old: &[usize], most: i64, specs: &mut [u32]) -> Option<i64> {
    let mut removed = 0;
    for set in old {
        if removed >= most {
            break;
        }
        let (spec, available) = (sets[*set].spec, sets[*set].available);
        let unhealthy = spec.checked_sub(available)?;
        let count = (most - removed).min(i64::from(unhealthy));
        specs[*set] -= u32::try_from(count).expect("at most what it is asked to have");
        removed += count;
    }
    Some(removed)
}

/// Takes `count` pods away, from the oldest ReplicaSet first.
pub(super) fn scale_down(old: &[usize], count: i64, specs: &mut [u32]) -> i64 {
    let mut removed = 0;
    for set in old {
        if removed >= count {
            break;
        }
        let own = i64::from(specs[*set]).min(count - removed);
        specs[*set] -= u32::try_from(own).expect("at most what it is asked to have");
        removed += own;
    }
    removed
}
