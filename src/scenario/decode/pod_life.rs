//! `cluster.pods`, and what templates of pods say about their life.

use super::super::applied::{Change, What};
use super::super::context::{Context, Object};
use super::super::objects::Objects;
use super::super::objects::short;
use super::super::pod_life::{ContainerTemplate, PodLife, PodTimes, Probe, Sigterm, Template};
use super::super::values::shorten;
use super::super::{Action, Workload, tables, tables_pods};
use super::dist::dist;
use super::workload::Entry;
use crate::manifest::WorkloadObject;
use crate::manifest::pod_life::ProbeObject;
use crate::random::Dist;
use crate::time::SimDuration;
use crate::yaml::{Key, Node, Problem, Value, nearest};

/// How long the parts of a pod's life take, and whether kubelets look after pods where no timeline does anything.
pub(super) fn times(cx: &mut Context<'_>, cluster: Option<&Object<'_>>, changes: bool) -> (PodTimes, bool) {
    let object = cluster.and_then(|cluster| cluster.get("pods")).and_then(|node| cx.object(node, &tables_pods::PODS));
    let live = object.as_ref().and_then(|object| object.boolean(cx, "live"));
    if let (Some(object), Some(false), true) = (&object, live, changes) {
        let message = "`live: false` does not go with a timeline: kubelets look after pods that come and go";
        cx.problem_help(object.key_span("live"), message, "remove `live`");
    }
    let lives = changes || live == Some(true);
    let usual = PodTimes::usual();
    let mut read = |key: &str, usual: Dist, told: bool| {
        let node = object.as_ref().and_then(|object| object.get(key));
        if let Some(constant) = usual.as_constant().filter(|_| node.is_none() && lives && told) {
            cx.assume(format!("cluster: pods {key}"), constant.to_string(), format!("cluster.pods.{key}"));
        }
        node.and_then(|node| dist(cx, node, key)).unwrap_or(usual)
    };
    let times = PodTimes {
        start: read("start", usual.start, true),
        stop: read("stop", usual.stop, true),
        schedule: read("schedule", usual.schedule, false),
        exit: read("exit", usual.exit, false),
        teardown: read("teardown", usual.teardown, false),
        detect: read("detect", usual.detect, false),
    };
    (times, lives)
}

/// The life of the pods of a workload, as its manifest has it at the start.
pub(super) fn life(cx: &mut Context<'_>, raw: &WorkloadObject, entry: Option<&Entry<'_>>, inline: bool) -> PodLife {
    PodLife {
        templates: vec![template(cx, raw, entry)],
        rollouts: vec![raw.rollout.clone()],
        images: Vec::new(),
        ready_when_listening: inline,
    }
}

/// What a template says, and what the scenario adds to it.
pub(super) fn template(cx: &mut Context<'_>, raw: &WorkloadObject, entry: Option<&Entry<'_>>) -> Template {
    let described = entry.and_then(|entry| entry.object.get("containers")).and_then(Node::as_map).unwrap_or(&[]);
    let containers = raw.containers.iter().map(|container| {
        let node = described.iter().find(|(key, _)| key.name == container.name).map(|(_, node)| node);
        let given = node.and_then(|node| node.get("preStop")).and_then(|node| dist(cx, node, "preStop"));
        let hook = container.life.pre_stop.as_ref();
        let said = hook.and_then(|hook| hook.seconds).and_then(SimDuration::from_secs_f64);
        if let Some(hook) = hook.filter(|_| said.is_none() && given.is_none()) {
            let label = format!("{} container {}", short(raw), container.name);
            let message = format!("{label}: how long its `preStop` hook takes cannot be seen here; it takes no time");
            let help = format!("write workloads[{}].containers.{}.preStop", short(raw), container.name);
            cx.problems.push(Problem::warning(hook.span, message).help(help));
        }
        let pre_stop = given.or_else(|| hook.map(|_| Dist::constant(said.unwrap_or(SimDuration::ZERO))));
        ContainerTemplate {
            image: container.life.image.clone(),
            startup: container.life.startup.as_ref().map(probe),
            readiness: container.life.readiness.as_ref().map(probe),
            liveness: container.life.liveness.as_ref().map(probe),
            pre_stop,
        }
    });
    let containers = containers.collect();
    let grace = SimDuration::from_secs(raw.life.grace.into());
    Template { grace, gates: gates(cx, raw, entry), containers }
}

fn probe(object: &ProbeObject) -> Probe {
    let seconds = |seconds: u32| SimDuration::from_secs(seconds.into());
    Probe {
        initial_delay: seconds(object.initial_delay),
        period: seconds(object.period),
        timeout: seconds(object.timeout),
        success: object.success,
        failure: object.failure,
        grace: object.grace.map(seconds),
        exec: object.exec,
    }
}

/// What an entry of the timeline makes of a Deployment, beside the number of its pods.
#[derive(Debug, Clone, Copy)]
pub(in crate::scenario) struct Revision {
    /// The entry, by position.
    pub(in crate::scenario) entry: usize,
    pub(in crate::scenario) action: Action,
}

