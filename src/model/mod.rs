//! The simulated cluster: requests on their way through clients, Services, proxies, nodes and containers.
//!
//! [`Plan`] is the scenario laid out in tables, made once a variant. [`World`] is the state of one
//! replication. [`simulate`] runs it and returns what was observed. The life of a request is told in `traffic/`, one
//! file a stage: `arrival` → `request` → `route` → `connection` → `serve` → back through `route` → `request`.

pub mod cluster;
mod control;
pub mod fault;
pub mod ledger;
pub mod network;
pub mod plan;
mod probe;
mod random_keys;
mod short_queue;
pub mod slab;
#[cfg(test)]
mod tests_dns;
#[cfg(test)]
mod tests_kube_proxy;
pub mod traffic;
mod watch;
mod window;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::balance::Balancer;
use crate::engine::{Event, Kind, Model, Rank, Schedule};
use crate::observe::endpoint_latency::EndpointLatency;
use crate::observe::levels::{LevelSink, Levels};
use crate::observe::outcome::{EndpointOutcome, RunOutcome, Sink};
use crate::observe::recorder::FlowRecorder;
use crate::observe::recorders::Recorders;
use crate::observe::time_average::mean_level;
use crate::random::Stream;
use crate::scenario::MAX_INTERVALS;
use crate::time::SimTime;

use cluster::roster::Roster;
use cluster::sharing::Sharing;
use cluster::station::Station;
use cluster::unfinished::Unfinished;
use control::Control;
use fault::Spikes;
use ledger::Ledgers;
use network::dns::DnsState;
use network::endpoints::Snapshot;
use network::kube_proxy::{Entries, KubeProxy};
use network::tracking::Tracking;
use plan::{HotFlow, NONE, Plan, as_u32};
use probe::Probes;
use slab::Slab;
use traffic::attempt::{Attempt, Request};
use traffic::bookkeeping::Books;
use traffic::connection::Connection;
use traffic::entrance::Ways;
use traffic::flow::FlowState;
use traffic::idling::Idling;
use traffic::paced::Paces;
use traffic::pool::{PoolTable, Pools};
use traffic::report::Reporting;
use traffic::transit::Transits;
use traffic::wires::Wires;
use watch::Watch;
use window::WindowState;

/// Which requests are logged one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestLog {
    /// None.
    None,
    /// The first N measured ones of each traffic.
    First(u64),
    /// All measured ones.
    All,
}

