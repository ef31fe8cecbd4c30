//! Seeded damage of many films: no crash, no hang, no leak, and never a wrong pixel of which FFmpeg knows.
//!
//! `cargo test -p tubelet-pipeline --test mutations -- --ignored --nocapture` does 2,000 to the large
//! collection; a few dozen are always done to the samples of the repository. TUBELET_MUTATION_SEED and _COUNT draw
//! others, TUBELET_MUTATION_ONLY=WORD does those of films whose name holds the word, and TUBELET_MUTATION_KEEP=FOLDER
//! keeps the films that gave wrong frames.
#![cfg(feature = "video")]

#[path = "mutations/child.rs"]
mod child;
#[path = "mutations/mutation.rs"]
mod mutation;
mod shared;

use std::{
    collections::BTreeMap,
    env, fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use child::{Outcome, Task};
use mutation::Mutation;
use pipeline::{
    FrameRank,
    video::{Limits, VideoReader},
};

/// Names the task of a process that this test starts.
const TASK: &str = "TUBELET_MUTATIONS";

/// Opening and each of four clips have 20 s; a film that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(110);

/// What became of all damaged films.
#[derive(Debug, Default)]
struct Tally {
    verdicts: BTreeMap<String, usize>,
    delivered: usize,
    /// Films that killed the process, or hung.
    fatal: Vec<String>,
    /// Films with wrong pixels of which FFmpeg reports something.
    wrong: Vec<String>,
    /// Films with pixels of no frame, and with frames under another number, without a word from FFmpeg.
    silent: Vec<String>,
    most_threads: usize,
    slowest: f64,
}

/// Not a test of its own: what the tests below run in processes.
#[test]
#[ignore = "started by the other tests"]
fn child_process() {
    let Ok(task) = env::var(TASK) else { return };
    child::run(&serde_json::from_str(&task).unwrap());
}

#[test]
fn damaged_samples_give_no_wrong_frame_and_end_no_process() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../samples"));
    let films =
        ["big_buck_bunny.mp4", "bottles.webm", "cars.mp4", "flower.mp4"].map(|film| folder.join(film));
    check(&damage(&films, 7, 48));
}

#[test]
#[ignore = "takes 20 minutes of processor time and the large collection of films"]
fn damaged_films_of_the_collection_give_no_wrong_frame_and_end_no_process() {
    let Some(clips) = shared::folder() else { return };
    let films: Vec<_> =
        shared::films(&["kinetics/", "mixed/"]).iter().map(|film| clips.join(&film.file)).collect();
    let number = |name, usual| env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    check(&damage(&films, number("TUBELET_MUTATION_SEED", 1) as u64, number("TUBELET_MUTATION_COUNT", 2000)));
}

#[test]
fn passes_over_damaged_films_leave_nothing_behind() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../samples"));
    let films =
        ["big_buck_bunny.mp4", "bottles.webm", "cars.mp4", "flower.mp4"].map(|film| folder.join(film));
    let mut damaged: Vec<Vec<u8>> =
        (0..24).map(|number| Mutation::new(&films, 3, number, 24).bytes()).collect();
    if let Some(clips) = shared::folder() {
        let broken = shared::films(&["broken/"]);
        damaged.extend(broken.iter().map(|film| fs::read(clips.join(&film.file)).unwrap()));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut reader = VideoReader::new(Limits::default());
    let file = folder.path().join("film");
    let mut after = Vec::new();
    for _ in 0..3 {
        for bytes in &damaged {
            fs::write(&file, bytes).unwrap();
            let Ok(video) = reader.open(&file) else { continue };
            let clip: Vec<_> = (0..video.facts.frames).step_by(4).take(16).map(FrameRank).collect();
            let _ = reader.decode(&video, &clip);
        }
        after.push((child::status("VmRSS:"), child::status("Threads:")));
    }
    eprintln!("kB and threads after each pass: {after:?}");
    let (first, third) = (after[0].0 as f64, after[2].0 as f64);
    assert!(third <= first * 1.05, "memory grows: {after:?}");
    assert!(after[2].1 <= after[0].1, "threads grow: {after:?}");
}

