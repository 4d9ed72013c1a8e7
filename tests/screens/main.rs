//! What the command prints, whole: reports, notes and what mistakes are answered with, beside the commands.
//!
//! The models here draw no random number, so that their figures can be worked out and never change by chance.

mod discovery;
mod explained;
mod mistakes;
mod reports;
mod rollouts;
#[path = "../support/mod.rs"]
mod support;
mod usage;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use windtunnel::balance::POLICIES;

use support::{scratch, status, stderr, stdout, windtunnel, write};

/// Something that happens before the next command.
enum Step {
    /// The command runs with these arguments.
    Run(Vec<String>),
    /// It runs as well, and what it says is no part of the screen.
    Made(Vec<String>),
    /// A file is written.
    Write(&'static str, Vec<u8>),
    /// A part of a file becomes another.
    Replace(&'static str, &'static str, &'static str),
    /// A file that was made is shown.
    Show(&'static str),
    /// A directory appears.
    Directory(&'static str),
}

/// A title and what happens in a directory of its own.
struct Screen {
    title: &'static str,
    steps: Vec<Step>,
}

impl Screen {
    fn of(title: &'static str) -> Self {
        Self { title, steps: Vec::new() }
    }

    /// With a file.
    fn file(mut self, name: &'static str, text: impl AsRef<[u8]>) -> Self {
        self.steps.push(Step::Write(name, text.as_ref().to_vec()));
        self
    }

    /// With a directory.
    fn directory(mut self, name: &'static str) -> Self {
        self.steps.push(Step::Directory(name));
        self
    }

    /// A file that was made.
    fn show(mut self, name: &'static str) -> Self {
        self.steps.push(Step::Show(name));
        self
    }

    /// After a part of a file became another.
    fn replace(mut self, name: &'static str, from: &'static str, to: &'static str) -> Self {
        self.steps.push(Step::Replace(name, from, to));
        self
    }

    /// A command, as it is written on a line: words in single quotes are one.
    fn run(mut self, line: &str) -> Self {
        self.steps.push(Step::Run(words(line)));
        self
    }

    /// A command that succeeds and is not shown.
    fn made(mut self, line: &str) -> Self {
        self.steps.push(Step::Made(words(line)));
        self
    }

    /// What is seen.
    fn text(&self) -> String {
        let scratch = scratch();
        let mut text = format!("## {}\n", self.title);
        for step in &self.steps {
            step.happen(scratch.path(), &mut text);
        }
        text
    }
}

fn words(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    let words = parts.flat_map(|(index, part)| match index % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    });
    words.collect()
}

impl Step {
    fn happen(&self, directory: &Path, seen: &mut String) {
        match self {
            Self::Write(name, bytes) => fs::write(directory.join(name), bytes).expect("a file can be written"),
            Self::Directory(name) => fs::create_dir_all(directory.join(name)).expect("a directory can be made"),
            Self::Show(name) => {
                let text = fs::read_to_string(directory.join(name)).expect("a file");
                let _infallible = writeln!(seen, "$ cat {name}\n{text}");
            }
            Self::Replace(name, from, to) => {
                let text = fs::read_to_string(directory.join(name)).expect("a file");
                assert!(text.contains(from), "{name} does not contain {from}");
                write(directory, name, &text.replace(from, to));
            }
            Self::Made(words) => {
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                let done = windtunnel(directory, &words).output().expect("the binary can be started");
                assert_eq!(status(&done), 0, "{words:?}: {}", stderr(&done));
            }
            Self::Run(words) => {
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                let done = windtunnel(directory, &words).output().expect("the binary can be started");
                let quoted = |word: &&str| match word.contains([' ', '\n', '*', '<', '#']) || word.is_empty() {
                    true => format!("'{word}'"),
                    false => (*word).to_owned(),
                };
                let line: Vec<String> = words.iter().map(quoted).collect();
                let own = env!("CARGO_PKG_VERSION");
                // Not to be written down again with every new policy.
                let policies: Vec<&str> = POLICIES.iter().map(|policy| policy.name).collect();
                let said = |stream: String| {
                    let stream = stream.replace(&format!("windtunnel {own}"), "windtunnel VERSION");
                    stream.replace(&policies.join(", "), "(every policy)")
                };
                let (out, err) = (said(stdout(&done)), said(stderr(&done)));
                let gap = if err.is_empty() || out.is_empty() { "" } else { "(and on standard error)\n" };
                let _infallible =
                    writeln!(seen, "$ windtunnel {}\n{out}{gap}{err}exit {}\n", line.join(" "), status(&done));
            }
        }
    }
}

/// Compares what is seen with what stands in `tests/screens`; what differs is kept whole beside the other build products.
#[track_caller]
fn same_screens(file: &str, screens: &[Screen]) {
    let seen: String = screens.iter().map(Screen::text).collect();
    let path = support::project().join("tests/screens").join(file);
    let expected = fs::read_to_string(&path).unwrap_or_default();
    if seen == expected {
        return;
    }
    let aside = Path::new(env!("CARGO_TARGET_TMPDIR")).join(file);
    fs::write(&aside, &seen).expect("a file can be written");
    let differs = seen.split("\n## ").zip(expected.split("\n## ")).find(|(seen, expected)| seen != expected);
    let (seen, expected) = differs.unwrap_or(("", "fewer or more screens"));
    panic!(
        "tests/screens/{file} expects\n{expected}\nbut this is seen\n{seen}\nIf all of it is right, copy it: cp {} {}",
        aside.display(),
        path.display()
    );
}
