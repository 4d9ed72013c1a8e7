//! Work at a pace that changes: in containers that start cold or break down, whose quota may be spent, or that share the
//! cores of their node with others.
//!
//! All threads of a container go equally fast, so its jobs are kept as those of a shared processor whose cores have a
//! speed. When something changes the speed (or the number of threads, which uses up the quota), what has passed is entered
//! and the next departure is set anew; between changes nothing happens, however many periods pass.

use std::collections::BTreeMap;

use crate::cause::LedgerCause;
use crate::engine::{Rank, Schedule, TimerId};
use crate::model::cluster::pace::{Loss, Pace, Reading};
use crate::model::cluster::quota::Quota;
use crate::model::cluster::sharing::{Sharing, WHOLE};
use crate::model::cluster::weights::{Wish, shares_of};
use crate::model::ledger::NO_COLUMN;
use crate::model::plan::{NONE, Plan, ServerPlan, as_u32};
use crate::model::traffic::attempt::Stage;
use crate::model::traffic::route::Trip;
use crate::model::{World, kind};
use crate::random::Stream;
use crate::time::{SimDuration, SimTime};

/// What is kept of containers whose pace changes.
#[derive(Debug)]
pub(crate) struct Paces {
    stations: Vec<Option<Box<Paced>>>,
    /// By attempt.
    jobs: Vec<Job>,
    /// The containers of each node that want a CPU, where they share its cores.
    nodes: Vec<BTreeMap<u32, Wish>>,
    /// What containers that are gone have used and lost.
    gone: Vec<Reading>,
    at_open: Vec<Reading>,
    inside: Vec<Reading>,
}

/// A container whose pace changes.
#[derive(Debug)]
struct Paced {
    pace: Pace,
    jobs: Sharing,
    /// Its node; none where it has no others to share with.
    node: u32,
    /// Next departure, next change by the quota, next breakdown or repair, end of the start.
    timers: [TimerId; 4],
    /// The draws of its breakdowns and of its starts.
    draws: [Stream; 2],
}

const DEPARTURE: usize = 0;
const QUOTA: usize = 1;
const BREAKDOWN: usize = 2;
const START: usize = 3;

/// What comes after an attempt's turn on the CPU.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Then {
    /// The step is done.
    #[default]
    Done,
    /// It waits so long for something else, and then is on the CPU for so long again.
    Wait(u64, u64),
    /// It only had to wait until the process went on.
    Gate,
}

/// What is known of an attempt in a paced container.
#[derive(Debug, Clone, Copy, Default)]
struct Job {
    then: Then,
    /// What the container had lost when its turn began.
    before: [u64; 4],
    /// What it has lost itself in the step so far.
    lost: [u64; 4],
    /// The identity of the attempt if it has waited for its slot.
    waited: u64,
}

impl Paces {
    /// For plans with such containers.
    pub(crate) fn of(plan: &Plan) -> Option<Box<Self>> {
        let any = plan.servers.iter().any(|server| server.paced);
        any.then(|| {
            Box::new(Self {
                stations: Vec::new(),
                jobs: Vec::new(),
                nodes: vec![BTreeMap::new(); plan.scenario.cluster.nodes.len()],
                gone: Vec::new(),
                at_open: Vec::new(),
                inside: Vec::new(),
            })
        })
    }

    fn job(&mut self, attempt: u32) -> &mut Job {
        let index = attempt as usize;
        if index >= self.jobs.len() {
            self.jobs.resize(index + 1, Job::default());
        }
        &mut self.jobs[index]
    }

    fn station(&mut self, station: usize) -> Option<&mut Paced> {
        self.stations.get_mut(station)?.as_deref_mut()
    }

    fn readings(&self, now: SimTime) -> Vec<Reading> {
        let gone = self.gone.iter().copied().chain(std::iter::repeat(Reading::default()));
        let live = self.stations.iter().map(|paced| paced.as_ref().map(|paced| paced.pace.read(now)));
        live.zip(gone).map(|(live, gone)| live.map_or(gone, |live| live.plus(gone))).collect()
    }
}

