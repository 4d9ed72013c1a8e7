//! Typical mistakes of people who begin, and what they are answered.

use super::{Screen, same_screens};

const SHOP: &str = "\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {name: shop}
spec:
  run: {requests: 200, replications: 2}
  workloads:
    - target: deployment/web
      inline: {replicas: 2, port: 80}
      containers:
        app:
          concurrency: 4
          serviceTime: 5ms
  proxies:
    - name: edge
      endpoints: service/web
      balancer: {policy: round-robin}
  traffic:
    - name: browse
      to: http://web/
      through: edge
      arrivals: {poisson: {rate: 100/s}}
";

/// The first of these texts where the second stands.
fn mistake(title: &'static str, right: &str, wrong: &str) -> Screen {
    assert!(SHOP.contains(right), "{right}");
    Screen::of(title).file("shop.yaml", SHOP.replacen(right, wrong, 1)).run("check shop.yaml")
}

#[test]
fn what_is_no_yaml_is_said_with_what_to_do() {
    same_screens(
        "mistakes_yaml.txt",
        &[
            mistake("a tab", "      to: http", "\tto: http"),
            mistake("a tab after blanks", "          serviceTime", "        \tserviceTime"),
            mistake("one blank too few", "      inline:", "     inline:"),
            mistake("one blank too many", "          serviceTime", "           serviceTime"),
            mistake("no blank behind a colon", "concurrency: 4", "concurrency:4"),
            mistake("no dash", "    - name: browse", "      name: browse"),
            mistake("a quote that stays open", "http://web/", "\"http://web/"),
            mistake(
                "a key twice",
                "          concurrency: 4\n",
                "          concurrency: 4\n          concurrency: 5\n",
            ),
            mistake("an alias without an anchor", "5ms", "*usual"),
            mistake("a template", "replicas: 2", "replicas: {{ .Values.replicas }}"),
            mistake(
                "brackets in braces",
                "  traffic:",
                "  variants: [{name: a, set: {proxies[edge].balancer.policy: random}}]\n  traffic:",
            ),
        ],
    );
}

#[test]
fn files_that_are_no_scenarios_are_told_apart() {
    let file =
        |title, name: &'static str, bytes: &[u8]| Screen::of(title).file(name, bytes).run(&format!("check {name}"));
    same_screens(
        "mistakes_files.txt",
        &[
            file("an empty file", "empty.yaml", b""),
            file("a comment alone", "comment.yaml", b"# later\n"),
            file("a text", "text.yaml", b"hello\n"),
            file("a program", "program.yaml", b"\x7fELF\x02\x01\x01\n\xff\xfe"),
            file(
                "Latin-1 in the third line",
                "latin.yaml",
                b"apiVersion: windtunnel/v1\nkind: Scenario\nmetadata: {name: caf\xe9}\n",
            ),
            file("a manifest alone", "deploy.yaml", b"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"),
            Screen::of("a misspelt file").file("shop.yaml", SHOP).run("run shoop.yaml"),
            Screen::of("a file that is nowhere near").file("shop.yaml", SHOP).run("run other-things.yaml"),
            Screen::of("a directory").directory("k8s").run("check k8s").run("run k8s"),
            mistake("a manifest that is not there", "  run:", "  manifests: [deploy.yaml]\n  run:"),
            mistake("a manifest that is misspelt", "  run:", "  manifests: [shop.yml]\n  run:"),
            mistake("a directory of manifests", "  run:", "  manifests: [k8s]\n  run:"),
            Screen::of("a directory of manifests that is there")
                .directory("k8s")
                .file("shop.yaml", SHOP.replace("  run:", "  manifests: [k8s]\n  run:"))
                .run("check shop.yaml"),
            mistake("a pattern that nothing matches", "  run:", "  manifests: [\"*.yml\"]\n  run:"),
            mistake("a pattern in a directory that is not there", "  run:", "  manifests: [k8s/*.yaml]\n  run:"),
            mistake("manifests that are no list", "  run:", "  manifests: deploy.yaml\n  run:"),
            mistake("a trace that is not there", "{poisson: {rate: 100/s}}", "{trace: {file: recorded.csv}}"),
            Screen::of("a trace of other columns")
                .file("recorded.csv", "time,path\n1,/\n")
                .file("shop.yaml", SHOP.replace("{poisson: {rate: 100/s}}", "{trace: {file: recorded.csv}}"))
                .run("check shop.yaml"),
        ],
    );
}

#[test]
fn values_that_are_nearly_right_are_answered_with_the_right_ones() {
    same_screens(
        "mistakes_values.txt",
        &[
            mistake("requests a second", "100/s", "100rps"),
            mistake("a rate without a unit", "100/s", "100"),
            mistake("a negative rate", "100/s", "-5/s"),
            mistake("milliseconds in full", "5ms", "5 msec"),
            mistake("a duration without a unit", "5ms", "5"),
            mistake("a negative duration", "5ms", "-5ms"),
            mistake("a law without its parameter", "5ms", "{exponential: 5ms}"),
            mistake("a law in other letters", "5ms", "{Exponential: {mean: 5ms}}"),
            mistake("a quoted number", "replicas: 2", "replicas: \"2\""),
            mistake("negative replicas", "replicas: 2,", "replicas: -1,"),
            mistake("half a replica", "replicas: 2,", "replicas: 2.5,"),
            mistake("tries without a key", "      through: edge", "      through: edge\n      retries: 3"),
            mistake("a warm-up longer than the run", "requests: 200,", "duration: 10s, warmup: 20s,"),
            mistake("two ends", "requests: 200,", "requests: 200, duration: 10s,"),
            mistake(
                "an objective without a unit",
                "  traffic:",
                "  objectives: [browse.latency.p99 < 100]\n  traffic:",
            ),
            mistake("an objective without a quantity", "  traffic:", "  objectives: [browse.p99 < 100ms]\n  traffic:"),
            mistake(
                "an objective of another traffic",
                "  traffic:",
                "  objectives: [brwse.latency.p99 < 100ms]\n  traffic:",
            ),
            mistake(
                "an objective with an equals sign",
                "  traffic:",
                "  objectives: [browse.latency.p99 = 100ms]\n  traffic:",
            ),
        ],
    );
}

