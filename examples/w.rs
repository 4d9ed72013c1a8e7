#![allow(missing_docs, clippy::all, reason="scratch")]
use windtunnel::{*, scenario::*, scenario::metric::*, random::Dist, time::*, observe::outcome::NoSink};
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let w = a[1].as_str(); let pods: u32 = a[2].parse().unwrap(); let n: u64 = a[3].parse().unwrap();
    let none = Dist::zero();
    let (rate, slots, delay) = if w=="w1" {(0.8*pods as f64, 1, none.clone())} else {(3.0*pods as f64,4, {
        // lognormal(ln .1, .5): mean = .1*exp(.125), cv = sqrt(exp(.25)-1)
        Dist::lognormal_mean_cv(0.1*(0.125f64).exp(), ((0.25f64).exp()-1.0).sqrt()).unwrap() })};
    let http2 = Connections{mode:ConnectionMode::Pool, protocol: Protocol::Http2, max_per_client:None, order: PoolOrder::Lifo};
    let s = Scenario{ name:"w".into(), variant:"base".into(), run: Run{window: Window::Requests{requests:n, warmup:n/10}, replications:1, seed:1, drain: SimDuration::from_secs(100000), interval: SimDuration::from_secs(1000)},
      cluster: Cluster{ nodes: (0..3.max(pods/100)).map(|i| Node{name:format!("n{i}"), zone:"z".into(), speed:1.0,cpu:None,pod_cidr:(0x0af40000+i*256,24),max_pods:110,labels:vec![],unschedulable:false}).collect(), network: Network{loopback:delay.clone(),same_node:delay.clone(),same_zone:delay.clone(),cross_zone:delay.clone()}},
      workloads: vec![Workload{kind:"deployment".into(),namespace:"default".into(),name:"web".into(),replicas:pods,containers:vec![Container{name:"app".into(),ports:vec![(None,80)],behaviour:Behaviour{concurrency:Some(slots),queue_limit:None,discipline:Discipline::Fifo,queue_timeout:None,steps:vec![Step::Work(Dist::exponential(1.0).unwrap())],error_ratio:0.0,holds_slot_while_calling:true}}],pod_speed:vec![],node_name:None,allowed_nodes:(0..3.max(pods/100) as usize).collect()}],
      services: vec![Service{namespace:"default".into(),name:"web".into(),port:80,port_name:None,multi_port:false,cluster_ip:1,targets:vec![(0,0)]}],
      proxies: vec![Proxy{name:"p".into(),layer:Layer::L7,instances:1,workers:1,pick:InstancePick::Random,per:InstancePer::Request,service:0,balancer:balance::Spec::LeastRequest{choices:balance::Choices::Of(2),replacement:false},before:Dist::zero(),after:Dist::zero(),connections:None,zone:None}],
      traffic: vec![Traffic{flow:Flow{name:"t".into(),service:0,through:Some(0),connections:http2,balancer:None,timeout:None,retries:Retries{attempts:Some(if w=="w1"{1}else{2}),per_try: if w=="w1"{None}else{Some(SimDuration::from_millis(4350))},on:vec![],on_per_try_timeout:true,backoff_base:SimDuration::ZERO,backoff_max:SimDuration::ZERO,jitter:true,budget:None},cancellation:Cancellation::None,demand:Demand::Attempt},from:Source::Generator{zone:None},arrivals:arrivals::Spec::Poisson{rate},clients:Clients{count:1,popularity:Popularity::Uniform}}],
      objectives: vec![], expect: vec![], observe: Observe::default() };
    let _ = (std::marker::PhantomData::<Metric>,);
    let plan = model::plan::Plan::new(&s);
    let o = model::simulate(&plan, 0, 0, model::RequestLog::None, &mut NoSink).unwrap();
    let f = &o.flows[0];
    println!("offered {} ok {} failed {} mean {:?} p50 {:?} p99 {:?} retries {} errors {:?} events {}", f.offered, f.succeeded, f.failed, f.latency_moments.mean(), f.latency.quantile(0.5), f.latency.quantile(0.99), f.retries, f.errors, o.events);
    println!("halves {:?} util {:?} q {}", f.in_flight_halves, o.endpoints[0].utilization, o.endpoints[0].queue_mean);
    println!("ledger {:?}", plan.labels.flows[0].ledger);
}
