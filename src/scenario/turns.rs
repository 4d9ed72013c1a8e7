//! What the timeline makes of the Services of the table: from when on which version of one stands.

use super::Service;
use super::applied::{Change, What};
use super::cluster_ips::ClusterIps;
use super::context::Context;
use super::eras::{Era, Stands};
use super::objects::Objects;
use super::services::{Group, ServiceTable, behind, dotted, pod_port, selected_by};
use crate::discovery::slices::policy::TrafficPolicy;
use crate::manifest::{ServiceForm, ServiceObject};
use crate::time::SimDuration;

/// A Service begins an era.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    /// The entry of the timeline that says so.
    pub(super) entry: usize,
    /// The first of its ports among [`ServiceTable::ports`], and how many there are.
    pub(super) ports: (usize, usize),
    /// Which era.
    pub(super) era: usize,
}

impl ServiceTable {
    /// What the timeline makes of a Service. A Service that comes later is in the table as it comes first.
    pub(super) fn lay_eras(
        &mut self,
        cx: &mut Context<'_>,
        (index, service): (usize, &ServiceObject),
        cluster_ips: &mut ClusterIps,
        objects: &Objects,
        changes: &[Change],
    ) {
        let same = |group: &Group| group.namespace == service.namespace && group.name == service.name;
        let Some(group) = self.groups.iter().position(same) else { return };
        let (first, count) = (self.groups[group].first, self.groups[group].count);
        let versions: Vec<(&Change, Option<&ServiceObject>)> = changes
            .iter()
            .filter_map(|change| match &change.what {
                What::Service(own, version) if *own == index => Some((change, version.as_deref())),
                _ => None,
            })
            .collect();
        let Some((begin, _)) = versions.first().filter(|_| count > 0) else { return };
        let comes_later = begin.span == service.span;
        let mut address = self.ports[first].cluster_ip;
        let (mut is_there, mut was_deleted) = (!comes_later, false);
        for port in &mut self.ports[first..first + count] {
            let stands = port.as_it_stands();
            port.eras.push(Era { from: SimDuration::ZERO, stands: is_there.then_some(stands) });
        }
        for (change, version) in versions {
            let turn = Turn { entry: change.entry, ports: (first, count), era: self.ports[first].eras.len() };
            let Some(version) = version else {
                self.turns.push(turn);
                (is_there, was_deleted) = (false, true);
                self.ports[first..first + count]
                    .iter_mut()
                    .for_each(|port| port.eras.push(Era { from: change.at, stands: None }));
                continue;
            };
            if !can_become(cx, service, version, address, is_there) {
                continue;
            }
            self.turns.push(turn);
            if !is_there && was_deleted {
                address = cluster_ips.anew(cx, version);
            }
            is_there = true;
            let selected = selected_by(&version.selector, &version.namespace, &objects.workloads);
            for position in 0..count {
                let target_port = &version.ports[position].target_port;
                let name = dotted(&service.namespace, &service.name);
                let (targets, reason) = behind(cx, &name, target_port, &selected, &objects.workloads);
                if self.groups[group].broken[position].is_some() && reason.is_none() {
                    self.groups[group].broken[position] = None;
                }
                let pods = selected.iter().map(|&workload| &objects.workloads[workload]);
                let port = &mut self.ports[first + position];
                let number = pod_port(target_port, pods).unwrap_or(port.port);
                port.begin_era(change.at, (address, version.policy), (&targets, number));
            }
            if !selected.is_empty()
                && self.groups[group].unusable.is_some()
                && service.form != ServiceForm::ExternalName
            {
                self.groups[group].unusable = None;
            }
        }
    }
}

impl Service {
    fn as_it_stands(&self) -> Stands {
        Stands {
            cluster_ip: self.cluster_ip,
            policy: self.policy,
            targets: vec![true; self.targets.len()],
            target_port: self.target_port,
        }
    }

    /// From a time on other containers stand behind it; those that it did not have yet are added.
    fn begin_era(
        &mut self,
        from: SimDuration,
        (cluster_ip, policy): (u32, TrafficPolicy),
        (behind, target_port): (&[(usize, usize)], u16),
    ) {
        for target in behind {
            if !self.targets.contains(target) {
                self.targets.push(*target);
            }
        }
        let targets = self.targets.iter().map(|target| behind.contains(target)).collect();
        self.eras.push(Era { from, stands: Some(Stands { cluster_ip, policy, targets, target_port }) });
    }
}

/// Whether a Service can become another version of itself: what the API server refuses, and what cannot be simulated.
fn can_become(
    cx: &mut Context<'_>,
    service: &ServiceObject,
    version: &ServiceObject,
    address: u32,
    is_there: bool,
) -> bool {
    let name = dotted(&service.namespace, &service.name);
    let written = version.cluster_ip.as_deref().and_then(super::url::ipv4);
    if is_there && written.is_some_and(|written| written != address) {
        let message = format!("service/{name}: the cluster IP of a Service cannot change");
        cx.problem_help(version.span, message, "delete it first; then it may come again with another");
        return false;
    }
    let ports = |one: &ServiceObject| -> Vec<(Option<String>, u16)> {
        one.ports.iter().map(|port| (port.name.clone(), port.port)).collect()
    };
    let differs = [
        (service.form != version.form || service.type_ != version.type_, "type"),
        (ports(service) != ports(version), "names and numbers of ports"),
        (service.affinity != version.affinity, "session affinity"),
        (
            service.outside.as_ref().map(|own| own.local) != version.outside.as_ref().map(|own| own.local),
            "externalTrafficPolicy",
        ),
        (version.form == ServiceForm::NoSelector && version.span != service.span, "endpoints, for want of a selector,"),
    ];
    let Some((_, what)) = differs.iter().find(|(differs, _)| *differs) else { return true };
    let message = format!("not supported yet: the {what} of service/{name} change during the run");
    cx.problem_help(version.span, message, "its selector, target ports and policies inside the cluster can change");
    false
}
