//! Manifests of many videos: how much memory and time they take until the first clip. `TUBELET_ROWS=1000000` makes one of
//! a million; its times mean something in a build that is optimised.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use pipeline::{
    VideoNumber,
    dataset::{
        digest,
        manifest::{self, ManifestRow, ManifestWriter, index::IndexWriter},
    },
    shard::{FileIndex, Row},
    video_entry::VideoEntry,
};

use crate::{films::film, succeed, text};

/// Names that a folder has: the same files under as many paths as are wanted.
const NAMES: usize = 1000;

/// Bytes that a video may take from the opening of its manifest to the first clip, the order of an epoch included.
const BYTES_A_VIDEO: u64 = 450;

/// A manifest of so many paths of one film, all of which are there, with the index beside it.
fn write_manifest(folder: &Path, rows: usize) -> std::path::PathBuf {
    let names = folder.join("names");
    film(&names.join("0000.mp4"), 0);
    for name in (1..NAMES).map(|name| names.join(format!("{name:04}.mp4"))).filter(|name| !name.exists()) {
        fs::hard_link(names.join("0000.mp4"), name).unwrap();
    }
    for number in 0..rows.div_ceil(NAMES) {
        let link = folder.join(format!("folder-{number:04}"));
        if !link.exists() {
            std::os::unix::fs::symlink(&names, link).unwrap();
        }
    }
    let one = folder.join("one.parquet");
    succeed(&["scan", text(&names.join("0000.mp4")), "--out", text(&one)]);
    let scanned = manifest::read(&one).unwrap().remove(0);
    let indexed = FileIndex::open(&one.with_extension("index")).unwrap();
    let indexed: Row = indexed.all_rows().next().unwrap().unwrap();

    let path = |row: usize| folder.join(format!("folder-{:04}/{:04}.mp4", row / NAMES, row % NAMES));
    let entries: Vec<_> =
        (0..rows).map(|row| VideoEntry::whole(path(row), Some((row % 400) as i32))).collect();
    let out = folder.join(format!("{rows}.parquet"));
    let mut manifest = ManifestWriter::create(&out).unwrap();
    let mut index = IndexWriter::create(&out, rows as u64, digest(&entries)).unwrap();
    for (row, entry) in entries.iter().enumerate() {
        let number = row as u64;
        let name = text(&entry.path).to_owned();
        // Times that no other row has, as those of real films: a file of equal ones would be small.
        let jitter = |(frame, time): (usize, &i64)| time + (row * 7919 + frame * 104_729) as i64 % 1000;
        let times = scanned.times.as_ref().map(|times| times.iter().enumerate().map(jitter).collect());
        let row = ManifestRow { path: name.clone(), label: entry.label, times, ..scanned.clone() };
        manifest.push(row).unwrap();
        index.put(VideoNumber(number), Some(renamed(&indexed, number, &name, entry.label))).unwrap();
    }
    manifest.finish().unwrap();
    out
}

/// The row of an index as that of another video.
fn renamed(row: &Row, number: u64, name: &str, label: Option<i32>) -> Row {
    use arrow_array::{ArrayRef, Int32Array, RecordBatch, StringArray, UInt64Array};
    use std::sync::Arc;
    let column = |(field, column): (&arrow_schema::FieldRef, &ArrayRef)| -> ArrayRef {
        match field.name().as_str() {
            "video_number" => Arc::new(UInt64Array::from(vec![number])),
            "video" => Arc::new(StringArray::from(vec![name])),
            "label" => Arc::new(Int32Array::from(vec![label])),
            _ => Arc::clone(column),
        }
    };
    let schema = row.columns.schema();
    let columns = schema.fields().iter().zip(row.columns.columns()).map(column).collect();
    Row { key: number, bytes: row.bytes, columns: RecordBatch::try_new(schema, columns).unwrap() }
}

/// Runs the command to its end: its largest memory in bytes, and how long it took.
fn cost(arguments: &[&str]) -> (u64, Duration) {
    let start = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_tubelet"));
    let mut child = child.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    let ended = loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let peak =
            text.lines().find_map(|line| line.strip_prefix("VmHWM:")).map(|line| line.trim_end_matches("kB"));
        most = most.max(peak.map_or(0, |peak| peak.trim().parse::<u64>().unwrap() * 1024));
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        thread::sleep(Duration::from_millis(5));
    };
    assert!(ended.success(), "tubelet {}", arguments.join(" "));
    (most, start.elapsed())
}

#[test]
#[cfg(target_os = "linux")]
fn a_video_of_a_manifest_takes_a_few_hundred_bytes() {
    let rows: usize = std::env::var("TUBELET_ROWS").map_or(40_000, |rows| rows.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let (few, many) = (write_manifest(folder.path(), 1000), write_manifest(folder.path(), rows));
    let size = |path: &Path| fs::metadata(path).unwrap().len();
    println!("{} bytes of manifest for {rows} videos", size(&many));
    let clip = ["--count", "1", "--workers", "1", "--recipe", "tiny", "--set", "clip.verify=clip"];
    for (what, command) in [("masked", &[][..]), ("labelled", &["--finetune"])] {
        let inspect =
            |manifest: &Path| cost(&[&["inspect", "batches", text(manifest)], &clip[..], command].concat());
        let (least, _) = inspect(&few);
        let (most, took) = inspect(&many);
        let each = most.saturating_sub(least) / (rows as u64 - 1000);
        println!("{what}: {} MB, {} bytes a video, {took:.1?} to the first clip", most / 1_000_000, each);
        assert!(each <= BYTES_A_VIDEO, "{what}: {each} bytes a video");
    }
}
