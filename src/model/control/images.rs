//! Images that nodes have, and what it takes them to get others: one pull at a time (kubelet, `serializeImagePulls`).

use std::collections::BTreeMap;

use crate::model::World;
use crate::time::SimTime;

/// What nodes have pulled.
#[derive(Debug, Default)]
pub(super) struct Images {
    /// When each node has each image, by workload, container and name; those of the start, at the beginning of time.
    there: BTreeMap<(u32, usize, usize, Option<String>), SimTime>,
    /// When each node can begin another pull.
    free: BTreeMap<u32, SimTime>,
}

impl World<'_> {
    /// What the pods of the start run is on their nodes.
    pub(super) fn note_images_of_the_start(&mut self) {
        let mut there = Vec::new();
        for pod in &self.roster.pods {
            let workload = pod.workload as usize;
            for (own, container) in self.plan.scenario.workloads[workload].containers.iter().enumerate() {
                if container.pull.is_some() {
                    let image = self.control().templates[workload][0].containers[own].image.clone();
                    there.push((pod.node, workload, own, image));
                }
            }
        }
        let images = &mut self.control_mut().images;
        images.there.extend(there.into_iter().map(|image| (image, SimTime::ZERO)));
    }

    /// When the node of a pod, whose sandbox is there at `begin`, has all its images.
    pub(super) fn pulled_by(&mut self, pod: u32, begin: SimTime) -> SimTime {
        let record = &self.roster.pods[pod as usize];
        let (node, workload, template) = (record.node, record.workload as usize, record.template as usize);
        let plan = self.plan;
        let mut all = begin;
        for (own, container) in plan.scenario.workloads[workload].containers.iter().enumerate() {
            let Some(pull) = &container.pull else { continue };
            let image = self.control().templates[workload][template].containers[own].image.clone();
            let takes = self.draw(pull, "pods/pull", pod, own as u64);
            let images = &mut self.control_mut().images;
            let free = images.free.entry(node).or_insert(SimTime::ZERO);
            let there = images.there.entry((node, workload, own, image)).or_insert_with(|| {
                *free = (*free).max(begin) + takes;
                *free
            });
            all = all.max(*there);
        }
        all
    }
}
