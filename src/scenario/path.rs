//! Paths into a scenario: one grammar for `--set` and `variants[].set`.
//!
//! Relative to `spec`; keys are joined by dots, list items stand in brackets by name (`traffic[browse]`), by target
//! (`workloads[deployment/web]`) or by position (`[0]`). `manifests[deployment/web]` leads into a manifest. A value
//! replaces what stands there, `null` removes it. A path is checked against the tables before anything is changed, so a
//! misspelt one is refused with the nearest key.

use super::context::article;
use super::kubernetes_fields::FIELDS;
use super::shape::{Shape, Type};
use super::tables_random::{COUNT_DIST, DIST};
use super::values::{Bad, found, it_has, shorten};
use super::{names, tables};
use crate::yaml::{Key, Node, Span, Value, nearest};

/// A part of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    /// `.key`
    Key(String),
    /// `[item]`
    Item(String),
}

/// Splits a path into its parts.
pub(super) fn parse(text: &str) -> Result<Vec<Segment>, Bad> {
    let example = || Some("write for example traffic[browse].arrivals.poisson.rate".to_owned());
    let malformed = |what: &str| (format!("`{}`: {what}", shorten(text)), example());
    let mut segments = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let Some((item, after)) = inside.split_once(']') else { return Err(malformed("`[` without `]`")) };
            if item.is_empty() || segments.is_empty() {
                return Err(malformed("[…] names an item of the list before it"));
            }
            segments.push(Segment::Item(item.to_owned()));
            rest = after;
        } else {
            let part = if segments.is_empty() {
                rest
            } else {
                rest.strip_prefix('.').ok_or_else(|| malformed("a dot is missing"))?
            };
            let (key, after) = match part.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').ok_or_else(|| malformed("a quote is not closed"))?,
                None => part.split_at(part.find(['.', '[']).unwrap_or(part.len())),
            };
            if key.is_empty() {
                return Err(malformed("a key is empty"));
            }
            segments.push(Segment::Key(key.to_owned()));
            rest = after;
        }
    }
    if segments.is_empty() { Err(malformed("the path is empty")) } else { Ok(segments) }
}

/// Whether the path leads into a manifest rather than into the scenario.
pub(super) fn into_manifest(segments: &[Segment]) -> bool {
    matches!(segments, [Segment::Key(key), Segment::Item(_), ..] if key == "manifests")
}

/// Whether one path leads to the same place as the other, or into it.
pub(super) fn related(one: &[Segment], other: &[Segment]) -> bool {
    one.iter().zip(other).all(|(a, b)| a == b)
}

/// Sets (or with `null` removes) a value in `spec`.
pub(super) fn set(spec: &mut Node, segments: &[Segment], at: Span, value: &Node) -> Result<(), Bad> {
    if let [Segment::Key(first), ..] = segments
        && first == "spec"
    {
        return Err((
            "unknown key `spec`".to_owned(),
            Some("paths are relative to spec: leave out `spec.`".to_owned()),
        ));
    }
    walk(spec, &Type::Object(&tables::SPEC), segments, &Setting { at, value, shown: "spec" })
}

/// Sets (or with `null` removes) a value in one of the manifests.
pub(super) fn set_in_manifest(manifests: &mut [Node], segments: &[Segment], at: Span, value: &Node) -> Result<(), Bad> {
    let [_, Segment::Item(target), rest @ ..] = segments else { return Ok(()) };
    let index = find_manifest(manifests, target)?;
    if rest.is_empty() {
        return Err((
            format!("`manifests[{}]` is a whole manifest", shorten(target)),
            Some("name a field of it, such as .spec.replicas".to_owned()),
        ));
    }
    walk(&mut manifests[index], &Type::Any, rest, &Setting { at, value, shown: target })
}

struct Setting<'v> {
    at: Span,
    value: &'v Node,
    /// What the path is in so far, for messages.
    shown: &'v str,
}

/// What may stand behind a value of this type, where keys are asked for.
fn object_in(ty: &Type) -> Option<&'static Shape> {
    match ty {
        Type::Object(shape) => Some(shape),
        Type::Dist => Some(&DIST),
        Type::CountDist => Some(&COUNT_DIST),
        Type::Either(types) => types.iter().find_map(object_in),
        _ => None,
    }
}

/// The same, where there may be several: the one that has the key, else the first.
fn object_with(ty: &Type, key: &str) -> Option<&'static Shape> {
    let Type::Either(types) = ty else { return object_in(ty) };
    let mut all = types.iter().filter_map(object_in);
    all.find(|shape| shape.field(key).is_some()).or_else(|| object_in(ty))
}

