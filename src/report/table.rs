//! A CSV file in the making.

use std::io::{self, Write};

use crate::observe::outcome::{Labels, RunOutcome};

/// Writes the rows of one CSV file.
#[derive(Debug)]
pub(crate) struct Table<W: Write> {
    csv: csv::Writer<W>,
}

impl<W: Write> Table<W> {
    /// A table that has its header.
    pub(crate) fn new(writer: W, header: &[&str]) -> io::Result<Self> {
        let mut table = Self::without_header(writer);
        table.csv.write_record(header)?;
        Ok(table)
    }

    /// Rows that another file's header describes.
    pub(crate) fn without_header(writer: W) -> Self {
        Self { csv: csv::Writer::from_writer(writer) }
    }

    /// Adds a row.
    pub(crate) fn row<F: AsRef<[u8]>>(&mut self, fields: impl IntoIterator<Item = F>) -> io::Result<()> {
        self.csv.write_record(fields)?;
        Ok(())
    }

    /// Writes what is buffered and hands back what it was written to.
    pub(crate) fn finish(self) -> io::Result<W> {
        self.csv.into_inner().map_err(|error| error.into_error())
    }

    /// Writes what is buffered.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.csv.flush()
    }
}

/// One replication of one variant with the names that its rows carry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run<'a> {
    /// `metadata.name`.
    pub(crate) scenario: &'a str,
    /// The variant's name.
    pub(crate) variant: &'a str,
    /// The seed of the run.
    pub(crate) seed: u64,
    /// Names of the outcome's vectors.
    pub(crate) labels: &'a Labels,
    /// What was observed.
    pub(crate) outcome: &'a RunOutcome,
}

/// A whole CSV file as text.
///
/// # Errors
/// Never in practice: writing to memory does not fail.
pub fn csv_text(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> io::Result<String> {
    let mut table = Table::new(Vec::new(), header)?;
    for row in rows {
        table.row(row)?;
    }
    String::from_utf8(table.finish()?).map_err(io::Error::other)
}
