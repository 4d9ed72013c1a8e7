//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::experiment::RequestLog;
use crate::report::explain::TailQuantile;
use crate::scenario::OptionText;
use crate::time::SimDuration;

/// A wind tunnel for Kubernetes services: real manifests and a description of the traffic in; latency, errors and load
/// distribution out, before you change the cluster.
#[derive(Debug, Parser)]
#[command(name = "windtunnel", version, max_term_width = 100, propagate_version = false)]
#[command(after_help = "Example: windtunnel run scenarios/quickstart.yaml\n\
    Exit status: 0 done, every objective met; 1 an objective missed or undecided;\n\
    2 bad usage or scenario; 3 internal fault; 130 interrupted.")]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) verb: Verb,
    #[command(flatten)]
    pub(super) verbosity: Verbosity,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Simulate every variant; a summary on the terminal, CSV files in the output directory
    Run(RunArgs),
    /// The variants side by side, in pairs on the same requests, with verdicts
    Compare(CompareArgs),
    /// A grid of variants, hundreds or thousands, on all cores: one table, one result directory
    Sweep(SweepArgs),
    /// Why the tail is where it is; what its causes cost; single requests hop by hop
    Explain(ExplainArgs),
    /// What rollouts of a Deployment cost, and the preStop that keeps every request
    Rollout(RolloutArgs),
    /// Validate scenarios; list what is used, ignored and assumed
    Check(CheckArgs),
    /// Compare known results (scenarios with `expect`) with this build
    Validate(ValidateArgs),
    /// List what a scenario may name, with parameters and defaults
    List(ListArgs),
    /// Print the JSON Schema of a scenario, for editor completion
    Schema,
    /// Print shell completions
    Completions(CompletionsArgs),
}

#[derive(Debug, Args)]
pub(super) struct Verbosity {
    /// Print only results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Print more notes
    #[arg(short, long, global = true)]
    pub(super) verbose: bool,
    /// Show no progress bar
    #[arg(long, global = true)]
    pub(super) no_progress: bool,
}

#[derive(Debug, Clone, Default, Args)]
pub(super) struct Overrides {
    /// Seed of all randomness
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = parse_seed)]
    pub(super) seed: Option<u64>,
    /// Independent replications of each variant
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = parse_replications)]
    pub(super) replications: Option<u32>,
    /// Simulated time, warm-up included: 90s, 5m
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = parse_duration)]
    pub(super) duration: Option<SimDuration>,
    /// Set any field: traffic[browse].timeout=300ms (may repeat)
    #[arg(long, value_name = "PATH=VALUE", value_parser = parse_set)]
    pub(super) set: Vec<(String, String)>,
    /// A variant for each value (may repeat: a grid)
    #[arg(long, value_name = "PATH=A,B,…", value_parser = parse_vary)]
    pub(super) vary: Vec<(String, String)>,
    /// Other options that stand for values of the scenario.
    #[arg(skip)]
    pub(super) texts: Vec<OptionText>,
}

#[derive(Debug, Args)]
pub(super) struct Jobs {
    /// Replications at once; changes no result [default: all cores]
    #[arg(short, long, value_name = "N", allow_negative_numbers = true, value_parser = parse_jobs)]
    pub(super) jobs: Option<NonZeroUsize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Table,
    /// Comma-separated values with a header
    Csv,
    /// One document
    Json,
    /// Tables for pull requests and notebooks
    Markdown,
}

/// What `run`, `compare` and `sweep` share.
#[derive(Debug, Args)]
pub(super) struct Simulation {
    /// Scenario files, or directories of them; `-` reads one from the standard input
    #[arg(required = true, value_name = "SCENARIO")]
    pub(super) scenarios: Vec<String>,
    /// Where the result files go; with several scenarios each gets a directory in it [default: results/NAME]
    #[arg(short, long, value_name = "DIR")]
    pub(super) output: Option<PathBuf>,
    #[command(flatten)]
    pub(super) overrides: Overrides,
    #[command(flatten)]
    pub(super) jobs: Jobs,
    /// What is printed on the standard output
    #[arg(
        long,
        value_enum,
        default_value = "table",
        hide_possible_values = true,
        value_name = "table|csv|json|markdown"
    )]
    pub(super) format: Format,
    /// Log the first N requests of each traffic, or all, to requests.csv
    #[arg(long, value_name = "N|all", allow_negative_numbers = true, value_parser = parse_requests)]
    pub(super) requests: Option<RequestLog>,
    /// Overwrite results of a different scenario
    #[arg(long)]
    pub(super) force: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example: windtunnel run shop.yaml --replications 20 --set 'traffic[browse].timeout=300ms'")]
