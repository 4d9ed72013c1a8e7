//! Cluster IPs: the addresses that Services ask for, and those that the others get.
//!
//! A range has a lower band for addresses that are written down and an upper one from which those are given that are
//! not; only when the upper one is used up, the lower one is touched. So an address from the lower band is free as long as
//! nobody else writes it down. Source: Kubernetes enhancement 3070. A cluster draws from the upper band at random; here
//! the lowest free one is given. The first address is that of the API server's Service, the tenth that of DNS, as kubeadm
//! has them.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::context::{Context, Object};
use super::objects::Objects;
use super::services::dotted;
use super::url::ipv4;
use super::values::shorten;
use crate::manifest::{ServiceForm, ServiceObject};

/// The range of kubeadm.
const USUAL: Range = Range { first: u32::from_be_bytes([10, 96, 0, 0]), length: 12 };

/// A range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    first: u32,
    length: u8,
}

impl Range {
    fn size(self) -> u32 {
        1 << (32 - u32::from(self.length))
    }

    fn holds(self, address: u32) -> bool {
        address.wrapping_sub(self.first) < self.size()
    }

    /// How many addresses the lower band has.
    fn lower(self) -> u32 {
        (self.size() / 16).clamp(16, 256).min(self.size() - 2)
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.first), self.length)
    }
}

/// Gives Services their addresses.
#[derive(Debug)]
pub(super) struct ClusterIps {
    range: Range,
    /// Who has which.
    owners: BTreeMap<u32, String>,
    /// Offsets of the next ones to be tried: above the lower band, and in it.
    next: [u32; 2],
}

impl ClusterIps {
    /// With the range of the scenario and the addresses that Services write down, which must be possible.
    pub(super) fn new(cx: &mut Context<'_>, cluster: Option<&Object<'_>>, objects: &Objects) -> Self {
        let given = cluster.and_then(|cluster| read(cx, cluster));
        let range = given.unwrap_or(USUAL);
        let mut ips = Self { range, owners: BTreeMap::new(), next: [range.lower() + 1, 1] };
        let mut outside = false;
        for service in &objects.services {
            let Some(address) = written(service) else { continue };
            let name = dotted(&service.namespace, &service.name);
            let shown = Ipv4Addr::from(address);
            if !range.holds(address) {
                outside = true;
                if given.is_some() {
                    let message = format!("service/{name}: the cluster IP {shown} is not in the range {range}");
                    cx.problem_help(service.span, message, "choose another, or change cluster.serviceCIDR");
                }
            }
            match ips.owners.get(&address) {
                // Written twice as a whole is another mistake.
                Some(other) if *other != name => {
                    let message = format!("service/{name}: service/{other} has the cluster IP {shown} already");
                    cx.problem_help(service.span, message, "leave `clusterIP` out, and it gets one of its own");
                }
                _ => drop(ips.owners.insert(address, name)),
            }
        }
        if outside && given.is_none() {
            let field = "cluster.serviceCIDR";
            cx.assume(
                "cluster: range of cluster IPs, besides those that are written".to_owned(),
                USUAL.to_string(),
                field,
            );
        }
        for (offset, name) in [(1, "kubernetes"), (10, "kube-dns.kube-system")] {
            ips.owners.entry(range.first + offset).or_insert_with(|| name.to_owned());
        }
        ips
    }

    /// The address of a Service; 0 for one that has none.
    pub(super) fn of(&mut self, cx: &mut Context<'_>, service: &ServiceObject) -> u32 {
        if service.is_headless() || service.form == ServiceForm::ExternalName {
            return 0;
        }
        if let Some(address) = written(service) {
            return address;
        }
        let name = dotted(&service.namespace, &service.name);
        let ends = [self.range.size() - 1, self.range.lower() + 1];
        for (next, end) in self.next.iter_mut().zip(ends) {
            while *next < end {
                let address = self.range.first + *next;
                *next += 1;
                if let std::collections::btree_map::Entry::Vacant(place) = self.owners.entry(address) {
                    place.insert(name);
                    return address;
                }
            }
        }
        let message = format!("service/{name} gets no cluster IP: the range {} is used up", self.range);
        cx.problem_help(service.span, message, "make cluster.serviceCIDR larger, or Services headless");
        0
    }

    /// The address of a Service that was deleted and comes again: the next one, if it writes none.
    pub(super) fn anew(&mut self, cx: &mut Context<'_>, service: &ServiceObject) -> u32 {
        let Some(address) = written(service) else { return self.of(cx, service) };
        let name = dotted(&service.namespace, &service.name);
        match self.owners.insert(address, name.clone()) {
            Some(other) if other != name => {
                let shown = Ipv4Addr::from(address);
                let message = format!("service/{name}: service/{other} has the cluster IP {shown} already");
                cx.problem_help(service.span, message, "leave `clusterIP` out, and it gets one of its own");
            }
            _ => {}
        }
        address
    }

    /// The address of the cluster's DNS.
    pub(super) fn dns(&self) -> Ipv4Addr {
        Ipv4Addr::from(self.range.first + 10)
    }
}

fn written(service: &ServiceObject) -> Option<u32> {
    let has_one = !service.is_headless() && service.form != ServiceForm::ExternalName;
    service.cluster_ip.as_deref().filter(|_| has_one).and_then(ipv4)
}

/// `cluster.serviceCIDR`.
fn read(cx: &mut Context<'_>, cluster: &Object<'_>) -> Option<Range> {
    let node = cluster.get("serviceCIDR")?;
    let text = cluster.text(cx, "serviceCIDR")?;
    let parsed = text.split_once('/').and_then(|(first, length)| {
        let length = length.parse::<u8>().ok().filter(|length| (12..=27).contains(length))?;
        let first = ipv4(first)?;
        Some(Range { first: first & (u32::MAX << (32 - u32::from(length))), length })
    });
    if parsed.is_none() {
        let message = format!("expected a range of IPv4 addresses from /12 to /27, found `{}`", shorten(text));
        cx.problem_help(node.span, message, "write for example serviceCIDR: 10.96.0.0/12");
    }
    parsed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lower_bands_are_those_of_kubernetes() {
        let lower = |length| Range { first: 0, length }.lower();
        assert_eq!([12, 16, 20, 22, 24, 26, 27].map(lower), [256, 256, 256, 64, 16, 16, 16]);
        assert!(USUAL.holds(u32::from_be_bytes([10, 111, 255, 255])));
        assert!(!USUAL.holds(u32::from_be_bytes([10, 112, 0, 0])) && !USUAL.holds(0));
        assert_eq!(USUAL.to_string(), "10.96.0.0/12");
    }
}
