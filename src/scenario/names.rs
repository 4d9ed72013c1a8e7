//! `kind/name` and `namespace/kind/name`: which object a text names.

use super::values::{Bad, shorten};
use crate::yaml::nearest;

/// The kinds of workload that exist, with their short forms.
const KINDS: &[(&str, &str)] = &[
    ("deployment", "deployment"),
    ("deploy", "deployment"),
    ("replicaset", "replicaset"),
    ("rs", "replicaset"),
    ("pod", "pod"),
    ("po", "pod"),
];

/// Kinds that Kubernetes has and that are not simulated yet.
const LATER: &[&str] = &["statefulset", "daemonset", "job", "cronjob"];

/// The parts of `kind/name` or `namespace/kind/name`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target<'a> {
    pub(super) namespace: Option<&'a str>,
    pub(super) kind: &'static str,
    pub(super) name: &'a str,
}

/// Reads the name of a workload.
pub(super) fn workload_target(text: &str) -> Result<Target<'_>, Bad> {
    let parts = text.split('/').collect::<Vec<_>>();
    let (namespace, kind, name) = match parts.as_slice() {
        [kind, name] => (None, *kind, *name),
        [namespace, kind, name] => (Some(*namespace), *kind, *name),
        _ => {
            let message = format!("expected kind/name, found `{}`", shorten(text));
            return Err((message, Some("write for example deployment/web, or shop/deployment/web".to_owned())));
        }
    };
    if name.is_empty() || namespace == Some("") {
        return Err((format!("`{}` has an empty part", shorten(text)), None));
    }
    let lower = kind.to_ascii_lowercase();
    if let Some((_, kind)) = KINDS.iter().find(|(word, _)| *word == lower) {
        return Ok(Target { namespace, kind, name });
    }
    if LATER.contains(&lower.as_str()) {
        return Err((
            format!("not supported yet: {lower}"),
            Some("simulated are deployment, replicaset and pod".to_owned()),
        ));
    }
    let help = nearest(&lower, KINDS.iter().map(|(word, _)| *word)).map_or_else(
        || "simulated are deployment, replicaset and pod".to_owned(),
        |kind| format!("did you mean `{kind}/{name}`?"),
    );
    Err((format!("unknown kind `{}`", shorten(kind)), Some(help)))
}

/// The object that a target means among (namespace, kind, name): in the namespace given, else in `default`, else the
/// only one of that kind and name.
pub(super) fn find<'n>(
    target: Target<'_>,
    known: impl Iterator<Item = (&'n str, &'n str, &'n str)> + Clone,
) -> Result<usize, Bad> {
    let same = |(namespace, kind, name): (&str, &str, &str)| {
        kind == target.kind && name == target.name && target.namespace.is_none_or(|wanted| namespace == wanted)
    };
    let found = known.clone().enumerate().filter(|(_, entry)| same(*entry)).collect::<Vec<_>>();
    match found.as_slice() {
        [(index, _)] => Ok(*index),
        [] => {
            let written = match target.namespace {
                Some(namespace) => format!("{namespace}/{}/{}", target.kind, target.name),
                None => format!("{}/{}", target.kind, target.name),
            };
            let names = known.map(|(namespace, kind, name)| label(namespace, kind, name)).collect::<Vec<_>>();
            let near = nearest(&written, names.iter().map(String::as_str));
            let elsewhere = names.iter().find(|name| name.ends_with(&format!("{}/{}", target.kind, target.name)));
            let help = match (elsewhere, near) {
                (Some(name), _) => format!("did you mean `{name}`?"),
                (None, Some(name)) => format!("did you mean `{name}`?"),
                (None, None) if names.is_empty() => {
                    "no manifest has a workload; list the file under `manifests`, or give the workload `inline`"
                        .to_owned()
                }
                (None, None) => format!("the workloads are {}", shorten(&names.join(", "))),
            };
            Err((format!("no workload `{}`", shorten(&written)), Some(help)))
        }
        several => match several.iter().find(|(_, (namespace, _, _))| *namespace == "default") {
            Some((index, _)) => Ok(*index),
            None => {
                let names = several.iter().map(|(_, (namespace, kind, name))| label(namespace, kind, name));
                let names = names.collect::<Vec<_>>().join(" or ");
                Err((
                    format!("several workloads are called `{}/{}`", target.kind, target.name),
                    Some(format!("write {names}")),
                ))
            }
        },
    }
}

/// `kind/name`, or `namespace/kind/name` outside the namespace `default`.
pub(super) fn label(namespace: &str, kind: &str, name: &str) -> String {
    if namespace == "default" { format!("{kind}/{name}") } else { format!("{namespace}/{kind}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_namespace_comes_first_then_the_only_one() {
        let known = [("shop", "deployment", "web"), ("default", "deployment", "web"), ("shop", "deployment", "cart")];
        let at = |text: &str| find(workload_target(text)?, known.iter().copied());
        assert_eq!(at("deployment/web"), Ok(1));
        assert_eq!(at("deploy/web"), Ok(1));
        assert_eq!(at("shop/deployment/web"), Ok(0));
        assert_eq!(at("deployment/cart"), Ok(2));
        let help = |text: &str| at(text).expect_err("a mistake").1.unwrap_or_default();
        assert_eq!(help("deployment/webb"), "did you mean `deployment/web`?");
        assert_eq!(help("deploymnt/web"), "did you mean `deployment/web`?");
        assert_eq!(help("default/deployment/cart"), "did you mean `shop/deployment/cart`?");
        assert_eq!(at("statefulset/db").expect_err("a mistake").0, "not supported yet: statefulset");
        assert!(at("web").is_err() && at("a/b/c/d").is_err() && at("deployment/").is_err());
        let twice = [("a", "pod", "x"), ("b", "pod", "x")];
        let ambiguous =
            find(workload_target("pod/x").expect("a target"), twice.iter().copied()).expect_err("a mistake");
        assert_eq!(ambiguous.1.as_deref(), Some("write a/pod/x or b/pod/x"));
    }
}
