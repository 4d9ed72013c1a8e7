//! Observations that only named metrics ask for: hooks in the model that are off unless a scenario names them.

mod evaluate;
mod levels;
mod observed;
mod pods;
#[cfg(test)]
mod tests;

use crate::model::cluster::roster::Roster;
use crate::model::plan::{NONE, Plan, as_u32};
use crate::model::traffic::attempt::Attempt;
use crate::scenario::metric::{Metric, Quantity, Scope, Statistic};
use crate::time::SimTime;

use levels::Levels;
use observed::{Observed, Peak, push};

/// Everything the named metrics observe.
#[derive(Debug, Default)]
pub(crate) struct Probes {
    /// Of traffics and calls, by recorder.
    flows: Vec<Option<Box<Observed>>>,
    /// Of Services, workloads and pods.
    servers: Vec<(Scope, Observed)>,
    /// Positions in `servers` for each endpoint; empty where there are none.
    servers_of: Vec<Vec<u32>>,
    watched: Levels,
    instants: Vec<Instant>,
    /// Whether any metric watches how many are in pods, or pods report when nobody is.
    pub(crate) levels: bool,
    /// Whether any metric, or `explain`, watches arrivals at pods.
    pub(crate) stations: bool,
    /// Whether any metric, or `explain`, watches single requests or attempts.
    pub(crate) any_flow: bool,
    /// Whether any metric, or `explain`, watches single picks.
    pub(crate) picks: bool,
}

/// A level that is read once.
#[derive(Debug)]
struct Instant {
    seconds: f64,
    scope: Scope,
    quantity: Quantity,
    /// Whether it is the share of pods with nobody in them.
    empty: bool,
    level: f64,
}

impl Probes {
    pub(crate) fn new(plan: &Plan, roster: &Roster) -> Self {
        let mut probes = Self::default();
        for metric in named(plan) {
            probes.want(plan, metric);
        }
        probes.add_endpoints(plan, roster);
        probes
    }

    /// All hooks at single requests are on, whether metrics want them or not.
    pub(crate) fn watch_requests(&mut self) {
        (self.stations, self.any_flow, self.picks) = (true, true, true);
    }

    /// Endpoints that were not there before are watched by those who ask for them.
    pub(crate) fn add_endpoints(&mut self, plan: &Plan, roster: &Roster) {
        if !self.servers.is_empty() {
            for endpoint in self.servers_of.len()..roster.endpoints.len() {
                let watching = self.watching(plan, roster, endpoint);
                self.servers_of.push(watching);
            }
        }
    }

    /// There is a pod more.
    pub(crate) fn add_pod(&mut self, containers: usize) {
        self.watched.add_pod(containers);
    }

    /// Which of the servers an endpoint belongs to.
    fn watching(&self, plan: &Plan, roster: &Roster, endpoint: usize) -> Vec<u32> {
        let scopes = self.servers.iter().enumerate();
        scopes.filter(|(_, (scope, _))| holds(plan, roster, *scope, endpoint)).map(|(index, _)| as_u32(index)).collect()
    }

