//! `cluster.autoscaling` and the HorizontalPodAutoscalers of the manifests.

use super::super::autoscaling::{Autoscaler, Autoscaling, Measure, ScalingMetric};
use super::super::context::{Context, Object};
use super::super::values::shorten;
use super::super::{Source, Traffic, Workload, names, tables_autoscaling};
use crate::controllers::hpa::Settings;
use crate::manifest::{AutoscalerObject, MetricGoal, MetricObject, MetricSource};
use crate::yaml::{Node, Problem, Span, nearest};

/// Whether the scenario leaves autoscaling out.
fn is_off(cluster: Option<&Object<'_>>) -> bool {
    cluster.and_then(|cluster| cluster.get("autoscaling")).and_then(Node::as_str) == Some("none")
}

/// Whether autoscalers change the cluster.
pub(super) fn is_on(cluster: Option<&Object<'_>>, objects: &[AutoscalerObject]) -> bool {
    !objects.is_empty() && !is_off(cluster)
}

/// The autoscalers, with what they scale and what they go by.
pub(super) fn autoscaling(
    cx: &mut Context<'_>,
    cluster: Option<&Object<'_>>,
    objects: &[AutoscalerObject],
    workloads: &[Workload],
) -> Autoscaling {
    if is_off(cluster) {
        for object in objects {
            cx.ignore(manifest_label(object), "the scenario leaves it out (cluster.autoscaling: none)".to_owned());
        }
        return Autoscaling::default();
    }
    let node = cluster.and_then(|cluster| cluster.get("autoscaling"));
    if let Some(text) = node.and_then(|node| Some((node.span, node.as_str()?))) {
        let message = format!("`autoscaling`: expected what autoscalers know, or `none`, found `{}`", shorten(text.1));
        cx.problem_help(text.0, message, "write for example {metricResolution: 15s, sync: 15s}, or `none`");
        return Autoscaling::default();
    }
    let own = node.and_then(|node| cx.object(node, &tables_autoscaling::AUTOSCALING));
    let mut autoscaling = times(cx, own.as_ref());
    let named = named_metrics(cx, own.as_ref());
    let mut wanted = vec![false; named.len()];
    for object in objects {
        let Some(workload) = target(cx, object, workloads) else { continue };
        if let Some(other) = autoscaling.autoscalers.iter().find(|other| other.workload == workload) {
            let message =
                format!("{}: {} scales {}, too", manifest_label(object), other.label, workloads[workload].target());
            cx.problem_help(object.span, message, "two autoscalers of one target do nothing; remove one");
            continue;
        }
        let metrics: Vec<ScalingMetric> = object
            .metrics
            .iter()
            .filter_map(|metric| read_metric(cx, object, metric, &workloads[workload], (&named, &mut wanted)))
            .collect();
        if metrics.is_empty() {
            // Each has been answered; a cluster would only report that it cannot scale.
            continue;
        }
        let label = hpa_label(object);
        let behavior = object.behavior.clone().unwrap_or_default();
        autoscaling.autoscalers.push(Autoscaler { label, workload, range: object.range, behavior, metrics });
    }
    for ((name, _, span), _) in named.iter().zip(&wanted).filter(|(_, wanted)| !**wanted) {
        let all = objects.iter().flat_map(|object| &object.metrics);
        let known = all.filter_map(|metric| match &metric.source {
            MetricSource::Named { name, .. } => Some(name.as_str()),
            MetricSource::Cpu { .. } => None,
        });
        let help = match nearest(name, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "an autoscaler has metrics of type Pods, Object or External; CPU needs no entry here".to_owned(),
        };
        cx.problem_help(*span, format!("no autoscaler goes by the metric `{}`", shorten(name)), help);
    }
    if !autoscaling.autoscalers.is_empty() {
        assume_times(cx, own.as_ref(), &autoscaling);
    }
    autoscaling
}

