//! What is observed of single requests and attempts, of one traffic, call, Service, workload or pod.

use crate::observe::collector::Collector;
use crate::scenario::metric::{Quantity, ServiceRange, Statistic};
use crate::time::SimTime;

/// The named quantities of one scope; the others are absent and cost nothing.
#[derive(Debug, Default)]
pub(super) struct Observed {
    pub(super) latency: Option<Collector>,
    /// Of requests that failed, too.
    pub(super) latency_of_all: Option<Collector>,
    pub(super) queue_wait: Option<Collector>,
    pub(super) queue_wait_served: Option<Collector>,
    pub(super) service: Option<Collector>,
    pub(super) slowdown: Option<Collector>,
    /// Of requests with a service time in a range.
    ranges: Vec<Range>,
    pub(super) attempts: Option<Collector>,
    pub(super) back_off: Option<Collector>,
    /// Of single retries.
    back_off_before: Vec<(u32, Option<Collector>)>,
    pub(super) back_off_of_request: Option<Collector>,
    /// Measured requests of each client of a traffic.
    pub(super) of_client: Option<Vec<u64>>,
    pub(super) lookup: Option<Collector>,
    pub(super) dns_queries: Option<Collector>,
    pub(super) interarrival: Option<Collector>,
    last_arrival: Option<SimTime>,
    /// Requests of a traffic on their way.
    pub(super) in_flight: Option<Peak>,
    /// Endpoints in the order of their choice.
    pub(super) sequence: Option<Vec<u32>>,
}

/// What is observed of the requests with a service time in a range.
#[derive(Debug)]
struct Range {
    range: ServiceRange,
    latency: Option<Collector>,
    slowdown: Option<Collector>,
}

impl Observed {
    /// What is observed of a range of service times, from now on.
    fn range(&mut self, range: ServiceRange) -> &mut Range {
        let known = self.ranges.iter().position(|other| other.range == range);
        let index = known.unwrap_or_else(|| {
            self.ranges.push(Range { range, latency: None, slowdown: None });
            self.ranges.len() - 1
        });
        &mut self.ranges[index]
    }

    fn slot(&mut self, quantity: &Quantity) -> Option<&mut Option<Collector>> {
        Some(match quantity {
            Quantity::Latency => &mut self.latency,
            Quantity::LatencyOfAll => &mut self.latency_of_all,
            Quantity::QueueWait => &mut self.queue_wait,
            Quantity::QueueWaitServed => &mut self.queue_wait_served,
            Quantity::Service => &mut self.service,
            Quantity::Slowdown => &mut self.slowdown,
            Quantity::LatencyOf(range) => &mut self.range(*range).latency,
            Quantity::SlowdownOf(range) => &mut self.range(*range).slowdown,
            Quantity::Attempts => &mut self.attempts,
            Quantity::BackOff => &mut self.back_off,
            Quantity::BackOffBefore(retry) => {
                let known = self.back_off_before.iter().position(|(other, _)| other == retry);
                let index = known.unwrap_or_else(|| {
                    self.back_off_before.push((*retry, None));
                    self.back_off_before.len() - 1
                });
                &mut self.back_off_before[index].1
            }
            Quantity::BackOffOfRequest => &mut self.back_off_of_request,
            Quantity::Lookup => &mut self.lookup,
            Quantity::DnsQueries => &mut self.dns_queries,
            Quantity::Interarrival => &mut self.interarrival,
            _ => return None,
        })
    }

    /// Starts to observe a quantity that single requests or attempts have.
    pub(super) fn want(&mut self, quantity: &Quantity, statistic: &Statistic) {
        let slot = self.slot(quantity).expect("single requests have that quantity");
        slot.get_or_insert_with(Collector::default).want(statistic);
    }

