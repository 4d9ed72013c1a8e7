//! The manifests of a scenario: documents beside it and files it names.

use super::context::Context;
use super::values;
use crate::manifest::{self, Objects};
use crate::yaml::{self, Node, Sources};

/// Kubernetes documents, with lists taken apart so that paths can name each object.
#[derive(Debug, Clone)]
pub(super) struct Manifests {
    pub(super) documents: Vec<Node>,
}

impl Manifests {
    /// The documents beside the scenario, then those of `manifests`.
    pub(super) fn gather(cx: &mut Context<'_>, sources: &mut Sources, spec: &Node, beside: Vec<Node>) -> Self {
        let mut documents = Vec::new();
        flatten(beside, &mut documents);
        let items = spec.get("manifests").map_or(&[] as &[Node], |node| cx.list(node, "manifests"));
        for item in items {
            let Some(pattern) = cx.take(item, "manifests", values::text(item)) else { continue };
            for path in matching(cx, item, pattern) {
                let text = cx.file(&path);
                let many = || Some(format!("for all files of a directory write {path}/*.yaml"));
                let help = |message: &String| if message.contains("Is a directory") { many() } else { None };
                let text = text.map_err(|message| {
                    let help = help(&message);
                    (message, help)
                });
                let Some(text) = cx.take(item, "", text) else { continue };
                let name = if path == "-" { "<stdin>" } else { &path };
                let id = sources.add(name, text);
                match yaml::parse(sources, id) {
                    Ok(found) => flatten(found, &mut documents),
                    Err(problem) => cx.problems.push(problem),
                }
            }
        }
        Self { documents }
    }

    /// The objects in them; what is wrong is recorded.
    pub(super) fn read(&self, cx: &mut Context<'_>, sources: &Sources) -> Objects {
        let (objects, problems) = manifest::read(&self.documents, sources);
        cx.problems.extend(problems);
        objects
    }
}

/// The files a pattern means.
fn matching(cx: &mut Context<'_>, item: &Node, pattern: &str) -> Vec<String> {
    if pattern == "-" || !pattern.contains(['*', '?']) {
        return vec![pattern.to_owned()];
    }
    let found = cx.glob(pattern).map_err(|message| (message, None));
    let Some(found) = cx.take(item, "manifests", found) else { return Vec::new() };
    if found.is_empty() {
        cx.problem_help(
            item.span,
            format!("no file matches `{}`", values::shorten(pattern)),
            "paths are relative to the scenario's file",
        );
    }
    found
}

/// Replaces the name of a file by the objects in it, so that the resolved scenario needs no other file.
pub(super) fn take_in(cx: &mut Context<'_>, sources: &mut Sources, place: &mut Node, key: &str) {
    let Some(path) = place.as_str() else { return };
    let text = cx.file(path).map_err(|message| (message, None));
    let name = path.to_owned();
    let Some(text) = cx.take(place, key, text) else { return };
    let id = sources.add(&name, text);
    match yaml::parse(sources, id) {
        Ok(documents) => {
            if documents.is_empty() {
                cx.problem(place.span, format!("`{key}`: `{}` holds no object", values::shorten(&name)));
            }
            *place = Node::list(documents, place.span);
        }
        Err(problem) => cx.problems.push(problem),
    }
}

/// Takes `kind: List` (and `PodList`, …) apart.
pub(super) fn flatten(nodes: Vec<Node>, into: &mut Vec<Node>) {
    for mut node in nodes {
        let is_list = node.get("kind").and_then(Node::as_str).is_some_and(|kind| kind.ends_with("List"));
        match node.get_mut("items").and_then(Node::as_list_mut) {
            Some(items) if is_list => flatten(std::mem::take(items), into),
            _ => into.push(node),
        }
    }
}
