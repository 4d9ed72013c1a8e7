//! What decoding carries along: the problems found so far, the files, and what was assumed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::check::{Assumed, IgnoredItem};
use super::files::Files;
use super::shape::{Shape, Type};
use super::values::{self, Bad, found, shorten};
use crate::arrivals::{Trace, TraceColumns};
use crate::time::SimDuration;
use crate::yaml::{Key, Node, Problem, Span, Value, nearest};

/// Problems, files and assumptions of one load.
pub(super) struct Context<'f> {
    /// Everything wrong so far.
    pub(super) problems: Vec<Problem>,
    /// What was filled in by a default.
    pub(super) assumed: Vec<Assumed>,
    /// What the scenario itself leaves without effect.
    pub(super) ignored: Vec<IgnoredItem>,
    /// Objects the scenario itself writes.
    pub(super) used: Vec<String>,
    /// Lists of weights: where each stands, the Service it is for, and how many weights it has.
    pub(super) weighted: Vec<(Span, usize, usize)>,
    /// Pods that were picked in recordings, with the place and the Service: checked when all is known.
    pub(super) recorded: Vec<(Span, usize, BTreeMap<String, u32>)>,
    files: &'f dyn Files,
    /// Files read once for all variants.
    texts: BTreeMap<String, Result<Arc<str>, String>>,
    /// Traces read once for all variants.
    traces: Vec<(TraceColumns, Arc<Trace>)>,
}

/// An object of the file together with its table.
#[derive(Clone, Copy)]
pub(super) struct Object<'a> {
    entries: &'a [(Key, Node)],
    shape: &'static Shape,
    /// Where it stands.
    pub(super) span: Span,
}

impl<'f> Context<'f> {
    /// Nothing found yet.
    pub(super) fn new(files: &'f dyn Files) -> Self {
        Self {
            problems: Vec::new(),
            assumed: Vec::new(),
            ignored: Vec::new(),
            used: Vec::new(),
            weighted: Vec::new(),
            recorded: Vec::new(),
            files,
            texts: BTreeMap::new(),
            traces: Vec::new(),
        }
    }

    /// Records something wrong.
    pub(super) fn problem(&mut self, span: Span, message: impl Into<String>) {
        self.problems.push(Problem { span: Some(span), message: message.into(), help: None, warning: false });
    }

    /// Records something wrong with what to write instead.
    pub(super) fn problem_help(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.problems.push(Problem {
            span: Some(span),
            message: message.into(),
            help: Some(help.into()),
            warning: false,
        });
    }

    /// Records what a default filled in.
    pub(super) fn assume(&mut self, what: impl Into<String>, value: impl Into<String>, field: impl Into<String>) {
        self.assumed.push(Assumed { what: what.into(), value: value.into(), field: field.into() });
    }

    /// Records what was read and has no effect.
    pub(super) fn ignore(&mut self, what: String, why: String) {
        self.ignored.push(IgnoredItem { what, why });
    }

    /// The text of a file beside the scenario, read once.
    pub(super) fn file(&mut self, path: &str) -> Result<Arc<str>, String> {
        let files = self.files;
        self.texts.entry(path.to_owned()).or_insert_with(|| files.read(path).map(Arc::from)).clone()
    }

    /// The rows of a trace, read once.
    pub(super) fn trace(&mut self, text: &Arc<str>, columns: TraceColumns) -> Result<Arc<Trace>, String> {
        let known = self.traces.iter().find(|(known, trace)| *known == columns && trace.text == *text);
        if let Some((_, trace)) = known {
            return Ok(Arc::clone(trace));
        }
        let trace = Arc::new(Trace::from_csv(Arc::clone(text), &columns)?);
        self.traces.push((columns, Arc::clone(&trace)));
        Ok(trace)
    }

    /// The files that match a pattern.
    pub(super) fn glob(&self, pattern: &str) -> Result<Vec<String>, String> {
        self.files.glob(pattern)
    }

