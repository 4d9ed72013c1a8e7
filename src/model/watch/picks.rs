//! Choices of endpoints as stories tell them: what the chooser believed, and what was true.

use crate::model::World;
use crate::model::at;
use crate::model::cluster::pod::Phase;
use crate::model::network::endpoints::Snapshot;
use crate::model::plan::{NONE, Route, as_u32};
use crate::observe::story::{Choice, Pick, What};
use crate::time::SimTime;

/// Who chooses an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chooser {
    /// The layer-7 worker that the attempt has just reached.
    Worker,
    /// The layer-4 worker that the attempt's connection goes through.
    Layer4,
    /// The client itself.
    Client,
    /// kube-proxy on the client's node.
    KubeProxy,
    /// The client, after a connection to an address of the answer failed.
    NextAddress,
}

impl World<'_> {
    /// An endpoint was just chosen for an attempt, or, not fresh, with the connection that it takes.
    #[cold]
    pub(crate) fn watch_pick(&mut self, attempt: u32, endpoint: u32, chooser: Chooser, fresh: bool, now: SimTime) {
        self.tell(|world, stories| {
            if !stories.tells(attempt) {
                return;
            }
            let pick = world.look(attempt, endpoint, chooser, fresh, &stories.ends, now);
            let Some(telling) = stories.of_attempt(attempt) else { return };
            if chooser == Chooser::Worker {
                telling.worker = world.attempts[attempt].worker;
                telling.forward(world, false, now);
            }
            telling.push(now.as_nanos(), None, What::Pick(pick));
        });
    }

    /// An attempt takes a connection that is open; at layer 4 its endpoint was chosen with it.
    #[cold]
    pub(crate) fn watch_ride(&mut self, attempt: u32, now: SimTime) {
        let gate = self.plan.hot[self.attempts[attempt].flow as usize].way_in.then(|| self.gate_of(attempt));
        self.tell(|_, stories| {
            if let Some(telling) = stories.of_attempt(attempt) {
                telling.gate = gate.unwrap_or(telling.gate);
                telling.push(now.as_nanos(), None, What::Reuse);
            }
        });
        let entry = &self.attempts[attempt];
        let chooser = match self.plan_flow(entry.flow).route {
            // The load balancer chose the pod, which the gate tells.
            Route::ClusterIp if gate.is_some_and(|gate| gate.node == NONE) => return,
            Route::ClusterIp => Chooser::KubeProxy,
            Route::Proxy4(_) => Chooser::Layer4,
            Route::ClientBalancer | Route::Proxy7(_) => return,
        };
        if entry.endpoint != NONE {
            self.watch_pick(attempt, entry.endpoint, chooser, false, now);
        }
    }

    fn look(
        &self,
        attempt: u32,
        endpoint: u32,
        chooser: Chooser,
        fresh: bool,
        ends: &super::looks::Ends,
        now: SimTime,
    ) -> Pick {
        let entry = &self.attempts[attempt];
        let spec = self.plan_flow(entry.flow);
        let node = self.node_of_rules(attempt, entry.connection);
        let node_name = |node: u32| self.plan.node_name(node);
        let ruled = spec.flow.way_in.as_deref().map_or(spec.flow.service, |way| way.service);
        let worker = || &self.workers[entry.worker as usize];
        let own_pod;
        let (by, policy, programmed): (String, &str, &Snapshot) = match chooser {
            Chooser::Worker | Chooser::Layer4 => {
                let proxy = &self.plan.scenario.proxies[self.plan.workers[entry.worker as usize].proxy as usize];
                (self.worker_name(entry.worker), proxy.balancer.name(), &worker().programmed)
            }
            Chooser::Client => {
                let balancers = &self.flows[entry.flow as usize].balancers;
                let own = balancers[entry.client as usize].as_ref().expect("it has just chosen");
                let policy = spec.flow.balancer.as_ref().map_or("", |balancer| balancer.name());
                ("the client".to_owned(), policy, &own.programmed)
            }
            Chooser::KubeProxy if self.plan.scenario.services[spec.flow.service].pod.is_some() => {
                ("the client".to_owned(), "the pod's own address", &*self.plan.services[spec.flow.service].snapshot)
            }
            Chooser::KubeProxy if self.plan.hot[entry.flow as usize].loopback => {
                own_pod = Snapshot::new(0, [endpoint]);
                ("the client".to_owned(), "the client's own pod", &*own_pod)
            }
            Chooser::KubeProxy | Chooser::NextAddress if spec.first_address => {
                let dns = self.dns.as_ref().expect("an address came first in an answer");
                let known = dns.remembered(entry.flow, entry.client).map_or(0, |memory| memory.version);
                let known = &**dns.endpoints(spec.flow.service, known);
                let which = match chooser {
                    Chooser::NextAddress => "the next address of the answer",
                    _ => "the first address of the answer",
                };
                ("the client".to_owned(), which, known)
            }
            Chooser::KubeProxy | Chooser::NextAddress => {
                let own = self.kube_proxies[node as usize].as_ref().expect("it has chosen for the connection");
                let policy = self.plan.scenario.cluster.kube_proxy.mode.chooses();
                let apart = spec.flow.way_in.is_some() && self.plan.takes_in_apart(ruled);
                let rules = if apart { own.outside().unwrap_or(own) } else { own };
                (format!("kube-proxy on {}", node_name(node)), policy, &rules.programmed[ruled])
            }
        };
        let mut endpoints = self.as_they_are_now(programmed, endpoint);
        let known = endpoints.len();
        // The connection was opened when there were others: what it leads to may be no endpoint any more.
        let chosen = endpoints.iter().position(|own| *own == endpoint).unwrap_or(known);
        let dropped = chosen == known;
        if dropped {
            endpoints.push(endpoint);
        }
        let stations: Vec<u32> = endpoints.iter().map(|own| self.roster.endpoints[*own as usize].station).collect();
        let finishes = self.finishes(attempt, &stations, ends, now);
        // The choice itself is counted already; who counts nothing does not count it either.
        let believed = |place: usize| self.believed(attempt, chooser, as_u32(place));
        let counts = fresh && !dropped && believed(chosen) > 0;
        let options =
            endpoints.iter().zip(stations).zip(finishes).zip(0_usize..).map(|(((own, station), finish), place)| {
                let counted = || believed(place) - u32::from(place == chosen);
                Choice {
                    pod: self.roster.pod_name(self.plan, *own),
                    jobs: self.stations[station as usize].in_system(),
                    believed: counts.then(counted),
                    finish,
                    gone: self.roster.pod_at(*own).phase >= Phase::Ended,
                }
            });
        let options = options.collect();
        let picked = if fresh { now } else { at(entry.picked) };
        Pick { by, policy: policy.to_owned(), picked, fresh, options, chosen, dropped }
    }

    /// How many requests the chooser counts at an endpoint; 0 where it counts none.
    fn believed(&self, attempt: u32, chooser: Chooser, place: u32) -> u32 {
        let entry = &self.attempts[attempt];
        match chooser {
            Chooser::Worker | Chooser::Layer4 => self.workers[entry.worker as usize].balancer.outstanding(place),
            Chooser::Client => {
                let balancers = &self.flows[entry.flow as usize].balancers;
                balancers[entry.client as usize].as_ref().map_or(0, |own| own.balancer.outstanding(place))
            }
            Chooser::KubeProxy | Chooser::NextAddress => 0,
        }
    }

    /// The endpoints that are known, with the one that was met: an address may be another pod's by now.
    fn as_they_are_now(&self, programmed: &Snapshot, met: u32) -> Vec<u32> {
        let mut endpoints: Vec<u32> = (0..programmed.count()).map(|place| programmed.endpoint(place)).collect();
        let address = |own: u32| (self.roster.pod_at(own).ip, self.roster.endpoints[own as usize].target);
        if !endpoints.contains(&met)
            && let Some(known) = endpoints.iter_mut().find(|known| address(**known) == address(met))
        {
            *known = met;
        }
        endpoints
    }

    /// `proxy/edge`, with instance and worker where there are several.
    pub(crate) fn worker_name(&self, worker: u32) -> String {
        let own = &self.plan.workers[worker as usize];
        let proxy = &self.plan.scenario.proxies[own.proxy as usize];
        let place = worker - self.plan.proxies[own.proxy as usize].first_worker;
        let mut name = proxy.place();
        if proxy.instances > 1 {
            name.push_str(&format!(" instance {}", place / proxy.workers));
        }
        if proxy.workers > 1 {
            name.push_str(&format!(" worker {}", place % proxy.workers));
        }
        name
    }
}
