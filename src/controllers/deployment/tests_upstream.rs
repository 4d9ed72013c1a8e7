//! The tables of Kubernetes' own tests of its Deployment controller, carried over by hand (release 1.33):
//! `pkg/controller/deployment/{rolling,sync,recreate}_test.go` and `util/deployment_util_test.go`.

use super::rolling::{clean_up, new_replicas, reconcile_old, scale_down};
use super::tests::{rolling, set, wanted};
use super::*;
use crate::controllers::amount::Amount::{Count, Percent};

/// `TestResolveFenceposts`; rows with limits that are no numbers are refused where manifests are read.
#[test]
fn resolve_fenceposts() {
    for (surge, unavailable, replicas, expected) in
        [(Percent(0), Percent(0), 0, (0, 1)), (Percent(39), Percent(39), 10, (4, 3))]
    {
        assert_eq!(fenceposts(surge, unavailable, replicas), expected);
    }
}

/// `TestMaxUnavailable`.
#[test]
fn max_unavailable() {
    for (replicas, unavailable, expected) in [
        (10, Count(5), 5),
        (10, Count(10), 10),
        (5, Count(10), 5),
        (0, Count(10), 0),
        (10, Percent(50), 5),
        (10, Percent(100), 10),
        (5, Percent(100), 5),
    ] {
        let own = wanted(replicas, rolling(Count(1), unavailable));
        assert_eq!(own.max_unavailable(), expected, "{unavailable:?} of {replicas}");
    }
    assert_eq!(wanted(3, Strategy::Recreate).max_unavailable(), 0);
}

/// `TestNewRSNewReplicas`: another ReplicaSet has five pods.
#[test]
fn new_rs_new_replicas() {
    for (replicas, new, surge, expected) in [(1, 5, 1, 5), (6, 2, 10, 6)] {
        let own = wanted(replicas, rolling(Count(surge), Count(1)));
        assert_eq!(new_replicas(&own, 5, new), expected, "{replicas} wanted, {new} new");
    }
    let own = wanted(3, Strategy::Recreate);
    let decision = reconcile(&own, &[set(0, 1, &own)], Some(0));
    assert_eq!(decision.scale, [(0, 3)]);
}

/// `TestDeploymentController_reconcileNewReplicaSet`.
#[test]
fn reconcile_new_replica_set() {
    for (replicas, surge, old, new, expected) in [
        (10, 0, 10, 0, None),
        (10, 2, 10, 0, Some(2)),
        (10, 2, 5, 0, Some(7)),
        (10, 2, 10, 2, None),
        (10, 2, 2, 11, Some(10)),
    ] {
        let own = wanted(replicas, rolling(Count(surge), Count(u32::from(surge == 0))));
        let sets = [set(0, old, &own), set(1, new, &own)];
        let decision = reconcile(&own, &sets, Some(1));
        let of_new: Vec<u32> = decision.scale.iter().filter(|(set, _)| *set == 1).map(|(_, to)| *to).collect();
        assert_eq!(of_new, expected.into_iter().collect::<Vec<u32>>(), "{replicas}, {surge}, {old}, {new}");
        assert!(expected.is_none() || decision.scale.len() == 1, "one thing a look: {decision:?}");
    }
}

/// `TestDeploymentController_reconcileOldReplicaSets`; without surge.
#[test]
fn reconcile_old_replica_sets() {
    for (replicas, unavailable, old, new, old_ready, new_ready, expected) in [
        (10, 0, 10, 0, 10, 0, Some(9)),
        (10, 2, 10, 0, 10, 0, Some(8)),
        (10, 2, 10, 0, 8, 0, Some(8)),
        (10, 2, 10, 0, 9, 0, Some(8)),
        (10, 2, 8, 2, 8, 0, None),
    ] {
        let own = wanted(replicas, rolling(Count(0), Count(unavailable)));
        let mut sets = [set(0, old, &own), set(1, new, &own)];
        (sets[0].available, sets[1].available) = (old_ready, new_ready);
        let scaled: Vec<(usize, u32)> = expected.map(|to| (0, to)).into_iter().collect();
        assert_eq!(reconcile_old(&own, &sets, 1), scaled, "{replicas}, {unavailable}, {old}, {old_ready}");
    }
}

