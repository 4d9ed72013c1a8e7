//! Text to values: the parser's events become a tree, with limits on what a small text may expand to.

use std::collections::BTreeMap;

use granit_parser::{ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, Span as EventSpan, Tag};

use super::node::{Key, Node, Scalar, Value};
use super::plain;
use super::problem::Problem;
use super::source::{SourceId, Sources, Span, floor_char_boundary};

/// Deepest nesting of maps and lists; Kubernetes objects need about 20.
const DEEPEST: usize = 128;

/// Most that anchors and aliases may copy, in values (and 32 bytes of text count as one): "billion laughs" texts double
/// with every line.
const MOST_COPIED: usize = 100_000;

/// Every document of a source that is not empty.
///
/// # Errors
///
/// The first place where the text is not YAML, or YAML that is refused: a key twice, a key that is no scalar, an unknown
/// tag or anchor, nesting deeper than 128, aliases that expand to more than 100,000 values.
pub fn parse(sources: &Sources, id: SourceId) -> Result<Vec<Node>, Problem> {
    let text = sources.text(id);
    if u32::try_from(text.len()).is_err() {
        return Err(Problem::general(format!("{} is larger than 4 GiB", sources.name(id))));
    }
    let options = granit_parser::options! {
        emit_comments: false,
        flow_nesting_limit: DEEPEST + 1,
        block_nesting_limit: DEEPEST + 1,
    };
    let mut builder = Builder::new(sources, id);
    for next in Parser::new_from_str_with_options(text, options) {
        let (event, place) = next.map_err(|error| builder.syntax_problem(&error))?;
        builder.take(event, &place)?;
    }
    Ok(builder.documents)
}

/// The one value of a short text, such as the right side of `--set PATH=VALUE`; an empty text is null.
///
/// # Errors
///
/// As [`parse`], and where there are several documents.
pub fn parse_value(sources: &mut Sources, text: &str) -> Result<Node, Problem> {
    let id = sources.add("--set", text);
    parse_value_of(sources, id)
}

/// The one value of a source; an empty source is null.
///
/// # Errors
///
/// As [`parse`], and where there are several documents.
pub fn parse_value_of(sources: &Sources, id: SourceId) -> Result<Node, Problem> {
    let mut documents = parse(sources, id)?;
    if let Some(second) = documents.get(1) {
        return Err(Problem::error(second.span, "one value is expected here, and this is a second document"));
    }
    let all =
        Span { source: id, start: 0, end: u32::try_from(sources.text(id).len()).expect("parse checked the length") };
    Ok(documents.pop().unwrap_or_else(|| Node::null(all)))
}

/// A map or list whose end has not come yet.
struct Open {
    anchor: usize,
    span: Span,
    flow: bool,
    /// Nesting below this value.
    height: usize,
    /// Values in it (see [`MOST_COPIED`]).
    weight: usize,
    parts: Parts,
}

enum Parts {
    List(Vec<Node>),
    Map { entries: Vec<(Key, Node)>, names: BTreeMap<String, Span>, merges: Vec<Node>, key: Option<(Key, bool)> },
}

/// A finished value with what it costs to copy.
struct Finished {
    node: Node,
    height: usize,
    weight: usize,
    /// Null because nothing was written, not because of `null`.
    missing: bool,
    /// An unquoted scalar.
    plain: bool,
}

struct Anchored {
    node: Node,
    height: usize,
    weight: usize,
}

struct Builder<'a> {
    sources: &'a Sources,
    text: &'a str,
    source: SourceId,
    documents: Vec<Node>,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Anchored>,
    copied: usize,
}

impl<'a> Builder<'a> {
    fn new(sources: &'a Sources, source: SourceId) -> Self {
        let text = sources.text(source);
        Self { sources, text, source, documents: Vec::new(), open: Vec::new(), anchors: BTreeMap::new(), copied: 0 }
    }

