use super::labels::{Requirement, Selector};
use super::resources::{ASSUMED, Allocatable};
use super::spec::{HOSTNAME, NodeAffinity, PodAffinity, SpreadConstraint, Term, ZONE};
use super::taints::{Effect, Taint, Toleration};
use super::*;

fn labels(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// A node with a name, unless it has none, and maybe a zone.
fn node(name: &str, zone: &str) -> NodeSpec {
    let mut own = Vec::new();
    if !name.is_empty() {
        own.push((HOSTNAME, name));
    }
    if !zone.is_empty() {
        own.push(("zone", zone));
        own.push((ZONE, zone));
    }
    NodeSpec { labels: labels(&own), max_pods: 110, ..NodeSpec::default() }
}

fn has(key: &str) -> Option<Selector> {
    Some(Selector { all: vec![Requirement::equals(key, "")] })
}

fn soft(max_skew: u32, key: &str, selector: Option<Selector>) -> SpreadConstraint {
    SpreadConstraint { max_skew, key: key.to_owned(), selector, ..spec::default_spread()[0].clone() }
}

fn hard(max_skew: u32, key: &str, selector: Option<Selector>) -> SpreadConstraint {
    SpreadConstraint { is_hard: true, ..soft(max_skew, key, selector) }
}

fn pod(own: &[&str]) -> PodSpec {
    let own: Vec<(&str, &str)> = own.iter().map(|label| (*label, "")).collect();
    PodSpec { namespace: "default".to_owned(), labels: labels(&own), ..PodSpec::default() }
}

fn spread(own: &[&str], spread: Vec<SpreadConstraint>) -> PodSpec {
    PodSpec { spread, ..pod(own) }
}

/// Nodes with the labels of the pods on each: `foo`, `bar`, `foo bar`.
fn cluster(nodes: Vec<(NodeSpec, &[&str])>) -> Scheduler {
    let (specs, pods): (Vec<_>, Vec<_>) = nodes.into_iter().unzip();
    let mut scheduler = Scheduler::new(specs.into_iter().map(|spec| (spec, true)).collect());
    for (node, pods) in pods.into_iter().enumerate() {
        for own in pods {
            let kind = scheduler.add_kind(pod(&own.split(' ').collect::<Vec<_>>()));
            scheduler.bind(kind, node);
        }
    }
    scheduler
}

const FOO: [&str; 4] = ["foo"; 4];

/// Rows of `TestPodTopologySpreadScore` in Kubernetes' `pkg/scheduler/framework/plugins/podtopologyspread`: the pod, the
/// nodes with what they have, which of them may be chosen, their points.
#[test]
fn topology_spread_scores() {
    let on = |count: usize| &FOO[..count];
    let named = |counts: [usize; 4]| {
        ["a", "b", "c", "d"]
            .into_iter()
            .zip(counts)
            .map(|(name, count)| (node(name, ""), on(count)))
            .collect::<Vec<_>>()
    };
    let by_node = |skew| spread(&["foo"], vec![soft(skew, HOSTNAME, has("foo"))]);
    let zones = |pods: [&'static [&'static str]; 4]| {
        let zones = ["zone1", "zone1", "zone2", "zone2"];
        ["a", "b", "x", "y"].into_iter().zip(zones).zip(pods).map(|((name, zone), pods)| (node(name, zone), pods))
    };
    let both =
        |first, second| spread(&["foo", "bar"], vec![soft(1, "zone", has(first)), soft(1, HOSTNAME, has(second))]);
    type Row = (PodSpec, Vec<(NodeSpec, &'static [&'static str])>, Vec<usize>, Vec<i64>);
    let rows: Vec<Row> = vec![
        (by_node(1), named([0, 0, 0, 0]), vec![0, 1], vec![100, 100]),
        (by_node(1), named([2, 1, 0, 0]), vec![0], vec![100]),
        (by_node(1), named([1, 1, 0, 0]), vec![0, 1], vec![100, 100]),
        (by_node(1), named([2, 1, 0, 3]), vec![0, 1, 2, 3], vec![20, 60, 100, 0]),
        (spread(&["foo"], vec![soft(1, HOSTNAME, None)]), named([2, 1, 0, 3]), vec![0, 1, 2, 3], vec![100; 4]),
        (by_node(2), named([2, 1, 0, 3]), vec![0, 1, 2, 3], vec![33, 66, 100, 16]),
        (by_node(3), named([4, 3, 2, 1]), vec![0, 1, 2, 3], vec![44, 66, 77, 100]),
        (by_node(1), named([4, 2, 1, 3]), vec![0, 1, 2], vec![33, 83, 100]),
        (
            by_node(1),
            vec![(node("a", ""), on(4)), (node("", ""), on(2)), (node("x", ""), on(1)), (node("y", ""), on(3))],
            vec![0, 1, 2],
            vec![16, 0, 100],
        ),
        (
            spread(&["foo"], vec![soft(1, "zone", has("foo"))]),
            zones([on(4), on(2), on(1), on(3)]).collect(),
            vec![0, 1, 2],
            vec![75, 75, 100],
        ),
        (
            spread(&["foo"], vec![soft(1, "zone", has("foo")), soft(1, HOSTNAME, has("foo"))]),
            zones([on(2), on(1), on(2), on(4)]).collect(),
            vec![0, 2],
            vec![100, 63],
        ),
        (
            spread(&["foo", "bar"], vec![soft(1, "zone", has("foo")), soft(1, "zone", has("bar"))]),
            zones([&["foo bar", "foo"], &["foo bar"], &[], &["foo", "foo bar", "foo"]]).collect(),
            vec![0, 2],
            vec![85, 100],
        ),
        (
            both("foo", "bar"),
            zones([&["foo"], &["foo bar"], &[], &["foo", "bar"]]).collect(),
            vec![0, 1, 2, 3],
            vec![60, 20, 100, 60],
        ),
        (
            both("foo", "bar"),
            zones([&[], &["bar"], &["foo"], &["foo bar"]]).collect(),
            vec![0, 1, 2, 3],
            vec![100, 60, 40, 0],
        ),
        (
            both("foo", "bar"),
            zones([&["foo"], &["foo bar"], &[], &["foo", "bar"]]).collect(),
            vec![0, 1, 2],
            vec![50, 25, 100],
        ),
    ];
    for (index, (pod, nodes, candidates, points)) in rows.into_iter().enumerate() {
        let mut scheduler = cluster(nodes);
        let kind = scheduler.add_kind(pod);
        assert_eq!(scheduler.topology_spread(kind, &candidates), Some(points), "row {index}");
    }
}

