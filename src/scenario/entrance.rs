//! Where a URL leads that a client outside the cluster uses: such clients know no names of the cluster's DNS and reach no
//! cluster IP.
//!
//! They know the nodes, the load balancers (by the name of their Service, or by address) and the hosts of Ingresses, which
//! lead to the controller.

use super::discover::Found;
use super::eras::Held;
use super::ingress::Controller;
use super::outside::{Entry, Internet, LoadBalancers, WayIn};
use super::services::{Group, ServiceTable, dotted};
use super::url::{self, Url};
use super::values::{Bad, shorten};
use super::{Node, Service};
use crate::yaml::nearest;

/// The host that stands for every node, each at its own address.
const ANY_NODE: &str = "nodes";
/// The label of nodes that load balancers leave out.
const LEFT_OUT: &str = "node.kubernetes.io/exclude-from-external-load-balancers";

/// What decides where a URL leads from outside.
pub(super) struct Cluster<'a> {
    pub(super) services: &'a ServiceTable,
    pub(super) nodes: &'a [Node],
    pub(super) load_balancers: &'a LoadBalancers,
    pub(super) controllers: &'a [Controller],
}

impl<'a> Cluster<'a> {
    /// Where a URL leads, and the way there.
    pub(super) fn find(&self, text: &str, internet: Internet) -> Result<Found, Bad> {
        let url = url::parse(text)?;
        let way_in = self.way_in(text, &url, internet)?;
        let found = Found {
            held: Held::Name,
            port: way_in.service,
            resolution: None,
            fails: None,
            way_in: Some(Box::new(way_in)),
            through: None,
            shares: Vec::new(),
        };
        let behind = self.controllers.iter().find(|controller| controller.ports.contains(&found.port));
        Ok(match behind.map(|controller| controller.route(&url)) {
            Some(routed) => Found { port: routed.port, through: Some(routed.proxy), shares: routed.shares, ..found },
            None => found,
        })
    }

    fn way_in(&self, text: &str, url: &Url<'_>, internet: Internet) -> Result<WayIn, Bad> {
        let nodes = match self.nodes.iter().position(|node| node.name == url.host) {
            Some(own) => Some(vec![own]),
            None => (url.host == ANY_NODE).then(|| (0..self.nodes.len()).collect()),
        };
        if let Some(nodes) = nodes {
            let service = self.at_node_port(text, url)?;
            return Ok(WayIn { service, entry: Entry::Nodes { nodes, pick: internet.pick } });
        }
        let host = url.host.to_ascii_lowercase();
        if let Some(controller) = self.controllers.iter().find(|controller| controller.knows(&host)) {
            return self.to_controller(text, url, internet, controller);
        }
        match self.balanced(url) {
            Some(group) => self.at_load_balancer(url::port_of_group(text, url, group, self.services)?),
            None => Err(self.nowhere(url)),
        }
    }

    /// A host of an Ingress leads to the controller's load balancer, or to the nodes where it has none.
    fn to_controller(
        &self,
        text: &str,
        url: &Url<'_>,
        internet: Internet,
        controller: &Controller,
    ) -> Result<WayIn, Bad> {
        let own = |group: &&Group| group.first == controller.ports.start;
        let group = self.services.groups.iter().find(own).expect("the Service of a controller is one of them");
        let ports = &self.services.ports[controller.ports.clone()];
        if ports.iter().any(|port| port.outside.as_ref().is_some_and(|outside| outside.load_balancer)) {
            return self.at_load_balancer(url::port_of_group(text, url, group, self.services)?);
        }
        let service = self.at_node_port(text, url)?;
        if !controller.ports.contains(&service) {
            let label = dotted(&group.namespace, &group.name);
            let message = format!("`{}` leads to the controller, service/{label}, by its node port", shorten(url.host));
            let known = ports.iter().filter_map(shown).collect::<Vec<_>>().join(", ");
            return Err((message, Some(format!("write one of {known}"))));
        }
        Ok(WayIn { service, entry: Entry::Nodes { nodes: (0..self.nodes.len()).collect(), pick: internet.pick } })
    }

