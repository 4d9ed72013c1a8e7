//! Observations that only named metrics ask for: hooks in the model that are off unless a scenario names them.

use crate::engine::{Rank, Schedule};
use crate::model::plan::Plan;
use crate::model::traffic::attempt::Attempt;
use crate::model::{World, kind};
use crate::observe::collector::Collector;
use crate::observe::outcome::{EndpointOutcome, FlowOutcome, MetricValue, RunOutcome};
use crate::observe::time_average::{Area, mean_level};
use crate::scenario::metric::{BalanceColumn, Metric, Quantity, Scope, Statistic};
use crate::stats;
use crate::time::SimTime;

/// Everything the named metrics observe.
#[derive(Debug, Default)]
pub(crate) struct Probes {
    flows: Vec<Option<Box<FlowProbes>>>,
    workloads: Vec<Option<Box<LevelProbe>>>,
    /// Level of each station, where levels are watched.
    station_levels: Vec<u32>,
    pods: Vec<Option<Box<PodProbe>>>,
    sequences: Vec<Option<Vec<u32>>>,
    service_of: Vec<u32>,
    /// Whether any metric watches levels.
    pub(crate) levels: bool,
    /// Whether any metric watches arrivals at pods.
    pub(crate) stations: bool,
    /// Whether any metric watches a flow.
    pub(crate) any_flow: bool,
    any_sequence: bool,
    instants: Vec<(f64, Scope, Quantity, f64)>,
}

/// Named quantities of a flow.
#[derive(Debug, Default)]
struct FlowProbes {
    latency: Option<Collector>,
    queue_wait: Option<Collector>,
    queue_wait_served: Option<Collector>,
    service: Option<Collector>,
    slowdown: Option<Collector>,
    attempts: Option<Collector>,
    interarrival: Option<Collector>,
    last_arrival: Option<SimTime>,
}

/// Named quantities of one pod.
#[derive(Debug, Default)]
struct PodProbe {
    interarrival: Option<Collector>,
    last: Option<SimTime>,
    at_least: Vec<Threshold>,
}

/// Time with at least k requests, summed over pods.
#[derive(Debug, Clone, Default)]
struct Threshold {
    k: u32,
    pods: u64,
    area: Area,
    at_open: u128,
    inside: u128,
}

impl Threshold {
    fn moved(&mut self, before: u32, after: u32, now: SimTime) {
        if before < self.k && after >= self.k {
            self.pods += 1;
            self.area.up(now);
        } else if before >= self.k && after < self.k {
            self.pods -= 1;
            self.area.down(now);
        }
    }
}

/// The number in system over the pods of a workload.
#[derive(Debug, Default)]
struct LevelProbe {
    at_least: Vec<Threshold>,
    extremes: bool,
    /// How many pods are at each level.
    pods_at: Vec<u32>,
    highest: u32,
    lowest: u32,
    highest_area: Area,
    lowest_area: Area,
    at_open: (u128, u128),
    inside: (u128, u128),
}

impl LevelProbe {
    fn moved(&mut self, before: u32, after: u32, now: SimTime) {
        for threshold in &mut self.at_least {
            threshold.moved(before, after, now);
        }
        if !self.extremes {
            return;
        }
        if self.pods_at.len() <= after as usize {
            self.pods_at.resize(after as usize + 1, 0);
        }
        self.pods_at[before as usize] -= 1;
        self.pods_at[after as usize] += 1;
        let (mut highest, mut lowest) = (self.highest.max(after), self.lowest.min(after));
        while self.pods_at[highest as usize] == 0 {
            highest -= 1;
        }
        while self.pods_at[lowest as usize] == 0 {
            lowest += 1;
        }
        self.highest_area.step(now, i64::from(highest) - i64::from(self.highest));
        self.lowest_area.step(now, i64::from(lowest) - i64::from(self.lowest));
        (self.highest, self.lowest) = (highest, lowest);
    }

    fn areas(&self, now: SimTime) -> (u128, u128) {
        (self.highest_area.until(now, u64::from(self.highest)), self.lowest_area.until(now, u64::from(self.lowest)))
    }
}

