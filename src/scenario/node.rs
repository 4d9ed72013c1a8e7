//! A node.

use crate::controllers::scheduler::taints::Taint;
use crate::time::SimDuration;

/// A node.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// `metadata.name`.
    pub name: String,
    /// `topology.kubernetes.io/zone`.
    pub zone: String,
    /// Speed of its CPUs relative to 1.
    pub speed: f64,
    /// Allocatable CPU in cores.
    pub cpu: Option<f64>,
    /// Allocatable memory in bytes.
    pub memory: Option<u64>,
    /// First address and prefix length of its pod CIDR.
    pub pod_cidr: (u32, u8),
    /// Its own IPv4 address (`InternalIP`).
    pub address: u32,
    /// Most pods it takes (`status.allocatable.pods`, default 110).
    pub max_pods: u32,
    /// Labels, for node selectors.
    pub labels: Vec<(String, String)>,
    /// Taints, but for those of a control plane, which keeps everybody away.
    pub taints: Vec<Taint>,
    /// `spec.unschedulable`.
    pub unschedulable: bool,
    /// Bits per second of its network interface, in each direction; `None` is without limit.
    pub bandwidth: Option<u64>,
    /// `minSyncPeriod` of its kube-proxy, where it is another than that of the others.
    pub min_sync: Option<SimDuration>,
}
