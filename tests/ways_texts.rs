//! The whole answer to every mistake with the ways in: the cases of `ways_texts.txt`, each with its answer below `>>>`.

mod support;

use support::{output, scratch, status, stderr, stdout, write};

/// What all cases begin with; each adds keys of `spec`, and manifests.
const HEAD: &str = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: ways}
spec:
";

/// What `check` says: the mistakes, or what is used and what is ignored.
fn answer(text: &str) -> String {
    let scratch = scratch();
    write(scratch.path(), "s.yaml", &format!("{HEAD}{text}"));
    let output = output(scratch.path(), &["check", "s.yaml"]);
    if status(&output) != 0 {
        return stderr(&output);
    }
    let said = stdout(&output);
    let from = said.find("  used\n").unwrap_or(0);
    let to = said.find("  ASSUMED\n").unwrap_or(said.len());
    said[from..to].to_owned()
}

#[test]
fn a_node_port_that_was_assumed_can_be_set_where_it_is_said() {
    let scratch = scratch();
    let ports = |name: &str, ports: &str| {
        format!(
            "---\napiVersion: v1\nkind: Service\nmetadata: {name}\nspec: {{type: NodePort, selector: {{app: web}}, ports: {ports}}}\n"
        )
    };
    let text = "  workloads: [{target: deployment/web, inline: {replicas: 2}}]
  traffic: [{name: t, to: \"http://web/\", arrivals: {poisson: {rate: 3/s}}}]\n"
        .to_owned()
        + &ports("{name: one}", "[{port: 80}]")
        + &ports("{name: two}", "[{name: a, port: 80}, {name: b, port: 81, targetPort: 80}]");
    write(scratch.path(), "s.yaml", &format!("{HEAD}{text}"));
    let check = |arguments: &[&str]| {
        let done = output(scratch.path(), &[&["check", "s.yaml"][..], arguments].concat());
        assert_eq!(status(&done), 0, "{}", stderr(&done));
        stdout(&done)
    };
    let said = check(&[]);
    let fields: Vec<&str> = said.lines().filter_map(|line| line.trim().strip_prefix("set it with manifests")).collect();
    assert_eq!(
        fields,
        [
            "[service/one].spec.ports[0].nodePort",
            "[service/two].spec.ports[a].nodePort",
            "[service/two].spec.ports[b].nodePort"
        ]
    );
    for field in fields {
        let set = check(&["--set", &format!("manifests{field}=30300")]);
        assert_eq!(set.matches(".nodePort").count(), 2, "{field} is assumed no more\n{set}");
    }
}

#[test]
fn every_mistake_with_the_ways_in_is_answered_whole() {
    let cases = include_str!("ways_texts.txt");
    let mut count = 0;
    for case in cases.split("## ").skip(1) {
        let (input, expected) = case.split_once(">>>\n").expect("a case has an answer");
        let (title, text) = input.split_once('\n').expect("a case has a title");
        count += 1;
        assert_eq!(answer(text).trim(), expected.trim(), "{title}");
    }
    assert!(count > 20, "only {count} cases");
}
