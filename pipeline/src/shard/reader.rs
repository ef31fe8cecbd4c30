//! Reads clips by slot from a folder of frame shards.
//!
//! Opening reads every footer and the slots of every row, so that a clip is found without search and
//! a folder that is not whole is refused before training begins. Reading a clip opens its shard,
//! skips to its page by the index of pages and unpacks that page alone; any number of threads may do
//! so at the same time, for they share nothing that changes. All bytes are checked by their digests.

use std::{
    fs::File,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow::{
    array::{AsArray, RecordBatch},
    datatypes::UInt64Type,
};
use parquet::arrow::{
    ProjectionMask,
    arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector},
};
use schemas::frame_shard::FrameShardFacts;

use super::{
    ShardError, StoredClip,
    blocks::{Blocks, CheckedFile},
    footer::Footer,
    layout,
};

/// An opened dataset of frame shards; a clone shares what was read from the footers.
#[derive(Clone, Debug)]
pub struct FrameShards {
    facts: FrameShardFacts,
    shards: Arc<[Shard]>,
    /// By rising slot.
    places: Arc<[Place]>,
}

#[derive(Debug)]
struct Shard {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    blocks: Arc<Blocks>,
}

/// Where a clip is.
#[derive(Clone, Copy, Debug)]
struct Place {
    slot: u64,
    shard: usize,
    /// Row in the file.
    row: u64,
}

impl FrameShards {
    /// Opens a folder of shards, which must be all there, or one shard as a dataset of its own: the
    /// slots of the others then have no clip.
    ///
    /// # Errors
    /// When there is no shard, one is missing or not whole, or they differ in their facts.
    pub fn open(path: &Path) -> Result<Self, ShardError> {
        let files = if path.is_dir() {
            layout::present(path)?
        } else {
            let number = layout::number_of(path).ok_or_else(|| ShardError::NotAShard {
                path: path.to_owned(),
                reason: "its name is not that of a shard".to_owned(),
            })?;
            vec![(number, path.to_owned())]
        };
        let Some((_, first)) = files.first() else {
            return Err(ShardError::NoShards { folder: path.to_owned() });
        };
        let facts = Footer::read(first)?.facts;
        if path.is_dir() {
            all_there(path, &facts, &files)?;
        }
        let (mut shards, mut places) = (Vec::new(), Vec::new());
        for (number, path) in files {
            let footer = Footer::read(&path)?;
            footer.expect(&path, &facts)?;
            let shard = Shard { path, metadata: footer.metadata, blocks: footer.blocks };
            let slots = shard.slots(layout::slots_of(&facts, number))?;
            places.extend(slots.into_iter().zip(0..).map(|(slot, row)| Place {
                slot,
                shard: shards.len(),
                row,
            }));
            shards.push(shard);
        }
        Ok(Self { facts, shards: shards.into(), places: places.into() })
    }

    /// What the shards were written with.
    pub fn facts(&self) -> &FrameShardFacts {
        &self.facts
    }

    /// Clips that are stored; slots whose video failed have none.
    pub fn clips(&self) -> u64 {
        self.places.len() as u64
    }

    /// The clip of a slot, `None` where its video failed when the shards were written.
    ///
    /// # Errors
    /// When the shard cannot be read, or what it gives is not the clip that its footer promises.
    pub fn read(&self, slot: u64) -> Result<Option<StoredClip>, ShardError> {
        let Ok(found) = self.places.binary_search_by_key(&slot, |place| place.slot) else {
            return Ok(None);
        };
        let place = self.places[found];
        let shard = &self.shards[place.shard];
        let wrong = |reason| ShardError::WrongRow { path: shard.path.clone(), row: place.row, reason };
        let clip =
            StoredClip::from_row(shard.row(place.row)?).ok_or_else(|| wrong("it is not there".to_owned()))?;
        if clip.slot != slot {
            return Err(wrong(format!("its slot is {} and was {slot}", clip.slot)));
        }
        match clip.flaw(&self.facts) {
            Some(reason) => Err(wrong(reason)),
            None => Ok(Some(clip)),
        }
    }
}

impl Shard {
    /// The slots of all rows, which must rise within `range`.
    fn slots(&self, range: Range<u64>) -> Result<Vec<u64>, ShardError> {
        let builder = self.builder()?;
        let only_slots = ProjectionMask::columns(builder.parquet_schema(), ["slot"]);
        let reader = builder.with_projection(only_slots).build().map_err(|cause| self.damaged(cause))?;
        let mut slots = Vec::new();
        let mut open = range.clone();
        for batch in reader {
            let batch = batch.map_err(|cause| self.damaged(cause.into()))?;
            for &slot in batch.column(0).as_primitive::<UInt64Type>().values() {
                if !open.contains(&slot) {
                    let reason = format!("slot {slot} is not next in {} to {}", range.start, range.end);
                    let row = slots.len() as u64;
                    return Err(ShardError::WrongRow { path: self.path.clone(), row, reason });
                }
                open.start = slot + 1;
                slots.push(slot);
            }
        }
        Ok(slots)
    }

    /// A batch of the one row `row`, or an empty one where the file has fewer rows.
    fn row(&self, row: u64) -> Result<RecordBatch, ShardError> {
        let builder = self.builder()?;
        let (mut group, mut before) = (0, row as usize);
        for rows in builder.metadata().row_groups().iter().map(|group| group.num_rows() as usize) {
            if before < rows {
                break;
            }
            before -= rows;
            group += 1;
        }
        let one = RowSelection::from(vec![RowSelector::skip(before), RowSelector::select(1)]);
        let schema = builder.schema().clone();
        let mut reader = builder
            .with_row_groups(vec![group])
            .with_row_selection(one)
            .with_batch_size(1)
            .build()
            .map_err(|cause| self.damaged(cause))?;
        match reader.next() {
            None => Ok(RecordBatch::new_empty(schema)),
            Some(batch) => batch.map_err(|cause| self.damaged(cause.into())),
        }
    }

    fn builder(&self) -> Result<ParquetRecordBatchReaderBuilder<CheckedFile>, ShardError> {
        let file = File::open(&self.path)
            .and_then(|file| CheckedFile::new(file, self.blocks.clone()))
            .map_err(|cause| ShardError::Io { action: "read", path: self.path.clone(), cause })?;
        Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone()))
    }

    fn damaged(&self, cause: parquet::errors::ParquetError) -> ShardError {
        ShardError::Damaged { path: self.path.clone(), cause }
    }
}

/// Checks that a folder has every shard of its dataset.
fn all_there(folder: &Path, facts: &FrameShardFacts, files: &[(u64, PathBuf)]) -> Result<(), ShardError> {
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
        first: layout::slots_of(facts, first),
    })
}