fn walk(node: &mut Node, ty: &Type, segments: &[Segment], setting: &Setting<'_>) -> Result<(), Bad> {
    match segments {
        [] => {
            *node = setting.value.clone();
            Ok(())
        }
        [Segment::Key(key), rest @ ..] => walk_key(node, ty, (key, rest), setting),
        [Segment::Item(item), rest @ ..] => {
            if matches!(ty, Type::Map(..)) || matches!((ty, &node.value), (Type::Any, Value::Map(_))) {
                return walk_key(node, ty, (item, rest), setting);
            }
            walk_item(node, ty, (item, rest), setting)
        }
    }
}

fn walk_key(node: &mut Node, ty: &Type, (key, rest): (&str, &[Segment]), setting: &Setting<'_>) -> Result<(), Bad> {
    let next = key_type(node, ty, key, setting)?;
    if !matches!(node.value, Value::Map(_) | Value::Null) {
        let message = format!("`{key}` is a key, but {} is {}", setting.shown, found(node));
        return Err((message, Some("set the whole value, or name an item of the list in brackets".to_owned())));
    }
    let removes = setting.value.is_null();
    if rest.is_empty() {
        if removes {
            node.remove(key);
        } else {
            node.set(Key::new(key, setting.at), setting.value.clone());
        }
        return Ok(());
    }
    if node.get(key).is_none() {
        // A missing object on the way is written, unless nothing would stand in it.
        let mut inside = Node::null(setting.at);
        walk(&mut inside, &next, rest, &Setting { shown: key, ..*setting })?;
        if !removes {
            node.set(Key::new(key, setting.at), inside);
        }
        return Ok(());
    }
    match node.get_mut(key) {
        Some(inside) => walk(inside, &next, rest, &Setting { shown: key, ..*setting }),
        None => Ok(()),
    }
}

/// The type behind a key, or why there is no such key.
fn key_type(node: &Node, ty: &Type, key: &str, setting: &Setting<'_>) -> Result<Type, Bad> {
    if let Type::Map(inner) = ty {
        return Ok(**inner);
    }
    if matches!(ty, Type::Any) {
        let known = node.get(key).is_some()
            || FIELDS.contains(&key)
            || setting.shown == "labels"
            || setting.shown == "annotations";
        return if known { Ok(Type::Any) } else { Err(unknown_field(node, key, setting)) };
    }
    let Some(shape) = object_with(ty, key) else {
        if matches!(ty, Type::List(_)) {
            let help = format!("an item of a list stands in brackets: write {}[{}]", setting.shown, shorten(key));
            return Err((format!("`{}` is a list, so there is no key `{}`", setting.shown, shorten(key)), Some(help)));
        }
        return Err((format!("`{}` has no keys, so there is no `{}`", setting.shown, shorten(key)), None));
    };
    match shape.field(key) {
        Some(field) if field.built => Ok(field.value),
        Some(field) => Err((format!("not supported yet: {}", field.key), None)),
        None => {
            let message = format!("unknown key `{}` in {}", shorten(key), article(shape.name));
            let help = match nearest(key, shape.keys()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known keys: {}", shape.keys().collect::<Vec<_>>().join(", ")),
            };
            Err((message, Some(help)))
        }
    }
}

fn unknown_field(node: &Node, key: &str, setting: &Setting<'_>) -> Bad {
    let here = node.as_map().unwrap_or(&[]).iter().map(|(key, _)| key.name.as_str());
    let message = format!("no field `{}` in `{}`", shorten(key), shorten(setting.shown));
    let help = nearest(key, here.clone().chain(FIELDS.iter().copied())).map(|near| format!("did you mean `{near}`?"));
    let fields = || Some(format!("it has {}", shorten(&here.collect::<Vec<_>>().join(", "))));
    (message, help.or_else(fields))
}

fn walk_item(node: &mut Node, ty: &Type, (item, rest): (&str, &[Segment]), setting: &Setting<'_>) -> Result<(), Bad> {
    let inner = match ty {
        Type::List(inner) => **inner,
        Type::Any | Type::OfPolicies(_) => Type::Any,
        Type::Either(types) => types
            .iter()
            .find_map(|one| if let Type::List(inner) = one { Some(**inner) } else { None })
            .unwrap_or(Type::Any),
        _ => return Err((format!("`{}` is not a list, so there is no [{}]", setting.shown, shorten(item)), None)),
    };
    let Some(items) = node.as_list_mut() else {
        let message = format!("`{}` has no [{}]: {}", setting.shown, shorten(item), "there is no such list");
        return Err((message, None));
    };
    let index = find_item(items, item).ok_or_else(|| no_item(items, item, setting))?;
    if rest.is_empty() && setting.value.is_null() {
        items.remove(index);
        return Ok(());
    }
    walk(&mut items[index], &inner, rest, &Setting { shown: item, ..*setting })
}

