//! Finds the objects in documents and lists: what each is and what it is called.

use crate::yaml::{Node, Problem, Problems, Span, nearest};

/// What an object is called in messages and reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject {
    /// `kind`.
    pub(super) kind: String,
    /// `metadata.namespace`, by default `default`; empty for what belongs to the whole cluster.
    pub(super) namespace: String,
    /// `metadata.name`.
    pub(super) name: String,
}

impl Subject {
    /// `Deployment/web`, or `shop/Deployment/web` outside the namespace `default`.
    pub(super) fn label(&self) -> String {
        match self.namespace.as_str() {
            "" | "default" => format!("{}/{}", self.kind, self.name),
            namespace => format!("{namespace}/{}/{}", self.kind, self.name),
        }
    }
}

/// The kinds that the model uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Deployment,
    ReplicaSet,
    Pod,
    Service,
    Ingress,
    HttpRoute,
    Gateway,
    Node,
    Namespace,
    NetworkPolicy,
    Budget,
    Slice,
    Autoscaler,
}

/// An object in the text.
pub(super) struct Found<'a> {
    pub(super) node: &'a Node,
    /// API group, without the version; empty for the core group.
    pub(super) group: String,
    pub(super) subject: Subject,
    /// Place of the name, or of the object.
    pub(super) name_span: Span,
    /// Whether it has a name.
    pub(super) named: bool,
    /// What the model makes of it, if anything.
    pub(super) role: Option<Role>,
}

const USED_KINDS: [(&str, Role, &str); 14] = [
    ("Deployment", Role::Deployment, "apps/v1"),
    ("ReplicaSet", Role::ReplicaSet, "apps/v1"),
    ("Pod", Role::Pod, "v1"),
    ("Service", Role::Service, "v1"),
    ("Ingress", Role::Ingress, "networking.k8s.io/v1"),
    ("HTTPRoute", Role::HttpRoute, "gateway.networking.k8s.io/v1"),
    ("Gateway", Role::Gateway, "gateway.networking.k8s.io/v1"),
    ("Node", Role::Node, "v1"),
    ("Namespace", Role::Namespace, "v1"),
    ("NetworkPolicy", Role::NetworkPolicy, "networking.k8s.io/v1"),
    ("PodDisruptionBudget", Role::Budget, "policy/v1"),
    ("EndpointSlice", Role::Slice, "discovery.k8s.io/v1"),
    ("Endpoints", Role::Slice, "v1"),
    ("HorizontalPodAutoscaler", Role::Autoscaler, "autoscaling/v2"),
];

/// Every object of the documents, lists opened.
pub(super) fn find_objects<'a>(nodes: &'a [Node], problems: &mut Problems) -> Vec<Found<'a>> {
    let mut found = Vec::new();
    for node in nodes {
        find(node, None, &mut found, problems);
    }
    found
}

/// `typed` is the kind that a list such as `PodList` gives to items which do not say their own.
fn find<'a>(node: &'a Node, typed: Option<(&str, &str)>, found: &mut Vec<Found<'a>>, problems: &mut Problems) {
    if node.as_map().is_none() {
        problems.push(
            Problem::error(
                node.span,
                format!("a Kubernetes object is expected here, and this is {}", node.kind_name()),
            )
            .help("an object has `apiVersion`, `kind`, `metadata` and `spec`"),
        );
        return;
    }
    let kind_node = node.get("kind").filter(|kind| !kind.is_null());
    let Some(kind) = kind_node.map_or(typed.map(|(kind, _)| kind), Node::as_str) else {
        let (span, message) = match kind_node {
            Some(kind) => {
                (kind.span, format!("`kind` must be a word such as `Deployment`, and this is {}", kind.kind_name()))
            }
            None => (node.span, "a Kubernetes object without `kind`".to_string()),
        };
        problems.push(Problem::error(span, message).help("write for example `kind: Deployment`"));
        return;
    };
    let version = node.get("apiVersion").and_then(Node::as_str).or(typed.map(|(_, version)| version));
    if let (true, Some(items)) = (kind.ends_with("List"), node.get("items")) {
        find_items(items, kind, version, found, problems);
        return;
    }
    let place = kind_node.map_or(node.span, |kind| kind.span);
    let role = role_of(kind, version, place, problems);
    found.push(describe(node, kind, version, role, problems));
}