impl<'p> World<'p> {
    fn paces(&mut self) -> &mut Paces {
        self.pace.as_mut().expect("only what has to do with paced containers comes here")
    }

    fn paced(&mut self, station: usize) -> &mut Paced {
        self.paces().station(station).expect("its pace was begun")
    }

    /// Begins the paces of the containers that run from the start.
    pub(crate) fn begin_paces(&mut self, schedule: &mut Schedule) {
        if self.pace.is_none() {
            return;
        }
        for station in 0..self.stations.len() {
            self.know_pace(station, SimTime::ZERO, schedule);
        }
    }

    /// Makes sure that a container has a pace, if its pace changes.
    pub(crate) fn know_pace(&mut self, station: usize, now: SimTime, schedule: &mut Schedule) {
        let server = self.server_of(station);
        if !server.paced || self.pace.is_none() || self.paces().station(station).is_some() {
            return;
        }
        let (seed, replication) = (self.seed, self.replication);
        let pod = &self.roster.pods[self.roster.pod_of[station] as usize];
        let (number, node) = (station - pod.station as usize, pod.node);
        let target = self.plan.scenario.workloads[pod.workload as usize].target();
        let stream =
            |purpose: &str| Stream::new(seed, replication, &format!("{target}/{}/{number}/{purpose}", pod.number));
        let quota = server.pacing.quota.map(|(cpu, period)| {
            let phase = (stream("cpu-period").unit() * period as f64) as u64;
            Quota::new(cpu, period, first_period(now.as_nanos(), period, phase))
        });
        let paced = Box::new(Paced {
            pace: Pace::new(quota, now),
            jobs: Sharing::new(if server.shares { server.slots } else { u32::MAX }),
            node: if server.pacing.weight > 0 { node } else { NONE },
            timers: std::array::from_fn(|_| schedule.new_timer()),
            draws: [stream("breakdown"), stream("cold")],
        });
        let paces = self.paces();
        if paces.stations.len() <= station {
            paces.stations.resize_with(station + 1, || None);
        }
        paces.stations[station] = Some(paced);
        self.set_breakdown(station, now, schedule);
    }

    /// The process of a container has ended: it has no pace any more. Nobody is left in it.
    pub(crate) fn end_pace(&mut self, station: usize, now: SimTime, schedule: &mut Schedule) {
        let Some(paces) = self.pace.as_deref_mut() else { return };
        let Some(mut paced) = paces.stations.get_mut(station).and_then(Option::take) else { return };
        paced.pace.advance(now);
        if paces.gone.len() <= station {
            paces.gone.resize(station + 1, Reading::default());
        }
        paces.gone[station] = paces.gone[station].plus(paced.pace.read(now));
        for timer in paced.timers {
            schedule.free_timer(timer);
        }
        if paced.node != NONE && paces.nodes[paced.node as usize].remove(&as_u32(station)).is_some() {
            self.share_node(paced.node, now, schedule);
        }
    }

    /// The jobs of a container whose pace changes.
    pub(crate) fn paced_jobs(&self, station: u32) -> Option<&Sharing> {
        let paced = self.pace.as_deref()?.stations.get(station as usize)?.as_deref()?;
        Some(&paced.jobs)
    }

    /// Whether the process of a container has broken down or is about to start, so that it answers nothing.
    pub(crate) fn stands_still(&self, station: usize) -> bool {
        let paced = self.pace.as_deref().and_then(|paces| paces.stations.get(station)?.as_deref());
        paced.is_some_and(|paced| paced.pace.down || paced.pace.starting)
    }

    /// Whether the jobs of a station are kept as those of a shared processor.
    pub(crate) fn is_paced(&self, station: usize) -> bool {
        self.server_of(station).paced
    }

