//! How numbers are written in result files: exact where they are integers inside, nine significant digits elsewhere.

/// A value of a result file, in the unit that its column names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// A count.
    Count(u64),
    /// Whole nanoseconds, written as milliseconds without loss.
    Millis(u64),
    /// Whole nanoseconds, written as seconds without loss.
    Seconds(u64),
    /// A computed number.
    Number(f64),
    /// Not enough samples, or not defined.
    Missing,
}

impl Value {
    /// A computed number, missing where there is none.
    #[must_use]
    pub fn number(value: Option<f64>) -> Self {
        value.filter(|v| v.is_finite()).map_or(Self::Missing, Self::Number)
    }

    /// Whole nanoseconds as milliseconds, missing where there are none.
    #[must_use]
    pub fn millis(nanos: Option<u64>) -> Self {
        nanos.map_or(Self::Missing, Self::Millis)
    }

    /// The value in the unit of its column.
    #[must_use]
    pub fn as_f64(self) -> Option<f64> {
        match self {
            Self::Count(count) => Some(count as f64),
            Self::Millis(nanos) => Some(nanos as f64 / 1e6),
            Self::Seconds(nanos) => Some(nanos as f64 / 1e9),
            Self::Number(number) => Some(number).filter(|v| v.is_finite()),
            Self::Missing => None,
        }
    }

    /// The value as a field of a CSV file; empty where it is missing.
    #[must_use]
    pub fn field(self) -> String {
        match self {
            Self::Count(count) => count.to_string(),
            Self::Millis(nanos) => scaled(nanos, 1_000_000, 6),
            Self::Seconds(nanos) => scaled(nanos, 1_000_000_000, 9),
            Self::Number(number) => decimal(number),
            Self::Missing => String::new(),
        }
    }
}

/// `nanos / unit` as an exact decimal without trailing zeros.
fn scaled(nanos: u64, unit: u64, digits: usize) -> String {
    let whole = nanos / unit;
    let rest = nanos % unit;
    if rest == 0 {
        return whole.to_string();
    }
    let text = format!("{whole}.{rest:0digits$}");
    text.trim_end_matches('0').to_owned()
}

/// At most nine significant digits, the shortest text that says them; empty for NaN and infinities.
///
/// Plain decimals between 1e-6 and 1e15, exponents beyond, so that a tiny p-value is not hundreds of zeros.
#[must_use]
pub fn decimal(number: f64) -> String {
    if !number.is_finite() {
        return String::new();
    }
    if number == 0.0 {
        return "0".to_owned();
    }
    let rounded: f64 = format!("{number:.8e}").parse().expect("Rust reads the floats that it prints");
    if (1e-6..1e15).contains(&rounded.abs()) { rounded.to_string() } else { format!("{rounded:e}") }
}

/// A number for people: about four significant digits, thousands parted by commas.
#[must_use]
pub fn human(number: f64) -> String {
    if !number.is_finite() {
        return "–".to_owned();
    }
    let size = number.abs();
    if size >= 1e15 || (size > 0.0 && size < 1e-4) {
        return format!("{number:.2e}");
    }
    let decimals = match size {
        s if s >= 1000.0 || s == 0.0 => 0,
        s if s >= 100.0 => 1,
        s if s >= 10.0 => 2,
        s if s >= 1.0 => 3,
        s if s >= 0.1 => 4,
        s if s >= 0.01 => 5,
        _ => 6,
    };
    let text = format!("{number:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(w, f)| (w, Some(f)));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    match fraction {
        Some(fraction) => format!("{sign}{grouped}.{fraction}"),
        None => format!("{sign}{grouped}"),
    }
}

/// Half an interval for people: beyond its second digit it says nothing.
pub(crate) fn human_error(half: f64) -> String {
    let unit = 10_f64.powf(half.abs().log10().floor() - 1.0);
    human(if unit > 0.0 && unit.is_finite() { (half / unit).round() * unit } else { half })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nanoseconds_are_written_exactly() {
        for (nanos, text) in
            [(0, "0"), (1, "0.000001"), (1_500_000, "1.5"), (12_345_678, "12.345678"), (2_000_000, "2")]
        {
            assert_eq!(Value::Millis(nanos).field(), text);
        }
        assert_eq!(Value::Seconds(1_000_000_001).field(), "1.000000001");
        assert_eq!(Value::Millis(u64::MAX).field(), "18446744073709.551615");
    }

    #[test]
    fn computed_numbers_have_nine_digits() {
        for (number, text) in [
            (1.0 / 3.0, "0.333333333"),
            (2.0, "2"),
            (-0.0, "0"),
            (1_234_567_890.5, "1234567890"),
            (0.1 + 0.2, "0.3"),
            (1e-300, "1e-300"),
            (f64::NAN, ""),
            (f64::INFINITY, ""),
        ] {
            assert_eq!(decimal(number), text);
        }
    }

    #[test]
    fn people_get_four_digits() {
        for (number, text) in [
            (1_234_567.8, "1,234,568"),
            (12.3456, "12.35"),
            (0.001_234_6, "0.001235"),
            (-1_500.0, "-1,500"),
            (3.0, "3"),
            (0.0, "0"),
        ] {
            assert_eq!(human(number), text);
        }
        assert_eq!(human(f64::NAN), "–");
    }

    #[test]
    fn errors_get_two_digits() {
        for (half, text) in
            [(0.2638, "0.26"), (0.0995, "0.1"), (174.6, "170"), (7.0, "7"), (0.0, "0"), (5e-5, "5.00e-5")]
        {
            assert_eq!(human_error(half), text);
        }
        assert_eq!(human_error(f64::INFINITY), "–");
    }
}
