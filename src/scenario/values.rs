//! Reading single values: durations, rates, ratios, numbers. Every error says what would be right.

use crate::time::SimDuration;
use crate::yaml::{Node, Value};

/// A value that cannot be used: what is wrong, and what to write.
pub(super) type Bad = (String, Option<String>);

fn bad<T>(message: impl Into<String>) -> Result<T, Bad> {
    Err((message.into(), None))
}

/// The text of a scalar.
pub(super) fn text(node: &Node) -> Result<&str, Bad> {
    match &node.value {
        Value::Scalar(scalar) => Ok(&scalar.text),
        _ => bad(format!("expected a text, found {}", found(node))),
    }
}

/// What stands there, for messages.
pub(super) fn found(node: &Node) -> String {
    match &node.value {
        Value::Null => "nothing".to_owned(),
        Value::Scalar(scalar) => format!("`{}`", shorten(&scalar.text)),
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a map".to_owned(),
    }
}

/// At most 60 characters of a text.
pub(super) fn shorten(text: &str) -> String {
    if text.chars().count() <= 60 { text.to_owned() } else { text.chars().take(59).chain(['…']).collect() }
}

/// `it has 3 pods, counted from 0`.
pub(super) fn it_has(count: usize, what: &str) -> String {
    format!("it has {count} {what}{}, counted from 0", if count == 1 { "" } else { "s" })
}

/// A scalar as written, where numbers are meant: quoted numbers are texts.
fn plain<'a>(node: &'a Node, expected: &str) -> Result<&'a str, Bad> {
    match &node.value {
        Value::Scalar(scalar) if scalar.quoted => Err((
            format!("expected {expected}, found the text {:?}", shorten(&scalar.text)),
            Some("remove the quotes".to_owned()),
        )),
        Value::Scalar(scalar) => Ok(&scalar.text),
        _ => bad(format!("expected {expected}, found {}", found(node))),
    }
}

/// `true` or `false`.
pub(super) fn boolean(node: &Node) -> Result<bool, Bad> {
    match plain(node, "true or false")? {
        "true" => Ok(true),
        "false" => Ok(false),
        other => bad(format!("expected true or false, found `{}`", shorten(other))),
    }
}

/// A decimal number as people write it: no `inf`, no `nan`, no hexadecimal.
fn decimal(text: &str) -> Option<f64> {
    let number = text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E'));
    text.parse::<f64>().ok().filter(|value| number && value.is_finite())
}

/// A finite number.
pub(super) fn number(node: &Node) -> Result<f64, Bad> {
    let text = plain(node, "a number")?;
    decimal(text).map_or_else(|| bad(format!("expected a number, found `{}`", shorten(text))), Ok)
}

/// A whole number within bounds.
pub(super) fn count(node: &Node, min: u64, max: u64) -> Result<u64, Bad> {
    let text = plain(node, "a whole number")?;
    let range = || format!("a whole number from {min} to {max}");
    if let Ok(value) = text.parse::<u64>() {
        return if (min..=max).contains(&value) {
            Ok(value)
        } else {
            bad(format!("expected {}, found {value}", range()))
        };
    }
    bad(format!("expected {}, found `{}`", range(), shorten(text)))
}

/// A duration.
pub(super) fn duration(node: &Node) -> Result<SimDuration, Bad> {
    match &node.value {
        Value::Scalar(scalar) => SimDuration::parse(&scalar.text).map_err(|message| (message, None)),
        _ => bad(format!("expected a duration such as 20ms, found {}", found(node))),
    }
}

/// A duration in seconds, without rounding to nanoseconds where it has one unit.
pub(super) fn seconds(text: &str) -> Result<f64, String> {
    let rounded = SimDuration::parse(text)?.as_secs_f64();
    let text = text.trim();
    for (unit, scale) in [("ns", 1e9), ("us", 1e6), ("µs", 1e6), ("ms", 1e3), ("s", 1.0)] {
        if let Some(value) = text.strip_suffix(unit).and_then(decimal) {
            // Dividing by a power of ten is correctly rounded, so 250ms is exactly the literal 0.25.
            return Ok(value / scale);
        }
    }
    Ok(rounded)
}

