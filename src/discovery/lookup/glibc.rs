//! glibc's resolver (`res_send.c`, `res_query.c`), as recorded with glibc 2.36.
//!
//! A and AAAA leave from one port, a new one for each name. When neither is answered in time the next server is asked,
//! then all of them again; when all attempts are used up, the rest of the search domains is skipped and only the name as
//! it was given is still tried. When one of the two is answered and the other is not, the library suspects a server that
//! cannot take two questions at once: it asks again one after the other, then once more from separate ports, and then
//! takes what it has. A server that fails (`SERVFAIL`) is left for the next at once and does not end the search.

use super::{Action, Answer, Outcome, Query, Settings, Single, place};
use crate::discovery::records::RecordType;

#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    candidate: u8,
    attempt: u32,
    server: u8,
    /// The server that each round of attempts begins with.
    first_server: u8,
    single: Single,
    /// Port of A and of AAAA.
    sockets: [u16; 2],
    next_socket: u16,
    answers: [Option<Answer>; 2],
    tried_as_given: bool,
    no_answer: bool,
}

impl State {
    pub(super) fn begin(settings: &Settings, first_server: u8, out: &mut Vec<Action>) -> Self {
        let mut state = Self {
            candidate: 0,
            attempt: 0,
            server: first_server,
            first_server,
            single: settings.single,
            sockets: [0; 2],
            next_socket: 0,
            answers: [None; 2],
            tried_as_given: false,
            no_answer: false,
        };
        state.try_candidate(settings, out);
        state
    }

    fn try_candidate(&mut self, settings: &Settings, out: &mut Vec<Action>) {
        self.tried_as_given |= self.candidate == settings.as_given;
        (self.attempt, self.server) = (0, self.first_server);
        self.open();
        self.ask(settings, out);
    }

    fn open(&mut self) {
        self.sockets = [self.next_socket; 2];
        self.next_socket += 1;
    }

    fn ask(&mut self, settings: &Settings, out: &mut Vec<Action>) {
        self.answers = [None; 2];
        self.send(RecordType::A, false, out);
        if settings.both && self.single == Single::No {
            self.send(RecordType::Aaaa, true, out);
        }
        out.push(Action::Wait(0));
    }

    fn send(&self, record: RecordType, twin: bool, out: &mut Vec<Action>) {
        let socket = self.sockets[place(record)];
        out.push(Action::Send(Query { candidate: self.candidate, record, server: self.server, socket, twin }));
    }

    pub(super) fn answered(&mut self, settings: &Settings, query: Query, answer: Answer, out: &mut Vec<Action>) {
        let place = place(query.record);
        if query.candidate != self.candidate || query.socket != self.sockets[place] || self.answers[place].is_some() {
            return;
        }
        self.answers[place] = Some(answer);
        let complete = self.answers[0].is_some() && (!settings.both || self.answers[1].is_some());
        if complete {
            self.judge(settings, out);
        } else if query.record == RecordType::A && self.single != Single::No {
            if self.single == Single::Reopen {
                self.sockets[1] = self.next_socket;
                self.next_socket += 1;
            }
            self.send(RecordType::Aaaa, false, out);
        }
    }

    /// What the answers that are there mean.
    fn judge(&mut self, settings: &Settings, out: &mut Vec<Action>) {
        let has = |answer| self.answers.contains(&Some(answer));
        if has(Answer::Address) {
            out.push(Action::Done(Outcome::Found(self.candidate)));
        } else if has(Answer::NoData) || has(Answer::NxDomain) {
            self.next_candidate(settings, out);
        } else if self.next_server(settings) {
            self.ask(settings, out);
        } else {
            self.no_answer = true;
            self.next_candidate(settings, out);
        }
    }

    /// Goes on to the next server, or to the first one in the next attempt; false when all attempts are used up.
    fn next_server(&mut self, settings: &Settings) -> bool {
        self.server = (self.server + 1) % settings.servers;
        if self.server == self.first_server {
            self.attempt += 1;
        }
        if settings.servers > 1 {
            self.open();
        }
        self.attempt < settings.attempts
    }

    fn next_candidate(&mut self, settings: &Settings, out: &mut Vec<Action>) {
        if self.candidate + 1 < settings.candidates {
            self.candidate += 1;
            self.try_candidate(settings, out);
        } else {
            self.give_up(out);
        }
    }

    fn give_up(&self, out: &mut Vec<Action>) {
        out.push(Action::Done(if self.no_answer { Outcome::NoAnswer } else { Outcome::NotFound }));
    }

    pub(super) fn expired(&mut self, settings: &Settings, out: &mut Vec<Action>) {
        if self.answers.iter().any(Option::is_some) {
            match self.single {
                Single::No => self.single = Single::Yes,
                Single::Yes => {
                    self.single = Single::Reopen;
                    self.open();
                }
                Single::Reopen => return self.judge(settings, out),
            }
            self.ask(settings, out);
        } else if self.next_server(settings) {
            self.ask(settings, out);
        } else {
            self.no_answer = true;
            if self.candidate == settings.as_given && self.candidate == 0 && settings.candidates > 1 {
                // As it was given it came first; the search list gets its one chance.
                self.next_candidate(settings, out);
            } else if self.tried_as_given {
                self.give_up(out);
            } else {
                self.candidate = settings.as_given;
                self.try_candidate(settings, out);
            }
        }
    }
}