    /// Keeps the value, or records why it cannot be used.
    pub(super) fn take<T>(&mut self, node: &Node, key: &str, value: Result<T, Bad>) -> Option<T> {
        match value {
            Ok(value) => Some(value),
            Err((message, help)) => {
                let message = if key.is_empty() { message } else { format!("`{key}`: {message}") };
                self.problems.push(Problem { span: Some(node.span), message, help, warning: false });
                None
            }
        }
    }

    /// Opens an object and refuses every key that its table does not name.
    pub(super) fn object<'a>(&mut self, node: &'a Node, shape: &'static Shape) -> Option<Object<'a>> {
        let Value::Map(entries) = &node.value else {
            let keys = shape.keys().take(4).collect::<Vec<_>>().join(", ");
            let message = format!("expected {} with keys such as {keys}; found {}", article(shape.name), found(node));
            // What is written without its key was probably meant for the only one that must be there.
            let required = shape.fields.iter().filter(|field| field.required).collect::<Vec<_>>();
            let meant = node.as_scalar().zip(required.first()).filter(|(scalar, field)| {
                let word = matches!(field.value, Type::Word(_));
                required.len() == 1 && (word || scalar.text.starts_with(|c: char| c.is_ascii_digit()))
            });
            match meant {
                Some((scalar, field)) => {
                    let help = format!("write {{{}: {}}}", field.key, shorten(&scalar.text));
                    self.problem_help(node.span, message, help);
                }
                None => self.problem(node.span, message),
            }
            return None;
        };
        for (key, _) in entries {
            match shape.field(&key.name) {
                Some(field) if !field.built => {
                    self.problem(
                        key.span,
                        format!("not supported yet: {} ({})", field.key, field.doc.trim_end_matches('.')),
                    );
                }
                Some(_) => {}
                None => self.unknown_key(key, shape),
            }
        }
        for field in shape.fields.iter().filter(|field| field.required) {
            if !entries.iter().any(|(key, value)| key.name == field.key && !matches!(value.value, Value::Null)) {
                self.problem_help(
                    node.span,
                    format!("{} {} `{}`", article(shape.name), need(shape.name), field.key),
                    field.doc.trim_end_matches('.').to_owned(),
                );
            }
        }
        Some(Object { entries, shape, span: node.span })
    }

    fn unknown_key(&mut self, key: &Key, shape: &'static Shape) {
        let message = format!("unknown key `{}` in {}", shorten(&key.name), article(shape.name));
        match nearest(&key.name, shape.keys()) {
            Some(known) => self.problem_help(key.span, message, format!("did you mean `{known}`?")),
            None => {
                let known = shape.keys().collect::<Vec<_>>().join(", ");
                self.problem_help(key.span, message, format!("known keys: {known}"));
            }
        }
    }

    /// The items of a list.
    pub(super) fn list<'a>(&mut self, node: &'a Node, key: &str) -> &'a [Node] {
        match &node.value {
            Value::List(items) => items,
            Value::Null => &[],
            _ => {
                let help = match &node.value {
                    Value::Map(_) => "begin each item with `- `",
                    _ => "write [ … ] around it",
                };
                self.problem_help(node.span, format!("`{key}` is a list, found {}", found(node)), help);
                &[]
            }
        }
    }

    /// One of the words, with the nearest one in the message.
    pub(super) fn word<T: Copy>(&mut self, node: &Node, key: &str, words: &[(&'static str, T)]) -> Option<T> {
        let text = values::text(node).unwrap_or_default();
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let known = words.iter().map(|(word, _)| *word).collect::<Vec<_>>();
        let choice = if known.len() > 1 { "is one of" } else { "can only be" };
        let message = format!("`{key}` {choice} {}; found {}", known.join(", "), found(node));
        match nearest(text, known) {
            Some(word) if !text.is_empty() => self.problem_help(node.span, message, format!("did you mean `{word}`?")),
            _ => self.problem(node.span, message),
        }
        None
    }
}

/// `a traffic`, `an expectation`, and `arrivals`, of which there are several.
pub(super) fn article(name: &str) -> String {
    if name.ends_with('s') {
        return format!("`{name}`");
    }
    let vowel = name.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} `{name}`", if vowel { "an" } else { "a" })
}

