//! Connections that stand before the run, at no cost: pinned ones, and those of HTTP/2.

use crate::model::World;
use crate::model::network::ipvs::Handle;
use crate::model::plan::{FlowPlan, NONE, Route, as_u32};
use crate::model::random_keys::INSTANCE;
use crate::model::traffic::breakage::BROKEN;
use crate::model::traffic::channel::Channel;
use crate::model::traffic::connection::Connection;
use crate::model::traffic::handshake::Far;
use crate::random::mix;
use crate::scenario::Connections;
use crate::time::SimTime;

impl World<'_> {
    /// Opens the connections that stand before the run starts, at no cost.
    pub(crate) fn pin_connections(&mut self, flow: usize) {
        let plan = self.plan;
        let spec = &plan.flows[flow];
        let channel = self.flows[flow].channel;
        self.flows[flow].per_connection = plan.chooses_per_connection(flow);
        self.lay_pools(flow);
        if spec.flow.fails.is_some() {
            // Nobody finds out where to connect to.
            return;
        }
        self.count_standing_upstreams(flow);
        let stands = matches!(channel, Channel::Standing | Channel::Pooled { pinned: true, .. });
        if !stands || !self.flows[flow].per_connection {
            return;
        }
        for client in 0..spec.clients {
            let mut entry = Handle::NONE;
            let choice = match spec.route {
                _ if spec.flow.way_in.is_some() => {
                    let pinned = self.pin_from_outside(as_u32(flow), client);
                    entry = pinned.2;
                    (pinned.0, pinned.1)
                }
                Route::Proxy4(proxy) | Route::Proxy7(proxy) => {
                    let key = mix(self.flows[flow].hash ^ INSTANCE, u64::from(client));
                    let worker = self.choose_worker(as_u32(flow), proxy, client, key);
                    let endpoint = self.choose_behind(spec.route, worker, (as_u32(flow), client), SimTime::ZERO);
                    (worker, endpoint.unwrap_or(NONE))
                }
                _ => match self.direct_pick(as_u32(flow), client, SimTime::ZERO) {
                    Some(choice) => {
                        entry = choice.entry;
                        (NONE, choice.endpoint)
                    }
                    // A name that is not there yet is looked up again.
                    None if spec.first_address && self.control.is_some() => (NONE, BROKEN),
                    None => (NONE, NONE),
                },
            };
            if choice.1 == BROKEN {
                self.flows[flow].pinned.push(choice);
                continue;
            }
            if choice.1 < BROKEN
                && self.is_barred(as_u32(flow), (client, self.standing_gate(as_u32(flow), client)), choice.1)
            {
                // It never comes about: whoever needs it tries.
                self.unpin_gate(as_u32(flow), client);
                self.flows[flow].pinned.push((NONE, BROKEN));
                continue;
            }
            if plan.hot[flow].counted && spec.flow.way_in.is_none() && choice.1 < BROKEN {
                self.pin_exit(as_u32(flow), client, choice.1);
            }
            let gate = self.standing_gate(as_u32(flow), client);
            let far = Far { endpoint: choice.1, worker: choice.0, gate };
            self.note_standing(as_u32(flow), client, false, far);
            if let Channel::Pooled { .. } = channel {
                let connection = self.connections.insert(Connection::simple(choice.1, choice.0, 0));
                if plan.keeps_entries() {
                    self.entries.of_pool(connection, entry);
                }
                self.pool_pinned_gate(as_u32(flow), client, connection);
                let pool = self.client_pool(as_u32(flow), client, 0);
                let pool = &mut self.pools[pool];
                pool.open = 1;
                pool.idle.push_back(connection);
            }
            self.flows[flow].pinned.push(choice);
        }
    }

    /// Lays the pools of clients that have one each side by side.
    fn lay_pools(&mut self, flow: usize) {
        let (spec, state) = (&self.plan.flows[flow], &mut self.flows[flow]);
        let pooled = matches!(state.channel, Channel::Pooled { .. } | Channel::Kept);
        if pooled && state.per_connection {
            state.pools.lay(&mut self.pools, as_u32(flow), spec.clients, spec.own_manner);
        }
    }

    /// Standing connections to every endpoint (HTTP/2 from a layer-7 proxy or a balancing client) count once an owner.
    fn count_standing_upstreams(&mut self, flow: usize) {
        let plan = self.plan;
        let spec = &plan.flows[flow];
        let standing = |connections: &Connections| Channel::of(connections) == Channel::Standing;
        let (service, owners) = match spec.route {
            Route::ClientBalancer if standing(&spec.flow.connections) => (spec.flow.service, u64::from(spec.clients)),
            Route::Proxy7(proxy) if standing(&spec.upstream) => return self.count_standing_of_proxies(flow, proxy),
            _ => return,
        };
        let endpoints = &plan.services[service];
        for endpoint in endpoints.first..endpoints.first + endpoints.count {
            self.endpoints[endpoint as usize].connections += owners;
        }
        for owner in 0..spec.clients {
            for endpoint in endpoints.first..endpoints.first + endpoints.count {
                self.note_standing(as_u32(flow), owner, false, Far { endpoint, worker: NONE, gate: NONE });
            }
        }
    }

    /// Flows that pass one proxy share its standing connections: the first counts them.
    fn count_standing_of_proxies(&mut self, flow: usize, main: u32) {
        let plan = self.plan;
        let shares = plan.flows[flow].flow.shares.iter().map(|share| as_u32(share.proxy));
        for proxy in std::iter::once(main).chain(shares.filter(|other| *other != main)) {
            let passes = |other: &FlowPlan| Channel::of(&other.upstream) == Channel::Standing && other.passes(proxy);
            let settings = &plan.scenario.proxies[proxy as usize];
            let answers = settings.controller.as_ref().is_some_and(|controller| controller.answers.is_some());
            if answers || plan.flows.iter().position(passes) != Some(flow) {
                continue;
            }
            let (endpoints, owners) = (&plan.services[settings.service], settings.instances * settings.workers);
            for endpoint in endpoints.first..endpoints.first + endpoints.count {
                self.endpoints[endpoint as usize].connections += u64::from(owners);
            }
            let first = plan.proxies[proxy as usize].first_worker;
            for worker in first..first + owners {
                for endpoint in endpoints.first..endpoints.first + endpoints.count {
                    self.note_standing(as_u32(flow), worker, true, Far { endpoint, worker: NONE, gate: NONE });
                }
            }
        }
    }
}
