//! What `check` prints: which objects were used, what was ignored, and what a default filled in.

pub use crate::manifest::IgnoredItem;

/// The three lists of `check`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Objects the simulation uses, one a line.
    pub used: Vec<String>,
    /// Objects and fields that were read and have no effect.
    pub ignored: Vec<IgnoredItem>,
    /// What nobody said, and the field that would.
    pub assumed: Vec<Assumed>,
}

/// Something that a default filled in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assumed {
    /// What is assumed, such as `deployment/web container app: service time`.
    pub what: String,
    /// The value taken.
    pub value: String,
    /// The scenario field that sets it.
    pub field: String,
}
