//! Statistics over the pods of a Service or workload: picks, connections, shares and how even they are.

use super::holds;
use crate::model::cluster::roster::Roster;
use crate::model::plan::Plan;
use crate::observe::collector::cv2;
use crate::observe::outcome::{EndpointOutcome, MetricValue, chi_square_of_picks};
use crate::scenario::metric::{BalanceColumn, Metric, Quantity, Scope, Statistic};
use crate::stats;

/// The counters of a pod, over all its endpoints that count.
#[derive(Debug, Clone, Copy, Default)]
struct PodCount {
    requests: u64,
    connections: u64,
    /// All choices, and those for connections.
    picks: (u64, u64),
    /// Requests of the Services it is behind.
    all: u64,
    /// Whether it was not ready for a part of the window, so that it could not get as much as the others.
    absent: bool,
}

/// A metric of the counters per pod.
pub(super) fn evaluate(plan: &Plan, roster: &Roster, endpoints: &[EndpointOutcome], metric: &Metric) -> MetricValue {
    let mut counts = counts(plan, roster, endpoints, metric.scope);
    if matches!(metric.quantity, Quantity::Balance(_)) {
        counts.retain(|count| !count.absent);
    }
    let values: Vec<f64> = counts
        .iter()
        .map(|count| match metric.quantity {
            Quantity::Connections => count.connections as f64,
            Quantity::Picks => count.picks.0 as f64,
            Quantity::Share => count.requests as f64 / count.all as f64,
            _ => count.requests as f64,
        })
        .collect();
    if let Quantity::Balance(column) = metric.quantity {
        let picks: Vec<(u64, u64)> = counts.iter().map(|count| count.picks).collect();
        return MetricValue::Number(balance(&values, &picks, column).unwrap_or(f64::NAN));
    }
    summed_up(values, &metric.statistic)
}

/// A statistic of one value a pod or client.
pub(super) fn summed_up(values: Vec<f64>, statistic: &Statistic) -> MetricValue {
    match statistic {
        Statistic::Values => MetricValue::List(values),
        statistic => MetricValue::Number(over_all(&values, statistic).unwrap_or(f64::NAN)),
    }
}

fn balance(values: &[f64], picks: &[(u64, u64)], column: BalanceColumn) -> Option<f64> {
    match column {
        BalanceColumn::MaxOverMean => stats::max_over_mean(values),
        BalanceColumn::Cv => stats::cv(values),
        BalanceColumn::Jain => stats::jain(values),
        BalanceColumn::Gini => stats::gini(values),
        BalanceColumn::ChiSquareP => chi_square_of_picks(picks),
    }
}

/// They are the whole population, so a quantile needs no number of them.
fn over_all(values: &[f64], statistic: &Statistic) -> Option<f64> {
    if values.is_empty() || values.iter().any(|value| value.is_nan()) {
        return None;
    }
    let moments = stats::Moments::of(values);
    let part = |keep: &dyn Fn(f64) -> bool| {
        let kept = values.iter().filter(|value| keep(**value)).count();
        Some(kept as f64 / values.len() as f64)
    };
    match statistic {
        // Of a single pod, its own count.
        Statistic::Mean => moments.mean(),
        Statistic::Variance => moments.variance(),
        Statistic::Sd => moments.sd(),
        Statistic::Cv2 => Some(cv2(&moments)),
        Statistic::Min => moments.min(),
        Statistic::Max => moments.max(),
        Statistic::Quantile(q) => {
            let mut sorted = values.to_vec();
            sorted.sort_by(f64::total_cmp);
            let rank = stats::nearest_rank(*q, sorted.len() as u64);
            sorted.get(usize::try_from(rank).ok()?.checked_sub(1)?).copied()
        }
        Statistic::Positive => part(&|value| value > 0.0),
        Statistic::AtLeast(k) => part(&|value| value >= f64::from(*k)),
        _ => None,
    }
}

/// The counters of the pods of a scope, in order of the pods.
fn counts(plan: &Plan, roster: &Roster, endpoints: &[EndpointOutcome], scope: Scope) -> Vec<PodCount> {
    let mut of_service = vec![0_u64; plan.services.len()];
    for (endpoint, outcome) in roster.endpoints.iter().zip(endpoints) {
        of_service[endpoint.service as usize] += outcome.requests;
    }
    let mut pods = vec![PodCount::default(); roster.pods.len()];
    let mut inside = vec![false; roster.pods.len()];
    let mut of_scope = 0;
    // A pod's endpoints stand in order of Services, so a Service that a pod is behind twice follows itself.
    let mut last = vec![u32::MAX; roster.pods.len()];
    for (index, (endpoint, outcome)) in roster.endpoints.iter().zip(endpoints).enumerate() {
        if !holds(plan, roster, scope, index) {
            continue;
        }
        let pod = roster.pod_of[endpoint.station as usize] as usize;
        inside[pod] = true;
        pods[pod].absent |= !outcome.ready_throughout;
        pods[pod].requests += outcome.requests;
        pods[pod].connections += outcome.connections;
        pods[pod].picks.0 += outcome.picks;
        pods[pod].picks.1 += outcome.picks_of_connections;
        of_scope += outcome.requests;
        if std::mem::replace(&mut last[pod], endpoint.service) != endpoint.service {
            pods[pod].all += of_service[endpoint.service as usize];
        }
    }
    let counted = |(pod, mut count): (usize, PodCount)| {
        let counts = match scope {
            Scope::Traffic(_) | Scope::Call(_) => false,
            Scope::Service(_) => {
                count.all = of_scope;
                inside[pod]
            }
            // A pod behind no Service has a count too: none.
            Scope::Workload(workload) => roster.pods[pod].workload as usize == workload,
            Scope::Pod(workload, number) => {
                let pod = &roster.pods[pod];
                (pod.workload as usize, pod.number) == (workload, number)
            }
        };
        counts.then_some(count)
    };
    pods.into_iter().enumerate().filter_map(counted).collect()
}