    /// Changes something about the pace of a container; everything that follows is set anew.
    fn repace(&mut self, station: usize, now: SimTime, schedule: &mut Schedule, change: impl FnOnce(&mut Paced)) {
        let server = self.server_of(station);
        let paced = self.paced(station);
        paced.pace.advance(now);
        change(paced);
        let jobs = as_u32(paced.jobs.len());
        paced.pace.threads = if server.shares { jobs.min(server.slots) } else { jobs };
        let node = paced.node;
        if node != NONE {
            self.note_wish(station, node, now, schedule);
        }
        self.set_timers(station, now, schedule);
        if server.shares {
            self.shared_level_changed(station, jobs, now, schedule);
        }
        if self.work.is_some() {
            self.pace_in_books(station, server, now);
        }
    }

    /// Sets the speed of a container's cores, and when the next job leaves and the quota changes something.
    fn set_timers(&mut self, station: usize, now: SimTime, schedule: &mut Schedule) {
        let paced = self.paced(station);
        paced.jobs.set_speed(now, paced.pace.speed());
        let times = [
            (DEPARTURE, kind::SHARED, paced.jobs.next_departure()),
            (QUOTA, kind::QUOTA, paced.pace.quota_changes_at()),
        ];
        for (timer, kind, at) in times {
            match at {
                Some(at) => schedule.set_timer(paced.timers[timer], at, Rank::Completion, kind, as_u32(station)),
                None => schedule.clear_timer(paced.timers[timer]),
            }
        }
    }

    /// What is left in the container, for policies that ask for it.
    fn pace_in_books(&mut self, station: usize, server: &ServerPlan, now: SimTime) {
        let paced = self.paced(station);
        let (left, threads, stands) = (paced.jobs.unfinished(), paced.pace.threads, paced.pace.speed() == 0);
        let slots = if server.slots == NONE { threads } else { server.slots };
        if let Some(work) = &mut self.work {
            work.shared(station, left, if stands { 0 } else { threads.min(slots) }, now);
        }
    }

    /// A container wants the CPU of its node, or no longer does.
    fn note_wish(&mut self, station: usize, node: u32, now: SimTime, schedule: &mut Schedule) {
        let weight = self.server_of(station).pacing.weight;
        let paces = self.paces();
        let pace = &paces.stations[station].as_ref().expect("just seen").pace;
        let wish = pace.wants_cpu().then_some(Wish { weight, threads: pace.threads });
        let wishes = &mut paces.nodes[node as usize];
        let before = match wish {
            Some(wish) => wishes.insert(as_u32(station), wish),
            None => wishes.remove(&as_u32(station)),
        };
        if before != wish {
            self.share_node(node, now, schedule);
        }
    }

    /// The cores of a node are shared anew among its containers.
    fn share_node(&mut self, node: u32, now: SimTime, schedule: &mut Schedule) {
        let cores = self.plan.scenario.cluster.nodes[node as usize].cpu.unwrap_or(f64::INFINITY);
        let paces = self.paces();
        let wishes: Vec<Wish> = paces.nodes[node as usize].values().copied().collect();
        let shares = shares_of(cores, &wishes);
        let stations: Vec<u32> = paces.nodes[node as usize].keys().copied().collect();
        for (station, share) in stations.into_iter().zip(shares) {
            let paced = self.paced(station as usize);
            if paced.pace.share != share {
                paced.pace.advance(now);
                paced.pace.share = share;
                self.set_timers(station as usize, now, schedule);
            }
        }
    }

