//! The endpoints of a Service as the control plane has published them, and what each reader makes of that.
//!
//! Proxies and clients that read EndpointSlices take the ready ones. A node's kube-proxy takes what the Service's
//! policies leave to its node, which is worked out here, when endpoints change, and never for a connection.

use std::sync::Arc;

use crate::discovery::slices::policy::{Distribution, Nobody, Place, Scope, TrafficPolicy, hint_close, usable};
use crate::discovery::slices::topology::{self, Capacity, Off};
use crate::discovery::slices::{Listed, Slices};
use crate::model::network::endpoints::Snapshot;

/// A Service as the API server has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Its address, 0 where it has none; `None` while there is no Service of that name.
    pub address: Option<u32>,
    /// Who may use which of its endpoints.
    pub policy: TrafficPolicy,
}

/// A Service and its endpoints at one version.
#[derive(Debug, Clone)]
pub struct Published {
    /// The Service itself.
    pub standing: Standing,
    slices: Slices,
    /// The ready ones, for those who read slices themselves.
    pub ready: Arc<Snapshot>,
    /// For every kube-proxy of a Service whose policies treat all nodes alike.
    everywhere: Arc<Snapshot>,
    /// Why there are no hints by topology, where they are asked for.
    pub off: Option<Off>,
}

impl Published {
    /// The first version.
    #[must_use]
    pub fn new(listed: &[Listed], standing: Standing, capacity: &Capacity) -> Self {
        let mut slices = Slices::default();
        let written = slices.reconcile(listed);
        Self::of(slices, &written, 0, standing, capacity)
    }

    /// What the control plane publishes next.
    #[must_use]
    pub fn next(&self, listed: &[Listed], standing: Standing, capacity: &Capacity) -> Self {
        let mut slices = self.slices.clone();
        let written = slices.reconcile(listed);
        Self::of(slices, &written, self.version() + 1, standing, capacity)
    }

    fn of(mut slices: Slices, written: &[bool], version: u64, standing: Standing, capacity: &Capacity) -> Self {
        let policy = standing.policy;
        let mut off = None;
        match policy.distribution {
            Distribution::None => {}
            Distribution::SameZone => hint_close(&mut slices, false),
            Distribution::SameNode => hint_close(&mut slices, true),
            Distribution::Auto => off = topology::hint(&mut slices, written, capacity).err(),
        }
        let mut ready: Vec<u32> = slices.listed().filter(|one| one.ready).map(|one| one.endpoint).collect();
        ready.sort_unstable();
        let ready = Snapshot::new(version, ready);
        let mut published = Self { standing, slices, everywhere: Arc::clone(&ready), ready, off };
        if standing.address.is_none() {
            // No rule knows its address any more: packets go where the route leads, and nobody answers.
            published.everywhere = Snapshot::without(version, [], Nobody::Drop);
        } else if !policy.by_node() {
            // No place is nearer than another, so any will do.
            published.everywhere = published.at(Scope::Cluster, Place { node: 0, zone: 0 });
        }
        published
    }