/// Everything that happens in the model. The slot of an event names the flow, request, attempt, station or probe.
pub(crate) mod kind {
    use crate::engine::Kind;
    /// The next request of a traffic arrives (slot: flow).
    pub(crate) const ARRIVAL: Kind = Kind(0);
    /// A user of a closed loop has thought (slot: user).
    pub(crate) const THOUGHT: Kind = Kind(1);
    /// A request reaches its proxy (attempt).
    pub(crate) const AT_PROXY: Kind = Kind(2);
    /// A request reaches its pod (attempt).
    pub(crate) const AT_POD: Kind = Kind(3);
    /// A step of work is done (attempt).
    pub(crate) const WORKED: Kind = Kind(4);
    /// A reply reaches the proxy (attempt).
    pub(crate) const REPLY_AT_PROXY: Kind = Kind(5);
    /// A reply reaches the client (attempt).
    pub(crate) const REPLY_AT_CLIENT: Kind = Kind(6);
    /// The client's connection is open (attempt).
    pub(crate) const CONNECTED: Kind = Kind(7);
    /// The proxy's connection is open (attempt).
    pub(crate) const UPSTREAM_CONNECTED: Kind = Kind(8);
    /// The back-off is over (request).
    pub(crate) const RETRY: Kind = Kind(9);
    /// The total timeout passed (request).
    pub(crate) const DEADLINE: Kind = Kind(10);
    /// The timeout of a try passed (request).
    pub(crate) const PER_TRY: Kind = Kind(11);
    /// The queue timeout passed (attempt).
    pub(crate) const PATIENCE: Kind = Kind(12);
    /// It is an attempt's turn at the client's pool (attempt).
    pub(crate) const GO: Kind = Kind(20);
    /// The pods of a balancer report to it (balancer that is reported to).
    pub(crate) const REPORT: Kind = Kind(21);
    /// The next job under processor sharing is done (station).
    pub(crate) const SHARED: Kind = Kind(13);
    /// A waiting request gets its slot (attempt).
    pub(crate) const START: Kind = Kind(14);
    /// The window opens.
    pub(crate) const WINDOW_OPENS: Kind = Kind(15);
    /// The middle of the window.
    pub(crate) const WINDOW_MIDDLE: Kind = Kind(16);
    /// The window closes.
    pub(crate) const WINDOW_CLOSES: Kind = Kind(17);
    /// Measured requests have had their time to end.
    pub(crate) const DRAINED: Kind = Kind(18);
    /// A value is read at a named time (probe).
    pub(crate) const PROBE: Kind = Kind(19);
    /// A DNS query has come one leg further (query).
    pub(crate) const DNS_QUERY: Kind = Kind(30);
    /// A resolver has waited long enough (lookup and timer).
    pub(crate) const DNS_TIMER: Kind = Kind(31);
    /// Something of autoscaling happens (what, or which autoscaler).
    pub(crate) const AUTOSCALING: Kind = Kind(25);
    /// Something of the timeline happens (happening).
    pub(crate) const HAPPENING: Kind = Kind(40);
    /// The sandbox of a pod is there (pod).
    pub(crate) const POD_STARTED: Kind = Kind(41);
    /// A kubelet ends a pod (pod).
    pub(crate) const POD_STOPS: Kind = Kind(42);
    /// The network of a pod is gone (pod).
    pub(crate) const POD_GONE: Kind = Kind(43);
    /// Something happens to nodes, or follows from that (step).
    pub(crate) const NODE_STEP: Kind = Kind(26);
    /// A drain tries again to evict what was refused (drain).
    pub(crate) const DRAIN_STEP: Kind = Kind(27);
    /// News of endpoints reaches those who act on them (delivery).
    pub(crate) const PROGRAMMED: Kind = Kind(44);
    /// Nobody answered a connection for too long (attempt).
    pub(crate) const CONNECT_TIMEOUT: Kind = Kind(45);
    /// A connection may have been idle for too long, or be too old (connection).
    pub(crate) const CONNECTION_TIMER: Kind = Kind(50);
    /// A reset comes back from a connection that was closed (attempt).
    pub(crate) const STALE: Kind = Kind(51);
    /// The connection that an attempt waited for was not opened (attempt).
    pub(crate) const CONNECT_FAILED: Kind = Kind(52);
    /// It is time for another SYN (attempt).
    pub(crate) const SYN_AGAIN: Kind = Kind(53);
    /// It is an attempt's turn at the proxy's pool (attempt).
    pub(crate) const UPSTREAM_GO: Kind = Kind(46);
    /// The EndpointSlices of a Service are written (Service).
    pub(crate) const SLICES_SYNCED: Kind = Kind(60);
    /// Something happens to a pod or one of its containers (moment).
    pub(crate) const POD_MOMENT: Kind = Kind(32);
    /// The controller of a workload looks at it (workload).
    pub(crate) const RECONCILE: Kind = Kind(22);
    /// The EndpointSlice controller has done with a Service (Service).
    pub(crate) const SLICES_WRITTEN: Kind = Kind(34);
    /// News of endpoints may have reached who acts on it (reader).
    pub(crate) const NEWS: Kind = Kind(35);
    /// The EndpointSlice controller tries again (Service).
    pub(crate) const SLICES_AGAIN: Kind = Kind(36);
    /// A load balancer looks at a target (look).
    pub(crate) const LOOK: Kind = Kind(55);
    /// The time of connections to a load balancer's former target is over (look).
    pub(crate) const DEREGISTERED: Kind = Kind(56);
    /// A worker of an ingress controller takes new endpoints (delivery).
    pub(crate) const WORKER_PROGRAMMED: Kind = Kind(57);
    /// Requests are counted by pod after a rollout (workload).
    pub(crate) const ROLLOUT_COUNT: Kind = Kind(24);
    /// A request comes besides the usual ones (spike).
    pub(crate) const SPIKE_ARRIVAL: Kind = Kind(37);
    /// The next request of a traffic arrives, or stays away (flow).
    pub(crate) const THINNED_ARRIVAL: Kind = Kind(38);
    /// The quota of a container is spent, or there is a new one (station).
    pub(crate) const QUOTA: Kind = Kind(28);
    /// The process of a container breaks down, or is repaired (station).
    pub(crate) const BREAKDOWN: Kind = Kind(29);
    /// A container that was cold has started (station).
    pub(crate) const COLD_STARTED: Kind = Kind(33);
    /// A pod is killed (killing).
    pub(crate) const KILL: Kind = Kind(58);
    /// What an attempt waited for beside the CPU has come (attempt).
    pub(crate) const OFF_CPU: Kind = Kind(59);
    /// The first byte of a message comes to an interface (message on its way).
    pub(crate) const AT_NIC: Kind = Kind(54);
}

