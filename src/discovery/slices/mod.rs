//! EndpointSlices: what the control plane writes about the endpoints of a Service port, at most 100 in a slice.
//!
//! The controller changes as few slices as it can and never moves an endpoint from one to another, so slices become
//! sparse. Source: Kubernetes, `endpointslice/reconciler.go`, `reconcileByPortMapping`.

pub mod policy;
#[cfg(test)]
mod tests_packing;
pub mod topology;

use std::collections::BTreeMap;

/// Most endpoints of a slice (`--max-endpoints-per-slice`).
pub const MOST_IN_A_SLICE: usize = 100;

/// An endpoint as a slice has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// Which endpoint.
    pub endpoint: u32,
    /// The number of its port: endpoints of different ports stand in different slices.
    pub port: u16,
    /// Its node.
    pub node: u32,
    /// The zone of its node.
    pub zone: u32,
    /// Whether new connections are welcome: it serves and is not on its way out, or the Service asks for all pods.
    pub ready: bool,
    /// Whether its readiness probe succeeds.
    pub serving: bool,
    /// Whether it was deleted.
    pub terminating: bool,
    /// `hints.forZones`: for clients of which zone it is meant.
    pub for_zone: Option<u32>,
    /// `hints.forNodes`: whether it is meant for clients of its own node first.
    pub for_node: bool,
}

impl Listed {
    /// The same endpoint, whatever is hinted.
    fn same(&self, other: &Self) -> bool {
        Self { for_zone: None, for_node: false, ..*self } == Self { for_zone: None, for_node: false, ..*other }
    }
}

/// The slices of a Service port.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Slices {
    slices: Vec<Vec<Listed>>,
    /// Whether they were written before: without endpoints there is an empty one then.
    is_written: bool,
}

/// What the API server is asked to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Writes {
    /// How many slices are made.
    pub created: usize,
    /// How many are changed: also those that would be deleted while others are made.
    pub updated: usize,
    /// How many are deleted.
    pub deleted: usize,
}

impl Writes {
    /// What would be deleted becomes what would be made.
    fn recycled(self) -> Self {
        let both = self.created.min(self.deleted);
        Self { created: self.created - both, updated: self.updated + both, deleted: self.deleted - both }
    }
}

impl Slices {
    /// The slices of a new Service.
    #[must_use]
    pub fn of(endpoints: &[Listed]) -> Self {
        let mut slices = Self::default();
        slices.reconcile(endpoints);
        slices
    }

    /// All endpoints, slice by slice.
    pub fn listed(&self) -> impl Iterator<Item = &Listed> {
        self.slices.iter().flatten()
    }

    /// How many slices there are; without endpoints a single empty one.
    #[must_use]
    pub fn count(&self) -> usize {
        self.slices.len().max(1)
    }

    /// Makes the slices hold these endpoints; `true` for each slice that was written.
    pub fn reconcile(&mut self, wanted: &[Listed]) -> Vec<bool> {
        self.reconcile_up_to(MOST_IN_A_SLICE, wanted).0
    }

    /// The same with at most `most` endpoints in a slice; also says what is asked of the API server.
    pub fn reconcile_up_to(&mut self, most: usize, wanted: &[Listed]) -> (Vec<bool>, Writes) {
        let mut by_port: BTreeMap<u16, Vec<Listed>> = BTreeMap::new();
        for endpoint in wanted {
            by_port.entry(endpoint.port).or_default().push(*endpoint);
        }
        let mut old: BTreeMap<u16, Vec<Vec<Listed>>> = BTreeMap::new();
        let had_empty = self.is_written && self.slices.is_empty();
        for slice in std::mem::take(&mut self.slices) {
            let port = slice.first().map_or(0, |endpoint| endpoint.port);
            old.entry(port).or_default().push(slice);
        }
        let mut writes = Writes::default();
        let mut written = Vec::new();
        for (port, endpoints) in by_port {
            let before = old.remove(&port).unwrap_or_default();
            let packed = reconcile_port(most, before, endpoints);
            writes.created += packed.created;
            writes.deleted += packed.deleted;
            let changed = packed.slices.iter().filter(|(_, changed)| *changed).count();
            writes.updated += changed - packed.created;
            for (slice, changed) in packed.slices {
                self.slices.push(slice);
                written.push(changed);
            }
        }
        writes.deleted += old.values().map(Vec::len).sum::<usize>();
        match (had_empty, self.slices.is_empty()) {
            (true, false) => writes.deleted += 1,
            (false, true) => writes.created += 1,
            _ => {}
        }
        self.is_written = true;
        (written, writes.recycled())
    }
}

/// The slices of one port, with those that were written, and how many were made or emptied.
struct Packed {
    slices: Vec<(Vec<Listed>, bool)>,
    created: usize,
    deleted: usize,
}

