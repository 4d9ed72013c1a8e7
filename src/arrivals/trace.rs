//! Recorded arrivals, read from CSV.

use crate::time::{MAX_NANOS, SimDuration, SimTime};
use std::sync::Arc;

/// A recording: one entry a request, in order of arrival.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// When each request came.
    pub times: Vec<SimTime>,
    /// How much service each needed, if recorded.
    pub service: Option<Vec<SimDuration>>,
    /// Which client sent each, if recorded.
    pub client: Option<Vec<u32>>,
    /// The size of each, if recorded.
    pub size: Option<Vec<u64>>,
    /// The path each asked for, if recorded.
    pub path: Option<Vec<String>>,
    /// The file as it was read, for its digest.
    pub text: Arc<str>,
}

/// Which columns of the file to read; `None` takes the column with the usual name, if the file has it.
///
/// A column of times carries its unit as a suffix (`_s`, `_ms`, `_us`, `_ns`); without one it is in seconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TraceColumns {
    /// Arrival times; usually `arrival_s` or another unit. This column must exist.
    pub arrival: Option<String>,
    /// Service times; usually `service_s` or another unit.
    pub service: Option<String>,
    /// Client numbers; usually `client`.
    pub client: Option<String>,
    /// Sizes in bytes; usually `size`.
    pub size: Option<String>,
    /// Paths; usually `path`.
    pub path: Option<String>,
}

/// Suffixes of time columns, and the decimal digits between their unit and the nanosecond.
const UNITS: &[(&str, usize)] = &[("_s", 9), ("_ms", 6), ("_us", 3), ("_ns", 0)];

/// The place of each column in a row.
struct Layout {
    /// Place, and digits from the unit to the nanosecond.
    arrival: (usize, usize),
    service: Option<(usize, usize)>,
    client: Option<usize>,
    size: Option<usize>,
    path: Option<usize>,
}

impl Trace {
    /// Reads a recording with a header line.
    ///
    /// # Errors
    /// Names the line: a missing column, something that is not a number, an arrival before the one above it, no rows.
    pub fn from_csv(text: impl Into<Arc<str>>, columns: &TraceColumns) -> Result<Self, String> {
        let text: Arc<str> = text.into();
        // Spreadsheets put a byte-order mark before the first header.
        let body = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(body.as_bytes());
        let headers: Vec<String> =
            reader.headers().map_err(|error| csv_problem(&error))?.iter().map(str::to_owned).collect();
        if headers.iter().all(String::is_empty) {
            return Err("the file is empty; expected a header line with a column such as arrival_s".to_owned());
        }
        let layout = Layout::find(&headers, columns)?;
        let mut trace = Self {
            times: Vec::new(),
            service: layout.service.map(|_| Vec::new()),
            client: layout.client.map(|_| Vec::new()),
            size: layout.size.map(|_| Vec::new()),
            path: layout.path.map(|_| Vec::new()),
            text: Arc::clone(&text),
        };
        for row in reader.records() {
            let row = row.map_err(|error| csv_problem(&error))?;
            let line = row.position().map_or(0, csv::Position::line);
            trace
                .push(&Row { headers: &headers, row: &row }, &layout)
                .map_err(|error| format!("line {line}: {error}"))?;
        }
        if trace.times.is_empty() {
            return Err("the file has a header line but no rows".to_owned());
        }
        Ok(trace)
    }

    fn push(&mut self, row: &Row<'_>, layout: &Layout) -> Result<(), String> {
        let time = SimTime::from_nanos(row.nanos(layout.arrival)?);
        if let Some(&last) = self.times.last()
            && time < last
        {
            return Err(format!(
                "arrival at {} s lies before the one above it, at {} s; the rows must be in order of arrival",
                time.as_secs_f64(),
                last.as_secs_f64()
            ));
        }
        self.times.push(time);
        if let (Some(list), Some(place)) = (&mut self.service, layout.service) {
            list.push(SimDuration::from_nanos(row.nanos(place)?));
        }
        if let (Some(list), Some(place)) = (&mut self.client, layout.client) {
            list.push(row.whole(place)?);
        }
        if let (Some(list), Some(place)) = (&mut self.size, layout.size) {
            list.push(row.whole(place)?);
        }
        if let (Some(list), Some(place)) = (&mut self.path, layout.path) {
            list.push(row.row[place].to_owned());
        }
        Ok(())
    }

