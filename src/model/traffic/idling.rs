//! Pods that become idle report it: each to one of the balancers that share it, chosen at random, whose queue it stands in
//! until that balancer sends it something. Reports cost nothing and take no time.

use crate::balance::IdleQueue;
use crate::model::World;
use crate::model::plan::{Route, as_u32};
use crate::random::Stream;

/// The pods that report, and to whom.
#[derive(Debug, Default)]
pub(crate) struct Idling {
    groups: Vec<Group>,
    /// The groups of each container, and the place of its pod in them.
    places: Vec<Vec<(u32, u32)>>,
}

/// Balancers of one policy that share pods.
#[derive(Debug)]
struct Group {
    stream: Stream,
    members: Members,
    count: u32,
    /// To whom each pod reported last.
    told: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
enum Members {
    /// The workers of a proxy, from this one on.
    Workers(u32),
    /// The clients of a flow.
    Clients(u32),
}

impl World<'_> {
    /// All pods are idle and say so. A balancer that has its pods to itself needs no report.
    pub(crate) fn start_idling(&mut self) {
        let plan = self.plan;
        let mut idling = Idling::default();
        for (index, proxy) in plan.scenario.proxies.iter().enumerate().filter(|(_, proxy)| proxy.balancer.asks().idle) {
            let count = plan.workers.iter().filter(|worker| worker.proxy as usize == index).count();
            let members = Members::Workers(plan.proxies[index].first_worker);
            self.add_idling(&mut idling, members, as_u32(count), proxy.service, &format!("proxy/{}", proxy.name));
        }
        for (index, spec) in plan.flows.iter().enumerate().filter(|(_, spec)| spec.route == Route::ClientBalancer) {
            if spec.flow.balancer.as_ref().is_some_and(|balancer| balancer.asks().idle) {
                let members = Members::Clients(as_u32(index));
                self.add_idling(&mut idling, members, spec.clients, spec.flow.service, &spec.stream);
            }
        }
        if idling.groups.is_empty() {
            return;
        }
        self.idling = Some(Box::new(idling));
        self.probes.levels = true;
        (0..plan.server_of.len()).for_each(|station| self.report_idle(station));
    }

    fn add_idling(&mut self, idling: &mut Idling, members: Members, count: u32, service: usize, name: &str) {
        if count < 2 {
            return;
        }
        let plan = self.plan;
        let stream = Stream::new(self.seed, self.replication, &format!("{name}/idle-reports"));
        let snapshot = &plan.services[service].snapshot;
        idling.places.resize(plan.server_of.len(), Vec::new());
        for place in 0..snapshot.count() {
            let station = plan.endpoints[snapshot.endpoint(place) as usize].station;
            idling.places[station as usize].push((as_u32(idling.groups.len()), place));
        }
        for member in 0..count {
            self.idle_queue(members, member).open();
        }
        idling.groups.push(Group { stream, members, count, told: vec![0; snapshot.count() as usize] });
    }

    /// The queue of a balancer that goes by reports.
    fn idle_queue(&mut self, members: Members, member: u32) -> &mut IdleQueue {
        let balancer = match members {
            Members::Workers(first) => &mut self.workers[(first + member) as usize].balancer,
            Members::Clients(flow) => {
                let spec = &self.plan.flows[flow as usize];
                &mut self.flows[flow as usize].balancer(self.plan, spec, member, self.replication, None).balancer
            }
        };
        balancer.idle_queue().expect("its policy asks for reports")
    }

    /// A station where nobody is any more tells one balancer of each group, unless it stands in a queue there.
    #[inline(never)]
    pub(crate) fn report_idle(&mut self, station: usize) {
        if self.stations[station].in_system() > 0 {
            return;
        }
        let Some(mut idling) = self.idling.take() else { return };
        let Idling { groups, places } = &mut *idling;
        for (group, place) in &places[station] {
            let Group { stream, members, count, told } = &mut groups[*group as usize];
            let told = &mut told[*place as usize];
            if !self.idle_queue(*members, *told).holds(*place) {
                *told = stream.below(*count);
                self.idle_queue(*members, *told).report(*place);
            }
        }
        self.idling = Some(idling);
    }
}