fn slot<T: Default>(list: &mut Vec<Option<Box<T>>>, index: usize, length: usize) -> &mut T {
    if list.len() < length {
        list.resize_with(length, || None);
    }
    list[index].get_or_insert_with(Box::default)
}

impl Probes {
    pub(crate) fn new(plan: &Plan) -> Self {
        let mut probes =
            Self { service_of: plan.endpoints.iter().map(|endpoint| endpoint.service).collect(), ..Self::default() };
        for metric in named(plan) {
            probes.want(plan, metric);
        }
        if probes.levels {
            probes.station_levels = vec![0; plan.server_of.len()];
        }
        probes
    }

    fn want(&mut self, plan: &Plan, metric: &Metric) {
        if let Statistic::At(when) = metric.statistic {
            self.instants.push((when, metric.scope, metric.quantity.clone(), f64::NAN));
            return;
        }
        match metric.scope {
            Scope::Traffic(_) | Scope::Call(_) => self.want_flow(plan, metric),
            Scope::Workload(workload) => self.want_workload(plan, workload, metric),
            Scope::Pod(workload, pod) => self.want_pod(plan, workload, pod, metric),
            Scope::Service(service) => {
                if metric.statistic == Statistic::Sequence {
                    self.want_sequence(plan, service);
                }
            }
        }
    }

    fn want_sequence(&mut self, plan: &Plan, service: usize) {
        self.any_sequence = true;
        self.sequences.resize_with(plan.services.len(), || None);
        self.sequences[service].get_or_insert_with(Vec::new);
    }

    fn want_flow(&mut self, plan: &Plan, metric: &Metric) {
        let recorder = recorder_of(plan, metric.scope);
        if metric.statistic == Statistic::Sequence {
            let flow =
                plan.flows.iter().find(|flow| flow.recorder as usize == recorder).expect("a recorder has a flow");
            return self.want_sequence(plan, flow.flow.service);
        }
        let length = plan.labels.flows.len();
        let probes = slot(&mut self.flows, recorder, length);
        let collector = match &metric.quantity {
            Quantity::Latency if !kept_anyway(&metric.statistic) => &mut probes.latency,
            Quantity::QueueWait => &mut probes.queue_wait,
            Quantity::QueueWaitServed => &mut probes.queue_wait_served,
            Quantity::Service => &mut probes.service,
            Quantity::Slowdown => &mut probes.slowdown,
            Quantity::Attempts => &mut probes.attempts,
            Quantity::Interarrival => &mut probes.interarrival,
            _ => return,
        };
        self.any_flow = true;
        collector.get_or_insert_with(Collector::default).want(&metric.statistic);
    }

    fn want_workload(&mut self, plan: &Plan, workload: usize, metric: &Metric) {
        let length = plan.scenario.workloads.len();
        match &metric.statistic {
            Statistic::AtLeast(k) if metric.quantity == Quantity::InSystem => {
                self.levels = true;
                let probe = slot(&mut self.workloads, workload, length);
                if !probe.at_least.iter().any(|threshold| threshold.k == *k) {
                    probe.at_least.push(Threshold { k: *k, ..Threshold::default() });
                }
            }
            Statistic::Imbalance | Statistic::MaxOverPodsMean => {
                self.levels = true;
                let replicas = plan.scenario.workloads[workload].replicas;
                let probe = slot(&mut self.workloads, workload, length);
                probe.extremes = true;
                probe.pods_at = vec![replicas];
            }
            _ => {}
        }
    }

    fn want_pod(&mut self, plan: &Plan, workload: usize, pod: u32, metric: &Metric) {
        let containers = plan.scenario.workloads[workload].containers.len();
        let first = plan.first_station[workload] as usize + pod as usize * containers;
        for station in first..first + containers {
            match (&metric.quantity, &metric.statistic) {
                (Quantity::Interarrival, statistic) => {
                    self.stations = true;
                    let probe = slot(&mut self.pods, station, plan.server_of.len());
                    probe.interarrival.get_or_insert_with(Collector::default).want(statistic);
                }
                (Quantity::InSystem, Statistic::AtLeast(k)) => {
                    self.levels = true;
                    let probe = slot(&mut self.pods, station, plan.server_of.len());
                    probe.at_least.push(Threshold { k: *k, ..Threshold::default() });
                }
                _ => {}
            }
        }
    }

