//! A grid of variants: on the terminal, as Markdown, and as one JSON document.

use serde_json::{Map, Value, json};

use super::comparison::{Flag, Side, shown};
use super::comparison_text::{mean, plus_minus};
use super::json::{interval_value, objective_value};
use super::markdown;
use super::number::human;
use super::results::Summary;
use super::summary::{MetricSummary, VariantSummary};
use super::sweep::{Best, objectives};
use super::terminal::{Style, align_whole, table, wrap};
use crate::scenario::Grid;
use crate::stats::{Interval, ObjectiveVerdict, Preference};

/// What is shown where nothing is asked for.
const USUAL: [&str; 4] = ["goodput_rps", "error_ratio", "latency_mean_ms", "latency_p99_ms"];

/// Of what the best point is named where nothing is asked for: the first that every point has.
const JUDGED: [&str; 2] = ["latency_p99_ms", "latency_mean_ms"];

/// Most points that are listed.
const MOST_POINTS: usize = 50;

/// Most columns of a matrix.
const MOST_COLUMNS: usize = 16;

/// Most points that are named in a sentence.
const MOST_NAMED: usize = 5;

/// A grid that was simulated, and what of it is shown.
#[derive(Debug, Clone, Copy)]
pub struct Sweep<'a> {
    /// What the points say.
    pub summary: &'a Summary,
    /// The grid that they are points of.
    pub grid: &'a Grid,
    /// The metrics to show; the usual ones where there are none.
    pub metrics: &'a [String],
    /// Whether all points faced the same requests.
    pub same_requests: bool,
}

/// A table of one traffic.
struct Drawn {
    header: Vec<String>,
    /// How many columns stand to the left.
    left: usize,
    rows: Vec<Vec<String>>,
    notes: Vec<String>,
}

/// The grid as text for people.
#[must_use]
pub fn render(sweep: &Sweep<'_>, style: Style) -> String {
    let summary = sweep.summary;
    let mut text = style.bold(&summary.scenario);
    if let Some(question) = &summary.question {
        text.push_str(&format!(": {question}"));
    }
    text.push('\n');
    if summary.partial {
        text.push_str(&style.red("interrupted: what follows is over the points and replications that were finished"));
        text.push('\n');
    }
    text.push_str(&format!("\n{}\n", style.bold(&sweep.title())));
    for name in sweep.traffics() {
        let drawn = sweep.traffic(&name, style.width);
        text.push_str(&format!("\n{}\n", style.bold(&format!("traffic {name}"))));
        let header: Vec<&str> = drawn.header.iter().map(String::as_str).collect();
        let mut cells = table(style, &header);
        cells.add_rows(drawn.rows);
        align_whole(&mut cells, drawn.left);
        text.push_str(&format!("{}\n", cells.trim_fmt()));
        drawn.notes.iter().for_each(|note| text.push_str(&wrap(note, style)));
    }
    if let Some(sentence) = sweep.objectives() {
        text.push_str(&format!("\n{}", wrap(&sentence, style)));
    }
    text
}

/// The grid as Markdown.
#[must_use]
pub fn markdown(sweep: &Sweep<'_>) -> String {
    let summary = sweep.summary;
    let mut text = format!("# {}\n", markdown::escape(&summary.scenario));
    if let Some(question) = &summary.question {
        text.push_str(&format!("\n{}\n", markdown::escape(question)));
    }
    if summary.partial {
        text.push_str("\n**Interrupted**: over the points and replications that were finished.\n");
    }
    text.push_str(&format!("\n{}\n", markdown::escape(&sweep.title())));
    for name in sweep.traffics() {
        let drawn = sweep.traffic(&name, usize::MAX);
        let header: Vec<&str> = drawn.header.iter().map(String::as_str).collect();
        let table = markdown::table(&header, drawn.left, drawn.rows.into_iter());
        text.push_str(&format!("\n## {}\n\n{table}", markdown::escape(&name)));
        drawn.notes.iter().for_each(|note| text.push_str(&format!("\n{}\n", markdown::escape(note))));
    }
    if let Some(sentence) = sweep.objectives() {
        text.push_str(&format!("\n{}\n", markdown::escape(&sentence)));
    }
    text
}

