//! The measured part of a run: when it opens, its middle and its end, and the readings taken there.

use crate::engine::{Rank, Schedule};
use crate::model::{World, at, kind};
use crate::scenario::Window;
use crate::time::{SimDuration, SimTime};

/// Where the run stands with respect to its window.
#[derive(Debug)]
pub(crate) struct WindowState {
    spec: Window,
    drain: SimDuration,
    /// The next arrival at which something happens to a window counted in requests.
    next_mark: u64,
    /// How many arrivals such a window has.
    last: u64,
    /// Arrivals so far, over all traffics.
    pub(crate) arrivals: u64,
    /// Whether arrivals are measured now.
    pub(crate) measuring: bool,
    /// Whether the window has closed.
    pub(crate) closed: bool,
    /// Whether the run is over.
    pub(crate) over: bool,
    /// Whether it is because the clock has come to its end.
    pub(crate) clock_ended: bool,
    /// Measured requests that have not ended.
    pub(crate) open_measured: u64,
    /// When the window opened.
    pub(crate) opened_at: SimTime,
    middle_at: SimTime,
    /// When the window closed.
    pub(crate) closed_at: SimTime,
    at_open: Vec<(u128, u128)>,
    areas: Vec<(u128, u128)>,
    maxima: Vec<u32>,
    pods_at_open: Vec<(u128, u128)>,
    pods: Vec<(u128, u128)>,
}

impl WindowState {
    pub(crate) const fn new(spec: Window, drain: SimDuration) -> Self {
        let (next_mark, last) = match spec {
            Window::Requests { requests, warmup: 0 } => (requests / 2, requests),
            Window::Requests { requests, warmup } => (warmup, requests),
            _ => (u64::MAX, u64::MAX),
        };
        Self {
            spec,
            drain,
            next_mark,
            last,
            arrivals: 0,
            measuring: false,
            closed: false,
            over: false,
            clock_ended: false,
            open_measured: 0,
            opened_at: SimTime::ZERO,
            middle_at: SimTime::ZERO,
            closed_at: SimTime::ZERO,
            at_open: Vec::new(),
            areas: Vec::new(),
            maxima: Vec::new(),
            pods_at_open: Vec::new(),
            pods: Vec::new(),
        }
    }

    /// Length of the window in nanoseconds.
    pub(crate) fn span(&self) -> u64 {
        self.closed_at.as_nanos() - self.opened_at.as_nanos()
    }

    /// Lengths of its halves.
    pub(crate) fn halves(&self) -> (u64, u64) {
        let (open, middle, close) = (self.opened_at.as_nanos(), self.middle_at.as_nanos(), self.closed_at.as_nanos());
        (middle.saturating_sub(open), close.saturating_sub(middle.max(open)))
    }

    /// Areas under busy and waiting of a station within the window.
    pub(crate) fn station_areas(&self, station: usize) -> (u128, u128) {
        self.areas.get(station).copied().unwrap_or_default()
    }

    /// Nanoseconds of the window in which the processes of a pod ran, and in which it was ready.
    pub(crate) fn pod_areas(&self, pod: usize) -> (u128, u128) {
        self.pods.get(pod).copied().unwrap_or_default()
    }

    /// Most that waited at once at a station within the window.
    pub(crate) fn waiting_max(&self, station: usize) -> u64 {
        self.maxima.get(station).copied().map_or(0, u64::from)
    }
}

