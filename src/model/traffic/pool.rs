//! Pools of connections: the idle ones of one owner to one target, and who waits for one.
//!
//! All pools of a run lie side by side, each in one cache line, and none ever moves: a connection remembers the number
//! of its own. Requests of thousands of clients touch pools that nobody has touched for long; what counts then is how
//! many places in memory lead to one.

use crate::model::World;
use crate::model::plan::{NONE, Route, as_u32};
use crate::model::short_queue::ShortQueue;
use crate::model::slab::Slab;
use crate::model::traffic::attempt::Attempt;
use crate::model::traffic::connection::Connection;
use crate::model::traffic::life::Owner;
use crate::time::SimTime;

/// Clients of a flow with a pool each that get theirs side by side; those of further ones are made when first used.
const SIDE_BY_SIDE: u32 = 65_536;

/// Attempts that wait, linked through their records.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    first: u32,
    last: u32,
}

impl Line {
    /// Nobody waits.
    pub(crate) const EMPTY: Self = Self { first: NONE, last: NONE };

    /// An attempt joins at the end.
    #[inline]
    pub(crate) fn join(&mut self, attempt: u32, attempts: &mut Slab<Attempt>) {
        attempts[attempt].next = NONE;
        match std::mem::replace(&mut self.last, attempt) {
            NONE => self.first = attempt,
            last => attempts[last].next = attempt,
        }
    }

    /// The first leaves.
    #[inline]
    pub(crate) fn leave(&mut self, attempts: &mut Slab<Attempt>) -> Option<u32> {
        let first = self.first;
        if first == NONE {
            return None;
        }
        self.first = std::mem::replace(&mut attempts[first].next, NONE);
        if self.first == NONE {
            self.last = NONE;
        }
        Some(first)
    }
}

/// The connections of one owner to one target.
#[derive(Debug, Clone)]
#[repr(align(64))]
pub(crate) struct Pool {
    /// Those that take another request, the last released at the back.
    pub(crate) idle: ShortQueue,
    /// Who waits for one.
    pub(crate) waiters: Line,
    /// How many there are.
    pub(crate) open: u32,
    /// Whose it is.
    pub(crate) owner: Owner,
    /// How its connections are kept.
    pub(crate) manner: u32,
}

impl Pool {
    /// Closes the idle connections of which `ended` says so, given their slots and what they are.
    pub(crate) fn close_some(
        &mut self,
        connections: &mut Slab<Connection>,
        ended: impl Fn(u32, &Connection) -> bool,
        closed: &mut Vec<u32>,
    ) {
        let open = &mut self.open;
        self.idle.retain(|connection| {
            let close = ended(connection, &connections[connection]);
            if close {
                connections.remove(connection);
                *open -= 1;
                closed.push(connection);
            }
            !close
        });
    }
}

/// All pools of a run, by number.
#[derive(Debug, Default)]
pub(crate) struct Pools(Vec<Pool>);

impl Pools {
    /// Makes a pool and says its number.
    pub(crate) fn make(&mut self, owner: Owner, manner: u32) -> u32 {
        let pool = Pool { idle: ShortQueue::default(), waiters: Line::EMPTY, open: 0, owner, manner };
        self.0.push(pool);
        as_u32(self.0.len() - 1)
    }
}

impl std::ops::Index<u32> for Pools {
    type Output = Pool;
    #[inline]
    fn index(&self, number: u32) -> &Pool {
        &self.0[number as usize]
    }
}

impl std::ops::IndexMut<u32> for Pools {
    #[inline]
    fn index_mut(&mut self, number: u32) -> &mut Pool {
        &mut self.0[number as usize]
    }
}

/// The numbers of pools by two numbers, made when first used: `NONE` where none was.
#[derive(Debug, Default)]
pub(crate) struct PoolTable(Vec<Vec<u32>>);

impl PoolTable {
    /// The number at a place, if a pool was made for it.
    pub(crate) fn get(&self, row: u32, column: u32) -> Option<u32> {
        let number = *self.0.get(row as usize)?.get(column as usize)?;
        (number != NONE).then_some(number)
    }

    /// The number at a place, to be set where it is `NONE`.
    pub(crate) fn entry(&mut self, row: u32, column: u32) -> &mut u32 {
        let (row, column) = (row as usize, column as usize);
        if self.0.len() <= row {
            self.0.resize_with(row + 1, Vec::new);
        }
        let row = &mut self.0[row];
        if row.len() <= column {
            row.resize(column + 1, NONE);
        }
        &mut row[column]
    }

    /// Column and number of all that were made in a row.
    fn row(&self, row: u32) -> impl Iterator<Item = (u32, u32)> + '_ {
        let row = self.0.get(row as usize).map_or(&[][..], Vec::as_slice);
        (0..).zip(row.iter().copied()).filter(|(_, number)| *number != NONE)
    }
}

