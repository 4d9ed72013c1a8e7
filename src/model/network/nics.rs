//! The network interfaces of nodes: a line out and a line in, each of a rate, passed in order of arrival.
//!
//! A message of `b` bytes keeps a line of rate `r` busy for `8b/r`, and whoever comes meanwhile waits: the first in, first
//! out queue of packets that an interface has without further settings (`pfifo_fast`, and the output port of a switch).
//! Packets of one message are not mixed with those of another.
//!
//! A message on its way over several lines passes them at once, packet by packet: its first byte goes on as soon as the
//! line before begins to send, and its last one cannot come out before it has come in. So a message that nobody delays
//! takes the time of its slowest line, not the sum.

use crate::scenario::Cluster;
use crate::time::{MAX_NANOS, SimDuration, SimTime};

/// The number of one direction of a node's interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// What the node sends.
    Egress,
    /// What it receives.
    Ingress,
}

/// When a message passes a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Passage {
    /// When its first byte goes on.
    pub(crate) first: SimTime,
    /// When its last one does.
    pub(crate) last: SimTime,
}

/// One direction of an interface.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// Bits per second.
    rate: u64,
    /// When all that has come has passed.
    free: u64,
    /// Nanoseconds that it takes to pass all that ever came.
    work: u64,
    /// The same, done when the window opened and when it closed.
    done: [u64; 2],
    /// Length of an interval, the number of the latest one, and what is busy in it.
    interval: u64,
    current: u64,
    busy: u64,
    /// Most that was busy in an interval.
    most: u64,
    /// Longest that a message waited.
    pub(crate) longest: u64,
}

impl Line {
    fn new(rate: u64, interval: SimDuration) -> Self {
        let interval = interval.as_nanos().max(1);
        Self { rate, free: 0, work: 0, done: [0; 2], interval, current: 0, busy: 0, most: 0, longest: 0 }
    }

    /// A message whose first byte comes now, and its last one then.
    pub(crate) fn pass(&mut self, now: SimTime, last: SimTime, bytes: u64) -> Passage {
        let nanos = self.takes(bytes);
        let begin = now.as_nanos().max(self.free);
        self.longest = self.longest.max(begin - now.as_nanos());
        let end = begin.saturating_add(nanos).min(MAX_NANOS);
        self.free = end;
        self.work += end - begin;
        self.count(begin, end);
        Passage { first: SimTime::from_nanos(begin), last: SimTime::from_nanos(end.max(last.as_nanos())) }
    }

    /// Nanoseconds that so many bytes keep the line busy.
    fn takes(&self, bytes: u64) -> u64 {
        let nanos = u128::from(bytes) * 8_000_000_000 / u128::from(self.rate);
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }

    /// The line is busy between two instants, later than all before.
    fn count(&mut self, begin: u64, end: u64) {
        let mut begin = begin;
        // Once an interval was busy throughout, none can be busier.
        while begin < end && self.most < self.interval {
            let interval = begin / self.interval;
            if interval != self.current {
                (self.current, self.busy) = (interval, 0);
            }
            let until = end.min((interval + 1).saturating_mul(self.interval));
            self.busy += until - begin;
            self.most = self.most.max(self.busy);
            begin = until;
        }
    }

    /// The window opens (0) or closes (1): what is not sent yet counts later.
    fn mark(&mut self, edge: usize, now: SimTime) {
        self.done[edge] = self.work - self.free.saturating_sub(now.as_nanos());
    }

    /// The share of the window in which it was busy, and the same of its busiest interval.
    pub(crate) fn utilization(&self, span: u64) -> (f64, f64) {
        let share = if span == 0 { 0.0 } else { (self.done[1] - self.done[0]) as f64 / span as f64 };
        (share, self.most as f64 / self.interval as f64)
    }
}

/// The interfaces of all nodes.
#[derive(Debug)]
pub(crate) struct Nics {
    /// Out and in, by node; `None` where the rate of a node is not limited.
    lines: Vec<Option<[Line; 2]>>,
}

