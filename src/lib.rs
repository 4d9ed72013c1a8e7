//! windtunnel

pub mod arrivals;
pub mod balance;
pub mod cause;
pub mod cli;
pub mod engine;
pub mod experiment;
pub mod id;
pub mod manifest;
pub mod model;
pub mod observe;
pub mod random;
pub mod report;
pub mod scenario;
pub mod stats;
pub mod time;
pub mod yaml;
