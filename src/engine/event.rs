//! What is going to happen: sixteen bytes that sort in the order in which things happen.

use std::fmt;

use crate::time::{MAX_NANOS, SimTime};

/// Bits of an event that name a slot; the rest of the word is the kind.
const SLOT_BITS: u32 = 26;

/// Slots an event can name: one more is too many for a run.
pub const SLOTS: u32 = 1 << SLOT_BITS;

/// Kinds of event a model may have.
pub const KINDS: u8 = 1 << (32 - SLOT_BITS);

/// The key that sorts after every event: "nothing pends".
pub const EMPTY: u128 = u128::MAX;

/// What happens, as a number below [`KINDS`] that the model gives meaning to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(pub u8);

/// What goes first among events of one nanosecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Rank {
    /// Work that ends and replies that arrive: they free what the others want.
    Completion = 0,
    /// Changes of the cluster and of the scenario's timeline.
    Cluster = 1,
    /// New work.
    Arrival = 2,
    /// Patience that ends: a reply of the same nanosecond is still in time.
    Timeout = 3,
}

impl Rank {
    /// The rank in the two lowest bits.
    #[inline]
    const fn from_bits(bits: u64) -> Self {
        match bits & 3 {
            0 => Self::Completion,
            1 => Self::Cluster,
            2 => Self::Arrival,
            _ => Self::Timeout,
        }
    }
}

/// One event: when, how urgent, in which order scheduled, what, and to which slot of the model's tables.
///
/// The layout is one integer, from the top: 62 bits of time, 2 of rank, 32 of sequence, 6 of kind, 26 of slot. A
/// comparison of two events is one comparison of integers, and no two pending events are equal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event(pub(super) u128);

impl Event {
    /// When the event happens.
    #[must_use]
    #[inline]
    pub const fn time(self) -> SimTime {
        SimTime::from_nanos(nanos(self.0))
    }

    /// Its precedence among events of the same time.
    #[must_use]
    #[inline]
    pub const fn rank(self) -> Rank {
        Rank::from_bits((self.0 >> 64) as u64)
    }

    /// What happens.
    #[must_use]
    #[inline]
    pub const fn kind(self) -> Kind {
        Kind((self.0 as u32 >> SLOT_BITS) as u8)
    }

    /// To whom it happens.
    #[must_use]
    #[inline]
    pub const fn slot(self) -> u32 {
        self.0 as u32 & (SLOTS - 1)
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("time", &self.time())
            .field("rank", &self.rank())
            .field("kind", &self.kind().0)
            .field("slot", &self.slot())
            .finish_non_exhaustive()
    }
}

/// Whether a key is [`EMPTY`], half by half: a wide comparison right after narrow writes stalls.
#[inline]
pub(super) const fn is_empty(key: u128) -> bool {
    (key >> 64) as u64 & key as u64 == u64::MAX
}

/// The time of a key in nanoseconds.
#[inline]
pub(super) const fn nanos(key: u128) -> u64 {
    (key >> 66) as u64
}

/// Kind and slot in one word.
#[inline]
pub(super) const fn what(kind: Kind, slot: u32) -> u32 {
    ((kind.0 as u32) << SLOT_BITS) | slot
}

/// The key of an event; times beyond the end of the clock become its end.
#[inline]
pub(super) fn key(time: SimTime, rank: Rank, sequence: u32, what: u32) -> u128 {
    let first = (time.as_nanos().min(MAX_NANOS) << 2) | rank as u64;
    (u128::from(first) << 64) | (u128::from(sequence) << 32) | u128::from(what)
}

/// The same event with another sequence number.
#[inline]
pub(super) const fn with_sequence(key: u128, sequence: u32) -> u128 {
    (key & !(0xffff_ffff << 32)) | ((sequence as u128) << 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANKS: [Rank; 4] = [Rank::Completion, Rank::Cluster, Rank::Arrival, Rank::Timeout];

    #[test]
    fn an_event_gives_back_what_went_in() {
        assert_eq!(size_of::<Event>(), 16);
        for time in [0, 1, 123_456_789, MAX_NANOS] {
            for rank in RANKS {
                for (kind, slot) in [(0, 0), (KINDS - 1, SLOTS - 1), (5, 77)] {
                    let event = Event(key(SimTime::from_nanos(time), rank, 9, what(Kind(kind), slot)));
                    assert_eq!(event.time().as_nanos(), time);
                    assert_eq!((event.rank(), event.kind(), event.slot()), (rank, Kind(kind), slot));
                    assert_eq!(with_sequence(event.0, 3), key(event.time(), rank, 3, what(Kind(kind), slot)));
                }
            }
        }
    }

    #[test]
    fn order_is_time_then_rank_then_sequence() {
        let at = |time, rank, sequence, slot| key(SimTime::from_nanos(time), rank, sequence, what(Kind(1), slot));
        assert!(at(1, Rank::Timeout, 9, 9) < at(2, Rank::Completion, 0, 0));
        assert!(RANKS.windows(2).all(|pair| at(1, pair[0], 9, 9) < at(1, pair[1], 0, 0)));
        assert!(at(1, Rank::Arrival, 1, 9) < at(1, Rank::Arrival, 2, 0));
    }

    #[test]
    fn times_beyond_the_clock_stay_at_its_end() {
        let end = key(SimTime::from_nanos(u64::MAX), Rank::Timeout, u32::MAX - 1, u32::MAX);
        assert_eq!(nanos(end), MAX_NANOS);
        assert!(end < EMPTY && !is_empty(end) && is_empty(EMPTY));
    }
}
