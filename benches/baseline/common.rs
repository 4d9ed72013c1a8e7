//! What both yardsticks share: arguments, variates, the record of a run and how it is printed.

use rand::distr::Distribution;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};

/// Nanoseconds in the unit of both models, the mean service time.
pub(crate) const UNIT: f64 = 1e9;

/// "No slot", "no such time".
pub(crate) const NONE: u32 = u32::MAX;
pub(crate) const NEVER: u64 = u64::MAX;

/// What `--requests N --pods N --seed S [--naive]` said. Without arguments a run is too short to measure anything:
/// `cargo bench` then only shows that the program works.
pub(crate) struct Options {
    pub(crate) requests: u64,
    pub(crate) pods: u32,
    pub(crate) seed: u64,
    pub(crate) naive: bool,
}

impl Options {
    pub(crate) fn from_arguments() -> Self {
        let mut options = Self { requests: 20_000, pods: 100, seed: 1, naive: false };
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            let mut number = || {
                let value = arguments.next().and_then(|text| text.replace('_', "").parse::<u64>().ok());
                value.unwrap_or_else(|| refuse(&format!("{name} needs a whole number")))
            };
            match name.as_str() {
                "--requests" => options.requests = number().max(1),
                "--pods" => options.pods = u32::try_from(number().max(2)).unwrap_or_else(|_| refuse("too many pods")),
                "--seed" => options.seed = number(),
                "--naive" => options.naive = true,
                // What `cargo bench` and `cargo test` add.
                "--bench" | "--test" => {}
                _ => refuse(&format!("unknown argument {name}")),
            }
        }
        options
    }

    /// A generator of its own for each purpose.
    pub(crate) fn generator(&self, purpose: u64) -> Xoshiro256PlusPlus {
        Xoshiro256PlusPlus::seed_from_u64(self.seed.wrapping_mul(1_000_003).wrapping_add(purpose))
    }
}

fn refuse(message: &str) -> ! {
    eprintln!("{message}; usage: [--requests N] [--pods N] [--seed S] [--naive]");
    std::process::exit(2)
}

/// Durations in nanoseconds.
pub(crate) trait Durations {
    fn next(&mut self) -> u64;
}

/// Every variate is drawn when it is needed, all from generators of their own.
pub(crate) struct Single<D> {
    generator: Xoshiro256PlusPlus,
    distribution: D,
    scale: f64,
}

impl<D: Distribution<f64>> Single<D> {
    pub(crate) fn new(generator: Xoshiro256PlusPlus, distribution: D, scale: f64) -> Self {
        Self { generator, distribution, scale }
    }
}

impl<D: Distribution<f64>> Durations for Single<D> {
    #[inline]
    fn next(&mut self) -> u64 {
        (self.distribution.sample(&mut self.generator) * self.scale) as u64
    }
}

const BATCH: usize = 256;

/// Variates are drawn 256 at a time: the generator's state stays in registers, the sampler in the cache.
pub(crate) struct Batched<D> {
    source: Single<D>,
    ready: Box<[u64; BATCH]>,
    used: usize,
}

impl<D: Distribution<f64>> Batched<D> {
    pub(crate) fn new(generator: Xoshiro256PlusPlus, distribution: D, scale: f64) -> Self {
        Self { source: Single::new(generator, distribution, scale), ready: Box::new([0; BATCH]), used: BATCH }
    }

    #[inline(never)]
    fn refill(&mut self) {
        self.ready.iter_mut().for_each(|value| *value = self.source.next());
        self.used = 0;
    }
}

impl<D: Distribution<f64>> Durations for Batched<D> {
    #[inline]
    fn next(&mut self) -> u64 {
        if self.used >= BATCH {
            self.refill();
        }
        let value = self.ready[self.used];
        self.used += 1;
        value
    }
}

/// Two different numbers below `n`, from one draw: a 32-bit half scaled to the range each. The bias is below n / 2^32.
#[inline]
pub(crate) fn two_distinct(generator: &mut Xoshiro256PlusPlus, n: u32) -> (usize, usize) {
    let word = generator.next_u64();
    let scaled = |half: u64, range: u32| ((half * u64::from(range)) >> 32) as usize;
    let first = scaled(word & 0xffff_ffff, n);
    let second = scaled(word >> 32, n - 1);
    (first, second + usize::from(second >= first))
}

