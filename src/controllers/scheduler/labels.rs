//! Labels and what selects by them.

/// A condition on a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The label.
    pub key: String,
    /// What is asked of it.
    pub test: Test,
}

/// What is asked of a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// Its value is one of these.
    In(Vec<String>),
    /// It has none of these values, or does not exist.
    NotIn(Vec<String>),
    /// It exists.
    Exists,
    /// It does not exist.
    DoesNotExist,
    /// Its value is a whole number above this one.
    Gt(i64),
    /// Its value is a whole number below this one.
    Lt(i64),
}

impl Requirement {
    /// The label has exactly this value.
    #[must_use]
    pub fn equals(key: &str, value: &str) -> Self {
        Self { key: key.to_owned(), test: Test::In(vec![value.to_owned()]) }
    }

    /// Whether labels fulfil it.
    #[must_use]
    pub fn holds(&self, labels: &[(String, String)]) -> bool {
        let value = value_of(labels, &self.key);
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match &self.test {
            Test::In(values) => value.is_some_and(|value| values.iter().any(|one| one == value)),
            Test::NotIn(values) => value.is_none_or(|value| values.iter().all(|one| one != value)),
            Test::Exists => value.is_some(),
            Test::DoesNotExist => value.is_none(),
            Test::Gt(bound) => number().is_some_and(|number| number > *bound),
            Test::Lt(bound) => number().is_some_and(|number| number < *bound),
        }
    }
}

/// The value of a label.
#[must_use]
pub fn value_of<'l>(labels: &'l [(String, String)], key: &str) -> Option<&'l str> {
    labels.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
}

/// Which pods are meant: all requirements hold. One without requirements means all pods.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selector {
    /// What must hold.
    pub all: Vec<Requirement>,
}

impl Selector {
    /// Whether labels are meant.
    #[must_use]
    pub fn selects(&self, labels: &[(String, String)]) -> bool {
        self.all.iter().all(|requirement| requirement.holds(labels))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_are_those_of_kubernetes() {
        let labels = vec![("a".to_owned(), "5".to_owned()), ("b".to_owned(), "x".to_owned())];
        let holds = |key: &str, test| Requirement { key: key.to_owned(), test }.holds(&labels);
        let values = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert!(holds("b", Test::In(values(&["y", "x"]))) && !holds("b", Test::In(values(&["y"]))));
        assert!(!holds("c", Test::In(values(&["x"]))));
        assert!(holds("b", Test::NotIn(values(&["y"]))) && !holds("b", Test::NotIn(values(&["x"]))));
        assert!(holds("c", Test::NotIn(values(&["x"]))), "a missing label has no forbidden value");
        assert!(holds("a", Test::Exists) && !holds("c", Test::Exists));
        assert!(holds("c", Test::DoesNotExist) && !holds("a", Test::DoesNotExist));
        assert!(holds("a", Test::Gt(4)) && !holds("a", Test::Gt(5)) && !holds("b", Test::Gt(0)));
        assert!(holds("a", Test::Lt(6)) && !holds("a", Test::Lt(5)) && !holds("c", Test::Lt(9)));
        assert!(Selector::default().selects(&[]), "an empty selector means all");
    }
}
