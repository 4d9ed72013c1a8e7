//! Name resolution in whole runs, against what can be worked out by hand.

#[path = "support/mod.rs"]
mod support;

use std::path::Path;

use support::{Row, count, nanos, number, output, results, scratch, stdout, table};

/// One server that takes no time, half a millisecond away; a request every 20 s that is served at once.
const BASE: &str = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: names}
spec:
  run: {requests: 20, warmup: 0%, replications: 1, drain: 1000s}
  cluster:
    nodes: [{name: a}]
    network: {sameNode: 500us}
    dns: {replicas: 1, serviceTime: 0s, upstream: 7ms, external: [{name: api.example.com, to: service/web, ipv6: true}]}
  workloads:
    - {target: deployment/web, inline: {replicas: 1}, containers: {app: {serviceTime: 3ms}}}
  traffic:
    - {name: t, from: {node: a}, to: \"http://web/\", connections: {mode: perRequest}, arrivals: {renewal: {interval: 20s}}}
";

fn run(directory: &Path, set: &[(&str, &str)]) -> std::path::PathBuf {
    let mut arguments = vec!["--requests".to_owned(), "all".to_owned(), "--force".to_owned()];
    for (path, value) in set {
        arguments.extend(["--set".to_owned(), format!("{path}={value}")]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    results(directory, BASE, "out", &arguments)
}

/// What the DNS part of every request's latency is, in microseconds, and how the requests ended.
fn lookups(set: &[(&str, &str)]) -> Vec<(u64, String)> {
    let directory = scratch();
    let rows = table(&run(directory.path(), set), "requests.csv");
    rows.iter().map(|row| (nanos(&row["dns_ms"], 6) / 1_000, row["outcome"].clone())).collect()
}

/// The only value of all of them.
fn only(set: &[(&str, &str)]) -> (u64, String) {
    let all = lookups(set);
    assert!(!all.is_empty() && all.iter().all(|one| *one == all[0]), "{set:?}: {all:?}");
    all[0].clone()
}

fn row<'r>(rows: &'r [Row], name: &str, kind: &str) -> &'r Row {
    let found = rows.iter().find(|row| row["name"] == name && row["type"] == kind);
    found.unwrap_or_else(|| panic!("no row {name} {kind} in {rows:#?}"))
}

const TO: &str = "traffic[t].to";
const RESOLVER: &str = "traffic[t].resolver";

#[test]
fn every_name_of_the_search_costs_a_round_trip() {
    for library in ["glibc", "musl", "go"] {
        for (to, micros) in [
            ("http://web/", 1_000),
            ("http://web.default/", 2_000),
            ("http://web.default.svc/", 3_000),
            ("http://web.default.svc.cluster.local/", 4_000),
            ("http://web.default.svc.cluster.local./", 1_000),
            // Three names that the cluster does not have, and one that is asked for outside. Its answer lives for
            // 30 s in the server's cache and comes every 20 s, so every second one is asked outside.
            ("http://api.example.com./", 8_000),
        ] {
            let resolver = format!("{{library: {library}}}");
            let found = lookups(&[(TO, to), (RESOLVER, &resolver)]);
            assert_eq!(found[0], (micros, "succeeded".to_owned()), "{library} {to}");
            assert!(to.contains("example") || found.iter().all(|one| *one == found[0]), "{library} {to}");
        }
        let external = lookups(&[(TO, "http://api.example.com/"), (RESOLVER, &format!("{{library: {library}}}"))]);
        let micros: Vec<u64> = external.iter().map(|one| one.0).collect();
        assert_eq!(micros[..4], [11_000, 4_000, 11_000, 4_000], "{library}");
    }
}

#[test]
fn queries_and_answers_are_counted() {
    let directory = scratch();
    let path = run(directory.path(), &[(TO, "http://web.default/")]);
    let rows = table(&path, "dns.csv");
    let counts =
        |row: &Row| ["queries", "noerror", "nodata", "nxdomain", "unanswered"].map(|column| count(row, column));
    assert_eq!(counts(row(&rows, "web.default", "lookup")), [20, 20, 0, 0, 0]);
    let (first, second) = ("web.default.default.svc.cluster.local", "web.default.svc.cluster.local");
    assert_eq!(counts(row(&rows, first, "A")), [20, 0, 0, 20, 0]);
    assert_eq!(counts(row(&rows, first, "AAAA")), [20, 0, 0, 20, 0]);
    assert_eq!(counts(row(&rows, second, "A")), [20, 20, 0, 0, 0]);
    assert_eq!(counts(row(&rows, second, "AAAA")), [20, 0, 20, 0, 0]);
    assert_eq!(rows.iter().filter(|row| row["name"] == "web.default.cluster.local").count(), 0, "never asked for");
    assert_eq!(row(&rows, "web.default", "lookup")["latency_max_ms"], "2");
    let server = row(&rows, "coredns-0", "server");
    // The window closes with the last request, before its lookup is over.
    assert_eq!((count(server, "queries"), number(server, "utilization")), (76, Some(0.0)));
    // Hops there and back, three of service, one round trip to connect, and the lookup.
    let requests = table(&path, "requests.csv");
    assert_eq!((requests[0]["latency_ms"].as_str(), requests[0]["dns_ms"].as_str()), ("7", "2"));
    let attribution = table(&path, "attribution.csv");
    assert!(attribution.iter().any(|row| row["cause"] == "dns" && row["where"] == "web.default"));
}

/// Two packets of one port that are given different servers: one of them is lost, in half of all lookups of two
/// servers. The same packets one after the other, from ports of their own, or by TCP never are.
#[test]
fn a_race_costs_a_timeout() {
    let race = ("cluster.dns", "{replicas: 2, serviceTime: 0s, race: 100%}");
    for (library, slow) in [("glibc", 5_002_000), ("musl", 2_501_000)] {
        let resolver = format!("{{library: {library}}}");
        let all = lookups(&[race, (RESOLVER, &resolver), ("run.requests", "400")]);
        let lost = all.iter().filter(|one| one.0 == slow).count();
        assert!(all.iter().all(|one| one.0 == slow || one.0 == 1_000), "{library}: {:?}", all[0]);
        // 200 expected, standard deviation 10.
        assert!((150..=250).contains(&lost), "{library}: {lost}");
    }
    for (resolver, micros) in [
        ("{library: go}", 1_000),
        ("{singleRequest: true}", 2_000),
        ("{singleRequest: reopen}", 2_000),
        ("{tcp: true}", 2_000),
        ("{family: ipv4}", 1_000),
    ] {
        assert_eq!(only(&[race, (RESOLVER, resolver)]), (micros, "succeeded".to_owned()), "{resolver}");
    }
    let local = ("cluster.dns", "{replicas: 2, serviceTime: 0s, race: 100%, loss: 100%, nodeLocal: true}");
    assert!(lookups(&[local]).iter().all(|one| one.1 == "succeeded"), "the node's cache asks by TCP");
}

#[test]
fn silence_ends_as_the_libraries_say() {
    let silent = ("cluster.dns.loss", "100%");
    let rare = ("traffic[t].arrivals.renewal.interval", "100s");
    for (library, seconds) in [("glibc", 20), ("go", 40), ("musl", 5)] {
        let resolver = format!("{{library: {library}}}");
        let found = only(&[silent, rare, (RESOLVER, &resolver)]);
        assert_eq!(found, (seconds * 1_000_000, "dns_timeout".to_owned()), "{library}");
    }
    let quick = only(&[silent, rare, (RESOLVER, "{timeout: 1s, attempts: 1}")]);
    assert_eq!(quick, (2_000_000, "dns_timeout".to_owned()));
}

#[test]
fn names_that_are_not_there_fail() {
    let elsewhere = [("workloads[deployment/web].inline.namespace", "front"), (RESOLVER, "{missing: fail}")];
    let asked = [elsewhere[0], elsewhere[1], ("cluster.dns.upstream", "0s")];
    assert_eq!(only(&asked), (4_000, "dns_nxdomain".to_owned()));
    // Without DNS the same at no cost.
    let free = [elsewhere[0], elsewhere[1], ("cluster.dns", "null")];
    assert_eq!(only(&free), (0, "dns_nxdomain".to_owned()));
    let standing = [elsewhere[0], elsewhere[1], ("traffic[t].connections", "{protocol: http2}")];
    assert_eq!(only(&standing), (0, "dns_nxdomain".to_owned()));
    let pinned = [elsewhere[0], elsewhere[1], ("traffic[t].connections", "{mode: pinned}")];
    assert_eq!(only(&pinned), (0, "dns_nxdomain".to_owned()));
    let variable = [elsewhere[0], elsewhere[1], (TO, "http://$(WEB_SERVICE_HOST):$(WEB_SERVICE_PORT)/")];
    assert_eq!(only(&variable), (0, "env_missing".to_owned()));
    let own = [(TO, "http://$(WEB_SERVICE_HOST):$(WEB_SERVICE_PORT)/")];
    assert_eq!(only(&own), (0, "succeeded".to_owned()), "an address needs no lookup");
}

/// Lookups happen where connections are opened.
#[test]
fn kept_connections_need_no_lookup() {
    let pooled = lookups(&[("traffic[t].connections", "{mode: pool}")]);
    assert_eq!((pooled[0].0, pooled[1..].iter().map(|one| one.0).max()), (1_000, Some(0)));
    assert_eq!(only(&[("traffic[t].connections", "{protocol: http2}")]).0, 0);
    assert_eq!(only(&[("traffic[t].connections", "{mode: pinned}")]).0, 0);
}

#[test]
fn clients_and_nodes_remember_answers() {
    let every = |seconds: u32| ("traffic[t].arrivals.renewal.interval", format!("{seconds}s"));
    let micros = |set: &[(&str, &str)]| lookups(set).iter().map(|one| one.0).collect::<Vec<_>>();
    let (path, seven) = every(7);
    let own = micros(&[(path, &seven), (RESOLVER, "{cache: {ttl: 30s}}")]);
    assert_eq!(own[..10], [1_000, 0, 0, 0, 0, 1_000, 0, 0, 0, 0], "used, it does not live longer");
    assert_eq!(micros(&[(path, &seven), (RESOLVER, "{cache: jvm}")]), own);
    let answer = micros(&[(path, &seven), (RESOLVER, "{cache: {ttl: 30s, atMost: true}}"), ("cluster.dns.ttl", "10s")]);
    assert_eq!(answer[..4], [1_000, 0, 1_000, 0], "the answer lives for 10 s");
    let forever = micros(&[(RESOLVER, "{cache: forever}")]);
    assert_eq!((forever[0], forever[1..].iter().max()), (1_000, Some(&0)));
    // To the node's cache and back is a round trip; where it has nothing, another one follows.
    let local = ("cluster.dns.nodeLocal", "true");
    let node = micros(&[(path, &seven), local, (RESOLVER, "{family: ipv4}")]);
    assert_eq!(node[..7], [2_000, 1_000, 1_000, 1_000, 1_000, 2_000, 1_000]);
    // That there is no AAAA is remembered for 5 s only, and both halves are waited for.
    assert!(micros(&[(path, &seven), local]).iter().all(|one| *one == 2_000));
    // A name that does not exist is remembered for 5 s there, and for 10 s by a JVM.
    let (path, four) = every(4);
    let missing = [
        ("workloads[deployment/web].inline.namespace", "front"),
        ("cluster.dns.upstream", "0s"),
        (path, four.as_str()),
        (RESOLVER, "{missing: fail, cache: jvm}"),
    ];
    assert_eq!(micros(&missing)[..6], [4_000, 0, 0, 4_000, 0, 0]);
    let node = [missing[0], missing[1], missing[2], local, (RESOLVER, "{missing: fail}")];
    // Three names of the cluster cost a second round trip; the last one the node asks outside, here at no cost.
    assert_eq!(micros(&node)[..4], [7_000, 4_000, 7_000, 4_000]);
}

/// A client that gives up lets go of its place; the lookup goes on and ends by itself.
#[test]
fn giving_up_in_a_lookup_is_clean() {
    // A pool of one connection that is never opened: everybody waits for it or for a lookup, and nobody gets it.
    for (connections, loss) in [("{mode: perRequest}", "50%"), ("{mode: pool, maxPerClient: 1}", "100%")] {
        let set = [
            ("cluster.dns.loss", loss),
            ("traffic[t].connections", connections),
            ("traffic[t].timeout", "3s"),
            ("traffic[t].retries", "{attempts: 3, perTry: 2s, on: [timeout, dns_timeout]}"),
            ("traffic[t].cancellation", "propagated"),
            ("traffic[t].arrivals", "{poisson: {rate: 5/s}}"),
            ("run.requests", "2000"),
        ];
        let all = lookups(&set);
        let ended = |word: &str| all.iter().filter(|one| one.1 == word).count();
        assert_eq!(ended("succeeded") + ended("deadline_exceeded"), 2_000, "{connections}");
        assert!(ended("deadline_exceeded") > 200 && (ended("succeeded") > 200) == (loss == "50%"), "{connections}");
    }
}

/// A pinned connection whose client gives up is opened again, and then its address is needed.
#[test]
fn a_pinned_connection_is_looked_up_when_it_is_opened_again() {
    let set = [
        ("traffic[t].connections", "{mode: pinned}"),
        ("traffic[t].timeout", "1s"),
        ("workloads[deployment/web].containers.app.serviceTime", "{bimodal: {p: 0.5, low: 3ms, high: 2s}}"),
    ];
    let all = lookups(&set);
    let after_failure = |pair: &&[(u64, String)]| pair[0].1 == "deadline_exceeded" && pair[1].1 == "succeeded";
    let reopened: Vec<_> = all.windows(2).filter(after_failure).collect();
    assert!(reopened.len() > 2 && reopened.iter().all(|pair| pair[1].0 == 1_000), "{all:?}");
    assert!(all.windows(2).all(|pair| pair[0].1 != "succeeded" || pair[1].0 == 0), "{all:?}");
}

/// Requests that come while a lookup is under way wait for it where the library asks once, and ask themselves elsewhere.
#[test]
fn go_asks_once_for_all() {
    let burst = ("traffic[t].arrivals", "{batches: {rate: 1/s, size: 5}}");
    let queries = |library: &str| {
        let directory = scratch();
        let path = run(directory.path(), &[burst, (RESOLVER, &format!("{{library: {library}}}"))]);
        let rows = table(&path, "dns.csv");
        let dns: Vec<String> = table(&path, "requests.csv").iter().map(|row| row["dns_ms"].clone()).collect();
        assert!(dns.iter().all(|time| time == "1"), "{library}: {dns:?}");
        count(row(&rows, "web.default.svc.cluster.local", "A"), "queries")
    };
    assert_eq!((queries("glibc"), queries("go")), (20, 4));
}

/// A server with one core is a queue: with five lookups at once, AAAA of the last one is the tenth.
#[test]
fn servers_are_busy() {
    let set = [
        ("traffic[t].arrivals", "{batches: {rate: 1/s, size: 5}}"),
        ("cluster.dns.serviceTime", "2ms"),
        ("cluster.dns.concurrency", "1"),
    ];
    let mut micros: Vec<u64> = lookups(&set)[..5].iter().map(|one| one.0).collect();
    micros.sort_unstable();
    assert_eq!(micros, [5_000, 9_000, 13_000, 17_000, 21_000]);
    let two = [set[0], set[1], ("cluster.dns.concurrency", "2")];
    let mut micros: Vec<u64> = lookups(&two)[..5].iter().map(|one| one.0).collect();
    micros.sort_unstable();
    assert_eq!(micros, [3_000, 5_000, 7_000, 9_000, 11_000]);
}

#[test]
fn autopath_saves_the_search() {
    let plain = lookups(&[(TO, "http://api.example.com/")]);
    let walked = lookups(&[(TO, "http://api.example.com/"), ("cluster.dns.autopath", "true")]);
    assert_eq!((plain[1].0, walked[1].0), (4_000, 1_000));
}

/// The time of a call's lookup stands in the ledger of the request that caused it.
#[test]
fn calls_look_up_too() {
    let directory = scratch();
    let scenario = BASE.replace(
        "serviceTime: 3ms}}}",
        "steps: [{work: 3ms}, {call: \"http://db.default/\", connections: {mode: perRequest}}]}}}\n    - {target: deployment/db, inline: {replicas: 1}, containers: {app: {serviceTime: 1ms}}}",
    );
    let path = results(directory.path(), &scenario, "out", &["--requests", "all"]);
    let requests = table(&path, "requests.csv");
    // 1 ms for `web`, 2 ms for `db.default`; service 3 and 1; two round trips for each of both.
    assert_eq!((requests[0]["dns_ms"].as_str(), requests[0]["latency_ms"].as_str()), ("3", "11"));
    let attribution = table(&path, "attribution.csv");
    let of = |name: &str| {
        attribution.iter().find(|row| row["cause"] == "dns" && row["where"] == name && row["band"] == "all")
    };
    assert_eq!(of("db.default").expect("a row")["mean_ms"], "2");
    assert_eq!(of("web").expect("a row")["mean_ms"], "1");
}

/// A pod behind a headless Service has a name of its own, and an address that needs none.
#[test]
fn single_pods_are_reached_by_name_and_address() {
    let manifests = "---
apiVersion: v1
kind: Pod
metadata: {name: db-0, labels: {app: db}}
spec: {hostname: db-0, subdomain: db, containers: [{name: pg, ports: [{containerPort: 5432}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db-1, labels: {app: db}}
spec: {hostname: db-1, subdomain: db, containers: [{name: pg, ports: [{containerPort: 5432}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {clusterIP: None, selector: {app: db}, ports: [{port: 5432}]}
";
    let directory = scratch();
    for (to, dns) in
        [("http://db-1.db:5432/", "1"), ("http://10.244.0.3:5432/", "0"), ("http://db-1.db.default:5432/", "2")]
    {
        let scenario = format!("{}{manifests}", BASE.replace("http://web/", to));
        let path = results(directory.path(), &scenario, "out", &["--requests", "all", "--force"]);
        let requests = table(&path, "requests.csv");
        assert!(requests.iter().all(|row| row["pod"] == "db-1" && row["dns_ms"] == dns), "{to}: {:?}", requests[0]);
        let endpoints = table(&path, "endpoints.csv");
        let row = endpoints.iter().find(|row| row["service"] == "pod/db-1:5432").expect("the pod has a row");
        assert_eq!((count(row, "requests"), row["share"].as_str()), (20, "1"));
    }
}

/// One query a name for the record, then A and AAAA for the host that it names; behind a headless Service one of the pods.
#[test]
fn a_service_is_found_by_the_name_of_its_port() {
    let manifests = "---
apiVersion: apps/v1
kind: Deployment
metadata: {name: db}
spec:
  replicas: 3
  selector: {matchLabels: {app: db}}
  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: pg, ports: [{name: sql, containerPort: 5432}]}]}}
---
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {selector: {app: db}, ports: [{name: sql, port: 5000, targetPort: sql}]}
---
apiVersion: v1
kind: Service
metadata: {name: peers}
spec: {clusterIP: None, selector: {app: db}, ports: [{name: sql, port: 5432}]}
";
    let directory = scratch();
    let counts = |to: &str, library: &str| {
        let more = format!("resolver: {{library: {library}}}, connections:");
        let scenario =
            BASE.replace("http://web/", to).replace("connections:", &more).replace("requests: 20", "requests: 60");
        let arguments = ["--requests", "all", "--force"];
        let path = results(directory.path(), &format!("{scenario}{manifests}"), "out", &arguments);
        let requests = table(&path, "requests.csv");
        assert!(requests.iter().all(|row| row["outcome"] == "succeeded"), "{to}: {:?}", requests[0]);
        let pods: std::collections::BTreeSet<String> = requests.iter().map(|row| row["pod"].clone()).collect();
        assert_eq!(pods.len(), 3, "{to}: {pods:?}");
        let of = |row: &Row| (row["name"].clone(), row["type"].clone(), count(row, "queries"), count(row, "nxdomain"));
        let rows: Vec<_> = table(&path, "dns.csv").iter().map(of).collect();
        (nanos(&requests[0]["dns_ms"], 6) / 1_000, rows)
    };
    for library in ["glibc", "go"] {
        let (micros, rows) = counts("http://_sql._tcp.db.default/", library);
        assert_eq!(micros, 3_000, "{library}: a name that is not there, the record, the host");
        let expected = [
            ("_sql._tcp.db.default", "lookup", 60, 0),
            ("_sql._tcp.db.default.default.svc.cluster.local", "SRV", 60, 60),
            ("_sql._tcp.db.default.svc.cluster.local", "SRV", 60, 0),
            ("db.default.svc.cluster.local", "A", 60, 0),
            ("db.default.svc.cluster.local", "AAAA", 60, 0),
        ];
        let shown: Vec<_> = rows.iter().filter(|row| row.1 != "server").collect();
        let shown: Vec<_> = shown.iter().map(|row| (row.0.as_str(), row.1.as_str(), row.2, row.3)).collect();
        assert_eq!(shown, expected, "{library}");
    }
    let (micros, rows) = counts("http://_sql._tcp.peers/", "glibc");
    assert_eq!(micros, 2_000);
    assert!(rows.iter().any(|row| (row.0.as_str(), row.2) == ("*.peers.default.svc.cluster.local", 60)), "{rows:?}");
}

/// The servers stand in the summary as pods of a Service.
#[test]
fn the_summary_shows_the_servers() {
    let directory = scratch();
    support::write(directory.path(), "names.yaml", &BASE.replace("serviceTime: 0s", "serviceTime: 10ms"));
    let run = support::output(directory.path(), &["run", "names.yaml", "-o", "out", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&run.stdout).expect("JSON");
    let services = json["variants"][0]["services"].as_array().expect("a list");
    let dns = services.iter().find(|service| service["service"] == "kube-dns.kube-system").expect("the servers");
    assert_eq!((dns["pods"][0]["pod"].as_str(), dns["pods"][0]["share"].as_f64()), (Some("coredns-0"), Some(1.0)));
    // Nineteen times two queries of 10 ms in 400 s: the window ends with the last request, before its own.
    assert_eq!(dns["pods"][0]["utilization"].as_f64(), Some(0.00095));
}

/// A cluster IP has a record whether anybody is behind it or not; a headless Service without pods has none.
#[test]
fn services_without_pods() {
    let none = ("workloads[deployment/web].inline.replicas", "0");
    assert_eq!(only(&[none]), (1_000, "refused".to_owned()));
    let headless = "---
apiVersion: v1
kind: Service
metadata: {name: peers}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80}]}
";
    let directory = scratch();
    let scenario = format!("{BASE}{headless}")
        .replace(
            "http://web/\", connections",
            "http://peers.default.svc.cluster.local./\", balancer: {policy: random}, connections",
        )
        .replace("replicas: 1}, containers", "replicas: 0}, containers");
    let path = results(directory.path(), &scenario, "out", &["--requests", "all"]);
    let requests = table(&path, "requests.csv");
    assert!(requests.iter().all(|row| row["outcome"] == "dns_nxdomain" && row["dns_ms"] == "1"), "{:?}", requests[0]);
}

#[test]
fn equal_runs_are_equal_for_any_number_of_jobs() {
    let directory = scratch();
    let set = [
        "--set",
        "run.replications=4",
        "--set",
        "run.requests=300",
        "--set",
        "cluster.dns.loss=20%",
        "--requests",
        "all",
    ];
    let run = |into: &str, jobs: &str| {
        let arguments: Vec<&str> = set.iter().copied().chain(["-j", jobs]).collect();
        results(directory.path(), BASE, into, &arguments)
    };
    support::assert_same_results(&run("one", "1"), &run("two", "2"));
}

/// Behind a headless Service the answer decides: another pod with each lookup, the same one as long as it is remembered.
#[test]
fn the_first_address_of_an_answer_is_taken() {
    let headless = "---
apiVersion: v1
kind: Service
metadata: {name: peers}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80}]}
";
    let scenario = format!("{BASE}{headless}")
        .replace("http://web/", "http://peers/")
        .replace("inline: {replicas: 1}", "inline: {replicas: 4}")
        .replace("requests: 20", "requests: 400");
    let pods = |more: &[&str]| {
        let directory = scratch();
        let path = results(directory.path(), &scenario, "out", &[&["--requests", "all"], more].concat());
        let requests = table(&path, "requests.csv");
        requests.iter().map(|row| row["pod"].clone()).collect::<Vec<_>>()
    };
    let each = pods(&[]);
    let of = |name: &str| each.iter().filter(|pod| *pod == name).count();
    // 100 each expected, standard deviation 8.7.
    assert!(["web-0", "web-1", "web-2", "web-3"].iter().all(|pod| (60..=140).contains(&of(pod))), "{each:?}");
    let changes = |pods: &[String]| pods.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(changes(&each) > 200);
    // A request every 20 s and 210 s to live: every eleventh one asks again, after 220 s.
    let kept = pods(&["--set", "traffic[t].resolver={cache: {ttl: 210s}}"]);
    assert!(kept.chunks(11).all(|part| part.iter().all(|pod| *pod == part[0])) && changes(&kept) > 10, "{kept:?}");
    assert_eq!(changes(&pods(&["--set", "traffic[t].resolver={cache: forever}"])), 0);
    assert_eq!(changes(&pods(&["--set", "traffic[t].connections={protocol: http2}"])), 0, "one connection, one pod");
}

