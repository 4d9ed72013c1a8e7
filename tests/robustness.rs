//! Ten thousand damaged scenario and manifest files: each is refused with a place, or runs. Nothing panics or hangs.
//!
//! The seed is fixed, so a failure names a round that fails again.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use windtunnel::experiment::{self, Options, Progress, RequestLog, RunError};
use windtunnel::observe::outcome::NoSink;
use windtunnel::random::Keyed;
use windtunnel::scenario::{Files, Loaded, Overrides, Scenario, Step, Window, load};

const ROUNDS: u64 = 10_000;
/// Longer than any file may take; a watch that is generous, because machines are busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// Words that fit somewhere and are wrong elsewhere.
const WORDS: [&str; 48] = [
    "null",
    "~",
    "0",
    "-1",
    "1",
    "2",
    "1e999",
    ".nan",
    ".inf",
    "-0.0",
    "99999999999999999999",
    "4294967296",
    "5ms",
    "-5ms",
    "1ns",
    "100000h",
    "1h99999999d",
    "800/s",
    "0/s",
    "1e300/s",
    "20%",
    "-20%",
    "1000%",
    "[]",
    "{}",
    "[1]",
    "{a: 1}",
    "true",
    "yes",
    "unlimited",
    "all",
    "none",
    "auto",
    "http://web/",
    "deployment/web",
    "service/web",
    "exponential",
    "constant",
    "processor-sharing",
    "least-request",
    "pinned",
    "http2",
    "&a [*a]",
    "*a",
    "\"",
    "\u{0}",
    "\t",
    "é",
];

/// One undamaged file with what it needs beside it.
struct Original {
    name: String,
    scenario: String,
    files: BTreeMap<String, String>,
    /// Which file is damaged; `None`: the scenario itself.
    target: Option<String>,
}

/// Every scenario of the project, the scenario of these tests, and every manifest behind a small scenario.
fn originals() -> Vec<Original> {
    let mut originals = Vec::new();
    let scenarios = texts(&support::project().join("scenarios"));
    for (name, text) in &scenarios {
        if text.lines().any(|line| line == "kind: Scenario") {
            // What a scenario names is relative to its own place.
            let place = name.rsplit_once('/').map_or("", |(place, _)| place);
            let beside = scenarios.iter().filter_map(|(other, text)| {
                let inside = other.strip_prefix(place)?;
                Some((inside.trim_start_matches('/').to_owned(), text.clone()))
            });
            let files = beside.filter(|(other, _)| !other.starts_with("validation/")).collect();
            originals.push(Original { name: name.clone(), scenario: text.clone(), files, target: None });
        }
    }
    for _ in 0..5 {
        let name = "rich.yaml".to_owned();
        originals.push(Original { name, scenario: support::RICH.to_owned(), files: BTreeMap::new(), target: None });
    }
    // The scenario of the loader's own tests names every field there is.
    let whole = fs::read_to_string(support::project().join("src/scenario/tests/whole.yaml")).expect("a scenario");
    for _ in 0..10 {
        let files = BTreeMap::from([("trace.csv".to_owned(), "arrival_s\n0\n1\n".to_owned())]);
        originals.push(Original { name: "whole.yaml".to_owned(), scenario: whole.clone(), files, target: None });
    }
    let data = texts(&support::project().join("tests/data"));
    for (name, text) in data.iter().filter(|(name, _)| name.ends_with(".yaml")) {
        if text.lines().any(|line| line == "kind: Scenario") {
            // Those that nobody could run are no undamaged files.
            let scenario =
                Original { name: name.clone(), scenario: text.clone(), files: BTreeMap::new(), target: None };
            let loads = load(name, text, &Memory(BTreeMap::new()), &Overrides::default()).is_ok();
            originals.extend(loads.then_some(scenario));
            continue;
        }
        let files = BTreeMap::from([(name.clone(), text.clone())]);
        // Enough of each that manifests are a third of all rounds.
        for _ in 0..5 {
            let scenario = format!(
                "apiVersion: windtunnel/v1\nkind: Scenario\nmetadata: {{name: m}}\nspec:\n  manifests: [{name}]\n  traffic:\n    \
                 - {{name: t, to: \"{}\", arrivals: {{poisson: {{rate: 10/s}}}}}}\n",
                address(text)
            );
            originals.push(Original { name: name.clone(), scenario, files: files.clone(), target: Some(name.clone()) });
        }
    }
    assert!(originals.iter().any(|original| original.target.is_some()), "no manifest was found");
    originals.sort_by(|a, b| a.name.cmp(&b.name));
    originals
}

