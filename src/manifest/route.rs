//! Ingresses, HTTPRoutes and Gateways: which requests from outside go to which Services.

use super::fields::{Context, Fields, NameRule};
use super::object::{BackendObject, Canary, GatewayObject, PathObject, PortRef, RouteObject, RouteRule};
use super::subject::Role;
use crate::yaml::{Node, Value, nearest};

/// What ingress-nginx takes as the whole of canary weights where an Ingress does not say.
const CANARY_TOTAL: u32 = 100;
/// What the annotations of ingress-nginx begin with.
const ANNOTATION: &str = "nginx.ingress.kubernetes.io/";
/// Those that are read.
const CANARY: [&str; 3] = ["canary", "canary-weight", "canary-weight-total"];
/// What a backend must say.
const NO_BACKEND: &str = "a backend names a Service and its port";
/// How an Ingress says it.
const BACKEND_HELP: &str = "write `service: {name: web, port: {number: 80}}`";
/// Largest weight of a backend (Gateway API).
const MAX_WEIGHT: u32 = 1_000_000;

/// An Ingress or an HTTPRoute.
pub(super) fn read(context: &mut Context<'_>, node: &Node, role: Role) -> Option<RouteObject> {
    context.check_name(NameRule::Subdomain);
    let mut top = context.top(node)?;
    if let Some(metadata) = context.metadata(&mut top) {
        context.finish(&metadata);
    }
    if top.take("spec").is_none() {
        context.error(context.name_span, "`spec` is missing", "write `spec: {rules: […]}`");
    }
    let mut spec = context.inner(&mut top, "spec")?;
    context.finish(&top);
    let mut route = RouteObject {
        kind: if role == Role::Ingress { "Ingress" } else { "HTTPRoute" },
        namespace: context.subject.namespace.clone(),
        name: context.subject.name.clone(),
        class: None,
        parents: Vec::new(),
        rules: Vec::new(),
        canary: None,
        span: context.name_span,
    };
    if role == Role::Ingress {
        read_ingress(context, node, &mut spec, &mut route);
    } else {
        read_http_route(context, &mut spec, &mut route);
    }
    context.finish(&spec);
    Some(route)
}

/// A Gateway: the class of its controller.
pub(super) fn read_gateway(context: &mut Context<'_>, node: &Node) -> Option<GatewayObject> {
    context.check_name(NameRule::Subdomain);
    let mut top = context.top(node)?;
    if let Some(metadata) = context.metadata(&mut top) {
        context.finish(&metadata);
    }
    let mut spec = context.inner(&mut top, "spec")?;
    context.finish(&top);
    let class_span = spec.peek("gatewayClassName").map_or(context.name_span, |node| node.span);
    let Some(class) = context.text(&mut spec, "gatewayClassName").map(str::to_owned) else {
        context.error(context.name_span, "`spec.gatewayClassName` is missing", "name the class of its controller");
        return None;
    };
    spec.take("listeners"); // every listener takes what the URL's port leads to
    context.finish(&spec);
    context.used(&format!("of class {class}"));
    let (namespace, name) = (context.subject.namespace.clone(), context.subject.name.clone());
    Some(GatewayObject { namespace, name, class, span: class_span })
}

fn read_ingress(context: &mut Context<'_>, node: &Node, spec: &mut Fields<'_>, route: &mut RouteObject) {
    let class_span = spec.peek("ingressClassName").map(|node| node.span);
    let old = node.at(&["metadata", "annotations", "kubernetes.io/ingress.class"]);
    route.class = match (context.text(spec, "ingressClassName"), old) {
        (Some(class), _) => Some((class.to_owned(), class_span.unwrap_or(context.name_span))),
        (None, Some(old)) => old.as_str().map(|class| (class.to_owned(), old.span)),
        (None, None) => None,
    };
    route.canary = read_canary(context, node);
    if spec.take("tls").is_some() {
        context.ignore("spec.tls", "a client that connects by https:// says so");
    }
    for mut rule in context.items(spec, "rules") {
        let hosts: Vec<String> = context.text(&mut rule, "host").map(str::to_ascii_lowercase).into_iter().collect();
        let Some(mut http) = context.inner(&mut rule, "http") else { continue };
        context.finish(&rule);
        for mut path in context.items(&mut http, "paths") {
            let span = path.span;
            let Some(matched) = read_ingress_path(context, &mut path) else { continue };
            let backend = context.inner(&mut path, "backend").and_then(|backend| ingress_backend(context, backend));
            context.finish(&path);
            let Some(backend) = backend else { continue };
            route.rules.push(RouteRule { hosts: hosts.clone(), paths: vec![matched], backends: vec![backend], span });
        }
        context.finish(&http);
    }
    if let Some(backend) = context.inner(spec, "defaultBackend").and_then(|backend| ingress_backend(context, backend)) {
        let span = backend.span;
        route.rules.push(RouteRule { hosts: Vec::new(), paths: Vec::new(), backends: vec![backend], span });
    }
}