/// "system defaulting": the constraints of the cluster score like one on nodes where there are no zones.
#[test]
fn who_says_nothing_is_spread_all_the_same() {
    let nodes = ["a", "b", "c", "d"].map(|name| (node(name, ""), true)).to_vec();
    let mut scheduler = Scheduler::new(nodes);
    let kind = scheduler.add_kind(PodSpec { is_spread_by_default: true, ..pod(&["foo"]) });
    for (node, count) in [4, 3, 2, 1].into_iter().enumerate() {
        (0..count).for_each(|_| scheduler.bind(kind, node));
    }
    assert_eq!(scheduler.topology_spread(kind, &[0, 1, 2, 3]), Some(vec![44, 66, 77, 100]));
    let alone = scheduler.add_kind(pod(&["foo"]));
    assert_eq!(scheduler.topology_spread(alone, &[0, 1, 2, 3]), None, "nothing selects it");
}

/// "existing pods in a different namespace do not count", "terminating Pods should be excluded".
#[test]
fn pods_of_other_namespaces_and_deleted_ones_do_not_count() {
    let own = spread(&["foo"], vec![soft(1, HOSTNAME, has("foo"))]);
    let mut scheduler = cluster(vec![(node("a", ""), &FOO[..1]), (node("b", ""), &FOO[..2])]);
    let elsewhere = scheduler.add_kind(PodSpec { namespace: "ns1".to_owned(), ..pod(&["foo"]) });
    scheduler.bind(elsewhere, 0);
    let kind = scheduler.add_kind(own);
    assert_eq!(scheduler.topology_spread(kind, &[0, 1]), Some(vec![100, 33]));
    let deleted = scheduler.add_kind(pod(&["foo"]));
    scheduler.bind(deleted, 0);
    scheduler.bind(deleted, 0);
    assert_eq!(scheduler.topology_spread(kind, &[0, 1]), Some(vec![75, 100]));
    scheduler.terminate(deleted, 0);
    scheduler.terminate(deleted, 0);
    assert_eq!(scheduler.topology_spread(kind, &[0, 1]), Some(vec![100, 33]));
    scheduler.release(deleted, 0);
    assert_eq!((scheduler.pods_on(0), scheduler.pods_on(1)), (3, 2));
}

