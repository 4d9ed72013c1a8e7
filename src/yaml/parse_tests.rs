//! Tests of the reader, in their own file for its length.

use super::super::{Sources, render};
use super::*;

fn read(text: &str) -> Result<Vec<Node>, String> {
    let mut sources = Sources::new();
    let id = sources.add("a.yaml", text);
    parse(&sources, id).map_err(|problem| render(&[problem], &sources, false))
}

fn one(text: &str) -> Node {
    let mut documents = read(text).unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(documents.len(), 1, "{text}");
    documents.pop().unwrap()
}

fn refused(text: &str) -> String {
    read(text).expect_err(text)
}

#[test]
fn documents_that_hold_nothing_are_left_out() {
    for text in
        ["", "\n", "# only\n# comments\n", "---\n---\n", "null", "~\n", "\u{feff}", "\u{feff}# c\r\n", "---\n...\n"]
    {
        assert_eq!(read(text), Ok(vec![]), "{text:?}");
    }
    assert_eq!(read("# Source: a\n---\n# c\n---\na: 1\n---\nb: 2\n...\n").map(|documents| documents.len()), Ok(2));
}

#[test]
fn spans_are_bytes_of_the_text() {
    let text = "\u{feff}größe:\r\n  - name: ärger # ü\r\n    größe: {a: [1, zwölf], b: }\r\nleer:\r\n";
    let mut sources = Sources::new();
    let id = sources.add("a.yaml", text);
    let node = parse(&sources, id).unwrap().pop().unwrap();
    let item = &node.get("größe").unwrap().as_list().unwrap()[0];
    let inner = item.get("größe").unwrap();
    assert_eq!(sources.slice(node.as_map().unwrap()[0].0.span), "größe");
    assert_eq!(sources.slice(item.get("name").unwrap().span), "ärger");
    assert_eq!(sources.slice(inner.span), "{a: [1, zwölf], b: }");
    assert_eq!(sources.slice(inner.get("a").unwrap().span), "[1, zwölf]");
    assert_eq!(sources.slice(inner.get("a").unwrap().as_list().unwrap()[1].span), "zwölf");
    assert_eq!(sources.slice(item.span), "name: ärger # ü\r\n    größe: {a: [1, zwölf], b: }");
    assert_eq!(sources.slice(node.get("größe").unwrap().span).chars().next(), Some('-'));
    assert_eq!(sources.slice(inner.get("b").unwrap().span), "b");
    assert_eq!(sources.slice(node.get("leer").unwrap().span), "leer");
}

#[test]
fn errors_point_at_their_place_behind_umlauts() {
    let shown = refused("größe: ä\nzwölf: 'ü' x\n");
    assert!(shown.contains("a.yaml:2:12"), "{shown}");
    let shown = refused("größe: ä\nä: ö: x\n");
    assert!(shown.contains("a.yaml:2:5") && shown.contains("quotes"), "{shown}");
}

#[test]
fn scalars_keep_whether_they_were_quoted() {
    let node = one("{a: 5, b: '5', c: \"x\\ny\", d: !!str 5, e: ! 5, f: !!int 5, g: null, h: 'null', i: ~, j: !!str }");
    let quoted = |name: &str| node.get(name).unwrap().as_scalar().map(|scalar| (scalar.text.as_str(), scalar.quoted));
    assert_eq!(quoted("a"), Some(("5", false)));
    assert_eq!(quoted("b"), Some(("5", true)));
    assert_eq!(quoted("c"), Some(("x\ny", true)));
    assert_eq!(quoted("d"), Some(("5", true)));
    assert_eq!(quoted("e"), Some(("5", true)));
    assert_eq!(quoted("f"), Some(("5", false)));
    assert_eq!(quoted("g"), None);
    assert_eq!(quoted("h"), Some(("null", true)));
    assert_eq!(quoted("i"), None);
    assert_eq!(quoted("j"), Some(("", true)));
    assert_eq!(one("|\n  a\n  b\n").as_str(), Some("a\nb\n"));
    assert_eq!(one(">-\n  a\n  b\n").as_str(), Some("a b"));
}

#[test]
fn a_key_twice_is_refused_at_the_second() {
    let shown = refused("spec:\n  replicas: 1\n  x: 2\n  'replicas': 3\n");
    assert!(shown.contains("a.yaml:4:3") && shown.contains("line 2"), "{shown}");
    assert!(refused("{a: 1, a: 1}").contains("a.yaml:1:8"));
}

