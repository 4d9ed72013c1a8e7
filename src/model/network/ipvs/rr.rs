//! `rr`, round robin: the next server of the list after the one chosen last. Weights count only as zero or not.

use super::server::Servers;

/// Where the turn stands.
#[derive(Debug, Clone, Default)]
pub(super) struct RoundRobin {
    /// The place in the list of the server chosen last; `None` is before the head.
    cursor: Option<usize>,
}

impl RoundRobin {
    pub(super) fn pick(&mut self, servers: &Servers) -> Option<u32> {
        let count = servers.len();
        let first = self.cursor.map_or(0, |place| place + 1);
        for place in (first..first + count).map(|place| place % count) {
            if servers[servers.at(place)].takes() {
                self.cursor = Some(place);
                return Some(servers.at(place));
            }
        }
        None
    }

    /// A server came to the head: the cursor stays with its server.
    pub(super) fn added(&mut self) {
        self.cursor = self.cursor.map(|place| place + 1);
    }

    /// A server went: if the cursor stood there, it steps back, so that the successor is next.
    pub(super) fn removed(&mut self, place: usize) {
        self.cursor = match self.cursor {
            Some(cursor) if cursor >= place => cursor.checked_sub(1),
            cursor => cursor,
        };
    }
}