/// `TestTaintTolerationScore`, its rows without comparisons of numbers.
#[test]
fn taint_toleration_scores() {
    let soft = |key: &str, value: &str| Taint {
        key: key.to_owned(),
        value: value.to_owned(),
        effect: Effect::PreferNoSchedule,
    };
    let tolerates = |key: &str, value: &str, effect| Toleration {
        key: Some(key.to_owned()),
        value: Some(value.to_owned()),
        effect: Some(effect),
        seconds: None,
    };
    let prefer = Effect::PreferNoSchedule;
    let cpu = || soft("cpu-type", "arm64");
    let disk = || soft("disk-type", "ssd");
    let both = |effect| vec![tolerates("cpu-type", "arm64", effect), tolerates("disk-type", "ssd", effect)];
    let firm = Taint { effect: Effect::NoSchedule, ..cpu() };
    let rows = [
        (
            vec![tolerates("foo", "bar", prefer)],
            vec![vec![soft("foo", "bar")], vec![soft("foo", "blah")]],
            Some(vec![100, 0]),
        ),
        (both(prefer), vec![vec![], vec![cpu()], vec![cpu(), disk()]], None),
        (vec![tolerates("foo", "bar", prefer)], vec![vec![], vec![cpu()], vec![cpu(), disk()]], Some(vec![100, 50, 0])),
        (both(Effect::NoSchedule), vec![vec![], vec![firm], vec![cpu(), disk()]], Some(vec![100, 100, 0])),
        (vec![], vec![vec![], vec![cpu()]], Some(vec![100, 0])),
    ];
    for (tolerations, taints, points) in rows {
        let nodes: Vec<_> = taints.into_iter().map(|taints| (NodeSpec { taints, ..node("a", "") }, true)).collect();
        let all: Vec<usize> = (0..nodes.len()).collect();
        let mut scheduler = Scheduler::new(nodes);
        let kind = scheduler.add_kind(PodSpec { tolerations, ..pod(&[]) });
        // Where none is disliked all have 100, which decides nothing.
        assert_eq!(scheduler.taint_toleration(kind, &all), points);
    }
}

