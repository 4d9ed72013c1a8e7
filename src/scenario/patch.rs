//! `variants[].patch`: strategic merge patches of manifests, as `kubectl patch` and kustomize apply them.
//!
//! Maps are merged key by key and `null` removes a key. A list of objects that Kubernetes merges by a key is merged item
//! by item (`containers` by `name`), every other list is replaced. `$patch: replace` and `$patch: delete` replace or remove
//! the object in which they stand; other directives are refused.
//! Kubernetes, "Update API Objects in Place Using kubectl patch", and the field tags `patchMergeKey` of its API types.

use super::context::Context;
use super::manifests::{self, Manifests};
use super::path;
use super::values::{Bad, shorten};
use crate::yaml::{Node, Sources, Value};

/// Lists of objects and the keys by which their items are the same, the first that an item has.
const MERGED: &[(&str, &[&str])] = &[
    ("containers", &["name"]),
    ("initContainers", &["name"]),
    ("ephemeralContainers", &["name"]),
    ("env", &["name"]),
    ("volumes", &["name"]),
    ("volumeMounts", &["mountPath"]),
    ("volumeDevices", &["devicePath"]),
    // Of a container, then of a Service.
    ("ports", &["containerPort", "port"]),
    ("imagePullSecrets", &["name"]),
    ("hostAliases", &["ip"]),
    ("resourceClaims", &["name"]),
    ("schedulingGates", &["name"]),
    ("topologySpreadConstraints", &["topologyKey"]),
    ("conditions", &["type"]),
    ("ownerReferences", &["uid"]),
];

/// Replaces the names of patch files by what is in them, so that the resolved scenario needs no other file.
pub(super) fn take_in(cx: &mut Context<'_>, sources: &mut Sources, spec: &mut Node) {
    let Some(variants) = spec.get_mut("variants").and_then(Node::as_list_mut) else { return };
    for place in variants.iter_mut().filter_map(|entry| entry.get_mut("patch")) {
        manifests::take_in(cx, sources, place, "patch");
    }
}

/// The objects of a variant's `patch`.
pub(super) fn objects(cx: &mut Context<'_>, patch: &Node) -> Vec<Node> {
    let given = match &patch.value {
        Value::Map(_) => vec![patch.clone()],
        Value::List(items) => items.clone(),
        // A file that could not be read; that is said already.
        Value::Scalar(_) | Value::Null => Vec::new(),
    };
    let mut objects = Vec::new();
    manifests::flatten(given, &mut objects);
    objects.retain(|object| {
        let named = target(object).is_some();
        if !named {
            cx.problem_help(
                object.span,
                "a patch names the object that it changes",
                "write kind: Deployment and metadata: {name: web}, as in the manifest",
            );
        }
        named
    });
    objects
}

/// `kind/name` or `namespace/kind/name` of the object that a patch changes.
fn target(patch: &Node) -> Option<String> {
    let kind = patch.get("kind")?.as_str()?;
    let name = patch.at(&["metadata", "name"])?.as_str()?;
    let namespace = patch.at(&["metadata", "namespace"]).and_then(Node::as_str);
    Some(namespace.map_or_else(|| format!("{kind}/{name}"), |namespace| format!("{namespace}/{kind}/{name}")))
}

/// Merges the patches into the manifests.
pub(super) fn apply(cx: &mut Context<'_>, manifests: &mut Manifests, patches: &[Node]) {
    for patch in patches {
        let Some(target) = target(patch) else { continue };
        let index = path::find_manifest(&manifests.documents, &target);
        let Some(index) = cx.take(patch, "patch", index) else { continue };
        if directive(patch) == Some("delete") {
            manifests.documents.remove(index);
            continue;
        }
        let merged = merge(&mut manifests.documents[index], patch, "");
        if let Err((node, bad)) = merged {
            cx.take(&node, "patch", Err::<(), Bad>(bad));
        }
    }
}