    /// A step of work begins.
    #[inline(never)]
    pub(super) fn begin_paced(
        &mut self,
        trip: &Trip<'p>,
        (step, work): (u16, SimDuration),
        station: usize,
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        self.know_pace(station, now, schedule);
        self.start_if_cold(trip, station, now, schedule);
        let server = self.server_of(station);
        let whole = work.as_nanos();
        let on_cpu = match server.behaviour.process.on_cpu(step as usize) {
            share if share >= 1.0 => whole,
            share => (whole as f64 * share) as u64,
        };
        let job = self.paces().job(trip.attempt);
        job.lost = [0; 4];
        let (first, then) = if on_cpu == whole {
            (whole, Then::Done)
        } else {
            (on_cpu / 2, Then::Wait(whole - on_cpu, on_cpu - on_cpu / 2))
        };
        self.take_turn(trip.attempt, station, (first, then), now, schedule);
        if self.probes.any_flow && server.shares {
            self.watch_shares(trip.attempt, station);
        }
    }

    /// An attempt is on the CPU for so long.
    fn take_turn(
        &mut self,
        attempt: u32,
        station: usize,
        (nanos, then): (u64, Then),
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        self.repace(station, now, schedule, |paced| match nanos {
            0 => paced.jobs.enter_gate(now, attempt),
            _ => drop(paced.jobs.enter(now, nanos, attempt)),
        });
        let before = self.paced(station).pace.lost();
        let job = self.paces().job(attempt);
        (job.then, job.before) = (then, before);
    }

    /// Whether whoever wants to go on in a container has to wait until its process does; then it waits.
    #[inline(never)]
    pub(super) fn waits_at_gate(
        &mut self,
        attempt: u32,
        station: usize,
        now: SimTime,
        schedule: &mut Schedule,
    ) -> bool {
        self.know_pace(station, now, schedule);
        let trip = self.trip(attempt);
        self.start_if_cold(&trip, station, now, schedule);
        if self.paced(station).pace.speed() > 0 {
            return false;
        }
        let entry = &mut self.attempts[attempt];
        entry.since = now.as_nanos();
        entry.stage = Stage::Serving;
        self.paces().job(attempt).lost = [0; 4];
        self.take_turn(attempt, station, (0, Then::Gate), now, schedule);
        true
    }

    /// Somebody who came to a slot has waited for it: the container was not idle.
    #[inline(never)]
    pub(super) fn note_waited(&mut self, attempt: u32) {
        let base = self.attempts[attempt].base;
        if self.pace.is_some() {
            self.paces().job(attempt).waited = base;
        }
    }

    /// A container that was idle starts when somebody comes.
    fn start_if_cold(&mut self, trip: &Trip<'p>, station: usize, now: SimTime, schedule: &mut Schedule) {
        let server = self.server_of(station);
        let Some(start) = &server.behaviour.process.cold else { return };
        // Its own slot is taken by now; under processor sharing it has not come in.
        let alone = self.stations[station].in_system() == u32::from(!server.shares);
        let (entry, base) = (&self.attempts[trip.attempt], trip.base);
        let came_now = entry.reached == now.as_nanos() && entry.step == 0 && !entry.cancelled;
        if !alone || !came_now || self.paces().job(trip.attempt).waited == base || self.paced(station).pace.starting {
            return;
        }
        self.paces().job(trip.attempt).waited = base;
        let measured = u64::from(trip.measured);
        let takes = start.sample(&mut self.paced(station).draws[1]);
        self.repace(station, now, schedule, |paced| {
            paced.pace.cold_starts += measured;
            paced.pace.starting = !takes.is_zero();
        });
        let timer = self.paced(station).timers[START];
        schedule.set_timer(timer, now + takes, Rank::Completion, kind::COLD_STARTED, as_u32(station));
    }

    /// A container has started.
    pub(crate) fn on_cold_started(&mut self, station: u32, now: SimTime, schedule: &mut Schedule) {
        self.repace(station as usize, now, schedule, |paced| paced.pace.starting = false);
    }

    /// A quota is spent, or there is a new one.
    pub(crate) fn on_quota(&mut self, station: u32, now: SimTime, schedule: &mut Schedule) {
        self.repace(station as usize, now, schedule, |_| {});
    }

