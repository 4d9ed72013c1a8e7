//! Revisions: which ReplicaSet is that of the current template, which one `undo` goes back to, and which are forgotten.

use super::ReplicaSet;

/// The ReplicaSet of a template: of several the one that was made first.
#[must_use]
pub fn current(sets: &[ReplicaSet], template: u32) -> Option<usize> {
    (0..sets.len()).filter(|set| sets[*set].template == template).min_by_key(|set| sets[*set].created)
}

/// The revision that the ReplicaSet of the current template has: one more than any other. So one that is gone back to
/// becomes the newest.
#[must_use]
pub fn next(sets: &[ReplicaSet], new: Option<usize>) -> u32 {
    super::others(sets, new).map(|set| sets[set].revision).max().unwrap_or(0) + 1
}

/// The ReplicaSet whose template `kubectl rollout undo` takes: that of revision `to`, or of the last but one.
#[must_use]
pub fn undo(sets: &[ReplicaSet], to: Option<u32>) -> Option<usize> {
    if let Some(revision) = to {
        return (0..sets.len()).find(|set| sets[*set].revision == revision);
    }
    let mut newest_first: Vec<usize> = (0..sets.len()).collect();
    newest_first.sort_by_key(|set| std::cmp::Reverse(sets[*set].revision));
    newest_first.get(1).copied()
}

/// Old ReplicaSets that are forgotten when a rollout is complete: beyond the newest `limit`
/// (`revisionHistoryLimit`), if they neither have pods nor are to have some.
#[must_use]
pub fn forgotten(sets: &[ReplicaSet], new: Option<usize>, limit: u32) -> Vec<usize> {
    let mut old: Vec<usize> = super::others(sets, new).collect();
    old.sort_by_key(|set| (sets[*set].revision, sets[*set].created));
    let surplus = old.len().saturating_sub(limit as usize);
    old.truncate(surplus);
    old.retain(|set| sets[*set].spec == 0 && sets[*set].actual == 0);
    old
}
