//! Messages that pass the interfaces of nodes, as stories tell it.

use crate::cause::LedgerCause;
use crate::model::World;
use crate::model::traffic::route::Hop;
use crate::observe::story::What;

use super::telling::Telling;

/// How long a message waited for an interface.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wait {
    pub(crate) node: u32,
    /// Whether the node sends it.
    pub(crate) sends: bool,
    pub(crate) nanos: u64,
}

/// What the interfaces took on a hop.
#[derive(Debug)]
pub(super) struct Transfer {
    hop: Hop,
    bytes: u64,
    waits: Vec<Wait>,
    /// All of it, the waits included.
    nanos: u64,
}

impl World<'_> {
    /// A message of an attempt passes the interfaces on a hop, which takes so long beyond the network's delay.
    #[cold]
    pub(crate) fn watch_transfer(&mut self, attempt: u32, hop: Hop, bytes: u64, waits: Vec<Wait>, nanos: u64) {
        self.tell(|_, stories| {
            if let Some(telling) = stories.of_attempt(attempt) {
                telling.transfers.push(Transfer { hop, bytes, waits, nanos });
            }
        });
    }
}

impl Telling {
    /// The wait for the interface of who sends, on a hop that is about to be told.
    pub(super) fn wait_to_send(&mut self, world: &World<'_>, hop: Hop) {
        let Some(transfer) = self.transfers.iter_mut().find(|transfer| transfer.hop == hop) else { return };
        if transfer.waits.first().is_some_and(|wait| wait.sends) {
            let wait = transfer.waits.remove(0);
            transfer.nanos -= wait.nanos;
            self.tell_wait_for_nic(world, wait);
        }
    }

    /// The other steps at the interfaces on a hop that was told.
    pub(super) fn transfer(&mut self, world: &World<'_>, hop: Hop) {
        let Some(index) = self.transfers.iter().position(|transfer| transfer.hop == hop) else { return };
        let Transfer { bytes, waits, nanos, .. } = self.transfers.remove(index);
        let end = self.cursor + nanos;
        for wait in waits {
            self.tell_wait_for_nic(world, wait);
        }
        let entry = Some((LedgerCause::NetworkTransfer, self.story.service.clone()));
        self.push(end, entry, What::Transfer { bytes });
    }

    fn tell_wait_for_nic(&mut self, world: &World<'_>, wait: Wait) {
        let node = world.plan.node_name(wait.node).to_owned();
        let entry = Some((LedgerCause::NetworkTransfer, self.story.service.clone()));
        self.push(self.cursor + wait.nanos, entry, What::NicWait { node, sends: wait.sends });
    }
}
