//! What is done to each damaged film, in a process of its own: whatever kills that is one count.
//!
//! ```text
//! parent ──environment: films, seed, which numbers──▶ child
//!        ◀──stdout: "@begin N", "@end N {json}"──────
//! ```

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use pipeline::{
    FrameRank,
    video::{Limits, VideoReader},
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng as _, SeedableRng as _},
};
use serde::{Deserialize, Serialize};

use crate::{mutation::Mutation, shared::md5_of};

/// Which mutations a child makes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Task {
    pub films: Vec<PathBuf>,
    /// What the name of a film must hold.
    pub only: String,
    pub seed: u64,
    pub count: usize,
    pub first: usize,
    pub last: usize,
}

/// What became of one damaged film.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// Of opening, else of the first clip that failed, else `good`.
    pub verdict: String,
    pub reason: String,
    /// Frames of clips that were delivered.
    pub delivered: usize,
    /// Of these: pixels that no frame of the undamaged film has.
    pub foreign: usize,
    /// Of these: pixels of another frame of the undamaged film.
    pub moved: usize,
    pub seconds: f64,
    pub threads: usize,
}

/// Goes through the numbers of `task`.
pub fn run(task: &Task) {
    let folder = tempfile::tempdir().unwrap();
    let mut reader = VideoReader::new(Limits::default());
    let mut undamaged: (PathBuf, Vec<String>) = Default::default();
    for number in task.first..task.last {
        let mutation = Mutation::new(&task.films, task.seed, number, task.count);
        if !mutation.film.to_string_lossy().contains(&task.only) {
            continue;
        }
        if undamaged.0 != mutation.film {
            // It comes after damaged ones of the film before: a decoder must have forgotten those.
            undamaged = (mutation.film.clone(), digests(&mut reader, &mutation.film));
        }
        println!("\n@begin {number}");
        let file = folder.path().join("film");
        fs::write(&file, mutation.bytes()).unwrap();
        let outcome = try_film(&mut reader, &file, &undamaged.1, number as u64);
        println!("@end {number} {}", serde_json::to_string(&outcome).unwrap());
    }
}

/// MD5 of every frame of an undamaged film.
fn digests(reader: &mut VideoReader, film: &Path) -> Vec<String> {
    let video = reader.open(film).unwrap_or_else(|error| panic!("{}: {error}", film.display()));
    let all: Vec<_> = (0..video.facts.frames).map(FrameRank).collect();
    let parts = all.chunks(64).flat_map(|part| reader.decode(&video, part).unwrap());
    parts.map(|(_, picture)| md5_of(&picture)).collect()
}

/// Opens a damaged film and draws clips of it.
fn try_film(reader: &mut VideoReader, file: &Path, undamaged: &[String], draw: u64) -> Outcome {
    let start = Instant::now();
    let mut outcome = Outcome {
        verdict: "good".to_owned(),
        reason: String::new(),
        delivered: 0,
        foreign: 0,
        moved: 0,
        seconds: 0.0,
        threads: 0,
    };
    let note = |outcome: &mut Outcome, error: &pipeline::error::VideoError| {
        if outcome.verdict == "good" {
            outcome.verdict = error.verdict().to_owned();
            outcome.reason = error.to_string();
        }
    };
    match reader.open(file) {
        Err(error) => note(&mut outcome, &error),
        Ok(video) => {
            let mut draw = ChaCha8Rng::seed_from_u64(draw);
            for stride in [1, 4, 2, 3] {
                let first = draw.next_u32() % video.facts.frames;
                let clip = (0..16).map(|frame| FrameRank(first + frame * stride));
                let clip: Vec<_> = clip.filter(|rank| rank.0 < video.facts.frames).collect();
                match reader.decode(&video, &clip) {
                    Err(error) => note(&mut outcome, &error),
                    Ok(frames) => {
                        for (rank, picture) in frames {
                            let digest = md5_of(&picture);
                            outcome.delivered += 1;
                            if undamaged.get(rank.0 as usize) != Some(&digest) {
                                let moved = undamaged.contains(&digest);
                                outcome.moved += usize::from(moved);
                                outcome.foreign += usize::from(!moved);
                            }
                        }
                    }
                }
            }
        }
    }
    outcome.seconds = start.elapsed().as_secs_f64();
    outcome.threads = status("Threads:");
    outcome
}

/// A number of `/proc/self/status`; 0 where there is none.
pub fn status(key: &str) -> usize {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