/// What an item of a list is called.
fn item_name(item: &Node) -> Option<&str> {
    item.get("name").or_else(|| item.get("target")).and_then(Node::as_str)
}

fn find_item(items: &[Node], item: &str) -> Option<usize> {
    if let Some(index) = items.iter().position(|node| item_name(node) == Some(item)) {
        return Some(index);
    }
    if let Ok(index) = item.parse::<usize>() {
        return (index < items.len()).then_some(index);
    }
    // `workloads[default/deployment/web]` and `workloads[deploy/web]` name the same workload.
    let wanted = names::workload_target(item).ok()?;
    let same = |node: &Node| {
        let known = item_name(node).and_then(|name| names::workload_target(name).ok());
        known.is_some_and(|known| {
            known.kind == wanted.kind
                && known.name == wanted.name
                && known.namespace.unwrap_or("default") == wanted.namespace.unwrap_or("default")
        })
    };
    items.iter().position(same)
}

fn no_item(items: &[Node], item: &str, setting: &Setting<'_>) -> Bad {
    let message = format!("`{}` has no item [{}]", setting.shown, shorten(item));
    let known = items.iter().filter_map(item_name).collect::<Vec<_>>();
    let help = match nearest(item, known.iter().copied()) {
        Some(near) => format!("did you mean `{}[{near}]`?", setting.shown),
        None if known.is_empty() => it_has(items.len(), "item"),
        None => format!("its items are {}", shorten(&known.join(", "))),
    };
    (message, Some(help))
}

