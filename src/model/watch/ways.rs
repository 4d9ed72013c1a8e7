//! The way in from outside as stories tell it.

use crate::cause::LedgerCause;
use crate::model::World;
use crate::model::at;
use crate::model::plan::NONE;
use crate::model::random_keys::HOP;
use crate::model::traffic::entrance::Gate;
use crate::model::traffic::legs::{Crossing, End, Leg};
use crate::model::traffic::route::Hop;
use crate::observe::story::What;
use crate::time::SimTime;

use super::telling::Telling;

impl World<'_> {
    /// The connection of an attempt came, or comes, into the cluster there.
    #[cold]
    pub(crate) fn watch_gate(&mut self, attempt: u32, gate: Gate) {
        self.tell(|world, stories| {
            if let Some(telling) = stories.of_attempt(attempt) {
                telling.gate = gate;
                if let Some(text) = world.balanced(gate, telling.flow) {
                    telling.push(telling.cursor, None, What::Translated { text });
                }
            }
        });
    }

    /// What the load balancer did with a connection.
    fn balanced(&self, gate: Gate, flow: u32) -> Option<String> {
        let way = self.plan_flow(flow).flow.way_in.as_deref()?;
        let ways = self.ways.as_deref()?;
        let balancer = ways.balancers.iter().find(|own| own.service == way.service).filter(|_| gate.target != NONE)?;
        let (spec, targets) = (&self.plan.scenario.cluster.load_balancers, balancer.targets.count());
        let name = if spec.pods {
            format!("pod {}", self.roster.name(self.plan, self.roster.pod_at(gate.target)))
        } else {
            format!("node {}", self.plan.node_name(gate.target))
        };
        let place = self.plan.balancer_name(flow);
        Some(format!("{place} ({}) chooses {name}, one of {targets} that are well", spec.implementation()))
    }

    /// A connection leaves the cluster with another address; so many ports of it are taken now.
    #[cold]
    pub(crate) fn watch_port(&mut self, attempt: u32, gate: Gate, taken: u32) {
        self.tell(|world, stories| {
            let Some(telling) = stories.of_attempt(attempt) else { return };
            let (who, ports) = (world.translator(gate), world.plan.scenario.cluster.nat.ports);
            let text = format!(
                "leaves the cluster with the address of {who} (SNAT): {taken} of {ports} ports to there are taken"
            );
            telling.push(telling.cursor, None, What::Translated { text });
        });
    }

    /// A SYN found no port and was sent again, at last with success.
    #[cold]
    pub(crate) fn watch_waited_for_port(&mut self, attempt: u32, gate: Gate, now: SimTime) {
        self.tell(|world, stories| {
            let Some(telling) = stories.of_attempt(attempt) else { return };
            let text =
                format!("its SYN is lost, and sent again, until {} has a free port to there", world.translator(gate));
            let entry = Some((LedgerCause::Connect, telling.story.service.clone()));
            telling.take_syns();
            telling.push(now.as_nanos(), entry, What::Translated { text });
        });
    }

    /// A try of a controller at a pod failed, and it goes on with another pod.
    #[cold]
    pub(crate) fn watch_next_upstream(&mut self, attempt: u32, now: SimTime) {
        self.tell(|world, stories| {
            let entry = &world.attempts[attempt];
            // One that was reset in its pod goes on in another slot.
            let Some(telling) = stories.of_request(entry.request) else { return };
            let Some(cause) = entry.failure else { return };
            telling.next_upstream(world, attempt, (cause, world.plan.places[entry.place as usize].clone()), now);
        });
    }

    /// Who acted on old news of endpoints when a try went to a pod that was gone.
    #[cold]
    pub(crate) fn watch_late(&mut self, attempt: u32, who: &str) {
        self.tell(|_, stories| {
            let Some(telling) = stories.of_attempt(attempt) else { return };
            let text = format!("the pod was gone: {who} was late");
            telling.push(telling.cursor, None, What::Translated { text });
        });
    }

    fn translator(&self, gate: Gate) -> String {
        if self.plan.scenario.cluster.nat.gateway && gate.masked == NONE {
            "the gateway".to_owned()
        } else {
            format!("node {}", self.plan.node_name(gate.node))
        }
    }

    /// The rules of a node chose the pod of a proxy for an attempt's connection.
    #[cold]
    pub(crate) fn watch_instance(&mut self, attempt: u32, endpoint: u32) {
        self.tell(|world, stories| {
            let Some(telling) = stories.of_attempt(attempt) else { return };
            let pod = world.roster.name(world.plan, world.roster.pod_at(endpoint));
            let mode = world.plan.scenario.cluster.kube_proxy.mode.chooses();
            let text = match telling.gate.node {
                NONE => format!("the proxy there is {pod}"),
                node => format!("kube-proxy on {} ({mode}) chooses {pod}", world.plan.node_name(node)),
            };
            telling.push(telling.cursor, None, What::Translated { text });
        });
    }

    /// An attempt opens a connection from outside to what stands on a node, which takes so long.
    #[cold]
    pub(crate) fn watch_connect_from_outside(&mut self, attempt: u32, gate: Gate, to: u32, nanos: u64) {
        self.tell(|world, stories| {
            let Some(telling) = stories.of_attempt(attempt) else { return };
            let mut between = String::new();
            for leg in world.legs(telling.flow, gate, to) {
                if leg.ends.0 == leg.ends.1 {
                    continue;
                }
                if between.is_empty() {
                    between = world.end_name(leg.ends.0, telling.flow);
                }
                between.push_str(&format!(" ⇄ {}", world.end_name(leg.ends.1, telling.flow)));
            }
            let entry = Some((LedgerCause::Connect, telling.story.service.clone()));
            telling.push(telling.cursor + nanos, entry, What::Connect { between, class: LedgerCause::NetworkExternal });
            if let Some(text) = world.translation(gate, to, telling.flow) {
                telling.push(telling.cursor, None, What::Translated { text });
            }
        });
    }

    /// What the node of a gate does with the addresses of a connection.
    fn translation(&self, gate: Gate, to: u32, flow: u32) -> Option<String> {
        let way = self.plan_flow(flow).flow.way_in.as_deref()?;
        let outside = self.plan.scenario.services[way.service].outside.as_ref()?;
        if gate.node == NONE {
            return None;
        }
        let (node, port) = (self.plan.node_name(gate.node), outside.node_port);
        let port = port.map_or_else(String::new, |port| format!(" on port {port}"));
        Some(if outside.local {
            format!(
                "{node} takes it in{port} for a pod of its own (externalTrafficPolicy Local): the client's address stays"
            )
        } else if gate.node == to {
            format!("{node} takes it in{port} and puts its own address in the client's place (SNAT)")
        } else {
            let other = self.plan.node_name(to);
            format!(
                "{node} takes it in{port} and sends it on to {other}, with its own address in the client's place (SNAT)"
            )
        })
    }

    fn end_name(&self, end: End, flow: u32) -> String {
        let proxied = self.plan.hot[flow as usize].via_proxy;
        match end {
            End::Client => "client outside".to_owned(),
            End::Balancer => "load balancer".to_owned(),
            End::Node(node) => format!("node {}", self.plan.node_name(node)),
            End::Destination(node) => {
                format!("{} on {}", if proxied { "proxy" } else { "pod" }, self.plan.node_name(node))
            }
        }
    }
}

impl Telling {
    /// The steps between a client outside and what its connection leads to on a node.
    pub(super) fn way(&mut self, world: &World<'_>, hop: Hop, to: u32, inwards: bool) {
        if world.free {
            return;
        }
        let sent = at(self.cursor);
        self.wait_to_send(world, hop);
        let mut legs: Vec<Leg> = world.legs(self.flow, self.gate, to).collect();
        if !inwards {
            legs.reverse();
        }
        for leg in legs {
            let delay = world.leg_passage(leg, self.flow, self.base ^ HOP[hop as usize], sent).takes;
            let (first, second) = if inwards { leg.ends } else { (leg.ends.1, leg.ends.0) };
            let between = format!("{} → {}", world.end_name(first, self.flow), world.end_name(second, self.flow));
            let what = match leg.crossing {
                Crossing::Path(class) => What::Hop { between, class: class.ledger() },
                Crossing::Balancer if delay.is_zero() => continue,
                Crossing::Balancer => What::Handling { proxy: world.plan.balancer_name(self.flow), back: !inwards },
            };
            let entry = world.leg_entry(leg, self.flow, &self.story.service);
            self.push(self.cursor + delay.as_nanos(), entry, what);
        }
        self.transfer(world, hop);
    }
}