    fn want(&mut self, plan: &Plan, metric: &Metric) {
        let Metric { scope, quantity, statistic, .. } = metric;
        if let Statistic::At(seconds) | Statistic::EmptyAt(seconds) = statistic {
            let empty = matches!(statistic, Statistic::EmptyAt(_));
            let (seconds, scope, quantity) = (*seconds, *scope, quantity.clone());
            return self.instants.push(Instant { seconds, scope, quantity, empty, level: f64::NAN });
        }
        match quantity {
            Quantity::Latency if sends(*scope) && kept_anyway(statistic) => {}
            Quantity::Latency
            | Quantity::QueueWait
            | Quantity::QueueWaitServed
            | Quantity::Service
            | Quantity::LatencyOfAll
            | Quantity::LatencyOf(_)
            | Quantity::Slowdown
            | Quantity::SlowdownOf(_)
            | Quantity::BackOff
            | Quantity::BackOffBefore(_)
            | Quantity::BackOffOfRequest
            | Quantity::Lookup
            | Quantity::DnsQueries
            | Quantity::Attempts => {
                self.any_flow = true;
                self.observed(plan, *scope).want(quantity, statistic);
            }
            Quantity::Interarrival => {
                self.any_flow |= sends(*scope);
                self.stations |= !sends(*scope);
                self.observed(plan, *scope).want(quantity, statistic);
            }
            Quantity::InSystem | Quantity::Queue => self.want_level(plan, metric),
            Quantity::Picks if *statistic == Statistic::Sequence => {
                self.picks = true;
                self.observed(plan, *scope).sequence.get_or_insert_with(Vec::new);
            }
            Quantity::ClientShare => {
                self.any_flow = true;
                let Scope::Traffic(traffic) = *scope else { return };
                let clients = plan.flows[traffic].clients as usize;
                self.observed(plan, *scope).of_client.get_or_insert_with(|| vec![0; clients]);
            }
            // Everything else follows from counters that are kept anyway.
            Quantity::Errors(_)
            | Quantity::ErrorRatio
            | Quantity::Utilization
            | Quantity::Cpu
            | Quantity::Throttled
            | Quantity::Availability
            | Quantity::ColdStarts
            | Quantity::Share
            | Quantity::Connections
            | Quantity::Throughput
            | Quantity::Goodput
            | Quantity::Balance(_)
            | Quantity::Requests
            | Quantity::Picks => {}
        }
    }

    fn want_level(&mut self, plan: &Plan, metric: &Metric) {
        if !levels::watches(&metric.statistic) {
            return;
        }
        match metric.scope {
            Scope::Traffic(_) | Scope::Call(_) => {
                self.any_flow = true;
                self.observed(plan, metric.scope).in_flight.get_or_insert_with(Peak::default);
            }
            Scope::Workload(workload) => {
                self.levels = true;
                self.watched.want_workload(plan, workload, &metric.quantity, &metric.statistic);
            }
            Scope::Pod(workload, pod) => {
                self.levels = true;
                let pod = pod_index(plan, workload, pod);
                self.watched.want_pod(plan, pod, &metric.quantity, &metric.statistic);
            }
            Scope::Service(_) => {}
        }
    }

    /// Where the observations of a scope are kept.
    fn observed(&mut self, plan: &Plan, scope: Scope) -> &mut Observed {
        if let Some(recorder) = recorder_of(plan, scope) {
            if self.flows.is_empty() {
                self.flows.resize_with(plan.labels.flows.len(), || None);
            }
            return self.flows[recorder].get_or_insert_with(Box::default);
        }
        let known = self.servers.iter().position(|(other, _)| *other == scope);
        let index = known.unwrap_or_else(|| {
            self.servers.push((scope, Observed::default()));
            self.servers.len() - 1
        });
        &mut self.servers[index].1
    }

    /// The observations of a scope, where there are any.
    fn found(&self, plan: &Plan, scope: Scope) -> Option<&Observed> {
        match recorder_of(plan, scope) {
            Some(recorder) => self.flows.get(recorder)?.as_deref(),
            None => self.servers.iter().find(|(other, _)| *other == scope).map(|(_, observed)| observed),
        }
    }

    /// A request of a traffic arrived from a client.
    #[inline]
    pub(crate) fn arrived(&mut self, recorder: u32, client: u32, now: SimTime, measured: bool) {
        if !self.any_flow {
            return;
        }
        if let Some(Some(observed)) = self.flows.get_mut(recorder as usize) {
            observed.arrived(now, measured);
            if let Some(in_flight) = &mut observed.in_flight {
                in_flight.moved(1);
            }
            if let Some(of_client) = &mut observed.of_client {
                of_client[client as usize] += u64::from(measured);
            }
        }
    }

    /// An endpoint was chosen.
    #[inline(always)]
    pub(crate) fn picked(&mut self, endpoint: u32) {
        if self.picks {
            self.note_sequence(endpoint);
        }
    }

    #[inline(never)]
    fn note_sequence(&mut self, endpoint: u32) {
        for server in self.servers_of.get(endpoint as usize).into_iter().flatten() {
            if let Some(sequence) = &mut self.servers[*server as usize].1.sequence {
                sequence.push(endpoint);
            }
        }
    }

