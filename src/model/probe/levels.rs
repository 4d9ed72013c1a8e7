//! How many are in the pods, and how many of them wait, over time.

use super::observed::Peak;
use crate::model::plan::Plan;
use crate::observe::time_average::{Area, mean_level};
use crate::scenario::metric::{Quantity, Statistic};
use crate::time::SimTime;

/// The levels that metrics watch; empty where none does.
#[derive(Debug, Default)]
pub(super) struct Levels {
    /// In system and waiting at each station.
    stations: Vec<[u32; 2]>,
    /// The same of each pod: the sum over its containers.
    pods: Vec<[u32; 2]>,
    of_workload: Vec<Option<Box<Watched>>>,
    of_pod: Vec<Option<Box<Watched>>>,
}

/// What is watched of a workload or pod: the number in system, and the number waiting.
type Watched = [Option<Level>; 2];

/// One of the two, over the pods of a workload or of one pod alone.
#[derive(Debug, Default)]
struct Level {
    at_least: Vec<Threshold>,
    extremes: Option<Extremes>,
    peak: Option<Peak>,
    profile: Option<Profile>,
}

/// Time with at least k requests, summed over pods.
#[derive(Debug, Default)]
struct Threshold {
    k: u32,
    pods: u64,
    area: Area,
    at_open: u128,
    inside: u128,
}

impl Threshold {
    fn moved(&mut self, before: u32, after: u32, now: SimTime) {
        if before < self.k && after >= self.k {
            self.pods += 1;
            self.area.up(now);
        } else if before >= self.k && after < self.k {
            self.pods -= 1;
            self.area.down(now);
        }
    }
}

/// The fullest and the emptiest pod over time.
#[derive(Debug)]
struct Extremes {
    /// How many pods are at each level.
    pods_at: Vec<u32>,
    highest: u32,
    lowest: u32,
    highest_area: Area,
    lowest_area: Area,
    at_open: (u128, u128),
    inside: (u128, u128),
}

impl Extremes {
    fn new(pods: u32) -> Self {
        Self {
            pods_at: vec![pods],
            highest: 0,
            lowest: 0,
            highest_area: Area::default(),
            lowest_area: Area::default(),
            at_open: (0, 0),
            inside: (0, 0),
        }
    }

    fn moved(&mut self, before: u32, after: u32, now: SimTime) {
        if self.pods_at.len() <= after as usize {
            self.pods_at.resize(after as usize + 1, 0);
        }
        self.pods_at[before as usize] -= 1;
        self.pods_at[after as usize] += 1;
        let (mut highest, mut lowest) = (self.highest.max(after), self.lowest.min(after));
        while self.pods_at[highest as usize] == 0 {
            highest -= 1;
        }
        while self.pods_at[lowest as usize] == 0 {
            lowest += 1;
        }
        self.highest_area.step(now, i64::from(highest) - i64::from(self.highest));
        self.lowest_area.step(now, i64::from(lowest) - i64::from(self.lowest));
        (self.highest, self.lowest) = (highest, lowest);
    }

    fn areas(&self, now: SimTime) -> (u128, u128) {
        (self.highest_area.until(now, u64::from(self.highest)), self.lowest_area.until(now, u64::from(self.lowest)))
    }
}

/// How long pods are at each level, summed over them.
#[derive(Debug)]
struct Profile {
    /// Pods at each level, and the area under that number.
    at: Vec<(u64, Area)>,
    at_open: Vec<u128>,
    inside: Vec<u128>,
}

impl Profile {
    fn new(pods: u32) -> Self {
        Self { at: vec![(u64::from(pods), Area::default())], at_open: Vec::new(), inside: Vec::new() }
    }

    fn moved(&mut self, before: u32, after: u32, now: SimTime) {
        if self.at.len() <= after as usize {
            self.at.resize_with(after as usize + 1, || (0, Area::default()));
        }
        let (left, entered) = (before as usize, after as usize);
        self.at[left].0 -= 1;
        self.at[left].1.down(now);
        self.at[entered].0 += 1;
        self.at[entered].1.up(now);
    }

    fn areas(&self, now: SimTime) -> Vec<u128> {
        self.at.iter().map(|(pods, area)| area.until(now, *pods)).collect()
    }

    fn close(&mut self, now: SimTime) {
        let before = self.at_open.iter().copied().chain(std::iter::repeat(0));
        self.inside = self.areas(now).into_iter().zip(before).map(|(after, before)| after - before).collect();
    }

