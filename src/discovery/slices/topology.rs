//! Topology-aware routing: `service.kubernetes.io/topology-mode: Auto` allots endpoints to zones by their share of CPU.
//!
//! With n ready endpoints a zone of share r needs ⌈n r / 1.2⌉ at least: no endpoint may get more than 20 % above its part.
//! Where that cannot be had the hints are taken away. Else every endpoint is meant for its own zone at first, and zones
//! with too many give to those with too few. Source: Kubernetes, `endpointslice/topologycache`.

use std::collections::BTreeMap;

use super::{Listed, Slices};

/// By how much an endpoint may be loaded above its part.
const OVERLOAD: f64 = 0.2;

/// The zones and their shares of the CPU.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Capacity {
    shares: Vec<(u32, f64)>,
}

/// Why there are no hints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Off {
    /// A node says nothing of its CPU, or all are in one zone.
    Nodes,
    /// There are fewer ready endpoints than zones.
    TooFew,
    /// Some zone would have too few.
    Overload,
}

impl Off {
    /// In words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nodes => "nodes in one zone, or without CPU",
            Self::TooFew => "fewer endpoints than zones",
            Self::Overload => "some zone would be overloaded by more than 20 %",
        }
    }
}

/// How many endpoints a zone is to have.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Allocation {
    most: usize,
    desired: f64,
}

impl Capacity {
    /// Of nodes by zone and CPU. One node without CPU leaves nothing to go by.
    #[must_use]
    pub fn of(nodes: impl Iterator<Item = (u32, Option<f64>)>) -> Self {
        let mut by_zone: BTreeMap<u32, f64> = BTreeMap::new();
        for (zone, cpu) in nodes {
            match cpu {
                Some(cpu) if cpu > 0.0 => *by_zone.entry(zone).or_default() += cpu,
                _ => return Self::default(),
            }
        }
        let total: f64 = by_zone.values().sum();
        Self { shares: by_zone.into_iter().map(|(zone, cpu)| (zone, cpu / total)).collect() }
    }

    fn allocations(&self, endpoints: usize) -> Result<BTreeMap<u32, Allocation>, Off> {
        if self.shares.len() < 2 {
            return Err(Off::Nodes);
        }
        if self.shares.len() > endpoints {
            return Err(Off::TooFew);
        }
        let least = |share: f64| libm::ceil(share * endpoints as f64 * (1.0 / (1.0 + OVERLOAD)));
        let needed: usize = self.shares.iter().map(|(_, share)| least(*share) as usize).sum();
        let Some(spare) = endpoints.checked_sub(needed) else { return Err(Off::Overload) };
        let allocation = |share: f64| {
            let least = least(share);
            Allocation { most: least as usize + spare, desired: (share * endpoints as f64).max(least) }
        };
        Ok(self.shares.iter().map(|(zone, share)| (*zone, allocation(*share))).collect())
    }
}

/// Gives the endpoints hints, or takes them away. Slices that were not written keep theirs as long as these are valid.
///
/// # Errors
/// Why there are none.
pub fn hint(slices: &mut Slices, written: &[bool], capacity: &Capacity) -> Result<(), Off> {
    for endpoint in slices.slices.iter_mut().flatten() {
        endpoint.for_node = false;
    }
    let ready = slices.listed().filter(|endpoint| endpoint.ready).count();
    let allocations = match capacity.allocations(ready) {
        Ok(allocations) => allocations,
        Err(off) => {
            slices.slices.iter_mut().flatten().for_each(|endpoint| endpoint.for_zone = None);
            return Err(off);
        }
    };
    let mut allotted: BTreeMap<u32, usize> = BTreeMap::new();
    let mut open: Vec<usize> = Vec::new();
    for (index, slice) in slices.slices.iter().enumerate() {
        let kept = if written.get(index) == Some(&false) { valid(slice, &allotted, &allocations) } else { None };
        match kept {
            Some(own) => own.into_iter().for_each(|(zone, count)| *allotted.entry(zone).or_default() += count),
            None => open.push(index),
        }
    }
    // Slices to be written come before those whose hints became invalid.
    open.sort_by_key(|index| written.get(*index) == Some(&false));
    for index in &open {
        for endpoint in &mut slices.slices[*index] {
            endpoint.for_zone = endpoint.ready.then_some(endpoint.zone);
            if endpoint.ready {
                *allotted.entry(endpoint.zone).or_default() += 1;
            }
        }
    }
    let (mut giving, mut receiving) = moves(&allocations, &allotted);
    for index in open {
        for endpoint in slices.slices[index].iter_mut().filter(|endpoint| endpoint.ready) {
            let Some(gives) = giving.get_mut(&endpoint.zone).filter(|left| **left > 0) else { continue };
            let Some((zone, takes)) = receiving.iter_mut().find(|(_, left)| **left > 0) else { return Ok(()) };
            *gives -= 1;
            *takes -= 1;
            endpoint.for_zone = Some(*zone);
        }
    }
    Ok(())
}

