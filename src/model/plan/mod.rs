//! What does not change during a run: the scenario laid out in tables, shared by all replications of a variant.

mod hosts;
mod hot;
mod ledgers;
mod pacing;
mod policies;
mod ways;

use std::sync::Arc;

pub use hot::{HotFlow, Senders};
pub use pacing::Pacing;

use crate::discovery::slices::topology::Capacity;
use crate::id::FlowId;
use crate::model::fault::Faults;
use crate::model::ledger::Layout;
use crate::model::network::addresses::ClientAddresses;
use crate::model::network::dns::{DnsPlan, Follows};
use crate::model::network::endpoints::Snapshot;
use crate::model::network::published::Published;
use crate::model::network::topology::Topology;
use crate::observe::outcome::Labels;
use crate::random::Dist;
use crate::scenario::dns::Behind;
use crate::scenario::outside::Internet;
use crate::scenario::placement::{self, Placed};
use crate::scenario::process::Process;
use crate::scenario::{
    Behaviour, Call, Connections, Discipline, Episode, Flow, KubeProxy, KubeProxyMode, Layer, Protocol, Scenario,
    Source, Step, Window,
};
use crate::time::SimDuration;

/// Absent index.
pub const NONE: u32 = u32::MAX;

/// The tables of one variant.
#[derive(Debug)]
pub struct Plan {
    /// The scenario they were made from.
    pub scenario: Scenario,
    /// Paths between nodes.
    pub topology: Topology,
    /// The zones' shares of the CPU.
    pub capacity: Capacity,
    /// Pods in order of workloads and replicas.
    pub pods: Vec<Placed>,
    /// First pod of each workload.
    pub first_pod: Vec<u32>,
    /// First station of each workload; replica r and container c are at first + r × containers + c.
    pub first_station: Vec<u32>,
    /// Behaviours; stations refer to them.
    pub servers: Vec<ServerPlan>,
    /// For each workload the behaviours of its containers at a speed: its bits, and the first of them in `servers`.
    pub speeds: Vec<Vec<(u64, u32)>>,
    /// The behaviour of a container whose processes have ended: no slot, no queue. `NONE` where pods do not end.
    pub ended_server: u32,
    /// Behaviour of each station.
    pub server_of: Vec<u32>,
    /// Pod of each station.
    pub pod_of: Vec<u32>,
    /// Endpoints of each Service.
    pub services: Vec<ServicePlan>,
    /// All endpoints.
    pub endpoints: Vec<EndpointPlan>,
    /// Proxies.
    pub proxies: Vec<ProxyPlan>,
    /// Workers of all proxies, in order.
    pub workers: Vec<WorkerPlan>,
    /// The ways of keeping connections that flows have.
    pub manners: Vec<Connections>,
    /// Traffics, then call sites.
    pub flows: Vec<FlowPlan>,
    /// What the request path asks of each flow, in one cache line.
    pub hot: Vec<HotFlow>,
    /// How many of the flows are traffics.
    pub traffics: usize,
    /// Names for the results.
    pub labels: Labels,
    /// Names of the places where requests fail.
    pub places: Vec<String>,
    /// Largest number of ledger columns of any flow.
    pub ledger_columns: usize,
    /// Name resolution, where it takes place.
    pub dns: Option<DnsPlan>,
    /// Whether NetworkPolicies drop anything.
    pub bars: bool,
    /// Whether pods that have the network of their node come and go.
    pub hosts_change: bool,
    /// Whether containers drain: somebody must look when one has nothing left to do.
    pub drains: bool,
    /// What goes wrong for a while.
    pub faults: Faults,
}

