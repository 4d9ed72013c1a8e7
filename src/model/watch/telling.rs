//! Stories in the making: each hook adds the steps that have passed since the one before.
//!
//! Hops and the proxy's handling are keyed draws of the try, so their times are drawn once more instead of being watched
//! on every request's path. What comes out must fill the time exactly; a story that does not agree with its request's
//! ledger ends the run.

use std::collections::BTreeSet;

use crate::cause::{FailureCause, LedgerCause};
use crate::model::World;
use crate::model::at;
use crate::model::plan::{NONE, Route};
use crate::model::random_keys::{HOP, PROXY_AFTER, PROXY_BEFORE};
use crate::model::traffic::attempt::Stage;
use crate::model::traffic::entrance::Gate;
use crate::model::traffic::route::Hop;
use crate::observe::story::{Step, Story, Try, What};
use crate::random::{Dist, Keyed};
use crate::time::SimTime;

use super::looks::Ends;
use super::names::Lookups;
use super::transfers::Transfer;

/// Where a try is, seen from its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reached {
    Client,
    Proxy,
    Pod,
}

/// A request whose story is told.
#[derive(Debug)]
pub(super) struct Telling {
    pub(super) story: Story,
    /// Slots of the request and of the try under way.
    pub(super) request: u32,
    pub(super) attempt: u32,
    /// Its number among all tellings, and its caller's with the place of this call in the caller's step.
    id: u64,
    parent: Option<(u64, usize)>,
    pub(super) flow: u32,
    pub(super) client: u32,
    /// Identity of the try.
    pub(super) base: u64,
    /// Up to when the steps go.
    pub(super) cursor: u64,
    reached: Reached,
    /// Where its connection came into the cluster, from outside.
    pub(super) gate: Gate,
    /// Worker of the proxy and endpoint of the try.
    pub(super) worker: u32,
    pub(super) endpoint: u32,
    /// What it found at the pod: waiting, in service.
    pub(super) found: (u32, u32),
    /// How many shared the cores when its work began.
    pub(super) sharing: u32,
    /// What interfaces of nodes took, of hops that are not told yet.
    pub(super) transfers: Vec<Transfer>,
}

/// All stories of a run.
#[derive(Debug, Default)]
pub(super) struct Stories {
    /// Flow and number of the requests whose story is wanted.
    wanted: BTreeSet<(u32, u64)>,
    open: Vec<Telling>,
    told: Vec<(u32, Story)>,
    ids: u64,
    /// When the work under way ends.
    pub(super) ends: Ends,
    /// What lookups under way have asked.
    pub(super) lookups: Lookups,
}

impl Stories {
    pub(super) fn new(wanted: &[(usize, u64)]) -> Self {
        let wanted = wanted.iter().map(|(flow, number)| (crate::model::plan::as_u32(*flow), *number)).collect();
        Self { wanted, ..Self::default() }
    }

    pub(super) fn of_attempt(&mut self, attempt: u32) -> Option<&mut Telling> {
        self.open.iter_mut().find(|telling| telling.attempt == attempt)
    }

    pub(super) fn of_request(&mut self, request: u32) -> Option<&mut Telling> {
        self.open.iter_mut().find(|telling| telling.request == request)
    }

    pub(super) fn tells(&self, attempt: u32) -> bool {
        self.open.iter().any(|telling| telling.attempt == attempt)
    }

    /// The stories in the order in which they were asked for; those of requests that never came are missing.
    pub(super) fn finish(mut self) -> Vec<(u32, Story)> {
        while let Some(telling) = self.open.pop() {
            self.close(telling, None);
        }
        self.told.sort_by_key(|(flow, story)| (*flow, story.number));
        self.told
    }

