//! `cluster.ingress`.

use super::super::context::{Context, Object};
use super::super::ingress::Controller;
use super::super::objects::{Objects, short};
use super::super::outside::{self, Sync};
use super::super::services::ServiceTable;
use super::super::tables_outside as tables;
use super::super::values::Bad;
use super::super::{InstancePer, InstancePick, Layer, Node, Proxy};
use super::balancer::balancer;
use super::connections::{DEFAULT_CONNECTIONS, connections};
use super::dist::dist;
use crate::balance;
use crate::cause::FailureCause;
use crate::random::Dist;
use crate::time::SimDuration;
use crate::yaml;

/// What all proxies of a controller have in common.
pub(super) struct Template(Proxy);

impl Template {
    /// The proxy that sends to a Service port.
    pub(super) fn sending_to(&self, port: usize, label: &str) -> Proxy {
        Proxy { name: format!("{}/{label}", self.0.name), service: port, ..self.0.clone() }
    }

    /// The proxy that says that there is nothing.
    pub(super) fn answering(&self, own_port: usize) -> Proxy {
        let mut proxy = Proxy { name: format!("{}/404", self.0.name), service: own_port, ..self.0.clone() };
        if let Some(controller) = &mut proxy.controller {
            controller.answers = Some(FailureCause::NotFound404);
        }
        proxy
    }
}

/// The controllers, in the order of the file.
pub(super) fn controllers(
    cx: &mut Context<'_>,
    items: &[yaml::Node],
    objects: &Objects,
    services: &ServiceTable,
    nodes: &[Node],
) -> Vec<(Controller, Template)> {
    let mut controllers: Vec<(Controller, Template)> = Vec::new();
    for item in items {
        let Some(object) = cx.object(item, &tables::INGRESS) else { continue };
        let Some((controller, template)) = controller(cx, &object, objects, services, nodes) else { continue };
        if controllers.iter().any(|(known, _)| known.class == controller.class) {
            cx.problem(object.key_span("class"), format!("two controllers are of class `{}`", controller.class));
        }
        controllers.push((controller, template));
    }
    controllers
}

fn controller(
    cx: &mut Context<'_>,
    object: &Object<'_>,
    objects: &Objects,
    services: &ServiceTable,
    nodes: &[Node],
) -> Option<(Controller, Template)> {
    let class = object.name(cx, "class", &['/', '[', ']', '"', '#'])?.to_owned();
    let nginx = object.word(cx, "implementation", &[("ingress-nginx", true), ("envoy", false)]).unwrap_or(true);
    let target = object.get("target")?;
    let found = object.text(cx, "target").map(|text| objects.find(text))?;
    let workload = cx.take(target, "target", found)?;
    let replicas = objects.workloads[workload].replicas;
    if replicas == 0 {
        cx.problem(target.span, format!("{} has no pods", short(&objects.workloads[workload])));
        return None;
    }
    let place = object.get("service").unwrap_or(target);
    let found = match object.get("service") {
        Some(_) => object.text(cx, "service").map(|text| named_service(text, workload, services))?,
        None => only_service(workload, &short(&objects.workloads[workload]), services),
    };
    let ports = cx.take(place, "service", found)?;
    let workers = object.count32(cx, "workers").unwrap_or_else(|| {
        let cpus = nodes.first().and_then(|node| node.cpu).map_or(1, |cpus| cpus.max(1.0) as u32);
        cx.assume(format!("ingress {class}: workers"), cpus.to_string(), "cluster.ingress[0].workers");
        cpus
    });
    let overhead = object.get("overhead").and_then(|node| cx.object(node, &super::super::tables::OVERHEAD));
    let mut time = |key| match overhead.and_then(|overhead| overhead.get(key)) {
        Some(node) => dist(cx, node, key).unwrap_or_else(Dist::zero),
        None => Dist::zero(),
    };
    let (before, after) = (time("before"), time("after"));
    let usual = balance::RoundRobin { start: balance::Start::Random };
    let template = Proxy {
        name: class.clone(),
        layer: Layer::L7,
        instances: replicas,
        workers,
        pick: InstancePick::Random,
        per: InstancePer::Connection,
        service: 0,
        balancer: object.get("balancer").and_then(|node| balancer(cx, node, None)).unwrap_or_else(|| usual.into()),
        before,
        after,
        connections: Some(
            object.get("connections").and_then(|node| connections(cx, node)).unwrap_or(DEFAULT_CONNECTIONS),
        ),
        zone: None,
        controller: Some(outside::Controller {
            class: class.clone(),
            workload,
            sync: sync(cx, object, nginx),
            answers: None,
            // `proxy-next-upstream-tries`; an Envoy tries once unless a route says more.
            tries: object.count32(cx, "tries").unwrap_or(if nginx { 3 } else { 1 }),
        }),
    };
    Some((Controller::new(class, ports), Template(template)))
}

