//! The state of a flow during a run: its clients' pools, balancers, turns and budgets.

use std::sync::Arc;

use crate::arrivals::{self, Process};
use crate::balance::Balancer;
use crate::engine::{LaneId, Rank, Schedule, StreamId};
use crate::model::kind;
use crate::model::network::endpoints::Snapshot;
use crate::model::plan::{FlowPlan, Plan, Route};
use crate::model::traffic::channel::Channel;
use crate::model::traffic::pool::ClientPools;
use crate::model::traffic::retry::Budget;
use crate::random::{Mixer, Stream, name_hash};
use crate::scenario::Popularity;
use crate::time::SimDuration;

/// What a flow remembers; what every arrival asks for stands first.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct FlowState {
    /// Mixes the start of the identity of its requests with the number of a request.
    pub(crate) identity: Mixer,
    /// Number of the next request.
    pub(crate) next_number: u64,
    /// The scalar beside the event list that holds the next arrival.
    pub(crate) arrivals: Option<StreamId>,
    /// Pools of the clients.
    pub(crate) pools: ClientPools,
    /// Whether the layer-4 choice or the proxy instance belongs to the connection, not to the request.
    pub(crate) per_connection: bool,
    /// Which client sends next, where they take turns.
    pub(crate) turn: u32,
    /// When requests come; `None` for calls and closed loops.
    pub(crate) process: Option<Process>,
    /// How the clients' connections cost and are limited.
    pub(crate) channel: Channel,
    /// Start of the identity of its requests.
    pub(crate) hash: u64,
    /// First user of a closed loop among all users, and the number of requests of each so far.
    pub(crate) users: Vec<u64>,
    /// Cumulative weights of the clients under a Zipf popularity.
    pub(crate) popularity: Vec<f64>,
    /// Lane of the total timeout.
    pub(crate) deadline: Option<LaneId>,
    /// Lane of the timeout of a try.
    pub(crate) per_try: Option<LaneId>,
    /// Proxy worker and endpoint of the standing connection of each client.
    pub(crate) pinned: Vec<(u32, u32)>,
    /// Balancers of the clients, made when first used.
    pub(crate) balancers: Vec<Option<Box<ClientBalancer>>>,
    /// Turns of the clients among proxy instances.
    pub(crate) instance_turns: Vec<u32>,
    /// Turns of the clients among their channels.
    pub(crate) channel_turns: Vec<u32>,
    /// Retry budgets of the clients, made when first used.
    pub(crate) budgets: Vec<Option<Box<Budget>>>,
    /// Number of the first measured request.
    pub(crate) first_measured: Option<u64>,
    /// Requests logged so far.
    pub(crate) logged: u64,
}

/// A client's own balancer and its randomness.
#[derive(Debug)]
pub(crate) struct ClientBalancer {
    pub(crate) stream: Stream,
    pub(crate) balancer: Balancer,
    /// The endpoints it knows, in the order in which the balancer numbers them.
    pub(crate) programmed: Arc<Snapshot>,
}

impl FlowState {
    pub(crate) fn new(plan: &Plan, flow: &FlowPlan, replication: u32, schedule: &mut Schedule) -> Self {
        let seed = plan.scenario.run.seed;
        let lane = |delay: Option<SimDuration>, kind, schedule: &mut Schedule| {
            delay.map(|delay| schedule.add_lane(delay, Rank::Timeout, kind))
        };
        let deadline = lane(flow.flow.timeout, kind::DEADLINE, schedule);
        let per_try = lane(flow.flow.retries.per_try, kind::PER_TRY, schedule);
        let clients = flow.clients as usize;
        let balances = flow.route == Route::ClientBalancer;
        let hash = name_hash(seed, replication, &format!("{}/request", flow.stream));
        Self {
            hash,
            identity: Mixer::new(hash),
            next_number: 0,
            process: None,
            arrivals: None,
            users: Vec::new(),
            turn: 0,
            popularity: Vec::new(),
            deadline,
            per_try,
            channel: Channel::of(&flow.flow.connections),
            per_connection: false,
            pinned: Vec::new(),
            pools: ClientPools::default(),
            balancers: if balances { (0..clients).map(|_| None).collect() } else { Vec::new() },
            instance_turns: Vec::new(),
            channel_turns: Vec::new(),
            budgets: Vec::new(),
            first_measured: None,
            logged: 0,
        }
    }

    /// Prepares the arrivals of a traffic.
    pub(crate) fn prepare_arrivals(
        &mut self,
        spec: &arrivals::Spec,
        popularity: &Popularity,
        clients: u32,
        stream: Stream,
    ) {
        if let Popularity::Zipf { exponent } = popularity {
            let mut total = 0.0;
            self.popularity = (1..=clients)
                .map(|rank| {
                    total += libm::pow(f64::from(rank), -exponent);
                    total
                })
                .collect();
        }
        match spec {
            arrivals::Spec::Closed { users, .. } => self.users = vec![0; *users as usize],
            open => self.process = Some(open.build(stream)),
        }
    }

    /// The balancer of a client.
    pub(crate) fn balancer(
        &mut self,
        plan: &Plan,
        flow: &FlowPlan,
        client: u32,
        replication: u32,
        programmed: Option<&Arc<Snapshot>>,
    ) -> &mut ClientBalancer {
        if self.balancers.len() <= client as usize {
            self.balancers.resize_with(client as usize + 1, || None);
        }
        if self.balancers[client as usize].is_none() {
            self.make_balancer(plan, flow, client, replication, programmed);
        }
        self.balancers[client as usize].as_mut().expect("just made")
    }

    #[inline(never)]
    fn make_balancer(
        &mut self,
        plan: &Plan,
        flow: &FlowPlan,
        client: u32,
        replication: u32,
        programmed: Option<&Arc<Snapshot>>,
    ) {
        let name = format!("{}/client/{client}/pick", flow.stream);
        let mut stream = Stream::new(plan.scenario.run.seed, replication, &name);
        let spec = flow.flow.balancer.as_ref().expect("only flows with a balancer come here");
        let programmed = Arc::clone(programmed.unwrap_or(&plan.services[flow.flow.service].snapshot));
        let other = self.balancers.iter().flatten().map(|other| &other.balancer).next();
        let balancer = spec.build_beside(other, programmed.count(), &mut stream);
        self.balancers[client as usize] = Some(Box::new(ClientBalancer { stream, balancer, programmed }));
    }
}
