//! Random texts through reading, showing and writing: nothing may panic, and what is written reads back the same.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::{Sources, parse, render, write};

const SEEDS: [&str; 4] = [
    "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: \"web\"\n  labels: {app: web, größe: ä}\nspec:\n  replicas: 3\n  template:\n    spec:\n      containers:\n      - name: app\n        ports:\n        - {name: http, containerPort: 8080}\n        args: [\"-c\", 'it''s', ~]\n",
    "a: &a {x: 1, y: [2, 3]}\nb: {<<: *a, y: 4}\nc: |\n  text\n   more\nd: >-\n  folded\n  line\n? long\n: short\n",
    "# Source: x\n---\n- - a\n  - \"\\u00e4\\n\"\n- !!str 5\n- key:\n  other: null\n...\n%YAML 1.2\n---\n'x': -.5\n",
    "\u{feff}a:\r\n  b: 'c'\r\n  d: \"e\r\n   f\"\r\n",
];

const PIECES: [&str; 34] = [
    ":", ": ", "- ", "-", "\n", "\r\n", "\t", " ", "  ", "{", "}", "[", "]", ",", "#", " #", "&a ", "*a", "!",
    "!!str ", "'", "\"", "|", ">", "? ", "---\n", "...\n", "<<: ", "ä", "\u{feff}", "\u{2028}", "\u{0}", "%", "\\",
];

/// A cut, an insertion, a repetition at a place.
fn change() -> impl Strategy<Value = (usize, usize, usize, u8)> {
    (any::<usize>(), any::<usize>(), any::<usize>(), 0..4u8)
}

fn mutated(seed: usize, changes: &[(usize, usize, usize, u8)]) -> String {
    let mut characters: Vec<char> = SEEDS[seed].chars().collect();
    for &(place, length, piece, kind) in changes {
        let place = place % (characters.len() + 1);
        let end = (place + length % 12).min(characters.len());
        match kind {
            0 => drop(characters.drain(place..end)),
            1 => {
                let copy: Vec<char> = characters[place..end].to_vec();
                characters.splice(place..place, copy);
            }
            _ => drop(characters.splice(place..place, PIECES[piece % PIECES.len()].chars())),
        }
    }
    characters.into_iter().collect()
}

fn check(text: &str) -> Result<(), TestCaseError> {
    let mut sources = Sources::new();
    let id = sources.add("random.yaml", text);
    match parse(&sources, id) {
        Err(problem) => {
            let shown = render(std::slice::from_ref(&problem), &sources, false);
            prop_assert!(shown.contains("random.yaml:"), "{}", shown);
            prop_assert!(!render(&[problem], &sources, true).is_empty());
        }
        Ok(nodes) => {
            let written = write(&nodes);
            let copy = sources.add("written.yaml", written.as_str());
            let again = parse(&sources, copy);
            prop_assert!(again.is_ok(), "{}\n{}", written, render(&[again.unwrap_err()], &sources, false));
            let again = again.unwrap_or_default();
            let same = nodes.len() == again.len() && nodes.iter().zip(&again).all(|(one, two)| one.same_value(two));
            prop_assert!(same, "{:?}\n{}\n{:?}", nodes, written, again);
            prop_assert_eq!(write(&again), written);
        }
    }
    Ok(())
}

/// The same cases in every run: a failure is found again, and a green run means the same everywhere.
fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

#[test]
fn mutated_yaml_never_panics_and_comes_back() {
    let strategy = (0..SEEDS.len(), proptest::collection::vec(change(), 0..12));
    runner(8_000)
        .run(&strategy, |(seed, changes)| check(&mutated(seed, &changes)))
        .unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn soup_of_yaml_pieces_never_panics_and_comes_back() {
    let piece = prop_oneof![
        3 => (0..PIECES.len()).prop_map(|index| PIECES[index].to_string()),
        1 => "[a-z0-9]{1,3}",
        1 => any::<char>().prop_map(String::from),
    ];
    let strategy = proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat());
    runner(8_000).run(&strategy, |text| check(&text)).unwrap_or_else(|error| panic!("{error}"));
}
