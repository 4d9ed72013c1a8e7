//! The clock and everything that pends.

use super::event::{EMPTY, Event, KINDS, Kind, Rank, SLOTS, is_empty, key, nanos, what, with_sequence};
use super::lane::Lane;
use super::list::List;
use super::sources::{Owner, Sources};
use super::timers::Timers;
use crate::time::{SimDuration, SimTime};

/// Streams kept beside the event list; further ones schedule into it.
const STREAMS_BESIDE: usize = 16;

/// More events than this without the clock moving means that the model will never end.
const STUCK_AFTER: u64 = 50_000_000;

/// What a run says that has more of something than events can name.
const TOO_MANY_SLOTS: &str = "the model holds more than 67108864 (2^26) things of one kind at a time; make it smaller";

/// A source of events with at most one pending, such as the next arrival of a traffic. See [`Schedule::add_stream`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamId(u32);

/// A queue of timers with one constant delay. See [`Schedule::add_lane`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneId(u32);

/// One started timer of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneTicket(pub u32);

/// A timer that can be set, moved and cleared. See [`Schedule::new_timer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimerId(pub u32);

/// A stream's kind and slot, and its leaf unless it schedules into the event list.
#[derive(Debug)]
struct StreamState {
    kind: Kind,
    slot: u32,
    leaf: Option<usize>,
}

/// A lane, what its timers are, and its leaf.
#[derive(Debug)]
struct LaneState {
    lane: Lane,
    delay: SimDuration,
    rank: Rank,
    kind: Kind,
    leaf: usize,
}

/// What comes first, and where it pends.
#[derive(Debug, Clone, Copy)]
pub(super) enum Front {
    /// Nothing pends, or the run was stopped.
    Nothing,
    /// The first key of the event list.
    List(u128),
    /// The key at a leaf beside the list.
    Beside(u128, usize, Owner),
}

impl Front {
    /// When it happens.
    #[inline]
    pub(super) fn time(self) -> Option<SimTime> {
        match self {
            Self::Nothing => None,
            Self::List(key) | Self::Beside(key, ..) => Some(SimTime::from_nanos(nanos(key))),
        }
    }
}

/// The clock of a run and every event that pends: the list, the lanes, the timers and the streams, in one total order
/// of time, rank and order of scheduling.
///
/// The order of scheduling is a 32-bit number; before it would wrap, all that pends is numbered anew in order.
#[derive(Debug)]
pub struct Schedule {
    now: SimTime,
    sequence: u32,
    /// Renumber when the sequence gets here.
    limit: u32,
    /// The limit asked for; `limit` may have to be above it to make room for what pends.
    least_limit: u32,
    handled: u64,
    /// `handled` when the clock last moved.
    moved: u64,
    stuck_after: u64,
    halted: bool,
    stuck: bool,
    overflow: Option<&'static str>,
    list: List,
    sources: Sources,
    streams: Vec<StreamState>,
    lanes: Vec<LaneState>,
    timers: Timers,
    timers_leaf: Option<usize>,
}

impl Default for Schedule {
    fn default() -> Self {
        Self::new()
    }
}

impl Schedule {
    /// An empty schedule at time zero.
    #[must_use]
    pub fn new() -> Self {
        Self::with_sequence_limit(u32::MAX)
    }

    /// A schedule that numbers its events anew whenever `limit` of them were scheduled: for tests of just that.
    #[must_use]
    pub fn with_sequence_limit(limit: u32) -> Self {
        Self {
            now: SimTime::ZERO,
            sequence: 0,
            limit: limit.max(1),
            least_limit: limit.max(1),
            handled: 0,
            moved: 0,
            stuck_after: STUCK_AFTER,
            halted: false,
            stuck: false,
            overflow: None,
            list: List::default(),
            sources: Sources::default(),
            streams: Vec::new(),
            lanes: Vec::new(),
            timers: Timers::default(),
            timers_leaf: None,
        }
    }

    /// The time of the event being handled.
    #[must_use]
    #[inline]
    pub fn now(&self) -> SimTime {
        self.now
    }

    /// Schedules an event; it cannot be taken back.
    ///
    /// # Panics
    /// If `time` lies in the past.
    #[inline]
    pub fn at(&mut self, time: SimTime, rank: Rank, kind: Kind, slot: u32) {
        let key = self.stamp(time, rank, kind, slot);
        self.list.push(key, self.now.as_nanos());
    }

    /// Schedules an event `delay` from now; it cannot be taken back.
    #[inline(always)]
    pub fn after(&mut self, delay: SimDuration, rank: Rank, kind: Kind, slot: u32) {
        self.at(self.in_future(delay), rank, kind, slot);
    }

