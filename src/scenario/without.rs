//! Counterfactuals: what it means to take a cause of latency away, and the scenario without it.
//!
//! One closed list. Everything else stays as it is, the seed included, so that the same requests come at the same times
//! and make the same demands. What a removal changes elsewhere (queues that grow because answers come sooner, choices
//! that fall otherwise) belongs to its effect.
//!
//! | cause | without it |
//! |---|---|
//! | `queue_wait` | a slot for every request in the pods named: nobody waits there, work takes as long as before |
//! | `service` under processor sharing | a core for every request in the pods named |
//! | `service` otherwise | pods slower than speed 1 work at speed 1; the work itself cannot be taken away |
//! | `network_loopback`, `network_same_node`, `network_same_zone`, `network_cross_zone`, `network_external` | hops of that class take no time, anywhere |
//! | `network_transfer` | the network interfaces of all nodes have no rate |
//! | `connect`, `tls` | connections to the Service open in no time |
//! | `proxy` | the proxy's overhead is zero, before and after |
//! | `pool_wait` | as many connections as it takes; a pinned connection carries any number of requests |
//! | `back_off`, `wasted_attempts` | one attempt: what a retry would have saved is lost, and counted as failed |
//! | `dns` | the name resolves in no time: nothing is asked and no answer is lost |
//! | `cold_start`, `stalled`, `cpu_throttle` | the workload's containers stay warm, do not break down, have no limit of CPU |
//! | `cpu_wait` | a core for every thread, on all nodes |
//! | other networks, `slow_start` | always zero in this version |

use super::{ConnectionMode, Connections, Discipline, Flow, Protocol, Scenario, Step, Workload, placement};
use crate::cause::LedgerCause;
use crate::random::Dist;

/// What the model leaves out although no file can say so: empty in every scenario that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Without {
    /// Pods (workload, replica) in which every request gets a slot, or a core, of its own.
    pub queues: Vec<(usize, u32)>,
    /// Services to which connections open in no time.
    pub handshakes: Vec<usize>,
    /// Hosts whose addresses are found in no time.
    pub lookups: Vec<String>,
}

/// A cause of latency that can be taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// Waiting for a slot, or sharing cores, in these pods (ascending) of a workload.
    Queue {
        /// Index of the workload.
        workload: usize,
        /// The pods, ascending.
        pods: Vec<u32>,
        /// Whether they share their cores instead of having a queue.
        shares: bool,
    },
    /// The slowness of the pods of a workload that are slower than speed 1.
    Slowness {
        /// Index of the workload.
        workload: usize,
    },
    /// What keeps requests from the CPU in the containers of a workload.
    Process {
        /// Index of the workload.
        workload: usize,
        /// The cause.
        cause: LedgerCause,
    },
    /// The delay of a class of hops.
    Network(LedgerCause),
    /// The rate of the nodes' network interfaces.
    Bandwidth,
    /// The opening of connections to Service ports of this label.
    Handshakes {
        /// `web`, `web.shop`, `web:http`.
        service: String,
    },
    /// Looking up a host of URLs.
    Lookups {
        /// As URLs write it.
        host: String,
    },
    /// The overhead of a proxy.
    Overhead {
        /// Index of the proxy.
        proxy: usize,
    },
    /// The limit of a traffic's or call's connections.
    PoolLimit {
        /// The traffic or call.
        flow: String,
    },
    /// The retries of a traffic or call.
    Retries {
        /// The traffic or call.
        flow: String,
    },
}