/// The grid for programs. Numbers that do not exist are null.
#[must_use]
pub fn json(sweep: &Sweep<'_>) -> Value {
    let Sweep { summary, grid, .. } = *sweep;
    let axes: Vec<Value> = grid
        .axes
        .iter()
        .map(|axis| {
            let scale = axis.scale.as_ref();
            json!({
                "path": axis.name,
                "values": axis.values,
                "unit": scale.map(|scale| scale.unit),
                "numbers": scale.map(|scale| scale.values.clone()),
            })
        })
        .collect();
    let points: Vec<Value> =
        summary.numbers.iter().zip(&summary.variants).map(|(number, variant)| sweep.point(*number, variant)).collect();
    let mut best = Vec::new();
    for traffic in sweep.traffics() {
        for metric in sweep.judged(&traffic) {
            let name = |point: &usize| summary.variants[*point].variant.clone();
            best.extend(Best::find(&summary.variants, &traffic, &metric).map(|found| {
                json!({
                    "traffic": traffic,
                    "metric": metric,
                    "variant": name(&found.point),
                    "mean": interval_value(Some(found.mean)),
                    "separable": found.rivals.is_empty() && found.ranked > 1,
                    "not_separable_from": found.rivals.iter().map(name).collect::<Vec<_>>(),
                    "replications_needed": found.replications_needed,
                    "ranked": found.ranked,
                    "not_ranked": found.unranked,
                })
            }));
        }
    }
    json!({
        "scenario": summary.scenario,
        "question": summary.question,
        "partial": summary.partial,
        "objectives_met": summary.objectives_met(),
        "axes": axes,
        "points": points,
        "best": best,
    })
}

