//! The course, `docs/course.md`: what it shows is what the commands print, and every lesson's objectives hold.

mod support;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use support::{project, scratch, status, stderr, stdout, windtunnel};

const DOCUMENT: &str = "docs/course.md";

/// A command of the document and the lines of output that stand below it.
struct Shown<'a> {
    command: &'a str,
    lines: Vec<&'a str>,
}

/// The fenced blocks: of `sh`, each with one command, and of `text`, what the command before it prints.
fn shown(document: &str) -> Vec<Shown<'_>> {
    let mut all: Vec<Shown<'_>> = Vec::new();
    let mut language = None;
    for line in document.lines() {
        match (line.strip_prefix("```"), language) {
            (Some(name), None) => language = Some(name),
            (Some(_), Some(_)) => language = None,
            (None, Some("sh")) => all.push(Shown { command: line, lines: Vec::new() }),
            (None, Some("text")) => all.last_mut().expect("a command stands before output").lines.push(line),
            (None, Some(other)) => panic!("a block of `{other}`"),
            (None, None) => {}
        }
    }
    all
}

/// The scenarios of the course in a directory of their own, where results may be written.
fn course() -> TempDir {
    let scratch = scratch();
    let to = scratch.path().join("scenarios/course");
    fs::create_dir_all(&to).expect("a directory can be made");
    for entry in fs::read_dir(project().join("scenarios/course")).expect("the course") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("a file can be copied");
    }
    scratch
}

/// Runs a command as it is written; `# exit status N` at its end says that it does not end with 0.
fn run(directory: &Path, line: &str) -> Output {
    let (command, expected) = line.split_once("# exit status ").unwrap_or((line, "0"));
    let output = match command.trim().strip_prefix("windtunnel ") {
        Some(arguments) => windtunnel(directory, &words(arguments)).output(),
        None => Command::new("sh").current_dir(directory).args(["-c", command]).output(),
    };
    let output = output.expect("the command can be started");
    assert_eq!(status(&output).to_string(), expected, "{line}\n{}{}", stdout(&output), stderr(&output));
    output
}

/// The words of a command; single quotes hold some together.
fn words(line: &str) -> Vec<&str> {
    let parts = line.split('\'').enumerate();
    parts
        .flat_map(|(index, part)| if index % 2 == 0 { part.split_whitespace().collect() } else { vec![part] })
        .collect()
}

/// A line without its numbers and without what depends on their width.
fn shape(line: &str) -> String {
    let mut shape: String = line
        .chars()
        .map(|letter| match letter {
            '0'..='9' | '.' | ',' | '█' | '▉' | '▊' | '▋' | '▌' | '▍' | '▎' | '▏' => ' ',
            other => other,
        })
        .collect();
    for (long, short) in [("──", "─"), ("══", "═"), ("  ", " ")] {
        while shape.contains(long) {
            shape = shape.replace(long, short);
        }
    }
    shape
}

/// The lines as they are printed now, each the next one of its shape; without any such line, the old one.
fn renewed<'a>(lines: &[&'a str], printed: &'a str) -> Vec<&'a str> {
    let mut rest: Vec<&str> = printed.lines().collect();
    let next = |line: &&'a str| {
        let Some(at) = rest.iter().position(|new| !new.is_empty() && shape(new) == shape(line)) else {
            return *line;
        };
        let new = rest[at];
        rest.drain(..=at);
        new
    };
    lines.iter().map(next).collect()
}

/// Whether the lines stand in what is printed, in this order.
fn in_order(lines: &[&str], printed: &str) -> Result<(), String> {
    let mut printed = printed.lines();
    let wanted = lines.iter().filter(|line| !line.is_empty());
    wanted.copied().try_for_each(|line| match printed.any(|new| new == line) {
        true => Ok(()),
        false => Err(line.to_owned()),
    })
}

/// The whole document as it would be with today's output, beside the other build products.
fn put_aside(document: &str, all: &[Shown<'_>], outputs: &[String]) -> String {
    let mut text = document.to_owned();
    for (shown, printed) in all.iter().zip(outputs) {
        let new = renewed(&shown.lines, printed);
        text = text.replacen(&shown.lines.join("\n"), &new.join("\n"), usize::from(!shown.lines.is_empty()));
    }
    let aside = Path::new(env!("CARGO_TARGET_TMPDIR")).join("course.md");
    fs::write(&aside, text).expect("a file can be written");
    aside.display().to_string()
}

#[test]
fn the_course_shows_what_is_printed() {
    let document = fs::read_to_string(project().join(DOCUMENT)).expect("the course");
    let (directory, all) = (course(), shown(&document));
    let outputs: Vec<String> = all.iter().map(|shown| stdout(&run(directory.path(), shown.command))).collect();
    let mut wrong = String::new();
    for (shown, printed) in all.iter().zip(&outputs) {
        if let Err(line) = in_order(&shown.lines, printed) {
            let _infallible = writeln!(wrong, "{} does not print (after the lines before it)\n{line}", shown.command);
        }
    }
    assert!(
        wrong.is_empty(),
        "{DOCUMENT}:\n{wrong}If the new figures are right, take them from {} and read the prose again.",
        put_aside(&document, &all, &outputs)
    );
}

#[test]
fn every_scenario_of_the_course_is_a_lesson() {
    let document = fs::read_to_string(project().join(DOCUMENT)).expect("the course");
    let all = shown(&document);
    let mut names: Vec<String> = fs::read_dir(project().join("scenarios/course"))
        .expect("the course")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a plain name"))
        .collect();
    names.sort();
    assert_eq!(names.len(), 15);
    for (index, name) in names.iter().enumerate() {
        let (number, path) = (index + 1, format!("scenarios/course/{name}"));
        assert!(name.starts_with(&format!("{number:02}-")), "{name} is lesson {number}");
        assert!(document.contains(&format!("| {number}. ")), "no row for lesson {number}");
        assert!(document.contains(&format!("| `{path}` |")), "no row with {path}");
        assert!(document.contains(&format!("\n## {number}. ")), "no lesson {number}");
        let seen = all.iter().any(|shown| shown.command.contains(&path) && !shown.lines.is_empty());
        assert!(seen, "no output of {path}");
        let text = fs::read_to_string(project().join(&path)).expect("a scenario");
        let question = text.split_once("windtunnel").map_or("", |(before, _)| before);
        assert!(question.starts_with("# ") && question.contains('?'), "{path} begins without its question");
        assert!(text.contains("objectives"), "{path} has no objectives");
    }
}

#[test]
fn other_figures_are_noticed_and_replaced() {
    let printed = "traffic a\n│ failed  12 │\n  web-0  9.5 % ███▏ 3 % busy\n";
    assert_eq!(in_order(&["traffic a", "  web-0  9.5 % ███▏ 3 % busy"], printed), Ok(()));
    assert_eq!(in_order(&["│ failed  12 │", "traffic a"], printed), Err("traffic a".to_owned()));
    let old = ["traffic a", "│ failed  7 │", "  web-0  10 % ████ 3 % busy", "of this nothing is left"];
    let new = ["traffic a", "│ failed  12 │", "  web-0  9.5 % ███▏ 3 % busy", "of this nothing is left"];
    assert_eq!(renewed(&old, printed), new);
}