/// How a container serves, with the speed of its pod; what every request asks for stands first, in one cache line.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct ServerPlan {
    /// Slots (or cores); `NONE` is unlimited.
    pub slots: u32,
    /// Waiting room; `NONE` is unlimited.
    pub queue_limit: u32,
    /// Order of service.
    pub discipline: Discipline,
    /// Whether all its cores are shared by all jobs.
    pub shares: bool,
    /// Whether somebody must know that a request waits: its patience, or the books of work.
    pub attended: bool,
    /// Whether its speed is not 1.
    pub scaled: bool,
    /// Whether something is settled when a request ends: the error coin, or the books of work.
    pub settles: bool,
    /// Whether the work in it is kept in books.
    pub keeps_work: bool,
    /// Whether work begins otherwise than by waiting for its end.
    pub begins_specially: bool,
    /// Whether its pace changes: what begins may end later than its work takes.
    pub paced: bool,
    /// What a request does.
    pub steps: Vec<StepPlan>,
    /// Speed of node × pod.
    pub speed: f64,
    /// Its workload.
    pub workload: u32,
    /// Index into the places.
    pub place: u16,
    /// The behaviour as the scenario gives it.
    pub behaviour: Behaviour,
    /// Times at which its pod works otherwise.
    pub episodes: Vec<Episode>,
    /// What decides about its pace.
    pub pacing: Pacing,
}

impl ServerPlan {
    /// What is left of a container whose processes have ended.
    fn ended() -> Self {
        let behaviour = Behaviour {
            concurrency: Some(0),
            queue_limit: Some(0),
            discipline: Discipline::Fifo,
            queue_timeout: None,
            steps: Vec::new(),
            error_ratio: 0.0,
            holds_slot_while_calling: true,
            process: Process::default(),
        };
        Self { slots: 0, queue_limit: 0, ..server_plan(NONE, &behaviour, 1.0, 0, 0) }
    }
}

/// A step of serving.
#[derive(Debug)]
pub enum StepPlan {
    /// Time on the CPU.
    Work(Dist),
    /// Calls, with their probability and flow.
    Calls(Vec<(f64, u32)>),
}

/// The endpoints of a Service port.
#[derive(Debug)]
pub struct ServicePlan {
    /// Index of the first endpoint; those of a Service are contiguous.
    pub first: u32,
    /// How many.
    pub count: u32,
    /// What every consumer has been told when the run begins.
    pub snapshot: Arc<Snapshot>,
    /// The EndpointSlices when the run begins.
    pub published: Arc<Published>,
    /// What the kube-proxy of each node sends to when the run begins; empty where all send to the same.
    pub by_node: Vec<Arc<Snapshot>>,
    /// Whether kube-proxy does nothing but draw one of the endpoints.
    pub drawn: bool,
    /// Whether the timeline makes, changes or deletes it.
    pub changes: bool,
}

/// A pod behind a Service port.
#[derive(Debug, Clone, Copy)]
pub struct EndpointPlan {
    /// The container that listens on the target port.
    pub station: u32,
    /// Node of the pod.
    pub node: u32,
    /// Position of its workload among the Service's targets.
    pub target: u32,
    /// The Service.
    pub service: u32,
}

/// A proxy.
#[derive(Debug)]
pub struct ProxyPlan {
    /// First worker; instance i's workers are at first + i × workers.
    pub first_worker: u32,
    /// Handling before the request goes on.
    pub before: Option<Dist>,
    /// Handling before the reply goes back.
    pub after: Option<Dist>,
    /// Index into the places.
    pub place: u16,
}

/// A worker of a proxy instance.
#[derive(Debug)]
pub struct WorkerPlan {
    /// Index of the proxy.
    pub proxy: u32,
    /// Node of the instance.
    pub node: u32,
    /// Name of its stream.
    pub stream: String,
}

/// How a flow reaches its pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// Through the ClusterIP: kube-proxy on the client's node chooses for each connection.
    ClusterIp,
    /// The client's own balancer chooses for each request.
    ClientBalancer,
    /// Through a layer-4 proxy: it chooses for each connection.
    Proxy4(u32),
    /// Through a layer-7 proxy: it chooses for each request.
    Proxy7(u32),
}