    /// Adds a source of events of which at most one pends, such as the arrivals of a traffic. The first sixteen wait
    /// beside the event list, where they cost less than in it.
    pub fn add_stream(&mut self, kind: Kind, slot: u32) -> StreamId {
        let beside = self.streams.len() < STREAMS_BESIDE;
        let leaf = beside.then(|| self.sources.add(Owner::Stream));
        self.streams.push(StreamState { kind, slot, leaf });
        StreamId(self.streams.len() as u32 - 1)
    }

    /// Schedules the next event of a stream, which must have none pending.
    ///
    /// # Panics
    /// If `time` lies in the past.
    #[inline(always)]
    pub fn set_stream(&mut self, id: StreamId, time: SimTime, rank: Rank) {
        let StreamState { kind, slot, leaf } = self.streams[id.0 as usize];
        let key = self.stamp(time, rank, kind, slot);
        match leaf {
            Some(leaf) => {
                debug_assert_eq!(self.sources.get(leaf), EMPTY, "a stream has one pending event at most");
                self.sources.set(leaf, key);
            }
            None => self.list.push(key, self.now.as_nanos()),
        }
    }

    /// A queue for timers that all run for `delay`, or the one there is with the same delay, rank and kind.
    pub fn add_lane(&mut self, delay: SimDuration, rank: Rank, kind: Kind) -> LaneId {
        let same = |state: &LaneState| (state.delay, state.rank, state.kind) == (delay, rank, kind);
        if let Some(index) = self.lanes.iter().position(same) {
            return LaneId(index as u32);
        }
        let index = self.lanes.len() as u32;
        let leaf = self.sources.add(Owner::Lane(index));
        self.lanes.push(LaneState { lane: Lane::default(), delay, rank, kind, leaf });
        LaneId(index)
    }

    /// Starts a timer of a lane.
    #[inline]
    pub fn start(&mut self, lane: LaneId, slot: u32) -> LaneTicket {
        let LaneState { delay, rank, kind, leaf, .. } = self.lanes[lane.0 as usize];
        let key = self.stamp(self.in_future(delay), rank, kind, slot);
        self.sources.lower(leaf, key);
        LaneTicket(self.lanes[lane.0 as usize].lane.push(key))
    }

    /// Stops a timer of a lane; nothing happens if it has fired or was stopped before.
    #[inline]
    pub fn cancel(&mut self, lane: LaneId, ticket: LaneTicket) {
        // The leaf keeps its key, a bound from below: most heads are cancelled, and only few bounds ever come first.
        self.lanes[lane.0 as usize].lane.cancel(ticket.0);
    }

    /// A timer that is not set yet.
    pub fn new_timer(&mut self) -> TimerId {
        if self.timers_leaf.is_none() {
            self.timers_leaf = Some(self.sources.add(Owner::Timers));
        }
        TimerId(self.timers.create())
    }

    /// Sets a timer, or moves it if it is set.
    ///
    /// # Panics
    /// If `time` lies in the past.
    pub fn set_timer(&mut self, id: TimerId, time: SimTime, rank: Rank, kind: Kind, slot: u32) {
        let key = self.stamp(time, rank, kind, slot);
        self.timers.set(id.0, key);
        let leaf = self.timers_leaf.expect("a timer was handed out, so there is a leaf");
        self.sources.lower(leaf, self.timers.head());
    }

    /// Clears a timer; nothing happens if it is not set.
    pub fn clear_timer(&mut self, id: TimerId) {
        self.timers.clear(id.0);
    }

    /// Clears a timer and gives its id back, to be handed out again.
    pub fn free_timer(&mut self, id: TimerId) {
        self.timers.free(id.0);
    }

    /// Takes the first event and moves the clock to it. `None` when nothing pends, and for ever after the run became
    /// [stuck](Self::stuck) or [too large](Self::overflow).
    #[inline]
    #[expect(clippy::should_implement_trait, reason = "a schedule is no iterator: handling an event adds others")]
    pub fn next(&mut self) -> Option<Event> {
        let front = self.front();
        self.take(front)
    }

    /// When the next event happens.
    #[inline]
    pub fn peek_time(&mut self) -> Option<SimTime> {
        self.front().time()
    }

    /// How many events pend.
    #[must_use]
    pub fn pending(&self) -> usize {
        let waiting = |stream: &&StreamState| stream.leaf.is_some_and(|leaf| self.sources.get(leaf) != EMPTY);
        let lanes: usize = self.lanes.iter().map(|state| state.lane.live()).sum();
        self.list.len() + lanes + self.timers.len() + self.streams.iter().filter(waiting).count()
    }

    /// How many events were taken.
    #[must_use]
    pub fn handled(&self) -> u64 {
        self.handled
    }

    /// Whether more than fifty million events were taken without the clock moving; the run then ends.
    #[must_use]
    pub fn stuck(&self) -> bool {
        self.stuck
    }

