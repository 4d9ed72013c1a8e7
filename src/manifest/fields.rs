//! Reads the fields of an object: what is taken is checked, what is left over is reported as ignored.

use std::ops::RangeInclusive;

use super::reasons;
use super::report::Collector;
use super::subject::{Found, Subject};
use crate::yaml::{Key, Node, Problem, Problems, Span};

/// The object that is being read, and where its problems and its unused fields go.
pub(super) struct Context<'a> {
    pub(super) subject: &'a Subject,
    pub(super) name_span: Span,
    problems: &'a mut Problems,
    collector: &'a mut Collector,
}

/// A map of an object: the fields taken from it so far.
pub(super) struct Fields<'a> {
    entries: &'a [(Key, Node)],
    taken: Vec<bool>,
    /// From the object, without indices: `spec.template.spec.containers[]`.
    path: String,
    /// Place of the map.
    pub(super) span: Span,
}

impl<'a> Fields<'a> {
    /// A field that is there and not null; it counts as used.
    pub(super) fn take(&mut self, name: &str) -> Option<&'a Node> {
        let index = self.entries.iter().position(|(key, _)| key.name == name)?;
        self.taken[index] = true;
        Some(&self.entries[index].1).filter(|node| !node.is_null())
    }

    /// As [`Self::take`], without counting it as used.
    pub(super) fn peek(&self, name: &str) -> Option<&'a Node> {
        let found = self.entries.iter().find(|(key, _)| key.name == name);
        found.map(|(_, node)| node).filter(|node| !node.is_null())
    }

    /// The fields that nobody has taken, with their places.
    pub(super) fn rest(&self) -> Vec<(&'a str, Span)> {
        let free = self.entries.iter().zip(&self.taken).filter(|((_, node), taken)| !**taken && !node.is_null());
        free.map(|((key, _), _)| (key.name.as_str(), key.span)).collect()
    }

    /// Whether a field that is there has been taken.
    pub(super) fn was_taken(&self, name: &str) -> bool {
        self.entries.iter().zip(&self.taken).any(|((key, _), taken)| key.name == name && *taken)
    }

    /// The path of a field for messages.
    pub(super) fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_string() } else { format!("{}.{name}", self.path) }
    }
}

impl<'a> Context<'a> {
    pub(super) fn new(object: &'a Found<'_>, problems: &'a mut Problems, collector: &'a mut Collector) -> Self {
        Self { subject: &object.subject, name_span: object.name_span, problems, collector }
    }

    /// An error in this object, with what to write instead.
    pub(super) fn error(&mut self, span: Span, message: &str, help: &str) {
        self.problems.push(Problem::error(span, format!("{}: {message}", self.subject.label())).help(help));
    }

    /// A doubt about this object.
    pub(super) fn warning(&mut self, span: Span, message: &str, help: &str) {
        self.problems.push(Problem::warning(span, format!("{}: {message}", self.subject.label())).help(help));
    }

    /// A wrong value: what the field must be, what was found.
    fn wrong(&mut self, node: &Node, path: &str, must: &str, help: &str) {
        let found = match node.as_str() {
            Some(text) if text.len() <= 40 => format!("{} (`{text}`)", node.kind_name()),
            _ => node.kind_name().to_string(),
        };
        self.error(node.span, &format!("`{path}` must be {must}, and this is {found}"), help);
    }

    /// The object was used.
    pub(super) fn used(&mut self, how: &str) {
        let label = self.subject.label();
        self.collector.used(if how.is_empty() { label } else { format!("{label}: {how}") });
    }

    /// A field has no effect, for a reason of its own.
    pub(super) fn ignore(&mut self, what: &str, why: &str) {
        self.collector.ignore(self.subject, Some(what), why);
    }