#[test]
fn hard_spreading_keeps_the_skew() {
    let own = spread(&["foo"], vec![hard(1, "zone", has("foo"))]);
    let mut scheduler =
        cluster(vec![(node("a", "z1"), &FOO[..2]), (node("b", "z2"), &FOO[..1]), (node("c", "z3"), &FOO[..2])]);
    let kind = scheduler.add_kind(own.clone());
    let fits = |scheduler: &Scheduler, kind| {
        (0..scheduler.nodes.len()).filter(|node| scheduler.fits(kind, *node).is_ok()).collect::<Vec<_>>()
    };
    assert_eq!(fits(&scheduler, kind), [1]);
    // A zone whose last node is gone is no zone.
    scheduler.set_present(1, false);
    assert_eq!(fits(&scheduler, kind), [0, 1, 2]);
    scheduler.set_present(1, true);
    // A pod that does not count itself may stand where there are `maxSkew` more.
    let other = scheduler.add_kind(PodSpec { labels: labels(&[("bar", "")]), ..own.clone() });
    assert_eq!(fits(&scheduler, other), [0, 1, 2]);
    // Fewer zones than wanted: the emptiest counts as empty.
    let mut wanting = own.clone();
    wanting.spread[0].min_domains = 4;
    let wanting = scheduler.add_kind(wanting);
    assert!(fits(&scheduler, wanting).is_empty());
    let nowhere = scheduler.choose(wanting, |_| 0).unwrap_err();
    assert_eq!(nowhere.to_string(), "0/3 nodes are available: 3 node(s) didn't match pod topology spread constraints.");
    let elsewhere = scheduler.add_kind(spread(&["foo"], vec![hard(1, "rack", has("foo"))]));
    let text =
        "0/3 nodes are available: 3 node(s) didn't match pod topology spread constraints (missing required label).";
    assert_eq!(scheduler.choose(elsewhere, |_| 0).unwrap_err().to_string(), text);
    // Zones that the pod may not go to do not count, unless told.
    let mut limited = own;
    limited.node_affinity.selector =
        vec![Requirement { key: "zone".to_owned(), test: labels::Test::NotIn(vec!["z2".to_owned()]) }];
    let honored = scheduler.add_kind(limited.clone());
    assert_eq!(fits(&scheduler, honored), [0, 2]);
    limited.spread[0].ignores_affinity = true;
    let ignored = scheduler.add_kind(limited);
    assert!(fits(&scheduler, ignored).is_empty());
}

#[test]
fn pods_stay_together_or_apart() {
    let term =
        |key: &str, label| Term { key: key.to_owned(), selector: has(label), namespaces: vec![], everywhere: false };
    let nodes = || vec![(node("a", "z1"), true), (node("b", "z1"), true), (node("c", "z2"), true)];
    let fits =
        |scheduler: &Scheduler, kind| (0..3).filter(|node| scheduler.fits(kind, *node).is_ok()).collect::<Vec<_>>();
    let with = |own: &[&str], near: Vec<Term>, apart: Vec<Term>| PodSpec {
        pod_affinity: PodAffinity { near, apart, preferred: vec![] },
        ..pod(own)
    };
    let mut scheduler = Scheduler::new(nodes());
    let cache = scheduler.add_kind(with(&["cache"], vec![], vec![term(HOSTNAME, "cache")]));
    let web = scheduler.add_kind(with(&["web"], vec![term("zone", "cache")], vec![]));
    assert!(fits(&scheduler, web).is_empty(), "there is no cache yet");
    assert_eq!(
        scheduler.choose(web, |_| 0).unwrap_err().to_string(),
        "0/3 nodes are available: 3 node(s) didn't match pod affinity rules."
    );
    scheduler.bind(cache, 1);
    assert_eq!((fits(&scheduler, web), fits(&scheduler, cache)), (vec![0, 1], vec![0, 2]));
    assert_eq!(
        scheduler.fits(cache, 1).unwrap_err().to_string(),
        "0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules."
    );
    // The others' wish to be alone counts as well.
    let plain = scheduler.add_kind(pod(&["cache"]));
    assert_eq!(
        scheduler.fits(plain, 1).unwrap_err().to_string(),
        "0/1 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules."
    );
    // The first of a group that wants to be together goes anywhere.
    let group = scheduler.add_kind(with(&["group"], vec![term("zone", "group")], vec![]));
    assert_eq!(fits(&scheduler, group), [0, 1, 2]);
    scheduler.bind(group, 2);
    assert_eq!(fits(&scheduler, group), [2]);
    scheduler.terminate(group, 2);
    assert_eq!(fits(&scheduler, group), [2], "a pod that is deleted still stands there");
    scheduler.release(group, 2);
    assert_eq!(fits(&scheduler, group), [0, 1, 2]);
}

