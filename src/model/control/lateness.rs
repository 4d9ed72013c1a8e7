//! Who was late: whose knowledge of endpoints led a try to a pod that was gone.
//!
//! Judged by three times: when the try's endpoint was chosen, when the pod's processes ended, and when the Service's
//! endpoints no longer had it. Who chose it afterwards acted on old news. Where it was chosen before, the connection is
//! what was late, if it is one that was kept; else nobody: the pod died under the try. Where it was chosen after its end
//! and the endpoints still had it, they were late themselves.

use std::collections::BTreeMap;

use crate::cause::FailureCause;
use crate::model::World;
use crate::model::network::published::Published;
use crate::model::plan::{NONE, Route};
use crate::model::traffic::channel::Channel;
use crate::time::SimTime;

/// Nobody.
pub(crate) const NOBODY: u16 = 0;

/// Since when endpoints are out of the Services' lists, and who was late so far.
#[derive(Debug, Default)]
pub(crate) struct Lateness {
    withdrawn: BTreeMap<u32, SimTime>,
    names: BTreeMap<String, u16>,
}

impl Lateness {
    /// A Service has new endpoints.
    pub(in crate::model::control) fn note(&mut self, before: &Published, after: &Published, now: SimTime) {
        for endpoint in before.ready.endpoints().iter().filter(|own| after.ready.place(**own).is_none()) {
            self.withdrawn.insert(*endpoint, now);
        }
        for endpoint in after.ready.endpoints().iter().filter(|own| before.ready.place(**own).is_none()) {
            self.withdrawn.remove(endpoint);
        }
    }

    /// The number of a name, from 1 on.
    fn number(&mut self, name: String) -> u16 {
        let next = u16::try_from(self.names.len() + 1).unwrap_or(u16::MAX);
        *self.names.entry(name).or_insert(next)
    }

    /// The names in the order of their numbers, nobody first.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names = vec![String::new(); self.names.len() + 1];
        for (name, number) in &self.names {
            names[usize::from(*number).min(self.names.len())].clone_from(name);
        }
        names
    }
}

/// What was late.
enum Late {
    /// Who chose the endpoint.
    Chooser,
    /// A connection that was kept.
    Connection,
    /// The Service's own list.
    Endpoints,
}

impl World<'_> {
    /// Who was late when a try failed for this cause, as a number; [`NOBODY`] if nobody was.
    #[inline(never)]
    pub(crate) fn who_was_late(&mut self, attempt: u32, cause: FailureCause) -> u16 {
        if self.control.is_none() {
            return NOBODY;
        }
        let name = match self.what_was_late(attempt, cause) {
            None => return NOBODY,
            Some(Late::Endpoints) => "endpoints".to_owned(),
            Some(Late::Connection) => format!("connection/{}", self.name_of_client_node(attempt)),
            Some(Late::Chooser) => self.name_of_chooser(attempt),
        };
        if self.probes.any_flow {
            self.watch_late(attempt, &name);
        }
        self.control_mut().lateness.number(name)
    }

    fn what_was_late(&self, attempt: u32, cause: FailureCause) -> Option<Late> {
        use FailureCause::{ConnectTimeout, DeadlineExceeded, Refused, Reset, WrongPod};
        let entry = &self.attempts[attempt];
        let meets_nobody = matches!(cause, ConnectTimeout | DeadlineExceeded | Refused | Reset | WrongPod);
        if !meets_nobody || entry.endpoint as usize >= self.roster.endpoints.len() {
            return None;
        }
        let station = self.roster.endpoints[entry.endpoint as usize].station as usize;
        let (ended, picked) = (self.roster.ended_at[station], SimTime::from_nanos(entry.picked));
        if self.roster.runs[station] || ended == SimTime::ZERO {
            // Whatever failed, it was not that the pod was gone.
            return None;
        }
        let withdrawn = self.control.as_deref()?.lateness.withdrawn.get(&entry.endpoint);
        if withdrawn.is_some_and(|since| *since <= picked) {
            return Some(Late::Chooser);
        }
        if picked >= ended {
            return Some(Late::Endpoints);
        }
        // Chosen before the request came.
        let kept = entry.request != NONE && entry.picked < self.requests[entry.request].arrived;
        let by_connection = kept
            && matches!(self.plan_flow(entry.flow).route, Route::ClusterIp | Route::Proxy4(_))
            && self.flows[entry.flow as usize].channel != Channel::PerRequest;
        let died_under_it = entry.reached < ended.as_nanos();
        (by_connection && !died_under_it).then_some(Late::Connection)
    }

    fn name_of_client_node(&self, attempt: u32) -> String {
        let entry = &self.attempts[attempt];
        let node = self.node_of_client(&self.plan.hot[entry.flow as usize], entry.flow, entry.client);
        self.plan.node_name(node).to_owned()
    }

    /// Who chose the endpoint of an attempt.
    fn name_of_chooser(&self, attempt: u32) -> String {
        let entry = &self.attempts[attempt];
        let spec = self.plan_flow(entry.flow);
        match spec.route {
            Route::Proxy4(proxy) | Route::Proxy7(proxy) => {
                let place = &self.plan.places[self.plan.proxies[proxy as usize].place as usize];
                let proxy = &self.plan.workers.get(entry.worker as usize).map_or(proxy, |worker| worker.proxy);
                let first = self.plan.proxies[*proxy as usize].first_worker;
                format!("{place}/{}", entry.worker.saturating_sub(first))
            }
            Route::ClientBalancer if spec.asks_dns() => self.name_of_answer(attempt),
            Route::ClientBalancer => format!("balancer/{}", self.name_of_client_node(attempt)),
            Route::ClusterIp if spec.first_address => self.name_of_answer(attempt),
            Route::ClusterIp => match self.node_of_rules(attempt, entry.connection) {
                NONE => self.plan.balancer_name(entry.flow),
                node => format!("kube-proxy/{}", self.plan.node_name(node)),
            },
        }
    }

    /// An answer of DNS that was old already, or became so in the client's hands.
    fn name_of_answer(&self, attempt: u32) -> String {
        let entry = &self.attempts[attempt];
        let spec = self.plan_flow(entry.flow);
        let service = spec.flow.service;
        if spec.flow.resolution.as_ref().is_some_and(|own| own.cache.is_none()) {
            // Who keeps no answers has just asked.
            return "dns".to_owned();
        }
        let served = self.dns.as_deref().map(|dns| dns.endpoints(service, dns.newest(service)));
        match served.is_some_and(|served| served.place(entry.endpoint).is_some()) {
            true => "dns".to_owned(),
            false => format!("dns-answer/{}", self.name_of_client_node(attempt)),
        }
    }
}
