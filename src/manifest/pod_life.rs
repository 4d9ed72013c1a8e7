//! What manifests say about the life of pods: probes, hooks, grace, and how a Deployment replaces them.

use super::fields::{Context, Fields};
use crate::controllers::amount::Amount;
use crate::yaml::{Node, Span};

/// Most seconds that such a field takes: what Kubernetes stores as a 32-bit number.
const MOST_SECONDS: u32 = i32::MAX.unsigned_abs();

/// What a pod template says about its pods as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct PodLifeObject {
    /// `terminationGracePeriodSeconds`, by default 30.
    pub grace: u32,
    /// The conditions of `readinessGates`, with their places.
    pub gates: Vec<(String, Span)>,
}

impl Default for PodLifeObject {
    fn default() -> Self {
        Self { grace: 30, gates: Vec::new() }
    }
}

/// What a pod template says about one of its containers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ContainerLifeObject {
    /// `image`.
    pub image: Option<String>,
    /// `startupProbe`.
    pub startup: Option<ProbeObject>,
    /// `readinessProbe`.
    pub readiness: Option<ProbeObject>,
    /// `livenessProbe`.
    pub liveness: Option<ProbeObject>,
    /// `lifecycle.preStop`.
    pub pre_stop: Option<HookObject>,
}

/// A probe; the numbers are seconds and counts as Kubernetes defaults them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeObject {
    /// `initialDelaySeconds`.
    pub initial_delay: u32,
    /// `periodSeconds`.
    pub period: u32,
    /// `timeoutSeconds`.
    pub timeout: u32,
    /// `successThreshold`.
    pub success: u32,
    /// `failureThreshold`.
    pub failure: u32,
    /// `terminationGracePeriodSeconds` of the probe.
    pub grace: Option<u32>,
    /// Whether it runs a command in the container instead of asking its server.
    pub exec: bool,
}

/// What runs before a container gets its signal.
#[derive(Debug, Clone, PartialEq)]
pub struct HookObject {
    /// Seconds, where the hook itself says so: `sleep`, or a command that only sleeps.
    pub seconds: Option<f64>,
    /// Place of the hook.
    pub span: Span,
}

/// How a Deployment replaces its pods.
#[derive(Debug, Clone, PartialEq)]
pub struct RolloutObject {
    /// `strategy.type: Recreate`.
    pub recreate: bool,
    /// `strategy.rollingUpdate.maxSurge`, by default 25 %.
    pub max_surge: Amount,
    /// `strategy.rollingUpdate.maxUnavailable`, by default 25 %.
    pub max_unavailable: Amount,
    /// `minReadySeconds`.
    pub min_ready: u32,
    /// `progressDeadlineSeconds`, by default 600.
    pub progress_deadline: u32,
    /// `paused`.
    pub paused: bool,
}

impl Default for RolloutObject {
    fn default() -> Self {
        let quarter = Amount::Percent(25);
        Self {
            recreate: false,
            max_surge: quarter,
            max_unavailable: quarter,
            min_ready: 0,
            progress_deadline: 600,
            paused: false,
        }
    }
}

