//! What a resolver does to find the addresses of a name: whom it asks what, what it waits for, when it gives up.
//!
//! A [`Lookup`] neither sends nor waits itself. It is told what came and what did not, and answers with [`Action`]s. So
//! the same rules run in a simulated cluster and against recordings of real resolvers. One file a library: they differ
//! most where something goes wrong.

mod glibc;
mod go;
mod musl;

use super::records::RecordType;
use super::resolv_conf::{Candidates, Library, Options};
use crate::time::SimDuration;

/// What does not change during a lookup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Whose resolver it is.
    pub library: Library,
    /// How long an answer is waited for; musl: in all.
    pub timeout: SimDuration,
    /// How often each server is asked.
    pub attempts: u32,
    /// How many servers there are.
    pub servers: u8,
    /// Whether IPv6 addresses are asked for too.
    pub both: bool,
    /// Whether the two questions are sent one after the other.
    pub single: Single,
    /// How many names are tried.
    pub candidates: u8,
    /// Which of them is the name as it was given.
    pub as_given: u8,
}

/// When and whence AAAA is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Single {
    /// Together with A.
    No,
    /// After the answer to A, from the same port.
    Yes,
    /// After it, from another port.
    Reopen,
}

impl Settings {
    /// The settings of a lookup of these names with these options.
    #[must_use]
    pub fn new(library: Library, options: &Options, servers: usize, both: bool, candidates: &Candidates) -> Self {
        let single = match (options.single_request_reopen, options.single_request) {
            (true, _) => Single::Reopen,
            (false, true) => Single::Yes,
            (false, false) => Single::No,
        };
        let small = |number: usize| u8::try_from(number).expect("a search list has at most 32 domains");
        Self {
            library,
            timeout: options.timeout,
            attempts: options.attempts,
            servers: small(servers.clamp(1, 3)),
            both,
            single,
            candidates: small(candidates.names.len()),
            as_given: small(candidates.as_given.unwrap_or(usize::from(u8::MAX))),
        }
    }

    /// How long every timer of the lookup runs.
    #[must_use]
    pub fn wait(&self) -> SimDuration {
        match self.library {
            Library::Glibc | Library::Go => self.timeout,
            Library::Musl => SimDuration::from_nanos(self.timeout.as_nanos() / u64::from(self.attempts.max(1))),
        }
    }

    const fn records(&self) -> &'static [RecordType] {
        if self.both { &[RecordType::A, RecordType::Aaaa] } else { &[RecordType::A] }
    }
}

/// A question on its way to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query {
    /// Which of the names.
    pub candidate: u8,
    /// Which record.
    pub record: RecordType,
    /// Which of the servers.
    pub server: u8,
    /// Queries of one number leave from one port.
    pub socket: u16,
    /// Whether it follows another one from the same port at once.
    pub twin: bool,
}

/// What a server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// At least one address.
    Address,
    /// The name exists without such a record.
    NoData,
    /// The name does not exist.
    NxDomain,
    /// The server could not find out.
    ServFail,
}

/// How a lookup ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// This one of the names has addresses.
    Found(u8),
    /// None has (`EAI_NONAME`, "no such host").
    NotFound,
    /// No server said so (`EAI_AGAIN`, "i/o timeout", "server misbehaving").
    NoAnswer,
}

/// What is to be done for a lookup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Send a query.
    Send(Query),
    /// Start a timer of this number, anew if it runs, of [`Settings::wait`].
    Wait(u8),
    /// Stop a timer.
    Stop(u8),
    /// It is over; no timer is of interest any more.
    Done(Outcome),
}

/// Timers that a lookup has at most.
pub const TIMERS: usize = 2;

/// A lookup under way.
#[derive(Debug, Clone, Copy)]
pub struct Lookup {
    settings: Settings,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Glibc(glibc::State),
    Musl(musl::State),
    Go(go::State),
}

impl Lookup {
    /// Begins; `first_server` is 0 unless lookups rotate.
    #[must_use]
    pub fn begin(settings: Settings, first_server: u8, out: &mut Vec<Action>) -> Self {
        let state = match settings.library {
            Library::Glibc => State::Glibc(glibc::State::begin(&settings, first_server, out)),
            Library::Musl => State::Musl(musl::State::begin(&settings, out)),
            Library::Go => State::Go(go::State::begin(&settings, first_server, out)),
        };
        Self { settings, state }
    }

    /// An answer came. One that nobody waits for any more has no effect.
    pub fn answered(&mut self, query: Query, answer: Answer, out: &mut Vec<Action>) {
        match &mut self.state {
            State::Glibc(state) => state.answered(&self.settings, query, answer, out),
            State::Musl(state) => state.answered(&self.settings, query, answer, out),
            State::Go(state) => state.answered(&self.settings, query, answer, out),
        }
    }

    /// A timer has run out.
    pub fn expired(&mut self, timer: u8, out: &mut Vec<Action>) {
        match &mut self.state {
            State::Glibc(state) => state.expired(&self.settings, out),
            State::Musl(state) => state.expired(&self.settings, out),
            State::Go(state) => state.expired(&self.settings, timer, out),
        }
    }
}

/// Where a record stands in the pairs of a lookup.
const fn place(record: RecordType) -> usize {
    match record {
        RecordType::Aaaa => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