/// Which pools a flow's clients have.
#[derive(Debug, Default)]
pub(crate) struct ClientPools {
    /// The first client's pool to the first target; those of so many clients lie side by side.
    first: u32,
    beside: u32,
    /// All others, by client and target.
    apart: PoolTable,
}

impl ClientPools {
    /// Makes one pool for each of a flow's clients, which have only one.
    pub(crate) fn lay(&mut self, pools: &mut Pools, flow: u32, clients: u32, manner: u32) {
        self.beside = clients.min(SIDE_BY_SIDE);
        self.first = as_u32(pools.0.len());
        for client in 0..self.beside {
            pools.make(Owner { flow, number: client, upstream: false }, manner);
        }
    }

    /// The number of a client's pool to a target, unless it has yet to be made.
    #[inline]
    pub(crate) fn find(&self, client: u32, target: u32) -> Option<u32> {
        if target == 0 && client < self.beside {
            return Some(self.first + client);
        }
        self.apart.get(client, target)
    }

    /// Notes the number of a pool that [`Self::find`] did not find.
    pub(crate) fn add(&mut self, client: u32, target: u32, number: u32) {
        *self.apart.entry(client, target) = number;
    }

    /// Client, target and number of every pool, in order.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u32, u32, u32)> + '_ {
        let clients = self.beside.max(as_u32(self.apart.0.len()));
        (0..clients).flat_map(|client| {
            let own = (client < self.beside).then(|| (client, 0, self.first + client));
            own.into_iter().chain(self.apart.row(client).map(move |(target, number)| (client, target, number)))
        })
    }
}

impl World<'_> {
    /// The pool of a client to a target.
    #[inline]
    pub(super) fn client_pool(&mut self, flow: u32, client: u32, target: u32) -> u32 {
        match self.flows[flow as usize].pools.find(client, target) {
            Some(pool) => pool,
            None => self.make_client_pool(flow, client, target),
        }
    }

    #[inline(never)]
    fn make_client_pool(&mut self, flow: u32, client: u32, target: u32) -> u32 {
        let owner = Owner { flow, number: client, upstream: false };
        let pool = self.pools.make(owner, self.plan.hot[flow as usize].manner);
        self.flows[flow as usize].pools.add(client, target, pool);
        pool
    }

    /// The pool that an attempt takes its client's connection from, where a client has one for each target that is
    /// chosen before the connection.
    pub(super) fn own_pool(&mut self, attempt: u32) -> u32 {
        let target = self.pool_target(attempt);
        let entry = &self.attempts[attempt];
        self.client_pool(entry.flow, entry.client, target)
    }

    /// The number of the target that an attempt's connection leads to, among those of its client.
    #[inline]
    pub(super) fn pool_target(&self, attempt: u32) -> u32 {
        let entry = &self.attempts[attempt];
        if self.flows[entry.flow as usize].per_connection {
            return 0;
        }
        match self.plan_flow(entry.flow).route {
            Route::Proxy4(proxy) | Route::Proxy7(proxy) => {
                entry.worker - self.plan.proxies[proxy as usize].first_worker
            }
            _ => as_u32(self.roster.number_of(self.plan, entry.endpoint)),
        }
    }

    /// The next live attempt that waits for a connection of a pool, its wait entered in the ledger.
    pub(super) fn next_waiter(&mut self, pool: u32, now: SimTime) -> Option<u32> {
        let upstream = self.pools[pool].owner.upstream;
        loop {
            let waiter = self.pools[pool].waiters.leave(&mut self.attempts)?;
            if self.attempts[waiter].request == NONE && !upstream {
                self.attempts.remove(waiter);
                continue;
            }
            self.end_wait(waiter, upstream, now);
            return Some(waiter);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_takes_a_cache_line_and_so_does_a_connection() {
        assert_eq!(size_of::<Pool>(), 64);
        assert_eq!(size_of::<Connection>(), 64);
    }

    #[test]
    fn pools_are_found_again_and_told_in_order() {
        let (mut pools, mut own) = (Pools::default(), ClientPools::default());
        pools.make(Owner { flow: 0, number: 0, upstream: true }, 0);
        own.lay(&mut pools, 3, 2, 5);
        for (client, target) in [(4, 0), (1, 2), (1, 1)] {
            assert_eq!(own.find(client, target), None);
            let number = pools.make(Owner { flow: 3, number: client, upstream: false }, 5);
            own.add(client, target, number);
            assert_eq!(own.find(client, target), Some(number));
        }
        let all: Vec<_> = own.all().collect();
        assert_eq!(all, [(0, 0, 1), (1, 0, 2), (1, 1, 5), (1, 2, 4), (4, 0, 3)]);
        for (client, target, number) in all {
            assert_eq!(own.find(client, target), Some(number));
            assert_eq!((pools[number].owner.flow, pools[number].owner.number), (3, client));
        }
    }
}
