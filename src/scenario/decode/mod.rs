//! From the located tree of one variant to a [`Scenario`]: a file for each part of `spec`.

mod arrivals;
mod autoscaling;
mod balancer;
mod behaviour;
mod cluster;
mod connections;
mod cycles;
mod dist;
pub(super) mod dns;
mod expect;
mod faults;
mod flow;
mod ingress;
mod kernel;
mod late;
mod measured;
mod node_actions;
mod outside;
mod pod_life;
mod process;
mod propagation;
mod proxy;
mod run;
mod startup;
mod timeline;
mod traffic;
mod workload;

use super::applied::{self, Applied};
use super::context::{Context, Object};
use super::discover::Discovery;
use super::metric::MetricNames;
use super::network_policy::NetworkPolicies;
use super::objects::{Objects, short};
use super::services::ServiceTable;
use super::turns::Turn;
use super::{Scenario, disruption, tables};
use crate::manifest;
use crate::yaml::{self, Node};
use flow::{ProxyName, Targets};
use traffic::Places;

/// What identifies a variant.
pub(super) struct Identity<'a> {
    /// `metadata.name`.
    pub(super) name: &'a str,
    /// The variant's name.
    pub(super) variant: &'a str,
    /// Its own `expect`, where it has variants' rather than the file's.
    pub(super) expect: Option<&'a Node>,
}

/// Decodes `spec`; the result is meaningful only if no problem was recorded.
pub(super) fn scenario(
    cx: &mut Context<'_>,
    identity: &Identity<'_>,
    spec: &Object<'_>,
    (manifests, applied): (&manifest::Objects, &[Applied]),
) -> Scenario {
    let open = |cx: &mut Context<'_>, key, shape| spec.get(key).and_then(|node| cx.object(node, shape));
    let run_object = open(cx, "run", &tables::RUN);
    let run = run::run(cx, run_object.as_ref());
    let observe = run::observe(cx, spec.get("observe"));
    let cluster_object = open(cx, "cluster", &tables::CLUSTER);
    let edges = Edges::read(cx, cluster_object.as_ref());
    let [workloads_list, proxies_list, traffic_list, objectives_list] =
        ["workloads", "proxies", "traffic", "objectives"].map(|key| spec.list(cx, key));
    let opened = workload::open(cx, workloads_list);
    let timeline_list = spec.list(cx, "timeline");
    let changes_happen =
        !timeline_list.is_empty() || autoscaling::is_on(cluster_object.as_ref(), &manifests.autoscalers);
    let mut objects = Objects::new(cx, manifests, &opened);
    let changes = applied::changes(cx, timeline_list, applied, &mut objects);
    let entries = workload::entries(cx, &opened, &objects);
    let pods = objects.workloads.iter().map(|workload| u64::from(workload.replicas)).sum::<u64>();
    let nodes = cluster::nodes(cx, cluster_object.as_ref(), &manifests.nodes, pods.min(tables::MAX_PODS));
    let network = cluster::network(cx, cluster_object.as_ref(), &nodes, goes_outside(traffic_list, workloads_list));
    note_objects(cx, cluster_object.as_ref(), manifests, &objects);
    let (mut workloads, pods) = workload::placed(cx, &objects, &entries, &nodes);
    let revisions = pod_life::revisions(cx, &changes, (&objects, &entries), &mut workloads);

    let mut services = ServiceTable::build(cx, &objects, &pods, cluster_object.as_ref(), &changes);
    let (pods_take, lives) = pod_life::times(cx, cluster_object.as_ref(), changes_happen);
    let (dns, rules) = dns::dns(cx, cluster_object.as_ref(), (&nodes, lives), &services);
    let resolvers = workload::resolvers(cx, &workloads, &entries, &rules);
    let stands: Vec<(usize, usize)> = pods.iter().map(|pod| (pod.workload, pod.node)).collect();
    let discovery = Discovery::new(&objects, &services, (pods, &nodes), rules, resolvers);
    let proxies = proxy::proxies(cx, proxies_list, &services, &nodes);
    let proxy_names = proxies.iter().map(ProxyName::of).collect::<Vec<_>>();
    let (controllers, own) =
        controllers(cx, cluster_object.as_ref(), manifests, &objects, (&services, &nodes), proxies.len());
    let targets = Targets {
        controllers: &controllers,
        services: &services,
        proxies: &proxy_names,
        discovery: &discovery,
        nodes: &nodes,
        load_balancers: &edges.load_balancers,
    };
    let sites = workload::behaviours(cx, &mut workloads, &entries, &targets, lives);
    cycles::refuse(cx, &workloads, (&services, &discovery.behind_single_pods()), &sites);
    let traffic = traffic::traffics(cx, traffic_list, &Places { workloads: &workloads, nodes: &nodes }, &targets);
    nothing_would_happen(cx, spec, traffic_list);
    workload::warn_of_idle_resolvers(cx, &entries, &workloads, &traffic);
    let turns = complete(cx, &mut services, discovery);
    stay_outside(cx, &workloads, &entries, &traffic);
    let standing = node_actions::Standing { nodes: &nodes, pods: &stands, dns: dns.as_ref(), proxies: &proxies };
    let changed = (&changes[..], &turns[..], &revisions[..]);
    let (timeline, faults) = happenings(cx, timeline_list, (&mut workloads, &traffic), &own, changed, &standing);
    let mut scenario = Scenario {
        name: identity.name.to_owned(),
        variant: identity.variant.to_owned(),
        run,
        cluster: cluster_of(cx, cluster_object.as_ref(), edges, (nodes, network, dns), (pods_take, lives)),
        workloads,
        services: services.ports,
        network_policies: network_policies(manifests, &objects),
        budgets: disruption::budgets(cx, manifests, &objects),
        proxies: proxies.into_iter().map(|(proxy, _)| proxy).chain(own).collect(),
        traffic,
        timeline,
        faults,
        objectives: Vec::new(),
        expect: Vec::new(),
        observe,
        metrics: Vec::new(),
        without: super::Without::default(),
    };
    see_whole(cx, (cluster_object.as_ref(), timeline_list), manifests, &mut scenario);
    read_metrics(cx, &mut scenario, identity, objectives_list, run_object.as_ref());
    scenario
}

