//! HorizontalPodAutoscalers: `autoscaling/v2`, and `v1` with its single metric.

use super::fields::{Context, Fields, NameRule};
use super::object::{AutoscalerObject, MetricGoal, MetricObject, MetricSource};
use super::quantity::quantity;
use crate::controllers::hpa::behavior::{Amount, Behavior, Policy, Range, Rules, Select};
use crate::time::SimDuration;
use crate::yaml::{Node, nearest};

/// What an autoscaler without metrics goes by.
const USUAL_UTILIZATION: u32 = 80;
/// Most replicas that Kubernetes stores.
const MOST: u32 = i32::MAX.unsigned_abs();

pub(super) fn read(context: &mut Context<'_>, node: &Node) -> Option<AutoscalerObject> {
    context.check_name(NameRule::Subdomain);
    let mut top = context.top(node)?;
    if let Some(metadata) = context.metadata(&mut top) {
        context.finish(&metadata);
    }
    if top.take("spec").is_none() {
        let help = "write scaleTargetRef, minReplicas, maxReplicas and metrics below `spec:`";
        context.error(context.name_span, "`spec` is missing", help);
    }
    let mut spec = context.inner(&mut top, "spec")?;
    context.finish(&top);
    let (target, target_span) = read_target(context, &mut spec);
    let range = read_range(context, &mut spec);
    let metrics = read_metrics(context, &mut spec);
    let behavior = read_behavior(context, &mut spec);
    context.finish(&spec);
    let (target, range) = (target?, range?);
    let object = AutoscalerObject {
        namespace: context.subject.namespace.clone(),
        name: context.subject.name.clone(),
        target,
        target_span,
        range,
        metrics,
        behavior,
        span: context.name_span,
    };
    context.used(&summary(&object));
    Some(object)
}

/// Kind, as targets have it, and name.
fn read_target(context: &mut Context<'_>, spec: &mut Fields<'_>) -> (Option<(String, String)>, crate::yaml::Span) {
    let Some(mut target) = context.inner(spec, "scaleTargetRef") else {
        let help = "write for example `scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}`";
        context.error(spec.span, "`spec.scaleTargetRef` is missing", help);
        return (None, spec.span);
    };
    target.take("apiVersion");
    let kind_span = target.peek("kind").map_or(target.span, |node| node.span);
    let span = target.peek("name").map_or(target.span, |node| node.span);
    let kind = context.text(&mut target, "kind");
    let name = context.text(&mut target, "name").filter(|name| !name.is_empty()).map(str::to_owned);
    context.finish(&target);
    if name.is_none() {
        context.error(target.span, "`spec.scaleTargetRef` has no name", "write for example `name: web`");
    }
    let kinds = ["Deployment", "ReplicaSet", "StatefulSet"];
    let kind = match kind {
        Some(kind) if kinds.contains(&kind) => kind,
        other => {
            let found = other.unwrap_or_default();
            let help = match nearest(found, kinds) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "write for example `kind: Deployment`".to_owned(),
            };
            let message =
                format!("an autoscaler scales a Deployment, ReplicaSet or StatefulSet, and this is `{found}`");
            context.error(kind_span, &message, &help);
            return (None, span);
        }
    };
    (name.map(|name| (kind.to_ascii_lowercase(), name)), span)
}

fn read_range(context: &mut Context<'_>, spec: &mut Fields<'_>) -> Option<Range> {
    let place = spec.peek("maxReplicas").map(|node| node.span);
    // Zero is for a feature gate that clusters do not set.
    let has_min = spec.peek("minReplicas").is_some();
    let (min, max) = (context.whole(spec, "minReplicas", 1..=MOST), context.whole(spec, "maxReplicas", 1..=MOST));
    let Some(place) = place else {
        context.error(spec.span, "`spec.maxReplicas` is missing", "write for example `maxReplicas: 10`");
        return None;
    };
    let (min, max) = (if has_min { min? } else { 1 }, max?);
    if max < min {
        let message = format!("`spec.maxReplicas` is {max}, less than `minReplicas`, which is {min}");
        context.error(place, &message, "raise `maxReplicas`, or lower `minReplicas`");
    }
    Some(Range { min, max })
}

