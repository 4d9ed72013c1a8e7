//! Numbers of pods as manifests write them: a count, or a percentage of those that there are to be.

/// A count, or a percentage (`IntOrString`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// So many.
    Count(u32),
    /// So many of a hundred.
    Percent(u32),
}

impl Amount {
    /// How many of `total` that is; a part of one counts as one.
    #[must_use]
    pub fn up(self, total: u32) -> u32 {
        self.of(total, 99)
    }

    /// How many of `total` that is; a part of one does not count.
    #[must_use]
    pub fn down(self, total: u32) -> u32 {
        self.of(total, 0)
    }

    fn of(self, total: u32, added: u64) -> u32 {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => {
                let share = (u64::from(total) * u64::from(percent) + added) / 100;
                u32::try_from(share).unwrap_or(u32::MAX)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_rounded_as_asked() {
        for (percent, total, up, down) in
            [(25, 10, 3, 2), (25, 4, 1, 1), (25, 1, 1, 0), (39, 10, 4, 3), (0, 7, 0, 0), (100, 6, 6, 6), (150, 3, 5, 4)]
        {
            assert_eq!(Amount::Percent(percent).up(total), up, "{percent} % of {total}");
            assert_eq!(Amount::Percent(percent).down(total), down, "{percent} % of {total}");
        }
        assert_eq!(Amount::Count(3).up(1), 3);
        assert_eq!(Amount::Percent(u32::MAX).up(u32::MAX), u32::MAX);
    }
}