/// What stands around nodes and pods.
struct Edges {
    load_balancers: super::LoadBalancers,
    nat: super::Nat,
    kube_proxy: super::KubeProxy,
}

impl Edges {
    fn read(cx: &mut Context<'_>, cluster: Option<&Object<'_>>) -> Self {
        let key = |key| cluster.and_then(|cluster| cluster.get(key));
        Self {
            load_balancers: outside::load_balancers(cx, key("loadBalancers")),
            nat: outside::nat(cx, key("nat")),
            kube_proxy: cluster::kube_proxy(cx, key("kubeProxy")),
        }
    }
}

fn cluster_of(
    cx: &mut Context<'_>,
    object: Option<&Object<'_>>,
    edges: Edges,
    (nodes, network, dns): (Vec<super::Node>, super::Network, Option<super::dns::Dns>),
    (pods, lives): (super::PodTimes, bool),
) -> super::Cluster {
    let Edges { load_balancers, nat, kube_proxy } = edges;
    let propagation = propagation::propagation(cx, object, lives);
    propagation::check_nodes(cx, object, &nodes, &propagation);
    let kubernetes = propagation::kubernetes(cx, object);
    let kernel = kernel::kernel(cx, object);
    let node_grace = node_actions::grace(cx, object, kubernetes);
    let cpu = process::rules(cx, object);
    super::Cluster {
        nodes,
        network,
        kubernetes,
        kube_proxy,
        load_balancers,
        nat,
        dns,
        pods,
        lives,
        propagation,
        node_grace,
        kernel,
        cpu,
        autoscaling: super::autoscaling::Autoscaling::default(),
    }
}

