//! Whole syncs: several metrics, and how replicas follow a load over time.

use super::behavior::{Behavior, Limit, Range};
use super::pods::{Phase, PodStatus, Readiness, Sample};
use super::reconcile::{Autoscaler, Decision, Memory, Reading, Reason, Target, reconcile};
use super::replica_calculator::{Goal, Measured, Unknown};
use super::stabilization::Recommendation;
use super::{Settings, Tolerances};
use crate::time::{SimDuration, SimTime};

/// Long after the pods started.
const START: u64 = 3_600;

fn at(seconds: u64) -> SimTime {
    SimTime::from_nanos((START + seconds) * 1_000_000_000)
}

fn autoscaler(min: u32, max: u32, behavior: Option<Behavior>) -> Autoscaler {
    Autoscaler { range: Range { min, max }, behavior }
}

fn pod(is_ready: bool, milli: Option<i64>) -> Measured {
    let ready = Some(Readiness { is_ready, since: SimTime::ZERO });
    Measured {
        status: PodStatus { phase: Phase::Running, is_deleted: false, started_at: Some(SimTime::ZERO), ready },
        sample: milli.map(|milli| Sample { milli, at: at(0), window: SimDuration::from_secs(30) }),
        request: Some(1_000),
    }
}

fn cpu(pods: Vec<Measured>, target: u32) -> Reading {
    Reading::OfPods { pods, is_cpu: true, goal: Goal::Utilization(target) }
}

fn target(spec: u32, readings: Vec<Reading>) -> Target {
    Target { spec, status: spec, pods: Vec::new(), readings }
}

fn once(autoscaler: &Autoscaler, target: &Target) -> Decision {
    reconcile(autoscaler, &mut Memory::default(), target, &Settings::default(), at(0))
}

/// What `pods` of percent of their requests make of the number of replicas, before any limit.
fn wanted(pods: Vec<Measured>, percent: u32) -> Option<u32> {
    let replicas = pods.len() as u32;
    once(&autoscaler(1, 1_000, Some(Behavior::default())), &target(replicas, vec![cpu(pods, percent)])).recommended
}

fn busy(percents: &[i64]) -> Vec<Measured> {
    percents.iter().map(|percent| pod(true, Some(percent * 10))).collect()
}

/// Worked examples: half as much again; near enough; three that are not ready; one without metrics.
#[test]
fn worked_examples() {
    assert_eq!(wanted(busy(&[90; 4]), 60), Some(6));
    assert_eq!(wanted(busy(&[62; 4]), 60), Some(4));
    let mut unready = busy(&[90; 7]);
    unready.extend(vec![pod(false, Some(900)); 3]);
    assert_eq!(wanted(unready, 60), Some(10));
    let mut missing = busy(&[30; 3]);
    missing.push(pod(true, None));
    assert_eq!(wanted(missing, 60), Some(4));
}

/// Replicas, percent of the request, target: what is wanted, and what a first sync makes of it.
#[test]
fn published_examples() {
    let rows = [
        (4, 90, 50, 8, 8),
        (10, 52, 50, 10, 10),
        (10, 56, 50, 12, 12),
        (10, 46, 50, 10, 10),
        (10, 44, 50, 9, 10),
        (3, 200, 50, 12, 7),
        (7, 10, 50, 2, 7),
        (1, 500, 50, 10, 5),
    ];
    for (replicas, percent, goal, wanted, first) in rows {
        let autoscaler = autoscaler(1, 1_000, Some(Behavior::default()));
        let target = target(replicas, vec![cpu(busy(&vec![percent; replicas as usize]), goal)]);
        let mut memory = Memory::default();
        let decision = reconcile(&autoscaler, &mut memory, &target, &Settings::default(), at(0));
        // Downwards the replicas there were are a recommendation, too: nothing happens for five minutes.
        assert_eq!((decision.recommended, decision.desired), (Some(wanted), first), "{replicas} at {percent} %");
        if wanted < replicas {
            let later = reconcile(&autoscaler, &mut memory, &target, &Settings::default(), at(300));
            assert_eq!(later.desired, wanted, "{replicas} at {percent} %");
        }
    }
}

/// Syncs every 15 s from `replicas` on: when they change, and to what.
fn follow(behavior: Option<Behavior>, mut replicas: u32, until: u64, wants: impl Fn(u64) -> u32) -> Vec<(u64, u32)> {
    let (autoscaler, mut memory, mut changes) = (autoscaler(1, 1_000, behavior), Memory::default(), Vec::new());
    for seconds in (0..=until).step_by(15) {
        let reading = Reading::Average(i64::from(wants(seconds)) * 1_000, 1_000);
        let decision =
            reconcile(&autoscaler, &mut memory, &target(replicas, vec![reading]), &Settings::default(), at(seconds));
        if decision.desired != replicas {
            replicas = decision.desired;
            changes.push((seconds, replicas));
        }
    }
    changes
}

#[test]
fn replicas_grow_as_fast_as_the_usual_rules_allow() {
    let usual = || Some(Behavior::default());
    assert_eq!(follow(usual(), 1, 120, |_| 40), [(0, 5), (15, 10), (30, 20), (45, 40)]);
    assert_eq!(follow(usual(), 2, 120, |_| 40), [(0, 6), (15, 12), (30, 24), (45, 40)]);
    // The code without rules: twice as many, or four.
    assert_eq!(follow(None, 1, 120, |_| 40), [(0, 4), (15, 8), (30, 16), (45, 32), (60, 40)]);
}