    /// Tells everyone who watches a measured attempt, its sender by the number of the request (`u64::MAX` once the
    /// client has given up) and its servers by the time at which it reached the pod.
    fn tell(&mut self, plan: &Plan, attempt: &Attempt, number: u64, mut observe: impl FnMut(&mut Observed, u64)) {
        if !self.any_flow || !attempt.measured {
            return;
        }
        let recorder = plan.flows[attempt.flow as usize].recorder as usize;
        if let Some(Some(observed)) = self.flows.get_mut(recorder) {
            observe(observed, number);
        }
        if attempt.endpoint != NONE
            && let Some(servers) = self.servers_of.get(attempt.endpoint as usize)
        {
            for server in servers {
                observe(&mut self.servers[*server as usize].1, attempt.reached);
            }
        }
    }

    /// An attempt got its first slot.
    #[inline]
    pub(crate) fn started(&mut self, plan: &Plan, attempt: &Attempt, number: u64, now: SimTime) {
        let waited = now.as_nanos() - attempt.reached;
        self.tell(plan, attempt, number, |observed, number| observed.waited(number, waited, true));
    }

    /// An attempt left the queue unserved.
    pub(crate) fn left_queue(&mut self, plan: &Plan, attempt: &Attempt, number: u64, now: SimTime) {
        let waited = now.as_nanos() - attempt.reached;
        self.tell(plan, attempt, number, |observed, number| observed.waited(number, waited, false));
    }

    /// An attempt found the queue full.
    pub(crate) fn turned_away(&mut self, plan: &Plan, attempt: &Attempt, number: u64) {
        self.tell(plan, attempt, number, |observed, number| observed.waited(number, 0, false));
    }

    /// An attempt's host was looked up: nanoseconds and queries.
    pub(crate) fn looked_up(&mut self, plan: &Plan, attempt: &Attempt, number: u64, (nanos, queries): (u64, u64)) {
        if !self.any_flow || !attempt.measured {
            return;
        }
        let recorder = plan.flows[attempt.flow as usize].recorder as usize;
        if let Some(Some(observed)) = self.flows.get_mut(recorder) {
            push(&mut observed.lookup, number, nanos as f64 / 1e9);
            push(&mut observed.dns_queries, number, queries as f64);
        }
    }

    /// A pod is done with an attempt.
    #[inline]
    pub(crate) fn served(&mut self, plan: &Plan, attempt: &Attempt, number: u64) {
        let work = attempt.work as f64 / 1e9;
        self.tell(plan, attempt, number, |observed, number| push(&mut observed.service, number, work));
    }

    /// The end of a request that is watched: its sender's observations, if it is measured.
    fn ended(&mut self, recorder: u32, measured: bool) -> Option<&mut Observed> {
        if !self.any_flow {
            return None;
        }
        let observed = self.flows.get_mut(recorder as usize)?.as_deref_mut()?;
        if let Some(in_flight) = &mut observed.in_flight {
            in_flight.moved(-1);
        }
        measured.then_some(observed)
    }

    /// A request that was tried so often, with pauses of so many nanoseconds in all, succeeded by this attempt.
    #[inline]
    pub(crate) fn succeeded(
        &mut self,
        recorder: u32,
        number: u64,
        latency: u64,
        attempt: &Attempt,
        (tries, paused): (u32, u64),
    ) {
        if let Some(observed) = self.ended(recorder, attempt.measured) {
            observed.succeeded(number, latency, attempt.work);
            observed.ended(number, tries, paused);
        }
        if attempt.measured
            && let Some(servers) = self.servers_of.get(attempt.endpoint as usize)
        {
            for server in servers {
                self.servers[*server as usize].1.succeeded(attempt.reached, latency, attempt.work);
            }
        }
    }

    /// A request failed for good, if it was measured after so many nanoseconds.
    pub(crate) fn failed(&mut self, recorder: u32, number: u64, (tries, paused): (u32, u64), latency: Option<u64>) {
        if let Some(observed) = self.ended(recorder, latency.is_some()) {
            observed.ended(number, tries, paused);
            push(&mut observed.latency_of_all, number, latency.unwrap_or(0) as f64 / 1e9);
        }
    }

