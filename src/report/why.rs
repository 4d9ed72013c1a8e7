//! The sentence that says why the tail is where it is.

use super::attribution::Band;
use super::number::human;
use super::summary::FlowSummary;
use crate::cause::LedgerCause;

/// Parts of the difference smaller than this are not worth a word.
const WORTH_SAYING: f64 = 0.05;

/// Most causes named.
const MOST_CAUSES: usize = 3;

/// Why the slowest requests of a flow take longer than its median request; `None` without enough requests.
pub(crate) fn sentence(flow: &FlowSummary) -> Option<String> {
    let band = |name: &str| flow.bands.iter().find(|band| band.name == name).filter(|band| !band.means.is_empty());
    let median = band("p50")?;
    let (tail, words) = [("p99", "the slowest 1 %"), ("p90", "the slowest 10 %")]
        .into_iter()
        .find_map(|(name, words)| band(name).map(|band| (band, words)))?;
    let (slow, usual) = (tail.latency()?, median.latency()?);
    let difference = slow - usual;
    // Nanoseconds of rounding, or all requests in one bucket.
    if difference <= usual * 1e-3 {
        return Some("all requests take about as long as the median one".to_owned());
    }
    let causes = causes(flow, tail, median);
    let most: String = if causes.is_empty() { "no single cause stands out".to_owned() } else { causes.join(", ") };
    Some(format!(
        "{words} take {} on average, {} more than the median request: {most}",
        milliseconds(slow),
        milliseconds(difference),
    ))
}

/// The largest shares of what grew. What shrank is left out of the whole, so that no share exceeds 100 %.
fn causes(flow: &FlowSummary, tail: &Band, median: &Band) -> Vec<String> {
    let growth: Vec<f64> = tail.means.iter().zip(&median.means).map(|(t, m)| (t - m).max(0.0)).collect();
    let whole: f64 = growth.iter().sum();
    let mut parts: Vec<(f64, usize)> = growth.into_iter().enumerate().map(|(i, grown)| (grown / whole, i)).collect();
    // A stable sort: equal parts stay in the order of the ledger.
    parts.sort_by(|a, b| b.0.total_cmp(&a.0));
    let worth = parts.into_iter().filter(|(share, _)| *share >= WORTH_SAYING).take(MOST_CAUSES);
    worth.map(|(share, column)| format!("{:.0} % {}", share * 100.0, words(&flow.ledger[column]))).collect()
}

fn milliseconds(nanos: f64) -> String {
    format!("{} ms", human(nanos / 1e6))
}

/// A ledger column in words.
pub(crate) fn words((cause, place): &(LedgerCause, String)) -> String {
    let (phrase, preposition) = match cause {
        LedgerCause::Dns => ("resolving the name", "at"),
        LedgerCause::Connect => ("opening connections", "to"),
        LedgerCause::Tls => ("TLS handshakes", "with"),
        LedgerCause::NetworkLoopback => ("the loopback network", "of"),
        LedgerCause::NetworkSameNode => ("the network inside a node", "at"),
        LedgerCause::NetworkSameZone => ("the network inside a zone", "at"),
        LedgerCause::NetworkCrossZone => ("the network between zones", "at"),
        LedgerCause::NetworkCrossRegion => ("the network between regions", "at"),
        LedgerCause::NetworkExternal => ("the network outside the cluster", "at"),
        LedgerCause::NetworkTransfer => ("the network interfaces of nodes", "at"),
        LedgerCause::Proxy => ("being handled by a proxy", "at"),
        LedgerCause::PoolWait => ("waiting for a pooled connection", "to"),
        LedgerCause::QueueWait => ("waiting in the queue", "of"),
        LedgerCause::ColdStart => ("cold start", "of"),
        LedgerCause::Stalled => ("a stalled process", "in"),
        LedgerCause::CpuWait => ("waiting for a core", "in"),
        LedgerCause::CpuThrottle => ("waiting for CPU quota", "in"),
        LedgerCause::SlowStart => ("slow start", "of"),
        LedgerCause::Service => ("being served", "by"),
        LedgerCause::BackOff => ("waiting between attempts", "at"),
        LedgerCause::WastedAttempts => ("attempts that came to nothing", "at"),
    };
    if place.is_empty() { phrase.to_owned() } else { format!("{phrase} {preposition} {place}") }
}
