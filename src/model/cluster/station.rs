//! A container that serves: its slots, its queue and the areas under both.

use crate::model::plan::NONE;
use crate::model::slab::Slab;
use crate::model::traffic::attempt::Attempt;
use crate::observe::time_average::Area;
use crate::time::SimTime;

/// The hot record of a container; the queue is linked through the attempts that wait.
#[derive(Debug, Clone)]
#[repr(align(64))]
pub struct Station {
    head: u32,
    tail: u32,
    /// Requests waiting.
    pub waiting: u32,
    /// Slots taken; under processor sharing, cores at work.
    pub busy: u32,
    /// Most that waited at once since the window opened.
    pub waiting_max: u32,
    /// Behaviour.
    pub server: u32,
    /// Area under `busy`.
    pub busy_area: Area,
    /// Area under `waiting`; under processor sharing, under the jobs beyond one a core.
    pub waiting_area: Area,
}

impl Station {
    /// An idle container.
    #[must_use]
    pub fn new(server: u32) -> Self {
        Self {
            head: NONE,
            tail: NONE,
            waiting: 0,
            busy: 0,
            waiting_max: 0,
            server,
            busy_area: Area::default(),
            waiting_area: Area::default(),
        }
    }

    /// Requests waiting and in service.
    #[must_use]
    #[inline]
    pub const fn in_system(&self) -> u32 {
        self.waiting + self.busy
    }

    /// Takes a slot.
    #[inline]
    pub fn occupy(&mut self, now: SimTime) {
        self.busy += 1;
        self.busy_area.up(now);
    }

    /// Frees a slot.
    #[inline]
    pub fn vacate(&mut self, now: SimTime) {
        debug_assert!(self.busy > 0, "a slot was freed that nobody held");
        self.busy -= 1;
        self.busy_area.down(now);
    }

    /// Puts an attempt at the end of the queue.
    #[inline(always)]
    pub fn enqueue(&mut self, attempt: u32, attempts: &mut Slab<Attempt>, now: SimTime) {
        let tail = self.tail;
        let entry = &mut attempts[attempt];
        entry.next = NONE;
        entry.previous = tail;
        if tail == NONE {
            self.head = attempt;
        } else {
            attempts[tail].next = attempt;
        }
        self.tail = attempt;
        self.waiting += 1;
        self.waiting_area.up(now);
        if self.waiting > self.waiting_max {
            self.waiting_max = self.waiting;
        }
    }

    /// The attempt that has waited longest.
    #[must_use]
    #[inline]
    pub const fn first(&self) -> u32 {
        self.head
    }

    /// The attempt that came last.
    #[must_use]
    pub const fn last(&self) -> u32 {
        self.tail
    }

    /// Takes an attempt out of the queue, wherever it stands.
    #[inline(always)]
    pub fn unlink(&mut self, attempt: u32, attempts: &mut Slab<Attempt>, now: SimTime) {
        let (previous, next) = (attempts[attempt].previous, attempts[attempt].next);
        if previous == NONE {
            self.head = next;
        } else {
            attempts[previous].next = next;
        }
        if next == NONE {
            self.tail = previous;
        } else {
            attempts[next].previous = previous;
        }
        self.waiting -= 1;
        self.waiting_area.down(now);
    }
}
