//! Films in a column of a Parquet file, as Hugging Face's `datasets` writes its type `Video`: a struct of `bytes` and
//! `path`, of which one is null.
//!
//! ```text
//! train-00000-of-00003.parquet/video/17    row 17 of the column `video`
//! ```
//!
//! Where the column is neither compressed nor encoded, which is how `datasets` writes it, a film is a range of the file:
//! headers of pages and lengths of values are read, and no film. Else its page, and those before it in its group of rows, are unpacked when it is opened.

use std::{fs::File, io, ops::Range, path::Path};

use arrow_array::{Array as _, cast::AsArray as _};
use arrow_schema::{DataType, Field};
use bytes::Buf as _;
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder},
    },
    basic::Compression,
    errors::ParquetError,
    file::{
        metadata::{ColumnChunkMetaData, RowGroupMetaData},
        reader::{ChunkReader, Length as _},
    },
};
use schemas::regular_file;

use super::levels;
use crate::{
    page_header::Page,
    page_limits, parquet_footer,
    parquet_table::{self, of_table},
};

/// A column of films.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoColumn {
    /// Its name.
    pub name: String,
    /// The place of its `bytes` among all columns of the file.
    leaf: usize,
}

/// What a row of the column has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// A film, which is this part of the file.
    Range(Range<u64>),
    /// A film, or nothing, of about so many bytes once it is unpacked.
    Packed {
        /// Its bytes, as far as the file tells.
        about: u64,
    },
    /// No film.
    Null,
}

/// A Parquet file with films.
#[derive(Debug)]
pub struct VideoCells {
    file: File,
    metadata: ArrowReaderMetadata,
}

/// Bytes that a page may unpack to in which a film is looked for.
const MOST_UNPACKED: u64 = 1 << 30;

impl VideoCells {
    /// Opens a file; nothing of its rows is read.
    ///
    /// # Errors
    /// When it cannot be read, or is no Parquet file.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = regular_file::open(path)?;
        let metadata = parquet_footer::load(&file).map_err(of_table)?;
        page_limits::check_places(metadata.metadata(), file.len()).map_err(of_table)?;
        Ok(Self { file, metadata })
    }

    /// Its columns of films.
    pub fn columns(&self) -> Vec<VideoColumn> {
        let mut leaf = 0;
        let mut columns = Vec::new();
        for field in self.metadata.schema().fields() {
            let inside = match field.data_type() {
                DataType::Struct(inside) => inside.iter().map(|field| leaves(field)).sum(),
                _ => leaves(field),
            };
            if let DataType::Struct(parts) = field.data_type()
                && parts.len() == 2
                && let Some(at) =
                    parts.iter().position(|part| part.name() == "bytes" && is_bytes(part.data_type()))
                && parts.iter().any(|part| part.name() == "path" && is_text(part.data_type()))
            {
                columns.push(VideoColumn { name: field.name().clone(), leaf: leaf + at });
            }
            leaf += inside;
        }
        columns
    }

    /// The column of this name.
    ///
    /// # Errors
    /// When it has no such column of films.
    pub fn column(&self, name: &str) -> io::Result<VideoColumn> {
        let found = self.columns().into_iter().find(|column| column.name == name);
        found.ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, format!("it has no column of films {name}"))
        })
    }

    /// What each row of a column has, in their order.
    ///
    /// # Errors
    /// When the file cannot be read, or a page says what cannot be.
    pub fn cells(&self, column: &VideoColumn) -> io::Result<Vec<Cell>> {
        let mut cells = Vec::new();
        for group in self.metadata.metadata().row_groups() {
            cells.extend(self.cells_of(group, column)?);
        }
        Ok(cells)
    }

    /// What row `row` of a column has.
    ///
    /// # Errors
    /// As [`Self::cells`], and when there is no such row.
    pub fn cell(&self, column: &VideoColumn, row: u64) -> io::Result<Cell> {
        let (group, row) = self.group_of(row)?;
        let cells = self.cells_of(self.metadata.metadata().row_group(group), column)?;
        cells.into_iter().nth(row).ok_or_else(absent)
    }

    fn cells_of(&self, group: &RowGroupMetaData, column: &VideoColumn) -> io::Result<Vec<Cell>> {
        let chunk = group.column(column.leaf);
        let rows = usize::try_from(group.num_rows()).map_err(io::Error::other)?;
        if let Some(cells) =
            plain_cells(&self.file, chunk).map_err(of_table)?.filter(|cells| cells.len() == rows)
        {
            return Ok(cells);
        }
        let nulls = chunk.statistics().and_then(|statistics| statistics.null_count_opt());
        let about = u64::try_from(chunk.uncompressed_size()).unwrap_or(0) / (rows as u64).max(1);
        let cell = if nulls == Some(rows as u64) { Cell::Null } else { Cell::Packed { about } };
        Ok(vec![cell; rows])
    }

    /// The bytes of the film in row `row` of a column.
    ///
    /// # Errors
    /// When the file cannot be read, a page is damaged or too large, there is no such row, or no film in it.
    pub fn read(&self, column: &VideoColumn, row: u64) -> io::Result<Vec<u8>> {
        let (group, row) = self.group_of(row)?;
        let chunk = self.metadata.metadata().row_group(group).column(column.leaf);
        page_limits::check_pages(&self.file, chunk, MOST_UNPACKED).map_err(of_table)?;
        let file = self.file.try_clone()?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
        let wanted = ProjectionMask::leaves(builder.parquet_schema(), [column.leaf]);
        let builder = builder.with_row_groups(vec![group]).with_projection(wanted);
        // Rows before it are read, and not skipped: the reader believes the lengths of values that it skips.
        let mut batches = parquet_table::batches(builder.with_batch_size(1)).map_err(of_table)?;
        let batch = batches.nth(row).ok_or_else(absent)?.map_err(of_table)?;
        let cell =
            batch.column(0).as_struct_opt().and_then(|cell| cell.columns().first()).ok_or_else(absent)?;
        let null = || io::Error::new(io::ErrorKind::NotFound, "its cell has no film");
        if batch.column(0).is_null(0) || cell.is_null(0) {
            return Err(null());
        }
        let bytes = cell.as_binary_opt::<i32>().map(|array| array.value(0).to_vec());
        bytes.or_else(|| Some(cell.as_binary_opt::<i64>()?.value(0).to_vec())).ok_or_else(null)
    }

    /// The group of rows that a row is in, and its place there.
    fn group_of(&self, row: u64) -> io::Result<(usize, usize)> {
        let mut left = row;
        for (group, rows) in self.metadata.metadata().row_groups().iter().map(|it| it.num_rows()).enumerate()
        {
            match left.checked_sub(u64::try_from(rows).unwrap_or(0)) {
                Some(behind) => left = behind,
                None => return Ok((group, left as usize)),
            }
        }
        Err(absent())
    }
}