fn read_ingress_path(context: &mut Context<'_>, path: &mut Fields<'_>) -> Option<PathObject> {
    let text = context.text(path, "path").unwrap_or("/").to_owned();
    let span = path.peek("path").map_or(path.span, |node| node.span);
    let type_span = path.peek("pathType").map_or(path.span, |node| node.span);
    if !text.starts_with('/') {
        context.error(span, &format!("the path `{text}` does not begin with `/`"), &format!("write /{text}"));
        return None;
    }
    let words = ["Exact", "Prefix", "ImplementationSpecific"];
    match context.text(path, "pathType") {
        Some("Exact") => Some(PathObject { exact: true, path: text }),
        Some("Prefix" | "ImplementationSpecific") => Some(PathObject { exact: false, path: text }),
        Some(other) => {
            let message = format!("`pathType` must be Exact, Prefix or ImplementationSpecific, and this is `{other}`");
            let near = nearest(other, words).map(|near| format!("did you mean `{near}`?"));
            context.error(type_span, &message, &near.unwrap_or_else(|| "write Prefix".to_owned()));
            None
        }
        None => {
            context.error(path.span, "a path without `pathType`", "write `pathType: Prefix`");
            None
        }
    }
}

fn ingress_backend(context: &mut Context<'_>, mut backend: Fields<'_>) -> Option<BackendObject> {
    let span = backend.span;
    if backend.take("resource").is_some() {
        context.error(span, "a backend that is no Service is not supported yet", "write `service: {name: …, port: …}`");
        return None;
    }
    let service = context.inner(&mut backend, "service");
    context.finish(&backend);
    let Some(mut service) = service else {
        context.error(span, NO_BACKEND, BACKEND_HELP);
        return None;
    };
    let span = service.peek("name").map_or(span, |node| node.span);
    let name = context.text(&mut service, "name").map(str::to_owned);
    let port = context.inner(&mut service, "port").and_then(|mut port| {
        let number = port.peek("number").and_then(|_| context.port(&mut port, "number")).map(PortRef::Number);
        let named = context.text(&mut port, "name").map(|name| PortRef::Name(name.to_owned()));
        context.finish(&port);
        number.or(named)
    });
    context.finish(&service);
    let Some((service, port)) = name.zip(port) else {
        context.error(span, NO_BACKEND, BACKEND_HELP);
        return None;
    };
    let namespace = context.subject.namespace.clone();
    Some(BackendObject { namespace, service, port, weight: 1, span })
}

/// Whether YAML takes it for a text without quotes.
fn is_word(text: &str) -> bool {
    text.parse::<f64>().is_err() && !["true", "false", "null", "~", ""].contains(&text.to_ascii_lowercase().as_str())
}

