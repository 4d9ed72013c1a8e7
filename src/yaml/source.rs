//! The texts that values come from, and places in them.

use std::sync::Arc;

/// A text in [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(u32);

/// A range of bytes of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The text.
    pub source: SourceId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// From the start of this span to the end of `other`, which follows it in the same source.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        if other.source == self.source { Self { end: self.end.max(other.end), ..self } } else { self }
    }
}

/// A place as people name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Name of the source.
    pub name: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// Every text that was read, with the name that messages call it by.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    texts: Vec<Text>,
}

#[derive(Debug, Clone)]
struct Text {
    name: String,
    text: Arc<str>,
    /// Where every line begins: thousands of problems in a dump of megabytes each ask for their line.
    line_starts: Vec<usize>,
}

impl Sources {
    /// No texts yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps a text under a name (a path as the user gave it, `--set`, …).
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>) -> SourceId {
        let id = SourceId(u32::try_from(self.texts.len()).expect("fewer than 2^32 sources"));
        let text = text.into();
        // A byte-order mark is not part of the first line.
        let first = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let others = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(index, _)| index + 1);
        let line_starts = std::iter::once(first).chain(others).collect();
        self.texts.push(Text { name: name.into(), text, line_starts });
        id
    }

    /// The name of a source.
    ///
    /// # Panics
    ///
    /// If the id came from other `Sources`.
    #[must_use]
    pub fn name(&self, id: SourceId) -> &str {
        &self.texts[id.0 as usize].name
    }

    /// The text of a source.
    ///
    /// # Panics
    ///
    /// If the id came from other `Sources`.
    #[must_use]
    pub fn text(&self, id: SourceId) -> &str {
        &self.texts[id.0 as usize].text
    }

    /// The text of a source, shared.
    ///
    /// # Panics
    ///
    /// If the id came from other `Sources`.
    #[must_use]
    pub fn shared_text(&self, id: SourceId) -> Arc<str> {
        Arc::clone(&self.texts[id.0 as usize].text)
    }

    /// What a span covers; empty where it does not fit its text.
    #[must_use]
    pub fn slice(&self, span: Span) -> &str {
        self.text(span.source).get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// Name, line and column of the start of a span.
    #[must_use]
    pub fn place(&self, span: Span) -> Place {
        let text = self.text(span.source);
        let start = floor_char_boundary(text, span.start as usize);
        let (line, line_start) = self.line(span.source, start);
        let column = text[line_start..start.max(line_start)].chars().count() + 1;
        Place { name: self.name(span.source).to_string(), line, column }
    }

    /// The number (from 1) of the line around a byte, and the byte it begins at.
    pub(super) fn line(&self, id: SourceId, index: usize) -> (usize, usize) {
        let starts = &self.texts[id.0 as usize].line_starts;
        let number = starts.partition_point(|start| *start <= index).max(1);
        (number, starts[number - 1])
    }
}

/// The largest place in `text` not after `index` where a character begins.
pub(super) fn floor_char_boundary(text: &str, index: usize) -> usize {
    let mut index = index.min(text.len());
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_characters_not_bytes() {
        let mut sources = Sources::new();
        let id = sources.add("a.yaml", "\u{feff}first: ü\nä: ö x\n");
        let start = u32::try_from(sources.text(id).find('x').unwrap()).unwrap();
        let place = sources.place(Span { source: id, start, end: start + 1 });
        assert_eq!(place, Place { name: "a.yaml".into(), line: 2, column: 6 });
        let first = sources.place(Span { source: id, start: 3, end: 4 });
        assert_eq!((first.line, first.column), (1, 1));
        let mark = sources.place(Span { source: id, start: 0, end: 0 });
        assert_eq!((mark.line, mark.column), (1, 1));
    }

    #[test]
    fn a_span_outside_the_text_is_harmless() {
        let mut sources = Sources::new();
        let id = sources.add("a.yaml", "ä");
        let span = Span { source: id, start: 1, end: 9 };
        assert_eq!(sources.slice(span), "");
        assert_eq!(sources.place(span).column, 1);
    }
}
