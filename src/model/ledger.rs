//! Which causes a flow's time can have, and how a call's ledger enters its caller's.
//!
//! Columns are (cause, where) pairs, fixed when the plan is made. A flow has columns for its own hops, for waiting and
//! being served at the workloads behind its Service, and for everything the calls of those workloads can add; equal
//! pairs share a column.

use crate::cause::LedgerCause;
use crate::model::network::topology::PathClass;

/// No such column.
pub const NO_COLUMN: u16 = u16::MAX;

/// The columns of one flow.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    /// Cause and place of each column.
    pub columns: Vec<(LedgerCause, String)>,
    /// Opening a connection.
    pub connect: u16,
    /// Hops by path class.
    pub network: [u16; 3],
    /// The proxy's handling.
    pub proxy: u16,
    /// Waiting for a pooled connection.
    pub pool_wait: u16,
    /// Waiting between attempts.
    pub back_off: u16,
    /// Attempts that came to nothing.
    pub wasted: u16,
    /// Waiting in the queue, by position of the workload among the Service's targets.
    pub queue_wait: Vec<u16>,
    /// Being served, likewise.
    pub service: Vec<u16>,
    /// For each call of each target (in order): the callee's columns as columns of this flow.
    pub calls: Vec<(u32, Vec<u16>)>,
}

impl Layout {
    /// The column of a pair, made if it is new.
    pub fn column(&mut self, cause: LedgerCause, place: &str) -> u16 {
        let found = self.columns.iter().position(|(c, p)| *c == cause && p == place);
        let index = found.unwrap_or_else(|| {
            self.columns.push((cause, place.to_string()));
            self.columns.len() - 1
        });
        u16::try_from(index).expect("fewer than 65,535 pairs of cause and place")
    }

    /// The column of a hop.
    #[must_use]
    #[inline]
    pub fn hop(&self, class: PathClass) -> u16 {
        self.network[class as usize]
    }

    /// How the columns of a callee map to this flow's.
    #[must_use]
    pub fn mapping(&self, callee: u32) -> &[u16] {
        let position = self.calls.binary_search_by_key(&callee, |(flow, _)| *flow).expect("the callee is a call of it");
        &self.calls[position].1
    }
}
