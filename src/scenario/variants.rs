//! Variants, and what the command line overrides: edits of the tree before it is decoded.

use super::context::{Context, Object};
use super::load::{OptionText, Overrides};
use super::manifests::Manifests;
use super::patch;
use super::path::{self, Segment};
use super::values::{self, shorten};
use super::{Scenario, tables};
use crate::yaml::{self, Key, Node, Problem, Sources, Span, Value};

/// One edit.
#[derive(Debug, Clone)]
pub(super) struct Edit {
    segments: Vec<Segment>,
    /// As written.
    path: String,
    at: Span,
    value: Node,
}

/// An alternative.
#[derive(Debug)]
pub(super) struct Variant<'a> {
    pub(super) name: &'a str,
    /// Where the name stands.
    at: Span,
    /// Objects to merge into manifests, before anything is set.
    pub(super) patch: Vec<Node>,
    pub(super) sets: Vec<Edit>,
    pub(super) expect: Option<&'a Node>,
}

impl Variant<'_> {
    /// Whether an edit leads into a manifest.
    pub(super) fn edits_manifests(&self) -> bool {
        !self.patch.is_empty() || self.sets.iter().any(|edit| path::into_manifest(&edit.segments))
    }
}

/// The variants; without any there is `base`.
pub(super) fn read<'a>(cx: &mut Context<'_>, spec: &Object<'a>) -> Vec<Variant<'a>> {
    let items = spec.list(cx, "variants");
    if items.is_empty() {
        return vec![Variant {
            name: "base",
            at: spec.span,
            patch: Vec::new(),
            sets: Vec::new(),
            expect: spec.get("expect"),
        }];
    }
    if spec.get("expect").is_some() {
        cx.problem_help(
            spec.key_span("expect"),
            "`expect` belongs to a variant where there are variants",
            "move it into the variant that must reproduce it",
        );
    }
    let mut variants: Vec<Variant<'a>> = Vec::new();
    for item in items {
        let Some(object) = cx.object(item, &tables::VARIANT) else { continue };
        let Some(name) = object.name(cx, "name", &['#', '/', '"', ',']) else { continue };
        let at = object.get("name").map_or(object.span, |node| node.span);
        if variants.iter().any(|known| known.name == name) {
            cx.problem(at, format!("two variants are called `{}`", shorten(name)));
        }
        let patch = object.get("patch").map_or_else(Vec::new, |patch| patch::objects(cx, patch));
        let mut sets = Vec::new();
        if let Some(set) = object.get("set") {
            match &set.value {
                Value::Map(entries) => {
                    sets.extend(entries.iter().filter_map(|(key, value)| variant_edit(cx, key, value)))
                }
                _ => cx.problem_help(
                    set.span,
                    format!("`set` is a map from paths to values, found {}", values::found(set)),
                    "write set: {\"traffic[browse].timeout\": 1s}",
                ),
            }
        }
        variants.push(Variant { name, at, patch, sets, expect: object.get("expect") });
    }
    variants
}

/// Names the variants that simulate the same as the first: a value that stood there already, or one that nothing in this
/// version depends on. A variant with a known result is a case of its own and no alternative.
pub(super) fn warn_of_no_change(cx: &mut Context<'_>, list: &[Variant<'_>], scenarios: &[Scenario]) {
    if cx.problems.iter().any(|problem| !problem.warning) {
        return;
    }
    let mut pairs = list.iter().zip(scenarios);
    let Some((first, base)) = pairs.next() else { return };
    for (variant, scenario) in pairs {
        if variant.expect.is_none() && scenario.simulates_same(base) {
            let message = format!(
                "variant `{}` changes nothing: it simulates the same as `{}`",
                shorten(variant.name),
                shorten(first.name)
            );
            let help = "what it sets may stand there already, or this version may not depend on it";
            cx.problems.push(Problem::warning(variant.at, message).help(help));
        }
    }
}

fn variant_edit(cx: &mut Context<'_>, key: &Key, value: &Node) -> Option<Edit> {
    let segments = match path::parse(&key.name) {
        Ok(segments) => segments,
        Err((message, help)) => {
            cx.problem_help(key.span, message, help.unwrap_or_default());
            return None;
        }
    };
    if let [Segment::Key(first), rest @ ..] = segments.as_slice() {
        if first == "variants" || first == "expect" {
            cx.problem(key.span, format!("a variant cannot set `{first}`"));
            return None;
        }
        if first == "manifests" && !matches!(rest, [Segment::Item(_), ..]) {
            cx.problem_help(
                key.span,
                "a variant cannot change which files are read",
                "change a manifest by its name, such as manifests[deployment/web].spec.replicas",
            );
            return None;
        }
    }
    Some(Edit { segments, path: key.name.clone(), at: key.span, value: value.clone() })
}

