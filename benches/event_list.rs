//! The hold model: with n events pending, take the first and schedule one an exponential time later. One iteration is
//! one such step, so the figures are nanoseconds an event.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use rand_distr::Exp1;
use windtunnel::engine::{Heap, Kind, Radix, Rank, Schedule, Tournament};
use windtunnel::time::SimDuration;

/// Increments are drawn beforehand: the figure is that of the list.
const INCREMENTS: usize = 1 << 16;

/// Steps taken before measuring, as a multiple of the pending events: the list reaches its steady shape.
const WARM_UP: usize = 3;

fn increments() -> Vec<u64> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    (0..INCREMENTS).map(|_| (rng.sample::<f64, _>(Exp1) * 1e9) as u64).collect()
}

/// A list of keys, driven alike for every structure.
struct Hold<L> {
    list: L,
    increments: Vec<u64>,
    sequence: u32,
}

impl<L> Hold<L> {
    #[inline]
    fn key_after(&mut self, nanos: u64) -> u128 {
        self.sequence = self.sequence.wrapping_add(1);
        let increment = self.increments[self.sequence as usize % INCREMENTS];
        (u128::from((nanos + increment) << 2) << 64) | (u128::from(self.sequence) << 32)
    }
}

fn bench_list<L>(
    criterion: &mut Criterion,
    name: &str,
    pending: usize,
    list: L,
    push: impl Fn(&mut L, u128),
    pop: impl Fn(&mut L) -> u128,
) {
    let mut hold = Hold { list, increments: increments(), sequence: 0 };
    for _ in 0..pending {
        let key = hold.key_after(0);
        push(&mut hold.list, key);
    }
    let step = |hold: &mut Hold<L>| {
        let key = pop(&mut hold.list);
        let next = hold.key_after((key >> 66) as u64);
        push(&mut hold.list, next);
        key
    };
    for _ in 0..WARM_UP * pending {
        black_box(step(&mut hold));
    }
    criterion
        .benchmark_group("hold")
        .bench_function(BenchmarkId::new(name, pending), |bencher| bencher.iter(|| black_box(step(&mut hold))));
}

fn bench_schedule(criterion: &mut Criterion, pending: usize) {
    let increments = increments();
    let mut schedule = Schedule::new();
    let mut step = 0;
    let mut schedule_one = |schedule: &mut Schedule, slot: u32| {
        step += 1;
        let delay = SimDuration::from_nanos(increments[step % INCREMENTS]);
        schedule.after(delay, Rank::Completion, Kind(1), slot);
    };
    (0..pending as u32).for_each(|slot| schedule_one(&mut schedule, slot));
    let mut step = |schedule: &mut Schedule| {
        let event = schedule.next();
        if let Some(event) = event {
            schedule_one(schedule, event.slot());
        }
        event
    };
    for _ in 0..WARM_UP * pending {
        black_box(step(&mut schedule));
    }
    criterion.benchmark_group("hold").bench_function(BenchmarkId::new("schedule", pending), |bencher| {
        bencher.iter(|| black_box(step(&mut schedule)))
    });
}

fn hold(criterion: &mut Criterion) {
    for pending in [100, 1_000, 10_000, 100_000, 1_000_000] {
        bench_list(criterion, "heap", pending, Heap::new(), Heap::push, Heap::pop);
        bench_list(criterion, "tournament", pending, Tournament::new(), Tournament::push, Tournament::pop);
        bench_list(criterion, "radix", pending, Radix::new(0), Radix::push, Radix::pop);
        bench_schedule(criterion, pending);
    }
}

criterion_group!(benches, hold);
criterion_main!(benches);
