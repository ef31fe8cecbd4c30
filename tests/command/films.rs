//! Films of a few kilobytes that no other film is a copy of.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::samples;

/// One of two real films in a file whose bytes no other number has: a free box at its end holds the number.
pub fn film(path: &Path, number: usize) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let sample = Path::new(&samples()).join(["flower.mp4", "cars.mp4"][number % 2]);
    let mut bytes = fs::read(sample).unwrap();
    bytes.extend([0, 0, 0, 16]);
    bytes.extend(b"free");
    bytes.extend((number as u64).to_be_bytes());
    fs::write(path, bytes).unwrap();
}

/// So many films in folders of two classes: `films/a/0.mp4`, `films/b/1.mp4`, …
pub fn class_folders(folder: &Path, count: usize) -> PathBuf {
    let films = folder.join("films");
    for number in 0..count {
        film(&films.join(["a", "b"][number / 2 % 2]).join(format!("{number}.mp4")), number);
    }
    films
}

/// Settings of a classifier of 32×32 pixels that trains in a second.
pub const CLASSIFIER: [&str; 28] = [
    "--recipe",
    "finetune-small",
    "--set",
    "clip.size=32",
    "--set",
    "clip.frames=4",
    "--set",
    "clip.verify=clip",
    "--set",
    "optimiser.batch=4",
    "--set",
    "model.encoder_depth=1",
    "--set",
    "schedule.warmup_epochs=0",
    "--set",
    "schedule.warmup_steps=1",
    "--set",
    "run.log_every=1",
    "--set",
    "run.checkpoint_every=2",
    "--set",
    "views.clips=1",
    "--set",
    "views.crops=1",
    "--set",
    "views.every=0",
    // A machine that builds and tests other things at the same time is slow, not stuck.
    "--set",
    "run.seconds_per_clip=600",
];

/// Settings of an encoder and decoder of 32×32 pixels.
pub const ENCODER: [&str; 22] = [
    "--recipe",
    "tiny",
    "--set",
    "clip.size=32",
    "--set",
    "clip.frames=4",
    "--set",
    "clip.verify=clip",
    "--set",
    "optimiser.batch=4",
    "--set",
    "model.encoder_depth=1",
    "--set",
    "model.decoder_depth=1",
    "--set",
    "schedule.warmup_epochs=0",
    "--set",
    "run.log_every=1",
    "--set",
    "run.checkpoint_every=2",
    "--set",
    "run.seconds_per_clip=600",
];
