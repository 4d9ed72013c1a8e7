//! `windtunnel explain SCENARIO|DIR`: why the tail is where it is, what happens without its causes, and what happened to
//! single requests.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::args::{ExplainArgs, ExplainFormat, Overrides};
use super::console::Console;
use super::metrics::choices;
use super::progress::Bar;
use super::simulate::{jobs, run_trouble};
use super::{Status, Trouble, interrupt, load};
use crate::experiment::{self, Finished, Options, RequestLog, RunError, Wanted};
use crate::model::plan::Plan;
use crate::observe::outcome::{Labels, NoSink, RunOutcome};
use crate::report::VariantSummary;
use crate::report::directory::{SCENARIO_FILE, StoredScenario, stored_scenario};
use crate::report::explain::{self, Candidate, Explanation, Survey, Surveyed, Told, TooFew};
use crate::scenario::{Loaded, OptionText, Scenario, vary};

/// What a node is called by, where a request comes from.
const NODE: &str = "node/";

/// What every step needs.
struct Task<'a> {
    args: &'a ExplainArgs,
    console: &'a Console,
    stop: &'a AtomicBool,
    scenario: Scenario,
    /// The traffics to be explained.
    traffics: Vec<usize>,
}

/// What a step gives; `None` when the user stopped it.
type Step<T> = Result<Option<T>, Trouble>;

pub(super) fn explain(args: &ExplainArgs, console: &Console) -> Result<Status, Trouble> {
    let loaded = read(args, console)?;
    let index = variant(args, &loaded, console)?;
    let stop = interrupt::flag(interrupt::STOPPING);
    let settled = experiment::settle(&loaded.variants, jobs(&args.jobs), stop).transpose();
    let settled = settled.map_err(|error| run_trouble(&format!("{}: ", loaded.name), error))?;
    let said = match settled {
        None => None,
        Some(mut variants) => {
            let mut scenario = variants.swap_remove(index);
            // What only says something about results.
            scenario.expect.clear();
            scenario.objectives.clear();
            let traffics = traffics(args, &scenario)?;
            replication_exists(args, &scenario)?;
            let mut task = Task { args, console, stop, scenario, traffics };
            match args.request.or(args.to.as_ref().map(|_| 0)) {
                Some(number) => task.one_story(number)?,
                None => task.explanation(&loaded)?,
            }
        }
    };
    let Some(text) = said else {
        console.note("interrupted before there was anything to explain");
        return Ok(Status::Interrupted);
    };
    console.print(&text)?;
    Ok(Status::Done)
}

/// The scenario in a file, or that of a result.
fn read(args: &ExplainArgs, console: &Console) -> Result<Loaded, Trouble> {
    let path = Path::new(&args.scenario);
    let overrides = &overrides(args);
    if !path.is_dir() {
        return load::load(&args.scenario, overrides, &[], console);
    }
    let StoredScenario { text, version, replications } = stored_scenario(path).map_err(Trouble::usage)?;
    let own = env!("CARGO_PKG_VERSION");
    if version != own {
        console.note(&format!(
            "warning: {} was written by windtunnel {version}, and this is {own}: its figures may differ",
            path.display()
        ));
    }
    let mut loaded = load::load_text(&path.join(SCENARIO_FILE).to_string_lossy(), &text, overrides, &[], console)?;
    // A goal ended the replications of the result where it did.
    for variant in loaded.variants.iter_mut().filter(|variant| variant.run.until.is_some()) {
        if let Some((_, made)) = replications.iter().find(|(name, _)| *name == variant.variant) {
            (variant.run.replications, variant.run.until) = (*made, None);
        }
    }
    Ok(loaded)
}

/// What the command line changes; `--from` and `--to` replace all traffic by one request at the beginning.
fn overrides(args: &ExplainArgs) -> Overrides {
    let mut overrides = args.overrides.clone();
    if let (Some(from), Some(to)) = (&args.from, &args.to) {
        // Variants and objectives speak of the traffic that is not there.
        let alone = [
            ("variants", "[]"),
            ("traffic", "[{name: request}]"),
            ("traffic[request].arrivals.trace.data", "\"arrival_s\\n0\\n\""),
            ("objectives", "[]"),
            ("run.warmup", "0s"),
            ("run.replications", "1"),
        ];
        overrides.set.extend(alone.map(|(path, value)| (path.to_owned(), value.to_owned())));
        let option = |option, path: &str, text: &String, start| OptionText {
            option,
            path: format!("traffic[request].{path}"),
            text: text.clone(),
            start,
        };
        overrides.texts.push(match from.strip_prefix(NODE) {
            Some(_) => option("--from", "from.node", from, NODE.len()),
            None => option("--from", "from", from, 0),
        });
        overrides.texts.push(option("--to", "to", to, 0));
    }
    overrides
}

