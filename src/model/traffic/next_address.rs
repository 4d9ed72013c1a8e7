//! The next address of an answer, after one at which no connection could be opened.
//!
//! Go's `net.Dialer` (`dialSerial`), curl, Python's `socket.create_connection` and the loop in the manual page of
//! `getaddrinfo` try one address after the other until one accepts. Java's `Socket` and `HttpURLConnection` take the
//! first and no other (`resolver.addresses`). What a client remembers stays as it is: its next connection begins with
//! the first address again.

use std::collections::BTreeMap;

use crate::cause::FailureCause;
use crate::engine::Schedule;
use crate::model::plan::Route;
use crate::model::random_keys::DNS_NEXT;
use crate::model::traffic::attempt::Stage;
use crate::model::watch::Chooser;
use crate::model::{World, at};
use crate::random::{Keyed, mix};
use crate::scenario::Protocol;
use crate::time::{SimDuration, SimTime};

/// The addresses that are left, by attempt, with the identity of the attempt that left them.
#[derive(Debug, Default)]
pub(crate) struct AddressesLeft {
    by_attempt: BTreeMap<u32, (u64, Vec<u32>)>,
}

impl World<'_> {
    /// Tries the next address of the answer for a connection that failed, if its client does so and there is one.
    #[inline(never)]
    pub(super) fn try_next_address(&mut self, attempt: u32, now: SimTime, schedule: &mut Schedule) -> bool {
        let entry = &self.attempts[attempt];
        let (flow, cause, place) = (entry.flow, entry.failure, entry.place);
        let spec = self.plan_flow(flow);
        // Another process at the address did accept; datagrams are sent to one address only.
        let tried = matches!(spec.route, Route::ClusterIp)
            && spec.first_address
            && spec.flow.resolution.as_ref().is_some_and(|resolution| resolution.next)
            && cause != Some(FailureCause::WrongPod)
            && spec.flow.connections.protocol != Protocol::Udp;
        let Some(next) = tried.then(|| self.next_address(attempt)).flatten() else { return false };
        let cause = cause.expect("a failed connection has a cause");
        // The handshake of one that is refused at once is in the ledger; SYNs that were waited for are not.
        let entry = &self.attempts[attempt];
        let waited = cause != FailureCause::Refused || entry.step > 0;
        if waited {
            let elapsed = now - at(entry.since);
            self.charge(attempt, spec.layout.connect, elapsed);
        }
        if self.probes.any_flow {
            self.watch_next_address(attempt, cause, place, now);
        }
        self.give_back(attempt, false, now);
        self.note_failed(attempt, false);
        self.leave_unopened(attempt, now);
        let entry = &mut self.attempts[attempt];
        (entry.endpoint, entry.picked, entry.stage) = (next, now.as_nanos(), Stage::Going);
        (entry.failure, entry.step, entry.joins) = (None, 0, 0);
        self.note_pick_for_connection(next);
        self.endpoints[next as usize].connections += 1;
        if self.probes.picks {
            self.watch_pick(attempt, next, Chooser::NextAddress, true, now);
        }
        self.open_to(attempt, SimDuration::ZERO, now, schedule);
        true
    }

    /// An address that this attempt has not tried, in an order that is as random as that of the answer.
    fn next_address(&mut self, attempt: u32) -> Option<u32> {
        let plan = self.plan;
        let entry = &self.attempts[attempt];
        let (flow, client, failed, base) = (entry.flow, entry.client, entry.endpoint, entry.base);
        let dns = self.dns.as_mut()?;
        let version = dns.memory(plan, flow, client).version;
        let known = dns.left.by_attempt.get(&attempt).is_some_and(|(of, _)| *of == base);
        if !known {
            let answer = dns.endpoints(plan.flows[flow as usize].flow.service, version);
            let mut others: Vec<u32> = answer.endpoints().iter().copied().filter(|other| *other != failed).collect();
            // Fisher and Yates.
            for last in (1..others.len()).rev() {
                let place = Keyed::new(mix(base ^ DNS_NEXT, last as u64)).below(last as u32 + 1);
                others.swap(last, place as usize);
            }
            dns.left.by_attempt.insert(attempt, (base, others));
        }
        let (_, others) = dns.left.by_attempt.get_mut(&attempt)?;
        let next = others.pop();
        if next.is_none() {
            dns.left.by_attempt.remove(&attempt);
        }
        next
    }
}