#[test]
fn replicas_fall_five_minutes_after_the_last_higher_recommendation() {
    let wants = |seconds| if seconds <= 60 { 10 } else { 4 };
    assert_eq!(follow(Some(Behavior::default()), 10, 600, wants), [(360, 4)]);
    // The code without rules counts the end of its window in.
    assert_eq!(follow(None, 10, 600, wants), [(375, 4)]);
}

#[test]
fn a_load_that_comes_and_goes_moves_nothing() {
    let wants = |seconds| if (seconds / 15) % 2 == 0 { 10 } else { 4 };
    assert_eq!(follow(Some(Behavior::default()), 10, 3_600, wants), []);
    let behavior = Behavior {
        up: super::behavior::Rules { stabilization: Some(SimDuration::from_secs(60)), ..Behavior::default().up },
        ..Behavior::default()
    };
    // Held both ways, it stays where it is, even between both.
    assert_eq!(follow(Some(behavior), 6, 3_600, wants), []);
}

/// `TestScaleUpOneMetricEmpty`, `TestNoScaleDownOneMetricEmpty`, and none at all.
#[test]
fn what_cannot_be_read_keeps_pods() {
    let autoscaler = autoscaler(2, 6, None);
    let readings = |percents: &[i64], goal| vec![cpu(busy(percents), goal), Reading::Failed];
    assert_eq!(once(&autoscaler, &target(3, readings(&[30, 40, 50], 30))).desired, 4);
    let held = once(&autoscaler, &target(5, readings(&[10, 30, 50, 25, 25], 50)));
    assert_eq!((held.desired, held.reason), (5, Reason::FailedGetMetrics(Unknown::NoMetrics)));
    assert_eq!(held.proposals[0].map(|proposal| proposal.replicas), Ok(3));
    let none = once(&autoscaler, &target(5, vec![Reading::Failed]));
    assert_eq!((none.desired, none.recommended), (5, None));
}

/// `TestNoBackoffUpscaleCM`, `TestNoBackoffUpscaleCMNoBackoffCpu`: the most of several metrics counts.
#[test]
fn the_most_of_several_metrics_counts() {
    let levels = || [20_000, 10_000, 30_000].map(|milli| pod(true, Some(milli))).to_vec();
    let requests = Reading::OfPods { pods: levels(), is_cpu: false, goal: Goal::Average(15_000) };
    let one = once(&autoscaler(1, 5, None), &target(3, vec![requests.clone()]));
    assert_eq!((one.desired, one.reason), (4, Reason::Limited(Limit::DesiredWithinRange)));
    let both = once(&autoscaler(1, 5, None), &target(3, vec![cpu(levels(), 10), requests]));
    assert_eq!((both.desired, both.reason), (5, Reason::Limited(Limit::TooManyReplicas)));
}

/// `TestScaleUpRCImmediately`, `TestScaleDownRCImmediately`, and a target that somebody switched off.
#[test]
fn the_range_comes_first() {
    let idle = || vec![cpu(busy(&[0; 4]), 50)];
    let below = once(&autoscaler(2, 6, None), &target(1, idle()));
    assert_eq!((below.desired, below.reason), (2, Reason::BelowMinReplicas));
    let above = once(&autoscaler(2, 5, None), &target(6, idle()));
    assert_eq!((above.desired, above.reason), (5, Reason::AboveMaxReplicas));
    let off = once(&autoscaler(2, 5, None), &target(0, idle()));
    assert_eq!((off.desired, off.reason), (0, Reason::ScalingDisabled));
}

/// `TestStabilizeDownscale`.
#[test]
fn a_recent_recommendation_holds() {
    let ago = |seconds: u64| SimTime::from_nanos((START - seconds) * 1_000_000_000);
    let mut memory = Memory::default();
    memory.recommendations =
        vec![Recommendation { replicas: 10, at: ago(600) }, Recommendation { replicas: 4, at: ago(60) }];
    let target = target(4, vec![cpu(busy(&[50; 3]), 100)]);
    let decision = reconcile(&autoscaler(1, 5, None), &mut memory, &target, &Settings::default(), at(0));
    assert_eq!((decision.desired, decision.recommended, decision.stabilized), (4, Some(2), Some(4)));
    assert_eq!(decision.reason, Reason::ScaleDownStabilized);
}

#[test]
fn tolerance_may_differ_by_direction() {
    let tolerances = Tolerances { up: 0.0, down: 0.5 };
    assert!(tolerances.hold(1.0) && !tolerances.hold(1.01) && tolerances.hold(0.5) && !tolerances.hold(0.49));
    let mut behavior = Behavior::default();
    behavior.up.tolerance = Some(0.02);
    let decision = |behavior| {
        let target = target(10, vec![cpu(busy(&[54; 10]), 50)]);
        once(&autoscaler(1, 100, Some(behavior)), &target).desired
    };
    assert_eq!((decision(behavior), decision(Behavior::default())), (11, 10));
}
