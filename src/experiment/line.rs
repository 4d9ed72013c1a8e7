//! Jobs taken in order by any number of workers, results handed out in the same order.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// `total` jobs, numbered from 0. A job is taken only while fewer than `window` wait between it and the first result
/// that was not handed out, or while the results that wait take less than `room` bytes: a slow job lets small results
/// of later ones wait for it rather than the workers, and large ones do not pile up.
#[derive(Debug)]
pub(super) struct Line<T> {
    total: usize,
    window: usize,
    room: usize,
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    /// The next job to be taken.
    next: usize,
    /// Jobs whose results were handed out.
    handed: usize,
    /// Whether no further job may be taken.
    closed: bool,
    /// Results that wait, with their bytes.
    done: BTreeMap<usize, (T, usize)>,
    /// The sum of those.
    bytes: usize,
}

impl<T> Line<T> {
    pub(super) const fn new(total: usize, window: usize, room: usize) -> Self {
        let state = State { next: 0, handed: 0, closed: false, done: BTreeMap::new(), bytes: 0 };
        Self { total, window, room, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// A worker's next job; waits until there is room for its result. `None` when there is none left.
    pub(super) fn take(&self) -> Option<usize> {
        let mut state = self.state();
        let full = |state: &State<T>| state.next >= state.handed + self.window && state.bytes >= self.room;
        while !state.closed && state.next < self.total && full(&state) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed || state.next == self.total {
            return None;
        }
        state.next += 1;
        Some(state.next - 1)
    }

    /// The result of a job that was taken, and about how many bytes it holds.
    pub(super) fn put(&self, job: usize, result: T, bytes: usize) {
        let mut state = self.state();
        if job >= state.handed {
            state.done.insert(job, (result, bytes));
            state.bytes += bytes;
            drop(state);
            self.changed.notify_all();
        }
    }

    /// The next result in order; waits for it. `None` after the last one.
    pub(super) fn next_result(&self) -> Option<T> {
        let mut state = self.state();
        if state.handed == self.total {
            return None;
        }
        let job = state.handed;
        loop {
            if let Some((result, bytes)) = state.done.remove(&job) {
                state.handed += 1;
                state.bytes -= bytes;
                self.changed.notify_all();
                return Some(result);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Leaves out the jobs before this one that were not handed out; what comes of those that were taken is dropped.
    pub(super) fn skip_to(&self, job: usize) {
        let mut state = self.state();
        state.handed = state.handed.max(job);
        state.next = state.next.max(job);
        state.done = state.done.split_off(&job);
        state.bytes = state.done.values().map(|(_, bytes)| bytes).sum();
        drop(state);
        self.changed.notify_all();
    }

    /// No further job is taken.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    /// Nothing panics while it holds the lock, so a poisoned one is as good as any.
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn results_come_in_order_and_never_pile_up() {
        let line = Line::new(200, 6, 0);
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let results = std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while let Some(job) = line.take() {
                        most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        // Early jobs of each ten are slow.
                        std::thread::sleep(std::time::Duration::from_micros(if job % 10 == 0 { 900 } else { 10 }));
                        line.put(job, job * 2, 1);
                    }
                });
            }
            std::iter::from_fn(|| {
                let result = line.next_result()?;
                // The one that is handed out now may have let one more begin.
                assert!(running.fetch_sub(1, Ordering::SeqCst) <= 7);
                Some(result)
            })
            .collect::<Vec<_>>()
        });
        assert_eq!(results, (0..200).map(|job| job * 2).collect::<Vec<_>>());
        assert!(most.load(Ordering::SeqCst) >= 2, "nothing ran at the same time");
    }

    #[test]
    fn jobs_that_are_left_out_give_no_results() {
        let line = Line::new(10, 4, 0);
        assert_eq!([line.take(), line.take(), line.take()], [Some(0), Some(1), Some(2)]);
        line.put(1, 10, 1);
        line.put(0, 0, 1);
        assert_eq!(line.next_result(), Some(0));
        line.skip_to(5);
        // The second of them came too late, the first was waiting.
        line.put(2, 20, 1);
        assert_eq!(line.take(), Some(5));
        line.put(5, 50, 1);
        assert_eq!(line.next_result(), Some(50));
        line.skip_to(10);
        assert_eq!((line.take(), line.next_result()), (None, None));
    }

    #[test]
    fn a_closed_line_lets_its_workers_go() {
        let line = Line::new(100, 2, 0);
        std::thread::scope(|scope| {
            let worker = scope.spawn(|| {
                let mut taken = 0;
                while let Some(job) = line.take() {
                    taken += 1;
                    line.put(job, (), 1);
                }
                taken
            });
            assert_eq!(line.next_result(), Some(()));
            line.close();
            assert!(worker.join().is_ok_and(|taken| (1..=3).contains(&taken)));
        });
        assert_eq!(Line::<()>::new(0, 2, 0).next_result(), None);
    }

    #[test]
    fn small_results_wait_for_a_slow_one_and_large_ones_do_not_pile_up() {
        // The first job ends when the second worker can take nothing more, or has done all others.
        for (bytes, most) in [(1, 99), (30, 5)] {
            let line = Line::new(100, 4, 100);
            let taken = AtomicUsize::new(0);
            std::thread::scope(|scope| {
                assert_eq!(line.take(), Some(0));
                scope.spawn(|| {
                    while let Some(job) = line.take() {
                        taken.fetch_add(1, Ordering::SeqCst);
                        line.put(job, (), bytes);
                    }
                });
                let mut before = usize::MAX;
                while taken.load(Ordering::SeqCst) != before || before == 0 {
                    before = taken.load(Ordering::SeqCst);
                    std::thread::sleep(std::time::Duration::from_millis(50));
                }
                assert!(before <= most && (bytes > 1 || before == most), "{before} of {bytes} bytes");
                line.put(0, (), bytes);
                while line.next_result().is_some() {}
            });
            assert_eq!(taken.load(Ordering::SeqCst), 99);
        }
    }
}