/// The address of some Service of a manifest: one that the undamaged file can be loaded with.
fn address(manifest: &str) -> String {
    let candidates = ["http://web.shop/", "http://web/", "http://web.shop:80/", "http://frontend/"];
    let names = manifest.lines().filter_map(|line| line.trim().strip_prefix("name: "));
    let spaces = manifest.lines().filter_map(|line| line.trim().strip_prefix("namespace: "));
    let spaces: BTreeSet<&str> = spaces.chain(["default"]).collect();
    let names: BTreeSet<&str> = names.collect();
    let pairs = names.iter().flat_map(|name| spaces.iter().map(move |space| format!("http://{name}.{space}/")));
    let ported = names.iter().flat_map(|name| {
        let ports = manifest.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("port: "));
        let spaces = &spaces;
        ports.flat_map(move |port| spaces.iter().map(move |space| format!("http://{name}.{space}:{port}/")))
    });
    let all: Vec<String> = candidates.map(str::to_owned).into_iter().chain(pairs).chain(ported).collect();
    let loads = |to: &&String| {
        let text = format!(
            "apiVersion: windtunnel/v1\nkind: Scenario\nmetadata: {{name: m}}\nspec:\n  manifests: [m.yaml]\n  traffic: [{{name: \
             t, to: \"{to}\", arrivals: {{poisson: {{rate: 1/s}}}}}}]\n"
        );
        let files = Memory(BTreeMap::from([("m.yaml".to_owned(), manifest.to_owned())]));
        load("m", &text, &files, &Overrides::default()).is_ok()
    };
    all.iter().find(loads).cloned().unwrap_or_else(|| panic!("no Service of the manifest can be reached by {all:?}"))
}

/// The text files of a directory and of the directories in it, by path.
fn texts(directory: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a plain name").to_owned();
        if path.is_dir() {
            found.extend(texts(&path).into_iter().map(|(inner, text)| (format!("{name}/{inner}"), text)));
        } else if let Ok(text) = fs::read_to_string(&path) {
            found.insert(name, text);
        }
    }
    found
}

/// Files in memory; a pattern with a star matches by its beginning and its end.
struct Memory(BTreeMap<String, String>);

impl Files for Memory {
    fn read(&self, path: &str) -> Result<String, String> {
        self.0.get(path).cloned().ok_or_else(|| format!("cannot read `{path}`: no such file"))
    }

    fn glob(&self, pattern: &str) -> Result<Vec<String>, String> {
        let Some((start, end)) = pattern.split_once('*') else {
            return Ok(self.0.keys().filter(|name| *name == pattern).cloned().collect());
        };
        Ok(self.0.keys().filter(|name| name.starts_with(start) && name.ends_with(end)).cloned().collect())
    }
}

/// One to three damages: of bytes, of words, of numbers, of lines, of indentation. Half of the files get only one: a
/// file that is wrong in three places is hardly ever run.
fn damage(text: &str, random: &mut Keyed) -> String {
    let mut text = text.to_owned();
    for _ in 0..[1, 1, 2, 3][random.below(4) as usize] {
        text = match random.below(16) {
            0 => damage_byte(&text, random),
            1..=3 => damage_line(&text, random),
            4 => text[..boundary(&text, random)].to_owned(),
            5..=10 => damage_number(&text, random),
            _ => damage_word(text, random),
        };
    }
    text
}

