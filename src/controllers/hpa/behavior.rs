//! `spec.behavior`: how fast an autoscaler may change the number of replicas.
//!
//! Source: `calculateScaleUpLimitWithScalingRules` and its neighbours in `horizontal.go`; defaults:
//! `pkg/apis/autoscaling/v2/defaults.go`.

use crate::time::{SimDuration, SimTime};

/// Rules for both directions.
#[derive(Debug, Clone, PartialEq)]
pub struct Behavior {
    /// For more replicas.
    pub up: Rules,
    /// For fewer.
    pub down: Rules,
}

/// Rules for one direction.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// `stabilizationWindowSeconds`; nothing is the controller's flag, which only the way down has.
    pub stabilization: Option<SimDuration>,
    /// `selectPolicy`.
    pub select: Select,
    /// `policies`.
    pub policies: Vec<Policy>,
    /// `tolerance`; nothing is the controller's flag.
    pub tolerance: Option<f64>,
}

/// Which of several policies counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Select {
    /// The one that allows the largest change.
    Max,
    /// The one that allows the smallest.
    Min,
    /// None: no change in this direction.
    Disabled,
}

/// What may change in a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How much.
    pub amount: Amount,
    /// In which time.
    pub period: SimDuration,
}

/// A change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// So many pods.
    Pods(u32),
    /// So many percent of the replicas that there were.
    Percent(u32),
}

impl Rules {
    /// What holds upwards where nothing is said: at once, twice as many or four more in 15 s, whichever is more.
    #[must_use]
    pub fn usual_up() -> Self {
        let period = SimDuration::from_secs(15);
        Self {
            stabilization: Some(SimDuration::ZERO),
            select: Select::Max,
            policies: vec![Policy { amount: Amount::Pods(4), period }, Policy { amount: Amount::Percent(100), period }],
            tolerance: None,
        }
    }

    /// What holds downwards where nothing is said: no limit behind the window.
    #[must_use]
    pub fn usual_down() -> Self {
        let period = SimDuration::from_secs(15);
        Self {
            stabilization: None,
            select: Select::Max,
            policies: vec![Policy { amount: Amount::Percent(100), period }],
            tolerance: None,
        }
    }
}

impl Default for Behavior {
    fn default() -> Self {
        Self { up: Rules::usual_up(), down: Rules::usual_down() }
    }
}

/// A change that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// By how many replicas.
    pub replicas: u32,
    /// When.
    pub at: SimTime,
}

/// The changes that rules look back at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// More replicas.
    pub up: Vec<Change>,
    /// Fewer.
    pub down: Vec<Change>,
}

impl Changes {
    /// Remembers a change, and forgets what no rule looks at any more.
    pub fn remember(&mut self, from: u32, to: u32, behavior: &Behavior, now: SimTime) {
        let (changes, rules) = if to > from { (&mut self.up, &behavior.up) } else { (&mut self.down, &behavior.down) };
        let other = if to > from { &behavior.down } else { &behavior.up };
        let periods = rules.policies.iter().chain(&other.policies).map(|policy| policy.period);
        let longest = periods.max().unwrap_or(SimDuration::ZERO);
        changes.retain(|change| now - change.at <= longest);
        changes.push(Change { replicas: from.abs_diff(to), at: now });
    }

    /// How many replicas there were when a period began.
    fn at_start(&self, current: u32, period: SimDuration, now: SimTime) -> i64 {
        i64::from(current) - within(&self.up, period, now) + within(&self.down, period, now)
    }
}

/// How many replicas came, or went, in the period that ends now.
#[must_use]
pub fn within(changes: &[Change], period: SimDuration, now: SimTime) -> i64 {
    changes.iter().filter(|change| now - change.at < period).map(|change| i64::from(change.replicas)).sum()
}

