//! Replications that are simulated once more, for the stories of single requests.

use std::sync::atomic::AtomicBool;

use rayon::prelude::*;

use super::{RunError, guarded, pilot, threads, with_warmup};
use crate::model::plan::Plan;
use crate::model::{RequestLog, simulate_and_tell};
use crate::observe::outcome::NoSink;
use crate::observe::story::Story;
use crate::scenario::{Scenario, Window};

/// Requests of one replication whose stories are wanted, by traffic and number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The replication.
    pub replication: u32,
    /// The requests.
    pub requests: Vec<(usize, u64)>,
}

/// A story with its traffic and replication.
pub type Told = (usize, u32, Story);

/// The same variants with an automatic warm-up replaced by what the pilots of all of them find, as [`super::run`] does;
/// `None` when it was stopped.
///
/// # Errors
/// A pilot that breaks an invariant, cannot go on or finds no steady state.
pub fn settle(variants: &[Scenario], jobs: usize, stop: &AtomicBool) -> Option<Result<Vec<Scenario>, RunError>> {
    if variants.iter().all(|variant| !matches!(variant.run.window, Window::Auto { .. })) {
        return Some(Ok(variants.to_vec()));
    }
    let settled = |warmup| variants.iter().map(|variant| with_warmup(variant, warmup)).collect();
    match threads(jobs, variants.len() as u64) {
        Ok(pool) => Some(pilot::warmup(variants, &pool, stop)?.map(settled)),
        Err(error) => Some(Err(error)),
    }
}

/// The stories of these requests, with traffic and replication, in order; `None` when it was stopped. A request that
/// never came has none.
///
/// # Errors
/// The first replication that breaks an invariant or cannot go on.
pub fn stories(
    scenario: &Scenario,
    wanted: &[Wanted],
    jobs: usize,
    stop: &AtomicBool,
) -> Option<Result<Vec<Told>, RunError>> {
    let pool = match threads(jobs, wanted.len() as u64) {
        Ok(pool) => pool,
        Err(error) => return Some(Err(error)),
    };
    let plan = Plan::new(scenario);
    let tell = |wanted: &Wanted| {
        let Wanted { replication, requests } = wanted;
        let outcome = guarded(&plan, *replication, || {
            simulate_and_tell(&plan, (0, *replication), RequestLog::None, requests, &mut NoSink, stop)
        })?;
        let of_traffic = |(traffic, story): (u32, Story)| (traffic as usize, *replication, story);
        Some(outcome.map(|outcome| outcome.stories.into_iter().map(of_traffic).collect::<Vec<_>>()))
    };
    let told: Option<Vec<Result<Vec<_>, RunError>>> = pool.install(|| wanted.par_iter().map(tell).collect());
    let told: Result<Vec<Vec<_>>, RunError> = told?.into_iter().collect();
    Some(told.map(|told| told.into_iter().flatten().collect()))
}