pub(super) struct RunArgs {
    #[command(flatten)]
    pub(super) simulation: Simulation,
}

#[derive(Debug, Args)]
#[command(after_help = "Example: windtunnel compare shop.yaml \\\n  \
    --vary 'workloads[deployment/web].inline.replicas=4,6'")]
pub(super) struct CompareArgs {
    #[command(flatten)]
    pub(super) simulation: Simulation,
    /// The variant that the others are compared with [default: the first]
    #[arg(long, value_name = "NAME")]
    pub(super) baseline: Option<String>,
    #[command(flatten)]
    pub(super) shown: Shown,
    /// Show calls beside traffics
    #[arg(long)]
    pub(super) calls: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example: windtunnel sweep shop.yaml --metric latency_p99_ms \\\n  \
    --vary 'workloads[deployment/web].inline.replicas=4,6,8' \\\n  \
    --vary 'traffic[browse].arrivals.poisson.rate=400/s,800/s'")]
pub(super) struct SweepArgs {
    #[command(flatten)]
    pub(super) simulation: Simulation,
    #[command(flatten)]
    pub(super) shown: Shown,
}

/// Which metrics are shown.
#[derive(Debug, Args)]
pub(super) struct Shown {
    /// Show only these: columns of runs.csv, or names as browse.queueWait.p99 (see `list metrics`; may repeat)
    #[arg(long, value_name = "METRIC", value_delimiter = ',')]
    pub(super) metric: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example: windtunnel explain shop.yaml --traffic browse --quantile 0.999")]
pub(super) struct ExplainArgs {
    /// A scenario (`-`: standard input), or the directory of a result
    #[arg(value_name = "SCENARIO|DIR")]
    pub(super) scenario: String,
    /// The variant to explain [default: the first]
    #[arg(long, value_name = "NAME")]
    pub(super) variant: Option<String>,
    /// The traffic to explain [default: all]
    #[arg(long, value_name = "NAME")]
    pub(super) traffic: Option<String>,
    /// Where the tail begins: 0.9, 0.99 or 0.999
    #[arg(long, value_name = "Q", default_value = "0.99", value_parser = parse_quantile)]
    pub(super) quantile: TailQuantile,
    /// Most causes to take away, each in runs of its own
    #[arg(long, value_name = "N", default_value_t = 3, allow_negative_numbers = true, value_parser = parse_causes)]
    pub(super) causes: u8,
    /// Slowest requests to tell hop by hop
    #[arg(long, value_name = "N", default_value_t = 3, allow_negative_numbers = true, value_parser = parse_slowest)]
    pub(super) slowest: u16,
    /// Tell this request instead: its number in requests.csv
    #[arg(long, value_name = "ID", allow_negative_numbers = true, value_parser = parse_request)]
    pub(super) request: Option<u64>,
    /// Tell a request of its own, from a workload, node/NAME, …
    #[arg(long, value_name = "PLACE", requires = "to", conflicts_with_all = ["request", "traffic", "variant"])]
    pub(super) from: Option<String>,
    /// … to this URL, without other traffic
    #[arg(long, value_name = "URL", requires = "from")]
    pub(super) to: Option<String>,
    /// Replication of the requests told [default: any; of --request: 0]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = parse_replication)]
    pub(super) replication: Option<u32>,
    #[command(flatten)]
    pub(super) overrides: Overrides,
    #[command(flatten)]
    pub(super) jobs: Jobs,
    /// What is printed on the standard output
    #[arg(long, value_enum, default_value = "table", hide_possible_values = true, value_name = "table|json|markdown")]
    pub(super) format: ExplainFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ExplainFormat {
    /// For people
    Table,
    /// One document
    Json,
    /// Tables for pull requests and notebooks
    Markdown,
}

#[derive(Debug, Args)]
#[command(after_help = "Example: windtunnel rollout shop.yaml --target deployment/web --patch web-patch.yaml\n\
    Exit status: 1 requests fail whatever the preStop.")]
pub(super) struct RolloutArgs {
    /// A scenario (`-`: standard input); its timeline is replaced by one rollout restart
    pub(super) scenario: String,
    /// The Deployment: deployment/NAME, or NAMESPACE/deployment/NAME
    #[arg(long, value_name = "KIND/NAME")]
    pub(super) target: String,
    /// How many rollouts as the manifest has them
    #[arg(long, value_name = "N", default_value_t = 100, allow_negative_numbers = true, value_parser = parse_replications)]
    pub(super) rollouts: u32,
    /// The longest preStop that comes into question, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120, allow_negative_numbers = true, value_parser = parse_pause)]
    pub(super) max_pre_stop: u32,
    /// Search no preStop
    #[arg(long)]
    pub(super) as_it_is: bool,
    /// Write the patch for the manifest to a file
    #[arg(long, value_name = "FILE", conflicts_with = "as_it_is")]
    pub(super) patch: Option<PathBuf>,
    /// The variant of the scenario [default: the first]
    #[arg(long, value_name = "NAME")]
    pub(super) variant: Option<String>,
    /// Seed of all randomness
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = parse_seed)]
    pub(super) seed: Option<u64>,
    /// Set any field: traffic[browse].timeout=300ms (may repeat)
    #[arg(long, value_name = "PATH=VALUE", value_parser = parse_set)]
    pub(super) set: Vec<(String, String)>,
    #[command(flatten)]
    pub(super) jobs: Jobs,
    /// What is printed on the standard output
    #[arg(long, value_enum, default_value = "table", hide_possible_values = true, value_name = "table|json")]
    pub(super) format: RolloutFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum RolloutFormat {
    /// For people
    Table,
    /// One document
    Json,
}

#[derive(Debug, Args)]
#[command(after_help = "Example: windtunnel check shop.yaml")]
pub(super) struct CheckArgs {
    /// Scenario files; `-` reads one from the standard input
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<String>,
    #[command(flatten)]
    pub(super) overrides: Overrides,
}

#[derive(Debug, Args)]
#[command(after_help = "Example: windtunnel validate scenarios/validation/m-m-1.yaml --case mm1-rho0.5\n\
    Exit status: 0 every quantity passes; 1 one fails or is imprecise.")]
pub(super) struct ValidateArgs {
    /// Scenario files, or directories of them
    #[arg(value_name = "FILE|DIR", default_value = "scenarios/validation")]
    pub(super) paths: Vec<String>,
    /// Run only this case: a variant's name, or FILE#VARIANT (may repeat)
    #[arg(long, value_name = "ID")]
    pub(super) case: Vec<String>,
    /// Write the verdicts to a file as JSON; `-` is the standard output
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// Seed of all randomness; every case passes with any
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = parse_seed)]
    pub(super) seed: Option<u64>,
    #[command(flatten)]
    pub(super) jobs: Jobs,
    /// A shortened run: the same rule, but precision is not demanded
    #[arg(long)]
    pub(super) quick: bool,
    /// What is printed on the standard output
    #[arg(
        long,
        value_enum,
        default_value = "table",
        hide_possible_values = true,
        value_name = "table|csv|json|markdown"
    )]
    pub(super) format: Format,
}

