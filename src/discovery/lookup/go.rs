//! Go's own resolver (`net/dnsclient_unix.go`), as recorded with Go 1.19.
//!
//! Each question has a port of its own and goes through servers and attempts by itself: an answered A is not asked again
//! because AAAA is missing. When both are settled, one address is enough; otherwise the next name is tried, after
//! silence and failures too.

use super::{Action, Answer, Outcome, Query, Settings, Single, place};
use crate::discovery::records::RecordType;

#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    candidate: u8,
    first_server: u8,
    next_socket: u16,
    questions: [Question; 2],
    /// What the last name said that was not the one as given; it is what the caller hears.
    no_answer: Option<bool>,
}

/// One of the two records of a name.
#[derive(Debug, Clone, Copy, Default)]
struct Question {
    tries: u32,
    socket: u16,
    settled: bool,
    answer: Option<Answer>,
}

impl State {
    pub(super) fn begin(settings: &Settings, first_server: u8, out: &mut Vec<Action>) -> Self {
        let questions = [Question::default(); 2];
        let mut state = Self { candidate: 0, first_server, next_socket: 0, questions, no_answer: None };
        state.try_candidate(settings, out);
        state
    }

    fn try_candidate(&mut self, settings: &Settings, out: &mut Vec<Action>) {
        self.questions = [Question::default(); 2];
        if settings.both && settings.single == Single::No {
            // The goroutine that was started last usually runs first.
            self.ask(settings, RecordType::Aaaa, out);
        }
        self.ask(settings, RecordType::A, out);
    }

    fn ask(&mut self, settings: &Settings, record: RecordType, out: &mut Vec<Action>) {
        let (candidate, socket) = (self.candidate, self.next_socket);
        self.next_socket += 1;
        let question = &mut self.questions[place(record)];
        question.socket = socket;
        let server = (u32::from(self.first_server) + question.tries) % u32::from(settings.servers);
        out.push(Action::Send(Query { candidate, record, server: server as u8, socket, twin: false }));
        out.push(Action::Wait(place(record) as u8));
    }

    pub(super) fn answered(&mut self, settings: &Settings, query: Query, answer: Answer, out: &mut Vec<Action>) {
        let question = &mut self.questions[place(query.record)];
        if query.candidate != self.candidate || question.settled || query.socket != question.socket {
            return;
        }
        if answer == Answer::ServFail {
            return self.try_again(settings, query.record, out);
        }
        question.answer = Some(answer);
        self.settle(settings, query.record, out);
    }

    pub(super) fn expired(&mut self, settings: &Settings, timer: u8, out: &mut Vec<Action>) {
        self.try_again(settings, if timer == 0 { RecordType::A } else { RecordType::Aaaa }, out);
    }

    fn try_again(&mut self, settings: &Settings, record: RecordType, out: &mut Vec<Action>) {
        let question = &mut self.questions[place(record)];
        question.tries += 1;
        if question.tries < settings.attempts * u32::from(settings.servers) {
            self.ask(settings, record, out);
        } else {
            self.settle(settings, record, out);
        }
    }

    /// One question is settled, with or without an answer.
    fn settle(&mut self, settings: &Settings, record: RecordType, out: &mut Vec<Action>) {
        self.questions[place(record)].settled = true;
        out.push(Action::Stop(place(record) as u8));
        if settings.both && record == RecordType::A && settings.single != Single::No {
            return self.ask(settings, RecordType::Aaaa, out);
        }
        let asked = &self.questions[..settings.records().len()];
        if asked.iter().any(|question| !question.settled) {
            return;
        }
        if asked.iter().any(|question| question.answer == Some(Answer::Address)) {
            out.push(Action::Done(Outcome::Found(self.candidate)));
            return;
        }
        if self.no_answer.is_none() || self.candidate != settings.as_given {
            self.no_answer = Some(asked.iter().any(|question| question.answer.is_none()));
        }
        if self.candidate + 1 < settings.candidates {
            self.candidate += 1;
            self.try_candidate(settings, out);
        } else {
            let no_answer = self.no_answer == Some(true);
            out.push(Action::Done(if no_answer { Outcome::NoAnswer } else { Outcome::NotFound }));
        }
    }
}
