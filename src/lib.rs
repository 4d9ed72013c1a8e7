//! windtunnel

pub mod cause;
pub mod id;
pub mod time;
