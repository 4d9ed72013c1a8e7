//! Clients and the life of their requests.

pub mod arrival;
pub mod attempt;
pub(crate) mod bookkeeping;
mod breakage;
pub mod connection;
mod direct;
pub(crate) mod entrance;
pub(crate) mod exit;
pub mod flow;
mod handshake;
pub(crate) mod idling;
pub(crate) mod keeping;
pub(crate) mod legs;
mod load_balancer;
pub(crate) mod pool;
pub(crate) mod report;
pub mod request;
pub mod resolve;
pub mod retry;
pub mod route;
pub mod serve;
mod severing;
pub mod sight;
mod standing;
mod upstream;
pub(crate) mod wires;
mod work;
