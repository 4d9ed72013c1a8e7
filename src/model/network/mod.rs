//! The way between client and pod.

pub mod endpoints;
pub mod iptables;
pub mod ipvs;
pub mod topology;
