//! Reads rows by key from a folder of shards of one kind.
//!
//! Opening reads every footer and the keys of every row, so that a row is found without search and
//! a folder that is not whole is refused before training begins. Reading a row opens its shard,
//! skips to its page by the index of pages and unpacks that page alone; any number of threads may do
//! so at the same time, for they share nothing that changes. All bytes are checked by their digests.

use std::{
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow_array::{RecordBatch, cast::AsArray, types::UInt64Type};
use arrow_schema::SchemaRef;
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector},
    },
    errors::ParquetError,
    file::{
        metadata::{ColumnChunkMetaData, ParquetMetaData},
        reader::Length as _,
    },
};
use schemas::frame_shard::FrameShardFacts;

use super::{
    ShardError, StoredClip,
    blocks::{Blocks, CheckedFile, Failure},
    footer::{self, Footer},
    kind::ShardFacts,
    layout,
};
use crate::{
    Slot, page_limits,
    parquet_table::{self, Batches},
    store,
};

/// An opened dataset of shards; a clone shares what was read from the footers.
#[derive(Clone, Debug)]
pub struct Shards<F> {
    facts: F,
    shards: Arc<[Shard]>,
    /// By rising key.
    places: Arc<[RowLocation]>,
}

/// Clips whose frames were decoded before.
pub type FrameShards = Shards<FrameShardFacts>;

/// One file.
#[derive(Debug)]
pub(super) struct Shard {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    blocks: Arc<Blocks>,
    failure: Failure,
    /// The column of the blobs.
    blobs: &'static str,
}

/// Where a row is.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowLocation {
    /// The slot of its clip, or the number of its video.
    pub key: u64,
    shard: usize,
    /// Row in the file.
    pub row: u64,
}

