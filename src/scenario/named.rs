//! `--metric SCOPE.QUANTITY.STATISTIC`: metrics that the command line asks for.

use super::context::Context;
use super::metric::{Across, Metric, MetricNames, Scope, Statistic};
use super::{NamedMetric, Scenario};
use crate::yaml::{Sources, Span};

/// The metrics with a place that problems can point to.
pub(super) fn sources<'m>(sources: &mut Sources, metrics: &'m [String]) -> Vec<(&'m str, Span)> {
    let place = |text: &'m String| {
        let source = sources.add("--metric", text.as_str());
        (text.as_str(), Span { source, start: 0, end: u32::try_from(text.len()).unwrap_or(u32::MAX) })
    };
    metrics.iter().map(place).collect()
}

/// Reads the metrics with the names of a variant that has no problems.
pub(super) fn read(cx: &mut Context<'_>, scenario: &Scenario, metrics: &[(&str, Span)]) -> Vec<NamedMetric> {
    // What could not be read would only be missed once more.
    if metrics.is_empty() || cx.problems.iter().any(|problem| !problem.warning) {
        return Vec::new();
    }
    let names = MetricNames::of(scenario);
    let mut named = Vec::new();
    for &(text, at) in metrics {
        match Metric::parse(text, &names) {
            Ok(metric) if matches!(metric.statistic, Statistic::Values | Statistic::Sequence) => cx.problem_help(
                at,
                "a metric that is compared is one number, and this one is a list",
                "write a statistic that is one number, such as mean, p99 or max",
            ),
            Ok(metric) if metric.across != Across::Mean => cx.problem_help(
                at,
                "a metric that is compared has a number in each replication, and acrossReplications has only one of all",
                "leave acrossReplications out: the mean over replications and its interval are compared",
            ),
            Ok(metric) => {
                let about = about(scenario, &names, metric.scope);
                named.push(NamedMetric { text: text.trim().to_owned(), about, metric });
            }
            Err((message, Some(help))) => cx.problem_help(at, message, help),
            Err((message, None)) => cx.problem(at, message),
        }
    }
    named
}

/// What a metric is about, in the words of result files.
fn about(scenario: &Scenario, names: &MetricNames, scope: Scope) -> String {
    match scope {
        Scope::Traffic(traffic) => names.traffics[traffic].clone(),
        Scope::Call(call) => format!("call/{}", names.calls[call]),
        Scope::Service(service) => {
            let service = &scenario.services[service];
            match service.namespace.as_str() {
                "default" => format!("service/{}", service.name),
                namespace => format!("service/{}.{namespace}", service.name),
            }
        }
        Scope::Workload(workload) => scenario.workloads[workload].target(),
        Scope::Pod(workload, pod) => format!("{}[{pod}]", scenario.workloads[workload].target()),
    }
}
