//! The tables of Kubernetes' own tests of stabilization and of limits, one row a test: `horizontal_test.go`.

use super::behavior::Limit::{DesiredWithinRange, ScaleDownLimit, ScaleUpLimit, TooFewReplicas, TooManyReplicas};
use super::behavior::{
    Amount, Behavior, Change, Changes, Limit, Policy, Range, Rules, Select, fewest, limited, limited_without_behavior,
    most, within,
};
use super::stabilization::{Recommendation, Windows, stabilized, stabilized_without_behavior};
use crate::time::{SimDuration, SimTime};

const NOW: SimTime = SimTime::from_nanos(7_200_000_000_000);

fn before(seconds: u64) -> SimTime {
    SimTime::from_nanos(NOW.as_nanos() - seconds * 1_000_000_000)
}

/// Pods in seconds, percent in seconds; 0 is no policy.
type Given = (u32, u64, u32, u64);

fn rules(given: Option<Given>, usual: Rules) -> Rules {
    let Some((pods, pods_period, percent, percent_period)) = given else { return usual };
    let policy = |amount, seconds| Policy { amount, period: SimDuration::from_secs(seconds) };
    let mut policies = Vec::new();
    if pods != 0 {
        policies.push(policy(Amount::Pods(pods), pods_period));
    }
    if percent != 0 {
        policies.push(policy(Amount::Percent(percent), percent_period));
    }
    Rules { policies, ..usual }
}

/// Changes in the middle of equal parts of the last two minutes, in order.
fn spread(replicas: &[u32]) -> Vec<Change> {
    let part = 120.0 / replicas.len() as f64;
    let at = |index: usize| before((120.0 - part * (index + 1) as f64 + part / 2.0) as u64);
    replicas.iter().enumerate().map(|(index, replicas)| Change { replicas: *replicas, at: at(index) }).collect()
}

/// Replicas that came, that went; range; rules upwards and downwards; replicas now, wanted; what is allowed, and why.
type Row = (&'static [u32], &'static [u32], (u32, u32), Option<Given>, Option<Given>, (u32, u32), u32, Limit);

