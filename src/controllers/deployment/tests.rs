//! What tests of the Deployment controller share, and what always holds.

use super::*;
use crate::controllers::amount::Amount::Count;
use crate::random::Keyed;

/// A Deployment that is not paused.
pub(super) fn wanted(replicas: u32, strategy: Strategy) -> Wanted {
    Wanted { replicas, strategy, is_paused: false }
}

/// A rolling update with these limits.
pub(super) fn rolling(max_surge: Amount, max_unavailable: Amount) -> Strategy {
    Strategy::RollingUpdate { max_surge, max_unavailable }
}

/// A ReplicaSet all of whose pods are available, last scaled as `wanted` says.
pub(super) fn set(created: u64, spec: u32, wanted: &Wanted) -> ReplicaSet {
    ReplicaSet {
        template: u32::try_from(created).unwrap(),
        revision: u32::try_from(created).unwrap() + 1,
        created,
        spec,
        actual: spec,
        ready: spec,
        available: spec,
        terminating: 0,
        scaled_for: wanted.scale(),
    }
}

/// A number below `bound`, the `n`-th of a case.
fn draw(case: u64, n: &mut u64, bound: u32) -> u32 {
    *n += 1;
    let key = crate::random::mix(case, *n);
    (Keyed::new(key).unit() * f64::from(bound)) as u32
}

/// Rollouts with random limits in which pods become available and fail at random, and templates change halfway: what is
/// asked for never exceeds `replicas + maxSurge`, and of pods that were available the controller takes away only as many
/// as leave `replicas - maxUnavailable`.
#[test]
fn rollouts_keep_to_their_limits_whatever_happens() {
    for case in 0..20_000 {
        let mut n = 0;
        let mut any = |bound| draw(case, &mut n, bound);
        let replicas = any(30);
        let limit = |kind: u32, value: u32| if kind == 0 { Amount::Percent(value * 5) } else { Count(value) };
        let strategy = rolling(limit(any(2), any(21)), limit(any(2), any(21)));
        let wanted = wanted(replicas, strategy);
        let (surge, unavailable) = (wanted.max_surge(), wanted.max_unavailable());
        let mut sets = vec![set(0, replicas, &wanted)];
        let (mut template, fails) = (1, any(2) == 1);
        let mut is_done = false;
        for step in 0..400 {
            if step < 60 && any(20) == 0 {
                template += 1;
            }
            let new = revisions::current(&sets, template);
            let decision = reconcile(&wanted, &sets, new);
            let before = sets.clone();
            decision.apply(&wanted, template, &mut sets);
            let asked: u32 = sets.iter().map(|set| set.spec).sum();
            assert!(asked <= replicas + surge, "case {case}: {asked} of {replicas}+{surge}: {sets:?}");
            // A ReplicaSet deletes pods that are not available first.
            for set in &mut sets {
                set.actual = set.actual.min(set.spec);
                set.available = set.available.min(set.spec);
            }
            let lost = |sets: &[ReplicaSet]| sets.iter().map(|set| set.available).sum::<u32>();
            let (had, has) = (lost(&before), lost(&sets));
            assert!(
                has == had || has + unavailable >= replicas,
                "case {case}: from {had} to {has} available, {unavailable} of {replicas} may lack: {before:?} {sets:?}"
            );
            for set in &mut sets {
                set.actual = set.spec;
                let missing = set.spec - set.available;
                // At the end all become available, so that the rollout can end.
                set.available += if step < 300 { any(missing + 1) } else { missing };
                if fails && step < 300 && any(8) == 0 {
                    set.available -= any(set.available + 1);
                }
                set.ready = set.available;
            }
            let new = revisions::current(&sets, template);
            is_done = progress::Status::of(&sets, new).is_complete(&wanted);
        }
        assert!(is_done, "case {case}: {sets:?}");
    }
}

/// Recreate never has old and new pods at once, not even old ones on their way out.
#[test]
fn recreate_waits_for_the_last_old_pod() {
    let wanted = wanted(3, Strategy::Recreate);
    let mut sets = vec![set(0, 3, &wanted)];
    let look = |sets: &[ReplicaSet]| reconcile(&wanted, sets, revisions::current(sets, 1));
    let down = look(&sets);
    assert_eq!(down, Decision { create: None, scale: vec![(0, 0)] });
    down.apply(&wanted, 1, &mut sets);
    assert!(look(&sets).is_nothing(), "three pods run");
    (sets[0].actual, sets[0].terminating) = (0, 3);
    assert!(look(&sets).is_nothing(), "three pods are on their way out");
    sets[0].terminating = 0;
    let up = look(&sets);
    assert_eq!(up, Decision { create: Some(3), scale: vec![] });
    up.apply(&wanted, 1, &mut sets);
    assert!(look(&sets).is_nothing());
    // Going back takes the old ReplicaSet again.
    let decision = reconcile(&wanted, &sets, Some(0));
    assert_eq!(decision.scale, [(1, 0)]);
}

/// A paused Deployment can be scaled, its template does not matter.
#[test]
fn a_pause_stops_the_rollout_and_not_scaling() {
    let mut wanted = wanted(10, rolling(Count(2), Count(0)));
    let mut sets = vec![set(0, 10, &wanted)];
    wanted.is_paused = true;
    assert!(reconcile(&wanted, &sets, None).is_nothing(), "no ReplicaSet is made");
    wanted.replicas = 12;
    let decision = reconcile(&wanted, &sets, None);
    assert_eq!(decision, Decision { create: None, scale: vec![(0, 12)] });
    decision.apply(&wanted, 1, &mut sets);
    assert!(reconcile(&wanted, &sets, None).is_nothing());
    wanted.is_paused = false;
    assert_eq!(reconcile(&wanted, &sets, None), Decision { create: Some(2), scale: vec![] });
}

/// A rollout that cannot go on keeps what the old template has; `undo` takes the new pods away first.
#[test]
fn a_broken_template_is_undone() {
    let wanted = wanted(10, rolling(Count(3), Count(2)));
    let mut sets = vec![set(0, 10, &wanted)];
    let settle = |sets: &mut Vec<ReplicaSet>, template, ready: &dyn Fn(u32) -> bool| {
        for _ in 0..40 {
            let decision = reconcile(&wanted, sets, revisions::current(sets, template));
            decision.apply(&wanted, template, sets);
            for set in sets.iter_mut() {
                set.actual = set.spec;
                set.available = if ready(set.template) { set.spec } else { 0 };
            }
        }
        sets.iter().map(|set| set.spec).collect::<Vec<_>>()
    };
    // The new pods never become ready (example 1 in Kubernetes' `rolling.go`).
    assert_eq!(settle(&mut sets, 1, &|template| template == 0), [8, 5]);
    assert_eq!(revisions::undo(&sets, None), Some(0));
    sets[0].revision = revisions::next(&sets, Some(0));
    assert_eq!(settle(&mut sets, 0, &|template| template == 0), [10, 0]);
    assert_eq!(revisions::undo(&sets, None), Some(1));
    assert_eq!(revisions::undo(&sets, Some(3)), Some(0));
    assert_eq!(revisions::undo(&sets, Some(9)), None);
}
