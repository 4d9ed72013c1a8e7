//! What the process of a container is like beside the requests that it serves: cold when idle, broken for a while, on the
//! CPU for a part of its work.

use crate::random::Dist;
use crate::time::SimDuration;

/// `cold`, `breakdown` and `cpu` of a container.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Process {
    /// How long it starts when a request comes and it is idle; nothing for one that stays warm.
    pub cold: Option<Dist>,
    /// How it breaks down.
    pub breakdown: Option<Breakdown>,
    /// The share of each step's work that is on the CPU, in the order of the steps; empty where all of it is.
    pub cpu: Vec<f64>,
}

impl Process {
    /// The share of a step's work that is on the CPU.
    #[must_use]
    pub fn on_cpu(&self, step: usize) -> f64 {
        self.cpu.get(step).copied().unwrap_or(1.0)
    }
}

/// A process that stalls at times without dying.
#[derive(Debug, Clone, PartialEq)]
pub struct Breakdown {
    /// From a repair until it breaks down again, busy or not.
    pub up: Dist,
    /// How long it stands still.
    pub repair: Dist,
    /// Whether requests in service fail; otherwise they go on where they were.
    pub fails: bool,
}

/// `cluster.cpu`: what the kernels and kubelets of nodes do about CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuRules {
    /// The period of quotas; `None` where limits of CPU do not hold.
    pub period: Option<SimDuration>,
    /// Whether containers share the cores of their node when they want more than there are.
    pub contention: bool,
}

impl CpuRules {
    /// The kubelet's defaults; nodes have a core for every thread.
    pub const USUAL: Self = Self { period: Some(SimDuration::from_millis(100)), contention: false };
}
