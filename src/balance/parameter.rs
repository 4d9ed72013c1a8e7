//! Parameters of policies: what a scenario may write, and what was written.
//!
//! A policy lists its parameters beside its code. From these lists come the keys of `balancer` in a scenario, the error
//! messages, the JSON Schema and `windtunnel list policies`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::hash::Addresses;
use super::slow_start::SlowStart;
use super::weights::Weights;
use crate::time::SimDuration;

/// Any number that fits.
pub(super) const MANY: u64 = u32::MAX as u64;

/// A parameter of a policy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameter {
    /// The key.
    pub key: &'static str,
    /// What stands behind it.
    pub form: Form,
    /// What holds when it is absent.
    pub default: &'static str,
    /// One sentence.
    pub doc: &'static str,
}

/// What the value of a parameter may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Form {
    /// A whole number between two bounds.
    Count(u64, u64),
    /// Such a number, or a word.
    CountOr(u64, u64, &'static str),
    /// A number between two bounds.
    Number(f64, f64),
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A duration above zero.
    Duration,
    /// Such a duration, or a word.
    DurationOr(&'static str),
    /// A weight for each endpoint.
    Weights,
    /// An IPv4 address with a port.
    Address,
    /// An IPv4 address.
    Ip,
    /// How endpoints that are new begin with a part of their weight, or `none`.
    SlowStart,
    /// Endpoints in the order in which they were picked.
    Picks,
}

/// `weights`, of all policies that look at weights.
pub(super) const WEIGHTS: Parameter = Parameter {
    key: "weights",
    form: Form::Weights,
    default: "all 1",
    doc: "one weight for each endpoint, in their order",
};

/// `start`, of policies that take turns, from a random start on.
pub(super) const START: Parameter = Parameter {
    key: "start",
    form: Form::CountOr(0, 1_000_000, "random"),
    default: "random",
    doc: "anywhere in the cycle, or as if so many picks had been made",
};

/// `slowStart`, of policies to which Envoy gives it.
pub(super) const SLOW_START: Parameter = Parameter {
    key: "slowStart",
    form: Form::SlowStart,
    default: "none",
    doc: "how endpoints that come during the run begin with a part of their weight",
};

/// `staleness`, of policies that can compare what the pods reported.
pub(super) const STALENESS: Parameter = Parameter {
    key: "staleness",
    form: Form::DurationOr("none"),
    default: "none",
    doc: "how long it goes by what the pods reported, instead of by its own counts",
};

impl Parameter {
    /// The parameter and its default as people write them: `limit: N | unlimited (unlimited)`.
    #[must_use]
    pub fn text(&self) -> String {
        let form = match self.form {
            Form::Count(..) => "N".to_owned(),
            Form::CountOr(_, _, word) => format!("N | {word}"),
            Form::Number(..) => "NUMBER".to_owned(),
            Form::Flag => "true | false".to_owned(),
            Form::Word(words) => words.join(" | "),
            Form::Duration => "DURATION".to_owned(),
            Form::DurationOr(word) => format!("DURATION | {word}"),
            Form::Weights => "[W, …]".to_owned(),
            Form::Address => "IP:PORT".to_owned(),
            Form::Ip => "IP".to_owned(),
            Form::Picks => "[POD, …] | {file, column}".to_owned(),
            Form::SlowStart => "{window, aggression, minWeightPercent} | none".to_owned(),
        };
        format!("{}: {form} ({})", self.key, self.default)
    }
}

/// A value that was written for a parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A whole number.
    Count(u32),
    /// A number.
    Number(f64),
    /// `true` or `false`.
    Flag(bool),
    /// One of the words of its form.
    Word(&'static str),
    /// A duration.
    Duration(SimDuration),
    /// Weights.
    Weights(Weights),
    /// An address with a port.
    Address(Addresses),
    /// An address.
    Ip(u32),
    /// How endpoints that are new begin.
    SlowStart(SlowStart),
    /// Numbers of endpoints.
    Picks(Arc<[u32]>),
    /// Something that cannot be used, which its author has been told.
    Bad,
}

/// Why parameters do not fit together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The parameter to blame.
    pub key: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

/// The parameters that were written for a policy.
#[derive(Debug, Default)]
pub struct Given {
    values: BTreeMap<&'static str, Value>,
    refused: Vec<Refused>,
}

impl Given {
    /// Adds a value, of the form that the parameter asks for.
    pub fn insert(&mut self, key: &'static str, value: Value) {
        self.values.insert(key, value);
    }

    /// Whether it was written.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// Whether it was written and cannot be used.
    #[must_use]
    pub fn is_bad(&self, key: &str) -> bool {
        self.values.get(key) == Some(&Value::Bad)
    }

    /// A number.
    #[must_use]
    pub fn count(&self, key: &str) -> Option<u32> {
        self.count_or(key).flatten()
    }

    /// A number, or the word that stands for none (`Some(None)`).
    #[must_use]
    pub fn count_or(&self, key: &str) -> Option<Option<u32>> {
        match self.values.get(key)? {
            Value::Count(count) => Some(Some(*count)),
            Value::Word(_) => Some(None),
            _ => None,
        }
    }

    /// A number that need not be whole.
    #[must_use]
    pub fn number(&self, key: &str) -> Option<f64> {
        if let Value::Number(number) = self.values.get(key)? { Some(*number) } else { None }
    }

    /// `true` or `false`.
    #[must_use]
    pub fn flag(&self, key: &str) -> Option<bool> {
        if let Value::Flag(flag) = self.values.get(key)? { Some(*flag) } else { None }
    }

    /// What one of the words stands for.
    #[must_use]
    pub fn word<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let Value::Word(written) = self.values.get(key)? else { return None };
        let known = words.iter().find(|(word, _)| word == written);
        Some(known.expect("a policy reads every word that it lists").1)
    }

    /// A duration; `None` for the word that stands for none.
    #[must_use]
    pub fn duration(&self, key: &str) -> Option<SimDuration> {
        if let Value::Duration(duration) = self.values.get(key)? { Some(*duration) } else { None }
    }

    /// The weights; none where none were written.
    #[must_use]
    pub fn weights(&self) -> Weights {
        if let Some(Value::Weights(weights)) = self.values.get(WEIGHTS.key) { weights.clone() } else { Weights::NONE }
    }

    /// An address.
    #[must_use]
    pub fn address(&self, key: &str) -> Option<Addresses> {
        if let Value::Address(address) = self.values.get(key)? { Some(*address) } else { None }
    }

    /// An address without a port.
    #[must_use]
    pub fn ip(&self, key: &str) -> Option<u32> {
        if let Value::Ip(address) = self.values.get(key)? { Some(*address) } else { None }
    }

    /// How endpoints that are new begin; `None` where they begin like others.
    #[must_use]
    pub fn slow_start(&self) -> Option<SlowStart> {
        if let Some(Value::SlowStart(slow_start)) = self.values.get(SLOW_START.key) { Some(*slow_start) } else { None }
    }

    /// What was picked; nothing where nothing was written.
    #[must_use]
    pub fn picks(&self) -> Arc<[u32]> {
        if let Some(Value::Picks(picks)) = self.values.get("picks") { Arc::clone(picks) } else { Arc::new([]) }
    }

    /// Refuses a parameter for what the others are.
    pub fn refuse(&mut self, key: &'static str, message: impl Into<String>, help: Option<&str>) {
        self.refused.push(Refused { key, message: message.into(), help: help.map(str::to_owned) });
    }

    /// What was refused.
    #[must_use]
    pub fn into_refused(self) -> Vec<Refused> {
        self.refused
    }
}

#[cfg(test)]
mod tests {
    use super::{Form, Parameter};

    #[test]
    fn a_parameter_says_what_may_be_written() {
        let text = |form| Parameter { key: "k", form, default: "d", doc: "" }.text();
        assert_eq!(text(Form::Count(1, 5)), "k: N (d)");
        assert_eq!(text(Form::CountOr(1, 5, "all")), "k: N | all (d)");
        assert_eq!(text(Form::Flag), "k: true | false (d)");
        assert_eq!(text(Form::Word(&["first", "random"])), "k: first | random (d)");
        assert_eq!(text(Form::Duration), "k: DURATION (d)");
        assert_eq!(text(Form::DurationOr("none")), "k: DURATION | none (d)");
        assert_eq!(text(Form::Weights), "k: [W, …] (d)");
        assert_eq!(text(Form::Picks), "k: [POD, …] | {file, column} (d)");
        assert_eq!(text(Form::Address), "k: IP:PORT (d)");
        assert_eq!(text(Form::Ip), "k: IP (d)");
    }
}
