//! CPU and memory of containers: what they ask for and what they may have at most.
//!
//! As the API server takes them: a limit without a request is the request as well, and a request above its limit is
//! refused. CPU is kept in thousandths of a core, rounded up as the scheduler does, memory in bytes.
//! Source: <https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/>.

use super::fields::{Context, Fields};
use super::quantity::quantity;
use crate::yaml::{Node, Span, nearest};

/// What a container asks for and what it may have at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resources {
    /// `resources.requests`; where only a limit is given, the limit.
    pub requests: Amounts,
    /// `resources.limits`.
    pub limits: Amounts,
}

/// Amounts of CPU and memory; `None` is what nobody wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amounts {
    /// Thousandths of a core.
    pub cpu: Option<u64>,
    /// Bytes.
    pub memory: Option<u64>,
}

impl Amounts {
    /// Both together; nothing is said only where neither says anything.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let add = |one: Option<u64>, two: Option<u64>| match (one, two) {
            (Some(one), Some(two)) => Some(one.saturating_add(two)),
            (one, two) => one.or(two),
        };
        Self { cpu: add(self.cpu, other.cpu), memory: add(self.memory, other.memory) }
    }

    /// The larger of both, each for itself.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { cpu: self.cpu.max(other.cpu), memory: self.memory.max(other.memory) }
    }
}

/// What a pod asks for: its containers and sidecars together, or what some moment of its start needs, whichever is more.
///
/// An init container that ends runs beside the sidecars that stand before it (KEP-753). `init` gives for each init
/// container, in order, whether it goes on running, and what it asks for.
#[must_use]
pub fn of_pod(init: impl Iterator<Item = (bool, Amounts)>, containers: impl Iterator<Item = Amounts>) -> Amounts {
    let (mut beside, mut most) = (Amounts::default(), Amounts::default());
    for (stays, own) in init {
        let needed = beside.plus(own);
        most = most.max(needed);
        if stays {
            beside = needed;
        }
    }
    most.max(containers.fold(beside, Amounts::plus))
}

/// Names that a container may ask for and that mean nothing here.
const WITHOUT_MEANING: &str = "only CPU and memory are modelled";

/// Reads `resources` of a container.
pub(super) fn read(context: &mut Context<'_>, container: &mut Fields<'_>) -> Resources {
    let Some(mut fields) = context.inner(container, "resources") else { return Resources::default() };
    let (limits, _) = read_amounts(context, &mut fields, "limits");
    let (mut requests, spans) = read_amounts(context, &mut fields, "requests");
    context.finish(&fields);
    let pairs = [("cpu", requests.cpu, limits.cpu), ("memory", requests.memory, limits.memory)];
    for ((name, request, limit), span) in pairs.into_iter().zip(spans) {
        if let (Some(request), Some(limit), Some(span)) = (request, limit, span)
            && request > limit
        {
            let message = format!("a container cannot request more {name} than its limit: Kubernetes refuses it");
            context.error(span, &message, &format!("lower `requests.{name}`, or raise `limits.{name}`"));
        }
    }
    requests.cpu = requests.cpu.or(limits.cpu);
    requests.memory = requests.memory.or(limits.memory);
    Resources { requests, limits }
}

/// `requests` or `limits`, with the places of CPU and memory.
fn read_amounts(context: &mut Context<'_>, fields: &mut Fields<'_>, name: &str) -> (Amounts, [Option<Span>; 2]) {
    let Some(mut own) = context.inner(fields, name) else { return (Amounts::default(), [None; 2]) };
    let spans = ["cpu", "memory"].map(|name| own.peek(name).map(|node| node.span));
    let amounts = Amounts { cpu: read_cpu(context, &mut own), memory: read_memory(context, &mut own) };
    for (name, span) in own.rest() {
        let path = own.path(name);
        let known = name.contains('/') || name == "ephemeral-storage" || name.starts_with("hugepages-");
        own.take(name);
        if known {
            context.ignore(&path, WITHOUT_MEANING);
        } else {
            let help = match nearest(name, ["cpu", "memory", "ephemeral-storage"]) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "write cpu, memory, ephemeral-storage, hugepages-SIZE or the name of a device".to_owned(),
            };
            context.warning(span, &format!("Kubernetes refuses `{path}`, and it has no effect"), &help);
        }
    }
    (amounts, spans)
}

fn read_cpu(context: &mut Context<'_>, own: &mut Fields<'_>) -> Option<u64> {
    let (node, cores) = amount(context, own, "cpu", "250m")?;
    if cores >= 1e6 {
        let text = node.as_str().unwrap_or_default();
        let help = format!("did you mean `{}m`?", text.trim_end_matches(|end: char| !end.is_ascii_digit()));
        context.warning(node.span, &format!("`{}: {text}` is more than a million cores", own.path("cpu")), &help);
    }
    // 0.1 + 0.2 cores are 300 thousandths, not 301.
    Some((cores * 1e3 - 1e-6).ceil().max(0.0) as u64)
}

fn read_memory(context: &mut Context<'_>, own: &mut Fields<'_>) -> Option<u64> {
    let (node, bytes) = amount(context, own, "memory", "256Mi")?;
    let text = node.as_str().unwrap_or_default();
    if let Some(number) = text.strip_suffix('m') {
        let message = format!("`{}: {text}` is thousandths of a byte", own.path("memory"));
        context.warning(node.span, &message, &format!("did you mean `{number}Mi`?"));
    }
    Some(bytes.ceil() as u64)
}

