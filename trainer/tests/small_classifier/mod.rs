//! A classifier of a few thousand weights, and its clips of 16 cubes, made by a rule.

use schemas::{
    ClipGeometry,
    labelled_batch::{LabelledClip, View},
};
use trainer::Recipe;

use crate::cube;

pub fn recipe(settings: &[&str]) -> Recipe {
    let mut recipe = Recipe::default();
    let base = [
        "clip.frames=4",
        "clip.size=16",
        "model.patch=8",
        "model.encoder_dim=24",
        "model.encoder_depth=2",
        "model.encoder_heads=3",
        "optimiser.batch=6",
        "optimiser.beta2=0.999",
        "schedule.warmup_epochs=0",
        "run.log_every=1",
        "run.checkpoint_every=3",
    ];
    base.iter().chain(settings).for_each(|setting| recipe.set(setting).unwrap());
    recipe
}

/// Clip `clip` without an answer; `level` gives the value at each place, the colours of a pixel one after the other.
pub fn clip(geometry: ClipGeometry, clip: u64, mut level: impl FnMut(usize) -> f64) -> LabelledClip {
    let frames: Vec<u8> = (0..4 * 16 * 16 * 3).map(|at| level(at) as u8).collect();
    LabelledClip {
        clip,
        epoch: (clip / 12) as u32,
        row: clip,
        video: format!("{clip}.mp4").into(),
        label: None,
        labels: None,
        view: View::default(),
        frames: [0, 1, 2, 3].into(),
        times: [0, 1, 2, 3].into(),
        crop: [0, 0, 16, 16],
        flip: false,
        erase: None,
        pixels: (0..geometry.tokens()).flat_map(|token| cube::cube(&frames, geometry, token)).collect(),
    }
}
