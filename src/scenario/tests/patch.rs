//! Strategic merge patches: what they make of manifests, and how mistakes in them are answered.

use super::{Memory, load, loaded};
use crate::manifest::resources::{Amounts, Resources};
use crate::scenario::{Loaded, Overrides};

const SHOP: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - {name: app, image: web:1, ports: [{containerPort: 8080}], env: [{name: A, value: one}]}
        - {name: sidecar, image: side:1}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
";

fn scenario(variants: &str) -> String {
    format!(
        "apiVersion: windtunnel/v1\nkind: Scenario\nmetadata: {{name: t}}\nspec:\n  manifests: [shop.yaml]\n  traffic: [{{name: t, to: \"http://web.shop/\", arrivals: {{poisson: {{rate: 3/s}}}}}}]\n  variants:\n    - {{name: base}}\n{variants}"
    )
}

fn patched(variants: &str, files: &[(&str, &str)], overrides: &Overrides) -> Loaded {
    let files: Vec<(&str, &str)> = [("shop.yaml", SHOP)].into_iter().chain(files.iter().copied()).collect();
    loaded(&scenario(variants), &files, overrides)
}

/// Replicas and names of the containers of the last variant.
fn web(loaded: &Loaded) -> (u32, Vec<&str>) {
    let web = &loaded.variants.last().expect("a variant").workloads[0];
    (web.replicas, web.containers.iter().map(|container| container.name.as_str()).collect())
}

#[test]
fn a_patch_from_a_file_merges_maps_and_lists_by_their_keys() {
    let file = "\
kind: Deployment
metadata: {name: web}
spec:
  replicas: 6
  template:
    spec:
      containers:
        - {name: sidecar, $patch: delete}
        - {name: app, env: [{name: B, value: two}]}
        - {name: third, image: third:1}
";
    let once = patched("    - {name: six, patch: six.yaml}\n", &[("six.yaml", file)], &Overrides::default());
    assert_eq!(web(&once), (6, vec!["app", "third"]));
    assert_eq!(once.variants[0].workloads[0].replicas, 2, "the others are as they were");
    assert!(once.warnings.is_empty(), "{:?}", once.warnings);
    // The patch stands in `scenario.yaml`.
    let again = loaded(&once.resolved, &[], &Overrides::default());
    assert_eq!((web(&again), &again.resolved), (web(&once), &once.resolved));
    assert_eq!(format!("{:?}", again.variants), format!("{:?}", once.variants));
}

#[test]
fn directives_and_lists_of_patches() {
    let replaced = "    - {name: v, patch: [{kind: Deployment, metadata: {name: web}, spec: {template: {spec: {containers: [{$patch: replace}, {name: only}]}}}}]}\n";
    assert_eq!(web(&patched(replaced, &[], &Overrides::default())), (2, vec!["only"]));
    let null = "    - {name: v, patch: {kind: Deployment, metadata: {name: web}, spec: {replicas: null}}}\n";
    assert_eq!(web(&patched(null, &[], &Overrides::default())).0, 1, "Kubernetes' default");
    let nothing = "    - {name: v, patch: {kind: Deployment, metadata: {name: web}, spec: {replicas: 2}}}\n";
    let loaded = patched(nothing, &[], &Overrides::default());
    assert!(loaded.warnings[0].message.starts_with("variant `v` changes nothing"), "{:?}", loaded.warnings);
}

#[test]
fn sets_and_the_command_line_win_over_a_patch() {
    let six = "{kind: Deployment, metadata: {name: web, namespace: shop}, spec: {replicas: 6}}";
    let set = format!("    - {{name: v, patch: {six}, set: {{\"manifests[deployment/web].spec.replicas\": 7}}}}\n");
    assert_eq!(web(&patched(&set, &[], &Overrides::default())).0, 7);
    let patch = format!("    - {{name: v, patch: {six}}}\n");
    let overrides =
        |path: &str, value: &str| Overrides { set: vec![(path.to_owned(), value.to_owned())], ..Overrides::default() };
    assert_eq!(web(&patched(&patch, &[], &overrides("manifests[deployment/web].spec.replicas", "8"))).0, 8);
    let removed = "manifests[deployment/web].spec.template.spec.containers[1]";
    assert_eq!(web(&patched(&patch, &[], &overrides(removed, "null"))), (6, vec!["app"]), "removed once");
    let varied = vec![("manifests[deployment/web].spec.replicas".to_owned(), "9".to_owned())];
    assert_eq!(web(&patched(&patch, &[], &Overrides { vary: varied, ..Overrides::default() })).0, 9);
}

#[test]
fn what_cannot_be_merged_is_refused() {
    for (patch, message, help) in [
        ("none.yaml", "`patch`: cannot read `none.yaml`: no such file", ""),
        ("empty.yaml", "`patch`: `empty.yaml` holds no object", ""),
        ("{spec: {replicas: 3}}", "a patch names the object that it changes", "write kind: Deployment"),
        ("7", "`patch`: cannot read `7`", ""),
        (
            "{kind: Deployment, metadata: {name: wev}}",
            "`patch`: no manifest `Deployment/wev`",
            "did you mean `manifests[deployment/web]`?",
        ),
        (
            "{kind: Deployment, metadata: {name: web}, spec: {template: {spec: {containers: [{image: x}]}}}}",
            "`patch`: an item of `containers` has no `name`, so what it changes is not known",
            "name the item that is to be merged",
        ),
        (
            "{kind: Deployment, metadata: {name: web}, spec: {$retainKeys: [replicas]}}",
            "`patch`: `$retainKeys` is not supported",
            "of the directives only `$patch` is",
        ),
        (
            "{kind: Deployment, metadata: {name: web}, spec: {$patch: remove}}",
            "`patch`: `$patch` is one of merge, replace, delete",
            "leave it out to merge",
        ),
    ] {
        let files = [("shop.yaml", SHOP), ("empty.yaml", "# nothing\n")];
        let text = scenario(&format!("    - {{name: v, patch: {patch}}}\n"));
        let failure = load("t.yaml", &text, &Memory::of(&files), &Overrides::default()).expect_err(patch);
        let problem = &failure.problems[0];
        assert!(problem.message.starts_with(message), "{patch}: {}", problem.message);
        assert!(problem.help.as_deref().unwrap_or("").starts_with(help), "{patch}: {:?}", problem.help);
        assert!(problem.span.is_some(), "{patch}");
    }
}

#[test]
fn what_containers_ask_for_can_be_set_where_no_manifest_says_it() {
    let path = "manifests[shop/deployment/web].spec.template.spec.containers[app].resources";
    let set = format!("    - {{name: two, set: {{\"{path}.limits.cpu\": 2, \"{path}.requests.memory\": 1Gi}}}}\n");
    let once = patched(&set, &[], &Overrides::default());
    let asked = |variant: usize| once.variants[variant].workloads[0].containers[0].resources;
    assert_eq!(asked(0), Resources::default());
    // A limit without a request is the request as well.
    assert_eq!(asked(1).requests, Amounts { cpu: Some(2000), memory: Some(1 << 30) });
    assert_eq!(asked(1).limits, Amounts { cpu: Some(2000), memory: None });
    assert_eq!(once.variants[1].workloads[0].pod_requests(), asked(1).requests);
}
