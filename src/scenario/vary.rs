//! `--vary PATH=A,B,…`: a grid of variants, written into the tree before the variants are read.
//!
//! Every variant of the file (without any, the file itself) is taken with every combination of the values; the path that
//! was given first changes slowest. So the resolved scenario holds the grid as variants like any other.

use std::collections::BTreeMap;

use super::context::Context;
use super::grid::{Axis, FILE_VARIANTS, Grid};
use super::path::{self, Segment};
use super::values::shorten;
use crate::yaml::{self, Key, Node, Sources, Span};

/// A grid of more variants was not meant.
const MOST_VARIANTS: usize = 10_000;

/// One path and what is to stand there.
struct Dimension {
    path: String,
    at: Span,
    /// What the value is called in the names of variants: the last key of the path, where no other ends so.
    label: String,
    /// As written, and read.
    values: Vec<(String, Node)>,
}

/// Replaces the variants of `spec` by their combinations with the varied values; the grid that they are then.
pub(super) fn apply(cx: &mut Context<'_>, sources: &mut Sources, spec: &mut Node, vary: &[(String, String)]) -> Grid {
    let before = cx.problems.len();
    let mut dimensions: Vec<Dimension> = Vec::new();
    for (path, values) in vary {
        let Some(dimension) = dimension(cx, sources, path, values) else { continue };
        if dimensions.iter().any(|known| known.path == *path) {
            cx.problem_help(
                dimension.at,
                format!("`{}` is varied twice", shorten(path)),
                "give all its values at once",
            );
        }
        dimensions.push(dimension);
    }
    let own = spec.get("variants").and_then(Node::as_list).filter(|own| !own.is_empty());
    label(&mut dimensions);
    let axes = axes(own, &dimensions);
    let Some(first) = dimensions.first() else { return axes };
    if cx.problems.len() > before {
        return Grid::default();
    }
    let points = axes.axes.iter().try_fold(1_usize, |points, axis| points.checked_mul(axis.values.len()));
    if points.is_none_or(|points| points > MOST_VARIANTS) {
        let sizes: Vec<String> = axes.axes.iter().map(|axis| axis.values.len().to_string()).collect();
        let points = points.map_or_else(String::new, |points| format!(" = {points}"));
        let message = format!(
            "the grid has {}{points} variants, and {MOST_VARIANTS} are the most that one run simulates",
            sizes.join(" × ")
        );
        cx.problem_help(first.at, message, "vary fewer values at a time");
        return Grid::default();
    }
    let at = first.at;
    let nothing = Node::map(Vec::new(), at);
    let mut grid = own.map_or_else(|| vec![nothing], <[Node]>::to_vec);
    for dimension in &dimensions {
        grid = grid
            .iter()
            .flat_map(|variant| dimension.values.iter().map(|value| with(variant, dimension, value)))
            .collect();
    }
    // A known result does not hold where something else is simulated.
    grid.iter_mut().for_each(|variant| drop(variant.remove("expect")));
    spec.remove("expect");
    spec.set(Key::new("variants", at), Node::list(grid, at));
    axes
}

/// The variants of the file, if there are any, and what is varied.
fn axes(own: Option<&[Node]>, dimensions: &[Dimension]) -> Grid {
    let name = |variant: &Node| variant.get("name").and_then(Node::as_str).unwrap_or_default().to_owned();
    let own = own.map(|own| Axis::new(FILE_VARIANTS, FILE_VARIANTS, own.iter().map(name).collect()));
    let varied = dimensions.iter().map(|dimension| {
        Axis::new(&dimension.path, &dimension.label, dimension.values.iter().map(|(text, _)| text.clone()).collect())
    });
    Grid { axes: own.into_iter().chain(varied).collect() }
}

