//! HorizontalPodAutoscaler: how many pods a workload is to have, from what its metrics say.
//!
//! Source: Kubernetes 1.34, `pkg/controller/podautoscaler`. A sync has four steps, one file each: which pods count
//! ([`pods`]), how many replicas each metric wants ([`replica_calculator`]), what recent recommendations allow
//! ([`stabilization`]), and how fast a change may be ([`behavior`]). [`reconcile`] does them in order.

pub mod behavior;
pub mod pods;
pub mod reconcile;
pub mod replica_calculator;
pub mod stabilization;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_behavior;
#[cfg(test)]
mod tests_calculator;

use crate::time::SimDuration;

/// What the controller is started with: the flags `--horizontal-pod-autoscaler-…`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// `cpu-initialization-period`: so long after its start the CPU of a pod counts only if it is ready and was measured since.
    pub cpu_initialization_period: SimDuration,
    /// `initial-readiness-delay`: a pod that became unready so soon after its start was never ready.
    pub initial_readiness_delay: SimDuration,
    /// `tolerance`: a ratio so close to 1 changes nothing.
    pub tolerance: f64,
    /// `downscale-stabilization`: the window downwards where an autoscaler names none.
    pub downscale_stabilization: SimDuration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cpu_initialization_period: SimDuration::from_secs(300),
            initial_readiness_delay: SimDuration::from_secs(30),
            tolerance: 0.1,
            downscale_stabilization: SimDuration::from_secs(300),
        }
    }
}

/// How far the ratio of a metric to its target may be from 1 without a change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerances {
    /// Above 1.
    pub up: f64,
    /// Below 1.
    pub down: f64,
}

impl Tolerances {
    /// The same both ways.
    #[must_use]
    pub const fn both(tolerance: f64) -> Self {
        Self { up: tolerance, down: tolerance }
    }

    /// Whether a ratio changes nothing.
    #[must_use]
    pub fn hold(self, ratio: f64) -> bool {
        (1.0 - self.down..=1.0 + self.up).contains(&ratio)
    }
}
