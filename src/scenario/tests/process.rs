//! `cold`, `breakdown`, `cpu` and `kill`: what is read, and what mistakes are answered with.

use super::super::process::{Breakdown, CpuRules, Process};
use super::super::timeline::Action;
use super::super::{Overrides, load};
use super::{Memory, TRAFFIC, first, loaded};
use crate::random::Dist;
use crate::time::SimDuration;

/// A scenario with this container, and more of `spec`.
fn scenario(container: &str, more: &str) -> String {
    format!(
        "apiVersion: windtunnel/v1\nkind: Scenario\nmetadata: {{name: t}}\nspec:\n  workloads: [{{target: deployment/web, inline: {{replicas: 4}}, containers: {{app: {{concurrency: 1, {container}}}}}}}]\n{TRAFFIC}{more}"
    )
}

fn process(container: &str) -> Process {
    first(&scenario(container, "")).workloads[0].containers[0].behaviour.process.clone()
}

#[test]
fn what_processes_are_like_is_read() {
    assert_eq!(process("serviceTime: 1s"), Process::default());
    let constant = |seconds| Dist::constant(SimDuration::from_secs(seconds));
    let cold = process("serviceTime: 1s, cold: {start: 5s}");
    assert_eq!(cold, Process { cold: Some(constant(5)), ..Process::default() });
    let broken = process("serviceTime: 1s, breakdown: {up: 50s, repair: 5s, inService: fail}");
    let breakdown = Breakdown { up: constant(50), repair: constant(5), fails: true };
    assert_eq!(broken, Process { breakdown: Some(breakdown), ..Process::default() });
    assert_eq!(process("serviceTime: 1s, cpu: 40%").cpu, [0.4]);
    assert_eq!(process("steps: [{work: 1s, cpu: 10%}, {work: 1s}], cpu: 0.5").cpu, [0.1, 0.5]);
    assert!(process("serviceTime: 1s, cpu: 100%").cpu.is_empty());
    let rules = |more: &str| first(&scenario("serviceTime: 1s", more)).cluster.cpu;
    assert_eq!(rules(""), CpuRules::USUAL);
    let twenty = CpuRules { period: Some(SimDuration::from_millis(20)), contention: true };
    assert_eq!(rules("  cluster: {cpu: {period: 20ms, contention: true}}\n"), twenty);
    assert_eq!(rules("  cluster: {cpu: {quota: false}}\n"), CpuRules { period: None, contention: false });
    let kill = "  timeline: [{at: 10s, for: 1m, kill: {rate: 2/m}, target: deployment/web}]\n";
    let (every, until) = (SimDuration::from_secs(30), Some(SimDuration::from_secs(70)));
    let action = first(&scenario("serviceTime: 1s", kill)).timeline[0].action;
    assert_eq!(action, Action::Kill { workload: 0, every, until, instant: false });
}

#[test]
fn what_processes_cannot_be_like_is_answered() {
    let variant = |name: &str, path: &str, value: &str| {
        format!("    - {{name: {name}, set: {{\"workloads[deployment/web].containers.app.{path}\": {value}}}}}\n")
    };
    let calls = "{steps: [{call: \"http://web/\"}], cold: {start: 1s}, holdsSlotWhileCalling: false}";
    let variants = [
        variant("a", "cold", "{when: always}"),
        variant("b", "breakdown", "{up: 0s, repair: 1s, inService: resum}"),
        variant("c", "breakdown", "{repair: 1s}"),
        variant("d", "cpu", "150%"),
        "    - {name: e, set: {\"workloads[deployment/web].containers.app\": {steps: [{work: 1s, cpu: 2}, {call: \"http://web/\", cpu: 10%}]}}}\n".to_owned(),
        calls.replace("{steps", "    - {name: f, set: {\"workloads[deployment/web].containers.app\": {steps") + "}}\n",
        "    - {name: g, set: {cluster.cpu: {period: 10s, contension: true}}}\n".to_owned(),
        "    - {name: h, set: {timeline: [{at: 1s, kill: {rate: 0/s, replacement: now}, target: deployment/web}, {at: 1s, kill: {rate: 1/h}}]}}\n".to_owned(),
        "    - {name: i, set: {timeline: [{at: 1s, deletePod: \"deployment/web[0]\", for: 10s, target: deployment/web}, {at: 1s, kill: {rate: 1/h}, target: deployment/wb}]}}\n".to_owned(),
    ];
    let text = scenario("serviceTime: 1s", &format!("  variants:\n{}", variants.concat()));
    let failure = load("shop.yaml", &text, &Memory::default(), &Overrides::default()).expect_err("nine mistakes");
    assert_eq!(failure.to_string(), include_str!("process.txt"));
}

#[test]
fn what_changes_nothing_is_said() {
    let text =
        scenario("steps: [{call: \"http://other/\"}], cpu: 50%", "  cluster: {cpu: {quota: false, period: 20ms}}\n")
            .replace("workloads: [", "workloads: [{target: deployment/other, inline: {replicas: 1}}, ");
    let warnings: Vec<String> =
        loaded(&text, &[], &Overrides::default()).warnings.iter().map(|problem| problem.message.clone()).collect();
    for expected in ["`cpu` changes nothing: no step is `work`", "`period` changes nothing where no quota holds"] {
        assert!(warnings.iter().any(|found| found == expected), "{warnings:?}");
    }
}