    #[inline]
    pub(crate) fn arrived(&mut self, recorder: u32, now: SimTime, measured: bool) {
        if !self.any_flow {
            return;
        }
        if let Some(Some(probes)) = self.flows.get_mut(recorder as usize)
            && let Some(collector) = &mut probes.interarrival
        {
            if let Some(last) = probes.last_arrival
                && measured
            {
                collector.push((now - last).as_secs_f64());
            }
            probes.last_arrival = Some(now);
        }
    }

    #[inline]
    pub(crate) fn picked(&mut self, endpoint: u32) {
        if self.any_sequence
            && let Some(sequence) = &mut self.sequences[self.service_of[endpoint as usize] as usize]
        {
            sequence.push(endpoint);
        }
    }

    fn flow(&mut self, plan: &Plan, attempt: &Attempt) -> Option<&mut FlowProbes> {
        if !self.any_flow || !attempt.measured {
            return None;
        }
        let recorder = plan.flows[attempt.flow as usize].recorder as usize;
        self.flows.get_mut(recorder)?.as_deref_mut()
    }

    /// An attempt got its first slot.
    #[inline]
    pub(crate) fn started(&mut self, plan: &Plan, attempt: &Attempt, now: SimTime) {
        if let Some(probes) = self.flow(plan, attempt) {
            let waited = (now.as_nanos() - attempt.reached) as f64 / 1e9;
            for collector in [&mut probes.queue_wait, &mut probes.queue_wait_served].into_iter().flatten() {
                collector.push(waited);
            }
        }
    }

    /// An attempt left the queue unserved.
    pub(crate) fn left_queue(&mut self, plan: &Plan, attempt: &Attempt, now: SimTime) {
        if let Some(probes) = self.flow(plan, attempt)
            && let Some(collector) = &mut probes.queue_wait
        {
            collector.push((now.as_nanos() - attempt.reached) as f64 / 1e9);
        }
    }

    /// An attempt found the queue full.
    pub(crate) fn turned_away(&mut self, plan: &Plan, attempt: &Attempt) {
        if let Some(probes) = self.flow(plan, attempt)
            && let Some(collector) = &mut probes.queue_wait
        {
            collector.push(0.0);
        }
    }

    /// A pod is done with an attempt.
    #[inline]
    pub(crate) fn served(&mut self, plan: &Plan, attempt: &Attempt) {
        if let Some(probes) = self.flow(plan, attempt)
            && let Some(collector) = &mut probes.service
        {
            collector.push(attempt.work as f64 / 1e9);
        }
    }

    #[inline]
    pub(crate) fn succeeded(&mut self, recorder: u32, latency: u64, work: u64, tries: u32, measured: bool) {
        if !self.any_flow || !measured {
            return;
        }
        if let Some(Some(probes)) = self.flows.get_mut(recorder as usize) {
            if let Some(collector) = &mut probes.latency {
                collector.push(latency as f64 / 1e9);
            }
            if let Some(collector) = &mut probes.slowdown
                && work > 0
            {
                collector.push(latency as f64 / work as f64);
            }
            if let Some(collector) = &mut probes.attempts {
                collector.push(f64::from(tries));
            }
        }
    }

    pub(crate) fn failed(&mut self, recorder: u32, tries: u32, measured: bool) {
        if !self.any_flow || !measured {
            return;
        }
        if let Some(Some(probes)) = self.flows.get_mut(recorder as usize)
            && let Some(collector) = &mut probes.attempts
        {
            collector.push(f64::from(tries));
        }
    }

    /// A request reached a pod.
    pub(crate) fn reached(&mut self, station: usize, now: SimTime, measured: bool) {
        if let Some(Some(probe)) = self.pods.get_mut(station)
            && let Some(collector) = &mut probe.interarrival
        {
            if let Some(last) = probe.last
                && measured
            {
                collector.push((now - last).as_secs_f64());
            }
            probe.last = Some(now);
        }
    }

