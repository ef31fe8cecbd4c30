//! A Parquet file's footer, looked at before Parquet's reader takes memory and goes down by what it says.
//!
//! ```text
//! pages │ indices of pages │ footer: (version), schema, (rows), groups of rows … │ bytes of the footer │ PAR1
//! ```
//!
//! The schema is a tree, written as its nodes with the number of their children each; the reader calls itself for each
//! level of it. What it panics at is damage too.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use parquet::{
    arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions},
    errors::{ParquetError, Result},
    file::{
        metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader},
        reader::ChunkReader,
    },
};

use crate::thrift::Thrift;

/// Levels of a schema: a list in a list takes five.
const MOST_LEVELS: usize = 64;

/// Bytes behind the footer: its length and the file's last word.
const END: u64 = 8;

/// The footer of a file, without the places of its pages.
///
/// # Errors
/// When it is no Parquet file, is damaged, or nobody writes such a schema.
pub fn load<R: ChunkReader>(file: &R) -> Result<ArrowReaderMetadata> {
    let metadata = parsed(file)?;
    without_panic(|| ArrowReaderMetadata::try_new(Arc::new(metadata), ArrowReaderOptions::new()))
}

/// The footer of a file with the places of its pages, where it has an index of them.
///
/// # Errors
/// As [`load`], and when an index promises more than it holds.
pub(crate) fn load_with_pages<R: ChunkReader>(file: &R) -> Result<ArrowReaderMetadata> {
    let metadata = parsed(file)?;
    check_indices(file, &metadata)?;
    without_panic(|| {
        let mut reader = ParquetMetaDataReader::new_with_metadata(metadata)
            .with_column_index_policy(PageIndexPolicy::Skip)
            .with_offset_index_policy(PageIndexPolicy::Optional);
        reader.read_page_indexes(file)?;
        ArrowReaderMetadata::try_new(Arc::new(reader.finish()?), ArrowReaderOptions::new())
    })
}

/// The footer of a file as Parquet's own words.
///
/// # Errors
/// As [`load`].
pub(crate) fn parsed<R: ChunkReader>(file: &R) -> Result<ParquetMetaData> {
    check_schema(file)?;
    without_panic(|| ParquetMetaDataReader::new().parse_and_finish(file))
}

/// What `read` gives; Parquet's reader panics at some files that are damaged.
///
/// # Errors
/// When `read` fails or panics. What a panic leaves half done must not be used any more.
pub(crate) fn without_panic<T>(read: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(refused("it is damaged")))
}

/// Checks the tree of columns. What is no Parquet file at all is left to its reader, which says so.
fn check_schema<R: ChunkReader>(file: &R) -> Result<()> {
    let Some(at) = file.len().checked_sub(END) else { return Ok(()) };
    let length =
        file.get_bytes(at, 4)?.iter().rev().fold(0u64, |length, &byte| length << 8 | u64::from(byte));
    let Some(start) = at.checked_sub(length) else { return Ok(()) };
    let footer = file.get_bytes(start, length as usize)?;
    let mut flaw = None;
    let read = Thrift::new(&footer).fields(&mut |thrift, field, kind| match (field, kind) {
        (2, Thrift::LIST) => thrift.schema().map(|found| flaw = flaw.or(found)),
        _ => thrift.skip(kind, 0),
    });
    match (read, flaw) {
        (Some(()), None) => Ok(()),
        (_, Some(flaw)) => Err(refused(flaw)),
        (None, None) => Err(refused("its footer cannot be read")),
    }
}

impl Thrift<'_> {
    /// What is wrong with a schema, which is passed over.
    fn schema(&mut self) -> Option<Option<&'static str>> {
        let (nodes, _) = self.list()?;
        // The children that are still to come of each node above.
        let (mut open, mut flaw): (Vec<u64>, _) = (Vec::new(), None);
        for _ in 0..nodes {
            let mut children = 0;
            self.fields(&mut |thrift, field, kind| match (field, kind) {
                (5, Thrift::NUMBER) => thrift.size().map(|count| children = count),
                _ => thrift.skip(kind, 0),
            })?;
            if let Some(siblings) = open.last_mut() {
                *siblings -= 1;
            }
            if children > nodes {
                flaw = Some("a column has more parts than there are columns");
            }
            if children > 0 {
                open.push(children);
            }
            while open.last() == Some(&0) {
                open.pop();
            }
            if open.len() > MOST_LEVELS {
                flaw = Some("its columns lie deeper in each other than those of any table");
                open.clear();
            }
        }
        Some(flaw)
    }
}

