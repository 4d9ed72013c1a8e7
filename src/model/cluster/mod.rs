//! Nodes, pods and the containers that serve.

pub(crate) mod addresses;
pub(crate) mod pod;
pub(crate) mod roster;
pub mod sharing;
pub mod station;
pub(crate) mod unfinished;
