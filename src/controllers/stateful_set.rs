//! StatefulSets: which pods of which ordinals are made and deleted next.
//!
//! With `OrderedReady` the controller does one thing a look and waits before the first pod that is not there, not
//! available or on its way out; scaling comes before updates, and updates go from the highest ordinal down to the partition,
//! one pod at a time. With `Parallel` it makes and deletes without waiting, and only updates stay one at a time. An ordinal
//! never has two pods: one on a node that was lost is on its way out until somebody confirms that it is gone, and so long
//! there is no other. Source: Kubernetes, `pkg/controller/statefulset/stateful_set_control.go`.

/// What a StatefulSet wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// How many pods.
    pub replicas: u32,
    /// `podManagementPolicy: Parallel`: pods are made and deleted without waiting for one another.
    pub is_parallel: bool,
    /// `updateStrategy: OnDelete`: the controller replaces no pod because of its template.
    pub on_delete: bool,
    /// Ordinals below keep the template from before.
    pub partition: u32,
    /// The template from before the update, by whatever number the caller gives templates.
    pub current: u32,
    /// The template now.
    pub update: u32,
}

/// A pod as the controller sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pod {
    /// Its ordinal.
    pub ordinal: u32,
    /// Its template.
    pub template: u32,
    /// Whether it has been ready for `minReadySeconds`.
    pub is_available: bool,
    /// Whether it was deleted and is not gone yet.
    pub is_terminating: bool,
    /// Whether all of it has ended and will not be started again.
    pub has_ended: bool,
}

impl Pod {
    fn serves(&self) -> bool {
        self.is_available && !self.is_terminating && !self.has_ended
    }
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Make the pod of this ordinal, from this template.
    Create {
        /// Its ordinal.
        ordinal: u32,
        /// Its template.
        template: u32,
    },
    /// Delete the pod of this ordinal.
    Delete {
        /// Its ordinal.
        ordinal: u32,
    },
}

/// One look of the controller; `pods` has one pod of an ordinal at most, in any order.
#[must_use]
pub fn reconcile(wanted: &Wanted, pods: &[Pod]) -> Vec<Action> {
    let mut actions = Vec::new();
    let of = |ordinal: u32| pods.iter().find(|pod| pod.ordinal == ordinal);
    for ordinal in 0..wanted.replicas {
        let (action, waits) = keep(wanted, ordinal, of(ordinal));
        actions.extend(action);
        if waits && !wanted.is_parallel {
            return actions;
        }
    }
    let mut surplus: Vec<&Pod> = pods.iter().filter(|pod| pod.ordinal >= wanted.replicas).collect();
    surplus.sort_by_key(|pod| std::cmp::Reverse(pod.ordinal));
    // Here all that stay serve, unless nobody waits: so the first that does not is one of the surplus.
    let first_unhealthy = surplus.iter().rev().find(|pod| !pod.serves()).map(|pod| pod.ordinal);
    for pod in surplus {
        let waits = pod.is_terminating || !pod.is_available && first_unhealthy != Some(pod.ordinal);
        if !pod.is_terminating && (wanted.is_parallel || !waits) {
            actions.push(Action::Delete { ordinal: pod.ordinal });
        }
        if !wanted.is_parallel {
            return actions;
        }
    }
    if !wanted.on_delete {
        actions.extend(update(wanted, of));
    }
    actions
}

/// What is done so that an ordinal has its pod, and whether those behind it wait.
fn keep(wanted: &Wanted, ordinal: u32, pod: Option<&Pod>) -> (Option<Action>, bool) {
    match pod {
        None => {
            let template = if ordinal < wanted.partition { wanted.current } else { wanted.update };
            (Some(Action::Create { ordinal, template }), true)
        }
        Some(pod) if pod.has_ended && !pod.is_terminating => (Some(Action::Delete { ordinal }), true),
        Some(pod) => (None, !pod.serves()),
    }
}

/// The pod of another template with the highest ordinal goes, if all above it serve.
fn update<'a>(wanted: &Wanted, of: impl Fn(u32) -> Option<&'a Pod>) -> Option<Action> {
    for ordinal in (wanted.partition..wanted.replicas).rev() {
        let pod = of(ordinal)?;
        if pod.template != wanted.update && !pod.is_terminating && !pod.has_ended {
            return Some(Action::Delete { ordinal });
        }
        if !pod.serves() {
            return None;
        }
    }
    None
}

