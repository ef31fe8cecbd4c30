//! What the pages of a Parquet file say that they unpack to, checked before one is unpacked.
//!
//! Parquet's reader takes the memory that a page's header asks for, and a run of equal values takes no more bytes for
//! a thousand million of them than for one. So every header is read beforehand, and what no writer of such files makes
//! is refused.

use parquet::{
    errors::{ParquetError, Result},
    file::{
        metadata::{ColumnChunkMetaData, ParquetMetaData},
        page_index::offset_index::PageLocation,
        reader::ChunkReader,
    },
};

use crate::{page_header::Page, page_values};

/// Bytes of a page of a table: writers end a page at one megabyte, and a row may be larger.
const MOST_BYTES: u64 = 64 << 20;

/// Values of a page: those of a list are counted each.
const MOST_VALUES: u64 = 1 << 22;

/// Rows that any table may have.
const FREE_ROWS: u64 = 1 << 16;

/// Bytes that a page of blobs may unpack to, and how many times its size beyond that.
const BLOB_BYTES: u64 = 256 << 20;
const BLOB_TIMES: u64 = 16;

/// Checks all pages of a file whose rows are kept in memory.
///
/// # Errors
/// When a header cannot be read, or asks for more than such a file ever has.
pub fn check<R: ChunkReader>(file: &R, metadata: &ParquetMetaData) -> Result<()> {
    check_places(metadata, file.len())?;
    let mut chunks = metadata.row_groups().iter().flat_map(|group| group.columns());
    chunks.try_for_each(|chunk| check_chunk(file, chunk))
}

/// Checks what a file of so many bytes says of its rows and columns, before a page is read.
///
/// # Errors
/// When it promises many more rows than it has bytes, or a column has no place in it.
pub(crate) fn check_places(metadata: &ParquetMetaData, bytes: u64) -> Result<()> {
    check_rows(metadata, bytes)?;
    if columns_have_places(metadata) { Ok(()) } else { Err(refused("a column has no place in the file")) }
}

/// Checks that there are not many more rows than bytes.
pub(crate) fn check_rows(metadata: &ParquetMetaData, bytes: u64) -> Result<()> {
    let rows = |group: &parquet::file::metadata::RowGroupMetaData| u64::try_from(group.num_rows()).ok();
    let all = metadata.row_groups().iter().try_fold(0u64, |all, group| all.checked_add(rows(group)?));
    match all {
        Some(all) if all <= FREE_ROWS + bytes => Ok(()),
        _ => Err(refused("it promises more rows than it has bytes")),
    }
}

/// Whether no column begins or ends before the file does; the Parquet reader panics where one does.
pub(crate) fn columns_have_places(metadata: &ParquetMetaData) -> bool {
    metadata.row_groups().iter().flat_map(|group| group.columns()).all(|column| {
        let start = column.dictionary_page_offset().unwrap_or(0).min(column.data_page_offset());
        start >= 0 && column.compressed_size() >= 0
    })
}

/// Checks the pages of one column of a group of rows.
pub(crate) fn check_chunk<R: ChunkReader>(file: &R, chunk: &ColumnChunkMetaData) -> Result<()> {
    check_pages(file, chunk, MOST_BYTES).map(drop)
}

/// The same of a column that single rows are read of: those before them are passed over by their lengths. `index` has the
/// places of its pages.
pub(crate) fn check_chunk_with_index<R: ChunkReader>(
    file: &R,
    chunk: &ColumnChunkMetaData,
    rows: usize,
    index: Option<&[PageLocation]>,
) -> Result<()> {
    let pages = check_pages(file, chunk, MOST_BYTES)?;
    let begins = |at: i64| pages.binary_search_by_key(&at.try_into().unwrap_or(0), |(at, _)| *at).is_ok();
    if !index.unwrap_or_default().iter().all(|page| begins(page.offset)) {
        return Err(refused("its index names a page where none begins"));
    }
    page_values::check(file, chunk, rows, index)
}

/// The pages of one column of a group of rows, which may unpack to `most` bytes each, and where they begin.
/// Packed lengths are checked too: Parquet's reader takes memory by them.
pub(crate) fn check_pages<R: ChunkReader>(
    file: &R,
    chunk: &ColumnChunkMetaData,
    most: u64,
) -> Result<Vec<(u64, Page)>> {
    let (start, length) = chunk.byte_range();
    let end = start.saturating_add(length).min(file.len());
    let (mut at, mut pages) = (start, Vec::new());
    while at < end {
        let page = Page::read(file, at)?;
        check_page(&page, most)?;
        pages.push((at, page));
        at = at.saturating_add(page.header).saturating_add(page.packed);
    }
    if at > file.len() {
        return Err(refused("a page ends behind the file"));
    }
    if pages.iter().any(|(_, page)| page.has_packed_lengths()) {
        page_values::check(file, chunk, 0, None)?;
    }
    Ok(pages)
}

/// Checks the page of a blob that begins at `at`.
pub(crate) fn check_blob<R: ChunkReader>(file: &R, at: u64) -> Result<()> {
    let page = Page::read(file, at)?;
    if page.has_packed_lengths() {
        return Err(refused("its blobs are encoded"));
    }
    check_page(&page, BLOB_BYTES.saturating_add(page.packed.saturating_mul(BLOB_TIMES)))
}

fn refused(why: &str) -> ParquetError {
    ParquetError::General(why.to_owned())
}

fn check_page(page: &Page, most: u64) -> Result<()> {
    let Page { unpacked, packed, values, .. } = *page;
    if unpacked > most {
        return Err(refused(&format!("a page of {packed} bytes says that it unpacks to {unpacked}")));
    }
    if values > MOST_VALUES {
        return Err(refused(&format!("a page says that it has {values} values")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::page_header::tests::{header, varint};

    #[test]
    fn pages_that_ask_for_too_much_are_refused() {
        let blob = |unpacked, packed| check_blob(&Bytes::from(header(unpacked, packed, 1)), 0);
        assert!(
            blob(200 << 20, 10).is_ok() && blob(300 << 20, 10).is_err() && blob(300 << 20, 4 << 20).is_ok()
        );
        let values = |values| check_blob(&Bytes::from(header(100, 10, values)), 0);
        assert!(values(1 << 22).is_ok() && values(1 << 23).is_err());
        let negative = [&[0x15, 0, 0x15][..], &varint(7), &[0]].concat();
        assert!(check_blob(&Bytes::from(negative), 0).is_err());
    }

    proptest! {
        #[test]
        fn whatever_bytes_are_taken_for_a_header_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = check_blob(&Bytes::from(bytes), 0);
        }
    }
}
