//! What is wrong with an input, where, and what to write instead.

use super::source::Span;

/// Something wrong (or doubtful) in an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where, if it has a place.
    pub span: Option<Span>,
    /// What is wrong, in one line.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Doubtful only: the input can be used.
    pub warning: bool,
}

impl Problem {
    /// An error at a place.
    #[must_use]
    pub fn error(span: Span, message: impl Into<String>) -> Self {
        Self { span: Some(span), message: message.into(), help: None, warning: false }
    }

    /// A warning at a place.
    #[must_use]
    pub fn warning(span: Span, message: impl Into<String>) -> Self {
        Self { span: Some(span), message: message.into(), help: None, warning: true }
    }

    /// An error without a place.
    #[must_use]
    pub fn general(message: impl Into<String>) -> Self {
        Self { span: None, message: message.into(), help: None, warning: false }
    }

    /// The same with advice.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

/// Problems that are collected so that all are shown at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// Adds an error at a place.
    pub fn error(&mut self, span: Span, message: impl Into<String>) {
        self.push(Problem::error(span, message));
    }

    /// Whether there is none, not even a warning.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one is more than a warning.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|problem| !problem.warning)
    }

    /// In the order of their places (those without a place first), each only once.
    #[must_use]
    pub fn sorted(self) -> Vec<Problem> {
        let mut problems = self.0;
        problems.sort_by(|one, two| one.span.cmp(&two.span).then_with(|| one.warning.cmp(&two.warning)));
        problems.dedup();
        problems
    }
}

impl Extend<Problem> for Problems {
    fn extend<I: IntoIterator<Item = Problem>>(&mut self, problems: I) {
        self.0.extend(problems);
    }
}

/// The known word that `word` was probably meant to be, if one is near enough.
///
/// Near is a third of the longer word's letters (Damerau-Levenshtein distance, whatever the case), and at least one.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const LONGEST: usize = 100; // nobody mistypes a longer word, and the distance costs the product of the lengths
    if word.len() > LONGEST {
        return None;
    }
    let lower = word.to_lowercase();
    let mut best: Option<(usize, &str)> = None;
    for candidate in known.into_iter().filter(|candidate| candidate.len() <= LONGEST) {
        let distance = strsim::damerau_levenshtein(&lower, &candidate.to_lowercase());
        let allowed = (lower.chars().count().max(candidate.chars().count()) / 3).max(1);
        let shares_nothing = distance >= lower.chars().count().max(candidate.chars().count());
        if distance <= allowed && !shares_nothing && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::super::Sources;
    use super::*;

    #[test]
    fn the_nearest_word_is_found() {
        let known = ["replicas", "duration", "warmup", "seed"];
        assert_eq!(nearest("replica", known), Some("replicas"));
        assert_eq!(nearest("Warmup", known), Some("warmup"));
        assert_eq!(nearest("duraiton", known), Some("duration"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("x", ["y"]), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(nearest(&"a".repeat(1_000_000), known), None);
    }

    #[test]
    fn problems_stand_in_the_order_of_the_text() {
        let source = Sources::new().add("a", "");
        let at = |start| Span { source, start, end: start + 1 };
        let mut problems = Problems::new();
        problems.push(Problem::warning(at(5), "later"));
        problems.error(at(1), "first");
        problems.error(at(5), "worse");
        problems.error(at(1), "first");
        problems.push(Problem::general("no place"));
        assert!(problems.has_errors());
        let messages: Vec<_> = problems.sorted().into_iter().map(|problem| problem.message).collect();
        assert_eq!(messages, ["no place", "first", "worse", "later"]);
    }
}
