//! `scenario.yaml` of a result: the scenario with everything it read inside, so that a directory needs no other file.

use super::context::Context;
use super::manifests::Manifests;
use crate::yaml::{self, Key, Node, Value};

/// Keys whose objects name a data file.
const WITH_FILES: &[&str] = &["trace", "empirical"];

/// The scenario's document with `spec` as overrides left it, then the manifests.
pub(super) fn text(cx: &mut Context<'_>, file: &Node, spec: &Node, manifests: &Manifests) -> String {
    let mut spec = spec.clone();
    // They follow as documents.
    spec.remove("manifests");
    take_in(cx, &mut spec);
    let mut file = file.clone();
    if let Some(place) = file.get_mut("spec") {
        *place = spec;
    }
    let documents = std::iter::once(file).chain(manifests.documents.iter().cloned()).collect::<Vec<_>>();
    yaml::write(&documents)
}

/// Replaces `file: NAME` by `data: TEXT` in traces and empirical distributions, wherever they stand.
fn take_in(cx: &mut Context<'_>, node: &mut Node) {
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| take_in(cx, item)),
        Value::Map(entries) => {
            for (key, value) in entries {
                if WITH_FILES.contains(&key.name.as_str()) {
                    inline(cx, value);
                }
                // A path of a variant's `set` that ends at such a file.
                if let Some(path) = key.name.strip_suffix(".file")
                    && WITH_FILES.iter().any(|word| path.ends_with(&format!(".{word}")))
                    && let Some(data) = text_of(cx, value)
                {
                    key.name = format!("{path}.data");
                    *value = data;
                }
                take_in(cx, value);
            }
        }
        Value::Null | Value::Scalar(_) => {}
    }
}

fn inline(cx: &mut Context<'_>, node: &mut Node) {
    let Some(data) = node.get("file").and_then(|file| text_of(cx, file)) else { return };
    let span = data.span;
    if let Some(entries) = node.as_map_mut()
        && let Some(entry) = entries.iter_mut().find(|(key, _)| key.name == "file")
    {
        *entry = (Key::new("data", span), data);
    }
}

fn text_of(cx: &mut Context<'_>, file: &Node) -> Option<Node> {
    let text = cx.file(file.as_str()?).ok()?;
    Some(Node::string(text.as_ref(), file.span))
}
