//! How a client finds a Service: the DNS as resolvers ask it and clusters answer it, and environment variables.
//!
//! Everything here is a pure function or a small state machine: what a pod's `resolv.conf` says ([`resolv_conf`]), what
//! a resolver sends, waits for and gives up on ([`lookup`]), which records a cluster has ([`records`]), how long an
//! answer may be used again ([`cache`]), how many servers a cluster of a size gets ([`autoscaler`]), and which variables
//! the kubelet gives a container ([`environment`]). Time passes and servers are busy elsewhere, in the model.

pub mod autoscaler;
pub mod cache;
pub mod environment;
pub mod lookup;
pub mod records;
pub mod resolv_conf;
pub mod slices;