    /// Gaps over the time they took, as arrivals a second; `None` for a single arrival and for all at once.
    #[must_use]
    pub fn mean_rate(&self) -> Option<f64> {
        let length = (*self.times.last()? - *self.times.first()?).as_secs_f64();
        (length > 0.0).then(|| (self.times.len() - 1) as f64 / length)
    }
}

/// What is wrong with a CSV text, by its line.
pub(crate) fn csv_problem(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            format!("line {line} has another number of fields than the header line: {len}, not {expected_len}")
        }
        _ => error.to_string(),
    }
}

impl Layout {
    fn find(headers: &[String], columns: &TraceColumns) -> Result<Self, String> {
        let arrival = time_column(headers, columns.arrival.as_deref(), "arrival")?;
        let arrival = arrival.ok_or_else(|| {
            format!("no column of arrival times (arrival_s, arrival_ms, arrival_us or arrival_ns) {}", among(headers))
        })?;
        Ok(Self {
            arrival,
            service: time_column(headers, columns.service.as_deref(), "service")?,
            client: column(headers, columns.client.as_deref(), "client")?,
            size: column(headers, columns.size.as_deref(), "size")?,
            path: column(headers, columns.path.as_deref(), "path")?,
        })
    }
}

fn among(headers: &[String]) -> String {
    format!("among {}", headers.join(", "))
}

/// The column asked for, which must exist, or the usual one, which need not.
fn column(headers: &[String], asked: Option<&str>, usual: &str) -> Result<Option<usize>, String> {
    let place = |name: &str| headers.iter().position(|header| header == name);
    match asked {
        None => Ok(place(usual)),
        Some(name) => place(name).map(Some).ok_or_else(|| format!("no column `{name}` {}", among(headers))),
    }
}

/// A column of times with the digits from its unit to the nanosecond.
fn time_column(headers: &[String], asked: Option<&str>, usual: &str) -> Result<Option<(usize, usize)>, String> {
    if asked.is_some() {
        let place = column(headers, asked, usual)?;
        return Ok(place.map(|place| {
            let unit = UNITS.iter().find(|(suffix, _)| headers[place].ends_with(suffix));
            (place, unit.map_or(9, |&(_, digits)| digits))
        }));
    }
    for &(suffix, digits) in UNITS {
        if let Some(place) = column(headers, None, &format!("{usual}{suffix}"))? {
            return Ok(Some((place, digits)));
        }
    }
    Ok(None)
}

/// One row, with the headers for messages.
struct Row<'a> {
    headers: &'a [String],
    row: &'a csv::StringRecord,
}

impl Row<'_> {
    fn nanos(&self, (place, digits): (usize, usize)) -> Result<u64, String> {
        let text = &self.row[place];
        decimal_nanos(text, digits).filter(|&nanos| nanos <= MAX_NANOS).ok_or_else(|| {
            format!("`{}` must be a number of 0 or more and at most 146 years, not `{text}`", self.headers[place])
        })
    }

    fn whole<T: std::str::FromStr>(&self, place: usize) -> Result<T, String> {
        let text = &self.row[place];
        text.parse().map_err(|_| format!("`{}` must be a whole number of 0 or more, not `{text}`", self.headers[place]))
    }
}

/// A decimal number times 10^digits, to the nearest whole number.
///
/// Digit by digit: a float would lose the nanoseconds of times counted from 1970.
fn decimal_nanos(text: &str, digits: usize) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !plain(fraction) {
        // Powers of ten, such as 1.5e-3.
        let nanos = text.parse::<f64>().ok()? * libm::pow(10.0, digits as f64);
        return SimDuration::from_secs_f64(nanos / 1e9).map(SimDuration::as_nanos);
    }
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let kept = &fraction[..fraction.len().min(digits)];
    let mut nanos: u64 = 0;
    for digit in whole.bytes().chain(kept.bytes()).chain(std::iter::repeat_n(b'0', digits - kept.len())) {
        nanos = nanos.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
    }
    let round_up = fraction.as_bytes().get(digits).is_some_and(|&digit| digit >= b'5');
    nanos.checked_add(u64::from(round_up))
}

/// A recording being played.
#[derive(Debug, Clone)]
pub(super) struct Replay {
    trace: Arc<Trace>,
    index: usize,
}