/// How often, how old, how close.
fn times(cx: &mut Context<'_>, own: Option<&Object<'_>>) -> Autoscaling {
    let usual = Autoscaling::default();
    let Some(own) = own else { return usual };
    let settings = Settings::default();
    Autoscaling {
        autoscalers: Vec::new(),
        settings: Settings {
            cpu_initialization_period: own
                .duration(cx, "cpuInitializationPeriod")
                .unwrap_or(settings.cpu_initialization_period),
            initial_readiness_delay: own
                .duration(cx, "initialReadinessDelay")
                .unwrap_or(settings.initial_readiness_delay),
            tolerance: own.ratio(cx, "tolerance").unwrap_or(settings.tolerance),
            downscale_stabilization: own
                .duration(cx, "downscaleStabilization")
                .unwrap_or(settings.downscale_stabilization),
        },
        sync: own.positive_duration(cx, "sync").unwrap_or(usual.sync),
        resolution: own.positive_duration(cx, "metricResolution").unwrap_or(usual.resolution),
        housekeeping: own.positive_duration(cx, "housekeeping").unwrap_or(usual.housekeeping),
    }
}

fn assume_times(cx: &mut Context<'_>, own: Option<&Object<'_>>, autoscaling: &Autoscaling) {
    let says = |key: &str| own.is_some_and(|own| own.get(key).is_some());
    if !says("sync") {
        cx.assume("autoscaling: looks every", autoscaling.sync.to_string(), "cluster.autoscaling.sync");
    }
    if !says("metricResolution") {
        let value = autoscaling.resolution.to_string();
        cx.assume("autoscaling: metrics every", value, "cluster.autoscaling.metricResolution");
    }
}

/// `metrics`: names, what they measure, and where they stand.
fn named_metrics(cx: &mut Context<'_>, own: Option<&Object<'_>>) -> Vec<(String, Measure, Span)> {
    let mut named: Vec<(String, Measure, Span)> = Vec::new();
    let Some(own) = own else { return named };
    for item in own.list(cx, "metrics") {
        let Some(object) = cx.object(item, &tables_autoscaling::METRIC) else { continue };
        let (name, measure) = (object.text(cx, "name"), object.word(cx, "of", &Measure::WORDS));
        let (Some(name), Some(measure)) = (name, measure) else { continue };
        if named.iter().any(|(other, ..)| other == name) {
            cx.problem(object.key_span("name"), format!("two metrics are called `{}`", shorten(name)));
            continue;
        }
        named.push((name.to_owned(), measure, object.key_span("name")));
    }
    named
}

/// `hpa/web`, as results have it.
fn hpa_label(object: &AutoscalerObject) -> String {
    names::label(&object.namespace, "hpa", &object.name)
}

/// `HorizontalPodAutoscaler/web`, as the report has it.
fn manifest_label(object: &AutoscalerObject) -> String {
    match object.namespace.as_str() {
        "default" => format!("HorizontalPodAutoscaler/{}", object.name),
        namespace => format!("{namespace}/HorizontalPodAutoscaler/{}", object.name),
    }
}

/// The workload that an autoscaler scales, in its own namespace.
fn target(cx: &mut Context<'_>, object: &AutoscalerObject, workloads: &[Workload]) -> Option<usize> {
    let (kind, name) = &object.target;
    let mine = |one: &&Workload| one.namespace == object.namespace && one.kind == *kind;
    let found = workloads.iter().position(|one| mine(&one) && one.name == *name);
    let label = manifest_label(object);
    match found {
        Some(index) if workloads[index].outside => {
            let message =
                format!("not supported yet: {label} scales {}, which stands outside", workloads[index].target());
            cx.problem_help(object.target_span, message, "let it scale what stands in the cluster");
            None
        }
        Some(index) => Some(index),
        None if kind == "statefulset" && !workloads.iter().any(|one| one.kind == "statefulset") => {
            cx.ignore(label, "it scales a StatefulSet, and none is simulated".to_owned());
            None
        }
        None => {
            let near = nearest(name, workloads.iter().filter(mine).map(|one| one.name.as_str()));
            let elsewhere = workloads.iter().find(|one| one.kind == *kind && one.name == *name);
            let help = match (near, elsewhere) {
                (Some(near), _) => format!("did you mean `{near}`?"),
                (None, Some(other)) => {
                    format!("there is {}, but an autoscaler scales in its own namespace", other.target())
                }
                (None, None) => "add the manifest of what it scales, or leave the autoscaler out".to_owned(),
            };
            let place = names::label(&object.namespace, kind, name);
            cx.problem_help(object.target_span, format!("{label}: there is no {place}"), help);
            None
        }
    }
}

