//! How much work there is in each container: what is left of the requests in service, and the demands of the others.
//!
//! Kept only where a policy asks for it. Demands are keyed draws, so a demand can be known before it is served without
//! changing any. Of a container is known what has not begun, what is left of what has, and how fast that falls: by one
//! nanosecond a nanosecond for each slot or core at work.

use crate::model::plan::NONE;
use crate::time::SimTime;

/// Amounts in service have so many fractional bits of a nanosecond, as under processor sharing.
pub(crate) const FRACTION: u32 = 20;

/// The books of all containers.
#[derive(Debug)]
pub(crate) struct Unfinished {
    stations: Vec<Book>,
    /// What stands in the books for each attempt.
    attempts: Vec<Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Book {
    /// Slots or cores; `NONE` is unlimited.
    slots: u32,
    /// Slots or cores at work.
    rate: u32,
    /// Nanoseconds of work that has not begun.
    later: u64,
    /// What was left of begun work when it last changed.
    left: u128,
    updated: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    entered: bool,
    /// Nanoseconds of work that has not begun.
    later: u64,
    /// When what has begun will be done; 0 when nothing has.
    ends: u64,
}

impl Book {
    fn advance(&mut self, now: SimTime) {
        let fallen = (u128::from(self.rate) * u128::from(now.as_nanos() - self.updated)) << FRACTION;
        self.left = self.left.saturating_sub(fallen);
        self.updated = now.as_nanos();
    }
}

impl Unfinished {
    /// Empty books of containers with so many slots.
    pub(crate) fn new(slots: impl Iterator<Item = u32>) -> Self {
        let mut books = Self { stations: Vec::new(), attempts: Vec::new() };
        slots.for_each(|slots| books.add_station(slots));
        books
    }

    /// There is a container more.
    pub(crate) fn add_station(&mut self, slots: u32) {
        self.stations.push(Book { slots, rate: 0, later: 0, left: 0, updated: 0 });
    }

    fn entry(&mut self, attempt: u32) -> &mut Entry {
        let index = attempt as usize;
        if index >= self.attempts.len() {
            self.attempts.resize(index + 1, Entry::default());
        }
        &mut self.attempts[index]
    }

    /// Whether an attempt stands in the books.
    pub(crate) fn knows(&self, attempt: u32) -> bool {
        self.attempts.get(attempt as usize).is_some_and(|entry| entry.entered)
    }

    /// An attempt comes to a container with so much work.
    pub(crate) fn comes(&mut self, attempt: u32, station: usize, nanos: u64) {
        *self.entry(attempt) = Entry { entered: true, later: nanos, ends: 0 };
        self.stations[station].later += nanos;
    }

    /// It works on a slot of its own for so long from now on.
    pub(crate) fn begins(&mut self, attempt: u32, station: usize, nanos: u64, now: SimTime) {
        self.entry(attempt).ends = now.as_nanos() + nanos;
        let book = &mut self.stations[station];
        book.advance(now);
        book.left += u128::from(nanos) << FRACTION;
        book.rate += 1;
    }

    /// So much of its work is no longer to come: it begins. Under processor sharing the processor itself knows what is left.
    pub(crate) fn takes(&mut self, attempt: u32, station: usize, nanos: u64) {
        self.entry(attempt).later -= nanos;
        self.stations[station].later -= nanos;
    }

    /// Its work on a slot is done or broken off.
    pub(crate) fn rests(&mut self, attempt: u32, station: usize, now: SimTime) {
        let ends = std::mem::take(&mut self.entry(attempt).ends);
        if ends > 0 {
            let book = &mut self.stations[station];
            book.advance(now);
            book.left = book.left.saturating_sub(u128::from(ends - now.as_nanos()) << FRACTION);
            book.rate -= 1;
        }
    }

    /// It leaves the container, with whatever has not begun.
    pub(crate) fn goes(&mut self, attempt: u32, station: usize, now: SimTime) {
        self.rests(attempt, station, now);
        let entry = std::mem::take(self.entry(attempt));
        self.stations[station].later -= entry.later;
    }

    /// What a shared processor has left, and how many of its cores work.
    pub(crate) fn shared(&mut self, station: usize, left: u128, rate: u32, now: SimTime) {
        let book = &mut self.stations[station];
        (book.left, book.rate, book.updated) = (left, rate, now.as_nanos());
    }

    /// The work in a container divided by its slots: how long all of them together need for it, in fractions of a
    /// nanosecond. Nothing where there is a slot for everybody.
    pub(crate) fn of(&self, station: usize, now: SimTime) -> u128 {
        let mut book = self.stations[station];
        if book.slots == NONE {
            return 0;
        }
        book.advance(now);
        ((u128::from(book.later) << FRACTION) + book.left) / u128::from(book.slots.max(1))
    }

    /// How many attempts stand in the books.
    pub(crate) fn entered(&self) -> usize {
        self.attempts.iter().filter(|entry| entry.entered).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_falls_while_it_is_done() {
        let at = SimTime::from_nanos;
        let mut books = Unfinished::new([2, NONE].into_iter());
        let of = |books: &Unfinished, now| books.of(0, at(now)) >> FRACTION;
        for (attempt, work) in [(0, 100), (1, 60), (2, 40)] {
            books.comes(attempt, 0, work);
        }
        assert_eq!(of(&books, 0), 100);
        books.takes(0, 0, 70);
        books.begins(0, 0, 70, at(0));
        books.takes(1, 0, 60);
        books.begins(1, 0, 60, at(10));
        // 100 + 60 + 40 less 20 and 10, over two slots.
        assert_eq!(of(&books, 20), 85);
        // One is broken off, its first 10 done: 30 to come and 50 left of the other, and 40 of the third.
        books.goes(1, 0, at(20));
        assert_eq!(of(&books, 20), 60);
        books.rests(0, 0, at(70));
        assert_eq!(of(&books, 80), 35);
        books.goes(0, 0, at(80));
        books.goes(2, 0, at(80));
        assert_eq!((books.entered(), books.of(0, at(80))), (0, 0));
        books.comes(7, 1, 5);
        assert_eq!(books.of(1, at(90)), 0, "there is a slot for everybody");
    }
}