pub(super) fn find_manifest(manifests: &[Node], target: &str) -> Result<usize, Bad> {
    let parts = target.split('/').collect::<Vec<_>>();
    let (namespace, kind, name) = match parts.as_slice() {
        [kind, name] => (None, kind.to_ascii_lowercase(), *name),
        [namespace, kind, name] => (Some(*namespace), kind.to_ascii_lowercase(), *name),
        _ => {
            let message = format!("`manifests[{}]` names no manifest", shorten(target));
            return Err((message, Some("write manifests[kind/name], such as manifests[deployment/web]".to_owned())));
        }
    };
    let kind = match kind.as_str() {
        "deploy" => "deployment",
        "rs" => "replicaset",
        "po" => "pod",
        "svc" => "service",
        "no" => "node",
        "ns" => "namespace",
        other => other,
    };
    let text = |node: &Node, path: &[&str]| node.at(path).and_then(Node::as_str).unwrap_or_default().to_owned();
    let space = |node: &Node| match text(node, &["metadata", "namespace"]) {
        empty if empty.is_empty() => "default".to_owned(),
        namespace => namespace,
    };
    let fits = |node: &Node| {
        text(node, &["kind"]).to_ascii_lowercase() == kind
            && text(node, &["metadata", "name"]) == name
            && namespace.is_none_or(|wanted| space(node) == wanted)
    };
    let matching = (0..manifests.len()).filter(|&index| fits(&manifests[index])).collect::<Vec<_>>();
    let default = matching.iter().find(|&&index| space(&manifests[index]) == "default");
    match (default, matching.as_slice()) {
        (Some(index), _) => Ok(*index),
        (None, [only]) => Ok(*only),
        (None, []) => {
            let label = |node: &Node| {
                let own =
                    format!("{}/{}", text(node, &["kind"]).to_ascii_lowercase(), text(node, &["metadata", "name"]));
                if namespace.is_some() { format!("{}/{own}", space(node)) } else { own }
            };
            let known = manifests.iter().map(label).collect::<Vec<_>>();
            let written = namespace.map_or(format!("{kind}/{name}"), |space| format!("{space}/{kind}/{name}"));
            let help = match nearest(&written, known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `manifests[{near}]`?"),
                None if known.is_empty() => {
                    "there are no manifests; an inline workload is set by workloads[…].inline".to_owned()
                }
                None => format!("the manifests are {}", shorten(&known.join(", "))),
            };
            Err((format!("no manifest `{}`", shorten(target)), Some(help)))
        }
        (None, _) => Err((
            format!("several manifests are called `{}`", shorten(target)),
            Some(format!("write manifests[NAMESPACE/{kind}/{name}], or in a patch metadata.namespace")),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{self, Sources};

    fn apply(text: &str, path: &str, value: &str) -> Result<String, Bad> {
        let mut sources = Sources::new();
        let id = sources.add("a.yaml", text);
        let mut documents = yaml::parse(&sources, id).expect("YAML");
        let value = yaml::parse_value(&mut sources, value).expect("a value");
        let segments = parse(path)?;
        let span = documents[0].span;
        if into_manifest(&segments) {
            set_in_manifest(&mut documents[1..], &segments, span, &value)?;
        } else {
            set(&mut documents[0], &segments, span, &value)?;
        }
        Ok(yaml::write(&documents))
    }

    const SCENARIO: &str = "\
cluster: {network: none}
workloads: [{target: deployment/web, containers: {app: {concurrency: 1}}}]
traffic: [{name: a, to: 'http://web/'}, {name: b}]
---
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {replicas: 2, template: {spec: {containers: [{name: app}]}}}
";

    #[test]
    fn values_are_set_created_and_removed() {
        for (path, value, expected) in [
            ("traffic[b].to", "http://x/", "to: http://x/"),
            ("traffic[1].to", "http://x/", "to: http://x/"),
            ("traffic[a].arrivals.poisson.rate", "5/s", "rate: 5/s"),
            ("workloads[deployment/web].containers.app.queue.limit", "0", "limit: 0"),
            ("workloads[default/deployment/web].containers[app].concurrency", "7", "concurrency: 7"),
            ("cluster.kubeProxy", "{mode: iptables}", "mode: iptables"),
            ("run.seed", "9", "seed: 9"),
            ("manifests[deployment/web].spec.replicas", "6", "replicas: 6"),
            ("manifests[shop/deploy/web].spec.template.spec.containers[app].resources.limits.cpu", "2", "cpu: 2"),
        ] {
            let text = apply(SCENARIO, path, value).unwrap_or_else(|bad| panic!("{path}: {}", bad.0));
            assert!(text.contains(expected), "{path}: {text}");
        }
        assert!(!apply(SCENARIO, "traffic[a].to", "null").expect("a path").contains("http://web/"));
        assert!(!apply(SCENARIO, "traffic[b]", "null").expect("a path").contains("name: b"));
        let unchanged = yaml_of(SCENARIO);
        assert_eq!(apply(SCENARIO, "cluster.nodes", "null").expect("a path"), unchanged);
        assert_eq!(apply(SCENARIO, "run.seed", "null").expect("a path"), unchanged);
    }

    fn yaml_of(text: &str) -> String {
        let mut sources = Sources::new();
        let id = sources.add("a.yaml", text);
        yaml::write(&yaml::parse(&sources, id).expect("YAML"))
    }

    #[test]
    fn unknown_paths_name_the_nearest() {
        for (path, message, help) in [
            ("trafic[a].to", "unknown key `trafic` in a `spec`", "did you mean `traffic`?"),
            ("traffic[c].to", "`traffic` has no item [c]", "its items are a, b"),
            ("traffic[a].arivals", "unknown key `arivals` in a `traffic`", "did you mean `arrivals`?"),
            ("cluster.mesh", "not supported yet: mesh", ""),
            ("spec.run", "unknown key `spec`", "paths are relative to spec: leave out `spec.`"),
            (
                "traffic.a.to",
                "`traffic` is a list, so there is no key `a`",
                "an item of a list stands in brackets: write traffic[a]",
            ),
            ("traffic[a].to.x", "`to` has no keys, so there is no `x`", ""),
            (
                "cluster.network.sameNode",
                "`sameNode` is a key, but network is `none`",
                "set the whole value, or name an item of the list in brackets",
            ),
            (
                "manifests[deployment/wev].spec.replicas",
                "no manifest `deployment/wev`",
                "did you mean `manifests[deployment/web]`?",
            ),
            ("manifests[deployment/web].spec.replica", "no field `replica` in `spec`", "did you mean `replicas`?"),
            ("traffic[", "`traffic[`: `[` without `]`", "write for example traffic[browse].arrivals.poisson.rate"),
            ("a..b", "`a..b`: a key is empty", "write for example traffic[browse].arrivals.poisson.rate"),
            ("run[x]", "`run` is not a list, so there is no [x]", ""),
        ] {
            let bad = apply(SCENARIO, path, "1").expect_err(path);
            assert_eq!((bad.0.as_str(), bad.1.as_deref().unwrap_or("")), (message, help), "{path}");
        }
    }
}
