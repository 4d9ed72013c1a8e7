//! Reading a metric: `SCOPE.QUANTITY.STATISTIC`, with the names of a scenario.

use super::Scenario;
use super::metric::{Across, Dimension, Metric, Quantity, Scope, ServiceRange, Statistic};
use super::metric_table::{About, Form, ROWS, Row};
use super::names::{self, Target};
use super::values::{self, Bad, shorten};
use crate::cause::FailureCause;
use crate::time::SimDuration;
use crate::yaml::nearest;

/// The names that a metric may use.
#[derive(Debug, Clone, Default)]
pub struct MetricNames {
    /// Traffics in order.
    pub traffics: Vec<String>,
    /// Call sites in the order of workloads, containers and steps.
    pub calls: Vec<String>,
    /// (namespace, name) of every Service port in order.
    pub services: Vec<(String, String)>,
    /// (namespace, kind, name, replicas) of every workload in order.
    pub workloads: Vec<(String, String, String, u32)>,
}

impl MetricNames {
    /// The names of a scenario.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Self {
        let steps = scenario
            .workloads
            .iter()
            .flat_map(|workload| &workload.containers)
            .flat_map(|container| &container.behaviour.steps);
        let calls = steps.flat_map(|step| match step {
            super::Step::Calls(calls) => calls.as_slice(),
            super::Step::Work(_) => &[],
        });
        Self {
            traffics: scenario.traffic.iter().map(|traffic| traffic.flow.name.clone()).collect(),
            calls: calls.map(|call| call.flow.name.clone()).collect(),
            services: scenario
                .services
                .iter()
                .map(|service| (service.namespace.clone(), service.name.clone()))
                .collect(),
            workloads: scenario
                .workloads
                .iter()
                .map(|one| (one.namespace.clone(), one.kind.clone(), one.name.clone(), one.replicas))
                .collect(),
        }
    }
}

impl Dimension {
    /// What a value of this dimension looks like.
    pub(super) const fn expected(self) -> &'static str {
        match self {
            Self::Seconds => "a duration such as 250ms",
            Self::Ratio => "a ratio such as 20% or 0.2",
            Self::PerSecond => "a rate such as 800/s",
            Self::Number => "a number",
        }
    }
}

impl Metric {
    /// Reads a metric as objectives and expectations write it.
    ///
    /// # Errors
    /// What is wrong, and what to write instead where something is near.
    pub fn parse(text: &str, names: &MetricNames) -> Result<Self, (String, Option<String>)> {
        parse(text, names).map_err(|wrong| match wrong {
            Wrong::Name(bad) | Wrong::Form(bad) => bad,
        })
    }

    /// The unit of its value.
    #[must_use]
    pub fn dimension(&self) -> Dimension {
        if matches!(self.across, Across::Equals(_)) {
            return Dimension::Ratio;
        }
        match self.statistic {
            Statistic::Positive | Statistic::Over(_) | Statistic::AtLeast(_) | Statistic::Ratio => Dimension::Ratio,
            Statistic::Variance | Statistic::Cv2 | Statistic::Sequence => Dimension::Number,
            _ => self.quantity.dimension(),
        }
    }
}

/// Why a text is no metric.
pub(super) enum Wrong {
    /// What it is about is unknown.
    Name(Bad),
    /// It is not written as a metric of that thing.
    Form(Bad),
}

/// Reads a metric.
pub(super) fn parse(text: &str, names: &MetricNames) -> Result<Metric, Wrong> {
    let (scope, rest) = scope(text.trim(), names).map_err(Wrong::Name)?;
    let (rest, across) = across(rest).map_err(Wrong::Form)?;
    let about = match scope {
        Scope::Traffic(_) => About::Traffic,
        Scope::Call(_) => About::Call,
        Scope::Service(_) => About::Service,
        Scope::Workload(_) => About::Workload,
        Scope::Pod(..) => About::Pod,
    };
    let (row, quantity, rest) = quantity(rest, about).map_err(Wrong::Form)?;
    let statistic = match rest {
        "" if row.bare => Statistic::Mean,
        "" => return Err(Wrong::Form((format!("`{}` needs a statistic", row.word), Some(allowed(row))))),
        rest => statistic(rest, row, &quantity).map_err(Wrong::Form)?,
    };
    Ok(Metric { scope, quantity, statistic, across })
}