    /// The variance of the level over the time of all pods.
    fn variance(&self) -> Option<f64> {
        let whole = self.inside.iter().sum::<u128>() as f64;
        let weighed = |of: &dyn Fn(f64) -> f64| -> f64 {
            self.inside.iter().enumerate().map(|(level, time)| of(level as f64) * (*time as f64)).sum::<f64>() / whole
        };
        let mean = weighed(&|level| level);
        (whole > 0.0).then(|| weighed(&|level| (level - mean) * (level - mean)))
    }

    /// The lowest level that is not exceeded in a share `q` of the time of all pods.
    fn quantile(&self, q: f64) -> Option<f64> {
        let whole = self.inside.iter().sum::<u128>() as f64;
        let mut below = 0;
        for (level, time) in self.inside.iter().enumerate() {
            below += time;
            if below as f64 >= q * whole {
                return Some(level as f64);
            }
        }
        None
    }
}

impl Level {
    fn want(&mut self, statistic: &Statistic, pods: u32) {
        match least_of(statistic) {
            Some(k) if !self.at_least.iter().any(|threshold| threshold.k == k) => {
                // Every pod always has at least none.
                let everywhere = if k == 0 { u64::from(pods) } else { 0 };
                self.at_least.push(Threshold { k, pods: everywhere, ..Threshold::default() });
            }
            Some(_) => {}
            None if *statistic == Statistic::Max => {
                self.peak.get_or_insert_with(Peak::default);
            }
            None if matches!(statistic, Statistic::Quantile(_) | Statistic::Variance | Statistic::Sd) => {
                self.profile.get_or_insert_with(|| Profile::new(pods));
            }
            None => {
                self.extremes.get_or_insert_with(|| Extremes::new(pods));
            }
        }
    }

    /// A pod moved from one level to another.
    fn moved(&mut self, before: u32, after: u32, now: SimTime) {
        for threshold in &mut self.at_least {
            threshold.moved(before, after, now);
        }
        if let Some(extremes) = &mut self.extremes {
            extremes.moved(before, after, now);
        }
        if let Some(peak) = &mut self.peak {
            peak.moved(i64::from(after) - i64::from(before));
        }
        if let Some(profile) = &mut self.profile {
            profile.moved(before, after, now);
        }
    }

    fn open(&mut self, now: SimTime) {
        for threshold in &mut self.at_least {
            threshold.at_open = threshold.area.until(now, threshold.pods);
        }
        if let Some(extremes) = &mut self.extremes {
            extremes.at_open = extremes.areas(now);
        }
        if let Some(peak) = &mut self.peak {
            peak.open();
        }
        if let Some(profile) = &mut self.profile {
            profile.at_open = profile.areas(now);
        }
    }

    fn close(&mut self, now: SimTime) {
        for threshold in &mut self.at_least {
            threshold.inside = threshold.area.until(now, threshold.pods) - threshold.at_open;
        }
        if let Some(extremes) = &mut self.extremes {
            let (highest, lowest) = extremes.areas(now);
            extremes.inside = (highest - extremes.at_open.0, lowest - extremes.at_open.1);
        }
        if let Some(peak) = &mut self.peak {
            peak.close();
        }
        if let Some(profile) = &mut self.profile {
            profile.close(now);
        }
    }

    fn value(&self, statistic: &Statistic, pods: u32, span: u64) -> Option<f64> {
        if *statistic == Statistic::Max {
            return self.peak.as_ref().map(Peak::value);
        }
        if span == 0 || pods == 0 {
            return None;
        }
        if let Some(k) = least_of(statistic) {
            let threshold = self.at_least.iter().find(|threshold| threshold.k == k)?;
            return Some(mean_level(threshold.inside, span) / f64::from(pods));
        }
        match statistic {
            Statistic::Quantile(q) => return self.profile.as_ref()?.quantile(*q),
            Statistic::Variance => return self.profile.as_ref()?.variance(),
            Statistic::Sd => return self.profile.as_ref()?.variance().map(libm::sqrt),
            _ => {}
        }
        let (highest, lowest) = self.extremes.as_ref()?.inside;
        match statistic {
            Statistic::MaxOverPodsMean => Some(mean_level(highest, span)),
            Statistic::Imbalance => Some(mean_level(highest - lowest, span)),
            _ => None,
        }
    }
}

/// The K of "at least K".
const fn least_of(statistic: &Statistic) -> Option<u32> {
    match statistic {
        Statistic::AtLeast(k) => Some(*k),
        Statistic::Positive => Some(1),
        _ => None,
    }
}

