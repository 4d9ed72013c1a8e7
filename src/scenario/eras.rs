//! Services that come, change and go while traffic flows: what of a Service holds from when on.

use super::Service;
use crate::discovery::slices::policy::TrafficPolicy;
use crate::time::SimDuration;

/// A Service from some time on, until the next era.
#[derive(Debug, Clone, PartialEq)]
pub struct Era {
    /// From when, from the start of the run.
    pub from: SimDuration,
    /// How it stands; `None` while there is no Service of that name.
    pub stands: Option<Stands>,
}

/// What may change of a Service while it keeps its name and ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stands {
    /// `spec.clusterIP`; another one where the Service was deleted and made anew.
    pub cluster_ip: u32,
    /// Who may use which of its endpoints.
    pub policy: TrafficPolicy,
    /// Which of [`Service::targets`] stand behind it, by position.
    pub targets: Vec<bool>,
    /// The number of the pods' port.
    pub target_port: u16,
}

impl Service {
    /// The era at a time: its position among [`Service::eras`]; 0 for a Service that never changes.
    #[must_use]
    pub fn era_at(&self, time: SimDuration) -> usize {
        self.eras.iter().rposition(|era| era.from <= time).unwrap_or(0)
    }

    /// Its address in an era; `None` where there is no such Service. One without a cluster IP has the address 0.
    #[must_use]
    pub fn address_in(&self, era: usize) -> Option<u32> {
        self.eras.get(era).map_or(Some(self.cluster_ip), |era| era.stands.as_ref().map(|stands| stands.cluster_ip))
    }

    /// Its policy in an era.
    #[must_use]
    pub fn policy_in(&self, era: usize) -> TrafficPolicy {
        self.stands_in(era).map_or(self.policy, |stands| stands.policy)
    }

    /// The number of the pods' port in an era.
    #[must_use]
    pub fn target_port_in(&self, era: usize) -> u16 {
        self.stands_in(era).map_or(self.target_port, |stands| stands.target_port)
    }

    /// Whether a target stands behind it in an era.
    #[must_use]
    pub fn selects_in(&self, era: usize, target: usize) -> bool {
        match self.eras.get(era) {
            None => true,
            Some(era) => era.stands.as_ref().is_some_and(|stands| stands.targets.get(target).copied().unwrap_or(false)),
        }
    }

    /// Whether it has an address at any time.
    #[must_use]
    pub fn ever_has(&self, address: u32) -> bool {
        let mut stands = self.eras.iter().filter_map(|era| era.stands.as_ref());
        self.cluster_ip == address || stands.any(|stands| stands.cluster_ip == address)
    }

    fn stands_in(&self, era: usize) -> Option<&Stands> {
        self.eras.get(era)?.stands.as_ref()
    }
}

/// What a flow's clients connect to, where the address of a Service may change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Held {
    /// What the name in the URL means when they look it up.
    #[default]
    Name,
    /// The address in the URL.
    Address(u32),
    /// What the variables of their container said when it started.
    Variables,
}
