//! Everything that runs pods and every Service before names are resolved, whether a manifest or the scenario wrote it.

use std::fmt;

use super::context::{Context, Object};
use super::names;
use super::tables;
use crate::discovery::resolv_conf::PodDns;
use crate::discovery::slices::policy::TrafficPolicy;
use crate::manifest::pod_life::{ContainerLifeObject, PodLifeObject, RolloutObject};
use crate::manifest::resources::Resources;
use crate::manifest::scheduling::Scheduling;
use crate::manifest::{
    ContainerObject, ContainerPort, ServiceForm, ServiceObject, ServicePortObject, SliceObject, TargetPort,
    WorkloadObject,
};
use crate::yaml::Node;

/// The container of an inline workload.
const INLINE_CONTAINER: &str = "app";

/// Workloads and Services of manifests and of the scenario itself.
pub(super) struct Objects {
    pub(super) workloads: Vec<WorkloadObject>,
    pub(super) services: Vec<ServiceObject>,
    pub(super) slices: Vec<SliceObject>,
    /// The first so many workloads and services come from manifests, the others are inline.
    pub(super) manifest_workloads: usize,
    pub(super) manifest_services: usize,
}

impl Objects {
    /// The objects of the manifests, and those of `workloads[].inline`.
    pub(super) fn new(cx: &mut Context<'_>, manifests: &crate::manifest::Objects, entries: &[Object<'_>]) -> Self {
        let mut objects = Self {
            workloads: manifests.workloads.clone(),
            services: manifests.services.clone(),
            slices: manifests.slices.clone(),
            manifest_workloads: manifests.workloads.len(),
            manifest_services: manifests.services.len(),
        };
        for entry in entries {
            if let (Some(inline), Some(target)) = (entry.get("inline"), entry.get("target")) {
                objects.add_inline(cx, inline, target);
            }
        }
        objects
    }

    fn add_inline(&mut self, cx: &mut Context<'_>, inline: &Node, target: &Node) -> Option<()> {
        let object = cx.object(inline, &tables::INLINE)?;
        let replicas = object.count32(cx, "replicas").unwrap_or(1);
        let port = object.count(cx, "port").and_then(|port| u16::try_from(port).ok()).unwrap_or(80);
        // A target that is no workload's name is reported where all targets are.
        let named = target.as_str().and_then(|text| names::workload_target(text).ok())?;
        let namespace = object.text(cx, "namespace").or(named.namespace).unwrap_or("default");
        if named.kind != "deployment" {
            cx.problem_help(target.span, "`inline` writes a Deployment", format!("write deployment/{}", named.name));
        }
        let same =
            |one: &WorkloadObject| one.kind == "deployment" && one.namespace == namespace && one.name == named.name;
        if let Some(position) = self.workloads.iter().position(same) {
            let other = if position < self.manifest_workloads { "a manifest" } else { "another `inline`" };
            cx.problem_help(
                inline.span,
                format!("{other} gives {} already", short(&self.workloads[position])),
                "remove `inline`",
            );
            return None;
        }
        let label = vec![("app".to_owned(), named.name.to_owned())];
        self.workloads.push(WorkloadObject {
            kind: "deployment",
            namespace: namespace.to_owned(),
            name: named.name.to_owned(),
            replicas,
            replicas_span: inline.span,
            labels: label.clone(),
            containers: vec![ContainerObject {
                name: INLINE_CONTAINER.to_owned(),
                sidecar: false,
                ports: vec![ContainerPort { name: None, container_port: port, host_port: None }],
                life: ContainerLifeObject::default(),
                resources: Resources::default(),
                span: inline.span,
            }],
            init: Vec::new(),
            node_name: None,
            node_name_span: inline.span,
            node_selector: Vec::new(),
            scheduling: Scheduling::default(),
            node_selector_span: inline.span,
            dns: PodDns::default(),
            service_links: true,
            host: None,
            template: String::new(),
            life: PodLifeObject::default(),
            rollout: RolloutObject::default(),
            span: target.span,
        });
        self.services.push(ServiceObject {
            namespace: namespace.to_owned(),
            name: named.name.to_owned(),
            selector: label,
            cluster_ip: None,
            external_name: None,
            type_: "ClusterIP".to_owned(),
            form: ServiceForm::ClusterIp,
            affinity: None,
            policy: TrafficPolicy::default(),
            outside: None,
            ports: vec![ServicePortObject {
                name: None,
                port,
                target_port: TargetPort::Number(port),
                node_port: None,
                span: inline.span,
            }],
            ports_left_out: Vec::new(),
            span: target.span,
        });
        Some(())
    }

    /// The workload that a target names.
    pub(super) fn find(&self, text: &str) -> Result<usize, super::values::Bad> {
        let known = self.workloads.iter().map(|one| (one.namespace.as_str(), one.kind, one.name.as_str()));
        names::workload_target(text).and_then(|target| names::find(target, known))
    }
}

/// `deployment/web`, or `shop/deployment/web` outside the namespace `default`.
pub(super) fn short(workload: &WorkloadObject) -> String {
    names::label(&workload.namespace, workload.kind, &workload.name)
}

/// A target port as it is written.
pub(super) struct Shown<'a>(pub(super) &'a TargetPort);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            TargetPort::Number(port) => port.fmt(f),
            TargetPort::Name(name) => write!(f, "`{name}`"),
        }
    }
}
