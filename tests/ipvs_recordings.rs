//! Recordings of the kernel's IPVS, replayed: every choice and every counter must be what the kernel's were.
//!
//! `tests/data/ipvs/README.md` says where they come from and how they are written. Further recordings are replayed with
//! `WINDTUNNEL_IPVS_RECORDINGS=FILE cargo test --test ipvs_recordings`.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use windtunnel::model::network::ipvs::{
    Client, Closing, Flags, Handle, Ipvs, Kind, Opened, Persistence, Settings, Spec, Wheel,
};
use windtunnel::time::{SimDuration, SimTime};

/// Counters of a service: (name, weight, active, inactive) in the order of the kernel's list.
type Counters = Vec<(String, u32, u32, u32)>;

/// One virtual service of a sequence.
struct Service {
    spec: Spec,
    addresses: BTreeMap<String, SocketAddrV4>,
    names: BTreeMap<u32, String>,
    recorded: Counters,
    /// Entries that the kernel has given up, but takes out at its next tick only: they may still be counted.
    lagging: BTreeMap<String, u32>,
}

/// How much was compared.
#[derive(Default)]
struct Tally {
    sequences: usize,
    choices: usize,
    snapshots: usize,
    /// Packets of open connections, and how many of them were told to arrive or vanish otherwise than ours: a sender
    /// that waits for its next retransmission is not the balancer's doing.
    packets: (usize, usize),
}

struct Replay {
    name: String,
    /// Whether counters were recorded after every step, or only where a line says `look`.
    watched: bool,
    ipvs: Ipvs,
    settings: Settings,
    services: Vec<Service>,
    connections: BTreeMap<u32, Handle>,
    tally: Tally,
}

fn client(text: &str) -> Client {
    let address: SocketAddrV4 = text.parse().expect("address:port");
    Client { address: address.ip().to_bits(), port: Some(address.port()) }
}

fn closing(word: &str) -> Closing {
    match word {
        "c" => Closing::ByClient,
        "s" => Closing::ByServer,
        "r" => Closing::Reset,
        "h" => Closing::Half,
        other => panic!("a way to close: {other}"),
    }
}

fn number<T: std::str::FromStr>(word: &str) -> T {
    word.parse().unwrap_or_else(|_| panic!("a number: {word}"))
}

fn spec(words: &[&str]) -> Spec {
    let mut spec = Spec {
        address: words[0].parse().expect("an address"),
        scheduler: Kind::named(words[2]).unwrap_or_else(|| panic!("a scheduler: {}", words[2])),
        flags: Flags::default(),
        persistence: None,
        one_packet: false,
    };
    for word in &words[3..] {
        match word.split_once('=') {
            Some(("persist", how)) => {
                let (timeout, netmask) = how.split_once('/').expect("timeout/netmask");
                let netmask = netmask.parse::<Ipv4Addr>().expect("a netmask").to_bits();
                spec.persistence = Some(Persistence { timeout: SimDuration::from_secs(number(timeout)), netmask });
            }
            None if word.ends_with("-port") => spec.flags.port = true,
            None if word.ends_with("-fallback") => spec.flags.fallback = true,
            None if *word == "one-packet" => spec.one_packet = true,
            _ => panic!("an option: {word}"),
        }
    }
    spec
}

impl Replay {
    fn new(name: &str, settings: Settings) -> Self {
        let (name, watched) = name.split_once(' ').map_or((name, true), |(name, _)| (name, false));
        let (ipvs, name) = (Ipvs::new(settings), name.to_owned());
        Self {
            name,
            watched,
            ipvs,
            settings,
            services: Vec::new(),
            connections: BTreeMap::new(),
            tally: Tally::default(),
        }
    }

    fn set(&mut self, words: &[&str]) {
        for (key, value) in words.iter().map(|word| word.split_once('=').expect("key=value")) {
            match key {
                "expire_nodest_conn" => self.settings.expire_nodest_conn = value == "1",
                "expire_quiescent_template" => self.settings.expire_quiescent_template = value == "1",
                "conn_reuse_mode" => self.settings.conn_reuse_mode = number(value),
                "lblcr_expiration" => self.settings.lblcr_expiration = SimDuration::from_secs(number(value)),
                "conntrack" => {}
                other => panic!("a switch: {other}"),
            }
        }
        self.ipvs.set(self.settings);
    }

    fn add_service(&mut self, spec: Spec) {
        self.ipvs.add_service(spec);
        self.services.push(Service {
            spec,
            addresses: BTreeMap::new(),
            names: BTreeMap::new(),
            recorded: Vec::new(),
            lagging: BTreeMap::new(),
        });
    }

