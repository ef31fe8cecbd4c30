//! What a command is given to read clips from: a list of videos, a manifest of them, shards, or a mixture of these.
//!
//! They differ in what they hold, not in how clips are counted: slot = video number × clips per
//! video + k, and a video that is known to be bad keeps its slots, for the order of an epoch is
//! drawn over all of them. Opening a dataset reads no video.

pub mod film_table;
pub mod labels;
pub mod lerobot;
pub mod list_file;
pub mod manifest;
mod video_list;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use schemas::{
    frame_shard,
    packet_shard::{self, PacketShardFacts},
    video_shard,
};

use self::manifest::ManifestError;
use crate::{
    VideoNumber,
    mixture::{Weighted, shares},
    shard::{self, FrameShards, PacketShards, ShardError},
    store,
    video_entry::VideoEntry,
};

pub use self::video_list::{VideoList, digest, files};

/// Where clips come from.
#[derive(Clone, Debug)]
pub enum Dataset {
    /// Video files, decoded when their clips are drawn.
    Videos(VideoList),
    /// Clips whose frames were decoded before.
    FrameShards(FrameShards),
    /// Videos whose packets were stored before.
    PacketShards(PacketShards),
    /// Several of these, mixed by weights; their videos are numbered set after set.
    Mixture(Arc<[Weighted<Dataset>]>),
}

