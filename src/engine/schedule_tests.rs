use std::collections::BTreeMap;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::engine::{Model, run};

const RANKS: [Rank; 4] = [Rank::Completion, Rank::Cluster, Rank::Arrival, Rank::Timeout];
const LISTED: Kind = Kind(1);
const STREAM: Kind = Kind(2);
const TIMER: Kind = Kind(3);
const LANE: Kind = Kind(4);
const STREAMS: usize = 20;

/// Time, rank and order of scheduling.
type Place = (u64, u8, u64);

/// Everything that pends as one ordered map, beside the schedule under test. The order number never wraps here.
struct Twin {
    rng: Xoshiro256PlusPlus,
    schedule: Schedule,
    model: BTreeMap<Place, (Kind, u32)>,
    order: u64,
    slot: u32,
    streams: Vec<(StreamId, bool)>,
    lanes: Vec<(LaneId, u64, Rank)>,
    tickets: Vec<(LaneId, LaneTicket, Place)>,
    timers: Vec<(TimerId, Option<Place>)>,
    /// Greatest delay.
    spread: u64,
}

impl Twin {
    fn new(seed: u64, limit: u32) -> Self {
        let mut schedule = Schedule::with_sequence_limit(limit);
        let lanes = [(0, Rank::Timeout), (5, Rank::Cluster), (1_000, Rank::Timeout), (30_000, Rank::Timeout)]
            .map(|(delay, rank)| (schedule.add_lane(SimDuration::from_nanos(delay), rank, LANE), delay, rank));
        let streams = (0..STREAMS).map(|slot| (schedule.add_stream(STREAM, slot as u32), false)).collect();
        let timers = (0..30).map(|_| (schedule.new_timer(), None)).collect();
        Self {
            rng: Xoshiro256PlusPlus::seed_from_u64(seed),
            schedule,
            model: BTreeMap::new(),
            order: 0,
            slot: 0,
            streams,
            lanes: lanes.to_vec(),
            tickets: Vec::new(),
            timers,
            spread: if seed.is_multiple_of(3) { 8 } else { 50_000 },
        }
    }

    fn note(&mut self, time: u64, rank: Rank, kind: Kind, slot: u32) -> Place {
        let key = (time, rank as u8, self.order);
        self.order += 1;
        self.model.insert(key, (kind, slot));
        key
    }

    fn soon(&mut self) -> (u64, Rank) {
        let delay = if self.rng.random_bool(0.2) { 0 } else { self.rng.random_range(0..self.spread) };
        (self.schedule.now().as_nanos() + delay, RANKS[self.rng.random_range(0..4)])
    }

    fn change(&mut self) {
        self.slot = (self.slot + 1) % SLOTS;
        let (time, rank) = self.soon();
        let at = SimTime::from_nanos(time);
        match self.rng.random_range(0..20) {
            0..9 => {
                if self.rng.random_bool(0.5) {
                    self.schedule.at(at, rank, LISTED, self.slot);
                } else {
                    self.schedule.after(at - self.schedule.now(), rank, LISTED, self.slot);
                }
                self.note(time, rank, LISTED, self.slot);
            }
            9..11 => {
                let index = self.rng.random_range(0..STREAMS);
                if !self.streams[index].1 {
                    self.streams[index].1 = true;
                    self.schedule.set_stream(self.streams[index].0, at, rank);
                    self.note(time, rank, STREAM, index as u32);
                }
            }
            11..14 => {
                let (lane, delay, rank) = self.lanes[self.rng.random_range(0..self.lanes.len())];
                let ticket = self.schedule.start(lane, self.slot);
                let key = self.note(self.schedule.now().as_nanos() + delay, rank, LANE, self.slot);
                self.tickets.push((lane, ticket, key));
            }
            14..17 => {
                if !self.tickets.is_empty() {
                    // Also tickets that fired long ago or were cancelled before.
                    let back = self.rng.random_range(0..self.tickets.len().min(200));
                    let (lane, ticket, key) = self.tickets[self.tickets.len() - 1 - back];
                    self.schedule.cancel(lane, ticket);
                    self.model.remove(&key);
                }
            }
            17..19 => {
                let index = self.rng.random_range(0..self.timers.len());
                let (id, old) = self.timers[index];
                self.schedule.set_timer(id, at, rank, TIMER, index as u32);
                old.map(|key| self.model.remove(&key));
                self.timers[index].1 = Some(self.note(time, rank, TIMER, index as u32));
            }
            _ => {
                let index = self.rng.random_range(0..self.timers.len());
                let (id, old) = self.timers[index];
                old.map(|key| self.model.remove(&key));
                self.timers[index].1 = None;
                if self.rng.random_bool(0.5) {
                    self.schedule.clear_timer(id);
                } else {
                    self.schedule.free_timer(id);
                    self.timers[index].0 = self.schedule.new_timer();
                }
            }
        }
    }