/// The most replicas that rules allow now.
#[must_use]
pub fn most(rules: &Rules, changes: &Changes, current: u32, now: SimTime) -> i64 {
    let allowed = rules.policies.iter().map(|policy| {
        let start = changes.at_start(current, policy.period, now);
        match policy.amount {
            Amount::Pods(pods) => start + i64::from(pods),
            Amount::Percent(percent) => (start as f64 * (1.0 + f64::from(percent) / 100.0)).ceil() as i64,
        }
    });
    match rules.select {
        Select::Disabled => i64::from(current),
        Select::Min => allowed.min().unwrap_or(i64::from(i32::MAX)),
        Select::Max => allowed.max().unwrap_or(i64::from(i32::MIN)),
    }
}

/// The fewest replicas that rules allow now; may be below 0.
#[must_use]
pub fn fewest(rules: &Rules, changes: &Changes, current: u32, now: SimTime) -> i64 {
    let allowed = rules.policies.iter().map(|policy| {
        let start = changes.at_start(current, policy.period, now);
        match policy.amount {
            Amount::Pods(pods) => start - i64::from(pods),
            // Cut off towards 0, as a conversion to a whole number is.
            Amount::Percent(percent) => (start as f64 * (1.0 - f64::from(percent) / 100.0)) as i64,
        }
    });
    match rules.select {
        Select::Disabled => i64::from(current),
        Select::Min => allowed.max().unwrap_or(i64::from(i32::MIN)),
        Select::Max => allowed.min().unwrap_or(i64::from(i32::MAX)),
    }
}

/// What keeps a number of replicas from being what is wanted, in Kubernetes' words (`ScalingLimited`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Nothing.
    DesiredWithinRange,
    /// Not so fast upwards.
    ScaleUpLimit,
    /// Not so fast downwards.
    ScaleDownLimit,
    /// `maxReplicas`.
    TooManyReplicas,
    /// `minReplicas`.
    TooFewReplicas,
}

impl Limit {
    /// The word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DesiredWithinRange => "DesiredWithinRange",
            Self::ScaleUpLimit => "ScaleUpLimit",
            Self::ScaleDownLimit => "ScaleDownLimit",
            Self::TooManyReplicas => "TooManyReplicas",
            Self::TooFewReplicas => "TooFewReplicas",
        }
    }
}

/// The fewest and the most replicas of an autoscaler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// `minReplicas`.
    pub min: u32,
    /// `maxReplicas`.
    pub max: u32,
}

/// What of `desired` rules and range allow now.
#[must_use]
pub fn limited(
    behavior: &Behavior,
    changes: &Changes,
    range: Range,
    (current, desired): (u32, u32),
    now: SimTime,
) -> (u32, Limit) {
    if desired > current {
        // Rules that became stricter may ask for fewer than there are.
        let limit = most(&behavior.up, changes, current, now).max(current.into());
        let (allowed, why) = if i64::from(range.max) > limit {
            (limit as u32, Limit::ScaleUpLimit)
        } else {
            (range.max, Limit::TooManyReplicas)
        };
        if desired > allowed {
            return (allowed, why);
        }
    } else if desired < current {
        let limit = fewest(&behavior.down, changes, current, now).min(current.into());
        let (allowed, why) = if i64::from(range.min) < limit {
            (limit as u32, Limit::ScaleDownLimit)
        } else {
            (range.min, Limit::TooFewReplicas)
        };
        if desired < allowed {
            return (allowed, why);
        }
    }
    (desired, Limit::DesiredWithinRange)
}

/// The same without `spec.behavior`, as the controller's code has it: twice as many a sync, or four. Its documentation
/// has the policies of [`Rules::usual_up`] there, which differ below four replicas.
#[must_use]
pub fn limited_without_behavior(range: Range, (current, desired): (u32, u32)) -> (u32, Limit) {
    let limit = current.saturating_mul(2).max(4);
    let (most, why) =
        if range.max > limit { (limit, Limit::ScaleUpLimit) } else { (range.max, Limit::TooManyReplicas) };
    if desired < range.min {
        (range.min, Limit::TooFewReplicas)
    } else if desired > most {
        (most, why)
    } else {
        (desired, Limit::DesiredWithinRange)
    }
}