#[test]
fn names_and_keys_are_answered_with_the_nearest() {
    same_screens(
        "mistakes_names.txt",
        &[
            mistake("a misspelt policy", "round-robin", "roundrobin"),
            mistake("a policy of nginx", "round-robin", "least_conn"),
            mistake("a policy of HAProxy", "round-robin", "leastconn"),
            mistake("a policy in short", "round-robin", "RR"),
            mistake("a policy of two words", "round-robin", "power_of_two"),
            mistake("a policy in three letters", "round-robin", "wrr"),
            mistake("a family of policies", "round-robin", "consistent-hash"),
            mistake("a hash of HAProxy", "round-robin", "source"),
            mistake("a policy of a paper", "round-robin", "jiq"),
            mistake("a policy of a textbook", "round-robin", "JSQ"),
            mistake("a policy without its key", "{policy: round-robin}", "round-robin"),
            mistake("a parameter of another policy", "round-robin", "round-robin, choices: 2"),
            mistake("a misspelt key", "replicas:", "replica:"),
            mistake("a misspelt part", "spec:", "spek:"),
            mistake("an unknown Service", "http://web/", "http://wbe/"),
            mistake("a Service in another namespace", "http://web/", "http://web.shop/"),
            mistake("another port", "http://web/", "http://web:8080/"),
            mistake("no scheme", "http://web/", "web:80"),
            mistake("another scheme", "http://web/", "ftp://web/"),
            mistake("an unknown proxy", "through: edge", "through: egde"),
            mistake("endpoints without a kind", "service/web", "web"),
            mistake("a target without a kind", "deployment/web", "web"),
            mistake("an unknown container", "        app:", "        web:"),
            mistake("a blank in a name", "name: browse", "name: browse all"),
            mistake(
                "no traffic",
                "  traffic:\n    - name: browse\n      to: http://web/\n      through: edge\n      arrivals: {poisson: {rate: 100/s}}\n",
                "",
            ),
            mistake("two variants of one name", "  traffic:", "  variants: [{name: a}, {name: a}]\n  traffic:"),
        ],
    );
}

#[test]
fn options_that_cannot_be_are_answered_with_those_that_can() {
    let shop = |title| Screen::of(title).file("shop.yaml", SHOP);
    same_screens(
        "mistakes_options.txt",
        &[
            shop("numbers")
                .run("run shop.yaml --jobs 0")
                .run("run shop.yaml --replications 0")
                .run("run shop.yaml --seed -1")
                .run("run shop.yaml --duration 10")
                .run("run shop.yaml --duration 0s")
                .run("run shop.yaml --requests 1.5")
                .run("explain shop.yaml --request abc")
                .run("explain shop.yaml --request -1")
                .run("explain shop.yaml --replication -1")
                .run("explain shop.yaml --slowest 5000")
                .run("explain shop.yaml --causes 21"),
            shop("words")
                .run("run shop.yaml --quiet --verbose")
                .run("run shop.yaml --format yaml")
                .run("list policy")
                .run("run shop.yaml --output=")
                .run("explain shop.yaml other.yaml"),
            shop("paths")
                .run("run shop.yaml --set trafic[browse].timeout=1s")
                .run("run shop.yaml --set timeout=1s")
                .run("run shop.yaml --set run.seed=abc")
                .run("compare shop.yaml --vary proxies[edge].balancer.policy=random,roundrobin")
                .run("compare shop.yaml --vary proxies[edge].balancer.policy=")
                .run("compare shop.yaml --vary proxies[edge].balancer.policy=random"),
            shop("metrics")
                .run("compare shop.yaml --vary run.interval=1s,2s --metric latency_p99")
                .run("compare shop.yaml --vary run.interval=1s,2s --metric browse.latncy.p99"),
            shop("places").run("run shop.yaml --output shop.yaml").run("run shop.yaml shop.yaml -o out"),
        ],
    );
}

/// What says `none` may be written where it is the default.
#[test]
fn none_is_what_holds_without_it() {
    let none = SHOP.replace(
        "      through: edge",
        "      through: edge\n      timeout: none\n      retries: {perTry: none, budget: none, backoff: none}",
    );
    let scratch = super::support::scratch();
    for text in [&none, &SHOP.replace("      through: edge", "      through: edge\n      retries: none")] {
        super::support::write(scratch.path(), "none.yaml", text);
        let checked = super::support::output(scratch.path(), &["check", "none.yaml"]);
        assert_eq!(super::support::stderr(&checked), "");
    }
}
