//! `tubelet scan`: what is in a collection of videos, without decoding any unless that is asked for.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::{Context as _, Result, ensure};
use pipeline::{
    dataset::{Dataset, VideoEntry},
    file::FileStamp,
    manifest::{self, ManifestRow, index::IndexWriter},
    video::{Limits, VideoReader},
};
use schemas::manifest::GOOD;

use crate::{
    arguments::{self, Videos},
    report::{self, Progress},
};

/// Open every video and write down what is in it: manifest.parquet
///
/// Packets are counted and their times read; nothing is decoded. A video that cannot be used stays in
/// the manifest with a verdict and a reason. With --verify each video is decoded whole, and one of which
/// its decoder complains anywhere counts as unusable; runs that read the manifest need not do it again.
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
    manifest::write(&arguments.out, &rows)
        .with_context(|| format!("{} cannot be written", arguments.out.display()))?;
    if arguments.json {
        use std::io::Write as _;
        let mut stdout = std::io::stdout().lock();
        for row in &rows {
            writeln!(stdout, "{}", serde_json::to_string(row)?)?;
        }
    }
    summarise(&rows, &arguments.out);
    ensure!(rows.iter().any(|row| row.verdict == GOOD), "none of {} videos can be used", rows.len());
    Ok(())
}

/// A row for each video, in the order of the videos; the index beside the manifest is written on the way.
fn scan(videos: &[VideoEntry], arguments: &Arguments) -> Result<Vec<ManifestRow>> {
    let source = Dataset::of_videos(videos.to_vec()).digest();
    let index = IndexWriter::create(&arguments.out, videos.len() as u64, source)?;
    let facts = index.facts().clone();
    let index = Mutex::new((index, Ok(())));
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let rows: Mutex<Vec<Option<ManifestRow>>> = Mutex::new(vec![None; videos.len()]);
    let progress = Mutex::new(Progress::new(videos.len() as u64, "videos"));
    std::thread::scope(|scope| {
        for _ in 0..arguments.workers.clamp(1, videos.len().max(1)) {
            scope.spawn(|| {
                let mut reader = VideoReader::new(Limits::default());
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(video) = videos.get(at) else { break };
                    let stamp = FileStamp::of(&video.path).ok();
                    let opened = if arguments.verify {
                        let opened = reader.open(&video.path);
                        opened.and_then(|open| reader.verify(&open).map(|()| open))
                    } else {
                        reader.open_for_scan(&video.path)
                    };
                    let indexed = opened.as_ref().ok().zip(stamp);
                    let indexed =
                        indexed.and_then(|(open, stamp)| open.index_row(at as u64, video, stamp, &facts));
                    let mut index = index.lock().expect("because no thread panics while it holds the index");
                    if index.1.is_ok() {
                        index.1 = index.0.put(at as u64, indexed);
                    }
                    drop(index);
                    let row = ManifestRow::of(video, opened);
                    rows.lock().expect("because no thread panics while it holds the rows")[at] = Some(row);
                    let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                    progress.lock().expect("because drawing does not panic").at(done as u64, "");
                }
            });
        }
    });
    progress.into_inner().expect("because drawing does not panic").end();
    index.into_inner().expect("because no thread panics while it holds the index").1?;
    let rows = rows.into_inner().expect("because no thread panics while it holds the rows");
    Ok(rows.into_iter().flatten().collect())
}

/// What was found, in a table on stderr.
fn summarise(rows: &[ManifestRow], out: &Path) {
    let mut kinds: BTreeMap<(String, String), (u64, u64, u64)> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.verdict == GOOD) {
        let kind = (row.container.clone().unwrap_or_default(), row.codec.clone().unwrap_or_default());
        let (videos, frames, bytes) = kinds.entry(kind).or_default();
        *videos += 1;
        *frames += u64::from(row.frames.unwrap_or(0));
        *bytes += row.bytes;
    }
    let head = ["container", "codec", "videos", "frames", "MB"].map(String::from).to_vec();
    let body = kinds.iter().map(|((container, codec), (videos, frames, bytes))| {
        let megabytes = format!("{:.1}", *bytes as f64 / 1e6);
        vec![container.clone(), codec.clone(), videos.to_string(), frames.to_string(), megabytes]
    });
    let table: Vec<_> = std::iter::once(head).chain(body).collect();
    report::say(report::table(&table).trim_end());

    let failed: Vec<_> = rows.iter().filter(|row| row.verdict != GOOD).collect();
    let mut verdicts: BTreeMap<&str, u64> = BTreeMap::new();
    for row in &failed {
        *verdicts.entry(&row.verdict).or_default() += 1;
    }
    report::say(format_args!(
        "{} of {} videos can be used; written to {}",
        rows.len() - failed.len(),
        rows.len(),
        out.display()
    ));
    if !failed.is_empty() {
        let list: Vec<_> = verdicts.iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
        report::say(format_args!(
            "{} cannot ({}); the reasons are in the manifest",
            failed.len(),
            list.join(", ")
        ));
    }
}
