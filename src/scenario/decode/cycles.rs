//! Calls that come back to where they started: such a request would never end.

use super::super::Workload;
use super::super::context::Context;
use super::super::services::ServiceTable;
use super::behaviour::CallSite;

/// A container: (workload, position).
type Station = (usize, usize);

/// Refuses calls that form a cycle, at the call that closes it.
pub(super) fn refuse(
    cx: &mut Context<'_>,
    workloads: &[Workload],
    (services, single): (&ServiceTable, &[Vec<Station>]),
    sites: &[(usize, usize, Vec<CallSite>)],
) {
    let calls_of = |station: Station| {
        sites
            .iter()
            .find(|(workload, container, _)| (*workload, *container) == station)
            .map_or(&[] as &[CallSite], |entry| &entry.2)
    };
    // A call to an address of a pod leads to any pod of that workload: which one, calls do not say.
    let behind = |site: &CallSite| match services.ports.get(site.service) {
        Some(service) => &service.targets[..],
        None => single.get(site.service - services.ports.len()).map_or(&[] as &[Station], Vec::as_slice),
    };
    let mut done: Vec<Station> = Vec::new();
    for (workload, container, _) in sites {
        // Depth first with an explicit stack: (station, next call, next target of that call).
        let mut path: Vec<(Station, usize, usize)> = vec![((*workload, *container), 0, 0)];
        while let Some(&(station, call, target)) = path.last() {
            let Some(site) = calls_of(station).get(call) else {
                done.push(station);
                path.pop();
                continue;
            };
            let Some(&next) = behind(site).get(target) else {
                advance(&mut path, |top| (top.0, top.1 + 1, 0));
                continue;
            };
            advance(&mut path, |top| (top.0, top.1, top.2 + 1));
            if let Some(start) = path.iter().position(|(known, _, _)| *known == next) {
                let name = |station: Station| workloads[station.0].target();
                let mut round = path[start..].iter().map(|(station, _, _)| name(*station)).collect::<Vec<_>>();
                round.push(name(next));
                cx.problem_help(
                    site.span,
                    format!("calls form a cycle: {}", round.join(" → ")),
                    "remove one of the calls: a request that comes back to its own service would never end",
                );
            } else if !done.contains(&next) {
                path.push((next, 0, 0));
            }
        }
    }
}

fn advance(
    path: &mut [(Station, usize, usize)],
    next: impl FnOnce(&(Station, usize, usize)) -> (Station, usize, usize),
) {
    if let Some(top) = path.last_mut() {
        *top = next(top);
    }
}
