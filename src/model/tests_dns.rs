//! Name resolution inside the simulator, with and without what `explain` takes away and asks for.

use super::*;
use crate::observe::outcome::NoSink;
use crate::scenario::{DiskFiles, Overrides, Removal, Scenario, load};
use std::path::Path;

const TEXT: &str = "apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: p}
spec:
  run: {requests: 400, warmup: 0%, replications: 1}
  cluster: {network: none, dns: {serviceTime: 1ms}, kubeProxy: {mode: ipvs, scheduler: lc, firstPacket: true}}
  workloads: [{target: deployment/web, inline: {replicas: 4}, containers: {app: {serviceTime: 3ms}}}]
  traffic: [{name: t, to: \"http://HOST/\", connections: {mode: perRequest}, arrivals: {renewal: {interval: 1s}}}]
---
apiVersion: v1
kind: Service
metadata: {name: peers}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80}]}
";

fn scenario(host: &str) -> Scenario {
    let text = TEXT.replace("HOST", host);
    let loaded = load("p.yaml", &text, &DiskFiles::new(Path::new(".")), &Overrides::default());
    loaded.unwrap_or_else(|failure| panic!("{failure}")).variants[0].clone()
}

/// Connections by endpoint, and the mean latency in microseconds, while the stories of all requests are told and held
/// to their ledgers.
fn run(scenario: &Scenario) -> (Vec<u64>, f64) {
    let plan = Plan::new(&Arc::new(scenario.clone()));
    let (mut sink, mut schedule) = (NoSink, Schedule::new());
    let mut world = World::new(&plan, 0, RequestLog::None, &mut sink, &mut schedule);
    world.watch_stories(&(0..400).map(|number| (0, number)).collect::<Vec<_>>());
    world.start(&mut schedule);
    while !world.window.over {
        let Some(event) = schedule.next() else { break };
        world.handle(event, &mut schedule);
    }
    let stories = world.watch.as_mut().expect("stories are asked for").stories();
    let ended: Vec<u64> = stories.iter().filter_map(|(_, story)| story.latency()).collect();
    assert!(ended.len() > 390, "{} stories", ended.len());
    let sum: u64 = ended.iter().sum();
    let connections = world.endpoints.iter().map(|endpoint| endpoint.connections).collect();
    (connections, sum as f64 / ended.len() as f64 / 1e3)
}

#[test]
fn without_lookups_the_same_pods_are_reached_sooner() {
    // A and AAAA are asked at once, mostly of two servers: a millisecond each.
    for (host, first_packet) in [("web", 5.0), ("peers", 0.0)] {
        let with = scenario(host);
        let without = Removal::Lookups { host: host.to_owned() }.apply(&with);
        let ((before, slow), (after, fast)) = (run(&with), run(&without));
        assert_eq!(before, after, "{host}");
        assert!((fast - 3_000.0 - first_packet).abs() < 1e-6, "{host}: {fast}");
        assert!(slow - fast >= 1_000.0 && slow - fast <= 2_000.0, "{host}: {slow} and {fast}");
    }
}
