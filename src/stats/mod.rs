//! Statistics: pure arithmetic on numbers that somebody else collected. Knows nothing of simulation.
//!
//! What is collected *during* a run is mergeable and exact in any order ([`Histogram`], [`Sample`], integer areas of
//! [`TimeWeighted`]); what is computed *after* it works on one value a replication ([`t_interval`],
//! [`judge_objective`]) or on a pair of them ([`paired`], [`judge_difference`]).

mod chi_square;
mod histogram;
mod inequality;
mod interval;
mod moments;
mod paired;
mod proportion;
mod rank;
mod sample;
mod sequential;
mod time_weighted;
mod verdict;
mod warmup;

pub use chi_square::chi_square;
pub use histogram::{Histogram, coarse_bounds, coarse_bucket};
pub use inequality::{cv, gini, jain, max_over_mean};
pub use interval::{Interval, relative_half_width, replications_needed, t_interval, t_quantile};
pub use moments::Moments;
pub use paired::{Corrected, Paired, holm, paired};
pub use proportion::{always_bound, proportion_interval};
pub use rank::{nearest_rank, samples_needed};
pub use sample::{EXACT_LIMIT, Sample};
pub use sequential::Precision;
pub use time_weighted::{Mark, TimeWeighted};
pub use verdict::{
    Bound, CONFIDENCE, DifferenceVerdict, ObjectiveVerdict, Preference, judge_difference, judge_objective, saturated,
};
pub use warmup::mser5;