fn read_metric(
    cx: &mut Context<'_>,
    object: &AutoscalerObject,
    metric: &MetricObject,
    workload: &Workload,
    (named, wanted): (&[(String, Measure, Span)], &mut [bool]),
) -> Option<ScalingMetric> {
    let label = manifest_label(object);
    match &metric.source {
        MetricSource::Cpu { container } => {
            let which = match container {
                None => None,
                Some((name, span)) => Some(container_of(cx, &label, (name, *span), workload)?),
            };
            let counted =
                workload.containers.iter().enumerate().filter(|(index, _)| which.is_none_or(|one| one == *index));
            let mut silent = counted.filter(|(_, own)| own.resources.requests.cpu.is_none());
            if let (MetricGoal::Utilization(_), Some((_, silent))) = (metric.goal, silent.next()) {
                let message = format!(
                    "{label}: container `{}` of {} requests no CPU, so there is nothing to take percents of, and nothing is ever scaled",
                    silent.name,
                    workload.target()
                );
                let help = "write `resources: {requests: {cpu: …}}` there, or a target of type AverageValue here";
                cx.problems.push(Problem::warning(metric.span, message).help(help));
                return None;
            }
            Some(ScalingMetric {
                name: "cpu".to_owned(),
                measure: Measure::Cpu(which),
                of_pods: true,
                goal: metric.goal,
            })
        }
        MetricSource::Named { name, of_pods } => {
            let Some(index) = named.iter().position(|(known, ..)| known == name) else {
                let why = "the scenario does not say what it is (cluster.autoscaling.metrics)";
                cx.ignore(format!("{label}: metric {name}"), why.to_owned());
                return None;
            };
            wanted[index] = true;
            let (name, of_pods) = (name.clone(), *of_pods);
            Some(ScalingMetric { name, measure: named[index].1, of_pods, goal: metric.goal })
        }
    }
}

/// The number of a container.
fn container_of(cx: &mut Context<'_>, label: &str, (name, span): (&str, Span), workload: &Workload) -> Option<usize> {
    let found = workload.containers.iter().position(|own| own.name == *name);
    if found.is_none() {
        let names = workload.containers.iter().map(|own| own.name.as_str());
        let help = match nearest(name, names.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it has {}", names.collect::<Vec<_>>().join(", ")),
        };
        let message = format!("{label}: {} has no container `{}`", workload.target(), shorten(name));
        cx.problem_help(span, message, help);
    }
    found
}

/// Traffic from a workload has the clients of the start, whatever becomes of its pods.
pub(super) fn warn_of_senders(
    cx: &mut Context<'_>,
    objects: &[AutoscalerObject],
    autoscaling: &Autoscaling,
    workloads: &[Workload],
    traffic: &[Traffic],
) {
    for (autoscaler, traffic) in
        autoscaling.autoscalers.iter().flat_map(|own| traffic.iter().map(move |one| (own, one)))
    {
        let object = objects.iter().find(|object| hpa_label(object) == autoscaler.label);
        if let Some(object) = object.filter(|_| traffic.from == Source::Workload(autoscaler.workload)) {
            let target = workloads[autoscaler.workload].target();
            let message = format!(
                "{} scales {target}, and `{}` goes on from the pods of the start",
                manifest_label(object),
                traffic.flow.name
            );
            let help = "only the `call`s of a container begin and end with its pod";
            cx.problems.push(Problem::warning(object.target_span, message).help(help));
        }
    }
}

/// Autoscalers of what must stay as it is.
pub(super) fn leave_alone(
    cx: &mut Context<'_>,
    objects: &[AutoscalerObject],
    autoscaling: &Autoscaling,
    fixed: &[usize],
    workloads: &[Workload],
) {
    for autoscaler in autoscaling.autoscalers.iter().filter(|own| fixed.contains(&own.workload)) {
        let Some(object) = objects.iter().find(|object| hpa_label(object) == autoscaler.label) else { continue };
        let target = workloads[autoscaler.workload].target();
        let message =
            format!("not supported yet: {target} runs an ingress controller, and {} scales it", manifest_label(object));
        cx.problem_help(
            object.target_span,
            message,
            "write cluster: {autoscaling: none}, or scale what stands behind it",
        );
    }
}