    /// Sets when the process of a container breaks down or is repaired.
    fn set_breakdown(&mut self, station: usize, now: SimTime, schedule: &mut Schedule) {
        let Some(breakdown) = &self.server_of(station).behaviour.process.breakdown else { return };
        let paced = self.paced(station);
        let dist = if paced.pace.down { &breakdown.repair } else { &breakdown.up };
        let at = now + dist.sample(&mut paced.draws[0]);
        schedule.set_timer(paced.timers[BREAKDOWN], at, Rank::Cluster, kind::BREAKDOWN, as_u32(station));
    }

    /// The process of a container breaks down, or is repaired.
    pub(crate) fn on_breakdown(&mut self, station: u32, now: SimTime, schedule: &mut Schedule) {
        let station = station as usize;
        self.repace(station, now, schedule, |paced| paced.pace.down = !paced.pace.down);
        self.set_breakdown(station, now, schedule);
        let down = self.paced(station).pace.down;
        let breakdown = self.server_of(station).behaviour.process.breakdown.as_ref();
        if down && breakdown.is_some_and(|breakdown| breakdown.fails) {
            self.fail_in_service(station, now, schedule);
        }
    }

    /// Requests in service are reset; those that wait take their slots.
    fn fail_in_service(&mut self, station: usize, now: SimTime, schedule: &mut Schedule) {
        let is_served = |world: &Self, attempt: u32| {
            let entry = &world.attempts[attempt];
            matches!(entry.stage, Stage::Serving | Stage::Calling)
                && !entry.cancelled
                && world
                    .roster
                    .endpoints
                    .get(entry.endpoint as usize)
                    .is_some_and(|own| own.station as usize == station)
        };
        let served: Vec<u32> = self.attempts.taken().filter(|attempt| is_served(self, *attempt)).collect();
        for attempt in served {
            if self.attempts.is_taken(attempt) && is_served(self, attempt) {
                self.reset_in_pod(attempt, now, schedule);
            }
        }
        self.fill_slots(station, now, schedule);
    }

    /// Takes a job that is on the CPU out of a paced container; says whether it was there.
    pub(super) fn withdraw_paced(
        &mut self,
        attempt: u32,
        station: usize,
        now: SimTime,
        schedule: &mut Schedule,
    ) -> bool {
        if self.pace.as_deref_mut().and_then(|paces| paces.station(station)).is_none() {
            return false;
        }
        let mut found = false;
        self.repace(station, now, schedule, |paced| found = paced.jobs.withdraw(now, attempt));
        found
    }

    /// The next job of a paced container has had its turn.
    #[inline(never)]
    pub(super) fn on_turn_over(&mut self, station: usize, now: SimTime, schedule: &mut Schedule) {
        let mut done = None;
        self.repace(station, now, schedule, |paced| done = paced.jobs.leave(now));
        let Some(attempt) = done else { return };
        let after = self.paced(station).pace.lost();
        let job = self.paces().job(attempt);
        for ((lost, before), after) in job.lost.iter_mut().zip(job.before).zip(after) {
            *lost += after - before;
        }
        match job.then {
            Then::Wait(wait, again) => {
                job.then = Then::Wait(0, again);
                schedule.after(SimDuration::from_nanos(wait), Rank::Completion, kind::OFF_CPU, attempt);
            }
            Then::Done => {
                self.charge_paced(attempt, station, now);
                self.on_worked(attempt, now, schedule);
            }
            Then::Gate => {
                self.charge_paced(attempt, station, now);
                self.after_gate(attempt, station, now, schedule);
            }
        }
    }

    /// What an attempt waited for beside the CPU has come.
    pub(crate) fn on_off_cpu(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) {
        if self.attempts[attempt].cancelled {
            return self.attempts.remove(attempt);
        }
        let station = self.roster.endpoints[self.attempts[attempt].endpoint as usize].station as usize;
        let Then::Wait(_, again) = self.paces().job(attempt).then else {
            unreachable!("only who waits beside the CPU comes back to it")
        };
        self.take_turn(attempt, station, (again, Then::Done), now, schedule);
    }

