//! The way between client and pod.

pub mod addresses;
pub mod dns;
pub mod ebpf;
pub mod endpoints;
pub mod iptables;
pub mod ipvs;
pub(crate) mod kube_proxy;
pub mod nftables;
pub(crate) mod nics;
pub mod published;
pub mod recent;
pub(crate) mod source_ports;
pub mod topology;
pub(crate) mod tracking;