/// The connection of each request is forgotten at once, its lookup after 30 s, and the next one comes after 20 s.
#[test]
fn queries_take_room_in_the_table_of_connections() {
    let directory = scratch();
    let table_of = |set: &[(&str, &str)]| {
        let short = ("cluster.kernel", "{conntrack: {timeWait: 1ms}}");
        let set = [&[short, ("observe", "{nodes: true}")], set].concat();
        let nodes = table(&run(directory.path(), &set), "nodes.csv");
        (number(&nodes[0], "conntrack_max"), number(&nodes[0], "conntrack_dropped"))
    };
    let library = "traffic[t].resolver.library";
    // Two lookups and a connection; Go asks for A and AAAA from a port each; a whole name goes through the search first.
    assert_eq!(table_of(&[(library, "glibc")]), (Some(3.0), Some(0.0)));
    assert_eq!(table_of(&[(library, "musl")]), (Some(3.0), Some(0.0)));
    assert_eq!(table_of(&[(library, "go")]), (Some(5.0), Some(0.0)));
    assert_eq!(table_of(&[(TO, "http://web.default.svc.cluster.local/")]).0, Some(9.0));
    assert_eq!(table_of(&[("cluster.kernel.conntrack.udp", "1s")]).0, Some(2.0));
    // What goes to the node's cache is not tracked.
    assert_eq!(table_of(&[("cluster.dns.nodeLocal", "true")]).0, Some(1.0));
}

