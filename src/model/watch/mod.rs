//! What `explain` watches: hooks in the model that are off in every other run, and never change what happens.
//!
//! The hooks stand where the probes of named metrics stand, behind the same flags, and on ways that a request of the
//! simplest models never goes; so a run that is not watched does not pay for them.

mod looks;
mod names;
mod picks;
mod survey;
mod telling;
mod transfers;
mod ways;

use crate::cause::{FailureCause, LedgerCause};
use crate::model::World;
use crate::model::plan::{NONE, Plan, as_u32};
use crate::model::traffic::attempt::Failure;
use crate::observe::story::{Asked, Step, Story, What};
use crate::observe::survey::{Spent, Survey};
use crate::time::SimTime;

use survey::Accounts;
use telling::Stories;

pub(crate) use picks::Chooser;
pub(crate) use transfers::Wait;

/// Everything that is watched in a run.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    accounts: Option<Accounts>,
    stories: Option<Stories>,
}

/// A request that is about to begin in the next free slots.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Beginning {
    pub(crate) flow: u32,
    pub(crate) number: u64,
    pub(crate) base: u64,
    pub(crate) client: u32,
    /// The attempt that waits for it; `NONE` for requests of a traffic.
    pub(crate) caller: u32,
    pub(crate) measured: bool,
}

impl Watch {
    /// What the plan asks for; `None` where that is nothing.
    pub(crate) fn new(plan: &Plan) -> Option<Box<Self>> {
        let accounts = plan.scenario.observe.survey.map(|slowest| Accounts::new(plan.traffics, slowest));
        accounts.is_some().then(|| Box::new(Self { accounts, stories: None }))
    }

    /// The surveys, one a traffic, where they were asked for.
    pub(crate) fn surveys(&mut self) -> Vec<Survey> {
        self.accounts.take().map_or_else(Vec::new, |accounts| accounts.surveys)
    }

    /// The stories, with their traffic.
    pub(crate) fn stories(&mut self) -> Vec<(u32, Story)> {
        self.stories.take().map_or_else(Vec::new, Stories::finish)
    }
}