fn check(tally: &Tally) {
    eprintln!("{tally:#?}");
    assert_eq!(tally.fatal, Vec::<String>::new(), "crashed or hung");
    assert_eq!(tally.wrong, Vec::<String>::new(), "wrong frames although FFmpeg reports something");
}

/// Damages `films` `count` times; each process takes as many as it survives.
fn damage(films: &[PathBuf], seed: u64, count: usize) -> Tally {
    let mut tally = Tally::default();
    let mut first = 0;
    while first < count {
        let only = env::var("TUBELET_MUTATION_ONLY").unwrap_or_default();
        let task = Task { films: films.to_vec(), only, seed, count, first, last: count.min(first + 200) };
        first = run_child(&task, &mut tally);
    }
    tally
}

/// Runs a child and takes in what it says; gives the number to go on with.
fn run_child(task: &Task, tally: &mut Tally) -> usize {
    let mut process = Command::new(env::current_exe().unwrap())
        .args(["child_process", "--exact", "--ignored", "--nocapture"])
        .env(TASK, serde_json::to_string(task).unwrap())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(process.stdout.take().unwrap());
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let mut running = None;
    loop {
        let heard = lines.recv_timeout(PATIENCE);
        let line = match &heard {
            Ok(line) => line,
            Err(why) => {
                let _ = process.kill();
                let status = process.wait().unwrap();
                let Some(number) = running else {
                    assert!(status.success(), "the process failed before it began: {status}");
                    return task.last;
                };
                let mutation = Mutation::new(&task.films, task.seed, number, task.count);
                tally.fatal.push(format!("{number}: {mutation}: {why} ({status})"));
                return number + 1;
            }
        };
        if let Some(number) = line.strip_prefix("@begin ") {
            running = number.parse().ok();
        } else if let Some((number, outcome)) = line.strip_prefix("@end ").and_then(|end| end.split_once(' '))
        {
            running = None;
            note(task, number.parse().unwrap(), serde_json::from_str(outcome).unwrap(), tally);
        }
    }
}

fn note(task: &Task, number: usize, outcome: Outcome, tally: &mut Tally) {
    *tally.verdicts.entry(outcome.verdict.clone()).or_default() += 1;
    tally.delivered += outcome.delivered;
    tally.most_threads = tally.most_threads.max(outcome.threads);
    tally.slowest = tally.slowest.max(outcome.seconds);
    if outcome.foreign + outcome.moved == 0 {
        return;
    }
    let mutation = Mutation::new(&task.films, task.seed, number, task.count);
    if let Some(folder) = env::var_os("TUBELET_MUTATION_KEEP") {
        let ending = mutation.film.extension().unwrap_or_default();
        fs::write(Path::new(&folder).join(number.to_string()).with_extension(ending), mutation.bytes())
            .unwrap();
    }
    let said = ffmpeg_says(&mutation);
    let line = format!(
        "{number}: {mutation}: {} frames of no frame, {} of another, of {}; FFmpeg says {said:?}",
        outcome.foreign, outcome.moved, outcome.delivered,
    );
    match said {
        Some(said) if said.is_empty() => tally.silent.push(line),
        Some(_) => tally.wrong.push(line),
        None => tally.silent.push(line),
    }
}

/// The first line that FFmpeg's demuxer or decoder writes at level error in a full decode; nothing where it is not
/// installed. What its muxer says of times that do not rise is not of the film's pixels.
fn ffmpeg_says(mutation: &Mutation) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let ending = mutation.film.extension().unwrap_or_default();
    let file = folder.path().join("film").with_extension(ending);
    fs::write(&file, mutation.bytes()).unwrap();
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-threads", "1", "-i"])
        .arg(&file)
        .args(["-map", "0:v:0", "-f", "null", "-"])
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let mut of_the_film = said.lines().filter(|line| !line.starts_with("[null @"));
    Some(of_the_film.next().unwrap_or_default().to_owned())
}