/// How many endpoints each zone has in a slice; `None` where its hints cannot stay.
fn valid(
    slice: &[Listed],
    allotted: &BTreeMap<u32, usize>,
    allocations: &BTreeMap<u32, Allocation>,
) -> Option<BTreeMap<u32, usize>> {
    let mut own: BTreeMap<u32, usize> = BTreeMap::new();
    for endpoint in slice.iter().filter(|endpoint| endpoint.ready) {
        *own.entry(endpoint.for_zone.filter(|zone| allocations.contains_key(zone))?).or_default() += 1;
    }
    let fits = |(zone, count): (&u32, &usize)| {
        allocations.get(zone).is_some_and(|allocation| count + allotted.get(zone).unwrap_or(&0) <= allocation.most)
    };
    own.iter().all(fits).then_some(own)
}

/// How many endpoints each zone gives, and how many each gets.
fn moves(
    allocations: &BTreeMap<u32, Allocation>,
    allotted: &BTreeMap<u32, usize>,
) -> (BTreeMap<u32, usize>, BTreeMap<u32, usize>) {
    let (mut too_many, mut too_few): (BTreeMap<u32, f64>, BTreeMap<u32, f64>) = (BTreeMap::new(), BTreeMap::new());
    for (zone, allocation) in allocations {
        let surplus = *allotted.get(zone).unwrap_or(&0) as f64 - allocation.desired;
        if surplus > 0.0 {
            too_many.insert(*zone, surplus);
        } else if surplus < 0.0 {
            too_few.insert(*zone, -surplus);
        }
    }
    let (mut giving, mut receiving) = (BTreeMap::new(), BTreeMap::new());
    while let (Some((from, gives)), Some((to, takes))) = (most(&too_many), most(&too_few)) {
        if (gives < 1.0 && takes < 1.0) || gives < 0.5 || takes < 0.5 {
            break;
        }
        *giving.entry(from).or_default() += 1;
        *receiving.entry(to).or_default() += 1;
        *too_many.entry(from).or_default() -= 1.0;
        *too_few.entry(to).or_default() -= 1.0;
    }
    (giving, receiving)
}