impl World<'_> {
    /// The stories of these requests, given by traffic and number, are wanted.
    #[cold]
    pub(crate) fn watch_stories(&mut self, wanted: &[(usize, u64)]) {
        if !wanted.is_empty() {
            self.probes.watch_requests();
            self.watch.get_or_insert_default().stories = Some(Stories::new(wanted));
        }
    }

    /// Tells something of a story, with the world as it is.
    fn tell(&mut self, tell: impl FnOnce(&Self, &mut Stories)) {
        let Some(watch) = self.watch.as_deref_mut() else { return };
        let Some(mut stories) = watch.stories.take() else { return };
        tell(self, &mut stories);
        if let Some(watch) = self.watch.as_deref_mut() {
            watch.stories = Some(stories);
        }
    }

    fn accounts(&mut self) -> Option<&mut Accounts> {
        self.watch.as_deref_mut()?.accounts.as_mut()
    }

    /// A request is about to begin in the next free slots.
    #[cold]
    pub(crate) fn watch_begin(&mut self, beginning: Beginning, now: SimTime) {
        let request = self.requests.next_slot();
        if let Some(accounts) = self.accounts() {
            accounts.clear(request);
        }
        self.tell(|world, stories| stories.begin(world, &beginning, now));
    }

    fn new_story(&self, beginning: &Beginning, measured: bool, now: SimTime) -> Story {
        let spec = self.plan_flow(beginning.flow);
        let client = self.node_of_client(&self.plan.hot[beginning.flow as usize], beginning.flow, beginning.client);
        let is_call = beginning.caller != NONE;
        let caller = || {
            let entry = &self.attempts[beginning.caller];
            self.roster.pod_name(self.plan, entry.endpoint)
        };
        Story {
            name: spec.flow.name.clone(),
            is_call,
            number: beginning.number,
            service: self.plan.scenario.services[spec.flow.service].label(),
            client: if is_call { caller() } else { format!("client {}", beginning.client) },
            from: self.plan.node_name(client).to_owned(),
            measured,
            arrived: now,
            ended: None,
            failure: None,
            gave_up: false,
            tries: Vec::new(),
        }
    }

    /// Another try is about to begin in the next free slot.
    #[cold]
    pub(crate) fn watch_retry(&mut self, request: u32, base: u64, now: SimTime) {
        self.tell(|world, stories| {
            if let Some(telling) = stories.of_request(request) {
                telling.begin_try(world.attempts.next_slot(), base, now);
            }
        });
    }

    /// An attempt got a pooled connection, or the right to open one, after waiting.
    #[cold]
    pub(crate) fn watch_pooled(&mut self, attempt: u32, of_proxy: bool, now: SimTime) {
        self.tell(|_, stories| {
            if let Some(telling) = stories.of_attempt(attempt) {
                let entry = Some((LedgerCause::PoolWait, telling.story.name.clone()));
                telling.push(now.as_nanos(), entry, What::PoolWait { of_proxy });
            }
        });
    }

    /// An attempt was sent over a connection that the other end had closed.
    #[cold]
    pub(crate) fn watch_stale(&mut self, attempt: u32, nanos: u64, place: u16) {
        self.tell(|world, stories| {
            let Some(telling) = stories.of_attempt(attempt) else { return };
            let entry = Some((LedgerCause::WastedAttempts, telling.story.name.clone()));
            let what = What::Failed { cause: FailureCause::Reset, place: world.plan.places[place as usize].clone() };
            telling.push(telling.cursor + nanos, entry, what);
        });
    }

    /// An attempt opens a connection between two nodes, which takes so long.
    #[cold]
    pub(crate) fn watch_connect(&mut self, attempt: u32, (from, to): (u32, u32), behind_proxy: bool, nanos: u64) {
        self.tell(|world, stories| {
            let Some(telling) = stories.of_attempt(attempt) else { return };
            let node = |index: u32| world.plan.node_name(index);
            let proxied = world.plan.hot[telling.flow as usize].via_proxy;
            let (sender, receiver) = match (behind_proxy, proxied) {
                (true, _) => ("proxy", "pod"),
                (false, true) => ("client", "proxy"),
                (false, false) => ("client", "pod"),
            };
            let between = format!("{sender} on {} ⇄ {receiver} on {}", node(from), node(to));
            let class = world.plan.class_of(telling.flow, (from, to)).ledger();
            let entry = Some((LedgerCause::Connect, telling.story.service.clone()));
            telling.push(telling.cursor + nanos, entry, What::Connect { between, class });
        });
    }

    /// The node takes an attempt's connection for one of the same port that nobody answered.
    #[cold]
    pub(crate) fn watch_mistaken(&mut self, attempt: u32, endpoint: u32) {
        self.tell(|world, stories| {
            let Some(telling) = stories.of_attempt(attempt) else { return };
            let pod = world.roster.pod_name(world.plan, endpoint);
            let text = format!(
                "has the source port of a connection that {pod} never answered: conntrack still has that one, and sends it there"
            );
            telling.push(telling.cursor, None, What::Translated { text });
        });
    }

    /// TLS follows the handshake.
    #[cold]
    pub(crate) fn watch_tls(&mut self, attempt: u32, nanos: u64) {
        self.tell(|_, stories| {
            let Some(telling) = stories.of_attempt(attempt) else { return };
            let entry = Some((LedgerCause::Tls, telling.story.service.clone()));
            telling.push(telling.cursor + nanos, entry, What::Tls);
        });
    }

    /// A SYN was sent that nobody answers.
    #[cold]
    pub(crate) fn watch_syn_lost(&mut self, attempt: u32, cause: FailureCause, now: SimTime) {
        self.tell(|_, stories| {
            if let Some(telling) = stories.of_attempt(attempt) {
                telling.lose_syn(cause, now);
            }
        });
    }

    /// A SYN was sent again, and was heard.
    #[cold]
    pub(crate) fn watch_syns(&mut self, attempt: u32, now: SimTime) {
        self.tell(|_, stories| {
            let Some(telling) = stories.of_attempt(attempt) else { return };
            let entry = Some((LedgerCause::Connect, telling.story.service.clone()));
            if let Some(Step { what: What::Syns { between, sent, cause, .. }, .. }) = telling.take_syns() {
                telling.push(now.as_nanos(), entry, What::Syns { between, sent, cause, answered: true });
            }
        });
    }

    /// A connection failed at one address, and the next is tried.
    #[cold]
    pub(crate) fn watch_next_address(&mut self, attempt: u32, cause: FailureCause, place: u16, now: SimTime) {
        self.tell(|world, stories| {
            let Some(telling) = stories.of_attempt(attempt) else { return };
            let place = world.plan.places[place as usize].clone();
            if let Some(Step { what, .. }) = telling.take_syns() {
                let entry = Some((LedgerCause::Connect, telling.story.service.clone()));
                telling.push(now.as_nanos(), entry, what);
            }
            telling.push(now.as_nanos(), None, What::Failed { cause, place });
        });
    }

    /// Whoever connects has waited long enough for an answer to a SYN.
    #[cold]
    pub(crate) fn watch_connect_timeout(&mut self, attempt: u32, now: SimTime) {
        self.tell(|_, stories| {
            if let Some(telling) = stories.of_attempt(attempt) {
                telling.wait_for_syns(now);
            }
        });
    }

    /// The lookup of an attempt's host is over; an address was found in answers of a version.
    #[cold]
    pub(crate) fn watch_resolved(&mut self, attempt: u32, asked: &[Asked], found: Option<u32>, now: SimTime) {
        self.tell(|world, stories| {
            let Some(telling) = stories.of_attempt(attempt) else { return };
            let Some(resolution) = &world.plan_flow(telling.flow).flow.resolution else { return };
            let entry = Some((LedgerCause::Dns, resolution.host.clone()));
            let what = What::Resolve {
                host: resolution.host.clone(),
                queries: as_u32(asked.len()),
                asked: asked.to_vec(),
                found: found.is_some(),
                address: found.and_then(|version| world.address_in_answer(telling.flow, version)),
            };
            telling.push(now.as_nanos(), entry, what);
        });
    }

    /// The first packet of an attempt's connection finds its rule on a node, which takes so long.
    #[cold]
    pub(crate) fn watch_rules(&mut self, attempt: u32, node: u32, nanos: u64) {
        self.tell(|world, stories| {
            let Some(telling) = stories.of_attempt(attempt) else { return };
            let node = world.plan.scenario.cluster.nodes[node as usize].name.clone();
            let entry = Some((LedgerCause::Connect, telling.story.service.clone()));
            telling.push(telling.cursor + nanos, entry, What::Rules { node });
        });
    }

    /// An attempt reaches its pod.
    #[cold]
    pub(crate) fn watch_reached(&mut self, attempt: u32, now: SimTime) {
        self.tell(|world, stories| {
            let Some(telling) = stories.of_attempt(attempt) else { return };
            let entry = &world.attempts[attempt];
            (telling.worker, telling.endpoint) = (entry.worker, entry.endpoint);
            telling.forward(world, true, now);
            let station = &world.stations[world.roster.endpoints[entry.endpoint as usize].station as usize];
            telling.found = (station.waiting, station.busy);
        });
    }

    /// An attempt got a slot at a station, for which it had waited since `since`, maybe after calls.
    #[cold]
    pub(crate) fn watch_started(&mut self, attempt: u32, station: usize, since: u64, again: bool, now: SimTime) {
        let (request, waited) = (self.attempts[attempt].request, now.as_nanos() - since);
        self.watch_spent(request, station, Spent { waited, served: 0 });
        self.tell(|world, stories| {
            if let Some(telling) = stories.of_attempt(attempt) {
                world.tell_wait(telling, station, again, now);
            }
        });
    }

    fn tell_wait(&self, telling: &mut telling::Telling, station: usize, again: bool, now: SimTime) {
        let server = &self.plan.servers[self.stations[station].server as usize];
        let place = self.plan.scenario.workloads[server.workload as usize].target();
        let what = What::Queue {
            pod: self.roster.station_name(self.plan, station),
            waiting: telling.found.0,
            busy: telling.found.1,
            slots: (server.slots != NONE).then_some(server.slots),
            shares: server.shares,
            again,
        };
        telling.push(now.as_nanos(), Some((LedgerCause::QueueWait, place)), what);
    }

    /// An attempt works for so long on a slot of its own.
    #[cold]
    pub(crate) fn watch_served(&mut self, attempt: u32, station: usize, nanos: u64, now: SimTime) {
        self.watch_spent(self.attempts[attempt].request, station, Spent { waited: 0, served: nanos });
        self.tell(|world, stories| {
            stories.ends.insert(attempt, now.as_nanos() + nanos);
            if let Some(telling) = stories.of_attempt(attempt) {
                world.tell_service(telling, station, None, now.as_nanos() + nanos);
            }
        });
    }

    /// Work that is under way is cut off here, and its try goes on in another slot.
    #[cold]
    pub(crate) fn watch_moved(&mut self, attempt: u32, to: u32, now: SimTime) {
        self.tell(|_, stories| stories.moved(attempt, to, now));
    }

    /// An attempt begins to share the cores of a station with others.
    #[cold]
    pub(crate) fn watch_shares(&mut self, attempt: u32, station: usize) {
        self.tell(|world, stories| {
            if let Some(telling) = stories.of_attempt(attempt) {
                telling.sharing = world.stations[station].in_system();
            }
        });
    }

    /// A step of work on shared cores is done; it took so long.
    #[cold]
    pub(crate) fn watch_shared(&mut self, attempt: u32, station: usize, nanos: u64, now: SimTime) {
        self.watch_spent(self.attempts[attempt].request, station, Spent { waited: 0, served: nanos });
        self.tell(|world, stories| {
            if let Some(telling) = stories.of_attempt(attempt) {
                world.tell_service(telling, station, Some(telling.sharing), now.as_nanos());
            }
        });
    }

    /// A step of work at a changing pace is done: it was kept from the CPU for so long by each cause, and worked for the rest.
    #[cold]
    pub(crate) fn watch_paced(
        &mut self,
        attempt: u32,
        station: usize,
        (lost, rest): (&[(LedgerCause, u64)], u64),
        now: SimTime,
    ) {
        let served = rest + lost.iter().map(|(_, nanos)| nanos).sum::<u64>();
        self.watch_spent(self.attempts[attempt].request, station, Spent { waited: 0, served });
        self.tell(|world, stories| {
            let Some(telling) = stories.of_attempt(attempt) else { return };
            let server = &world.plan.servers[world.stations[station].server as usize];
            for (by, nanos) in lost {
                let place = world.plan.scenario.workloads[server.workload as usize].target();
                let pod = world.roster.station_name(world.plan, station);
                telling.push(telling.cursor + nanos, Some((*by, place)), What::Kept { pod, by: *by });
            }
            let sharing = server.shares.then_some(telling.sharing);
            world.tell_service(telling, station, sharing, now.as_nanos());
        });
    }

    fn tell_service(&self, telling: &mut telling::Telling, station: usize, sharing: Option<u32>, to: u64) {
        let server = &self.plan.servers[self.stations[station].server as usize];
        let place = self.plan.scenario.workloads[server.workload as usize].target();
        let pod = self.roster.station_name(self.plan, station);
        telling.push(to, Some((LedgerCause::Service, place)), What::Service { pod, sharing });
    }

    fn watch_spent(&mut self, request: u32, station: usize, time: Spent) {
        if request != NONE
            && let Some(accounts) = self.accounts()
        {
            accounts.add(request, as_u32(station), time);
        }
    }

    /// An attempt is about to make calls.
    #[cold]
    pub(crate) fn watch_calls(&mut self, attempt: u32, now: SimTime) {
        self.tell(|_, stories| {
            if let Some(telling) = stories.of_attempt(attempt) {
                telling.push(now.as_nanos(), None, What::Calls { calls: Vec::new(), last: None });
            }
        });
    }

    /// A pod turned an attempt away, or it left the queue; or it failed without being sent.
    #[cold]
    pub(crate) fn watch_failed_at(&mut self, attempt: u32, cause: FailureCause, place: u16, now: SimTime) {
        self.tell(|world, stories| {
            let Some(telling) = stories.of_attempt(attempt) else { return };
            if cause == FailureCause::QueueTimeout {
                let endpoint = world.attempts[attempt].endpoint;
                let station = world.roster.endpoints[endpoint as usize].station as usize;
                world.tell_wait(telling, station, false, now);
            }
            let unanswered = telling.wait_for_syns(now);
            let says_so = [FailureCause::ConnectTimeout, FailureCause::ConntrackFull, FailureCause::PortExhaustion]
                .contains(&cause);
            if !(unanswered && says_so) {
                let place = world.plan.places[place as usize].clone();
                telling.push(now.as_nanos(), None, What::Failed { cause, place });
            }
        });
    }

    /// A proxy that the attempt has reached answers itself.
    #[cold]
    pub(crate) fn watch_at_proxy(&mut self, attempt: u32, now: SimTime) {
        self.tell(|world, stories| {
            if let Some(telling) = stories.of_attempt(attempt) {
                telling.worker = world.attempts[attempt].worker;
                telling.forward(world, false, now);
            }
        });
    }

    /// Everything so far came to nothing.
    #[cold]
    pub(crate) fn watch_wasted(&mut self, request: u32) {
        if let Some(accounts) = self.accounts() {
            accounts.clear(request);
        }
    }

    /// The ledger of a call enters that of its caller.
    #[cold]
    pub(crate) fn watch_merged(&mut self, call: u32, caller: u32) {
        if let Some(accounts) = self.accounts() {
            accounts.merge(call, caller);
        }
    }

    /// The client stops waiting for an attempt.
    #[cold]
    pub(crate) fn watch_gave_up(&mut self, attempt: u32, now: SimTime) {
        self.tell(|world, stories| stories.give_up(attempt, world.attempts[attempt].stage, now));
    }

    /// A try failed; the next one begins after a pause, where there is one.
    #[cold]
    pub(crate) fn watch_try_failed(&mut self, request: u32, failure: &Failure, pause: Option<u64>, now: SimTime) {
        self.tell(|world, stories| {
            let Some(telling) = stories.of_request(request) else { return };
            if telling.attempt != NONE {
                if failure.gave_up { telling.failure(world, now) } else { telling.reply(world, now) }
            }
            // What was under way came to nothing, and is entered as such.
            telling.story.gave_up |= failure.gave_up;
            if let Some(attempt) = telling.story.tries.last_mut() {
                attempt.failure = Some((failure.cause, world.plan.places[failure.place as usize].clone()));
                attempt.back_off = pause;
            }
        });
    }

    /// A request succeeded.
    #[cold]
    pub(crate) fn watch_succeeded(&mut self, request: u32, latency: u64, now: SimTime) {
        let entry = &self.requests[request];
        let (traffic, number) = (entry.flow as usize, entry.number);
        if entry.measured
            && entry.caller == NONE
            && let Some(accounts) = self.accounts()
        {
            accounts.succeeded(traffic, request, number, latency);
        }
        self.tell(|world, stories| {
            if let Some(telling) = stories.of_request(request) {
                telling.reply(world, now);
                stories.end(world, request, None, now);
            }
        });
    }

    /// A request failed for good.
    #[cold]
    pub(crate) fn watch_failed(&mut self, request: u32, failure: &Failure, now: SimTime) {
        self.tell(|world, stories| stories.end(world, request, Some((failure.cause, failure.place)), now));
    }

    /// A call is withdrawn, because nobody waits for it.
    #[cold]
    pub(crate) fn watch_withdrawn(&mut self, request: u32) {
        self.tell(|_, stories| stories.withdraw(request));
    }
}
