//! The way between client and pod.

pub mod iptables;
pub mod topology;