/// `spec` of a Deployment, as far as its rollouts are concerned.
pub(super) fn read_rollout(context: &mut Context<'_>, spec: &mut Fields<'_>) -> RolloutObject {
    let mut rollout = RolloutObject::default();
    if let Some(seconds) = context.whole(spec, "minReadySeconds", 0..=MOST_SECONDS) {
        rollout.min_ready = seconds;
    }
    if let Some(seconds) = context.whole(spec, "progressDeadlineSeconds", 1..=MOST_SECONDS) {
        rollout.progress_deadline = seconds;
    }
    rollout.paused = context.boolean(spec, "paused").unwrap_or(false);
    spec.take("revisionHistoryLimit"); // every template that the scenario names stays known
    let Some(mut strategy) = context.inner(spec, "strategy") else { return rollout };
    let place = strategy.peek("type").map_or(strategy.span, |node| node.span);
    match context.text(&mut strategy, "type") {
        None | Some("RollingUpdate") => {}
        Some("Recreate") => rollout.recreate = true,
        Some(other) => {
            let message = format!("`spec.strategy.type` must be RollingUpdate or Recreate, and this is `{other}`");
            context.error(place, &message, "write `type: RollingUpdate` or `type: Recreate`");
        }
    }
    if let Some(mut rolling) = context.inner(&mut strategy, "rollingUpdate") {
        if rollout.recreate {
            let help = "remove `rollingUpdate`, or write `type: RollingUpdate`";
            context.error(rolling.span, "`spec.strategy.rollingUpdate` does not go with `type: Recreate`", help);
        }
        let surge = bound(context, &mut rolling, "maxSurge");
        let unavailable = bound(context, &mut rolling, "maxUnavailable");
        rollout.max_surge = surge.unwrap_or(rollout.max_surge);
        rollout.max_unavailable = unavailable.unwrap_or(rollout.max_unavailable);
        let nothing = |bound: Option<Amount>| matches!(bound, Some(Amount::Count(0) | Amount::Percent(0)));
        if nothing(surge) && nothing(unavailable) {
            let help = "write for example `maxSurge: 1`";
            context.error(rolling.span, "`maxSurge` and `maxUnavailable` cannot both be 0", help);
        }
        if let Amount::Percent(share) = rollout.max_unavailable
            && share > 100
        {
            let help = "write a number of pods, or a share such as 25%";
            context.error(rolling.span, "`maxUnavailable` cannot be more than 100%", help);
        }
        context.finish(&rolling);
    }
    context.finish(&strategy);
    rollout
}

/// A number of pods or a share of them, such as 2 or 25%.
pub(super) fn bound(context: &mut Context<'_>, fields: &mut Fields<'_>, name: &str) -> Option<Amount> {
    let node = fields.take(name)?;
    let whole = node.as_u64().and_then(|number| u32::try_from(number).ok()).map(Amount::Count);
    let share = || {
        let text = node.as_str()?.strip_suffix('%')?;
        text.bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
        text.parse::<u32>().ok().filter(|share| *share <= 10_000).map(Amount::Percent)
    };
    let found = whole.or_else(share);
    if found.is_none() {
        let message = format!("`{}` must be a number of pods or a share such as 25%", fields.path(name));
        context.error(node.span, &message, &format!("write `{name}: 1` or `{name}: 25%`"));
    }
    found
}

/// `spec` of a pod, as far as its life as a whole is concerned.
pub(super) fn read_pod(context: &mut Context<'_>, pod: &mut Fields<'_>) -> PodLifeObject {
    let mut life = PodLifeObject::default();
    if let Some(seconds) = context.whole(pod, "terminationGracePeriodSeconds", 0..=MOST_SECONDS) {
        life.grace = seconds;
    }
    for mut gate in context.items(pod, "readinessGates") {
        let span = gate.span;
        match context.text(&mut gate, "conditionType") {
            Some(name) if !name.is_empty() => life.gates.push((name.to_owned(), span)),
            _ => context.error(
                span,
                "a readiness gate without `conditionType`",
                "write for example `- conditionType: example.com/ready`",
            ),
        }
        context.finish(&gate);
    }
    life
}

/// A container, as far as its life is concerned.
pub(super) fn read_container(context: &mut Context<'_>, container: &mut Fields<'_>) -> ContainerLifeObject {
    let image = context.text(container, "image").filter(|image| !image.is_empty()).map(str::to_owned);
    container.take("imagePullPolicy"); // what a pull takes, and when, the scenario says
    let startup = read_probe(context, container, "startupProbe", true);
    let readiness = read_probe(context, container, "readinessProbe", false);
    let liveness = read_probe(context, container, "livenessProbe", true);
    let mut pre_stop = None;
    if let Some(mut lifecycle) = context.inner(container, "lifecycle") {
        if let Some(mut hook) = context.inner(&mut lifecycle, "preStop") {
            pre_stop = Some(read_hook(context, &mut hook));
        }
        context.finish(&lifecycle);
    }
    ContainerLifeObject { image, startup, readiness, liveness, pre_stop }
}

