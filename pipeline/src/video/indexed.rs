//! An open video as the index beside a manifest keeps it, and back, without taking the file apart again.

use super::{
    OpenVideo, VideoReader,
    open::open_file,
    stored_video::{IndexedVideo, StoredVideo},
};
#[cfg(target_os = "linux")]
use crate::sandbox::message::How;
use crate::{
    VideoNumber,
    demux::{Body, Packet},
    error::VideoError,
    file::{FileBytes, FileStamp, Place},
    names,
    plan::order::IndexMode,
    system,
};

impl OpenVideo {
    /// The video and where its packets are, `stamp` being that of its file before it was opened. Nothing where packets
    /// are no parts of the file, frames are known only by decoding, or an edit list has several parts.
    pub fn to_indexed(
        &self,
        number: VideoNumber,
        name: String,
        label: Option<i32>,
        stamp: FileStamp,
    ) -> Option<IndexedVideo> {
        #[cfg(target_os = "linux")]
        if let Some(child) = &self.in_child {
            return child.indexed(self.seen(), number, name, label, stamp);
        }
        if self.mode() == IndexMode::Linear {
            return None;
        }
        let places = self.packets.iter().map(|packet| self.place_in_file(packet)).collect::<Option<_>>()?;
        let stored = self.to_stored(number, name, label, [0; 16]).ok()?;
        Some(IndexedVideo { stored, places, stamp })
    }

    fn place_in_file(&self, packet: &Packet) -> Option<u64> {
        match &packet.body {
            Body::OnDisk { place, .. } => Some(*place),
            Body::Held(_) | Body::Headed { .. } | Body::Packed { .. } => None,
        }
    }
}