/// The zone with the largest number above 0; of equals the first, where Kubernetes takes any.
fn most(zones: &BTreeMap<u32, f64>) -> Option<(u32, f64)> {
    let mut found: Option<(u32, f64)> = None;
    for (zone, number) in zones {
        if *number > found.map_or(0.0, |(_, most)| most) {
            found = Some((*zone, *number));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::policy::{Place, Scope, usable};
    use super::super::tests::ready;
    use super::*;

    fn zones(cpu: &[f64]) -> Capacity {
        Capacity::of((0..).zip(cpu.iter().map(|cpu| Some(*cpu))))
    }

    /// So many endpoints in each zone.
    fn endpoints(counts: &[u32]) -> Vec<Listed> {
        let mut all = Vec::new();
        for (zone, count) in (0..).zip(counts) {
            for _ in 0..*count {
                all.push(ready(all.len() as u32, zone * 10));
            }
        }
        all
    }

    fn hints(capacity: &Capacity, counts: &[u32]) -> Result<Vec<usize>, Off> {
        let mut slices = Slices::of(&endpoints(counts));
        let written = vec![true; slices.slices.len()];
        hint(&mut slices, &written, capacity)?;
        let of = |zone: u32| slices.listed().filter(|endpoint| endpoint.for_zone == Some(zone)).count();
        Ok((0..counts.len() as u32).map(of).collect())
    }

    #[test]
    fn numbers_of_endpoints_that_switch_it_off() {
        let is_on = |zones: &[f64], count: usize| self::zones(zones).allocations(count).is_ok();
        let on = |zones: &[f64]| (2..=12).filter(|count| is_on(zones, *count)).collect::<Vec<_>>();
        assert_eq!(on(&[1.0; 2]), [2, 4, 6, 7, 8, 9, 10, 11, 12]);
        let three = on(&[1.0; 3]);
        assert!([3, 6, 7, 9, 10, 12].iter().all(|count| three.contains(count)), "{three:?}");
        assert!([4, 5, 8, 11].iter().all(|count| !three.contains(count)), "{three:?}");
        assert!(is_on(&[0.5, 0.3, 0.2], 10));
        let why = |off: Off| off.as_str();
        assert_eq!(why(Off::Nodes), "nodes in one zone, or without CPU");
        assert_eq!(why(Off::TooFew), "fewer endpoints than zones");
        assert_eq!(why(Off::Overload), "some zone would be overloaded by more than 20 %");
        assert_eq!(zones(&[1.0; 3]).allocations(2), Err(Off::TooFew));
        assert_eq!(zones(&[1.0; 3]).allocations(4), Err(Off::Overload));
        assert_eq!(zones(&[1.0]).allocations(4), Err(Off::Nodes));
        assert_eq!(Capacity::of([(0, Some(1.0)), (1, None)].into_iter()), Capacity::default());
    }

    #[test]
    fn zones_with_too_many_give() {
        assert_eq!(hints(&zones(&[1.0; 3]), &[4, 1, 1]), Ok(vec![2, 2, 2]));
        assert_eq!(hints(&zones(&[1.0; 3]), &[3, 3, 3]), Ok(vec![3, 3, 3]));
        // 5, 3 and 2 are needed at least: ⌈4.17⌉, ⌈2.5⌉, ⌈1.67⌉.
        assert_eq!(hints(&zones(&[0.5, 0.3, 0.2]), &[0, 5, 5]), Ok(vec![5, 3, 2]));
        // Half an endpoint too many is not worth a move: 3.5 each, and the zones have 4 and 3.
        assert_eq!(hints(&zones(&[1.0; 2]), &[4, 3]), Ok(vec![4, 3]));
        assert_eq!(hints(&zones(&[1.0; 2]), &[5, 2]), Ok(vec![4, 3]));
    }

    /// Cases of the tests of Kubernetes' own function.
    #[test]
    fn moves_are_those_of_kubernetes() {
        let run = |desired: [f64; 3], allotted: [usize; 3]| {
            let allocations =
                (0..).zip(desired).map(|(zone, desired)| (zone, Allocation { most: 0, desired })).collect();
            let (giving, receiving) = moves(&allocations, &(0..).zip(allotted).collect());
            let list = |map: BTreeMap<u32, usize>| (0..3).map(|zone| map.get(&zone).copied().unwrap_or(0)).collect();
            let lists: (Vec<usize>, Vec<usize>) = (list(giving), list(receiving));
            lists
        };
        assert_eq!(run([1.2, 1.1, 1.0], [1, 1, 1]), (vec![0, 0, 0], vec![0, 0, 0]));
        assert_eq!(run([5.1, 5.1, 5.8], [16, 0, 0]), (vec![10, 0, 0], vec![0, 5, 5]));
        assert_eq!(run([5.0, 5.6, 5.4], [16, 0, 0]), (vec![11, 0, 0], vec![0, 6, 5]));
        assert_eq!(run([5.0, 5.6, 5.4], [0, 8, 8]), (vec![0, 2, 3], vec![5, 0, 0]));
        assert_eq!(run([5.0, 5.0, 5.0], [6, 6, 6]), (vec![0, 0, 0], vec![0, 0, 0]));
    }

    #[test]
    fn a_pod_more_switches_it_off_and_another_does_not_bring_it_back() {
        let capacity = zones(&[1.0; 3]);
        let mut slices = Slices::default();
        let mut nodes_of_zone_0 = Vec::new();
        for counts in [[1, 1, 1], [2, 1, 1], [2, 2, 1], [2, 2, 2]] {
            let written = slices.reconcile(&endpoints(&counts));
            let on = hint(&mut slices, &written, &capacity).is_ok();
            nodes_of_zone_0.push((on, usable(&slices, Scope::Cluster, Place { node: 0, zone: 0 }).0.len()));
        }
        assert_eq!(nodes_of_zone_0, [(true, 1), (false, 4), (false, 5), (true, 2)]);
    }

    #[test]
    fn slices_that_are_not_written_keep_valid_hints() {
        let capacity = zones(&[1.0; 2]);
        let mut all = endpoints(&[100, 100]);
        let mut slices = Slices::of(&all);
        assert_eq!(hint(&mut slices, &[true, true], &capacity), Ok(()));
        // Five of zone 1 go: 97.5 each are desired, at most 28 more than the least 82 are allowed, so nothing changes in
        // the first slice.
        all.truncate(195);
        let written = slices.reconcile(&all);
        assert_eq!(written, [false, true]);
        assert_eq!(hint(&mut slices, &written, &capacity), Ok(()));
        assert!(slices.slices[0].iter().all(|endpoint| endpoint.for_zone == Some(0)));
        // Half of them go: the first slice has more than zone 0 may have, and gives.
        all.truncate(150);
        let written = slices.reconcile(&all);
        assert_eq!(hint(&mut slices, &written, &capacity), Ok(()));
        let of_zone_1 = slices.listed().filter(|endpoint| endpoint.for_zone == Some(1)).count();
        assert_eq!(of_zone_1, 75);
    }
}
