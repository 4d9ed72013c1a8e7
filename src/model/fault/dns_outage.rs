//! DNS outages: servers of the cluster answer nothing, neither to what comes meanwhile nor to what they work on.
//!
//! Their processes hang, so kube-proxy goes on sending to them; resolvers wait, and ask again as they always do.

use super::during::During;
use crate::model::World;
use crate::scenario::Scenario;
use crate::scenario::fault::Wrong;
use crate::time::SimTime;

/// When servers are out, and how many: the first ones.
#[derive(Debug, Default)]
pub(super) struct DnsOutages {
    outages: Vec<(During, u32)>,
}

impl DnsOutages {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let outages = scenario.faults.iter().filter_map(|fault| match fault.what {
            Wrong::DnsOutage { servers } => Some((During::of(fault), servers.unwrap_or(u32::MAX))),
            _ => None,
        });
        Self { outages: outages.collect() }
    }
}

impl World<'_> {
    /// Whether a DNS server answers nothing now; if so, the query that it has is forgotten.
    #[inline]
    pub(in crate::model) fn leaves_unanswered(&mut self, slot: u32, server: u32, now: SimTime) -> bool {
        let outages = &self.plan.faults.dns.outages;
        let out = !outages.is_empty() && outages.iter().any(|(during, servers)| server < *servers && during.has(now));
        if out {
            self.forget_query(slot);
        }
        out
    }
}