    fn add_server(&mut self, at: usize, name: &str, weight: u32, thresholds: (u32, u32)) {
        let addresses = &mut self.services[at].addresses;
        let (first, base) = addresses.first_key_value().expect("a first server");
        // Servers that join later follow in the same range, by their letter.
        let letter = |name: &str| name.bytes().next().expect("a name");
        let offset = u32::from(letter(name).wrapping_sub(letter(first)));
        let following = SocketAddrV4::new(Ipv4Addr::from_bits(base.ip().to_bits() + offset), base.port());
        let address = *addresses.entry(name.to_owned()).or_insert(following);
        let server = self.ipvs.add_server(at as u32, address, weight, thresholds);
        self.services[at].names.insert(server, name.to_owned());
    }

    fn server(&self, at: usize, name: &str) -> u32 {
        let address = self.services[at].addresses[name];
        self.ipvs.servers(at as u32).find(address).unwrap_or_else(|| panic!("{}: no server {name}", self.name))
    }

    /// A choice as the recording writes it, and the entry it made.
    fn told(&mut self, at: usize, opened: Opened) -> (String, Option<Handle>) {
        self.tally.choices += 1;
        match opened {
            Opened::To { server, entry, replaced } => {
                if let Some(old) = replaced {
                    let name = self.services[at].names[&old].clone();
                    *self.services[at].lagging.entry(name).or_default() += 1;
                }
                (self.services[at].names[&server].clone(), Some(entry))
            }
            Opened::Refused => ("-".to_owned(), None),
            Opened::Dropped => ("?".to_owned(), None),
        }
    }

    /// Does a step; what came of it, as the recording would write it.
    fn step(&mut self, at: usize, words: &[&str]) -> Option<String> {
        let service = at as u32;
        match words {
            ["at", time] => {
                let time = SimDuration::from_secs_f64(number(time)).expect("a time");
                self.ipvs.advance(SimTime::ZERO + time);
            }
            ["oc", from, how] => {
                let opened = self.ipvs.open(service, client(from));
                let (told, entry) = self.told(at, opened);
                if let Some(entry) = entry {
                    self.ipvs.close(entry, closing(how));
                }
                return Some(told);
            }
            ["open", from, id] => {
                let opened = self.ipvs.open(service, client(from));
                let (told, entry) = self.told(at, opened);
                self.connections.extend(entry.map(|entry| (number(id), entry)));
                return Some(told);
            }
            ["udp", from] => {
                let opened = self.ipvs.datagram(service, client(from));
                let told = self.told(at, opened).0;
                // A datagram that nobody takes and one that vanishes look alike.
                return Some(told.replace('?', "-"));
            }
            ["close", id, how] => {
                if let Some(entry) = self.connections.get(&number(id)) {
                    self.ipvs.close(*entry, closing(how));
                }
            }
            ["send", id] => {
                let reaches = self.ipvs.packet(self.connections[&number(id)]);
                return Some(if reaches { "+" } else { "?" }.to_owned());
            }
            ["add", name, weight] => self.add_server(at, name, number(weight), (0, 0)),
            ["edit", name, weight] => self.ipvs.edit_server(service, self.server(at, name), number(weight)),
            ["del", name] => self.ipvs.delete_server(service, self.server(at, name)),
            ["svcedit", scheduler, persist] => {
                let spec = &mut self.services[at].spec;
                spec.scheduler = Kind::named(scheduler).expect("a scheduler");
                let timeout: u64 = number(persist);
                spec.persistence =
                    (timeout > 0).then(|| Persistence { timeout: SimDuration::from_secs(timeout), netmask: u32::MAX });
                self.ipvs.edit_service(service, *spec);
            }
            ["look"] => {}
            other => panic!("{}: a step: {other:?}", self.name),
        }
        None
    }

    /// What the recording says of the counters after a step.
    fn record(&mut self, at: usize, words: &[&str]) {
        let recorded = &mut self.services[at].recorded;
        for (name, value) in words.iter().map(|word| word.split_once('=').expect("name=value")) {
            if name == "order" {
                let names: Vec<&str> = value.split(',').filter(|name| !name.is_empty()).collect();
                recorded.retain(|(known, ..)| names.contains(&known.as_str()));
                recorded.sort_by_key(|(known, ..)| names.iter().position(|name| name == known));
                continue;
            }
            let mut numbers = value.split('/').map(number);
            let mut next = || numbers.next().expect("weight/active/inactive");
            let counters = (name.to_owned(), next(), next(), next());
            match recorded.iter_mut().find(|(known, ..)| known == name) {
                Some(known) => *known = counters,
                None => recorded.push(counters),
            }
        }
    }

