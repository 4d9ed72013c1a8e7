//! `timeline[].applyManifest`: manifests that are applied while traffic flows, and objects that are deleted.
//!
//! Applied is what `kubectl apply` would apply: whole objects. Another template of a Deployment begins a rollout; of a
//! ReplicaSet only the number of pods may differ from what is there.

use super::context::Context;
use super::manifests::{self, Manifests, flatten};
use super::names;
use super::objects::{Objects, short};
use super::services::dotted;
use super::values::{self, shorten};
use crate::manifest::{self, ServiceObject, WorkloadObject};
use crate::time::SimDuration;
use crate::yaml::{self, Node, Sources, Span, Value, nearest};

/// The kinds that can be applied.
const KINDS: [&str; 3] = ["Service", "Deployment", "ReplicaSet"];

/// What one entry of the timeline applies.
pub(super) struct Applied {
    /// Its position in the timeline.
    pub(super) entry: usize,
    pub(super) objects: manifest::Objects,
}

/// A change of an object, and when it happens.
pub(super) struct Change {
    /// The entry of the timeline that says so, by position.
    pub(super) entry: usize,
    pub(super) at: SimDuration,
    pub(super) what: What,
    pub(super) span: Span,
}

/// What changes.
pub(super) enum What {
    /// The Service of that index among the objects is as this now; `None` where it is deleted.
    Service(usize, Option<Box<ServiceObject>>),
    /// The workload of that index is to have so many pods.
    Replicas(usize, u32),
    /// The Deployment of that index is as this now.
    Deployment(usize, Box<WorkloadObject>),
}

/// Replaces the names of files by what is in them, so that the resolved scenario needs no other file.
pub(super) fn take_in(cx: &mut Context<'_>, sources: &mut Sources, spec: &mut Node) {
    let Some(timeline) = spec.get_mut("timeline").and_then(Node::as_list_mut) else { return };
    for place in timeline.iter_mut().filter_map(|entry| entry.get_mut("applyManifest")) {
        manifests::take_in(cx, sources, place, "applyManifest");
    }
}

/// The objects that the timeline applies.
pub(super) fn read(cx: &mut Context<'_>, sources: &Sources, spec: &Node, manifests: &Manifests) -> Vec<Applied> {
    let entries = spec.get("timeline").and_then(Node::as_list).unwrap_or(&[]);
    let mut there: Vec<Node> = manifests.documents.clone();
    let mut found = Vec::new();
    for (entry, item) in entries.iter().enumerate() {
        let Some(given) = item.get("applyManifest") else { continue };
        let mut documents = Vec::new();
        match &given.value {
            Value::Map(_) => flatten(vec![given.clone()], &mut documents),
            Value::List(items) => flatten(items.clone(), &mut documents),
            // A file that could not be read; that is said already.
            Value::Scalar(path) if cx.file(&path.text).is_err() => {}
            Value::Scalar(_) | Value::Null => cx.problem_help(
                given.span,
                "`applyManifest` in the `set` of a variant takes objects",
                "write the object itself, or a variant of the file's own `applyManifest`",
            ),
        }
        documents.retain(|document| can_be_applied(cx, document, &there));
        let (objects, problems) = manifest::read(&documents, sources);
        cx.problems.extend(problems);
        for document in documents {
            there.retain(|known| identity(known) != identity(&document));
            there.push(document);
        }
        found.push(Applied { entry, objects });
    }
    found
}

/// Kind, namespace and name.
fn identity(document: &Node) -> (&str, &str, &str) {
    let text = |path: &[&str]| document.at(path).and_then(Node::as_str);
    let namespace = text(&["metadata", "namespace"]).unwrap_or("default");
    (text(&["kind"]).unwrap_or_default(), namespace, text(&["metadata", "name"]).unwrap_or_default())
}

/// Refuses what the run could not follow.
fn can_be_applied(cx: &mut Context<'_>, document: &Node, there: &[Node]) -> bool {
    let span = document.get("kind").map_or(document.span, |kind| kind.span);
    let (kind, _, name) = identity(document);
    if kind.is_empty() {
        cx.problem_help(
            document.span,
            "`applyManifest` takes a file, or an object as in a manifest",
            "write for example applyManifest: web-v2.yaml, or {apiVersion: v1, kind: Service, metadata: {name: web}, spec: …}",
        );
        return false;
    }
    if !KINDS.contains(&kind) {
        let message = format!("not supported yet: applying a {} during the run", shorten(kind));
        cx.problem_help(span, message, "Services, Deployments and ReplicaSets can be applied");
        return false;
    }
    let template = |node: &Node| node.at(&["spec", "template"]).map(|node| yaml::write(std::slice::from_ref(node)));
    let known = there.iter().find(|known| identity(known) == identity(document));
    if kind == "ReplicaSet" && known.is_some_and(|known| template(known) != template(document)) {
        let message = format!("not supported yet: another `template` for {}/{}", kind.to_lowercase(), shorten(name));
        cx.problem_help(span, message, "a ReplicaSet keeps the pods it has; a Deployment replaces them");
        return false;
    }
    true
}