/// `TestDeploymentController_cleanupUnhealthyReplicas`.
#[test]
fn cleanup_unhealthy_replicas() {
    let own = wanted(10, rolling(Count(2), Count(2)));
    for (old, available, most, expected) in [(10, 8, 1, 1), (10, 8, 3, 2), (10, 8, 0, 0), (10, 10, 3, 0)] {
        let mut sets = [set(0, old, &own)];
        sets[0].available = available;
        let mut specs = [old];
        assert_eq!(clean_up(&sets, &[0], most, &mut specs), Some(expected), "{old}, {available}, {most}");
        assert_eq!(i64::from(old - specs[0]), expected);
    }
}

/// `TestDeploymentController_scaleDownOldReplicaSetsForRollingUpdate`.
#[test]
fn scale_down_old_replica_sets() {
    for (replicas, unavailable, available, old, expected) in [
        (10, 0, 10, 10, Some(9)),
        (10, 2, 10, 10, Some(8)),
        (10, 2, 8, 10, None),
        (10, 2, 10, 0, None),
        (10, 2, 1, 10, None),
    ] {
        let own = wanted(replicas, rolling(Count(0), Count(unavailable)));
        let mut specs = [old];
        let surplus = i64::from(available) - i64::from(own.replicas - own.max_unavailable());
        let removed = scale_down(&[0], surplus, &mut specs);
        assert_eq!((removed != 0).then_some(specs[0]), expected, "{replicas}, {unavailable}, {available}, {old}");
    }
}

