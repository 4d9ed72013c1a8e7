//! Policies in whole runs: identities that hold to the nanosecond, and books that balance.

mod support;

use support::{results, scratch, table};

/// Six pods' worth of slots, with requests of which many wait; `VARIANTS` follows.
const POOL: &str = "\
# Which requests wait?
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: pool}
spec:
  run: {requests: 20000, warmup: 10%, replications: 2, seed: 3, drain: 1000s}
  cluster: {network: none}
  workloads:
    - target: deployment/web
      inline: {replicas: 6, port: 80}
      containers:
        app: {concurrency: 1, queue: {limit: unlimited}, serviceTime: {lognormal: {mean: 10ms, cv: 2}}}
  proxies:
    - {name: p, layer: 7, instances: 1, endpoints: service/web, balancer: {policy: random}}
  traffic:
    - {name: t, from: generator, to: \"http://web/\", through: p, connections: {protocol: http2}, arrivals: {poisson: {rate: 480/s}}}
  variants:
";

/// The values of a column of `runs.csv`, by variant and replication.
fn column(scenario: &str, column: &str) -> Vec<(String, String)> {
    let scratch = scratch();
    let directory = results(scratch.path(), scenario, "out", &["-j", "1"]);
    table(&directory, "runs.csv")
        .into_iter()
        .map(|mut row| (row["variant"].clone(), row.remove(column).expect("a column")))
        .collect()
}

fn of<'a>(values: &'a [(String, String)], variant: &str) -> Vec<&'a str> {
    let found: Vec<&str> = values.iter().filter(|(name, _)| name == variant).map(|(_, value)| &**value).collect();
    assert!(!found.is_empty() && found.iter().all(|value| !value.is_empty()), "{variant} in {values:?}");
    found
}

/// Joining the least work over pods with one slot, requests begin when they would in one queue: Foss (1980).
#[test]
fn least_work_waits_as_one_queue() {
    let scenario = format!(
        "{POOL}    - {{name: apart, set: {{\"proxies[p].balancer\": {{policy: oracle-least-work}}}}}}
    - {{name: together, set: {{\"workloads[deployment/web].inline.replicas\": 1, \"workloads[deployment/web].containers[app].concurrency\": 6}}}}
    - {{name: shortest, set: {{\"proxies[p].balancer\": {{policy: oracle-jsq}}}}}}
"
    );
    let means = column(&scenario, "latency_mean_ms");
    assert_eq!(of(&means, "apart"), of(&means, "together"));
    assert_ne!(of(&means, "apart"), of(&means, "shortest"));
}

/// Steps, calls, patience, give-ups, cancellation, errors and shared processors: what was entered in the books of work is
/// taken out again. A run whose last request leaves work behind ends with a panic.
#[test]
fn the_books_of_work_balance() {
    let scenario = "\
# Do the books balance?
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: books}
spec:
  run: {requests: 20000, warmup: 10%, replications: 2, seed: 1, drain: 100s}
  workloads:
    - target: deployment/web
      inline: {replicas: 3, port: 80}
      pods: [{index: 1, speed: 0.8}]
      containers:
        app:
          concurrency: 2
          queue: {limit: 10, timeout: {exponential: {mean: 30ms}}}
          errorRatio: 5%
          holdsSlotWhileCalling: false
          steps:
            - work: {exponential: {mean: 5ms}}
            - {call: \"http://db/\", name: db, timeout: 20ms, cancellation: propagated, balancer: {policy: oracle-least-work}, connections: {protocol: http2}}
            - work: {exponential: {mean: 3ms}}
    - target: deployment/db
      inline: {replicas: 2, port: 80}
      containers:
        app: {concurrency: 1, queue: {limit: unlimited, discipline: processor-sharing}, serviceTime: {exponential: {mean: 2ms}}}
  proxies:
    - {name: p, layer: 7, instances: 2, endpoints: service/web, balancer: {policy: oracle-least-work}}
  traffic:
    - {name: t, from: generator, to: \"http://web/\", through: p, connections: {protocol: http2}, arrivals: {poisson: {rate: 600/s}}, timeout: 60ms, cancellation: propagated, retries: {attempts: 2, perTry: 25ms}}
";
    let failed = column(scenario, "failed");
    assert!(
        of(&failed, "base").iter().all(|failed| failed.parse::<f64>().is_ok_and(|failed| failed > 100.0)),
        "{failed:?}"
    );
}

#[test]
fn the_flagship_compares_every_policy() {
    let path = support::project().join("scenarios/policies.yaml");
    let text = std::fs::read_to_string(path).expect("the scenario");
    // What was recorded elsewhere is no way to choose.
    for policy in windtunnel::balance::POLICIES.iter().filter(|policy| policy.name != "recorded") {
        assert!(
            text.contains(&format!("policy: {}}}", policy.name)) || text.contains(&format!("policy: {},", policy.name)),
            "{} has no variant in scenarios/policies.yaml",
            policy.name
        );
    }
}
