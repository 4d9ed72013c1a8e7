//! What kubelets ask containers: whether they have started, are ready, are alive.
//!
//! A probe asks the container's own server: where all its slots are taken, it waits in the queue like a request, and may
//! wait too long. Served, it takes no time.

use super::containers::Stage;
use super::moments::Moment;
use crate::controllers::probe::{Thresholds, Worker};
use crate::engine::Schedule;
use crate::model::World;
use crate::model::cluster::pod::Phase;
use crate::model::plan::as_u32;
use crate::model::traffic::attempt::Attempt;
use crate::random::{Keyed, mix, name_hash};
use crate::scenario::Discipline;
use crate::scenario::pod_life::Probe as Spec;
use crate::time::{SimDuration, SimTime};

/// A probe of a container.
#[derive(Debug, Clone, Default)]
pub(super) struct Probe {
    /// The answers so far.
    pub(super) worker: Worker,
    /// Whether the next question is set.
    is_set: bool,
    /// How many questions have been asked.
    questions: u32,
    /// The question that waits in the container's queue.
    waiting: Option<u32>,
}

impl Probe {
    /// No answer is waited for any more.
    pub(super) fn has_no_answer(&mut self) {
        self.waiting = None;
    }

    /// Nobody asks any more.
    pub(super) fn is_forgotten(&mut self) {
        self.is_set = false;
    }
}

const STARTUP: usize = 0;
const READINESS: usize = 1;
const LIVENESS: usize = 2;