#[derive(Debug, Args)]
#[command(after_help = "Example: windtunnel list policies")]
pub(super) struct ListArgs {
    /// Which list
    #[arg(value_enum)]
    pub(super) what: Listing,
    /// What is printed on the standard output
    #[arg(
        long,
        value_enum,
        default_value = "table",
        hide_possible_values = true,
        value_name = "table|csv|json|markdown"
    )]
    pub(super) format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Listing {
    /// Which endpoint gets a request
    Policies,
    /// What may stand wherever a duration does
    Distributions,
    /// When requests come
    Arrivals,
    /// What objectives and expectations may name
    Metrics,
    /// What may go wrong for a while in the timeline
    Faults,
}

#[derive(Debug, Args)]
#[command(after_help = "Example: windtunnel completions bash > ~/.local/share/bash-completion/completions/windtunnel")]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(super) shell: Shell,
}

/// No path contains an equals sign; values may.
fn parse_set(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((path, value)) if !path.is_empty() => Ok((path.to_owned(), value.to_owned())),
        _ => Err("expected PATH=VALUE, such as run.seed=2".to_owned()),
    }
}

fn parse_vary(text: &str) -> Result<(String, String), String> {
    let expected = "expected PATH=VALUE,VALUE, such as run.seed=1,2";
    parse_set(text).map_err(|_| expected.to_owned())
}