fn find_items<'a>(
    items: &'a Node,
    kind: &str,
    version: Option<&str>,
    found: &mut Vec<Found<'a>>,
    problems: &mut Problems,
) {
    if items.is_null() {
        return;
    }
    let Some(list) = items.as_list() else {
        problems.error(items.span, format!("`items` must be a list of objects, and this is {}", items.kind_name()));
        return;
    };
    let item_kind = kind.strip_suffix("List").filter(|kind| !kind.is_empty());
    for item in list {
        find(item, item_kind.map(|kind| (kind, version.unwrap_or("v1"))), found, problems);
    }
}

/// The group of an `apiVersion` such as `apps/v1`.
fn group_of(version: &str) -> &str {
    version.split_once('/').map_or("", |(group, _)| group)
}

fn role_of(kind: &str, version: Option<&str>, place: Span, problems: &mut Problems) -> Option<Role> {
    let known = USED_KINDS.iter().find(|(known, ..)| *known == kind);
    let Some((_, role, right_version)) = known else {
        // `deployment` or `Sevice` is a slip; `Ingress` is a kind of its own.
        let wrong_case = USED_KINDS.iter().find(|(known, ..)| known.eq_ignore_ascii_case(kind));
        let builtin = version.is_none_or(|version| matches!(group_of(version), "" | "apps"));
        let likely = nearest(kind, USED_KINDS.iter().map(|(known, ..)| *known))
            .filter(|_| !OTHER_BUILTIN_KINDS.contains(&kind) && builtin);
        if let Some(meant) = wrong_case.map(|(known, ..)| *known).or(likely) {
            problems.push(
                Problem::warning(place, format!("the kind `{kind}` is not known, and objects of it are ignored"))
                    .help(format!("did you mean `kind: {meant}`?")),
            );
        }
        return None;
    };
    let Some(version) = version else {
        problems.push(
            Problem::warning(place, format!("a {kind} without `apiVersion`: Kubernetes refuses it"))
                .help(format!("write `apiVersion: {right_version}`")),
        );
        return Some(*role);
    };
    let group = group_of(version);
    if group == group_of(right_version)
        || (group == "extensions" && matches!(role, Role::Deployment | Role::ReplicaSet))
    {
        return Some(*role);
    }
    if group.contains('.') {
        return None; // another project's kind of the same name, such as Knative's Service
    }
    problems.push(
        Problem::warning(place, format!("a {kind} of `apiVersion: {version}`: Kubernetes refuses it"))
            .help(format!("write `apiVersion: {right_version}`")),
    );
    Some(*role)
}

/// Kinds near to a used one by their letters.
const OTHER_BUILTIN_KINDS: [&str; 5] = ["PodTemplate", "Secret", "Event", "Role", "VerticalPodAutoscaler"];

fn describe<'a>(
    node: &'a Node,
    kind: &str,
    version: Option<&str>,
    role: Option<Role>,
    problems: &mut Problems,
) -> Found<'a> {
    let metadata = node.get("metadata");
    let name = metadata.and_then(|metadata| metadata.get("name")).filter(|name| !name.is_null());
    let text = name.and_then(Node::as_str).filter(|name| !name.is_empty());
    if role.is_some() && text.is_none() {
        let span = name.or(metadata.filter(|metadata| !metadata.is_null())).map_or(node.span, |node| node.span);
        let message = match name {
            Some(name) if name.as_str().is_none() => {
                format!("`metadata.name` of a {kind} must be a text, and this is {}", name.kind_name())
            }
            _ => format!("a {kind} without a name"),
        };
        problems.push(Problem::error(span, message).help("write for example `metadata: {name: web}`"));
    }
    let namespace = match role {
        Some(Role::Node | Role::Namespace) => "",
        _ => metadata
            .and_then(|metadata| metadata.get("namespace"))
            .and_then(Node::as_str)
            .filter(|namespace| !namespace.is_empty())
            .unwrap_or("default"),
    };
    Found {
        node,
        group: group_of(version.unwrap_or("")).to_string(),
        subject: Subject {
            kind: kind.to_string(),
            namespace: namespace.to_string(),
            name: text.unwrap_or("?").to_string(),
        },
        name_span: name.map_or(node.span, |name| name.span),
        named: text.is_some(),
        role,
    }
}
