//! YAML text to located values, located values to YAML text, and problems shown at their place in the source.
//!
//! Knows nothing of scenarios or Kubernetes. Everything above reads [`Node`]s and answers with [`Problem`]s; nobody above
//! sees the parser crate.

mod node;
mod parse;
mod plain;
mod problem;
mod render;
mod source;
mod write;

#[cfg(test)]
mod random_text;

pub use node::{Key, Node, Scalar, Value};
pub use parse::{parse, parse_value, parse_value_of};
pub use problem::{Problem, Problems, nearest};
pub use render::render;
pub use source::{Place, SourceId, Sources, Span};
pub use write::write;
