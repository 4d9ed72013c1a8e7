//! From observations to the values of the named metrics.

use super::{Instant, kept_anyway, levels, named, pod_index, pods, recorder_of};
use crate::engine::{Rank, Schedule};
use crate::model::cluster::pod::Pod;
use crate::model::cluster::sharing::WHOLE;
use crate::model::plan::{EndpointPlan, NONE, as_u32};
use crate::model::{World, kind};
use crate::observe::collector::cv2;
use crate::observe::outcome::{FlowOutcome, MetricValue, RunOutcome};
use crate::observe::time_average::mean_level;
use crate::scenario::metric::{Metric, Quantity, Scope, Statistic};
use crate::time::{SimDuration, SimTime};

const NAN: f64 = f64::NAN;

impl World<'_> {
    /// The number of an attempt's request in its traffic; the largest there is once the client has given up.
    #[inline]
    pub(crate) fn number_of(&self, attempt: u32) -> u64 {
        match self.attempts[attempt].request {
            NONE => u64::MAX,
            request => self.requests[request].number,
        }
    }

    pub(crate) fn schedule_probes(&mut self, schedule: &mut Schedule) {
        for (index, instant) in self.probes.instants.iter().enumerate() {
            // A time that the clock cannot hold is never reached: no value.
            if let Some(delay) = SimDuration::from_secs_f64(instant.seconds) {
                schedule.at(SimTime::ZERO + delay, Rank::Timeout, kind::PROBE, as_u32(index));
            }
        }
    }

    pub(crate) fn on_probe(&mut self, probe: u32, _now: SimTime) {
        let Instant { scope, quantity, empty, .. } = &self.probes.instants[probe as usize];
        let level = match recorder_of(self.plan, *scope) {
            _ if *empty => self.empty_share(*scope, quantity),
            Some(recorder) => self.recorders.settled(&mut self.sink)[recorder].open as f64,
            None => self.level_now(self.stations_in(*scope), quantity),
        };
        self.probes.instants[probe as usize].level = level;
    }

    /// Under processor sharing nobody waits: who has to share a core is in service.
    fn shares(&self, station: u32) -> bool {
        self.plan.servers[self.server_once(station) as usize].shares
    }

    /// The share of the pods of a workload, of those that are there, with nobody in them or nobody who waits.
    fn empty_share(&self, scope: Scope, quantity: &Quantity) -> f64 {
        let is_mine = |pod: &&Pod| match scope {
            Scope::Workload(workload) => pod.workload as usize == workload,
            Scope::Pod(workload, number) => pod.workload as usize == workload && pod.number == number,
            _ => false,
        };
        let (mut empty, mut all) = (0_u32, 0_u32);
        for pod in self.roster.pods.iter().filter(is_mine).filter(|pod| pod.is_alive()) {
            let containers = as_u32(self.plan.scenario.workloads[pod.workload as usize].containers.len());
            let level = self.level_now((pod.station..pod.station + containers).collect(), quantity);
            all += 1;
            empty += u32::from(level < 0.5);
        }
        if all == 0 { NAN } else { f64::from(empty) / f64::from(all) }
    }

    /// What the containers of a workload or pod have used and lost in the window, over its length; of a workload, cores are
    /// summed, and the others are means over its pods.
    fn pace_share(&self, metric: &Metric) -> f64 {
        let span = self.window.span();
        if span == 0 {
            return NAN;
        }
        let (mut used, mut throttled, mut stalled, mut lived) = (0.0, 0.0, 0.0, 0.0);
        for station in self.stations_in(metric.scope) {
            let alive = self.lived(self.roster.pod_of[station as usize]).0 as f64;
            let server = &self.plan.servers[self.server_once(station) as usize];
            let is_asked = self.is_asked(station);
            match self.pace_inside(station as usize) {
                Some(reading) => {
                    used += reading.used as f64 / WHOLE as f64;
                    throttled += reading.throttled as f64;
                    stalled += reading.stalled as f64;
                }
                None => used += self.window.station_areas(station as usize).0 as f64 * server.pacing.on_cpu,
            }
            lived += if is_asked { alive } else { 0.0 };
        }
        match metric.quantity {
            Quantity::Cpu => used / span as f64,
            _ if lived == 0.0 => NAN,
            Quantity::Throttled => throttled / lived,
            _ => 1.0 - stalled / lived,
        }
    }

    /// Cold starts over requests that reached the pods.
    fn cold_starts(&self, scope: Scope, outcome: &RunOutcome) -> f64 {
        let (mut starts, mut requests) = (0, 0);
        for station in self.stations_in(scope) {
            starts += self.pace_inside(station as usize).map_or(0, |reading| reading.cold_starts);
            let here = |endpoint: &&EndpointPlan| endpoint.station == station;
            let own = self.roster.endpoints.iter().zip(&outcome.endpoints).filter(|(endpoint, _)| here(endpoint));
            requests += own.map(|(_, endpoint)| endpoint.requests).sum::<u64>();
        }
        if requests == 0 { NAN } else { starts as f64 / requests as f64 }
    }

    fn level_now(&self, stations: Vec<u32>, quantity: &Quantity) -> f64 {
        let level = |station: u32| {
            let record = &self.stations[station as usize];
            match quantity {
                Quantity::Queue if self.shares(station) => 0,
                Quantity::Queue => record.waiting,
                _ => record.in_system(),
            }
        };
        stations.into_iter().map(|station| f64::from(level(station))).sum()
    }

    /// The containers of a workload or pod.
    fn stations_in(&self, scope: Scope) -> Vec<u32> {
        match scope {
            Scope::Workload(workload) => self.stations_of(workload),
            Scope::Pod(workload, pod) => {
                let containers = as_u32(self.plan.scenario.workloads[workload].containers.len());
                let first = self.plan.first_station[workload] + pod * containers;
                (first..first + containers).collect()
            }
            Scope::Traffic(_) | Scope::Call(_) | Scope::Service(_) => Vec::new(),
        }
    }

    /// The values of all named metrics, objectives first.
    pub(crate) fn evaluate_metrics(&self, outcome: &RunOutcome) -> Vec<MetricValue> {
        let mut instants = self.probes.instants.iter().map(|instant| instant.level);
        named(self.plan)
            .map(|metric| match metric.statistic {
                Statistic::At(_) | Statistic::EmptyAt(_) => {
                    MetricValue::Number(instants.next().expect("one reading a metric"))
                }
                _ => self.evaluate(metric, outcome),
            })
            .collect()
    }

    fn evaluate(&self, metric: &Metric, outcome: &RunOutcome) -> MetricValue {
        let flow = recorder_of(self.plan, metric.scope).map(|recorder| &outcome.flows[recorder]);
        match &metric.quantity {
            Quantity::Latency if flow.is_some() && kept_anyway(&metric.statistic) => {
                MetricValue::Number(flow.map_or(NAN, |flow| latency_statistic(flow, &metric.statistic)))
            }
            Quantity::Latency
            | Quantity::QueueWait
            | Quantity::QueueWaitServed
            | Quantity::Service
            | Quantity::LatencyOfAll
            | Quantity::LatencyOf(_)
            | Quantity::Slowdown
            | Quantity::SlowdownOf(_)
            | Quantity::Attempts
            | Quantity::BackOff
            | Quantity::BackOffBefore(_)
            | Quantity::BackOffOfRequest
            | Quantity::Lookup
            | Quantity::DnsQueries
            | Quantity::Interarrival => self.collected(metric),
            Quantity::ClientShare => self.client_share(metric),
            Quantity::Errors(_) | Quantity::ErrorRatio | Quantity::Throughput | Quantity::Goodput => {
                MetricValue::Number(flow.map_or(NAN, |flow| self.rate(flow, metric)))
            }
            Quantity::InSystem | Quantity::Queue => MetricValue::Number(match flow {
                Some(flow) => self.in_flight(flow, metric),
                None => self.level(metric),
            }),
            Quantity::Utilization => MetricValue::Number(self.utilization(metric.scope)),
            Quantity::Cpu | Quantity::Throttled | Quantity::Availability => {
                MetricValue::Number(self.pace_share(metric))
            }
            Quantity::ColdStarts => MetricValue::Number(self.cold_starts(metric.scope, outcome)),
            Quantity::Picks if metric.statistic == Statistic::Sequence => self.sequence(metric.scope),
            Quantity::Picks | Quantity::Connections | Quantity::Requests | Quantity::Share | Quantity::Balance(_) => {
                pods::evaluate(self.plan, &self.roster, &outcome.endpoints, metric)
            }
        }
    }

    fn collected(&self, metric: &Metric) -> MetricValue {
        let observed = self.probes.found(self.plan, metric.scope);
        let collector = observed.and_then(|observed| observed.collector(&metric.quantity));
        match (collector, &metric.statistic) {
            (Some(collector), Statistic::Values) => MetricValue::List(collector.values()),
            (Some(collector), statistic) => MetricValue::Number(collector.value(statistic)),
            (None, _) => MetricValue::Number(NAN),
        }
    }

    fn client_share(&self, metric: &Metric) -> MetricValue {
        let observed = self.probes.found(self.plan, metric.scope);
        let counts = observed.and_then(|observed| observed.of_client.as_deref()).unwrap_or_default();
        let all = counts.iter().sum::<u64>() as f64;
        pods::summed_up(counts.iter().map(|count| *count as f64 / all).collect(), &metric.statistic)
    }

    fn sequence(&self, scope: Scope) -> MetricValue {
        let picks = self.probes.found(self.plan, scope).and_then(|observed| observed.sequence.as_ref());
        let name = |endpoint: &u32| self.roster.name(self.plan, self.roster.pod_at(*endpoint));
        MetricValue::Names(picks.map(|picks| picks.iter().map(name).collect()).unwrap_or_default())
    }

    /// Counts of a sender over others, or over the window.
    fn rate(&self, flow: &FlowOutcome, metric: &Metric) -> f64 {
        let (count, whole) = match &metric.quantity {
            Quantity::Errors(cause) => {
                let count = flow.errors.iter().filter(|error| error.cause == *cause).map(|error| error.count).sum();
                (count, flow.ended() as f64)
            }
            Quantity::ErrorRatio => (flow.failed, flow.ended() as f64),
            Quantity::Throughput => (flow.ended(), self.window.span() as f64 / 1e9),
            _ => (flow.succeeded, self.window.span() as f64 / 1e9),
        };
        if whole > 0.0 { count as f64 / whole } else { NAN }
    }

    /// Requests of a traffic on their way.
    fn in_flight(&self, flow: &FlowOutcome, metric: &Metric) -> f64 {
        if metric.statistic == Statistic::Max {
            let observed = self.probes.found(self.plan, metric.scope);
            return observed.and_then(|observed| observed.in_flight.as_ref()).map_or(NAN, super::Peak::value);
        }
        let (first, second) = flow.in_flight_halves;
        let (one, two) = self.window.halves();
        (first * one as f64 + second * two as f64) / (one + two) as f64
    }

    /// Requests in a workload or pod, or those of them that wait.
    fn level(&self, metric: &Metric) -> f64 {
        let what = (&metric.quantity, &metric.statistic);
        let span = self.window.span();
        if levels::watches(&metric.statistic) {
            return match metric.scope {
                Scope::Workload(workload) => self.probes.watched.workload(self.plan, workload, what, span),
                Scope::Pod(workload, pod) => self.probes.watched.pod(pod_index(self.plan, workload, pod), what, span),
                Scope::Traffic(_) | Scope::Call(_) | Scope::Service(_) => NAN,
            };
        }
        if span == 0 {
            return NAN;
        }
        let area: u128 = self
            .stations_in(metric.scope)
            .into_iter()
            .map(|station| {
                let (busy, waiting) = self.window.station_areas(station as usize);
                match metric.quantity {
                    Quantity::Queue if self.shares(station) => 0,
                    Quantity::Queue => waiting,
                    _ => busy + waiting,
                }
            })
            .sum();
        let total = mean_level(area, span);
        match (&metric.statistic, metric.scope) {
            (Statistic::PerPod, Scope::Workload(workload)) => total / self.mean_pods(workload),
            _ => total,
        }
    }

    /// How many pods of a workload ran, on average over the window.
    fn mean_pods(&self, workload: usize) -> f64 {
        let mine = |pod: &usize| self.roster.pods[*pod].workload as usize == workload;
        let lived: u128 = (0..self.roster.pods.len()).filter(mine).map(|pod| self.lived(as_u32(pod)).0).sum();
        mean_level(lived, self.window.span())
    }

    /// Whether a container stands behind a Service.
    fn is_asked(&self, station: u32) -> bool {
        let pod = &self.roster.pods[self.roster.pod_of[station as usize] as usize];
        let target = (pod.workload as usize, (station - pod.station) as usize);
        self.plan.scenario.services.iter().any(|service| service.targets.contains(&target))
    }

    /// Busy slot-time over slots and time. Containers with unlimited slots have none, and those behind no Service (a
    /// sidecar that ships logs) have slots that nobody can ask for.
    fn utilization(&self, scope: Scope) -> f64 {
        let (mut area, mut slots) = (0_u128, 0_u128);
        for station in self.stations_in(scope).into_iter().filter(|station| self.is_asked(*station)) {
            let server = &self.plan.servers[self.server_once(station) as usize];
            if server.slots != NONE {
                area += self.window.station_areas(station as usize).0;
                slots += u128::from(server.slots) * self.lived(self.roster.pod_of[station as usize]).0;
            }
        }
        if slots == 0 { NAN } else { area as f64 / slots as f64 }
    }
}

fn latency_statistic(flow: &FlowOutcome, statistic: &Statistic) -> f64 {
    let moments = &flow.latency_moments;
    match statistic {
        Statistic::Mean => moments.mean().unwrap_or(NAN),
        Statistic::Variance => moments.variance().unwrap_or(NAN),
        Statistic::Sd => moments.sd().unwrap_or(NAN),
        Statistic::Cv2 => cv2(moments),
        Statistic::Min => moments.min().unwrap_or(NAN),
        Statistic::Max => moments.max().unwrap_or(NAN),
        Statistic::Quantile(q) => flow.latency.supported_quantile(*q).map_or(NAN, |nanos| nanos as f64 / 1e9),
        _ => NAN,
    }
}
