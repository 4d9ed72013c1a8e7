//! Deployments and ReplicaSets in the run: what their controllers decide is done to pods, and told.

use std::collections::BTreeMap;

use super::moments::Moment;
use crate::controllers::deployment::progress::{self, Progressing, Reason, Status};
use crate::controllers::deployment::{self, ReplicaSet, Strategy, Wanted, revisions};
use crate::controllers::replica_set::{Candidate, victims};
use crate::engine::{Rank, Schedule};
use crate::model::cluster::pod::Phase;
use crate::model::plan::as_u32;
use crate::model::{World, kind};
use crate::time::{SimDuration, SimTime};

/// A Deployment, or a ReplicaSet alone, which has no other template.
#[derive(Debug, Default)]
pub(super) struct Deployment {
    /// Which of its templates is the current one.
    pub(super) template: u32,
    /// Which of its strategies holds.
    rollout: usize,
    is_paused: bool,
    sets: Vec<ReplicaSet>,
    /// The pods of each ReplicaSet that were not deleted.
    pods: Vec<Vec<u32>>,
    status: Status,
    condition: Option<Progressing>,
    /// When it is looked at again if nothing happens.
    again: Option<SimTime>,
    /// When the rollout under way began.
    began: Option<SimTime>,
}

impl World<'_> {
    /// The pods of the start belong to the first ReplicaSet of their workload.
    pub(super) fn begin_deployments(&mut self) {
        let mut members: Vec<Vec<u32>> = vec![Vec::new(); self.plan.scenario.workloads.len()];
        for (pod, record) in (0..).zip(&self.roster.pods) {
            members[record.workload as usize].push(pod);
        }
        for (workload, pods) in members.into_iter().enumerate() {
            let wanted = self.wanted(workload);
            let count = as_u32(pods.len());
            let set = ReplicaSet {
                revision: 1,
                spec: wanted.replicas,
                actual: count,
                ready: count,
                available: count,
                scaled_for: wanted.scale(),
                ..ReplicaSet::default()
            };
            let own = &mut self.control_mut().deployments[workload];
            (own.sets, own.pods) = (vec![set], vec![pods]);
            own.status = Status::of(&own.sets, Some(0));
            own.condition = Some(Progressing { reason: Reason::NewReplicaSetAvailable, updated: SimTime::ZERO });
        }
    }

    /// A workload is to have so many pods.
    pub(super) fn want(&mut self, workload: usize, replicas: u32, now: SimTime, schedule: &mut Schedule) {
        self.control_mut().wanted[workload] = replicas;
        self.reconcile(workload, now, schedule);
    }

    /// A Deployment gets another template, if it is another.
    pub(super) fn roll_to(&mut self, workload: usize, template: u32, now: SimTime, schedule: &mut Schedule) {
        let own = &mut self.control_mut().deployments[workload];
        if std::mem::replace(&mut own.template, template) == template {
            return;
        }
        own.began = Some(now);
        if let Some(found) = revisions::current(&own.sets, template) {
            own.sets[found].revision = revisions::next(&own.sets, Some(found));
        }
        own.condition = Some(Progressing { reason: Reason::NewReplicaSet, updated: now });
        let target = self.plan.scenario.workloads[workload].target();
        self.enter_event(now, "rollout", target, format!("to template {template}"));
        self.rollout_begins(workload, now);
        self.reconcile(workload, now, schedule);
    }

    /// The pods of a Deployment are to be replaced by others of the same template.
    pub(super) fn restart(&mut self, workload: usize, now: SimTime, schedule: &mut Schedule) {
        let control = self.control_mut();
        let own = control.templates[workload][control.deployments[workload].template as usize].clone();
        let template = control.add_template(workload, own);
        self.roll_to(workload, template, now, schedule);
    }

    /// A container of a Deployment's pods gets another image.
    pub(super) fn set_image(&mut self, workload: usize, image: usize, now: SimTime, schedule: &mut Schedule) {
        let (container, image) = self.plan.scenario.workloads[workload].life.images[image].clone();
        let control = self.control_mut();
        let mut own = control.templates[workload][control.deployments[workload].template as usize].clone();
        if own.containers[container].image.replace(image.clone()) == Some(image) {
            // The same template: nothing happens.
            return;
        }
        let template = control.add_template(workload, own);
        self.roll_to(workload, template, now, schedule);
    }

    /// A Deployment goes back to the template before the last.
    pub(super) fn undo_rollout(&mut self, workload: usize, now: SimTime, schedule: &mut Schedule) {
        let own = &self.control().deployments[workload];
        match revisions::undo(&own.sets, None).map(|set| own.sets[set].template) {
            Some(template) => self.roll_to(workload, template, now, schedule),
            None => {
                let target = self.plan.scenario.workloads[workload].target();
                self.enter_event(now, "rollout", target, "nothing happens: there is no template before".to_owned());
            }
        }
    }

    /// A Deployment stops in the middle of a rollout, or goes on.
    pub(super) fn pause(&mut self, workload: usize, paused: bool, now: SimTime, schedule: &mut Schedule) {
        self.control_mut().deployments[workload].is_paused = paused;
        let target = self.plan.scenario.workloads[workload].target();
        self.enter_event(now, if paused { "rollout-paused" } else { "rollout-resumed" }, target, String::new());
        self.reconcile(workload, now, schedule);
    }

    /// Another strategy holds.
    pub(super) fn set_strategy(&mut self, workload: usize, rollout: usize, now: SimTime, schedule: &mut Schedule) {
        self.control_mut().deployments[workload].rollout = rollout;
        self.reconcile(workload, now, schedule);
    }

    /// What happens at one time is looked at once, as the controllers' queues see to it.
    pub(super) fn reconcile(&mut self, workload: usize, now: SimTime, schedule: &mut Schedule) {
        let is_controlled = self.plan.scenario.workloads[workload].kind != "pod";
        if is_controlled && !std::mem::replace(&mut self.control_mut().unseen[workload], true) {
            schedule.at(now, Rank::Cluster, kind::RECONCILE, as_u32(workload));
        }
    }

    /// The controller of a workload looks at it.
    pub(crate) fn on_reconcile(&mut self, workload: u32, now: SimTime, schedule: &mut Schedule) {
        let workload = workload as usize;
        self.control_mut().unseen[workload] = false;
        if self.plan.scenario.workloads[workload].kind != "deployment" {
            let replicas = self.control().wanted[workload];
            self.control_mut().deployments[workload].sets[0].spec = replicas;
            return self.fill_set(workload, 0, now, schedule);
        }
        let wanted = self.wanted(workload);
        loop {
            for set in 0..self.control().deployments[workload].sets.len() {
                self.fill_set(workload, set, now, schedule);
            }
            let own = &mut self.control_mut().deployments[workload];
            let new = revisions::current(&own.sets, own.template);
            let decision = deployment::reconcile(&wanted, &own.sets, new);
            if decision.is_nothing() {
                break;
            }
            let template = own.template;
            decision.apply(&wanted, template, &mut own.sets);
            own.pods.resize_with(own.sets.len(), Vec::new);
        }
        self.note_pods(workload);
        self.report_progress(workload, &wanted, now, schedule);
    }

    /// How many pods of a workload there are, those on their way out included, and how many are ready.
    pub(super) fn pods_of_sets(&self, workload: usize) -> (u32, u32) {
        let sets = &self.control().deployments[workload].sets;
        (sets.iter().map(|set| set.actual + set.terminating).sum(), sets.iter().map(|set| set.ready).sum())
    }

    fn wanted(&self, workload: usize) -> Wanted {
        let own = &self.control().deployments[workload];
        let rollout = &self.plan.scenario.workloads[workload].life.rollouts[own.rollout];
        let strategy = if rollout.recreate {
            Strategy::Recreate
        } else {
            Strategy::RollingUpdate { max_surge: rollout.max_surge, max_unavailable: rollout.max_unavailable }
        };
        Wanted { replicas: self.control().wanted[workload], strategy, is_paused: own.is_paused }
    }

    /// A ReplicaSet makes or deletes pods until it has as many as it is asked to have.
    fn fill_set(&mut self, workload: usize, set: usize, now: SimTime, schedule: &mut Schedule) {
        let ReplicaSet { spec, actual, template, .. } = self.control().deployments[workload].sets[set];
        for _ in actual..spec {
            let pod = self.make_pod(workload, template, now, schedule);
            let own = &mut self.control_mut().deployments[workload];
            own.pods[set].push(pod);
            own.sets[set].actual += 1;
        }
        if actual > spec {
            for pod in victims(self.candidates(workload, set, now), (actual - spec) as usize) {
                self.delete_pod(pod, now, schedule);
            }
        }
    }

    fn candidates(&self, workload: usize, set: usize, now: SimTime) -> Vec<Candidate> {
        let pods = &self.control().deployments[workload].pods[set];
        let record = |pod: &u32| &self.roster.pods[*pod as usize];
        let mut on_node: BTreeMap<u32, u32> = BTreeMap::new();
        for pod in pods.iter().map(record).filter(|pod| pod.is_on_node()) {
            *on_node.entry(pod.node).or_default() += 1;
        }
        let candidate = |pod: &u32| {
            let own = record(pod);
            Candidate {
                pod: *pod,
                is_placed: own.is_on_node(),
                runs: own.phase == Phase::Running,
                is_ready: own.is_ready(),
                on_node: on_node.get(&own.node).copied().unwrap_or(0),
                ready_for: if own.is_ready() { (now - own.ready_at).as_secs_f64() } else { 0.0 },
                number: own.number,
            }
        };
        pods.iter().map(candidate).collect()
    }

    /// The ReplicaSet of a pod that was not deleted: that of its template.
    fn set_of(&self, pod: u32) -> Option<usize> {
        let record = &self.roster.pods[pod as usize];
        let own = &self.control().deployments[record.workload as usize];
        own.sets.iter().position(|set| set.template == record.template)
    }

    /// A pod is deleted: it counts for its ReplicaSet no more.
    pub(super) fn leaves_its_set(&mut self, pod: u32) {
        let Some(set) = self.set_of(pod) else { return };
        let record = &mut self.roster.pods[pod as usize];
        let (workload, ready) = (record.workload as usize, record.is_ready());
        let available = std::mem::replace(&mut record.is_available, false);
        let own = &mut self.control_mut().deployments[workload];
        let Some(place) = own.pods[set].iter().position(|known| *known == pod) else { return };
        own.pods[set].swap_remove(place);
        let numbers = &mut own.sets[set];
        (numbers.actual, numbers.terminating) = (numbers.actual - 1, numbers.terminating + 1);
        numbers.ready -= u32::from(ready);
        numbers.available -= u32::from(available);
    }

    /// A pod that was deleted is gone.
    pub(super) fn is_gone_from_its_set(&mut self, pod: u32, now: SimTime, schedule: &mut Schedule) {
        let workload = self.workload_of(pod);
        if let Some(set) = self.set_of(pod) {
            let numbers = &mut self.control_mut().deployments[workload].sets[set];
            numbers.terminating = numbers.terminating.saturating_sub(1);
            self.reconcile(workload, now, schedule);
        }
    }

    /// A pod that was not deleted became ready, or is no longer (`change` is 1 or -1).
    pub(super) fn availability_may_differ(&mut self, pod: u32, change: i64, now: SimTime, schedule: &mut Schedule) {
        let record = &self.roster.pods[pod as usize];
        if change == 0 || !record.is_wanted() {
            return;
        }
        let (workload, since) = (record.workload as usize, record.ready_at);
        let Some(set) = self.set_of(pod) else { return };
        let own = &mut self.control_mut().deployments[workload];
        own.sets[set].ready = own.sets[set].ready.saturating_add_signed(change as i32);
        let rollout = own.rollout;
        if change > 0 {
            let wait = self.plan.scenario.workloads[workload].life.rollouts[rollout].min_ready;
            if wait == 0 {
                return self.may_be_available(pod, since, now, schedule);
            }
            let at = now + SimDuration::from_secs(wait.into());
            self.set_moment(at, pod, Moment::Available(since), schedule);
        } else if std::mem::replace(&mut self.roster.pods[pod as usize].is_available, false) {
            self.control_mut().deployments[workload].sets[set].available -= 1;
        }
        self.reconcile(workload, now, schedule);
    }

    /// A pod is available if it has been ready since then.
    pub(super) fn may_be_available(&mut self, pod: u32, since: SimTime, now: SimTime, schedule: &mut Schedule) {
        let record = &mut self.roster.pods[pod as usize];
        if !record.is_ready() || record.ready_at != since || std::mem::replace(&mut record.is_available, true) {
            return;
        }
        let workload = record.workload as usize;
        if let Some(set) = self.set_of(pod) {
            self.control_mut().deployments[workload].sets[set].available += 1;
            self.reconcile(workload, now, schedule);
        }
    }

    /// Whether a rollout gets on, is complete, or has stood still for too long.
    fn report_progress(&mut self, workload: usize, wanted: &Wanted, now: SimTime, schedule: &mut Schedule) {
        let target = self.plan.scenario.workloads[workload].target();
        let own = &mut self.control_mut().deployments[workload];
        let rollout = own.rollout;
        let new = revisions::current(&own.sets, own.template);
        let status = Status::of(&own.sets, new);
        let before = std::mem::replace(&mut own.status, status);
        let known = own.condition;
        let seconds = self.plan.scenario.workloads[workload].life.rollouts[rollout].progress_deadline;
        let deadline = SimDuration::from_secs(seconds.into());
        let report = progress::report(wanted, Some(deadline), (before, status), known, now);
        let own = &mut self.control_mut().deployments[workload];
        own.condition = report.condition;
        if let Some(at) = report.again.filter(|at| own.again != Some(*at)) {
            own.again = Some(at);
            schedule.at(at.max(now), Rank::Cluster, kind::RECONCILE, as_u32(workload));
        }
        let (was, is) = (known.map(|known| known.reason), report.condition.map(|known| known.reason));
        let took = own.began.map(|began| now - began);
        match is {
            Some(Reason::NewReplicaSetAvailable) if was != is && took.is_some() => {
                self.control_mut().deployments[workload].began = None;
                let took = took.unwrap_or(SimDuration::ZERO);
                self.enter_event(now, "rollout-complete", target, format!("after {took}"));
                self.rollout_completes(workload, now, schedule);
            }
            Some(Reason::ProgressDeadlineExceeded) if was != is => {
                let told = format!("no progress for {deadline}: its pods stay as they are");
                self.enter_event(now, "rollout-stuck", target, told);
            }
            _ => {}
        }
    }
}