/// `TestScalingWithRules`, in its order.
const ROWS: &[Row] = &[
    (&[], &[], (3, 8), None, None, (5, 7), 7, DesiredWithinRange),
    (&[], &[], (2, 8), None, None, (3, 1), 2, TooFewReplicas),
    (&[], &[], (0, 10), None, None, (1, 0), 0, DesiredWithinRange),
    (&[], &[], (1, 10), None, None, (20, 1000), 10, TooManyReplicas),
    (&[], &[], (100, 150), None, None, (100, 1000), 150, TooManyReplicas),
    (&[], &[], (1, 2000), Some((0, 0, 1, 60)), None, (3, 1000), 4, ScaleUpLimit),
    (&[], &[], (3, 2000), None, Some((20, 60, 0, 0)), (1000, 3), 980, ScaleDownLimit),
    (&[], &[], (1, 1000), None, None, (10, 50), 20, ScaleUpLimit),
    (&[], &[], (1, 1000), Some((100, 60, 100, 60)), None, (10, 500), 110, ScaleUpLimit),
    (&[], &[], (1, 1000), Some((2, 60, 100, 60)), None, (10, 500), 20, ScaleUpLimit),
    (&[], &[], (1, 1000), Some((100, 60, 0, 0)), None, (10, 50), 50, DesiredWithinRange),
    (&[], &[], (1, 1000), Some((10_000, 60, 0, 0)), None, (10, 50), 50, DesiredWithinRange),
    (&[], &[], (1, 1000), Some((30, 60, 0, 0)), None, (10, 50), 40, ScaleUpLimit),
    (&[], &[], (1, 1000), Some((0, 0, 200, 60)), None, (10, 50), 30, ScaleUpLimit),
    (&[], &[], (1, 1000), None, Some((20, 60, 1, 60)), (100, 2), 80, ScaleDownLimit),
    (&[], &[], (1, 1000), None, Some((2, 60, 1, 60)), (100, 2), 98, ScaleDownLimit),
    (&[], &[], (1, 1000), None, Some((100, 60, 0, 0)), (10, 0), 1, TooFewReplicas),
    (&[], &[], (5, 1000), None, Some((0, 0, 100, 60)), (10, 2), 5, TooFewReplicas),
    (&[], &[], (1, 1000), None, Some((5, 60, 0, 0)), (10, 2), 5, ScaleDownLimit),
    (&[], &[], (1, 1000), None, Some((0, 0, 50, 60)), (10, 5), 5, DesiredWithinRange),
    (&[1, 5, 9], &[], (1, 200), Some((300, 60, 0, 0)), None, (100, 500), 200, TooManyReplicas),
    (&[1, 5, 9], &[], (1, 200), Some((0, 0, 10_000, 60)), None, (100, 500), 200, TooManyReplicas),
    (&[1, 5, 9], &[], (1, 1000), Some((5, 120, 0, 0)), None, (100, 500), 100, ScaleUpLimit),
    (&[1, 5, 9], &[], (1, 1000), Some((150, 120, 0, 0)), None, (100, 500), 235, ScaleUpLimit),
    (&[1, 5, 9], &[], (1, 1000), Some((0, 0, 200, 120)), None, (100, 500), 255, ScaleUpLimit),
    (&[4], &[2], (1, 1000), Some((0, 0, 300, 300)), None, (6, 24), 16, ScaleUpLimit),
    (&[], &[1, 5, 9], (1, 1000), None, None, (10, 5), 5, DesiredWithinRange),
    (&[], &[1, 5, 9], (1, 1000), None, Some((115, 120, 0, 0)), (100, 0), 1, TooFewReplicas),
    (&[], &[1, 5, 9], (5, 1000), None, Some((130, 120, 0, 0)), (100, 0), 5, TooFewReplicas),
    (&[], &[1, 5, 9], (5, 1000), None, Some((0, 0, 100, 120)), (100, 2), 5, TooFewReplicas),
    (&[], &[1, 5, 9], (1, 1000), None, Some((5, 120, 0, 0)), (100, 2), 100, ScaleDownLimit),
    (&[], &[2, 4, 6], (1, 1000), None, Some((0, 0, 50, 120)), (100, 0), 56, ScaleDownLimit),
    (&[2], &[4], (1, 1000), None, Some((0, 0, 50, 180)), (10, 1), 6, ScaleDownLimit),
    (&[], &[10, 10, 10], (1, 1000), None, Some((0, 0, 10, 120)), (100, 0), 100, ScaleDownLimit),
    (&[], &[10, 10, 10], (1, 1000), None, Some((0, 0, 1000, 120)), (10, 5), 5, DesiredWithinRange),
    (&[8, 12, 9, 11], &[], (1, 1000), Some((1000, 60, 0, 0)), None, (100, 200), 200, DesiredWithinRange),
    (&[8, 12, 9, 11], &[], (1, 1000), Some((1000, 120, 100, 60)), None, (100, 200), 200, DesiredWithinRange),
    (&[8, 12, 9, 11], &[], (1, 1000), Some((1000, 30, 100, 60)), None, (100, 200), 200, DesiredWithinRange),
    (&[], &[8, 12, 9, 11], (1, 1000), None, Some((1000, 60, 0, 0)), (100, 5), 5, DesiredWithinRange),
    (&[], &[8, 12, 9, 11], (1, 1000), None, Some((1000, 120, 100, 60)), (100, 5), 5, DesiredWithinRange),
    (&[], &[8, 12, 9, 11], (1, 1000), None, Some((1000, 30, 100, 60)), (100, 5), 5, DesiredWithinRange),
];

#[test]
fn rules_limit_changes_as_in_kubernetes() {
    for (row, (up, down, (min, max), rules_up, rules_down, replicas, allowed, why)) in ROWS.iter().enumerate() {
        let behavior =
            Behavior { up: rules(*rules_up, Rules::usual_up()), down: rules(*rules_down, Rules::usual_down()) };
        let changes = Changes { up: spread(up), down: spread(down) };
        let range = Range { min: *min, max: *max };
        assert_eq!(limited(&behavior, &changes, range, *replicas, NOW), (*allowed, *why), "row {row}");
    }
}

/// `TestCalculateScaleUpLimitWithScalingRules` and `TestCalculateScaleDownLimitWithBehaviors`; and `Disabled`.
#[test]
fn the_smallest_change_may_be_chosen() {
    let of = |select| Rules { select, ..rules(Some((2, 60, 50, 60)), Rules::usual_up()) };
    let none = Changes::default();
    assert_eq!(most(&of(Select::Min), &none, 1, NOW), 2);
    assert_eq!(fewest(&of(Select::Min), &none, 5, NOW), 3);
    assert_eq!((most(&of(Select::Max), &none, 5, NOW), fewest(&of(Select::Max), &none, 5, NOW)), (8, 2));
    assert_eq!((most(&of(Select::Disabled), &none, 5, NOW), fewest(&of(Select::Disabled), &none, 5, NOW)), (5, 5));
}

/// `TestConvertDesiredReplicasWithRules`.
#[test]
fn without_behavior_replicas_double() {
    let rows = [
        ((5, 7), (3, 8), 7, DesiredWithinRange),
        ((3, 1), (2, 8), 2, TooFewReplicas),
        ((1, 0), (0, 10), 0, DesiredWithinRange),
        ((20, 1000), (1, 10), 10, TooManyReplicas),
        ((3, 1000), (1, 2000), 6, ScaleUpLimit),
        ((1, 1000), (1, 2000), 4, ScaleUpLimit),
    ];
    for (replicas, (min, max), allowed, why) in rows {
        assert_eq!(limited_without_behavior(Range { min, max }, replicas), (allowed, why), "{replicas:?}");
    }
}

