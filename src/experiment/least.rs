//! The least setting with which nothing fails, found with as few runs as possible and then confirmed by others.
//!
//! A setting that is tried meets the same replications as the others, so that what one needs more of is not chance; those
//! in which another setting failed come first. What the search finds has been chosen because nothing failed, so it proves
//! nothing: the claim rests on replications that the search never saw. If one of these fails, the search goes on above,
//! knows that replication from then on, and what it finds next is confirmed by others again.

/// How to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The largest setting that comes into question.
    pub most: u32,
    /// How many replications a setting must pass before it is confirmed.
    pub explored: u32,
    /// How many others must pass in a row.
    pub confirmed: u32,
}

/// A setting that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tried {
    /// The setting.
    pub setting: u32,
    /// How many replications it met, until some failed.
    pub runs: u32,
    /// In how many of these something failed.
    pub failed: u32,
    /// Whether it was being confirmed.
    pub confirms: bool,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// The least setting with which nothing failed in as many replications in a row as were asked for; `None` if there is
    /// none up to the largest.
    pub least: Option<u32>,
    /// Everything that was tried, in order.
    pub tried: Vec<Tried>,
}

/// How many replications are simulated before anybody looks: a number of its own, so that what is tried does not depend on
/// how many run at once.
const BATCH: usize = 32;

/// Searches; `run` says of each replication whether something failed with a setting.
///
/// # Errors
/// The first error of a run.
pub fn least<E>(asked: Asked, mut run: impl FnMut(u32, &[u32]) -> Result<Vec<bool>, E>) -> Result<Search, E> {
    let mut known: Vec<u32> = (0..asked.explored).collect();
    let mut fresh = asked.explored;
    let mut tried = Vec::new();
    // Below `from` everything failed.
    let mut from = 0;
    loop {
        let mut passes = |setting: u32| -> Result<bool, E> {
            let (failed, met) = meet(setting, &known, &mut run)?;
            tried.push(Tried { setting, runs: met, failed: failed.len() as u32, confirms: false });
            bring_to_front(&mut known, &failed);
            Ok(failed.is_empty())
        };
        let Some(setting) = climb(from, asked.most, &mut passes)? else { return Ok(Search { least: None, tried }) };
        let others: Vec<u32> = (fresh..fresh + asked.confirmed).collect();
        fresh += asked.confirmed;
        let (failed, met) = meet(setting, &others, &mut run)?;
        tried.push(Tried { setting, runs: met, failed: failed.len() as u32, confirms: true });
        if failed.is_empty() {
            return Ok(Search { least: Some(setting), tried });
        }
        known.splice(0..0, failed);
        from = setting + 1;
        if from > asked.most {
            return Ok(Search { least: None, tried });
        }
    }
}

/// The least setting from `from` on that passes: steps that double, then halves.
fn climb<E>(from: u32, most: u32, passes: &mut impl FnMut(u32) -> Result<bool, E>) -> Result<Option<u32>, E> {
    let (mut low, mut step) = (from, 0);
    let mut high = loop {
        let setting = from.saturating_add(step).min(most);
        if passes(setting)? {
            break setting;
        }
        if setting == most {
            return Ok(None);
        }
        low = setting + 1;
        step = (step * 2).max(1);
    };
    while low < high {
        let middle = low + (high - low) / 2;
        if passes(middle)? {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(Some(high))
}

/// Which of these replications fail, and how many were met: no more after the first batch in which one does.
fn meet<E>(
    setting: u32,
    replications: &[u32],
    run: &mut impl FnMut(u32, &[u32]) -> Result<Vec<bool>, E>,
) -> Result<(Vec<u32>, u32), E> {
    let mut met = 0;
    for batch in replications.chunks(BATCH) {
        let failed = run(setting, batch)?;
        met += batch.len() as u32;
        let failed: Vec<u32> = batch.iter().zip(failed).filter(|(_, failed)| *failed).map(|(one, _)| *one).collect();
        if !failed.is_empty() {
            return Ok((failed, met));
        }
    }
    Ok((Vec::new(), met))
}

fn bring_to_front(known: &mut Vec<u32>, failed: &[u32]) {
    known.retain(|one| !failed.contains(one));
    known.splice(0..0, failed.iter().copied());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Replications that need so much each; how many runs the search takes.
    fn search(asked: Asked, needs: impl Fn(u32) -> u32) -> (Search, usize) {
        let mut runs = 0;
        let found = least(asked, |setting, batch| {
            runs += batch.len();
            Ok::<_, ()>(batch.iter().map(|one| setting < needs(*one)).collect())
        });
        (found.unwrap(), runs)
    }

    const ASKED: Asked = Asked { most: 300, explored: 64, confirmed: 299 };

    #[test]
    fn the_least_is_found_and_confirmed_by_others() {
        for need in [0, 1, 2, 3, 7, 12, 100, 299, 300] {
            let (found, runs) = search(ASKED, |one| need.min(one));
            // Each replication needs as much as its number, up to that: beyond 63 only those need it that confirm.
            assert_eq!(found.least, Some(need));
            let last = found.tried.last().unwrap();
            assert_eq!((last.setting, last.runs, last.failed, last.confirms), (need, 299, 0, true));
            assert!(runs < 299 * 8, "{need}: {runs}");
        }
    }

    #[test]
    fn what_only_others_need_is_found_by_them() {
        // Replication 200 needs 9, all others 4: the search finds 4, the others refuse it, and the next ones confirm 9.
        let (found, _) = search(ASKED, |one| if one == 200 { 9 } else { 4 });
        assert_eq!(found.least, Some(9));
        let confirmed: Vec<(u32, u32)> =
            found.tried.iter().filter(|tried| tried.confirms).map(|tried| (tried.setting, tried.failed)).collect();
        assert_eq!(confirmed, [(4, 1), (9, 0)]);
        // From then on it is known, and met first.
        let after: Vec<&Tried> = found.tried.iter().skip_while(|tried| !tried.confirms).skip(1).collect();
        assert!(after.iter().filter(|tried| tried.failed > 0).all(|tried| tried.runs == 32), "{after:?}");
    }

    #[test]
    fn nothing_may_be_enough() {
        let (found, runs) = search(ASKED, |_| 301);
        assert_eq!(found.least, None);
        assert_eq!(runs, found.tried.len() * 32);
        let (found, _) = search(Asked { most: 0, ..ASKED }, |one| u32::from(one == 100));
        assert_eq!(found.least, None);
        // The largest itself comes into question.
        assert_eq!(search(Asked { most: 5, ..ASKED }, |_| 5).0.least, Some(5));
    }

    #[test]
    fn an_error_ends_it() {
        assert_eq!(least(ASKED, |_, _| Err::<Vec<bool>, _>("broken")), Err("broken"));
    }
}
