//! What the timeline does to nodes.

use crate::time::SimDuration;

/// What is done to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeAction {
    /// No new pods come to it (`kubectl cordon`).
    Cordon,
    /// They come again.
    Uncordon,
    /// Its machine goes off, and takes its pods along without a word.
    Crash {
        /// When it is on again.
        lasts: Option<SimDuration>,
    },
    /// Its kubelet stops; its pods go on.
    StopKubelet {
        /// When it is back.
        lasts: Option<SimDuration>,
    },
    /// Its kubelet ends its pods by itself, without anybody else being told, and then the machine goes off.
    Shutdown {
        /// How long the pods have (`shutdownGracePeriod`).
        grace: SimDuration,
    },
    /// A cloud says that it takes it away soon.
    Reclaim,
    /// It is cordoned and its pods are evicted (`kubectl drain`).
    Drain {
        /// Whether pods without a controller are deleted, too; otherwise they stop it.
        force: bool,
    },
}

impl NodeAction {
    /// Whether pods of the node may go.
    #[must_use]
    pub const fn removes_pods(self) -> bool {
        matches!(self, Self::Drain { .. } | Self::Crash { .. } | Self::StopKubelet { .. } | Self::Shutdown { .. })
    }
}
