//! Reports of the pods to balancers that go by them: all pods of a balancer at once, as often as its policy asks for.

use crate::engine::{Rank, Schedule};
use crate::model::plan::{Route, as_u32};
use crate::model::traffic::sight::PodSight;
use crate::model::{World, kind};
use crate::random::Stream;
use crate::time::{SimDuration, SimTime};

/// A balancer to which pods report.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reporting {
    owner: Owner,
    every: SimDuration,
}

#[derive(Debug, Clone, Copy)]
enum Owner {
    /// A proxy's worker.
    Worker(u32),
    /// A client of a flow.
    Client(u32, u32),
}

impl World<'_> {
    /// Schedules the first reports: each balancer's after a random part of the time between two.
    pub(crate) fn start_reports(&mut self, schedule: &mut Schedule) {
        let plan = self.plan;
        for (index, worker) in plan.workers.iter().enumerate() {
            let asks = plan.scenario.proxies[worker.proxy as usize].balancer.asks();
            if let Some(every) = asks.reports {
                let first = part_of(every, &mut self.workers[index].stream);
                self.start_report(Owner::Worker(as_u32(index)), every, first, schedule);
            }
        }
        for (index, spec) in plan.flows.iter().enumerate().filter(|(_, spec)| spec.route == Route::ClientBalancer) {
            let Some(every) = spec.flow.balancer.as_ref().and_then(|balancer| balancer.asks().reports) else {
                continue;
            };
            for client in 0..spec.clients {
                let chooser = self.flows[index].balancer(plan, spec, client, self.replication, None);
                let first = part_of(every, &mut chooser.stream);
                self.start_report(Owner::Client(as_u32(index), client), every, first, schedule);
            }
        }
        self.reports_pending = self.reporting.len();
    }

    fn start_report(&mut self, owner: Owner, every: SimDuration, first: SimDuration, schedule: &mut Schedule) {
        schedule.after(first, Rank::Cluster, kind::REPORT, as_u32(self.reporting.len()));
        self.reporting.push(Reporting { owner, every });
    }

    /// The pods of a balancer report.
    #[inline(never)]
    pub(crate) fn on_report(&mut self, slot: u32, now: SimTime, schedule: &mut Schedule) {
        let Reporting { owner, every } = self.reporting[slot as usize];
        let (endpoints, stations, work) = (&self.roster.endpoints, &self.stations, self.work.as_deref());
        match owner {
            Owner::Worker(worker) => {
                let state = &mut self.workers[worker as usize];
                let programmed = &*state.programmed;
                state.balancer.report(&PodSight { endpoints, stations, work, programmed, now, flow: 0, client: 0 });
            }
            Owner::Client(flow, client) => {
                let chooser = self.flows[flow as usize].balancers[client as usize].as_mut();
                let chooser = chooser.expect("made at the start");
                let programmed = &*chooser.programmed;
                chooser.balancer.report(&PodSight { endpoints, stations, work, programmed, now, flow, client });
            }
        }
        self.reports_pending -= 1;
        // When nothing but reports is to come, nothing will change any more.
        if schedule.pending() > self.reports_pending {
            schedule.after(every, Rank::Cluster, kind::REPORT, slot);
            self.reports_pending += 1;
        }
    }
}

/// A uniform part of a length of time.
fn part_of(every: SimDuration, stream: &mut Stream) -> SimDuration {
    SimDuration::from_nanos((stream.unit() * every.as_nanos() as f64) as u64)
}