#[test]
fn aliases_and_merge_keys_are_resolved() {
    let node = one(
        "base: &b {x: 1, y: 2}\nuse: {<<: *b, y: 3, z: *b}\nmany: {<<: [{x: 8}, *b], w: 0}\nblock:\n  <<: *b\n  x: 9\n",
    );
    let number = |path: &[&str]| node.at(path).and_then(Node::as_u64);
    assert_eq!(number(&["use", "x"]), Some(1));
    assert_eq!(number(&["use", "y"]), Some(3));
    assert_eq!(number(&["use", "z", "y"]), Some(2));
    assert_eq!(number(&["many", "x"]), Some(8));
    assert_eq!(number(&["many", "y"]), Some(2));
    assert_eq!(number(&["block", "x"]), Some(9));
    assert_eq!(number(&["block", "y"]), Some(2));
    assert_eq!(one("{&k key: 1, other: *k}").get("other").and_then(Node::as_str), Some("key"));
    assert_eq!(one("'<<': {x: 1}").at(&["<<", "x"]).and_then(Node::as_u64), Some(1));
    assert!(refused("a: &a 5\nb: {<<: *a}\n").contains("merges maps"));
    assert!(refused("a: [*nix]\n").contains("`*nix` has no anchor"));
    assert!(refused("a: &a [*a]\n").contains("never end"));
    assert!(refused("a: &x 1\n---\nb: *x\n").contains("has no anchor"), "anchors end with their document");
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let parts = vec![format!("*a{}", level - 1); 9].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{parts}]\n"));
    }
    assert!(refused(&text).contains("more than 100000 values"));
    let mut merges = String::from("a0: &a0 {k: x}\n");
    for level in 1..40 {
        let before = level - 1;
        merges
            .push_str(&format!("a{level}: &a{level} {{<<: *a{before}, p{level}: *a{before}, q{level}: *a{before}}}\n"));
    }
    assert!(refused(&merges).contains("more than 100000 values"));
    let huge = format!("a: &a {}\nb: [{}]\n", "x".repeat(1_000_000), vec!["*a"; 1000].join(","));
    assert!(refused(&huge).contains("more than 100000 values"));
    let mut deep = String::from("a0: &a0 [x]\n");
    for level in 1..200 {
        deep.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    assert!(refused(&deep).contains("nested"));
}

#[test]
fn nesting_is_bounded() {
    let flow = |depth: usize| format!("{}x{}", "[".repeat(depth), "]".repeat(depth));
    assert!(read(&flow(DEEPEST)).is_ok());
    assert!(refused(&flow(DEEPEST + 1)).contains("nested more than 128 deep"));
    assert!(refused(&flow(100_000)).contains("nested more than 128 deep"));
    assert!(refused(&"- ".repeat(100_000)).contains("nested more than 128 deep"));
    let block: String = (0..1000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    assert!(refused(&block).contains("nested more than 128 deep"));
    let mixed = format!("{}{}x{}", "- ".repeat(100), "[".repeat(100), "]".repeat(100));
    assert!(refused(&mixed).contains("nested more than 128 deep"));
    assert!(refused(&"? ".repeat(100_000)).contains("nested more than 128 deep"));
}

#[test]
fn refusals_say_what_to_do() {
    assert!(refused("a:\n\tb: 1\n").contains("spaces"));
    assert!(refused("a: {{ .Values.x }}\n").contains("helm template"));
    assert!(refused("{{- if .Values.x }}\na: 1\n{{- end }}\n").contains("helm template"));
    assert!(refused("a: !Ref x\n").contains("the tag `!Ref`"));
    assert!(refused("? [a, b]\n: c\n").contains("a key must be a word"));
    assert!(refused(": x\n").contains("a key is missing"));
    assert!(refused("a: 'x\n").contains("= help: the quote that opens here is never closed"));
    assert!(refused("a: [1, 2\nb: 3\n").contains("not valid YAML"));
}

#[test]
fn a_single_value_is_read_for_set() {
    let mut sources = Sources::new();
    assert!(parse_value(&mut sources, "").unwrap().is_null());
    assert!(parse_value(&mut sources, "null").unwrap().is_null());
    assert_eq!(parse_value(&mut sources, "5").unwrap().as_u64(), Some(5));
    assert_eq!(
        parse_value(&mut sources, "{policy: random}").unwrap().get("policy").and_then(Node::as_str),
        Some("random")
    );
    let problem = parse_value(&mut sources, "a\n---\nb").unwrap_err();
    assert!(render(&[problem], &sources, false).contains("second document"));
    let problem = parse_value(&mut sources, "[1").unwrap_err();
    assert!(render(&[problem], &sources, false).contains("--> --set:1"));
}