/// The variant that is explained.
fn variant(args: &ExplainArgs, loaded: &Loaded, console: &Console) -> Result<usize, Trouble> {
    let names: Vec<&str> = loaded.variants.iter().map(|variant| variant.variant.as_str()).collect();
    let Some(wanted) = &args.variant else {
        if names.len() > 1 {
            console.note(&format!("explaining `{}`, the first of {} variants (--variant NAME)", names[0], names.len()));
        }
        return Ok(0);
    };
    // `--vary rate=800/s` makes a variant `rate=800-s`, and either may be asked for.
    let called = [wanted.as_str(), &vary::as_name(wanted)];
    let found = names.iter().position(|name| called.contains(name));
    found.ok_or_else(|| {
        Trouble::usage(format!("no variant of {} is called `{wanted}`; {}", loaded.name, choices(wanted, &names)))
    })
}

/// The traffics that are explained; a single request belongs to one.
fn traffics(args: &ExplainArgs, scenario: &Scenario) -> Result<Vec<usize>, Trouble> {
    let names: Vec<&str> = scenario.traffic.iter().map(|traffic| traffic.flow.name.as_str()).collect();
    let Some(wanted) = &args.traffic else {
        if args.request.is_some() && names.len() > 1 {
            let names = names.join(", ");
            return Err(Trouble::usage(format!(
                "requests are numbered in each traffic: add --traffic, one of {names}"
            )));
        }
        return Ok((0..names.len()).collect());
    };
    let found = names.iter().position(|name| name == wanted).ok_or_else(|| {
        let choices = choices(wanted, &names);
        Trouble::usage(format!("no traffic of {} is called `{wanted}`; {choices}", scenario.name))
    })?;
    Ok(vec![found])
}

fn replication_exists(args: &ExplainArgs, scenario: &Scenario) -> Result<(), Trouble> {
    let replications = scenario.run.replications;
    match args.replication {
        Some(replication) if replication >= replications => Err(Trouble::usage(format!(
            "there is no replication {replication}: there are {replications}, numbered from 0"
        ))),
        _ => Ok(()),
    }
}

