//! Scaling a Deployment, be it in the middle of a rollout: in proportion, so that neither the old nor the new pods bear
//! all of the change. `scale` of the Deployment controller's `sync.go`.

use super::{ReplicaSet, Strategy, Wanted, others};

/// What each ReplicaSet is to have after the Deployment was scaled.
pub(super) fn scale(wanted: &Wanted, sets: &[ReplicaSet], new: Option<usize>) -> Vec<(usize, u32)> {
    let active: Vec<usize> = others(sets, new).chain(new).filter(|set| sets[*set].spec > 0).collect();
    let only = match active[..] {
        [] => new.or_else(|| (0..sets.len()).max_by_key(|set| sets[*set].created)),
        [only] => Some(only),
        _ => None,
    };
    if let Some(only) = only {
        let is_there = sets[only].spec == wanted.replicas;
        return if is_there { Vec::new() } else { vec![(only, wanted.replicas)] };
    }
    if new.is_some_and(|new| is_saturated(wanted, &sets[new])) {
        return active.into_iter().filter(|set| Some(*set) != new).map(|set| (set, 0)).collect();
    }
    match wanted.strategy {
        Strategy::RollingUpdate { .. } => in_proportion(wanted, sets, active),
        Strategy::Recreate => Vec::new(),
    }
}

/// Whether the new ReplicaSet has all pods that the Deployment wants, all of them available.
fn is_saturated(wanted: &Wanted, new: &ReplicaSet) -> bool {
    [new.spec, new.scaled_for.replicas, new.available].iter().all(|count| *count == wanted.replicas)
}

/// The largest first: each gets its share of what the Deployment allows now, and the largest what is left.
fn in_proportion(wanted: &Wanted, sets: &[ReplicaSet], mut active: Vec<usize>) -> Vec<(usize, u32)> {
    let allowed = if wanted.replicas > 0 { i64::from(wanted.scale().most) } else { 0 };
    let total: i64 = active.iter().map(|set| i64::from(sets[*set].spec)).sum();
    let to_add = allowed - total;
    // Of those of one size the newer ones are scaled up first, and the older ones down.
    active.sort_by_key(|set| {
        let age = i128::from(sets[*set].created);
        (std::cmp::Reverse(sets[*set].spec), if to_add > 0 { -age } else { age })
    });
    let mut added = 0;
    let mut sizes = Vec::with_capacity(active.len());
    for set in &active {
        let (spec, left) = (i64::from(sets[*set].spec), to_add - added);
        let share = fraction(wanted, sets, *set) - spec;
        // In the direction of the change only as far as there is something left of it.
        let own = match to_add.signum() {
            1 => share.min(left),
            -1 => share.max(left),
            _ => 0,
        };
        added += own;
        sizes.push(spec + own);
    }
    sizes[0] = (sizes[0] + to_add - added).max(0);
    let all = active.into_iter().zip(sizes.into_iter().map(|size| u32::try_from(size).unwrap_or(0)));
    all.filter(|(set, size)| *size != sets[*set].spec || sets[*set].scaled_for != wanted.scale()).collect()
}

/// How many pods a ReplicaSet would have, if all grew or shrank alike: rounded, halves up.
fn fraction(wanted: &Wanted, sets: &[ReplicaSet], set: usize) -> i64 {
    if wanted.replicas == 0 {
        return 0;
    }
    let own = &sets[set];
    let before = match own.scaled_for.most {
        0 => sets.iter().map(|set| u64::from(set.actual)).sum(),
        most => u64::from(most),
    };
    if before == 0 {
        return i64::from(own.spec);
    }
    let doubled = 2 * u64::from(own.spec) * u64::from(wanted.scale().most);
    i64::try_from((doubled + before) / (2 * before)).unwrap_or(i64::MAX)
}