/// A row of `TestScale`: pods wanted now and before, surge now and before, the new ReplicaSet and the old ones from the
/// newest on, and what they are to have.
type ScaleRow = (u32, u32, u32, u32, Option<(u32, u32)>, &'static [(u32, u32)]);

const SCALE: &[ScaleRow] = &[
    (12, 10, 0, 0, Some((10, 12)), &[]),
    (5, 10, 0, 0, Some((10, 5)), &[]),
    (10, 5, 0, 0, Some((2, 4)), &[(3, 6)]),
    (3, 5, 0, 0, Some((2, 1)), &[(3, 2)]),
    (4, 9, 0, 0, Some((8, 4)), &[(1, 0)]),
    (10, 7, 0, 0, Some((2, 3)), &[(3, 4), (2, 3)]),
    (8, 13, 0, 0, Some((2, 1)), &[(8, 5), (3, 2)]),
    (4, 3, 0, 0, Some((1, 2)), &[(1, 1), (1, 1)]),
    (2, 3, 0, 0, Some((1, 1)), &[(1, 1), (1, 0)]),
    (5, 4, 0, 0, None, &[(2, 3), (2, 2)]),
    (0, 6, 0, 0, Some((3, 0)), &[(2, 0), (1, 0)]),
    (6, 6, 0, 0, Some((0, 6)), &[(0, 0), (0, 0)]),
    (20, 10, 2, 2, Some((6, 11)), &[(6, 11)]),
    (50, 10, 6, 3, Some((5, 22)), &[(8, 34)]),
    (14, 10, 0, 0, None, &[(7, 10), (3, 4)]),
];

#[test]
fn scale() {
    for row in SCALE {
        let (replicas, before, surge, surge_before, new, old) = *row;
        let was = wanted(before, rolling(Count(surge_before), Count(1)));
        let own = wanted(replicas, rolling(Count(surge), Count(1)));
        // The newest stands last.
        let all: Vec<(u32, u32)> = old.iter().rev().copied().chain(new).collect();
        let mut sets: Vec<ReplicaSet> =
            all.iter().enumerate().map(|(created, (spec, _))| set(created as u64, *spec, &was)).collect();
        let place = new.map(|_| sets.len() - 1);
        let decision = Decision { create: None, scale: super::scaling::scale(&own, &sets, place) };
        decision.apply(&own, 99, &mut sets);
        let got: Vec<u32> = sets.iter().map(|set| set.spec).collect();
        let expected: Vec<u32> = all.iter().map(|(_, expected)| *expected).collect();
        assert_eq!(got, expected, "{row:?}");
    }
}

/// The rows of `TestScale` with conditions of their own: one ReplicaSet missed the last change (`failed rs update`), and
/// a new one that has all its pods, none of them available.
#[test]
fn scale_after_a_failure() {
    let own = wanted(5, rolling(Count(0), Count(1)));
    let mut sets = vec![set(0, 1, &own), set(1, 1, &own), set(2, 2, &own)];
    sets[1].scaled_for = Scale { replicas: 3, most: 3 };
    assert_eq!(reconcile(&own, &sets, Some(2)), Decision { create: None, scale: vec![(1, 2)] });
    let own = wanted(2, rolling(Count(1), Count(1)));
    let mut sets = vec![set(0, 1, &own), set(1, 2, &own)];
    sets[1].available = 0;
    assert_eq!(super::scaling::scale(&own, &sets, Some(1)), []);
    // Were they available, the old one would go.
    sets[1].available = 2;
    assert_eq!(super::scaling::scale(&own, &sets, Some(1)), [(0, 0)]);
}

/// `TestDeploymentController_cleanupDeployment` and `…cleanupDeploymentOrder`: `(revision, spec, actual)`, the limit, and
/// which are deleted.
#[test]
fn cleanup_deployment() {
    type Row<'a> = (&'a [(u32, u32, u32)], u32, &'a [usize]);
    let rows: &[Row] = &[
        (&[(1, 0, 0), (1, 0, 0), (1, 0, 0)], 1, &[0, 1]),
        (&[(1, 0, 0), (1, 0, 1), (1, 1, 0), (1, 1, 1)], 0, &[0]),
        (&[(1, 0, 0), (1, 0, 0)], 0, &[0, 1]),
        (&[(1, 1, 1), (1, 1, 1)], 0, &[]),
        (&[(1, 0, 0), (1, 0, 0), (1, 0, 0)], u32::MAX, &[]),
        (&[(1, 0, 0), (2, 0, 0)], 1, &[0]),
        (&[(2, 0, 0), (1, 0, 0)], 1, &[1]),
        (&[(1, 0, 0), (0, 0, 0)], 1, &[1]),
        (&[(0, 0, 0), (2, 0, 0)], 1, &[0]),
        (&[(1, 1, 1), (2, 0, 0), (3, 0, 0)], 1, &[1]),
        (&[(1, 1, 1), (2, 1, 1), (3, 0, 0)], 1, &[]),
        (&[(3, 0, 0), (1, 0, 0), (4, 0, 0), (2, 0, 0)], 2, &[1, 3]),
    ];
    let own = wanted(1, Strategy::DEFAULT);
    for (sets, limit, expected) in rows {
        let one = |(created, (revision, spec, actual)): (usize, &(u32, u32, u32))| ReplicaSet {
            revision: *revision,
            actual: *actual,
            ..set(created as u64, *spec, &own)
        };
        let sets: Vec<ReplicaSet> = sets.iter().enumerate().map(one).collect();
        assert_eq!(revisions::forgotten(&sets, None, *limit), *expected, "{sets:?}");
    }
}

/// `TestFindNewReplicaSet`: the oldest of those with the template.
#[test]
fn find_new_replica_set() {
    let own = wanted(1, Strategy::DEFAULT);
    let with = |created, template| ReplicaSet { template, ..set(created, 1, &own) };
    assert_eq!(revisions::current(&[with(2, 7), with(0, 1)], 7), Some(0));
    assert_eq!(revisions::current(&[with(2, 7), with(0, 1), with(1, 7)], 7), Some(2));
    assert_eq!(revisions::current(&[with(0, 1)], 7), None);
}

/// `TestOldPodsRunning`: `(actual, terminating)` of old ReplicaSets, and whether Recreate waits.
#[test]
fn old_pods_running() {
    let own = wanted(3, Strategy::Recreate);
    for (old, waits) in [(vec![], false), (vec![(1, 0)], true), (vec![(0, 0)], false), (vec![(0, 0), (0, 1)], true)] {
        let one = |(actual, terminating): &(u32, u32)| ReplicaSet {
            actual: *actual,
            terminating: *terminating,
            ..set(0, 0, &own)
        };
        let sets: Vec<ReplicaSet> = old.iter().map(one).collect();
        let expected = Decision { create: (!waits).then_some(3), scale: vec![] };
        assert_eq!(reconcile(&own, &sets, None), expected, "{old:?}");
    }
}
