//! Lookups against recordings of real resolvers, and worked by hand.

use std::collections::BTreeMap;

use super::{Action, Answer, Lookup, Outcome, Query, Settings};
use crate::discovery::records::RecordType;
use crate::discovery::resolv_conf::{Library, Options, candidates};

/// A sent query: milliseconds, port, record, name.
type Sent = (u64, u16, RecordType, String);

/// What the recorded server did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    Normal,
    Silent,
    DropAaaa,
    ServFail,
}

const SEARCH: [&str; 3] = ["front.svc.cluster.local", "svc.cluster.local", "cluster.local"];

/// What the server of the recordings knows.
fn normal(name: &str, record: RecordType) -> Answer {
    match (name, record) {
        ("nginx-service.front.svc.cluster.local" | "a.b.c.d.e.example.com", RecordType::A) => Answer::Address,
        ("nginx-service.front.svc.cluster.local" | "a.b.c.d.e.example.com", _) => Answer::NoData,
        ("example.com", _) => Answer::Address,
        _ => Answer::NxDomain,
    }
}

/// Plays a lookup against a server that answers after `delay` microseconds; what was sent, the end, and when.
fn play(
    library: Library,
    name: &str,
    both: bool,
    options: &[(String, Option<String>)],
    answer: impl Fn(&str, RecordType) -> Option<Answer>,
    delay: u64,
) -> (Vec<Sent>, Outcome, u64) {
    let options = Options::read(options, library);
    let search = SEARCH.map(str::to_owned);
    let names = candidates(name, &search, options.ndots, library);
    let settings = Settings::new(library, &options, 1, both, &names);
    let wait = settings.wait().as_nanos() / 1_000;
    let (mut now, mut order, mut sent) = (0, 0, Vec::new());
    let mut pending: BTreeMap<(u64, u32), (Query, Answer)> = BTreeMap::new();
    let mut timers = [None; super::TIMERS];
    let mut actions = Vec::new();
    let mut lookup = Lookup::begin(settings, 0, &mut actions);
    for _ in 0..1_000 {
        for action in actions.drain(..) {
            match action {
                Action::Send(query) => {
                    let name = &names.names[query.candidate as usize];
                    sent.push((now / 1_000, query.socket, query.record, name.clone()));
                    if let Some(answer) = answer(name, query.record) {
                        order += 1;
                        pending.insert((now + delay, order), (query, answer));
                    }
                }
                Action::Wait(timer) => timers[timer as usize] = Some(now + wait),
                Action::Stop(timer) => timers[timer as usize] = None,
                Action::Done(outcome) => return (sent, outcome, now / 1_000),
            }
        }
        let timer = (0..timers.len()).filter(|timer| timers[*timer].is_some()).min_by_key(|timer| timers[*timer]);
        let due = timer.and_then(|timer| timers[timer]);
        let next = pending.keys().next().copied();
        match (next, due) {
            (Some(key), due) if due.is_none_or(|due| key.0 <= due) => {
                now = key.0;
                let (query, answer) = pending.remove(&key).expect("it was there");
                lookup.answered(query, answer, &mut actions);
            }
            (_, Some(due)) => {
                now = due;
                let timer = timer.expect("it is due");
                timers[timer] = None;
                lookup.expired(timer as u8, &mut actions);
            }
            (_, None) => panic!("nothing pends and the lookup of {name} is not over"),
        }
    }
    panic!("the lookup of {name} does not end");
}

fn ndots(dots: u32, more: &str) -> Vec<(String, Option<String>)> {
    let mut options = vec![("ndots".to_owned(), Some(dots.to_string()))];
    for word in more.split(',').filter(|word| *word != "-" && !word.is_empty()) {
        let (name, value) = word.split_once(':').map_or((word, None), |(name, value)| (name, Some(value.to_owned())));
        options.retain(|(known, _)| known != name);
        options.push((name.to_owned(), value));
    }
    options
}

fn library(word: &str) -> Library {
    match word {
        "glibc" => Library::Glibc,
        "musl" => Library::Musl,
        _ => Library::Go,
    }
}

