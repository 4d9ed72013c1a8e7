//! Processor sharing in virtual time.
//!
//! With n jobs on c cores every job proceeds at min(1, c/n). The virtual clock V advances at that rate, so a job that
//! brings work w finishes when V has grown by w. Jobs stand in a set ordered by their finish tag; an arrival or a
//! departure only changes the rate, never n residuals. V is an integer with 20 fractional bits of a nanosecond, so
//! runs are exact and the same everywhere.

use std::collections::BTreeSet;

use crate::time::SimTime;

const FRACTION: u32 = 20;

/// The speed of a core that does nothing else.
pub(crate) const WHOLE: u64 = 1 << FRACTION;

/// The jobs of one container under processor sharing.
#[derive(Debug)]
pub struct Sharing {
    cores: u64,
    virtual_now: u128,
    updated: u64,
    jobs: BTreeSet<(u128, u64, u32)>,
    /// Sum of the jobs' finish tags.
    tags: u128,
    order: u64,
    /// How fast the cores go, in 2^-20; 0 while they stand still.
    speed: u64,
}

impl Sharing {
    /// No jobs on `cores` cores.
    #[must_use]
    pub fn new(cores: u32) -> Self {
        Self {
            cores: u64::from(cores),
            virtual_now: 0,
            updated: 0,
            jobs: BTreeSet::new(),
            tags: 0,
            order: 0,
            speed: WHOLE,
        }
    }

    /// From now on its cores go so fast, in 2^-20.
    pub(crate) fn set_speed(&mut self, now: SimTime, speed: u64) {
        self.advance(now);
        self.speed = speed;
    }

    /// Jobs in service.
    #[must_use]
    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    fn advance(&mut self, now: SimTime) {
        let elapsed = u128::from(now.as_nanos() - self.updated);
        self.updated = now.as_nanos();
        let jobs = self.jobs.len() as u64;
        if jobs == 0 {
            return;
        }
        let scaled = self.at_speed(elapsed << FRACTION);
        self.virtual_now +=
            if jobs <= self.cores { scaled } else { scaled * u128::from(self.cores) / u128::from(jobs) };
    }

    /// What of a time on whole cores is left at their speed.
    fn at_speed(&self, scaled: u128) -> u128 {
        if self.speed == WHOLE { scaled } else { (scaled * u128::from(self.speed)) >> FRACTION }
    }

    /// Nanoseconds of work left of each job, without changing anything.
    #[must_use]
    pub fn remaining(&self, now: SimTime) -> Vec<u64> {
        let jobs = self.jobs.len() as u128;
        let scaled = self.at_speed(u128::from(now.as_nanos() - self.updated) << FRACTION);
        let cores = u128::from(self.cores);
        let done = self.virtual_now + if jobs <= cores { scaled } else { scaled * cores / jobs };
        let left = |entry: &(u128, u64, u32)| entry.0.saturating_sub(done) >> FRACTION;
        self.jobs.iter().map(|entry| u64::try_from(left(entry)).unwrap_or(u64::MAX)).collect()
    }

    /// A job with `work` nanoseconds of work starts; returns the ticket with which it can be taken out again.
    pub fn enter(&mut self, now: SimTime, work: u64, job: u32) -> (u128, u64, u32) {
        self.advance(now);
        self.order += 1;
        let ticket = (self.virtual_now + (u128::from(work) << FRACTION), self.order, job);
        self.jobs.insert(ticket);
        self.tags += ticket.0;
        ticket
    }

    /// A job that ends as soon as the cores go: at once, unless they stand still.
    pub(crate) fn enter_gate(&mut self, now: SimTime, job: u32) {
        self.enter(now, 0, job);
        if self.speed == 0 {
            // What has work left, however little, does not end meanwhile.
            let first = (self.virtual_now, self.order, job);
            self.jobs.remove(&first);
            self.jobs.insert((first.0 + 1, first.1, job));
            self.tags += 1;
        }
    }

    /// Nanoseconds of work left of a job, without changing anything.
    pub(crate) fn left_of(&self, job: u32, now: SimTime) -> Option<u64> {
        let index = self.jobs.iter().position(|entry| entry.2 == job)?;
        self.remaining(now).get(index).copied()
    }

    /// Takes out the job that is done, if one is.
    pub fn leave(&mut self, now: SimTime) -> Option<u32> {
        self.advance(now);
        let first = *self.jobs.first()?;
        if first.0 <= self.virtual_now {
            self.jobs.remove(&first);
            self.tags -= first.0;
            Some(first.2)
        } else {
            None
        }
    }