/// The templates and strategies that applied manifests bring, in order of time.
pub(super) fn revisions(
    cx: &mut Context<'_>,
    changes: &[Change],
    (objects, entries): (&Objects, &[Entry<'_>]),
    workloads: &mut [Workload],
) -> Vec<Revision> {
    let mut now: Vec<&WorkloadObject> = objects.workloads.iter().collect();
    let mut found = Vec::new();
    for change in changes {
        let What::Deployment(workload, next) = &change.what else { continue };
        let (before, next) = (std::mem::replace(&mut now[*workload], next), &**next);
        let life = &mut workloads[*workload].life;
        let mut revise = |action| found.push(Revision { entry: change.entry, action });
        if before.rollout != next.rollout {
            life.rollouts.push(next.rollout.clone());
            revise(Action::Rollout { workload: *workload, rollout: life.rollouts.len() - 1 });
            if before.rollout.paused != next.rollout.paused {
                revise(Action::Pause { workload: *workload, paused: next.rollout.paused });
            }
        }
        if before.template == next.template {
            continue;
        }
        if let Some(what) = other_than_life(before, next) {
            let message = format!("not supported yet: other {what} for {} during the run", short(next));
            cx.problem_help(change.span, message, "images, probes, hooks and grace periods can change");
            continue;
        }
        let entry = entries.iter().find(|entry| entry.workload == *workload);
        life.templates.push(template(cx, next, entry));
        revise(Action::Template { workload: *workload, template: life.templates.len() - 1 });
    }
    found
}

/// What differs between two templates that the run cannot follow.
fn other_than_life(before: &WorkloadObject, next: &WorkloadObject) -> Option<&'static str> {
    let same_containers = before.containers.len() == next.containers.len()
        && before
            .containers
            .iter()
            .zip(&next.containers)
            .all(|(one, other)| (&one.name, one.sidecar, &one.ports) == (&other.name, other.sidecar, &other.ports));
    let differs = [
        (same_containers && before.init == next.init, "containers or ports"),
        (before.labels == next.labels, "labels of pods"),
        (before.node_name == next.node_name && before.node_selector == next.node_selector, "nodes"),
        (before.dns == next.dns && before.service_links == next.service_links, "DNS settings"),
        (before.host == next.host, "names of pods"),
    ];
    differs.iter().find(|(same, _)| !same).map(|(_, what)| *what)
}

/// How long each readiness gate takes: somebody outside the pod opens it, and only the scenario knows when.
fn gates(cx: &mut Context<'_>, raw: &WorkloadObject, entry: Option<&Entry<'_>>) -> Vec<Dist> {
    let node = entry.and_then(|entry| entry.object.get("readinessGates"));
    let given: &[(Key, Node)] = match node.map(|node| &node.value) {
        Some(Value::Map(entries)) => entries,
        _ => &[],
    };
    for (key, _) in given {
        if raw.life.gates.iter().all(|(gate, _)| *gate != key.name) {
            let message = format!("{} has no readiness gate `{}`", short(raw), shorten(&key.name));
            match nearest(&key.name, raw.life.gates.iter().map(|(gate, _)| gate.as_str())) {
                Some(near) => cx.problem_help(key.span, message, format!("did you mean `{near}`?")),
                None => cx.problem(key.span, message),
            }
        }
    }
    let mut takes = |(gate, _): &(String, crate::yaml::Span)| {
        let found = given.iter().find(|(key, _)| key.name == *gate);
        if found.is_none() {
            let (what, field) = (format!("{}: readiness gate {gate}", short(raw)), "workloads[].readinessGates");
            cx.assume(what, "opens at once", field);
        }
        found.and_then(|(_, node)| dist(cx, node, gate)).unwrap_or(Dist::zero())
    };
    raw.life.gates.iter().map(&mut takes).collect()
}

/// What the scenario says of the processes in containers.
pub(super) fn processes(cx: &mut Context<'_>, workload: &mut Workload, described: &[(Key, Node)], lives: bool) {
    for (key, node) in described {
        if let Some(init) = workload.init.iter_mut().find(|init| init.sidecar.is_none() && init.name == key.name) {
            let object = cx.object(node, &tables::INIT_CONTAINER);
            let takes = object.and_then(|object| object.get("start").and_then(|node| dist(cx, node, "start")));
            init.takes = takes.unwrap_or(Dist::zero());
        } else if let Some(container) = workload.containers.iter_mut().find(|container| container.name == key.name) {
            let mut read = |key: &str| node.get(key).and_then(|node| dist(cx, node, key));
            container.start = read("start").unwrap_or(Dist::zero());
            container.stop = read("stop").unwrap_or(Dist::zero());
            container.pull = read("pull");
            let words = [("exit", Sigterm::Exit), ("drain", Sigterm::Drain), ("ignore", Sigterm::Ignore)];
            let word = node.get("sigterm").and_then(|node| cx.word(node, "sigterm", &words));
            container.sigterm = word.unwrap_or_default();
        }
        for word in ["start", "stop", "sigterm", "preStop", "pull"] {
            if let Some(given) = node.get(word).filter(|_| !lives) {
                let message = format!("`{word}` changes nothing: without a `timeline` no pod starts or ends");
                cx.problems.push(Problem::warning(given.span, message));
            }
        }
    }
}
