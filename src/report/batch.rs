//! Several scenarios in one table: `batch.csv`, one row a scenario, variant and traffic (or call).

use std::io;

use super::comparison::{Flag, Side};
use super::comparison_text::mean;
use super::markdown;
use super::number::human;
use super::results::Summary;
use super::sweep;
use super::table::Table;
use super::terminal::{Style, align_whole, objective_text, table};
use crate::scenario::Grid;
use crate::stats::{Interval, ObjectiveVerdict};

/// Name of the file.
pub const BATCH_FILE: &str = "batch.csv";

/// What the table shows.
const SHOWN: [&str; 4] = ["goodput_rps", "error_ratio", "latency_mean_ms", "latency_p99_ms"];

/// What several scenarios say, in the order in which they were added.
#[derive(Debug)]
pub struct Batch {
    csv: Table<Vec<u8>>,
    rows: Vec<Row>,
    objectives: Vec<Verdicts>,
}

/// A line of the table.
#[derive(Debug)]
struct Row {
    /// Scenario, variant, traffic.
    names: [String; 3],
    means: [Option<Interval>; SHOWN.len()],
    objectives: &'static str,
    flag: Flag,
}

/// The objectives of a scenario that are not met.
#[derive(Debug)]
struct Verdicts {
    scenario: String,
    variant: String,
    missed: Vec<super::ObjectiveSummary>,
}

impl Batch {
    /// Nothing yet.
    ///
    /// # Errors
    /// Never in practice: writing to memory does not fail.
    pub fn new() -> io::Result<Self> {
        let mut csv = Table::without_header(Vec::new());
        csv.row(sweep::header(&Grid::default(), &[]))?;
        Ok(Self { csv, rows: Vec::new(), objectives: Vec::new() })
    }

    /// Adds a scenario.
    ///
    /// # Errors
    /// Never in practice: writing to memory does not fail.
    pub fn add(&mut self, summary: &Summary) -> io::Result<()> {
        let scenario = match summary.partial {
            true => format!("{} (interrupted)", summary.scenario),
            false => summary.scenario.clone(),
        };
        sweep::rows(&mut self.csv, &summary.scenario, &Grid::default(), &summary.numbers, &summary.variants)?;
        for variant in &summary.variants {
            for side in variant.flows.iter().filter(|flow| flow.is_traffic) {
                self.rows.push(Row {
                    names: [scenario.clone(), variant.variant.clone(), side.name.clone()],
                    means: SHOWN.map(|metric| side.interval(metric)),
                    objectives: sweep::objectives(variant),
                    flag: Side::find(variant, &side.name).map_or(Flag::Sound, |side| side.flag()),
                });
            }
            let missed = variant.objectives.iter().filter(|objective| objective.verdict != ObjectiveVerdict::Met);
            let missed: Vec<_> = missed.cloned().collect();
            if !missed.is_empty() {
                let (scenario, variant) = (summary.scenario.clone(), variant.variant.clone());
                self.objectives.push(Verdicts { scenario, variant, missed });
            }
        }
        Ok(())
    }

    /// The text of `batch.csv`.
    ///
    /// # Errors
    /// Never in practice: writing to memory does not fail.
    pub fn csv(self) -> io::Result<String> {
        String::from_utf8(self.csv.finish()?).map_err(io::Error::other)
    }

    /// The table as text for people.
    #[must_use]
    pub fn render(&self, style: Style) -> String {
        let mut text = format!("\n{}\n\n", style.bold(&self.title()));
        let (header, rows) = self.table(mean);
        let narrow = |rows: &[Vec<String>]| {
            let widest = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
            let column = |at: usize| widest(at).max(header[at].chars().count()) + 3;
            (0..header.len()).map(column).sum::<usize>() + 2 <= style.width
        };
        // Where there is no room for intervals, they stand in the file alone.
        let short = |interval: Option<Interval>| human(interval.map_or(f64::NAN, |interval| interval.mean));
        let rows = if narrow(&rows) { rows } else { self.table(short).1 };
        let mut drawn = table(style, &header);
        drawn.add_rows(rows);
        align_whole(&mut drawn, 3);
        text.push_str(&format!("{}\n", drawn.trim_fmt()));
        for verdicts in &self.objectives {
            let title = format!("objectives of {}, variant {}", verdicts.scenario, verdicts.variant);
            text.push_str(&format!("\n{}\n", style.bold(&title)));
            verdicts.missed.iter().for_each(|objective| text.push_str(&objective_text(objective, style)));
        }
        text
    }

    /// The table as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let (header, rows) = self.table(mean);
        format!("\n# {}\n\n{}", markdown::escape(&self.title()), markdown::table(&header, 3, rows.into_iter()))
    }

    fn title(&self) -> String {
        let mut scenarios: Vec<&str> = self.rows.iter().map(|row| row.names[0].as_str()).collect();
        scenarios.dedup();
        format!("{} scenarios", scenarios.len())
    }

    /// Header and rows; flags only where there are any.
    fn table(&self, cell: fn(Option<Interval>) -> String) -> (Vec<&'static str>, Vec<Vec<String>>) {
        let mut header = vec!["scenario", "variant", "traffic"];
        header.extend(SHOWN);
        header.push("objectives");
        let flagged = self.rows.iter().any(|row| row.flag != Flag::Sound);
        header.extend(flagged.then_some("flag"));
        let row = |row: &Row| {
            let mut cells = row.names.to_vec();
            cells.extend(row.means.iter().map(|mean| cell(*mean)));
            cells.push(row.objectives.to_owned());
            cells.extend(flagged.then(|| row.flag.as_str().to_uppercase()));
            cells
        };
        (header, self.rows.iter().map(row).collect())
    }
}