    /// The fields of a map.
    pub(super) fn fields<'n>(&mut self, node: &'n Node, path: impl Into<String>) -> Option<Fields<'n>> {
        let path = path.into();
        let Some(entries) = node.as_map() else {
            let name = if path.is_empty() { "the object" } else { path.as_str() };
            self.wrong(node, name, "a map", "write its fields as lines `name: value`, indented below it");
            return None;
        };
        Some(Fields { entries, taken: vec![false; entries.len()], path, span: node.span })
    }

    /// The fields of a map that is a field.
    pub(super) fn inner<'n>(&mut self, fields: &mut Fields<'n>, name: &str) -> Option<Fields<'n>> {
        let path = fields.path(name);
        let node = fields.take(name)?;
        self.fields(node, path)
    }

    /// Every item of a list that is a field, as maps.
    pub(super) fn items<'n>(&mut self, fields: &mut Fields<'n>, name: &str) -> Vec<Fields<'n>> {
        let path = fields.path(name);
        let Some(node) = fields.take(name) else { return Vec::new() };
        let Some(items) = node.as_list() else {
            self.wrong(node, &path, "a list", "write its items as lines that begin with `- `");
            return Vec::new();
        };
        items.iter().filter_map(|item| self.fields(item, format!("{path}[]"))).collect()
    }

    /// A text; what Kubernetes reads as a number or a boolean is taken with a warning.
    pub(super) fn text<'n>(&mut self, fields: &mut Fields<'n>, name: &str) -> Option<&'n str> {
        let path = fields.path(name);
        let node = fields.take(name)?;
        self.text_of(node, &path)
    }

    /// As [`Self::text`], of a value.
    pub(super) fn text_of<'n>(&mut self, node: &'n Node, path: &str) -> Option<&'n str> {
        let Some(scalar) = node.as_scalar() else {
            self.wrong(node, path, "a text", "write a word behind the colon");
            return None;
        };
        let text = scalar.text.as_str();
        let read_as = if scalar.is_old_boolean() || node.as_bool().is_some() {
            Some("a boolean")
        } else if node.as_f64().is_some() {
            Some("a number")
        } else {
            None
        };
        if let Some(read_as) = read_as {
            let message =
                format!("Kubernetes reads `{path}: {text}` as {read_as} and refuses it; here it is taken as text");
            self.warning(node.span, &message, &format!("put it in quotes: \"{text}\""));
        }
        Some(text)
    }

    /// A whole number in a range.
    pub(super) fn whole(&mut self, fields: &mut Fields<'_>, name: &str, range: RangeInclusive<u32>) -> Option<u32> {
        let path = fields.path(name);
        let node = fields.take(name)?;
        let number =
            node.as_u64().and_then(|number| u32::try_from(number).ok()).filter(|number| range.contains(number));
        if number.is_none() {
            let (least, most) = (range.start(), range.end());
            self.wrong(
                node,
                &path,
                &format!("a whole number from {least} to {most}"),
                &format!("write a number without quotes, such as `{name}: {}`", (*least).max(3)),
            );
        }
        number
    }

    /// A port number.
    pub(super) fn port(&mut self, fields: &mut Fields<'_>, name: &str) -> Option<u16> {
        let path = fields.path(name);
        let node = fields.take(name)?;
        self.port_of(node, &path)
    }

    /// As [`Self::port`], of a value.
    pub(super) fn port_of(&mut self, node: &Node, path: &str) -> Option<u16> {
        let port = node.as_u64().and_then(|number| u16::try_from(number).ok()).filter(|port| *port > 0);
        if port.is_none() {
            let leaf = path.rsplit('.').next().unwrap_or(path);
            let help = format!("write a port without quotes, such as `{leaf}: 8080`");
            self.wrong(node, path, "a port from 1 to 65535", &help);
        }
        port
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self, fields: &mut Fields<'_>, name: &str) -> Option<bool> {
        let path = fields.path(name);
        let node = fields.take(name)?;
        let old = node.as_scalar().is_some_and(|scalar| scalar.is_old_boolean());
        let value = node.as_bool().or_else(|| {
            let text = node.as_str().filter(|_| old)?;
            Some(matches!(text.to_ascii_lowercase().as_str(), "y" | "yes" | "on"))
        });
        if value.is_none() {
            self.wrong(node, &path, "true or false", &format!("write `{name}: true` or `{name}: false`"));
        }
        value
    }

    /// A map of texts, such as labels; what is nothing is the empty text.
    pub(super) fn texts(&mut self, fields: &mut Fields<'_>, name: &str) -> Vec<(String, String)> {
        let path = fields.path(name);
        let Some(node) = fields.take(name) else { return Vec::new() };
        let Some(entries) = node.as_map() else {
            self.wrong(node, &path, "a map of texts", &format!("write lines such as `app: web` below `{name}:`"));
            return Vec::new();
        };
        let mut texts = Vec::new();
        for (key, value) in entries {
            let text = if value.is_null() { Some("") } else { self.text_of(value, &format!("{path}.{}", key.name)) };
            texts.extend(text.map(|text| (key.name.clone(), text.to_string())));
        }
        texts
    }

    /// A list of texts.
    pub(super) fn list_of_texts(&mut self, fields: &mut Fields<'_>, name: &str) -> Vec<String> {
        let path = fields.path(name);
        let Some(node) = fields.take(name) else { return Vec::new() };
        let Some(items) = node.as_list() else {
            self.wrong(node, &path, "a list", "write its items as lines that begin with `- `");
            return Vec::new();
        };
        items.iter().filter_map(|item| self.text_of(item, &format!("{path}[]")).map(str::to_owned)).collect()
    }

    /// Reports the fields that nobody took.
    pub(super) fn finish(&mut self, fields: &Fields<'_>) {
        for ((key, node), taken) in fields.entries.iter().zip(&fields.taken) {
            let path = fields.path(&key.name);
            if *taken || reasons::says_nothing(&path, node) {
                continue;
            }
            if reasons::is_bookkeeping(&path) {
                let inner = path.strip_prefix("spec.template.").unwrap_or(&path);
                self.collector.bookkeeping(inner);
            } else {
                self.collector.ignore(self.subject, Some(&path), reasons::field(&path));
            }
        }
    }

    /// The top of an object: the kind and the name were read when it was found.
    pub(super) fn top<'n>(&mut self, node: &'n Node) -> Option<Fields<'n>> {
        let mut top = self.fields(node, "")?;
        top.take("apiVersion");
        top.take("kind");
        Some(top)
    }

    /// `metadata` without the name and the namespace, which were read when the object was found.
    pub(super) fn metadata<'n>(&mut self, top: &mut Fields<'n>) -> Option<Fields<'n>> {
        let mut metadata = self.inner(top, "metadata")?;
        let name_is_text = metadata.take("name").is_some_and(|name| name.as_scalar().is_some());
        if name_is_text {
            self.text(&mut metadata, "name"); // for its warning; what is no text was refused
        }
        self.text(&mut metadata, "namespace");
        Some(metadata)
    }

    /// Reports what a Namespace has besides its name.
    pub(super) fn skip_rest_of_namespace(&mut self, node: &Node) {
        let Some(mut top) = self.top(node) else { return };
        if let Some(metadata) = self.metadata(&mut top) {
            self.finish(&metadata);
        }
        self.check_name(NameRule::Label);
        top.take("spec"); // finalizers only
        self.finish(&top);
    }

    /// Warns of a name that Kubernetes refuses.
    pub(super) fn check_name(&mut self, rule: NameRule) {
        let (name, span) = (self.subject.name.as_str(), self.name_span);
        if name != "?" && !rule.allows(name) {
            let message = format!("Kubernetes refuses the name `{name}`");
            self.warning(span, &message, rule.words());
        }
        let namespace = self.subject.namespace.as_str();
        if !namespace.is_empty() && !NameRule::Label.allows(namespace) {
            let message = format!("Kubernetes refuses the namespace `{namespace}`");
            self.warning(span, &message, NameRule::Label.words());
        }
    }

    /// Warns of the name of a part that Kubernetes refuses.
    pub(super) fn check_part_name(&mut self, name: &str, span: Span, rule: NameRule) {
        if !rule.allows(name) {
            self.warning(span, &format!("Kubernetes refuses the name `{name}`"), rule.words());
        }
    }
}