/// A ratio: `20%` or `0.2`, within 0…max.
pub(super) fn ratio(node: &Node, max: f64) -> Result<f64, Bad> {
    let text = text(node).map_err(|_| (format!("expected a ratio such as 20% or 0.2, found {}", found(node)), None))?;
    let value = parse_ratio(text)
        .ok_or_else(|| (format!("expected a ratio such as 20% or 0.2, found `{}`", shorten(text)), None))?;
    if (0.0..=max).contains(&value) {
        Ok(value)
    } else if max == 1.0 {
        bad(format!("a ratio lies between 0 and 1 (100%), found `{text}`"))
    } else {
        bad(format!("a ratio cannot be negative, found `{text}`"))
    }
}

/// `20%` or `0.2` as a number.
pub(super) fn parse_ratio(text: &str) -> Option<f64> {
    match text.trim().strip_suffix('%') {
        Some(percent) => decimal(percent.trim()).map(|value| value / 100.0),
        None => decimal(text.trim()),
    }
}

/// A rate per second, of at least zero.
pub(super) fn rate(node: &Node) -> Result<f64, Bad> {
    let text = text(node).map_err(|_| (format!("expected a rate such as 800/s, found {}", found(node)), None))?;
    parse_rate(text).map_err(|message| (message, None))
}

/// `800/s` as a number per second.
pub(super) fn parse_rate(text: &str) -> Result<f64, String> {
    let expected = "expected a rate such as 800/s, 30/m or 0.5/ms";
    let shown = shorten(text);
    let Some((number, unit)) = text.split_once('/') else {
        return Err(match decimal(text.trim()) {
            Some(value) => format!("`{shown}` has no unit of time; write {value}/s"),
            None => format!("{expected}, found `{shown}`"),
        });
    };
    let value = decimal(number.trim()).ok_or_else(|| format!("{expected}, found `{shown}`"))?;
    let value = match unit.trim() {
        "ns" => value * 1e9,
        "us" | "µs" | "μs" => value * 1e6,
        "ms" => value * 1e3,
        "s" => value,
        "m" | "min" => value / 60.0,
        "h" => value / 3_600.0,
        "d" => value / 86_400.0,
        other => return Err(format!("unknown unit of time `{}` in `{shown}`; {expected}", shorten(other))),
    };
    if value < 0.0 {
        return Err(format!("a rate cannot be negative, found `{shown}`"));
    }
    if value > 1e9 {
        return Err(format!("`{shown}` is more than one request a nanosecond, the resolution of the clock"));
    }
    Ok(value)
}

/// A Kubernetes quantity: `8`, `500m`, `2k`, `1Gi`.
pub(super) fn quantity(node: &Node) -> Result<f64, Bad> {
    let text =
        text(node).map_err(|_| (format!("expected a quantity such as \"8\" or 500m, found {}", found(node)), None))?;
    match crate::manifest::quantity(text) {
        Some(value) if value > 0.0 => Ok(value),
        _ => bad(format!("expected a quantity above zero such as \"8\" or 500m, found `{}`", shorten(text))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_and_rates_are_read_as_people_write_them() {
        assert_eq!(parse_ratio("20%"), Some(0.2));
        assert_eq!(parse_ratio("0.2"), Some(0.2));
        assert_eq!(parse_ratio("1.14 %"), Some(1.14 / 100.0));
        assert_eq!(parse_ratio("nan"), None);
        assert_eq!(parse_ratio("inf%"), None);
        assert_eq!(parse_rate("800/s"), Ok(800.0));
        assert_eq!(parse_rate("30/m"), Ok(0.5));
        assert_eq!(parse_rate("0.5/ms"), Ok(500.0));
        assert_eq!(parse_rate("800"), Err("`800` has no unit of time; write 800/s".to_owned()));
        for wrong in ["-1/s", "nan/s", "1e300/s", "inf/s", "8/fortnight", "x/s", ""] {
            assert!(parse_rate(wrong).is_err(), "{wrong} was accepted");
        }
    }

    #[test]
    fn seconds_are_not_rounded_to_nanoseconds() {
        assert_eq!(seconds("3.2408272640001s"), Ok(3.240_827_264_000_1));
        assert_eq!(seconds("250ms"), Ok(0.25));
        assert_eq!(seconds("2m"), Ok(120.0));
        assert!(seconds("5").is_err());
        assert!(seconds("-1s").is_err());
    }
}
