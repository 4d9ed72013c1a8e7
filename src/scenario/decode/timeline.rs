//! `spec.timeline`.

use super::super::applied::{Change, What};
use super::super::context::Context;
use super::super::fault::{Fault, Wrong};
use super::super::tables_fault::FAULTS;
use super::super::timeline::{Action, Happening, PodRef};
use super::super::turns::Turn;
use super::super::values::{Bad, shorten};
use super::super::{Workload, names, tables, tables_process};
use super::faults::is_fault;
use super::node_actions;
use super::pod_life::Revision;
use crate::scenario::{Source, Traffic};
use crate::time::SimDuration;
use crate::yaml::{Node, Problem, Value, nearest};

/// The words of actions; one of them stands in every entry.
const ACTIONS: [&str; 13] = [
    "scale",
    "deletePod",
    "notReady",
    "ready",
    "applyManifest",
    "delete",
    "rolloutRestart",
    "setImage",
    "pause",
    "resume",
    "undo",
    "crash",
    "kill",
];

/// What applied manifests change: objects, the turns of Services, and templates of Deployments.
pub(super) type Applied<'a> = (&'a [Change], &'a [Turn], &'a [Revision]);

/// The entries in order of time; those of one time stay in the order of the file.
pub(super) fn timeline(
    cx: &mut Context<'_>,
    items: &[Node],
    (workloads, nodes): (&mut [Workload], &[super::super::Node]),
    ((changes, turns, revisions), faults): (Applied<'_>, &[(usize, Fault)]),
) -> Vec<Happening> {
    let mut read: Vec<(Happening, &Node)> = Vec::new();
    for (entry, item) in items.iter().enumerate() {
        let Some((at, word)) = opened(cx, item) else { continue };
        if matches!(word, "applyManifest" | "delete") {
            let services = turns.iter().filter(|turn| turn.entry == entry).map(|turn| Action::Service {
                first: turn.ports.0,
                count: turn.ports.1,
                era: turn.era,
            });
            let scales = changes.iter().filter(|change| change.entry == entry).filter_map(|change| match change.what {
                What::Replicas(workload, replicas) => Some(Action::Scale { workload, replicas }),
                What::Service(..) | What::Deployment(..) => None,
            });
            let revised = revisions.iter().filter(|revision| revision.entry == entry).map(|revision| revision.action);
            read.extend(services.chain(scales).chain(revised).map(|action| (Happening { at, action }, item)));
        } else if is_fault(word) {
            for (fault, (_, found)) in faults.iter().enumerate().filter(|(_, (of, _))| *of == entry) {
                let ends = |at| (Happening { at, action: Action::Fault { fault, begins: false } }, item);
                read.push((Happening { at, action: Action::Fault { fault, begins: true } }, item));
                read.extend(found.to.map(ends));
            }
        } else if node_actions::WORDS.contains(&word) {
            let found = node_actions::actions(cx, item, word, nodes).unwrap_or_default();
            read.extend(found.into_iter().map(|(after, action)| (Happening { at: at + after, action }, item)));
        } else if let Some(action) = action(cx, item, word, workloads) {
            read.push((Happening { at, action }, item));
        }
    }
    read.sort_by_key(|(happening, _)| happening.at);
    check_pods(cx, &read, workloads, faults);
    read.into_iter().map(|(happening, _)| happening).collect()
}

/// When an entry happens, and the word for what it does.
fn opened(cx: &mut Context<'_>, item: &Node) -> Option<(SimDuration, &'static str)> {
    let object = cx.object(item, &tables::HAPPENING)?;
    let words = ACTIONS.into_iter().chain(node_actions::WORDS).chain(FAULTS.iter().map(|fault| fault.key));
    let given: Vec<&'static str> = words.filter(|word| object.get(word).is_some()).collect();
    let at = object.duration(cx, "at");
    let [word] = given[..] else {
        let unknown = |key: &str| tables::HAPPENING.fields.iter().all(|field| field.key != key);
        if given.is_empty() && item.as_map().is_some_and(|map| map.iter().any(|(key, _)| unknown(&key.name))) {
            // The key was answered: it was to be what happens.
            return None;
        }
        let help = "write for example {at: 2m, scale: deployment/web, replicas: 8} or {at: 3m, deletePod: \"deployment/web[0]\"}";
        let message = match given[..] {
            [first, second, ..] => format!("an entry of the timeline does one thing, found `{first}` and `{second}`"),
            _ => "an entry of the timeline does something".to_owned(),
        };
        cx.problem_help(item.span, message, help);
        return None;
    };
    if word != "kill" && !is_fault(word) && !node_actions::WORDS.contains(&word) && object.get("for").is_some() {
        cx.problem(object.key_span("for"), format!("`for` belongs to faults, not to `{word}`"));
    }
    for (key, own) in [("replicas", "scale"), ("image", "setImage"), ("container", "setImage"), ("target", "kill")] {
        if word != own && object.get(key).is_some() {
            cx.problem(object.key_span(key), format!("`{key}` belongs to `{own}`, not to `{word}`"));
        }
    }
    Some((at?, word))
}

/// What happens to pods.
fn action(cx: &mut Context<'_>, item: &Node, word: &str, workloads: &mut [Workload]) -> Option<Action> {
    let node = item.get(word)?;
    match word {
        "scale" => scale(cx, item, node, workloads),
        "deletePod" => pod(cx, word, node, workloads).map(Action::DeletePod),
        "kill" => kill(cx, item, node, workloads),
        "notReady" => pod(cx, word, node, workloads).map(Action::NotReady),
        "ready" => pod(cx, word, node, workloads).map(Action::Ready),
        "crash" => pod(cx, word, node, workloads).map(Action::Crash),
        "setImage" => set_image(cx, item, node, workloads),
        _ => {
            let workload = deployment(cx, word, node, workloads)?;
            Some(match word {
                "rolloutRestart" => Action::Restart { workload },
                "undo" => Action::Undo { workload },
                _ => Action::Pause { workload, paused: word == "pause" },
            })
        }
    }
}

fn scale(cx: &mut Context<'_>, item: &Node, node: &Node, workloads: &[Workload]) -> Option<Action> {
    let found = text(node).and_then(|text| workload(text, workloads));
    let workload = cx.take(node, "scale", found)?;
    if workloads[workload].kind == "pod" {
        cx.problem(node.span, format!("{} is a single pod, which cannot be scaled", workloads[workload].target()));
        return None;
    }
    let object = cx.object(item, &tables::HAPPENING)?;
    if object.get("replicas").is_none() {
        cx.problem_help(node.span, "`scale` needs `replicas`", "write for example replicas: 8 beside it");
    }
    Some(Action::Scale { workload, replicas: object.count32(cx, "replicas")? })
}

/// Only Deployments replace their pods.
fn deployment(cx: &mut Context<'_>, word: &str, node: &Node, workloads: &[Workload]) -> Option<usize> {
    let found = text(node).and_then(|text| workload(text, workloads)).and_then(|found| {
        let own = &workloads[found];
        let message = || format!("only a Deployment replaces its pods, and {} is none", own.target());
        if own.kind == "deployment" { Ok(found) } else { Err((message(), None)) }
    });
    cx.take(node, word, found)
}

/// Another image for a container, which must be named where there are several.
fn set_image(cx: &mut Context<'_>, item: &Node, node: &Node, workloads: &mut [Workload]) -> Option<Action> {
    let index = deployment(cx, "setImage", node, workloads)?;
    let object = cx.object(item, &tables::HAPPENING)?;
    let own = &mut workloads[index];
    let names: Vec<&str> = own.containers.iter().map(|container| container.name.as_str()).collect();
    let container = match (object.text(cx, "container"), names.len()) {
        (Some(name), _) => {
            let found = names.iter().position(|own| *own == name);
            if found.is_none() {
                let message = format!("{} has no container `{}`", own.target(), shorten(name));
                let help = match nearest(name, names.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("its containers are {}", names.join(", ")),
                };
                cx.problem_help(object.key_span("container"), message, help);
            }
            found?
        }
        (None, 1) => 0,
        (None, _) => {
            let help = format!("write container: {} beside it", names[0]);
            cx.problem_help(node.span, format!("{} has several containers", own.target()), help);
            return None;
        }
    };
    let Some(image) = object.text(cx, "image") else {
        if object.get("image").is_none() {
            cx.problem_help(node.span, "`setImage` needs `image`", "write for example image: \"web:2\" beside it");
        }
        return None;
    };
    own.life.images.push((container, image.to_owned()));
    Some(Action::SetImage { workload: index, image: own.life.images.len() - 1 })
}

/// `{at, for, kill: {rate, replacement}, target}`.
fn kill(cx: &mut Context<'_>, item: &Node, node: &Node, workloads: &[Workload]) -> Option<Action> {
    let object = cx.object(item, &tables::HAPPENING)?;
    let spec = cx.object(node, &tables_process::KILL)?;
    let rate = spec.rate(cx, "rate");
    let instant = spec.word(cx, "replacement", &[("instant", true), ("controller", false)]).unwrap_or(false);
    let (at, lasts) = (object.duration(cx, "at"), object.positive_duration(cx, "for"));
    let Some(target) = object.get("target") else {
        cx.problem_help(node.span, "`kill` needs a `target`", "write for example target: deployment/web beside it");
        return None;
    };
    let found = text(target).and_then(|text| workload(text, workloads));
    let workload = cx.take(target, "target", found)?;
    // At most one a nanosecond.
    let every = SimDuration::from_secs_f64(1.0 / rate?).map(|every| every.max(SimDuration::from_nanos(1)));
    let until =
        lasts.zip(at).map(|(lasts, at)| SimDuration::from_nanos(at.as_nanos().saturating_add(lasts.as_nanos())));
    Some(Action::Kill { workload, every: every?, until, instant })
}

/// `deployment/web[0]`; a single pod needs no number.
pub(super) fn pod(cx: &mut Context<'_>, word: &str, node: &Node, workloads: &[Workload]) -> Option<PodRef> {
    let found = text(node).and_then(|text| {
        let (target, number) = match text.split_once('[') {
            Some((target, rest)) => {
                let number = rest.strip_suffix(']').and_then(|digits| digits.parse::<u32>().ok());
                let wrong = || (format!("expected a pod such as deployment/web[0], found `{}`", shorten(text)), None);
                (target, Some(number.ok_or_else(wrong)?))
            }
            None => (text, None),
        };
        let workload = workload(target, workloads)?;
        match number {
            None if workloads[workload].kind != "pod" => {
                let help = format!("write for example \"{target}[0]\"");
                Err((format!("`{}` is many pods, and this is done to one", shorten(text)), Some(help)))
            }
            number => Ok(PodRef { workload, number: number.unwrap_or(0) }),
        }
    });
    cx.take(node, word, found)
}

fn text(node: &Node) -> Result<&str, Bad> {
    match &node.value {
        Value::Scalar(scalar) => Ok(&scalar.text),
        _ => Err(("expected the name of a workload, such as deployment/web".to_owned(), None)),
    }
}

fn workload(text: &str, workloads: &[Workload]) -> Result<usize, Bad> {
    let known = workloads.iter().map(|known| (known.namespace.as_str(), known.kind.as_str(), known.name.as_str()));
    names::workload_target(text).and_then(|target| names::find(target, known))
}

/// Traffic from a workload has the clients of the start, whatever becomes of its pods.
pub(super) fn warn_of_senders(
    cx: &mut Context<'_>,
    items: &[Node],
    timeline: &[Happening],
    workloads: &[Workload],
    traffic: &[Traffic],
) {
    let Some(first) = items.first() else { return };
    for traffic in traffic {
        let Source::Workload(own) = traffic.from else { continue };
        if workloads[own].outside {
            // That is refused as it is.
            continue;
        }
        let changes = |happening: &&Happening| match &happening.action {
            Action::Scale { workload, .. } => *workload == own,
            Action::Kill { workload, instant, .. } => *workload == own && !instant,
            Action::DeletePod(pod) => pod.workload == own,
            Action::Restart { workload } | Action::Undo { workload } => *workload == own,
            Action::Template { workload, .. } | Action::SetImage { workload, .. } => *workload == own,
            _ => false,
        };
        if let Some(happening) = timeline.iter().find(changes) {
            let message = format!(
                "the pods of {} come and go at {}, and `{}` goes on from those of the start",
                workloads[own].target(),
                happening.at,
                traffic.flow.name
            );
            let help = "only the `call`s of a container begin and end with its pod";
            cx.problems.push(Problem::warning(first.span, message).help(help));
        }
    }
}

/// The pods of some workloads must stay as they are.
pub(super) fn leave_alone(
    cx: &mut Context<'_>,
    items: &[Node],
    timeline: &[Happening],
    fixed: &[usize],
    workloads: &[Workload],
    why: &str,
) {
    for happening in timeline {
        let workload = match &happening.action {
            Action::Scale { workload, .. } | Action::Kill { workload, .. } => *workload,
            Action::Restart { workload } | Action::Undo { workload } | Action::Pause { workload, .. } => *workload,
            Action::SetImage { workload, .. } | Action::Template { workload, .. } => *workload,
            Action::Service { .. } | Action::Rollout { .. } | Action::Node { .. } | Action::Fault { .. } => continue,
            Action::DeletePod(pod) | Action::NotReady(pod) | Action::Ready(pod) | Action::Crash(pod) => pod.workload,
        };
        if fixed.contains(&workload)
            && let Some(first) = items.first()
        {
            let target = workloads[workload].target();
            cx.problem_help(
                first.span,
                format!("not supported yet: {target} {why}, and its pods come and go at {}", happening.at),
                "let the timeline change what stands behind it, or what calls it",
            );
        }
    }
}

/// A pod is named by its number among all that its workload ever had, so it must have come by then.
fn check_pods(cx: &mut Context<'_>, entries: &[(Happening, &Node)], workloads: &[Workload], faults: &[(usize, Fault)]) {
    let mut wanted: Vec<u32> = workloads.iter().map(|workload| workload.replicas).collect();
    let mut made = wanted.clone();
    // Evictions make pods, too; how many only the run knows.
    let mut is_known = true;
    for (happening, item) in entries {
        let pod = match happening.action {
            Action::Scale { workload, replicas } => {
                made[workload] += replicas.saturating_sub(wanted[workload]);
                wanted[workload] = replicas;
                continue;
            }
            Action::Restart { workload }
            | Action::Undo { workload }
            | Action::SetImage { workload, .. }
            | Action::Template { workload, .. } => {
                made[workload] += wanted[workload];
                continue;
            }
            Action::Node { action, .. } => {
                is_known &= !action.removes_pods();
                continue;
            }
            Action::Service { .. } | Action::Pause { .. } | Action::Rollout { .. } | Action::Kill { .. } => continue,
            Action::Fault { fault, .. } => match faults[fault].1.what {
                Wrong::SlowPod { pod, .. } => pod,
                _ => continue,
            },
            Action::DeletePod(pod) | Action::NotReady(pod) | Action::Ready(pod) | Action::Crash(pod) => pod,
        };
        let target = workloads[pod.workload].target();
        if is_known && pod.number >= made[pod.workload] {
            let words = ACTIONS.iter().find_map(|word| item.get(word));
            let span = words.or_else(|| item.at(&["slowPod", "pod"])).map_or(item.span, |node| node.span);
            let message = format!(
                "there is no pod {} of {target} at {}: it has had {}, numbered from 0",
                pod.number, happening.at, made[pod.workload]
            );
            cx.problem(span, message);
        } else if matches!(happening.action, Action::DeletePod(_)) && workloads[pod.workload].kind != "pod" {
            made[pod.workload] += 1;
        }
    }
}