fn boundary(text: &str, random: &mut Keyed) -> usize {
    let at = random.below(text.len() as u32 + 1) as usize;
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// A byte becomes another; what is no UTF-8 then becomes the replacement character.
fn damage_byte(text: &str, random: &mut Keyed) -> String {
    let mut bytes = text.as_bytes().to_vec();
    if bytes.is_empty() {
        return String::new();
    }
    let at = random.below(bytes.len() as u32) as usize;
    bytes[at] = random.below(256) as u8;
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A digit becomes another, or several, or none.
fn damage_number(text: &str, random: &mut Keyed) -> String {
    let digits: Vec<usize> = text.char_indices().filter(|(_, c)| c.is_ascii_digit()).map(|(at, _)| at).collect();
    if digits.is_empty() {
        return text.to_owned();
    }
    let at = digits[random.below(digits.len() as u32) as usize];
    let new = ["0", "1", "2", "3", "5", "9", "00", "7000", "0.5", ".", "-1", "1e3", ""][random.below(13) as usize];
    format!("{}{new}{}", &text[..at], &text[at + 1..])
}

/// A line is lost, doubled, moved or indented.
fn damage_line(text: &str, random: &mut Keyed) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if lines.is_empty() {
        return String::new();
    }
    let at = random.below(lines.len() as u32) as usize;
    let to = random.below(lines.len() as u32) as usize;
    match random.below(5) {
        0 => drop(lines.remove(at)),
        1 => lines.insert(to, lines[at].clone()),
        2 => lines.swap(at, to),
        3 => lines[at].insert_str(0, "  "),
        _ => lines[at] = lines[at].trim_start().to_owned(),
    }
    lines.join("\n")
}

/// A word is lost, or replaced by one of the list or by another one of the file.
fn damage_word(mut text: String, random: &mut Keyed) -> String {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '.' | '/' | '-' | '_' | '%');
    let start = boundary(&text, random);
    let from =
        text[..start].rfind(|c| !is_word(c)).map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    let to = text[start..].find(|c| !is_word(c)).map_or(text.len(), |length| start + length);
    match random.below(4) {
        0 => text.replace_range(from..to, ""),
        1 => {
            let words: Vec<&str> = text.split(|c| !is_word(c)).filter(|word| !word.is_empty()).collect();
            let other = words.get(random.below(words.len().max(1) as u32) as usize).copied().unwrap_or("").to_owned();
            text.replace_range(from..to, &other);
        }
        _ => text.replace_range(from..to, WORDS[random.below(WORDS.len() as u32) as usize]),
    }
    text
}

/// What became of a damaged file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Refused,
    Loaded,
    Ran,
    /// Ran into a limit that the run names, such as a clock that stands still.
    Stopped,
}

fn round(number: u64, originals: &[Original]) -> Fate {
    let mut random = Keyed::new(number);
    let original = &originals[(number % originals.len() as u64) as usize];
    let (mut scenario, mut files) = (original.scenario.clone(), original.files.clone());
    match &original.target {
        None => scenario = damage(&scenario, &mut random),
        Some(name) => {
            let damaged = damage(&files[name], &mut random);
            files.insert(name.clone(), damaged);
        }
    }
    match load("damaged.yaml", &scenario, &Memory(files), &Overrides::default()) {
        Ok(loaded) => run_a_little(loaded),
        Err(failure) => {
            let text = failure.render(false);
            assert!(failure.problems.iter().any(|problem| !problem.warning), "refused without an error");
            assert!(has_place(&text), "no FILE:LINE:COLUMN in\n{text}");
            Fate::Refused
        }
    }
}

/// Whether a line of a message is ` --> FILE:LINE:COLUMN`.
fn has_place(text: &str) -> bool {
    let places = text.lines().filter_map(|line| line.trim_start().strip_prefix("--> "));
    places.into_iter().any(|place| {
        let mut parts = place.rsplitn(3, ':');
        let (column, line, file) = (parts.next(), parts.next(), parts.next());
        let number = |part: Option<&str>| part.is_some_and(|part| part.parse::<u64>().is_ok_and(|number| number > 0));
        number(column) && number(line) && file.is_some_and(|file| !file.is_empty())
    })
}

/// Nobody waits for these runs.
struct Silent;

impl Progress for Silent {
    fn advance(&self, _done_runs: u64, _total_runs: u64, _requests: u64) {}
}

/// Simulates a hundred requests of the first small variants.
fn run_a_little(loaded: Loaded) -> Fate {
    let mut variants: Vec<Scenario> = loaded.variants.into_iter().filter(is_small).take(3).collect();
    if variants.is_empty() {
        return Fate::Loaded;
    }
    for variant in &mut variants {
        variant.run.window = Window::Requests { requests: 100, warmup: 10 };
        variant.run.replications = 1;
    }
    let result = experiment::run(
        &variants,
        &Options { jobs: 1, requests_log: RequestLog::All },
        &AtomicBool::new(false),
        &Silent,
        &|_, _, _| Box::new(NoSink),
        &mut |_, _| {},
    );
    match result {
        Ok(_) => Fate::Ran,
        Err(RunError::Unrunnable(_)) => Fate::Stopped,
        Err(RunError::Invariant(message)) => panic!("an invariant is broken: {message}"),
    }
}