/// Checks that the indices of pages have no more entries than bytes.
fn check_indices<R: ChunkReader>(file: &R, metadata: &ParquetMetaData) -> Result<()> {
    for chunk in metadata.row_groups().iter().flat_map(|group| group.columns()) {
        let (Some(at), Some(length)) = (chunk.offset_index_offset(), chunk.offset_index_length()) else {
            continue;
        };
        let place = u64::try_from(at).ok().zip(u64::try_from(length).ok());
        let place = place.filter(|(at, length)| at.checked_add(*length).is_some_and(|end| end <= file.len()));
        let Some((at, length)) = place else {
            return Err(refused("an index of pages has no place in the file"));
        };
        let index = file.get_bytes(at, length.min(16) as usize)?;
        let mut entries = None;
        // The list ends the walk: what follows is not looked at.
        Thrift::new(&index).fields(&mut |thrift, _, _| {
            entries = thrift.list();
            None
        });
        if entries.is_none_or(|(count, _)| count > length) {
            return Err(refused("an index of pages has more entries than bytes"));
        }
    }
    Ok(())
}

fn refused(why: &str) -> ParquetError {
    ParquetError::General(why.to_owned())
}

#[cfg(test)]
mod tests {
    use arrow_array::{ArrayRef, Int64Array, RecordBatch};
    use bytes::Bytes;
    use parquet::arrow::ArrowWriter;

    use super::*;

    /// A file without rows, whose only column lies so many levels deep; each level says that it has so many parts.
    fn nested(levels: usize, parts: u8) -> Bytes {
        let count = [levels as u8 | 128, (levels >> 7) as u8 | 128, (levels >> 14) as u8];
        let mut footer = [&[0x15, 2, 0x19, 0xfc][..], &count].concat();
        for level in 1..levels {
            let kind: &[u8] = if level == 1 { &[0x48, 1, b'a'] } else { &[0x35, 0, 0x18, 1, b'a'] };
            footer.extend([kind, &[0x15, parts << 1, 0]].concat());
        }
        footer.extend([0x15, 2, 0x25, 0, 0x18, 1, b'a', 0, 0x16, 0, 0x19, 0x0c, 0]);
        let length = (footer.len() as u32).to_le_bytes();
        [&b"PAR1"[..], &footer, &length, b"PAR1"].concat().into()
    }

    fn reason(loaded: Result<ArrowReaderMetadata>) -> String {
        loaded.map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn columns_lie_only_so_deep_in_each_other() {
        assert!(load(&nested(20, 1)).is_ok());
        assert!(reason(load(&nested(66, 1))).contains("deeper in each other"));
        assert!(reason(load(&nested(1_000_000, 1))).contains("deeper in each other"));
        assert!(reason(load(&nested(3, 60))).contains("more parts than there are columns"));
    }

    #[test]
    fn an_index_has_no_more_entries_than_bytes() {
        let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..9));
        let batch = RecordBatch::try_from_iter([("label", column)]).unwrap();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let metadata = load_with_pages(&Bytes::from(bytes.clone())).unwrap();
        let places = |metadata: &ArrowReaderMetadata| {
            metadata.metadata().page_index_for_row_group(0).page_locations(0).map(Vec::len)
        };
        assert_eq!(places(&metadata), Some(1));
        assert_eq!(places(&load(&Bytes::from(bytes.clone())).unwrap()), None);
        let chunk = metadata.metadata().row_group(0).column(0);
        let at = chunk.offset_index_offset().unwrap() as usize;
        bytes[at + 1..at + 7].copy_from_slice(&[0xfc, 0xff, 0xff, 0xff, 0xff, 7]);
        assert!(reason(load_with_pages(&Bytes::from(bytes))).contains("more entries than bytes"));
    }
}
