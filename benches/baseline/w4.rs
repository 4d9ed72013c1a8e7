//! The yardstick for W4: a program for exactly this model, independent of the simulator.
//!
//! Poisson arrivals at 3.0 a pod; a request travels client → proxy → pod → proxy → client, each way a lognormal delay of
//! median 0.1 and σ 0.5; the proxy sends it to the one of two distinct pods with fewer of its requests outstanding,
//! counted until the reply passes the proxy; a pod has four slots, exponential service of mean 1 and a FIFO queue. The
//! client waits 4.35 for an attempt and then sends a second and last one at once; abandoned work runs on.
//!
//! By default the pending steps, one an attempt, stand in a tournament tree, timers wait in a FIFO lane, the next arrival
//! is a scalar and variates are drawn in batches. With `--naive` the same program keeps structs
//! in a [`BinaryHeap`](std::collections::BinaryHeap), expired timers of answered attempts among them, and draws every
//! variate singly.

mod common;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use common::{Batched, Durations, NEVER, NONE, Options, Record, Single, UNIT, two_distinct};
use rand::Rng;
use rand::distr::Distribution;
use rand_distr::{Exp1, LogNormal, StandardNormal};

const RATE: f64 = 3.0;
const SLOTS: u32 = 4;
const TIMEOUT: u64 = 4_350_000_000;
const DELAY_MEDIAN: f64 = 0.1;
const DELAY_SIGMA: f64 = 0.5;

/// Where an attempt arrives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Proxy,
    Pod,
    Served,
    ProxyAgain,
    Client,
}

/// What happens next.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Arrival,
    Step(Step, u32),
    /// Of the attempt in this slot, if this ticket is still its timer.
    Timeout(u32, u32),
}

/// What pends.
trait Pending {
    fn set_arrival(&mut self, time: u64);
    fn push(&mut self, time: u64, step: Step, slot: u32);
    /// Nothing pends for the attempt whose step was taken; otherwise `push` follows.
    fn rest(&mut self, slot: u32);
    fn start_timer(&mut self, time: u64, slot: u32, ticket: u32);
    fn next(&mut self) -> Option<(u64, Next)>;
}

/// An attempt has one pending step at most, so each slot is a leaf, `time << bits | slot`, and every event changes one
/// leaf. Each inner node is the lesser of its two children.
struct Tournament {
    nodes: Vec<u64>,
    steps: Vec<Step>,
    bits: u32,
}

impl Tournament {
    /// A power of two of attempts that certainly suffices, leaving the rest of the key to time.
    fn new(options: &Options) -> Self {
        let bits = (32 * options.pods).next_power_of_two().ilog2();
        let end = 2.0 * options.requests as f64 / (RATE * f64::from(options.pods)) * UNIT + 1e12;
        assert!(end < (NEVER >> bits) as f64, "so many requests need wider keys");
        Self { nodes: vec![NEVER; 2], steps: vec![Step::Proxy], bits }
    }

    #[inline]
    fn set(&mut self, slot: u32, key: u64) {
        let mut node = self.nodes.len() / 2 + slot as usize;
        if node >= self.nodes.len() {
            self.grow();
            node = self.nodes.len() / 2 + slot as usize;
        }
        let nodes = self.nodes.as_mut_slice();
        nodes[node] = key;
        let mut winner = key;
        while node > 1 {
            winner = winner.min(nodes[node ^ 1]);
            node /= 2;
            nodes[node] = winner;
        }
    }

    #[cold]
    fn grow(&mut self) {
        let width = self.nodes.len();
        assert!(width <= 1 << self.bits, "more attempts in flight than foreseen");
        let leaves = self.nodes.split_off(width / 2);
        self.nodes = vec![NEVER; 2 * width];
        self.steps.resize(width, Step::Proxy);
        leaves.into_iter().enumerate().for_each(|(slot, key)| self.set(slot as u32, key));
    }
}

struct Timer {
    time: u64,
    slot: u32,
    ticket: u32,
}

/// The tournament for what moves, the lane for timers, a scalar for the next arrival.
struct Fast {
    arrival: u64,
    moving: Tournament,
    lane: VecDeque<Timer>,
    /// When the first timer of the lane expires.
    expiry: u64,
}

impl Pending for Fast {
    #[inline]
    fn set_arrival(&mut self, time: u64) {
        self.arrival = time;
    }

    #[inline]
    fn push(&mut self, time: u64, step: Step, slot: u32) {
        self.moving.set(slot, (time << self.moving.bits) | u64::from(slot));
        self.moving.steps[slot as usize] = step;
    }

