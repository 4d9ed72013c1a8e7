//! What a scenario file may say: one table per object.
//!
//! The tables of [`tables`](super::tables) are the only list of keys: the reader refuses what they do not name, the
//! paths of `--set` walk them, and the JSON Schema and the documentation are printed from them.

/// What a value may be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Type {
    /// Any text.
    Text,
    /// A length of time such as `20ms`.
    Duration,
    /// A distribution of durations, or a bare duration.
    Dist,
    /// A distribution of whole counts, or a bare count.
    CountDist,
    /// `20%` or `0.2`.
    Ratio,
    /// `800/s`.
    Rate,
    /// Any finite number.
    Number,
    /// A Kubernetes quantity such as `500m`.
    Quantity,
    /// A whole number between two bounds.
    Count(u64, u64),
    /// `true` or `false`.
    Bool,
    /// One of these words.
    Word(&'static [&'static str]),
    /// An object.
    Object(&'static Shape),
    /// A list.
    List(&'static Type),
    /// Free keys with values of one type.
    Map(&'static Type),
    /// What the policies take that have a parameter of this name.
    OfPolicies(&'static str),
    /// Any of these.
    Either(&'static [Type]),
    /// Anything: the value of a path.
    Any,
}

/// A key of an object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    /// The key.
    pub(super) key: &'static str,
    /// What stands behind it.
    pub(super) value: Type,
    /// What holds when it is absent; empty where nothing does.
    pub(super) default: &'static str,
    /// One sentence.
    pub(super) doc: &'static str,
    /// Whether it must be there.
    pub(super) required: bool,
    /// Whether its mechanism exists.
    pub(super) built: bool,
}

/// An object of the file.
#[derive(Debug)]
pub(super) struct Shape {
    /// Its name in the JSON Schema and in messages ("a traffic").
    pub(super) name: &'static str,
    /// One sentence.
    pub(super) doc: &'static str,
    /// Its keys.
    pub(super) fields: &'static [Field],
}

impl Shape {
    /// The field with that key.
    pub(super) fn field(&self, key: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.key == key)
    }

    /// Every key whose mechanism exists.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.fields.iter().filter(|field| field.built).map(|field| field.key)
    }
}

/// An optional key.
pub(super) const fn field(key: &'static str, value: Type, default: &'static str, doc: &'static str) -> Field {
    Field { key, value, default, doc, required: false, built: true }
}

/// A key that must be there.
pub(super) const fn required(key: &'static str, value: Type, doc: &'static str) -> Field {
    Field { key, value, default: "", doc, required: true, built: true }
}

/// A key of the format whose mechanism does not exist yet: refused by name.
pub(super) const fn later(key: &'static str, doc: &'static str) -> Field {
    Field { key, value: Type::Any, default: "", doc, required: false, built: false }
}
