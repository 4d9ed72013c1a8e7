//! Which endpoints of a Service a node's kube-proxy sends to.
//!
//! Source: Kubernetes, `pkg/proxy/topology.go`, `CategorizeEndpoints`, and `endpointslice/trafficdist`.

use super::{Listed, Slices};

/// `internalTrafficPolicy` and `externalTrafficPolicy`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scope {
    /// Endpoints of the whole cluster.
    #[default]
    Cluster,
    /// Endpoints of the node alone.
    Local,
}

/// `trafficDistribution`, or the annotation that came before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Distribution {
    /// All endpoints alike.
    #[default]
    None,
    /// Those of the client's zone, where there are any (`PreferSameZone`, `PreferClose`).
    SameZone,
    /// Those of the client's node, else of its zone.
    SameNode,
    /// As `service.kubernetes.io/topology-mode: Auto` allots them to zones.
    Auto,
}

/// What a Service says about who may use which of its endpoints.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TrafficPolicy {
    /// For connections from inside.
    pub internal: Scope,
    /// For connections from outside.
    pub external: Scope,
    /// Which endpoints are preferred.
    pub distribution: Distribution,
    /// `publishNotReadyAddresses`: pods count as ready whether they are or not.
    pub not_ready_too: bool,
}

impl TrafficPolicy {
    /// Whether endpoints depend on the node of a client inside the cluster.
    #[must_use]
    pub fn by_node(&self) -> bool {
        self.internal == Scope::Local || self.distribution != Distribution::None
    }
}

/// What becomes of a connection for which there is no endpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Nobody {
    /// It is refused at once: there is no endpoint anywhere.
    #[default]
    Refuse,
    /// Its packets are dropped: there are endpoints, but not for this node.
    Drop,
}

/// Where a node's kube-proxy stands.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The node.
    pub node: u32,
    /// Its zone.
    pub zone: u32,
}

/// The endpoints that a kube-proxy at this place sends connections to, ascending, and what it does without any.
#[must_use]
pub fn usable(slices: &Slices, scope: Scope, place: Place) -> (Vec<u32>, Nobody) {
    let some = |wanted: &dyn Fn(&Listed) -> bool| -> Vec<u32> {
        let mut found: Vec<u32> = slices.listed().filter(|one| wanted(one)).map(|one| one.endpoint).collect();
        found.sort_unstable();
        found
    };
    let last_resort = |one: &Listed| one.serving && one.terminating;
    let local = |one: &Listed| one.node == place.node;
    match scope {
        Scope::Cluster => {
            let preferred = preference(slices, place);
            let mut found = some(&|one| one.ready && preferred.is_met(one, place));
            if found.is_empty() {
                found = some(&last_resort);
            }
            (found, Nobody::Refuse)
        }
        Scope::Local => {
            let mut found = some(&|one| one.ready && local(one));
            if found.is_empty() {
                found = some(&|one| !one.ready && last_resort(one) && local(one));
            }
            let any = slices.listed().any(|one| one.ready || last_resort(one));
            (found, if any { Nobody::Drop } else { Nobody::Refuse })
        }
    }
}

/// Which hints are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Preference {
    None,
    Zone,
    Node,
}

impl Preference {
    fn is_met(self, endpoint: &Listed, place: Place) -> bool {
        match self {
            Self::None => true,
            Self::Zone => endpoint.for_zone == Some(place.zone),
            Self::Node => endpoint.for_node && endpoint.node == place.node,
        }
    }
}

/// Hints are followed when every ready endpoint has one and one of them names this place: its node before its zone.
fn preference(slices: &Slices, place: Place) -> Preference {
    let ready = || slices.listed().filter(|one| one.ready);
    if ready().all(|one| one.for_node) && ready().any(|one| one.node == place.node) {
        Preference::Node
    } else if ready().all(|one| one.for_zone.is_some()) && ready().any(|one| one.for_zone == Some(place.zone)) {
        Preference::Zone
    } else {
        Preference::None
    }
}

