//! Files that must load, and what they become.

use super::super::*;
use super::{TRAFFIC, first, loaded, with};
use crate::arrivals::Spec;
use crate::balance::Choices;
use crate::cause::FailureCause;
use crate::time::SimDuration;

const SHOP: &str = r#"
apiVersion: windtunnel/v1
kind: Scenario
metadata:
  name: shop
  annotations: {question: "Which balancing keeps p99 under 250 ms?"}
spec:
  manifests: [shop/*.yaml]
  run: {duration: 10m, warmup: 30s, replications: 10, seed: 1}
  cluster:
    nodes:
      - {name: a, count: 3, zone: z1, cpu: "8"}
      - {name: b, count: 3, zone: z2, cpu: "8", speed: 0.9}
    network: {sameNode: 50us, sameZone: 200us, crossZone: {lognormal: {mean: 900us, cv: 0.3}}}
    kubeProxy: {mode: iptables}
  workloads:
    - target: deployment/web
      containers:
        app:
          concurrency: 8
          queue: {limit: 1000, discipline: fifo}
          steps:
            - work: {lognormal: {mean: 6ms, cv: 1.2}}
            - parallel: [{call: "http://cart:8080/items", timeout: 200ms}, {call: "http://reviews.shop:8080/", name: reviews, probability: 30%}]
            - work: 2ms
          holdsSlotWhileCalling: true
      pods: [{index: 0, speed: 0.33}]
  proxies:
    - {name: edge, layer: 7, instances: 3, workers: 1, from: {pick: random, per: request}, endpoints: service/web,
       balancer: {policy: least-request, choices: 2, replacement: true}, overhead: {before: 120us, after: 150us}, place: {zone: z1}}
  traffic:
    - name: browse
      from: deployment/frontend
      to: http://web.shop.svc.cluster.local/
      arrivals: {poisson: {rate: 800/s}}
      clients: {count: 200, popularity: {zipf: {exponent: 1.1}}}
      connections: {protocol: http1, keepAlive: true, maxPerClient: 64}
      balancer: {policy: least-request, choices: 2}
      timeout: 1s
      retries: {attempts: 2, perTry: 300ms, on: [connect-failure, 5xx], backoff: {base: 25ms, max: 250ms}, budget: 20%}
    - {name: through, from: {generator: {zone: z1}}, to: http://web.shop/, through: edge, arrivals: {constant: {ratePerClient: 4/s}}, clients: {count: 10}}
    - {name: near, from: {node: a-1}, to: http://web.shop./, arrivals: {closed: {users: 5, think: {exponential: {mean: 1s}}}}}
  variants:
    - {name: base}
    - {name: random, set: {"traffic[browse].balancer": {policy: random}}}
    - {name: kube-proxy, set: {"traffic[browse].balancer": null}}
    - {name: six, set: {"manifests[deployment/web].spec.replicas": 6}}
  objectives:
    - browse.latency.p99 < 250ms
    - browse.errorRatio < 0.1%
"#;

const MANIFESTS: &str = r#"
apiVersion: v1
kind: List
items:
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: web, namespace: shop}
  spec:
    replicas: 4
    selector: {matchLabels: {app: web}}
    template:
      metadata: {labels: {app: web, tier: front}}
      spec: {containers: [{name: app, image: web, ports: [{name: http, containerPort: 8080}]}]}
- apiVersion: v1
  kind: Service
  metadata: {name: web, namespace: shop}
  spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
"#;

const CART: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop}
spec:
  selector: {matchLabels: {app: cart}}
  template:
    metadata: {labels: {app: cart}}
    spec: {containers: [{name: app, image: cart, ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {clusterIP: 10.96.0.10, selector: {app: cart}, ports: [{port: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: reviews, namespace: shop}
spec: {selector: {app: cart}, ports: [{port: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: frontend, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: frontend}}
  template:
    metadata: {labels: {app: frontend}}
    spec: {containers: [{name: app, image: frontend}]}
"#;

/// `http://web.shop./` is an absolute name that does not exist; the example below corrects it.
fn shop() -> String {
    SHOP.replace("http://web.shop./", "http://web.shop.svc.cluster.local./")
}

fn shop_loaded(overrides: &Overrides) -> Loaded {
    loaded(&shop(), &[("shop/web.yaml", MANIFESTS), ("shop/cart.yaml", CART)], overrides)
}

#[test]
fn the_shop_loads_with_all_its_parts() {
    let loaded = shop_loaded(&Overrides::default());
    assert_eq!(loaded.question.as_deref(), Some("Which balancing keeps p99 under 250 ms?"));
    let names = loaded.variants.iter().map(|variant| variant.variant.as_str()).collect::<Vec<_>>();
    assert_eq!(names, ["base", "random", "kube-proxy", "six"]);
    let base = &loaded.variants[0];
    assert_eq!(
        base.cluster.nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>(),
        ["a-1", "a-2", "a-3", "b-1", "b-2", "b-3"]
    );
    assert_eq!(
        (base.cluster.nodes[3].zone.as_str(), base.cluster.nodes[3].speed, base.cluster.nodes[3].cpu),
        ("z2", 0.9, Some(8.0))
    );
    assert_eq!(base.cluster.nodes[5].pod_cidr, (u32::from(std::net::Ipv4Addr::new(10, 244, 5, 0)), 24));
    let web = base.workloads.iter().position(|workload| workload.target() == "shop/deployment/web").expect("web");
    assert_eq!((base.workloads[web].replicas, base.workloads[web].pod_speed.as_slice()), (4, &[(0, 0.33)][..]));
    let behaviour = &base.workloads[web].containers[0].behaviour;
    assert_eq!((behaviour.concurrency, behaviour.queue_limit, behaviour.steps.len()), (Some(8), Some(1_000), 3));
    let Step::Calls(calls) = &behaviour.steps[1] else { panic!("the second step calls") };
    assert_eq!((calls[0].flow.name.as_str(), calls[1].flow.name.as_str()), ("http://cart:8080/items", "reviews"));
    assert_eq!((calls[0].probability, calls[1].probability), (1.0, 0.3));
    assert_eq!(base.services[calls[0].flow.service].label(), "cart.shop");
    assert_eq!(calls[0].flow.timeout, Some(SimDuration::from_millis(200)));
    let browse = &base.traffic[0];
    assert_eq!(
        browse.flow.retries.on,
        [
            FailureCause::Refused,
            FailureCause::ConnectTimeout,
            FailureCause::NoEndpoints503,
            FailureCause::UpstreamTimeout504,
            FailureCause::Overload503,
            FailureCause::PortExhaustion,
            FailureCause::ConntrackFull,
            FailureCause::AppError,
            FailureCause::QueueFull,
            FailureCause::QueueTimeout,
        ]
    );
    assert!(!browse.flow.retries.on_per_try_timeout);
    assert_eq!(
        browse.flow.balancer,
        Some(crate::balance::Spec::LeastRequest(crate::balance::LeastRequest {
            choices: Choices::Of(2),
            replacement: false,
            staleness: None,
        }))
    );
    assert_eq!(browse.clients, Clients { count: 200, popularity: Popularity::Zipf { exponent: 1.1 } });
    assert_eq!((base.traffic[1].flow.through, base.proxies[0].zone.as_deref()), (Some(0), Some("z1")));
    assert!(matches!(base.traffic[1].arrivals, Spec::Constant { rate } if rate == 40.0));
    assert_eq!(base.traffic[2].from, Source::Node(0));
    assert_eq!(base.objectives[0].threshold, 0.25);
    assert_eq!(base.objectives[1].threshold, 0.001);
    assert_eq!(loaded.variants[1].traffic[0].flow.balancer, Some(crate::balance::Spec::Random(crate::balance::Random)));
    assert_eq!(loaded.variants[2].traffic[0].flow.balancer, None);
    assert_eq!(loaded.variants[3].workloads[web].replicas, 6);
    let assumed = loaded.report.assumed.iter().map(|one| one.field.as_str()).collect::<Vec<_>>();
    assert!(assumed.contains(&"workloads[shop/deployment/cart].containers.app"), "{assumed:?}");
}

#[test]
fn addresses_skip_those_that_are_taken() {
    let base = &shop_loaded(&Overrides::default()).variants[0];
    let address = |name: &str| {
        let service = base.services.iter().find(|service| service.name == name).expect("a service");
        std::net::Ipv4Addr::from(service.cluster_ip).to_string()
    };
    assert_eq!(address("cart"), "10.96.0.10");
    assert_ne!(address("web"), address("reviews"));
    assert!(["10.96.1.1", "10.96.1.2"].contains(&address("web").as_str()), "{}", address("web"));
}

#[test]
fn overrides_win_over_the_file_and_its_variants() {
    let overrides = Overrides {
        set: vec![("traffic[browse].balancer".into(), "{policy: round-robin}".into())],
        seed: Some(7),
        replications: Some(2),
        duration: Some(SimDuration::from_secs(60)),
        ..Overrides::default()
    };
    let loaded = shop_loaded(&overrides);
    for variant in &loaded.variants {
        assert_eq!((variant.run.seed, variant.run.replications), (7, 2));
        assert_eq!(
            variant.run.window,
            Window::Time { duration: SimDuration::from_secs(60), warmup: SimDuration::from_secs(30) }
        );
        assert_eq!(
            variant.traffic[0].flow.balancer,
            Some(crate::balance::Spec::RoundRobin(crate::balance::RoundRobin { start: crate::balance::Start::Random })),
            "{}",
            variant.variant
        );
    }
}

#[test]
fn a_resolved_scenario_needs_no_other_file_and_says_the_same() {
    let overrides = Overrides {
        set: vec![("manifests[deployment/cart].spec.replicas".into(), "3".into())],
        seed: Some(9),
        ..Overrides::default()
    };
    let once = shop_loaded(&overrides);
    let again = loaded(&once.resolved, &[], &Overrides::default());
    assert_eq!(again.resolved, once.resolved);
    assert_eq!(format!("{:?}", again.variants), format!("{:?}", once.variants));
}

#[test]
fn data_files_are_taken_into_the_resolved_scenario() {
    let text = with(
        "  traffic:\n    - {name: t, to: \"http://web/\", arrivals: {trace: {file: a.csv}}}\n  variants:\n    - {name: a}\n    - {name: b, set: {\"traffic[t].arrivals.trace.file\": b.csv, \"workloads[deployment/web].containers.app.serviceTime\": {empirical: {file: times.csv, column: x_ms}}}}\n",
    );
    let files = [
        ("a.csv", "arrival_s,client\n0.5,0\n1,3\n"),
        ("b.csv", "arrival_ms\n7\n"),
        ("times.csv", "y,x_ms\n1,20\n2,40\n"),
    ];
    let once = loaded(&text, &files, &Overrides::default());
    let times = |loaded: &Loaded, variant: usize| match &loaded.variants[variant].traffic[0].arrivals {
        Spec::Trace(trace) => trace.times.iter().map(|time| time.as_nanos()).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!((times(&once, 0), times(&once, 1)), (vec![500_000_000, 1_000_000_000], vec![7_000_000]));
    assert_eq!(once.variants[0].traffic[0].clients.count, 4);
    let Step::Work(dist) = &once.variants[1].workloads[0].containers[0].behaviour.steps[0] else { panic!("work") };
    assert!((dist.mean() - 0.03).abs() < 1e-12);
    let again = loaded(&once.resolved, &[], &Overrides::default());
    assert_eq!((times(&again, 0), times(&again, 1)), (times(&once, 0), times(&once, 1)));
    assert_eq!(again.resolved, once.resolved);
}

#[test]
fn a_family_without_manifests_loads() {
    let text = r#"
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: jsq}
spec:
  run: {requests: 625000, warmup: 10%, replications: 32, seed: 1}
  cluster: {network: none}
  workloads: [{target: deployment/web, inline: {replicas: 4, port: 80}, containers: {app: {concurrency: 1, serviceTime: {exponential: {mean: 1s}}}}}]
  proxies: [{name: p, layer: 7, instances: 1, endpoints: service/web, balancer: {policy: least-request, choices: all}}]
  traffic: [{name: t, from: generator, to: http://web/, through: p, connections: {protocol: http2}, arrivals: {poisson: {rate: 3.6/s}}}]
  variants:
    - name: jsq-n4-c1-rho0.9
      expect:
        - {metric: t.latency.mean, value: 3.240827264s, tolerance: 1.14%, source: "truncated CTMC"}
        - {metric: t.queueWait.positive, value: 0.7542687194, tolerance: 1.14%}
"#;
    let scenario = first(text);
    assert_eq!(scenario.run.window, Window::Requests { requests: 625_000, warmup: 62_500 });
    assert_eq!(scenario.variant, "jsq-n4-c1-rho0.9");
    assert_eq!(scenario.cluster.nodes.len(), 3);
    assert_eq!(scenario.cluster.network.cross_zone.as_constant(), Some(SimDuration::ZERO));
    assert_eq!(scenario.expect[0].value, ExpectedValue::Number(3.240_827_264));
    assert!((scenario.expect[1].tolerance.expect("a tolerance") - 0.0114).abs() < 1e-15);
    assert_eq!(scenario.services[0].targets, [(0, 0)]);
    assert_eq!(scenario.traffic[0].flow.connections.protocol, Protocol::Http2);
}

#[test]
fn every_distribution_arrival_process_and_policy_is_known_to_the_format() {
    for listed in crate::random::DISTRIBUTIONS {
        let known = super::super::tables_random::DIST.field(listed.name).is_some()
            || super::super::tables_random::COUNT_DIST.field(listed.name).is_some();
        assert!(known, "{}", listed.name);
    }
    for listed in crate::arrivals::ARRIVALS {
        assert!(super::super::tables_random::ARRIVALS.field(listed.name).is_some(), "{}", listed.name);
    }
    for listed in crate::balance::POLICIES {
        let needed = if listed.name == "recorded" { ", picks: [web-1, 0]" } else { "" };
        let more = format!("balancer: {{policy: {}{needed}}}, arrivals:", listed.name);
        let scenario = first(&with(&TRAFFIC.replace("arrivals:", &more)));
        assert_eq!(scenario.traffic[0].flow.balancer.as_ref().map(crate::balance::Spec::name), Some(listed.name));
    }
}

/// What `windtunnel list policies` says of parameters: a default means what leaving it out means, and every form is read.
#[test]
fn parameters_of_policies_are_read_as_they_are_listed() {
    use crate::balance::{Form, POLICIES};
    let read = |policy: &str, more: &str| {
        let more = format!("balancer: {{policy: {policy}{more}}}, arrivals:");
        first(&with(&TRAFFIC.replace("arrivals:", &more))).traffic[0].flow.balancer.clone()
    };
    for policy in POLICIES {
        for parameter in policy.parameters {
            let of = |value: &str| format!(", {}: {value}", parameter.key);
            if matches!(parameter.form, Form::Weights | Form::Picks) {
                continue;
            }
            // Some are refused without what they modify.
            let more = match (policy.name, parameter.key) {
                (_, "overflow") | ("ring-hash" | "maglev", "staleness") => ", balanceFactor: 150",
                ("first", "staleness") => ", limit: 3",
                _ => "",
            };
            let default = read(policy.name, &format!("{}{more}", of(parameter.default)));
            assert_eq!(default, read(policy.name, more), "{} of {}", parameter.key, policy.name);
            let values = match parameter.form {
                Form::Word(words) => words.iter().map(|word| (*word).to_owned()).collect(),
                Form::Count(_, max) => vec![if max > 1_000_000 { 7_919 } else { max }.to_string()],
                Form::CountOr(min, _, word) => vec![(min + 7).to_string(), word.to_owned()],
                Form::Number(..) => vec!["1.5".to_owned()],
                Form::Ip => vec!["10.1.2.3".to_owned()],
                Form::Flag => vec![],
                Form::Duration => vec!["77ms".to_owned()],
                Form::DurationOr(word) => vec!["77ms".to_owned(), word.to_owned()],
                Form::Weights | Form::Picks => unreachable!("passed over"),
                Form::Address => vec!["10.1.2.3:81".to_owned()],
                Form::SlowStart => {
                    ["none", "{window: 60s}", "{window: 60s, aggression: 2}"].map(str::to_owned).to_vec()
                }
            };
            let different = values.iter().map(|value| read(policy.name, &format!("{}{more}", of(value))));
            let different = different.filter(|spec| *spec != read(policy.name, more)).count();
            let usual = values.iter().filter(|value| *value == parameter.default).count();
            assert_eq!(different, values.len() - usual, "{} of {}: {values:?}", parameter.key, policy.name);
        }
    }
}

#[test]
fn distributions_are_read_in_every_form() {
    for (text, mean) in [
        ("5ms", 0.005),
        ("{constant: 5ms}", 0.005),
        ("{uniform: {min: 1s, max: 3s}}", 2.0),
        ("{exponential: {mean: 2s}}", 2.0),
        ("{erlang: {k: 2, mean: 2s}}", 2.0),
        ("{gamma: {shape: 0.5, mean: 2s}}", 2.0),
        ("{hyperexponential: {p: [0.5, 50%], rates: [1, 2/s]}}", 0.75),
        ("{lognormal: {mean: 1s, cv: 2}}", 1.0),
        ("{weibull: {shape: 1, scale: 1s}}", 1.0),
        ("{pareto: {alpha: 2, min: 1s}}", 2.0),
        ("{bimodal: {p: 10%, low: 1s, high: 11s}}", 2.0),
        ("{mixture: [{weight: 1, constant: 1s}, {weight: 3, exponential: {mean: 5s}}]}", 4.0),
        ("{histogram: {le: [1, 2s], count: [0, 4]}}", 1.5),
    ] {
        let text = with(&format!("{TRAFFIC}  cluster: {{network: {{sameNode: {text}}}}}\n"));
        let found = first(&text).cluster.network.same_node.mean();
        assert!((found - mean).abs() < 1e-9, "{text}: {found}");
    }
}

#[test]
fn arrivals_are_read_in_every_form() {
    for (text, rate) in [
        ("{poisson: {rate: 30/m}}", Some(0.5)),
        ("{poisson: {ratePerClient: 2/s}}", Some(6.0)),
        ("{constant: {rate: 4/s}}", Some(4.0)),
        ("{renewal: {interval: {uniform: {min: 1s, max: 3s}}}}", Some(0.5)),
        ("{mmpp: {rates: [0/s, 4/s], dwell: [1s, 1s]}}", Some(2.0)),
        ("{batches: {rate: 2/s, size: {geometric: {mean: 3}}}}", Some(6.0)),
        ("{batches: {rate: 2/s, size: {uniform: {min: 1, max: 4}}}}", Some(5.0)),
        ("{batches: {rate: 2/s, size: 3}}", Some(6.0)),
        ("{batches: {interval: 500ms, size: 3}}", Some(6.0)),
        ("{day: {mean: 10/s, amplitude: 50%, period: 24h}}", Some(10.0)),
        ("{closed: {users: 3, think: 1s}}", None),
        ("{profile: [{at: 0s, rate: 0/s}, {at: 1m, rate: 10/s}]}", None),
    ] {
        let text =
            with(&format!("  traffic: [{{name: t, to: \"http://web/\", clients: {{count: 3}}, arrivals: {text}}}]\n"));
        let arrivals = &first(&text).traffic[0].arrivals;
        if let Some(rate) = rate {
            let found = arrivals.mean_rate().expect("a mean rate");
            assert!((found - rate).abs() < 1e-9, "{text}: {found}");
        }
    }
}

#[test]
fn steps_retries_and_windows_take_their_short_forms() {
    let text = with(
        "  run: {warmup: auto, duration: 1m, interval: 500ms, drain: 0}\n  observe: {endpointLatency: true}\n  traffic: [{name: t, to: \"http://web/\", timeout: 4.35s, retries: {attempts: unlimited, perTry: 1s, on: [timeout, queue_full], jitter: none}, cancellation: propagated, demand: request, connections: {keepAlive: false}, arrivals: {poisson: {rate: 3/s}}, clients: {popularity: in-turn}}]\n",
    );
    let scenario = first(&text);
    assert_eq!(scenario.run.window, Window::Auto { duration: SimDuration::from_secs(60) });
    assert!(scenario.observe.endpoint_latency);
    let flow = &scenario.traffic[0].flow;
    assert_eq!(
        flow.retries,
        Retries {
            attempts: None,
            per_try: Some(SimDuration::from_secs(1)),
            on: vec![FailureCause::QueueFull],
            on_per_try_timeout: true,
            backoff_base: SimDuration::ZERO,
            backoff_max: SimDuration::ZERO,
            jitter: false,
            budget: None,
        }
    );
    assert_eq!(
        (flow.cancellation, flow.demand, flow.connections.mode),
        (Cancellation::Propagated, Demand::Request, ConnectionMode::PerRequest)
    );
    assert_eq!(scenario.traffic[0].clients.popularity, Popularity::InTurn);
}

#[test]
fn manifests_may_stand_in_the_same_file_or_come_from_stdin() {
    let manifests = MANIFESTS.replace("namespace: shop", "namespace: default");
    let text = "apiVersion: windtunnel/v1\nkind: Scenario\nmetadata: {name: t}\nspec:\n  traffic: [{name: t, to: 'http://web/', arrivals: {poisson: {rate: 3/s}}}]\n";
    let beside = loaded(&format!("{text}---{manifests}"), &[], &Overrides::default());
    assert_eq!(beside.variants[0].workloads[0].replicas, 4);
    let stdin = loaded(&format!("{text}  manifests: ['-']\n"), &[("-", &manifests)], &Overrides::default());
    assert_eq!(format!("{:?}", stdin.variants), format!("{:?}", beside.variants));
}

#[test]
fn nodes_by_default_are_enough_for_theory() {
    let text = with(TRAFFIC).replace("replicas: 4", "replicas: 100000");
    let scenario = first(&text);
    assert_eq!(scenario.cluster.nodes.len(), 1_000);
    assert_eq!(scenario.cluster.nodes[999].pod_cidr.0, u32::from(std::net::Ipv4Addr::new(10, 247, 231, 0)));
}

#[test]
fn the_schema_names_every_key_and_is_closed() {
    let schema = schema();
    let text = schema.to_string();
    for word in [
        "apiVersion",
        "kubeProxy",
        "holdsSlotWhileCalling",
        "processor-sharing",
        "hyperexponential",
        "ratePerClient",
        "oracleError",
        "endpointLatency",
        "timeline",
    ] {
        assert!(text.contains(&format!("\"{word}\"")), "{word}");
    }
    let mut references = Vec::new();
    collect(&schema, &mut references);
    let definitions = schema["$defs"].as_object().expect("definitions");
    for reference in references {
        let name = reference.strip_prefix("#/$defs/").expect("a local reference");
        assert!(definitions.get(name).is_some_and(serde_json::Value::is_object), "{name}");
    }
}

fn collect(value: &serde_json::Value, references: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(entries) => {
            for (key, inside) in entries {
                match inside.as_str() {
                    Some(target) if key == "$ref" => references.push(target.to_owned()),
                    _ => collect(inside, references),
                }
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        _ => {}
    }
}