    fn take(&mut self, event: Event<'_>, place: &EventSpan) -> Result<(), Problem> {
        let span = self.span(place);
        match event {
            Event::DocumentStart(..) => self.anchors.clear(),
            Event::Scalar(text, style, anchor, tag) => {
                let finished = self.scalar(&text, style, tag.as_deref(), span)?;
                self.finish(anchor, finished)?;
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), &["seq"], span)?;
                self.begin(anchor, span, Parts::List(Vec::new()))?;
            }
            Event::MappingStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), &["map"], span)?;
                let (entries, merges) = (Vec::new(), Vec::new());
                self.begin(anchor, span, Parts::Map { entries, names: BTreeMap::new(), merges, key: None })?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span)?,
            Event::Alias(anchor) => {
                let finished = self.alias(anchor, span)?;
                self.finish(0, finished)?;
            }
            Event::UnresolvedAlias(name) => return Err(unknown_anchor(span, &name)),
            _ => {}
        }
        Ok(())
    }

    fn scalar(&self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Result<Finished, Problem> {
        self.check_tag(tag, &["str", "int", "float", "bool", "null"], span)?;
        let plain = style == ScalarStyle::Plain;
        let tagged_text = tag.is_some_and(|tag| is_plain_bang(tag) || tag.core_suffix() == Some("str"));
        let value = if plain && !tagged_text && plain::is_null(text) {
            Value::Null
        } else {
            let quoted = !plain || tagged_text || !plain::can_stand_plain(text);
            Value::Scalar(Scalar { text: text.to_string(), quoted })
        };
        let missing = plain && span.start == span.end;
        Ok(Finished { node: Node { span, value }, height: 0, weight: 1 + text.len() / 32, missing, plain })
    }

    fn begin(&mut self, anchor: usize, span: Span, parts: Parts) -> Result<(), Problem> {
        if self.open.len() >= DEEPEST {
            return Err(too_deep(span));
        }
        let flow = span.end > span.start && matches!(self.text.as_bytes()[span.start as usize], b'[' | b'{');
        self.open.push(Open { anchor, span, flow, height: 0, weight: 1, parts });
        Ok(())
    }

    fn end(&mut self, end: Span) -> Result<(), Problem> {
        let open = self.open.pop().expect("the parser closes only what it opened");
        let Open { anchor, mut span, flow, height, mut weight, parts } = open;
        let value = match parts {
            Parts::List(items) => {
                if let (false, Some(first), Some(last)) = (flow, items.first(), items.last()) {
                    span = around(span, first.span, last.span);
                }
                Value::List(items)
            }
            Parts::Map { mut entries, mut names, merges, .. } => {
                if let (false, Some(first), Some(last)) = (flow, entries.first(), entries.last()) {
                    span = around(span, first.0.span, last.1.span);
                }
                weight += merge(&mut entries, &mut names, &merges)?;
                Value::Map(entries)
            }
        };
        if flow {
            span = span.to(end);
        }
        let finished =
            Finished { node: Node { span, value }, height: height + 1, weight, missing: false, plain: false };
        self.finish(anchor, finished)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<Finished, Problem> {
        let Some(anchored) = self.anchors.get(&anchor) else {
            return Err(Problem::error(span, "an alias inside the very value it stands for would never end"));
        };
        let (height, weight) = (anchored.height, anchored.weight);
        if self.open.len() + height > DEEPEST {
            return Err(too_deep(span));
        }
        let node = anchored.node.clone();
        self.count_copy(weight, span)?;
        let plain = node.as_scalar().is_some_and(|scalar| !scalar.quoted);
        Ok(Finished { node, height, weight, missing: false, plain })
    }

    fn count_copy(&mut self, weight: usize, span: Span) -> Result<(), Problem> {
        self.copied += weight;
        if self.copied <= MOST_COPIED {
            return Ok(());
        }
        Err(Problem::error(span, format!("anchors and aliases expand to more than {MOST_COPIED} values"))
            .help("write the values out, or split the file"))
    }

    /// Puts a finished value into what is open around it.
    fn finish(&mut self, anchor: usize, finished: Finished) -> Result<(), Problem> {
        if anchor != 0 {
            self.count_copy(finished.weight, finished.node.span)?;
            let Finished { node, height, weight, .. } = &finished;
            self.anchors.insert(anchor, Anchored { node: node.clone(), height: *height, weight: *weight });
        }
        let Some(open) = self.open.last_mut() else {
            if !finished.node.is_null() {
                self.documents.push(finished.node);
            }
            return Ok(());
        };
        open.height = open.height.max(finished.height);
        open.weight += finished.weight;
        match &mut open.parts {
            Parts::List(items) => items.push(finished.node),
            Parts::Map { entries, names, merges, key } => match key.take() {
                None => *key = Some(key_of(self.sources, finished, names)?),
                Some((_, true)) => {
                    let node = finished.node;
                    check_merge(&node)?;
                    merges.push(node);
                }
                Some((name, false)) => {
                    let mut node = finished.node;
                    if finished.missing {
                        node.span = name.span;
                    }
                    entries.push((name, node));
                }
            },
        }
        Ok(())
    }

    fn check_tag(&self, tag: Option<&Tag>, known: &[&str], span: Span) -> Result<(), Problem> {
        let Some(tag) = tag else { return Ok(()) };
        if is_plain_bang(tag) || tag.core_suffix().is_some_and(|suffix| known.contains(&suffix)) {
            return Ok(());
        }
        Err(Problem::error(span, format!("the tag `{}` has no meaning here", tag.original()))
            .help("remove the tag, or put the value in quotes"))
    }

    fn span(&self, place: &EventSpan) -> Span {
        let start = self.offset(&place.start);
        let end = self.offset(&place.end).max(start);
        Span { source: self.source, start, end }
    }

    /// Byte offset of a place that the parser names by bytes where it knows them, else by characters.
    fn offset(&self, marker: &Marker) -> u32 {
        let bytes = marker.byte_offset().unwrap_or_else(|| {
            self.text.char_indices().nth(marker.index()).map_or(self.text.len(), |(offset, _)| offset)
        });
        u32::try_from(floor_char_boundary(self.text, bytes)).expect("parse checked the length")
    }

    fn syntax_problem(&self, error: &ScanError) -> Problem {
        let start = self.offset(error.marker());
        let start = self.at_the_tab(error.kind(), start);
        let span = Span { source: self.source, start, end: start };
        if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
            return too_deep(span);
        }
        if matches!(error.kind(), ErrorKind::UnknownAnchor) {
            let name: String =
                self.text[start as usize..].chars().skip(1).take_while(|c| c.is_alphanumeric()).collect();
            return unknown_anchor(span, &name);
        }
        let message = error.info();
        let message = message.split_once(", ").map_or(message.as_str(), |(context, rest)| {
            if context.starts_with("while ") { rest } else { message.as_str() }
        });
        let problem = Problem::error(span, format!("not valid YAML: {message}"));
        match self.advice(error.kind(), start as usize) {
            Some(help) => problem.help(help),
            None => problem,
        }
    }

    /// Where the tab is that is not allowed: the parser may stop at the end of the line before.
    fn at_the_tab(&self, kind: &ErrorKind, start: u32) -> u32 {
        let is_tab = matches!(
            kind,
            ErrorKind::TabNotAllowed
                | ErrorKind::TabInBlockIndentation
                | ErrorKind::TabInIndentation
                | ErrorKind::TabInPlainScalar
        );
        let tab = self.text[start as usize..].find('\t').filter(|_| is_tab);
        tab.map_or(start, |tab| start + u32::try_from(tab).expect("parse checked the length"))
    }

    fn advice(&self, kind: &ErrorKind, offset: usize) -> Option<&'static str> {
        let begin = self.sources.line(self.source, offset).1.min(offset);
        let line = self.text[begin..].lines().next().unwrap_or("");
        if line.contains("{{") {
            return Some(TEMPLATE_ADVICE);
        }
        let indentation = &line[..line.len() - line.trim_start().len()];
        match kind {
            _ if indentation.contains('\t') => Some("indent with spaces: YAML does not allow tabs there"),
            ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabInPlainScalar => Some("indent with spaces: YAML does not allow tabs there"),
            ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => {
                Some("put a text that contains `: ` in quotes, or check the indentation")
            }
            ErrorKind::ExpectedBlockSequenceEntry => {
                Some("every item of a list begins with `- `, and its other lines stand below its first key")
            }
            ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::ExpectedFlowSequenceSeparator => {
                Some("between braces and brackets, put a key or text that contains one of []{}, in quotes")
            }
            ErrorKind::UnclosedQuotedScalar => Some("the quote that opens here is never closed"),
            ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey | ErrorKind::ExpectedBlockMappingKey => {
                Some("a map has lines `key: value`; check the colon and the indentation")
            }
            _ => None,
        }
    }
}

