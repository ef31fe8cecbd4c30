//! Which shard holds which slots, what its file is called, and which shards are not there yet.

use std::{
    io,
    ops::Range,
    path::{Path, PathBuf},
};

use schemas::{
    Slice, frame_shard::FrameShardFacts, packet_shard::PacketShardFacts, video_shard::VideoShardFacts,
};

use super::{
    ShardError,
    footer::{self, Footer},
    kind::ShardFacts,
};
use crate::{file::Place, store};

/// The keys of shards that still have to be written to `out`, in order.
///
/// A shard is finished when a file under its name has a whole footer with the same facts. A folder
/// that does not exist yet has none.
///
/// # Errors
/// When a file under a shard's name is not whole, or was written with other facts.
pub fn unfinished<F: ShardFacts>(out: &Path, facts: &F) -> Result<Vec<Range<u64>>, ShardError> {
    footer::possible(out, facts)?;
    let present = match present::<F>(out) {
        Err(ShardError::Io { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => Vec::new(),
        present => present?,
    };
    let others =
        |(number, path): &(u64, PathBuf)| path.file_name() != Some(file_name(facts.name(), *number).as_ref());
    if present.iter().any(others) || kinds(out)? > usize::from(!present.is_empty()) {
        return Err(ShardError::SeveralKinds { folder: out.to_owned() });
    }
    for (_, path) in &present {
        Footer::<F>::read(path)?.expect(path, facts)?;
    }
    let is_there = |shard: &u64| present.binary_search_by_key(shard, |(number, _)| *number).is_ok();
    Ok((0..shards(facts)).filter(|shard| !is_there(shard)).map(|shard| keys_of(facts, shard)).collect())
}

/// Which slice of the shards of a dataset the shard of these keys belongs to: slices take whole shards, so that each has
/// the bytes that one process would have given it.
pub fn belongs_to<F: ShardFacts>(facts: &F, slice: Option<Slice>, keys: &Range<u64>) -> bool {
    slice.is_none_or(|slice| slice.has(keys.start / u64::from(facts.keys_per_shard().max(1))))
}

/// The keys of every shard of a dataset that belongs to a slice, or to the whole, in order.
pub fn keys_of_shards<F: ShardFacts>(facts: &F, slice: Option<Slice>) -> impl Iterator<Item = Range<u64>> {
    let mine = move |keys: &Range<u64>| belongs_to(facts, slice, keys);
    (0..shards(facts)).map(|shard| keys_of(facts, shard)).filter(mine)
}

/// The facts of the shards that are in `out` already, if there are some of this kind.
///
/// # Errors
/// When one is there that cannot be read.
pub fn facts_in<F: ShardFacts>(out: &Path) -> Result<Option<F>, ShardError> {
    if !store::is_folder(out) {
        return Ok(None);
    }
    match present::<F>(out)?.first() {
        None => Ok(None),
        Some((_, path)) => Ok(Some(Footer::<F>::read(path)?.facts)),
    }
}

/// Whether a folder has a file under the name of a shard of a kind that clips are read from.
pub(crate) fn is_shard_folder(folder: &Path) -> Result<bool, ShardError> {
    if store::is_address(folder) {
        // Its films may be millions, which are not listed to find that there are no shards.
        let names = FrameShardFacts::NAMES.iter().chain(PacketShardFacts::NAMES);
        let firsts = names.map(|name| folder.join(file_name(name, 0)));
        return is_one_there(firsts).map_err(|cause| ShardError::Io {
            action: "read",
            path: folder.to_owned(),
            cause,
        });
    }
    Ok(holds::<FrameShardFacts>(folder)? || holds::<PacketShardFacts>(folder)?)
}

fn is_one_there(paths: impl Iterator<Item = PathBuf>) -> io::Result<bool> {
    for path in paths {
        match Place::from(&path).stamp() {
            Ok(_) => return Ok(true),
            Err(why) if why.kind() == io::ErrorKind::NotFound => {}
            Err(why) => return Err(why),
        }
    }
    Ok(false)
}

/// Of how many kinds a folder has shards; one that does not exist yet has none.
fn kinds(folder: &Path) -> Result<usize, ShardError> {
    if !store::is_folder(folder) {
        return Ok(0);
    }
    let kinds = [
        holds::<FrameShardFacts>(folder)?,
        holds::<PacketShardFacts>(folder)?,
        holds::<VideoShardFacts>(folder)?,
    ];
    Ok(kinds.into_iter().filter(|is_there| *is_there).count())
}

/// Whether a folder has a file under the name of a shard of this kind.
pub(crate) fn holds<F: ShardFacts>(folder: &Path) -> Result<bool, ShardError> {
    Ok(!present::<F>(folder)?.is_empty())
}

/// Shards of the whole dataset.
pub(super) fn shards<F: ShardFacts>(facts: &F) -> u64 {
    facts.keys().div_ceil(u64::from(facts.keys_per_shard()))
}

/// Keys of a shard.
pub(super) fn keys_of<F: ShardFacts>(facts: &F, shard: u64) -> Range<u64> {
    let (keys, per_shard) = (facts.keys(), u64::from(facts.keys_per_shard()));
    let start = shard.saturating_mul(per_shard).min(keys);
    start..start.saturating_add(per_shard).min(keys)
}

/// Name of a shard's file.
pub(super) fn file_name(name: &str, shard: u64) -> String {
    format!("{name}-{shard:05}.parquet")
}

/// The number of the shard of this kind that a file's name says, if it says one.
pub(super) fn number_of<F: ShardFacts>(path: &Path) -> Option<u64> {
    let whole = path.file_name()?.to_str()?;
    let (name, number) = whole.strip_suffix(".parquet")?.split_once('-')?;
    let number = number.parse().ok()?;
    (F::NAMES.contains(&name) && file_name(name, number) == whole).then_some(number)
}

/// The files under names of shards of this kind, by their number.
pub(super) fn present<F: ShardFacts>(folder: &Path) -> Result<Vec<(u64, PathBuf)>, ShardError> {
    let failed = |cause| ShardError::Io { action: "read", path: folder.to_owned(), cause };
    let mut found = Vec::new();
    for path in store::entries(folder).map_err(failed)? {
        if let Some(number) = number_of::<F>(&path) {
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
        let ranges: Vec<_> = (0..shards(&facts)).map(|shard| keys_of(&facts, shard)).collect();
        assert_eq!(ranges, [0..4, 4..8, 8..10]);
    }

    #[test]
    fn only_exact_names_are_shards() {
        assert_eq!(number_of::<FrameShardFacts>(Path::new("a/frames-00012.parquet")), Some(12));
        assert_eq!(number_of::<FrameShardFacts>(Path::new("frames-123456.parquet")), Some(123_456));
        let packets = |name: &str| number_of::<PacketShardFacts>(Path::new(name));
        assert_eq!(
            (packets("packets-00001.parquet"), packets("transcode-00002.parquet")),
            (Some(1), Some(2))
        );
        assert_eq!(packets("frames-00001.parquet"), None);
        for name in
            ["frames-12.parquet", "frames-000012.parquet", ".frames-00012.parquet.x.part", "manifest.parquet"]
        {
            assert_eq!(number_of::<FrameShardFacts>(Path::new(name)), None, "{name}");
        }
    }

    #[test]
    fn a_folder_that_does_not_exist_has_no_finished_shard() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(unfinished(&folder.path().join("new"), &facts(5)).unwrap(), [0..4, 4..8, 8..10]);
    }
}