impl Removal {
    /// How a cause at a place is taken away; the pods are asked for where only some of them may matter.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn of(
        scenario: &Scenario,
        cause: LedgerCause,
        place: &str,
        pods: impl FnOnce(usize) -> Vec<u32>,
    ) -> Result<Self, &'static str> {
        let workload = || scenario.workloads.iter().position(|workload| workload.target() == place);
        match cause {
            LedgerCause::QueueWait => {
                let workload = workload().ok_or("no such workload")?;
                Ok(Self::Queue { workload, pods: pods(workload), shares: false })
            }
            LedgerCause::Service => {
                let workload = workload().ok_or("no such workload")?;
                if shares(&scenario.workloads[workload]) {
                    Ok(Self::Queue { workload, pods: pods(workload), shares: true })
                } else if slow_pods(scenario, workload).is_empty() {
                    Err("the work itself cannot be taken away")
                } else {
                    Ok(Self::Slowness { workload })
                }
            }
            LedgerCause::NetworkLoopback
            | LedgerCause::NetworkSameNode
            | LedgerCause::NetworkSameZone
            | LedgerCause::NetworkCrossZone
            | LedgerCause::NetworkExternal => Ok(Self::Network(cause)),
            LedgerCause::NetworkTransfer => Ok(Self::Bandwidth),
            LedgerCause::Connect | LedgerCause::Tls => Ok(Self::Handshakes { service: place.to_owned() }),
            LedgerCause::Proxy => {
                let named = |proxy: &super::Proxy| proxy.place() == place;
                let proxy =
                    scenario.proxies.iter().position(named).ok_or(match place.starts_with("loadbalancer/") {
                        true => "it belongs to a load balancer: set cluster.loadBalancers.latency",
                        false => "no such proxy",
                    })?;
                Ok(Self::Overhead { proxy })
            }
            LedgerCause::PoolWait => Ok(Self::PoolLimit { flow: place.to_owned() }),
            LedgerCause::BackOff | LedgerCause::WastedAttempts => {
                let mut tries = Vec::new();
                each_flow(scenario, &mut |flow| tries.extend((flow.name == place).then_some(flow.retries.attempts)));
                if tries.iter().all(|attempts| *attempts == Some(1)) {
                    return Err("there are no retries");
                }
                Ok(Self::Retries { flow: place.to_owned() })
            }
            LedgerCause::Dns => Ok(Self::Lookups { host: place.to_owned() }),
            LedgerCause::ColdStart | LedgerCause::Stalled | LedgerCause::CpuThrottle | LedgerCause::CpuWait => {
                Ok(Self::Process { workload: workload().ok_or("no such workload")?, cause })
            }
            LedgerCause::NetworkCrossRegion | LedgerCause::SlowStart => Err("it is always zero in this version"),
        }
    }

    /// The scenario without it.
    #[must_use]
    pub fn apply(&self, scenario: &Scenario) -> Scenario {
        let mut changed = scenario.clone();
        changed.variant = self.describe(scenario);
        match self {
            Self::Queue { workload, pods, .. } => {
                changed.without.queues.extend(pods.iter().map(|pod| (*workload, *pod)));
            }
            Self::Slowness { workload } => {
                for (pod, speed) in slow_pods(scenario, *workload) {
                    let own = &mut changed.workloads[*workload].pod_speed;
                    own.retain(|(other, _)| *other != pod);
                    own.push((pod, speed));
                }
            }
            Self::Process { cause: LedgerCause::CpuWait, .. } => changed.cluster.cpu.contention = false,
            Self::Process { workload, cause } => {
                for container in &mut changed.workloads[*workload].containers {
                    match cause {
                        LedgerCause::ColdStart => container.behaviour.process.cold = None,
                        LedgerCause::Stalled => container.behaviour.process.breakdown = None,
                        _ => container.resources.limits.cpu = None,
                    }
                }
            }
            Self::Network(cause) => {
                let network = &mut changed.cluster.network;
                match cause {
                    LedgerCause::NetworkLoopback => network.loopback = Dist::zero(),
                    LedgerCause::NetworkSameNode => network.same_node = Dist::zero(),
                    LedgerCause::NetworkSameZone => network.same_zone = Dist::zero(),
                    LedgerCause::NetworkExternal => network.external = Dist::zero(),
                    _ => network.cross_zone = Dist::zero(),
                }
            }
            Self::Bandwidth => changed.cluster.nodes.iter_mut().for_each(|node| node.bandwidth = None),
            Self::Handshakes { service } => {
                let services = scenario.services.iter().enumerate();
                let of = services.filter(|(_, known)| known.label() == *service).map(|(index, _)| index);
                changed.without.handshakes.extend(of);
            }
            Self::Lookups { host } => changed.without.lookups.push(host.clone()),
            Self::Overhead { proxy } => {
                let place = changed.proxies[*proxy].place();
                for proxy in changed.proxies.iter_mut().filter(|proxy| proxy.place() == place) {
                    (proxy.before, proxy.after) = (Dist::zero(), Dist::zero());
                }
            }
            Self::PoolLimit { flow } => {
                let mut through = Vec::new();
                each_flow_mut(&mut changed, &mut |own| {
                    if own.name == *flow {
                        lift_limit(&mut own.connections);
                        through.extend(own.through);
                    }
                });
                for proxy in through {
                    changed.proxies[proxy].connections.as_mut().into_iter().for_each(lift_limit);
                }
            }
            Self::Retries { flow } => each_flow_mut(&mut changed, &mut |own| {
                if own.name == *flow {
                    own.retries.attempts = Some(1);
                }
            }),
        }
        changed
    }

    /// What is gone, in words.
    #[must_use]
    pub fn describe(&self, scenario: &Scenario) -> String {
        match self {
            Self::Queue { workload, pods, shares } => {
                let workload = &scenario.workloads[*workload];
                let what = if *shares { "a core for every request" } else { "no waiting for a slot" };
                format!("{what} {}", at_pods(workload, pods))
            }
            Self::Slowness { workload } => {
                let pods: Vec<u32> = slow_pods(scenario, *workload).iter().map(|(pod, _)| *pod).collect();
                format!("full speed {}", at_pods(&scenario.workloads[*workload], &pods))
            }
            Self::Process { workload, cause } => {
                let target = scenario.workloads[*workload].target();
                match cause {
                    LedgerCause::ColdStart => format!("{target} stays warm"),
                    LedgerCause::Stalled => format!("{target} does not break down"),
                    LedgerCause::CpuThrottle => format!("no limit of the CPU of {target}"),
                    _ => "a core for every thread on all nodes".to_owned(),
                }
            }
            Self::Network(cause) => match cause {
                LedgerCause::NetworkLoopback => "no network delay inside a pod".to_owned(),
                LedgerCause::NetworkSameNode => "no network delay inside a node".to_owned(),
                LedgerCause::NetworkSameZone => "no network delay inside a zone".to_owned(),
                LedgerCause::NetworkExternal => "no network delay outside the cluster".to_owned(),
                _ => "no network delay between zones".to_owned(),
            },
            Self::Bandwidth => "no limit of the bandwidth of nodes".to_owned(),
            Self::Handshakes { service } => format!("connections to {service} open in no time"),
            Self::Lookups { host } => format!("{host} resolves in no time"),
            Self::Overhead { proxy } => format!("no overhead in proxy/{}", scenario.proxies[*proxy].name),
            Self::PoolLimit { flow } => format!("no limit of the connections of {flow}"),
            Self::Retries { flow } => format!("no retries of {flow}"),
        }
    }
}