    fn next(&mut self) {
        let expected = self.model.pop_first();
        if self.rng.random_bool(0.2) {
            let time = expected.map(|((time, ..), _)| SimTime::from_nanos(time));
            assert_eq!(self.schedule.peek_time(), time);
        }
        let event = self.schedule.next();
        let seen = event.map(|event| (event.time().as_nanos(), event.rank() as u8, event.kind(), event.slot()));
        assert_eq!(seen, expected.map(|((time, rank, _), (kind, slot))| (time, rank, kind, slot)));
        match expected {
            Some((_, (STREAM, slot))) => self.streams[slot as usize].1 = false,
            Some((_, (TIMER, slot))) => self.timers[slot as usize].1 = None,
            _ => {}
        }
        if let Some(event) = event {
            assert_eq!(self.schedule.now(), event.time());
        }
    }

    /// Returns how often the event list changed its structure.
    fn go(&mut self, steps: u32, phase: u32) -> u32 {
        let mut moves = 0;
        for step in 0..steps {
            let large = self.schedule.list.large;
            if self.rng.random_bool(if (step / phase).is_multiple_of(2) { 0.85 } else { 0.3 }) {
                self.change();
            } else {
                self.next();
            }
            moves += u32::from(large != self.schedule.list.large);
            assert_eq!(self.schedule.pending(), self.model.len(), "step {step}");
        }
        while !self.model.is_empty() {
            self.next();
        }
        assert_eq!((self.schedule.next(), self.schedule.pending()), (None, 0));
        moves
    }
}

#[test]
fn everything_pending_is_in_one_order() {
    for seed in 0..30 {
        Twin::new(seed, u32::MAX).go(5_000, 500);
    }
}

#[test]
fn the_order_holds_while_the_list_changes_its_structure() {
    for seed in 0..6 {
        let mut twin = Twin::new(seed, u32::MAX);
        assert!(twin.go(100_000, 30_000) >= 3, "seed {seed}: the list hardly ever changed");
    }
}

#[test]
fn renumbering_keeps_the_order_and_the_tickets() {
    for seed in 0..20 {
        let mut twin = Twin::new(seed, [1, 7, 50, 1_000][seed as usize % 4]);
        twin.go(8_000, 1_000);
        assert!(twin.order > u64::from(twin.schedule.limit), "the numbers never ran out");
    }
    let mut large = Twin::new(1, 3_000);
    assert!(large.go(100_000, 30_000) >= 3, "the list hardly ever changed");
}

#[test]
fn equal_delays_share_a_lane() {
    let mut schedule = Schedule::new();
    let second = SimDuration::from_secs(1);
    let lane = schedule.add_lane(second, Rank::Timeout, Kind(1));
    assert_eq!(schedule.add_lane(second, Rank::Timeout, Kind(1)), lane);
    assert_ne!(schedule.add_lane(second, Rank::Timeout, Kind(2)), lane);
    assert_ne!(schedule.add_lane(second, Rank::Cluster, Kind(1)), lane);
    assert_ne!(schedule.add_lane(second + second, Rank::Timeout, Kind(1)), lane);
}