impl VideoReader {
    /// Opens the video of a file by its index; its packets are read when they are sent. Nothing where the file is
    /// not the one that was indexed.
    ///
    /// # Errors
    /// When the file cannot be read, or its description is not that of its codec.
    pub fn open_indexed<'a>(
        &mut self,
        video: impl Into<Place<'a>>,
        indexed: &IndexedVideo,
    ) -> Result<Option<OpenVideo>, VideoError> {
        let place = video.into();
        let path = place.path;
        let IndexedVideo { stored, places, stamp } = indexed;
        let cannot_open = |cause| VideoError::CannotOpen { path: path.to_owned(), cause };
        let found = system::read(path, || place.stamp())?.map_err(cannot_open)?;
        if found != *stamp || stored.video != names::name_of(path) {
            return Ok(None);
        }
        #[cfg(target_os = "linux")]
        if self.child.is_some() {
            let how = How::Indexed { stored: Box::new(stored.clone()), places: places.clone() };
            return self.open_in_child(place, how).map(Some);
        }
        self.open_at_places(stored, places, open_file(place, 0)?).map(Some)
    }

    /// Opens a video whose packets begin at these places of `file`.
    pub(crate) fn open_at_places(
        &self,
        stored: &StoredVideo,
        places: &[u64],
        file: FileBytes,
    ) -> Result<OpenVideo, VideoError> {
        let mut video = self.stored_here(stored)?;
        video.facts.bytes = file.length();
        video.file = file;
        for ((packet, stored), &place) in video.packets.iter_mut().zip(&stored.packets).zip(places) {
            packet.body = Body::OnDisk { place, length: stored.bytes };
        }
        video.verified = false.into();
        Ok(video)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        path::{Path, PathBuf},
    };

    use super::*;
    use crate::{
        FrameRank,
        dataset::{
            Dataset,
            manifest::{
                self, ManifestRow,
                index::{self, IndexWriter},
            },
        },
        video::Limits,
        video_entry::VideoEntry,
    };

    /// A manifest of the project's films in `folder`, with its index.
    fn scanned(folder: &Path) -> (PathBuf, Vec<VideoEntry>) {
        let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples");
        let mut films: Vec<PathBuf> =
            fs::read_dir(samples).unwrap().map(|film| film.unwrap().path()).collect();
        films.retain(|film| film.extension().is_some_and(|end| end == "mp4" || end == "webm"));
        films.sort();
        let copied = films.iter().map(|film| {
            let path = folder.join(film.file_name().unwrap());
            fs::copy(film, &path).unwrap();
            VideoEntry::whole(path, Some(1))
        });
        let entries: Vec<_> = copied.collect();
        let manifest = folder.join("manifest.parquet");
        let source = Dataset::of_videos(entries.clone()).digest();
        let mut index = IndexWriter::create(&manifest, entries.len() as u64, source).unwrap();
        let mut reader = VideoReader::new(Limits::default());
        let mut rows = Vec::new();
        for (number, entry) in (0..).map(VideoNumber).zip(&entries) {
            let open = reader.open_for_scan(&entry.path).unwrap();
            let stamp = FileStamp::of(&entry.path).unwrap();
            let row = index::row(&open, number, entry, stamp, index.facts());
            assert!(row.is_some(), "{}", entry.path.display());
            index.put(number, row).unwrap();
            rows.push(ManifestRow::of(entry, Ok(&open)));
        }
        manifest::write(&manifest, &rows).unwrap();
        (manifest, entries)
    }

    fn videos(manifest: &Path) -> crate::dataset::VideoList {
        let Dataset::Videos(videos) = Dataset::open_parquet(manifest).unwrap() else { unreachable!() };
        videos
    }

    #[test]
    fn a_video_opened_by_its_index_has_the_same_facts_and_pictures_and_reads_less() {
        let folder = tempfile::tempdir().unwrap();
        let (manifest, entries) = scanned(folder.path());
        let (videos, mut reader) = (videos(&manifest), VideoReader::new(Limits::default()));
        for (number, entry) in (0..).map(VideoNumber).zip(&entries) {
            let whole = reader.open(&entry.path).unwrap();
            let indexed = videos.indexed(number).unwrap();
            let open = reader.open_indexed(&entry.path, &indexed).unwrap().unwrap();
            assert_eq!(open.facts, whole.facts);
            for video in [&open, &whole] {
                video.trust();
            }
            let wanted: Vec<_> = (0..4).map(|at| FrameRank(whole.facts.frames / 2 + at)).collect();
            let (by_index, taken_apart) =
                (reader.decode(&open, &wanted).unwrap(), reader.decode(&whole, &wanted).unwrap());
            assert!(by_index.iter().zip(&taken_apart).all(|(a, b)| a.1.planes == b.1.planes));
            assert_eq!(whole.take_bytes_read(), whole.facts.bytes);
            assert!((1..whole.facts.bytes).contains(&open.take_bytes_read()));
        }
    }

    #[test]
    fn packets_that_the_system_cannot_read_are_no_damage() {
        let folder = tempfile::tempdir().unwrap();
        let (manifest, entries) = scanned(folder.path());
        let (videos, mut reader) = (videos(&manifest), VideoReader::new(Limits::default()));
        let open = |reader: &mut VideoReader| {
            reader.open_indexed(&entries[0].path, &videos.indexed(VideoNumber(0)).unwrap()).unwrap().unwrap()
        };
        let wanted = [FrameRank(3)];
        let whole = {
            let first = open(&mut reader);
            reader.decode(&first, &wanted)
        }
        .unwrap();

        let video = open(&mut reader);
        video.file.lose_handle();
        let again = reader.decode(&video, &wanted).unwrap();
        assert!(
            again[0].1.planes == whole[0].1.planes,
            "a handle that was opened again gives other pictures"
        );

        let video = open(&mut reader);
        video.file.lose_handle();
        fs::rename(&entries[0].path, folder.path().join("elsewhere")).unwrap();
        let why = reader.decode(&video, &wanted).unwrap_err();
        assert!(matches!(why, VideoError::System(_)), "{}: {why}", why.verdict());
    }

    #[test]
    fn a_file_that_has_changed_is_taken_apart_again() {
        let folder = tempfile::tempdir().unwrap();
        let (manifest, entries) = scanned(folder.path());
        let (videos, mut reader) = (videos(&manifest), VideoReader::new(Limits::default()));
        let indexed = videos.indexed(VideoNumber(0)).unwrap();
        let file = fs::File::options().write(true).open(&entries[0].path).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
        assert!(reader.open_indexed(&entries[0].path, &indexed).unwrap().is_none());
    }

    #[test]
    fn an_index_of_other_videos_or_with_a_damaged_file_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let (manifest, _) = scanned(folder.path());
        let rows = manifest::read(&manifest).unwrap();
        manifest::write(&manifest, &rows[1..]).unwrap();
        assert!(!videos(&manifest).is_indexed(VideoNumber(0)));
        manifest::write(&manifest, &rows).unwrap();
        assert!(videos(&manifest).is_indexed(VideoNumber(0)));
        let file = folder.path().join("manifest.index/index-00000.parquet");
        let mut bytes = fs::read(&file).unwrap();
        bytes[100] ^= 1;
        fs::write(&file, &bytes).unwrap();
        assert!(videos(&manifest).indexed(VideoNumber(0)).is_none());
        fs::write(&file, &bytes[..50]).unwrap();
        assert!(videos(&manifest).indexed(VideoNumber(0)).is_none());
    }
}
