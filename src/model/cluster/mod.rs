//! Nodes, pods and the containers that serve.

pub mod placement;
pub mod sharing;
pub mod station;
