//! Which causes a flow's time can have, and how a call's ledger enters its caller's.
//!
//! Columns are (cause, where) pairs, fixed when the plan is made. A flow has columns for its own hops, for waiting and
//! being served at the workloads behind its Service, and for everything the calls of those workloads can add; equal
//! pairs share a column.

use crate::cause::LedgerCause;
use crate::model::network::topology::PathClass;
use crate::model::plan::EndpointPlan;
use crate::observe::recorder::LedgerBlock;

/// No such column.
pub const NO_COLUMN: u16 = u16::MAX;

/// The columns of one flow.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    /// Cause and place of each column.
    pub columns: Vec<(LedgerCause, String)>,
    /// Looking up the host.
    pub dns: u16,
    /// Opening a connection.
    pub connect: u16,
    /// The TLS handshake.
    pub tls: u16,
    /// Hops by path class.
    pub network: [u16; 5],
    /// Passing the interfaces of nodes.
    pub transfer: u16,
    /// The proxy's handling.
    pub proxy: u16,
    /// Time in the load balancer that stands before the cluster.
    pub balancer: u16,
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
    /// Being kept from the CPU, likewise: by a cold start, a breakdown, the quota, other containers of the node.
    pub lost: Vec<[u16; 4]>,
    /// Where several Services share the requests: each with the number of targets before its own.
    pub shared: Vec<(u32, usize)>,
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

    /// The position of an endpoint's workload among the targets.
    #[must_use]
    pub fn target(&self, endpoint: &EndpointPlan) -> usize {
        let before =
            self.shared.iter().find(|(service, _)| *service == endpoint.service).map_or(0, |(_, first)| *first);
        before + endpoint.target as usize
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

/// The nanoseconds of every request under way, a row each, by column.
///
/// Rows are padded with zeros to whole blocks of columns: loops over blocks need no cases. A free row is zero.
#[derive(Debug)]
pub(crate) struct Ledgers {
    blocks: Vec<LedgerBlock>,
    /// Blocks of a row.
    stride: usize,
}

impl Ledgers {
    /// Ledgers of at most so many columns.
    pub(crate) const fn new(columns: usize) -> Self {
        Self { blocks: Vec::new(), stride: blocks_of(columns) }
    }

    /// Makes sure that there is a row.
    #[inline(always)]
    pub(crate) fn make_room(&mut self, row: u32) {
        if self.blocks.len() < (row as usize + 1) * self.stride {
            self.grow(row);
        }
    }

    #[cold]
    fn grow(&mut self, row: u32) {
        self.blocks.resize((row as usize + 1) * self.stride * 2, LedgerBlock::default());
    }

    /// Adds nanoseconds in a column of a row.
    #[inline(always)]
    pub(crate) fn charge(&mut self, row: u32, column: u16, nanos: u64) {
        debug_assert!(column != NO_COLUMN, "time was entered under a cause that the flow cannot have");
        *self.cell(row, column) += nanos;
    }

    /// A column of a row.
    #[inline(always)]
    pub(crate) fn cell(&mut self, row: u32, column: u16) -> &mut u64 {
        let first = row as usize * self.stride * size_of::<LedgerBlock>() / size_of::<u64>();
        &mut self.blocks.as_flattened_mut()[first + column as usize]
    }

    /// The first columns of a row.
    pub(crate) fn row(&self, row: u32, columns: usize) -> &[u64] {
        let first = row as usize * self.stride;
        &self.blocks[first..first + self.stride].as_flattened()[..columns]
    }

    /// The first columns of a row, to be changed.
    pub(crate) fn row_mut(&mut self, row: u32, columns: usize) -> &mut [u64] {
        let first = row as usize * self.stride;
        &mut self.blocks[first..first + self.stride].as_flattened_mut()[..columns]
    }

    /// The first blocks of a row.
    #[inline(always)]
    pub(crate) fn blocks(&self, row: u32, blocks: u32) -> &[LedgerBlock] {
        let first = row as usize * self.stride;
        &self.blocks[first..first + blocks as usize]
    }

    /// Sets the first blocks of a row to zero.
    #[inline(always)]
    pub(crate) fn clear(&mut self, row: u32, blocks: u32) {
        let first = row as usize * self.stride;
        for block in &mut self.blocks[first..first + blocks as usize] {
            *block = LedgerBlock::default();
        }
    }
}

/// How many blocks hold so many columns.
pub(crate) const fn blocks_of(columns: usize) -> usize {
    columns.div_ceil(size_of::<LedgerBlock>() / size_of::<u64>())
}

/// The sum of a row.
#[inline(always)]
pub(crate) fn total(row: &[LedgerBlock]) -> u64 {
    let mut totals = LedgerBlock::default();
    for block in row {
        for (total, nanos) in totals.iter_mut().zip(block) {
            *total += nanos;
        }
    }
    totals.iter().sum()
}
