//! Values to YAML text, in the block style that kubectl prints.

use super::node::{Node, Scalar, Value};
use super::plain::{can_stand_plain, is_printable, may_be_misread};

/// YAML text that is read back as the same documents, by readers of YAML 1.1 and 1.2 alike.
#[must_use]
pub fn write(nodes: &[Node]) -> String {
    let mut writer = Writer { text: String::new() };
    for (index, node) in nodes.iter().enumerate() {
        if index > 0 {
            writer.text.push_str("---\n");
        }
        match &node.value {
            Value::Map(entries) if !entries.is_empty() => writer.block(node, 0),
            Value::List(items) if !items.is_empty() => writer.block(node, 0),
            _ => writer.inline(node, 2),
        }
    }
    writer.text
}

struct Writer {
    text: String,
}

impl Writer {
    /// Lines of a map or list with parts; the cursor stands where the first line begins.
    fn block(&mut self, node: &Node, indent: usize) {
        match &node.value {
            Value::Map(entries) => {
                for (index, (key, value)) in entries.iter().enumerate() {
                    self.indent_unless_first(index, indent);
                    self.entry(&key.name, value, indent);
                }
            }
            Value::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.indent_unless_first(index, indent);
                    self.text.push_str("- ");
                    self.value_in_place(item, indent + 2);
                }
            }
            _ => self.inline(node, indent),
        }
    }

    fn entry(&mut self, name: &str, value: &Node, indent: usize) {
        let key = if can_stand_plain(name) && !may_be_misread(name) { name.to_string() } else { double_quoted(name) };
        // A reader may refuse `key:` where the colon stands more than 1,024 characters behind the key's start.
        if key.len() > 1000 {
            self.text.push_str("? ");
            self.text.push_str(&key);
            self.text.push('\n');
            self.indent(indent);
            self.text.push_str(": ");
            self.value_in_place(value, indent + 2);
            return;
        }
        self.text.push_str(&key);
        self.text.push(':');
        match &value.value {
            Value::Map(entries) if !entries.is_empty() => {
                self.text.push('\n');
                self.indent(indent + 2);
                self.block(value, indent + 2);
            }
            Value::List(items) if !items.is_empty() => {
                self.text.push('\n');
                self.indent(indent);
                self.block(value, indent);
            }
            _ => {
                self.text.push(' ');
                self.inline(value, indent + 2);
            }
        }
    }

    /// A value right behind `- ` or `: `.
    fn value_in_place(&mut self, node: &Node, indent: usize) {
        match &node.value {
            Value::Map(entries) if !entries.is_empty() => self.block(node, indent),
            Value::List(items) if !items.is_empty() => self.block(node, indent),
            _ => self.inline(node, indent),
        }
    }

    /// A value without parts, to the end of its line (or of its block of text, indented so far).
    fn inline(&mut self, node: &Node, indent: usize) {
        match &node.value {
            Value::Null => self.text.push_str("null"),
            Value::List(_) => self.text.push_str("[]"),
            Value::Map(_) => self.text.push_str("{}"),
            Value::Scalar(scalar) => {
                if scalar.quoted && stands_in_block(&scalar.text) {
                    self.text_block(&scalar.text, indent);
                    return;
                }
                self.scalar(scalar);
            }
        }
        self.text.push('\n');
    }

    fn scalar(&mut self, scalar: &Scalar) {
        if scalar.quoted || !can_stand_plain(&scalar.text) {
            self.text.push_str(&double_quoted(&scalar.text));
        } else {
            self.text.push_str(&scalar.text);
        }
    }

    fn text_block(&mut self, text: &str, indent: usize) {
        self.text.push_str(if text.ends_with('\n') { "|\n" } else { "|-\n" });
        for line in text.lines() {
            if !line.is_empty() {
                self.indent(indent);
                self.text.push_str(line);
            }
            self.text.push('\n');
        }
    }

    fn indent_unless_first(&mut self, index: usize, indent: usize) {
        if index > 0 {
            self.indent(indent);
        }
    }

    fn indent(&mut self, indent: usize) {
        self.text.extend(std::iter::repeat_n(' ', indent));
    }
}

