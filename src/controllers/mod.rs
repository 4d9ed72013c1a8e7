//! What Kubernetes' control plane decides, as pure functions of what it sees: no events, no clock of its own, no pods.
//!
//! One file a controller. Each takes what is wanted, what is observed and the time, and says what to do; whoever calls it
//! (`model::control`) does it. So every rule stands alone, and is tested against the tables of Kubernetes' own tests.

pub mod amount;
pub mod cluster_autoscaler;
pub mod daemon_set;
pub mod deployment;
pub mod disruption;
pub mod drain;
pub mod hpa;
pub mod node_lifecycle;
pub mod probe;
pub mod replica_set;
pub mod restart;
pub mod scheduler;
pub mod slice_queue;
pub mod stateful_set;
pub mod sync_runner;