fn read_metrics(context: &mut Context<'_>, spec: &mut Fields<'_>) -> Vec<MetricObject> {
    let cpu = |percent, span| MetricObject {
        source: MetricSource::Cpu { container: None },
        goal: MetricGoal::Utilization(percent),
        span,
    };
    if let Some(node) = spec.peek("targetCPUUtilizationPercentage") {
        let percent = context.whole(spec, "targetCPUUtilizationPercentage", 1..=MOST);
        return percent.map(|percent| cpu(percent, node.span)).into_iter().collect();
    }
    if spec.peek("metrics").is_none() {
        return vec![cpu(USUAL_UTILIZATION, spec.span)];
    }
    let mut metrics = Vec::new();
    for mut item in context.items(spec, "metrics") {
        metrics.extend(read_metric(context, &mut item));
        context.finish(&item);
    }
    metrics
}

/// Types of metrics, and the field that each has.
const TYPES: [(&str, &str); 5] = [
    ("Resource", "resource"),
    ("ContainerResource", "containerResource"),
    ("Pods", "pods"),
    ("Object", "object"),
    ("External", "external"),
];

fn read_metric(context: &mut Context<'_>, item: &mut Fields<'_>) -> Option<MetricObject> {
    let place = item.peek("type").map_or(item.span, |node| node.span);
    let given = context.text(item, "type").unwrap_or_default();
    let Some((_, field)) = TYPES.iter().find(|(name, _)| *name == given) else {
        let help = match nearest(given, TYPES.iter().map(|(name, _)| *name)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "write for example `type: Resource`".to_owned(),
        };
        let message =
            format!("a metric is of type Resource, ContainerResource, Pods, Object or External, and this is `{given}`");
        context.error(place, &message, &help);
        return None;
    };
    let Some(mut own) = context.inner(item, field) else {
        context.error(
            place,
            &format!("a metric of type {given} needs `{field}`"),
            "see `kubectl explain hpa.spec.metrics`",
        );
        return None;
    };
    let source = read_source(context, &mut own, given);
    let goal = read_goal(context, &mut own, given);
    context.finish(&own);
    let (source, goal) = (source?, goal?);
    Some(MetricObject { source, goal, span: own.span })
}

fn read_source(context: &mut Context<'_>, own: &mut Fields<'_>, given: &str) -> Option<MetricSource> {
    if matches!(given, "Resource" | "ContainerResource") {
        let place = own.peek("name").map_or(own.span, |node| node.span);
        let container = own.peek("container").map(|node| (node.span, context.text(own, "container")));
        let name = context.text(own, "name").unwrap_or_default();
        let container = match (given, container) {
            ("ContainerResource", None) => {
                context.error(own.span, "a metric of type ContainerResource needs `container`", "write its name");
                return None;
            }
            ("ContainerResource", Some((span, name))) => Some((name?.to_owned(), span)),
            _ => None,
        };
        return match name {
            "cpu" => Some(MetricSource::Cpu { container }),
            "memory" => {
                own.take("target");
                context.ignore(&own.path("name memory"), "memory is not modelled: the metric is left out");
                None
            }
            other => {
                let help = match nearest(other, ["cpu", "memory"]) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "write `name: cpu`".to_owned(),
                };
                context.error(place, &format!("a resource metric is cpu or memory, and this is `{other}`"), &help);
                None
            }
        };
    }
    own.take("describedObject"); // whose metric it is makes no difference: the scenario says what it is
    let mut metric = context.inner(own, "metric");
    let name = metric.as_mut().and_then(|metric| {
        metric.take("selector");
        context.text(metric, "name").filter(|name| !name.is_empty()).map(str::to_owned)
    });
    if let Some(metric) = &metric {
        context.finish(metric);
    }
    if name.is_none() {
        context.error(own.span, "a metric without a name", "write for example `metric: {name: requests_per_second}`");
    }
    let (name, of_pods) = (name?, given == "Pods");
    Some(MetricSource::Named { name, of_pods })
}