    /// The number at a station changed.
    pub(crate) fn level_changed(&mut self, plan: &Plan, station: usize, level: u32, now: SimTime) {
        let before = std::mem::replace(&mut self.station_levels[station], level);
        if before == level {
            return;
        }
        let workload = plan.servers[plan.server_of[station] as usize].workload as usize;
        if let Some(Some(probe)) = self.workloads.get_mut(workload) {
            probe.moved(before, level, now);
        }
        if let Some(Some(probe)) = self.pods.get_mut(station) {
            for threshold in &mut probe.at_least {
                threshold.moved(before, level, now);
            }
        }
    }

    fn thresholds(&mut self) -> impl Iterator<Item = &mut Threshold> {
        let workloads = self.workloads.iter_mut().flatten().flat_map(|probe| probe.at_least.iter_mut());
        workloads.chain(self.pods.iter_mut().flatten().flat_map(|probe| probe.at_least.iter_mut()))
    }

    pub(crate) fn open(&mut self, now: SimTime) {
        for threshold in self.thresholds() {
            threshold.at_open = threshold.area.until(now, threshold.pods);
        }
        for probe in self.workloads.iter_mut().flatten() {
            probe.at_open = probe.areas(now);
        }
    }

    pub(crate) fn close(&mut self, now: SimTime) {
        for threshold in self.thresholds() {
            threshold.inside = threshold.area.until(now, threshold.pods) - threshold.at_open;
        }
        for probe in self.workloads.iter_mut().flatten() {
            let (highest, lowest) = probe.areas(now);
            probe.inside = (highest - probe.at_open.0, lowest - probe.at_open.1);
        }
    }
}

/// Latency statistics that every flow recorder keeps.
fn kept_anyway(statistic: &Statistic) -> bool {
    use Statistic::{Cv2, Max, Mean, Min, Quantile, Sd, Variance};
    matches!(statistic, Mean | Variance | Sd | Cv2 | Min | Max | Quantile(_))
}

fn named(plan: &Plan) -> impl Iterator<Item = &Metric> {
    let objectives = plan.scenario.objectives.iter().map(|objective| &objective.metric);
    objectives.chain(plan.scenario.expect.iter().map(|expectation| &expectation.metric))
}

fn recorder_of(plan: &Plan, scope: Scope) -> usize {
    match scope {
        Scope::Traffic(traffic) => plan.flows[traffic].recorder as usize,
        Scope::Call(call) => plan.flows[plan.traffics + call].recorder as usize,
        _ => unreachable!("only traffics and calls have recorders"),
    }
}

