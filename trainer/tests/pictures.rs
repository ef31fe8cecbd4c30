//! Pictures of what a model paints: whose pixels are where, and what is used of hidden cubes.

mod batches;
mod scenes;

use schemas::{ClipBatch, ClipGeometry};
use trainer::{
    Device, Recipe,
    inference::reconstruct::{Reconstruction, Statistics, reconstruct},
    kernels::Target,
    model::VideoMae,
    train::state::TrainState,
};

fn pictures(geometry: ClipGeometry, batch: &ClipBatch, statistics: Statistics) -> Vec<Reconstruction> {
    let mut recipe = Recipe::default();
    for setting in ["model.size=tiny", "model.patch=8", "model.encoder_depth=1", "model.decoder_depth=1"] {
        recipe.set(setting).unwrap();
    }
    recipe.set(&format!("clip.frames={}", geometry.frames())).unwrap();
    recipe.set(&format!("clip.size={}", geometry.height())).unwrap();
    let device = Device::flex();
    let model = VideoMae::new(recipe.model_shape().unwrap(), &device);
    let weights = TrainState::begin(&recipe, model.shape(), &device).weights;
    reconstruct(&model, &weights, batch, Target::Normalised, statistics, &device).unwrap()
}

#[test]
fn the_original_is_whole_and_visible_cubes_are_kept() {
    let geometry = ClipGeometry::new(4, 32, 32, 2, 8).unwrap();
    let batch = ClipBatch::try_from(scenes::batch(geometry, 0..2, 4)).unwrap();
    for (number, picture) in pictures(geometry, &batch, Statistics::True).iter().enumerate() {
        assert_eq!(picture.original, scenes::scene(geometry, number as u64));
        let differs = |other: &[u8]| {
            let pairs = picture.original.iter().zip(other);
            pairs.filter(|(original, other)| original != other).count() as f64 / picture.original.len() as f64
        };
        assert!((0.5..=0.75).contains(&differs(&picture.masked)));
        assert!(differs(&picture.reconstruction) <= 0.75 && differs(&picture.reconstruction) > 0.5);
    }
}

#[test]
fn an_honest_picture_does_not_depend_on_what_hidden_cubes_look_like() {
    let geometry = ClipGeometry::new(4, 32, 32, 2, 8).unwrap();
    let made = |brighter: bool| {
        let mut frames = scenes::scene(geometry, 0);
        let is_seen = |token: &usize| token.is_multiple_of(4);
        // The left column of cubes is what is seen; all other pixels are changed.
        let changed = frames.iter_mut().enumerate().filter(|(at, _)| at / 3 % 32 >= 8);
        changed.for_each(|(_, level)| *level = if brighter { *level / 2 + 128 } else { *level / 2 });
        let (visible, target) = (0..geometry.tokens()).partition(is_seen);
        let clip = batches::MadeClip { number: 0, frames, visible, target, context: Vec::new() };
        ClipBatch::try_from(batches::record_batch(geometry, &[clip])).unwrap()
    };
    let [dark, bright] = [made(false), made(true)];
    let paint = |batch, statistics| pictures(geometry, batch, statistics).remove(0).reconstruction;
    assert_eq!(paint(&dark, Statistics::Guessed), paint(&bright, Statistics::Guessed));
    assert_ne!(paint(&dark, Statistics::True), paint(&bright, Statistics::True));
}
