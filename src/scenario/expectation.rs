//! What is asked of the results: objectives, metrics by name, and known results.

use super::metric::Metric;

/// What the user wants to hold, such as `browse.latency.p99 < 250ms`.
#[derive(Debug, Clone, PartialEq)]
pub struct Objective {
    /// As written.
    pub text: String,
    /// What is compared.
    pub metric: Metric,
    /// How.
    pub comparison: Comparison,
    /// With what (seconds for durations, ratio for percentages).
    pub threshold: f64,
}

/// A metric that is asked for by its name, one number of each replication.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedMetric {
    /// As written.
    pub text: String,
    /// What it is about, as traffics and calls are named in result files.
    pub about: String,
    /// What is observed.
    pub metric: Metric,
}

/// How an objective compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// A known result.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// What is compared.
    pub metric: Metric,
    /// As written, for reports.
    pub text: String,
    /// The known value or values (seconds for durations).
    pub value: ExpectedValue,
    /// Relative tolerance.
    pub tolerance: Option<f64>,
    /// Absolute tolerance.
    pub absolute: Option<f64>,
    /// Uncertainty of the known value itself.
    pub oracle_error: f64,
    /// Where the value comes from.
    pub source: String,
    /// Compared by standard errors (default) or by the tolerance alone.
    pub by: ExpectBy,
    /// A negative control: the value must be told apart.
    pub not: bool,
}

/// A known value.
#[derive(Debug, Clone, PartialEq)]
pub enum ExpectedValue {
    /// A number.
    Number(f64),
    /// A list of numbers, compared element by element.
    List(Vec<f64>),
    /// Names (a sequence of pods), compared exactly.
    Names(Vec<String>),
    /// What each repeat of a measurement came to; a value between the lowest and the highest is as good as theirs.
    Repeats(Vec<f64>),
    /// The sequence of each repeat of a measurement; one that equals any of them is as good as theirs.
    Sequences(Vec<Vec<String>>),
}

/// How a known result is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpectBy {
    /// |mean − value| ≤ 5.3 standard errors + oracle error, and the standard error at most half the tolerance.
    Error,
    /// |mean − value| ≤ tolerance + oracle error.
    Tolerance,
    /// |mean − value| ≤ 4 standard deviations of the replications + oracle error, of each measured value.
    Spread,
}
