//! The yardstick for W1: a program for exactly this model, independent of the simulator.
//!
//! Poisson arrivals at 0.8 a pod; single-server FIFO pods with exponential service of mean 1; one proxy that sends each
//! request to the shorter of two distinct pods chosen uniformly, the first of them if they are equal; no network.
//!
//! By default the pending departures, one a pod, stand in a tournament tree, the next arrival is a scalar and
//! exponentials are drawn in batches. With `--naive` the same program keeps structs in a
//! [`BinaryHeap`](std::collections::BinaryHeap) and draws every variate singly.

mod common;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use common::{Batched, Durations, NEVER, NONE, Options, Record, Single, UNIT, two_distinct};
use rand_distr::Exp1;

const LOAD: f64 = 0.8;

/// What happens next.
enum Next {
    Arrival,
    Departure(usize),
}

/// What pends: the next arrival and one departure of each busy pod.
trait Pending {
    fn set_arrival(&mut self, time: u64);
    fn set_departure(&mut self, pod: usize, time: u64);
    /// The pod that was told to depart stays without a departure.
    fn idle(&mut self, pod: usize);
    /// The first; a departure is followed by either `set_departure` or `idle` for its pod.
    fn next(&mut self) -> Option<(u64, Next)>;
}

/// One leaf a pod, `time << bits | pod`; each inner node is the lesser of its two children.
struct Tournament {
    arrival: u64,
    nodes: Vec<u64>,
    bits: u32,
}

impl Tournament {
    fn new(pods: u32) -> Self {
        let leaves = pods.next_power_of_two();
        Self { arrival: NEVER, nodes: vec![NEVER; 2 * leaves as usize], bits: leaves.ilog2() }
    }

    #[inline]
    fn set(&mut self, pod: usize, key: u64) {
        let nodes = self.nodes.as_mut_slice();
        let mut node = nodes.len() / 2 + pod;
        let mut winner = key;
        nodes[node] = key;
        while node > 1 {
            winner = winner.min(nodes[node ^ 1]);
            node /= 2;
            nodes[node] = winner;
        }
    }
}

impl Pending for Tournament {
    #[inline]
    fn set_arrival(&mut self, time: u64) {
        self.arrival = time;
    }

    #[inline]
    fn set_departure(&mut self, pod: usize, time: u64) {
        self.set(pod, (time << self.bits) | pod as u64);
    }

    #[inline]
    fn idle(&mut self, pod: usize) {
        self.set(pod, NEVER);
    }

    #[inline]
    fn next(&mut self) -> Option<(u64, Next)> {
        let first = self.nodes[1];
        let time = first >> self.bits;
        if self.arrival < time {
            return Some((self.arrival, Next::Arrival));
        }
        if first == NEVER {
            // The time of "never" is cut by the shift, so an arrival is seen above unless there is none either.
            return None;
        }
        Some((time, Next::Departure((first - (time << self.bits)) as usize)))
    }
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Arrival,
    Departure(usize),
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    time: u64,
    sequence: u64,
    kind: Kind,
}

/// The textbook list.
#[derive(Default)]
struct Naive {
    heap: BinaryHeap<Reverse<Event>>,
    sequence: u64,
}

impl Naive {
    fn push(&mut self, time: u64, kind: Kind) {
        self.sequence += 1;
        self.heap.push(Reverse(Event { time, sequence: self.sequence, kind }));
    }
}

impl Pending for Naive {
    fn set_arrival(&mut self, time: u64) {
        if time != NEVER {
            self.push(time, Kind::Arrival);
        }
    }

    fn set_departure(&mut self, pod: usize, time: u64) {
        self.push(time, Kind::Departure(pod));
    }

    fn idle(&mut self, _pod: usize) {}

    fn next(&mut self) -> Option<(u64, Next)> {
        let Reverse(event) = self.heap.pop()?;
        let next = match event.kind {
            Kind::Arrival => Next::Arrival,
            Kind::Departure(pod) => Next::Departure(pod),
        };
        Some((event.time, next))
    }
}

/// A pod's queue, in service included: a list through the requests.
#[derive(Clone)]
struct Pod {
    length: u32,
    head: u32,
    tail: u32,
}

#[derive(Clone, Copy)]
struct Request {
    arrived: u64,
    next: u32,
}

/// Requests in the system, with the free places as a list.
struct Requests {
    slots: Vec<Request>,
    free: u32,
}

impl Requests {
    #[inline]
    fn add(&mut self, arrived: u64) -> u32 {
        let request = Request { arrived, next: NONE };
        let slot = self.free;
        if slot == NONE {
            self.slots.push(request);
            return self.slots.len() as u32 - 1;
        }
        let place = &mut self.slots[slot as usize];
        self.free = place.next;
        *place = request;
        slot
    }

    #[inline]
    fn remove(&mut self, slot: u32) -> Request {
        let place = &mut self.slots[slot as usize];
        let request = *place;
        place.next = self.free;
        self.free = slot;
        request
    }
}

fn simulate(options: &Options, mut pending: impl Pending, mut gaps: impl Durations, mut services: impl Durations) {
    let mut choices = options.generator(3);
    let mut pods = vec![Pod { length: 0, head: NONE, tail: NONE }; options.pods as usize];
    let mut requests = Requests { slots: Vec::new(), free: NONE };
    let mut record = Record::new(options.requests);
    pending.set_arrival(gaps.next());
    while let Some((time, next)) = pending.next() {
        match next {
            Next::Arrival => {
                let another = record.start(time);
                pending.set_arrival(if another { time + gaps.next() } else { NEVER });
                let (first, second) = two_distinct(&mut choices, options.pods);
                let chosen = if pods[second].length < pods[first].length { second } else { first };
                let slot = requests.add(time);
                let pod = &mut pods[chosen];
                if pod.length == 0 {
                    pod.head = slot;
                    pending.set_departure(chosen, time + services.next());
                } else {
                    requests.slots[pod.tail as usize].next = slot;
                }
                pod.tail = slot;
                pod.length += 1;
                record.enter(time);
            }
            Next::Departure(index) => {
                let pod = &mut pods[index];
                let request = requests.remove(pod.head);
                pod.head = request.next;
                pod.length -= 1;
                if pod.length > 0 {
                    pending.set_departure(index, time + services.next());
                } else {
                    pending.idle(index);
                }
                record.leave(time);
                if record.measures(request.arrived) {
                    record.latency(time - request.arrived);
                }
            }
        }
    }
    record.print("W1", options, "");
}

fn main() {
    let options = Options::from_arguments();
    let gap = UNIT / (LOAD * f64::from(options.pods));
    let (gaps, services) = (options.generator(1), options.generator(2));
    if options.naive {
        simulate(&options, Naive::default(), Single::new(gaps, Exp1, gap), Single::new(services, Exp1, UNIT));
    } else {
        let pending = Tournament::new(options.pods);
        simulate(&options, pending, Batched::new(gaps, Exp1, gap), Batched::new(services, Exp1, UNIT));
    }
}