/// Every recorded case: the same queries at the same times in the same order from ports that are shared alike, and the
/// same end. In Go the order of A and AAAA is left to the scheduler.
#[test]
fn real_resolvers_are_reproduced() {
    let text = include_str!("recorded.txt");
    let mut cases = 0;
    for case in text.split("\n== ").skip(1) {
        let (head, lines) = case.split_once('\n').expect("a case has queries");
        let (what, result) = head.split_once(": ").expect("a case has a result");
        let words: Vec<&str> = what.split(' ').collect();
        let [of, name, family, options, server] = words[..] else { panic!("{head}") };
        let server = match server {
            "normal" => Server::Normal,
            "silent" => Server::Silent,
            "drop_aaaa" => Server::DropAaaa,
            _ => Server::ServFail,
        };
        let answer = |name: &str, record| match server {
            Server::Silent => None,
            Server::DropAaaa if record == RecordType::Aaaa => None,
            Server::ServFail => Some(Answer::ServFail),
            Server::Normal | Server::DropAaaa => Some(normal(name, record)),
        };
        let (mut sent, outcome, end) = play(library(of), name, family == "both", &ndots(5, options), answer, 100);
        let mut recorded: Vec<Sent> = lines
            .lines()
            .map(|line| {
                let words: Vec<&str> = line.split(' ').collect();
                let record = if words[2] == "A" { RecordType::A } else { RecordType::Aaaa };
                let number = |word: &str| word.parse::<u64>().expect("a number");
                (number(words[0]), number(words[1]) as u16, record, words[3].to_owned())
            })
            .collect();
        if of == "go" {
            // One port a query, in the order in which they came: only names, records and times can be compared.
            for list in [&mut sent, &mut recorded] {
                list.iter_mut().for_each(|query| query.1 = 0);
                list.sort_by(|a, b| (coarse(a.0), &a.3, a.2).cmp(&(coarse(b.0), &b.3, b.2)));
            }
        }
        assert_eq!(sent.len(), recorded.len(), "{head}: {sent:#?}");
        for (own, real) in sent.iter().zip(&recorded) {
            assert_eq!((coarse(own.0), own.1, own.2, &own.3), (coarse(real.0), real.1, real.2, &real.3), "{head}");
        }
        let word = match outcome {
            Outcome::Found(_) => "found",
            Outcome::NotFound => "notfound",
            Outcome::NoAnswer => "noanswer",
        };
        let (recorded_word, recorded_end) = result.split_once(' ').expect("result and time");
        let recorded_end = recorded_end.parse::<u64>().expect("milliseconds");
        assert_eq!((word, coarse(end)), (recorded_word, coarse(recorded_end)), "{head}");
        cases += 1;
    }
    assert_eq!(cases, 47);
}

/// Real timers are some milliseconds late, each time.
fn coarse(millis: u64) -> u64 {
    (millis + 25) / 100
}

/// How many queries a lookup needs, and how many of them are answered that there is no such name.
fn counted(name: &str, host_search: usize, from: &str, dots: u32) -> (usize, usize) {
    let mut search: Vec<String> = SEARCH.map(|domain| domain.replace("front", from)).to_vec();
    search.extend((0..host_search).map(|n| format!("host{n}.example")));
    let names = candidates(name, &search, dots, Library::Glibc);
    let mut packets = 0;
    for (tried, name) in names.names.iter().enumerate() {
        packets += 2;
        let exists = ["nginx-service.front.svc.cluster.local", "api.example.com"].contains(&name.as_str());
        if exists {
            return (packets, 2 * tried);
        }
    }
    (packets, packets)
}

/// Kubernetes, "DNS for Services and Pods", counted by hand.
#[test]
fn queries_of_each_form_of_a_name() {
    assert_eq!(counted("nginx-service", 0, "front", 5), (2, 0));
    assert_eq!(counted("nginx-service", 0, "default", 5), (8, 8));
    assert_eq!(counted("nginx-service.front", 0, "default", 5), (4, 2));
    assert_eq!(counted("nginx-service.front.svc", 0, "default", 5), (6, 4));
    assert_eq!(counted("nginx-service.front.svc.cluster.local", 0, "default", 5), (8, 6));
    assert_eq!(counted("nginx-service.front.svc.cluster.local.", 0, "default", 5), (2, 0));
    assert_eq!(counted("api.example.com", 1, "default", 5), (10, 8));
    assert_eq!(counted("api.example.com.", 1, "default", 5), (2, 0));
    assert_eq!(counted("api.example.com", 0, "default", 2), (2, 0));
}