/// `target`: which forms there are depends on the type.
fn read_goal(context: &mut Context<'_>, own: &mut Fields<'_>, given: &str) -> Option<MetricGoal> {
    if own.was_taken("target") {
        return None;
    }
    let Some(mut target) = context.inner(own, "target") else {
        let help = "write for example `target: {type: Utilization, averageUtilization: 60}`";
        context.error(own.span, &format!("`{}` is missing", own.path("target")), help);
        return None;
    };
    let forms: &[&str] = match given {
        "Resource" | "ContainerResource" => &["Utilization", "AverageValue"],
        "Pods" => &["AverageValue"],
        _ => &["Value", "AverageValue"],
    };
    let place = target.peek("type").map_or(target.span, |node| node.span);
    let form = context.text(&mut target, "type").unwrap_or_default();
    if !forms.contains(&form) {
        let help = match nearest(form, forms.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write `type: {}`", forms[0]),
        };
        let message = format!("the target of a metric of type {given} is {}, and this is `{form}`", forms.join(" or "));
        context.error(place, &message, &help);
        return None;
    }
    let goal = match form {
        "Utilization" => read_whole(context, &mut target, "averageUtilization").map(MetricGoal::Utilization),
        "AverageValue" => read_quantity(context, &mut target, "averageValue").map(MetricGoal::Average),
        _ => read_quantity(context, &mut target, "value").map(MetricGoal::Value),
    };
    context.finish(&target);
    goal
}

fn read_whole(context: &mut Context<'_>, target: &mut Fields<'_>, name: &str) -> Option<u32> {
    if target.peek(name).is_none() {
        context.error(target.span, &format!("`{}` is missing", target.path(name)), &format!("write `{name}: 60`"));
        return None;
    }
    context.whole(target, name, 1..=MOST)
}

/// Thousandths, rounded up as Kubernetes rounds.
fn read_quantity(context: &mut Context<'_>, target: &mut Fields<'_>, name: &str) -> Option<i64> {
    let path = target.path(name);
    let Some(node) = target.take(name) else {
        context.error(target.span, &format!("`{path}` is missing"), &format!("write for example `{name}: 100`"));
        return None;
    };
    let text = node.as_scalar().map_or("", |scalar| scalar.text.as_str());
    let milli = quantity(text).map(|value| (value * 1e3 - 1e-6).ceil()).filter(|milli| (1.0..9e18).contains(milli));
    if milli.is_none() {
        let message = format!("`{path}` must be a quantity above 0, and this is `{text}`");
        context.error(node.span, &message, "write for example 100, 250m or 1k");
    }
    milli.map(|milli| milli as i64)
}

/// `behavior`; what it leaves open is as it usually is.
fn read_behavior(context: &mut Context<'_>, spec: &mut Fields<'_>) -> Option<Behavior> {
    let mut behavior = context.inner(spec, "behavior")?;
    let read = Behavior {
        up: read_rules(context, &mut behavior, "scaleUp", Rules::usual_up()),
        down: read_rules(context, &mut behavior, "scaleDown", Rules::usual_down()),
    };
    context.finish(&behavior);
    Some(read)
}

