//! From a file to validated variants.

use std::collections::BTreeSet;
use std::fmt;

use super::check::{IgnoredItem, Report};
use super::context::{Context, Object};
use super::decode::{self, Identity};
use super::files::Files;
use super::manifests::Manifests;
use super::values::shorten;
use super::variants::{self, Edit, Variant};
use super::{Grid, Scenario, applied, named, patch, resolved, tables, vary};
use crate::time::SimDuration;
use crate::yaml::{self, Node, Problem, Sources, Span};

/// A scenario file, read and found valid.
#[derive(Debug)]
pub struct Loaded {
    /// The variants in the order of the file; `base` where it names none.
    pub variants: Vec<Scenario>,
    /// What the variants are a grid of; no axes where there is only `base`.
    pub grid: Grid,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.annotations.question`.
    pub question: Option<String>,
    /// The texts that problems point into.
    pub sources: Sources,
    /// What is allowed but looks wrong.
    pub warnings: Vec<Problem>,
    /// The scenario with overrides applied, followed by its manifests, with data files inside: loads to the same again.
    pub resolved: String,
    /// What was used, ignored and assumed (of the first variant).
    pub report: Report,
}

/// What the command line changes.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--set PATH=VALUE`, in order.
    pub set: Vec<(String, String)>,
    /// Texts of other options, after `--set`.
    pub texts: Vec<OptionText>,
    /// `--vary PATH=VALUE,VALUE`, in order: a variant for each combination, and for each variant of the file.
    pub vary: Vec<(String, String)>,
    /// `--seed`.
    pub seed: Option<u64>,
    /// `--replications`.
    pub replications: Option<u32>,
    /// `--duration`: ends the window by time, also where the file ends it by requests.
    pub duration: Option<SimDuration>,
    /// Ends the window by requests (`run.requests`), also where the file ends it by time.
    pub requests: Option<u64>,
    /// Metrics that every variant is to observe.
    pub metrics: Vec<String>,
}

/// The text of an option of the command line that stands for a value of the scenario, as it is and not as YAML.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OptionText {
    /// The option, such as `--to`: mistakes are said to stand there.
    pub option: &'static str,
    /// The path of the value.
    pub path: String,
    /// What the user wrote.
    pub text: String,
    /// Where the value begins in it.
    pub start: usize,
}

/// Why a file cannot be used: every problem, each with its place.
#[derive(Debug)]
pub struct Failure {
    /// The problems in the order of their places; warnings among them.
    pub problems: Vec<Problem>,
    /// The texts that they point into.
    pub sources: Sources,
}