/// Counters of a pod behind a Service.
#[derive(Debug, Clone, Default)]
struct EndpointCounters {
    requests: u64,
    connections: u64,
    picks: u64,
    picks_of_connections: u64,
    errors: u64,
}

/// A worker of a proxy instance.
#[derive(Debug)]
struct Worker {
    stream: Stream,
    balancer: Balancer,
    /// The endpoints it knows, in the order in which its balancer numbers them.
    programmed: Arc<Snapshot>,
    /// Its connections to the endpoints of the Service, by the manner of keeping them and the endpoint's number.
    pools: PoolTable,
}

/// The state of one replication.
pub struct World<'p> {
    plan: &'p Plan,
    seed: u64,
    replication: u32,
    log: RequestLog,
    requests: Slab<Request>,
    attempts: Slab<Attempt>,
    ledgers: Ledgers,
    roster: Roster,
    /// What changes the cluster; `None` where nothing does.
    control: Option<Box<Control>>,
    stations: Vec<Station>,
    sharing: Vec<Option<Box<(Sharing, crate::engine::TimerId)>>>,
    /// The containers whose pace changes; `None` where there are none.
    pace: Option<Box<Paces>>,
    /// The work in the pods, where a policy asks for it.
    work: Option<Box<Unfinished>>,
    /// The balancers that go by reports of the pods, and how many reports are scheduled.
    reporting: Vec<Reporting>,
    reports_pending: usize,
    /// Pods that report when they become idle, where balancers ask for it.
    idling: Option<Box<Idling>>,
    endpoints: Vec<EndpointCounters>,
    endpoint_latency: EndpointLatency,
    flows: Vec<FlowState>,
    workers: Vec<Worker>,
    connections: Slab<Connection>,
    /// The pools they are in.
    pools: Pools,
    /// Books of connections, where they are kept.
    books: Option<Box<Books>>,
    /// What nodes remember of connections, where that is limited.
    tracking: Option<Box<Tracking>>,
    kube_proxies: Vec<Option<Box<KubeProxy>>>,
    entries: Entries,
    /// Where connections from outside came in; `None` where there are none.
    ways: Option<Box<Ways>>,
    recorders: Recorders,
    probes: Probes,
    watch: Option<Box<Watch>>,
    window: WindowState,
    sink: LevelSink<'p>,
    ready_pods: u64,
    /// Name resolution, where it takes place.
    dns: Option<Box<DnsState>>,
    /// More requests than usual, or fewer, where faults say so.
    spikes: Option<Box<Spikes>>,
    /// Whether every hop costs nothing.
    free: bool,
    /// Whether nobody need look at hops: they cost nothing, and nobody counts them.
    hopless: bool,
    /// What nodes send, where it is counted.
    wires: Option<Box<Wires>>,
    /// The interfaces of nodes and what is on its way over them, where they have a rate.
    transits: Option<Box<Transits>>,
}