/// What Kubernetes allows in names
/// (<https://kubernetes.io/docs/concepts/overview/working-with-objects/names/>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameRule {
    /// RFC 1123 subdomain.
    Subdomain,
    /// RFC 1123 label.
    Label,
    /// IANA service name, for named ports of containers.
    Port,
}

impl NameRule {
    fn allows(self, name: &str) -> bool {
        let label = |part: &str, longest: usize| {
            let bytes = part.as_bytes();
            let inner = bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-');
            let edge = |byte: Option<&u8>| byte.is_some_and(|byte| *byte != b'-');
            inner && bytes.len() <= longest && edge(bytes.first()) && edge(bytes.last())
        };
        match self {
            Self::Subdomain => name.len() <= 253 && name.split('.').all(|part| label(part, 253)),
            Self::Label => label(name, 63),
            Self::Port => label(name, 15) && name.bytes().any(|byte| byte.is_ascii_lowercase()) && !name.contains("--"),
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Subdomain => "use at most 253 of a-z, 0-9, `-` and `.`, beginning and ending with a letter or digit",
            Self::Label => "use at most 63 of a-z, 0-9 and `-`, beginning and ending with a letter or digit",
            Self::Port => "use at most 15 of a-z, 0-9 and `-`, with at least one letter and no `-` at the ends",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::NameRule::{Label, Port, Subdomain};

    #[test]
    fn names_follow_kubernetes() {
        for name in ["web", "a.b-c", "1a", "web-5d8f"] {
            assert!(Subdomain.allows(name), "{name}");
        }
        for name in ["", "Web", "-a", "a-", "a..b", "a_b", "ü", ".a"] {
            assert!(!Subdomain.allows(name), "{name}");
        }
        assert!(!Label.allows("a.b") && !Label.allows(&"a".repeat(64)) && Label.allows(&"a".repeat(63)));
        assert!(
            Port.allows("http") && Port.allows("80-http") && !Port.allows("8080") && !Port.allows("a-very-long-name")
        );
    }
}
