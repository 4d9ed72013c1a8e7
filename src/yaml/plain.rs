//! What an unquoted word means in YAML 1.1 (which kubectl and Helm speak) and in YAML 1.2 (which we speak).

/// Whether an unquoted word means nothing.
pub(super) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// Whether YAML 1.1 alone reads an unquoted word as a boolean (<https://yaml.org/type/bool.html>).
pub(super) fn is_old_boolean(text: &str) -> bool {
    ["y", "yes", "n", "no", "on", "off"].iter().any(|word| in_some_case(text, word))
}

/// Whether some reader of YAML 1.1 or 1.2 takes an unquoted word for something other than a text.
///
/// Errs on the careful side: everything that begins like a number or a date counts.
pub(super) fn may_be_misread(text: &str) -> bool {
    if is_null(text) || is_old_boolean(text) || text == "<<" || text == "=" {
        return true;
    }
    if in_some_case(text, "true") || in_some_case(text, "false") {
        return true;
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut letters = unsigned.strip_prefix('.').unwrap_or(unsigned).chars();
    match letters.next() {
        Some(first) if first.is_ascii_digit() => looks_numeric(unsigned),
        _ => {
            let word = unsigned.strip_prefix('.').unwrap_or(unsigned);
            word.eq_ignore_ascii_case("inf") || word.eq_ignore_ascii_case("nan")
        }
    }
}

/// Whether a word that begins with a digit could be a number in some base, with underscores, a sexagesimal, or a date.
///
/// `8Gi`, `500m` and `10.0.0.1` are none of these.
fn looks_numeric(word: &str) -> bool {
    if word.bytes().filter(|&byte| byte == b'.').count() > 1 && !word.contains(':') {
        return false;
    }
    let based = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"));
    if based.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'_')) {
        return true;
    }
    if word.starts_with("0o") || word.starts_with("0b") || word.starts_with("0O") || word.starts_with("0B") {
        return true;
    }
    word.bytes().all(|byte| byte.is_ascii_digit() || b"_.:-+eETtZz ".contains(&byte))
}

/// Lower case, upper case or capitalised: the three spellings YAML 1.1 knows.
fn in_some_case(text: &str, lower: &str) -> bool {
    text.eq_ignore_ascii_case(lower)
        && (text.bytes().skip(1).all(|byte| byte.is_ascii_lowercase()) || text.bytes().all(|b| b.is_ascii_uppercase()))
}

/// The text of a whole number without sign, where `text` is one written without leading zeros.
pub(super) fn whole_number(text: &str) -> Option<&str> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    (plain && (digits.len() == 1 || !digits.starts_with('0'))).then_some(digits)
}

/// A finite decimal number by the grammar of YAML 1.2's core schema.
pub(super) fn decimal_number(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let well_formed = digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent));
    if !well_formed {
        return None;
    }
    text.parse::<f64>().ok().filter(|number| number.is_finite())
}

/// Whether a text can be written without quotes, on one line of a block, and be read back as the same text.
///
/// Errs on the careful side: what this refuses is written in quotes.
pub(super) fn can_stand_plain(text: &str) -> bool {
    let mut characters = text.chars();
    let Some(first) = characters.next() else { return false };
    let second = characters.next();
    let begins_well = match first {
        '-' => second.is_some_and(|next| next.is_ascii_alphanumeric() || next == '.') && !text.starts_with("-."),
        ':' | '?' | ',' | '[' | ']' | '{' | '}' | '#' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => {
            false
        }
        _ => true,
    } || is_negative_fraction(text);
    begins_well
        && !text.starts_with("---")
        && !text.starts_with("...")
        && !text.starts_with(' ')
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && text.chars().all(is_printable)
}

fn is_negative_fraction(text: &str) -> bool {
    text.strip_prefix("-.").is_some_and(|rest| rest.starts_with(|next: char| next.is_ascii_digit()))
}

/// Whether a character can stand unescaped in a line without being taken for a break or vanishing.
pub(super) fn is_printable(character: char) -> bool {
    !character.is_control()
        && !matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
        && !matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}')
        && (character == ' ' || !character.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_readers_disagree_on_are_known() {
        for text in [
            "y",
            "N",
            "Yes",
            "NO",
            "on",
            "OFF",
            "true",
            "False",
            "null",
            "~",
            "",
            "5",
            "-5",
            "0x1F",
            "0o17",
            "0b1",
            "1_000",
            "1:30",
            "2001-12-14",
            "1e3",
            ".5",
            "+.inf",
            ".NaN",
            "<<",
            "=",
            "017",
            "5.",
            "1:20:30.5",
            "2001-12-14T21:59:43Z",
        ] {
            assert!(may_be_misread(text), "{text}");
        }
        for text in ["web", "8Gi", "500m", "10.0.0.1", "yEs", "oN", "nginx:1.2", "a5", "5m", "v1", "-x", "tRue"] {
            assert!(!may_be_misread(text), "{text}");
        }
    }

    #[test]
    fn indicators_need_quotes() {
        for text in [
            "- a", "a: b", "a #b", "*x", "&x", "!x", "%x", "@x", "a:", " a", "a ", "---", "[", "-", "\t", "a\tb", "-.a",
        ] {
            assert!(!can_stand_plain(text), "{text:?}");
        }
        for text in ["a", "-5", "-.5", "a:b", "http://web:80/x#y", "a, b", "ü", "x[0]", "5", "-x"] {
            assert!(can_stand_plain(text), "{text:?}");
        }
    }
}