    /// Enters the time of a step: what was lost, and the rest as service.
    fn charge_paced(&mut self, attempt: u32, station: usize, now: SimTime) {
        let entry = &self.attempts[attempt];
        let mut rest = now.as_nanos() - entry.since;
        let layout = &self.plan_flow(entry.flow).layout;
        let target = layout.target(&self.roster.endpoints[entry.endpoint as usize]);
        let (service, columns) = (layout.service[target], layout.lost[target]);
        let lost = self.paces().job(attempt).lost;
        let mut told = Vec::new();
        for (loss, (nanos, column)) in Loss::ALL.into_iter().zip(lost.into_iter().zip(columns)) {
            // Each was rounded down for itself.
            let nanos = nanos.min(rest);
            if nanos > 0 && column != NO_COLUMN {
                rest -= nanos;
                self.charge(attempt, column, SimDuration::from_nanos(nanos));
                told.push((loss.cause(), nanos));
            }
        }
        if self.probes.any_flow {
            self.watch_paced(attempt, station, (&told, rest), now);
        }
        self.charge(attempt, service, SimDuration::from_nanos(rest));
    }

    /// What containers have used and lost when the window opens.
    pub(crate) fn mark_paces(&mut self, opens: bool, now: SimTime) {
        let Some(paces) = self.pace.as_deref_mut() else { return };
        let readings = paces.readings(now);
        if opens {
            paces.at_open = readings;
        } else {
            let before = paces.at_open.iter().copied().chain(std::iter::repeat(Reading::default()));
            paces.inside = readings.into_iter().zip(before).map(|(after, before)| after.minus(before)).collect();
        }
    }

    /// What a container has used and lost within the window; nothing where its pace does not change.
    pub(crate) fn pace_inside(&self, station: usize) -> Option<Reading> {
        let paces = self.pace.as_deref()?;
        self.plan.servers[self.server_once(as_u32(station)) as usize]
            .paced
            .then(|| paces.inside.get(station).copied().unwrap_or_default())
    }

    /// Nanoseconds of CPU that a container has used until now.
    pub(crate) fn cpu_used(&self, station: usize, now: SimTime) -> u128 {
        let server = &self.plan.servers[self.server_once(as_u32(station)) as usize];
        if server.paced {
            let paces = self.pace.as_deref();
            let live = paces.and_then(|paces| paces.stations.get(station)?.as_ref()).map(|paced| paced.pace.read(now));
            let gone = paces.and_then(|paces| paces.gone.get(station)).copied().unwrap_or_default();
            return (live.unwrap_or_default().used + gone.used) / u128::from(WHOLE);
        }
        let record = &self.stations[station];
        let busy = record.busy_area.until(now, u64::from(record.busy));
        (busy as f64 * server.pacing.on_cpu) as u128
    }
}

/// When the period of a quota ends in which `now` lies, if periods begin at `phase`.
fn first_period(now: u64, period: u64, phase: u64) -> u64 {
    let behind = if now >= phase { (now - phase) % period } else { period - (phase - now) % period };
    now + period - behind % period
}

impl Loss {
    /// As ledgers name it.
    pub(crate) const fn cause(self) -> LedgerCause {
        match self {
            Self::ColdStart => LedgerCause::ColdStart,
            Self::Stalled => LedgerCause::Stalled,
            Self::Throttled => LedgerCause::CpuThrottle,
            Self::CpuWait => LedgerCause::CpuWait,
        }
    }
}

impl Reading {
    fn plus(self, other: Self) -> Self {
        Self {
            used: self.used + other.used,
            throttled: self.throttled + other.throttled,
            stalled: self.stalled + other.stalled,
            cold_starts: self.cold_starts + other.cold_starts,
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            used: self.used - other.used,
            throttled: self.throttled - other.throttled,
            stalled: self.stalled - other.stalled,
            cold_starts: self.cold_starts - other.cold_starts,
        }
    }
}