    /// Which version this is.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.ready.version()
    }

    /// Those whose pods answer, also on their way out: kube-proxy forgets UDP flows to all others.
    #[must_use]
    pub fn serving(&self) -> Vec<u32> {
        self.slices.listed().filter(|one| one.serving).map(|one| one.endpoint).collect()
    }

    /// Whether nobody would act otherwise on the other one; flows by UDP follow the serving ones.
    #[must_use]
    pub fn is_as_good_as(&self, other: &Self, by_udp: bool) -> bool {
        let policy = self.standing.policy;
        let by_node = policy.by_node() || policy.external == Scope::Local;
        let same = |one: &Arc<Snapshot>, other: &Arc<Snapshot>| one.endpoints() == other.endpoints();
        let used = |one: &Self| -> Vec<Listed> {
            one.slices.listed().filter(|listed| listed.ready || listed.serving && listed.terminating).copied().collect()
        };
        let all = same(&self.ready, &other.ready) && same(&self.everywhere, &other.everywhere);
        let all = all && self.standing == other.standing;
        let all = all && (!by_udp || self.serving() == other.serving());
        all && self.off == other.off && (!by_node || used(self) == used(other))
    }

    /// What a kube-proxy there does with connections from inside the cluster.
    #[must_use]
    pub fn inside(&self, place: Place) -> Arc<Snapshot> {
        let policy = self.standing.policy;
        let by_node = policy.by_node() && self.standing.address.is_some();
        if by_node { self.at(policy.internal, place) } else { Arc::clone(&self.everywhere) }
    }

    /// What a kube-proxy there does with connections from outside.
    #[must_use]
    pub fn outside(&self, place: Place) -> Arc<Snapshot> {
        let policy = self.standing.policy;
        if self.standing.address.is_none() {
            // Nobody listens on the node's port any more.
            return Arc::clone(&self.ready);
        }
        match (policy.external, policy.distribution) {
            (Scope::Cluster, Distribution::None) => Arc::clone(&self.everywhere),
            (scope, _) => self.at(scope, place),
        }
    }

    /// How many ready endpoints a node has: what its `healthCheckNodePort` tells load balancers.
    #[must_use]
    pub fn ready_on(&self, node: u32) -> usize {
        self.slices.listed().filter(|one| one.ready && one.node == node).count()
    }

    fn at(&self, scope: Scope, place: Place) -> Arc<Snapshot> {
        let (endpoints, nobody) = usable(&self.slices, scope, place);
        if nobody == Nobody::Refuse && self.ready.is(&endpoints) {
            return Arc::clone(&self.ready);
        }
        Snapshot::without(self.version(), endpoints, nobody)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two endpoints on node 0, one on node 1; zones are numbered as nodes.
    fn listed(terminating: &[u32]) -> Vec<Listed> {
        let one = |(endpoint, node): (u32, u32)| Listed {
            endpoint,
            port: 80,
            node,
            zone: node,
            ready: !terminating.contains(&endpoint),
            serving: true,
            terminating: terminating.contains(&endpoint),
            for_zone: None,
            for_node: false,
        };
        [(0, 0), (1, 0), (2, 1)].map(one).to_vec()
    }

    fn stands(policy: TrafficPolicy) -> Standing {
        Standing { address: Some(1), policy }
    }

    fn place(node: u32) -> Place {
        Place { node, zone: node }
    }

    #[test]
    fn alike_everywhere_without_policies() {
        let policy = TrafficPolicy::default();
        let first = Published::new(&listed(&[]), stands(policy), &Capacity::default());
        assert!(Arc::ptr_eq(&first.inside(place(1)), &first.ready));
        let next = first.next(&listed(&[0]), stands(policy), &Capacity::default());
        assert_eq!((next.version(), next.ready.endpoints()), (1, [1, 2].as_slice()));
        assert!(!next.is_as_good_as(&first, false));
        // Whether one on its way out is still listed matters to nobody while others are ready, except for UDP.
        let gone = next.next(&listed(&[])[1..], stands(policy), &Capacity::default());
        assert!(gone.is_as_good_as(&next, false) && !gone.is_as_good_as(&next, true));
        assert_eq!((next.serving().len(), gone.serving()), (3, vec![1, 2]));
        let last = next.next(&listed(&[0, 1, 2]), stands(policy), &Capacity::default());
        assert_eq!(last.ready.count(), 0);
        assert_eq!(last.inside(place(1)).endpoints(), [0, 1, 2]);
    }

    #[test]
    fn each_side_has_its_own_policy() {
        let policy = TrafficPolicy { internal: Scope::Local, external: Scope::Cluster, ..TrafficPolicy::default() };
        let published = Published::new(&listed(&[]), stands(policy), &Capacity::default());
        assert_eq!(published.inside(place(1)).endpoints(), [2]);
        let nowhere = published.inside(place(2));
        assert_eq!((nowhere.count(), nowhere.nobody()), (0, Nobody::Drop));
        assert_eq!(published.outside(place(2)).count(), 3);
        let policy = TrafficPolicy { internal: Scope::Cluster, external: Scope::Local, ..TrafficPolicy::default() };
        let published = Published::new(&listed(&[]), stands(policy), &Capacity::default());
        assert_eq!(published.outside(place(0)).endpoints(), [0, 1]);
        assert_eq!((published.ready_on(0), published.ready_on(2)), (2, 0));
    }

    #[test]
    fn without_a_service_packets_are_lost_inside_and_node_ports_refuse() {
        let policy = TrafficPolicy { internal: Scope::Local, ..TrafficPolicy::default() };
        let there = Published::new(&listed(&[]), stands(policy), &Capacity::default());
        let gone = there.next(&[], Standing { address: None, policy }, &Capacity::default());
        assert!(!gone.is_as_good_as(&there, false));
        let (inside, outside) = (gone.inside(place(0)), gone.outside(place(0)));
        assert_eq!((inside.count(), inside.nobody()), (0, Nobody::Drop));
        assert_eq!((outside.count(), outside.nobody()), (0, Nobody::Refuse));
    }
}
