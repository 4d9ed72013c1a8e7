//! The story of a request: everything that happened to it, in order, with the truth at each choice.
//!
//! A story is plain data with names in it; there are few of them. Within a try the steps follow each other without gap or
//! overlap, so they add up to the latency exactly; [`Story::ledger`] does so by cause and place.

use std::net::Ipv4Addr;

use crate::cause::{FailureCause, LedgerCause};
use crate::discovery::lookup::Answer;
use crate::discovery::records::RecordType;
use crate::time::SimTime;

/// What happened to a request of a traffic, or to a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Story {
    /// The traffic's name, or the call's.
    pub name: String,
    /// Whether it is a call.
    pub is_call: bool,
    /// Its number in the traffic or call.
    pub number: u64,
    /// The Service it asks.
    pub service: String,
    /// Its client, by number or as a pod.
    pub client: String,
    /// Where the client stands.
    pub from: String,
    /// Whether it arrived within the window.
    pub measured: bool,
    /// When it arrived.
    pub arrived: SimTime,
    /// When it ended; `None` where the run, or its caller's patience, ended first.
    pub ended: Option<SimTime>,
    /// Why it failed, and where, if it did.
    pub failure: Option<(FailureCause, String)>,
    /// Whether it failed because the client stopped waiting.
    pub gave_up: bool,
    /// Its tries.
    pub tries: Vec<Try>,
}

/// A try at a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Try {
    /// When it began.
    pub began: SimTime,
    /// When it ended for the client.
    pub ended: SimTime,
    /// What happened, in order.
    pub steps: Vec<Step>,
    /// Why it failed, and where, if it did.
    pub failure: Option<(FailureCause, String)>,
    /// The pause before the next try, where there was one.
    pub back_off: Option<u64>,
}

/// Something that happened in a try.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// When it began.
    pub from: SimTime,
    /// When it was over; equal to `from` for what takes no time.
    pub to: SimTime,
    /// Under which cause and place its time stands in the ledger; `None` of calls, which have ledgers of their own, and
    /// of what the client did not wait for to the end.
    pub entry: Option<(LedgerCause, String)>,
    /// What it was.
    pub what: What,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// Waited for a connection of a pool.
    PoolWait {
        /// Whether it is the proxy's pool.
        of_proxy: bool,
    },
    /// Opened a connection.
    Connect {
        /// From whom to whom.
        between: String,
        /// The path class.
        class: LedgerCause,
    },
    /// Exchanged keys and certificates.
    Tls,
    /// Sent SYNs that nobody answered, except perhaps one more after them.
    Syns {
        /// From whom to whom, where that was known.
        between: Option<String>,
        /// When they were sent.
        sent: Vec<SimTime>,
        /// What dropped the last of them, as the failure that would follow.
        cause: FailureCause,
        /// Whether a later one got through.
        answered: bool,
    },
    /// Looked up a host.
    Resolve {
        /// The host of the URL.
        host: String,
        /// Queries sent, maybe before this try, by the lookup that it waited for.
        queries: u32,
        /// What they were, in the order in which they were sent.
        asked: Vec<Asked>,
        /// Whether it found an address.
        found: bool,
        /// The address of a Service that it found.
        address: Option<Ipv4Addr>,
    },
    /// The first packet of the connection found its rule.
    Rules {
        /// The node whose rules they are.
        node: String,
    },
    /// A node put other addresses into the packets of the connection, or left them as they were.
    Translated {
        /// What it did.
        text: String,
    },
    /// Took a connection that was open.
    Reuse,
    /// An endpoint was chosen, now or when the connection was opened.
    Pick(Pick),
    /// Crossed the network.
    Hop {
        /// From whom to whom.
        between: String,
        /// The path class.
        class: LedgerCause,
    },
    /// Waited for the network interface of a node.
    NicWait {
        /// The node.
        node: String,
        /// Whether it sends.
        sends: bool,
    },
    /// Passed the network interfaces.
    Transfer {
        /// How many bytes.
        bytes: u64,
    },
    /// Was handled by a proxy.
    Handling {
        /// The proxy.
        proxy: String,
        /// Whether on the way back.
        back: bool,
    },
    /// Reached a pod and waited for a slot, maybe not at all.
    Queue {
        /// The pod.
        pod: String,
        /// Who waited already.
        waiting: u32,
        /// Who was in service.
        busy: u32,
        /// Slots, or cores under processor sharing; `None` is unlimited.
        slots: Option<u32>,
        /// Whether all share the cores, so that nobody waits.
        shares: bool,
        /// Whether it was back from calls.
        again: bool,
    },
    /// Was served.
    Service {
        /// The pod.
        pod: String,
        /// Under processor sharing: how many shared the cores when it began.
        sharing: Option<u32>,
    },
    /// Was kept from the CPU while it was served, once or several times.
    Kept {
        /// The pod.
        pod: String,
        /// By what.
        by: LedgerCause,
    },
    /// Made calls and waited for them.
    Calls {
        /// The calls, in the order in which they began.
        calls: Vec<Story>,
        /// The one that ended last: its ledger enters this request's.
        last: Option<usize>,
    },
    /// Was turned away, or failed without being sent.
    Failed {
        /// Why.
        cause: FailureCause,
        /// Where.
        place: String,
    },
    /// The client stopped waiting while this went on.
    Cut {
        /// What went on.
        during: &'static str,
    },
}

