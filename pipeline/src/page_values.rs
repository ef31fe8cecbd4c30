//! Lengths of values in the pages of a column of strings or bytes, checked before Parquet's reader believes them.
//!
//! ```text
//! PLAIN               length, value │ length, value │ …
//! DELTA_LENGTH_…      lengths, packed │ values
//! DELTA_BYTE_ARRAY    lengths of beginnings, packed │ lengths of endings, packed │ endings
//! ```
//!
//! The reader passes over values by their lengths, also out of their page, and then asks for as many bytes as are left of
//! less than nothing; and it takes memory for as many packed lengths as they say that there are. Both end the process.

use std::sync::Arc;

use bytes::Bytes;
use parquet::{
    basic::{Encoding, Type},
    column::page::Page,
    errors::{ParquetError, Result},
    file::{
        metadata::ColumnChunkMetaData,
        page_index::offset_index::PageLocation,
        reader::{ChunkReader, Length, SerializedPageReader},
    },
};

use crate::{parquet_footer::without_panic, thrift::Thrift};

/// Checks the pages of one column of a group of rows: all of them, or those at `places`. What they unpack to was checked before.
///
/// # Errors
/// When a page cannot be read, a value does not end in it, or it has more lengths than values.
pub(crate) fn check<R: ChunkReader>(
    file: &R,
    chunk: &ColumnChunkMetaData,
    rows: usize,
    places: Option<&[PageLocation]>,
) -> Result<()> {
    if !matches!(chunk.column_type(), Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY) {
        return Ok(());
    }
    without_panic(|| {
        let places = places.map(<[_]>::to_vec);
        let mut pages = SerializedPageReader::new(Arc::new(Lent(file)), chunk, rows, places)?;
        pages.try_for_each(|page| match is_sound(&page?, chunk) {
            true => Ok(()),
            false => Err(ParquetError::General("a value does not end in its page".to_owned())),
        })
    })
}

/// Whether all values end in their page.
fn is_sound(page: &Page, chunk: &ColumnChunkMetaData) -> bool {
    let values = match page {
        Page::DictionaryPage { .. } => return true,
        Page::DataPage { buf, num_values, def_level_encoding, rep_level_encoding, .. } => {
            let column = chunk.column_descr();
            let levels =
                [(rep_level_encoding, column.max_rep_level()), (def_level_encoding, column.max_def_level())];
            levels.into_iter().try_fold(buf.clone(), |rest, (encoding, most)| {
                behind_levels(rest, *encoding, most, *num_values)
            })
        }
        Page::DataPageV2 { buf, def_levels_byte_len, rep_levels_byte_len, .. } => {
            let levels = def_levels_byte_len.checked_add(*rep_levels_byte_len);
            levels.filter(|levels| *levels as usize <= buf.len()).map(|levels| buf.slice(levels as usize..))
        }
    };
    let (Some(values), count) = (values, page.num_values().into()) else { return false };
    match page.encoding() {
        Encoding::PLAIN if chunk.column_type() == Type::BYTE_ARRAY => values_end(&values, count),
        Encoding::DELTA_LENGTH_BYTE_ARRAY => packed_end(&values, count).is_some(),
        Encoding::DELTA_BYTE_ARRAY => {
            packed_end(&values, count).and_then(|end| packed_end(values.get(end..)?, count)).is_some()
        }
        _ => true,
    }
}

/// What follows the levels of a page, of which `most` is the highest.
fn behind_levels(page: Bytes, encoding: Encoding, most: i16, values: u32) -> Option<Bytes> {
    if most <= 0 {
        return Some(page);
    }
    let levels = match encoding {
        Encoding::RLE => {
            let length = page.first_chunk().map(|&length| u32::from_le_bytes(length))?;
            (length as usize).checked_add(4)?
        }
        // Bits of all levels, one behind the other, as nobody writes them any more.
        _ => {
            let bits = u64::from(u16::BITS - (most as u16).leading_zeros());
            usize::try_from((bits * u64::from(values)).div_ceil(8)).ok()?
        }
    };
    (levels <= page.len()).then(|| page.slice(levels..))
}

/// Whether the first `count` values, or as many as there are, end in the page.
fn values_end(page: &[u8], count: u64) -> bool {
    let mut rest = page;
    for _ in 0..count {
        if rest.is_empty() {
            return true;
        }
        let Some((length, behind)) = rest.split_first_chunk() else { return false };
        let Some(behind) = behind.get(u32::from_le_bytes(*length) as usize..) else { return false };
        rest = behind;
    }
    true
}

/// Where packed lengths end that are `most` at most (Parquet's delta encoding); nothing where they are more, or not whole.
fn packed_end(bytes: &[u8], most: u64) -> Option<usize> {
    let mut rest = Thrift::new(bytes);
    let (block, parts, count) = (rest.varint()?, rest.varint()?, rest.varint()?);
    rest.varint()?;
    let values = block.checked_div(parts).filter(|&values| values > 0)?;
    if count > most {
        return None;
    }
    let mut left = count.saturating_sub(1);
    while left > 0 {
        rest.varint()?;
        let widths = bytes.get(bytes.len() - rest.left()..)?.get(..usize::try_from(parts).ok()?)?;
        rest.pass(parts)?;
        for &width in widths {
            // What would follow the last value has no bits.
            if left > 0 {
                rest.pass(u64::from(width).checked_mul(values)? / 8)?;
            }
            left = left.saturating_sub(values);
        }
    }
    Some(bytes.len() - rest.left())
}

/// A file that somebody else holds.
struct Lent<'a, R>(&'a R);

impl<R: Length> Length for Lent<'_, R> {
    fn len(&self) -> u64 {
        self.0.len()
    }
}

impl<R: ChunkReader> ChunkReader for Lent<'_, R> {
    type T = R::T;

    fn get_read(&self, start: u64) -> Result<R::T> {
        self.0.get_read(start)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        self.0.get_bytes(start, length)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_value_that_leads_out_of_its_page_is_found() {
        let values =
            [&3u32.to_le_bytes()[..], b"abc", &0u32.to_le_bytes(), &2u32.to_le_bytes(), b"de"].concat();
        assert!(values_end(&values, 3) && values_end(&values, 9) && values_end(b"", 1));
        assert!(!values_end(&values[..values.len() - 1], 3) && values_end(&values[..values.len() - 1], 2));
        assert!(!values_end(&u32::MAX.to_le_bytes(), 1) && !values_end(&[1, 0, 0], 1));
    }

    #[test]
    fn packed_lengths_end_where_their_last_block_does() {
        // Blocks of 128 in four parts: five values, of which four have three bits each in the first part.
        let packed = [&[0x80, 1, 4, 5, 6, 2, 3, 9, 9, 9][..], &[0; 12], b"values"].concat();
        assert_eq!(packed_end(&packed, 5), Some(22));
        assert_eq!((packed_end(&packed, 4), packed_end(&packed[..21], 5)), (None, None));
        // A single value stands in the header.
        assert_eq!(packed_end(&[0x80, 1, 4, 1, 6, 9], 1), Some(5));
        let endless = [&[0x80, 1, 4][..], &[0xff; 8], &[1, 0]].concat();
        assert_eq!((packed_end(&endless, 1 << 22), packed_end(&[0x80, 1, 0, 5, 6], 9)), (None, None));
    }

    proptest! {
        #[test]
        fn whatever_bytes_are_taken_for_lengths_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let end = packed_end(&bytes, 1000);
            prop_assert!(end.is_none_or(|end| end <= bytes.len()));
            values_end(&bytes, 1000);
        }
    }
}
