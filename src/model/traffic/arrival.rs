//! Requests come: open traffics by their arrival process, closed loops by users who think.

use crate::arrivals::Spec;
use crate::engine::{Rank, Schedule};
use crate::model::plan::{HotFlow, NONE, Senders, as_u32};
use crate::model::random_keys::{CLIENT, THINK};
use crate::model::watch::Beginning;
use crate::model::{World, kind};
use crate::random::{Keyed, Stream, mix};
use crate::time::SimTime;

impl<'p> World<'p> {
    /// Schedules the first arrival of a traffic, or the first thought of its users.
    pub(crate) fn start_traffic(&mut self, flow: usize, schedule: &mut Schedule) {
        let plan = self.plan;
        let traffic = &plan.scenario.traffic[flow];
        let name = format!("{}/arrivals", plan.flows[flow].stream);
        let arrival = self.arrival_kind(flow);
        let stream = Stream::new(self.seed, self.replication, &name);
        let state = &mut self.flows[flow];
        state.prepare_arrivals(&traffic.arrivals, &traffic.clients.popularity, traffic.clients.count, stream);
        if let Spec::Closed { users, think } = &traffic.arrivals {
            let hash = state.hash;
            for user in 0..*users {
                let key = mix(mix(hash, u64::from(user) << 32), THINK);
                let delay = think.sample(&mut Keyed::new(key));
                let slot = self.user_slot(flow, user);
                schedule.after(delay, Rank::Arrival, kind::THOUGHT, slot);
            }
            return;
        }
        let process = state.process.as_mut().expect("an open traffic has a process");
        if let Some(first) = process.next() {
            let stream = schedule.add_stream(arrival, as_u32(flow));
            state.arrivals = Some(stream);
            schedule.set_stream(stream, first, Rank::Arrival);
        }
    }

    /// Users of all closed loops are numbered through.
    fn user_slot(&self, flow: usize, user: u32) -> u32 {
        let before: usize = self.flows[..flow].iter().map(|state| state.users.len()).sum();
        as_u32(before) + user
    }

    fn user_of_slot(&self, slot: u32) -> (usize, u32) {
        let mut rest = slot as usize;
        for (flow, state) in self.flows.iter().enumerate() {
            if rest < state.users.len() {
                return (flow, as_u32(rest));
            }
            rest -= state.users.len();
        }
        unreachable!("a user of a closed loop has a flow");
    }

    /// The next request of an open traffic.
    #[inline(never)]
    pub(crate) fn on_arrival(&mut self, flow: u32, now: SimTime, schedule: &mut Schedule) {
        let state = &mut self.flows[flow as usize];
        let number = state.next_number;
        state.next_number += 1;
        if let Some(next) = state.process.as_mut().and_then(|process| process.next()) {
            let stream = state.arrivals.expect("an open traffic has a stream");
            schedule.set_stream(stream, next, Rank::Arrival);
        }
        let base = state.identity.mix(number);
        let hot = &self.plan.hot[flow as usize];
        let client = self.choose_client(hot, flow, number, base);
        self.begin_traffic_request(hot, flow, (number, base), (client, NONE), now, schedule);
    }

    /// A request comes besides those of the traffic's own process.
    pub(crate) fn arrive_besides(&mut self, flow: u32, number: u64, now: SimTime, schedule: &mut Schedule) {
        let base = self.flows[flow as usize].identity.mix(number);
        let hot = &self.plan.hot[flow as usize];
        let client = self.choose_client(hot, flow, number, base);
        self.begin_traffic_request(hot, flow, (number, base), (client, NONE), now, schedule);
    }

    #[inline(always)]
    fn begin_traffic_request(
        &mut self,
        hot: &'p HotFlow,
        flow: u32,
        (number, base): (u64, u64),
        (client, user): (u32, u32),
        now: SimTime,
        schedule: &mut Schedule,
    ) {
        let measured = self.note_arrival(now);
        if measured {
            self.window.open_measured += 1;
            self.flows[flow as usize].first_measured.get_or_insert(number);
        }
        if self.probes.any_flow {
            self.watch_begin(Beginning { flow, number, base, client, caller: NONE, measured }, now);
            self.probes.arrived(hot.recorder, client, now, measured);
        }
        self.begin_request(hot, flow, number, base, client, (NONE, user), measured, now, schedule);
        self.note_arrived(now, schedule);
    }

    #[inline(always)]
    fn choose_client(&mut self, hot: &HotFlow, flow: u32, number: u64, base: u64) -> u32 {
        match hot.senders {
            Senders::Single => 0,
            Senders::Uniform => Keyed::new(base ^ CLIENT).below(hot.clients),
            _ => self.choose_other_client(hot, flow, number, base),
        }
    }

    #[inline(never)]
    fn choose_other_client(&mut self, hot: &HotFlow, flow: u32, number: u64, base: u64) -> u32 {
        if hot.senders == Senders::Traced {
            let Spec::Trace(trace) = &self.plan.scenario.traffic[flow as usize].arrivals else {
                unreachable!("only a trace names clients")
            };
            let clients = trace.client.as_ref().expect("this trace names them");
            return clients[number as usize] % hot.clients;
        }
        let state = &mut self.flows[flow as usize];
        if hot.senders == Senders::InTurn {
            let client = state.turn;
            state.turn = if client + 1 == hot.clients { 0 } else { client + 1 };
            return client;
        }
        let total = *state.popularity.last().expect("there is at least one client");
        let point = Keyed::new(base ^ CLIENT).unit() * total;
        as_u32(state.popularity.partition_point(|weight| *weight <= point)).min(hot.clients - 1)
    }

    /// A user has thought and asks again.
    pub(crate) fn on_thought(&mut self, slot: u32, now: SimTime, schedule: &mut Schedule) {
        if self.window.over {
            return;
        }
        let (flow, user) = self.user_of_slot(slot);
        let state = &mut self.flows[flow];
        let iteration = state.users[user as usize];
        state.users[user as usize] += 1;
        let number = (u64::from(user) << 32) | iteration;
        let base = state.identity.mix(number);
        let count = self.plan.scenario.traffic[flow].clients.count;
        self.begin_traffic_request(
            &self.plan.hot[flow],
            as_u32(flow),
            (number, base),
            (user % count, slot),
            now,
            schedule,
        );
    }

    /// A user's request ended: the user thinks.
    #[inline(never)]
    pub(crate) fn think_again(&mut self, flow: u32, user_slot: u32, number: u64, schedule: &mut Schedule) {
        let Spec::Closed { think, .. } = &self.plan.scenario.traffic[flow as usize].arrivals else {
            return;
        };
        // The identity of a thought is that of the request it leads to.
        let key = mix(mix(self.flows[flow as usize].hash, number + 1), THINK);
        let delay = think.sample(&mut Keyed::new(key));
        schedule.after(delay, Rank::Arrival, kind::THOUGHT, user_slot);
    }
}
