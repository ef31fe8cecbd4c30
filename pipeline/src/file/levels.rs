//! Levels of Parquet, which say what of a nested value is there: runs of one level, and levels packed into bits.

/// Decodes `count` levels of at most `most`; nothing where the bytes are no such levels.
pub(super) fn decode(bytes: &[u8], most: u64, count: u64) -> Option<Vec<u64>> {
    let width = u64::BITS - most.leading_zeros();
    let count = usize::try_from(count).ok()?;
    if width == 0 {
        return Some(vec![0; count]);
    }
    // Levels of more bits take more bytes in a run: nobody nests films so deep.
    if width > 8 {
        return None;
    }
    let (mut rest, mut levels) = (bytes, Vec::new());
    while levels.len() < count {
        let header = varint(&mut rest)?;
        let left = count - levels.len();
        if header & 1 == 0 {
            let (&level, behind) = rest.split_first()?;
            rest = behind;
            let run = usize::try_from(header >> 1).ok()?.min(left);
            if run == 0 {
                return None;
            }
            levels.resize(levels.len() + run, u64::from(level));
        } else {
            let bytes = usize::try_from((header >> 1).checked_mul(width.into())?).ok()?;
            let packed = rest.get(..bytes)?;
            rest = &rest[bytes..];
            let bit = |at: usize| u64::from(packed[at / 8] >> (at % 8) & 1);
            let level =
                |at: usize| (0..width as usize).map(|place| bit(at * width as usize + place) << place).sum();
            let here = (bytes * 8 / width as usize).min(left);
            if here == 0 {
                return None;
            }
            levels.extend((0..here).map(level).collect::<Vec<u64>>());
        }
    }
    levels.iter().all(|level| *level <= most).then_some(levels)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for place in 0..5 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 127) << (7 * place);
        if byte < 128 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn runs_and_packed_levels_are_decoded() {
        // Three times 2; then 0, 1, 2, 2, 1, 0, 0, 2 in two bits each; then 1 twice.
        let packed = [0b10_10_01_00, 0b10_00_00_01];
        let bytes = [&[6, 2, 3][..], &packed, &[4, 1]].concat();
        let levels = [2, 2, 2, 0, 1, 2, 2, 1, 0, 0, 2, 1, 1];
        assert_eq!(decode(&bytes, 2, 13).as_deref(), Some(&levels[..]));
        assert_eq!(decode(&bytes, 2, 5).as_deref(), Some(&levels[..5]));
        assert_eq!(decode(&[], 0, 3), Some(vec![0; 3]));
        assert_eq!((decode(&bytes, 2, 14), decode(&[6, 3], 2, 3), decode(&[0, 1], 2, 1)), (None, None, None));
    }

    proptest! {
        #[test]
        fn whatever_bytes_are_taken_for_levels_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let levels = decode(&bytes, 2, 100);
            prop_assert!(levels.is_none_or(|levels| levels.len() == 100));
        }
    }
}