/// A probe: Kubernetes wants one success of those whose failure ends the container.
fn read_probe(context: &mut Context<'_>, container: &mut Fields<'_>, name: &str, kills: bool) -> Option<ProbeObject> {
    let mut fields = context.inner(container, name)?;
    let handlers: Vec<&str> =
        ["httpGet", "tcpSocket", "exec", "grpc"].into_iter().filter(|word| fields.take(word).is_some()).collect();
    if handlers.len() != 1 {
        let message = format!("`{}` must say how to ask, once", container.path(name));
        context.error(fields.span, &message, "write one of httpGet, tcpSocket, grpc, exec");
    }
    let mut whole =
        |key: &str, least: u32, usual: u32| context.whole(&mut fields, key, least..=MOST_SECONDS).unwrap_or(usual);
    let mut probe = ProbeObject {
        initial_delay: whole("initialDelaySeconds", 0, 0),
        period: whole("periodSeconds", 1, 10),
        timeout: whole("timeoutSeconds", 1, 1),
        success: whole("successThreshold", 1, 1),
        failure: whole("failureThreshold", 1, 3),
        grace: None,
        exec: handlers == ["exec"],
    };
    if kills && probe.success != 1 {
        let message = format!("`{}.successThreshold` must be 1", container.path(name));
        context.error(fields.span, &message, "leave it out");
        probe.success = 1;
    }
    if fields.peek("terminationGracePeriodSeconds").is_some() {
        let span = fields.span;
        probe.grace = context.whole(&mut fields, "terminationGracePeriodSeconds", 1..=MOST_SECONDS);
        if !kills {
            let message = format!("`{}` ends no container, so it has no grace period", container.path(name));
            context.error(span, &message, "remove `terminationGracePeriodSeconds` there");
        }
    }
    context.finish(&fields);
    Some(probe)
}

/// What a hook takes, where that can be seen.
fn read_hook(context: &mut Context<'_>, hook: &mut Fields<'_>) -> HookObject {
    let span = hook.span;
    let mut seconds = None;
    if let Some(mut sleep) = context.inner(hook, "sleep") {
        seconds = context.whole(&mut sleep, "seconds", 0..=MOST_SECONDS).map(f64::from);
        context.finish(&sleep);
    } else if let Some(mut exec) = context.inner(hook, "exec") {
        let words = exec.take("command").and_then(Node::as_list).unwrap_or(&[]);
        let words: Vec<&str> =
            words.iter().filter_map(|word| word.as_scalar()).map(|word| word.text.as_str()).collect();
        seconds = slept(&words);
        context.finish(&exec);
    } else {
        hook.take("httpGet");
        hook.take("tcpSocket");
    }
    context.finish(hook);
    HookObject { seconds, span }
}

/// How long a command takes that only sleeps: `sleep 5`, `/bin/sleep 5s`, `sh -c "sleep 5"`.
fn slept(words: &[&str]) -> Option<f64> {
    let name = |word: &str| word.rsplit('/').next().unwrap_or(word).to_owned();
    match words {
        [command, time] if name(command) == "sleep" => {
            let (number, unit) = match time.char_indices().last()? {
                (at, 's') => (&time[..at], 1.0),
                (at, 'm') => (&time[..at], 60.0),
                (at, 'h') => (&time[..at], 3_600.0),
                _ => (*time, 1.0),
            };
            number.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0).map(|number| number * unit)
        }
        [shell, flag, script] if ["sh", "bash", "ash"].contains(&name(shell).as_str()) && flag.ends_with('c') => {
            let script = script.trim().trim_end_matches(';');
            slept(&script.split_whitespace().collect::<Vec<_>>()).filter(|_| !script.contains(['&', '|', ';']))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::slept;

    #[test]
    fn commands_that_only_sleep_are_understood() {
        assert_eq!(slept(&["sleep", "5"]), Some(5.0));
        assert_eq!(slept(&["/bin/sleep", "1.5s"]), Some(1.5));
        assert_eq!(slept(&["/bin/sh", "-c", "sleep 2m"]), Some(120.0));
        assert_eq!(slept(&["bash", "-ec", " sleep 3; "]), Some(3.0));
        for other in [&["sh", "-c", "sleep 3; nginx -s quit"] as &[&str], &["nginx", "-s", "quit"], &["sleep"], &[]] {
            assert_eq!(slept(other), None, "{other:?}");
        }
    }
}
