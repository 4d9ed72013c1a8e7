//! News of endpoints on its way to the workers of ingress controllers: told, or looked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::engine::{Rank, Schedule};
use crate::model::network::endpoints::Snapshot;
use crate::model::plan::as_u32;
use crate::model::slab::Slab;
use crate::model::{World, kind};
use crate::random::{Keyed, mix, name_hash};
use crate::scenario::outside::Sync;
use crate::time::{SimDuration, SimTime};

/// What is on its way to workers.
#[derive(Debug, Default)]
pub(super) struct Controllers {
    deliveries: Slab<(u32, Arc<Snapshot>)>,
    /// When each pod of each controller acts on news next, or did so last.
    turns: BTreeMap<(usize, u32), SimTime>,
}

impl World<'_> {
    /// The controllers that send to a Service are told of its endpoints.
    pub(super) fn tell_controllers(
        &mut self,
        service: usize,
        snapshot: &Arc<Snapshot>,
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        let plan = self.plan;
        for (index, proxy) in plan.scenario.proxies.iter().enumerate() {
            let Some(controller) = proxy.controller.as_ref().filter(|own| own.answers.is_none()) else { continue };
            if proxy.service != service {
                continue;
            }
            for instance in 0..proxy.instances {
                let turn = self.turn(controller.sync, (controller.workload, instance), now);
                for worker in 0..proxy.workers {
                    let place = instance * proxy.workers + worker;
                    let at = self.worker_acts(controller.sync, (controller.workload, place), turn);
                    let to = plan.proxies[index].first_worker + place;
                    let slot = self.control_mut().controllers.deliveries.insert((to, Arc::clone(snapshot)));
                    schedule.at(at, Rank::Cluster, kind::WORKER_PROGRAMMED, slot);
                }
            }
        }
    }

    /// When a pod of a controller acts on what it is told now.
    fn turn(&mut self, sync: Sync, pod: (usize, u32), now: SimTime) -> SimTime {
        match sync {
            Sync::Push { delay } => now + delay,
            Sync::Poll { delay, interval, .. } => {
                let told = now + delay;
                let turns = &mut self.control_mut().controllers.turns;
                let turn = match turns.get(&pod) {
                    // One that is still to come takes this along.
                    Some(next) if *next >= told => *next,
                    Some(last) => told.max(*last + interval),
                    None => told,
                };
                turns.insert(pod, turn);
                turn
            }
        }
    }

    /// When a worker sees what its pod has from `turn` on; each looks at times of its own.
    fn worker_acts(&self, sync: Sync, (workload, worker): (usize, u32), turn: SimTime) -> SimTime {
        let Sync::Poll { poll, .. } = sync else { return turn };
        let poll = poll.as_nanos();
        if poll == 0 {
            return turn;
        }
        let own = mix(as_u32(workload).into(), u64::from(worker));
        let key = mix(name_hash(self.seed, self.replication, "ingress/poll"), own);
        let phase = (Keyed::new(key).unit() * poll as f64) as u64;
        let passed = (turn.as_nanos() + poll - phase) % poll;
        turn + SimDuration::from_nanos(if passed == 0 { 0 } else { poll - passed })
    }

    /// A worker takes new endpoints.
    pub(crate) fn on_worker_programmed(&mut self, slot: u32, now: SimTime) {
        let deliveries = &mut self.control_mut().controllers.deliveries;
        let (worker, snapshot) = deliveries[slot].clone();
        deliveries.remove(slot);
        let own = &mut self.workers[worker as usize];
        if snapshot.version() <= own.programmed.version() {
            return;
        }
        let (plan, roster) = (self.plan, &self.roster);
        let number = |endpoint: u32| as_u32(roster.number_of(plan, endpoint));
        own.balancer.follow(&snapshot.changes_from(&own.programmed, now, number));
        own.programmed = snapshot;
        let (version, plan) = (own.programmed.version(), &self.plan.workers[worker as usize]);
        let proxy = &self.plan.scenario.proxies[plan.proxy as usize];
        let place = worker - self.plan.proxies[plan.proxy as usize].first_worker;
        let (instance, number) = (place / proxy.workers, place % proxy.workers);
        let label = format!("service/{}", self.plan.labels.services[proxy.service]);
        let detail = format!("version {version} by {} pod {instance} worker {number}", proxy.place());
        self.enter_event(now, "programmed", label, detail);
    }
}