/// `TestStoreScaleEvents`: what came in the last minute before, and what is remembered after five more.
#[test]
fn changes_are_remembered_as_long_as_a_rule_looks_back() {
    type Case = (&'static [(u32, u64)], Given, i64, &'static [u32]);
    let rows: [Case; 6] = [
        (&[], (10, 60, 100, 60), 0, &[5]),
        (&[(7, 61)], (10, 60, 100, 60), 0, &[5]),
        (&[(7, 58)], (10, 60, 100, 60), 7, &[7, 5]),
        (&[(7, 61), (6, 59)], (10, 60, 0, 0), 6, &[6, 5]),
        (&[(8, 29), (6, 59), (7, 61), (9, 61)], (10, 60, 100, 30), 14, &[8, 6, 5]),
        (&[(7, 58), (6, 59)], (10, 120, 100, 30), 13, &[7, 6, 5]),
    ];
    for (given, policies, last_minute, after) in rows {
        let events: Vec<Change> =
            given.iter().map(|(replicas, ago)| Change { replicas: *replicas, at: before(*ago) }).collect();
        let of = |policies| rules(Some(policies), Rules::usual_up());
        let behavior = Behavior { up: of(policies), down: of(policies) };
        let replicas = |changes: &[Change]| changes.iter().map(|change| change.replicas).collect::<Vec<u32>>();
        let mut up = Changes { up: events.clone(), down: Vec::new() };
        assert_eq!(within(&up.up, SimDuration::from_secs(60), NOW), last_minute);
        up.remember(10, 15, &behavior, NOW);
        assert_eq!((replicas(&up.up).as_slice(), up.down.len()), (after, 0));
        let mut down = Changes { up: Vec::new(), down: events };
        down.remember(10, 5, &behavior, NOW);
        assert_eq!((replicas(&down.down).as_slice(), down.up.len()), (after, 0));
    }
}

fn recent(given: &[(u32, u64)]) -> Vec<Recommendation> {
    given.iter().map(|(replicas, minutes)| Recommendation { replicas: *replicas, at: before(minutes * 60) }).collect()
}

/// `TestNormalizeDesiredReplicas`: recommendations with their age in minutes, the new one, what comes of it.
#[test]
fn without_behavior_the_most_of_five_minutes_counts() {
    type Case = (&'static [(u32, u64)], u32, u32);
    let rows: [Case; 5] = [
        (&[], 5, 5),
        (&[(4, 2), (5, 1)], 3, 5),
        (&[(1, 2), (2, 1)], 3, 3),
        (&[(10, 10), (9, 9)], 3, 3),
        (&[(10, 10), (4, 1), (5, 2), (9, 9)], 3, 5),
    ];
    for (given, desired, expected) in rows {
        let mut recent = recent(given);
        let found = stabilized_without_behavior(&mut recent, SimDuration::from_secs(300), desired, NOW);
        assert_eq!(found, expected, "{given:?}");
        assert_eq!(recent.last(), Some(&Recommendation { replicas: desired, at: NOW }));
    }
}

/// `TestNormalizeDesiredReplicasWithBehavior`: recommendations with their age in minutes, windows in seconds, replicas
/// now and wanted, what comes of it.
#[test]
fn windows_hold_both_ways() {
    type Case = (&'static [(u32, u64)], (u64, u64), (u32, u32), u32);
    let rows: [Case; 11] = [
        (&[], (0, 0), (100, 5), 5),
        (&[(4, 2), (5, 1)], (0, 180), (100, 3), 5),
        (&[(4, 2), (5, 1)], (300, 0), (1, 7), 4),
        (&[(1, 2), (2, 1)], (300, 0), (100, 3), 3),
        (&[(4, 2), (5, 1)], (0, 300), (1, 3), 3),
        (&[(10, 10), (9, 9)], (0, 0), (100, 3), 3),
        (&[(10, 10), (9, 9)], (0, 0), (1, 100), 100),
        (&[(10, 10), (4, 1), (5, 2), (9, 9)], (0, 180), (100, 3), 5),
        (&[(10, 100), (6, 1), (5, 2), (9, 3)], (300, 0), (1, 100), 5),
        (&[(2, 100), (3, 3)], (300, 300), (2, 1), 2),
        (&[(2, 100), (1, 3)], (300, 300), (2, 3), 2),
    ];
    for (given, (up, down), replicas, expected) in rows {
        let windows = Windows { up: SimDuration::from_secs(up), down: SimDuration::from_secs(down) };
        assert_eq!(stabilized(&mut recent(given), windows, replicas, NOW), expected, "{given:?} {replicas:?}");
    }
}
