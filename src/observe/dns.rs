//! What is counted of names and DNS servers: in the run, and as its outcome.

use crate::discovery::lookup::Answer;
use crate::stats::Histogram;

/// Mantissa bits of the latencies: buckets of at most 3 %.
const BITS: u32 = 5;

/// What a row counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DnsSubject {
    /// Times that a client needed a host.
    Lookup,
    /// Queries of a type for a name.
    Query(&'static str),
    /// Queries that a server answered.
    Server,
}

/// What a row of `dns.csv` is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsLabel {
    /// The host as written, the name that was asked for, or the server.
    pub name: String,
    /// What is counted.
    pub subject: DnsSubject,
}

/// The counts of one row.
#[derive(Debug, Clone)]
pub struct DnsOutcome {
    /// Lookups that clients needed, queries sent, or queries that came.
    pub queries: u64,
    /// Those that ended with an address.
    pub found: u64,
    /// The name exists without such a record.
    pub no_data: u64,
    /// The name does not exist.
    pub nx_domain: u64,
    /// No answer came: lost, or given up.
    pub unanswered: u64,
    /// Answered from a cache: the client's own, the node's, or the server's.
    pub cache_hits: u64,
    /// From asking to the answer (ns); at a server, waiting and work.
    pub latency: Histogram,
    /// Work of a server over its cores and time.
    pub utilization: Option<f64>,
}

impl Default for DnsOutcome {
    fn default() -> Self {
        Self {
            queries: 0,
            found: 0,
            no_data: 0,
            nx_domain: 0,
            unanswered: 0,
            cache_hits: 0,
            latency: Histogram::with_bits(BITS),
            utilization: None,
        }
    }
}

impl DnsOutcome {
    /// An answer came after so many nanoseconds.
    pub fn answered(&mut self, answer: Answer, nanos: u64) {
        match answer {
            Answer::Address => self.found += 1,
            Answer::NoData => self.no_data += 1,
            Answer::NxDomain => self.nx_domain += 1,
            Answer::ServFail => self.unanswered += 1,
        }
        self.latency.record(nanos);
    }
}
