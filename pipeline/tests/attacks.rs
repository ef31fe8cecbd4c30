//! Films and shards that were made to harm: each ends with a verdict, in time, and in little memory.
//!
//! Containers are written as they should be, but for one field or structure that is hostile: boxes in boxes, laces,
//! bytes that unpack to a thousand times as many, counts, sizes, and what leads in a circle. Each film is opened and
//! decoded in a process of its own.
//!
//! TUBELET_ATTACKS=SCALE makes all of them SCALE times as large (1 without it), TUBELET_ATTACKS_ONLY=WORD takes those
//! whose name holds the word, and TUBELET_ATTACKS_KEEP=FOLDER keeps the films, for the command to be tried on.
#![cfg(feature = "video")]

#[path = "attacks/avi.rs"]
mod avi;
#[path = "attacks/matroska.rs"]
mod matroska;
#[path = "attacks/mp4.rs"]
mod mp4;
#[path = "attacks/shards.rs"]
mod shards;
#[path = "attacks/streams.rs"]
mod streams;

use std::{
    env, fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use flate2::{Compression, write::ZlibEncoder};
use pipeline::{
    FrameRank, Slot,
    dataset::Dataset,
    error::VideoError,
    shard::FrameShards,
    video::{Limits, VideoReader},
};

/// What a film may take: processor time, since others may be busy beside this test, and wall time in which it hangs.
const MOST_TIME: u64 = 10_000;
const HANGS: Duration = Duration::from_secs(90);
const MOST_MEMORY: u64 = 400 << 10;

/// Names the film of a process that this test starts.
const FILM: &str = "TUBELET_ATTACKED_FILM";

/// A film that was made to harm; its bytes are made when it is its turn.
pub struct Attack {
    /// Its file name.
    pub name: String,
    /// Makes its bytes.
    pub bytes: Box<dyn Fn() -> Vec<u8>>,
}

impl Attack {
    /// An attack of this file name.
    pub fn new(name: impl Into<String>, bytes: impl Fn() -> Vec<u8> + 'static) -> Self {
        Self { name: name.into(), bytes: Box::new(bytes) }
    }
}

/// Bytes of zlib that become `bytes`.
pub fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Not a test of its own: what a process of the tests below does.
#[test]
#[ignore = "started by the other tests"]
fn child_process() {
    let Ok(film) = env::var(FILM) else { return };
    println!("@verdict {}", verdict(Path::new(&film)));
    println!("@memory {}", most_memory());
    println!("@milliseconds {}", processor_time());
}

/// Reads a shard's first and last clip, or a manifest.
fn verdict_of_parquet(file: &Path) -> String {
    let read = || match FrameShards::is_name(file) {
        true => {
            let shards = FrameShards::open(file).map_err(|why| why.to_string())?;
            let last = Slot(shards.rows().saturating_sub(1));
            let read = || shards.read(Slot(0)).and_then(|_| shards.read(last)).and_then(|_| shards.listing());
            read().map_err(|why| why.to_string())?;
            Ok::<_, String>(format!("{} rows", shards.rows()))
        }
        false => {
            let dataset = Dataset::open_parquet(file).map_err(|why| why.to_string())?;
            Ok(format!("{} videos", dataset.videos()))
        }
    };
    read().unwrap_or_else(|why| why)
}

/// Opens a film, as a scan does, and decodes it.
fn verdict(film: &Path) -> String {
    if film.extension().is_some_and(|ending| ending == "parquet") {
        return verdict_of_parquet(film);
    }
    let mut reader = VideoReader::new(Limits::default());
    let mut tried = || -> Result<(), VideoError> {
        let video = reader.open_for_scan(film)?;
        reader.decode(&video, &[FrameRank(0)])?;
        reader.verify(&video)
    };
    tried().map_or_else(|why| format!("{}: {why}", why.verdict()), |()| "good".to_owned())
}

/// The most memory that this process has had, in kB; 0 where the system does not tell.
fn most_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim_end_matches("kB").trim().parse().unwrap_or(0)
}

/// Milliseconds of processor time that this process has taken; 0 where the system does not tell.
fn processor_time() -> u64 {
    let status = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind_name = status.rsplit_once(')').map_or("", |(_, behind)| behind);
    // Ticks of a hundredth of a second, as user and as system.
    behind_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>()
        * 10
}

/// What is wrong with how a film was dealt with; nothing where it has a verdict in time.
fn flaw(film: &Path) -> Option<String> {
    let begun = Instant::now();
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["child_process", "--exact", "--ignored", "--nocapture"])
        .env(FILM, film)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > HANGS {
            child.kill().unwrap();
        }
        thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said =
        |key: &str| text.lines().find_map(|line| line.split_once(key)).map(|(_, said)| said.to_owned());
    let number = |key: &str| said(key).and_then(|number| number.parse::<u64>().ok()).unwrap_or(u64::MAX);
    let (took, memory) = (number("@milliseconds "), number("@memory "));
    let seen = said("@verdict ").unwrap_or_else(|| format!("no verdict, {}", output.status));
    eprintln!(
        "{:60} {:8} kB {took:6} ms {memory:7} kB  {seen}",
        film.to_string_lossy().rsplit_once("/.tmp").map_or("", |(_, name)| name),
        fs::metadata(film).map_or(0, |film| film.len() >> 10),
    );
    let fine = output.status.success() && took <= MOST_TIME && memory <= MOST_MEMORY;
    (!fine).then(|| format!("{}: {took} ms, {memory} kB, {seen}", film.display()))
}

/// All attacks, `scale` times as large as they are usually.
fn attacks(scale: usize) -> Vec<Attack> {
    let containers =
        [mp4::attacks(scale), matroska::attacks(scale), avi::attacks(scale), streams::attacks(scale)];
    containers.into_iter().flatten().chain(shards::attacks()).collect()
}

#[test]
fn every_attack_ends_with_a_verdict_in_time_and_in_little_memory() {
    let scale = env::var("TUBELET_ATTACKS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let only = env::var("TUBELET_ATTACKS_ONLY").unwrap_or_default();
    let folder = tempfile::tempdir().unwrap();
    let mut flaws = Vec::new();
    for attack in attacks(scale).into_iter().filter(|attack| attack.name.contains(&only)) {
        let film = folder.path().join(&attack.name);
        fs::create_dir_all(film.parent().unwrap()).unwrap();
        fs::write(&film, (attack.bytes)()).unwrap();
        flaws.extend(flaw(&film));
        if let Some(kept) = env::var_os("TUBELET_ATTACKS_KEEP") {
            let kept = Path::new(&kept).join(&attack.name);
            fs::create_dir_all(kept.parent().unwrap()).unwrap();
            fs::copy(&film, kept).unwrap();
        }
        fs::remove_file(&film).unwrap();
    }
    assert_eq!(flaws, Vec::<String>::new());
}
