//! How fast the threads of a container go, and what they lose: a process that starts or stalls, a quota that is spent,
//! cores that others want too.

use super::quota::Quota;
use super::sharing::WHOLE;
use crate::time::SimTime;

/// What keeps threads from the CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// The container was idle and has to start.
    ColdStart,
    /// Its process has broken down.
    Stalled,
    /// Its quota is spent.
    Throttled,
    /// Other containers of the node use the cores.
    CpuWait,
}

impl Loss {
    pub(crate) const ALL: [Self; 4] = [Self::ColdStart, Self::Stalled, Self::Throttled, Self::CpuWait];
}

/// The pace of one container.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Threads that have work for a CPU.
    pub(crate) threads: u32,
    /// Whether it starts, after it was idle.
    pub(crate) starting: bool,
    /// Whether its process has broken down.
    pub(crate) down: bool,
    /// What it may use.
    pub(crate) quota: Option<Quota>,
    /// The share of a core that each thread gets, in 2^-20.
    pub(crate) share: u64,
    /// How often it had to start.
    pub(crate) cold_starts: u64,
    /// Time lost to each cause, in 2^-20 ns.
    lost: [u128; 4],
    /// Nanoseconds for which the process was broken down.
    stalled: u64,
    /// CPU used, in 2^-20 ns.
    used: u128,
    updated: u64,
}

/// What a container has used and lost so far: differences are of a window.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reading {
    /// CPU used, in 2^-20 ns.
    pub(crate) used: u128,
    /// Nanoseconds for which its quota was spent.
    pub(crate) throttled: u64,
    /// Nanoseconds for which its process was broken down.
    pub(crate) stalled: u64,
    /// How often it had to start.
    pub(crate) cold_starts: u64,
}

impl Pace {
    /// One that goes at full speed.
    pub(crate) const fn new(quota: Option<Quota>, now: SimTime) -> Self {
        Self {
            threads: 0,
            starting: false,
            down: false,
            quota,
            share: WHOLE,
            cold_starts: 0,
            lost: [0; 4],
            stalled: 0,
            used: 0,
            updated: now.as_nanos(),
        }
    }

    /// Why it stands still, if it does.
    fn stands(&self) -> Option<Loss> {
        if self.starting {
            Some(Loss::ColdStart)
        } else if self.down {
            Some(Loss::Stalled)
        } else if self.quota.as_ref().is_some_and(Quota::is_spent) {
            Some(Loss::Throttled)
        } else {
            None
        }
    }

    /// How fast each thread goes, in 2^-20.
    pub(crate) fn speed(&self) -> u64 {
        if self.stands().is_some() { 0 } else { self.share }
    }

    /// Whether threads that are there would use a CPU now.
    pub(crate) fn wants_cpu(&self) -> bool {
        self.threads > 0 && self.stands().is_none()
    }

    fn rate(&self) -> u64 {
        u64::from(self.threads) * self.speed()
    }

    /// Enters what has passed since the last change, before another.
    pub(crate) fn advance(&mut self, now: SimTime) {
        let (from, now) = (self.updated, now.as_nanos());
        let (elapsed, rate) = (u128::from(now - from), self.rate());
        match self.stands() {
            Some(loss) => self.lost[loss as usize] += elapsed * u128::from(WHOLE),
            None => {
                self.lost[Loss::CpuWait as usize] += elapsed * u128::from(WHOLE - self.share);
                self.used += elapsed * u128::from(rate);
            }
        }
        self.stalled += if self.down { now - from } else { 0 };
        if let Some(quota) = &mut self.quota {
            quota.advance(from, now, rate);
        }
        self.updated = now;
    }

    /// When the quota stops the threads or lets them go on, as of the last change.
    pub(crate) fn quota_changes_at(&self) -> Option<SimTime> {
        let at = self.quota.as_ref()?.changes_at(self.updated, self.rate())?;
        Some(SimTime::from_nanos(at))
    }

    /// Nanoseconds lost to each cause up to the last change.
    pub(crate) fn lost(&self) -> [u64; 4] {
        self.lost.map(|lost| u64::try_from(lost / u128::from(WHOLE)).unwrap_or(u64::MAX))
    }

    /// What it has used and lost up to `now`, without changing anything.
    pub(crate) fn read(&self, now: SimTime) -> Reading {
        let elapsed = now.as_nanos() - self.updated;
        let throttled = if self.stands() == Some(Loss::Throttled) { elapsed } else { 0 };
        Reading {
            used: self.used + u128::from(elapsed) * u128::from(self.rate()),
            throttled: self.lost()[Loss::Throttled as usize] + throttled,
            stalled: self.stalled + if self.down { elapsed } else { 0 },
            cold_starts: self.cold_starts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn time_is_lost_to_what_comes_first() {
        let at = |ms: u64| SimTime::from_nanos(ms * MS);
        let mut pace = Pace::new(Some(Quota::new(50 * MS, 100 * MS, 100 * MS)), at(0));
        pace.threads = 2;
        assert_eq!(pace.quota_changes_at(), Some(at(25)));
        pace.advance(at(25));
        assert_eq!((pace.speed(), pace.wants_cpu()), (0, false));
        pace.down = true;
        pace.advance(at(50));
        pace.starting = true;
        pace.advance(at(60));
        (pace.starting, pace.down) = (false, false);
        pace.advance(at(100));
        pace.share = WHOLE / 4;
        pace.advance(at(120));
        assert_eq!(pace.lost(), [10 * MS, 25 * MS, 40 * MS, 15 * MS]);
        let reading = pace.read(at(140));
        // Two threads for 25 ms, then at a quarter for 40.
        assert_eq!(reading.used / u128::from(WHOLE), u128::from(70 * MS));
        assert_eq!((reading.throttled, reading.stalled), (40 * MS, 35 * MS));
    }
}
