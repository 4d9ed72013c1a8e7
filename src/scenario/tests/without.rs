//! What `explain` may take away, in words, and why it cannot take away the rest.

use super::super::Removal;
use super::{TRAFFIC, first, with};
use crate::cause::LedgerCause;

#[test]
fn what_cannot_be_taken_away_says_why() {
    let scenario = first(&with(TRAFFIC));
    let of = |cause, place: &str| Removal::of(&scenario, cause, place, |_| vec![0]);
    assert_eq!(of(LedgerCause::Service, "deployment/web"), Err("the work itself cannot be taken away"));
    assert_eq!(of(LedgerCause::WastedAttempts, "t"), Err("there are no retries"));
    assert_eq!(of(LedgerCause::SlowStart, "web"), Err("it is always zero in this version"));
    for cause in [LedgerCause::Service, LedgerCause::QueueWait] {
        assert_eq!(of(cause, "deployment/wep"), Err("no such workload"));
    }
    assert_eq!(of(LedgerCause::Proxy, "proxy/edge"), Err("no such proxy"));
    let balancer = Err("it belongs to a load balancer: set cluster.loadBalancers.latency");
    assert_eq!(of(LedgerCause::Proxy, "loadbalancer/web"), balancer);
}

#[test]
fn what_is_taken_away_is_said() {
    let scenario = first(&with(TRAFFIC));
    let says = |cause, place: &str, pods: &[u32]| {
        Removal::of(&scenario, cause, place, |_| pods.to_vec()).map(|removal| removal.describe(&scenario))
    };
    let said = |text: &str| Ok(text.to_owned());
    let web = "deployment/web";
    assert_eq!(says(LedgerCause::QueueWait, web, &[0, 1, 2, 3]), said("no waiting for a slot at deployment/web"));
    assert_eq!(
        says(LedgerCause::QueueWait, web, &[1]),
        said("no waiting for a slot at web-1 (1 of 4 pods of deployment/web)")
    );
    assert_eq!(says(LedgerCause::NetworkLoopback, "web", &[]), said("no network delay inside a pod"));
    assert_eq!(says(LedgerCause::NetworkSameNode, "web", &[]), said("no network delay inside a node"));
    assert_eq!(says(LedgerCause::NetworkSameZone, "web", &[]), said("no network delay inside a zone"));
    assert_eq!(says(LedgerCause::NetworkCrossZone, "web", &[]), said("no network delay between zones"));
    assert_eq!(says(LedgerCause::NetworkExternal, "web", &[]), said("no network delay outside the cluster"));
    for cause in [LedgerCause::Connect, LedgerCause::Tls] {
        assert_eq!(says(cause, "web", &[]), said("connections to web open in no time"));
    }
    assert_eq!(says(LedgerCause::ColdStart, web, &[]), said("deployment/web stays warm"));
    assert_eq!(says(LedgerCause::Stalled, web, &[]), said("deployment/web does not break down"));
    assert_eq!(says(LedgerCause::CpuThrottle, web, &[]), said("no limit of the CPU of deployment/web"));
    assert_eq!(says(LedgerCause::CpuWait, web, &[]), said("a core for every thread on all nodes"));
    assert_eq!(says(LedgerCause::Dns, "web", &[]), said("web resolves in no time"));
    assert_eq!(says(LedgerCause::PoolWait, "t", &[]), said("no limit of the connections of t"));
}
