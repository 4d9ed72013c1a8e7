//! What the compiler cannot check: layers, scenarios that ask, and nothing of anybody's machine.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The modules from bottom to top. Those on one line do not use one another; a module uses lines above its own only.
const LAYERS: [&[&str]; 11] = [
    &["yaml", "time", "id", "cause"],
    &["engine", "random", "stats"],
    &["arrivals", "balance", "controllers", "discovery"],
    &["manifest"],
    &["scenario"],
    &["observe"],
    &["model"],
    &["experiment"],
    &["report"],
    &["cli"],
    &["main"],
];

/// Edges that the layers forbid and that are allowed nevertheless, each with its reason. There are none.
const EXCEPTIONS: [(&str, &str, &str); 0] = [];

/// The crate's name, as `main.rs` and documentation examples write it.
const CRATE: &str = "windtunnel";

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of a directory and below, in a fixed order.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display())) {
            let path = entry.expect("an entry").path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// The path of a file in the project.
fn name(path: &Path) -> String {
    path.strip_prefix(project()).expect("a file of the project").to_string_lossy().replace('\\', "/")
}

/// The top-level module a source file belongs to.
fn module(path: &Path) -> String {
    let within = path.strip_prefix(project().join("src")).expect("a source file");
    let first = within.components().next().expect("a file has a name").as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// An event has six bits for what happens.
#[test]
fn kinds_of_events_fit_and_differ() {
    let text = fs::read_to_string(project().join("src/model/mod.rs")).expect("a source file");
    let mut known: BTreeMap<u8, String> = BTreeMap::new();
    for line in text.lines() {
        let Some((name, rest)) =
            line.trim().strip_prefix("pub(crate) const ").and_then(|rest| rest.split_once(": Kind = Kind("))
        else {
            continue;
        };
        let number: u8 = rest.trim_end_matches(");").parse().expect("a number");
        assert!(number < windtunnel::engine::KINDS, "{name} is {number}");
        let other = known.insert(number, name.to_owned());
        assert!(other.is_none(), "{name} and {other:?} are both {number}");
    }
    assert!(known.len() > 30, "{known:?}");
}

/// The line without comment. String literals that hold `//` are cut as well, which hides nothing that matters here.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or("")
}

/// Top-level modules that a text names: `crate::x`, `crate::{x, y::z}`, `windtunnel::x`.
fn named(text: &str, root: &str) -> BTreeSet<String> {
    let start = format!("{root}::");
    let mut modules = BTreeSet::new();
    for (at, _) in text.match_indices(&start) {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        let rest = &text[at + start.len()..];
        match rest.strip_prefix('{') {
            Some(group) => modules.extend(heads_of_group(group)),
            None => modules.extend(head(rest)),
        }
    }
    modules
}

/// The first word of a path.
fn head(path: &str) -> Option<String> {
    let word: String = path.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    // Types and macros of the crate's root begin with a capital or are none of the modules; they are skipped later.
    (!word.is_empty()).then_some(word)
}

/// The first words of the paths in a group, `a::{b, c}, d}`: a, d.
fn heads_of_group(group: &str) -> Vec<String> {
    let (mut depth, mut start, mut heads) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                heads.extend(head(&group[start..at]));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                heads.extend(head(&group[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    heads
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// Which modules each top-level module uses, with a file that does.
fn uses() -> BTreeMap<(String, String), String> {
    let mut uses = BTreeMap::new();
    for path in files(&project().join("src")) {
        let of = module(&path);
        let text = fs::read_to_string(&path).expect("UTF-8");
        if of == "lib" || path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text: String = text.lines().map(|line| format!("{}\n", code(line))).collect();
        let mut used = named(&text, "crate");
        used.extend(named(&text, CRATE));
        for module in used.into_iter().filter(|module| *module != of && layer(module).is_some()) {
            uses.entry((of.clone(), module)).or_insert_with(|| name(&path));
        }
    }
    uses
}

#[test]
fn modules_use_lower_layers_only() {
    let mut wrong = Vec::new();
    for ((of, used), file) in uses() {
        let (above, below) = (layer(&of), layer(&used));
        let allowed = above.zip(below).is_some_and(|(above, below)| below < above)
            || EXCEPTIONS.iter().any(|(a, b, _)| *a == of && *b == used);
        if !allowed {
            wrong.push(format!("{of} may not use {used} (in {file})"));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn every_module_has_a_layer() {
    let modules: BTreeSet<String> = files(&project().join("src")).iter().map(|path| module(path)).collect();
    for module in modules.iter().filter(|module| *module != "lib") {
        assert!(layer(module).is_some(), "`{module}` stands in no layer: add it to LAYERS where it belongs");
    }
    for module in LAYERS.iter().flat_map(|layer| layer.iter()) {
        assert!(modules.contains(*module), "`{module}` has a layer but no file");
    }
}

/// The test sees what it should see: these edges are the backbone of the program.
#[test]
fn uses_are_found_in_every_spelling() {
    let found = uses();
    for edge in
        [("balance", "random"), ("model", "engine"), ("report", "observe"), ("cli", "experiment"), ("main", "cli")]
    {
        assert!(found.contains_key(&(edge.0.to_owned(), edge.1.to_owned())), "{edge:?} is not found");
    }
    let text = "use crate::{a, b::{c, d}, e::F};\nuse crate::g::H;\nfn x() -> crate::i::J { mycrate::k() }";
    assert_eq!(named(text, "crate").into_iter().collect::<Vec<_>>(), ["a", "b", "e", "g", "i"]);
    assert_eq!(layer("balance").cmp(&layer("engine")), std::cmp::Ordering::Greater);
}

#[test]
fn every_scenario_asks_a_question_in_its_first_comment() {
    let mut scenarios = 0;
    for path in files(&project().join("scenarios")) {
        let text = fs::read_to_string(&path).expect("UTF-8");
        if !text.lines().any(|line| line.trim_end() == "kind: Scenario") {
            continue;
        }
        scenarios += 1;
        let comment: Vec<&str> = text.lines().take_while(|line| line.starts_with('#')).collect();
        assert!(!comment.is_empty(), "{} does not begin with a comment", name(&path));
        assert!(comment.join(" ").contains('?'), "{} asks nothing in its first comment", name(&path));
    }
    assert!(scenarios > 5, "only {scenarios} scenarios were found");
}

/// Words of a text, as identifiers are cut.
fn words(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect()
}

/// The names of all keys in a JSON Schema.
fn keys(schema: &serde_json::Value, found: &mut BTreeSet<String>) {
    if let Some(properties) = schema.get("properties").and_then(serde_json::Value::as_object) {
        found.extend(properties.keys().cloned());
    }
    match schema {
        serde_json::Value::Object(map) => map.values().for_each(|value| keys(value, found)),
        serde_json::Value::Array(items) => items.iter().for_each(|value| keys(value, found)),
        _ => {}
    }
}

#[test]
fn the_description_of_the_format_names_every_key_and_every_metric() {
    let text = fs::read_to_string(project().join("docs/scenario.md")).expect("UTF-8");
    let known = words(&text);
    let mut wanted = BTreeSet::new();
    keys(&windtunnel::scenario::schema(), &mut wanted);
    assert!(wanted.len() > 100, "{wanted:?}");
    let metrics = windtunnel::scenario::metric::METRICS.iter().flat_map(|metric| [metric.name, metric.parameters]);
    wanted.extend(metrics.flat_map(words).filter(|word| word.len() > 3).map(str::to_owned));
    for list in [windtunnel::random::DISTRIBUTIONS, windtunnel::arrivals::ARRIVALS] {
        wanted.extend(list.iter().map(|item| item.name.to_owned()));
    }
    // Placeholders and words of the sentences in the list of metrics.
    for word in ["CAUSE", "NAME", "SCOPE", "latency", "needed", "none", "over", "pods", "service", "workload"] {
        wanted.remove(word);
    }
    let missing: Vec<&String> = wanted.iter().filter(|word| !known.contains(word.as_str())).collect();
    assert!(missing.is_empty(), "docs/scenario.md lacks {missing:?}");
}

/// The examples of the documents that are whole scenarios.
fn examples(text: &str) -> Vec<&str> {
    let blocks = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.filter(|block| block.contains("kind: Scenario")).collect()
}

#[test]
fn the_scenarios_in_the_documents_are_valid() {
    use windtunnel::scenario::{DiskFiles, Overrides, load};
    for document in ["README.md", "docs/scenario.md"] {
        let text = fs::read_to_string(project().join(document)).expect("UTF-8");
        let examples = examples(&text);
        assert!(!examples.is_empty(), "{document} shows no scenario");
        for example in examples {
            if let Err(failure) = load(document, example, &DiskFiles::new(project()), &Overrides::default()) {
                panic!("{failure}");
            }
        }
    }
}

/// Files that a text names between backticks or links to.
fn files_named(text: &str) -> Vec<&str> {
    const ENDINGS: [&str; 5] = [".rs", ".md", ".py", ".toml", ".yaml"];
    let quoted = text.split('`').skip(1).step_by(2).filter(|name| !name.contains([' ', '*', '\n', '<']));
    let linked = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let linked = linked.filter(|link| !link.starts_with("http") && !link.starts_with('#'));
    quoted.chain(linked).filter(|name| ENDINGS.iter().any(|ending| name.ends_with(ending))).collect()
}

#[test]
fn files_that_the_documents_name_are_there() {
    /// Written by the reader, or a pattern.
    const NOT_OURS: [&str; 5] = ["two-tiers.yaml", "NAME.rs", "FILE.rs", "scenario.yaml", "shop.yaml"];
    let all: Vec<String> = project_files().iter().map(|path| name(path)).collect();
    let mut wrong = Vec::new();
    for document in all.iter().filter(|name| name.ends_with(".md")) {
        let text = fs::read_to_string(project().join(document)).expect("UTF-8");
        for named in files_named(&text).into_iter().filter(|named| !NOT_OURS.iter().any(|end| named.ends_with(end))) {
            let end = named.trim_start_matches("../");
            if !all.iter().any(|file| file == end || file.ends_with(&format!("/{end}"))) {
                wrong.push(format!("{document} names {named}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// Words that belong to one machine or to the making of the project, not to the project; written in halves, so that
/// this file holds none of them. The second holds where the words may stand after all.
const FOREIGN: [(&str, &str, &[&str]); 4] =
    [("/wo", "rk/", &[]), ("/tmp", "/h/", &[]), ("../sha", "red", &[".ci/run"]), ("fa", "rm-", &[])];

#[test]
fn nothing_refers_to_the_machine_it_was_written_on() {
    let mut wrong = Vec::new();
    for path in project_files() {
        // Binary files, if there ever are any, hold no references.
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for (first, second, allowed) in FOREIGN {
            let word = format!("{first}{second}");
            if let Some(line) = text.lines().position(|line| contains_word(line, &word))
                && !allowed.contains(&name(&path).as_str())
            {
                wrong.push(format!("{}:{} mentions {word}", name(&path), line + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// Whether `word` stands in the line, not as the end of a longer one (`network/` is no path from the root).
fn contains_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.')
    })
}

/// Every file that belongs to the project; what builds and runs leave behind does not.
fn project_files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(project()).expect("the project") {
        let path = entry.expect("an entry").path();
        let file_name = path.file_name().expect("a name").to_string_lossy().into_owned();
        match file_name.as_str() {
            "target" | ".git" | "results" => {}
            _ if path.is_dir() => found.extend(files(&path)),
            _ => found.push(path),
        }
    }
    found
}

#[test]
fn what_would_make_equal_runs_differ_is_banned() {
    let bans = fs::read_to_string(project().join("clippy.toml")).expect("clippy.toml");
    for item in [
        "std::collections::HashMap",
        "std::collections::HashSet",
        "std::time::Instant::now",
        "std::time::SystemTime::now",
        "std::env::var",
        "std::thread::spawn",
    ] {
        let line = bans.lines().find(|line| line.contains(&format!("\"{item}\"")));
        assert!(line.is_some_and(|line| line.contains("reason = ")), "{item} is not banned with a reason");
    }
    let manifest = fs::read_to_string(project().join("Cargo.toml")).expect("Cargo.toml");
    for lint in ["unsafe_code = \"forbid\"", "disallowed_types = \"deny\"", "disallowed_methods = \"deny\""] {
        assert!(manifest.contains(lint), "Cargo.toml lacks {lint}");
    }
}

/// The functions of a source text with their lengths: from the line with `fn` to the brace at its indentation.
fn functions(text: &str) -> Vec<(&str, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        // Visibility and qualifiers stand before the word, nothing else does.
        let declared = code.split_once("fn ").is_some_and(|(before, _)| {
            before.split_whitespace().all(|word| word == "const" || word == "pub" || word.starts_with("pub("))
        });
        if !declared {
            continue;
        }
        let end = format!("{}}}", &line[..line.len() - code.len()]);
        let length = lines[start..].iter().position(|line| *line == end);
        found.extend(length.map(|length| (code, length + 1)));
    }
    found
}

/// A file or a function that nobody can keep in mind is two.
#[test]
fn source_files_and_functions_stay_readable() {
    const MOST_LINES: usize = 800;
    const LONGEST_FUNCTION: usize = 80;
    let mut seen = 0;
    // The messages that tests compare whole are data.
    for path in files(&project().join("src")).into_iter().filter(|path| path.extension().is_some_and(|e| e == "rs")) {
        let text = fs::read_to_string(&path).expect("UTF-8");
        let lines = text.lines().count();
        assert!(lines <= MOST_LINES, "{} has {lines} lines: one concept a file", name(&path));
        for (function, length) in functions(&text) {
            seen += 1;
            assert!(length <= LONGEST_FUNCTION, "{}: `{function}` has {length} lines", name(&path));
        }
    }
    assert!(seen > 500, "only {seen} functions were found");
}
