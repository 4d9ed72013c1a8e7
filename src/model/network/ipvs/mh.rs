//! `mh`, Maglev hashing by a table of 4093 slots (the kernel's default).
//!
//! Each server has an order of the slots, offset + k·skip, both from hashes of its address and port. In the order of the
//! list they claim the next free slots of their orders, as many in a row as their share of the weights allows (at most
//! 64). A server of weight 0 keeps its slots, at the last weight that it had; its clients are refused, or with
//! `mh-fallback` hashed again.

use super::Flags;
use super::server::Servers;
use super::wrr::greatest_common_divisor;

const SLOTS: u32 = 4093;
const FREE: u32 = u32::MAX;
/// Half the binary digits of the table's size: shares are scaled to as many.
const TURN_BITS: u32 = 6;
/// The two keys of the hash, each used for both halves.
const KEYS: [u64; 2] = [2_654_435_761, 2_654_446_892];

/// SipHash-1-3 of four bytes (J.-P. Aumasson, D. J. Bernstein, "SipHash", 2012), cut to 32 bits.
fn sip_hash(key: u64, word: u32) -> u32 {
    let mut v = [
        key ^ 0x736f_6d65_7073_6575,
        key ^ 0x646f_7261_6e64_6f6d,
        key ^ 0x6c79_6765_6e65_7261,
        key ^ 0x7465_6462_7974_6573,
    ];
    let round = |v: &mut [u64; 4]| {
        v[0] = v[0].wrapping_add(v[1]);
        v[1] = v[1].rotate_left(13) ^ v[0];
        v[0] = v[0].rotate_left(32);
        v[2] = v[2].wrapping_add(v[3]);
        v[3] = v[3].rotate_left(16) ^ v[2];
        v[0] = v[0].wrapping_add(v[3]);
        v[3] = v[3].rotate_left(21) ^ v[0];
        v[2] = v[2].wrapping_add(v[1]);
        v[1] = v[1].rotate_left(17) ^ v[2];
        v[2] = v[2].rotate_left(32);
    };
    let last = 4_u64 << 56 | u64::from(word);
    v[3] ^= last;
    round(&mut v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for _ in 0..3 {
        round(&mut v);
    }
    (v[0] ^ v[1] ^ v[2] ^ v[3]) as u32
}

fn hash(which: usize, address: u32, port: u32) -> u32 {
    sip_hash(KEYS[which], address.wrapping_add(port))
}

/// The table.
#[derive(Debug, Clone, Default)]
pub(super) struct MaglevHash {
    table: Vec<u32>,
}

/// A server that claims slots.
struct Claimant {
    server: u32,
    next: u32,
    skip: u32,
    turns: u32,
}

impl MaglevHash {
    pub(super) fn new(servers: &Servers) -> Self {
        let weights = || servers.iter().map(|(_, server)| server.last_weight);
        let gcd = weights().filter(|weight| *weight > 0).fold(0, greatest_common_divisor).max(1);
        let largest = weights().max().unwrap_or(0) / gcd;
        let shift = (u32::BITS - largest.leading_zeros()).saturating_sub(TURN_BITS);
        let claimant = |server: u32| {
            let (address, port) = (servers[server].address.ip().to_bits(), u32::from(servers[server].address.port()));
            Claimant {
                server,
                next: hash(0, address, port) % SLOTS,
                skip: hash(1, address, port) % (SLOTS - 1) + 1,
                turns: ((servers[server].last_weight / gcd) >> shift).max(1),
            }
        };
        let able = servers.iter().filter(|(_, server)| server.last_weight > 0);
        let mut claimants: Vec<Claimant> = able.map(|(number, _)| claimant(number)).collect();
        if claimants.is_empty() {
            return Self::default();
        }
        let mut table = vec![FREE; SLOTS as usize];
        let mut left = SLOTS;
        'claims: loop {
            for claimant in &mut claimants {
                for _ in 0..claimant.turns {
                    while table[claimant.next as usize] != FREE {
                        claimant.next = (claimant.next + claimant.skip) % SLOTS;
                    }
                    table[claimant.next as usize] = claimant.server;
                    left -= 1;
                    if left == 0 {
                        break 'claims;
                    }
                }
            }
        }
        Self { table }
    }

    pub(super) fn pick(&self, servers: &Servers, flags: Flags, address: u32, port: u16) -> Option<u32> {
        if self.table.is_empty() {
            return None;
        }
        let port = if flags.port { u32::from(port) } else { 0 };
        let usable = |port: u32| {
            let server = self.table[(hash(0, address, port) % SLOTS) as usize];
            Some(server).filter(|server| servers[*server].takes())
        };
        if !flags.fallback {
            return usable(port);
        }
        let home = hash(0, address, port) % SLOTS;
        usable(port).or_else(|| (0..SLOTS).find_map(|offset| usable(port + (offset + home) % SLOTS)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::network::ipvs::server::Server;

    #[test]
    fn a_table_is_full_and_shared_by_weight() {
        let server = |host: u8, weight| Server::new(format!("10.0.0.{host}:80").parse().expect("an address"), weight);
        let servers = Servers::in_order(vec![server(1, 2), server(2, 1), server(3, 1)]);
        let mut counts = [0_u32; 3];
        for owner in MaglevHash::new(&servers).table {
            counts[owner as usize] += 1;
        }
        assert_eq!(counts.iter().sum::<u32>(), SLOTS);
        assert!(counts[0].abs_diff(2 * counts[1]) < 10 && counts[1].abs_diff(counts[2]) < 5, "{counts:?}");
    }
}
