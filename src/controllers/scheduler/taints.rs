//! Taints of nodes and the tolerations of pods.

use crate::time::SimDuration;

/// What a taint does to pods that do not tolerate it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// They do not come here.
    NoSchedule,
    /// They come here only if nothing better is there.
    PreferNoSchedule,
    /// They do not come here, and those that are here go.
    NoExecute,
}

impl Effect {
    /// All of them, as Kubernetes writes them.
    pub const ALL: [(Self, &'static str); 3] = [
        (Self::NoSchedule, "NoSchedule"),
        (Self::PreferNoSchedule, "PreferNoSchedule"),
        (Self::NoExecute, "NoExecute"),
    ];
}

/// The taint of a node that says nothing any more.
pub const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

/// The taint of a node that says it is not ready.
pub const NOT_READY: &str = "node.kubernetes.io/not-ready";

/// The taint of a cordoned node.
pub const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// A taint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value, often empty.
    pub value: String,
    /// What it does.
    pub effect: Effect,
}

/// What a pod tolerates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toleration {
    /// The key; all keys where it is missing.
    pub key: Option<String>,
    /// The value that the taint must have; with `Exists` any.
    pub value: Option<String>,
    /// The effect; all where it is missing.
    pub effect: Option<Effect>,
    /// For how long a `NoExecute` taint is tolerated; for ever where it is missing.
    pub seconds: Option<u64>,
}

impl Toleration {
    /// Whether it tolerates a taint.
    #[must_use]
    pub fn tolerates(&self, taint: &Taint) -> bool {
        self.effect.is_none_or(|effect| effect == taint.effect)
            && self.key.as_ref().is_none_or(|key| *key == taint.key)
            && self.value.as_ref().is_none_or(|value| *value == taint.value)
    }
}

/// The tolerations that every pod gets which states none for these taints: five minutes.
/// Source: Kubernetes, admission plug-in `DefaultTolerationSeconds`.
#[must_use]
pub fn with_defaults(mut stated: Vec<Toleration>) -> Vec<Toleration> {
    let missing = |key: &str| {
        let taint = Taint { key: key.to_owned(), value: String::new(), effect: Effect::NoExecute };
        !stated.iter().any(|toleration| toleration.tolerates(&taint))
    };
    let keys: Vec<&str> = [NOT_READY, UNREACHABLE].into_iter().filter(|key| missing(key)).collect();
    stated.extend(keys.into_iter().map(|key| Toleration {
        key: Some(key.to_owned()),
        value: None,
        effect: Some(Effect::NoExecute),
        seconds: Some(300),
    }));
    stated
}

/// The first taint that keeps a pod away.
#[must_use]
pub fn untolerated<'t>(taints: &'t [Taint], tolerations: &[Toleration]) -> Option<&'t Taint> {
    taints
        .iter()
        .filter(|taint| taint.effect != Effect::PreferNoSchedule)
        .find(|taint| !is_tolerated(taint, tolerations))
}

/// How many taints would rather not have the pod.
#[must_use]
pub fn disliked(taints: &[Taint], tolerations: &[Toleration]) -> u32 {
    let soft = taints.iter().filter(|taint| taint.effect == Effect::PreferNoSchedule);
    u32::try_from(soft.filter(|taint| !is_tolerated(taint, tolerations)).count()).unwrap_or(u32::MAX)
}

fn is_tolerated(taint: &Taint, tolerations: &[Toleration]) -> bool {
    tolerations.iter().any(|toleration| toleration.tolerates(taint))
}

/// When a pod must go because of `NoExecute` taints: after how long from now, or never. The shortest of the tolerations
/// that are used decides. Source: Kubernetes, `pkg/controller/tainteviction`.
#[must_use]
pub fn stays(taints: &[Taint], tolerations: &[Toleration]) -> Option<SimDuration> {
    let mut shortest: Option<u64> = None;
    for taint in taints.iter().filter(|taint| taint.effect == Effect::NoExecute) {
        let used: Vec<_> = tolerations.iter().filter(|toleration| toleration.tolerates(taint)).collect();
        if used.is_empty() {
            return Some(SimDuration::ZERO);
        }
        let seconds = used.iter().filter_map(|toleration| toleration.seconds).min();
        shortest = [shortest, seconds].into_iter().flatten().min();
    }
    shortest.map(SimDuration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Effect::{NoExecute, NoSchedule, PreferNoSchedule};

    fn taint(key: &str, value: &str, effect: Effect) -> Taint {
        Taint { key: key.to_owned(), value: value.to_owned(), effect }
    }

    fn tolerates(key: &str, value: Option<&str>, effect: Option<Effect>) -> Toleration {
        Toleration { key: Some(key.to_owned()), value: value.map(str::to_owned), effect, seconds: None }
    }

    /// Rows of `TestTaintTolerationFilter` in Kubernetes' `pkg/scheduler/framework/plugins/tainttoleration`.
    #[test]
    fn filter_table() {
        let dedicated = taint("dedicated", "user1", NoSchedule);
        let foo = taint("foo", "bar", NoSchedule);
        let exists = |key| tolerates(key, None, Some(NoSchedule));
        let rows: Vec<(Vec<Toleration>, Vec<Taint>, bool)> = vec![
            (vec![], vec![dedicated.clone()], false),
            (vec![tolerates("dedicated", Some("user1"), Some(NoSchedule))], vec![dedicated.clone()], true),
            (vec![tolerates("dedicated", Some("user2"), Some(NoSchedule))], vec![dedicated.clone()], false),
            (vec![exists("foo")], vec![foo.clone()], true),
            (
                vec![tolerates("dedicated", Some("user2"), Some(NoSchedule)), exists("foo")],
                vec![taint("dedicated", "user2", NoSchedule), foo.clone()],
                true,
            ),
            (vec![tolerates("foo", Some("bar"), Some(PreferNoSchedule))], vec![foo.clone()], false),
            (vec![tolerates("foo", Some("bar"), None)], vec![foo], true),
            (
                vec![tolerates("dedicated", Some("user2"), Some(NoSchedule))],
                vec![taint("dedicated", "user1", PreferNoSchedule)],
                true,
            ),
            (vec![], vec![taint("dedicated", "user1", PreferNoSchedule)], true),
        ];
        for (tolerations, taints, fits) in rows {
            assert_eq!(untolerated(&taints, &tolerations).is_none(), fits, "{tolerations:?} {taints:?}");
        }
    }

    #[test]
    fn everybody_stays_for_five_minutes_who_says_nothing_else() {
        let gone = [taint(UNREACHABLE, "", NoExecute)];
        assert_eq!(stays(&gone, &with_defaults(vec![])), Some(SimDuration::from_secs(300)));
        assert_eq!(stays(&gone, &[]), Some(SimDuration::ZERO));
        let short = Toleration { seconds: Some(30), ..tolerates(UNREACHABLE, None, Some(NoExecute)) };
        assert_eq!(stays(&gone, &with_defaults(vec![short])), Some(SimDuration::from_secs(30)));
        // As a DaemonSet has them.
        let daemon = tolerates(UNREACHABLE, None, Some(NoExecute));
        assert_eq!(stays(&gone, &with_defaults(vec![daemon])), None);
        let all = Toleration { key: None, value: None, effect: None, seconds: None };
        assert_eq!(stays(&gone, &with_defaults(vec![all])), None);
        assert_eq!(stays(&[taint("x", "", NoSchedule)], &[]), None, "only NoExecute sends away");
    }
}
