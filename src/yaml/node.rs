//! A YAML value that knows where it was written.

use super::plain;
use super::source::Span;

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it was written; a missing value has the place of its key.
    pub span: Span,
    /// What was written.
    pub value: Value,
}

/// What a [`Node`] holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing: an empty value, `~` or `null`.
    Null,
    /// Text, a number or a boolean: which one, the reader decides.
    Scalar(Scalar),
    /// `[…]` or lines with `-`.
    List(Vec<Node>),
    /// `{…}` or lines with `key:`, in the order written, every key once.
    Map(Vec<(Key, Node)>),
}

/// A value without parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    /// The text without quotes, escapes resolved.
    pub text: String,
    /// Whether it is a text whatever it looks like: it stood in quotes or in a block (`|`, `>`), or has a form that no
    /// number, boolean or null has.
    pub quoted: bool,
}

/// A key of a map and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The key.
    pub name: String,
    /// Where it was written.
    pub span: Span,
}

impl Key {
    /// A key that stands at `span`.
    #[must_use]
    pub fn new(name: impl Into<String>, span: Span) -> Self {
        Self { name: name.into(), span }
    }
}

impl Scalar {
    /// Whether YAML 1.1 (kubectl, Helm) reads this unquoted word as a boolean although YAML 1.2 reads a text: `y`, `n`,
    /// `yes`, `no`, `on`, `off`.
    #[must_use]
    pub fn is_old_boolean(&self) -> bool {
        !self.quoted && plain::is_old_boolean(&self.text)
    }

    /// Whether YAML readers take this for a number, a boolean or a date rather than a text.
    #[must_use]
    pub fn is_not_text(&self) -> bool {
        !self.quoted && plain::may_be_misread(&self.text)
    }
}

/// Building.
impl Node {
    /// Nothing, at `span`.
    #[must_use]
    pub fn null(span: Span) -> Self {
        Self { span, value: Value::Null }
    }

    /// A scalar as if written without quotes: `5` is a number, `true` a boolean, `null` nothing.
    #[must_use]
    pub fn scalar(text: impl Into<String>, span: Span) -> Self {
        let text = text.into();
        let value = if plain::is_null(&text) {
            Value::Null
        } else {
            let quoted = !plain::can_stand_plain(&text);
            Value::Scalar(Scalar { text, quoted })
        };
        Self { span, value }
    }

    /// A text: quoted where it could be taken for something else.
    #[must_use]
    pub fn string(text: impl Into<String>, span: Span) -> Self {
        let text = text.into();
        let quoted = !plain::can_stand_plain(&text) || plain::may_be_misread(&text);
        Self { span, value: Value::Scalar(Scalar { text, quoted }) }
    }

    /// A list, at `span`.
    #[must_use]
    pub fn list(items: Vec<Node>, span: Span) -> Self {
        Self { span, value: Value::List(items) }
    }

    /// A map, at `span`; keys must differ.
    #[must_use]
    pub fn map(entries: Vec<(Key, Node)>, span: Span) -> Self {
        Self { span, value: Value::Map(entries) }
    }
}

/// Looking in.
impl Node {
    /// The value of a key, where this is a map that has it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.as_map()?.iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }

    /// The value of a key, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Node> {
        match &mut self.value {
            Value::Map(entries) => entries.iter_mut().find(|(key, _)| key.name == name).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The value at the end of a path of keys.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, name| node.get(name))
    }

    /// Whether this is nothing.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// The scalar, where this is one.
    #[must_use]
    pub fn as_scalar(&self) -> Option<&Scalar> {
        match &self.value {
            Value::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The text of a scalar, quoted or not.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        self.as_scalar().map(|scalar| scalar.text.as_str())
    }

    /// The entries, where this is a map.
    #[must_use]
    pub fn as_map(&self) -> Option<&[(Key, Node)]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The items, where this is a list.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// `true` or `false` without quotes.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self.plain_text()? {
            "true" | "True" | "TRUE" => Some(true),
            "false" | "False" | "FALSE" => Some(false),
            _ => None,
        }
    }

    /// A whole number of at least 0, without quotes and without leading zeros (which YAML 1.1 reads as octal).
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        plain::whole_number(self.plain_text()?)?.parse().ok()
    }

    /// A whole number, without quotes and without leading zeros.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        let text = self.plain_text()?;
        match text.strip_prefix('-') {
            Some(digits) => {
                plain::whole_number(digits).filter(|_| !digits.starts_with('+'))?;
                text.parse().ok()
            }
            None => plain::whole_number(text)?.parse().ok(),
        }
    }

    /// A finite decimal number without quotes.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        plain::decimal_number(self.plain_text()?)
    }

    /// What this is, for messages: `a map`, `a list`, `a number`, `a boolean`, `a text`, `nothing`.
    #[must_use]
    pub fn kind_name(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
            Value::Scalar(_) if self.as_bool().is_some() => "a boolean",
            Value::Scalar(_) if self.as_f64().is_some() => "a number",
            Value::Scalar(_) => "a text",
        }
    }

    /// Whether both hold the same, wherever it was written.
    #[must_use]
    pub fn same_value(&self, other: &Node) -> bool {
        match (&self.value, &other.value) {
            (Value::Null, Value::Null) => true,
            (Value::Scalar(one), Value::Scalar(two)) => one == two,
            (Value::List(one), Value::List(two)) => {
                one.len() == two.len() && one.iter().zip(two).all(|(a, b)| a.same_value(b))
            }
            (Value::Map(one), Value::Map(two)) => {
                one.len() == two.len()
                    && one.iter().zip(two).all(|((key, a), (other, b))| key.name == other.name && a.same_value(b))
            }
            _ => false,
        }
    }

    fn plain_text(&self) -> Option<&str> {
        self.as_scalar().filter(|scalar| !scalar.quoted).map(|scalar| scalar.text.as_str())
    }
}

