//! What pods say of where they are to stand: `affinity`, `tolerations`, `topologySpreadConstraints`; and taints of nodes.

use super::fields::{Context, Fields};
use super::label_selector;
use crate::controllers::scheduler::labels::{Requirement, Test};
use crate::controllers::scheduler::spec::{NodeAffinity, PodAffinity, SpreadConstraint, Term};
use crate::controllers::scheduler::taints::{Effect, Taint, Toleration};
use crate::yaml::{Node, nearest};

/// What a pod says of where it is to stand, beside `nodeName` and `nodeSelector`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scheduling {
    /// The labels of the pods.
    pub labels: Vec<(String, String)>,
    /// `affinity.nodeAffinity`.
    pub node_affinity: NodeAffinity,
    /// `affinity.podAffinity` and `affinity.podAntiAffinity`.
    pub pod_affinity: PodAffinity,
    /// `tolerations`.
    pub tolerations: Vec<Toleration>,
    /// `topologySpreadConstraints`.
    pub spread: Vec<SpreadConstraint>,
}

impl Scheduling {
    /// Whether it says anything that decides about nodes.
    #[must_use]
    pub fn is_stated(&self) -> bool {
        self.node_affinity != NodeAffinity::default()
            || self.pod_affinity != PodAffinity::default()
            || !self.spread.is_empty()
    }
}

/// The operators of a selector of nodes.
const NODE_OPERATORS: [&str; 6] = ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"];

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// The fields of a pod.
pub(super) fn read(context: &mut Context<'_>, pod: &mut Fields<'_>) -> Scheduling {
    let mut read = Scheduling::default();
    if let Some(mut affinity) = context.inner(pod, "affinity") {
        if let Some(mut node) = context.inner(&mut affinity, "nodeAffinity") {
            read.node_affinity = node_affinity(context, &mut node);
            context.finish(&node);
        }
        if let Some(mut near) = context.inner(&mut affinity, "podAffinity") {
            read.pod_affinity.near = terms(context, &mut near, REQUIRED);
            read.pod_affinity.preferred.extend(weighted(context, &mut near, 1));
            context.finish(&near);
        }
        if let Some(mut apart) = context.inner(&mut affinity, "podAntiAffinity") {
            read.pod_affinity.apart = terms(context, &mut apart, REQUIRED);
            read.pod_affinity.preferred.extend(weighted(context, &mut apart, -1));
            context.finish(&apart);
        }
        context.finish(&affinity);
    }
    for mut item in context.items(pod, "tolerations") {
        read.tolerations.extend(toleration(context, &mut item));
        context.finish(&item);
    }
    for mut item in context.items(pod, "topologySpreadConstraints") {
        read.spread.extend(constraint(context, &mut item));
        context.finish(&item);
    }
    read
}

fn node_affinity(context: &mut Context<'_>, fields: &mut Fields<'_>) -> NodeAffinity {
    let mut affinity = NodeAffinity::default();
    if let Some(mut required) = context.inner(fields, REQUIRED) {
        for mut term in context.items(&mut required, "nodeSelectorTerms") {
            affinity.required.push(node_term(context, &mut term));
            context.finish(&term);
        }
        if affinity.required.is_empty() {
            let help = "write for example `nodeSelectorTerms: [{matchExpressions: [{key: disk, operator: Exists}]}]`";
            context.error(required.span, "`nodeSelectorTerms` needs a term", help);
        }
        context.finish(&required);
    }
    for mut item in context.items(fields, PREFERRED) {
        let weight = weight(context, &mut item);
        if let Some(mut term) = context.inner(&mut item, "preference") {
            affinity.preferred.push((weight, node_term(context, &mut term)));
            context.finish(&term);
        }
        context.finish(&item);
    }
    affinity
}