/// The ports of the Service that is named: it must lead to the controller, from outside.
fn named_service(text: &str, workload: usize, services: &ServiceTable) -> Result<std::ops::Range<usize>, Bad> {
    let rest = text.strip_prefix("service/").unwrap_or(text);
    let (namespace, name) = rest.split_once('/').map_or((None, rest), |(space, name)| (Some(space), name));
    let group = services.group_of(namespace, name)?;
    let ports = group.first..group.first + group.count;
    if !services.ports[ports.clone()].iter().all(|port| port.targets.iter().any(|(target, _)| *target == workload)) {
        let message = format!(
            "service/{} does not lead to the pods of the controller",
            super::super::services::dotted(&group.namespace, &group.name)
        );
        return Err((message, Some("let its selector match the labels of `target`".to_owned())));
    }
    if services.ports[ports.clone()].iter().any(|port| port.outside.is_none()) {
        let message = format!(
            "service/{} cannot be reached from outside",
            super::super::services::dotted(&group.namespace, &group.name)
        );
        return Err((message, Some("give it `type: LoadBalancer` or `type: NodePort`".to_owned())));
    }
    Ok(ports)
}

/// The ports of the only Service that leads to a workload from outside.
fn only_service(workload: usize, target: &str, services: &ServiceTable) -> Result<std::ops::Range<usize>, Bad> {
    let leads = |port: &super::super::Service| {
        port.outside.is_some() && port.targets.iter().any(|(target, _)| *target == workload)
    };
    let mut found = services
        .groups
        .iter()
        .map(|group| group.first..group.first + group.count)
        .filter(|ports| !ports.is_empty() && services.ports[ports.clone()].iter().all(leads));
    match (found.next(), found.next()) {
        (Some(ports), None) => Ok(ports),
        (None, _) => {
            let message = format!("no Service leads to {target} from outside");
            Err((message, Some("give one that selects its pods `type: LoadBalancer` or `type: NodePort`".to_owned())))
        }
        (Some(_), Some(_)) => {
            let message = format!("several Services lead to {target} from outside");
            Err((message, Some("say which with `service: service/NAMESPACE/NAME`".to_owned())))
        }
    }
}

fn sync(cx: &mut Context<'_>, object: &Object<'_>, nginx: bool) -> Sync {
    let inner = object.get("sync").and_then(|node| cx.object(node, &tables::SYNC));
    let mut read = |key: &str| inner.and_then(|inner| inner.duration(cx, key));
    let (delay, interval, poll) = (read("delay"), read("interval"), read("poll"));
    let delay = delay.unwrap_or(SimDuration::from_nanos(100_000_000));
    if !nginx {
        for key in ["interval", "poll"] {
            if let Some(inner) = inner.filter(|inner| inner.get(key).is_some()) {
                let message = format!("`{key}` has no effect: an Envoy is told of changes");
                cx.problem_help(
                    inner.key_span(key),
                    message,
                    "write `implementation: ingress-nginx`, or `delay` alone",
                );
            }
        }
        return Sync::Push { delay };
    }
    // `--sync-rate-limit` 0.3 a second; `balancer.lua` looks every second.
    let interval = interval.unwrap_or(SimDuration::from_nanos(3_333_333_333));
    Sync::Poll { delay, interval, poll: poll.unwrap_or(SimDuration::from_secs(1)) }
}
