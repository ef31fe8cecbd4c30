//! What is in a collection of videos, without decoding any unless that is asked for.

pub mod slices;

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use pipeline::{
    FrameRank, VideoNumber,
    dataset::{
        digest, files,
        manifest::{self, ManifestRow, index::IndexWriter},
    },
    error::VideoError,
    names,
    shard::Row,
    store,
    system::SystemError,
    video::{Limits, OpenVideo, VideoReader},
    video_entry::VideoEntry,
    worker_pool::{Answer, Worker, WorkerPool, patience},
};
use schemas::{file_index::FileIndexFacts, manifest::GOOD};

use super::{stores, videos::find_videos};
use crate::{
    error::{Context as _, Error, Result},
    machine,
    observer::{Event, Observer},
    output_lock,
    slices::Share,
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
    /// Whether the manifest has only videos that can be used: a training counts no others. It has no index then, which
    /// goes by the numbers of all.
    pub only_good: bool,
    /// Whether videos are taken apart and decoded in processes of their own, where this program said how these are
    /// started.
    pub sandbox: bool,
}

impl Scanning {
    /// A scan of these videos that writes nothing and decodes nothing.
    pub fn new(videos: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        let videos = videos.into_iter().map(Into::into).collect();
        let workers = machine::default_workers();
        Self { videos, out: None, workers, verify: false, only_good: false, sandbox: true }
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
    let _lock = match &settings.out {
        Some(out) if store::is_address(out) => {
            stores::check_out(out, Share::All)?;
            None
        }
        Some(out) => Some(output_lock::file(out, observer)?),
        None => None,
    };
    let videos = find_videos(&settings.videos, observer)?;
    let wanted = videos.len();
    let rows = rows(videos, settings, stop, observer)?;
    let stopped_of = (rows.len() < wanted).then_some(wanted);
    if let (Some(out), None) = (&settings.out, stopped_of) {
        match settings.only_good {
            true => manifest::write(out, &good(&rows))?,
            false => manifest::write(out, &rows)?,
        }
    }
    Ok(Scanned { rows, stopped_of })
}

/// The rows of videos that can be used.
fn good(rows: &[ManifestRow]) -> Vec<ManifestRow> {
    rows.iter().filter(|row| row.verdict == GOOD).cloned().collect()
}

/// The rows; the index beside the manifest is written on the way.
fn rows(
    videos: Vec<VideoEntry>,
    settings: &Scanning,
    stop: &AtomicBool,
    observer: &dyn Observer,
) -> Result<Vec<ManifestRow>> {
    let chosen: Vec<usize> = (0..videos.len()).collect();
    let create = |out: &PathBuf| {
        let source = digest(&videos);
        IndexWriter::create(out, videos.len() as u64, source)
    };
    let mut index = settings.out.as_ref().map(create).transpose()?;
    if settings.only_good {
        // Also that of an earlier scan.
        index.take().map_or(Ok(()), IndexWriter::discard)?;
    }
    indexed(videos, &chosen, index, settings, stop, observer)
}

/// The rows of the chosen videos. Each is put into the index, if there is one.
fn indexed(
    videos: Vec<VideoEntry>,
    chosen: &[usize],
    mut index: Option<IndexWriter>,
    settings: &Scanning,
    stop: &AtomicBool,
    observer: &dyn Observer,
) -> Result<Vec<ManifestRow>> {
    observer.on(Event::Stoppable);
    observer.on(Event::Begin { total: chosen.len() as u64, what: "videos" });
    let facts = index.as_ref().map(|index| index.facts().clone());
    let scanned = answers(videos, chosen, settings, facts, stop, observer, |at, row| match &mut index {
        Some(index) => Ok(index.put(VideoNumber(at as u64), row)?),
        None => Ok(()),
    });
    observer.on(Event::End);
    super::loading::note_sandbox(observer);
    if scanned.as_ref().map_or(true, |rows| rows.len() < chosen.len()) {
        // Half of an index helps nobody; where it cannot be taken away either, the first failure says why.
        let _ = index.map(IndexWriter::discard);
    }
    scanned.context("the scan stopped and wrote no manifest")
}

/// Opens every chosen video on a pool of threads, and hands the row of its index to `put`. The rows are those of the
/// videos that were read before it was asked to stop.
fn answers(
    videos: Vec<VideoEntry>,
    chosen: &[usize],
    settings: &Scanning,
    facts: Option<FileIndexFacts>,
    stop: &AtomicBool,
    observer: &dyn Observer,
    mut put: impl FnMut(usize, Option<Row>) -> Result<()>,
) -> Result<Vec<ManifestRow>> {
    let videos: Arc<[VideoEntry]> = videos.into();
    let limits = Limits { sandbox: settings.sandbox, ..Limits::default() };
    let workers = settings.workers.clamp(1, chosen.len().max(1));
    let files = files(&videos);
    let context = Arc::new(ScanContext {
        videos: Arc::clone(&videos),
        files: files.clone(),
        verify: settings.verify,
        facts,
        limits,
    });
    let pool =
        WorkerPool::start("scan", workers, patience(limits.seconds), move || Arc::clone(&context).worker())?;
    let mut rows: Vec<Option<ManifestRow>> = vec![None; chosen.len()];
    let mut done = 0;
    pool.as_they_come(jobs(files.as_deref(), chosen), 2 * workers, |of_file, answer| {
        let FileScanned { rows: found, mut indexed } = scanned(answer, &videos, &of_file)?;
        for (Chosen { place, at }, row) in of_file.into_iter().zip(found) {
            put(at, indexed.take())?;
            rows[place] = Some(row);
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
    of_file: &[Chosen],
) -> Result<FileScanned> {
    let name = || of_file.first().map_or_else(String::new, |video| names::shown(&videos[video.at].path));
    match answer.with_context(name)? {
        Ok(scanned) => Ok(scanned?),
        Err(why) => {
            let why = VideoError::Unanswered(why);
            let rows = of_file.iter().map(|video| ManifestRow::of(&videos[video.at], Err(&why))).collect();
            Ok(FileScanned { rows, indexed: None })
        }
    }
}

/// A video that is scanned.
#[derive(Clone, Copy)]
struct Chosen {
    /// Its place among those that are scanned.
    place: usize,
    /// Its number.
    at: usize,
}

/// The videos that are scanned, those of one file together: a file of which several are parts is opened once.
fn jobs<'a>(
    files: Option<&[VideoNumber]>,
    chosen: &'a [usize],
) -> Box<dyn Iterator<Item = (Vec<Chosen>, Vec<Chosen>)> + 'a> {
    let all = chosen.iter().enumerate().map(|(place, &at)| Chosen { place, at });
    let Some(files) = files else {
        return Box::new(all.map(|video| (vec![video], vec![video])));
    };
    let mut of_files: BTreeMap<VideoNumber, Vec<Chosen>> = BTreeMap::new();
    for video in all {
        of_files.entry(files[video.at]).or_default().push(video);
    }
    Box::new(of_files.into_values().map(|videos| (videos.clone(), videos)))
}

/// What the threads of a scan share.
struct ScanContext {
    videos: Arc<[VideoEntry]>,
    /// The first video of the file of each, where some are parts of files.
    files: Option<Arc<[VideoNumber]>>,
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
    fn is_first(&self, at: usize) -> bool {
        self.files.as_ref().is_none_or(|files| files[at].index() == at)
    }

    /// Opens the files whose videos it is given.
    fn worker(self: Arc<Self>) -> Worker<Vec<Chosen>, Result<FileScanned, SystemError>> {
        let mut reader = VideoReader::new(self.limits);
        Box::new(move |of_file: Vec<Chosen>| {
            let Some(&Chosen { at, .. }) = of_file.first() else {
                return Ok(FileScanned { rows: Vec::new(), indexed: None });
            };
            let video = &self.videos[at];
            let stamp = video.place().stamp().ok();
            let opened = match self.verify {
                true => decoded(&mut reader, video).and_then(|open| Ok((Some(open.blake3()?), open))),
                false => reader.open_for_scan(video).map(|open| (None, open)),
            };
            if let Err(VideoError::System(why)) = opened {
                return Err(why);
            }
            // Parts of one file have one row in the index, whichever slices they are in.
            let facts = self.facts.as_ref().filter(|_| self.is_first(at));
            let indexed = opened.as_ref().ok().zip(stamp).zip(facts);
            let indexed = indexed.and_then(|(((_, open), stamp), facts)| {
                manifest::index::row(open, VideoNumber(at as u64), video, stamp, facts)
            });
            let row = |video: &Chosen| match &opened {
                Ok((digest, open)) => {
                    let row = ManifestRow::of(&self.videos[video.at], Ok(open));
                    let digest = digest.filter(|_| row.verified == Some(true));
                    ManifestRow { blake3: digest.map(|digest| digest.to_hex().to_string()), ..row }
                }
                Err(why) => ManifestRow::of(&self.videos[video.at], Err(why)),
            };
            Ok(FileScanned { rows: of_file.iter().map(row).collect(), indexed })
        })
    }
}

/// Opens and decodes all of a video: its numbers are then those of the decode.
fn decoded(reader: &mut VideoReader, video: &VideoEntry) -> Result<OpenVideo, VideoError> {
    let mut open = reader.open(video)?;
    reader.verify(&open)?;
    let first = reader.decode(&open, &[FrameRank(0)])?;
    if let Some((_, picture)) = first.first() {
        (open.facts.width, open.facts.height) = (picture.width, picture.height);
    }
    Ok(open)
}