/// Up to the first of the characters, and the rest from there.
fn until<'t>(text: &'t str, ends: &[char]) -> (&'t str, &'t str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

fn scope<'t>(text: &'t str, names: &MetricNames) -> Result<(Scope, &'t str), Bad> {
    if let Some(rest) = text.strip_prefix("call/") {
        let longest = longest_prefix(rest, names.calls.iter().map(String::as_str), &['.']);
        let Some((call, rest)) = longest else {
            let (word, _) = until(rest, &['.']);
            return Err(unknown("call", word, &names.calls.iter().map(String::as_str).collect::<Vec<_>>(), "call/"));
        };
        let index = names.calls.iter().position(|name| name == call).unwrap_or_default();
        return Ok((Scope::Call(index), rest));
    }
    if let Some(rest) = text.strip_prefix("service/") {
        return service_scope(rest, names);
    }
    let (word, rest) = until(text, &['.', '[']);
    if word.contains('/') {
        return workload_scope(text, names);
    }
    match names.traffics.iter().position(|name| name == word) {
        Some(index) => Ok((Scope::Traffic(index), rest)),
        None => Err(unknown("traffic", word, &names.traffics.iter().map(String::as_str).collect::<Vec<_>>(), "")),
    }
}

fn unknown(what: &str, word: &str, known: &[&str], prefix: &str) -> Bad {
    let message = format!("no {what} is called `{}`", shorten(word));
    let help = match nearest(word, known.iter().copied()) {
        Some(near) => Some(format!("did you mean `{prefix}{near}`?")),
        None if known.is_empty() => None,
        None => Some(format!("there are {}", shorten(&known.join(", ")))),
    };
    (message, help)
}

/// The longest of the names that the text begins with, followed by one of the characters.
fn longest_prefix<'t, 'n>(
    text: &'t str,
    names: impl Iterator<Item = &'n str>,
    ends: &[char],
) -> Option<(&'n str, &'t str)> {
    names
        .filter_map(|name| text.strip_prefix(name).map(|rest| (name, rest)))
        .filter(|(_, rest)| rest.is_empty() || rest.starts_with(ends))
        .max_by_key(|(name, _)| name.len())
}

fn service_scope<'t>(text: &'t str, names: &MetricNames) -> Result<(Scope, &'t str), Bad> {
    let (path, rest) = until(text, &['.', '[']);
    let (space, name) = path.split_once('/').map_or((None, path), |(space, name)| (Some(space), name));
    let fits = |(namespace, known): &(String, String)| known == name && space.is_none_or(|space| namespace == space);
    let default = names.services.iter().position(|service| fits(service) && service.0 == "default");
    match default.or_else(|| names.services.iter().position(fits)) {
        Some(index) => Ok((Scope::Service(index), rest)),
        None => {
            let known = names.services.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>();
            Err(unknown("service", path, &known, "service/"))
        }
    }
}

fn workload_scope<'t>(text: &'t str, names: &MetricNames) -> Result<(Scope, &'t str), Bad> {
    let forms = names
        .workloads
        .iter()
        .flat_map(|(namespace, kind, name, _)| [format!("{kind}/{name}"), format!("{namespace}/{kind}/{name}")]);
    let forms = forms.collect::<Vec<_>>();
    let (word, rest) =
        longest_prefix(text, forms.iter().map(String::as_str), &['.', '[']).unwrap_or_else(|| until(text, &['.', '[']));
    let target: Target<'_> = names::workload_target(word)?;
    let known =
        names.workloads.iter().map(|(namespace, kind, name, _)| (namespace.as_str(), kind.as_str(), name.as_str()));
    let workload = names::find(target, known)?;
    let Some(inside) = rest.strip_prefix('[') else { return Ok((Scope::Workload(workload), rest)) };
    let (index, rest) = inside.split_once(']').ok_or_else(|| (format!("`{}` lacks `]`", shorten(text)), None))?;
    let replicas = names.workloads[workload].3;
    match index.parse::<u32>() {
        Ok(pod) if pod < replicas => Ok((Scope::Pod(workload, pod), rest)),
        _ => Err((format!("{word} has no pod [{}]", shorten(index)), Some(values::it_has(replicas as usize, "pod")))),
    }
}

/// Takes `acrossReplications(…)` off the end.
fn across(text: &str) -> Result<(&str, Across), Bad> {
    let Some((rest, last)) = text.split_once(".acrossReplications(") else { return Ok((text, Across::Mean)) };
    let bad = || {
        let message = format!("`acrossReplications({}` is not understood", shorten(last));
        (message, Some("write acrossReplications(p50), (p95), (sd) or (equals 3), and nothing after it".to_owned()))
    };
    let inside = last.strip_suffix(')').ok_or_else(bad)?.trim();
    if inside == "sd" {
        return Ok((rest, Across::Sd));
    }
    if let Some(number) = inside.strip_prefix("equals ") {
        let value = values::parse_ratio(number).filter(|_| !number.contains('%')).ok_or_else(bad)?;
        return Ok((rest, Across::Equals(value)));
    }
    match quantile(inside) {
        Some(Ok(q)) => Ok((rest, Across::Quantile(q))),
        _ => Err(bad()),
    }
}

