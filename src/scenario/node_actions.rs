//! What the timeline does to nodes.

/// What is done to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeAction {
    /// No new pods come to it (`kubectl cordon`).
    Cordon,
    /// They come again.
    Uncordon,
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
        matches!(self, Self::Drain { .. })
    }
}