#[test]
fn a_full_table_drops_queries() {
    let directory = scratch();
    let set = [("cluster.kernel", "{conntrack: {max: 1, timeWait: 1ms, udp: 27s}}")];
    let out = run(directory.path(), &[&set[..], &[("run.requests", "2")]].concat());
    let rows = table(&out, "requests.csv");
    // The first lookup fills the table for 27 s, so the first SYN that gets in is that of 35 s. The second lookup comes at
    // 20 s, and its queries of 20 s and 25 s are dropped; that of 30 s is for the name as given, which is none.
    // It is over first.
    assert_eq!(
        (&*rows[0]["request"], &*rows[0]["outcome"], &*rows[1]["outcome"]),
        ("1", "dns_timeout", "conntrack_full")
    );
    assert_eq!(nanos(&rows[0]["dns_ms"], 6) / 1_000, 10_008_000);
    let queries = table(&out, "dns.csv");
    let asked = row(&queries, "web.default.svc.cluster.local", "A");
    assert_eq!((count(asked, "queries"), count(asked, "unanswered")), (3, 2));
    let place = ["explain", "scenario.yaml", "-q", "--request", "1", "--set", "run.requests=2", "--set"];
    let set = format!("{}={}", set[0].0, set[0].1);
    let told = output(directory.path(), &[&place[..], &[set.as_str()]].concat());
    let told_in_one = stdout(&told).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told_in_one.contains("dropped by a full table of connections"), "{}", stdout(&told));
}