    /// A request begins: told if it was asked for, or if its caller's story is.
    pub(super) fn begin(&mut self, world: &World<'_>, beginning: &super::Beginning, now: SimTime) {
        let &super::Beginning { flow, number, base, client, caller, measured } = beginning;
        let parent = if caller == NONE {
            if !self.wanted.contains(&(flow, number)) {
                return;
            }
            None
        } else {
            let Some(caller) = self.open.iter_mut().find(|telling| telling.attempt == caller) else { return };
            let id = caller.id;
            let Some(Step { what: What::Calls { calls, .. }, .. }) = caller.last_step() else { return };
            Some((id, calls.len()))
        };
        let story = world.new_story(beginning, measured, now);
        if let Some((id, _)) = parent
            && let Some(caller) = self.open.iter_mut().find(|telling| telling.id == id)
            && let Some(Step { what: What::Calls { calls, .. }, .. }) = caller.last_step()
        {
            calls.push(story.clone());
        }
        self.ids += 1;
        let mut telling = Telling {
            story,
            request: world.requests.next_slot(),
            attempt: NONE,
            id: self.ids,
            parent,
            flow,
            client,
            base,
            cursor: now.as_nanos(),
            reached: Reached::Client,
            gate: Gate::NOWHERE,
            worker: NONE,
            endpoint: NONE,
            found: (0, 0),
            sharing: 0,
            transfers: Vec::new(),
        };
        telling.begin_try(world.attempts.next_slot(), base, now);
        self.open.push(telling);
    }

    /// The story of a request is over; its call's goes into its caller's.
    pub(super) fn end(&mut self, world: &World<'_>, request: u32, failure: Option<(FailureCause, u16)>, now: SimTime) {
        let Some(index) = self.open.iter().position(|telling| telling.request == request) else { return };
        let mut telling = self.open.swap_remove(index);
        if let Some(last) = telling.story.tries.last_mut()
            && let Some(pause) = &mut last.back_off
        {
            // A back-off that the deadline cut short.
            *pause = (*pause).min((now - last.ended).as_nanos());
        }
        telling.story.failure = failure.map(|(cause, place)| (cause, world.plan.places[place as usize].clone()));
        telling.story.ended = Some(now);
        telling.check(world);
        self.close(telling, Some(now));
    }

    /// Puts a story where it belongs; `ended` is when it ended, if it did.
    fn close(&mut self, telling: Telling, ended: Option<SimTime>) {
        self.cut_calls(telling.id);
        let Some((id, place)) = telling.parent else {
            self.told.push((telling.flow, telling.story));
            return;
        };
        let Some(caller) = self.open.iter_mut().find(|open| open.id == id) else { return };
        let found =
            caller.story.tries.last_mut().and_then(|attempt| {
                attempt.steps.iter_mut().rev().find(|step| matches!(step.what, What::Calls { .. }))
            });
        let Some(Step { to, what: What::Calls { calls, last }, .. }) = found else { return };
        calls[place] = telling.story;
        if let Some(ended) = ended {
            (*to, *last) = (ended, Some(place));
            caller.cursor = ended.as_nanos();
        }
    }

    /// Nobody waits for the calls of a request any more: their stories end here, unfinished.
    fn cut_calls(&mut self, id: u64) {
        while let Some(index) = self.open.iter().position(|open| open.parent.is_some_and(|(of, _)| of == id)) {
            let call = self.open.swap_remove(index);
            let (call_id, parent) = (call.id, call.parent);
            self.cut_calls(call_id);
            if let Some((_, place)) = parent
                && let Some(caller) = self.open.iter_mut().find(|open| open.id == id)
                && let Some(attempt) = caller.story.tries.last_mut()
                && let Some(step) = attempt.steps.iter_mut().rev().find(|step| matches!(step.what, What::Calls { .. }))
                && let What::Calls { calls, .. } = &mut step.what
            {
                calls[place] = call.story;
            }
        }
    }

    /// The client stops waiting for a try.
    pub(super) fn give_up(&mut self, attempt: u32, stage: Stage, now: SimTime) {
        let Some(index) = self.open.iter().position(|telling| telling.attempt == attempt) else { return };
        self.cut_calls(self.open[index].id);
        let Some(telling) = self.open.iter_mut().find(|telling| telling.attempt == attempt) else { return };
        telling.cut(stage, now);
        telling.end_try(now);
        telling.story.gave_up = true;
    }