    /// The observations of a quantity, where somebody asked for it.
    pub(super) fn collector(&self, quantity: &Quantity) -> Option<&Collector> {
        let of = |range: &ServiceRange| self.ranges.iter().find(|known| known.range == *range);
        match quantity {
            Quantity::LatencyOf(range) => of(range)?.latency.as_ref(),
            Quantity::SlowdownOf(range) => of(range)?.slowdown.as_ref(),
            Quantity::Latency => self.latency.as_ref(),
            Quantity::LatencyOfAll => self.latency_of_all.as_ref(),
            Quantity::QueueWait => self.queue_wait.as_ref(),
            Quantity::QueueWaitServed => self.queue_wait_served.as_ref(),
            Quantity::Service => self.service.as_ref(),
            Quantity::Slowdown => self.slowdown.as_ref(),
            Quantity::Attempts => self.attempts.as_ref(),
            Quantity::BackOff => self.back_off.as_ref(),
            Quantity::BackOffBefore(retry) => self.back_off_before.iter().find(|(known, _)| known == retry)?.1.as_ref(),
            Quantity::BackOffOfRequest => self.back_off_of_request.as_ref(),
            Quantity::Lookup => self.lookup.as_ref(),
            Quantity::DnsQueries => self.dns_queries.as_ref(),
            Quantity::Interarrival => self.interarrival.as_ref(),
            _ => None,
        }
    }

    /// An arrival; the time since the one before is observed if this one is measured.
    pub(super) fn arrived(&mut self, now: SimTime, measured: bool) {
        let Some(collector) = &mut self.interarrival else { return };
        if let Some(last) = self.last_arrival
            && measured
        {
            collector.push(now.as_nanos(), (now - last).as_secs_f64());
        }
        self.last_arrival = Some(now);
    }

    /// A request succeeded; nanoseconds.
    pub(super) fn succeeded(&mut self, number: u64, latency: u64, work: u64) {
        let (seconds, slowdown) = (latency as f64 / 1e9, latency as f64 / work as f64);
        push(&mut self.latency, number, seconds);
        push(&mut self.latency_of_all, number, seconds);
        if work > 0 {
            push(&mut self.slowdown, number, slowdown);
            for range in self.ranges.iter_mut().filter(|known| known.range.holds(work)) {
                push(&mut range.latency, number, seconds);
                push(&mut range.slowdown, number, slowdown);
            }
        }
    }

    /// A request pauses before a retry.
    pub(super) fn pauses(&mut self, number: u64, retry: u32, nanos: u64) {
        let seconds = nanos as f64 / 1e9;
        push(&mut self.back_off, number, seconds);
        for (_, collector) in self.back_off_before.iter_mut().filter(|(known, _)| *known == retry) {
            push(collector, number, seconds);
        }
    }

    /// A request ended after so many tries, and pauses of so many nanoseconds in all.
    pub(super) fn ended(&mut self, number: u64, tries: u32, paused: u64) {
        push(&mut self.attempts, number, f64::from(tries));
        push(&mut self.back_off_of_request, number, paused as f64 / 1e9);
    }

    /// An attempt got a slot after so long.
    pub(super) fn waited(&mut self, number: u64, nanos: u64, served: bool) {
        let seconds = nanos as f64 / 1e9;
        push(&mut self.queue_wait, number, seconds);
        if served {
            push(&mut self.queue_wait_served, number, seconds);
        }
    }
}

/// One observation, where the quantity is wanted.
pub(super) fn push(collector: &mut Option<Collector>, number: u64, value: f64) {
    if let Some(collector) = collector {
        collector.push(number, value);
    }
}

/// The largest value of a count within the window.
#[derive(Debug, Default)]
pub(super) struct Peak {
    level: u64,
    highest: u64,
    inside: Option<u64>,
}

impl Peak {
    pub(super) fn moved(&mut self, steps: i64) {
        self.level = self.level.checked_add_signed(steps).expect("a count is never negative");
        self.highest = self.highest.max(self.level);
    }

    pub(super) const fn open(&mut self) {
        self.highest = self.level;
    }

    pub(super) const fn close(&mut self) {
        self.inside = Some(self.highest);
    }

    pub(super) fn value(&self) -> f64 {
        self.inside.map_or(f64::NAN, |highest| highest as f64)
    }
}