/// Values by octave and 512 steps within: at most 0.1 % off.
pub(crate) struct Histogram {
    counts: Vec<u64>,
}

const STEP_BITS: u32 = 9;

impl Histogram {
    pub(crate) fn new() -> Self {
        Self { counts: vec![0; ((64 - STEP_BITS as usize) + 1) << STEP_BITS] }
    }

    #[inline]
    pub(crate) fn record(&mut self, value: u64) {
        let octave = (value >> STEP_BITS).checked_ilog2().map_or(0, |log| log + 1);
        let step = if octave == 0 { value } else { (value >> (octave - 1)) - (1 << STEP_BITS) };
        self.counts[((octave as usize) << STEP_BITS) + step as usize] += 1;
    }

    /// The middle of the bucket with the value of nearest rank, in units.
    pub(crate) fn quantile(&self, q: f64) -> f64 {
        let rank = (q * self.counts.iter().sum::<u64>() as f64).ceil() as u64;
        let mut seen = 0;
        let found = self.counts.iter().position(|count| {
            seen += count;
            seen >= rank.max(1)
        });
        let Some(bucket) = found else { return f64::NAN };
        let (octave, step) = (bucket >> STEP_BITS, (bucket & ((1 << STEP_BITS) - 1)) as u64);
        let (lower, width) = match octave {
            0 => (step, 1),
            _ => (((1 << STEP_BITS) + step) << (octave - 1), 1_u64 << (octave - 1)),
        };
        (lower as f64 + width as f64 / 2.0) / UNIT
    }
}

/// What a run measures: latencies of the requests after the first tenth, and the mean number at the pods from then to
/// the last arrival.
pub(crate) struct Record {
    requests: u64,
    started: u64,
    /// When measuring began.
    from: u64,
    count: u64,
    sum: u128,
    histogram: Histogram,
    level: u64,
    changed: u64,
    area: u64,
    mean_level: f64,
}

impl Record {
    pub(crate) fn new(requests: u64) -> Self {
        Self {
            requests,
            started: 0,
            from: if requests < 10 { 0 } else { NEVER },
            count: 0,
            sum: 0,
            histogram: Histogram::new(),
            level: 0,
            changed: 0,
            area: 0,
            mean_level: f64::NAN,
        }
    }

    /// A request starts; returns whether another one will.
    #[inline]
    pub(crate) fn start(&mut self, time: u64) -> bool {
        self.started += 1;
        if self.started == self.requests / 10 {
            self.from = time;
            (self.area, self.changed) = (0, time);
        }
        if self.started == self.requests {
            self.area += self.level * (time - self.changed);
            self.mean_level = self.area as f64 / (time - self.from) as f64;
            return false;
        }
        true
    }

    /// Whether a request that started then is measured.
    #[inline]
    pub(crate) fn measures(&self, started: u64) -> bool {
        started >= self.from
    }

    /// A measured request took this long.
    #[inline]
    pub(crate) fn latency(&mut self, nanos: u64) {
        self.count += 1;
        self.sum += u128::from(nanos);
        self.histogram.record(nanos);
    }

    /// One more at the pods.
    #[inline]
    pub(crate) fn enter(&mut self, time: u64) {
        self.area += self.level * (time - self.changed);
        self.changed = time;
        self.level += 1;
    }

    /// One less at the pods.
    #[inline]
    pub(crate) fn leave(&mut self, time: u64) {
        self.area += self.level * (time - self.changed);
        self.changed = time;
        self.level -= 1;
    }

    /// One line of JSON; `more` holds further members with a comma before each.
    pub(crate) fn print(&self, workload: &str, options: &Options, more: &str) {
        println!(
            concat!(
                "{{\"workload\":\"{}\",\"variant\":\"{}\",\"pods\":{},\"seed\":{},\"requests\":{},\"measured\":{},",
                "\"mean_s\":{:.5},\"p50_s\":{:.4},\"p99_s\":{:.4},\"mean_queue\":{:.5}{}}}"
            ),
            workload,
            if options.naive { "naive" } else { "optimized" },
            options.pods,
            options.seed,
            self.requests,
            self.count,
            self.sum as f64 / self.count as f64 / UNIT,
            self.histogram.quantile(0.5),
            self.histogram.quantile(0.99),
            self.mean_level / f64::from(options.pods),
            more,
        );
    }
}
