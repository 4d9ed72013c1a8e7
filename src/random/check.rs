//! What parameters of a distribution or an arrival process must be, said in words.

/// The value if it is a finite number above zero.
pub(crate) fn positive(law: &str, parameter: &str, value: f64) -> Result<f64, String> {
    if value.is_finite() && value > 0.0 {
        Ok(value)
    } else {
        Err(format!("{law}: `{parameter}` must be a finite number above 0, not {value}"))
    }
}

/// The value if it is a finite number, zero or more.
pub(crate) fn not_negative(law: &str, parameter: &str, value: f64) -> Result<f64, String> {
    if value.is_finite() && value >= 0.0 {
        Ok(value)
    } else {
        Err(format!("{law}: `{parameter}` must be a finite number, 0 or more, not {value}"))
    }
}

/// The value if it is a probability.
pub(crate) fn probability(law: &str, parameter: &str, value: f64) -> Result<f64, String> {
    if (0.0..=1.0).contains(&value) {
        Ok(value)
    } else {
        Err(format!("{law}: `{parameter}` is a probability and must lie between 0 and 1, not {value}"))
    }
}

/// A length in seconds as people write it, or the bare number when no duration can hold it.
pub(crate) fn seconds(value: f64) -> String {
    crate::time::SimDuration::from_secs_f64(value).map_or_else(|| format!("{value}s"), |length| length.to_string())
}
