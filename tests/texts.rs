//! Every text that a user may be answered with stands in a test: no message is written that nobody has seen.

use std::fs;
use std::path::{Path, PathBuf};

/// Sources whose texts are answers, and how they end that are lists instead: what `list` and the schema print.
const SOURCES: [&str; 1] = ["src"];
const LISTS: [&str; 13] = [
    "tables.rs",
    "tables_flow.rs",
    "tables_dns.rs",
    "tables_fault.rs",
    "tables_outside.rs",
    "tables_pods.rs",
    "tables_process.rs",
    "tables_propagation.rs",
    "tables_autoscaling.rs",
    "tables_random.rs",
    "schema.rs",
    "metric_table.rs",
    "list.rs",
];

/// Calls whose texts nobody is answered with: faults of the program itself, and what `check` lists as assumed.
const NO_ANSWERS: [&str; 8] =
    ["expect(", "assume(", "assert!(", "assert_eq!(", "assert_ne!(", "panic!(", "unreachable!(", "describe("];

/// What the lists of `list` and the help of a verb are written in.
const LISTED: [&str; 3] = ["PolicyListed {", "Parameter {", "command("];

/// Beginnings of texts that no test can bring about, each with its reason.
const EXCEPTIONS: [(&str, &str); 7] = [
    ("empirical: {} values are too many", "a file of more than 4 GiB"),
    ("{} is larger than 4 GiB", "a file of more than 4 GiB"),
    ("Histogram({} values", "for those who debug the program"),
    ("cannot start {jobs} threads", "the system's own fault"),
    ("connect-failure, 5xx, timeout", "a default that `check` lists as assumed"),
    ("a duration such as 250ms", "the reader of durations has its own words"),
    ("cannot read the standard input", "the system's own fault"),
];

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a path, in a fixed order.
fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut found: Vec<PathBuf> = entries.flat_map(|entry| files(&entry.expect("an entry").path())).collect();
    found.sort();
    found
}

/// Whether a file holds tests only.
fn is_test(path: &Path) -> bool {
    let name = path.to_string_lossy().replace('\\', "/");
    name.contains("/tests") || name.ends_with("_tests.rs") || name.ends_with("/random_text.rs")
}

/// What stands between quotes in a source, as the program has it.
fn unescaped(text: &str) -> String {
    let mut parts = text.split("\\\n");
    let first = parts.next().unwrap_or_default().to_owned();
    let joined = parts.fold(first, |before, part| before + part.trim_start());
    joined.replace("\\\"", "\"").replace("\\n", "\n").replace("\\\\", "\\")
}

/// The texts in a source with a blank in them, with their lines; those of calls in [`NO_ANSWERS`] are passed over.
fn texts(source: &str) -> Vec<(usize, String)> {
    let (mut found, mut at, mut passed) = (Vec::new(), 0, None);
    let mut depth = 0_usize;
    while let Some(c) = source[at..].chars().next() {
        let rest = &source[at..];
        if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        }
        let mut passed_over = NO_ANSWERS.iter().chain(LISTED.iter().filter(|_| !source[..at].ends_with("impl ")));
        if let Some(call) = passed_over.find(|call| rest.starts_with(**call)) {
            at += call.len();
            depth += 1;
            passed = passed.or(Some(depth));
            continue;
        }
        // A character: its quotes and brackets are none.
        if rest.starts_with("'\\") {
            at += 3 + rest[3..].find('\'').map_or(0, |end| end + 1);
            continue;
        }
        if c == '\'' && rest.chars().nth(2) == Some('\'') {
            at += rest.chars().take(3).map(char::len_utf8).sum::<usize>();
            continue;
        }
        match c {
            '(' | '{' => depth += 1,
            ')' | '}' => {
                passed = passed.filter(|open| *open != depth);
                depth = depth.saturating_sub(1);
            }
            '"' => {
                let (mut end, bytes) = (1, rest.as_bytes());
                while bytes[end] != b'"' {
                    end += if bytes[end] == b'\\' { 2 } else { 1 };
                }
                let text = unescaped(&rest[1..end]);
                // Bytes are no text for people.
                let bytes = source[..at].ends_with('b');
                if passed.is_none() && !bytes && text.contains(' ') {
                    found.push((source[..at].matches('\n').count() + 1, text));
                }
                at += end;
            }
            _ => {}
        }
        at += c.len_utf8();
    }
    found
}

