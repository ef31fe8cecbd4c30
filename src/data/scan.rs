//! What is in a collection of videos, without decoding any unless that is asked for.

use std::{
    collections::HashMap,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use pipeline::{
    FrameRank, VideoNumber,
    dataset::{
        self, Dataset,
        manifest::{self, ManifestRow, index::IndexWriter},
    },
    error::VideoError,
    file::FileStamp,
    names,
    shard::Row,
    system::SystemError,
    video::{Limits, OpenVideo, VideoReader},
    video_entry::VideoEntry,
    worker_pool::{Answer, Worker, WorkerPool, patience},
};
use schemas::file_index::FileIndexFacts;

use super::videos::find_videos;
use crate::{
    error::{Context as _, Error, Result},
    machine,
    observer::{Event, Observer},
    output_lock,
};

/// A scan that is asked for.
#[derive(Clone, Debug)]
pub struct Scanning {
    /// Files, folders, globs, list files.
    pub videos: Vec<PathBuf>,
    /// Where the manifest goes, with the index beside it; nothing is written where no file is named.
    pub out: Option<PathBuf>,
    /// Number of videos to read at the same time.
    pub workers: usize,
    /// Whether each video is decoded whole; one complaint makes it unusable then.
    pub verify: bool,
    /// Whether videos are taken apart and decoded in processes of their own, where this program said how these are
    /// started.
    pub sandbox: bool,
}

impl Scanning {
    /// A scan of these videos that writes nothing and decodes nothing.
    pub fn new(videos: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        let videos = videos.into_iter().map(Into::into).collect();
        Self { videos, out: None, workers: machine::default_workers(), verify: false, sandbox: true }
    }
}

/// A scan that was made.
#[derive(Clone, Debug)]
pub struct Scanned {
    /// A row for each video that was read, in the order of the videos. One that cannot be used has a verdict.
    pub rows: Vec<ManifestRow>,
    /// How many videos there are, where it was asked to stop before the last was read; no manifest is written then.
    pub stopped_of: Option<usize>,
}

/// Opens every video. `stop` is read after each.
///
/// # Errors
/// Usage error: nothing is there. When the system cannot read or write a file: no manifest is written then.
pub fn scan(settings: &Scanning, stop: &AtomicBool, observer: &dyn Observer) -> Result<Scanned> {
    let lock = |out: &PathBuf| output_lock::file(out, observer);
    let _lock = settings.out.as_ref().map(lock).transpose()?;
    let videos = find_videos(&settings.videos, observer)?;
    let wanted = videos.len();
    let rows = rows(videos, settings, stop, observer)?;
    let stopped_of = (rows.len() < wanted).then_some(wanted);
    if let (Some(out), None) = (&settings.out, stopped_of) {
        manifest::write(out, &rows)?;
    }
    Ok(Scanned { rows, stopped_of })
}

/// The rows; the index beside the manifest is written on the way.
fn rows(
    videos: Vec<VideoEntry>,
    settings: &Scanning,
    stop: &AtomicBool,
    observer: &dyn Observer,
) -> Result<Vec<ManifestRow>> {
    let wanted = videos.len();
    let create = |out: &PathBuf| {
        let source = Dataset::of_videos(videos.clone()).digest();
        IndexWriter::create(out, videos.len() as u64, source)
    };
    let mut index = settings.out.as_ref().map(create).transpose()?;
    observer.on(Event::Stoppable);
    observer.on(Event::Begin { total: wanted as u64, what: "videos" });
    let facts = index.as_ref().map(|index| index.facts().clone());
    let scanned = answers(videos, settings, facts, stop, observer, |at, row| match &mut index {
        Some(index) => Ok(index.put(VideoNumber(at as u64), row)?),
        None => Ok(()),
    });
    observer.on(Event::End);
    super::loading::note_unfiltered(observer);
    if scanned.as_ref().map_or(true, |rows| rows.len() < wanted) {
        // Half of an index helps nobody; where it cannot be taken away either, the first failure says why.
        let _ = index.map(IndexWriter::discard);
    }
    scanned.context("the scan stopped and wrote no manifest")
}

/// Opens every video on a pool of threads, and hands the row of its index to `put`. The rows are those of the videos
/// that were read before it was asked to stop.
fn answers(
    videos: Vec<VideoEntry>,
    settings: &Scanning,
    facts: Option<FileIndexFacts>,
    stop: &AtomicBool,
    observer: &dyn Observer,
    mut put: impl FnMut(usize, Option<Row>) -> Result<()>,
) -> Result<Vec<ManifestRow>> {
    let videos: Arc<[VideoEntry]> = videos.into();
    let limits = Limits { sandbox: settings.sandbox, ..Limits::default() };
    let workers = settings.workers.clamp(1, videos.len().max(1));
    let parts = Arc::new(PartsOfFiles::of(&videos));
    let (context_videos, context_parts) = (Arc::clone(&videos), Arc::clone(&parts));
    let context = Arc::new(ScanContext {
        videos: context_videos,
        parts: context_parts,
        verify: settings.verify,
        facts,
        limits,
    });
    let pool =
        WorkerPool::start("scan", workers, patience(limits.seconds), move || Arc::clone(&context).worker())?;
    let mut rows: Vec<Option<ManifestRow>> = vec![None; videos.len()];
    let mut done = 0;
    let first = (0..videos.len()).filter(|at| parts.is_first(*at)).map(|at| (at, at));
    pool.as_they_come(first, 2 * workers, |at, answer| {
        let FileScanned { rows: of_file, mut indexed } = scanned(answer, &videos, parts.of_file(at))?;
        for (at, row) in parts.of_file(at).iter().zip(of_file) {
            put(*at, indexed.take())?;
            rows[*at] = Some(row);
            done += 1;
        }
        observer.progress(done, "");
        Ok::<_, Error>(if stop.load(Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(rows.into_iter().flatten().collect())
}

/// What is known of the videos of one file: a thread that panics or is stuck is the video's fault, a system that fails
/// is not.
fn scanned(
    answer: Answer<Result<FileScanned, SystemError>>,
    videos: &[VideoEntry],
    of_file: &[usize],
) -> Result<FileScanned> {
    match answer
        .with_context(|| of_file.first().map_or_else(String::new, |at| names::shown(&videos[*at].path)))?
    {
        Ok(scanned) => Ok(scanned?),
        Err(why) => {
            let why = VideoError::Unanswered(why);
            let rows = of_file.iter().map(|at| ManifestRow::of(&videos[*at], Err(&why))).collect();
            Ok(FileScanned { rows, indexed: None })
        }
    }
}

/// Which videos lie in one file: a file that several rows are parts of is opened once.
enum PartsOfFiles {
    /// Each video is a file; the numbers of all.
    Whole(Vec<usize>),
    /// The videos of each file, by the first.
    Several(HashMap<usize, Vec<usize>>),
}

impl PartsOfFiles {
    fn of(videos: &[VideoEntry]) -> Self {
        match dataset::files(videos) {
            None => Self::Whole((0..videos.len()).collect()),
            Some(files) => {
                let mut of_file: HashMap<usize, Vec<usize>> = HashMap::new();
                for (at, first) in files.iter().enumerate() {
                    of_file.entry(first.index()).or_default().push(at);
                }
                Self::Several(of_file)
            }
        }
    }

    fn is_first(&self, at: usize) -> bool {
        match self {
            Self::Whole(_) => true,
            Self::Several(of_file) => of_file.contains_key(&at),
        }
    }

    /// The videos of the file whose first is `at`, in their order.
    fn of_file(&self, at: usize) -> &[usize] {
        match self {
            Self::Whole(all) => all.get(at..=at),
            Self::Several(of_file) => of_file.get(&at).map(Vec::as_slice),
        }
        .unwrap_or_default()
    }
}

/// What the threads of a scan share.
struct ScanContext {
    videos: Arc<[VideoEntry]>,
    parts: Arc<PartsOfFiles>,
    verify: bool,
    facts: Option<FileIndexFacts>,
    limits: Limits,
}

/// A file that was opened, or tried.
struct FileScanned {
    /// The rows of the videos in it.
    rows: Vec<ManifestRow>,
    /// The row of the first of them in the index, where the file has one.
    indexed: Option<Row>,
}

impl ScanContext {
    /// Opens the files whose first videos it is given.
    fn worker(self: Arc<Self>) -> Worker<usize, Result<FileScanned, SystemError>> {
        let mut reader = VideoReader::new(self.limits);
        Box::new(move |at| {
            let video = &self.videos[at];
            let stamp = FileStamp::of(&video.path).ok();
            let opened = if self.verify {
                decoded(&mut reader, &video.path)
            } else {
                reader.open_for_scan(&video.path)
            };
            if let Err(VideoError::System(why)) = opened {
                return Err(why);
            }
            let indexed = opened.as_ref().ok().zip(stamp).zip(self.facts.as_ref());
            let indexed = indexed.and_then(|((open, stamp), facts)| {
                manifest::index::row(open, VideoNumber(at as u64), video, stamp, facts)
            });
            let row = |of_file: &usize| ManifestRow::of(&self.videos[*of_file], opened.as_ref());
            Ok(FileScanned { rows: self.parts.of_file(at).iter().map(row).collect(), indexed })
        })
    }
}

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