#[test]
fn preferred_neighbours_make_nodes_better() {
    let term = |label| Term { key: HOSTNAME.to_owned(), selector: has(label), namespaces: vec![], everywhere: false };
    let mut scheduler = cluster(vec![(node("a", ""), &["foo"]), (node("b", ""), &["bar"]), (node("c", ""), &[])]);
    let affinity = PodAffinity { preferred: vec![(10, term("foo")), (-30, term("bar"))], ..PodAffinity::default() };
    let kind = scheduler.add_kind(PodSpec { pod_affinity: affinity, ..pod(&["web"]) });
    // 10, -30 and 0 of 40 apart.
    assert_eq!(scheduler.pod_affinity(kind, &[0, 1, 2]), Some(vec![100, 0, 75]));
    // What is there wishes for it, too.
    let friend = PodAffinity { preferred: vec![(50, term("web"))], ..PodAffinity::default() };
    let friend = scheduler.add_kind(PodSpec { pod_affinity: friend, ..pod(&["friend"]) });
    scheduler.bind(friend, 2);
    assert_eq!(scheduler.pod_affinity(kind, &[0, 1, 2]), Some(vec![50, 0, 100]));
}

#[test]
fn node_affinity_allows_and_prefers() {
    let disk = |value: &str| vec![Requirement::equals("disk", value)];
    let with = |disk: &str| NodeSpec { labels: labels(&[("disk", disk)]), max_pods: 110, ..NodeSpec::default() };
    let mut scheduler = Scheduler::new(vec![(with("ssd"), true), (with("hdd"), true), (with("tape"), true)]);
    let affinity = NodeAffinity {
        required: vec![disk("ssd"), disk("hdd"), vec![]],
        preferred: vec![(20, disk("hdd")), (10, disk("ssd"))],
        ..NodeAffinity::default()
    };
    let kind = scheduler.add_kind(PodSpec { node_affinity: affinity, ..pod(&[]) });
    assert_eq!(
        scheduler.fits(kind, 2).unwrap_err().to_string(),
        "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."
    );
    assert_eq!(scheduler.liked_nodes(kind, &[0, 1]), Some(vec![50, 100]));
    assert_eq!(scheduler.choose(kind, |_| 0), Ok(1));
}

#[test]
fn a_pod_that_fits_nowhere_says_why() {
    let with =
        |cpu, memory| NodeSpec { allocatable: Allocatable { cpu: Some(cpu), memory: Some(memory) }, ..node("n", "") };
    let cordoned = NodeSpec { is_unschedulable: true, ..with(9000, 9000) };
    let taint = Taint { key: "dedicated".to_owned(), value: "gpu".to_owned(), effect: Effect::NoSchedule };
    let tainted = NodeSpec { taints: vec![taint], ..with(9000, 9000) };
    let full = NodeSpec { max_pods: 0, ..with(100, 100) };
    let absent = (with(9000, 9000), false);
    let nodes = [with(900, 9000), with(900, 900), cordoned, tainted, full].map(|node| (node, true));
    let mut scheduler = Scheduler::new(nodes.into_iter().chain([absent]).collect());
    let kind = scheduler.add_kind(PodSpec { requests: Resources { cpu: 1000, memory: 1000 }, ..pod(&[]) });
    let text = "0/5 nodes are available: 1 Too many pods, 1 node(s) had untolerated taint {dedicated: gpu}, \
                1 node(s) were unschedulable, 2 Insufficient memory, 3 Insufficient cpu.";
    assert_eq!(scheduler.choose(kind, |_| 0).unwrap_err().to_string(), text);
    scheduler.set_present(5, true);
    assert_eq!(scheduler.choose(kind, |_| 0), Ok(5));
    assert_eq!(Scheduler::new(vec![]).clone().nodes.len(), 0);
    let mut empty = Scheduler::new(vec![]);
    let kind = empty.add_kind(pod(&[]));
    assert_eq!(empty.choose(kind, |_| 0).unwrap_err().to_string(), "no nodes available to schedule pods");
}

