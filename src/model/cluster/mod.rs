//! Nodes, pods and the containers that serve.

pub(crate) mod addresses;
pub(crate) mod pace;
pub(crate) mod pod;
pub mod quota;
pub(crate) mod roster;
pub mod sharing;
pub mod station;
pub(crate) mod unfinished;
pub(crate) mod weights;