impl std::fmt::Debug for World<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World")
            .field("seed", &self.seed)
            .field("replication", &self.replication)
            .finish_non_exhaustive()
    }
}

/// Why a run could not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stopped {
    /// The user stopped it.
    Interrupted,
    /// The scenario outgrew the engine or stood still; the message says how.
    Unrunnable(String),
}

/// How many events are handled before the run looks whether it was stopped.
const EVENTS_BETWEEN_LOOKS: u32 = 65_536;

/// How many pods a Service may have before endpoint latencies are kept only on request.
pub const ENDPOINT_LATENCY_LIMIT: u32 = 1_000;

/// Runs one replication; `stop` ends it early.
///
/// # Errors
/// When the run was stopped, or cannot go on: more than 2^26 requests at once, or a clock that stands still.
pub fn simulate(
    plan: &Plan,
    variant: usize,
    replication: u32,
    log: RequestLog,
    sink: &mut dyn Sink,
    stop: &AtomicBool,
) -> Result<RunOutcome, Stopped> {
    simulate_and_tell(plan, (variant, replication), log, &[], sink, stop)
}

/// Runs one replication of a variant and tells the stories of these requests, given by traffic and number; everything
/// else in the outcome is as without them.
///
/// # Errors
/// As [`simulate`].
pub fn simulate_and_tell(
    plan: &Plan,
    (variant, replication): (usize, u32),
    log: RequestLog,
    wanted: &[(usize, u64)],
    sink: &mut dyn Sink,
    stop: &AtomicBool,
) -> Result<RunOutcome, Stopped> {
    let mut schedule = Schedule::new();
    let mut world = World::new(plan, replication, log, sink, &mut schedule);
    world.watch_stories(wanted);
    world.start(&mut schedule);
    // Looking at the clock of the outside world is rare: once in so many events.
    while !world.window.over && !stop.load(Ordering::Relaxed) {
        for _ in 0..EVENTS_BETWEEN_LOOKS {
            let Some(event) = schedule.next() else {
                world.window.over = true;
                break;
            };
            world.handle(event, &mut schedule);
            if world.window.over {
                break;
            }
        }
        world.window.over |= world.has_too_many_intervals();
    }
    if !world.window.over {
        return Err(Stopped::Interrupted);
    }
    if world.window.clock_ended {
        let message = format!("the clock ends at {}: make times shorter, or the run", schedule.now());
        return Err(Stopped::Unrunnable(message));
    }
    if world.has_too_many_intervals() {
        return Err(Stopped::Unrunnable(format!(
            "the run has come to {} and more than {MAX_INTERVALS} intervals of the timeline: write a longer `run.interval`",
            schedule.now()
        )));
    }
    if let Some(message) = schedule.overflow() {
        return Err(Stopped::Unrunnable(message.to_string()));
    }
    if schedule.stuck() {
        return Err(Stopped::Unrunnable(format!(
            "the clock stands still at {}: events keep happening without any time passing; \
             give a back-off, a service time or a network delay",
            schedule.now()
        )));
    }
    Ok(world.finish(variant, &mut schedule))
}

