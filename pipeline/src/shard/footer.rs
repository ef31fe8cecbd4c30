//! A shard's footer: which format the file has, which facts it was written with, where its pages are.

use std::{io, path::Path, sync::Arc};

use parquet::{arrow::arrow_reader::ArrowReaderMetadata, errors::ParquetError};
use schemas::frame_shard::VERSION_KEY;
use serde::de::DeserializeOwned;

use super::{
    ShardError,
    blocks::{BLOCKS_KEY, Blocks, CheckedFile, Failure},
    kind::ShardFacts,
};
use crate::{
    file::OpenFile,
    page_limits, parquet_footer,
    store::StoreFailure,
    system::{self, SystemError},
};

/// What a shard's footer says.
#[derive(Clone, Debug)]
pub(super) struct Footer<F> {
    /// Row groups, pages, schema.
    pub(super) metadata: ArrowReaderMetadata,
    /// Facts of the dataset.
    pub(super) facts: F,
    /// Digests of the bytes before page index and footer.
    pub(super) blocks: Arc<Blocks>,
}

/// The value of `tubelet.format` in a Parquet file, `None` where something else wrote it.
///
/// # Errors
/// When the file cannot be read, or is not whole Parquet.
pub(crate) fn format_of(path: &Path) -> Result<Option<String>, ShardError> {
    let metadata = load(path)?;
    Ok(value(&metadata, VERSION_KEY).map(str::to_owned))
}

impl<F: ShardFacts> Footer<F> {
    /// Reads the footer of the shard at `path`.
    ///
    /// # Errors
    /// When it is no whole shard of this kind, or its facts cannot be.
    pub(super) fn read(path: &Path) -> Result<Self, ShardError> {
        let not_a_shard = |reason| ShardError::NotAShard { path: path.to_owned(), reason };
        let metadata = load(path)?;
        match value(&metadata, VERSION_KEY) {
            Some(format) if format == F::VERSION => (),
            Some(format) => return Err(not_a_shard(format!("its format is {format}"))),
            None => return Err(not_a_shard("it does not say its format".to_owned())),
        }
        let facts: F = json(&metadata, F::FACTS_KEY).map_err(not_a_shard)?;
        let blocks: Blocks = json(&metadata, BLOCKS_KEY).map_err(not_a_shard)?;
        if !page_limits::columns_have_places(metadata.metadata()) {
            let cause = ParquetError::General("a column has no place in the file".to_owned());
            return Err(ShardError::Damaged { path: path.to_owned(), cause });
        }
        possible(path, &facts)?;
        if metadata.schema().fields() != facts.schema().fields() {
            return Err(not_a_shard("its columns are others".to_owned()));
        }
        Ok(Self { metadata, facts, blocks: Arc::new(blocks) })
    }

    /// Checks that the facts are the `expected` ones, and names the first that is not.
    ///
    /// # Errors
    /// When a fact differs.
    pub(super) fn expect(&self, path: &Path, expected: &F) -> Result<(), ShardError> {
        if self.facts == *expected {
            return Ok(());
        }
        let fields =
            |facts: &F| serde_json::to_value(facts).expect("because numbers and strings always make JSON");
        let (found, expected) = (fields(&self.facts), fields(expected));
        let differing =
            found.as_object().into_iter().flatten().find(|(fact, value)| expected[*fact] != **value);
        let (fact, value) = differing.expect("because facts that differ have a field that does");
        Err(ShardError::OtherFacts {
            path: path.to_owned(),
            fact: fact.clone(),
            found: value.to_string(),
            expected: expected[fact].to_string(),
        })
    }
}

/// Checks that facts describe a dataset that can exist.
///
/// # Errors
/// When a shard would hold no clip, or there are more slots than numbers.
pub(super) fn possible<F: ShardFacts>(path: &Path, facts: &F) -> Result<(), ShardError> {
    match facts.impossible() {
        Some(reason) => Err(ShardError::ImpossibleFacts { path: path.to_owned(), reason }),
        None => Ok(()),
    }
}

/// The footer with the places of pages.
fn load(path: &Path) -> Result<ArrowReaderMetadata, ShardError> {
    let failure = Failure::default();
    // The digests are in the footer itself, so what is read of it here has none.
    let file = open(path, Arc::default(), &failure)?;
    parquet_footer::load_with_pages(&file).map_err(|cause| failed(path, &failure, cause))
}

/// Opens a shard's file; `failure` is told what the system fails at.
pub(crate) fn open(path: &Path, blocks: Arc<Blocks>, failure: &Failure) -> Result<CheckedFile, ShardError> {
    let opened =
        system::read(path, || CheckedFile::new(OpenFile::open(path)?, blocks.clone(), failure.clone()))?;
    opened.map_err(|cause| ShardError::Io { action: "read", path: path.to_owned(), cause })
}

/// What a failure to read the Parquet file at `path` comes from: the system, or else the file.
pub(super) fn failed(path: &Path, failure: &Failure, cause: ParquetError) -> ShardError {
    match failure.get() {
        Some(why) => {
            let same = match (StoreFailure::in_error(why), why.raw_os_error()) {
                (Some(failure), _) => io::Error::other(failure.clone()),
                (None, Some(number)) => io::Error::from_raw_os_error(number),
                (None, None) => why.kind().into(),
            };
            SystemError::new("read", path, same).into()
        }
        None => ShardError::Damaged { path: path.to_owned(), cause },
    }
}

/// The value of `key`, which is JSON; else what is wrong with it.
fn json<T: DeserializeOwned>(metadata: &ArrowReaderMetadata, key: &str) -> Result<T, String> {
    let text = value(metadata, key).ok_or_else(|| format!("{key} is missing"))?;
    serde_json::from_str(text).map_err(|error| format!("{key}: {error}"))
}

fn value<'a>(metadata: &'a ArrowReaderMetadata, key: &str) -> Option<&'a str> {
    let pairs = metadata.metadata().file_metadata().key_value_metadata()?;
    pairs.iter().find(|pair| pair.key == key)?.value.as_deref()
}