/// Most pods that are named one by one.
const MOST_NAMED: usize = 4;

fn at_pods(workload: &Workload, pods: &[u32]) -> String {
    let all = workload.replicas as usize;
    if pods.len() == all {
        return format!("at {}", workload.target());
    }
    let named: Vec<String> = pods.iter().take(MOST_NAMED).map(|pod| workload.pod_name(*pod)).collect();
    let more = if pods.len() > MOST_NAMED { ", …" } else { "" };
    format!("at {}{more} ({} of {all} pods of {})", named.join(", "), pods.len(), workload.target())
}

/// Whether its containers share their cores among all requests.
fn shares(workload: &Workload) -> bool {
    workload.containers.iter().any(|container| {
        container.behaviour.discipline == Discipline::ProcessorSharing && container.behaviour.concurrency.is_some()
    })
}

/// The pods of a workload that are slower than 1, each with the speed of its own that makes up for it.
fn slow_pods(scenario: &Scenario, workload: usize) -> Vec<(u32, f64)> {
    let Ok(placed) = placement::place(&scenario.cluster.nodes, &scenario.workloads) else { return Vec::new() };
    let own = &scenario.workloads[workload].pod_speed;
    let mut slow = Vec::new();
    for pod in placed.iter().filter(|pod| pod.workload == workload) {
        let node = scenario.cluster.nodes.get(pod.node).map_or(1.0, |node| node.speed);
        let speed = own.iter().find(|(replica, _)| *replica == pod.replica).map_or(1.0, |(_, speed)| *speed);
        if node * speed < 1.0 {
            slow.push((pod.replica, 1.0 / node));
        }
    }
    slow
}

fn lift_limit(connections: &mut Connections) {
    connections.max_per_client = None;
    if connections.mode == ConnectionMode::Pinned {
        connections.protocol = Protocol::Http2;
    }
}

/// Every traffic and call.
fn each_flow(scenario: &Scenario, visit: &mut dyn FnMut(&Flow)) {
    scenario.traffic.iter().for_each(|traffic| visit(&traffic.flow));
    let containers = scenario.workloads.iter().flat_map(|workload| &workload.containers);
    for step in containers.flat_map(|container| &container.behaviour.steps) {
        if let Step::Calls(calls) = step {
            calls.iter().for_each(|call| visit(&call.flow));
        }
    }
}

fn each_flow_mut(scenario: &mut Scenario, visit: &mut dyn FnMut(&mut Flow)) {
    scenario.traffic.iter_mut().for_each(|traffic| visit(&mut traffic.flow));
    let containers = scenario.workloads.iter_mut().flat_map(|workload| &mut workload.containers);
    for step in containers.flat_map(|container| &mut container.behaviour.steps) {
        if let Step::Calls(calls) = step {
            calls.iter_mut().for_each(|call| visit(&mut call.flow));
        }
    }
}