/// A traffic or a call site.
#[derive(Debug)]
pub struct FlowPlan {
    /// How it sends.
    pub flow: Flow,
    /// How its requests reach pods.
    pub route: Route,
    /// Clients.
    pub clients: u32,
    /// Nodes of the clients, repeating.
    pub client_nodes: Vec<u32>,
    /// Addresses of the clients.
    pub addresses: ClientAddresses,
    /// The workload that makes a call; `NONE` for traffics.
    pub caller: u32,
    /// Columns of its ledger.
    pub layout: Layout,
    /// Which recorder counts it (calls of one name share one).
    pub recorder: u32,
    /// Index into the places: the client itself.
    pub place: u16,
    /// Name of its streams.
    pub stream: String,
    /// Connections between a layer-7 proxy and the pods.
    pub upstream: Connections,
    /// How its clients keep connections: index into the manners.
    pub own_manner: u32,
    /// How such a proxy keeps them: flows of one number keep them alike, and share them where they pass one proxy.
    pub manner: u32,
    /// Whether connections open in no time, whatever the network costs.
    pub free_handshakes: bool,
    /// Whether its clients find addresses in no time, without asking.
    pub free_lookups: bool,
    /// The names that its clients ask for, by the numbers of the DNS plan; none where they look nothing up.
    pub names: Vec<u32>,
    /// Whether these stand for pods: those of a headless Service.
    pub named_pods: bool,
    /// Whether its clients connect to the first address that they are told: those of a headless Service without a
    /// balancer, or of `localhost`.
    pub first_address: bool,
    /// Whether NetworkPolicies drop connections to each target of its Service; empty where none does.
    pub barred: Vec<bool>,
    /// Whether that depends on the nodes of both ends, one of which has its node's network.
    pub barred_by_node: bool,
}

/// What decides how the containers of a pod serve, beside its workload.
struct PodLike<'a> {
    speed: f64,
    /// Whether its slots are limited: a counterfactual may take the limit away.
    crowded: bool,
    episodes: &'a [Episode],
}

impl Plan {
    /// Lays the scenario out.
    #[must_use]
    pub fn new(scenario: &Scenario) -> Self {
        let on_host = scenario.workloads.iter().any(|workload| workload.host.network);
        let own = scenario.services.iter().any(|service| service.loopback);
        let mut topology = Topology::new(&scenario.cluster, own || on_host);
        let faults = Faults::new(scenario, &mut topology);
        let pods = placement::place(&scenario.cluster.nodes, &scenario.workloads)
            .expect("the loader has tried it, and refuses scenarios whose pods find no room");
        let mut plan = Self {
            scenario: scenario.clone(),
            capacity: policies::capacity(&scenario.cluster.nodes, &topology),
            topology,
            pods,
            first_pod: Vec::new(),
            first_station: Vec::new(),
            servers: Vec::new(),
            speeds: Vec::new(),
            ended_server: NONE,
            server_of: Vec::new(),
            pod_of: Vec::new(),
            services: Vec::new(),
            endpoints: Vec::new(),
            proxies: Vec::new(),
            workers: Vec::new(),
            manners: Vec::new(),
            flows: Vec::new(),
            hot: Vec::new(),
            traffics: scenario.traffic.len(),
            labels: Labels::default(),
            places: Vec::new(),
            ledger_columns: 0,
            dns: scenario.cluster.dns.clone().map(DnsPlan::new),
            bars: false,
            hosts_change: on_host && scenario.cluster.lives,
            drains: scenario.drains(),
            faults,
        };
        plan.lay_flows();
        plan.lay_bars();
        plan.lay_stations();
        plan.lay_services();
        plan.lay_proxies();
        plan.lay_ledgers();
        plan.lay_labels();
        plan.lay_names();
        plan.hot = (0..plan.flows.len()).map(|flow| plan.hot_flow(flow)).collect();
        plan
    }

    /// Whether the clients of a flow may become more: pods that call, where pods come and go.
    fn may_grow(&self, flow: usize) -> bool {
        flow >= self.traffics && self.scenario.cluster.lives
    }

