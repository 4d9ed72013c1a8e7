//! What nodes send, where somebody counts it: `nodes.csv`.

use crate::model::World;
use crate::model::network::topology::PathClass;
use crate::model::plan::{Plan, as_u32};
use crate::model::traffic::route::Hop;
use crate::observe::nodes::{NodeOutcome, Sent};

/// What each node sent, by path class.
#[derive(Debug)]
pub(crate) struct Wires {
    sent: Vec<[Sent; 4]>,
}

impl Wires {
    /// Nothing sent yet, where the scenario wants it counted.
    pub(crate) fn of(plan: &Plan) -> Option<Box<Self>> {
        let sent = vec![[Sent::default(); 4]; plan.scenario.cluster.nodes.len()];
        plan.scenario.observe.nodes.then(|| Box::new(Self { sent }))
    }
}

impl World<'_> {
    /// A message passes the network of a node; inside a pod it does not.
    #[inline(never)]
    pub(super) fn note_message(&mut self, attempt: u32, hop: Hop, class: PathClass, (from, to): (u32, u32)) {
        let size = self.bytes_of(attempt, hop);
        // The way between the two is the same in both directions.
        let sender = if hop.is_request() { from } else { to };
        let column = match class {
            PathClass::SameNode => 0,
            PathClass::SameZone => 1,
            PathClass::CrossZone => 2,
            PathClass::External => 3,
            PathClass::Loopback => return,
        };
        // What is sent from outside leaves no node.
        if let Some(wires) = &mut self.wires
            && self.window.measuring
            && let Some(sent) = wires.sent.get_mut(sender as usize)
        {
            sent[column].messages += 1;
            sent[column].bytes += size;
        }
    }

    /// The rows of `nodes.csv`.
    pub(crate) fn node_outcomes(&mut self) -> Vec<NodeOutcome> {
        let Some(wires) = self.wires.take() else { return Vec::new() };
        let kernel = self.plan.scenario.cluster.kernel;
        let goes_out = self.plan.scenario.workloads.iter().any(|workload| workload.outside);
        let nats = self.ways.as_deref().filter(|_| goes_out);
        let masks = self.ways.as_deref().filter(|_| self.plan.hot.iter().any(|flow| flow.way_in));
        let row = |(node, sent): (usize, &[Sent; 4])| {
            let tracking = self.tracking.as_deref();
            let tracked = tracking.filter(|_| kernel.conntrack.is_some()).map(|tracking| {
                let table = &tracking.tables[node];
                (u64::from(table.capacity), table.max, table.dropped)
            });
            let ports = tracking.filter(|_| kernel.source_ports.is_some()).map(|tracking| tracking.ports_max[node]);
            let span = self.window.span();
            let lines = self.transits.as_deref().and_then(|transits| transits.nics.of_node(node));
            let nic = lines.map(|lines| {
                lines.each_ref().map(|line| {
                    let (share, most) = line.utilization(span);
                    (share, most, line.longest)
                })
            });
            let snat_ports = masks.map(|ways| ways.masks.most(self.plan.scenario.cluster.nat.of_nodes(), as_u32(node)));
            let nat_ports = nats.map(|ways| ways.ports.most(self.plan.scenario.cluster.nat, as_u32(node)));
            NodeOutcome { sent: *sent, conntrack: tracked, source_ports: ports, nat_ports, snat_ports, nic }
        };
        wires.sent.iter().enumerate().map(row).collect()
    }
}