/// Changing.
impl Node {
    /// Gives a key its value: in place where the map has the key, else at the end. Nothing becomes a map.
    ///
    /// Returns whether it was done: a list or a scalar has no keys.
    pub fn set(&mut self, key: Key, node: Node) -> bool {
        if self.is_null() {
            self.value = Value::Map(Vec::new());
        }
        match &mut self.value {
            Value::Map(entries) => {
                match entries.iter_mut().find(|(known, _)| known.name == key.name) {
                    Some(entry) => *entry = (key, node),
                    None => entries.push((key, node)),
                }
                true
            }
            _ => false,
        }
    }

    /// Takes a key out of a map.
    pub fn remove(&mut self, name: &str) -> Option<Node> {
        match &mut self.value {
            Value::Map(entries) => {
                let position = entries.iter().position(|(key, _)| key.name == name)?;
                Some(entries.remove(position).1)
            }
            _ => None,
        }
    }

    /// The items of a list, to be changed.
    pub fn as_list_mut(&mut self) -> Option<&mut Vec<Node>> {
        match &mut self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of a map, to be changed.
    pub fn as_map_mut(&mut self) -> Option<&mut Vec<(Key, Node)>> {
        match &mut self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Sources;
    use super::*;

    fn span() -> Span {
        Span { source: Sources::new().add("test", ""), start: 0, end: 0 }
    }

    fn scalar(text: &str) -> Node {
        Node::scalar(text, span())
    }

    #[test]
    fn numbers_are_read_strictly() {
        assert_eq!(scalar("17").as_u64(), Some(17));
        assert_eq!(scalar("+17").as_u64(), Some(17));
        assert_eq!(scalar("0").as_u64(), Some(0));
        for text in ["017", "-1", "1.0", "1_000", "0x10", "99999999999999999999", "three", "+", "+-1"] {
            assert_eq!(scalar(text).as_u64(), None, "{text}");
        }
        assert_eq!(scalar("-17").as_i64(), Some(-17));
        assert_eq!(scalar("-9223372036854775808").as_i64(), Some(i64::MIN));
        for text in ["--1", "-+1", "-", "-01"] {
            assert_eq!(scalar(text).as_i64(), None, "{text}");
        }
        for (text, value) in [("0.5", 0.5), ("-.5", -0.5), ("5.", 5.0), ("1e3", 1000.0), ("+2.5E-1", 0.25)] {
            assert_eq!(scalar(text).as_f64(), Some(value), "{text}");
        }
        for text in [".inf", "inf", "nan", ".", "1e", "e1", "1e999", "1_0", "0x1", "1.2.3", "infinity"] {
            assert_eq!(scalar(text).as_f64(), None, "{text}");
        }
        let quoted = Node { span: span(), value: Value::Scalar(Scalar { text: "5".into(), quoted: true }) };
        assert_eq!((quoted.as_u64(), quoted.as_f64(), quoted.as_str()), (None, None, Some("5")));
    }

    #[test]
    fn only_true_and_false_are_booleans() {
        assert_eq!(scalar("true").as_bool(), Some(true));
        assert_eq!(scalar("False").as_bool(), Some(false));
        assert_eq!(scalar("yes").as_bool(), None);
        assert_eq!(scalar("yes").kind_name(), "a text");
        assert!(scalar("N").as_scalar().unwrap().is_old_boolean());
        assert!(!Node::string("N", span()).as_scalar().unwrap().is_old_boolean());
        assert!(!scalar("nope").as_scalar().unwrap().is_old_boolean());
    }

    #[test]
    fn a_map_is_changed_in_place() {
        let mut map = Node::null(span());
        assert!(map.set(Key::new("a", span()), scalar("1")));
        assert!(map.set(Key::new("b", span()), scalar("2")));
        assert!(map.set(Key::new("a", span()), scalar("3")));
        assert_eq!(map.as_map().unwrap().len(), 2);
        assert_eq!(map.get("a").and_then(Node::as_u64), Some(3));
        *map.get_mut("b").unwrap() = scalar("x");
        assert_eq!(map.remove("b").unwrap().as_str(), Some("x"));
        assert!(map.remove("b").is_none());
        assert!(!scalar("x").set(Key::new("a", span()), scalar("1")));
    }
}
