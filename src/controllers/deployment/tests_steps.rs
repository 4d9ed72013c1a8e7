//! Whole rollouts, step by step.

use super::tests::{rolling, set, wanted};
use super::*;
use crate::controllers::amount::Amount::{Count, Percent};

/// One rollout in which pods vanish at once: what each look does, and at `[k]` the first k new pods become available,
/// when nothing else can be done.
fn steps(replicas: u32, strategy: Strategy) -> String {
    let wanted = wanted(replicas, strategy);
    let mut sets = vec![set(0, replicas, &wanted)];
    let mut told: Vec<String> = Vec::new();
    loop {
        let new = revisions::current(&sets, 1);
        let decision = reconcile(&wanted, &sets, new);
        if decision.is_nothing() {
            let own = &mut sets[1];
            if own.available == own.spec {
                return told.join(" ");
            }
            (own.available, own.ready) = (own.spec, own.spec);
            told.push(format!("[{}]", own.spec));
            continue;
        }
        decision.apply(&wanted, 1, &mut sets);
        if let Some(count) = decision.create.filter(|count| *count > 0) {
            told.push(format!("new{count}"));
        }
        for (set, to) in decision.scale {
            told.push(format!("{}{to}", if set == 0 { "old" } else { "new" }));
        }
        for set in &mut sets {
            set.actual = set.spec;
            set.available = set.available.min(set.spec);
        }
    }
}

/// Worked out by hand from the rules.
#[test]
fn each_step_of_rollouts() {
    for (replicas, surge, unavailable, expected) in [
        (1, Percent(25), Percent(25), "new1 [1] old0"),
        (2, Percent(25), Percent(25), "new1 [1] old1 new2 [2] old0"),
        (3, Percent(25), Percent(25), "new1 [1] old2 new2 [2] old1 new3 [3] old0"),
        (4, Percent(25), Percent(25), "new1 old3 new2 [2] old1 new4 [4] old0"),
        (5, Percent(25), Percent(25), "new2 old4 new3 [3] old1 new5 [5] old0"),
        (10, Percent(25), Percent(25), "new3 old8 new5 [5] old3 new10 [10] old0"),
        (4, Count(0), Count(1), "old3 new1 [1] old2 new2 [2] old1 new3 [3] old0 new4 [4]"),
        (4, Count(1), Count(0), "new1 [1] old3 new2 [2] old2 new3 [3] old1 new4 [4] old0"),
        (4, Count(0), Count(0), "old3 new1 [1] old2 new2 [2] old1 new3 [3] old0 new4 [4]"),
        (3, Percent(100), Percent(0), "new3 [3] old0"),
        (3, Count(0), Percent(100), "old0 new3 [3]"),
    ] {
        assert_eq!(steps(replicas, rolling(surge, unavailable)), expected, "{replicas}, {surge:?}, {unavailable:?}");
    }
}

/// What stands after all that is done at a time: `[second, old, new, ready, all]`.
type Row = [u32; 5];

/// A rollout in which new pods are ready `ready_after` seconds after they were made and available `min_ready` seconds
/// later, and pods vanish at once.
fn timeline(replicas: u32, strategy: Strategy, ready_after: u32, min_ready: u32) -> Vec<Row> {
    let wanted = wanted(replicas, strategy);
    let mut sets = vec![set(0, replicas, &wanted)];
    let mut made: Vec<u32> = Vec::new();
    let mut rows: Vec<Row> = Vec::new();
    for second in 0..1_000 {
        let mut has_changed = false;
        loop {
            if let Some(own) = sets.get_mut(1) {
                let after = |wait: u32| u32::try_from(made.iter().filter(|at| **at + wait <= second).count()).unwrap();
                (own.ready, own.available) = (after(ready_after), after(ready_after + min_ready));
            }
            let decision = reconcile(&wanted, &sets, revisions::current(&sets, 1));
            if decision.is_nothing() {
                break;
            }
            has_changed = true;
            decision.apply(&wanted, 1, &mut sets);
            made.resize(sets[1].spec as usize, second);
            for set in &mut sets {
                set.actual = set.spec;
                (set.ready, set.available) = (set.ready.min(set.spec), set.available.min(set.spec));
            }
        }
        let (old, new) = (sets[0], sets[1]);
        let row = [second, old.spec, new.spec, old.ready + new.ready, old.spec + new.spec];
        let is_complete = new.available == replicas && old.spec == 0;
        if has_changed || (is_complete && rows.last().is_some_and(|last| last[3] != row[3])) {
            rows.push(row);
        }
        if is_complete {
            return rows;
        }
    }
    panic!("the rollout does not end: {rows:?}");
}

/// Exact time-lines, worked out from the rules by another program.
#[test]
fn rollouts_take_their_time() {
    let one_by_one = |surge: bool| -> Vec<Row> {
        let row = |step: u32| match (surge, step) {
            (_, 10) => [100, 0, 10, 10, 10],
            (true, _) => [10 * step, 10 - step, step + 1, 10, 11],
            (false, _) => [10 * step, 9 - step, step + 1, 9, 10],
        };
        (0..=10).map(row).collect()
    };
    for (replicas, surge, unavailable, ready_after, min_ready, fenceposts, expected) in [
        (10, Percent(25), Percent(25), 10, 0, (3, 2), vec![[0, 8, 5, 8, 13], [10, 3, 10, 8, 13], [20, 0, 10, 10, 10]]),
        (4, Percent(25), Percent(25), 20, 0, (1, 1), vec![[0, 3, 2, 3, 5], [20, 1, 4, 3, 5], [40, 0, 4, 4, 4]]),
        (1, Percent(25), Percent(25), 5, 0, (1, 0), vec![[0, 1, 1, 1, 2], [5, 0, 1, 1, 1]]),
        (10, Count(1), Count(0), 10, 0, (1, 0), one_by_one(true)),
        (10, Count(0), Count(1), 10, 0, (0, 1), one_by_one(false)),
        (6, Percent(100), Count(0), 15, 5, (6, 0), vec![[0, 6, 6, 6, 12], [20, 0, 6, 6, 6]]),
    ] {
        let strategy = rolling(surge, unavailable);
        let own = wanted(replicas, strategy);
        assert_eq!((own.max_surge(), own.max_unavailable()), fenceposts);
        let rows = timeline(replicas, strategy, ready_after, min_ready);
        assert_eq!(rows, expected, "{replicas}, {strategy:?}");
        let most = rows.iter().map(|row| row[4]).max();
        assert_eq!(most, Some(replicas + if rows.len() == 1 { 0 } else { fenceposts.0 }));
        let fewest = rows.iter().map(|row| row[3]).min();
        assert_eq!(fewest, Some(replicas - fenceposts.1), "{replicas}, {strategy:?}");
    }
}