/// The cells of a column, where its values are written one behind the other and as they are; else nothing.
fn plain_cells(file: &File, chunk: &ColumnChunkMetaData) -> Result<Option<Vec<Cell>>, ParquetError> {
    let levels_of = chunk.column_descr();
    if chunk.compression() != Compression::UNCOMPRESSED || levels_of.max_rep_level() > 0 {
        return Ok(None);
    }
    page_limits::check_pages(file, chunk, u64::MAX)?;
    let most = levels_of.max_def_level() as u64;
    let (mut at, length) = chunk.byte_range();
    let end = at.saturating_add(length).min(file.len());
    let mut cells = Vec::new();
    while at < end {
        let page = Page::read(file, at)?;
        let body = at.saturating_add(page.header);
        at = body.saturating_add(page.packed);
        if !matches!(page.kind, Page::DATA | Page::DATA_2) || page.encoding != Page::PLAIN || at > end {
            return Ok(None);
        }
        let number = |at: u64| Ok::<_, ParquetError>(u64::from(file.get_bytes(at, 4)?.get_u32_le()));
        let (start, bytes) = match page.levels {
            Some(bytes) => (body, bytes),
            None if most == 0 => (body, 0),
            None => (body.saturating_add(4), number(body)?),
        };
        let mut value = start.saturating_add(bytes);
        if value > at {
            return Ok(None);
        }
        let levels = file.get_bytes(start, bytes as usize)?;
        let Some(levels) = levels::decode(&levels, most, page.values) else { return Ok(None) };
        for level in levels {
            if level < most {
                cells.push(Cell::Null);
                continue;
            }
            let film = value.saturating_add(4);
            if film > at {
                return Ok(None);
            }
            value = film.saturating_add(number(value)?);
            if value > at {
                return Ok(None);
            }
            cells.push(Cell::Range(film..value));
        }
    }
    Ok(Some(cells))
}

/// Columns of Parquet that a field takes.
fn leaves(field: &Field) -> usize {
    match field.data_type() {
        DataType::Struct(inside) => inside.iter().map(|field| leaves(field)).sum(),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => leaves(item),
        DataType::Map(entries, _) => leaves(entries),
        _ => 1,
    }
}

fn is_bytes(kind: &DataType) -> bool {
    matches!(kind, DataType::Binary | DataType::LargeBinary)
}

fn is_text(kind: &DataType) -> bool {
    matches!(kind, DataType::Utf8 | DataType::LargeUtf8)
}

fn absent() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "it has no such row")
}