fn dimension(cx: &mut Context<'_>, sources: &mut Sources, path: &str, text: &str) -> Option<Dimension> {
    let id = sources.add("--vary", path);
    let at = Span { source: id, start: 0, end: u32::try_from(path.len()).unwrap_or(u32::MAX) };
    let segments = match path::parse(path) {
        Ok(segments) => segments,
        Err((message, help)) => {
            cx.problem_help(at, message, help.unwrap_or_default());
            return None;
        }
    };
    let mut values = Vec::new();
    for value in split(text) {
        if value.is_empty() {
            let message = format!("`{}`: a value is missing", shorten(path));
            cx.problem_help(at, message, "write PATH=VALUE,VALUE; `null` removes what stands there");
            return None;
        }
        let id = sources.add("--vary", value);
        match yaml::parse_value_of(sources, id) {
            Ok(node) => values.push((value.to_owned(), node)),
            Err(problem) => {
                cx.problems.push(problem);
                return None;
            }
        }
    }
    let last = segments.iter().rev().find_map(|segment| match segment {
        Segment::Key(key) => Some(key.clone()),
        Segment::Item(_) => None,
    });
    Some(Dimension { path: path.to_owned(), at, label: last.unwrap_or_default(), values })
}

/// Where two paths end alike, both are called by the whole path.
fn label(dimensions: &mut [Dimension]) {
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for dimension in dimensions.iter() {
        *count.entry(dimension.label.clone()).or_default() += 1;
    }
    for dimension in dimensions.iter_mut().filter(|dimension| count[&dimension.label] > 1) {
        dimension.label = dimension.path.replace('[', ".");
    }
}

/// A variant with one more value, in its name and as the last thing that it sets.
fn with(variant: &Node, dimension: &Dimension, (text, value): &(String, Node)) -> Node {
    let mut variant = variant.clone();
    let own = format!("{}={}", as_name(&dimension.label), as_name(text));
    let name = match variant.get("name").and_then(Node::as_str) {
        Some(name) => format!("{name}+{own}"),
        None => own,
    };
    variant.set(Key::new("name", dimension.at), Node::string(name, dimension.at));
    let key = Key::new(dimension.path.as_str(), dimension.at);
    let mut set = variant.remove("set").unwrap_or_else(|| Node::null(dimension.at));
    set.remove(&dimension.path);
    // What is no map is refused when the variants are read.
    let _is_map = set.set(key, value.clone());
    variant.set(Key::new("set", dimension.at), set);
    variant
}

/// A value or path as part of a variant's name, which has no blanks, slashes, commas, hashes or quotes.
pub(crate) fn as_name(text: &str) -> String {
    let characters = text.chars().filter(|c| !c.is_whitespace() && !c.is_control() && !"{}[]\"'".contains(*c));
    characters
        .map(|c| {
            if c == '/' || c == '#' {
                '-'
            } else if c == ',' {
                '+'
            } else {
                c
            }
        })
        .collect()
}

/// Parts a text at the commas outside brackets, braces and quotes.
fn split(text: &str) -> Vec<&str> {
    let (mut depth, mut quote, mut start) = (0_usize, None, 0);
    let mut parts = Vec::new();
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), _) => quote = (open != c).then_some(open),
            (None, '"' | '\'') => quote = Some(c),
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_inside_values_part_nothing() {
        for (text, parts) in [
            ("a,b", vec!["a", "b"]),
            (" 4 , 6", vec!["4", "6"]),
            ("{a: 1, b: [2, 3]},{c: \"x,}\"}", vec!["{a: 1, b: [2, 3]}", "{c: \"x,}\"}"]),
            ("'a,b',c", vec!["'a,b'", "c"]),
            ("a,,b,", vec!["a", "", "b", ""]),
            ("", vec![""]),
            ("]a,b", vec!["]a", "b"]),
        ] {
            assert_eq!(split(text), parts, "{text}");
        }
    }

    #[test]
    fn values_become_names() {
        for (value, name) in [
            ("6", "6"),
            ("800/s", "800-s"),
            ("{policy: least-request, choices: 2}", "policy:least-request+choices:2"),
            ("\"a b\"", "ab"),
        ] {
            assert_eq!(as_name(value), name);
        }
    }
}
