//! `sh`, source hashing: a table of 256 buckets that the servers fill in turn, in the order of the list.
//!
//! A server takes as many consecutive buckets as its weight says, one with weight 0; the table is filled anew at each
//! change, so that most clients move. A client belongs to the bucket of its address (with the flag `sh-port` of address
//! and port); without a server that takes connections there it is refused, or with `sh-fallback` goes on to another
//! bucket.

use super::Flags;
use super::server::Servers;

const BUCKETS: u32 = 256;
/// 2^32 divided by the golden ratio, squared: multiplicative hashing keeps the upper bits of the product.
const GOLDEN_RATIO: u32 = 0x61C8_8647;

/// The bucket of an address and a port.
pub(super) const fn bucket(address: u32, port: u32) -> u32 {
    address.wrapping_add(port).wrapping_mul(GOLDEN_RATIO) >> 24
}

/// Fills the buckets in turn; `turns` says how many a server takes at once.
pub(super) fn fill(servers: &Servers, turns: impl Fn(u32) -> u32) -> Vec<u32> {
    let mut table = Vec::with_capacity(BUCKETS as usize);
    while !servers.is_empty() && table.len() < BUCKETS as usize {
        for (number, _) in servers.iter() {
            table.extend((0..turns(number)).map(|_| number));
        }
    }
    table.truncate(BUCKETS as usize);
    table
}

/// The table.
#[derive(Debug, Clone, Default)]
pub(super) struct SourceHash {
    table: Vec<u32>,
}

impl SourceHash {
    pub(super) fn new(servers: &Servers) -> Self {
        Self { table: fill(servers, |number| servers[number].weight.clamp(1, BUCKETS)) }
    }

    pub(super) fn pick(&self, servers: &Servers, flags: Flags, address: u32, port: u16) -> Option<u32> {
        if self.table.is_empty() {
            return None;
        }
        let port = if flags.port { u32::from(port) } else { 0 };
        let home = bucket(address, port);
        let usable = |bucket: u32| Some(self.table[bucket as usize]).filter(|server| servers[*server].takes());
        if !flags.fallback {
            return usable(home);
        }
        usable(home).or_else(|| (0..BUCKETS).find_map(|offset| usable((offset + home + home) % BUCKETS)))
    }
}
