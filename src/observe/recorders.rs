//! The recorders of all flows.
//!
//! The recorders of many flows do not fit into the processor's nearest caches, and a request would wait for its own,
//! again and again. So what happens to many flows is noted in one place first, and recorded flow by flow when there is
//! enough of it. What is recorded of a flow, and in which order, stays the same; so does the order of the timeline's rows.

use std::ops::Range;

use crate::observe::grouping::Grouping;
use crate::observe::outcome::Sink;
use crate::observe::recorder::{FlowRecorder, LedgerBlock};
use crate::time::SimTime;

/// From so many recorders on it is worth while.
const MANY: usize = 64;
/// Notes that are recorded together.
const BATCH: usize = 16_384;

/// What happened to a request.
#[derive(Debug, Clone)]
struct Note {
    now: SimTime,
    ready_pods: u64,
    /// Its latency, if it succeeded; it arrived otherwise.
    latency: Option<u64>,
    recorder: u32,
    measured: bool,
}

/// The recorders of all flows.
#[derive(Debug, Default)]
pub struct Recorders {
    each: Vec<FlowRecorder>,
    many: bool,
    /// What happened, and where its ledger stands.
    notes: Vec<(Note, Range<u32>)>,
    ledgers: Vec<LedgerBlock>,
    grouping: Grouping,
    /// When the first interval of any timeline ends.
    interval_ends: SimTime,
}

impl Recorders {
    /// One for each flow, in order.
    #[must_use]
    pub fn new(each: Vec<FlowRecorder>) -> Self {
        Self { many: each.len() >= MANY, each, ..Self::default() }
    }

    /// A request arrived.
    #[inline(always)]
    pub fn arrive(&mut self, recorder: u32, now: SimTime, measured: bool, ready_pods: u64, sink: &mut dyn Sink) {
        if self.many {
            return self.note(Note { now, ready_pods, latency: None, recorder, measured }, &[], sink);
        }
        self.each[recorder as usize].arrive(now, measured, ready_pods, sink);
    }

    /// A request succeeded; `ledger` holds its nanoseconds by column.
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "these are what is recorded, and where")]
    pub fn succeed(
        &mut self,
        recorder: u32,
        now: SimTime,
        latency: u64,
        ledger: &[LedgerBlock],
        measured: bool,
        ready_pods: u64,
        sink: &mut dyn Sink,
    ) {
        if self.many {
            return self.note(Note { now, ready_pods, latency: Some(latency), recorder, measured }, ledger, sink);
        }
        self.each[recorder as usize].succeed(now, latency, ledger, measured, ready_pods, sink);
    }

    #[inline(never)]
    fn note(&mut self, note: Note, ledger: &[LedgerBlock], sink: &mut dyn Sink) {
        let first = self.ledgers.len() as u32;
        self.ledgers.extend_from_slice(ledger);
        self.notes.push((note, first..self.ledgers.len() as u32));
        if self.notes.len() >= BATCH {
            self.settle(sink);
        }
    }

    #[inline(never)]
    fn settle(&mut self, sink: &mut dyn Sink) {
        // Where an interval ends meanwhile, the order of its rows is that of the notes.
        let as_noted = self.notes.last().is_some_and(|(last, _)| last.now >= self.interval_ends);
        let (each, notes, ledgers) = (&mut self.each, &self.notes, &self.ledgers);
        let order = self.grouping.order(notes, each.len(), |(note, _)| note.recorder);
        let mut record = |(note, ledger): &(Note, Range<u32>)| {
            let Note { now, ready_pods, measured, .. } = *note;
            let recorder = &mut each[note.recorder as usize];
            match note.latency {
                None => recorder.arrive(now, measured, ready_pods, sink),
                Some(latency) => {
                    let ledger = &ledgers[ledger.start as usize..ledger.end as usize];
                    recorder.succeed(now, latency, ledger, measured, ready_pods, sink);
                }
            }
        };
        if as_noted {
            notes.iter().for_each(record);
            let ends = self.each.iter().map(FlowRecorder::interval_ends);
            self.interval_ends = ends.min().unwrap_or(SimTime::MAX);
        } else {
            order.iter().for_each(|place| record(&notes[*place as usize]));
        }
        self.notes.clear();
        self.ledgers.clear();
    }

    /// All recorders, with all in them that has happened.
    pub fn settled(&mut self, sink: &mut dyn Sink) -> &mut [FlowRecorder] {
        if self.many {
            self.settle(sink);
        }
        &mut self.each
    }

    /// The recorder of a flow, for counts that do not hang on what else has happened.
    pub fn counts(&mut self, recorder: u32) -> &mut FlowRecorder {
        &mut self.each[recorder as usize]
    }

    /// All recorders, to be finished.
    pub fn into_each(mut self, sink: &mut dyn Sink) -> Vec<FlowRecorder> {
        self.settled(sink);
        self.each
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::FailureCause;
    use crate::observe::outcome::{RequestRow, TimelineRow};
    use crate::time::SimDuration;

    #[derive(Default)]
    struct Rows(Vec<String>);

    impl Sink for Rows {
        fn timeline(&mut self, row: &TimelineRow) {
            self.0.push(format!("{row:?}"));
        }
        fn request(&mut self, _: &RequestRow<'_>) {}
    }

    /// Rows of the timeline, and what is left of each recorder, when so many flows are recorded.
    fn recorded(many: bool) -> (Vec<String>, Vec<String>) {
        let flows = MANY as u64;
        let new = |flow| FlowRecorder::new(flow, 5, SimDuration::from_nanos(700));
        let mut recorders = Recorders::new((0..MANY).map(new).collect());
        assert!(recorders.many);
        recorders.many = many;
        let mut rows = Rows::default();
        for step in 0..40_000_u64 {
            let (flow, now) = ((step * 7 % flows) as u32, SimTime::from_nanos(step));
            let measured = step > 9_000;
            recorders.arrive(flow, now, measured, step / 10_000, &mut rows);
            let ledger = [[step % 13, 1, 0, 4], [0, 0, 0, 0]];
            let latency = ledger[0].iter().sum();
            if step % 1_000 == 17 {
                let own = &mut recorders.settled(&mut rows)[flow as usize];
                own.fail(now, (FailureCause::Refused, 0, 0), measured, step / 10_000, &mut rows);
            } else {
                recorders.succeed(flow, now, latency, &ledger, measured, step / 10_000, &mut rows);
            }
        }
        let places = ["here".to_string()];
        let each = recorders.into_each(&mut rows).into_iter();
        let left = each.map(|recorder| format!("{:?}", recorder.finish(&places, &[String::new()], (1, 1)))).collect();
        (rows.0, left)
    }

    #[test]
    fn what_is_recorded_together_is_what_is_recorded_one_by_one() {
        let (together, apart) = (recorded(true), recorded(false));
        assert!(!apart.0.is_empty());
        assert_eq!(together, apart);
    }
}
