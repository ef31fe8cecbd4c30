//! `tubelet scan`: what is in a collection of videos, without decoding any unless that is asked for.

mod summary;

use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::{Result, ensure};
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
use schemas::{file_index::FileIndexFacts, manifest::GOOD};

use crate::{
    arguments::{self, Videos},
    report::Progress,
};

/// Open every video and write down what is in it: manifest.parquet
///
/// Packets are counted and their times read; nothing is decoded. Frames and times are those of a decode, except
/// where packets do not tell which of them show a frame: the table says of how many videos, and `numbers` of which.
/// With --verify each video is decoded whole, all numbers are the decode's, and a video of which its decoder
/// complains anywhere counts as unusable; runs that read the manifest need not do it again.
///
/// A video that cannot be used stays in the manifest with a verdict, a reason and its kind: damaged, unsupported
/// (the reason has the ffmpeg line that converts it), not a video, not there, above a limit. What the system cannot
/// read, because a disk fails or too many files are open, is no verdict: it is tried again, and then the scan stops.
///
/// Example: tubelet scan films --out manifest.parquet
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    videos: Videos,
    /// Where the manifest goes
    #[arg(long, value_name = "FILE", default_value = "manifest.parquet")]
    out: PathBuf,
    /// Videos that are read at the same time
    #[arg(long, value_name = "N", default_value_t = arguments::default_workers())]
    workers: usize,
    /// Decode each video whole; one complaint makes it unusable
    #[arg(long)]
    verify: bool,
    /// Print a JSON line a video to stdout
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(arguments: Arguments) -> Result<()> {
    let videos = arguments::find_videos(&arguments.videos.videos)?;
    let rows = scan(&videos, &arguments)?;
    manifest::write(&arguments.out, &rows)?;
    if arguments.json {
        use std::io::Write as _;
        let mut stdout = std::io::stdout().lock();
        for row in &rows {
            writeln!(stdout, "{}", serde_json::to_string(row)?)?;
        }
    }
    summary::say(&rows, &arguments.out);
    ensure!(rows.iter().any(|row| row.verdict == GOOD), "none of {} videos can be used", rows.len());
    Ok(())
}

/// A row for each video, in the order of the videos; the index beside the manifest is written on the way.
fn scan(videos: &[VideoEntry], arguments: &Arguments) -> Result<Vec<ManifestRow>> {
    let source = Dataset::of_videos(videos.to_vec()).digest();
    let index = IndexWriter::create(&arguments.out, videos.len() as u64, source)?;
    let facts = index.facts().clone();
    let scan = Scan {
        videos,
        verify: arguments.verify,
        facts,
        index: Mutex::new((index, Ok(()))),
        next: AtomicUsize::new(0),
        found: Mutex::new((vec![None; videos.len()], None)),
        progress: Mutex::new((Progress::new(videos.len() as u64, "videos"), 0)),
    };
    std::thread::scope(|scope| {
        for _ in 0..arguments.workers.clamp(1, videos.len().max(1)) {
            scope.spawn(|| scan.work());
        }
    });
    scan.end()
}

/// What the threads of a scan share.
struct Scan<'a> {
    videos: &'a [VideoEntry],
    verify: bool,
    facts: FileIndexFacts,
    /// The index, and the first failure to write it.
    index: Mutex<(IndexWriter, Result<(), ShardError>)>,
    next: AtomicUsize,
    /// The rows, and the first failure of the system, which ends the scan.
    found: Mutex<(Vec<Option<ManifestRow>>, Option<SystemError>)>,
    /// The bar, and how many videos are done.
    progress: Mutex<(Progress, u64)>,
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
            let indexed = opened.as_ref().ok().zip(stamp);
            let indexed = indexed
                .and_then(|(open, stamp)| manifest::index::row(open, at as u64, video, stamp, &self.facts));
            let mut index = self.index.lock().expect(HELD);
            if index.1.is_ok() {
                index.1 = index.0.put(at as u64, indexed);
            }
            drop(index);
            self.found.lock().expect(HELD).0[at] = Some(ManifestRow::of(video, opened));
            let mut progress = self.progress.lock().expect(HELD);
            progress.1 += 1;
            let done = progress.1;
            progress.0.at(done, "");
        }
    }

    /// The rows, once all threads have ended.
    fn end(self) -> Result<Vec<ManifestRow>> {
        self.progress.into_inner().expect(HELD).0.end();
        let (index, written) = self.index.into_inner().expect(HELD);
        let (rows, failure) = self.found.into_inner().expect(HELD);
        match failure.map(anyhow::Error::new).or(written.err().map(anyhow::Error::new)) {
            None => Ok(rows.into_iter().flatten().collect()),
            Some(why) => {
                // Half of an index helps nobody; where it cannot be taken away either, the first failure says why.
                let _ = index.discard();
                Err(why.context("the scan stopped and wrote no manifest"))
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
