//! musl's resolver (`res_msend.c`, `lookup_name.c`), as recorded with musl 1.2.3.
//!
//! All servers are asked at once, the first good answer counts. The timeout is for all of it: what is not answered is
//! sent again every timeout ÷ attempts. A failing server (`SERVFAIL`) is asked again at once, at most twice for each
//! question in such an interval. Whatever is still missing at the end, even if the other half was answered, ends the
//! lookup: other search domains are not tried.

use super::{Action, Answer, Outcome, Query, Settings, place};
use crate::discovery::records::RecordType;

#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    candidate: u8,
    interval: u32,
    /// How often a failing server may still be asked again.
    patience: u8,
    answers: [Option<Answer>; 2],
}

impl State {
    pub(super) fn begin(settings: &Settings, out: &mut Vec<Action>) -> Self {
        let mut state = Self { candidate: 0, interval: 0, patience: 0, answers: [None; 2] };
        state.send(settings, out);
        state
    }

    /// Sends whatever has no answer to all servers.
    fn send(&mut self, settings: &Settings, out: &mut Vec<Action>) {
        let missing = settings.records().iter().filter(|record| self.answers[place(**record)].is_none());
        for (nth, record) in missing.enumerate() {
            for server in 0..settings.servers {
                out.push(Action::Send(self.query(*record, server, nth > 0)));
            }
        }
        self.patience = 2 * settings.records().len() as u8;
        out.push(Action::Wait(0));
    }

    fn query(&self, record: RecordType, server: u8, twin: bool) -> Query {
        Query { candidate: self.candidate, record, server, socket: u16::from(self.candidate), twin }
    }

    pub(super) fn answered(&mut self, settings: &Settings, query: Query, answer: Answer, out: &mut Vec<Action>) {
        let place = place(query.record);
        if query.candidate != self.candidate || self.answers[place].is_some() {
            return;
        }
        if answer == Answer::ServFail {
            if self.patience > 0 {
                self.patience -= 1;
                out.push(Action::Send(self.query(query.record, query.server, false)));
            }
            return;
        }
        self.answers[place] = Some(answer);
        let answers = &self.answers[..settings.records().len()];
        if answers.iter().any(Option::is_none) {
            return;
        }
        if answers.contains(&Some(Answer::NxDomain)) {
            if self.candidate + 1 == settings.candidates {
                out.push(Action::Done(Outcome::NotFound));
                return;
            }
            *self = Self { candidate: self.candidate + 1, interval: 0, patience: 0, answers: [None; 2] };
            self.send(settings, out);
        } else if answers.contains(&Some(Answer::Address)) {
            out.push(Action::Done(Outcome::Found(self.candidate)));
        } else {
            // The name exists without an address: that is an answer, and the search ends.
            out.push(Action::Done(Outcome::NotFound));
        }
    }

    pub(super) fn expired(&mut self, settings: &Settings, out: &mut Vec<Action>) {
        self.interval += 1;
        if self.interval < settings.attempts {
            self.send(settings, out);
        } else {
            out.push(Action::Done(Outcome::NoAnswer));
        }
    }
}