/// Why a dataset cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// The file is Parquet, but neither manifest nor shard of this version.
    #[error("{path} is neither a manifest nor a shard: its format is {}", format.as_deref().unwrap_or("not said"))]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// What it says of itself.
        format: Option<String>,
    },
    /// The file, or a shard in the folder, cannot be read.
    #[error(transparent)]
    Shard(#[from] ShardError),
    /// The manifest cannot be read.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

impl Dataset {
    /// A list of videos.
    pub fn of_videos(entries: Vec<VideoEntry>) -> Self {
        Self::Videos(VideoList::new(entries))
    }

    /// Opens `manifest.parquet`, a folder of shards, or one shard; the file says which it is.
    ///
    /// # Errors
    /// When it is none of them, or not whole.
    pub fn open_parquet(path: &Path) -> Result<Self, DatasetError> {
        if store::is_folder(path) {
            return if shard::holds::<PacketShardFacts>(path)? {
                Ok(Self::PacketShards(PacketShards::open(path)?))
            } else {
                Ok(Self::FrameShards(FrameShards::open(path)?))
            };
        }
        match shard::format_of(path)? {
            Some(format) if format == schemas::manifest::VERSION => {
                Ok(Self::Videos(VideoList::of_manifest_file(path)?))
            }
            Some(format) if format == frame_shard::VERSION => Ok(Self::FrameShards(FrameShards::open(path)?)),
            Some(format) if format == packet_shard::VERSION => {
                Ok(Self::PacketShards(PacketShards::open(path)?))
            }
            format => Err(DatasetError::OtherFormat { path: path.to_owned(), format }),
        }
    }

    /// Whether a folder holds shards, by their names; a folder of videos does not.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn is_shard_folder(folder: &Path) -> Result<bool, DatasetError> {
        Ok(shard::is_shard_folder(folder)?)
    }

    /// Whether a file is a table of Parquet as other programs write them: a list of videos, if anything, or their files.
    pub fn is_foreign_table(path: &Path) -> bool {
        matches!(shard::format_of(path), Ok(format) if format.as_deref().is_none_or(|it| it == video_shard::VERSION))
    }

    /// Videos of the source, failed ones included.
    pub fn videos(&self) -> u64 {
        match self {
            Self::Videos(videos) => videos.entries().len() as u64,
            Self::FrameShards(shards) => shards.facts().videos,
            Self::PacketShards(shards) => shards.facts().videos,
            Self::Mixture(sets) => sets.iter().map(|set| set.set.videos()).sum(),
        }
    }

    /// Clips drawn from each video: `wanted` of videos, in frame shards those that were stored. All sets of a mixture must
    /// have as many.
    pub fn clips_per_video(&self, wanted: u32) -> u32 {
        match self {
            Self::Videos(_) | Self::PacketShards(_) => wanted,
            Self::FrameShards(shards) => shards.facts().clips_per_video,
            Self::Mixture(sets) => {
                let stored =
                    |set: &Weighted<Self>| Some(set.set.clips_per_video(wanted)).filter(|it| *it != wanted);
                sets.iter().find_map(stored).unwrap_or(wanted)
            }
        }
    }

    /// Number and entry of the videos: of shards those that have a row, as they were named and labelled there.
    ///
    /// # Errors
    /// When a shard cannot be read.
    pub fn listing(&self) -> Result<Vec<(VideoNumber, VideoEntry)>, DatasetError> {
        match self {
            Self::Videos(videos) => {
                Ok((0..).map(VideoNumber).zip(videos.entries().iter().cloned()).collect())
            }
            Self::FrameShards(shards) => Ok(shards.listing()?),
            Self::PacketShards(shards) => Ok(shards.listing()?),
            Self::Mixture(sets) => {
                let (mut all, mut before) = (Vec::new(), 0);
                for set in sets.iter() {
                    let listing = set.set.listing()?.into_iter();
                    all.extend(listing.map(|(number, entry)| (VideoNumber(before + number.0), entry)));
                    before += set.set.videos();
                }
                Ok(all)
            }
        }
    }

    /// Slots of an epoch when `wanted` clips are drawn from each video; see [`Self::clips_per_video`].
    pub fn slots(&self, wanted: u32) -> u64 {
        self.videos().saturating_mul(u64::from(self.clips_per_video(wanted)))
    }

    /// Digest of the source's list of videos; that of shards is the digest of what they were
    /// made from, that of a mixture of the digests and the shares of its sets.
    pub fn digest(&self) -> String {
        match self {
            Self::Videos(videos) => videos.digest(),
            Self::FrameShards(shards) => shards.facts().source.clone(),
            Self::PacketShards(shards) => shards.facts().source.clone(),
            Self::Mixture(sets) => {
                let mut hasher = blake3::Hasher::new();
                for (set, share) in sets.iter().zip(shares(sets)) {
                    hasher.update(&share.to_le_bytes()).update(set.set.digest().as_bytes());
                }
                hasher.finalize().to_hex().to_string()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use schemas::manifest::GOOD;

    use super::{manifest::ManifestRow, *};
    use crate::segment::Segment;

    fn entry(path: &str, label: Option<i32>) -> VideoEntry {
        VideoEntry::whole(path.into(), label)
    }

    #[test]
    fn the_digest_knows_paths_labels_and_order() {
        let lists = [
            vec![],
            vec![entry("a", None), entry("b", None)],
            vec![entry("b", None), entry("a", None)],
            vec![entry("ab", None)],
            vec![entry("a", Some(0)), entry("b", None)],
            vec![entry("a", Some(1)), entry("b", None)],
        ];
        let mut digests: Vec<_> = lists.iter().map(|list| VideoList::new(list.clone()).digest()).collect();
        assert_eq!(digests[1], VideoList::new(lists[1].clone()).digest());
        digests.sort();
        digests.dedup();
        assert_eq!(digests.len(), lists.len());
    }

    #[test]
    fn the_digest_knows_parts_and_lists_of_whole_videos_keep_theirs() {
        let mut of_old = blake3::Hasher::new();
        of_old.update(&1u64.to_le_bytes()).update(b"a").update(&[1]).update(&3i32.to_le_bytes());
        let whole = VideoList::new(vec![entry("a", Some(3))]);
        assert_eq!(whole.digest(), of_old.finalize().to_hex().to_string());
        let part =
            |start| VideoEntry { segment: Segment::frames(start, Some(9)).unwrap(), ..entry("a", Some(3)) };
        let [one, other] = [3, 4].map(|start| VideoList::new(vec![part(start), entry("b", None), part(5)]));
        assert_ne!(one.digest(), other.digest());
        assert_eq!([0, 1, 2].map(|at| one.file_of(VideoNumber(at)).0), [0, 1, 0]);
        assert_eq!((one.segments(), whole.segments()), (2, 0));
    }

    #[test]
    fn a_manifest_keeps_parts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("manifest.parquet");
        let rows =
            [(None, None, Some(0.1), Some(2.5)), (Some(3), Some(9), None, None), (Some(4), None, None, None)]
                .map(|(start, stop, start_seconds, stop_seconds)| ManifestRow {
                    verdict: GOOD.to_owned(),
                    start,
                    stop,
                    start_seconds,
                    stop_seconds,
                    ..ManifestRow::unopened("a.mp4", None)
                });
        manifest::write(&path, &rows).unwrap();
        let Dataset::Videos(videos) = Dataset::open_parquet(&path).unwrap() else { panic!("a list") };
        let names: Vec<String> = videos.entries().iter().map(VideoEntry::name).collect();
        assert_eq!(names, ["a.mp4#t=0.1,2.5", "a.mp4#frames=3,9", "a.mp4#frames=4"]);
    }

    #[test]
    fn a_manifest_opens_as_its_videos_and_bad_ones_keep_their_slots() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("manifest.parquet");
        let mut rows = [ManifestRow::unopened("a.mp4", Some(3)), ManifestRow::unopened("b.mp4", None)];
        rows[0].verdict = GOOD.to_owned();
        rows[1].verdict = "damaged".to_owned();
        rows[1].reason = Some("the file is cut".to_owned());
        manifest::write(&path, &rows).unwrap();

        let dataset = Dataset::open_parquet(&path).unwrap();
        let list = Dataset::of_videos(vec![entry("a.mp4", Some(3)), entry("b.mp4", None)]);
        assert_eq!((dataset.videos(), dataset.slots(3)), (2, 6));
        assert_eq!(dataset.digest(), list.digest());
        let Dataset::Videos(videos) = dataset else { panic!("a manifest is a list of videos") };
        let [first, second] = [0, 1].map(VideoNumber);
        assert_eq!((videos.verified_bytes(first), videos.known_failure(first)), (None, None));
        assert_eq!(videos.known_failure(second).unwrap().verdict, "damaged");
        let turned = videos.chosen(&[second, first]);
        assert_eq!(turned.entries()[1], entry("a.mp4", Some(3)));
        assert_eq!(turned.known_failure(first), videos.known_failure(second));
        assert_eq!(turned.known_failure(second), None);
    }

    #[test]
    fn videos_taken_for_verified_are_so_with_their_bytes() {
        let film = tempfile::NamedTempFile::new().unwrap();
        fs::write(film.path(), "film").unwrap();
        let entries = [film.path().to_str().unwrap(), "missing"].map(|path| entry(path, None));
        let videos = VideoList::new(entries.into()).taken_for_verified();
        assert_eq!(
            [0, 1, 2].map(|video| videos.verified_bytes(VideoNumber(video))),
            [Some(4), Some(0), None]
        );
    }

    #[test]
    fn files_of_another_kind_are_named_in_the_error() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("film.parquet");
        fs::write(&text, "this is a text").unwrap();
        for path in [&text, &folder.path().join("missing.parquet"), &folder.path().to_owned()] {
            let error = Dataset::open_parquet(path).unwrap_err();
            assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        }
    }
}
