//! The grid that `--vary` makes of a scenario's variants: axes, and where each variant stands on them.

use super::values;

/// The axis of the variants that stand in the file.
pub const FILE_VARIANTS: &str = "variants";

/// Every combination of the values of some axes; the last axis changes fastest.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Grid {
    /// First the variants of the file, if it has any, then what was varied, in the order of the command line.
    pub axes: Vec<Axis>,
}

/// Something that is varied.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// The path as given, or [`FILE_VARIANTS`].
    pub name: String,
    /// What it is called in the names of variants: short.
    pub label: String,
    /// The values as written.
    pub values: Vec<String>,
    /// The values as numbers, where all are of a kind that is written with a unit.
    pub scale: Option<Scale>,
}

/// The values of an axis as numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    /// The unit: `ms`, `per_s` or `ratio`.
    pub unit: &'static str,
    /// A number for each value.
    pub values: Vec<f64>,
}

impl Axis {
    /// An axis of these values.
    #[must_use]
    pub fn new(name: &str, label: &str, values: Vec<String>) -> Self {
        Self { name: name.to_owned(), label: label.to_owned(), scale: scale(&values), values }
    }
}

impl Grid {
    /// How many points it has; none without an axis.
    #[must_use]
    pub fn points(&self) -> usize {
        if self.axes.is_empty() { 0 } else { self.axes.iter().map(|axis| axis.values.len()).product() }
    }

    /// Where a variant stands: on each axis the index of its value.
    #[must_use]
    pub fn place(&self, variant: usize) -> Vec<usize> {
        let mut rest = variant;
        let mut place: Vec<usize> = Vec::with_capacity(self.axes.len());
        for axis in self.axes.iter().rev() {
            place.push(rest % axis.values.len());
            rest /= axis.values.len();
        }
        place.reverse();
        place
    }
}

/// Durations, rates or percentages; plain numbers need no unit, and of different kinds nothing can be plotted.
fn scale(texts: &[String]) -> Option<Scale> {
    let all = |unit, read: fn(&str) -> Option<f64>| {
        let values: Option<Vec<f64>> = texts.iter().map(|text| read(text)).collect();
        values.map(|values| Scale { unit, values })
    };
    if texts.iter().all(|text| values::parse_ratio(text).is_some() && !text.contains('%')) {
        return None;
    }
    all("ratio", values::parse_ratio)
        .or_else(|| all("per_s", |text| values::parse_rate(text).ok()))
        .or_else(|| all("ms", |text| values::seconds(text).ok().map(|seconds| seconds * 1e3)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(values: &[&str]) -> Axis {
        Axis::new("a.b", "b", values.iter().map(|value| (*value).to_owned()).collect())
    }

    #[test]
    fn the_last_axis_changes_fastest() {
        let grid = Grid { axes: vec![axis(&["x", "y"]), axis(&["1", "2", "3"])] };
        assert_eq!(grid.points(), 6);
        let places: Vec<Vec<usize>> = (0..6).map(|variant| grid.place(variant)).collect();
        assert_eq!(places, [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]);
        assert_eq!(Grid::default().points(), 0);
    }

    #[test]
    fn values_with_units_are_numbers_too() {
        let scale = |values: &[&str]| axis(values).scale.map(|scale| (scale.unit, scale.values));
        assert_eq!(scale(&["100/s", "6/m"]), Some(("per_s", vec![100.0, 0.1])));
        assert_eq!(scale(&["250ms", "1.5s"]), Some(("ms", vec![250.0, 1500.0])));
        assert_eq!(scale(&["20%", "0.5"]), Some(("ratio", vec![0.2, 0.5])));
        for plain in [&["4", "6"][..], &["random", "first"], &["null", "1s"], &["1s", "3/s"], &["{rate: 3/s}"]] {
            assert_eq!(scale(plain), None, "{plain:?}");
        }
    }
}
