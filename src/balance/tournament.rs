//! The least of many values, and how many are equally least, kept up in logarithmic time.

use std::cmp::Ordering;

/// A tree whose leaves are the places and whose inner nodes are the least of what is below them.
///
/// Node i has the children 2i and 2i + 1; the root is node 1, and the leaves are the second half.
#[derive(Debug, Clone)]
pub(super) struct Tournament<T>(Vec<Node<T>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Node<T> {
    /// `None` where no place takes part.
    least: Option<T>,
    /// How many places have it.
    ties: u32,
}

impl<T: Ord + Copy> Node<T> {
    const fn leaf(least: Option<T>) -> Self {
        Self { ties: least.is_some() as u32, least }
    }

    fn of(left: Self, right: Self) -> Self {
        let (Some(one), Some(other)) = (left.least, right.least) else {
            return if left.least.is_some() { left } else { right };
        };
        match one.cmp(&other) {
            Ordering::Less => left,
            Ordering::Greater => right,
            Ordering::Equal => Self { ties: left.ties + right.ties, ..left },
        }
    }
}

impl<T: Ord + Copy> Tournament<T> {
    /// Of the values of all places; places with `None` do not take part.
    pub(super) fn new(values: impl ExactSizeIterator<Item = Option<T>>) -> Self {
        let leaves = values.len().next_power_of_two();
        let mut nodes = vec![Node::leaf(None); 2 * leaves];
        nodes.iter_mut().skip(leaves).zip(values).for_each(|(leaf, value)| *leaf = Node::leaf(value));
        for node in (1..leaves).rev() {
            nodes[node] = Node::of(nodes[2 * node], nodes[2 * node + 1]);
        }
        Self(nodes)
    }

    /// From now on the place has this value.
    pub(super) fn set(&mut self, place: u32, value: T) {
        let Self(nodes) = self;
        let mut node = nodes.len() / 2 + place as usize;
        nodes[node] = Node::leaf(Some(value));
        while node > 1 {
            node /= 2;
            let now = Node::of(nodes[2 * node], nodes[2 * node + 1]);
            if nodes[node] == now {
                // Nothing changes above either.
                break;
            }
            nodes[node] = now;
        }
    }

    /// How many places have the least value.
    pub(super) fn ties(&self) -> u32 {
        self.0[1].ties
    }

    /// The place of that number among those with the least value, which must be below [`Self::ties`].
    pub(super) fn tied(&self, mut number: u32) -> u32 {
        let Self(nodes) = self;
        let (mut node, leaves) = (1, nodes.len() / 2);
        while node < leaves {
            let left = nodes[2 * node];
            let there = if left.least == nodes[node].least { left.ties } else { 0 };
            node = if number < there { 2 * node } else { 2 * node + 1 };
            number -= if node % 2 == 0 { 0 } else { there };
        }
        (node - leaves) as u32
    }

    /// All places with the least value, in their order.
    pub(super) fn all_tied(&self) -> Vec<u32> {
        let Self(nodes) = self;
        let (leaves, least) = (nodes.len() / 2, nodes[1].least);
        let (mut tied, mut open) = (Vec::with_capacity(self.ties() as usize), vec![1]);
        while let Some(node) = open.pop() {
            if least.is_none() || nodes[node].least != least {
                continue;
            }
            if node < leaves {
                open.extend([2 * node + 1, 2 * node]);
            } else {
                tied.push((node - leaves) as u32);
            }
        }
        tied
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against looking at all places.
        #[test]
        fn the_least_are_those_of_a_scan(
            start in prop::collection::vec(prop::option::weighted(0.8, 0..4_u32), 0..40),
            steps in prop::collection::vec((0..40_usize, 0..6_u32), 0..100),
        ) {
            let mut values = start;
            let mut tournament = Tournament::new(values.iter().copied());
            for step in std::iter::once(None).chain(steps.into_iter().map(Some)) {
                if let Some((place, value)) = step && place < values.len() {
                    values[place] = Some(value);
                    tournament.set(place as u32, value);
                }
                let least = values.iter().flatten().min();
                let places = (0..).zip(&values).filter(|(_, value)| value.is_some() && value.as_ref() == least);
                let tied: Vec<u32> = places.map(|(place, _)| place).collect();
                prop_assert_eq!(tournament.ties() as usize, tied.len());
                prop_assert_eq!(&tournament.all_tied(), &tied);
                let one_by_one: Vec<u32> = (0..tournament.ties()).map(|number| tournament.tied(number)).collect();
                prop_assert_eq!(one_by_one, tied);
            }
        }
    }
}
