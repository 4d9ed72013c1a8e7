//! `windtunnel rollout SCENARIO --target deployment/web`: what that Deployment's rollouts cost under the scenario's
//! traffic, and with which `preStop` they cost nothing.

use std::fs;

use super::args::{Overrides, RolloutArgs, RolloutFormat};
use super::console::Console;
use super::metrics::choices;
use super::simulate::{cannot_write, jobs, run_trouble};
use super::{Status, Trouble, interrupt, load};
use crate::experiment::least::Asked;
use crate::experiment::rollouts::{Halt, Study, Subject};
use crate::report::rollout::{self, Found, Report};
use crate::scenario::{Action, Loaded, OptionText, Window};
use crate::time::SimDuration;

/// How long traffic flows before the rollout, where the scenario has no warm-up of its own.
const BEFORE: SimDuration = SimDuration::from_secs(10);
/// How many rollouts a pause must pass before it is confirmed.
const EXPLORED: u32 = 64;
/// How many others must then pass in a row: P(no error) is at least 99 % with 95 % confidence.
const CONFIRMED: u32 = 299;
/// How many rollouts tell what is left of failures with the longest pause.
const LEFT: u32 = 64;
/// How often the same time is simulated without a rollout.
const WITHOUT: u32 = 8;

pub(super) fn rollout(args: &RolloutArgs, console: &Console) -> Result<Status, Trouble> {
    let subject = subject(args, console)?;
    let stop = interrupt::flag(interrupt::STOPPING);
    let name = subject.scenario.name.clone();
    match study(args, &subject, stop, console) {
        Ok(status) => Ok(status),
        Err(Ended::Trouble(trouble)) => Err(trouble),
        Err(Ended::Halt(Halt::Run(error))) => Err(run_trouble(&format!("{name}: "), error)),
        Err(Ended::Halt(Halt::Interrupted)) => {
            console.note("interrupted before there was anything to say");
            Ok(Status::Interrupted)
        }
    }
}

/// Why a study ended early.
enum Ended {
    Halt(Halt),
    Trouble(Trouble),
}

impl From<Halt> for Ended {
    fn from(halt: Halt) -> Self {
        Self::Halt(halt)
    }
}

impl From<Trouble> for Ended {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

fn study(
    args: &RolloutArgs,
    subject: &Subject,
    stop: &std::sync::atomic::AtomicBool,
    console: &Console,
) -> Result<Status, Ended> {
    let mut study = Study::new(subject, jobs(&args.jobs), stop)?;
    let pilots = study.pilots()?;
    console.detail(&format!("rollouts take up to {}, pods up to {} to end", pilots.took, pilots.drain));
    let went = study.as_it_is(args.rollouts)?;
    let failed = study.without(WITHOUT)?;
    // What fails anyway cannot be searched away.
    let search = match failed == 0 && !args.as_it_is {
        true => {
            let asked = Asked { most: args.max_pre_stop, explored: EXPLORED, confirmed: CONFIRMED };
            Some(study.shortest_pause(asked, pilots)?)
        }
        false => None,
    };
    let needed = |search: &crate::experiment::least::Search| study.grace_for(search.least.unwrap_or(0), pilots);
    let left = match &search {
        Some(search) if search.least.is_none() => study.with_pause(args.max_pre_stop, pilots, LEFT)?,
        _ => Vec::new(),
    };
    let found = search.as_ref().map(|search| Found {
        search,
        left: &left,
        most: args.max_pre_stop,
        grace: study.grace(),
        needed: needed(search),
        drain: pilots.drain,
    });
    let report = Report {
        scenario: &subject.scenario.name,
        variant: &subject.scenario.variant,
        workload: &subject.scenario.workloads[subject.workload],
        went: &went,
        without: (WITHOUT, failed),
        search: found,
    };
    match args.format {
        RolloutFormat::Table => console.print(&rollout::render(&report, console.style()))?,
        RolloutFormat::Json => console.print(&format!("{:#}\n", rollout::document(&report)))?,
    }
    write_patch(args, &report, console)?;
    let is_missed = failed > 0 || search.is_some_and(|search| search.least.is_none());
    Ok(if is_missed { Status::Missed } else { Status::Done })
}

fn write_patch(args: &RolloutArgs, report: &Report<'_>, console: &Console) -> Result<(), Trouble> {
    let Some(path) = &args.patch else { return Ok(()) };
    match rollout::patch(report) {
        Some(patch) => {
            fs::write(path, patch).map_err(|error| cannot_write(path, &error))?;
            console.note(&format!("patch in {}", path.display()));
        }
        None => console.note(&format!("no patch to write: {} is left as it is", path.display())),
    }
    Ok(())
}

/// The scenario with a timeline that does nothing but begin the rollout: at the end of its warm-up, or after a while.
fn subject(args: &RolloutArgs, console: &Console) -> Result<Subject, Trouble> {
    let mut overrides = Overrides { seed: args.seed, set: args.set.clone(), ..Overrides::default() };
    overrides.set.push(("timeline".to_owned(), "[{at: 0s}]".to_owned()));
    overrides.texts.push(OptionText {
        option: "--target",
        path: "timeline[0].rolloutRestart".to_owned(),
        text: args.target.clone(),
        start: 0,
    });
    let loaded = load::load(&args.scenario, &overrides, &[], console)?;
    let index = variant(args, &loaded, console)?;
    let mut scenario = loaded.variants.into_iter().nth(index).expect("it was found among them");
    scenario.expect.clear();
    scenario.objectives.clear();
    scenario.metrics.clear();
    scenario.run.until = None;
    let begins = match scenario.run.window {
        Window::Time { warmup, .. } if !warmup.is_zero() => warmup,
        _ => BEFORE,
    };
    // What `--set` says stands above what variants say.
    let happening = scenario.timeline.first_mut().expect("the timeline is the one above");
    let Action::Restart { workload } = happening.action else { unreachable!("nothing else stands there") };
    happening.at = begins;
    Ok(Subject { scenario, workload, begins })
}

fn variant(args: &RolloutArgs, loaded: &Loaded, console: &Console) -> Result<usize, Trouble> {
    let names: Vec<&str> = loaded.variants.iter().map(|variant| variant.variant.as_str()).collect();
    let Some(wanted) = &args.variant else {
        if names.len() > 1 {
            let of = names.len();
            console.detail(&format!("rollouts of `{}`, the first of {of} variants (--variant NAME)", names[0]));
        }
        return Ok(0);
    };
    names.iter().position(|name| name == wanted).ok_or_else(|| {
        Trouble::usage(format!("no variant of {} is called `{wanted}`; {}", loaded.name, choices(wanted, &names)))
    })
}