/// Whether a text of several lines can be written line by line behind `|` without a doubt about its blanks.
fn stands_in_block(text: &str) -> bool {
    let mut lines = text.lines();
    lines.next().is_some_and(|first| !first.is_empty() && !first.starts_with(' '))
        && text.contains('\n')
        && !text.ends_with("\n\n")
        && text.split('\n').all(|line| !line.ends_with(' ') && line.chars().all(is_printable))
}

fn double_quoted(text: &str) -> String {
    use std::fmt::Write;

    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            '\0' => quoted.push_str("\\0"),
            other if is_printable(other) => quoted.push(other),
            other => {
                let code = u32::from(other);
                let written =
                    if code > 0xffff { write!(quoted, "\\U{code:08x}") } else { write!(quoted, "\\u{code:04x}") };
                written.expect("writing to a String cannot fail");
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::super::{Key, Sources, Span, parse};
    use super::*;

    fn read(text: &str) -> Vec<Node> {
        let mut sources = Sources::new();
        let id = sources.add("test", text);
        parse(&sources, id)
            .unwrap_or_else(|problem| panic!("{text}\n{}", super::super::render(&[problem], &sources, false)))
    }

    fn comes_back(text: &str) -> String {
        let nodes = read(text);
        let written = write(&nodes);
        let again = read(&written);
        assert!(
            nodes.len() == again.len() && nodes.iter().zip(&again).all(|(a, b)| a.same_value(b)),
            "{text}\n{written}"
        );
        written
    }

    #[test]
    fn looks_as_kubectl_prints_it() {
        let text = concat!(
            "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  labels: {}\nspec:\n  ports:\n  - port: 80\n",
            "    name: \"on\"\n  - port: 81\n    args:\n    - - a\n      - b\n    - []\n---\nx: null\n"
        );
        assert_eq!(comes_back(text), text);
    }

    #[test]
    fn long_texts_stand_line_by_line() {
        let text = "a: |\n  one\n\n   two # no\n  - three: x\nb: |-\n  x\n  y\nc:\n- |\n  z\n";
        assert_eq!(comes_back(text), text);
    }

    #[test]
    fn difficult_texts_come_back() {
        for text in [
            "\"\"",
            "\" a\"",
            "\"a \\n b\"",
            "\"\\n\"",
            "\"a\\n\\n\"",
            "\"\\ta\\n b\"",
            "\"a\\r\\nb\"",
            "\"\\u0085\"",
            "\"\\u2028x\"",
            "\"\\x1b[0m\"",
            "\"\\U0001F600\"",
            "\"null\"",
            "'5'",
            "'- a'",
            "'a: b'",
            "'#'",
            "\"\\0\"",
            "'y': 'n'",
            "null: 1",
            "'<<': {a: 1}",
            "[[[]], {}, [{}], null, ~, '']",
            "a: [b, [c, {d: e}]]",
            "|+\n a\n\n",
            "? [x, y]\n: z\n".get(..0).unwrap(),
            "a\n b\n\n c",
            "{\"\": 1}",
            "\"\\ufeff\"",
            "--- '---'",
            "--- '...'",
            "[-a, -1, -.5, a:b]",
            "'%a'",
            "'\\'",
            "- - - a\n    - b",
        ] {
            comes_back(text);
        }
    }

    #[test]
    fn very_long_keys_come_back() {
        let span = Span { source: Sources::new().add("", ""), start: 0, end: 0 };
        for name in ["k".repeat(5000), "ü: ".repeat(1000)] {
            let inner =
                Node::map(vec![(Key::new(name.clone(), span), Node::list(vec![Node::scalar("1", span)], span))], span);
            let node = Node::map(vec![(Key::new(name, span), inner), (Key::new("z", span), Node::null(span))], span);
            assert!(read(&write(std::slice::from_ref(&node)))[0].same_value(&node));
        }
    }

    #[test]
    fn made_texts_stay_texts() {
        let span = Span { source: Sources::new().add("", ""), start: 0, end: 0 };
        for text in ["yes", "5", "1:30", "null", "", "~", "8Gi", "a: b", "- x", "1e3", "0x10", "2024-01-01", "a\nb"] {
            let node = Node::string(text, span);
            let written = write(std::slice::from_ref(&node));
            let again = read(&written);
            assert!(again[0].same_value(&node), "{written}");
            assert_eq!(again[0].kind_name(), "a text", "{written}");
        }
    }
}
