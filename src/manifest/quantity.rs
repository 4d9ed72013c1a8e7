//! Kubernetes quantities: `500m`, `2`, `1.5Gi`, `1e3`.

/// The number a Kubernetes quantity stands for (cores, bytes, pods), where the text is one.
///
/// Grammar: <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>.
#[must_use]
pub fn quantity(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits =
        unsigned.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(digits);
    let well_formed = number.bytes().any(|byte| byte.is_ascii_digit()) && number.matches('.').count() <= 1;
    if !well_formed {
        return None;
    }
    let number: f64 = number.parse().ok()?;
    let factor = match suffix {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        "Ti" => 1_099_511_627_776.0,
        "Pi" => 1_125_899_906_842_624.0,
        "Ei" => 1_152_921_504_606_846_976.0,
        exponent => power_of_ten(exponent.strip_prefix(['e', 'E'])?)?,
    };
    let value = if text.starts_with('-') { -number * factor } else { number * factor };
    value.is_finite().then_some(value)
}

fn power_of_ten(exponent: &str) -> Option<f64> {
    let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let well_formed = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if well_formed { format!("1e{exponent}").parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::quantity;

    #[test]
    fn quantities_are_read() {
        for (text, value) in [
            ("2", 2.0),
            ("500m", 0.5),
            ("0.5", 0.5),
            (".5", 0.5),
            ("1Gi", 1_073_741_824.0),
            ("1.5Gi", 1_610_612_736.0),
            ("128974848", 128_974_848.0),
            ("129e6", 129e6),
            ("129M", 129e6),
            ("1E", 1e18),
            ("1E3", 1000.0),
            ("1e-3", 0.001),
            ("-5", -5.0),
            ("100k", 100_000.0),
            ("3920m", 3.92),
            ("5.", 5.0),
        ] {
            assert_eq!(quantity(text), Some(value), "{text}");
        }
    }

    #[test]
    fn other_texts_are_none() {
        for text in [
            "", "x", "1x", "1 Gi", "1gi", "1K", "e3", "1e", "1e+", "1.2.3", ".", "-", "++1", "0x10", "1e999", "2 ",
            "1_0", "Gi",
        ] {
            assert_eq!(quantity(text), None, "{text}");
        }
    }
}
