//! `timeline[]`: what is done to nodes.

use super::super::context::Context;
use super::super::node_actions::NodeAction;
use super::super::timeline::{Action, Happening};
use super::super::values::{Bad, shorten};
use super::super::{Node as ClusterNode, Workload, tables, values};
use crate::yaml::{Node, nearest};

/// The words of what is done to nodes.
pub(super) const WORDS: [&str; 3] = ["cordon", "uncordon", "drain"];

/// What an entry does to a node.
pub(super) fn action(cx: &mut Context<'_>, item: &Node, word: &str, nodes: &[ClusterNode]) -> Option<Action> {
    let object = cx.object(item, &tables::HAPPENING)?;
    let force = object.boolean(cx, "force");
    if word != "drain" && force.is_some() {
        cx.problem(object.key_span("force"), format!("`force` belongs to `drain`, not to `{word}`"));
    }
    let given = item.get(word)?;
    let node = cx.take(given, word, find(given, nodes))?;
    if word == "uncordon" && nodes[node].unschedulable {
        cx.problem_help(
            given.span,
            format!("not supported yet: {} is unschedulable from the start", nodes[node].name),
            "let it begin schedulable, and cordon it at 0s",
        );
        return None;
    }
    let action = match word {
        "cordon" => NodeAction::Cordon,
        "uncordon" => NodeAction::Uncordon,
        _ => NodeAction::Drain { force: force.unwrap_or(false) },
    };
    Some(Action::Node { node, action })
}

/// The node of a name.
fn find(given: &Node, nodes: &[ClusterNode]) -> Result<usize, Bad> {
    let text = values::text(given)?;
    let name = text.strip_prefix("node/").unwrap_or(text);
    nodes.iter().position(|node| node.name == name).ok_or_else(|| {
        let help = match nearest(name, nodes.iter().map(|node| node.name.as_str())) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                let names: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
                format!("the nodes are {}", shorten(&names.join(", ")))
            }
        };
        (format!("no node `{}`", shorten(name)), Some(help))
    })
}

/// Pods of some workloads must stay where they are, so nothing may be done to their nodes that moves them.
pub(super) fn leave_nodes_alone(
    cx: &mut Context<'_>,
    items: &[Node],
    timeline: &[Happening],
    fixed: &[usize],
    (workloads, nodes): (&[Workload], &[ClusterNode]),
    stands: &[(usize, usize)],
) {
    let Some(first) = items.first() else { return };
    for happening in timeline {
        let Action::Node { node, action } = happening.action else { continue };
        let there = stands.iter().find(|(workload, on)| *on == node && fixed.contains(workload));
        if let Some((workload, _)) = there.filter(|_| action.removes_pods()) {
            cx.problem_help(
                first.span,
                format!(
                    "not supported yet: {} runs an ingress controller on {}, whose pods go at {}",
                    workloads[*workload].target(),
                    nodes[node].name,
                    happening.at
                ),
                "bind the controller to a node of its own with `nodeName` or `nodeSelector`",
            );
        }
    }
}