/// An amount with its place in the text.
fn amount<'n>(context: &mut Context<'_>, own: &mut Fields<'n>, name: &str, example: &str) -> Option<(&'n Node, f64)> {
    let path = own.path(name);
    let node = own.take(name)?;
    if let Some(value) = node.as_str().and_then(quantity).filter(|value| *value >= 0.0) {
        return Some((node, value));
    }
    let found = node.as_str().map_or_else(|| node.kind_name().to_string(), |text| format!("`{text}`"));
    let help = match node.as_str().and_then(|text| meant(text, name)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("write for example `{name}: {example}`"),
    };
    context.error(node.span, &format!("`{path}` must be a quantity of at least 0, and this is {found}"), &help);
    None
}

/// What a text that is no quantity was probably meant to be: a number with the unit as others write it.
fn meant(text: &str, name: &str) -> Option<String> {
    let text = text.trim();
    let end = text.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.trim().to_ascii_lowercase();
    let unit = match (name, unit.trim_end_matches('b')) {
        ("cpu", "core" | "cores" | "cpu" | "cpus") => "",
        ("cpu", "millicores" | "millicore" | "mcpu") => "m",
        ("memory", "ki" | "k") => "Ki",
        ("memory", "mi" | "m") => "Mi",
        ("memory", "gi" | "g") => "Gi",
        ("memory", "ti" | "t") => "Ti",
        _ => return None,
    };
    let meant = format!("{number}{unit}");
    quantity(&meant).is_some().then_some(meant)
}

/// `500m CPU of at most 2, 256Mi memory`: what is asked for and what is the most, as far as anything is said.
pub(super) fn summary(resources: &Resources) -> Option<String> {
    let cpu = |milli: u64| if milli.is_multiple_of(1000) { format!("{}", milli / 1000) } else { format!("{milli}m") };
    let part = |name: &str, request: Option<String>, limit: Option<String>| match (request, limit) {
        (None, _) => None,
        (Some(request), None) => Some(format!("{request} {name}")),
        (Some(request), Some(limit)) if request == limit => Some(format!("{request} {name} at most")),
        (Some(request), Some(limit)) => Some(format!("{request} {name} of at most {limit}")),
    };
    let (requests, limits) = (resources.requests, resources.limits);
    let parts: Vec<String> = [
        part("CPU", requests.cpu.map(cpu), limits.cpu.map(cpu)),
        part("memory", requests.memory.map(bytes), limits.memory.map(bytes)),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!parts.is_empty()).then(|| parts.join(" and "))
}

fn bytes(bytes: u64) -> String {
    let units = [(1_u64 << 40, "Ti"), (1 << 30, "Gi"), (1 << 20, "Mi"), (1 << 10, "Ki")];
    let even = units.iter().find(|(size, _)| bytes > 0 && bytes.is_multiple_of(*size));
    even.map_or_else(|| bytes.to_string(), |(size, unit)| format!("{}{unit}", bytes / size))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amounts(cpu: u64, memory: u64) -> Amounts {
        Amounts { cpu: Some(cpu), memory: Some(memory) }
    }

    #[test]
    fn a_pod_asks_for_the_most_that_it_needs_at_once() {
        let all = [amounts(100, 10), amounts(200, 20)];
        let of = |init: &[(bool, Amounts)]| of_pod(init.iter().copied(), all.iter().copied());
        assert_eq!(of(&[]), amounts(300, 30));
        // One that ends counts for itself, two of them one after the other.
        assert_eq!(of(&[(false, amounts(250, 40)), (false, amounts(400, 5))]), amounts(400, 40));
        // A sidecar runs beside the containers, and beside what starts after it.
        assert_eq!(of(&[(true, amounts(50, 5))]), amounts(350, 35));
        assert_eq!(of(&[(true, amounts(50, 5)), (false, amounts(400, 1))]), amounts(450, 35));
        assert_eq!(of(&[(false, amounts(400, 1)), (true, amounts(50, 5))]), amounts(400, 35));
        let none = of_pod(std::iter::empty(), [Amounts::default()].into_iter());
        assert_eq!(none, Amounts::default());
        let some = of_pod(std::iter::empty(), [Amounts { cpu: Some(1), memory: None }, Amounts::default()].into_iter());
        assert_eq!(some, Amounts { cpu: Some(1), memory: None });
    }

    #[test]
    fn units_that_are_none_are_guessed() {
        for (text, name, guess) in [
            ("256MB", "memory", Some("256Mi")),
            ("1gb", "memory", Some("1Gi")),
            ("1.5 GiB", "memory", Some("1.5Gi")),
            ("2 cores", "cpu", Some("2")),
            ("500 millicores", "cpu", Some("500m")),
            ("four", "cpu", None),
            ("256MB", "cpu", None),
            ("GB", "memory", None),
        ] {
            assert_eq!(meant(text, name).as_deref(), guess, "{text}");
        }
    }

    #[test]
    fn amounts_are_told_as_people_write_them() {
        let told = |requests, limits| summary(&Resources { requests, limits });
        assert_eq!(told(Amounts::default(), Amounts::default()), None);
        assert_eq!(
            told(amounts(500, 1 << 28), amounts(2000, 1 << 28)).unwrap(),
            "500m CPU of at most 2 and 256Mi memory at most"
        );
        assert_eq!(told(amounts(1000, 1000), Amounts::default()).unwrap(), "1 CPU and 1000 memory");
    }
}