    /// A measured request pauses before a retry.
    pub(crate) fn pauses(&mut self, recorder: u32, number: u64, retry: u32, nanos: u64) {
        if let Some(Some(observed)) = self.flows.get_mut(recorder as usize) {
            observed.pauses(number, retry, nanos);
        }
    }

    /// An attempt reached a pod.
    pub(crate) fn reached(&mut self, endpoint: usize, now: SimTime, measured: bool) {
        for server in self.servers_of.get(endpoint).into_iter().flatten() {
            self.servers[*server as usize].1.arrived(now, measured);
        }
    }

    /// The number at a station (with its workload and pod) changed, or the number of those who wait there.
    #[inline(never)]
    pub(crate) fn level_changed(&mut self, place: (usize, usize, usize), levels: [u32; 2], now: SimTime) {
        if self.watched.is_empty() {
            return;
        }
        self.watched.changed(place, levels, now);
    }

    /// The window opens.
    pub(crate) fn open(&mut self, now: SimTime) {
        self.watched.open(now);
        for observed in self.flows.iter_mut().flatten() {
            if let Some(in_flight) = &mut observed.in_flight {
                in_flight.open();
            }
        }
    }

    /// The window closes.
    pub(crate) fn close(&mut self, now: SimTime) {
        self.watched.close(now);
        for observed in self.flows.iter_mut().flatten() {
            if let Some(in_flight) = &mut observed.in_flight {
                in_flight.close();
            }
        }
    }
}

/// Whether it is a traffic or a call.
const fn sends(scope: Scope) -> bool {
    matches!(scope, Scope::Traffic(_) | Scope::Call(_))
}

/// Latency statistics that every flow recorder keeps.
const fn kept_anyway(statistic: &Statistic) -> bool {
    use Statistic::{Cv2, Max, Mean, Min, Quantile, Sd, Variance};
    matches!(statistic, Mean | Variance | Sd | Cv2 | Min | Max | Quantile(_))
}

/// All metrics that the scenario names: objectives, expectations, what the command line asks for, and what ends the
/// replications.
fn named(plan: &Plan) -> impl Iterator<Item = &Metric> {
    let scenario = &plan.scenario;
    let objectives = scenario.objectives.iter().map(|objective| &objective.metric);
    let expected = scenario.expect.iter().map(|expectation| &expectation.metric);
    let asked = scenario.metrics.iter().map(|named| &named.metric);
    objectives.chain(expected).chain(asked).chain(scenario.run.until.iter().map(|until| &until.metric))
}

/// The recorder of a traffic or call.
fn recorder_of(plan: &Plan, scope: Scope) -> Option<usize> {
    let flow = match scope {
        Scope::Traffic(traffic) => traffic,
        Scope::Call(call) => plan.traffics + call,
        Scope::Service(_) | Scope::Workload(_) | Scope::Pod(..) => return None,
    };
    Some(plan.flows[flow].recorder as usize)
}

/// The place of a pod among all pods.
fn pod_index(plan: &Plan, workload: usize, pod: u32) -> usize {
    (plan.first_pod[workload] + pod) as usize
}

/// Whether an endpoint belongs to a Service (any port of it), a workload or a pod.
fn holds(plan: &Plan, roster: &Roster, scope: Scope, endpoint: usize) -> bool {
    let endpoint = &roster.endpoints[endpoint];
    let pod = &roster.pods[roster.pod_of[endpoint.station as usize] as usize];
    match scope {
        Scope::Traffic(_) | Scope::Call(_) => false,
        Scope::Service(service) => {
            let (own, asked) = (&plan.scenario.services[endpoint.service as usize], &plan.scenario.services[service]);
            own.name == asked.name && own.namespace == asked.namespace
        }
        Scope::Workload(workload) => pod.workload as usize == workload,
        Scope::Pod(workload, number) => (pod.workload as usize, pod.number) == (workload, number),
    }
}
