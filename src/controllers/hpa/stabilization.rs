//! What recent recommendations make of a new one: no flapping.
//!
//! Source: `stabilizeRecommendation` and `stabilizeRecommendationWithBehaviors` in `horizontal.go`.

use crate::time::{SimDuration, SimTime};

/// What the metrics wanted, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recommendation {
    /// How many replicas.
    pub replicas: u32,
    /// When.
    pub at: SimTime,
}

/// How long recommendations are looked back at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// For more replicas.
    pub up: SimDuration,
    /// For fewer.
    pub down: SimDuration,
}

/// The number of replicas between the least that was recommended in the window upwards and the most in the window
/// downwards that is nearest to the current one. Remembers the new recommendation.
pub fn stabilized(
    recent: &mut Vec<Recommendation>,
    windows: Windows,
    (current, desired): (u32, u32),
    now: SimTime,
) -> u32 {
    let (mut least, mut most) = (desired, desired);
    for recommendation in recent.iter() {
        let age = now - recommendation.at;
        if age < windows.up {
            least = least.min(recommendation.replicas);
        }
        if age < windows.down {
            most = most.max(recommendation.replicas);
        }
    }
    remember(recent, windows.up.max(windows.down), desired, now);
    current.max(least).min(most)
}

/// The same without `spec.behavior`: the most that was recommended in the window downwards.
pub fn stabilized_without_behavior(
    recent: &mut Vec<Recommendation>,
    window: SimDuration,
    desired: u32,
    now: SimTime,
) -> u32 {
    let in_window = recent.iter().filter(|recommendation| now - recommendation.at <= window);
    let most = in_window.map(|recommendation| recommendation.replicas).max().unwrap_or(0).max(desired);
    remember(recent, window, desired, now);
    most
}

fn remember(recent: &mut Vec<Recommendation>, window: SimDuration, replicas: u32, now: SimTime) {
    recent.retain(|recommendation| now - recommendation.at <= window);
    recent.push(Recommendation { replicas, at: now });
}