/// Which share of the requests an Ingress takes from another one with the same host and path.
fn read_canary(context: &mut Context<'_>, node: &Node) -> Option<Canary> {
    let annotation = |name: &str| {
        let key = format!("{ANNOTATION}{name}");
        node.at(&["metadata", "annotations", key.as_str()])
    };
    let all = node.at(&["metadata", "annotations"]).and_then(Node::as_map).unwrap_or_default();
    for name in all.iter().filter_map(|(key, _)| key.name.strip_prefix(ANNOTATION)) {
        if !name.starts_with("canary-by-") && !CANARY.contains(&name) {
            context.ignore(&format!("metadata.annotations[{name}]"), "what ingress-nginx does with it is not modelled");
        }
    }
    for name in CANARY {
        if let Some(node) = annotation(name)
            && !matches!(&node.value, Value::Scalar(scalar) if scalar.quoted || is_word(&scalar.text))
        {
            let help = "values of annotations are texts, and kubectl refuses others: put it in quotes";
            context.error(node.span, &format!("`{name}` is no text"), help);
        }
    }
    if annotation("canary").and_then(Node::as_str) != Some("true") {
        return None;
    }
    for name in ["canary-by-header", "canary-by-cookie"] {
        if annotation(name).is_some() {
            context.ignore(&format!("metadata.annotations[{name}]"), "requests carry no headers and no cookies");
        }
    }
    let mut number = |name: &str, usual: u32| {
        let Some(node) = annotation(name) else { return usual };
        node.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| {
            context.error(node.span, &format!("`{name}` is a whole number"), "write for example \"10\"");
            usual
        })
    };
    let (weight, total) = (number("canary-weight", 0), number("canary-weight-total", CANARY_TOTAL));
    if let Some(node) = annotation("canary-weight").filter(|_| weight > total) {
        let message = format!("the canary's weight is {weight}, and the whole is {total}");
        context.error(node.span, &message, "write a smaller `canary-weight`, or a larger `canary-weight-total`");
    }
    Some(Canary { weight: weight.min(total), total })
}

fn read_http_route(context: &mut Context<'_>, spec: &mut Fields<'_>, route: &mut RouteObject) {
    for mut parent in context.items(spec, "parentRefs") {
        let span = parent.span;
        let namespace = context.text(&mut parent, "namespace").unwrap_or(&route.namespace).to_owned();
        let name = context.text(&mut parent, "name").map(str::to_owned);
        for key in ["kind", "group", "sectionName", "port"] {
            parent.take(key);
        }
        context.finish(&parent);
        route.parents.extend(name.map(|name| (namespace, name, span)));
    }
    let hosts: Vec<String> =
        context.list_of_texts(spec, "hostnames").iter().map(|host| host.to_ascii_lowercase()).collect();
    for mut rule in context.items(spec, "rules") {
        let span = rule.span;
        let mut paths = Vec::new();
        for mut matched in context.items(&mut rule, "matches") {
            for key in ["headers", "queryParams", "method"] {
                if let Some(node) = matched.take(key) {
                    let help = "write a rule that goes by the path alone";
                    context.error(node.span, &format!("not supported yet: matches by `{key}`"), help);
                }
            }
            paths.extend(context.inner(&mut matched, "path").and_then(|path| route_path(context, path)));
            context.finish(&matched);
        }
        let backends = context.items(&mut rule, "backendRefs");
        let backends = backends.into_iter().filter_map(|backend| route_backend(context, backend)).collect();
        context.finish(&rule);
        route.rules.push(RouteRule { hosts: hosts.clone(), paths, backends, span });
    }
}

fn route_path(context: &mut Context<'_>, mut path: Fields<'_>) -> Option<PathObject> {
    let span = path.peek("type").map_or(path.span, |node| node.span);
    let text = context.text(&mut path, "value").unwrap_or("/").to_owned();
    let exact = match context.text(&mut path, "type") {
        None | Some("PathPrefix") => false,
        Some("Exact") => true,
        Some(other) => {
            let message = format!("the type of a path must be Exact or PathPrefix, and this is `{other}`");
            context.error(span, &message, "write PathPrefix");
            return None;
        }
    };
    context.finish(&path);
    Some(PathObject { exact, path: text })
}

fn route_backend(context: &mut Context<'_>, mut backend: Fields<'_>) -> Option<BackendObject> {
    let span = backend.peek("name").map_or(backend.span, |node| node.span);
    let namespace = context.text(&mut backend, "namespace").unwrap_or(&context.subject.namespace).to_owned();
    let name = context.text(&mut backend, "name").map(str::to_owned);
    let port = backend.peek("port").and_then(|_| context.port(&mut backend, "port"));
    let weight = context.whole(&mut backend, "weight", 0..=MAX_WEIGHT).unwrap_or(1);
    for key in ["kind", "group"] {
        backend.take(key);
    }
    context.finish(&backend);
    let Some((service, port)) = name.zip(port) else {
        context.error(span, NO_BACKEND, "write {name: web, port: 80}");
        return None;
    };
    Some(BackendObject { namespace, service, port: PortRef::Number(port), weight, span })
}