fn read_rules(context: &mut Context<'_>, behavior: &mut Fields<'_>, name: &str, usual: Rules) -> Rules {
    let mut rules = usual;
    let Some(mut given) = context.inner(behavior, name) else { return rules };
    if let Some(seconds) = context.whole(&mut given, "stabilizationWindowSeconds", 0..=3600) {
        rules.stabilization = Some(SimDuration::from_secs(seconds.into()));
    }
    if given.peek("tolerance").is_some() {
        rules.tolerance = read_tolerance(context, &mut given);
    }
    let words = [("Max", Select::Max), ("Min", Select::Min), ("Disabled", Select::Disabled)];
    if let Some(select) = read_word(context, &mut given, "selectPolicy", &words) {
        rules.select = select;
    }
    if let Some(list) = given.peek("policies") {
        let policies = context.items(&mut given, "policies");
        if list.as_list().is_some_and(<[Node]>::is_empty) {
            let help = "write for example `policies: [{type: Pods, value: 4, periodSeconds: 15}]`";
            context.error(list.span, "`policies` without a policy: Kubernetes refuses it", help);
        }
        rules.policies = policies.into_iter().filter_map(|policy| read_policy(context, policy)).collect();
    }
    context.finish(&given);
    rules
}

fn read_tolerance(context: &mut Context<'_>, given: &mut Fields<'_>) -> Option<f64> {
    let (path, node) = (given.path("tolerance"), given.take("tolerance")?);
    let value = node.as_scalar().and_then(|scalar| quantity(&scalar.text)).filter(|value| *value >= 0.0);
    if value.is_none() {
        context.error(node.span, &format!("`{path}` must be a quantity from 0"), "write for example `tolerance: 0.05`");
    }
    value
}

fn read_policy(context: &mut Context<'_>, mut policy: Fields<'_>) -> Option<Policy> {
    let place = policy.span;
    let words = [("Pods", true), ("Percent", false)];
    let in_pods = read_word(context, &mut policy, "type", &words);
    let value = context.whole(&mut policy, "value", 1..=MOST);
    let period = context.whole(&mut policy, "periodSeconds", 1..=1800);
    context.finish(&policy);
    if in_pods.is_none() || value.is_none() || period.is_none() {
        // What is wrong with one that is there has been said.
        for name in ["type", "value", "periodSeconds"].into_iter().filter(|name| !policy.was_taken(name)) {
            let help = "write for example {type: Pods, value: 4, periodSeconds: 15}";
            context.error(place, &format!("a policy without `{name}`"), help);
        }
    }
    let (in_pods, value, period) = (in_pods?, value?, period?);
    let amount = if in_pods { Amount::Pods(value) } else { Amount::Percent(value) };
    Some(Policy { amount, period: SimDuration::from_secs(period.into()) })
}

/// One of some words, where the field is there.
fn read_word<T: Copy>(
    context: &mut Context<'_>,
    fields: &mut Fields<'_>,
    name: &str,
    words: &[(&str, T)],
) -> Option<T> {
    let place = fields.peek(name)?.span;
    let path = fields.path(name);
    let text = context.text(fields, name)?;
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
        return Some(*value);
    }
    let list: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let help = match nearest(text, list.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("write `{name}: {}`", list[0]),
    };
    let (last, first) = list.split_last().unwrap_or((&"", &[]));
    let message = format!("`{path}` must be {} or {last}, and this is `{text}`", first.join(", "));
    context.error(place, &message, &help);
    None
}

/// `deployment/web, 2 to 10 replicas, CPU at 60 %`.
fn summary(object: &AutoscalerObject) -> String {
    let (kind, name) = &object.target;
    let Range { min, max } = object.range;
    let mut parts =
        vec![format!("{kind}/{name}"), format!("{min} to {max} replica{}", if max == 1 { "" } else { "s" })];
    for metric in &object.metrics {
        let what = match &metric.source {
            MetricSource::Cpu { container: None } => "CPU".to_owned(),
            MetricSource::Cpu { container: Some((container, _)) } => format!("CPU of {container}"),
            MetricSource::Named { name, .. } => name.clone(),
        };
        let milli = |milli: i64| milli as f64 / 1e3;
        parts.push(match metric.goal {
            MetricGoal::Utilization(percent) => format!("{what} at {percent} %"),
            MetricGoal::Average(value) => format!("{what} at {} a pod", milli(value)),
            MetricGoal::Value(value) => format!("{what} at {}", milli(value)),
        });
    }
    if object.behavior.is_some() {
        parts.push("with rules of its own".to_owned());
    }
    parts.join(", ")
}
