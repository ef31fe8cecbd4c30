//! Tables that were damaged at drawn places are read or refused, whatever way their values are encoded.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, StringArray};
use bytes::Bytes;
use parquet::{arrow::ArrowWriter, basic::Encoding, file::properties::WriterProperties};

use super::*;

const ENCODINGS: [Encoding; 4] = [
    Encoding::PLAIN,
    Encoding::RLE_DICTIONARY,
    Encoding::DELTA_LENGTH_BYTE_ARRAY,
    Encoding::DELTA_BYTE_ARRAY,
];

/// A table of 200 rows in pages of 50, whose words are encoded in this way.
fn table(encoding: Encoding) -> Vec<u8> {
    let words = (0..200).map(|row| (row % 7 > 0).then(|| format!("films/{row:03}.mp4")));
    let path: ArrayRef = Arc::new(StringArray::from_iter(words));
    let label: ArrayRef = Arc::new(Int64Array::from_iter_values(0..200));
    let batch = RecordBatch::try_from_iter_with_nullable([("path", path, true), ("label", label, false)]);
    let batch = batch.unwrap();
    let properties = WriterProperties::builder().set_data_page_row_count_limit(50).set_write_batch_size(50);
    let properties = match encoding {
        Encoding::RLE_DICTIONARY => properties,
        encoding => properties.set_dictionary_enabled(false).set_column_encoding("path".into(), encoding),
    };
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties.build())).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn rows(bytes: Vec<u8>) -> Result<usize> {
    let read = batches(open_foreign(Bytes::from(bytes))?)?;
    read.map(|batch| batch.map(|batch| batch.num_rows())).sum()
}

/// Random numbers (SplitMix64).
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}

/// Flips a bit, or puts a large or drawn number, at one to three places.
fn damage(bytes: &mut [u8], draws: &mut Draws) {
    for _ in 0..1 + draws.next() % 3 {
        let at = draws.next() as usize % bytes.len();
        let drawn = draws.next().to_le_bytes();
        let number: &[u8] = match draws.next() % 4 {
            0 => &[bytes[at] ^ 1 << (drawn[0] % 8)],
            1 => &[0xff; 4],
            // A large number of seven bits a byte.
            2 => &[0xff, 0xff, 0xff, 0xff, 0x07],
            _ => &drawn[..4],
        };
        bytes[at..].iter_mut().zip(number).for_each(|(byte, other)| *byte = *other);
    }
}

/// `TUBELET_DAMAGES=10000` makes as many of each.
#[test]
fn damaged_tables_of_every_encoding_are_read_or_refused() {
    let damages = std::env::var("TUBELET_DAMAGES").ok().and_then(|count| count.parse().ok()).unwrap_or(300);
    for encoding in ENCODINGS {
        let whole = table(encoding);
        assert_eq!(rows(whole.clone()).unwrap(), 200, "{encoding:?}");
        let is_refused = |seed: &u64| {
            let mut bytes = whole.clone();
            damage(&mut bytes, &mut Draws(*seed));
            rows(bytes).is_err()
        };
        let refused = (0..damages).filter(is_refused).count() as u64;
        assert!(refused > damages / 4, "{encoding:?}: {refused} of {damages} were refused");
    }
}

#[test]
fn more_packed_lengths_than_values_are_refused_before_memory_is_taken() {
    for encoding in [Encoding::DELTA_LENGTH_BYTE_ARRAY, Encoding::DELTA_BYTE_ARRAY] {
        let mut bytes = table(encoding);
        // Blocks of 128 in four parts, then how many there are: 50 rows, of which 42 or 43 are not null.
        let at = bytes.windows(4).position(|some| some[..3] == [0x80, 1, 4] && matches!(some[3], 42 | 43));
        let at = at.expect("because lengths begin so") + 3;
        bytes.splice(at..at + 5, [0xff, 0xff, 0xff, 0xff, 0x7f]);
        let refused = rows(bytes).unwrap_err().to_string();
        assert!(refused.contains("does not end in its page"), "{encoding:?}: {refused}");
    }
}