fn parse_seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("expected a whole number from 0 to {}", u64::MAX))
}

fn parse_replications(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| format!("expected a whole number from 1 to {}", u32::MAX))
}

fn parse_pause(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|seconds| *seconds <= 3_600);
    number.ok_or_else(|| "expected whole seconds from 0 to 3600".to_owned())
}

fn parse_replication(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| "expected the number of a replication, from 0".to_owned())
}

fn parse_request(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "expected the number of a request, as it stands in requests.csv".to_owned())
}

fn parse_duration(text: &str) -> Result<SimDuration, String> {
    let duration = SimDuration::parse(text)?;
    if duration.is_zero() { Err("a run must be longer than zero".to_owned()) } else { Ok(duration) }
}

fn parse_causes(text: &str) -> Result<u8, String> {
    text.parse().ok().filter(|causes| *causes <= 20).ok_or_else(|| "expected a whole number from 0 to 20".to_owned())
}

fn parse_slowest(text: &str) -> Result<u16, String> {
    let number = text.parse().ok().filter(|slowest| *slowest <= 1_000);
    number.ok_or_else(|| "expected a whole number from 0 to 1000".to_owned())
}

fn parse_jobs(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "expected a whole number of at least 1".to_owned())
}

fn parse_quantile(text: &str) -> Result<TailQuantile, String> {
    let known = TailQuantile::ALL.iter().find(|(_, quantile)| text == quantile.name());
    let known = known.or_else(|| TailQuantile::ALL.iter().find(|(name, _)| text == *name));
    known.map(|(_, quantile)| *quantile).ok_or_else(|| "expected 0.9, 0.99 or 0.999".to_owned())
}

fn parse_requests(text: &str) -> Result<RequestLog, String> {
    match text {
        "all" => Ok(RequestLog::All),
        number => match number.parse() {
            Ok(0) => Ok(RequestLog::None),
            Ok(first) => Ok(RequestLog::First(first)),
            Err(_) => Err("expected a number of requests, or `all`".to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_help_fits_a_screen_and_shows_an_example() {
        let command = Arguments::command();
        let mut command = command.term_width(80);
        // What is global stands in the help of every verb.
        command.build();
        let verbs = command.get_subcommands().filter(|verb| !["schema", "help"].contains(&verb.get_name())).cloned();
        for verb in verbs.chain([command.clone()]) {
            let help = verb.clone().term_width(80).render_help().to_string();
            assert!(help.lines().count() <= 50, "{}:\n{help}", verb.get_name());
            assert!(help.contains("Example: windtunnel"), "{}", verb.get_name());
        }
    }

    #[test]
    fn requests_are_a_number_or_all() {
        assert_eq!(parse_requests("all"), Ok(RequestLog::All));
        assert_eq!(parse_requests("10"), Ok(RequestLog::First(10)));
        assert_eq!(parse_requests("0"), Ok(RequestLog::None));
        assert!(parse_requests("some").is_err());
    }

    #[test]
    fn jobs_are_at_least_one() {
        assert_eq!(parse_jobs("8").map(NonZeroUsize::get), Ok(8));
        for text in ["0", "-1", "x", ""] {
            assert_eq!(parse_jobs(text), Err("expected a whole number of at least 1".to_owned()), "{text}");
        }
    }
}
