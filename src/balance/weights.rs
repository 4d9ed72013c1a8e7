//! How much of the traffic each endpoint is meant to get.

use super::parameter::{Given, START};
use super::policy::Changes;
use crate::random::Stream;

/// The largest weight.
pub const MAX_WEIGHT: u32 = 65_535;

/// Weights of the endpoints in their order; endpoints beyond the list weigh 1, so an empty list is no weights at all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Weights(Vec<u32>);

impl Weights {
    /// No weights: all endpoints weigh 1.
    pub const NONE: Self = Self(Vec::new());

    /// These weights.
    ///
    /// # Errors
    /// When one is above [`MAX_WEIGHT`], all are 0, or there are too many to add up.
    pub fn new(weights: Vec<u32>) -> Result<Self, String> {
        if let Some(weight) = weights.iter().find(|weight| **weight > MAX_WEIGHT) {
            return Err(format!("a weight is at most {MAX_WEIGHT}, found {weight}"));
        }
        if !weights.is_empty() && weights.iter().all(|weight| *weight == 0) {
            return Err("at least one weight must be above 0".to_owned());
        }
        if weights.iter().map(|weight| u64::from(*weight)).sum::<u64>() > u64::from(u32::MAX / 2) {
            return Err(format!("the weights add up to more than {}", u32::MAX / 2));
        }
        Ok(Self(weights))
    }

    /// Weights for the tests that every policy must pass.
    #[cfg(test)]
    pub(super) fn example() -> Self {
        Self(vec![3, 1, 2])
    }

    /// How many are given.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// The largest one given.
    pub(super) fn heaviest(&self) -> u32 {
        self.0.iter().copied().max().unwrap_or(1)
    }

    /// Whether none are given.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The weights of the endpoints `0..endpoints`.
    pub(super) fn of(&self, endpoints: u32) -> Vec<u32> {
        self.among(0..endpoints)
    }

    /// The weights of the endpoints with these numbers. Where those that are left all weigh nothing, all weigh the same.
    pub(super) fn among(&self, numbers: impl IntoIterator<Item = u32>) -> Vec<u32> {
        let weight = |number: u32| self.0.get(number as usize).copied().unwrap_or(1);
        let weights: Vec<u32> = numbers.into_iter().map(weight).collect();
        if weights.iter().all(|weight| *weight == 0) { vec![1; weights.len()] } else { weights }
    }

    /// Those of a balancer whose endpoints changed: an endpoint that comes again has its own.
    pub(super) fn following(&self, changes: &Changes) -> Vec<u32> {
        self.among(changes.numbers.iter().copied())
    }
}

/// Where a policy that takes turns begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Anywhere in its cycle, each balancer for itself.
    Random,
    /// As if so many picks had been made.
    After(u32),
}

impl Start {
    /// `start` as a scenario gives it.
    pub(super) fn read(given: &Given, usual: Self) -> Self {
        match given.count_or(START.key) {
            Some(Some(picks)) => Self::After(picks),
            Some(None) => Self::Random,
            None => usual,
        }
    }

    /// How many picks of a cycle are behind it.
    pub(super) fn picks(self, cycle: u32, stream: &mut Stream) -> u32 {
        match self {
            Self::Random if cycle > 0 => stream.below(cycle),
            Self::Random => 0,
            Self::After(picks) => picks,
        }
    }
}
