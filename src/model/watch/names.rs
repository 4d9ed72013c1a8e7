//! Lookups as stories tell them: what was asked of whom, in order, and what came of it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::discovery::lookup::Answer;
use crate::model::World;
use crate::model::network::dns::QueryState;
use crate::observe::story::{Asked, Loss};
use crate::scenario::dns::NameServer;
use crate::time::SimTime;

/// The queries of each lookup under way, with their identities, by its slot.
pub(super) type Lookups = BTreeMap<u32, Vec<(u64, Asked)>>;

impl World<'_> {
    /// A lookup begins in a slot.
    #[cold]
    pub(crate) fn watch_lookup(&mut self, lookup: u32) {
        self.tell(|_, stories| {
            stories.lookups.insert(lookup, Vec::new());
        });
    }

    /// A client sends a query, which may be lost.
    #[cold]
    pub(crate) fn watch_query(&mut self, query: &QueryState, lost: Option<Loss>) {
        self.tell(|world, stories| {
            let Some(asked) = stories.lookups.get_mut(&query.lookup) else { return };
            let Some(dns) = &world.plan.dns else { return };
            let server = match (query.asked, lost) {
                (NameServer::Outside, _) => Some("a server outside".to_owned()),
                (NameServer::Cluster, _) if dns.spec.node_local => Some("the cache of its node".to_owned()),
                (NameServer::Cluster, None) => Some(format!("coredns-{}", query.server)),
                (NameServer::Cluster, Some(_)) => None,
            };
            let name = dns.names[query.name as usize].name.clone();
            let (record, sent) = (query.query.record, query.sent);
            asked.push((query.key, Asked { name, record, server, sent, lost, answer: None }));
        });
    }

    /// An answer reaches a client, whose lookup may be over.
    #[cold]
    pub(crate) fn watch_answer(&mut self, query: &QueryState, answer: Answer, now: SimTime) {
        self.tell(|_, stories| {
            let Some(asked) = stories.lookups.get_mut(&query.lookup) else { return };
            if let Some((_, own)) = asked.iter_mut().find(|(key, _)| *key == query.key) {
                own.answer = Some((answer, now));
            }
        });
    }

    /// What a lookup asked, now that it is over; nothing where no story is told.
    #[cold]
    pub(crate) fn watch_asked(&mut self, lookup: u32) -> Vec<Asked> {
        let stories = self.watch.as_deref_mut().and_then(|watch| watch.stories.as_mut());
        let asked = stories.and_then(|stories| stories.lookups.remove(&lookup)).unwrap_or_default();
        asked.into_iter().map(|(_, asked)| asked).collect()
    }

    /// The address of a flow's Service in answers of a version; `None` where its pods are the answer.
    pub(super) fn address_in_answer(&self, flow: u32, version: u32) -> Option<Ipv4Addr> {
        let address = self.dns.as_ref()?.address(self.plan_flow(flow).flow.service, version)?;
        (address != 0).then(|| Ipv4Addr::from_bits(address))
    }
}
