//! The tables of Kubernetes' own tests of the calculation, one row a test: `replica_calculator_test.go`, with the
//! controller's flags as they stand there.

use super::pods::Group::{Counted, Ignored, Missing, Unready};
use super::pods::{Group, Phase, PodStatus, Readiness, Sample, group};
use super::replica_calculator::{Circumstances, Goal, Measured, Unknown, of_average, of_pods, of_value};
use super::{Settings, Tolerances};
use crate::time::{SimDuration, SimTime};

/// What is zero in those tests, a time long ago.
const LONG_AGO: SimTime = SimTime::ZERO;
const NOW: SimTime = SimTime::from_nanos(3_600_000_000_000);

fn settings() -> Settings {
    Settings {
        cpu_initialization_period: SimDuration::from_secs(120),
        initial_readiness_delay: SimDuration::from_secs(10),
        ..Settings::default()
    }
}

fn before(seconds: u64) -> SimTime {
    SimTime::from_nanos(NOW.as_nanos() - seconds * 1_000_000_000)
}

/// A letter a pod: ready, not ready, just started (hot), both, pending, failed, deleted.
fn status(letter: char) -> PodStatus {
    let phase = match letter {
        'p' => Phase::Pending,
        'f' => Phase::Failed,
        _ => Phase::Running,
    };
    let started_at = match letter {
        'h' | 'H' => NOW,
        'c' => before(180),
        _ => LONG_AGO,
    };
    let ready = Some(Readiness { is_ready: matches!(letter, 'r' | 'h' | 'c'), since: LONG_AGO });
    PodStatus { phase, is_deleted: letter == 'd', started_at: Some(started_at), ready }
}