const TEMPLATE_ADVICE: &str = "this looks like a Helm template: give the output of `helm template` instead";

/// The tag `!`: "a text, or whatever it looks like for collections".
fn is_plain_bang(tag: &Tag) -> bool {
    tag.original() == "!"
}

/// From where a block's own mark stands (a list's first `-`) to the end of its last part.
fn around(mark: Span, first: Span, last: Span) -> Span {
    let from = if mark.source == first.source && mark.start < first.start { mark } else { first };
    from.to(last)
}

/// The key that a finished value stands for, and whether it is the merge key.
fn key_of(sources: &Sources, finished: Finished, names: &mut BTreeMap<String, Span>) -> Result<(Key, bool), Problem> {
    let Finished { node, plain, missing, .. } = finished;
    let name = match node.value {
        Value::Scalar(scalar) => scalar.text,
        Value::Null if !missing => "null".to_string(),
        Value::Null => return Err(Problem::error(node.span, "a key is missing here")),
        Value::List(_) | Value::Map(_) => {
            let problem = Problem::error(node.span, "a key must be a word, not a list or a map");
            let text = sources.text(node.span.source);
            let template = text[node.span.start as usize..node.span.end as usize].starts_with('{')
                && text[..node.span.start as usize].ends_with('{');
            return Err(if template { problem.help(TEMPLATE_ADVICE) } else { problem });
        }
    };
    if let Some(first) = names.insert(name.clone(), node.span) {
        let (line, _) = sources.line(first.source, first.start as usize);
        return Err(Problem::error(node.span, format!("the key `{name}` stands twice in this map"))
            .help(format!("remove one of them; the first is in line {line}")));
    }
    let is_merge = plain && name == "<<";
    Ok((Key { name, span: node.span }, is_merge))
}

