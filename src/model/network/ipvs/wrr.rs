//! `wrr`, weighted round robin by a falling threshold.
//!
//! With g the greatest common divisor of the weights and m = max − (g − 1), a threshold t walks from m down to 1 in
//! steps of g. At each t every server of weight ≥ t has a turn in the order of the list. A change of servers puts the
//! position back to the head but keeps t: so a Service that was built server by server begins at t = 1.

use super::server::Servers;

/// The position, and the threshold.
#[derive(Debug, Clone, Default)]
pub(super) struct WeightedRoundRobin {
    /// The place in the list of the server chosen last; `None` is before the head.
    position: Option<usize>,
    threshold: u32,
    step: u32,
    top: u32,
}

impl WeightedRoundRobin {
    pub(super) fn new(servers: &Servers) -> Self {
        let mut scheduler = Self::default();
        scheduler.measure(servers);
        scheduler.threshold = scheduler.top;
        scheduler
    }

    fn measure(&mut self, servers: &Servers) {
        let weights = || servers.iter().map(|(_, server)| server.weight).filter(|weight| *weight > 0);
        self.step = weights().fold(0, greatest_common_divisor).max(1);
        self.top = weights().max().map_or(0, |max| max - (self.step - 1));
    }

    /// Servers or weights changed.
    pub(super) fn changed(&mut self, servers: &Servers) {
        self.measure(servers);
        self.position = None;
        if self.threshold > self.top || self.threshold == 0 {
            self.threshold = self.top;
        } else if self.step > 1 {
            self.threshold = self.threshold / self.step * self.step + 1;
        }
    }

    pub(super) fn pick(&mut self, servers: &Servers) -> Option<u32> {
        if self.top == 0 || !servers.iter().any(|(_, server)| server.takes()) {
            return None;
        }
        loop {
            let first = self.position.map_or(0, |place| place + 1);
            let reaches = |place: &usize| {
                let server = &servers[servers.at(*place)];
                server.takes() && server.weight >= self.threshold
            };
            if let Some(place) = (first..servers.len()).find(reaches) {
                self.position = Some(place);
                return Some(servers.at(place));
            }
            self.position = None;
            self.threshold = self.threshold.saturating_sub(self.step);
            if self.threshold == 0 {
                self.threshold = self.top;
            }
        }
    }
}

/// Euclid's algorithm.
pub(super) const fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
