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
    /// The groups of each container, its endpoint there, and the number of that among those of the Service.
    reporters: Vec<Vec<Reporter>>,
}

/// A container in a group.
#[derive(Debug, Clone, Copy)]
struct Reporter {
    group: u32,
    endpoint: u32,
    number: u32,
}

/// Balancers of one policy that share pods.
#[derive(Debug)]
struct Group {
    service: usize,
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
        (0..self.stations.len()).for_each(|station| self.report_idle(station));
    }

    /// A pod has new endpoints, which report once the balancers know them.
    pub(crate) fn add_reporters(&mut self, endpoints: std::ops::Range<u32>) {
        let Some(idling) = &mut self.idling else { return };
        idling.reporters.resize(self.stations.len(), Vec::new());
        for endpoint in endpoints {
            let spec = &self.roster.endpoints[endpoint as usize];
            let number = as_u32(self.roster.number_of(self.plan, endpoint));
            let Idling { groups, reporters } = &mut **idling;
            for (group, own) in (0..).zip(groups).filter(|(_, own)| own.service == spec.service as usize) {
                reporters[spec.station as usize].push(Reporter { group, endpoint, number });
                own.told.resize(own.told.len().max(number as usize + 1), 0);
            }
        }
    }

    fn add_idling(&mut self, idling: &mut Idling, members: Members, count: u32, service: usize, name: &str) {
        if count < 2 {
            return;
        }
        let plan = self.plan;
        let stream = Stream::new(self.seed, self.replication, &format!("{name}/idle-reports"));
        idling.reporters.resize(self.stations.len(), Vec::new());
        let group = as_u32(idling.groups.len());
        for (number, endpoint) in (0..).zip(self.roster.endpoints_of(plan, service)) {
            let station = self.roster.endpoints[endpoint as usize].station;
            idling.reporters[station as usize].push(Reporter { group, endpoint, number });
        }
        for member in 0..count {
            self.idle_queue(members, member).open();
        }
        let told = vec![0; self.roster.count_of(plan, service)];
        idling.groups.push(Group { service, stream, members, count, told });
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

    /// The place of an endpoint at the balancers of a group; `None` if they do not know it.
    fn known_place(&mut self, members: Members, reporter: Reporter) -> Option<u32> {
        let programmed = match members {
            Members::Workers(first) => &self.workers[first as usize].programmed,
            Members::Clients(flow) => {
                let spec = &self.plan.flows[flow as usize];
                &self.flows[flow as usize].balancer(self.plan, spec, 0, self.replication, None).programmed
            }
        };
        programmed.place(reporter.endpoint)
    }

    /// A station where nobody is any more tells one balancer of each group, unless it stands in a queue there.
    #[inline(never)]
    pub(crate) fn report_idle(&mut self, station: usize) {
        if self.stations[station].in_system() > 0 {
            return;
        }
        let Some(mut idling) = self.idling.take() else { return };
        let Idling { groups, reporters } = &mut *idling;
        for reporter in &reporters[station] {
            let Group { stream, members, count, told, .. } = &mut groups[reporter.group as usize];
            // All endpoints are known where nothing changes.
            let steady = self.control.is_none();
            let place = if steady { Some(reporter.number) } else { self.known_place(*members, *reporter) };
            let Some(place) = place else { continue };
            let told = &mut told[reporter.number as usize];
            if !self.idle_queue(*members, *told).holds(place) {
                *told = stream.below(*count);
                self.idle_queue(*members, *told).report(place);
            }
        }
        self.idling = Some(idling);
    }
}