/// What cannot be merged, and why.
type Refused = (Node, Bad);

fn refuse(node: &Node, message: String, help: &str) -> Refused {
    (node.clone(), (message, Some(help.to_owned())))
}

fn directive(node: &Node) -> Option<&str> {
    node.get("$patch").and_then(Node::as_str)
}

/// Merges `patch` into what stands behind the key `field`.
fn merge(node: &mut Node, patch: &Node, field: &str) -> Result<(), Refused> {
    match &patch.value {
        Value::Map(entries) => {
            if directive(patch) == Some("replace") || node.as_map().is_none() {
                *node = Node::map(Vec::new(), patch.span);
            }
            for (key, value) in entries {
                if key.name == "$patch" {
                    check_directive(value)?;
                    continue;
                }
                if key.name.starts_with('$') {
                    let message = format!("`{}` is not supported", shorten(&key.name));
                    return Err(refuse(value, message, "of the directives only `$patch` is"));
                }
                if value.is_null() || directive(value) == Some("delete") {
                    node.remove(&key.name);
                } else if let Some(inside) = node.get_mut(&key.name) {
                    merge(inside, value, &key.name)?;
                } else {
                    let mut inside = Node::null(value.span);
                    merge(&mut inside, value, &key.name)?;
                    node.set(key.clone(), inside);
                }
            }
            Ok(())
        }
        Value::List(items) => merge_list(node, items, patch, field),
        Value::Scalar(_) | Value::Null => {
            *node = patch.clone();
            Ok(())
        }
    }
}

fn check_directive(value: &Node) -> Result<(), Refused> {
    match value.as_str() {
        Some("merge" | "replace" | "delete") => Ok(()),
        _ => Err(refuse(value, "`$patch` is one of merge, replace, delete".to_owned(), "leave it out to merge")),
    }
}

fn merge_list(node: &mut Node, items: &[Node], patch: &Node, field: &str) -> Result<(), Refused> {
    let keys = MERGED.iter().find(|(name, _)| *name == field).map(|(_, keys)| *keys);
    // `- $patch: replace` among the items: the others are the list.
    let replaces = |item: &&Node| directive(item) == Some("replace") && item.as_map().is_some_and(|map| map.len() == 1);
    let whole = items.iter().any(|item| replaces(&item));
    let Some(keys) = keys.filter(|_| node.as_list().is_some() || node.is_null()) else {
        *node = Node::list(plain(items.iter().filter(|item| !replaces(item)))?, patch.span);
        return Ok(());
    };
    if whole || node.is_null() {
        *node = Node::list(Vec::new(), patch.span);
    }
    for item in items.iter().filter(|item| !replaces(item)) {
        let Some(key) = keys.iter().find(|key| item.get(key).is_some()) else {
            let message = format!("an item of `{field}` has no `{}`, so what it changes is not known", keys[0]);
            return Err(refuse(item, message, "name the item that is to be merged"));
        };
        let Some(list) = node.as_list_mut() else { continue };
        let known = list.iter().position(|known| same(known.get(key), item.get(key)));
        match (known, directive(item)) {
            (Some(index), Some("delete")) => drop(list.remove(index)),
            (None, Some("delete")) => {}
            (Some(index), _) => merge(&mut list[index], item, "")?,
            (None, _) => list.extend(plain(std::iter::once(item))?),
        }
    }
    Ok(())
}

fn same(one: Option<&Node>, other: Option<&Node>) -> bool {
    one.zip(other).is_some_and(|(one, other)| one.same_value(other))
}

/// Values as they stand in a manifest: without directives and nulls.
fn plain<'n>(items: impl Iterator<Item = &'n Node>) -> Result<Vec<Node>, Refused> {
    items
        .map(|item| {
            let mut node = Node::null(item.span);
            merge(&mut node, item, "")?;
            Ok(node)
        })
        .collect()
}