    /// Work is cut off, and its try goes on in another slot.
    pub(super) fn moved(&mut self, attempt: u32, to: u32, now: SimTime) {
        if let Some(telling) = self.of_attempt(attempt) {
            telling.cut(Stage::Serving, now);
            telling.attempt = to;
        }
    }

    /// A call that nobody waits for is withdrawn.
    pub(super) fn withdraw(&mut self, request: u32) {
        if let Some(index) = self.open.iter().position(|telling| telling.request == request) {
            let telling = self.open.swap_remove(index);
            self.close(telling, None);
        }
    }
}

impl Telling {
    pub(super) fn begin_try(&mut self, attempt: u32, base: u64, now: SimTime) {
        (self.attempt, self.base, self.cursor) = (attempt, base, now.as_nanos());
        (self.reached, self.worker, self.endpoint) = (Reached::Client, NONE, NONE);
        self.story.gave_up = false;
        self.transfers.clear();
        self.story.tries.push(Try { began: now, ended: now, steps: Vec::new(), failure: None, back_off: None });
    }

    /// A try of the proxy failed, and it begins another.
    pub(super) fn next_upstream(
        &mut self,
        world: &World<'_>,
        attempt: u32,
        failure: (FailureCause, String),
        now: SimTime,
    ) {
        if self.reached == Reached::Pod {
            let proxy = world.plan.workers[self.worker as usize].node;
            self.hop(world, Hop::PodToProxy, (self.pod_node(world), proxy), ("pod", "proxy"));
        }
        if self.cursor != now.as_nanos() {
            let (cause, place) = failure.clone();
            self.push(now.as_nanos(), None, What::Failed { cause, place });
        }
        if let Some(last) = self.story.tries.last_mut() {
            (last.ended, last.failure) = (now, Some(failure));
        }
        let (base, worker) = (self.base, self.worker);
        self.begin_try(attempt, base, now);
        (self.reached, self.worker) = (Reached::Proxy, worker);
    }

    fn last_step(&mut self) -> Option<&mut Step> {
        self.story.tries.last_mut()?.steps.last_mut()
    }

    /// The next step lasts up to `to`.
    pub(super) fn push(&mut self, to: u64, entry: Option<(LedgerCause, String)>, what: What) {
        let step = Step { from: at(self.cursor), to: at(to), entry, what };
        self.cursor = to;
        if let Some(attempt) = self.story.tries.last_mut() {
            attempt.steps.push(step);
        }
    }

    /// Nobody answers a SYN that is sent now: the connection that was to be opened is not.
    pub(super) fn lose_syn(&mut self, cause: FailureCause, now: SimTime) {
        let (mut known, mut sent) = (None, Vec::new());
        if let Some(Step { what: What::Syns { between, sent: before, .. }, .. }) = self.take_syns() {
            (known, sent) = (between, before);
        }
        while let Some(step) = self.story.tries.last_mut().and_then(|attempt| {
            attempt.steps.pop_if(|step| step.from >= now && matches!(step.what, What::Connect { .. } | What::Tls))
        }) {
            self.cursor = step.from.as_nanos();
            if let What::Connect { between, .. } = step.what {
                known = Some(between);
            }
        }
        // The rules of the client's node come before the first.
        let at_once = self.cursor.max(now.as_nanos());
        sent.push(at(at_once));
        self.cursor = sent[0].as_nanos();
        self.push(at_once, None, What::Syns { between: known, sent, cause, answered: false });
    }

    /// Takes the SYNs back that nobody answered so far, to tell them otherwise.
    pub(super) fn take_syns(&mut self) -> Option<Step> {
        let unanswered = |step: &mut Step| matches!(step.what, What::Syns { answered: false, .. });
        let step = self.story.tries.last_mut()?.steps.pop_if(unanswered)?;
        self.cursor = step.from.as_nanos();
        Some(step)
    }