#[test]
fn ports_of_the_node_are_one_pods() {
    let mut scheduler = Scheduler::new(vec![(node("a", ""), true)]);
    let kind = scheduler.add_kind(PodSpec { ports: vec![80], ..pod(&[]) });
    scheduler.bind(kind, 0);
    let text = "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.";
    assert_eq!(scheduler.choose(kind, |_| 0).unwrap_err().to_string(), text);
    scheduler.terminate(kind, 0);
    assert!(scheduler.choose(kind, |_| 0).is_err(), "until it is gone");
    scheduler.release(kind, 0);
    assert_eq!(scheduler.choose(kind, |_| 0), Ok(0));
}

#[test]
fn equal_nodes_are_told_apart_by_the_tie() {
    let mut scheduler = Scheduler::new((0..4).map(|_| (node("", ""), true)).collect());
    let kind = scheduler.add_kind(pod(&[]));
    assert_eq!(scheduler.choose(kind, |node| (node as u64 + 2) % 4), Ok(2));
    assert_eq!(scheduler.choose(kind, |_| 0), Ok(0));
}

/// Source: `TestNumFeasibleNodesToFind`.
#[test]
fn large_clusters_are_sampled() {
    for (nodes, enough) in [(10, 10), (1000, 420), (6000, 300), (5000, 500), (100, 100), (150, 100)] {
        assert_eq!(enough_nodes(nodes), enough, "{nodes}");
    }
}

/// 100,000 pods on 5,000 nodes, spread by default: none has more than three more than another, and no node is overbooked.
#[test]
fn a_large_cluster_is_filled_evenly() {
    let zone = |node: usize| ["z1", "z2", "z3"][node % 3];
    let with = |index: usize| {
        let name = format!("n{index}");
        let allocatable = Allocatable { cpu: Some(4_000), memory: Some(16 << 30) };
        (NodeSpec { allocatable, ..node(&name, zone(index)) }, true)
    };
    let mut scheduler = Scheduler::new((0..1_000).map(with).collect());
    let requests = Resources { cpu: 100, memory: 256 << 20 };
    let spec = PodSpec { requests, scored: requests.max(ASSUMED), is_spread_by_default: true, ..pod(&["web"]) };
    let kind = scheduler.add_kind(spec);
    for _ in 0..20_000 {
        let node = scheduler.choose(kind, |node| node as u64).unwrap();
        scheduler.bind(kind, node);
    }
    let pods: Vec<u32> = (0..1_000).map(|node| scheduler.pods_on(node)).collect();
    let (least, most) = (pods.iter().min().unwrap(), pods.iter().max().unwrap());
    assert!(most - least <= 2, "{least} to {most}");
    assert_eq!(pods.iter().sum::<u32>(), 20_000);
}

/// Although only some of the nodes are looked at, all get pods when each zone must have as many.
#[test]
fn a_large_cluster_is_looked_at_zone_by_zone() {
    let with = |index: usize| (node(&format!("n{index}"), if index < 300 { "z1" } else { "z2" }), true);
    let mut scheduler = Scheduler::new((0..600).map(with).collect());
    let kind = scheduler.add_kind(spread(&["foo"], vec![hard(1, "zone", has("foo"))]));
    assert_eq!(scheduler.order[..4], [0, 300, 1, 301]);
    for _ in 0..1_200 {
        let pods: Vec<u32> = (0..600).map(|node| scheduler.pods_on(node)).collect();
        let node = scheduler.choose(kind, |node| u64::from(pods[node])).unwrap();
        scheduler.bind(kind, node);
    }
    let pods: Vec<u32> = (0..600).map(|node| scheduler.pods_on(node)).collect();
    assert!(pods.iter().all(|pods| (1..=3).contains(pods)), "{pods:?}");
}
