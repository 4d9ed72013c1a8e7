//! `--vary`: which variants a grid makes, and how mistakes in it are answered.

use super::{Memory, TRAFFIC, load, loaded, with};
use crate::scenario::{Loaded, Overrides, Window};

fn vary(paths: &[(&str, &str)]) -> Overrides {
    let vary = paths.iter().map(|(path, values)| ((*path).to_owned(), (*values).to_owned())).collect();
    Overrides { vary, ..Overrides::default() }
}

fn names(loaded: &Loaded) -> Vec<&str> {
    loaded.variants.iter().map(|variant| variant.variant.as_str()).collect()
}

const REPLICAS: &str = "workloads[deployment/web].inline.replicas";

#[test]
fn every_combination_is_a_variant() {
    let overrides = vary(&[(REPLICAS, "4,6"), ("run.requests", "100, 200")]);
    let loaded = loaded(&with(TRAFFIC), &[], &overrides);
    assert_eq!(
        names(&loaded),
        ["replicas=4+requests=100", "replicas=4+requests=200", "replicas=6+requests=100", "replicas=6+requests=200"]
    );
    let found: Vec<(u32, Window)> = loaded.variants.iter().map(|v| (v.workloads[0].replicas, v.run.window)).collect();
    let requests = |requests| Window::Requests { requests, warmup: requests / 10 };
    assert_eq!(found, [(4, requests(100)), (4, requests(200)), (6, requests(100)), (6, requests(200))]);
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
}

#[test]
fn variants_of_the_file_meet_every_value_and_lose_their_known_results() {
    let text = with(&format!(
        "{TRAFFIC}  variants:\n    - {{name: a, expect: [{{metric: t.latency.mean, value: 1s}}]}}\n    - {{name: b, set: {{\"traffic[t].timeout\": 5s, run.seed: 3}}}}\n"
    ));
    let once = loaded(&text, &[], &vary(&[("traffic[t].timeout", "null,2s")]));
    assert_eq!(names(&once), ["a+timeout=null", "a+timeout=2s", "b+timeout=null", "b+timeout=2s"]);
    let found: Vec<(Option<f64>, u64)> =
        once.variants.iter().map(|v| (v.traffic[0].flow.timeout.map(|t| t.as_secs_f64()), v.run.seed)).collect();
    assert_eq!(found, [(None, 1), (Some(2.0), 1), (None, 3), (Some(2.0), 3)], "the command line wins");
    assert!(once.variants.iter().all(|variant| variant.expect.is_empty()));
    // The grid stands in `scenario.yaml`, which needs no `--vary` any more.
    let again = loaded(&once.resolved, &[], &Overrides::default());
    assert_eq!((names(&again), &again.resolved), (names(&once), &once.resolved));
    assert_eq!(format!("{:?}", again.variants), format!("{:?}", once.variants));
}

#[test]
fn the_grid_knows_where_its_variants_stand() {
    let text = with(&format!("{TRAFFIC}  variants: [{{name: a}}, {{name: b, set: {{run.seed: 3}}}}]\n"));
    let loaded = loaded(&text, &[], &vary(&[("traffic[t].timeout", "1s,2s"), (REPLICAS, "4,5,6")]));
    let axes: Vec<(&str, usize)> =
        loaded.grid.axes.iter().map(|axis| (axis.name.as_str(), axis.values.len())).collect();
    assert_eq!(axes, [("variants", 2), ("traffic[t].timeout", 2), (REPLICAS, 3)]);
    for (variant, name) in names(&loaded).into_iter().enumerate() {
        let place = loaded.grid.place(variant);
        let values: Vec<&str> = loaded.grid.axes.iter().zip(place).map(|(axis, at)| axis.values[at].as_str()).collect();
        assert_eq!(name, format!("{}+timeout={}+replicas={}", values[0], values[1], values[2]));
    }
}

#[test]
fn paths_that_end_alike_are_told_apart_and_values_may_be_maps() {
    let text = with(
        "  traffic: [{name: t, to: \"http://web/\", arrivals: {poisson: {rate: 3/s}}}, {name: u, to: \"http://web/\", arrivals: {poisson: {rate: 3/s}}}]\n",
    );
    let both = loaded(&text, &[], &vary(&[("traffic[t].timeout", "1s"), ("traffic[u].timeout", "2s")]));
    assert_eq!(names(&both), ["traffic.t.timeout=1s+traffic.u.timeout=2s"]);
    let maps = vary(&[("traffic[t].balancer", "{policy: random},{policy: least-request, choices: 2}")]);
    assert_eq!(
        names(&loaded(&text, &[], &maps)),
        ["balancer=policy:random", "balancer=policy:least-request+choices:2"]
    );
    let rates = vary(&[("traffic[t].arrivals.poisson.rate", "1/s,2/s")]);
    assert_eq!(names(&loaded(&text, &[], &rates)), ["rate=1-s", "rate=2-s"]);
}

#[test]
fn mistakes_in_a_grid_point_into_the_command_line() {
    let refused = |paths: &[(&str, &str)]| {
        load("shop.yaml", &with(TRAFFIC), &Memory::default(), &vary(paths)).expect_err("refused").to_string()
    };
    assert_eq!(
        refused(&[("workloads[deployment/web].inline.replica", "4,6")]),
        "error: unknown key `replica` in an `inline`\n --> --vary:1:1\n  |\n1 | workloads[deployment/web].inline.replica\n  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n  |\n  = help: did you mean `replicas`?\n"
    );
    for (paths, message) in [
        (&[(REPLICAS, "4,,6")][..], "error: `workloads[deployment/web].inline.replicas`: a value is missing"),
        (&[(REPLICAS, "4,5"), (REPLICAS, "6")], "error: `workloads[deployment/web].inline.replicas` is varied twice"),
        (&[(REPLICAS, "4,4")], "error: two variants are called `replicas=4`"),
        (&[(REPLICAS, "4,[")], "error: not valid YAML"),
        (&[("variants", "[]")], "error: a variant cannot set `variants`"),
        (&[("run.", "4")], "error: `run.`: a key is empty"),
        (&[(REPLICAS, "4,none")], "error: `replicas`: expected a whole number"),
    ] {
        assert!(refused(paths).starts_with(message), "{message} is not\n{}", refused(paths));
    }
    let many = (1..=101).map(|value| value.to_string()).collect::<Vec<_>>().join(",");
    let message = refused(&[(REPLICAS, &many), ("run.seed", &many)]);
    assert_eq!(
        message,
        "error: the grid has 101 × 101 = 10201 variants, and 10000 are the most that one run simulates\n --> --vary:1:1\n  |\n1 | workloads[deployment/web].inline.replicas\n  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n  |\n  = help: vary fewer values at a time\n"
    );
}

#[test]
fn a_variant_that_changes_nothing_is_named() {
    let text = with(&format!(
        "{TRAFFIC}  variants:\n    - {{name: a}}\n    - {{name: same, set: {{run.seed: 1}}}}\n    - {{name: other, set: {{run.seed: 2}}}}\n    - {{name: case, expect: [{{metric: t.latency.mean, value: 1s}}]}}\n"
    ));
    let loaded = loaded(&text, &[], &Overrides::default());
    let warnings = crate::yaml::render(&loaded.warnings, &loaded.sources, false);
    assert_eq!(
        warnings,
        "warning: variant `same` changes nothing: it simulates the same as `a`\n --> shop.yaml:9:14\n  |\n9 |     - {name: same, set: {run.seed: 1}}\n  |              ^^^^\n  |\n  = help: what it sets may stand there already, or this version may not depend on it\n"
    );
}
