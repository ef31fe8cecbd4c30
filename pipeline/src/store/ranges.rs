//! Which parts of an object are there.

use std::ops::Range;

/// Ranges that neither touch nor overlap, rising.
#[derive(Debug, Default)]
pub(super) struct Ranges(Vec<Range<u64>>);

impl Ranges {
    /// The parts of `wanted` that are not there.
    pub fn missing(&self, wanted: Range<u64>) -> Vec<Range<u64>> {
        let (mut missing, mut at) = (Vec::new(), wanted.start);
        for there in self.0.iter().filter(|there| there.end > wanted.start && there.start < wanted.end) {
            if there.start > at {
                missing.push(at..there.start);
            }
            at = there.end;
        }
        if at < wanted.end {
            missing.push(at..wanted.end);
        }
        missing
    }

    /// Puts a range in; gives how many bytes were not there before.
    pub fn put(&mut self, range: Range<u64>) -> u64 {
        let added = self.missing(range.clone()).iter().map(|part| part.end - part.start).sum();
        let (mut start, mut end) = (range.start, range.end);
        self.0.retain(|there| {
            let touches = there.end >= start && there.start <= end;
            if touches {
                (start, end) = (start.min(there.start), end.max(there.end));
            }
            !touches
        });
        let at = self.0.partition_point(|there| there.start < start);
        self.0.insert(at, start..end);
        added
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_know_each_byte(puts in prop::collection::vec((0u64..60, 1u64..12), 1..12), at in 0u64..60) {
            let (mut ranges, mut bytes) = (Ranges::default(), [false; 80]);
            for (start, length) in puts {
                let new = (start..start + length).filter(|&at| !bytes[at as usize]).count() as u64;
                prop_assert_eq!(ranges.put(start..start + length), new);
                (start..start + length).for_each(|at| bytes[at as usize] = true);
            }
            let missing = ranges.missing(at..at + 10);
            for byte in at..at + 10 {
                prop_assert_eq!(missing.iter().any(|part| part.contains(&byte)), !bytes[byte as usize]);
            }
            prop_assert!(ranges.0.windows(2).all(|pair| pair[0].end < pair[1].start));
        }
    }
}