fn reconcile_port(most: usize, old: Vec<Vec<Listed>>, wanted: Vec<Listed>) -> Packed {
    let mut to_add: BTreeMap<u32, Listed> = wanted.into_iter().map(|endpoint| (endpoint.endpoint, endpoint)).collect();
    let mut slices: Vec<(Vec<Listed>, bool)> = Vec::new();
    let (mut created, mut deleted) = (0, 0);
    for slice in old {
        let before = slice.len();
        let mut changed = false;
        let mut kept = Vec::with_capacity(before);
        for endpoint in slice {
            let Some(now) = to_add.remove(&endpoint.endpoint) else { continue };
            let same = endpoint.same(&now);
            changed |= !same;
            let hints = (endpoint.for_zone, endpoint.for_node);
            kept.push(Listed { for_zone: hints.0, for_node: hints.1, ..now });
        }
        changed |= kept.len() < before;
        if kept.is_empty() {
            deleted += 1;
        } else {
            slices.push((kept, changed));
        }
    }
    let mut to_add: std::collections::VecDeque<Listed> = to_add.into_values().collect();
    // Slices that are written anyway are filled first, the fullest of them before others.
    let mut open: Vec<usize> = (0..slices.len()).filter(|slice| slices[*slice].1).collect();
    open.sort_by_key(|slice| std::cmp::Reverse(slices[*slice].0.len()));
    for slice in open {
        fill(most, &mut slices[slice].0, &mut to_add);
    }
    while !to_add.is_empty() {
        let fits = |(slice, changed): &(Vec<Listed>, bool)| !changed && slice.len() + to_add.len() <= most;
        let unwritten = (0..slices.len()).filter(|slice| fits(&slices[*slice]));
        let place = match unwritten.max_by_key(|slice| (slices[*slice].0.len(), std::cmp::Reverse(*slice))) {
            Some(place) if to_add.len() < most => place,
            _ => {
                slices.push((Vec::new(), true));
                created += 1;
                slices.len() - 1
            }
        };
        slices[place].1 = true;
        fill(most, &mut slices[place].0, &mut to_add);
    }
    Packed { slices, created, deleted }
}

fn fill(most: usize, slice: &mut Vec<Listed>, from: &mut std::collections::VecDeque<Listed>) {
    let room = most.saturating_sub(slice.len()).min(from.len());
    slice.extend(from.drain(..room));
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A ready endpoint on node `node`, in zone `node / 10`.
    pub(crate) fn ready(endpoint: u32, node: u32) -> Listed {
        Listed {
            endpoint,
            port: 80,
            node,
            zone: node / 10,
            ready: true,
            serving: true,
            terminating: false,
            for_zone: None,
            for_node: false,
        }
    }

    fn all(range: std::ops::Range<u32>) -> Vec<Listed> {
        range.map(|endpoint| ready(endpoint, 0)).collect()
    }

    fn sizes(slices: &Slices) -> Vec<usize> {
        slices.slices.iter().map(Vec::len).collect()
    }

    #[test]
    fn a_slice_has_a_hundred_endpoints_at_most() {
        for (endpoints, expected) in [(0, 1), (1, 1), (100, 1), (101, 2), (1000, 10)] {
            assert_eq!(Slices::of(&all(0..endpoints)).count(), expected, "{endpoints}");
        }
    }

    #[test]
    fn few_slices_are_written_and_endpoints_do_not_move() {
        let mut slices = Slices::of(&all(0..250));
        assert_eq!(sizes(&slices), [100, 100, 50]);
        // Thirty of the second go: it alone is written, and keeps the others.
        let without: Vec<Listed> = all(0..250).into_iter().filter(|one| !(120..150).contains(&one.endpoint)).collect();
        assert_eq!(slices.reconcile(&without), [false, true, false]);
        assert_eq!(sizes(&slices), [100, 70, 50]);
        // Twenty come, nobody else changes: the slice that ends fullest takes them all.
        let mut more = without.clone();
        more.extend(all(300..320));
        assert_eq!(slices.reconcile(&more), [false, true, false]);
        assert_eq!(sizes(&slices), [100, 90, 50]);
        // Sixty come and fit nowhere: a new slice.
        more.extend(all(400..460));
        assert_eq!(slices.reconcile(&more), [false, false, false, true]);
        assert_eq!(sizes(&slices), [100, 90, 50, 60]);
        // One of the third becomes unready while fifteen come: they go where a write is due anyway.
        more.iter_mut().find(|one| one.endpoint == 240).unwrap().ready = false;
        more.extend(all(500..515));
        assert_eq!(slices.reconcile(&more), [false, false, true, false]);
        assert_eq!(sizes(&slices), [100, 90, 65, 60]);
        assert_eq!(slices.reconcile(&more), [false; 4]);
    }

    #[test]
    fn ports_that_differ_stand_in_slices_of_their_own() {
        let mut endpoints = all(0..10);
        endpoints.iter_mut().take(3).for_each(|endpoint| endpoint.port = 8080);
        assert_eq!(sizes(&Slices::of(&endpoints)), [7, 3]);
    }
}