#[derive(Debug, Clone, Copy)]
enum Metric {
    /// CPU of pods that request so much each; percent.
    Cpu(&'static [i64], u32),
    /// A custom metric of pods.
    Pods(i64),
    /// A metric of an object, or from outside.
    Value(i64),
    /// The same, for each pod.
    Average(i64),
}
use Metric::{Average, Cpu, Pods, Value};

/// Each pod requests a CPU.
const ONE: &[i64] = &[];

/// Name, replicas, pods (all ready where there is no letter), metric and target, what is measured, then what is
/// expected: how many replicas, and what is told of the metric.
type Row = (&'static str, u32, &'static str, Metric, &'static [i64], u32, i64);

const ROWS: &[Row] = &[
    ("ScaleUp", 3, "", Cpu(ONE, 30), &[300, 500, 700], 5, 50),
    ("ScaleUpUnreadyLessScale", 3, "nrr", Cpu(ONE, 30), &[300, 500, 700], 4, 60),
    ("ScaleUpHotCpuLessScale", 3, "hcc", Cpu(ONE, 30), &[300, 500, 700], 4, 60),
    ("ScaleUpUnreadyNoScale", 3, "rnn", Cpu(ONE, 30), &[400, 500, 700], 3, 40),
    ("ScaleHotCpuNoScale", 3, "cHH", Cpu(ONE, 30), &[400, 500, 700], 3, 40),
    ("ScaleUpIgnoresFailedPods", 2, "rrff", Cpu(ONE, 30), &[500, 700], 4, 60),
    ("ScaleUpIgnoresDeletionPods", 2, "rrdd", Cpu(ONE, 30), &[500, 700], 4, 60),
    ("ScaleUpCM", 3, "", Pods(15_000), &[20_000, 10_000, 30_000], 4, 20_000),
    ("ScaleUpCMUnreadyHotCpuNoLessScale", 3, "ccH", Pods(15_000), &[50_000, 10_000, 30_000], 6, 30_000),
    ("ScaleUpCMUnreadyHotCpuScaleWouldScaleDown", 3, "HcH", Pods(15_000), &[50_000, 15_000, 30_000], 7, 31_666),
    ("ScaleUpCMObject", 3, "", Value(15_000), &[20_000], 4, 20_000),
    ("ScaleUpCMPerPodObject", 3, "", Average(5_000), &[20_000], 4, 6_667),
    ("ScaleUpCMObjectIgnoresUnreadyPods", 3, "nrn", Value(10_000), &[50_000], 5, 50_000),
    ("ScaleUpCMExternal", 1, "", Pods(4_400), &[8_600], 2, 8_600),
    ("ScaleUpCMExternalIgnoresUnreadyPods", 3, "nrn", Value(4_400), &[8_600], 2, 8_600),
    ("ScaleUpPerPodCMExternal", 3, "", Average(2_150), &[8_600], 4, 2_867),
    ("ScaleDown", 5, "", Cpu(ONE, 50), &[100, 300, 500, 250, 250], 3, 28),
    ("ScaleDownCM", 5, "", Pods(20_000), &[12_000, 12_000, 12_000, 12_000, 12_000], 3, 12_000),
    ("ScaleDownPerPodCMObject", 5, "", Average(2_000), &[6_000], 3, 1_200),
    ("ScaleDownCMObject", 5, "", Value(20_000), &[12_000], 3, 12_000),
    ("ScaleDownCMExternal", 5, "", Value(14_334), &[8_600], 3, 8_600),
    ("ScaleDownPerPodCMExternal", 5, "", Average(2_867), &[8_600], 3, 1_720),
    ("ScaleDownIncludeUnreadyPods", 5, "rrrnn", Cpu(ONE, 50), &[100, 300, 500, 250, 250], 2, 30),
    ("ScaleDownExcludeUnscheduledPods", 5, "rpppp", Cpu(ONE, 50), &[100], 1, 10),
    ("ScaleDownIgnoreHotCpuPods", 5, "ccchh", Cpu(ONE, 50), &[100, 300, 500, 250, 250], 2, 30),
    ("ScaleDownIgnoresFailedPods", 5, "rrrrrff", Cpu(ONE, 50), &[100, 300, 500, 250, 250], 3, 28),
    ("ScaleDownIgnoresDeletionPods", 5, "rrrrrdd", Cpu(ONE, 50), &[100, 300, 500, 250, 250], 3, 28),
    ("Tolerance", 3, "", Cpu(&[900, 1_000, 1_100], 100), &[1_010, 1_030, 1_020], 3, 102),
    ("ToleranceCM", 3, "", Pods(20_000), &[20_000, 21_000, 21_000], 3, 20_666),
    ("ToleranceCMObject", 3, "", Value(20_000), &[20_666], 3, 20_666),
    ("TolerancePerPodCMObject", 4, "", Average(5_000), &[20_166], 4, 5_042),
    ("ToleranceCMExternal", 3, "", Value(8_888), &[8_600], 3, 8_600),
    ("TolerancePerPodCMExternal", 3, "", Average(2_900), &[8_600], 3, 2_867),
    ("SuperfluousMetrics", 4, "", Cpu(ONE, 100), &[4_000, 9_500, 3_000, 7_000, 3_200, 2_000], 24, 587),
    ("MissingMetrics", 4, "", Cpu(ONE, 100), &[400, 95], 3, 24),
    ("MissingMetricsNoChangeEq", 2, "", Cpu(ONE, 100), &[1_000], 2, 100),
    ("MissingMetricsNoChangeGt", 2, "", Cpu(ONE, 100), &[1_900], 2, 190),
    ("MissingMetricsNoChangeLt", 2, "", Cpu(ONE, 100), &[600], 2, 60),
    ("MissingMetricsUnreadyChange", 3, "nrr", Cpu(ONE, 50), &[100, 450], 3, 45),
    ("MissingMetricsHotCpuNoChange", 3, "hcc", Cpu(ONE, 50), &[100, 450], 3, 45),
    ("MissingMetricsUnreadyScaleUp", 3, "nrr", Cpu(ONE, 50), &[100, 2_000], 4, 200),
    ("MissingMetricsHotCpuScaleUp", 3, "Hcc", Cpu(ONE, 50), &[100, 2_000], 4, 200),
    ("MissingMetricsUnreadyScaleDown", 4, "nrrr", Cpu(ONE, 50), &[100, 100, 100], 3, 10),
    ("DuringRollingUpdateWithMaxSurge", 2, "rrr", Cpu(ONE, 50), &[100, 100], 2, 10),
    ("ComputedTolerance, outside", 10, "", Cpu(UNEVEN, 56), &[150; 10], 9, 50),
    ("ComputedTolerance, inside", 10, "", Cpu(UNEVEN, 55), &[150; 10], 10, 50),
];

const UNEVEN: &[i64] = &[400, 200, 310, 290, 302, 298, 301, 299, 300, 300];

fn measured(current: u32, pods: &str, requests: &[i64], levels: &[i64]) -> Vec<Measured> {
    let all_ready = "r".repeat(current as usize);
    let letters = if pods.is_empty() { all_ready.as_str() } else { pods };
    let one = |(index, letter): (usize, char)| Measured {
        status: status(letter),
        sample: levels.get(index).map(|milli| Sample {
            milli: *milli,
            at: LONG_AGO,
            window: SimDuration::from_secs(60),
        }),
        request: Some(requests.get(index).copied().unwrap_or(1_000)),
    };
    letters.chars().enumerate().map(one).collect()
}

fn at(current: u32, settings: &Settings) -> Circumstances<'_> {
    Circumstances { current, tolerances: Tolerances::both(0.1), settings, now: NOW }
}

#[test]
fn replicas_are_those_of_kubernetes() {
    let settings = settings();
    for (name, current, pods, metric, levels, replicas, told) in ROWS {
        let at = at(*current, &settings);
        let requests = if let Cpu(requests, _) = metric { requests } else { ONE };
        let pods = measured(*current, pods, requests, levels);
        let statuses: Vec<PodStatus> = pods.iter().map(|pod| pod.status).collect();
        let found = match *metric {
            Cpu(_, target) => of_pods(&at, &pods, true, Goal::Utilization(target)),
            Pods(target) => of_pods(&at, &pods, false, Goal::Average(target)),
            Value(target) => of_value(&at, &statuses, levels[0], target),
            Average(target) => Ok(of_average(&at, *current, levels[0], target)),
        };
        let found = found.unwrap_or_else(|why| panic!("{name}: {why}"));
        assert_eq!((found.replicas, found.measured), (*replicas, *told), "{name}");
    }
}

/// `EmptyMetrics`, `EmptyCPURequest`, and those whose metrics do not count.
#[test]
fn what_cannot_be_said_is_not_said() {
    let settings = settings();
    let of = |pods: &[Measured]| of_pods(&at(4, &settings), pods, true, Goal::Utilization(100));
    assert_eq!(of(&measured(4, "", ONE, &[])), Err(Unknown::NoMetrics));
    let mut pods = measured(1, "", ONE, &[200]);
    pods[0].request = None;
    assert_eq!(of(&pods), Err(Unknown::NoRequest));
    assert_eq!(of(&measured(2, "nn", ONE, &[200, 200])), Err(Unknown::NoMetricsOfThesePods));
    assert_eq!(of_value(&at(4, &settings), &[], 200, 100), Err(Unknown::NoPods));
    assert_eq!(of_value(&at(0, &settings), &[], 250, 100).map(|proposal| proposal.replicas), Ok(3));
}

/// `TestGroupPods`, one row a pod: seconds since its start, its condition, its metric (seconds since it was taken, its
/// window).
#[test]
fn pods_are_grouped_as_kubernetes_groups_them() {
    type Case = (&'static str, Option<u64>, Option<(bool, u64)>, Option<(u64, u64)>, bool, Group);
    let long = 3_600;
    let rows: [Case; 12] = [
        ("count in a ready pod - memory", None, None, Some((0, 60)), false, Counted),
        ("ignore a pod without ready condition", Some(0), None, Some((long, 0)), true, Unready),
        ("fresh metrics during initialization", Some(60), Some((true, 30)), Some((0, 30)), true, Counted),
        ("no fresh metrics during initialization", Some(60), Some((true, 30)), Some((0, 60)), true, Unready),
        ("never ready, 6 s after its start", Some(600), Some((false, 594)), Some((long, 0)), true, Unready),
        ("no fresh metrics after initialization", Some(180), Some((true, 180)), Some((120, 60)), true, Counted),
        ("unready, was ready", Some(600), Some((false, 540)), Some((long, 0)), true, Counted),
        ("unready 10 s after its start", Some(600), Some((false, 590)), Some((long, 0)), true, Counted),
        ("a missing pod", Some(180), None, None, true, Missing),
        ("several pods: lucretius", Some(0), None, Some((long, 0)), true, Unready),
        ("several pods: niccolo", Some(180), Some((true, 180)), Some((long, 0)), true, Counted),
        ("several pods: epicurus", Some(180), None, None, true, Missing),
    ];
    for (name, started, ready, sample, is_cpu, expected) in rows {
        let pod = PodStatus {
            phase: Phase::Running,
            is_deleted: false,
            started_at: started.map(before),
            ready: ready.map(|(is_ready, since)| Readiness { is_ready, since: before(since) }),
        };
        let sample =
            sample.map(|(ago, window)| Sample { milli: 1, at: before(ago), window: SimDuration::from_secs(window) });
        assert_eq!(group(&pod, sample.as_ref(), is_cpu, &settings(), NOW), expected, "{name}");
    }
    for (letter, expected) in [('p', Unready), ('f', Ignored), ('d', Ignored)] {
        assert_eq!(group(&status(letter), None, true, &settings(), NOW), expected, "{letter}");
    }
}

#[test]
fn why_a_metric_says_nothing() {
    use super::replica_calculator::Unknown;
    let words = [Unknown::NoMetrics, Unknown::NoPods, Unknown::NoMetricsOfThesePods, Unknown::NoRequest];
    let expected = ["no metrics", "no pods", "no metrics of ready pods", "a container has no request"];
    assert_eq!(words.map(|word| word.to_string()), expected);
}