    #[inline]
    fn rest(&mut self, slot: u32) {
        self.moving.set(slot, NEVER);
    }

    #[inline]
    fn start_timer(&mut self, time: u64, slot: u32, ticket: u32) {
        self.expiry = self.expiry.min(time);
        self.lane.push_back(Timer { time, slot, ticket });
    }

    #[inline]
    fn next(&mut self) -> Option<(u64, Next)> {
        let first = self.moving.nodes[1];
        let time = first >> self.moving.bits;
        if time < self.arrival.min(self.expiry) {
            if first == NEVER {
                return None;
            }
            let slot = (first - (time << self.moving.bits)) as u32;
            return Some((time, Next::Step(self.moving.steps[slot as usize], slot)));
        }
        if self.arrival <= self.expiry {
            return Some((self.arrival, Next::Arrival));
        }
        let timer = self.lane.pop_front()?;
        self.expiry = self.lane.front().map_or(NEVER, |timer| timer.time);
        Some((timer.time, Next::Timeout(timer.slot, timer.ticket)))
    }
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    time: u64,
    sequence: u64,
    next: Next,
}

/// The textbook list.
#[derive(Default)]
struct Naive {
    heap: BinaryHeap<Reverse<Event>>,
    sequence: u64,
}

impl Naive {
    fn add(&mut self, time: u64, next: Next) {
        self.sequence += 1;
        self.heap.push(Reverse(Event { time, sequence: self.sequence, next }));
    }
}

impl Pending for Naive {
    fn set_arrival(&mut self, time: u64) {
        if time != NEVER {
            self.add(time, Next::Arrival);
        }
    }

    fn push(&mut self, time: u64, step: Step, slot: u32) {
        self.add(time, Next::Step(step, slot));
    }

    fn rest(&mut self, _slot: u32) {}

    fn start_timer(&mut self, time: u64, slot: u32, ticket: u32) {
        self.add(time, Next::Timeout(slot, ticket));
    }

    fn next(&mut self) -> Option<(u64, Next)> {
        self.heap.pop().map(|Reverse(event)| (event.time, event.next))
    }
}

/// A lognormal of which the exponential is the platform's.
struct Delay;

impl Distribution<f64> for Delay {
    #[inline]
    fn sample<R: Rng + ?Sized>(&self, generator: &mut R) -> f64 {
        let normal: f64 = StandardNormal.sample(generator);
        (DELAY_SIGMA * normal).exp()
    }
}

#[derive(Clone)]
struct Pod {
    /// What the proxy counts.
    outstanding: u32,
    busy: u32,
    head: u32,
    tail: u32,
}

#[derive(Clone, Copy)]
struct Attempt {
    /// When the request began, by its first attempt.
    began: u64,
    /// The ticket of its timer, or `NONE` when the client no longer waits.
    timer: u32,
    pod: u32,
    next: u32,
    second: bool,
}

#[derive(Default)]
struct Counts {
    measured: u64,
    first_timeouts: u64,
    failed: u64,
}

struct World<P, E, D> {
    pods: Vec<Pod>,
    attempts: Vec<Attempt>,
    free: u32,
    tickets: u32,
    pending: P,
    services: E,
    delays: D,
    record: Record,
    counts: Counts,
}

impl<P: Pending, E: Durations, D: Durations> World<P, E, D> {
    #[inline]
    fn send(&mut self, time: u64, began: u64, second: bool) {
        self.tickets = (self.tickets + 1) % NONE;
        let attempt = Attempt { began, timer: self.tickets, pod: NONE, next: NONE, second };
        let mut slot = self.free;
        if slot == NONE {
            slot = self.attempts.len() as u32;
            self.attempts.push(attempt);
        } else {
            let place = &mut self.attempts[slot as usize];
            self.free = place.next;
            *place = attempt;
        }
        self.pending.push(time + self.delays.next(), Step::Proxy, slot);
        self.pending.start_timer(time + TIMEOUT, slot, self.tickets);
    }

