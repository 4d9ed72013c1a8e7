//! A simulator of requests on their way through Kubernetes Services.
//!
//! A scenario names real manifests and says what they cannot: who sends requests, how often, how long containers work,
//! how far apart nodes are. The simulator follows every request from its client through connections, kube-proxy or a
//! proxy, over the network into a container's queue, through the calls that the container makes, and back; or to the
//! named cause for which it failed. It is a discrete-event simulation: the clock, in whole nanoseconds, jumps from one
//! event to the next.
//!
//! # The pipe
//!
//! ```text
//! text ── scenario::load ──▶ Scenario ── Plan::new ──▶ Plan ── model::simulate ──▶ RunOutcome ── report ──▶ files
//!         (yaml, manifest)   (valid)                  (tables)  (one replication)   (observed)
//! ```
//!
//! * [`scenario::load`] reads the file and its manifests; every problem is found at once and has a place. What it
//!   returns is valid by construction.
//! * [`model::plan::Plan`] lays a variant out in tables.
//! * [`model::simulate`] runs one replication. One run is one thread; it reads no clock, no environment, no file.
//! * [`experiment::run`] does that for all replications of all variants in parallel and hands the outcomes out in order.
//! * [`report`] turns outcomes into the files of a result directory and the summary on the terminal.
//!
//! The modules in reading order: [`time`], [`id`], [`cause`]; [`engine`], [`random`], [`stats`]; [`arrivals`],
//! [`balance`]; [`yaml`], [`manifest`], [`scenario`]; [`observe`], [`model`]; [`experiment`], [`report`], [`cli`].
//! `ARCHITECTURE.md` tells what each may use, and which invariants hold where.
//!
//! # A simulation without files
//!
//! An M/M/1 queue at load 0.5: its mean latency is 1 / (1/10 ms − 50/s) = 20 ms.
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//! use windtunnel::model::plan::Plan;
//! use windtunnel::model::{RequestLog, simulate};
//! use windtunnel::observe::outcome::NoSink;
//! use windtunnel::scenario::{Files, Overrides, load};
//!
//! /// The files that a scenario names come from memory; this one names none.
//! struct NoFiles;
//! impl Files for NoFiles {
//!     fn read(&self, path: &str) -> Result<String, String> {
//!         Err(format!("there is no file `{path}`"))
//!     }
//!     fn glob(&self, _pattern: &str) -> Result<Vec<String>, String> {
//!         Ok(Vec::new())
//!     }
//! }
//!
//! let text = "
//! apiVersion: windtunnel/v1
//! kind: Scenario
//! metadata: {name: example}
//! spec:
//!   run: {requests: 200000, warmup: 10%, seed: 1}
//!   cluster: {network: none}
//!   workloads:
//!     - target: deployment/web
//!       inline: {replicas: 1}
//!       containers: {app: {concurrency: 1, serviceTime: {exponential: {mean: 10ms}}}}
//!   traffic:
//!     - {name: t, to: http://web/, arrivals: {poisson: {rate: 50/s}}, connections: {mode: perRequest}}
//! ";
//! let loaded = load("example.yaml", text, &NoFiles, &Overrides::default()).expect("the scenario is valid");
//! let plan = Plan::new(&loaded.variants[0]);
//! let stop = AtomicBool::new(false);
//! let outcome = simulate(&plan, 0, 0, RequestLog::None, &mut NoSink, &stop).expect("the run ends");
//!
//! let traffic = &outcome.flows[0];
//! assert_eq!(traffic.offered, 180_000);
//! assert_eq!(traffic.offered, traffic.succeeded + traffic.failed + traffic.in_flight);
//! let mean = traffic.latency_moments.mean().expect("requests succeeded");
//! assert!((mean - 0.020).abs() < 0.001, "{mean} s");
//!
//! // The ledger: where those 20 ms went, summed over all requests.
//! let columns = plan.labels.flows[0].ledger.iter();
//! let sums = traffic.attribution.sums.chunks(traffic.attribution.columns).fold(vec![0; 2], |mut total, row| {
//!     total.iter_mut().zip(row).for_each(|(sum, nanos)| *sum += nanos);
//!     total
//! });
//! for ((cause, place), nanos) in columns.zip(&sums) {
//!     println!("{cause} at {place}: {} ms a request", *nanos as f64 / 1e6 / traffic.succeeded as f64);
//! }
//! assert_eq!(sums.len(), 2, "waiting in the queue and being served: nothing else takes time here");
//! ```
//!
//! The engine can be used alone: [`engine`] shows a queue written on it.

pub mod arrivals;
pub mod balance;
pub mod cause;
pub mod cli;
pub mod controllers;
pub mod discovery;
pub mod engine;
pub mod experiment;
pub mod id;
pub mod manifest;
pub mod model;
pub mod observe;
pub mod random;
pub mod report;
pub mod scenario;
pub mod stats;
pub mod time;
pub mod yaml;