    fn place(&mut self, name: &str) -> u16 {
        let index = self.places.iter().position(|place| place == name).unwrap_or_else(|| {
            self.places.push(name.to_string());
            self.places.len() - 1
        });
        u16::try_from(index).expect("fewer than 65,536 places")
    }

    /// Traffics first, then the calls in order of workloads, containers and steps.
    fn lay_flows(&mut self) {
        let scenario = self.scenario.clone();
        let mut outside = 0_u32;
        for traffic in &scenario.traffic {
            let nodes = self.source_nodes(&traffic.from);
            let stream = format!("traffic/{}", traffic.flow.name);
            let first = outside;
            let addresses = match &traffic.from {
                Source::Workload(workload) => self.pod_addresses(*workload),
                Source::Internet(Internet { addresses: Some(addresses), .. }) => {
                    outside = outside.wrapping_add(*addresses);
                    ClientAddresses::shared(first, *addresses)
                }
                _ => {
                    outside = outside.wrapping_add(traffic.clients.count);
                    ClientAddresses::own(first)
                }
            };
            self.lay_flow(&traffic.flow, (traffic.clients.count, NONE), (nodes, addresses), stream);
        }
        for (index, workload) in scenario.workloads.iter().enumerate() {
            let nodes: Vec<u32> =
                self.pods.iter().filter(|pod| pod.workload == index).map(|pod| as_u32(pod.node)).collect();
            let behaviours = workload.containers.iter().map(|container| &container.behaviour);
            for (number, call) in calls_of(behaviours).enumerate() {
                let stream = format!("call/{}/{}/{number}", workload.target(), call.flow.name);
                let addresses = self.pod_addresses(index);
                self.lay_flow(&call.flow, (workload.replicas, as_u32(index)), (nodes.clone(), addresses), stream);
            }
        }
    }

    fn pod_addresses(&self, workload: usize) -> ClientAddresses {
        let pods = self.pods.iter().filter(|pod| pod.workload == workload);
        ClientAddresses::of_pods(pods.map(|pod| pod.ip).collect())
    }

    fn lay_flow(
        &mut self,
        flow: &Flow,
        (clients, caller): (u32, u32),
        (client_nodes, addresses): (Vec<u32>, ClientAddresses),
        stream: String,
    ) {
        let route = match (flow.through, &flow.balancer) {
            (Some(proxy), _) => match self.scenario.proxies[proxy].layer {
                Layer::L4 => Route::Proxy4(as_u32(proxy)),
                Layer::L7 => Route::Proxy7(as_u32(proxy)),
            },
            (None, Some(_)) => Route::ClientBalancer,
            (None, None) => Route::ClusterIp,
        };
        let mut flow = flow.clone();
        let mut upstream = match route {
            Route::Proxy7(proxy) => self.scenario.proxies[proxy as usize].connections.unwrap_or(flow.connections),
            _ => flow.connections,
        };
        if self.scenario.cluster.kernel.remembers() {
            flow.connections.track();
            upstream.track();
        }
        let (own_manner, manner) = (self.manner(&flow.connections), self.manner(&upstream));
        let place = self.place(&flow.name);
        self.flows.push(FlowPlan {
            route,
            clients,
            client_nodes,
            addresses,
            caller,
            layout: Layout::default(),
            recorder: 0,
            place,
            stream,
            upstream,
            own_manner,
            manner,
            free_handshakes: flow.connections.protocol == Protocol::Udp
                || self.scenario.without.handshakes.contains(&flow.service),
            free_lookups: flow.resolution.iter().any(|own| self.scenario.without.lookups.contains(&own.host)),
            names: Vec::new(),
            named_pods: self.scenario.services[flow.service].headless,
            first_address: route == Route::ClusterIp && {
                let service = &self.scenario.services[flow.service];
                service.headless || service.loopback
            },
            barred: Vec::new(),
            barred_by_node: false,
            flow,
        });
    }

