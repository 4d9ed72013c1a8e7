//! What a Service says about who may use which of its endpoints.

use super::fields::{Context, Fields};
use crate::discovery::slices::policy::{Distribution, Scope, TrafficPolicy};
use crate::yaml::{Node, nearest};

/// The annotation, and what it was called until Kubernetes 1.27.
const TOPOLOGY: [&str; 2] = ["service.kubernetes.io/topology-mode", "service.kubernetes.io/topology-aware-hints"];
const BY_CLIENT: &str = "the client of a headless Service chooses among all pods";

/// Reads the policies of `spec` and the annotations; `node` is the whole object.
pub(super) fn read(context: &mut Context<'_>, node: &Node, spec: &mut Fields<'_>, headless: bool) -> TrafficPolicy {
    let scopes = [("Cluster", Scope::Cluster), ("Local", Scope::Local)];
    let distributions = [
        ("PreferClose", Distribution::SameZone),
        ("PreferSameZone", Distribution::SameZone),
        ("PreferSameNode", Distribution::SameNode),
    ];
    let given = ["internalTrafficPolicy", "trafficDistribution"].map(|key| spec.peek(key).is_some());
    let mut policy = TrafficPolicy {
        internal: word(context, spec, "internalTrafficPolicy", &scopes).unwrap_or_default(),
        external: word(context, spec, "externalTrafficPolicy", &scopes).unwrap_or_default(),
        distribution: word(context, spec, "trafficDistribution", &distributions).unwrap_or_default(),
        not_ready_too: context.boolean(spec, "publishNotReadyAddresses").unwrap_or(false),
    };
    // The annotation wins over the field.
    if let Some((name, annotation)) = annotation(node) {
        match annotation.as_str() {
            Some("Auto" | "auto") => policy.distribution = Distribution::Auto,
            Some("Disabled" | "disabled") => {}
            _ => context.ignore(&format!("metadata.annotations[{name}]"), "only `Auto` has an effect"),
        }
    }
    if headless {
        for (key, _) in ["internalTrafficPolicy", "trafficDistribution"].iter().zip(given).filter(|(_, given)| *given) {
            if policy.by_node() {
                context.ignore(&format!("spec.{key}"), BY_CLIENT);
            }
        }
        policy = TrafficPolicy { not_ready_too: policy.not_ready_too, ..TrafficPolicy::default() };
    }
    policy
}

fn annotation(node: &Node) -> Option<(&'static str, &Node)> {
    TOPOLOGY.into_iter().find_map(|name| Some((name, node.at(&["metadata", "annotations", name])?)))
}

/// One of a field's words.
fn word<T: Copy>(context: &mut Context<'_>, spec: &mut Fields<'_>, key: &str, words: &[(&str, T)]) -> Option<T> {
    let node = spec.peek(key)?;
    let text = context.text(spec, key)?;
    let found = words.iter().find(|(word, _)| *word == text);
    if found.is_none() {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let (last, others) = known.split_last().expect("every field has words");
        let list = format!("{} or {last}", others.join(", "));
        let help = nearest(text, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
        let message = format!("`spec.{key}` must be {list}, and this is `{text}`");
        context.error(node.span, &message, &help.unwrap_or_else(|| format!("write {list}")));
    }
    found.map(|(_, value)| *value)
}

/// The policies in a few words, for the report; nothing where all is usual.
pub(super) fn summary(policy: &TrafficPolicy) -> Option<String> {
    let mut parts = Vec::new();
    match policy.distribution {
        Distribution::None => {}
        Distribution::SameZone => parts.push("prefers the client's zone"),
        Distribution::SameNode => parts.push("prefers the client's node, then its zone"),
        Distribution::Auto => parts.push("endpoints by topology"),
    }
    if policy.internal == Scope::Local {
        parts.push("keeps clients on their node");
    }
    if policy.not_ready_too {
        parts.push("unready pods too");
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_in_a_few_words() {
        let of = |distribution| summary(&TrafficPolicy { distribution, ..TrafficPolicy::default() });
        let words = [Distribution::None, Distribution::SameZone, Distribution::SameNode, Distribution::Auto].map(of);
        let words: Vec<_> = words.iter().map(|text| text.as_deref().unwrap_or("")).collect();
        let expected =
            ["", "prefers the client's zone", "prefers the client's node, then its zone", "endpoints by topology"];
        assert_eq!(words, expected);
        let policy = TrafficPolicy { internal: Scope::Local, not_ready_too: true, ..TrafficPolicy::default() };
        assert_eq!(summary(&policy).as_deref(), Some("keeps clients on their node, unready pods too"));
    }
}
