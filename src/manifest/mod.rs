//! Kubernetes YAML to the objects the model uses, with a report of what was used and what was not.
//!
//! Reads what `kubectl get -o yaml` and `helm template` print: several documents, `kind: List`, status and managed
//! fields. A kind or field without a meaning in the model is reported as ignored and is never an error; a used field with
//! a wrong value is an error at its place.

mod autoscaler;
pub mod disruption_budget;
mod endpoint_slice;
mod fields;
mod label_selector;
mod network_policy;
mod node;
mod object;
mod outside;
pub mod pod_life;
mod quantity;
mod reasons;
mod report;
pub mod resources;
mod route;
pub mod scheduling;
mod service;
mod subject;
mod traffic_policy;
mod workload;

use std::collections::BTreeMap;

use crate::yaml::{Node, Problem, Problems, Sources, Span};

use fields::Context;
pub use object::{
    AutoscalerObject, BackendObject, Block, Canary, ContainerObject, ContainerPort, GatewayObject, InitObject,
    MetricGoal, MetricObject, MetricSource, NetworkPolicyObject, NodeObject, Objects, OutsideObject, PathObject, Peer,
    PolicyPort, PolicyRule, PortRef, Requirement, RouteObject, RouteRule, Selector, ServiceForm, ServiceObject,
    ServicePortObject, SliceObject, TargetPort, WorkloadObject,
};
pub use outside::NODE_PORTS;
pub use quantity::quantity;
use report::Collector;
pub use report::{IgnoredItem, Report};
use subject::{Found, Role, Subject, find_objects};

/// Reads documents (and the lists in them) as Kubernetes objects.
///
/// The objects are usable where no problem is more than a warning.
#[must_use]
pub fn read(nodes: &[Node], sources: &Sources) -> (Objects, Vec<Problem>) {
    let mut problems = Problems::new();
    let mut collector = Collector::default();
    let found = find_objects(nodes, &mut problems);
    refuse_doubles(&found, sources, &mut problems);
    let owners = Owners::of(&found);
    let mut objects = Objects::default();
    for object in &found {
        let Some(role) = object.role else {
            collector.ignore(&object.subject, None, reasons::kind(&object.subject.kind));
            continue;
        };
        if let Some((why, detail)) = owners.reason_to_leave_out(object) {
            collector.leave_out(&object.subject, why, &detail);
            continue;
        }
        if role == Role::Slice && !is_of_service_by_hand(object, &found) {
            collector.ignore(&object.subject, None, reasons::kind(&object.subject.kind));
            continue;
        }
        let mut context = Context::new(object, &mut problems, &mut collector);
        match role {
            Role::Deployment | Role::ReplicaSet | Role::Pod => {
                objects.workloads.extend(workload::read(&mut context, object.node, role));
            }
            Role::Service => objects.services.extend(service::read(&mut context, object.node)),
            Role::Ingress | Role::HttpRoute => objects.routes.extend(route::read(&mut context, object.node, role)),
            Role::Gateway => objects.gateways.extend(route::read_gateway(&mut context, object.node)),
            Role::Node => objects.nodes.extend(node::read(&mut context, object.node)),
            Role::Slice => objects.slices.extend(endpoint_slice::read(&mut context, object.node, &object.subject)),
            Role::Budget => objects.budgets.extend(disruption_budget::read(&mut context, object.node)),
            Role::Autoscaler => objects.autoscalers.extend(autoscaler::read(&mut context, object.node)),
            Role::NetworkPolicy => objects.policies.extend(network_policy::read(&mut context, object.node)),
            Role::Namespace => {
                objects.namespace_labels.extend(labels_of_namespace(object));
                context.skip_rest_of_namespace(object.node);
                objects.namespaces.push(object.subject.name.clone());
                context.used("");
            }
        }
    }
    objects.report = collector.finish();
    (objects, problems.sorted())
}

/// Whether a slice belongs to a Service without a selector; the controller writes all others.
fn is_of_service_by_hand(slice: &Found<'_>, found: &[Found<'_>]) -> bool {
    let name = endpoint_slice::service_of(slice.node, &slice.subject);
    found.iter().any(|object| {
        let selector = object.node.at(&["spec", "selector"]).and_then(Node::as_map);
        object.role == Some(Role::Service)
            && object.subject.name == name
            && object.subject.namespace == slice.subject.namespace
            && selector.is_none_or(<[_]>::is_empty)
    })
}

