//! Services without a selector: their endpoints are the addresses that somebody wrote into EndpointSlices.
//!
//! Nobody takes an address out when its pod ends, and none is added for a new pod: connections fail until somebody
//! writes the slice anew.

use std::net::Ipv4Addr;

use super::host::{self, At};
use super::objects::{Objects, short};
use super::placement::Placed;
use super::services::{Reason, dotted};
use crate::discovery::records::EndpointRecord;
use crate::manifest::ServiceObject;

/// What stands behind a port: containers by workload, and which pods of them.
#[derive(Debug, Default)]
pub(super) struct Behind {
    pub(super) targets: Vec<(usize, usize)>,
    pub(super) only: Vec<(usize, u32)>,
    /// The endpoints' own port, where the Service is headless and clients must name it.
    pub(super) port: Option<u16>,
}

/// Why no request can be sent to any port, if nobody wrote a slice.
pub(super) fn missing(service: &ServiceObject, objects: &Objects) -> Option<Reason> {
    let own = |namespace: &str, name: &str| namespace == service.namespace && name == service.name;
    if objects.slices.iter().any(|slice| own(&slice.namespace, &slice.service)) {
        return None;
    }
    let help = format!("write an EndpointSlice with the label kubernetes.io/service-name: {}", service.name);
    Some(("has no selector, and no EndpointSlice says who stands behind it".to_owned(), Some(help)))
}

/// The pods at the addresses of a Service's slices.
pub(super) fn behind(
    service: &ServiceObject,
    port: Option<&str>,
    objects: &Objects,
    pods: &[Placed],
) -> Result<Behind, Reason> {
    let mut found = Behind::default();
    let own = objects.slices.iter().filter(|one| one.namespace == service.namespace && one.service == service.name);
    for slice in own {
        let Some((_, number)) = slice.ports.iter().find(|(name, _)| name.as_deref() == port) else { continue };
        match found.port {
            _ if !service.is_headless() => {}
            Some(other) if other != *number => {
                let message = format!("has endpoints at the ports {other} and {number} for one port, and is headless");
                let help = "nobody translates ports behind a headless Service: give its EndpointSlices one number";
                return Err((message, Some(help.to_owned())));
            }
            _ => found.port = Some(*number),
        }
        for address in &slice.addresses {
            let shown = Ipv4Addr::from(*address);
            let (pod, container) = match host::listener(pods, &objects.workloads, (*address, *number)) {
                At::Container(pod, container) => (&pods[pod], container),
                At::Pod(pod) => {
                    let workload = short(&objects.workloads[pods[pod].workload]);
                    let message = format!("sends to {shown}:{number}, and no container of {workload} has that port");
                    return Err((message, Some("name a port of the pod in the EndpointSlice".to_owned())));
                }
                At::Nobody => {
                    let message = format!("sends to {shown}, an address that neither a pod nor anything outside has");
                    let help = "name the address of a pod in the EndpointSlice, or give it to a workload that stands outside: outside: true, addresses: [";
                    return Err((message, Some(format!("{help}{shown}]"))));
                }
            };
            let target = (pod.workload, container);
            let position = found.targets.iter().position(|known| *known == target).unwrap_or_else(|| {
                found.targets.push(target);
                found.targets.len() - 1
            });
            if !found.only.contains(&(position, pod.replica)) {
                found.only.push((position, pod.replica));
            }
        }
    }
    if found.only.is_empty() {
        let name = dotted(&service.namespace, &service.name);
        let message = "has no ready endpoint for that port in any EndpointSlice".to_owned();
        return Err((message, Some(format!("give the EndpointSlice the port of service/{name}, by the same name"))));
    }
    Ok(found)
}

/// The records of the addresses in a Service's slices.
pub(super) fn records(service: &ServiceObject, objects: &Objects) -> Vec<EndpointRecord> {
    let own = objects.slices.iter().filter(|one| one.namespace == service.namespace && one.service == service.name);
    let mut records: Vec<EndpointRecord> = Vec::new();
    for slice in own {
        for address in &slice.addresses {
            let named = slice.hostnames.iter().find(|(of, _)| of == address);
            let hostname = named.map(|(_, name)| name.clone());
            let record = EndpointRecord { address: Ipv4Addr::from(*address), hostname, ready: true };
            if !records.contains(&record) {
                records.push(record);
            }
        }
    }
    records
}