impl Failure {
    /// The problems as a terminal shows them.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        yaml::render(&self.problems, &self.sources, color)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Failure {}

/// Reads a scenario: `path` is its name in messages, `files` finds what it names.
///
/// # Errors
/// Every problem of the file, of its variants and of its manifests at once.
pub fn load(path: &str, text: &str, files: &dyn Files, overrides: &Overrides) -> Result<Loaded, Failure> {
    let mut sources = Sources::new();
    let mut cx = Context::new(files);
    let read = read(path, text, &mut sources, &mut cx, overrides);
    let problems = in_order(std::mem::take(&mut cx.problems));
    match read {
        Some(read) if problems.iter().all(|problem| problem.warning) => Ok(Loaded {
            variants: read.variants,
            grid: read.grid,
            name: read.name,
            question: read.question,
            sources,
            warnings: problems,
            resolved: read.resolved,
            report: read.report,
        }),
        _ => Err(Failure { problems, sources }),
    }
}

/// In the order of places, each only once: variants repeat what they share.
fn in_order(mut problems: Vec<Problem>) -> Vec<Problem> {
    let mut seen = BTreeSet::new();
    problems.retain(|problem| seen.insert((problem.span, problem.message.clone())));
    problems.sort_by_key(|problem| problem.span);
    problems
}

struct Read {
    variants: Vec<Scenario>,
    grid: Grid,
    name: String,
    question: Option<String>,
    resolved: String,
    report: Report,
}

fn read(path: &str, text: &str, sources: &mut Sources, cx: &mut Context<'_>, overrides: &Overrides) -> Option<Read> {
    let id = sources.add(path, text);
    let documents = match yaml::parse(sources, id) {
        Ok(documents) => documents,
        Err(problem) => {
            cx.problems.push(problem);
            return None;
        }
    };
    let start = Span { source: id, start: 0, end: 0 };
    let (file, others) = split(cx, documents, start)?;
    let top = cx.object(&file, &tables::FILE)?;
    top.word(cx, "apiVersion", &[("windtunnel/v1", ())]);
    top.word(cx, "kind", &[("Scenario", ())]);
    let (name, question) = metadata(cx, &top);
    let mut spec = top.get("spec")?.clone();
    let applied = variants::overrides(cx, sources, overrides);
    variants::apply_to_spec(cx, &mut spec, &applied);
    let grid = vary::apply(cx, sources, &mut spec, &overrides.vary);
    patch::take_in(cx, sources, &mut spec);
    applied::take_in(cx, sources, &mut spec);
    let mut manifests = Manifests::gather(cx, sources, &spec, others);
    variants::apply_to_manifests(cx, &mut manifests, &applied);

    // A bad name is one problem; it does not hide those of the spec.
    let name = name.unwrap_or_default();
    let base = manifests.read(cx, sources);
    let metrics = named::sources(sources, &overrides.metrics);
    let object = cx.object(&spec, &tables::SPEC)?;
    let list = variants::read(cx, &object);
    let mut scenarios = Vec::with_capacity(list.len());
    let mut report = Report::default();
    for variant in &list {
        let (scenario, own) =
            decode_variant(cx, sources, (&name, &spec), variant, (&manifests, &base, &applied), &metrics)?;
        if scenarios.is_empty() {
            report = own;
        }
        scenarios.push(scenario);
    }
    variants::warn_of_no_change(cx, &list, &scenarios);
    let resolved = resolved::text(cx, &file, &spec, &manifests);
    Some(Read { variants: scenarios, grid, name, question, resolved, report })
}

/// Edits and decodes one variant.
fn decode_variant(
    cx: &mut Context<'_>,
    sources: &Sources,
    (name, spec): (&str, &Node),
    variant: &Variant<'_>,
    (manifests, base, overrides): (&Manifests, &crate::manifest::Objects, &[Edit]),
    metrics: &[(&str, Span)],
) -> Option<(Scenario, Report)> {
    let mut edited = variants::without_variants(spec);
    variants::apply_to_spec(cx, &mut edited, &variant.sets);
    let own = variant.edits_manifests().then(|| {
        let mut own = manifests.clone();
        if !variant.patch.is_empty() {
            patch::apply(cx, &mut own, &variant.patch);
            variants::apply_again(cx, &mut own, overrides);
        }
        variants::apply_to_manifests(cx, &mut own, &variant.sets);
        own
    });
    let own_objects = own.as_ref().map(|own| own.read(cx, sources));
    let objects = own_objects.as_ref().unwrap_or(base);
    let applied = applied::read(cx, sources, &edited, own.as_ref().unwrap_or(manifests));
    let object = cx.object(&edited, &tables::SPEC)?;
    let identity = Identity { name, variant: variant.name, expect: variant.expect };
    cx.assumed.clear();
    cx.ignored.clear();
    cx.used.clear();
    // Every variant is judged on its own: the metrics of a good one are read even where another is wrong.
    let before = std::mem::take(&mut cx.problems);
    let mut scenario = decode::scenario(cx, &identity, &object, (objects, &applied));
    scenario.metrics = named::read(cx, &scenario, metrics);
    let found = std::mem::replace(&mut cx.problems, before);
    cx.problems.extend(found);
    let later = applied.iter().flat_map(|applied| &applied.objects.report.ignored);
    let ignored = objects.report.ignored.iter().chain(later).cloned().chain(std::mem::take(&mut cx.ignored));
    let report = Report {
        used: objects.report.used.iter().cloned().chain(std::mem::take(&mut cx.used)).collect(),
        ignored: ignored.collect::<Vec<IgnoredItem>>(),
        assumed: std::mem::take(&mut cx.assumed),
    };
    Some((scenario, report))
}

/// The scenario among the documents; the others are manifests.
fn split(cx: &mut Context<'_>, documents: Vec<Node>, start: Span) -> Option<(Node, Vec<Node>)> {
    let is_scenario = |node: &Node| {
        let version = node.get("apiVersion").and_then(Node::as_str).unwrap_or_default();
        node.get("kind").and_then(Node::as_str) == Some("Scenario") || version.starts_with("windtunnel/")
    };
    let example = "begin with `apiVersion: windtunnel/v1`, `kind: Scenario`, `metadata: {name: …}` and `spec:`";
    if documents.is_empty() {
        cx.problem_help(start, "the file is empty", example);
        return None;
    }
    let (mut found, others): (Vec<Node>, Vec<Node>) = documents.into_iter().partition(is_scenario);
    if let Some(second) = found.get(1) {
        cx.problem_help(
            second.span,
            "a file holds one scenario, and this is a second one",
            "write it to a file of its own",
        );
    }
    if found.is_empty() {
        let span = others.first().map_or(start, |node| node.span);
        let kind = others.first().and_then(|node| node.get("kind")?.as_str());
        match kind {
            Some(kind) => cx.problem_help(
                span,
                format!("no document of this file is a scenario, the first is a {}", shorten(kind)),
                "name the file in the `manifests` of a scenario, or write `kind: Scenario` before it and `---` between",
            ),
            None => cx.problem_help(span, "no document of this file is a scenario", example),
        }
        return None;
    }
    Some((found.swap_remove(0), others))
}

fn metadata(cx: &mut Context<'_>, top: &Object<'_>) -> (Option<String>, Option<String>) {
    let Some(object) = top.get("metadata").and_then(|node| cx.object(node, &tables::METADATA)) else {
        return (None, None);
    };
    // The name becomes a directory.
    let name = object.name(cx, "name", &['/', '\\', ':', '*', '?', '"', '<', '>', '|']).map(str::to_owned);
    if let (Some(name), Some(node)) = (&name, object.get("name"))
        && name.starts_with('.')
    {
        cx.problem(node.span, "a scenario's name cannot begin with a dot");
    }
    let annotations = object.get("annotations");
    if let Some(node) = annotations
        && node.as_map().is_none()
    {
        cx.problem(node.span, "`annotations` is a map of texts");
    }
    let question = annotations.and_then(|node| node.get("question")).and_then(Node::as_str).map(str::to_owned);
    (name, question)
}