/// All changes in order of time; objects that come with one are added to those that there are, without pods.
pub(super) fn changes(cx: &mut Context<'_>, items: &[Node], applied: &[Applied], objects: &mut Objects) -> Vec<Change> {
    for objects_of_entry in applied.iter().map(|applied| &applied.objects) {
        for service in &objects_of_entry.services {
            if service_of(objects, service).is_none() {
                objects.services.insert(objects.manifest_services, service.clone());
                objects.manifest_services += 1;
            }
        }
        for workload in &objects_of_entry.workloads {
            if workload_of(objects, workload).is_none() {
                let without_pods = WorkloadObject { replicas: 0, ..workload.clone() };
                objects.workloads.insert(objects.manifest_workloads, without_pods);
                objects.manifest_workloads += 1;
            }
        }
    }
    let mut changes = Vec::new();
    for (entry, item) in items.iter().enumerate() {
        let at = item.get("at").and_then(|node| values::duration(node).ok());
        let Some(at) = at else { continue };
        if let Some(applied) = applied.iter().find(|applied| applied.entry == entry) {
            for service in &applied.objects.services {
                let index = service_of(objects, service).expect("it has been added");
                let what = What::Service(index, Some(Box::new(service.clone())));
                changes.push(Change { entry, at, what, span: service.span });
            }
            for workload in &applied.objects.workloads {
                let index = workload_of(objects, workload).expect("it has been added");
                if index >= objects.manifest_workloads {
                    let target = short(workload);
                    let help = "write it as a manifest, or use {scale: …, replicas: …}";
                    cx.problem_help(
                        workload.span,
                        format!("{target} is written `inline`, which nothing applies"),
                        help,
                    );
                    continue;
                }
                let what = What::Replicas(index, workload.replicas);
                changes.push(Change { entry, at, what, span: workload.replicas_span });
                if workload.kind == "deployment" {
                    let what = What::Deployment(index, Box::new(workload.clone()));
                    changes.push(Change { entry, at, what, span: workload.span });
                }
            }
        }
        if let Some(node) = item.get("delete")
            && let Some(what) = cx.take(node, "delete", deleted(node, objects))
        {
            changes.push(Change { entry, at, what, span: node.span });
        }
    }
    changes.sort_by_key(|change| change.at);
    refuse_what_is_not_there(cx, &changes, applied, objects);
    changes
}

fn service_of(objects: &Objects, service: &ServiceObject) -> Option<usize> {
    objects.services.iter().position(|one| one.namespace == service.namespace && one.name == service.name)
}

fn workload_of(objects: &Objects, workload: &WorkloadObject) -> Option<usize> {
    let same = |one: &WorkloadObject| {
        one.kind == workload.kind && one.namespace == workload.namespace && one.name == workload.name
    };
    objects.workloads.iter().position(same)
}

/// What `delete` names.
fn deleted(node: &Node, objects: &Objects) -> Result<What, values::Bad> {
    let text = values::text(node)?;
    let parts: Vec<&str> = text.split('/').collect();
    let (namespace, name) = match parts[..] {
        ["service" | "svc", name] => (None, name),
        [namespace, "service" | "svc", name] => (Some(namespace), name),
        _ => return objects.find(text).map(|workload| What::Replicas(workload, 0)),
    };
    let known: Vec<(&str, &str)> =
        objects.services.iter().map(|one| (one.namespace.as_str(), one.name.as_str())).collect();
    let fits = |(space, own): &(&str, &str)| *own == name && namespace.is_none_or(|wanted| wanted == *space);
    let found = known.iter().position(|one| fits(one) && one.0 == "default").or_else(|| known.iter().position(fits));
    found.map(|index| What::Service(index, None)).ok_or_else(|| {
        let labels: Vec<String> = known.iter().map(|(space, name)| names::label(space, "service", name)).collect();
        let help = match nearest(text, labels.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the Services are {}", shorten(&labels.join(", "))),
        };
        (format!("no Service `{}`", shorten(text)), Some(help))
    })
}

/// A Service cannot be deleted twice, nor a single pod as if it had a controller.
fn refuse_what_is_not_there(cx: &mut Context<'_>, changes: &[Change], applied: &[Applied], objects: &Objects) {
    let comes_later = |service: &ServiceObject| {
        applied.iter().flat_map(|applied| &applied.objects.services).any(|one| one.span == service.span)
    };
    let mut there: Vec<bool> = objects.services.iter().map(|service| !comes_later(service)).collect();
    for change in changes {
        match &change.what {
            What::Service(index, version) => {
                if version.is_none() && !there[*index] {
                    let service = &objects.services[*index];
                    let name = dotted(&service.namespace, &service.name);
                    cx.problem(change.span, format!("there is no service/{name} at {} to be deleted", change.at));
                }
                there[*index] = version.is_some();
            }
            What::Replicas(index, _) if objects.workloads[*index].kind == "pod" => {
                let target = short(&objects.workloads[*index]);
                cx.problem_help(
                    change.span,
                    format!("{target} is a single pod, which no controller deletes"),
                    format!("write deletePod: {target}"),
                );
            }
            What::Replicas(..) | What::Deployment(..) => {}
        }
    }
}