/// A query of a lookup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The name that was asked for.
    pub name: String,
    /// The record.
    pub record: RecordType,
    /// Who was asked, where the query reached anybody.
    pub server: Option<String>,
    /// When it was sent.
    pub sent: SimTime,
    /// How it was lost, if it was.
    pub lost: Option<Loss>,
    /// What was answered, and when that came.
    pub answer: Option<(Answer, SimTime)>,
}

/// How a query is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The network lost it, or its answer.
    Packet,
    /// It left at once with another from one port, and connection tracking dropped it.
    Race,
    /// The table of connections of a node was full.
    TableFull,
}

/// A choice of an endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Pick {
    /// Who chose.
    pub by: String,
    /// By which policy.
    pub policy: String,
    /// When; before the request where the choice belongs to its connection.
    pub picked: SimTime,
    /// Whether the choice was made for this try.
    pub fresh: bool,
    /// The endpoints that could have been chosen, in order, as they were at this instant.
    pub options: Vec<Choice>,
    /// Which was.
    pub chosen: usize,
    /// Whether the chosen one was no endpoint any more: the chooser would not choose it now.
    pub dropped: bool,
}

/// An endpoint at a choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Its pod.
    pub pod: String,
    /// Requests that truly were in it, waiting or in service.
    pub jobs: u32,
    /// What the chooser counted there, where it counts.
    pub believed: Option<u32>,
    /// Nanoseconds until this try would have been served there, from the work that truly was ahead of it and its own;
    /// what came later, and calls, are left out.
    pub finish: u64,
    /// Whether nothing runs there any more: nobody would be served.
    pub gone: bool,
}

impl Pick {
    /// The endpoints where something runs.
    pub fn there(&self) -> impl Iterator<Item = &Choice> {
        self.options.iter().filter(|option| !option.gone)
    }

    /// How much later than at the best endpoint the try is done at the chosen one (ns); `None` where that one is gone.
    #[must_use]
    pub fn regret(&self) -> Option<u64> {
        let chosen = &self.options[self.chosen];
        let best = self.there().map(|option| option.finish).min()?;
        (!chosen.gone).then(|| chosen.finish - best)
    }

    /// How many endpoints had fewer requests in them.
    #[must_use]
    pub fn fewer(&self) -> usize {
        let own = self.options[self.chosen].jobs;
        self.there().filter(|option| option.jobs < own).count()
    }
}

impl Story {
    /// Nanoseconds from arrival to end, where it ended.
    #[must_use]
    pub fn latency(&self) -> Option<u64> {
        self.ended.map(|ended| (ended - self.arrived).as_nanos())
    }

    /// Its time by cause and place, in the order of the story: what its ledger must hold.
    #[must_use]
    pub fn ledger(&self) -> Vec<(LedgerCause, String, u64)> {
        let mut entries = Vec::new();
        self.enter(&mut entries);
        entries
    }

    fn enter(&self, entries: &mut Vec<(LedgerCause, String, u64)>) {
        for (index, attempt) in self.tries.iter().enumerate() {
            let last = index + 1 == self.tries.len();
            if !last || self.gave_up || attempt.back_off.is_some() {
                let wasted = (attempt.ended - attempt.began).as_nanos();
                add(entries, LedgerCause::WastedAttempts, &self.name, wasted);
            } else {
                attempt.steps.iter().for_each(|step| step.enter(entries));
            }
            if let Some(pause) = attempt.back_off {
                add(entries, LedgerCause::BackOff, &self.name, pause);
            }
        }
    }
}

impl Step {
    fn enter(&self, entries: &mut Vec<(LedgerCause, String, u64)>) {
        if let Some((cause, place)) = &self.entry {
            add(entries, *cause, place, (self.to - self.from).as_nanos());
        }
        if let What::Calls { calls, last: Some(last) } = &self.what {
            calls[*last].enter(entries);
        }
    }
}

fn add(entries: &mut Vec<(LedgerCause, String, u64)>, cause: LedgerCause, place: &str, nanos: u64) {
    if nanos == 0 {
        return;
    }
    match entries.iter_mut().find(|(known, at, _)| *known == cause && at == place) {
        Some((_, _, sum)) => *sum += nanos,
        None => entries.push((cause, place.to_owned(), nanos)),
    }
}
