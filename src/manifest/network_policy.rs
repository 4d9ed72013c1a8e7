//! NetworkPolicies.

use super::fields::{Context, Fields, NameRule};
use super::node::parse_cidr;
use super::object::{Block, NetworkPolicyObject, Peer, PolicyPort, PolicyRule, Requirement, Selector};
use crate::yaml::{Node, nearest};

/// First address and prefix length.
type Cidr = (u32, u8);

pub(super) fn read(context: &mut Context<'_>, node: &Node) -> Option<NetworkPolicyObject> {
    context.check_name(NameRule::Subdomain);
    let mut top = context.top(node)?;
    if let Some(metadata) = context.metadata(&mut top) {
        context.finish(&metadata);
    }
    if top.take("spec").is_none() {
        let help = "write `spec: {podSelector: {}}` for all pods of the namespace, and what they let in";
        context.error(context.name_span, "`spec` is missing", help);
    }
    let mut spec = context.inner(&mut top, "spec")?;
    context.finish(&top);
    let types = policy_types(context, &mut spec);
    let pods = selector(context, &mut spec, "podSelector").unwrap_or_default();
    let has_egress = spec.peek("egress").is_some();
    let ingress = rules(context, &mut spec, "ingress", "from");
    let egress = rules(context, &mut spec, "egress", "to");
    context.finish(&spec);
    // Without types a policy is about what comes in, and about what goes out where it says something of it.
    let is_about =
        |direction: &str, usual: bool| types.as_ref().map_or(usual, |types| types.iter().any(|one| one == direction));
    let policy = NetworkPolicyObject {
        namespace: context.subject.namespace.clone(),
        name: context.subject.name.clone(),
        pods,
        ingress: is_about("Ingress", true).then_some(ingress),
        egress: is_about("Egress", has_egress).then_some(egress),
    };
    let count = |rules: &Option<Vec<PolicyRule>>, name: &str| {
        rules.as_ref().map(|rules| format!("{name} by {} rule{}", rules.len(), if rules.len() == 1 { "" } else { "s" }))
    };
    let parts: Vec<String> =
        [count(&policy.ingress, "ingress"), count(&policy.egress, "egress")].into_iter().flatten().collect();
    context.used(&parts.join(", "));
    Some(policy)
}

fn policy_types(context: &mut Context<'_>, spec: &mut Fields<'_>) -> Option<Vec<String>> {
    let node = spec.peek("policyTypes")?;
    let types = context.list_of_texts(spec, "policyTypes");
    for wrong in types.iter().filter(|one| !["Ingress", "Egress"].contains(&one.as_str())) {
        let message = format!("`spec.policyTypes` has Ingress and Egress, and this is `{wrong}`");
        context.error(node.span, &message, "write `policyTypes: [Ingress, Egress]`");
    }
    Some(types)
}

fn rules(context: &mut Context<'_>, spec: &mut Fields<'_>, direction: &str, peers: &str) -> Vec<PolicyRule> {
    let mut all = Vec::new();
    for mut item in context.items(spec, direction) {
        let mut rule = PolicyRule { peers: Vec::new(), ports: Vec::new() };
        for mut peer in context.items(&mut item, peers) {
            let (namespaces, pods) =
                (selector(context, &mut peer, "namespaceSelector"), selector(context, &mut peer, "podSelector"));
            let has_block = peer.peek("ipBlock").is_some();
            let block = block(context, &mut peer);
            context.finish(&peer);
            match (namespaces, pods, block) {
                (None, None, Some(block)) => rule.peers.push(Peer::Block(block)),
                (None, None, None) if has_block => {}
                (None, None, None) => {
                    let help = "write `podSelector`, `namespaceSelector` or `ipBlock`; `podSelector: {}` is every pod of the namespace";
                    context.error(peer.span, "a peer that names nobody", help);
                }
                (_, _, Some(_)) => {
                    context.error(peer.span, "a peer is pods or an `ipBlock`, not both", "write two peers");
                }
                (namespaces, pods, None) => rule.peers.push(Peer::Pods { namespaces, pods }),
            }
        }
        rule.ports = ports(context, &mut item);
        context.finish(&item);
        all.push(rule);
    }
    all
}

fn ports(context: &mut Context<'_>, item: &mut Fields<'_>) -> Vec<PolicyPort> {
    let mut ports = Vec::new();
    for mut port in context.items(item, "ports") {
        let protocol = context.text(&mut port, "protocol").unwrap_or("TCP");
        let node = port.take("port");
        let last = context.port(&mut port, "endPort");
        context.finish(&port);
        if protocol != "TCP" {
            // Only TCP is modelled: what is said of another protocol lets nothing of it through.
            ports.push(PolicyPort::Other);
            continue;
        }
        let is_name = node.and_then(Node::as_str).is_some_and(|text| text.contains(|c: char| c.is_ascii_alphabetic()));
        ports.extend(match node {
            None => Some(PolicyPort::Numbers(1, u16::MAX)),
            Some(node) if is_name => node.as_str().map(|name| PolicyPort::Name(name.to_owned())),
            Some(node) => {
                let first = context.port_of(node, "ports[].port");
                first.map(|first| PolicyPort::Numbers(first, last.unwrap_or(first)))
            }
        });
    }
    ports
}

/// A range of addresses, without some.
fn block(context: &mut Context<'_>, peer: &mut Fields<'_>) -> Option<Block> {
    let mut fields = context.inner(peer, "ipBlock")?;
    let span = fields.span;
    let cidr = context.text(&mut fields, "cidr").map(str::to_owned);
    let except = context.list_of_texts(&mut fields, "except");
    context.finish(&fields);
    let mut range = |text: &str| -> Option<Cidr> {
        let parsed = parse_cidr(text);
        if parsed.is_none() {
            let message = format!("`ipBlock` has ranges of IPv4 addresses, and this is `{text}`");
            context.error(span, &message, "write for example `cidr: 10.0.0.0/8`");
        }
        parsed
    };
    let except: Vec<Cidr> = except.iter().filter_map(|text| range(text)).collect();
    let cidr = range(cidr.as_deref().unwrap_or(""))?;
    Some(Block { cidr, except })
}

/// A selector; an empty one selects everything.
fn selector(context: &mut Context<'_>, fields: &mut Fields<'_>, name: &str) -> Option<Selector> {
    fields.peek(name)?;
    let mut inner = context.inner(fields, name)?;
    let mut requirements: Vec<Requirement> = context
        .texts(&mut inner, "matchLabels")
        .into_iter()
        .map(|(key, value)| Requirement { key, values: vec![value], wanted: true })
        .collect();
    for mut expression in context.items(&mut inner, "matchExpressions") {
        let span = expression.take("operator").map_or(expression.span, |node| node.span);
        let key = context.text(&mut expression, "key").unwrap_or_default().to_owned();
        let operator = context.text(&mut expression, "operator").unwrap_or_default();
        let values = context.list_of_texts(&mut expression, "values");
        context.finish(&expression);
        let operators = ["In", "NotIn", "Exists", "DoesNotExist"];
        match operator {
            "In" | "Exists" => requirements.push(Requirement { key, values, wanted: true }),
            "NotIn" | "DoesNotExist" => requirements.push(Requirement { key, values, wanted: false }),
            other => {
                let help = nearest(other, operators).map(|near| format!("did you mean `{near}`?"));
                let message = format!("an operator is In, NotIn, Exists or DoesNotExist, and this is `{other}`");
                context.error(span, &message, &help.unwrap_or_else(|| "write for example `operator: In`".to_owned()));
            }
        }
    }
    context.finish(&inner);
    Some(Selector { requirements })
}