impl Sweep<'_> {
    fn title(&self) -> String {
        let sizes: Vec<String> = self.grid.axes.iter().map(|axis| axis.values.len().to_string()).collect();
        let points = self.grid.points();
        let size = if sizes.len() > 1 { format!("{} = {points}", sizes.join(" × ")) } else { points.to_string() };
        let replications = self.summary.variants.iter().map(|variant| variant.replications);
        let (least, most) = (replications.clone().min().unwrap_or(0), replications.max().unwrap_or(0));
        let range = if least == most { least.to_string() } else { format!("{least} to {most}") };
        let done = self.summary.variants.len();
        let done = if done < points { format!(", {done} of them begun") } else { String::new() };
        format!("a grid of {size} points{done} · replications: {range}")
    }

    /// The traffics that have something to show.
    fn traffics(&self) -> Vec<String> {
        let first = self.summary.variants.first();
        let flows = first.into_iter().flat_map(|variant| &variant.flows).filter(|flow| flow.is_traffic);
        flows.map(|flow| flow.name.clone()).filter(|name| !self.visible(name).is_empty()).collect()
    }

    /// The metrics of a traffic that are shown.
    fn visible(&self, traffic: &str) -> Vec<String> {
        let Some(variant) = self.summary.variants.first() else { return Vec::new() };
        let wanted = |name: &str| {
            if self.metrics.is_empty() { USUAL.contains(&name) } else { shown(name, self.metrics) }
        };
        // What is about no traffic or call stands with the first traffic.
        let first = variant.flows.iter().find(|flow| flow.is_traffic).is_some_and(|flow| flow.name == traffic);
        let own = variant.flows.iter().filter(|flow| flow.name == traffic || (first && !flow.is_traffic));
        own.flat_map(|flow| &flow.metrics.as_slice()[if flow.is_traffic { 0 } else { columns(&flow.metrics) }..])
            .map(|metric| metric.measure.name.to_string())
            .filter(|name| wanted(name))
            .collect()
    }

    /// The metrics of a traffic of which the best point is looked for.
    fn judged(&self, traffic: &str) -> Vec<String> {
        if !self.same_requests {
            return Vec::new();
        }
        if self.metrics.is_empty() {
            let everywhere = |metric: &&&str| {
                let mut points = self.summary.variants.iter();
                points.all(|variant| self.find(variant, traffic, metric).is_some_and(|found| found.interval.is_some()))
            };
            return JUDGED.iter().find(everywhere).map(|metric| (*metric).to_owned()).into_iter().collect();
        }
        let is_asked = |name: &String| self.metrics.contains(name);
        self.visible(traffic).into_iter().filter(is_asked).collect()
    }

    /// A metric of a point: of the traffic, or, where it was named, of whatever it is about.
    fn find<'v>(&self, variant: &'v VariantSummary, traffic: &str, metric: &str) -> Option<&'v MetricSummary> {
        let named = metric.contains('.');
        let flows = variant.flows.iter().filter(|flow| flow.name == traffic || (named && !flow.is_traffic));
        flows.flat_map(|flow| &flow.metrics).find(|found| found.measure.name == metric)
    }

    fn traffic(&self, traffic: &str, width: usize) -> Drawn {
        let metrics = self.visible(traffic);
        let asked = self.metrics.len() == 1;
        let matrix = match (asked, self.metrics, self.grid.axes.as_slice()) {
            (true, [metric], [_, across]) if metrics.contains(metric) && across.values.len() <= MOST_COLUMNS => {
                Some(self.matrix(traffic, metric)).filter(|drawn| drawn.width() <= width)
            }
            _ => None,
        };
        let whole = |drawn: &Drawn| drawn.width() <= width;
        let mut drawn =
            matrix.or_else(|| Some(self.list(traffic, &metrics, mean)).filter(whole)).unwrap_or_else(|| {
                self.list(traffic, &metrics, |interval| human(interval.map_or(f64::NAN, |interval| interval.mean)))
            });
        for metric in self.judged(traffic) {
            drawn.notes.extend(self.verdict(traffic, &metric));
        }
        if self.summary.variants.iter().any(|variant| variant.replications < 2) {
            drawn.notes.push("One replication says nothing of chance: ask for more, as --replications 10.".to_owned());
        }
        if !self.same_requests {
            drawn.notes.push(
                "The points differ in the seed or the window of `run`, so they do not face the same requests, and none \
                 is named best."
                    .to_owned(),
            );
        }
        drawn
    }

    /// A row a point; of very many the best. Where there is no room for intervals, they stand in the file alone.
    fn list(&self, traffic: &str, metrics: &[String], cell: fn(Option<Interval>) -> String) -> Drawn {
        let Summary { variants, numbers, .. } = self.summary;
        let mut header: Vec<String> = self.grid.axes.iter().map(|axis| axis.label.clone()).collect();
        let left = header.len();
        header.extend(metrics.iter().cloned());
        let with_objectives = variants.iter().any(|variant| !variant.objectives.is_empty());
        if with_objectives {
            header.push("objectives".to_owned());
        }
        let flagged = variants.iter().any(|variant| flag(variant, traffic) != Flag::Sound);
        if flagged {
            header.push("flag".to_owned());
        }
        let (points, note) = self.listed(traffic);
        let rows = points.into_iter().map(|point| {
            let variant = &variants[point];
            let place = self.grid.place(numbers[point]);
            let mut row: Vec<String> =
                self.grid.axes.iter().zip(place).map(|(axis, at)| axis.values[at].clone()).collect();
            row.extend(metrics.iter().map(|metric| {
                let interval = self.find(variant, traffic, metric).and_then(|found| found.interval);
                cell(interval)
            }));
            row.extend(with_objectives.then(|| objectives(variant).to_owned()));
            row.extend(flagged.then(|| flag(variant, traffic).as_str().to_uppercase()));
            row
        });
        Drawn { rows: rows.collect(), header, left, notes: note.into_iter().collect() }
    }

    /// The points that are listed, and what is said of the others.
    fn listed(&self, traffic: &str) -> (Vec<usize>, Option<String>) {
        let variants = &self.summary.variants;
        let mut points: Vec<usize> = (0..variants.len()).collect();
        if points.len() <= MOST_POINTS {
            return (points, None);
        }
        let all = points.len();
        let judged = self.judged(traffic).into_iter().next();
        let measure =
            judged.as_ref().and_then(|metric| Some(self.find(&variants[0], traffic, metric)?.measure.clone()));
        let said = match measure.filter(|measure| measure.preference != Preference::Neither) {
            Some(measure) => {
                let sign = if measure.preference == Preference::Lower { 1.0 } else { -1.0 };
                let key = |point: &usize| {
                    let variant = &variants[*point];
                    let found = self.find(variant, traffic, &measure.name).and_then(|found| found.interval);
                    let sound = measure.survivors.is_none() || flag(variant, traffic) == Flag::Sound;
                    (!sound, found.map_or(f64::INFINITY, |interval| sign * interval.mean))
                };
                points.sort_by(|a, b| {
                    let (a, b) = (key(a), key(b));
                    a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
                });
                format!("with the {} {}", Best::extreme(&measure), measure.name)
            }
            None => "that come first".to_owned(),
        };
        points.truncate(MOST_POINTS);
        (points, Some(format!("These are the {MOST_POINTS} of {all} points {said}; all stand in sweep.csv.")))
    }

    /// The first axis down, the second across.
    fn matrix(&self, traffic: &str, metric: &str) -> Drawn {
        let Summary { variants, numbers, .. } = self.summary;
        let [down, across] = self.grid.axes.as_slice() else { unreachable!("a matrix has two axes") };
        let mut header = vec![format!("{} ↓ {} →", down.label, across.label)];
        header.extend(across.values.iter().cloned());
        let mut rows: Vec<Vec<String>> = down.values.iter().map(|value| vec![value.clone()]).collect();
        let mut marked = false;
        for number in 0..self.grid.points() {
            let variant = numbers.iter().position(|known| *known == number).map(|point| &variants[point]);
            let cell = variant.map_or_else(String::new, |variant| {
                let interval = self.find(variant, traffic, metric).and_then(|found| found.interval);
                let sound = flag(variant, traffic) == Flag::Sound;
                marked |= !sound;
                let mark = if sound { "" } else { "!" };
                format!("{}{mark}", human(interval.map_or(f64::NAN, |interval| interval.mean)))
            });
            rows[self.grid.place(number)[0]].push(cell);
        }
        let mut notes = vec![format!("Means of {metric}.")];
        if marked {
            notes.push("!: saturated, or requests were lost, so that latencies are those of the others.".to_owned());
        }
        Drawn { header, left: 1, rows, notes }
    }

    /// Which point is best in a metric, in a sentence.
    fn verdict(&self, traffic: &str, metric: &str) -> Option<String> {
        let variants = &self.summary.variants;
        let Some(best) = Best::find(variants, traffic, metric) else {
            let found = self.find(variants.first()?, traffic, metric)?;
            let all_flagged = variants.iter().all(|variant| flag(variant, traffic) != Flag::Sound);
            let ranked = found.measure.preference != Preference::Neither && found.measure.survivors.is_some();
            return (ranked && all_flagged)
                .then(|| format!("In {metric} nothing is ranked: every point is saturated or loses requests."));
        };
        let name = |point: usize| variants[point].variant.as_str();
        let found = self.find(&variants[best.point], traffic, metric)?;
        let unranked = match best.unranked {
            0 => String::new(),
            1 => " One point is saturated or loses requests and is not ranked.".to_owned(),
            n => format!(" {n} points are saturated or lose requests and are not ranked."),
        };
        if best.ranked < 2 {
            return Some(format!("In {metric} there is nothing to compare.{unranked}"));
        }
        let own = format!("{} ({})", name(best.point), plus_minus(best.mean));
        if best.rivals.is_empty() {
            return Some(format!("Best in {metric}: {own}, separable from all {} others.{unranked}", best.ranked - 1));
        }
        let named: Vec<&str> = best.rivals.iter().take(MOST_NAMED).map(|rival| name(*rival)).collect();
        let more = best.rivals.len() - named.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let needed = best.replications_needed.map_or_else(String::new, |needed| {
            format!("; about {} replications would tell it from the first", human(needed as f64))
        });
        Some(format!(
            "No best in {metric}: the {} is {own}, not separable from {}{more}{needed}.{unranked}",
            Best::extreme(&found.measure),
            named.join(", "),
        ))
    }

    /// How many points meet every objective, in a sentence.
    fn objectives(&self) -> Option<String> {
        let variants = &self.summary.variants;
        if variants.iter().all(|variant| variant.objectives.is_empty()) {
            return None;
        }
        let of = |word: &str| variants.iter().filter(|variant| objectives(variant) == word).collect::<Vec<_>>();
        let met = of("met");
        let named: Vec<&str> = met.iter().take(MOST_NAMED).map(|variant| variant.variant.as_str()).collect();
        let more =
            if met.len() > named.len() { format!(" and {} more", met.len() - named.len()) } else { String::new() };
        let named = if named.is_empty() { String::new() } else { format!(" ({}{more})", named.join(", ")) };
        Some(format!(
            "Of {} points {} meet every objective{named}, {} miss one, and of {} it is undecided.",
            variants.len(),
            met.len(),
            of("missed").len(),
            of("undecided").len()
        ))
    }

    fn point(&self, number: usize, variant: &VariantSummary) -> Value {
        let place: Map<String, Value> = self
            .grid
            .axes
            .iter()
            .zip(self.grid.place(number))
            .map(|(axis, at)| (axis.name.clone(), Value::from(axis.values[at].as_str())))
            .collect();
        let flows: Vec<Value> = variant
            .flows
            .iter()
            .map(|flow| {
                let metrics: Map<String, Value> = flow
                    .metrics
                    .iter()
                    .filter(|metric| self.metrics.is_empty() || shown(&metric.measure.name, self.metrics))
                    .map(|metric| (metric.measure.name.to_string(), interval_value(metric.interval)))
                    .collect();
                let flag = Some(flag(variant, &flow.name).as_str()).filter(|word| !word.is_empty());
                json!({"traffic": flow.name, "flag": flag, "metrics": metrics})
            })
            .collect();
        let met = variant.objectives.iter().all(|objective| objective.verdict == ObjectiveVerdict::Met);
        json!({
            "variant": variant.variant,
            "place": place,
            "replications": variant.replications,
            "objectives_met": met,
            "objectives": variant.objectives.iter().map(objective_value).collect::<Vec<_>>(),
            "traffics": flows,
        })
    }
}

/// How many of a flow's metrics are columns of `runs.csv`.
fn columns(metrics: &[MetricSummary]) -> usize {
    metrics.iter().take_while(|metric| !metric.measure.name.contains('.')).count()
}

/// Whether the latencies of a point are those of all requests.
fn flag(variant: &VariantSummary, traffic: &str) -> Flag {
    Side::find(variant, traffic).map_or(Flag::Sound, |side| side.flag())
}

impl Drawn {
    /// How wide it is when nothing is broken.
    fn width(&self) -> usize {
        let column = |at: usize| {
            let cells = self.rows.iter().map(|row| row.get(at).map_or(0, |cell| cell.chars().count()));
            cells.chain([self.header[at].chars().count()]).max().unwrap_or(0) + 3
        };
        (0..self.header.len()).map(column).sum::<usize>() + 2
    }
}