/// 1 to 100.
fn weight(context: &mut Context<'_>, item: &mut Fields<'_>) -> u32 {
    if item.peek("weight").is_none() {
        context.error(item.span, "what is preferred needs a `weight`", "write for example `weight: 100`");
    }
    context.whole(item, "weight", 1..=100).unwrap_or(1)
}

fn node_term(context: &mut Context<'_>, term: &mut Fields<'_>) -> Vec<Requirement> {
    let mut all = Vec::new();
    // A field of a node is its name.
    for list in ["matchExpressions", "matchFields"] {
        for mut item in context.items(term, list) {
            let place = item.peek("operator").map_or(item.span, |node| node.span);
            let key = context.text(&mut item, "key").unwrap_or_default().to_owned();
            let operator = context.text(&mut item, "operator").unwrap_or_default().to_owned();
            let values = context.list_of_texts(&mut item, "values");
            context.finish(&item);
            let number = || values.first().and_then(|value| value.parse::<i64>().ok());
            let test = match operator.as_str() {
                "In" => Test::In(values),
                "NotIn" => Test::NotIn(values),
                "Exists" => Test::Exists,
                "DoesNotExist" => Test::DoesNotExist,
                "Gt" | "Lt" => match number() {
                    Some(bound) if operator == "Gt" => Test::Gt(bound),
                    Some(bound) => Test::Lt(bound),
                    None => {
                        let message = format!("`{operator}` compares with one whole number");
                        context.error(place, &message, "write for example `values: [\"4\"]`");
                        continue;
                    }
                },
                other => {
                    let message = format!("an operator is {}, and this is `{other}`", listed(&NODE_OPERATORS));
                    refuse_word(context, place, &message, other, &NODE_OPERATORS);
                    continue;
                }
            };
            all.push(Requirement { key, test });
        }
    }
    all
}

fn terms(context: &mut Context<'_>, fields: &mut Fields<'_>, name: &str) -> Vec<Term> {
    let mut all = Vec::new();
    for mut item in context.items(fields, name) {
        all.extend(term(context, &mut item));
        context.finish(&item);
    }
    all
}

fn weighted(context: &mut Context<'_>, fields: &mut Fields<'_>, sign: i64) -> Vec<(i64, Term)> {
    let mut all = Vec::new();
    for mut item in context.items(fields, PREFERRED) {
        let weight = sign * i64::from(weight(context, &mut item));
        if let Some(mut inner) = context.inner(&mut item, "podAffinityTerm") {
            all.extend(term(context, &mut inner).map(|term| (weight, term)));
            context.finish(&inner);
        }
        context.finish(&item);
    }
    all
}

/// Other pods, and how far around them.
fn term(context: &mut Context<'_>, item: &mut Fields<'_>) -> Option<Term> {
    let selector = label_selector::read(context, item, "labelSelector");
    let namespaces = context.list_of_texts(item, "namespaces");
    let path = item.path("namespaceSelector");
    let all = item.take("namespaceSelector").and_then(Node::as_map).map(<[_]>::is_empty);
    if all == Some(false) {
        context.ignore(&path, "only an empty one is modelled: pods of the own namespace are meant");
    }
    let key = topology_key(context, item)?;
    Some(Term { key, selector, namespaces, everywhere: all == Some(true) })
}

fn topology_key(context: &mut Context<'_>, item: &mut Fields<'_>) -> Option<String> {
    let key = context.text(item, "topologyKey").filter(|key| !key.is_empty()).map(str::to_owned);
    if key.is_none() {
        let help = "write for example `topologyKey: topology.kubernetes.io/zone`";
        context.error(item.span, "a `topologyKey` is missing", help);
    }
    key
}

