//! What hashing balancers hash, and with what.

use super::parameter::{Form, Parameter};

/// `firstAddress`, of policies that hash addresses.
pub(super) const FIRST_ADDRESS: Parameter = Parameter {
    key: "firstAddress",
    form: Form::Address,
    default: "10.0.0.1:80",
    doc: "what is hashed of the first endpoint; the others count up from it",
};

/// The address of the first endpoint; those of the others count up from it.
///
/// Envoy hashes the text `ADDRESS:PORT` of an endpoint, so other addresses give other shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// IPv4 address of the first endpoint.
    pub first: u32,
    /// Port of all.
    pub port: u16,
}

impl Addresses {
    /// `10.0.0.1:80`, `10.0.0.2:80` and so on.
    pub const USUAL: Self = Self { first: 0x0a00_0001, port: 80 };

    /// Reads `10.0.0.1:80`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let address: std::net::SocketAddrV4 = text.parse().ok()?;
        Some(Self { first: u32::from(*address.ip()), port: address.port() })
    }

    /// The text that is hashed for an endpoint.
    pub(super) fn of(self, endpoint: u32) -> String {
        format!("{}:{}", std::net::Ipv4Addr::from(self.first.wrapping_add(endpoint)), self.port)
    }
}

/// The hash of a client: of the text c0, c1 and so on, as if it were the value of a header.
pub(super) fn of_client(client: u64) -> u64 {
    let mut text = [b'c'; 21];
    let mut from = text.len();
    let mut rest = client;
    loop {
        from -= 1;
        text[from] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    xxh64(&text[from - 1..], 0)
}

/// The endpoint at which a point below the sum of the weights lies.
pub(super) fn at_point(sums: &[u32], point: u32) -> u32 {
    sums.partition_point(|sum| *sum <= point) as u32
}

/// The running sums of weights.
pub(super) fn running_sums(weights: Vec<u32>) -> Vec<u32> {
    let mut sum = 0;
    let running = |weight| {
        sum += weight;
        sum
    };
    weights.into_iter().map(running).collect()
}

const PRIMES: [u64; 5] =
    [0x9e37_79b1_85eb_ca87, 0xc2b2_ae3d_27d4_eb4f, 0x1656_67b1_9e37_79f9, 0x85eb_ca77_c2b2_ae63, 0x27d4_eb2f_1656_67c5];

const fn round(accumulator: u64, word: u64) -> u64 {
    accumulator.wrapping_add(word.wrapping_mul(PRIMES[1])).rotate_left(31).wrapping_mul(PRIMES[0])
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u64> + '_ {
    bytes.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().expect("chunks of eight")))
}

/// xxHash64, as Envoy uses it. Source: Y. Collet, "xxHash fast digest algorithm", specification 0.1.1.
pub(super) fn xxh64(bytes: &[u8], seed: u64) -> u64 {
    let stripes = bytes.len() / 32 * 32;
    let mut hash = if stripes > 0 {
        let mut lanes = [
            seed.wrapping_add(PRIMES[0]).wrapping_add(PRIMES[1]),
            seed.wrapping_add(PRIMES[1]),
            seed,
            seed.wrapping_sub(PRIMES[0]),
        ];
        for (index, word) in words(&bytes[..stripes]).enumerate() {
            lanes[index % 4] = round(lanes[index % 4], word);
        }
        let [a, b, c, d] = lanes;
        let joined = a.rotate_left(1).wrapping_add(b.rotate_left(7)).wrapping_add(c.rotate_left(12));
        lanes.into_iter().fold(joined.wrapping_add(d.rotate_left(18)), |hash, lane| {
            (hash ^ round(0, lane)).wrapping_mul(PRIMES[0]).wrapping_add(PRIMES[3])
        })
    } else {
        seed.wrapping_add(PRIMES[4])
    };
    hash = hash.wrapping_add(bytes.len() as u64);
    let mut rest = &bytes[stripes..];
    for word in words(rest) {
        hash = (hash ^ round(0, word)).rotate_left(27).wrapping_mul(PRIMES[0]).wrapping_add(PRIMES[3]);
    }
    rest = &rest[rest.len() / 8 * 8..];
    if let Some((four, after)) = rest.split_first_chunk::<4>() {
        let word = u64::from(u32::from_le_bytes(*four)).wrapping_mul(PRIMES[0]);
        hash = (hash ^ word).rotate_left(23).wrapping_mul(PRIMES[1]).wrapping_add(PRIMES[2]);
        rest = after;
    }
    for byte in rest {
        hash = (hash ^ u64::from(*byte).wrapping_mul(PRIMES[4])).rotate_left(11).wrapping_mul(PRIMES[0]);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(PRIMES[1]);
    hash = (hash ^ (hash >> 29)).wrapping_mul(PRIMES[2]);
    hash ^ (hash >> 32)
}
