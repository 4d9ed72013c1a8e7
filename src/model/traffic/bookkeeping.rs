//! Books of connections, where somebody asks for them: `connections.csv`.

use crate::model::World;
use crate::model::plan::{NONE, Plan, Route, as_u32};
use crate::model::traffic::channel::Channel;
use crate::model::traffic::handshake::Far;
use crate::model::traffic::life::{End, Owner};
use crate::observe::connections::{ConnectionCounts, ConnectionOutcome};
use crate::time::SimTime;

/// In place of a pooled connection: one of the attempt's own, in the books.
pub(super) const OWN: u32 = NONE - 1;

/// The books of a run.
#[derive(Debug)]
pub(crate) struct Books {
    /// A row for each flow, then for each proxy, on each node and outside.
    rows: Vec<ConnectionCounts>,
}

impl Books {
    /// Empty books, where the scenario wants them kept.
    pub(crate) fn of(plan: &Plan) -> Option<Box<Self>> {
        let subjects = plan.flows.len() + plan.proxies.len();
        let rows = vec![ConnectionCounts::default(); subjects * (plan.scenario.cluster.nodes.len() + 1)];
        plan.scenario.observe.connections.then(|| Box::new(Self { rows }))
    }

    /// Rows in which something happened; calls of one name are one.
    pub(crate) fn finish(self, plan: &Plan) -> Vec<ConnectionOutcome> {
        let places = plan.scenario.cluster.nodes.len() + 1;
        let mut outcomes: Vec<ConnectionOutcome> = Vec::new();
        for (index, counts) in self.rows.into_iter().enumerate().filter(|(_, counts)| !counts.is_empty()) {
            let (subject, node) = (index / places, plan.node_name(as_u32(index % places)).to_owned());
            let name = match plan.flows.get(subject) {
                Some(flow) => plan.labels.flows[flow.recorder as usize].name.clone(),
                None => format!("proxy/{}", plan.scenario.proxies[subject - plan.flows.len()].name),
            };
            match outcomes.iter_mut().find(|known| known.name == name && known.node == node) {
                Some(known) => known.counts.add(&counts),
                None => outcomes.push(ConnectionOutcome { name, node, counts }),
            }
        }
        outcomes
    }
}

