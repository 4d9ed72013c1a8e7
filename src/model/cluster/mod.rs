//! Nodes, pods and the containers that serve.

pub mod sharing;
pub mod station;
pub(crate) mod unfinished;
