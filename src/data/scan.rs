//! What is in a collection of videos, without decoding any unless that is asked for.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use pipeline::{
    FrameRank,
    dataset::{
        Dataset,
        manifest::{self, ManifestRow, index::IndexWriter},
    },
    error::VideoError,
    file::FileStamp,
    shard::ShardError,
    system::SystemError,
    video::{Limits, OpenVideo, VideoReader},
    video_entry::VideoEntry,
};
use schemas::file_index::FileIndexFacts;

use super::videos::find_videos;
use crate::{
    error::{Context as _, Error, Result},
    machine,
    observer::{Event, Observer},
};

/// A scan that is asked for.
#[derive(Clone, Debug)]
pub struct Scanning {
    /// Files, folders, globs, list files.
    pub videos: Vec<PathBuf>,
    /// Where the manifest goes, with the index beside it; nothing is written where no file is named.
    pub out: Option<PathBuf>,
    /// Videos that are read at the same time.
    pub workers: usize,
    /// Whether each video is decoded whole; one complaint makes it unusable then.
    pub verify: bool,
}

impl Scanning {
    /// A scan of these videos that writes nothing and decodes nothing.
    pub fn new(videos: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        let videos = videos.into_iter().map(Into::into).collect();
        Self { videos, out: None, workers: machine::default_workers(), verify: false }
    }
}

/// Opens every video: a row for each, in the order of the videos. One that cannot be used has a verdict.
///
/// # Errors
/// Usage error: nothing is there. When the system cannot read or write a file: no manifest is written then.
pub fn scan(settings: &Scanning, observer: &dyn Observer) -> Result<Vec<ManifestRow>> {
    let videos = find_videos(&settings.videos, observer)?;
    let rows = rows(&videos, settings, observer)?;
    if let Some(out) = &settings.out {
        manifest::write(out, &rows)?;
    }
    Ok(rows)
}

/// The rows; the index beside the manifest is written on the way.
fn rows(videos: &[VideoEntry], settings: &Scanning, observer: &dyn Observer) -> Result<Vec<ManifestRow>> {
    let create = |out: &PathBuf| {
        let source = Dataset::of_videos(videos.to_vec()).digest();
        IndexWriter::create(out, videos.len() as u64, source)
    };
    let index = settings.out.as_ref().map(create).transpose()?;
    observer.on(Event::Begin { total: videos.len() as u64, what: "videos" });
    let scan = Scan {
        videos,
        verify: settings.verify,
        facts: index.as_ref().map(|index| index.facts().clone()),
        index: Mutex::new((index, Ok(()))),
        next: AtomicUsize::new(0),
        found: Mutex::new((vec![None; videos.len()], None)),
        observer,
        done: Mutex::new(0),
    };
    std::thread::scope(|scope| {
        for _ in 0..settings.workers.clamp(1, videos.len().max(1)) {
            scope.spawn(|| scan.work());
        }
    });
    scan.end()
}

/// What the threads of a scan share.
struct Scan<'a> {
    videos: &'a [VideoEntry],
    verify: bool,
    facts: Option<FileIndexFacts>,
    /// The index beside the manifest, and the first failure to write it.
    index: Mutex<(Option<IndexWriter>, Result<(), ShardError>)>,
    next: AtomicUsize,
    /// The rows, and the first failure of the system, which ends the scan.
    found: Mutex<(Vec<Option<ManifestRow>>, Option<SystemError>)>,
    observer: &'a dyn Observer,
    /// How many videos are done.
    done: Mutex<u64>,
}

impl Scan<'_> {
    /// A thread's life: until no video is left, or the system has failed.
    fn work(&self) {
        let mut reader = VideoReader::new(Limits::default());
        loop {
            let at = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(video) = self.videos.get(at) else { break };
            let stamp = FileStamp::of(&video.path).ok();
            let opened = if self.verify {
                decoded(&mut reader, &video.path)
            } else {
                reader.open_for_scan(&video.path)
            };
            if let Err(VideoError::System(why)) = opened {
                // The other threads find no video left.
                self.next.store(self.videos.len(), Ordering::Relaxed);
                self.found.lock().expect(HELD).1.get_or_insert(why);
                break;
            }
            let indexed = opened.as_ref().ok().zip(stamp).zip(self.facts.as_ref());
            let indexed = indexed.and_then(|((open, stamp), facts)| {
                manifest::index::row(open, at as u64, video, stamp, facts)
            });
            let mut index = self.index.lock().expect(HELD);
            if let (Some(writer), Ok(())) = &mut *index {
                let written = writer.put(at as u64, indexed);
                index.1 = written;
            }
            drop(index);
            self.found.lock().expect(HELD).0[at] = Some(ManifestRow::of(video, opened));
            let mut done = self.done.lock().expect(HELD);
            *done += 1;
            self.observer.progress(*done, "");
        }
    }

    /// The rows, once all threads have ended.
    fn end(self) -> Result<Vec<ManifestRow>> {
        self.observer.on(Event::End);
        let (index, written) = self.index.into_inner().expect(HELD);
        let (rows, failure) = self.found.into_inner().expect(HELD);
        match failure.map(Error::from).or(written.err().map(Error::from)) {
            None => Ok(rows.into_iter().flatten().collect()),
            Some(why) => {
                // Half of an index helps nobody; where it cannot be taken away either, the first failure says why.
                let _ = index.map(IndexWriter::discard);
                Err(why).context("the scan stopped and wrote no manifest")
            }
        }
    }
}

/// Why a lock is whole.
const HELD: &str = "because no thread panics while it holds this";

/// Opens and decodes all of a video: its numbers are then those of the decode.
fn decoded(reader: &mut VideoReader, path: &Path) -> Result<OpenVideo, VideoError> {
    let mut open = reader.open(path)?;
    reader.verify(&open)?;
    let first = reader.decode(&open, &[FrameRank(0)])?;
    if let Some((_, picture)) = first.first() {
        (open.facts.width, open.facts.height) = (picture.width, picture.height);
    }
    Ok(open)
}