    /// Why the run ended if it outgrew what an event can name.
    #[must_use]
    pub fn overflow(&self) -> Option<&'static str> {
        self.overflow
    }

    /// What comes first. Refreshes leaves that turn out to be only bounds until the first one is exact.
    #[inline]
    pub(super) fn front(&mut self) -> Front {
        if self.halted {
            return Front::Nothing;
        }
        loop {
            let (first, beside) = (self.list.peek(), self.sources.least());
            if first < beside {
                return Front::List(first);
            }
            if is_empty(beside) {
                return Front::Nothing;
            }
            let (leaf, owner) = self.sources.winner();
            if owner == Owner::Stream {
                return Front::Beside(beside, leaf, owner);
            }
            let head = self.head(leaf, owner);
            if head == beside {
                return Front::Beside(beside, leaf, owner);
            }
            self.sources.set(leaf, head);
        }
    }

    /// Takes what [`Self::front`] found.
    #[inline]
    pub(super) fn take(&mut self, front: Front) -> Option<Event> {
        let key = match front {
            Front::Nothing => return None,
            Front::List(first) => self.list.take(first),
            Front::Beside(key, leaf, owner) => {
                match owner {
                    Owner::Stream => self.sources.vacate(leaf),
                    Owner::Lane(index) => {
                        let lane = &mut self.lanes[index as usize].lane;
                        lane.pop();
                        self.sources.set(leaf, lane.head());
                    }
                    Owner::Timers => {
                        self.timers.pop();
                        self.sources.set(leaf, self.timers.head());
                    }
                }
                key
            }
        };
        let event = Event(key);
        let time = event.time();
        self.handled += 1;
        if time > self.now {
            self.now = time;
            self.moved = self.handled;
        } else {
            assert!(time == self.now, "time went back from {} to {time}", self.now);
            if self.handled - self.moved > self.stuck_after {
                (self.stuck, self.halted) = (true, true);
            }
        }
        Some(event)
    }

    /// The first key of what a leaf stands for.
    #[inline]
    fn head(&self, leaf: usize, owner: Owner) -> u128 {
        match owner {
            Owner::Stream => self.sources.get(leaf),
            Owner::Lane(index) => self.lanes[index as usize].lane.head(),
            Owner::Timers => self.timers.head(),
        }
    }

    #[inline]
    fn in_future(&self, delay: SimDuration) -> SimTime {
        SimTime::from_nanos(self.now.as_nanos().saturating_add(delay.as_nanos()))
    }

    /// The key of a new event, with the next sequence number.
    #[inline(always)]
    fn stamp(&mut self, time: SimTime, rank: Rank, kind: Kind, slot: u32) -> u128 {
        assert!(time >= self.now, "an event was scheduled in the past");
        debug_assert!(kind.0 < KINDS, "kind {} does not fit into an event", kind.0);
        if slot >= SLOTS {
            self.outgrown();
        }
        if self.sequence == self.limit {
            self.renumber();
        }
        let sequence = self.sequence;
        self.sequence += 1;
        key(time, rank, sequence, what(kind, slot))
    }

    /// What is scheduled from now on is of no account: nothing will be taken any more.
    #[cold]
    fn outgrown(&mut self) {
        self.overflow = Some(TOO_MANY_SLOTS);
        self.halted = true;
    }

    /// Gives all that pends the numbers from zero on, in order.
    #[cold]
    fn renumber(&mut self) {
        let mut listed = Vec::new();
        self.list.drain_into(&mut listed);
        let mut keys = listed.clone();
        for state in &mut self.lanes {
            keys.extend(state.lane.keys_mut().map(|key| *key));
        }
        keys.extend(self.timers.keys_mut().map(|key| *key));
        for stream in &self.streams {
            keys.extend(stream.leaf.map(|leaf| self.sources.get(leaf)).filter(|&key| key != EMPTY));
        }
        keys.sort_unstable();
        let renumbered = |key: u128| match keys.binary_search(&key) {
            Ok(place) => with_sequence(key, place as u32),
            Err(_) => key,
        };
        listed.into_iter().for_each(|key| self.list.push(renumbered(key), self.now.as_nanos()));
        for key in self.lanes.iter_mut().flat_map(|state| state.lane.keys_mut()) {
            *key = renumbered(*key);
        }
        self.timers.keys_mut().for_each(|key| *key = renumbered(*key));
        for (leaf, owner) in self.sources.leaves() {
            let head = match owner {
                Owner::Stream => renumbered(self.sources.get(leaf)),
                Owner::Lane(_) | Owner::Timers => self.head(leaf, owner),
            };
            self.sources.set(leaf, head);
        }
        self.sequence = u32::try_from(keys.len()).expect("2^32 pending events would take 64 GiB");
        self.limit = self.least_limit.max(self.sequence.saturating_mul(2).saturating_add(1));
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