/// The edits of the command line, in their order: `--set` first, then the flags.
pub(super) fn overrides(cx: &mut Context<'_>, sources: &mut Sources, overrides: &Overrides) -> Vec<Edit> {
    let mut edits = Vec::new();
    for (path, value) in &overrides.set {
        edits.extend(override_edit(cx, sources, "--set", path, value));
    }
    for text in &overrides.texts {
        edits.extend(option_edit(cx, sources, text));
    }
    let mut flag = |cx: &mut Context<'_>, name: &str, path: &str, value: String| {
        edits.extend(override_edit(cx, sources, name, path, &value));
    };
    if let Some(seed) = overrides.seed {
        flag(cx, "--seed", "run.seed", seed.to_string());
    }
    if let Some(replications) = overrides.replications {
        flag(cx, "--replications", "run.replications", replications.to_string());
    }
    if let Some(duration) = overrides.duration {
        flag(cx, "--duration", "run.requests", "null".to_owned());
        flag(cx, "--duration", "run.duration", format!("{}ns", duration.as_nanos()));
    }
    if let Some(requests) = overrides.requests {
        flag(cx, "--requests", "run.duration", "null".to_owned());
        flag(cx, "--requests", "run.requests", requests.to_string());
    }
    edits
}

fn override_edit(cx: &mut Context<'_>, sources: &mut Sources, flag: &str, path: &str, value: &str) -> Option<Edit> {
    let id = sources.add(flag, path);
    let at = Span { source: id, start: 0, end: u32::try_from(path.len()).unwrap_or(u32::MAX) };
    let value_id = sources.add(flag, value);
    let value = match yaml::parse_value_of(sources, value_id) {
        Ok(value) => value,
        Err(problem) => {
            cx.problems.push(problem);
            return None;
        }
    };
    match path::parse(path) {
        Ok(segments) => Some(Edit { segments, path: path.to_owned(), at, value }),
        Err((message, help)) => {
            cx.problem_help(at, message, help.unwrap_or_default());
            None
        }
    }
}

/// An option's text is the value itself, so that its place is a place in what the user wrote.
fn option_edit(cx: &mut Context<'_>, sources: &mut Sources, option: &OptionText) -> Option<Edit> {
    let OptionText { option, path, text, start } = option;
    let id = sources.add(*option, text.as_str());
    let place = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
    let at = Span { source: id, start: place(*start), end: place(text.len()) };
    match path::parse(path) {
        Ok(segments) => {
            let value = Node::string(text.get(*start..).unwrap_or_default(), at);
            Some(Edit { segments, path: path.clone(), at, value })
        }
        Err((message, help)) => {
            cx.problem_help(at, message, help.unwrap_or_default());
            None
        }
    }
}

/// Applies those edits that do not lead into manifests; the command line's also reach variants that set the same.
pub(super) fn apply_to_spec(cx: &mut Context<'_>, spec: &mut Node, edits: &[Edit]) {
    for edit in edits.iter().filter(|edit| !path::into_manifest(&edit.segments)) {
        let done = path::set(spec, &edit.segments, edit.at, &edit.value);
        record(cx, edit, done);
    }
    for edit in edits {
        win_over_variants(spec, edit);
    }
}

/// Applies those edits that lead into manifests.
pub(super) fn apply_to_manifests(cx: &mut Context<'_>, manifests: &mut Manifests, edits: &[Edit]) {
    for edit in edits.iter().filter(|edit| path::into_manifest(&edit.segments)) {
        let done = path::set_in_manifest(&mut manifests.documents, &edit.segments, edit.at, &edit.value);
        record(cx, edit, done);
    }
}

/// Lets the command line win over a patch. What removed an item of a list did so before, and another may stand there now.
pub(super) fn apply_again(cx: &mut Context<'_>, manifests: &mut Manifests, edits: &[Edit]) {
    let removes_item = |edit: &&Edit| edit.value.is_null() && matches!(edit.segments.last(), Some(Segment::Item(_)));
    let again: Vec<Edit> = edits.iter().filter(|edit| !removes_item(edit)).cloned().collect();
    apply_to_manifests(cx, manifests, &again);
}

fn record(cx: &mut Context<'_>, edit: &Edit, done: Result<(), values::Bad>) {
    match done {
        Ok(()) => {}
        Err((message, Some(help))) => cx.problem_help(edit.at, message, help),
        Err((message, None)) => cx.problem(edit.at, message),
    }
}

/// A variant that sets the same place (or around it, or inside it) sets the overriding value last.
fn win_over_variants(spec: &mut Node, edit: &Edit) {
    let Some(variants) = spec.get_mut("variants").and_then(Node::as_list_mut) else { return };
    for set in variants.iter_mut().filter_map(|variant| variant.get_mut("set")) {
        let Some(entries) = set.as_map_mut() else { continue };
        let conflicts =
            |(key, _): &(Key, Node)| path::parse(&key.name).is_ok_and(|own| path::related(&own, &edit.segments));
        if entries.iter().any(conflicts) {
            entries.retain(|(key, _)| key.name != edit.path);
            entries.push((Key::new(edit.path.as_str(), edit.at), edit.value.clone()));
        }
    }
}

/// A copy of `spec` without what belongs to all variants.
pub(super) fn without_variants(spec: &Node) -> Node {
    match &spec.value {
        Value::Map(entries) => {
            let kept = entries.iter().filter(|(key, _)| key.name != "variants" && key.name != "expect");
            Node::map(kept.cloned().collect(), spec.span)
        }
        _ => spec.clone(),
    }
}