/// The value of `<<` must be a map, or a list of maps.
fn check_merge(node: &Node) -> Result<(), Problem> {
    let wrong = match &node.value {
        Value::Map(_) => None,
        Value::List(items) => items.iter().find(|item| item.as_map().is_none()),
        _ => Some(node),
    };
    match wrong {
        None => Ok(()),
        Some(wrong) => Err(Problem::error(wrong.span, format!("`<<` merges maps, and this is {}", wrong.kind_name()))
            .help("write `<<: *anchor` with the anchor of a map")),
    }
}

/// Adds the entries of merged maps: a map's own keys win, then the earlier of several merged maps.
///
/// Returns how much was added (see [`MOST_COPIED`]); what is merged was already counted when its alias was read.
fn merge(
    entries: &mut Vec<(Key, Node)>,
    names: &mut BTreeMap<String, Span>,
    merges: &[Node],
) -> Result<usize, Problem> {
    if merges.is_empty() {
        return Ok(0);
    }
    names.remove("<<");
    let mut added = 0;
    for merged in merges {
        let maps = merged.as_list().unwrap_or(std::slice::from_ref(merged));
        for (key, node) in maps.iter().filter_map(Node::as_map).flatten() {
            if !names.contains_key(&key.name) {
                names.insert(key.name.clone(), key.span);
                entries.push((key.clone(), node.clone()));
                added += 1;
            }
        }
    }
    Ok(added)
}

fn too_deep(span: Span) -> Problem {
    Problem::error(span, format!("lists and maps are nested more than {DEEPEST} deep"))
}

fn unknown_anchor(span: Span, name: &str) -> Problem {
    Problem::error(span, format!("the alias `*{name}` has no anchor `&{name}` before it in this document"))
        .help(format!("put quotes around `*{name}` if it is meant as text"))
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
