//! CPU time to open a video and decode a clip of 16 frames at stride 4, one line for each way.
//!
//! `cargo bench --bench decode -- FOLDER` (default: the repository's sample films). The ways take turns
//! file by file, so that other work on the machine bears on all alike; starts are drawn by a fixed seed.

use std::{fs, path::PathBuf};

use pipeline::{
    FrameRank,
    video::{Limits, VideoReader},
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng as _, SeedableRng as _},
};
use schemas::settings::Skip;

mod measure;
use measure::cpu_ms;

const FRAMES: u32 = 16;
const STRIDE: u32 = 4;
const ROUNDS: usize = 5;

fn main() {
    let samples = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../samples"));
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let folder = folder.map_or(samples, PathBuf::from);
    let entries = fs::read_dir(&folder).expect("because a folder of films is given");
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|kind| kind != "md"));
    files.sort();

    let ways = [("open only", None), ("skipping", Some(Skip::Unwanted)), ("groups", Some(Skip::Groups))];
    let mut readers = ways
        .map(|(_, skipping)| VideoReader::new(Limits::default()).with_skipping(skipping.unwrap_or_default()));
    let mut rounds = vec![[0.0; 3]; ROUNDS];
    let mut draw = ChaCha8Rng::seed_from_u64(0);
    for file in &files {
        for spent in &mut rounds {
            let number = draw.next_u32();
            for (way, (_, skipping)) in ways.iter().enumerate() {
                let began = cpu_ms();
                let Ok(video) = readers[way].open(file) else { continue };
                if skipping.is_some() {
                    let room = video.facts.frames.saturating_sub((FRAMES - 1) * STRIDE).max(1);
                    let clip = (0..FRAMES).map(|frame| FrameRank(number % room + frame * STRIDE));
                    let clip: Vec<_> = clip.filter(|rank| rank.0 < video.facts.frames).collect();
                    if let Err(error) = readers[way].decode(&video, &clip) {
                        eprintln!("{}: {error}", file.display());
                    }
                }
                spent[way] += cpu_ms() - began;
            }
        }
    }
    for (way, (name, _)) in ways.iter().enumerate() {
        let mut of_rounds: Vec<_> = rounds.iter().map(|spent| spent[way] / files.len() as f64).collect();
        of_rounds.sort_by(f64::total_cmp);
        let work = readers[way].work();
        let packets = work.packets as f64 / (files.len() * ROUNDS) as f64;
        println!(
            "{name:10} {:7.2} ms CPU a video, {packets:6.1} packets (median of {ROUNDS})",
            of_rounds[ROUNDS / 2]
        );
    }
}