impl<'p> World<'p> {
    fn new(plan: &'p Plan, replication: u32, log: RequestLog, sink: &'p mut dyn Sink, schedule: &mut Schedule) -> Self {
        let run = &plan.scenario.run;
        let seed = run.seed;
        let workers = Self::workers_of(plan, replication);
        let flows = plan.flows.iter().map(|flow| FlowState::new(plan, flow, replication, schedule)).collect();
        let recorders = plan
            .labels
            .flows
            .iter()
            .enumerate()
            .map(|(index, label)| {
                // Calls are attributed in their caller's ledger; their own rows are not kept.
                let columns = if label.is_traffic { label.ledger.len() } else { 0 };
                FlowRecorder::new(index, columns, run.interval)
            })
            .collect();
        let stations: Vec<Station> = plan.server_of.iter().map(|server| Station::new(*server)).collect();
        let keeps_latency = plan.services.iter().all(|service| service.count <= ENDPOINT_LATENCY_LIMIT)
            || plan.scenario.observe.endpoint_latency;
        let endpoint_latency = EndpointLatency::new(if keeps_latency { plan.endpoints.len() } else { 0 });
        let watch = Watch::new(plan);
        let roster = Roster::of(plan);
        let mut probes = Probes::new(plan, &roster);
        if watch.is_some() {
            probes.watch_requests();
        }
        probes.levels |= plan.drains;
        Self {
            plan,
            seed,
            replication,
            log,
            requests: Slab::default(),
            attempts: Slab::default(),
            ledgers: Ledgers::new(plan.ledger_columns),
            sharing: Self::sharing_of(plan, schedule),
            pace: Paces::of(plan),
            roster,
            control: Control::new(plan, replication),
            stations,
            work: plan.keeps_work().then(|| {
                let slots = plan.server_of.iter().map(|server| plan.servers[*server as usize].slots);
                Box::new(Unfinished::new(slots))
            }),
            reporting: Vec::new(),
            reports_pending: 0,
            idling: None,
            endpoints: vec![EndpointCounters::default(); plan.endpoints.len()],
            endpoint_latency,
            flows,
            workers,
            connections: Slab::default(),
            pools: Pools::default(),
            books: Books::of(plan),
            tracking: Tracking::of(plan, replication),
            kube_proxies: plan.scenario.cluster.nodes.iter().map(|_| None).collect(),
            entries: Entries::default(),
            ways: Ways::of(plan, replication),
            recorders: Recorders::new(recorders),
            probes,
            watch,
            window: WindowState::new(run.window, run.drain),
            sink: LevelSink::new(sink, run.interval, Self::levels_of(plan)),
            ready_pods: plan.pods.len() as u64,
            dns: Self::dns_of(plan, replication, schedule),
            spikes: Spikes::of(plan, replication),
            free: plan.ways_are_free() && !plan.has_nics(),
            hopless: plan.ways_are_free() && !plan.has_nics() && !plan.scenario.observe.nodes,
            wires: Wires::of(plan),
            transits: Transits::of(plan),
        }
    }

    fn workers_of(plan: &Plan, replication: u32) -> Vec<Worker> {
        let mut workers: Vec<Worker> = Vec::with_capacity(plan.workers.len());
        for worker in &plan.workers {
            let mut stream = Stream::new(plan.scenario.run.seed, replication, &worker.stream);
            let proxy = &plan.scenario.proxies[worker.proxy as usize];
            let answers = proxy.controller.as_ref().is_some_and(|controller| controller.answers.is_some());
            let programmed = match answers {
                true => Snapshot::new(0, []),
                false => Arc::clone(&plan.services[proxy.service].snapshot),
            };
            // Those of its proxy come right before it.
            let other = workers.last().map(|other| &other.balancer);
            let balancer = proxy.balancer.build_beside(other, programmed.count(), &mut stream);
            workers.push(Worker { stream, balancer, programmed, pools: PoolTable::default() });
        }
        workers
    }

    /// What the cluster is like where nothing changes it.
    fn levels_of(plan: &Plan) -> Levels {
        let nodes = plan.scenario.cluster.nodes.len() as u64;
        Levels { desired: plan.pods.len() as u64, nodes, ..Levels::default() }
    }

    fn has_too_many_intervals(&mut self) -> bool {
        self.recorders.settled(&mut self.sink).iter().any(FlowRecorder::has_too_many_intervals)
    }

    fn sharing_of(plan: &Plan, schedule: &mut Schedule) -> Vec<Option<Box<(Sharing, crate::engine::TimerId)>>> {
        if !plan.servers.iter().any(|server| server.shares && !server.paced) {
            return Vec::new();
        }
        plan.server_of.iter().map(|server| Self::sharing_of_server(plan, *server, schedule)).collect()
    }

    /// The shared processor of a container, if its processor is shared.
    fn sharing_of_server(
        plan: &Plan,
        server: u32,
        schedule: &mut Schedule,
    ) -> Option<Box<(Sharing, crate::engine::TimerId)>> {
        let server = &plan.servers[server as usize];
        (server.shares && !server.paced).then(|| Box::new((Sharing::new(server.slots), schedule.new_timer())))
    }