/// Whether a statistic of a level needs to see every change; means come from areas that are kept anyway.
pub(super) const fn watches(statistic: &Statistic) -> bool {
    use Statistic::{AtLeast, Imbalance, Max, MaxOverPodsMean, Positive, Quantile, Sd, Variance};
    matches!(statistic, AtLeast(_) | Positive | Max | Imbalance | MaxOverPodsMean | Quantile(_) | Sd | Variance)
}

const fn which(quantity: &Quantity) -> usize {
    if matches!(quantity, Quantity::Queue) { 1 } else { 0 }
}

impl Levels {
    fn prepare(&mut self, plan: &Plan) {
        if self.of_pod.is_empty() {
            self.stations = vec![[0; 2]; plan.server_of.len()];
            self.pods = vec![[0; 2]; plan.pods.len()];
            self.of_pod.resize_with(plan.pods.len(), || None);
            self.of_workload.resize_with(plan.scenario.workloads.len(), || None);
        }
    }

    /// There is a pod more. Statistics over the pods of a workload are of those of the start.
    pub(super) fn add_pod(&mut self, containers: usize) {
        if !self.of_pod.is_empty() {
            self.stations.resize(self.stations.len() + containers, [0; 2]);
            self.pods.push([0; 2]);
            self.of_pod.push(None);
        }
    }

    /// Watches the number in system or waiting of a workload.
    pub(super) fn want_workload(&mut self, plan: &Plan, workload: usize, quantity: &Quantity, statistic: &Statistic) {
        self.prepare(plan);
        let watched = self.of_workload[workload].get_or_insert_with(Box::default);
        let pods = plan.scenario.workloads[workload].replicas;
        watched[which(quantity)].get_or_insert_with(Level::default).want(statistic, pods);
    }

    /// Watches the number in system or waiting of a pod.
    pub(super) fn want_pod(&mut self, plan: &Plan, pod: usize, quantity: &Quantity, statistic: &Statistic) {
        self.prepare(plan);
        let watched = self.of_pod[pod].get_or_insert_with(Box::default);
        watched[which(quantity)].get_or_insert_with(Level::default).want(statistic, 1);
    }

    /// Whether nothing is watched.
    pub(super) const fn is_empty(&self) -> bool {
        self.stations.is_empty()
    }

    /// A station has so many in system and waiting now.
    pub(super) fn changed(&mut self, (workload, pod, station): (usize, usize, usize), levels: [u32; 2], now: SimTime) {
        let before = std::mem::replace(&mut self.stations[station], levels);
        for which in 0..2 {
            if before[which] == levels[which] {
                continue;
            }
            let pod_before = self.pods[pod][which];
            let pod_after = pod_before - before[which] + levels[which];
            self.pods[pod][which] = pod_after;
            for watched in [&mut self.of_workload[workload], &mut self.of_pod[pod]].into_iter().flatten() {
                if let Some(level) = &mut watched[which] {
                    level.moved(pod_before, pod_after, now);
                }
            }
        }
    }

    fn all(&mut self) -> impl Iterator<Item = &mut Level> {
        let watched = self.of_workload.iter_mut().chain(&mut self.of_pod).flatten();
        watched.flat_map(|watched| watched.iter_mut().flatten())
    }

    pub(super) fn open(&mut self, now: SimTime) {
        self.all().for_each(|level| level.open(now));
    }

    pub(super) fn close(&mut self, now: SimTime) {
        self.all().for_each(|level| level.close(now));
    }

    /// A watched statistic of a workload.
    pub(super) fn workload(&self, plan: &Plan, workload: usize, what: (&Quantity, &Statistic), span: u64) -> f64 {
        let pods = plan.scenario.workloads[workload].replicas;
        Self::read(self.of_workload.get(workload), what, pods, span)
    }

    /// A watched statistic of a pod.
    pub(super) fn pod(&self, pod: usize, what: (&Quantity, &Statistic), span: u64) -> f64 {
        Self::read(self.of_pod.get(pod), what, 1, span)
    }

    fn read(
        watched: Option<&Option<Box<Watched>>>,
        (quantity, statistic): (&Quantity, &Statistic),
        pods: u32,
        span: u64,
    ) -> f64 {
        let level = watched.and_then(Option::as_ref).and_then(|watched| watched[which(quantity)].as_ref());
        level.and_then(|level| level.value(statistic, pods, span)).unwrap_or(f64::NAN)
    }
}