/// Whether a hundred requests of a scenario are little work; the damage may ask for a million pods or tries.
fn is_small(scenario: &Scenario) -> bool {
    let pods: u64 = scenario.workloads.iter().map(|workload| u64::from(workload.replicas)).sum();
    let workers: u64 = scenario.proxies.iter().map(|p| u64::from(p.instances) * u64::from(p.workers)).sum();
    let clients: u64 = scenario.traffic.iter().map(|traffic| u64::from(traffic.clients.count)).sum();
    let calls = scenario.workloads.iter().flat_map(|workload| &workload.containers).flat_map(|c| &c.behaviour.steps);
    let calls: Vec<_> =
        calls.filter_map(|step| if let Step::Calls(calls) = step { Some(calls) } else { None }).collect();
    let flows = scenario.traffic.iter().map(|traffic| &traffic.flow);
    let flows = flows.chain(calls.iter().copied().flatten().map(|call| &call.flow));
    let patient = flows.into_iter().all(|flow| flow.retries.attempts.is_some_and(|attempts| attempts <= 10));
    // Intervals cost time where nothing happens: the run may be years of simulated time.
    // And others keep coming until the first hundred have ended.
    let bearable = |rate: f64| rate > 0.01 && rate < 1e6;
    let quick = scenario.traffic.iter().all(|traffic| traffic.arrivals.mean_rate().is_some_and(bearable));
    let coarse = scenario.run.interval.as_secs_f64() >= 0.01 && scenario.run.drain.as_secs_f64() <= 100_000.0;
    pods <= 20_000 && pods * workers <= 200_000 && clients <= 100_000 && calls.len() <= 20 && patient && quick && coarse
}

#[test]
fn ten_thousand_damaged_files_are_refused_with_a_place_or_run() {
    let originals: Arc<Vec<Original>> = Arc::new(originals());
    let running: Arc<Mutex<BTreeSet<u64>>> = Arc::default();
    let (sender, receiver) = mpsc::channel();
    for number in 0..ROUNDS {
        let (sender, originals, running) = (sender.clone(), Arc::clone(&originals), Arc::clone(&running));
        rayon::spawn_fifo(move || {
            running.lock().expect("no panic while it is held").insert(number);
            let fate = catch_unwind(AssertUnwindSafe(|| round(number, &originals)));
            running.lock().expect("no panic while it is held").remove(&number);
            let fate = fate.map_err(|panic| {
                let text = panic.downcast_ref::<String>().cloned();
                text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
            });
            // The receiver is gone only when the test has failed already.
            let _ = sender.send((number, fate));
        });
    }
    drop(sender);
    let (mut fates, mut wrong) = ([0_u32; 4], Vec::new());
    for _ in 0..ROUNDS {
        match receiver.recv_timeout(PATIENCE) {
            Ok((_, Ok(fate))) => fates[fate as usize] += 1,
            Ok((number, Err(message))) => {
                let name = &originals[(number % originals.len() as u64) as usize].name;
                wrong.push(format!("round {number} ({name}): {message}"));
            }
            Err(RecvTimeoutError::Timeout) => {
                panic!("nothing ended for {PATIENCE:?}; hanging: {:?}", running.lock().expect("no panic while held"))
            }
            Err(RecvTimeoutError::Disconnected) => panic!("a round sent nothing"),
        }
    }
    wrong.sort();
    assert!(wrong.is_empty(), "{} rounds went wrong:\n{}", wrong.len(), wrong[..wrong.len().min(8)].join("\n"));
    let [refused, loaded, ran, stopped] = fates;
    // Damage that were harmless, or always deadly, would prove little.
    assert!(refused > 4_000 && ran > 800, "{refused} refused, {loaded} loaded, {ran} ran, {stopped} stopped");
}

/// The rounds begin with files that are good.
#[test]
fn every_undamaged_file_loads() {
    for original in originals() {
        let loaded = load(&original.name, &original.scenario, &Memory(original.files), &Overrides::default());
        if let Err(failure) = loaded {
            panic!("{failure}");
        }
    }
}