fn constraint(context: &mut Context<'_>, item: &mut Fields<'_>) -> Option<SpreadConstraint> {
    let max_skew = context.whole(item, "maxSkew", 1..=i32::MAX.unsigned_abs()).unwrap_or(1);
    let is_hard = one_of(context, item, "whenUnsatisfiable", ["DoNotSchedule", "ScheduleAnyway"]) != 1;
    let selector = label_selector::read(context, item, "labelSelector");
    let min_domains = context.whole(item, "minDomains", 1..=i32::MAX.unsigned_abs()).unwrap_or(1);
    let ignores_affinity = one_of(context, item, "nodeAffinityPolicy", ["Honor", "Ignore"]) == 1;
    let honors_taints = one_of(context, item, "nodeTaintsPolicy", ["Ignore", "Honor"]) == 1;
    let key = topology_key(context, item)?;
    Some(SpreadConstraint { max_skew, key, is_hard, selector, min_domains, ignores_affinity, honors_taints })
}

fn toleration(context: &mut Context<'_>, item: &mut Fields<'_>) -> Option<Toleration> {
    let key = context.text(item, "key").filter(|key| !key.is_empty()).map(str::to_owned);
    let exists = one_of(context, item, "operator", ["Equal", "Exists"]) == 1;
    let value = context.text(item, "value").unwrap_or_default().to_owned();
    let effect = effect(context, item);
    let seconds = context.whole(item, "tolerationSeconds", 0..=u32::MAX).map(u64::from);
    if key.is_none() && !exists {
        let help = "write a `key`, or `operator: Exists` to tolerate everything";
        context.error(item.span, "a toleration without a `key` tolerates nothing", help);
        return None;
    }
    Some(Toleration { key, value: (!exists).then_some(value), effect, seconds })
}

fn effect(context: &mut Context<'_>, item: &mut Fields<'_>) -> Option<Effect> {
    let names = Effect::ALL.map(|(_, name)| name);
    let place = item.peek("effect").map_or(item.span, |node| node.span);
    let text = context.text(item, "effect").filter(|text| !text.is_empty())?;
    let found = Effect::ALL.into_iter().find(|(_, name)| *name == text).map(|(effect, _)| effect);
    if found.is_none() {
        let message = format!("an `effect` is {}, and this is `{text}`", listed(&names));
        refuse_word(context, place, &message, text, &names);
    }
    found
}

/// Which of two words a field has; the first where it has none.
fn one_of(context: &mut Context<'_>, item: &mut Fields<'_>, name: &str, words: [&str; 2]) -> usize {
    let place = item.peek(name).map_or(item.span, |node| node.span);
    let Some(text) = context.text(item, name) else { return 0 };
    words.iter().position(|word| *word == text).unwrap_or_else(|| {
        let message = format!("`{name}` is {} or {}, and this is `{text}`", words[0], words[1]);
        refuse_word(context, place, &message, text, &words);
        0
    })
}

fn refuse_word(context: &mut Context<'_>, place: crate::yaml::Span, message: &str, text: &str, words: &[&str]) {
    let help = nearest(text, words.iter().copied()).map(|near| format!("did you mean `{near}`?"));
    context.error(place, message, &help.unwrap_or_else(|| format!("write for example `{}`", words[0])));
}

fn listed(words: &[&str]) -> String {
    let (last, others) = words.split_last().expect("there are words");
    format!("{} or {last}", others.join(", "))
}

/// The taints of a node.
pub(super) fn taints(context: &mut Context<'_>, spec: &mut Fields<'_>) -> Vec<Taint> {
    let mut all = Vec::new();
    for mut item in context.items(spec, "taints") {
        let key = context.text(&mut item, "key").unwrap_or_default().to_owned();
        let value = context.text(&mut item, "value").unwrap_or_default().to_owned();
        item.take("timeAdded");
        let is_named = item.peek("effect").is_some();
        let effect = effect(context, &mut item);
        context.finish(&item);
        match effect {
            Some(effect) if !key.is_empty() => all.push(Taint { key, value, effect }),
            None if is_named => {}
            _ => context.error(
                item.span,
                "a taint has a `key` and an `effect`",
                "write for example `{key: dedicated, value: gpu, effect: NoSchedule}`",
            ),
        }
    }
    all
}
