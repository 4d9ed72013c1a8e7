//! The books of unfinished work, kept where a policy asks for them.

use crate::model::World;
use crate::model::cluster::unfinished::Unfinished;
use crate::model::plan::{ServerPlan, StepPlan};
use crate::time::{SimDuration, SimTime};

impl World<'_> {
    /// Enters an attempt with all the work that it will do in the pod.
    pub(crate) fn enter_work(&mut self, attempt: u32, station: usize, server: &ServerPlan) {
        let Some(books) = &self.work else { return };
        if books.knows(attempt) {
            return;
        }
        let work = self.all_work_of(attempt, server);
        self.books().comes(attempt, station, work);
    }

    fn books(&mut self) -> &mut Unfinished {
        self.work.as_mut().expect("only servers whose work is kept come here")
    }

    /// Nanoseconds of work of an attempt in all steps.
    fn all_work_of(&self, attempt: u32, server: &ServerPlan) -> u64 {
        let trip = self.trip(attempt);
        let works = (0..).zip(&server.steps).filter_map(|(step, plan)| match plan {
            StepPlan::Work(dist) => Some(self.work_of(&trip, step, server, dist)),
            StepPlan::Calls(_) => None,
        });
        works.map(SimDuration::as_nanos).sum()
    }

    /// A step of work begins: what it usually takes, by which the books expected it, and what it takes now.
    #[inline(never)]
    pub(crate) fn begin_work_in_books(
        &mut self,
        attempt: u32,
        station: usize,
        server: &ServerPlan,
        (usual, work): (SimDuration, SimDuration),
        now: SimTime,
    ) {
        self.enter_work(attempt, station, server);
        self.books().takes(attempt, station, usual.as_nanos());
        if !server.shares && !server.paced {
            self.books().begins(attempt, station, work.as_nanos(), now);
        }
    }

    /// A step is over, or the first is about to begin.
    pub(crate) fn rest_from_work(&mut self, attempt: u32, station: usize, server: &ServerPlan, now: SimTime) {
        self.enter_work(attempt, station, server);
        self.books().rests(attempt, station, now);
    }

    /// An attempt leaves the pod.
    pub(crate) fn close_books(&mut self, attempt: u32, station: usize, now: SimTime) {
        if let Some(books) = &mut self.work
            && books.knows(attempt)
        {
            books.goes(attempt, station, now);
        }
    }
}