/// The hints of `trafficDistribution`: every ready endpoint is meant for its own zone, and, where asked for, node.
pub fn hint_close(slices: &mut Slices, nodes_too: bool) {
    for endpoint in slices.slices.iter_mut().flatten() {
        if endpoint.ready {
            (endpoint.for_zone, endpoint.for_node) = (Some(endpoint.zone), nodes_too);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::ready;
    use super::*;

    const A: Place = Place { node: 0, zone: 0 };
    const B: Place = Place { node: 1, zone: 0 };
    const C: Place = Place { node: 20, zone: 2 };

    /// Two endpoints on node 0, one on node 3 (zone 0), one in zone 1; none in zone 2.
    fn endpoints() -> Vec<Listed> {
        vec![ready(0, 0), ready(1, 0), ready(2, 3), ready(3, 10)]
    }

    fn hinted(nodes_too: bool) -> Slices {
        let mut slices = Slices::of(&endpoints());
        hint_close(&mut slices, nodes_too);
        slices
    }

    #[test]
    fn without_hints_all_are_used() {
        let slices = Slices::of(&endpoints());
        assert_eq!(usable(&slices, Scope::Cluster, C), (vec![0, 1, 2, 3], Nobody::Refuse));
        assert_eq!(usable(&Slices::default(), Scope::Cluster, A), (vec![], Nobody::Refuse));
    }

    #[test]
    fn local_stays_on_the_node_or_drops() {
        let slices = Slices::of(&endpoints());
        assert_eq!(usable(&slices, Scope::Local, A), (vec![0, 1], Nobody::Drop));
        assert_eq!(usable(&slices, Scope::Local, B), (vec![], Nobody::Drop));
        // Without endpoints anywhere it is a refusal, not a drop.
        assert_eq!(usable(&Slices::default(), Scope::Local, B), (vec![], Nobody::Refuse));
    }

    #[test]
    fn the_own_zone_comes_first_and_the_cluster_next() {
        let slices = hinted(false);
        assert_eq!(usable(&slices, Scope::Cluster, B).0, [0, 1, 2]);
        assert_eq!(usable(&slices, Scope::Cluster, Place { node: 11, zone: 1 }).0, [3]);
        assert_eq!(usable(&slices, Scope::Cluster, C).0, [0, 1, 2, 3]);
    }

    #[test]
    fn the_own_node_comes_before_the_zone() {
        let slices = hinted(true);
        assert_eq!(usable(&slices, Scope::Cluster, A).0, [0, 1]);
        assert_eq!(usable(&slices, Scope::Cluster, B).0, [0, 1, 2]);
        assert_eq!(usable(&slices, Scope::Cluster, C).0, [0, 1, 2, 3]);
    }

    #[test]
    fn one_ready_endpoint_without_a_hint_ends_them_all() {
        let mut slices = hinted(false);
        slices.slices[0][3].for_zone = None;
        assert_eq!(usable(&slices, Scope::Cluster, B).0, [0, 1, 2, 3]);
        // One that is not ready does not count.
        slices.slices[0][3].ready = false;
        assert_eq!(usable(&slices, Scope::Cluster, B).0, [0, 1, 2]);
    }

    #[test]
    fn those_on_their_way_out_serve_when_nobody_else_does() {
        let mut slices = hinted(false);
        for endpoint in &mut slices.slices[0] {
            (endpoint.ready, endpoint.terminating) = (false, true);
        }
        slices.slices[0][1].serving = false;
        assert_eq!(usable(&slices, Scope::Cluster, B).0, [0, 2, 3]);
        assert_eq!(usable(&slices, Scope::Local, A).0, [0]);
        slices.slices[0][3].ready = true;
        assert_eq!(usable(&slices, Scope::Cluster, B).0, [3]);
        assert_eq!(usable(&slices, Scope::Local, A).0, [0], "each scope has its own last resort");
    }
}
