//! Random numbers: named streams and the distributions a scenario may name.
//!
//! Randomness belongs to a purpose and an entity, never to the order of calls. A [`Stream`] is sequential and carries
//! a name (`traffic/browse/arrivals`); a [`Keyed`] generator is started afresh for each request from its identity, so
//! one draw more or less for one request shifts no other. Both are ordinary generators of the `rand` crate.
//!
//! Everything here gives the same bits on every platform: floating-point functions come from `libm`, hashes are our
//! own and frozen by tests.

mod bits;
pub(crate) mod check;
mod data;
mod dist;
mod exp;
mod exponential;
mod hash;
mod keyed;
mod list;
mod mixture;
mod normal;
mod points;
mod stream;
mod tail;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use dist::Dist;
pub use hash::{Mixer, mix, name_hash};
pub use keyed::Keyed;
pub use list::{DISTRIBUTIONS, Listed};
pub use stream::Stream;