    /// The number of a way of keeping connections.
    fn manner(&mut self, connections: &Connections) -> u32 {
        let known = self.manners.iter().position(|known| known == connections);
        as_u32(known.unwrap_or_else(|| {
            self.manners.push(*connections);
            self.manners.len() - 1
        }))
    }

    /// What the flows ask DNS for.
    fn lay_names(&mut self) {
        let Some(dns) = &mut self.dns else { return };
        for flow in &mut self.flows {
            let Some(resolution) = &flow.flow.resolution else { continue };
            let target = resolution.target.iter().map(|target| &target.name);
            flow.names = resolution.names.iter().chain(target).map(|name| dns.name(name)).collect();
        }
        if self.scenario.cluster.lives {
            let (endpoints, pod_of, pods) = (&self.endpoints, &self.pod_of, &self.pods);
            let follows = |behind: Behind| {
                let is_own = |endpoint: &EndpointPlan| {
                    let pod = &pods[pod_of[endpoint.station as usize] as usize];
                    endpoint.service as usize == behind.service && behind.pod == Some((pod.workload, pod.replica))
                };
                let only = behind.pod.and_then(|_| endpoints.iter().position(is_own));
                Follows { service: as_u32(behind.service), only: only.map_or(NONE, as_u32) }
            };
            dns.follows = dns.names.iter().map(|name| name.behind.map(follows)).collect();
        }
        let host = |flow: &FlowPlan| flow.flow.resolution.as_ref().map(|resolution| resolution.host.clone());
        dns.lay_rows(&self.flows.iter().map(host).collect::<Vec<_>>());
        self.labels.dns.clone_from(&dns.labels);
    }

    fn lay_stations(&mut self) {
        let scenario = self.scenario.clone();
        let mut pod = 0_usize;
        let mut next_call = self.traffics;
        for (index, workload) in scenario.workloads.iter().enumerate() {
            self.first_pod.push(as_u32(pod));
            self.first_station.push(as_u32(self.server_of.len()));
            let place = self.place(&workload.target());
            let calls_before: Vec<usize> = workload
                .containers
                .iter()
                .map(|container| {
                    let first = next_call;
                    next_call += calls_of(std::iter::once(&container.behaviour)).count();
                    first
                })
                .collect();
            // Pods that serve alike share a server plan.
            let mut known: Vec<((u64, bool), u32)> = Vec::new();
            for replica in 0..workload.replicas {
                let speed = scenario.cluster.nodes.get(self.pods[pod].node).map_or(1.0, |node| node.speed);
                let own = workload.pod_speed.iter().find(|(at, _)| *at == replica).map_or(1.0, |(_, speed)| *speed);
                let episodes = workload.pod_episodes.iter().find(|(at, _)| *at == replica);
                let pod_like = PodLike {
                    speed: speed * own,
                    crowded: !scenario.without.queues.contains(&(index, replica)),
                    episodes: episodes.map_or(&[], |(_, episodes)| episodes),
                };
                let first = self.servers_like(&pod_like, index, &calls_before, place, &mut known);
                for container in 0..workload.containers.len() {
                    self.server_of.push(first + as_u32(container));
                    self.pod_of.push(as_u32(pod));
                }
                pod += 1;
            }
            if scenario.cluster.lives {
                // Pods that come later may stand on any node.
                for node in &scenario.cluster.nodes {
                    let pod_like = PodLike { speed: node.speed, crowded: true, episodes: &[] };
                    self.servers_like(&pod_like, index, &calls_before, place, &mut known);
                }
            }
            // Even of a workload whose pods all serve in ways of their own something tells what its containers call.
            if !known.iter().any(|((_, crowded), _)| *crowded) {
                let pod_like = PodLike { speed: 1.0, crowded: true, episodes: &[] };
                self.servers_like(&pod_like, index, &calls_before, place, &mut known);
            }
            let crowded = known.iter().filter(|((_, crowded), _)| *crowded);
            self.speeds.push(crowded.map(|((speed, _), first)| (*speed, *first)).collect());
        }
        if scenario.cluster.lives {
            self.ended_server = as_u32(self.servers.len());
            self.servers.push(ServerPlan::ended());
        }
    }