    /// Whether the last that happened were SYNs that nobody answered: they are waited for until now.
    pub(super) fn wait_for_syns(&mut self, now: SimTime) -> bool {
        match self.last_step() {
            Some(step) if matches!(step.what, What::Syns { answered: false, .. }) && step.from <= now => {
                step.to = now;
                self.cursor = now.as_nanos();
                true
            }
            _ => false,
        }
    }

    fn end_try(&mut self, now: SimTime) {
        self.attempt = NONE;
        if let Some(attempt) = self.story.tries.last_mut() {
            attempt.ended = now;
        }
    }

    /// What had not passed when the client stopped waiting is taken back.
    fn cut(&mut self, stage: Stage, now: SimTime) {
        let Some(attempt) = self.story.tries.last_mut() else { return };
        attempt.steps.retain(|step| step.from < now || step.to <= now);
        if let Some(step) = attempt.steps.last_mut()
            && step.to > now
        {
            step.to = now;
        }
        self.cursor = attempt.steps.last().map_or(attempt.began, |step| step.to).as_nanos();
        self.wait_for_syns(now);
        if self.cursor < now.as_nanos() {
            let during = match stage {
                Stage::ClientPool => "waiting for a pooled connection",
                Stage::UpstreamPool => "waiting for a pooled connection of the proxy",
                Stage::Going => "on the way to the pod",
                Stage::Queued => "waiting for a slot",
                Stage::Serving => "being served",
                Stage::Calling => "waiting for calls",
                Stage::Resuming => "waiting for a slot after calls",
                Stage::Returning => "on the way back",
            };
            self.push(now.as_nanos(), None, What::Cut { during });
        }
    }

    /// The steps from where it is to a proxy or a pod, which it reaches now.
    pub(super) fn forward(&mut self, world: &World<'_>, to_pod: bool, now: SimTime) {
        let spec = world.plan_flow(self.flow);
        let proxied = matches!(spec.route, Route::Proxy4(_) | Route::Proxy7(_));
        let (client, pod) = (self.client_node(world), self.pod_node(world));
        let outside = spec.flow.way_in.is_some();
        if proxied {
            let proxy = world.plan.workers[self.worker as usize].node;
            if self.reached == Reached::Client {
                if outside {
                    self.way(world, Hop::ClientToProxy, proxy, true);
                } else {
                    self.hop(world, Hop::ClientToProxy, (client, proxy), ("client", "proxy"));
                }
                self.handling(world, false);
                self.reached = Reached::Proxy;
            }
            if to_pod {
                self.hop(world, Hop::ProxyToPod, (proxy, pod), ("proxy", "pod"));
            }
        } else if outside {
            self.way(world, Hop::ClientToPod, pod, true);
        } else {
            self.hop(world, Hop::ClientToPod, (client, pod), ("client", "pod"));
        }
        if to_pod {
            self.reached = Reached::Pod;
        }
        self.expect(now);
    }

    /// The steps from where it is back to the client, whom the reply reaches now.
    pub(super) fn reply(&mut self, world: &World<'_>, now: SimTime) {
        self.head_back(world);
        self.expect(now);
        self.end_try(now);
    }

    /// The same, of a failure that cut something short, wherever that was.
    pub(super) fn failure(&mut self, world: &World<'_>, now: SimTime) {
        let steps = self.story.tries.last().map_or(0, |attempt| attempt.steps.len());
        self.head_back(world);
        if self.cursor != now.as_nanos()
            && let Some(attempt) = self.story.tries.last_mut()
        {
            attempt.steps.truncate(steps);
            self.cut(Stage::Going, now);
        }
        self.end_try(now);
    }

