//! `nodes.csv`: what each node sent, and what ran out there, one row a variant, replication and node.

use std::io::{self, Write};

use super::number::Value;
use super::table::{Run, Table};
use crate::scenario::Scenario;

/// Name of the file.
pub(crate) const FILE: &str = "nodes.csv";

/// All columns.
pub(crate) const HEADER: [&str; 26] = [
    "scenario",
    "variant",
    "replication",
    "node",
    "zone",
    "same_node_messages",
    "same_node_bytes",
    "same_zone_messages",
    "same_zone_bytes",
    "cross_zone_messages",
    "cross_zone_bytes",
    "cross_zone_cost",
    "conntrack_capacity",
    "conntrack_max",
    "conntrack_dropped",
    "source_ports_max",
    "egress_utilization",
    "egress_utilization_max",
    "egress_wait_max_ms",
    "ingress_utilization",
    "ingress_utilization_max",
    "ingress_wait_max_ms",
    "external_messages",
    "external_bytes",
    "nat_ports_max",
    "snat_ports_max",
];

/// Bytes of a gigabyte, as clouds charge them.
const GIGABYTE: f64 = 1e9;

/// Adds the rows of one replication.
pub(crate) fn write<W: Write>(table: &mut Table<W>, scenario: &Scenario, run: Run<'_>) -> io::Result<()> {
    for (node, row) in scenario.cluster.nodes.iter().zip(&run.outcome.nodes) {
        let mut fields = vec![
            run.scenario.to_owned(),
            run.variant.to_owned(),
            run.outcome.replication.to_string(),
            node.name.clone(),
            node.zone.clone(),
        ];
        for sent in &row.sent[..3] {
            fields.extend([sent.messages.to_string(), sent.bytes.to_string()]);
        }
        let cost = scenario.observe.cross_zone_price.map(|price| row.sent[2].bytes as f64 / GIGABYTE * price);
        fields.push(Value::number(cost).field());
        let count = |count: Option<u64>| count.map_or_else(String::new, |count| count.to_string());
        fields.push(count(row.conntrack.map(|(capacity, ..)| capacity)));
        fields.push(count(row.conntrack.map(|(_, max, _)| max)));
        fields.push(count(row.conntrack.map(|(.., dropped)| dropped)));
        fields.push(count(row.source_ports));
        for direction in 0..2 {
            let line = row.nic.map(|nic| nic[direction]);
            fields.push(Value::number(line.map(|(share, ..)| share)).field());
            fields.push(Value::number(line.map(|(_, most, _)| most)).field());
            fields.push(Value::millis(line.map(|(.., longest)| longest)).field());
        }
        fields.extend([row.sent[3].messages.to_string(), row.sent[3].bytes.to_string()]);
        fields.push(count(row.nat_ports.map(u64::from)));
        fields.push(count(row.snat_ports.map(u64::from)));
        table.row(fields)?;
    }
    Ok(())
}
