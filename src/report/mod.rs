//! Results for people and programs: the files of a result directory, and what goes to the terminal.
//!
//! [`ResultFiles`] writes every file of the directory while outcomes come in; [`Summary`] is what they say together, and
//! [`terminal`], [`markdown`] and [`json`] print it, and [`comparison_text`] what is in its [`Comparison`]. [`verdict`] compares replications with a known result.

mod attribution;
mod balance;
mod batch;
mod comparison;
pub mod comparison_text;
mod connections;
pub mod directory;
mod dns;
mod endpoints;
mod errors;
mod events;
pub mod explain;
mod goal;
mod histogram;
pub mod json;
pub mod markdown;
mod measure;
mod measured;
mod nodes;
pub mod number;
mod part;
mod requests;
mod results;
pub mod rollout;
pub mod rollouts;
mod runs;
mod scaling;
mod stream;
mod summary;
mod sweep;
pub mod sweep_text;
mod table;
pub mod terminal;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_texts;
mod timeline;
pub mod verdict;
mod why;

pub use attribution::Band;
pub use batch::{BATCH_FILE, Batch};
pub use comparison::{Arm, Comparison, Flag, FlowComparison, MetricComparison, Verdict, comparison_csv};
pub use goal::GoalSummary;
pub use measure::Measure;
pub use results::{Arrival, Description, ResultFiles, Summary};
pub use runs::METRICS;
pub use stream::RowStore;
pub use summary::{
    ErrorSummary, FlowSummary, MetricSummary, ObjectiveSummary, PodSummary, ServiceSummary, VariantSummary, summary_csv,
};
pub use sweep::{Best, sweep_csv};
pub use table::csv_text;
