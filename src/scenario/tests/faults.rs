//! What is answered to faults that cannot be, and how those are read that can.

use super::super::fault::{Between, Class, Delay, Fault, Side, Wrong};
use super::super::timeline::PodRef;
use super::super::{Overrides, load};
use super::{Memory, TRAFFIC, first, same_blocks, with};
use crate::random::Dist;
use crate::time::SimDuration;

const NODES: &str = "  cluster: {nodes: [{name: n-1, zone: east}, {name: n-2, zone: west}]}\n";

fn timeline(entries: &[&str]) -> String {
    let entries: String = entries.iter().map(|entry| format!("    - {{at: 1s, {entry}}}\n")).collect();
    with(&format!("{NODES}{TRAFFIC}  timeline:\n{entries}"))
}

const WRONG: [(&str, &[&str]); 7] = [
    (
        "packets and DNS",
        &[
            "packetLoss: {between: crossZone, ratio: 2}",
            "packetLoss: {between: crossZone}",
            "partition: {between: crossZone, ratio: 1}",
            "dnsOutage: {}",
        ],
    ),
    (
        "entries",
        &[
            "for: 1s",
            "for: 1s, scale: deployment/web, replicas: 1",
            "slowNode: {node: n-1, speed: 1}, slowPod: {pod: \"deployment/web[0]\", speed: 1}",
            "for: 0s, slowNode: {node: n-1, speed: 1}",
            "slowNod: {node: n-1, speed: 1}",
        ],
    ),
    (
        "slowPod",
        &[
            "slowPod: \"deployment/web[0]\"",
            "slowPod: {pod: \"deployment/web[4]\", speed: 0.5}",
            "slowPod: {pod: deployment/web, speed: 0.5}",
            "slowPod: {pod: \"deployment/web[0]\"}",
            "slowPod: {pod: \"deployment/web[0]\", speed: 0}",
        ],
    ),
    ("slowNode", &["slowNode: {node: n-3, speed: 1}", "slowNode: {node: xyz, speed: 1}"]),
    (
        "sides",
        &[
            "latencySpike: {between: crossZon, adds: 1ms}",
            "latencySpike: {between: [zone/east], adds: 1ms}",
            "latencySpike: {between: [zone/c, zone/west], adds: 1ms}",
            "latencySpike: {between: [zone/est, zone/west], adds: 1ms}",
            "latencySpike: {between: [a, b], adds: 1ms}",
            "latencySpike: {between: [node/n-1, node/n-9], adds: 1ms}",
            "latencySpike: {between: [all, all], adds: 1ms}",
            "latencySpike: {between: [internet, internet], adds: 1ms}",
        ],
    ),
    (
        "latencySpike",
        &[
            "latencySpike: {between: crossZone}",
            "latencySpike: {between: crossZone, adds: 1ms, times: 2}",
            "latencySpike: {between: crossZone, times: -1}",
        ],
    ),
    (
        "trafficSpike",
        &[
            "trafficSpike: {traffic: tt, times: 2}",
            "trafficSpike: {traffic: browse, times: 2}",
            "trafficSpike: {traffic: t}",
        ],
    ),
];

#[test]
fn faults_that_cannot_be_are_answered() {
    let mut cases: Vec<(&str, String)> = WRONG.iter().map(|(title, list)| (*title, timeline(list))).collect();
    let spike = |arrivals: &str| {
        timeline(&["trafficSpike: {traffic: t, times: 2}"]).replace("{poisson: {rate: 3/s}}", arrivals)
    };
    cases.push(("a closed loop", spike("{closed: {users: 3, think: 1s}}")));
    cases.push(("a trace", spike("{trace: {data: \"arrival_s\\n1\\n2\"}}")));
    let dns = NODES.replace("nodes:", "dns: {}, nodes:");
    cases.push(("more servers than there are", timeline(&["dnsOutage: {servers: 9}"]).replace(NODES, &dns)));
    let mut found = String::new();
    for (title, text) in cases {
        let Err(failure) = load("shop.yaml", &text, &Memory::default(), &Overrides::default()) else {
            panic!("{title} was accepted");
        };
        found.push_str(&format!("## {title}\n{}\n", failure.render(false)));
    }
    same_blocks(&found, include_str!("faults.txt"));
}

#[test]
fn faults_are_read_with_their_times() {
    let scenario = first(&timeline(&[
        "for: 3s, slowPod: {pod: \"deploy/web[2]\", speed: 0.5}",
        "latencySpike: {between: [zone/east, all], adds: 5ms}",
        "for: 2s, latencySpike: {between: sameNode, times: 3}",
    ]));
    let secs = SimDuration::from_secs;
    let adds = Dist::constant(SimDuration::from_millis(5));
    let what = [
        (Some(secs(4)), Wrong::SlowPod { pod: PodRef { workload: 0, number: 2 }, speed: 0.5 }),
        (
            None,
            Wrong::LatencySpike {
                between: Between::Sides(Side::Zone("east".to_owned()), Side::All),
                delay: Delay::Adds(adds),
            },
        ),
        (Some(secs(3)), Wrong::LatencySpike { between: Between::Class(Class::SameNode), delay: Delay::Times(3.0) }),
    ];
    assert_eq!(scenario.faults, what.map(|(to, what)| Fault { from: secs(1), to, what }));
    assert_eq!(scenario.timeline.len(), 5);
}