/// `p50`, `p999`, `p99.9`: in (0, 1). `None` if it is no quantile at all.
fn quantile(word: &str) -> Option<Result<f64, Bad>> {
    let digits = word.strip_prefix('p')?;
    if digits.is_empty() || !digits.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let value = if digits.contains('.') {
        format!("{digits}e-2").parse::<f64>().ok()
    } else if digits.len() <= 2 {
        digits.parse::<f64>().ok().map(|value| value / 100.0)
    } else if digits.starts_with('9') && digits.len() <= 9 {
        // p999 is 99.9 %: digits after the decimal point.
        format!("0.{digits}").parse::<f64>().ok()
    } else {
        None
    };
    Some(value.filter(|value| *value > 0.0 && *value < 1.0).ok_or_else(|| {
        (format!("`{}` is not a quantile", shorten(word)), Some("write p50, p99, p999 (99.9 %), min or max".to_owned()))
    }))
}

/// The quantity at the beginning of `.QUANTITY.STATISTIC`, and what follows it.
fn quantity(rest: &str, about: About) -> Result<(&'static Row, Quantity, &str), Bad> {
    let here = || ROWS.iter().filter(move |row| row.about.contains(&about));
    let words = || {
        let mut words = here().map(|row| row.word).collect::<Vec<_>>();
        words.dedup();
        words
    };
    let Some(text) = rest.strip_prefix('.').filter(|text| !text.is_empty()) else {
        return Err((
            "a metric is SCOPE.QUANTITY.STATISTIC".to_owned(),
            Some(format!("of {} there are {}", about.name(), words().join(", "))),
        ));
    };
    if let Some(inside) = text.strip_prefix("errors[") {
        let (cause, rest) = inside.split_once(']').ok_or_else(|| ("`errors[` lacks `]`".to_owned(), None))?;
        let Some(found) = FailureCause::parse(cause) else {
            let known = FailureCause::ALL.iter().map(|cause| cause.as_str()).collect::<Vec<_>>();
            return Err(unknown("failure cause", cause, &known, ""));
        };
        let row = here().find(|row| row.word == "errors");
        let row = row.ok_or_else(|| (format!("{} has no errors", about.name()), None))?;
        return Ok((row, Quantity::Errors(found), rest.strip_prefix('.').unwrap_or(rest)));
    }
    for word in ["latency", "slowdown"] {
        if let Some(inside) = text.strip_prefix(word).and_then(|text| text.strip_prefix('['))
            && !inside.starts_with("all]")
            && let Some(row) = here().find(|row| row.word == word)
        {
            let (range, rest) = inside.split_once(']').ok_or_else(|| (format!("`{word}[` lacks `]`"), None))?;
            let range = service_range(range)?;
            let quantity = if word == "latency" { Quantity::LatencyOf(range) } else { Quantity::SlowdownOf(range) };
            return Ok((row, quantity, rest.strip_prefix('.').unwrap_or(rest)));
        }
    }
    if let Some(inside) = text.strip_prefix("backOff[")
        && inside.starts_with(|first: char| first.is_ascii_digit())
        && let Some(row) = here().find(|row| row.word == "backOff")
    {
        let (retry, rest) = inside.split_once(']').ok_or_else(|| ("`backOff[` lacks `]`".to_owned(), None))?;
        let bad = || (format!("`backOff[{}]` needs the number of a retry", shorten(retry)), None);
        let quantity = Quantity::BackOffBefore(retry.parse().map_err(|_| bad())?);
        return Ok((row, quantity, rest.strip_prefix('.').unwrap_or(rest)));
    }
    if let Some((word, rest)) = longest_prefix(text, here().map(|row| row.word), &['.'])
        && let Some(row) = here().find(|row| row.word == word)
    {
        if word == "errors" {
            return Err((
                "`errors` needs a cause".to_owned(),
                Some("write for example errors[queue_full].ratio".to_owned()),
            ));
        }
        return Ok((row, row.quantity.clone(), rest.strip_prefix('.').unwrap_or(rest)));
    }
    let (word, after) = until(text, &['.']);
    let word = if word == "balance" {
        text.get(..word.len() + 1 + until(after.strip_prefix('.').unwrap_or(""), &['.']).0.len()).unwrap_or(word)
    } else {
        word
    };
    if let Some(row) = ROWS.iter().find(|row| row.word == word) {
        let of = row.about.iter().map(|about| about.name()).collect::<Vec<_>>().join(" or ");
        return Err((
            format!("`{word}` is a quantity of {of}, not of {}", about.name()),
            Some(format!("of {} there are {}", about.name(), words().join(", "))),
        ));
    }
    let help = match nearest(word, words()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("of {} there are {}", about.name(), words().join(", ")),
    };
    Err((format!("unknown quantity `{}`", shorten(word)), Some(help)))
}