    fn dns_of(plan: &Plan, replication: u32, schedule: &mut Schedule) -> Option<Box<DnsState>> {
        let dns = plan.dns.as_ref()?;
        let mut lane = |flow: &plan::FlowPlan| {
            let wait = flow.flow.resolution.as_ref()?.settings.wait();
            Some(schedule.add_lane(wait, Rank::Timeout, kind::DNS_TIMER))
        };
        let lanes = plan.flows.iter().map(&mut lane).collect();
        Some(Box::new(DnsState::new(plan, dns, replication, lanes)))
    }

    fn start(&mut self, schedule: &mut Schedule) {
        self.schedule_window(schedule);
        self.schedule_probes(schedule);
        self.start_idling();
        self.begin_paces(schedule);
        self.schedule_timeline(schedule);
        self.start_autoscaling(schedule);
        for flow in 0..self.plan.flows.len() {
            self.pin_connections(flow);
        }
        for flow in 0..self.plan.traffics {
            self.start_traffic(flow, schedule);
        }
        self.start_spikes(schedule);
        self.start_reports(schedule);
    }

    /// The identity-bearing hash of a flow, for keyed draws.
    #[inline]
    fn plan_flow(&self, flow: u32) -> &'p plan::FlowPlan {
        &self.plan.flows[flow as usize]
    }

    fn finish(mut self, variant: usize, schedule: &mut Schedule) -> RunOutcome {
        let now = schedule.now();
        if !self.window.closed {
            self.close_window(now, schedule);
        }
        if self.control.is_some() {
            self.read_levels(now);
        }
        for recorder in self.recorders.settled(&mut self.sink) {
            recorder.close_intervals(now, self.ready_pods, &mut self.sink);
            recorder.close_last_interval(self.ready_pods, &mut self.sink);
        }
        self.censor_open_requests(now);
        let spans = self.window.halves();
        let late = self.control.as_deref().map_or_else(|| vec![String::new()], |control| control.lateness.names());
        let flows = std::mem::take(&mut self.recorders)
            .into_each(&mut self.sink)
            .into_iter()
            .map(|recorder| recorder.finish(&self.plan.places, &late, spans))
            .collect::<Vec<_>>();
        if let Some(work) = &self.work {
            let (entered, attempts) = (work.entered(), self.attempts.len());
            assert!(entered <= attempts, "{entered} requests stand in the books of work, {attempts} are under way");
        }
        let endpoints = self.endpoint_outcomes();
        self.tell_runs(now);
        let mut outcome = RunOutcome {
            variant,
            replication: self.replication,
            window: (self.window.opened_at, self.window.closed_at),
            ended: now,
            events: schedule.handled(),
            flows,
            endpoints,
            dns: self.dns_outcomes(),
            connections: self.connection_outcomes(),
            nodes: self.node_outcomes(),
            new_endpoints: self.roster.new_labels(self.plan),
            cluster_events: self
                .control
                .as_mut()
                .map(|control| std::mem::take(&mut control.events))
                .unwrap_or_default(),
            rollouts: self.rollout_outcomes(now),
            scaling: self
                .control
                .as_mut()
                .map(|control| std::mem::take(&mut control.scaling.decisions))
                .unwrap_or_default(),
            metrics: Vec::new(),
            surveys: self.watch.as_deref_mut().map_or_else(Vec::new, Watch::surveys),
            stories: self.watch.as_deref_mut().map_or_else(Vec::new, Watch::stories),
        };
        outcome.metrics = self.evaluate_metrics(&outcome);
        outcome
    }

    fn dns_outcomes(&mut self) -> Vec<crate::observe::dns::DnsOutcome> {
        let (state, plan) = (self.dns.take(), self.plan.dns.as_ref());
        state.zip(plan).map_or_else(Vec::new, |(state, plan)| state.finish(plan, self.window.span()))
    }

    fn endpoint_outcomes(&mut self) -> Vec<EndpointOutcome> {
        let span = self.window.span();
        let mut latency = std::mem::take(&mut self.endpoint_latency).finish().into_iter();
        self.roster
            .endpoints
            .iter()
            .enumerate()
            .map(|(index, endpoint)| {
                let station = endpoint.station as usize;
                let counters = &self.endpoints[index];
                let (busy, waiting) = self.window.station_areas(station);
                let (alive, ready) = self.lived(self.roster.pod_of[station]);
                let server = &self.plan.servers[self.server_once(endpoint.station) as usize];
                let shares = server.shares;
                let utilization = (server.slots != NONE && alive > 0).then(|| {
                    let utilization = busy as f64 / (f64::from(server.slots) * alive as f64);
                    assert!(
                        (0.0..=1.0 + 1e-9).contains(&utilization),
                        "utilization {utilization} of station {station} is not a share"
                    );
                    utilization
                });
                EndpointOutcome {
                    requests: counters.requests,
                    connections: counters.connections,
                    picks: counters.picks,
                    picks_of_connections: counters.picks_of_connections,
                    errors: counters.errors,
                    utilization,
                    queue_mean: if shares { 0.0 } else { mean_level(waiting, span) },
                    queue_max: if shares { 0 } else { self.window.waiting_max(station) },
                    latency: latency.next(),
                    ready_throughout: ready == u128::from(span),
                }
            })
            .collect()
    }

    #[inline(always)]
    fn node_of_client(&self, hot: &HotFlow, flow: u32, client: u32) -> u32 {
        if hot.client_node != NONE {
            return hot.client_node;
        }
        let nodes = &self.plan_flow(flow).client_nodes;
        if flow as usize >= self.plan.traffics && client as usize >= nodes.len() {
            return self.node_of_new_caller(flow, client);
        }
        nodes[client as usize % nodes.len()]
    }

    /// The node of a calling pod that came during the run: its client is its number.
    #[cold]
    fn node_of_new_caller(&self, flow: u32, client: u32) -> u32 {
        let workload = self.plan_flow(flow).caller;
        let is_caller = |pod: &&cluster::pod::Pod| pod.workload == workload && pod.number == client;
        self.roster.pods.iter().find(is_caller).expect("a pod that calls exists").node
    }

    /// Nanoseconds of the window in which the processes of a pod ran, and in which it was ready.
    fn lived(&self, pod: u32) -> (u128, u128) {
        if self.control.is_none() {
            let span = u128::from(self.window.span());
            return (span, span);
        }
        self.window.pod_areas(pod as usize)
    }

    /// The behaviour of a station while its processes run or ran.
    fn server_once(&self, station: u32) -> u32 {
        let server = self.stations[station as usize].server;
        if server != self.plan.ended_server {
            return server;
        }
        if let Some(server) = self.plan.server_of.get(station as usize) {
            return *server;
        }
        let pod = &self.roster.pods[self.roster.pod_of[station as usize] as usize];
        self.plan.speeds[pod.workload as usize][0].1 + station - pod.station
    }

    /// The containers of a workload, of all pods that it ever had.
    fn stations_of(&self, workload: usize) -> Vec<u32> {
        let containers = as_u32(self.plan.scenario.workloads[workload].containers.len());
        let pods = self.roster.pods.iter().filter(|pod| pod.workload as usize == workload);
        pods.flat_map(|pod| pod.station..pod.station + containers).collect()
    }
}

