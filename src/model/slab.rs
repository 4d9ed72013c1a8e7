//! Slots for things that come and go: 32-bit indices, the last freed slot is reused first.

/// A slab of `T`.
#[derive(Debug)]
pub struct Slab<T> {
    entries: Vec<T>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    /// Puts `value` into a free slot.
    #[inline]
    pub fn insert(&mut self, value: T) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.entries[slot as usize] = value;
            slot
        } else {
            self.entries.push(value);
            super::plan::as_u32(self.entries.len() - 1)
        }
    }

    /// The slot that the next value gets.
    #[must_use]
    pub fn next_slot(&self) -> u32 {
        self.free.last().copied().unwrap_or_else(|| super::plan::as_u32(self.entries.len()))
    }

    /// Frees a slot. The caller keeps no reference to it.
    #[inline]
    pub fn remove(&mut self, slot: u32) {
        self.free.push(slot);
    }

    /// How many slots there are, free ones included.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.entries.len()
    }

    /// How many slots are taken.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// The slots that are taken, in order.
    pub fn taken(&self) -> impl Iterator<Item = u32> {
        let mut free = vec![false; self.entries.len()];
        for slot in &self.free {
            free[*slot as usize] = true;
        }
        (0..).zip(free).filter(|(_, free)| !free).map(|(slot, _)| slot)
    }

    /// Whether a slot is taken; looks at all that are free.
    #[must_use]
    pub fn is_taken(&self, slot: u32) -> bool {
        !self.free.contains(&slot)
    }

    /// Whether no slot is taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> std::ops::Index<u32> for Slab<T> {
    type Output = T;
    #[inline]
    fn index(&self, slot: u32) -> &T {
        &self.entries[slot as usize]
    }
}

impl<T> std::ops::IndexMut<u32> for Slab<T> {
    #[inline]
    fn index_mut(&mut self, slot: u32) -> &mut T {
        &mut self.entries[slot as usize]
    }
}