/// `service over T`, `service upTo T`, `service over T upTo T`.
fn service_range(text: &str) -> Result<ServiceRange, Bad> {
    let bad = || {
        let message = format!("`[{}]` is not understood", shorten(text));
        (message, Some("write [service over 10ms], [service upTo 1s] or [service over 10ms upTo 1s]".to_owned()))
    };
    let nanos = |text: &str| match SimDuration::parse(text) {
        Ok(duration) => Ok(duration.as_nanos()),
        Err(message) => Err((message, None)),
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    let range = match words[..] {
        ["service", "over", low] => ServiceRange { over: nanos(low)?, up_to: u64::MAX },
        ["service", "upTo", high] => ServiceRange { over: 0, up_to: nanos(high)? },
        ["service", "over", low, "upTo", high] => ServiceRange { over: nanos(low)?, up_to: nanos(high)? },
        _ => return Err(bad()),
    };
    if range.over < range.up_to {
        Ok(range)
    } else {
        Err((format!("no service time lies in `[{}]`", shorten(text)), None))
    }
}

fn allowed(row: &Row) -> String {
    let forms = row.forms.iter().map(|form| form.word()).collect::<Vec<_>>().join(", ");
    format!("`{}` has {forms}", row.word)
}

fn statistic(text: &str, row: &'static Row, quantity: &Quantity) -> Result<Statistic, Bad> {
    let statistic = read_statistic(text, quantity)?.ok_or_else(|| {
        let word = until(text, &['(']).0;
        let help = nearest(word, row.forms.iter().map(|form| form.word()))
            .map_or_else(|| allowed(row), |near| format!("did you mean `{near}`? {}", allowed(row)));
        (format!("unknown statistic `{}`", shorten(text)), Some(help))
    })?;
    if row.forms.contains(&Form::of(&statistic)) {
        Ok(statistic)
    } else {
        Err((format!("`{}` has no statistic `{}`", row.word, shorten(text)), Some(allowed(row))))
    }
}

fn read_statistic(text: &str, quantity: &Quantity) -> Result<Option<Statistic>, Bad> {
    let fixed = match text {
        "mean" => Statistic::Mean,
        "variance" => Statistic::Variance,
        "sd" => Statistic::Sd,
        "cv2" => Statistic::Cv2,
        "min" => Statistic::Min,
        "max" => Statistic::Max,
        "positive" => Statistic::Positive,
        "perPod" | "perPod.mean" => Statistic::PerPod,
        "imbalance" | "imbalance.mean" => Statistic::Imbalance,
        "maxOverPods.mean" | "maxOverPods" => Statistic::MaxOverPodsMean,
        "ratio" => Statistic::Ratio,
        "sequence" => Statistic::Sequence,
        "values" => Statistic::Values,
        _ => return parametric(text, quantity),
    };
    Ok(Some(fixed))
}

fn parametric(text: &str, quantity: &Quantity) -> Result<Option<Statistic>, Bad> {
    // Over pods, quantiles and `atLeast` are of each of them anyway.
    let level = matches!(quantity, Quantity::InSystem | Quantity::Queue);
    let each = text.strip_prefix("perPod.").filter(|inside| level && inside.starts_with(['p', 'a']));
    let text = each.filter(|inside| !inside.starts_with("at(")).unwrap_or(text);
    if let Some(quantile) = quantile(text) {
        return quantile.map(|q| Some(Statistic::Quantile(q)));
    }
    let Some((word, inside)) =
        text.split_once('(').and_then(|(word, rest)| Some((word, rest.strip_suffix(')')?.trim())))
    else {
        return Ok(None);
    };
    let plain = |message: String| (message, None);
    Ok(Some(match word {
        "over" if quantity.dimension() == Dimension::Seconds => {
            Statistic::Over(values::seconds(inside).map_err(plain)?)
        }
        "over" => Statistic::Over(
            values::parse_ratio(inside).ok_or_else(|| plain(format!("over({}) needs a number", shorten(inside))))?,
        ),
        "at" => Statistic::At(values::seconds(inside).map_err(plain)?),
        "emptyAt" => Statistic::EmptyAt(values::seconds(inside).map_err(plain)?),
        "atLeast" => Statistic::AtLeast(
            inside.parse().map_err(|_| plain(format!("atLeast({}) needs a whole number", shorten(inside))))?,
        ),
        _ => return Ok(None),
    }))
}
