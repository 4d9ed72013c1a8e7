//! How long an answer is used again.
//!
//! An entry lives exactly as long as its time to live from the moment it came; using it does not prolong it. It is used
//! while the clock is before its end, not at it.

use crate::time::{SimDuration, SimTime};

/// What a cache does with the times to live it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Addresses live no longer than this.
    pub positive: SimDuration,
    /// Names that do not exist, or have no such record, live no longer than this.
    pub negative: SimDuration,
    /// Whether entries live as long as the limits say, whatever the answer says (the JVM does not look at it).
    pub fixed: bool,
}

impl Limits {
    /// CoreDNS, `cache 30`: caps both.
    pub const COREDNS: Self =
        Self { positive: SimDuration::from_secs(30), negative: SimDuration::from_secs(30), fixed: false };
    /// `NodeLocal` `DNSCache`, for the cluster's zone: `success 9984 30`, `denial 9984 5`.
    pub const NODE_LOCAL: Self =
        Self { positive: SimDuration::from_secs(30), negative: SimDuration::from_secs(5), fixed: false };
    /// A JVM without a security manager: 30 s and 10 s.
    pub const JVM: Self =
        Self { positive: SimDuration::from_secs(30), negative: SimDuration::from_secs(10), fixed: true };

    /// A gRPC channel: it resolves its name again when a connection is lost, and not within 30 s of the last time
    /// (`internal/resolver/dns` of grpc-go).
    pub const CHANNEL: Self = Self { positive: SimDuration::from_secs(30), negative: SimDuration::ZERO, fixed: true };

    /// How long an answer with this time to live is kept.
    #[must_use]
    pub fn lifetime(&self, exists: bool, ttl: SimDuration) -> SimDuration {
        let limit = if exists { self.positive } else { self.negative };
        if self.fixed { limit } else { limit.min(ttl) }
    }
}

/// Until when an answer may be used; none at first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Entry {
    until: SimTime,
}

impl Entry {
    /// Whether the answer may be used now.
    #[must_use]
    pub fn is_live(self, now: SimTime) -> bool {
        now < self.until
    }

    /// An answer came now and lives so long.
    pub fn renew(&mut self, now: SimTime, lifetime: SimDuration) {
        self.until = now + lifetime;
    }

    /// How long the answer may still be used.
    #[must_use]
    pub fn left(self, now: SimTime) -> SimDuration {
        if self.is_live(now) { self.until.since(now) } else { SimDuration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(secs: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_secs(secs)
    }

    #[test]
    fn an_entry_lives_from_the_miss_and_is_not_prolonged() {
        let mut entry = Entry::default();
        assert!(!entry.is_live(SimTime::ZERO));
        let mut misses = Vec::new();
        // Lookups every 7 s, 30 s to live: one miss and four hits, again and again.
        for now in (0..350).step_by(7).map(secs) {
            if !entry.is_live(now) {
                misses.push(now.as_nanos() / crate::time::NANOS_PER_SEC);
                entry.renew(now, SimDuration::from_secs(30));
            }
        }
        assert_eq!(misses, (0..350).step_by(35).collect::<Vec<u64>>());
        let mut sharp = Entry::default();
        sharp.renew(SimTime::ZERO, SimDuration::from_secs(3));
        assert!(!sharp.is_live(secs(3)), "at its end it is dead");
        assert_eq!(sharp.left(secs(1)), SimDuration::from_secs(2));
    }

    #[test]
    fn limits_cap_and_never_extend() {
        let ttl = SimDuration::from_secs;
        assert_eq!(Limits::COREDNS.lifetime(true, ttl(5)), ttl(5));
        assert_eq!(Limits::COREDNS.lifetime(true, ttl(300)), ttl(30));
        assert_eq!(Limits::NODE_LOCAL.lifetime(false, ttl(30)), ttl(5));
        assert_eq!(Limits::JVM.lifetime(true, ttl(5)), ttl(30), "the JVM does not look");
        assert_eq!(Limits::JVM.lifetime(false, ttl(0)), ttl(10));
    }
}