#[test]
#[should_panic(expected = "scheduled in the past")]
fn the_past_is_closed() {
    let mut schedule = Schedule::new();
    schedule.at(SimTime::from_nanos(10), Rank::Arrival, LISTED, 0);
    schedule.next();
    schedule.at(SimTime::from_nanos(9), Rank::Arrival, LISTED, 0);
}

#[test]
fn the_end_of_the_clock_is_not_passed() {
    let mut schedule = Schedule::new();
    schedule.after(SimDuration::from_nanos(u64::MAX), Rank::Timeout, LISTED, 3);
    assert_eq!(schedule.next().map(Event::time), Some(SimTime::MAX));
    schedule.after(SimDuration::MAX, Rank::Timeout, LISTED, 4);
    assert_eq!(schedule.next().map(|event| (event.time(), event.slot())), Some((SimTime::MAX, 4)));
}

#[test]
fn too_many_slots_end_the_run_with_a_message() {
    for way in 0..4 {
        let mut schedule = Schedule::new();
        let lane = schedule.add_lane(SimDuration::ZERO, Rank::Timeout, LANE);
        let timer = schedule.new_timer();
        schedule.at(SimTime::ZERO, Rank::Arrival, LISTED, SLOTS - 1);
        assert_eq!(schedule.overflow(), None);
        match way {
            0 => schedule.at(SimTime::ZERO, Rank::Arrival, LISTED, SLOTS),
            1 => drop(schedule.start(lane, SLOTS)),
            2 => schedule.set_timer(timer, SimTime::ZERO, Rank::Arrival, TIMER, u32::MAX),
            _ => {
                let stream = schedule.add_stream(STREAM, SLOTS);
                schedule.set_stream(stream, SimTime::ZERO, Rank::Arrival);
            }
        }
        let message = "the model holds more than 67108864 (2^26) things of one kind at a time; make it smaller";
        assert_eq!(schedule.overflow(), Some(message));
        assert_eq!((schedule.next(), schedule.peek_time()), (None, None));
        schedule.at(SimTime::ZERO, Rank::Arrival, LISTED, 0);
        assert_eq!(schedule.next(), None);
        assert!(!schedule.stuck());
    }
}

struct Repeat {
    delay: u64,
    seen: u64,
}

impl Model for Repeat {
    fn handle(&mut self, event: Event, schedule: &mut Schedule) {
        self.seen += 1;
        schedule.after(SimDuration::from_nanos(self.delay), event.rank(), event.kind(), event.slot());
    }
}

#[test]
fn a_clock_that_does_not_move_ends_the_run() {
    let mut schedule = Schedule::new();
    assert_eq!(schedule.stuck_after, 50_000_000);
    schedule.stuck_after = 1_000;
    schedule.at(SimTime::from_nanos(5), Rank::Arrival, LISTED, 0);
    let mut model = Repeat { delay: 0, seen: 0 };
    run(&mut model, &mut schedule, |_, _| false);
    assert!(schedule.stuck());
    assert_eq!((model.seen, schedule.now().as_nanos(), schedule.next()), (1_002, 5, None));
}

#[test]
fn a_clock_that_moves_rarely_does_not_end_the_run() {
    let mut schedule = Schedule::new();
    schedule.stuck_after = 1_000;
    (0..900).for_each(|slot| schedule.at(SimTime::ZERO, Rank::Arrival, LISTED, slot));
    run(&mut Repeat { delay: 1, seen: 0 }, &mut schedule, |model, _| model.seen == 100_000);
    assert!(!schedule.stuck());
    assert_eq!((schedule.handled(), schedule.pending()), (100_000, 900));
}

#[test]
fn a_run_stops_before_the_event_that_is_too_late() {
    let mut schedule = Schedule::new();
    schedule.at(SimTime::ZERO, Rank::Arrival, LISTED, 0);
    let mut model = Repeat { delay: 10, seen: 0 };
    run(&mut model, &mut schedule, |_, time| time.as_nanos() > 100);
    assert_eq!((model.seen, schedule.now().as_nanos()), (11, 100));
    assert_eq!(schedule.peek_time().map(SimTime::as_nanos), Some(110), "the event stays pending");
}