impl World<'_> {
    fn spec_of(&self, pod: u32, own: usize, which: usize) -> Option<Spec> {
        let template = self.template_of(pod, own);
        [template.startup, template.readiness, template.liveness][which]
    }

    /// Kubelets ask those that run at the start, each at a phase of its own.
    pub(crate) fn begin_probes(&mut self, schedule: &mut Schedule) {
        if self.control.is_none() {
            return;
        }
        for pod in 0..as_u32(self.roster.pods.len()) {
            for own in 0..self.plan.scenario.workloads[self.workload_of(pod)].containers.len() {
                self.ask_from_now_on(pod, own, SimTime::ZERO, schedule);
            }
        }
    }

    /// Sets the next question of each probe that has its turn now; a kubelet asks for the first time at once.
    pub(super) fn ask_from_now_on(&mut self, pod: u32, own: usize, now: SimTime, schedule: &mut Schedule) {
        let started = self.container(pod, own).is_started;
        for which in [STARTUP, READINESS, LIVENESS] {
            let Some(spec) = self.spec_of(pod, own, which) else { continue };
            if (which == STARTUP) == started {
                continue;
            }
            if !std::mem::replace(&mut self.container_mut(pod, own).probes[which].is_set, true) {
                let at = self.next_question(pod, (own, which), spec, now);
                self.set_moment(at, pod, Moment::Asked(own, which), schedule);
            }
            // Newer kubelets ask for readiness as soon as a container has started.
            if which == READINESS && spec.initial_delay.is_zero() && now > SimTime::ZERO {
                self.ask(pod, own, which, now, schedule);
            }
        }
    }

    /// Questions are asked at a period, from when the kubelet got the pod.
    fn next_question(&self, pod: u32, (own, which): (usize, usize), spec: Spec, now: SimTime) -> SimTime {
        let record = &self.roster.pods[pod as usize];
        let period = spec.period.as_nanos().max(1);
        let phase = if record.made_at > SimTime::ZERO {
            record.made_at.as_nanos() % period
        } else {
            let station = mix(u64::from(record.workload), u64::from(record.number)) ^ (own * 3 + which) as u64;
            let key = mix(name_hash(self.seed, self.replication, "pods/probe"), station);
            (Keyed::new(key).unit() * period as f64) as u64
        };
        let begin = now.max(self.container(pod, own).began + spec.initial_delay);
        let passed = (begin.as_nanos() + period - phase) % period;
        begin + SimDuration::from_nanos(if passed == 0 { 0 } else { period - passed })
    }

    /// It is time for a question.
    pub(super) fn on_asked(&mut self, pod: u32, own: usize, which: usize, now: SimTime, schedule: &mut Schedule) {
        let phase = self.roster.pods[pod as usize].phase;
        let started = self.container(pod, own).is_started;
        let over = phase >= Phase::Ended || phase == Phase::Stopping && which != READINESS;
        let Some(spec) = self.spec_of(pod, own, which).filter(|_| !over && (which == STARTUP) != started) else {
            self.container_mut(pod, own).probes[which].is_set = false;
            return;
        };
        self.set_moment(now + spec.period, pod, Moment::Asked(own, which), schedule);
        if now >= self.container(pod, own).began + spec.initial_delay {
            self.ask(pod, own, which, now, schedule);
        }
    }

    fn ask(&mut self, pod: u32, own: usize, which: usize, now: SimTime, schedule: &mut Schedule) {
        let container = self.container(pod, own);
        if !container.is_alive() || container.probes[which].waiting.is_some() {
            return;
        }
        let Some(spec) = self.spec_of(pod, own, which) else { return };
        let station = self.station_in(pod, own);
        if spec.exec || container.stage != Stage::Listening {
            return self.answered(pod, own, which, spec.exec, now, schedule);
        }
        let server = self.server_of(station);
        let record = &self.stations[station];
        let shares = server.discipline == Discipline::ProcessorSharing;
        if self.stalls(station) {
            let number = self.count_question(pod, own, which);
            self.container_mut(pod, own).probes[which].waiting = Some(number);
            let late = Moment::AnswerLate(own, which, number);
            return self.set_moment(now + spec.timeout, pod, late, schedule);
        }
        if record.busy < server.slots || shares {
            return self.answered(pod, own, which, true, now, schedule);
        }
        if record.waiting >= server.queue_limit {
            return self.answered(pod, own, which, false, now, schedule);
        }
        let number = self.count_question(pod, own, which);
        let attempt = self.attempts.insert(Attempt::question(now));
        self.container_mut(pod, own).probes[which].waiting = Some(number);
        self.control_mut().questions.insert(attempt, (pod, Moment::Answered(own, which, number)));
        self.stations[station].enqueue(attempt, &mut self.attempts, now);
        self.note_level(station, now);
        self.set_moment(now + spec.timeout, pod, Moment::AnswerLate(own, which, number), schedule);
    }

    fn count_question(&mut self, pod: u32, own: usize, which: usize) -> u32 {
        let probe = &mut self.container_mut(pod, own).probes[which];
        probe.questions += 1;
        probe.questions
    }

    /// A question in a container's queue has its turn: it is answered.
    #[cold]
    pub(crate) fn question_served(&mut self, attempt: u32, schedule: &mut Schedule) {
        let asked = self.control_mut().questions.remove(&attempt);
        self.attempts.remove(attempt);
        if let Some((pod, answered)) = asked {
            self.set_moment(schedule.now(), pod, answered, schedule);
        }
    }

    /// The questions in the queues of containers that end are lost with them.
    pub(super) fn drop_questions(&mut self, stations: std::ops::Range<usize>, now: SimTime) {
        let lost = |(pod, moment): &(u32, Moment)| match moment {
            Moment::Answered(own, ..) => stations.contains(&self.station_in(*pod, *own)),
            _ => false,
        };
        let all = &self.control().questions;
        let lost: Vec<u32> = all.iter().filter(|(_, asked)| lost(asked)).map(|(attempt, _)| *attempt).collect();
        for attempt in lost {
            let Some((pod, Moment::Answered(own, which, _))) = self.control_mut().questions.remove(&attempt) else {
                continue;
            };
            let station = self.station_in(pod, own);
            self.container_mut(pod, own).probes[which].waiting = None;
            self.stations[station].unlink(attempt, &mut self.attempts, now);
            self.attempts.remove(attempt);
        }
    }

    /// An answer came in time, or should have been there by now, unless the question is no longer open.
    pub(super) fn question_over(
        &mut self,
        pod: u32,
        own: usize,
        (which, number, good): (usize, u32, bool),
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        let probe = &mut self.container_mut(pod, own).probes[which];
        if probe.waiting == Some(number) {
            probe.waiting = None;
            self.answered(pod, own, which, good, now, schedule);
        }
    }

    /// A probe has its answer: enough of them in a row change something.
    fn answered(&mut self, pod: u32, own: usize, which: usize, good: bool, now: SimTime, schedule: &mut Schedule) {
        let Some(spec) = self.spec_of(pod, own, which) else { return };
        let thresholds = Thresholds { success: spec.success, failure: spec.failure };
        let container = self.container_mut(pod, own);
        let (alive, started) = (container.is_alive() && !container.is_ending, container.is_started);
        let Some(good) = container.probes[which].worker.answered(good, thresholds) else { return };
        let stopping = self.roster.pods[pod as usize].phase == Phase::Stopping;
        match which {
            READINESS => self.container_is_ready(pod, own, good, now, schedule),
            STARTUP if good && alive && !started && !stopping => self.has_started(pod, own, now, schedule),
            STARTUP | LIVENESS if !good && alive && !stopping => {
                let name = self.plan.scenario.workloads[self.workload_of(pod)].containers[own].name.clone();
                let why = if which == STARTUP { "startup" } else { "liveness" };
                self.tell_pod(now, "container-unhealthy", pod, format!("{name}: its {why} probe failed, it is killed"));
                let record = &self.roster.pods[pod as usize];
                let pods_own = self.control().templates[record.workload as usize][record.template as usize].grace;
                self.container_mut(pod, own).killed_at = now + spec.grace.unwrap_or(pods_own);
                self.tell_to_end(pod, own, now, schedule);
            }
            _ => {}
        }
    }

    /// Whether a container's process stands still, so that it answers nothing, however idle it is.
    fn stalls(&self, station: usize) -> bool {
        self.stands_still(station)
    }
}