impl World<'_> {
    pub(crate) fn schedule_probes(&mut self, schedule: &mut Schedule) {
        for (index, (when, ..)) in self.probes.instants.iter().enumerate() {
            let when = SimTime::ZERO + crate::time::SimDuration::from_secs_f64(*when).unwrap_or_default();
            schedule.at(when, Rank::Timeout, kind::PROBE, super::plan::as_u32(index));
        }
    }

    pub(crate) fn on_probe(&mut self, probe: u32, _now: SimTime) {
        let (_, scope, quantity, _) = self.probes.instants[probe as usize].clone();
        let level = match scope {
            Scope::Traffic(_) | Scope::Call(_) => self.recorders[recorder_of(self.plan, scope)].open as f64,
            Scope::Workload(workload) => self.level_now(self.stations_of(workload), &quantity),
            Scope::Pod(workload, pod) => {
                let containers = super::plan::as_u32(self.plan.scenario.workloads[workload].containers.len());
                let first = self.plan.first_station[workload] + pod * containers;
                self.level_now(first..first + containers, &quantity)
            }
            Scope::Service(_) => f64::NAN,
        };
        self.probes.instants[probe as usize].3 = level;
    }

    fn level_now(&self, stations: std::ops::Range<u32>, quantity: &Quantity) -> f64 {
        let level = |station: u32| {
            let record = &self.stations[station as usize];
            if *quantity == Quantity::Queue { record.waiting } else { record.in_system() }
        };
        stations.map(|station| f64::from(level(station))).sum()
    }

    /// The values of all named metrics, objectives first.
    pub(crate) fn evaluate_metrics(&self, outcome: &RunOutcome) -> Vec<MetricValue> {
        let mut instants = self.probes.instants.iter().map(|instant| instant.3);
        named(self.plan)
            .map(|metric| match metric.statistic {
                Statistic::At(_) => MetricValue::Number(instants.next().expect("one reading a metric")),
                _ => self.evaluate(metric, outcome),
            })
            .collect()
    }

    fn evaluate(&self, metric: &Metric, outcome: &RunOutcome) -> MetricValue {
        if metric.statistic == Statistic::Sequence {
            return MetricValue::Names(self.sequence(metric.scope));
        }
        let number = match metric.scope {
            Scope::Traffic(_) | Scope::Call(_) => return self.evaluate_flow(metric, outcome),
            Scope::Service(service) => self.evaluate_service(service, metric, outcome),
            Scope::Workload(workload) => self.evaluate_workload(workload, metric, outcome),
            Scope::Pod(workload, pod) => self.evaluate_pod(workload, pod, metric, outcome),
        };
        MetricValue::Number(number)
    }

    fn sequence(&self, scope: Scope) -> Vec<String> {
        let service = match scope {
            Scope::Service(service) => service,
            other => {
                let recorder = recorder_of(self.plan, other);
                let flow = self.plan.flows.iter().find(|flow| flow.recorder as usize == recorder);
                flow.expect("a recorder has a flow").flow.service
            }
        };
        let picks = self.probes.sequences.get(service).and_then(Option::as_ref);
        let name = |endpoint: &u32| self.plan.labels.endpoints[*endpoint as usize].pod.clone();
        picks.map(|picks| picks.iter().map(name).collect()).unwrap_or_default()
    }

    fn evaluate_flow(&self, metric: &Metric, outcome: &RunOutcome) -> MetricValue {
        let recorder = recorder_of(self.plan, metric.scope);
        let flow = &outcome.flows[recorder];
        let window = (outcome.window.1 - outcome.window.0).as_secs_f64();
        let probes = self.probes.flows.get(recorder).and_then(Option::as_deref);
        let collected = |pick: fn(&FlowProbes) -> &Option<Collector>| {
            let Some(collector) = probes.and_then(|probes| pick(probes).as_ref()) else {
                return MetricValue::Number(f64::NAN);
            };
            match metric.statistic {
                Statistic::Values => MetricValue::List(collector.values().to_vec()),
                _ => MetricValue::Number(collector.value(&metric.statistic)),
            }
        };
        MetricValue::Number(match &metric.quantity {
            Quantity::Latency if kept_anyway(&metric.statistic) => latency_statistic(flow, &metric.statistic),
            Quantity::Latency => return collected(|probes| &probes.latency),
            Quantity::QueueWait => return collected(|probes| &probes.queue_wait),
            Quantity::QueueWaitServed => return collected(|probes| &probes.queue_wait_served),
            Quantity::Service => return collected(|probes| &probes.service),
            Quantity::Slowdown => return collected(|probes| &probes.slowdown),
            Quantity::Attempts => return collected(|probes| &probes.attempts),
            Quantity::Interarrival => return collected(|probes| &probes.interarrival),
            Quantity::ErrorRatio => flow.error_ratio().unwrap_or(f64::NAN),
            Quantity::Errors(cause) => {
                let count: u64 = flow.errors.iter().filter(|e| e.cause == *cause).map(|e| e.count).sum();
                match metric.statistic {
                    Statistic::Ratio => count as f64 / flow.ended() as f64,
                    _ => count as f64,
                }
            }
            Quantity::Throughput => flow.ended() as f64 / window,
            Quantity::Goodput => flow.succeeded as f64 / window,
            Quantity::InSystem => {
                let (first, second) = flow.in_flight_halves;
                let (one, two) = self.window.halves();
                (first * one as f64 + second * two as f64) / (one + two) as f64
            }
            _ => f64::NAN,
        })
    }

    fn endpoints_where<'a>(
        &'a self,
        outcome: &'a RunOutcome,
        keep: impl Fn(usize) -> bool + 'a,
    ) -> impl Iterator<Item = &'a EndpointOutcome> {
        outcome.endpoints.iter().enumerate().filter(move |(index, _)| keep(*index)).map(|(_, endpoint)| endpoint)
    }

    fn evaluate_service(&self, service: usize, metric: &Metric, outcome: &RunOutcome) -> f64 {
        // All ports of the Service of that name.
        let spec = &self.plan.scenario.services[service];
        let same = |index: usize| {
            let other = &self.plan.scenario.services[self.plan.endpoints[index].service as usize];
            other.name == spec.name && other.namespace == spec.namespace
        };
        let endpoints: Vec<&EndpointOutcome> = self.endpoints_where(outcome, same).collect();
        per_endpoint(&endpoints, metric)
    }

    fn evaluate_workload(&self, workload: usize, metric: &Metric, outcome: &RunOutcome) -> f64 {
        let stations = self.stations_of(workload);
        let probe = self.probes.workloads.get(workload).and_then(Option::as_deref);
        let span = self.window.span();
        let pods = self.pods_of(workload).len() as f64;
        match (&metric.quantity, &metric.statistic) {
            (Quantity::InSystem, Statistic::AtLeast(k)) => {
                let threshold = probe.and_then(|probe| probe.at_least.iter().find(|threshold| threshold.k == *k));
                threshold.map_or(f64::NAN, |threshold| mean_level(threshold.inside, span) / pods)
            }
            (Quantity::InSystem, Statistic::MaxOverPodsMean) => {
                probe.map_or(f64::NAN, |probe| mean_level(probe.inside.0, span))
            }
            (Quantity::InSystem, Statistic::Imbalance) => {
                probe.map_or(f64::NAN, |probe| mean_level(probe.inside.0, span) - mean_level(probe.inside.1, span))
            }
            (Quantity::InSystem | Quantity::Queue | Quantity::Utilization, statistic) => {
                let total = self.level_mean(stations, &metric.quantity);
                if *statistic == Statistic::PerPod { total / pods } else { total }
            }
            _ => {
                let keep = |index: usize| stations.contains(&self.plan.endpoints[index].station);
                let endpoints: Vec<&EndpointOutcome> = self.endpoints_where(outcome, keep).collect();
                per_endpoint(&endpoints, metric)
            }
        }
    }

    /// Time average over the window: a sum over stations, or the share of their slots.
    fn level_mean(&self, stations: std::ops::Range<u32>, quantity: &Quantity) -> f64 {
        let span = self.window.span();
        let (mut sum, mut slots) = (0_u128, 0_u64);
        for station in stations {
            let station = station as usize;
            let (busy, waiting) = self.window.station_areas(station);
            let shares = self.sharing.get(station).is_some_and(Option::is_some);
            sum += match quantity {
                Quantity::Queue if shares => 0,
                Quantity::Queue => waiting,
                Quantity::Utilization => busy,
                _ => busy + waiting,
            };
            slots += u64::from(self.plan.servers[self.stations[station].server as usize].slots);
        }
        let level = mean_level(sum, span);
        if *quantity == Quantity::Utilization { level / slots as f64 } else { level }
    }

    fn evaluate_pod(&self, workload: usize, pod: u32, metric: &Metric, outcome: &RunOutcome) -> f64 {
        let containers = super::plan::as_u32(self.plan.scenario.workloads[workload].containers.len());
        let first = self.plan.first_station[workload] + pod * containers;
        let stations = first..first + containers;
        let probe = stations.clone().find_map(|s| self.probes.pods.get(s as usize).and_then(Option::as_deref));
        match (&metric.quantity, &metric.statistic) {
            (Quantity::InSystem, Statistic::AtLeast(k)) => {
                let threshold = probe.and_then(|probe| probe.at_least.iter().find(|threshold| threshold.k == *k));
                threshold.map_or(f64::NAN, |threshold| mean_level(threshold.inside, self.window.span()))
            }
            (Quantity::InSystem | Quantity::Queue | Quantity::Utilization, _) => {
                self.level_mean(stations, &metric.quantity)
            }
            (Quantity::Interarrival, statistic) => {
                let collector = probe.and_then(|probe| probe.interarrival.as_ref());
                collector.map_or(f64::NAN, |collector| collector.value(statistic))
            }
            (Quantity::Share, _) => {
                let mine: u64 = self
                    .endpoints_where(outcome, |index| stations.contains(&self.plan.endpoints[index].station))
                    .map(|endpoint| endpoint.requests)
                    .sum();
                let services: Vec<u32> = self
                    .plan
                    .endpoints
                    .iter()
                    .filter(|endpoint| stations.contains(&endpoint.station))
                    .map(|endpoint| endpoint.service)
                    .collect();
                let all: u64 = self
                    .endpoints_where(outcome, |index| services.contains(&self.plan.endpoints[index].service))
                    .map(|endpoint| endpoint.requests)
                    .sum();
                mine as f64 / all as f64
            }
            _ => {
                let keep = |index: usize| stations.contains(&self.plan.endpoints[index].station);
                let endpoints: Vec<&EndpointOutcome> = self.endpoints_where(outcome, keep).collect();
                per_endpoint(&endpoints, metric)
            }
        }
    }
}