    #[inline]
    fn step(&mut self, time: u64, step: Step, slot: u32, choices: (usize, usize)) {
        let attempt = &mut self.attempts[slot as usize];
        match step {
            Step::Proxy => {
                let (first, second) = choices;
                let fewer = self.pods[second].outstanding < self.pods[first].outstanding;
                let chosen = if fewer { second } else { first };
                self.pods[chosen].outstanding += 1;
                attempt.pod = chosen as u32;
                self.pending.push(time + self.delays.next(), Step::Pod, slot);
            }
            Step::Pod => {
                self.record.enter(time);
                let pod = &mut self.pods[attempt.pod as usize];
                if pod.busy < SLOTS {
                    pod.busy += 1;
                    self.pending.push(time + self.services.next(), Step::Served, slot);
                    return;
                }
                self.pending.rest(slot);
                let tail = std::mem::replace(&mut pod.tail, slot);
                if pod.head == NONE {
                    pod.head = slot;
                } else {
                    self.attempts[tail as usize].next = slot;
                }
            }
            Step::Served => {
                self.record.leave(time);
                self.pending.push(time + self.delays.next(), Step::ProxyAgain, slot);
                let pod = &mut self.pods[attempt.pod as usize];
                let waiting = pod.head;
                if waiting == NONE {
                    pod.busy -= 1;
                } else {
                    pod.head = self.attempts[waiting as usize].next;
                    self.pending.push(time + self.services.next(), Step::Served, waiting);
                }
            }
            Step::ProxyAgain => {
                self.pods[attempt.pod as usize].outstanding -= 1;
                self.pending.push(time + self.delays.next(), Step::Client, slot);
            }
            Step::Client => {
                if attempt.timer != NONE && self.record.measures(attempt.began) {
                    self.record.latency(time - attempt.began);
                }
                self.pending.rest(slot);
                attempt.timer = NONE;
                attempt.next = self.free;
                self.free = slot;
            }
        }
    }

    fn timeout(&mut self, time: u64, slot: u32, ticket: u32) {
        let attempt = &mut self.attempts[slot as usize];
        if attempt.timer != ticket {
            return;
        }
        attempt.timer = NONE;
        let (began, second) = (attempt.began, attempt.second);
        let measured = u64::from(self.record.measures(began));
        if second {
            self.counts.failed += measured;
        } else {
            self.counts.first_timeouts += measured;
            self.send(time, began, true);
        }
    }
}

fn simulate(
    options: &Options,
    pending: impl Pending,
    mut gaps: impl Durations,
    services: impl Durations,
    delays: impl Durations,
) {
    let mut choices = options.generator(4);
    let mut world = World {
        pods: vec![Pod { outstanding: 0, busy: 0, head: NONE, tail: NONE }; options.pods as usize],
        attempts: Vec::new(),
        free: NONE,
        tickets: 0,
        pending,
        services,
        delays,
        record: Record::new(options.requests),
        counts: Counts::default(),
    };
    world.pending.set_arrival(gaps.next());
    while let Some((time, next)) = world.pending.next() {
        match next {
            Next::Step(Step::Proxy, slot) => {
                let pair = two_distinct(&mut choices, options.pods);
                world.step(time, Step::Proxy, slot, pair);
            }
            Next::Step(step, slot) => world.step(time, step, slot, (0, 0)),
            Next::Arrival => {
                let another = world.record.start(time);
                world.pending.set_arrival(if another { time + gaps.next() } else { NEVER });
                world.counts.measured += u64::from(world.record.measures(time));
                world.send(time, time, false);
            }
            Next::Timeout(slot, ticket) => world.timeout(time, slot, ticket),
        }
    }
    let percent = |count: u64| 100.0 * count as f64 / world.counts.measured as f64;
    let (late, failed) = (percent(world.counts.first_timeouts), percent(world.counts.failed));
    world.record.print("W4", options, &format!(",\"first_timeout_pct\":{late:.4},\"failed_pct\":{failed:.4}"));
}

fn main() {
    let options = Options::from_arguments();
    let gap = UNIT / (RATE * f64::from(options.pods));
    let [gaps, services, delays] = [1, 2, 3].map(|purpose| options.generator(purpose));
    if options.naive {
        let delay = LogNormal::new(DELAY_MEDIAN.ln(), DELAY_SIGMA).expect("sigma is positive");
        simulate(
            &options,
            Naive::default(),
            Single::new(gaps, Exp1, gap),
            Single::new(services, Exp1, UNIT),
            Single::new(delays, delay, UNIT),
        );
    } else {
        let pending = Fast { arrival: NEVER, moving: Tournament::new(&options), lane: VecDeque::new(), expiry: NEVER };
        simulate(
            &options,
            pending,
            Batched::new(gaps, Exp1, gap),
            Batched::new(services, Exp1, UNIT),
            Batched::new(delays, Delay, UNIT * DELAY_MEDIAN),
        );
    }
}