    /// The counters now, with those inactive ones that the kernel may still show.
    fn compare(&mut self, at: usize, line: &str) -> Result<(), String> {
        let Service { names, recorded, lagging, .. } = &mut self.services[at];
        if recorded.is_empty() {
            return Ok(());
        }
        self.tally.snapshots += 1;
        let mut counters: Counters = Vec::new();
        for (server, state) in self.ipvs.servers(at as u32).iter() {
            let name = names[&server].clone();
            let shown = recorded.iter().find(|(known, ..)| *known == name).map_or(0, |(.., inactive)| *inactive);
            let late = lagging.get(&name).copied().unwrap_or(0).min(shown.saturating_sub(state.inactive));
            lagging.insert(name.clone(), late);
            counters.push((name, state.weight, state.active, state.inactive + late));
        }
        if counters == *recorded {
            return Ok(());
        }
        Err(format!("{}: after `{line}`:\n  ours     {counters:?}\n  recorded {recorded:?}", self.name))
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        let (step, counters) = line.split_once('|').unwrap_or((line, ""));
        let (step, outcome) = step.split_once(" = ").unwrap_or((step, ""));
        let mut words: Vec<&str> = step.split_whitespace().collect();
        match words[0] {
            "set" => {
                self.set(&words[1..]);
                return Ok(());
            }
            "service" => {
                self.add_service(spec(&words[2..]));
                return Ok(());
            }
            "server" => {
                let at: usize = number(words[1]);
                self.services[at].addresses.insert(words[2].to_owned(), words[3].parse().expect("an address"));
                let threshold = |place: usize| words.get(place).map_or(0, |word| number(word));
                self.add_server(at, words[2], number(words[4]), (threshold(5), threshold(6)));
                return Ok(());
            }
            _ => {}
        }
        let at = words.iter().find_map(|word| word.strip_prefix('@')).map_or(0, number);
        words.retain(|word| !word.starts_with('@'));
        let told = self.step(at, &words).unwrap_or_default();
        if words[0] == "send" {
            self.tally.packets.0 += 1;
            self.tally.packets.1 += usize::from(told != outcome.trim());
        } else if told != outcome.trim() {
            return Err(format!("{}: `{line}`: ours is `{told}`", self.name));
        }
        if words[0] == "look" || self.watched && words[0] != "at" {
            let counters: Vec<&str> = counters.split_whitespace().collect();
            self.record(at, &counters);
            self.compare(at, line)?;
        }
        Ok(())
    }
}

/// Replays a sequence on a kernel whose timers are that late.
fn replay_one(name: &str, lines: &[&str], wheel: Option<Wheel>) -> Result<Tally, String> {
    let mut replay = Replay::new(name, Settings { wheel, ..Settings::KERNEL });
    lines.iter().try_for_each(|line| replay.line(line))?;
    Ok(replay.tally)
}

/// The recorded kernel ticked a hundred times a second. How many ticks it had counted when a sequence began is not
/// known; timers of up to five minutes depend on the last nine binary digits of that.
fn replay_with_some_phase(name: &str, lines: &[&str]) -> Result<Tally, String> {
    let exact = replay_one(name, lines, None);
    if exact.is_ok() || !lines.iter().any(|line| line.starts_with("at ")) {
        return exact;
    }
    let phases = (0..512).map(|phase| Some(Wheel { hz: 100, phase: 1 << 20 | phase }));
    phases.map(|wheel| replay_one(name, lines, wheel)).find(Result::is_ok).unwrap_or(exact)
}

/// Replays a whole file; what was compared, and the differences.
fn replay(text: &str) -> (Tally, Vec<String>) {
    let (mut sum, mut differences) = (Tally::default(), Vec::new());
    for sequence in text.split("sequence ").skip(1) {
        let lines: Vec<&str> = sequence.lines().collect();
        match replay_with_some_phase(lines[0], &lines[1..]) {
            Ok(tally) => {
                sum.choices += tally.choices;
                sum.snapshots += tally.snapshots;
                sum.packets = (sum.packets.0 + tally.packets.0, sum.packets.1 + tally.packets.1);
            }
            Err(difference) => differences.push(difference),
        }
        sum.sequences += 1;
    }
    (sum, differences)
}

#[test]
fn every_choice_and_counter_of_the_recordings_is_repeated() {
    let (tally, differences) = replay(include_str!("data/ipvs/recordings.txt"));
    assert!(differences.is_empty(), "{} differ, the first: {}", differences.len(), differences[0]);
    assert_eq!(tally.sequences, 581, "sequences");
    assert_eq!((tally.choices, tally.snapshots), (48_016, 37_800), "choices and snapshots of counters");
    assert_eq!(tally.packets, (180, 1), "packets of open connections");
}

#[test]
#[allow(clippy::disallowed_methods, reason = "tests may be told of further recordings")]
fn further_recordings_are_repeated() {
    let Ok(path) = std::env::var("WINDTUNNEL_IPVS_RECORDINGS") else { return };
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let (Tally { sequences, choices, snapshots, packets }, differences) = replay(&text);
    println!("{sequences} sequences, {choices} choices, {snapshots} snapshots of counters, packets {packets:?}");
    assert!(differences.is_empty(), "{} differ: {differences:#?}", differences.len());
}
