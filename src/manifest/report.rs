//! What was used of the manifests, and what was not.

use std::collections::BTreeMap;

use super::subject::Subject;

/// Names shown of many objects that are ignored alike.
const NAMES_SHOWN: usize = 5;

/// What was used of the manifests, and what was not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// One line an object, such as `Deployment/web: 3 replicas, container app (8080)`.
    pub used: Vec<String>,
    /// What has no effect, each once for all objects alike.
    pub ignored: Vec<IgnoredItem>,
}

/// Something in the manifests that has no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredItem {
    /// `ConfigMap/settings`, `Deployment/web: spec.strategy`, or for many `Deployment (12 objects): spec.strategy`.
    pub what: String,
    /// Why it has none.
    pub why: String,
}

/// Gathers a [`Report`].
#[derive(Debug, Default)]
pub(super) struct Collector {
    used: Vec<String>,
    /// (kind, field, reason) to the place in `groups`: many objects of a dump lack the same.
    index: BTreeMap<(String, Option<String>, String), usize>,
    groups: Vec<Group>,
    bookkeeping: Vec<String>,
}

#[derive(Debug)]
struct Group {
    kind: String,
    field: Option<String>,
    why: String,
    /// A reason in more detail, as long as all objects share it.
    detail: Option<String>,
    /// Labels of the first objects.
    labels: Vec<String>,
    /// The last object counted: a field is counted once an object, however many containers have it.
    last: Subject,
    objects: usize,
}

impl Collector {
    pub(super) fn used(&mut self, line: String) {
        self.used.push(line);
    }

    /// An object has no effect, for a reason that is told in detail where only one object has it.
    pub(super) fn leave_out(&mut self, subject: &Subject, why: &str, detail: &str) {
        let known = self.index.get(&(subject.kind.clone(), None, why.to_string())).copied();
        self.ignore(subject, None, why);
        match known {
            None => {
                if let Some(group) = self.groups.last_mut() {
                    group.detail = Some(detail.to_string());
                }
            }
            Some(index) => {
                let group = &mut self.groups[index];
                group.detail = group.detail.take().filter(|known| known == detail);
            }
        }
    }

    /// An object, or a field of one, has no effect.
    pub(super) fn ignore(&mut self, subject: &Subject, field: Option<&str>, why: &str) {
        let key = (subject.kind.clone(), field.map(str::to_string), why.to_string());
        let index = *self.index.entry(key).or_insert(self.groups.len());
        if index == self.groups.len() {
            self.groups.push(Group {
                kind: subject.kind.clone(),
                field: field.map(str::to_string),
                why: why.to_string(),
                detail: None,
                labels: vec![subject.label()],
                last: subject.clone(),
                objects: 1,
            });
            return;
        }
        let group = &mut self.groups[index];
        if field.is_some() && group.last == *subject {
            return;
        }
        group.objects += 1;
        group.last = subject.clone();
        if group.labels.len() < NAMES_SHOWN {
            group.labels.push(subject.label());
        }
    }

    /// A field that the API server writes for itself has no effect.
    pub(super) fn bookkeeping(&mut self, field: &str) {
        if !self.bookkeeping.iter().any(|known| known == field) {
            self.bookkeeping.push(field.to_string());
        }
    }

    pub(super) fn finish(mut self) -> Report {
        let mut ignored: Vec<_> = self.groups.into_iter().map(Group::item).collect();
        if !self.bookkeeping.is_empty() {
            self.bookkeeping.sort();
            ignored.push(IgnoredItem {
                what: self.bookkeeping.join(", "),
                why: "descriptions and bookkeeping of the API server".to_string(),
            });
        }
        Report { used: self.used, ignored }
    }
}

impl Group {
    fn item(self) -> IgnoredItem {
        let Self { kind, field, why, detail, labels, objects, .. } = self;
        let what = match (field, objects) {
            (Some(field), 1) => format!("{}: {field}", labels[0]),
            (Some(field), _) => format!("{kind} ({objects} objects): {field}"),
            (None, 1) => labels[0].clone(),
            (None, _) => {
                let more = if objects > labels.len() { ", …" } else { "" };
                format!("{kind} ({objects} objects): {}{more}", labels.join(", "))
            }
        };
        IgnoredItem { what, why: detail.unwrap_or(why) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(kind: &str, name: &str) -> Subject {
        Subject { kind: kind.into(), namespace: "default".into(), name: name.into() }
    }

    #[test]
    fn what_is_alike_stands_once() {
        let mut collector = Collector::default();
        for index in 0..7 {
            collector.ignore(&subject("ConfigMap", &format!("c{index}")), None, "no");
            collector.ignore(&subject("Deployment", &format!("d{index}")), Some("spec.strategy"), "yes");
            collector.ignore(&subject("Deployment", &format!("d{index}")), Some("spec.strategy"), "yes");
        }
        collector.ignore(&subject("Deployment", "d0"), Some("spec.paused"), "yes");
        collector.bookkeeping("status");
        collector.bookkeeping("metadata.uid");
        collector.bookkeeping("status");
        let what: Vec<_> = collector.finish().ignored.into_iter().map(|item| item.what).collect();
        assert_eq!(
            what,
            [
                "ConfigMap (7 objects): ConfigMap/c0, ConfigMap/c1, ConfigMap/c2, ConfigMap/c3, ConfigMap/c4, …",
                "Deployment (7 objects): spec.strategy",
                "Deployment/d0: spec.paused",
                "metadata.uid, status",
            ]
        );
    }
}