/// Whether an update is complete, so that the template now is that of all ordinals.
#[must_use]
pub fn is_updated(wanted: &Wanted, pods: &[Pod]) -> bool {
    pods.len() == wanted.replicas as usize
        && pods.iter().all(|pod| pod.serves() && pod.template == wanted.update && pod.ordinal < wanted.replicas)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDERED: Wanted =
        Wanted { replicas: 3, is_parallel: false, on_delete: false, partition: 0, current: 0, update: 0 };
    const PARALLEL: Wanted = Wanted { is_parallel: true, ..ORDERED };

    fn pod(ordinal: u32, template: u32) -> Pod {
        Pod { ordinal, template, is_available: true, is_terminating: false, has_ended: false }
    }

    /// Looks until nothing is done; pods vanish at once, and the controller's new pods are available when nothing else is
    /// to be done, all at once. `+2` makes ordinal 2, `-2` deletes it, `|` is where pods become available; `'` stands behind
    /// the second template.
    fn told(wanted: &Wanted, pods: &mut Vec<Pod>) -> String {
        let mut steps = Vec::new();
        loop {
            let actions = reconcile(wanted, pods);
            if actions.is_empty() {
                if pods.iter().all(|pod| pod.is_available) {
                    return steps.join(" ");
                }
                pods.iter_mut().for_each(|pod| pod.is_available = true);
                steps.push("|".to_owned());
            }
            for action in actions {
                match action {
                    Action::Create { ordinal, template } => {
                        assert!(pods.iter().all(|pod| pod.ordinal != ordinal), "two pods of ordinal {ordinal}");
                        pods.push(Pod { is_available: false, ..pod(ordinal, template) });
                        steps.push(format!("+{ordinal}{}", if template == 1 { "'" } else { "" }));
                    }
                    Action::Delete { ordinal } => {
                        pods.retain(|pod| pod.ordinal != ordinal);
                        steps.push(format!("-{ordinal}"));
                    }
                }
            }
        }
    }

    #[test]
    fn pods_come_and_go_in_order() {
        let mut pods = Vec::new();
        assert_eq!(told(&ORDERED, &mut pods), "+0 | +1 | +2 |");
        assert_eq!(told(&Wanted { replicas: 5, ..ORDERED }, &mut pods), "+3 | +4 |");
        assert_eq!(told(&Wanted { replicas: 2, ..ORDERED }, &mut pods), "-4 -3 -2");
        assert_eq!(told(&Wanted { replicas: 0, ..ORDERED }, &mut pods), "-1 -0");
    }

    #[test]
    fn or_all_at_once() {
        let mut pods = Vec::new();
        assert_eq!(told(&PARALLEL, &mut pods), "+0 +1 +2 |");
        assert_eq!(told(&Wanted { replicas: 1, ..PARALLEL }, &mut pods), "-2 -1");
    }

    #[test]
    fn updates_go_from_the_highest_ordinal_down() {
        let wanted = Wanted { update: 1, ..ORDERED };
        let mut pods: Vec<Pod> = (0..3).map(|ordinal| pod(ordinal, 0)).collect();
        assert!(!is_updated(&wanted, &pods));
        assert_eq!(told(&wanted, &mut pods), "-2 +2' | -1 +1' | -0 +0' |");
        assert!(is_updated(&wanted, &pods));
        // The management policy is about scaling: updates are one at a time with either.
        let mut pods: Vec<Pod> = (0..3).map(|ordinal| pod(ordinal, 0)).collect();
        assert_eq!(told(&Wanted { update: 1, ..PARALLEL }, &mut pods), "-2 +2' | -1 +1' | -0 +0' |");
        // A look at pods that are to be deleted by hand does nothing; what comes back has the new template.
        let on_delete = Wanted { on_delete: true, ..wanted };
        let mut pods: Vec<Pod> = (0..3).map(|ordinal| pod(ordinal, 0)).collect();
        assert_eq!(told(&on_delete, &mut pods), "");
        pods.remove(1);
        assert_eq!(told(&on_delete, &mut pods), "+1' |");
    }

    #[test]
    fn a_partition_keeps_the_ordinals_below_it() {
        let wanted = Wanted { update: 1, partition: 2, ..ORDERED };
        let mut pods: Vec<Pod> = (0..3).map(|ordinal| pod(ordinal, 0)).collect();
        assert_eq!(told(&wanted, &mut pods), "-2 +2' |");
        assert!(!is_updated(&wanted, &pods));
        // A pod below it that is lost comes back as it was.
        pods.retain(|pod| pod.ordinal != 1);
        assert_eq!(told(&wanted, &mut pods), "+1 |");
        assert_eq!(told(&Wanted { partition: 3, ..wanted }, &mut pods), "", "beyond the last nothing happens");
    }

    #[test]
    fn nothing_is_done_before_a_pod_that_does_not_serve() {
        // Ordinal 1 of four is not available: 3 is not deleted, although there are too many.
        let mut pods: Vec<Pod> = (0..4).map(|ordinal| pod(ordinal, 0)).collect();
        pods[1].is_available = false;
        assert_eq!(reconcile(&ORDERED, &pods), []);
        assert_eq!(reconcile(&PARALLEL, &pods), [Action::Delete { ordinal: 3 }]);
        // Of the surplus itself the only one that does not serve may go, others wait for it.
        pods[1].is_available = true;
        pods[3].is_available = false;
        assert_eq!(reconcile(&ORDERED, &pods), [Action::Delete { ordinal: 3 }]);
        pods.push(pod(4, 0));
        assert_eq!(reconcile(&ORDERED, &pods), [Action::Delete { ordinal: 4 }]);
        pods[4].is_available = false;
        assert_eq!(reconcile(&ORDERED, &pods), [], "4 is not the first that does not serve");
    }

    #[test]
    fn a_pod_on_a_lost_node_is_not_replaced() {
        let mut pods: Vec<Pod> = (0..3).map(|ordinal| pod(ordinal, 0)).collect();
        (pods[1].is_available, pods[1].is_terminating) = (false, true);
        for wanted in [ORDERED, PARALLEL] {
            assert_eq!(reconcile(&wanted, &pods), []);
            // Nor does an update go on below it, or the set shrink in order.
            let update = Wanted { update: 1, ..wanted };
            let mut updated = pods.clone();
            updated[2].template = 1;
            assert_eq!(reconcile(&update, &updated), []);
        }
        pods.remove(1);
        assert_eq!(reconcile(&ORDERED, &pods), [Action::Create { ordinal: 1, template: 0 }]);
    }

    #[test]
    fn one_that_has_ended_is_made_anew() {
        let mut pods: Vec<Pod> = (0..3).map(|ordinal| pod(ordinal, 0)).collect();
        (pods[0].is_available, pods[0].has_ended) = (false, true);
        assert_eq!(reconcile(&ORDERED, &pods), [Action::Delete { ordinal: 0 }]);
        pods[0].is_terminating = true;
        assert_eq!(reconcile(&ORDERED, &pods), []);
    }

    /// Random failures, scalings and templates: in order no look does two things, and no update takes a second pod.
    #[test]
    fn one_thing_at_a_time_whatever_happens() {
        for case in 0..2_000_u64 {
            let mut n = 0;
            let mut any = |bound: u32| {
                n += 1;
                let key = crate::random::mix(case, n);
                (crate::random::Keyed::new(key).unit() * f64::from(bound)) as u32
            };
            let mut wanted = Wanted { is_parallel: any(2) == 1, ..ORDERED };
            let mut pods: Vec<Pod> = (0..3).map(|ordinal| pod(ordinal, 0)).collect();
            for _ in 0..100 {
                match any(12) {
                    0 => wanted.replicas = any(7),
                    1 => wanted.update += 1,
                    2 => wanted.partition = any(4),
                    _ => {}
                }
                let actions = reconcile(&wanted, &pods);
                assert!(wanted.is_parallel || actions.len() <= 1, "case {case}: {actions:?} of {pods:?}");
                for action in actions {
                    match action {
                        Action::Create { ordinal, template } => {
                            assert!(pods.iter().all(|pod| pod.ordinal != ordinal), "case {case}: {pods:?}");
                            let below = pods.iter().filter(|pod| pod.ordinal < ordinal && pod.serves()).count();
                            assert!(wanted.is_parallel || below == ordinal as usize, "case {case}: {pods:?}");
                            pods.push(Pod { is_available: false, ..pod(ordinal, template) });
                        }
                        Action::Delete { ordinal } => {
                            let own = pods.iter_mut().find(|pod| pod.ordinal == ordinal).unwrap();
                            assert!(!own.is_terminating, "case {case}: deleted twice");
                            (own.is_terminating, own.is_available) = (true, false);
                        }
                    }
                }
                pods.retain(|pod| !pod.is_terminating || any(2) == 0);
                for pod in &mut pods {
                    pod.is_available = !pod.is_terminating && (pod.is_available || any(2) == 0) && any(20) != 0;
                }
            }
        }
    }
}