impl Nics {
    /// Idle interfaces; `None` where no node has a rate.
    pub(crate) fn of(cluster: &Cluster, interval: SimDuration) -> Option<Self> {
        let line = |rate: u64| Line::new(rate, interval);
        let lines: Vec<_> =
            cluster.nodes.iter().map(|node| node.bandwidth.map(|rate| [line(rate), line(rate)])).collect();
        lines.iter().any(Option::is_some).then_some(Self { lines })
    }

    /// Whether a node has one.
    pub(crate) fn has(&self, node: u32) -> bool {
        self.lines.get(node as usize).is_some_and(Option::is_some)
    }

    /// A direction of a node's interface, which there is.
    pub(crate) fn line(&mut self, node: u32, direction: Direction) -> &mut Line {
        let lines = self.lines[node as usize].as_mut().expect("the way was laid over interfaces that there are");
        &mut lines[direction as usize]
    }

    /// Both directions of a node's interface.
    pub(crate) fn of_node(&self, node: usize) -> Option<&[Line; 2]> {
        self.lines[node].as_ref()
    }

    /// The window opens (0) or closes (1).
    pub(crate) fn mark(&mut self, edge: usize, now: SimTime) {
        self.lines.iter_mut().flatten().flatten().for_each(|line| line.mark(edge, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(micros: u64) -> SimTime {
        SimTime::from_nanos(micros * 1_000)
    }

    /// A line of 1 Gbit/s: 125 bytes a microsecond.
    fn line() -> Line {
        Line::new(1_000_000_000, SimDuration::from_millis(1))
    }

    #[test]
    fn who_comes_later_waits_until_all_before_have_passed() {
        let mut line = line();
        let long = line.pass(micros(0), micros(0), 12_500);
        assert_eq!(long, Passage { first: micros(0), last: micros(100) });
        let behind = line.pass(micros(30), micros(30), 125);
        assert_eq!(behind, Passage { first: micros(100), last: micros(101) }, "a small one waits for a large one");
        let later = line.pass(micros(200), micros(200), 125);
        assert_eq!(later, Passage { first: micros(200), last: micros(201) });
        assert_eq!(line.longest, 70_000);
    }

    #[test]
    fn a_message_takes_the_time_of_the_slowest_line_on_its_way() {
        let (mut slow, mut fast) = (line(), Line::new(10_000_000_000, SimDuration::from_millis(1)));
        let sent = slow.pass(micros(0), micros(0), 1_250);
        let received = fast.pass(sent.first, sent.last, 1_250);
        assert_eq!(received, Passage { first: micros(0), last: micros(10) }, "its last byte was not there earlier");
        // The fast line was busy for 1 µs only; somebody else passes between the packets.
        assert_eq!(fast.pass(micros(1), micros(1), 1_250), Passage { first: micros(1), last: micros(2) });
        let (mut fast, mut slow) = (fast, line());
        let sent = fast.pass(micros(50), micros(50), 1_250);
        let received = slow.pass(sent.first, sent.last, 1_250);
        assert_eq!(received, Passage { first: micros(50), last: micros(60) });
    }

    #[test]
    fn utilization_is_the_busy_share_of_the_window_and_of_the_busiest_interval() {
        let mut line = line();
        // 600 µs over the edge of the first interval, 100 µs in the third.
        line.pass(micros(800), micros(800), 75_000);
        line.mark(0, micros(1_000));
        line.pass(micros(2_950), micros(2_950), 12_500);
        line.mark(1, micros(3_000));
        let (share, most) = line.utilization(2_000_000);
        assert!((share - 0.225).abs() < 1e-12, "400 µs + 50 µs of 2 ms: {share}");
        assert!((most - 0.4).abs() < 1e-12, "400 µs of the second interval: {most}");
        line.pass(micros(5_500), micros(5_500), 1_250_000);
        assert_eq!(line.utilization(2_000_000).1, 1.0, "10 ms keep whole intervals busy");
    }

    #[test]
    fn a_message_that_outlasts_the_clock_ends_with_it() {
        let mut line = Line::new(1_000, SimDuration::from_millis(1));
        let passage = line.pass(micros(5), micros(5), u64::MAX);
        assert_eq!(passage.last.as_nanos(), MAX_NANOS);
        assert_eq!(line.pass(micros(6), micros(6), 1).last.as_nanos(), MAX_NANOS);
    }
}
