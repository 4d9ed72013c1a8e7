//! A result file whose rows come variant by variant, and stand in the order of variants whatever order they came in.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write};

use super::directory::{Directory, ResultFile};
use super::table::Table;

/// The rows of one result file in the making.
#[derive(Debug)]
pub(crate) struct Part {
    file: ResultFile,
    aside: Option<Aside>,
}

/// Rows that wait, on the disk, until those before them are there.
#[derive(Debug)]
struct Aside {
    rows: BufWriter<File>,
    /// How many bytes were written.
    bytes: u64,
    /// Where the rows of which variant begin.
    begins: Vec<(usize, u64)>,
}

impl Part {
    /// A file that holds its header; where variants come in any order, their rows are put aside until the end.
    ///
    /// # Errors
    /// If a file cannot be created.
    pub(crate) fn create<H: AsRef<[u8]>>(
        directory: &Directory,
        name: &str,
        header: &[H],
        any_order: bool,
    ) -> io::Result<Self> {
        let mut table = Table::without_header(directory.create(name)?);
        table.row(header)?;
        let file = table.finish()?;
        let aside = || {
            let rows = directory.rows_directory();
            fs::create_dir_all(&rows)?;
            let file = File::options().read(true).write(true).create(true).truncate(true).open(rows.join(name))?;
            Ok::<_, io::Error>(Aside { rows: BufWriter::new(file), bytes: 0, begins: Vec::new() })
        };
        Ok(Self { file, aside: any_order.then(aside).transpose()? })
    }

    /// What is written from now on belongs to this variant.
    pub(crate) fn begin(&mut self, variant: usize) {
        if let Some(aside) = &mut self.aside {
            aside.begins.push((variant, aside.bytes));
        }
    }

    /// Writes rows.
    ///
    /// # Errors
    /// If they cannot be written.
    pub(crate) fn rows(&mut self, write: impl FnOnce(&mut Table<&mut Self>) -> io::Result<()>) -> io::Result<()> {
        let mut table = Table::without_header(self);
        write(&mut table)?;
        table.finish()?;
        Ok(())
    }

    /// The whole file, its rows in the order of variants.
    ///
    /// # Errors
    /// If rows cannot be read back or written.
    pub(crate) fn finish(mut self) -> io::Result<ResultFile> {
        let Some(Aside { rows, bytes, begins }) = self.aside else { return Ok(self.file) };
        let mut rows = rows.into_inner().map_err(io::IntoInnerError::into_error)?;
        let ends = begins.iter().skip(1).map(|(_, begin)| *begin).chain([bytes]);
        let mut ranges: Vec<(usize, u64, u64)> =
            begins.iter().zip(ends).map(|((variant, begin), end)| (*variant, *begin, end)).collect();
        ranges.sort_unstable();
        for (_, begin, end) in ranges {
            rows.seek(SeekFrom::Start(begin))?;
            io::copy(&mut (&rows).take(end - begin), &mut self.file)?;
        }
        Ok(self.file)
    }
}

impl Write for Part {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match &mut self.aside {
            None => self.file.write(data),
            Some(aside) => {
                aside.rows.write_all(data)?;
                aside.bytes += data.len() as u64;
                Ok(data.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.aside {
            None => self.file.flush(),
            Some(aside) => aside.rows.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_the_order_of_variants() {
        for any_order in [false, true] {
            let temporary = tempfile::tempdir().expect("a temporary directory");
            let mut directory = Directory::open(temporary.path(), "shop", false).expect("a new directory");
            let mut part = Part::create(&directory, "runs.csv", &["a", "b"], any_order).expect("a file");
            for variant in if any_order { [2, 0, 1] } else { [0, 1, 2] } {
                part.begin(variant);
                for row in 0..variant {
                    part.rows(|table| table.row([format!("{variant}"), format!("{row}")])).expect("a row");
                }
            }
            directory.keep(part.finish().expect("a file")).expect("kept");
            directory.commit(serde_json::Map::new(), serde_json::Value::Null).expect("a result");
            let text = fs::read_to_string(temporary.path().join("runs.csv")).expect("readable");
            assert_eq!(text, "a,b\n1,0\n2,0\n2,1\n");
        }
    }
}