    /// The first of the behaviours of the containers of a workload's pod; pods alike share them.
    fn servers_like(
        &mut self,
        pod: &PodLike<'_>,
        workload: usize,
        calls_before: &[usize],
        place: u16,
        known: &mut Vec<((u64, bool), u32)>,
    ) -> u32 {
        let kind = (pod.speed.to_bits(), pod.crowded);
        if let Some((_, first)) = known.iter().find(|(known, _)| *known == kind && pod.episodes.is_empty()) {
            return *first;
        }
        let keeps_work = self.keeps_work();
        let first = as_u32(self.servers.len());
        for (container, call) in self.scenario.workloads[workload].containers.iter().zip(calls_before) {
            let mut server = server_plan(as_u32(workload), &container.behaviour, pod.speed, *call, place);
            server.keep_work(keeps_work);
            server.episodes = pod.episodes.to_vec();
            server.begins_specially |= !pod.episodes.is_empty() || self.faults.slow_work();
            if !pod.crowded {
                (server.slots, server.shares) = (NONE, false);
            }
            self.pace(&mut server, container, self.scenario.workloads[workload].outside);
            self.servers.push(server);
        }
        if pod.episodes.is_empty() {
            known.push((kind, first));
        }
        first
    }

    fn lay_services(&mut self) {
        let scenario = self.scenario.clone();
        for (index, service) in scenario.services.iter().enumerate() {
            let first = as_u32(self.endpoints.len());
            for (target, (workload, container)) in service.targets.iter().enumerate() {
                let containers = scenario.workloads[*workload].containers.len();
                let all = 0..scenario.workloads[*workload].replicas;
                let wanted = |replica: &u32| service.only.is_empty() || service.only.contains(&(target, *replica));
                for replica in service.pod.map_or(all, |pod| pod..pod + 1).filter(wanted) {
                    let pod = self.first_pod[*workload] + replica;
                    self.endpoints.push(EndpointPlan {
                        station: self.first_station[*workload] + replica * as_u32(containers) + as_u32(*container),
                        node: as_u32(self.pods[pod as usize].node),
                        target: as_u32(target),
                        service: as_u32(index),
                    });
                }
            }
            let end = as_u32(self.endpoints.len());
            let kube_proxy = scenario.cluster.kube_proxy;
            // To an address of a pod no rule applies.
            let drawn = service.pod.is_some()
                || service.loopback
                || service.headless
                || kube_proxy == KubeProxy::default() && service.affinity.is_none();
            let published = Arc::new(self.published(service, first..end));
            let by_node = self.by_node(service, &published);
            let snapshot = Arc::clone(&published.ready);
            let changes = !service.eras.is_empty();
            self.services.push(ServicePlan { first, count: end - first, snapshot, published, by_node, drawn, changes });
        }
    }

    fn lay_proxies(&mut self) {
        let scenario = self.scenario.clone();
        for (index, proxy) in scenario.proxies.iter().enumerate() {
            let nodes = match &proxy.controller {
                Some(controller) => self.nodes_of(controller.workload),
                None => self.nodes_in(proxy.zone.as_deref()),
            };
            let first_worker = as_u32(self.workers.len());
            for instance in 0..proxy.instances {
                for worker in 0..proxy.workers {
                    self.workers.push(WorkerPlan {
                        proxy: as_u32(index),
                        node: nodes[instance as usize % nodes.len()],
                        stream: format!("proxy/{}/{instance}/{worker}/pick", proxy.name),
                    });
                }
            }
            let place = self.place(&proxy.place());
            let costs = |dist: &Dist| (dist.as_constant() != Some(SimDuration::ZERO)).then(|| dist.clone());
            let (before, after) = (costs(&proxy.before), costs(&proxy.after));
            self.proxies.push(ProxyPlan { first_worker, before, after, place });
        }
    }

