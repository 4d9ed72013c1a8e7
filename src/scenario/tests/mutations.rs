//! Damaged files: whatever they hold, loading ends with a scenario or with located problems.

use super::super::{Overrides, load};
use super::Memory;
use crate::random::Keyed;

const WHOLE: &str = include_str!("whole.yaml");

/// Words that fit somewhere and are wrong elsewhere.
const WORDS: &[&str] = &[
    "null",
    "0",
    "-1",
    "1e999",
    "nan",
    "99999999999999999999",
    "5ms",
    "-5ms",
    "800/s",
    "0/s",
    "20%",
    "-20%",
    "[]",
    "{}",
    "[1]",
    "{a: 1}",
    "true",
    "unlimited",
    "all",
    "none",
    "http://web/",
    "deployment/web",
    "service/web",
    "exponential",
    "&a [*a]",
    "\"",
    "]",
    "}",
    ":",
    "\t",
    "é",
    "t.latency.p99 < 1s",
    "traffic[t].to",
    "manifests[deployment/db].spec",
    "---",
    "#",
    "auto",
    "1h99999999d",
];

fn damage(text: &str, random: &mut Keyed) -> String {
    let mut text = text.to_owned();
    for _ in 0..=random.below(3) {
        let tokens = token_bounds(&text);
        if tokens.is_empty() {
            return text;
        }
        let (start, end) = tokens[random.below(tokens.len() as u32) as usize];
        let (other_start, other_end) = tokens[random.below(tokens.len() as u32) as usize];
        let other = text[other_start..other_end].to_owned();
        let word = WORDS[random.below(WORDS.len() as u32) as usize];
        match random.below(8) {
            0 => text.replace_range(start..end, ""),
            1 => text.replace_range(start..end, word),
            2 => text.replace_range(start..end, &other),
            3 => text.insert_str(start, word),
            4 => text.truncate(start),
            5 | 6 => {
                // Another digit: a number stays a number.
                let digits = text.match_indices(|c: char| c.is_ascii_digit()).map(|(at, _)| at).collect::<Vec<_>>();
                if !digits.is_empty() {
                    let at = digits[random.below(digits.len() as u32) as usize];
                    text.replace_range(at..=at, &random.below(10).to_string());
                }
            }
            _ => {
                // A whole line doubled or dropped.
                let lines = text.lines().map(str::to_owned).collect::<Vec<_>>();
                let line = random.below(lines.len() as u32) as usize;
                let mut lines = lines;
                if random.below(2) == 0 {
                    lines.remove(line);
                } else {
                    let copy = lines[line].clone();
                    lines.insert(line, copy);
                }
                text = lines.join("\n");
            }
        }
    }
    text
}

/// Runs of word characters, and single other characters that are no space.
fn token_bounds(text: &str) -> Vec<(usize, usize)> {
    let mut bounds: Vec<(usize, usize)> = Vec::new();
    let mut inside = false;
    for (at, c) in text.char_indices() {
        let word = c.is_alphanumeric() || matches!(c, '.' | '/' | '-' | '_' | '%');
        match bounds.last_mut() {
            Some(last) if word && inside => last.1 = at + c.len_utf8(),
            _ if !c.is_whitespace() => bounds.push((at, at + c.len_utf8())),
            _ => {}
        }
        inside = word;
    }
    bounds
}

#[test]
fn two_thousand_damaged_files_are_refused_or_run() {
    let (mut good, mut refused) = (0, 0);
    for round in 0..2_000 {
        let mut random = Keyed::new(round);
        let text = damage(WHOLE, &mut random);
        let files = Memory::of(&[("trace.csv", "arrival_s\n0\n1\n"), ("bad.csv", "x\n-1\n")]);
        match load("damaged.yaml", &text, &files, &Overrides::default()) {
            Ok(loaded) => {
                good += 1;
                let again = load("again.yaml", &loaded.resolved, &Memory::default(), &Overrides::default());
                let again = again
                    .unwrap_or_else(|failure| panic!("round {round}: resolved text is refused: {failure}\n{text}"));
                assert_eq!(again.resolved, loaded.resolved, "round {round}");
            }
            Err(failure) => {
                refused += 1;
                assert!(
                    failure.problems.iter().any(|problem| !problem.warning),
                    "round {round}: refused without an error"
                );
                let shown = failure.to_string();
                assert!(
                    shown.contains("damaged.yaml:") || shown.contains(".csv"),
                    "round {round}: no place in {shown}"
                );
            }
        }
    }
    // The seeds are fixed: if the damage were harmless or always deadly, the test would prove little.
    assert!(good > 100 && refused > 1_000, "{good} good, {refused} refused");
}

#[test]
fn the_undamaged_file_loads() {
    let files = Memory::of(&[("trace.csv", "arrival_s\n0\n1\n")]);
    let loaded = load("whole.yaml", WHOLE, &files, &Overrides::default()).unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(loaded.variants.len(), 4);
}