#[test]
fn a_lookup_takes_a_round_trip_a_name() {
    let answer = |name: &str, record| Some(normal(name, record));
    for (name, dots, millis) in [
        ("example.com", 5, 4),
        ("example.com.", 5, 1),
        ("example.com", 1, 1),
        ("nginx-service", 5, 1),
        ("nginx-service.front", 5, 2),
        ("nginx-service.front.svc", 5, 3),
        ("nginx-service.front.svc.cluster.local", 5, 4),
    ] {
        for library in [Library::Glibc, Library::Musl, Library::Go] {
            let (sent, outcome, end) = play(library, name, true, &ndots(dots, ""), answer, 1_000);
            assert_eq!((end, sent.len() as u64), (millis, 2 * millis), "{name} with {library:?}");
            assert!(matches!(outcome, Outcome::Found(_)));
        }
    }
}

/// One lost packet costs glibc and Go the whole timeout, musl the part of it after which it sends again.
#[test]
fn a_lost_packet_costs_a_timeout() {
    for (library, end) in [(Library::Glibc, 5_000), (Library::Go, 5_000), (Library::Musl, 2_500)] {
        let lost = std::cell::Cell::new(false);
        let answer = |name: &str, record| {
            let lose = record == RecordType::Aaaa && !lost.replace(true);
            (!lose).then(|| normal(name, record))
        };
        let (_, outcome, at) = play(library, "nginx-service", true, &ndots(5, ""), answer, 100);
        assert_eq!((outcome, at), (Outcome::Found(0), end), "{library:?}");
    }
}

/// A server that never answers: glibc tries the first name and the one as given, Go all of them, musl the first.
#[test]
fn a_dead_server_is_given_up() {
    for (library, seconds, queries) in [(Library::Glibc, 20, 8), (Library::Go, 40, 16), (Library::Musl, 5, 4)] {
        let (sent, outcome, end) = play(library, "nginx-service", true, &ndots(5, ""), |_, _| None, 100);
        assert_eq!((outcome, end, sent.len()), (Outcome::NoAnswer, seconds * 1_000, queries), "{library:?}");
    }
    // With enough dots glibc begins with the name as given, and the search list has one chance after it.
    let (sent, ..) = play(Library::Glibc, "nginx-service.front", true, &ndots(1, ""), |_, _| None, 100);
    let names: Vec<&str> = sent.iter().step_by(4).map(|query| query.3.as_str()).collect();
    assert_eq!(names, ["nginx-service.front", "nginx-service.front.front.svc.cluster.local"]);
}

#[test]
fn several_servers_are_asked_in_turn_or_together() {
    let options = Options::read(&ndots(5, ""), Library::Glibc);
    let names = candidates("web.", &[], 5, Library::Glibc);
    let servers = |library, first| {
        let settings = Settings::new(library, &options, 3, false, &names);
        let mut actions = Vec::new();
        let mut lookup = Lookup::begin(settings, first, &mut actions);
        let mut asked = Vec::new();
        for _ in 0..8 {
            let mut done = false;
            for action in std::mem::take(&mut actions) {
                match action {
                    Action::Send(query) => asked.push(query.server),
                    Action::Done(_) => done = true,
                    _ => {}
                }
            }
            if done {
                break;
            }
            lookup.expired(0, &mut actions);
        }
        asked
    };
    assert_eq!(servers(Library::Glibc, 0), [0, 1, 2, 0, 1, 2]);
    assert_eq!(servers(Library::Glibc, 1), [1, 2, 0, 1, 2, 0], "rotated");
    assert_eq!(servers(Library::Go, 1), [1, 2, 0, 1, 2, 0]);
    assert_eq!(servers(Library::Musl, 0), [0, 1, 2, 0, 1, 2], "three at once, twice");
}

/// musl takes a missing or failed half for no answer at all, and a name without addresses for the end.
#[test]
fn musl_wants_both_halves() {
    let nodata = |_: &str, _| Some(Answer::NoData);
    let (sent, outcome, _) = play(Library::Musl, "nginx-service", true, &ndots(5, ""), nodata, 100);
    assert_eq!((sent.len(), outcome), (2, Outcome::NotFound));
    let (sent, outcome, _) = play(Library::Glibc, "nginx-service", true, &ndots(5, ""), nodata, 100);
    assert_eq!((sent.len(), outcome), (8, Outcome::NotFound), "glibc searches on");
}
