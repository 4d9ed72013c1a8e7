//! The order in which the containers of a pod start and end.
//!
//! Init containers one after the other: an ordinary one must have ended, a sidecar (`restartPolicy: Always`) must have
//! started, before the next begins. Then all others at once. When the pod ends, those first, and when the last of them has
//! ended the sidecars, one after the other, from the last to the first. Source: Kubernetes, KEP-753.

use super::Workload;
use crate::manifest::resources::{Amounts, Resources, of_pod};
use crate::time::SimDuration;

/// An init container, in the order of the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Init {
    /// Its name.
    pub name: String,
    /// Index of the container, where it goes on running.
    pub sidecar: Option<usize>,
    /// How long it runs, where it does not.
    pub takes: SimDuration,
    /// What it asks for.
    pub resources: Resources,
}

/// Something that happens to a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// An init container (index among them) has ended.
    Done(usize),
    /// A container (index) has started: it listens.
    Started(usize),
    /// A container (index) has ended.
    Ended(usize),
}

impl Workload {
    /// The CPU and memory that a pod asks for, by which it is placed.
    #[must_use]
    pub fn pod_requests(&self) -> Amounts {
        let sidecar = |index: usize| self.init.iter().any(|init| init.sidecar == Some(index));
        let own = self.containers.iter().enumerate().filter(|(index, _)| !sidecar(*index));
        let init = self.init.iter().map(|init| (init.sidecar.is_some(), init.resources.requests));
        of_pod(init, own.map(|(_, container)| container.resources.requests))
    }

    /// What happens when a pod starts, from the start of its first container on, in order.
    #[must_use]
    pub fn starts(&self) -> Vec<(SimDuration, Step)> {
        let (mut steps, mut now) = (Vec::new(), SimDuration::ZERO);
        for (index, init) in self.init.iter().enumerate() {
            let (takes, step) = match init.sidecar {
                Some(own) => (self.containers[own].start, Step::Started(own)),
                None => (init.takes, Step::Done(index)),
            };
            now += takes;
            steps.push((now, step));
        }
        let at = |own: usize| (now + self.containers[own].start, Step::Started(own));
        steps.extend(self.main_containers().map(at));
        steps.sort_by_key(|(at, _)| *at);
        steps
    }

    /// What happens when a pod ends, from the signal to its containers on, in order.
    #[must_use]
    pub fn stops(&self) -> Vec<(SimDuration, Step)> {
        let at = |own: usize| (self.containers[own].stop, Step::Ended(own));
        let mut steps: Vec<(SimDuration, Step)> = self.main_containers().map(at).collect();
        steps.sort_by_key(|(at, _)| *at);
        let mut now = steps.last().map_or(SimDuration::ZERO, |(at, _)| *at);
        for own in self.init.iter().rev().filter_map(|init| init.sidecar) {
            now += self.containers[own].stop;
            steps.push((now, Step::Ended(own)));
        }
        steps
    }

    /// The containers that are no init containers.
    fn main_containers(&self) -> impl Iterator<Item = usize> {
        (0..self.containers.len()).filter(|own| self.init.iter().all(|init| init.sidecar != Some(*own)))
    }
}