    fn head_back(&mut self, world: &World<'_>) {
        let spec = world.plan_flow(self.flow);
        let client = self.client_node(world);
        let outside = spec.flow.way_in.is_some();
        if matches!(spec.route, Route::Proxy4(_) | Route::Proxy7(_)) {
            if self.reached != Reached::Client {
                let proxy = world.plan.workers[self.worker as usize].node;
                if self.reached == Reached::Pod {
                    self.hop(world, Hop::PodToProxy, (self.pod_node(world), proxy), ("pod", "proxy"));
                }
                self.handling(world, true);
                if outside {
                    self.way(world, Hop::ProxyToClient, proxy, false);
                } else {
                    self.hop(world, Hop::ProxyToClient, (proxy, client), ("proxy", "client"));
                }
            }
        } else if self.reached == Reached::Pod && outside {
            self.way(world, Hop::PodToClient, self.pod_node(world), false);
        } else if self.reached == Reached::Pod {
            self.hop(world, Hop::PodToClient, (self.pod_node(world), client), ("pod", "client"));
        }
    }

    fn expect(&self, now: SimTime) {
        assert!(
            self.cursor == now.as_nanos(),
            "the story of request {} of {} is at {} ns, and it is {} ns",
            self.story.number,
            self.story.name,
            self.cursor,
            now.as_nanos()
        );
    }

    fn client_node(&self, world: &World<'_>) -> u32 {
        world.node_of_client(&world.plan.hot[self.flow as usize], self.flow, self.client)
    }

    fn pod_node(&self, world: &World<'_>) -> u32 {
        world.roster.endpoints.get(self.endpoint as usize).map_or(NONE, |endpoint| endpoint.node)
    }

    fn hop(&mut self, world: &World<'_>, hop: Hop, (from, to): (u32, u32), (sender, receiver): (&str, &str)) {
        if world.free {
            return;
        }
        let sent = at(self.cursor);
        self.wait_to_send(world, hop);
        let topology = &world.plan.topology;
        let class = world.plan.class_of(self.flow, (from, to));
        let key = (self.base ^ HOP[hop as usize], sent);
        let delay = world.plan.passage_of(self.flow, class, (from, to), key).takes;
        let node = |index: u32| world.plan.node_name(index);
        let between = format!("{sender} on {} → {receiver} on {}", node(from), node(to));
        let what = What::Hop { between, class: class.ledger() };
        let entry = (!topology.class_is_free(class)).then(|| (class.ledger(), self.story.service.clone()));
        self.push(self.cursor + delay.as_nanos(), entry, what);
        self.transfer(world, hop);
    }

    fn handling(&mut self, world: &World<'_>, back: bool) {
        let (Route::Proxy4(proxy) | Route::Proxy7(proxy)) = world.plan_flow(self.flow).route else { return };
        let proxy = &world.plan.proxies[proxy as usize];
        let (dist, key): (&Option<Dist>, u64) =
            if back { (&proxy.after, PROXY_AFTER) } else { (&proxy.before, PROXY_BEFORE) };
        let Some(dist) = dist else { return };
        let handling = dist.sample(&mut Keyed::new(self.base ^ key));
        let place = world.plan.places[proxy.place as usize].clone();
        let what = What::Handling { proxy: place.clone(), back };
        self.push(self.cursor + handling.as_nanos(), Some((LedgerCause::Proxy, place)), what);
    }

    /// The story agrees with the ledger.
    fn check(&self, world: &World<'_>) {
        let layout = &world.plan_flow(self.flow).layout;
        let row = world.ledgers.row(self.request, layout.columns.len());
        let mut ledger: Vec<(LedgerCause, String, u64)> = Vec::new();
        for ((cause, place), nanos) in layout.columns.iter().zip(row).filter(|(_, nanos)| **nanos > 0) {
            ledger.push((*cause, place.clone(), *nanos));
        }
        let mut told = self.story.ledger();
        ledger.sort();
        told.sort();
        assert!(
            told == ledger,
            "the story of request {} of {} says {told:?}, its ledger {ledger:?}",
            self.story.number,
            self.story.name
        );
    }
}