impl World<'_> {
    /// Sets the events that open and close a window on the clock.
    pub(crate) fn schedule_window(&mut self, schedule: &mut Schedule) {
        match self.window.spec {
            Window::Time { duration, warmup } => {
                let (open, close) = (warmup.as_nanos(), duration.as_nanos().max(warmup.as_nanos()));
                if open == 0 {
                    self.open_window(SimTime::ZERO);
                } else {
                    schedule.at(at(open), Rank::Cluster, kind::WINDOW_OPENS, 0);
                }
                schedule.at(at(open + (close - open) / 2), Rank::Cluster, kind::WINDOW_MIDDLE, 0);
                schedule.at(at(close), Rank::Cluster, kind::WINDOW_CLOSES, 0);
            }
            Window::Requests { warmup, .. } => {
                if warmup == 0 {
                    self.open_window(SimTime::ZERO);
                }
            }
            Window::Auto { .. } => unreachable!("pilots resolve an automatic warm-up before the run"),
        }
    }

    /// Notes an arrival of a traffic; says whether it is measured.
    #[inline(always)]
    pub(crate) fn note_arrival(&mut self, now: SimTime) -> bool {
        if self.window.arrivals == self.window.next_mark {
            self.pass_mark(now);
        }
        self.window.arrivals += 1;
        self.window.measuring
    }

    /// The arrival that opens a window counted in requests, or is its middle.
    #[cold]
    fn pass_mark(&mut self, now: SimTime) {
        let Window::Requests { requests, warmup } = self.window.spec else { return };
        let (number, middle) = (self.window.arrivals, warmup + (requests - warmup) / 2);
        if number == warmup && warmup > 0 {
            self.open_window(now);
        }
        if number == middle {
            self.mark_middle(now);
        }
        self.window.next_mark = if number < middle { middle } else { u64::MAX };
    }

    /// Closes a window that is counted in requests after its last one.
    #[inline(always)]
    pub(crate) fn note_arrived(&mut self, now: SimTime, schedule: &mut Schedule) {
        if self.window.arrivals == self.window.last && !self.window.closed {
            self.close_window(now, schedule);
        }
    }

    pub(crate) fn open_window(&mut self, now: SimTime) {
        self.window.measuring = true;
        self.window.opened_at = now;
        self.window.middle_at = now;
        self.window.at_open = self.read_areas(now);
        self.window.pods_at_open = self.read_pods(now);
        for station in &mut self.stations {
            station.waiting_max = station.waiting;
        }
        for recorder in self.recorders.settled(&mut self.sink) {
            recorder.mark(0, now);
            recorder.mark(1, now);
        }
        self.probes.open(now);
        self.mark_paces(true, now);
        self.mark_nics(0, now);
    }

    pub(crate) fn mark_middle(&mut self, now: SimTime) {
        self.window.middle_at = now;
        for recorder in self.recorders.settled(&mut self.sink) {
            recorder.mark(1, now);
        }
    }

    pub(crate) fn close_window(&mut self, now: SimTime, schedule: &mut Schedule) {
        if !self.window.measuring && self.window.at_open.is_empty() {
            self.open_window(now);
        }
        self.window.measuring = false;
        self.window.closed = true;
        self.window.closed_at = now;
        self.window.areas = differences(&self.read_areas(now), &self.window.at_open);
        self.window.pods = differences(&self.read_pods(now), &self.window.pods_at_open);
        self.window.maxima = self.stations.iter().map(|station| station.waiting_max).collect();
        for recorder in self.recorders.settled(&mut self.sink) {
            recorder.mark(2, now);
        }
        self.probes.close(now);
        self.mark_paces(false, now);
        self.mark_nics(1, now);
        if self.window.open_measured == 0 {
            self.window.over = true;
        } else {
            let end = now.as_nanos().saturating_add(self.window.drain.as_nanos()).min(crate::time::MAX_NANOS);
            schedule.at(at(end), Rank::Timeout, kind::DRAINED, 0);
        }
    }

    /// What has passed the interfaces of nodes at an edge of the window.
    fn mark_nics(&mut self, edge: usize, now: SimTime) {
        if let Some(transits) = &mut self.transits {
            transits.nics.mark(edge, now);
        }
    }

    /// How long each pod has run and been ready, where pods come and go.
    fn read_pods(&self, now: SimTime) -> Vec<(u128, u128)> {
        let pods = if self.control.is_some() { self.roster.pods.as_slice() } else { &[] };
        pods.iter().map(|pod| pod.lived(now)).collect()
    }

    fn read_areas(&self, now: SimTime) -> Vec<(u128, u128)> {
        self.stations
            .iter()
            .map(|station| {
                let busy = station.busy_area.until(now, u64::from(station.busy));
                (busy, station.waiting_area.until(now, u64::from(station.waiting)))
            })
            .collect()
    }

    /// A measured request ended; the run is over when the last one after the window has.
    #[inline(always)]
    pub(crate) fn note_ended(&mut self) {
        self.window.open_measured -= 1;
        if self.window.closed && self.window.open_measured == 0 {
            self.window.over = true;
        }
    }
}

/// What was added to pairs of areas since they were read before; those that were not there then began at nothing.
fn differences(now: &[(u128, u128)], before: &[(u128, u128)]) -> Vec<(u128, u128)> {
    let before = before.iter().copied().chain(std::iter::repeat((0, 0)));
    now.iter().zip(before).map(|((first, second), (one, two))| (first - one, second - two)).collect()
}
