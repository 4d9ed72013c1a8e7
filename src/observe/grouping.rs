//! Notes put in the order of what they are about, so that what belongs together is touched together.

/// A reusable counting sort.
#[derive(Debug, Default)]
pub(crate) struct Grouping {
    /// Where the next of each group goes.
    next: Vec<u32>,
    order: Vec<u32>,
}

impl Grouping {
    /// The places of the notes, group by group, within a group in their own order. `group_of` gives a note's group, which
    /// is below `groups`.
    pub(crate) fn order<T>(&mut self, notes: &[T], groups: usize, group_of: impl Fn(&T) -> u32) -> &[u32] {
        self.next.clear();
        self.next.resize(groups + 1, 0);
        for note in notes {
            self.next[group_of(note) as usize + 1] += 1;
        }
        for group in 1..groups {
            self.next[group] += self.next[group - 1];
        }
        self.order.clear();
        self.order.resize(notes.len(), 0);
        for (place, note) in (0..).zip(notes) {
            let next = &mut self.next[group_of(note) as usize];
            self.order[*next as usize] = place;
            *next += 1;
        }
        &self.order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_stable_sort_by_group() {
        let mut grouping = Grouping::default();
        for groups in [1, 2, 7, 300] {
            let notes: Vec<u32> = (0..1_000).map(|place| place * 7_919 % 1_013 % groups).collect();
            let mut expected: Vec<u32> = (0..1_000).collect();
            expected.sort_by_key(|place| notes[*place as usize]);
            assert_eq!(grouping.order(&notes, groups as usize, |group| *group), expected);
        }
        assert!(grouping.order(&[], 3, |group: &u32| *group).is_empty());
    }
}
