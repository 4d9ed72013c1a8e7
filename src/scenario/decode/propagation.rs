//! `cluster.propagation` and `cluster.kubernetes`.

use super::super::context::{Context, Object};
use super::super::kubernetes::Kubernetes;
use super::super::propagation::{Preset, Propagation, RuleNews, Runs};
use super::super::shape::Shape;
use super::super::values::{self, shorten};
use super::super::{Node, tables_propagation as shapes, tables_random};
use super::dist::dist;
use crate::random::Dist;
use crate::time::SimDuration;
use crate::yaml;

/// Whose behaviour is simulated.
pub(super) fn kubernetes(cx: &mut Context<'_>, cluster: Option<&Object<'_>>) -> Kubernetes {
    let Some(node) = cluster.and_then(|cluster| cluster.get("kubernetes")) else { return Kubernetes::USUAL };
    let read = values::text(node).and_then(|text| {
        let help = || Some("write it as text, as \"1.34\" or \"1.20\"".to_owned());
        let mut parts = text.strip_prefix('v').unwrap_or(text).split('.').map(str::parse::<u32>);
        let version = match (parts.next(), parts.next()) {
            (Some(Ok(major)), Some(Ok(minor))) if parts.all(|rest| rest.is_ok()) => Kubernetes(major, minor),
            _ => return Err((format!("expected a version such as \"1.34\", found `{}`", shorten(text)), help())),
        };
        let (oldest, newest) = (Kubernetes::OLDEST, Kubernetes::USUAL);
        // What is written without quotes has lost a zero: 1.20 is 1.2.
        if version < oldest || version.0 > newest.0 {
            let message = format!("{}.{} is not from {}.{} on", version.0, version.1, oldest.0, oldest.1);
            return Err((message, help()));
        }
        Ok(version)
    });
    cx.take(node, "kubernetes", read).unwrap_or(Kubernetes::USUAL)
}

/// How news of endpoints travels.
pub(super) fn propagation(cx: &mut Context<'_>, cluster: Option<&Object<'_>>, changes: bool) -> Propagation {
    let node = cluster.and_then(|cluster| cluster.get("propagation"));
    let object = node.and_then(|node| cx.object(node, &shapes::PROPAGATION));
    let object = object.as_ref();
    let preset = object.and_then(|object| object.word(cx, "preset", &Preset::ALL));
    let usual = preset.map_or_else(Propagation::usual, Preset::propagation);
    let conflicts = object.and_then(|object| object.ratio(cx, "conflicts")).unwrap_or(usual.conflicts);
    let read = |cx: &mut Context<'_>, key: &str, usual: Dist| {
        let given = object.and_then(|object| object.get(key)).and_then(|node| dist(cx, node, key));
        given.unwrap_or_else(|| {
            assume(cx, key, &usual, changes);
            usual
        })
    };
    let slices = read(cx, "endpointSlices", usual.slices);
    let rules = match object.and_then(|object| object.get("kubeProxy")) {
        Some(node) => rules(cx, node).unwrap_or(usual.rules),
        None => {
            if let RuleNews::After(delay) = &usual.rules {
                assume(cx, "kubeProxy", delay, changes);
            }
            usual.rules
        }
    };
    let proxies = read(cx, "proxies", usual.proxies);
    let clients = read(cx, "clients", usual.clients);
    let dns = read(cx, "dns", usual.dns);
    Propagation { slices, conflicts, rules, proxies, clients, dns }
}

fn assume(cx: &mut Context<'_>, key: &str, usual: &Dist, changes: bool) {
    // What takes no time is no assumption worth a word.
    let value = usual.as_constant().filter(|delay| changes && !delay.is_zero());
    if let Some(delay) = value {
        cx.assume(format!("cluster: propagation {key}"), delay.to_string(), format!("cluster.propagation.{key}"));
    }
}

/// A delay, or how rules are written.
fn rules(cx: &mut Context<'_>, node: &yaml::Node) -> Option<RuleNews> {
    let is_law = |key: &str| tables_random::DIST.field(key).is_some();
    let entries = node.as_map().unwrap_or(&[]);
    if entries.is_empty() || entries.iter().any(|(key, _)| is_law(&key.name)) {
        if let Some((key, _)) = entries.iter().find(|(key, _)| shapes::RULES.field(&key.name).is_some()) {
            let message =
                format!("`kubeProxy` is either one delay or `watch`, `minSync` and `sync`, found `{}` too", key.name);
            cx.problem_help(key.span, message, "write for example {watch: {exponential: {mean: 100ms}}, minSync: 1s}");
            return None;
        }
        return dist(cx, node, "kubeProxy").map(RuleNews::After);
    }
    let object = cx.object(node, &shapes::RULES)?;
    let mut read = |key: &str| object.get(key).and_then(|node| dist(cx, node, key));
    let (watch, takes) = (read("watch"), read("sync"));
    let least = object.duration(cx, "minSync").unwrap_or(Runs::LEAST);
    Some(RuleNews::InRuns(Runs { watch: watch.unwrap_or_else(Dist::zero), least, takes }))
}

/// The `minSyncPeriod` of a node.
pub(super) fn least_of_node(cx: &mut Context<'_>, object: &Object<'_>) -> Option<SimDuration> {
    let shape: &'static Shape = &shapes::NODE_RULES;
    let own = object.get("kubeProxy").and_then(|node| cx.object(node, shape))?;
    own.duration(cx, "minSync")
}

/// A node's own `minSync` means nothing where rules are not written in runs.
pub(super) fn check_nodes(
    cx: &mut Context<'_>,
    cluster: Option<&Object<'_>>,
    nodes: &[Node],
    propagation: &Propagation,
) {
    let Some(list) = cluster.and_then(|cluster| cluster.get("nodes")) else { return };
    if matches!(propagation.rules, RuleNews::InRuns(_)) || nodes.iter().all(|node| node.min_sync.is_none()) {
        return;
    }
    let item = list.as_list().unwrap_or(&[]).iter().find(|item| item.get("kubeProxy").is_some());
    cx.problem_help(
        item.and_then(|item| item.get("kubeProxy")).unwrap_or(list).span,
        "`minSync` has no effect: kube-proxies act after a delay, not in runs",
        "write cluster.propagation.kubeProxy: {watch: 50ms, minSync: 1s}, or a `preset`",
    );
}
