//! `windtunnel explain SCENARIO|DIR`: why the tail is where it is, and what happens without its causes.

use std::sync::atomic::AtomicBool;

use super::args::{ExplainArgs, ExplainFormat};
use super::console::Console;
use super::progress::Bar;
use super::simulate::{jobs, run_trouble};
use super::{Status, Trouble, interrupt, load};
use crate::experiment::{self, Finished, Options, RequestLog};
use crate::model::plan::Plan;
use crate::observe::outcome::{Labels, NoSink, RunOutcome};
use crate::report::VariantSummary;
use crate::report::explain::{self, Candidate, Explanation, Survey, Surveyed};
use crate::scenario::{Loaded, Scenario, Window, vary};
use crate::time::SimDuration;
use crate::yaml::nearest;

pub(super) fn explain(args: &ExplainArgs, console: &Console) -> Result<Status, Trouble> {
    let loaded = load::load(&args.scenario, &args.overrides, &[], console)?;
    let scenario = variant(args, &loaded, console)?;
    let traffics = traffics(args, &scenario)?;
    let stop = interrupt::flag();
    let Some(explanation) = explanation(args, &loaded, scenario, &traffics, (console, stop))? else {
        console.note("interrupted before there was anything to explain");
        return Ok(Status::Interrupted);
    };
    match args.format {
        ExplainFormat::Table => console.print(&explain::render(&explanation, console.style()))?,
        ExplainFormat::Markdown => console.print(&explain::markdown(&explanation))?,
        ExplainFormat::Json => console.print(&format!("{:#}\n", explain::document(&explanation)))?,
    }
    Ok(Status::Done)
}

/// The variant that is explained, without what only says something about results.
fn variant(args: &ExplainArgs, loaded: &Loaded, console: &Console) -> Result<Scenario, Trouble> {
    let names: Vec<&str> = loaded.variants.iter().map(|variant| variant.variant.as_str()).collect();
    let index = match &args.variant {
        None => {
            if names.len() > 1 {
                console.note(&format!("explaining the first of {} variants; another: --variant NAME", names.len()));
            }
            0
        }
        // `--vary rate=800/s` makes a variant `rate=800-s`, and either may be asked for.
        Some(wanted) => {
            let called = [wanted.as_str(), &vary::as_name(wanted)];
            names.iter().position(|name| called.contains(name)).ok_or_else(|| {
                Trouble::usage(format!(
                    "no variant of {} is called `{wanted}`; {}",
                    loaded.name,
                    choices(wanted, &names)
                ))
            })?
        }
    };
    let mut scenario = loaded.variants[index].clone();
    scenario.expect.clear();
    scenario.objectives.clear();
    Ok(scenario)
}

/// The traffics that are explained.
fn traffics(args: &ExplainArgs, scenario: &Scenario) -> Result<Vec<usize>, Trouble> {
    let names: Vec<&str> = scenario.traffic.iter().map(|traffic| traffic.flow.name.as_str()).collect();
    let Some(wanted) = &args.traffic else { return Ok((0..names.len()).collect()) };
    match names.iter().position(|name| name == wanted) {
        Some(index) => Ok(vec![index]),
        None => Err(Trouble::usage(format!(
            "no traffic of {} is called `{wanted}`; {}",
            scenario.name,
            choices(wanted, &names)
        ))),
    }
}

/// What could have been meant.
fn choices(word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", known.join(", ")),
    }
}

/// Simulates the variant and its counterfactuals; `None` when it was stopped.
fn explanation(
    args: &ExplainArgs,
    loaded: &Loaded,
    mut scenario: Scenario,
    traffics: &[usize],
    (console, stop): (&Console, &AtomicBool),
) -> Result<Option<Explanation>, Trouble> {
    scenario.observe.survey = Some(0);
    let mut survey = Survey::new(&scenario, 0);
    let mut window = None;
    let every = std::slice::from_ref(&scenario);
    let finished = simulate(args, every, (console, stop), &mut |labels, outcome| {
        window = Some(outcome.window);
        survey.add(labels, &outcome);
    })?;
    let (Finished::Complete, Some(window)) = (finished, window) else { return Ok(None) };
    if let Window::Auto { duration } = scenario.run.window {
        // What the pilots found holds for everything that is compared with this run.
        let warmup = SimDuration::from_nanos(window.0.as_nanos());
        scenario.run.window = Window::Time { duration, warmup };
    }
    scenario.observe.survey = None;
    let surveyed = survey.finish();
    let plan = Plan::new(&scenario);
    let mut found = Vec::new();
    for traffic in traffics {
        let tail = surveyed.tail(&plan, *traffic, args.quantile).map_err(too_few)?;
        let (mut candidates, fixed) = explain::candidates(&scenario, &tail);
        candidates.truncate(usize::from(args.causes));
        found.push((*traffic, tail, candidates, fixed));
    }
    let candidates = found.iter().flat_map(|(_, _, candidates, _)| candidates);
    let Some(others) = counterfactuals(args, &scenario, candidates, (console, stop))? else { return Ok(None) };
    let explain = |(traffic, tail, candidates, fixed): (usize, _, Vec<Candidate>, _)| {
        explain::traffic(&plan, traffic, (&surveyed, args.quantile), tail, &candidates, fixed, &others)
    };
    Ok(Some(Explanation {
        scenario: loaded.name.clone(),
        question: loaded.question.clone(),
        variant: scenario.variant.clone(),
        seed: scenario.run.seed,
        replications: scenario.run.replications,
        quantile: args.quantile,
        traffics: found.into_iter().map(explain).collect(),
    }))
}

fn too_few(message: String) -> Trouble {
    Trouble::usage(format!("{message}; make the run longer, or take a lower --quantile"))
}

/// Simulates the scenario once without each of these causes; `None` when it was stopped.
fn counterfactuals<'c>(
    args: &ExplainArgs,
    scenario: &Scenario,
    candidates: impl Iterator<Item = &'c Candidate>,
    (console, stop): (&Console, &AtomicBool),
) -> Result<Option<Vec<VariantSummary>>, Trouble> {
    let mut variants: Vec<Scenario> = Vec::new();
    for candidate in candidates {
        let changed = candidate.removal.apply(scenario);
        if variants.iter().all(|known| known.variant != changed.variant) {
            variants.push(changed);
        }
    }
    let mut surveys: Vec<Survey> = variants.iter().map(|variant| Survey::new(variant, 0)).collect();
    let finished = simulate(args, &variants, (console, stop), &mut |labels, outcome| {
        surveys[outcome.variant].add(labels, &outcome);
    })?;
    let summaries = surveys.into_iter().map(|survey| Surveyed::into_summary(survey.finish()));
    Ok((finished == Finished::Complete).then(|| summaries.collect()))
}

fn simulate(
    args: &ExplainArgs,
    variants: &[Scenario],
    (console, stop): (&Console, &AtomicBool),
    consume: &mut dyn FnMut(&Labels, RunOutcome),
) -> Result<Finished, Trouble> {
    let Some(first) = variants.first() else { return Ok(Finished::Complete) };
    let options = Options { jobs: jobs(&args.jobs), requests_log: RequestLog::None };
    let bar = Bar::new(console, &first.name);
    let finished =
        experiment::run(variants, &options, stop, &bar, &|_, _, _| Box::new(NoSink), &mut |labels, outcome| {
            consume(labels, outcome);
        });
    bar.finish();
    finished.map_err(|error| run_trouble(&first.name, error))
}