impl Replay {
    pub(super) const fn new(trace: Arc<Trace>) -> Self {
        Self { trace, index: 0 }
    }

    #[inline]
    pub(super) fn next(&mut self) -> Option<SimTime> {
        let time = self.trace.times.get(self.index).copied();
        self.index += usize::from(time.is_some());
        time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Trace, String> {
        Trace::from_csv(text, &TraceColumns::default())
    }

    #[test]
    fn every_usual_column_is_found() {
        let trace = read("path,arrival_ms,size,client,service_us\n/a,0,10,3,1.5\n/b , 2.5 ,20,4,1000\n").unwrap();
        assert_eq!(trace.times, [SimTime::ZERO, SimTime::from_nanos(2_500_000)]);
        assert_eq!(trace.service, Some(vec![SimDuration::from_nanos(1_500), SimDuration::from_millis(1)]));
        assert_eq!(trace.client, Some(vec![3, 4]));
        assert_eq!(trace.size, Some(vec![10, 20]));
        assert_eq!(trace.path, Some(vec!["/a".to_owned(), "/b".to_owned()]));
        assert_eq!(trace.mean_rate(), Some(400.0));
    }

    #[test]
    fn columns_can_be_named() {
        let columns = TraceColumns { arrival: Some("t_us".into()), service: Some("took".into()), ..Default::default() };
        let trace = Trace::from_csv("took,t_us,other\n0.25,7,x\n", &columns).unwrap();
        assert_eq!(trace.times, [SimTime::from_nanos(7_000)]);
        assert_eq!(trace.service, Some(vec![SimDuration::from_millis(250)]));
        assert_eq!(trace.mean_rate(), None);
        let missing = TraceColumns { arrival: Some("when".into()), ..Default::default() };
        assert_eq!(Trace::from_csv("a,b\n1,2\n", &missing), Err("no column `when` among a, b".to_owned()));
    }

    #[test]
    fn times_keep_their_nanoseconds() {
        for (text, digits, nanos) in [
            ("1700000000.123456789", 9, 1_700_000_000_123_456_789),
            ("1700000000123456789", 0, 1_700_000_000_123_456_789),
            ("0.0000000005", 9, 1),
            ("0.00000000049", 9, 0),
            ("1.5", 6, 1_500_000),
            (".5", 3, 500),
            ("5.", 3, 5_000),
            ("1.5e-3", 9, 1_500_000),
            ("+2", 9, 2_000_000_000),
        ] {
            assert_eq!(decimal_nanos(text, digits), Some(nanos), "{text}");
        }
        for text in ["", ".", "x", "-1", "nan", "inf", "1,5", "99999999999999999999", "1.2.3", "1e30"] {
            assert_eq!(decimal_nanos(text, 9), None, "{text}");
        }
    }

    #[test]
    fn problems_name_their_line() {
        for (text, words) in [
            ("", "the file is empty"),
            ("\n\n", "the file is empty"),
            ("arrival_s\n", "no rows"),
            ("when\n1\n", "no column of arrival times"),
            ("arrival_s\n1\nsoon\n", "line 3: `arrival_s` must be a number"),
            ("arrival_s\n-1\n", "line 2: `arrival_s`"),
            ("arrival_s\n99999999999\n", "line 2: `arrival_s`"),
            ("arrival_s\n1\n\n3\n2.5\n", "line 5: arrival at 2.5 s lies before the one above it, at 3 s"),
            ("arrival_s,client\n1,bob\n", "line 2: `client` must be a whole number"),
            ("arrival_s,size\n1,-5\n", "line 2: `size` must be a whole number"),
            ("arrival_s,service_ms\n1,\n", "line 2: `service_ms`"),
            ("arrival_s,size\n1\n", "line 2 has another number of fields than the header line: 1, not 2"),
        ] {
            let message = read(text).unwrap_err();
            assert!(message.contains(words), "{text:?}: {message}");
        }
    }

    #[test]
    fn equal_times_and_a_byte_order_mark_are_fine() {
        let text = "\u{feff}arrival_s\r\n1\r\n1\r\n";
        let trace = Arc::new(read(text).unwrap());
        assert_eq!(&*trace.text, text);
        let mut replay = Replay::new(trace);
        let second = Some(SimTime::from_nanos(1_000_000_000));
        assert_eq!([replay.next(), replay.next(), replay.next(), replay.next()], [second, second, None, None]);
    }
}