impl Model for World<'_> {
    #[inline]
    fn handle(&mut self, event: Event, schedule: &mut Schedule) {
        let slot = event.slot();
        let now = event.time();
        match event.kind() {
            kind::ARRIVAL => self.on_arrival(slot, now, schedule),
            kind::THOUGHT => self.on_thought(slot, now, schedule),
            kind::AT_PROXY => self.on_at_proxy(slot, now, schedule),
            kind::AT_POD => self.on_at_pod(slot, now, schedule),
            kind::WORKED => self.on_worked(slot, now, schedule),
            kind::REPLY_AT_PROXY => self.on_reply_at_proxy(slot, now, schedule),
            kind::REPLY_AT_CLIENT => self.on_reply_at_client(slot, now, schedule),
            kind::CONNECTED => self.on_connected(slot, now, schedule),
            kind::UPSTREAM_CONNECTED => self.on_upstream_connected(slot, now, schedule),
            kind::RETRY => self.on_retry(slot, now, schedule),
            kind::DEADLINE => self.on_deadline(slot, now, schedule),
            kind::PER_TRY => self.on_per_try(slot, now, schedule),
            kind::PATIENCE => self.on_patience(slot, now, schedule),
            kind::SHARED => self.on_shared(slot, now, schedule),
            kind::GO => self.on_go(slot, now, schedule),
            kind::REPORT => self.on_report(slot, now, schedule),
            kind::START => self.on_start(slot, now, schedule),
            kind::WINDOW_OPENS => self.open_window(now),
            kind::WINDOW_MIDDLE => self.mark_middle(now),
            kind::WINDOW_CLOSES => self.close_window(now, schedule),
            kind::DRAINED => self.window.over = true,
            kind::PROBE => self.on_probe(slot, now),
            kind::DNS_QUERY => self.on_dns_query(slot, now, schedule),
            kind::DNS_TIMER => self.on_dns_timer(slot, now, schedule),
            kind::AUTOSCALING => self.on_autoscaling(slot, now, schedule),
            kind::HAPPENING => self.on_happening(slot, now, schedule),
            kind::NODE_STEP => self.on_node_step(slot, now, schedule),
            kind::DRAIN_STEP => self.on_drain_step(slot, now, schedule),
            kind::POD_STARTED => self.on_pod_started(slot, now, schedule),
            kind::POD_STOPS => self.on_pod_stops(slot, now, schedule),
            kind::POD_GONE => self.on_pod_gone(slot, now, schedule),
            kind::PROGRAMMED => self.on_programmed(slot, now, schedule),
            kind::CONNECT_TIMEOUT => self.on_connect_timeout(slot, now, schedule),
            kind::CONNECTION_TIMER => self.on_connection_timer(slot, now, schedule),
            kind::SYN_AGAIN => self.on_syn_again(slot, now, schedule),
            kind::STALE => self.on_stale(slot, now, schedule),
            kind::CONNECT_FAILED => self.on_connect_failed(slot, now, schedule),
            kind::UPSTREAM_GO => self.connect_upstream(slot, now, schedule),
            kind::POD_MOMENT => self.on_pod_moment(slot, now, schedule),
            kind::RECONCILE => self.on_reconcile(slot, now, schedule),
            kind::ROLLOUT_COUNT => self.on_rollout_count(slot, now, schedule),
            kind::SLICES_SYNCED => self.on_slices_synced(slot, now, schedule),
            kind::SLICES_WRITTEN => self.on_slices_written(slot, now, schedule),
            kind::SLICES_AGAIN => self.sync_slices(slot as usize, now, schedule),
            kind::NEWS => self.on_news(slot, now, schedule),
            kind::WORKER_PROGRAMMED => self.on_worker_programmed(slot, now),
            kind::LOOK => self.on_look(slot, now, schedule),
            kind::DEREGISTERED => self.on_deregistered(slot, now, schedule),
            kind::SPIKE_ARRIVAL => self.on_spike_arrival(slot, now, schedule),
            kind::THINNED_ARRIVAL => self.on_thinned_arrival(slot, now, schedule),
            kind::AT_NIC => self.on_at_nic(slot, now, schedule),
            kind::QUOTA => self.on_quota(slot, now, schedule),
            kind::BREAKDOWN => self.on_breakdown(slot, now, schedule),
            kind::COLD_STARTED => self.on_cold_started(slot, now, schedule),
            kind::KILL => self.on_kill(slot, now, schedule),
            kind::OFF_CPU => self.on_off_cpu(slot, now, schedule),
            Kind(other) => unreachable!("no event has kind {other}"),
        }
    }
}

/// The clock value of raw nanoseconds.
#[inline]
pub(crate) const fn at(nanos: u64) -> SimTime {
    SimTime::from_nanos(nanos)
}
