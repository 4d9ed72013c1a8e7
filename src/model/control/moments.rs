//! What is to happen to single pods and containers, later.

use crate::engine::{Rank, Schedule};
use crate::model::{World, kind};
use crate::random::{Dist, Keyed, mix, name_hash};
use crate::time::{SimDuration, SimTime};

/// Something that happens to a pod; of containers their number in the pod, and of which process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// The scheduler looks for a node.
    Scheduled,
    /// An init container (index among them) has ended.
    InitDone(usize),
    /// A process listens.
    Listens(usize, u32),
    /// A readiness gate opens.
    GateOpens,
    /// It has been ready for so long that it is available, if it has been since.
    Available(SimTime),
    /// The kubelet asks a container something (index of the probe).
    Asked(usize, usize),
    /// The answer comes (index of the probe, number of the question).
    Answered(usize, usize, u32),
    /// An answer should be there (index of the probe, number of the question).
    AnswerLate(usize, usize, u32),
    /// What runs before the signal has ended.
    HookDone(usize, u32),
    /// A process that was told to end does so.
    Ends(usize, u32),
    /// A process is killed that has not ended by now.
    Killed(usize, u32),
    /// The grace period of the pod is over.
    GraceOver,
    /// The kubelet sees that a process has ended.
    EndSeen(usize, u32),
    /// A container is started again.
    StartsAgain(usize, u32),
}

impl World<'_> {
    pub(super) fn set_moment(&mut self, at: SimTime, pod: u32, moment: Moment, schedule: &mut Schedule) {
        let slot = self.control_mut().moments.insert((pod, moment));
        schedule.at(at, Rank::Cluster, kind::POD_MOMENT, slot);
    }

    /// Something happens to a pod.
    pub(crate) fn on_pod_moment(&mut self, slot: u32, now: SimTime, schedule: &mut Schedule) {
        let (pod, moment) = self.control_mut().moments[slot];
        self.control_mut().moments.remove(slot);
        if self.is_put_off(pod, moment, now, schedule) {
            return;
        }
        match moment {
            Moment::Scheduled => self.place_new_pod(pod, now, schedule),
            Moment::InitDone(init) => self.init_done(pod, init, now, schedule),
            Moment::Listens(own, process) => self.on_listens(pod, (own, process), now, schedule),
            Moment::GateOpens => self.gate_opens(pod, now, schedule),
            Moment::Available(since) => self.may_be_available(pod, since, now, schedule),
            Moment::Asked(own, which) => self.on_asked(pod, own, which, now, schedule),
            Moment::Answered(own, which, question) => {
                self.question_over(pod, own, (which, question, true), now, schedule)
            }
            Moment::AnswerLate(own, which, question) => {
                self.question_over(pod, own, (which, question, false), now, schedule)
            }
            Moment::HookDone(own, process) => self.hook_done(pod, (own, process), now, schedule),
            Moment::Ends(own, process) => self.process_was_to_end(pod, (own, process), now, schedule),
            Moment::Killed(own, process) => self.process_was_to_end(pod, (own, process), now, schedule),
            Moment::GraceOver => self.grace_over(pod, now, schedule),
            Moment::EndSeen(own, process) => self.container_end_seen(pod, (own, process), now, schedule),
            Moment::StartsAgain(own, process) => self.starts_again(pod, (own, process), now, schedule),
        }
    }

    /// How long something takes for a pod: a draw that belongs to it, and to this occurrence.
    pub(super) fn draw(&self, dist: &Dist, purpose: &str, pod: u32, occurrence: u64) -> SimDuration {
        if let Some(constant) = dist.as_constant() {
            return constant;
        }
        let record = &self.roster.pods[pod as usize];
        let own = mix(u64::from(record.workload), u64::from(record.number));
        let key = mix(mix(name_hash(self.seed, self.replication, purpose), own), occurrence);
        dist.sample(&mut Keyed::new(key))
    }
}
