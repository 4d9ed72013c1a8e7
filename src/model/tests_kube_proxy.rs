//! kube-proxy's modes inside the simulator.

use super::*;
use crate::model::cluster::roster::Roster;
use crate::observe::outcome::NoSink;
use crate::scenario::{DiskFiles, Overrides, Removal, load};
use std::path::Path;

/// Requests at irregular times that end, so that the world comes to rest.
fn trace(requests: u64, gap_micros: u64) -> String {
    let mut text = "\"arrival_us\\n".to_owned();
    let mut at = 0;
    for request in 0..requests {
        at += crate::random::mix(7, request) % (2 * gap_micros);
        text.push_str(&format!("{at}\\n"));
    }
    text + "\""
}

fn plan(cluster: &str, pods: u32, service: &str, traffic: &str) -> Plan {
    let text = format!(
        "apiVersion: windtunnel/v1
kind: Scenario
metadata: {{name: p}}
spec:
  run: {{duration: 1h, warmup: 0s, replications: 1}}
  cluster: {cluster}
  workloads: [{{target: deployment/web, containers: {{app: {{concurrency: 2, queue: {{limit: 3}}, serviceTime: {{exponential: {{mean: 5ms}}}}}}}}}}]
  traffic: [{{name: t, to: \"http://web/\", {traffic}}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: {pods}
  selector: {{matchLabels: {{app: web}}}}
  template: {{metadata: {{labels: {{app: web}}}}, spec: {{containers: [{{name: app, ports: [{{containerPort: 80}}]}}]}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec: {{selector: {{app: web}}, ports: [{{port: 80}}]{service}}}
"
    );
    let loaded = load("p.yaml", &text, &DiskFiles::new(Path::new(".")), &Overrides::default());
    Plan::new(&loaded.unwrap_or_else(|failure| panic!("{failure}")).variants[0])
}

/// Runs until nothing pends that is not the end of the window, and looks at the world.
fn at_rest<T>(plan: &Plan, look: impl FnOnce(&World<'_>) -> T) -> T {
    let (mut sink, mut schedule) = (NoSink, Schedule::new());
    let mut world = World::new(plan, 0, RequestLog::None, &mut sink, &mut schedule);
    world.start(&mut schedule);
    while !world.window.over {
        let Some(event) = schedule.next() else { break };
        world.handle(event, &mut schedule);
    }
    look(&world)
}

fn active(world: &World<'_>) -> (u32, usize) {
    let nodes = world.kube_proxies.iter().flatten();
    nodes.map(|node| node.counted(0)).fold((0, 0), |sum, (active, entries)| (sum.0 + active, sum.1 + entries))
}

#[test]
fn ipvs_knows_the_connections_that_are_open_and_no_others() {
    let ways = "retries: {attempts: 2}, timeout: 20ms";
    for (connections, open) in [
        ("{mode: perRequest}", None),
        ("{mode: pool}", Some(())),
        ("{mode: pool, maxPerClient: 2}", Some(())),
        ("{mode: pinned}", Some(())),
    ] {
        let arrivals = format!("arrivals: {{trace: {{data: {}}}}}", trace(3_000, 500));
        let traffic = format!("{arrivals}, clients: {{count: 9}}, connections: {connections}, {ways}");
        let plan = plan("{kubeProxy: {mode: ipvs, scheduler: lc}}", 4, "", &traffic);
        at_rest(&plan, |world| {
            let pooled = if open.is_some() { world.connections.len() } else { 0 };
            assert_eq!(active(world).0 as usize, pooled, "{connections}");
            assert!(open.is_none() || pooled > 0, "{connections}");
            let lost: u64 = world.endpoints.iter().map(|endpoint| endpoint.errors).sum();
            assert!(lost > 10, "{connections}: only {lost} requests failed, so little was tried");
        });
    }
}

#[test]
fn standing_connections_stay_active() {
    let traffic = format!("arrivals: {{trace: {{data: {}}}}}", trace(100, 1_000))
        + ", clients: {count: 7}, connections: {protocol: http2}";
    let plan = plan("{kubeProxy: {mode: ipvs, scheduler: wlc}}", 4, "", &traffic);
    at_rest(&plan, |world| assert_eq!(active(world), (7, 7)));
}

/// Pods .2 to .13 are added as texts: .10 to .13, then .2 to .9; the last added comes first.
#[test]
fn ipvs_begins_with_the_server_added_last() {
    let traffic = "clients: {count: 1}, connections: {mode: perRequest}, arrivals: {constant: {rate: 1/s}}";
    let plan = plan("{nodes: [{name: a}], kubeProxy: {mode: ipvs}}", 12, "", traffic);
    let mut node = KubeProxy::new(&plan, 0, Stream::new(1, 0, "test"), None);
    let mut picks = || node.choose((&plan, &Roster::of(&plan)), 0, 1, SimTime::ZERO).expect("an endpoint").endpoint;
    let order: Vec<u32> = (0..13).map(|_| picks()).collect();
    assert_eq!(order, [7, 6, 5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 7]);
}

/// kube-proxy gives a server that is gone weight 0, and deletes it when its last connection has left the table.
#[test]
fn other_endpoints_are_learned_at_the_next_choice() {
    let traffic = "clients: {count: 1}, connections: {mode: perRequest}, arrivals: {constant: {rate: 1/s}}";
    let plan = plan("{nodes: [{name: a}], kubeProxy: {mode: ipvs, scheduler: lc}}", 5, "", traffic);
    let mut node = KubeProxy::new(&plan, 0, Stream::new(1, 0, "test"), None);
    let at = |seconds| SimTime::ZERO + crate::time::SimDuration::from_secs(seconds);
    let held: Vec<_> =
        (0..5).map(|client| node.choose((&plan, &Roster::of(&plan)), 0, client, at(0)).expect("an endpoint")).collect();
    let endpoints = |held: &[network::kube_proxy::Choice]| held.iter().map(|one| one.endpoint).collect::<Vec<_>>();
    assert_eq!(endpoints(&held), [4, 3, 2, 1, 0]);

    node.programmed[0] = Snapshot::new(1, [0, 1, 2, 3]);
    let without: Vec<_> =
        (0..4).map(|client| node.choose((&plan, &Roster::of(&plan)), 0, client, at(1)).expect("an endpoint")).collect();
    assert_eq!(endpoints(&without), [3, 2, 1, 0], "4 gets no new connections");
    assert_eq!(node.counted(0).0, 9, "and keeps the one that it has");

    // It closes, and 120 s later its entry is gone: at the next look the server goes, and may come back, at the head.
    node.closed(0, held[0].entry, at(2));
    for one in held.iter().skip(1).chain(&without) {
        node.closed(0, one.entry, at(2));
    }
    assert_eq!(node.choose((&plan, &Roster::of(&plan)), 0, 1, at(200)).expect("an endpoint").endpoint, 3);
    node.programmed[0] = Snapshot::new(2, [0, 1, 2, 3, 4]);
    assert_eq!(node.choose((&plan, &Roster::of(&plan)), 0, 1, at(201)).expect("an endpoint").endpoint, 4);

    // One that comes back while it still has a connection begins anew, without it.
    node.programmed[0] = Snapshot::new(3, [0, 1, 2, 3]);
    node.choose((&plan, &Roster::of(&plan)), 0, 1, at(202)).expect("an endpoint");
    let before = node.counted(0).0;
    node.programmed[0] = Snapshot::new(4, [0, 1, 2, 3, 4]);
    assert_eq!(node.choose((&plan, &Roster::of(&plan)), 0, 1, at(203)).expect("an endpoint").endpoint, 4);
    assert_eq!(node.counted(0).0, before, "one less, one more");
    node.programmed[0] = Snapshot::new(5, []);
    assert!(node.choose((&plan, &Roster::of(&plan)), 0, 1, at(204)).is_none());
}

#[test]
fn each_mode_holds_clients_for_the_timeout() {
    let held = ", sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 600}}";
    let traffic = "clients: {count: 1}, connections: {mode: perRequest}, arrivals: {constant: {rate: 1/s}}";
    let modes = ["{mode: iptables}", "{mode: nftables}", "{mode: ipvs}", "{mode: ipvs, scheduler: lc}", "{mode: ebpf}"];
    for mode in modes {
        let plan = plan(&format!("{{nodes: [{{name: a}}], kubeProxy: {mode}}}"), 20, held, traffic);
        let mut node = KubeProxy::new(&plan, 0, Stream::new(1, 0, "test"), None);
        let mut pick = |client: u32, seconds: u64| {
            let now = SimTime::ZERO + crate::time::SimDuration::from_secs(seconds);
            let choice = node.choose((&plan, &Roster::of(&plan)), 0, client, now).expect("an endpoint");
            node.closed(0, choice.entry, now);
            choice.endpoint
        };
        let first: Vec<u32> = (0..30).map(|client| pick(client, 0)).collect();
        let distinct: std::collections::BTreeSet<u32> = first.iter().copied().collect();
        assert!(distinct.len() > 10, "{mode}: clients are spread over pods");
        // Twice within the timeout: each new connection winds it up.
        for seconds in [600 - 1, 2 * 600 - 2] {
            let again: Vec<u32> = (0..30).map(|client| pick(client, seconds)).collect();
            assert_eq!(first, again, "{mode} after {seconds} s");
        }
        // In another order, since counters begin anew as well.
        let mut later: Vec<u32> = (0..30).rev().map(|client| pick(client, 3_000)).collect();
        later.reverse();
        assert_ne!(first, later, "{mode}: the clock has run out");
    }
}

#[test]
fn the_first_packet_walks_where_it_is_asked_to() {
    let traffic = "clients: {count: 1}, connections: {mode: perRequest}, arrivals: {constant: {rate: 1/s}}";
    for (mode, nanos) in [
        ("mode: iptables", 5_000 + 40 * 2),
        ("mode: nftables", 5_000),
        ("mode: ipvs", 5_000),
        ("mode: ebpf", 0),
        ("mode: iptables, firstPacket: false", 0),
    ] {
        let first = if mode.contains("firstPacket") { "" } else { ", firstPacket: true" };
        let cluster = format!("{{network: none, kubeProxy: {{{mode}{first}}}}}");
        let plan = plan(&cluster, 1, "", traffic);
        let mut node = KubeProxy::new(&plan, 0, Stream::new(1, 0, "test"), None);
        let choice = node.choose((&plan, &Roster::of(&plan)), 0, 1, SimTime::ZERO).expect("an endpoint");
        let charged = if plan.first_packet_costs(0) {
            network::kube_proxy::first_packet(&plan, (1, 0, 0), &choice).as_nanos()
        } else {
            0
        };
        assert_eq!(charged, nanos, "{mode}");
        // Connections that open in no time have first packets that take none.
        let label = plan.scenario.services[0].label();
        let without = Removal::Handshakes { service: label }.apply(&plan.scenario);
        assert!(!Plan::new(&Arc::new(without)).first_packet_costs(0), "{mode}");
        assert_eq!(
            plan.flows[0].layout.columns.iter().any(|(cause, _)| cause.as_str() == "connect"),
            nanos > 0,
            "{mode}"
        );
    }
}