/// Which columns of a row are read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Columns {
    All,
    AllBut(&'static str),
    Only(&'static str),
}

/// Clips or videos that a dataset may speak of without a row of any, and for each row: of a few shards, or where most
/// videos failed. Whoever trains on it keeps some bytes for each.
const FREE_KEYS: u64 = 1 << 24;
const KEYS_A_ROW: u64 = 1 << 10;

impl<F: ShardFacts> Shards<F> {
    /// Opens a folder of shards, which must be all there, or one shard as a dataset of its own: the
    /// keys of the others then have no row.
    ///
    /// # Errors
    /// When there is no shard, one is missing or not whole, or they differ in their facts.
    pub fn open(path: &Path) -> Result<Self, ShardError> {
        let files = if store::is_folder(path) {
            layout::present::<F>(path)?
        } else {
            let number = layout::number_of::<F>(path).ok_or_else(|| ShardError::NotAShard {
                path: path.to_owned(),
                reason: "its name is not that of a shard".to_owned(),
            })?;
            vec![(number, path.to_owned())]
        };
        let Some((_, first)) = files.first() else {
            return Err(ShardError::NoShards { folder: path.to_owned() });
        };
        let facts = Footer::<F>::read(first)?.facts;
        if store::is_folder(path) {
            all_there(path, &facts, &files)?;
        }
        let (mut shards, mut places) = (Vec::new(), Vec::new());
        for (number, path) in files {
            let footer = Footer::<F>::read(&path)?;
            footer.expect(&path, &facts)?;
            let Footer { metadata, blocks, facts } = footer;
            let shard =
                Shard { path, metadata, blocks, failure: Failure::default(), blobs: F::blobs(&facts) };
            shard.check_pages()?;
            let keys = shard.keys(F::KEY, F::MOST_ROWS, layout::keys_of(&facts, number))?;
            let place = |(key, row)| RowLocation { key, shard: shards.len(), row };
            places.extend(keys.into_iter().zip(0..).map(place));
            shards.push(shard);
        }
        if facts.keys() > FREE_KEYS.saturating_add(KEYS_A_ROW.saturating_mul(places.len() as u64)) {
            let reason = "there are far more than the rows that are stored";
            return Err(ShardError::ImpossibleFacts { path: path.to_owned(), reason });
        }
        Ok(Self { facts, shards: shards.into(), places: places.into() })
    }

    /// Whether a file is called as those of this kind are.
    pub fn is_name(path: &Path) -> bool {
        layout::number_of::<F>(path).is_some()
    }

    /// What the shards were written with.
    pub fn facts(&self) -> &F {
        &self.facts
    }

    /// Rows that are stored.
    pub fn rows(&self) -> u64 {
        self.places.len() as u64
    }

    /// The rows of a key: none where it failed when the shards were written.
    pub(super) fn places(&self, key: u64) -> &[RowLocation] {
        let start = self.places.partition_point(|place| place.key < key);
        let count = self.places[start..].partition_point(|place| place.key == key);
        &self.places[start..start + count]
    }

    /// The files.
    pub(super) fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// The file of a row.
    pub(super) fn path(&self, place: RowLocation) -> &Path {
        &self.shards[place.shard].path
    }

    /// A batch of one row, or an empty one where the file has fewer rows.
    pub(super) fn row(&self, place: RowLocation, columns: Columns) -> Result<RecordBatch, ShardError> {
        self.shards[place.shard].row(place.row, columns)
    }
}

impl FrameShards {
    /// The clip of a slot, `None` where its video failed when the shards were written.
    ///
    /// # Errors
    /// When the shard cannot be read, or what it gives is not the clip that its footer promises.
    pub fn read(&self, slot: Slot) -> Result<Option<StoredClip>, ShardError> {
        let Some(&place) = self.places(slot.0).first() else { return Ok(None) };
        let wrong =
            |reason| ShardError::WrongRow { path: self.path(place).to_owned(), row: place.row, reason };
        let clip = StoredClip::from_row(self.row(place, Columns::All)?, &self.facts).map_err(wrong)?;
        if clip.slot != slot {
            return Err(wrong(format!("its slot is {} and was {}", clip.slot.0, slot.0)));
        }
        match clip.flaw(&self.facts) {
            Some(reason) => Err(wrong(reason)),
            None => Ok(Some(clip)),
        }
    }
}

impl Shard {
    /// Checks what all pages but those of blobs say that they unpack to.
    fn check_pages(&self) -> Result<(), ShardError> {
        let builder = self.builder()?;
        let file = footer::open(&self.path, self.blocks.clone(), &self.failure)?;
        let check = || {
            let metadata = builder.metadata();
            page_limits::check_rows(metadata, file.len())?;
            for (number, group) in metadata.row_groups().iter().enumerate() {
                let index = metadata.page_index_for_row_group(number);
                for (column, chunk) in group.columns().iter().enumerate() {
                    if !self.is_blob(chunk) {
                        let (rows, pages) = (group.num_rows() as usize, index.page_locations(column));
                        page_limits::check_chunk_with_index(&file, chunk, rows, pages.map(Vec::as_slice))?;
                    }
                }
            }
            Ok(())
        };
        check().map_err(|cause| self.damaged(cause))
    }

    fn is_blob(&self, chunk: &ColumnChunkMetaData) -> bool {
        chunk.column_path().parts().first().is_some_and(|name| name == self.blobs)
    }

    /// Checks what the blob of row `row` of a group unpacks to, and the dictionary that it may have.
    fn check_blob(&self, metadata: &ParquetMetaData, group: usize, row: usize) -> Result<(), ShardError> {
        let file = footer::open(&self.path, self.blocks.clone(), &self.failure)?;
        let index = metadata.page_index_for_row_group(group);
        for (column, chunk) in metadata.row_group(group).columns().iter().enumerate() {
            if !self.is_blob(chunk) {
                continue;
            }
            let pages = index.page_locations(column).map_or(&[][..], |pages| pages);
            // Nothing is passed over inside of a page: its lengths were not checked.
            let page = pages.binary_search_by_key(&(row as i64), |page| page.first_row_index);
            let page = page.map(|page| pages[page].offset).map_err(|_| {
                self.damaged(ParquetError::General("it has no index, or several blobs a page".to_owned()))
            })?;
            for at in chunk.dictionary_page_offset().into_iter().chain([page]) {
                let at = u64::try_from(at).unwrap_or(u64::MAX);
                page_limits::check_blob(&file, at).map_err(|cause| self.damaged(cause))?;
            }
        }
        Ok(())
    }

    /// The keys of all rows, which must rise within `range`; at most `most` rows have the same.
    fn keys(&self, column: &str, most: u32, range: Range<u64>) -> Result<Vec<u64>, ShardError> {
        let builder = self.builder()?;
        let only_keys = ProjectionMask::columns(builder.parquet_schema(), [column]);
        let mut keys: Vec<u64> = Vec::new();
        let (mut open, mut same) = (range.clone(), 0);
        for batch in self.batches(builder.with_projection(only_keys))? {
            let batch = batch.map_err(|cause| self.damaged(cause))?;
            for &key in batch.column(0).as_primitive::<UInt64Type>().values() {
                let again = keys.last() == Some(&key) && same < most;
                if !open.contains(&key) && !again {
                    let reason = format!("{column} {key} is not next in {} to {}", range.start, range.end);
                    let row = keys.len() as u64;
                    return Err(ShardError::WrongRow { path: self.path.clone(), row, reason });
                }
                same = if again { same + 1 } else { 1 };
                open.start = key + 1;
                keys.push(key);
            }
        }
        Ok(keys)
    }

    fn row(&self, row: u64, columns: Columns) -> Result<RecordBatch, ShardError> {
        let builder = self.builder()?;
        let (mut group, mut before) = (0, row as usize);
        for rows in builder.metadata().row_groups().iter().map(|group| group.num_rows() as usize) {
            if before < rows {
                break;
            }
            before -= rows;
            group += 1;
        }
        let schema = builder.schema().clone();
        if group == builder.metadata().num_row_groups() {
            return Ok(RecordBatch::new_empty(schema));
        }
        if !matches!(columns, Columns::AllBut(name) if name == self.blobs) {
            self.check_blob(builder.metadata(), group, before)?;
        }
        let wanted = projection(&schema, columns);
        let wanted = ProjectionMask::roots(builder.parquet_schema(), wanted);
        let one = RowSelection::from(vec![RowSelector::skip(before), RowSelector::select(1)]);
        let builder = builder.with_row_groups(vec![group]).with_projection(wanted);
        match self.batches(builder.with_row_selection(one).with_batch_size(1))?.next() {
            None => Ok(RecordBatch::new_empty(schema)),
            Some(batch) => batch.map_err(|cause| self.damaged(cause)),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A reader of it, before it is told what to read.
    pub(super) fn builder(&self) -> Result<ParquetRecordBatchReaderBuilder<CheckedFile>, ShardError> {
        let file = footer::open(&self.path, self.blocks.clone(), &self.failure)?;
        Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone()))
    }

    /// The batches of a reader that was told what to read.
    pub(super) fn batches(
        &self,
        reader: ParquetRecordBatchReaderBuilder<CheckedFile>,
    ) -> Result<Batches, ShardError> {
        parquet_table::batches(reader).map_err(|cause| self.damaged(cause))
    }

    /// What a failure to read it comes from.
    pub(super) fn damaged(&self, cause: ParquetError) -> ShardError {
        footer::failed(&self.path, &self.failure, cause)
    }
}

/// The places of the wanted columns.
fn projection(schema: &SchemaRef, columns: Columns) -> Vec<usize> {
    let is_wanted = |name: &str| match columns {
        Columns::All => true,
        Columns::AllBut(column) => name != column,
        Columns::Only(column) => name == column,
    };
    let fields = schema.fields().iter().enumerate();
    fields.filter(|(_, field)| is_wanted(field.name())).map(|(at, _)| at).collect()
}

/// Checks that a folder has every shard of its dataset.
fn all_there<F: ShardFacts>(folder: &Path, facts: &F, files: &[(u64, PathBuf)]) -> Result<(), ShardError> {
    let shards = layout::shards(facts);
    let present = files.iter().filter(|(number, _)| *number < shards).count() as u64;
    if present == shards {
        return Ok(());
    }
    // Numbers rise without repetition: the first that is not its own place stands after a gap.
    let first = files.iter().zip(0..).find(|((number, _), place)| number != place);
    let first = first.map_or(present, |(_, place)| place);
    Err(ShardError::Missing {
        folder: folder.to_owned(),
        missing: shards - present,
        shards,
        first: layout::keys_of(facts, first),
    })
}