/// What agrees with [`article`]: `a traffic needs`, `arrivals need`.
fn need(name: &str) -> &'static str {
    if name.ends_with('s') { "need" } else { "needs" }
}

impl<'a> Object<'a> {
    /// The value of a key of the table; an empty value counts as absent, and so does `none` where nothing else may be
    /// written for what holds anyway.
    pub(super) fn get(&self, key: &str) -> Option<&'a Node> {
        debug_assert!(self.shape.field(key).is_some(), "the table `{}` has no key `{key}`", self.shape.name);
        self.entries.iter().find(|(entry, _)| entry.name == key).map(|(_, value)| value).filter(|value| {
            !(matches!(value.value, Value::Null) || self.is_none_by_default(key) && value.as_str() == Some("none"))
        })
    }

    fn is_none_by_default(&self, key: &str) -> bool {
        let field = self.shape.field(key).filter(|field| field.default == "none");
        field.is_some_and(|field| matches!(field.value, Type::Either([_, Type::Word(["none"])])))
    }

    /// Where the key stands, else where the object stands.
    pub(super) fn key_span(&self, key: &str) -> Span {
        self.entries.iter().find(|(entry, _)| entry.name == key).map_or(self.span, |(entry, _)| entry.span)
    }

    /// The keys that stand there, with their places.
    pub(super) fn entries(&self) -> &'a [(Key, Node)] {
        self.entries
    }

    fn read<T>(&self, cx: &mut Context<'_>, key: &str, read: impl FnOnce(&'a Node) -> Result<T, Bad>) -> Option<T> {
        let node = self.get(key)?;
        cx.take(node, key, read(node))
    }

    /// A text.
    pub(super) fn text(&self, cx: &mut Context<'_>, key: &str) -> Option<&'a str> {
        self.read(cx, key, values::text)
    }

    /// A duration.
    pub(super) fn duration(&self, cx: &mut Context<'_>, key: &str) -> Option<SimDuration> {
        self.read(cx, key, values::duration)
    }

    /// A duration above zero.
    pub(super) fn positive_duration(&self, cx: &mut Context<'_>, key: &str) -> Option<SimDuration> {
        self.read(cx, key, |node| match values::duration(node)? {
            SimDuration::ZERO => Err(("must be longer than zero".to_owned(), None)),
            duration => Ok(duration),
        })
    }

    /// A duration in seconds.
    pub(super) fn seconds(&self, cx: &mut Context<'_>, key: &str) -> Option<f64> {
        self.read(cx, key, |node| {
            let text = values::text(node)
                .map_err(|_| (format!("expected a duration such as 20ms, found {}", found(node)), None))?;
            values::seconds(text).map_err(|message| (message, None))
        })
    }

    /// A ratio from 0 to 1.
    pub(super) fn ratio(&self, cx: &mut Context<'_>, key: &str) -> Option<f64> {
        self.read(cx, key, |node| values::ratio(node, 1.0))
    }

    /// A finite number.
    pub(super) fn number(&self, cx: &mut Context<'_>, key: &str) -> Option<f64> {
        self.read(cx, key, values::number)
    }

    /// A number within bounds.
    pub(super) fn number_within(&self, cx: &mut Context<'_>, key: &str, (min, max): (f64, f64)) -> Option<f64> {
        self.read(cx, key, |node| match values::number(node)? {
            value if (min..=max).contains(&value) => Ok(value),
            value => Err((format!("expected a number from {min} to {max}, found {value}"), None)),
        })
    }

    /// A finite number above zero.
    pub(super) fn positive(&self, cx: &mut Context<'_>, key: &str) -> Option<f64> {
        self.read(cx, key, |node| match values::number(node)? {
            value if value > 0.0 => Ok(value),
            value => Err((format!("must be above zero, found {value}"), None)),
        })
    }

    /// A rate above zero, per second.
    pub(super) fn rate(&self, cx: &mut Context<'_>, key: &str) -> Option<f64> {
        self.read(cx, key, |node| match values::rate(node)? {
            value if value > 0.0 => Ok(value),
            _ => Err(("a rate must be above zero".to_owned(), Some("write for example 800/s".to_owned()))),
        })
    }

    /// A whole number within the bounds of the table.
    pub(super) fn count(&self, cx: &mut Context<'_>, key: &str) -> Option<u64> {
        self.count_within(cx, key, self.bounds(key))
    }

    /// A whole number within bounds.
    pub(super) fn count_within(&self, cx: &mut Context<'_>, key: &str, (min, max): (u64, u64)) -> Option<u64> {
        self.read(cx, key, |node| values::count(node, min, max))
    }

    /// A whole number within the bounds of the table, as a `u32`.
    pub(super) fn count32(&self, cx: &mut Context<'_>, key: &str) -> Option<u32> {
        self.count(cx, key).and_then(|value| u32::try_from(value).ok())
    }

    /// A whole number, or a word that stands for no limit (`Some(None)`).
    pub(super) fn count_or(&self, cx: &mut Context<'_>, key: &str, unlimited: &str) -> Option<Option<u32>> {
        self.count_within_or(cx, key, self.bounds(key), unlimited)
    }

    /// A whole number within bounds, or a word that stands for no limit (`Some(None)`).
    pub(super) fn count_within_or(
        &self,
        cx: &mut Context<'_>,
        key: &str,
        (min, max): (u64, u64),
        unlimited: &str,
    ) -> Option<Option<u32>> {
        self.read(cx, key, |node| match &node.value {
            Value::Scalar(scalar) if scalar.text == unlimited => Ok(None),
            _ => match values::count(node, min, max) {
                Ok(value) => Ok(u32::try_from(value).ok()),
                Err((message, help)) => Err((format!("{message} (`{unlimited}` is allowed too)"), help)),
            },
        })
    }

    fn bounds(&self, key: &str) -> (u64, u64) {
        match self.shape.field(key).map(|field| field.value) {
            Some(Type::Count(min, max)) => (min, max),
            Some(Type::Either(types)) => types
                .iter()
                .find_map(|one| match one {
                    Type::Count(min, max) => Some((*min, *max)),
                    _ => None,
                })
                .unwrap_or((0, u64::MAX)),
            _ => (0, u64::MAX),
        }
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self, cx: &mut Context<'_>, key: &str) -> Option<bool> {
        self.read(cx, key, values::boolean)
    }

    /// One of the words.
    pub(super) fn word<T: Copy>(&self, cx: &mut Context<'_>, key: &str, words: &[(&'static str, T)]) -> Option<T> {
        let node = self.get(key)?;
        cx.word(node, key, words)
    }

    /// The items of a list.
    pub(super) fn list(&self, cx: &mut Context<'_>, key: &str) -> &'a [Node] {
        self.get(key).map_or(&[], |node| cx.list(node, key))
    }

    /// A name: a text without spaces or control characters.
    pub(super) fn name(&self, cx: &mut Context<'_>, key: &str, refused: &[char]) -> Option<&'a str> {
        self.read(cx, key, |node| {
            let text = values::text(node)?;
            if text.is_empty() {
                return Err(("a name cannot be empty".to_owned(), None));
            }
            if text.len() > 253 {
                return Err(("a name has at most 253 characters".to_owned(), None));
            }
            match text.chars().find(|c| c.is_whitespace() || c.is_control() || refused.contains(c)) {
                Some(c) => {
                    Err((format!("a name cannot contain {c:?}"), Some("use letters, digits, `-` and `_`".to_owned())))
                }
                None => Ok(text),
            }
        })
    }
}