fn latency_statistic(flow: &FlowOutcome, statistic: &Statistic) -> f64 {
    let moments = &flow.latency_moments;
    let nan = f64::NAN;
    match statistic {
        Statistic::Mean => moments.mean().unwrap_or(nan),
        Statistic::Variance => moments.variance().unwrap_or(nan),
        Statistic::Sd => moments.sd().unwrap_or(nan),
        Statistic::Cv2 => match (moments.variance(), moments.mean()) {
            (Some(variance), Some(mean)) => variance / (mean * mean),
            _ => nan,
        },
        Statistic::Min => moments.min().unwrap_or(nan),
        Statistic::Max => moments.max().unwrap_or(nan),
        Statistic::Quantile(q) => flow.latency.supported_quantile(*q).map_or(nan, |nanos| nanos as f64 / 1e9),
        _ => nan,
    }
}

/// A statistic over pods of a count per pod.
fn per_endpoint(endpoints: &[&EndpointOutcome], metric: &Metric) -> f64 {
    let counts: Vec<u64> = endpoints
        .iter()
        .map(|endpoint| match metric.quantity {
            Quantity::Connections => endpoint.connections,
            Quantity::Picks => endpoint.picks,
            _ => endpoint.requests,
        })
        .collect();
    let values: Vec<f64> = counts.iter().map(|count| *count as f64).collect();
    if let Quantity::Balance(column) = metric.quantity {
        let value = match column {
            BalanceColumn::MaxOverMean => stats::max_over_mean(&values),
            BalanceColumn::Cv => stats::cv(&values),
            BalanceColumn::Jain => stats::jain(&values),
            BalanceColumn::Gini => stats::gini(&values),
            BalanceColumn::ChiSquareP => {
                let picks: Vec<u64> = endpoints.iter().map(|endpoint| endpoint.picks).collect();
                stats::chi_square(&picks, &vec![1.0; picks.len()]).map(|(_, p)| p)
            }
        };
        return value.unwrap_or(f64::NAN);
    }
    let moments = stats::Moments::of(&values);
    let value = match &metric.statistic {
        Statistic::Max => moments.max(),
        Statistic::Min => moments.min(),
        Statistic::Sd => moments.sd(),
        Statistic::Variance => moments.variance(),
        Statistic::AtLeast(k) => {
            let enough = counts.iter().filter(|count| **count >= u64::from(*k)).count();
            Some(enough as f64 / counts.len() as f64)
        }
        // A pod's own count; of several pods, their mean.
        _ => moments.mean(),
    };
    value.unwrap_or(f64::NAN)
}
