//! Which shard holds which slots, what its file is called, and which shards are not there yet.

use std::{
    fs, io,
    ops::Range,
    path::{Path, PathBuf},
};

use schemas::frame_shard::FrameShardFacts;

use super::{ShardError, footer, footer::Footer};

/// The slots of shards that still have to be written to `out`, in order.
///
/// A shard is finished when a file under its name has a whole footer with the same facts. A folder
/// that does not exist yet has none.
///
/// # Errors
/// When a file under a shard's name is not whole, or was written with other facts.
pub fn unfinished(out: &Path, facts: &FrameShardFacts) -> Result<Vec<Range<u64>>, ShardError> {
    footer::possible(out, facts)?;
    let present = match present(out) {
        Err(ShardError::Io { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => Vec::new(),
        present => present?,
    };
    for (_, path) in &present {
        Footer::read(path)?.expect(path, facts)?;
    }
    let is_there = |shard: &u64| present.binary_search_by_key(shard, |(number, _)| *number).is_ok();
    Ok((0..shards(facts)).filter(|shard| !is_there(shard)).map(|shard| slots_of(facts, shard)).collect())
}

/// Whether a folder has a file under the name of a shard.
pub(crate) fn is_shard_folder(folder: &Path) -> Result<bool, ShardError> {
    Ok(!present(folder)?.is_empty())
}

/// Shards of the whole dataset.
pub(super) fn shards(facts: &FrameShardFacts) -> u64 {
    facts.slots().div_ceil(u64::from(facts.clips_per_shard))
}

/// Slots of a shard.
pub(super) fn slots_of(facts: &FrameShardFacts, shard: u64) -> Range<u64> {
    let start = shard.saturating_mul(u64::from(facts.clips_per_shard)).min(facts.slots());
    start..start.saturating_add(u64::from(facts.clips_per_shard)).min(facts.slots())
}

/// Name of a shard's file.
pub(super) fn file_name(shard: u64) -> String {
    format!("frames-{shard:05}.parquet")
}

/// The number of the shard that a file's name says, if it says one.
pub(super) fn number_of(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    let number = name.strip_prefix("frames-")?.strip_suffix(".parquet")?.parse().ok()?;
    (file_name(number) == name).then_some(number)
}

/// The files under names of shards, by their number.
pub(super) fn present(folder: &Path) -> Result<Vec<(u64, PathBuf)>, ShardError> {
    let failed = |cause| ShardError::Io { action: "read", path: folder.to_owned(), cause };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if let Some(number) = number_of(&path) {
            found.push((number, path));
        }
    }
    found.sort_unstable();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard::frames::tests::facts;

    #[test]
    fn the_last_shard_holds_what_remains() {
        let facts = facts(5);
        assert_eq!(facts.clips_per_shard, 4);
        let ranges: Vec<_> = (0..shards(&facts)).map(|shard| slots_of(&facts, shard)).collect();
        assert_eq!(ranges, [0..4, 4..8, 8..10]);
    }

    #[test]
    fn only_exact_names_are_shards() {
        assert_eq!(number_of(Path::new("a/frames-00012.parquet")), Some(12));
        assert_eq!(number_of(Path::new("frames-123456.parquet")), Some(123_456));
        for name in
            ["frames-12.parquet", "frames-000012.parquet", ".frames-00012.parquet.x.part", "manifest.parquet"]
        {
            assert_eq!(number_of(Path::new(name)), None, "{name}");
        }
    }

    #[test]
    fn a_folder_that_does_not_exist_has_no_finished_shard() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(unfinished(&folder.path().join("new"), &facts(5)).unwrap(), [0..4, 4..8, 8..10]);
    }
}
