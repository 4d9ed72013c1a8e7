//! The list of schedulers.

use super::server::Servers;
use super::{dh, fo, lblc, lblcr, lc, mh, nq, ovf, rr, sed, sh, wlc, wrr};
use crate::time::{SimDuration, SimTime};

pub use crate::scenario::IpvsScheduler as Kind;

/// Options of `sh` and `mh`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags {
    /// The client's port is hashed too: `sh-port`, `mh-port`.
    pub port: bool,
    /// A client whose server takes nothing gets another: `sh-fallback`, `mh-fallback`.
    pub fallback: bool,
}

/// What a choice may depend on beside the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The client's address.
    pub client: u32,
    /// The client's port.
    pub port: u16,
    /// The Service's address.
    pub service: u32,
    /// The time.
    pub now: SimTime,
    /// After which time of rest `lblcr` makes a set smaller.
    pub lblcr_expiration: SimDuration,
}

/// A scheduler at work, with its state.
#[derive(Debug, Clone)]
pub struct Scheduler {
    kind: Kind,
    flags: Flags,
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    None,
    Rr(rr::RoundRobin),
    Wrr(wrr::WeightedRoundRobin),
    Sh(sh::SourceHash),
    Dh(dh::DestinationHash),
    Mh(mh::MaglevHash),
    Lblc(lblc::LocalityBased),
    Lblcr(lblcr::LocalityBasedSet),
}

impl Scheduler {
    /// A scheduler that begins with these servers.
    #[must_use]
    pub fn new(kind: Kind, flags: Flags, servers: &Servers) -> Self {
        let state = match kind {
            Kind::Rr => State::Rr(rr::RoundRobin::default()),
            Kind::Wrr => State::Wrr(wrr::WeightedRoundRobin::new(servers)),
            Kind::Sh => State::Sh(sh::SourceHash::new(servers)),
            Kind::Dh => State::Dh(dh::DestinationHash::new(servers)),
            Kind::Mh => State::Mh(mh::MaglevHash::new(servers)),
            Kind::Lblc => State::Lblc(lblc::LocalityBased::default()),
            Kind::Lblcr => State::Lblcr(lblcr::LocalityBasedSet::default()),
            Kind::Lc | Kind::Wlc | Kind::Sed | Kind::Nq | Kind::Fo | Kind::Ovf => State::None,
        };
        Self { kind, flags, state }
    }

    /// Which scheduler it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The server of a new connection; `None` if no server takes it.
    pub fn pick(&mut self, servers: &Servers, asked: &Asked) -> Option<u32> {
        match &mut self.state {
            State::Rr(state) => state.pick(servers),
            State::Wrr(state) => state.pick(servers),
            State::Sh(state) => state.pick(servers, self.flags, asked.client, asked.port),
            State::Dh(state) => state.pick(servers, asked.service),
            State::Mh(state) => state.pick(servers, self.flags, asked.client, asked.port),
            State::Lblc(state) => state.pick(servers),
            State::Lblcr(state) => state.pick(servers, asked.now, asked.lblcr_expiration),
            State::None => match self.kind {
                Kind::Lc => lc::pick(servers),
                Kind::Wlc => wlc::pick(servers),
                Kind::Sed => sed::pick(servers),
                Kind::Nq => nq::pick(servers),
                Kind::Ovf => ovf::pick(servers),
                _ => fo::pick(servers),
            },
        }
    }

    /// A server came to the head of the list.
    pub(super) fn added(&mut self, servers: &Servers) {
        if let State::Rr(state) = &mut self.state {
            state.added();
        }
        self.changed(servers);
    }

    /// The server at a place of the list went.
    pub(super) fn removed(&mut self, servers: &Servers, place: usize) {
        if let State::Rr(state) = &mut self.state {
            state.removed(place);
        }
        self.changed(servers);
    }

    /// Servers or weights changed.
    pub(super) fn changed(&mut self, servers: &Servers) {
        match &mut self.state {
            State::Wrr(state) => state.changed(servers),
            State::Sh(state) => *state = sh::SourceHash::new(servers),
            State::Dh(state) => *state = dh::DestinationHash::new(servers),
            State::Mh(state) => *state = mh::MaglevHash::new(servers),
            State::None | State::Rr(_) | State::Lblc(_) | State::Lblcr(_) => {}
        }
    }
}