    /// The Service port with the node port of a URL.
    fn at_node_port(&self, text: &str, url: &Url<'_>) -> Result<usize, Bad> {
        let services = self.services;
        let wanted = url.port.unwrap_or(80);
        let has = |port: &Service| port.outside.as_ref().and_then(|outside| outside.node_port) == Some(wanted);
        let Some(found) = services.ports.iter().position(has) else {
            let known: Vec<String> = services.ports.iter().filter_map(shown).collect();
            let help = match known.as_slice() {
                [] => "give a Service `type: NodePort`".to_owned(),
                known => format!("the node ports are {}", shorten(&known.join(", "))),
            };
            return Err((format!("no Service has the node port {wanted}"), Some(help)));
        };
        let group = services.groups.iter().find(|group| (group.first..group.first + group.count).contains(&found));
        match group.and_then(|group| Some((group, group.reason(found - group.first)?))) {
            None => Ok(found),
            Some((group, (message, help))) => {
                let service = dotted(&group.namespace, &group.name);
                Err((format!("`{}` leads to service/{service}, which {message}", shorten(text)), help.clone()))
            }
        }
    }

    /// The Service with a load balancer that a host names, by its own name or by the load balancer's address.
    fn balanced(&self, url: &Url<'_>) -> Option<&'a Group> {
        match url::ipv4(url.host) {
            Some(address) => url::balanced_at(address, self.services).map(|group| &self.services.groups[group]),
            None => self.group_meant(url.host).filter(|group| url::is_balanced(group, self.services)),
        }
    }

    /// The way in through the load balancer of a Service port.
    fn at_load_balancer(&self, port: usize) -> Result<WayIn, Bad> {
        let entry = &self.services.ports[port];
        let without_node_port = entry.outside.as_ref().is_some_and(|outside| outside.node_port.is_none());
        if !self.load_balancers.pods && without_node_port {
            let message = format!("the load balancer of service/{} has no node port to send to", entry.label());
            let help = "write cluster.loadBalancers: {targets: pods}, or remove `allocateLoadBalancerNodePorts: false`";
            return Err((message, Some(help.to_owned())));
        }
        let left_out = |node: &Node| node.labels.iter().any(|(key, _)| key == LEFT_OUT);
        let targets: Vec<usize> = (0..self.nodes.len()).filter(|node| !left_out(&self.nodes[*node])).collect();
        if targets.is_empty() {
            let message = format!("the load balancer of service/{} has no node to send to", entry.label());
            return Err((message, Some(format!("remove the label {LEFT_OUT} from a node"))));
        }
        Ok(WayIn { service: port, entry: Entry::LoadBalancer { nodes: targets } })
    }

    /// Why a host leads nowhere from outside.
    fn nowhere(&self, url: &Url<'_>) -> Bad {
        if let Some(group) = self.group_meant(url.host) {
            let label = dotted(&group.namespace, &group.name);
            let ports = &self.services.ports[group.first..group.first + group.count];
            let by_node = ports.iter().find_map(|port| port.outside.as_ref()?.node_port);
            let (message, help) = match by_node {
                Some(port) => (
                    format!("from the internet service/{label} has no name"),
                    format!("write http://{ANY_NODE}:{port}/, or a node's name instead of `{ANY_NODE}`"),
                ),
                None => (
                    format!("service/{label} cannot be reached from the internet"),
                    "give it `type: NodePort` or `type: LoadBalancer`, or write an Ingress".to_owned(),
                ),
            };
            return (message, Some(help));
        }
        let names = self.nodes.iter().map(|node| node.name.as_str()).chain([ANY_NODE]);
        let hosts: Vec<&str> = self.controllers.iter().flat_map(Controller::hosts).collect();
        let help = match nearest(url.host, names.chain(hosts.iter().copied())) {
            Some(near) => format!("did you mean `{near}`?"),
            None => match hosts.as_slice() {
                [] => format!(
                    "write a node's name with a node port, `{ANY_NODE}` for whichever node, or a host of an Ingress whose \
                     controller stands in cluster.ingress"
                ),
                hosts => format!("the hosts of Ingresses are {}", shorten(&hosts.join(", "))),
            },
        };
        (format!("the name `{}` leads nowhere from the internet", shorten(url.host)), Some(help))
    }

    /// The Service whose name it would be inside the cluster.
    fn group_meant(&self, host: &str) -> Option<&'a Group> {
        let (name, namespace) = url::meant(host, "default", "cluster.local")?;
        self.services.groups.iter().find(|group| group.name == name && group.namespace == namespace)
    }
}

/// `30080 (web)`.
fn shown(port: &Service) -> Option<String> {
    let node_port = port.outside.as_ref()?.node_port?;
    Some(format!("{node_port} ({})", port.label()))
}