impl World<'_> {
    /// The row of whoever opens a connection.
    fn row_of(&mut self, owner: Owner) -> Option<&mut ConnectionCounts> {
        self.books.as_ref()?;
        let plan = self.plan;
        let (subject, node) = match plan.flows[owner.flow as usize].route {
            Route::Proxy7(_) if owner.upstream => {
                let worker = &plan.workers[owner.number as usize];
                (plan.flows.len() + worker.proxy as usize, worker.node)
            }
            _ => {
                let node = self.node_of_client(&plan.hot[owner.flow as usize], owner.flow, owner.number);
                (owner.flow as usize, node)
            }
        };
        let nodes = plan.scenario.cluster.nodes.len() + 1;
        self.books.as_mut().map(|books| &mut books.rows[subject * nodes + node as usize])
    }

    /// Whoever opens an attempt's connection.
    pub(super) fn opener(&self, attempt: u32, upstream: bool) -> Owner {
        let entry = &self.attempts[attempt];
        let number = if upstream { entry.worker } else { entry.client };
        Owner { flow: entry.flow, number, upstream }
    }

    /// A connection was opened.
    #[inline(never)]
    pub(super) fn note_open(&mut self, owner: Owner) {
        if let Some(row) = self.row_of(owner) {
            row.open();
        }
    }

    /// A request took a connection that was open.
    #[inline(never)]
    pub(super) fn note_reused(&mut self, owner: Owner) {
        if let Some(row) = self.row_of(owner) {
            row.reused += 1;
        }
    }

    /// A request met a connection that the other end had closed.
    #[inline(never)]
    pub(super) fn note_stale(&mut self, owner: Owner) {
        if let Some(row) = self.row_of(owner) {
            row.stale += 1;
        }
    }

    /// A connection ended, or was not opened.
    #[inline(never)]
    pub(super) fn note_end(&mut self, owner: Owner, why: End, was_open: bool) {
        let Some(row) = self.row_of(owner) else { return };
        row.open -= u64::from(was_open);
        match why {
            End::Failed => row.failed += 1,
            End::Idle => row.closed_idle += 1,
            End::IdleAtServer => row.closed_by_server += 1,
            End::Age => row.closed_for_age += 1,
            End::Requests => row.closed_for_requests += 1,
            End::GivenUp if was_open => row.closed_by_client += 1,
            // Nobody waited until it was open.
            End::GivenUp => row.failed += 1,
            End::Reset => row.reset += 1,
        }
    }

    /// A connection of an attempt's own, or of a simple pool, ended or was not opened.
    #[inline(always)]
    pub(super) fn note_end_of(&mut self, attempt: u32, upstream: bool, (why, was_open): (End, bool), now: SimTime) {
        if self.follows_connections() {
            self.note_end(self.opener(attempt, upstream), why, was_open);
            if was_open {
                self.leave_tracks(self.opener(attempt, upstream), self.far_of(attempt), why, now);
            }
        }
    }

    /// Whether anybody counts connections, or what nodes remember of them.
    #[inline(always)]
    pub(super) const fn follows_connections(&self) -> bool {
        self.books.is_some() || self.tracking.is_some()
    }

    /// A connection of an attempt's own, or of a simple pool, was opened.
    #[inline(always)]
    pub(super) fn note_opened(&mut self, attempt: u32, upstream: bool) {
        if self.follows_connections() {
            self.note_open(self.opener(attempt, upstream));
            let spec = self.plan_flow(self.attempts[attempt].flow);
            let connections = if upstream { &spec.upstream } else { &spec.flow.connections };
            if Channel::of(connections) == Channel::PerRequest {
                let entry = &mut self.attempts[attempt];
                *(if upstream { &mut entry.upstream } else { &mut entry.connection }) = OWN;
            }
        }
    }

    /// A connection of an attempt's own, or of a simple pool, was not opened.
    pub(super) fn note_failed(&mut self, attempt: u32, upstream: bool) {
        if self.books.is_some() && !self.is_kept(self.attempts[attempt].flow, upstream) {
            self.note_end(self.opener(attempt, upstream), End::Failed, false);
        }
    }

    /// A connection of an attempt's own ends, if it was opened; the route that it took.
    #[inline(always)]
    pub(super) fn close_own(&mut self, attempt: u32, upstream: bool, why: End, now: SimTime) -> Route {
        if self.follows_connections() {
            let entry = &mut self.attempts[attempt];
            let own = std::mem::replace(if upstream { &mut entry.upstream } else { &mut entry.connection }, NONE);
            if own == OWN {
                self.note_end_of(attempt, upstream, (why, true), now);
            } else if why == End::GivenUp {
                self.note_end(self.opener(attempt, upstream), why, false);
            }
        }
        self.plan_flow(self.attempts[attempt].flow).route
    }

    /// An attempt took a connection of a simple pool, or one that stands.
    #[inline(always)]
    pub(super) fn note_reused_by(&mut self, attempt: u32, upstream: bool) {
        if self.books.is_some() {
            self.note_reused(self.opener(attempt, upstream));
        }
    }

    /// Connections that stand before the run.
    pub(super) fn note_standing(&mut self, flow: u32, number: u32, upstream: bool, far: Far) {
        if self.follows_connections() {
            let owner = Owner { flow, number, upstream };
            self.note_open(owner);
            self.track_standing(owner, far);
        }
    }

    /// A connection found no source port.
    pub(super) fn count_exhausted(&mut self, owner: Owner) {
        if let Some(row) = self.row_of(owner) {
            row.port_exhausted += 1;
        }
    }

    /// A first packet found the table of a node full.
    pub(super) fn count_table_full(&mut self, owner: Owner) {
        if let Some(row) = self.row_of(owner) {
            row.conntrack_full += 1;
        }
    }

    /// A SYN is sent again.
    pub(super) fn count_retransmission(&mut self, owner: Owner) {
        if let Some(row) = self.row_of(owner) {
            row.retransmissions += 1;
        }
    }

    /// Idle or standing connections of a flow's clients, or of its proxy's workers, were broken.
    pub(super) fn note_broken(&mut self, flow: u32, closed: &[(u32, bool, u64, u32)], now: SimTime) {
        if !self.follows_connections() {
            return;
        }
        for (number, upstream, count, endpoint) in closed {
            let owner = Owner { flow, number: *number, upstream: *upstream };
            let gate = if *upstream { NONE } else { self.standing_gate(flow, *number) };
            for _ in 0..*count {
                self.note_end(owner, End::Reset, true);
                if *endpoint != NONE {
                    self.leave_tracks(owner, Far { endpoint: *endpoint, worker: NONE, gate }, End::Reset, now);
                }
            }
        }
    }

    /// What the books say in the end.
    pub(crate) fn connection_outcomes(&mut self) -> Vec<ConnectionOutcome> {
        self.books.take().map_or_else(Vec::new, |books| books.finish(self.plan))
    }
}
