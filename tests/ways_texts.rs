//! The whole answer to every mistake with the ways in: the cases of `ways_texts.txt`, each with its answer below `>>>`.

mod support;

use support::{output, scratch, status, stderr, stdout, write};

/// What all cases begin with; each adds keys of `spec`, and manifests.
const HEAD: &str = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: ways}
spec:
";

/// What `check` says: the mistakes, or what is used and what is ignored.
fn answer(text: &str) -> String {
    let scratch = scratch();
    write(scratch.path(), "s.yaml", &format!("{HEAD}{text}"));
    let output = output(scratch.path(), &["check", "s.yaml"]);
    if status(&output) != 0 {
        return stderr(&output);
    }
    let said = stdout(&output);
    let from = said.find("  used\n").unwrap_or(0);
    let to = said.find("  ASSUMED\n").unwrap_or(said.len());
    said[from..to].to_owned()
}

#[test]
fn every_mistake_with_the_ways_in_is_answered_whole() {
    let cases = include_str!("ways_texts.txt");
    let mut count = 0;
    for case in cases.split("## ").skip(1) {
        let (input, expected) = case.split_once(">>>\n").expect("a case has an answer");
        let (title, text) = input.split_once('\n').expect("a case has a title");
        count += 1;
        assert_eq!(answer(text).trim(), expected.trim(), "{title}");
    }
    assert!(count > 20, "only {count} cases");
}
