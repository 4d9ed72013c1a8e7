//! What a run leaves behind: typed observations, one struct a result row, and the recorders that keep them.

pub mod collector;
pub mod connections;
pub mod dns;
pub mod endpoint_latency;
mod grouping;
pub mod levels;
pub mod nodes;
pub mod outcome;
pub mod recorder;
pub mod recorders;
pub mod rollouts;
pub mod scaling;
pub mod story;
pub mod survey;
pub mod time_average;