impl Task<'_> {
    /// The story of one request.
    fn one_story(&self, number: u64) -> Step<String> {
        let replication = self.args.replication.unwrap_or(0);
        let wanted = [Wanted { replication, requests: vec![(self.traffics[0], number)] }];
        let Some(told) = self.stories(&wanted)? else { return Ok(None) };
        let Some((_, told)) = told.into_iter().next() else {
            let name = &self.scenario.traffic[self.traffics[0]].flow.name;
            return Err(Trouble::usage(format!(
                "replication {replication} of traffic {name} has no request {number}; numbers stand in requests.csv \
                 (run --requests all)"
            )));
        };
        Ok(Some(match self.args.format {
            ExplainFormat::Table => explain::story_text(&told, self.console.style()),
            ExplainFormat::Markdown => explain::story_markdown(&told),
            ExplainFormat::Json => format!("{:#}\n", explain::story_value(&told)),
        }))
    }

    fn trouble(&self, error: RunError) -> Trouble {
        run_trouble(&format!("{}: ", self.scenario.name), error)
    }

    fn stories(&self, wanted: &[Wanted]) -> Step<Vec<(usize, Told)>> {
        let told = experiment::stories(&self.scenario, wanted, jobs(&self.args.jobs), self.stop).transpose();
        let told = told.map_err(|error| self.trouble(error))?;
        let with_replication = |(traffic, replication, story)| (traffic, Told { replication, story });
        Ok(told.map(|told| told.into_iter().map(with_replication).collect()))
    }

    /// The tails, their counterfactuals and the slowest requests.
    fn explanation(&mut self, loaded: &Loaded) -> Step<String> {
        let Some(surveyed) = self.survey()? else { return Ok(None) };
        // Whatever ended its replications, the counterfactuals have as many.
        (self.scenario.run.replications, self.scenario.run.until) = (surveyed.summary().replications, None);
        let Self { args, scenario, .. } = &*self;
        let plan = Plan::new(scenario);
        let (mut found, mut too_few) = (Vec::new(), Vec::new());
        for traffic in &self.traffics {
            let tail = match surveyed.tail(&plan, *traffic, args.quantile) {
                Ok(tail) => tail,
                Err(few) => {
                    too_few.push(few);
                    continue;
                }
            };
            let (mut candidates, fixed) = explain::candidates(scenario, &tail);
            candidates.truncate(usize::from(args.causes));
            found.push((*traffic, tail, candidates, fixed));
        }
        if found.is_empty() {
            return Err(nothing_to_explain(&too_few));
        }
        let candidates = found.iter().flat_map(|(_, _, candidates, _)| candidates);
        let Some(others) = self.counterfactuals(candidates)? else { return Ok(None) };
        let explained: Vec<usize> = found.iter().map(|(traffic, ..)| *traffic).collect();
        let Some(mut stories) = self.slowest(&surveyed, &explained)? else { return Ok(None) };
        let mut traffics = Vec::new();
        for (traffic, tail, candidates, fixed) in found {
            let with = (&surveyed, args.quantile);
            let mut explained = explain::traffic(&plan, traffic, with, tail, &candidates, fixed, &others);
            let own = stories.extract_if(.., |(of, _)| *of == traffic);
            explained.stories = own.map(|(_, told)| told).collect();
            // Slowest first; a stable sort keeps equal ones in the order of replications and numbers.
            explained.stories.sort_by_key(|told| std::cmp::Reverse(told.story.latency()));
            traffics.push(explained);
        }
        let explanation = Explanation {
            scenario: loaded.name.clone(),
            question: loaded.question.clone(),
            variant: scenario.variant.clone(),
            seed: scenario.run.seed,
            replications: scenario.run.replications,
            quantile: args.quantile,
            traffics,
            too_few,
        };
        Ok(Some(match args.format {
            ExplainFormat::Table => explain::render(&explanation, self.console.style()),
            ExplainFormat::Markdown => explain::markdown(&explanation),
            ExplainFormat::Json => format!("{:#}\n", explain::document(&explanation)),
        }))
    }

    /// All replications as they are.
    fn survey(&self) -> Step<Surveyed> {
        let mut scenario = self.scenario.clone();
        scenario.observe.survey = Some(usize::from(self.args.slowest));
        let mut survey = Survey::new(&scenario, usize::from(self.args.slowest));
        if let Some(only) = self.args.replication {
            survey.slowest_of(only);
        }
        let add = &mut |labels: &Labels, outcome: RunOutcome| survey.add(labels, &outcome);
        let finished = self.simulate(std::slice::from_ref(&scenario), add)?;
        Ok((finished == Finished::Complete).then(|| survey.finish()))
    }

    /// All replications without each of these causes.
    fn counterfactuals<'c>(&self, candidates: impl Iterator<Item = &'c Candidate>) -> Step<Vec<VariantSummary>> {
        let mut variants: Vec<Scenario> = Vec::new();
        for candidate in candidates {
            let changed = candidate.removal.apply(&self.scenario);
            if variants.iter().all(|known| known.variant != changed.variant) {
                variants.push(changed);
            }
        }
        let mut surveys: Vec<Survey> = variants.iter().map(|variant| Survey::new(variant, 0)).collect();
        let add = &mut |labels: &Labels, outcome: RunOutcome| surveys[outcome.variant].add(labels, &outcome);
        let finished = self.simulate(&variants, add)?;
        let summaries = surveys.into_iter().map(|survey| survey.finish().into_summary());
        Ok((finished == Finished::Complete).then(|| summaries.collect()))
    }

    /// The stories of the slowest requests of each traffic.
    fn slowest(&self, surveyed: &Surveyed, traffics: &[usize]) -> Step<Vec<(usize, Told)>> {
        let mut wanted: Vec<Wanted> = Vec::new();
        for traffic in traffics {
            for slow in surveyed.slowest(*traffic) {
                let request = (*traffic, slow.number);
                match wanted.iter_mut().find(|known| known.replication == slow.replication) {
                    Some(known) => known.requests.push(request),
                    None => wanted.push(Wanted { replication: slow.replication, requests: vec![request] }),
                }
            }
        }
        self.stories(&wanted)
    }

    fn simulate(
        &self,
        variants: &[Scenario],
        consume: &mut dyn FnMut(&Labels, RunOutcome),
    ) -> Result<Finished, Trouble> {
        if variants.is_empty() {
            return Ok(Finished::Complete);
        }
        let options = Options { jobs: jobs(&self.args.jobs), requests_log: RequestLog::None };
        let bar = Bar::new(self.console, &self.scenario.name);
        let sinks = &|_, _, _: &Labels| -> Box<dyn crate::observe::outcome::Sink + Send> { Box::new(NoSink) };
        let finished = experiment::run(variants, &options, self.stop, &bar, sinks, consume);
        bar.finish();
        finished.map_err(|error| self.trouble(error))
    }
}

/// No traffic has enough requests that succeeded.
fn nothing_to_explain(too_few: &[TooFew]) -> Trouble {
    let said: Vec<String> = too_few.iter().map(ToString::to_string).collect();
    let way_out = if too_few.iter().all(|few| few.succeeded == 0) {
        "--request 0 tells the story of one"
    } else {
        "make the run longer, or take a lower --quantile"
    };
    Trouble::usage(format!("{}; {way_out}", said.join("; ")))
}