/// The labels of a namespace, by which NetworkPolicies know it.
fn labels_of_namespace(object: &Found<'_>) -> Option<(String, Vec<(String, String)>)> {
    let labels = object.node.at(&["metadata", "labels"])?.as_map()?;
    let pair = |(key, value): &(crate::yaml::Key, Node)| Some((key.name.clone(), value.as_str()?.to_owned()));
    Some((object.subject.name.clone(), labels.iter().filter_map(pair).collect()))
}

/// Two objects of one kind, namespace and name cannot exist in a cluster.
fn refuse_doubles(found: &[Found<'_>], sources: &Sources, problems: &mut Problems) {
    let mut first: BTreeMap<(&str, &str, &str, &str), Span> = BTreeMap::new();
    for object in found.iter().filter(|object| object.named) {
        let Subject { kind, namespace, name } = &object.subject;
        let key = (object.group.as_str(), kind.as_str(), namespace.as_str(), name.as_str());
        if let Some(span) = first.get(&key) {
            let place = sources.place(*span);
            problems.push(
                Problem::error(object.name_span, format!("{} is given twice", object.subject.label())).help(format!(
                    "remove one of them; the first is at {}:{}:{}",
                    place.name, place.line, place.column
                )),
            );
        } else {
            first.insert(key, object.name_span);
        }
    }
}

/// Which Deployments and ReplicaSets are there to make pods of their own.
struct Owners<'a> {
    present: BTreeMap<(&'static str, &'a str, &'a str), ()>,
}

impl<'a> Owners<'a> {
    fn of(found: &'a [Found<'_>]) -> Self {
        let mut present = BTreeMap::new();
        for object in found {
            let kind = match object.role {
                Some(Role::Deployment) => "Deployment",
                Some(Role::ReplicaSet) => "ReplicaSet",
                _ => continue,
            };
            present.insert((kind, object.subject.namespace.as_str(), object.subject.name.as_str()), ());
        }
        Self { present }
    }

    fn has(&self, kind: &'static str, namespace: &str, name: &str) -> bool {
        self.present.contains_key(&(kind, namespace, name))
    }

    /// Why an object of a used kind stands for nothing of its own.
    ///
    /// A reason that many objects can share, and the same in detail.
    fn reason_to_leave_out(&self, object: &Found<'_>) -> Option<(&'static str, String)> {
        let namespace = object.subject.namespace.as_str();
        let metadata = object.node.get("metadata");
        let owners =
            metadata.and_then(|metadata| metadata.get("ownerReferences")).and_then(Node::as_list).unwrap_or(&[]);
        for owner in owners {
            let (Some(kind), Some(name)) =
                (owner.get("kind").and_then(Node::as_str), owner.get("name").and_then(Node::as_str))
            else {
                continue;
            };
            match (object.role, kind) {
                (Some(Role::Pod), "ReplicaSet") if self.has("ReplicaSet", namespace, name) => {
                    return Some((BY_REPLICA_SET, format!("owned by ReplicaSet/{name}, which is read")));
                }
                (Some(Role::Pod), "ReplicaSet") => {
                    // The ReplicaSet was not dumped, its Deployment may have been: NAME-HASH is named after it.
                    let hash = metadata
                        .and_then(|metadata| metadata.at(&["labels", "pod-template-hash"]))
                        .and_then(Node::as_str);
                    let deployment =
                        hash.and_then(|hash| name.strip_suffix(hash)).and_then(|rest| rest.strip_suffix('-'));
                    if let Some(deployment) = deployment.filter(|name| self.has("Deployment", namespace, name)) {
                        return Some((BY_DEPLOYMENT, format!("owned by Deployment/{deployment}, which is read")));
                    }
                }
                (Some(Role::ReplicaSet), "Deployment") if self.has("Deployment", namespace, name) => {
                    return Some((BY_DEPLOYMENT, format!("owned by Deployment/{name}, which is read")));
                }
                _ => {}
            }
        }
        let hook = metadata.and_then(|metadata| metadata.at(&["annotations", "helm.sh/hook"])).is_some();
        let why = match object.role {
            Some(Role::ReplicaSet) if object.node.at(&["spec", "replicas"]).and_then(Node::as_u64) == Some(0) => {
                "a ReplicaSet of 0 replicas"
            }
            Some(Role::Pod) if hook => "a Helm hook, which ends before or after the release runs",
            Some(Role::Pod) => match object.node.at(&["status", "phase"]).and_then(Node::as_str) {
                Some("Succeeded") => "the pod has ended (status.phase Succeeded)",
                Some("Failed") => "the pod has ended (status.phase Failed)",
                _ => return None,
            },
            _ => return None,
        };
        Some((why, why.to_string()))
    }
}

const BY_REPLICA_SET: &str = "owned by ReplicaSets that are read";
const BY_DEPLOYMENT: &str = "owned by Deployments that are read";

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_texts;