/// The autoscalers: some workloads must stay as they are.
fn autoscaled(
    cx: &mut Context<'_>,
    cluster: Option<&Object<'_>>,
    manifests: &manifest::Objects,
    scenario: &Scenario,
) -> super::autoscaling::Autoscaling {
    let (objects, workloads) = (&manifests.autoscalers, &scenario.workloads);
    let autoscaling = autoscaling::autoscaling(cx, cluster, objects, workloads);
    let runs_in = scenario.proxies.iter().filter_map(|proxy| Some(proxy.controller.as_ref()?.workload));
    let runs_in: Vec<usize> = runs_in.collect();
    autoscaling::warn_of_senders(cx, objects, &autoscaling, workloads, &scenario.traffic);
    autoscaling::leave_alone(cx, objects, &autoscaling, &runs_in, workloads);
    autoscaling
}

/// What can only be seen in the whole scenario.
fn see_whole(
    cx: &mut Context<'_>,
    (cluster, timeline): (Option<&Object<'_>>, &[Node]),
    manifests: &manifest::Objects,
    scenario: &mut Scenario,
) {
    late::warn_of_late_entries(cx, timeline, &scenario.run.window);
    scenario.cluster.autoscaling = autoscaled(cx, cluster, manifests, scenario);
    balancer::check_endpoints(cx, scenario);
    cluster::check_bandwidth(cx, cluster, scenario);
}

/// What names metrics: objectives, expectations, and the goal that ends replications.
fn read_metrics(
    cx: &mut Context<'_>,
    scenario: &mut Scenario,
    identity: &Identity<'_>,
    objectives: &[Node],
    run: Option<&Object<'_>>,
) {
    // Metrics of things that could not be read would only repeat their problems.
    let names =
        expect::Known { names: MetricNames::of(scenario), complete: cx.problems.iter().all(|problem| problem.warning) };
    scenario.objectives = expect::objectives(cx, objectives, &names);
    let list = identity.expect.map_or(&[] as &[Node], |node| cx.list(node, "expect"));
    scenario.expect = expect::expectations(cx, list, &names);
    scenario.run.until = expect::until(cx, run, &names);
}

/// Whether anything comes from outside or goes there.
fn goes_outside(traffic: &[Node], workloads: &[Node]) -> bool {
    let stands_outside = |item: &Node| item.get("outside").and_then(Node::as_bool) == Some(true);
    traffic.iter().any(traffic::comes_from_outside) || workloads.iter().any(stands_outside)
}

/// All Services are known, addresses of single pods among them: what the timeline makes of them.
fn complete(cx: &mut Context<'_>, services: &mut ServiceTable, discovery: Discovery) -> Vec<Turn> {
    note_services(cx, services);
    services.ports.extend(discovery.into_single_pods());
    std::mem::take(&mut services.turns)
}

/// The timeline, and the faults in it: some workloads must stay as they are.
fn happenings(
    cx: &mut Context<'_>,
    items: &[Node],
    (workloads, traffic): (&mut [super::Workload], &[super::Traffic]),
    controllers: &[super::Proxy],
    changes: timeline::Applied<'_>,
    standing: &node_actions::Standing<'_>,
) -> (Vec<super::Happening>, Vec<super::fault::Fault>) {
    let known = faults::Known { workloads: &*workloads, nodes: standing.nodes, traffic, dns: standing.dns };
    let faults = faults::faults(cx, items, known);
    let timeline = timeline::timeline(cx, items, (workloads, standing.nodes), (changes, &faults));
    let outside: Vec<usize> = (0..workloads.len()).filter(|index| workloads[*index].outside).collect();
    timeline::leave_alone(cx, items, &timeline, &outside, workloads, "stands outside the cluster");
    let runs_in = controllers.iter().filter_map(|proxy| Some(proxy.controller.as_ref()?.workload));
    let runs_in: Vec<usize> = runs_in.collect();
    timeline::leave_alone(cx, items, &timeline, &runs_in, workloads, "runs an ingress controller");
    node_actions::leave_nodes_alone(cx, items, &timeline, (workloads, &runs_in), standing);
    node_actions::warn_of_senders(cx, items, &timeline, (workloads, traffic), standing);
    timeline::warn_of_senders(cx, items, &timeline, workloads, traffic);
    (timeline, faults.into_iter().map(|(_, fault)| fault).collect())
}

/// What stands outside answers; it sends nothing to the cluster.
fn stay_outside(
    cx: &mut Context<'_>,
    workloads: &[super::Workload],
    entries: &[workload::Entry<'_>],
    traffic: &[super::Traffic],
) {
    for (index, workload) in workloads.iter().enumerate().filter(|(_, workload)| workload.outside) {
        let calls = |step: &super::Step| matches!(step, super::Step::Calls(_));
        let calls = workload.containers.iter().any(|container| container.behaviour.steps.iter().any(calls));
        let sends = traffic.iter().any(|traffic| traffic.from == super::Source::Workload(index));
        if let Some(entry) = entries.iter().find(|entry| entry.workload == index)
            && (calls || sends)
        {
            cx.problem_help(
                entry.object.key_span("outside"),
                format!("not supported yet: {} stands outside and sends requests", workload.target()),
                "write traffic `from: internet` for what comes from outside",
            );
        }
    }
}

/// The ingress controllers, and the proxies that they are made of, which stand behind so many others.
fn controllers(
    cx: &mut Context<'_>,
    cluster: Option<&Object<'_>>,
    manifests: &manifest::Objects,
    objects: &Objects,
    (services, nodes): (&ServiceTable, &[super::Node]),
    others: usize,
) -> (Vec<super::ingress::Controller>, Vec<super::Proxy>) {
    let list = cluster.map_or(&[][..], |cluster| cluster.list(cx, "ingress"));
    let read = ingress::controllers(cx, list, objects, services, nodes);
    let (mut controllers, templates): (Vec<_>, Vec<_>) = read.into_iter().unzip();
    super::ingress::give_rules(cx, &mut controllers, manifests, services);
    let mut own = Vec::new();
    for (controller, template) in controllers.iter_mut().zip(&templates) {
        controller.backends = controller.targets().into_iter().map(|port| (port, 0)).collect();
        for (port, proxy) in &mut controller.backends {
            *proxy = others + own.len();
            own.push(template.sending_to(*port, &services.ports[*port].label()));
        }
        controller.not_found = others + own.len();
        own.push(template.answering(controller.ports.start));
    }
    (controllers, own)
}

/// The policies, and the labels that they go by.
fn network_policies(manifests: &manifest::Objects, objects: &Objects) -> NetworkPolicies {
    NetworkPolicies {
        policies: manifests.policies.clone(),
        pods: objects.workloads.iter().map(|one| (one.namespace.clone(), one.labels.clone())).collect(),
        namespaces: manifests.namespace_labels.clone(),
    }
}

fn nothing_would_happen(cx: &mut Context<'_>, spec: &Object<'_>, traffic: &[Node]) {
    if !traffic.is_empty() {
        return;
    }
    if spec.get("traffic").is_some_and(|node| !matches!(node.value, yaml::Value::List(_))) {
        // What is no list has been answered.
        return;
    }
    cx.problem_help(
        spec.key_span("traffic"),
        "there is no traffic, so nothing would happen",
        "write traffic: [{name: t, to: \"http://web/\", arrivals: {poisson: {rate: 100/s}}}]",
    );
}

/// What the scenario itself writes, and which manifests it replaces.
fn note_objects(cx: &mut Context<'_>, cluster: Option<&Object<'_>>, manifests: &manifest::Objects, objects: &Objects) {
    for workload in &objects.workloads[objects.manifest_workloads..] {
        cx.used.push(format!("{}: {} pods, written inline", short(workload), workload.replicas));
    }
    if cluster.is_some_and(|cluster| cluster.get("nodes").is_some()) {
        for node in &manifests.nodes {
            cx.ignore(format!("Node/{}", node.name), "the scenario lists its own nodes under cluster.nodes".to_owned());
        }
    }
}

/// Services that lead nowhere: an error only where requests are sent to them.
fn note_services(cx: &mut Context<'_>, services: &ServiceTable) {
    for group in services.groups.iter().filter(|group| group.incomplete) {
        let label = match group.namespace.as_str() {
            "default" => format!("Service/{}", group.name),
            namespace => format!("{namespace}/Service/{}", group.name),
        };
        for reason in group.unusable.iter().chain(group.broken.iter().flatten()) {
            cx.ignore(label.clone(), reason.0.clone());
        }
    }
}