    /// Takes out a job that is not done (its client has gone).
    pub fn withdraw(&mut self, now: SimTime, job: u32) -> bool {
        self.advance(now);
        let found = self.jobs.iter().find(|entry| entry.2 == job).copied();
        if let Some(entry) = found {
            self.tags -= entry.0;
        }
        found.is_some_and(|entry| self.jobs.remove(&entry))
    }

    /// The work that is left of all jobs as of the last change, in 2^-20 nanoseconds.
    #[must_use]
    pub fn unfinished(&self) -> u128 {
        self.tags.saturating_sub(self.virtual_now * self.jobs.len() as u128)
    }

    /// When the next job will be done, if nothing changes before.
    #[must_use]
    pub fn next_departure(&self) -> Option<SimTime> {
        let first = self.jobs.first()?;
        let missing = first.0.saturating_sub(self.virtual_now);
        let missing = match self.speed {
            WHOLE => missing,
            // Who is done leaves even so.
            0 if missing > 0 => return None,
            0 => 0,
            speed => (missing << FRACTION).div_ceil(u128::from(speed)),
        };
        let jobs = self.jobs.len() as u64;
        let real =
            if jobs <= self.cores { missing } else { (missing * u128::from(jobs)).div_ceil(u128::from(self.cores)) };
        let nanos = real.div_ceil(1 << FRACTION);
        Some(SimTime::from_nanos(self.updated + u64::try_from(nanos).unwrap_or(crate::time::MAX_NANOS / 2)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn at(secs: f64) -> SimTime {
        SimTime::from_nanos((secs * 1e9) as u64)
    }

    /// Jobs A (work 3) at 0, B (work 1) at 1, C (work 1) at 2 on one core end at 5, 3.5 and 4.5.
    #[test]
    fn the_textbook_trace() {
        let mut sharing = Sharing::new(1);
        sharing.enter(at(0.0), 3 * SECOND, 0);
        sharing.enter(at(1.0), SECOND, 1);
        sharing.enter(at(2.0), SECOND, 2);
        for (job, end) in [(1, 3.5), (2, 4.5), (0, 5.0)] {
            let departure = sharing.next_departure().expect("a job is left");
            assert!(departure.as_nanos().abs_diff(at(end).as_nanos()) <= 2, "{departure:?} is not {end}");
            assert_eq!(sharing.leave(departure), Some(job));
        }
        assert!(sharing.is_empty());
    }

    #[test]
    fn as_many_jobs_as_cores_run_at_full_speed() {
        let mut sharing = Sharing::new(2);
        sharing.enter(at(0.0), SECOND, 0);
        sharing.enter(at(0.5), SECOND, 1);
        assert_eq!(sharing.next_departure(), Some(at(1.0)));
        assert_eq!(sharing.leave(at(1.0)), Some(0));
        assert_eq!(sharing.next_departure(), Some(at(1.5)));
    }

    #[test]
    fn cores_that_stand_still_keep_their_jobs() {
        let mut sharing = Sharing::new(u32::MAX);
        sharing.enter(at(0.0), 2 * SECOND, 0);
        sharing.set_speed(at(1.0), 0);
        assert_eq!(sharing.next_departure(), None);
        sharing.enter_gate(at(2.0), 1);
        assert_eq!(sharing.next_departure(), None);
        sharing.set_speed(at(5.0), WHOLE / 2);
        assert_eq!(sharing.leave(SimTime::from_nanos(5_000_000_001)), Some(1));
        assert_eq!(sharing.next_departure(), Some(at(7.0)));
        assert_eq!(sharing.left_of(0, at(6.0)), Some(SECOND / 2));
        // Who is done when they stop is not kept.
        sharing.set_speed(at(7.0), 0);
        assert_eq!(sharing.next_departure(), Some(at(7.0)));
        assert_eq!(sharing.leave(at(7.0)), Some(0));
    }

    #[test]
    fn a_withdrawn_job_leaves_its_share_to_the_others() {
        let mut sharing = Sharing::new(1);
        sharing.enter(at(0.0), 2 * SECOND, 0);
        sharing.enter(at(0.0), 2 * SECOND, 1);
        assert!(sharing.withdraw(at(2.0), 1));
        assert!(!sharing.withdraw(at(2.0), 1));
        assert_eq!(sharing.next_departure(), Some(at(3.0)));
    }
}
