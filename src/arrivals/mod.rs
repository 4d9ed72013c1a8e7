//! stand-in
#![allow(missing_docs, reason="stand-in")]
use std::sync::Arc;
use crate::random::{Dist, Stream};
use crate::time::*;
#[derive(Debug, Clone)]
pub struct Trace { pub times: Vec<SimTime>, pub service: Option<Vec<SimDuration>>, pub client: Option<Vec<u32>> }
#[derive(Debug, Clone)]
pub enum Spec { Poisson { rate: f64 }, Trace(Arc<Trace>), Closed { users: u32, think: Dist } }
#[derive(Debug)]
pub struct Process { d: Dist, s: Stream, t: SimTime }
impl Spec { pub fn build(&self, stream: Stream) -> Process { match self { Spec::Poisson{rate} => Process{d: Dist::exponential(1.0/rate).unwrap(), s: stream, t: SimTime::ZERO}, _ => unreachable!() } } }
impl Process { pub fn next(&mut self) -> Option<SimTime> { self.t += self.d.sample(&mut self.s); Some(self.t) } }