    /// Whether a policy asks for the work in the pods.
    #[must_use]
    pub fn keeps_work(&self) -> bool {
        let proxies = self.scenario.proxies.iter().map(|proxy| &proxy.balancer);
        let clients = self.flows.iter().filter_map(|flow| flow.flow.balancer.as_ref());
        proxies.chain(clients).any(|balancer| balancer.asks().work)
    }

    /// Whether the first packet of a flow's connections takes time to find its rule.
    pub(crate) fn first_packet_costs(&self, flow: usize) -> bool {
        let (kube_proxy, flow) = (&self.scenario.cluster.kube_proxy, &self.flows[flow]);
        let walks = kube_proxy.first_packet && kube_proxy.mode != KubeProxyMode::Ebpf;
        let of_pod = self.scenario.services[flow.flow.service].pod.is_some();
        let ruled = flow.route == Route::ClusterIp && !of_pod && !flow.first_address;
        walks && ruled && !flow.free_handshakes
    }

    /// Whether IPVS has connections in its table.
    pub(crate) const fn keeps_entries(&self) -> bool {
        matches!(self.scenario.cluster.kube_proxy.mode, KubeProxyMode::Ipvs(_))
    }

    /// `web-0` for the first replica of a Deployment; a bare Pod keeps its name.
    #[must_use]
    pub fn pod_name(&self, pod: usize) -> String {
        let placed = &self.pods[pod];
        self.scenario.workloads[placed.workload].pod_name(placed.replica)
    }

    /// The flow with that id.
    #[must_use]
    pub fn flow(&self, flow: FlowId) -> &FlowPlan {
        &self.flows[flow.index()]
    }

    /// Whether the window is counted in requests.
    #[must_use]
    pub const fn counts_requests(&self) -> bool {
        matches!(self.scenario.run.window, Window::Requests { .. })
    }
}

impl ServerPlan {
    fn keep_work(&mut self, keeps: bool) {
        self.keeps_work = keeps;
        self.attended |= keeps;
        self.settles |= keeps;
        self.begins_specially |= keeps;
    }
}

fn server_plan(workload: u32, behaviour: &Behaviour, speed: f64, first_call: usize, place: u16) -> ServerPlan {
    let mut call = first_call;
    let steps = behaviour
        .steps
        .iter()
        .map(|step| match step {
            Step::Work(dist) => StepPlan::Work(dist.clone()),
            Step::Calls(calls) => StepPlan::Calls(
                calls
                    .iter()
                    .map(|one| {
                        call += 1;
                        (one.probability, as_u32(call - 1))
                    })
                    .collect(),
            ),
        })
        .collect();
    ServerPlan {
        workload,
        slots: behaviour.concurrency.unwrap_or(NONE),
        queue_limit: behaviour.queue_limit.unwrap_or(NONE),
        discipline: behaviour.discipline,
        shares: behaviour.discipline == Discipline::ProcessorSharing && behaviour.concurrency.is_some(),
        attended: behaviour.queue_timeout.is_some(),
        scaled: speed.to_bits() != 1.0_f64.to_bits(),
        settles: behaviour.error_ratio > 0.0,
        keeps_work: false,
        begins_specially: behaviour.discipline == Discipline::ProcessorSharing && behaviour.concurrency.is_some(),
        paced: false,
        pacing: Pacing::default(),
        behaviour: behaviour.clone(),
        speed,
        episodes: Vec::new(),
        steps,
        place,
    }
}

fn calls_of<'a>(behaviours: impl Iterator<Item = &'a Behaviour>) -> impl Iterator<Item = &'a Call> {
    behaviours.flat_map(|behaviour| {
        behaviour.steps.iter().flat_map(|step| match step {
            Step::Work(_) => [].iter(),
            Step::Calls(calls) => calls.iter(),
        })
    })
}

/// A table position as the 32-bit index that the hot records carry.
///
/// # Panics
/// Beyond 2^32 − 1 of anything.
#[must_use]
pub fn as_u32(index: usize) -> u32 {
    u32::try_from(index).expect("fewer than 2^32 of everything")
}