/// The parts of a text between the values that are put into it.
fn constant(text: &str) -> Vec<String> {
    let text = text.replace("{{", "\u{1}").replace("}}", "\u{2}");
    let mut parts = Vec::new();
    for (index, piece) in text.split('{').enumerate() {
        let part = if index == 0 { piece } else { piece.split_once('}').map_or(piece, |(_, after)| after) };
        parts.push(flat(&part.replace('\u{1}', "{").replace('\u{2}', "}")));
    }
    parts.retain(|part| part.chars().count() >= 4);
    parts
}

/// The same with a blank for each run of blanks and line breaks: lines are broken anew where they are printed.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a text stands in what tests hold: its parts one after the other, with values in between that are not too long.
fn is_shown(text: &str, seen: &str) -> bool {
    const LONGEST: usize = 600;
    if seen.contains(&flat(text)) {
        return true;
    }
    let parts = constant(text);
    let Some((first, others)) = parts.split_first() else { return true };
    let follows = |start: usize| {
        let mut at = start + first.len();
        others.iter().all(|part| {
            let mut end = (at + LONGEST).min(seen.len());
            while !seen.is_char_boundary(end) {
                end -= 1;
            }
            let found = seen[at..end].find(part.as_str());
            at += found.map_or(0, |found| found + part.len());
            found.is_some()
        })
    };
    seen.match_indices(first.as_str()).any(|(start, _)| follows(start))
}

#[test]
fn every_answer_stands_in_a_test() {
    let mut seen = String::new();
    let mut sources = Vec::new();
    for path in files(&project().join("src")).into_iter().chain(files(&project().join("tests"))) {
        let Some(kind) = path.extension().and_then(|kind| kind.to_str()).filter(|kind| ["rs", "txt"].contains(kind))
        else {
            continue;
        };
        let text = fs::read_to_string(&path).expect("UTF-8");
        let (code, tests) = match text.split_once("#[cfg(test)]") {
            _ if kind == "txt" || is_test(&path) => ("", text.as_str()),
            Some((code, tests)) => (code, tests),
            None => (text.as_str(), ""),
        };
        seen.push_str(&if kind == "txt" { tests.to_owned() } else { unescaped(tests) });
        let name = path.strip_prefix(project()).expect("a file of the project").to_string_lossy().replace('\\', "/");
        let listed = LISTS.iter().any(|list| name.ends_with(&format!("/{list}")));
        if !listed && SOURCES.iter().any(|source| name.starts_with(source)) {
            sources.push((name, code.to_owned()));
        }
    }
    let (mut unseen, mut count) = (Vec::new(), 0);
    let seen = flat(&seen);
    for (name, code) in &sources {
        for (line, text) in texts(code) {
            count += 1;
            let shown = is_shown(&text, &seen);
            if !shown && !EXCEPTIONS.iter().any(|(beginning, _)| text.starts_with(beginning)) {
                unseen.push(format!("{name}:{line}: {text}"));
            }
        }
    }
    assert!(count > 100, "only {count} texts were found");
    assert!(unseen.is_empty(), "no test shows these texts whole:\n{}\n", unseen.join("\n"));
}

#[test]
fn texts_are_found_as_they_are_written() {
    let source = "a(\"one two\", format!(\"x {y} is \\\"z\\\" {{k: 1}}\")); // \"in a comment\"\nb.expect(\"of the program\");\nc('\"', \"three \\\n   four\");";
    let found = texts(source);
    assert_eq!(
        found,
        [(1, "one two".to_owned()), (1, "x {y} is \"z\" {{k: 1}}".to_owned()), (3, "three four".to_owned())]
    );
    assert_eq!(constant(&found[1].1), ["is \"z\" {k: 1}"]);
}
