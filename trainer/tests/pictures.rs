//! Pictures of what a model paints: whose pixels are where, and what is used of hidden cubes.

mod batches;
mod scenes;

use schemas::{ClipBatch, ClipGeometry};
use trainer::{
    Device, Recipe,
    inference::{
        error_by_distance::{self, ErrorByDistance},
        reconstruct::{Reconstruction, Statistics, reconstruct},
    },
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

/// A clip of flat frames, each ten levels brighter than the one before, of which time position `given` is shown.
fn brightening(geometry: ClipGeometry, given: usize) -> ClipBatch {
    let frame = geometry.height() * geometry.width() * 3;
    let frames = (0..geometry.frames()).flat_map(|number| vec![10 * number as u8; frame]).collect();
    let is_given = |token: &usize| token / geometry.places() == given;
    let (visible, target) = (0..geometry.tokens()).partition(is_given);
    let clip = batches::MadeClip { number: 0, frames, visible, target, context: Vec::new() };
    ClipBatch::try_from(batches::record_batch(geometry, &[clip])).unwrap()
}

#[test]
fn errors_of_copies_and_means_are_those_of_the_distance() {
    let geometry = ClipGeometry::new(8, 16, 16, 2, 8).unwrap();
    let batch = brightening(geometry, 1);
    let black = vec![0.0; batch.target(0).len() * geometry.cube()];
    let mut errors = ErrorByDistance::default();
    errors.add(&batch, 0, &black, Target::Raw);
    let rows = errors.rows();
    // Frames 2 and 3 are given: 1 and 4 are one frame away, 7 is four.
    assert_eq!(rows.iter().map(|row| row.distance).collect::<Vec<_>>(), [1, 2, 3, 4].map(Some));
    assert_eq!(rows.iter().map(|row| row.pixels).collect::<Vec<_>>(), [512, 512, 256, 256]);
    let near = |found: f64, wanted: f64| assert!((found - wanted).abs() < 1e-9, "{found}, wanted {wanted}");
    for (row, away) in rows.iter().zip([10.0, 20.0, 30.0, 40.0]) {
        near(row.levels.copy, away);
        near(row.levels.mean, away + 5.0);
        near(row.loss.copy, (away / 255.0).powi(2));
    }
    // The model says black: frame 7 has level 70, frames 0 and 5 have 0 and 50.
    near(rows[3].levels.model, 70.0);
    near(rows[1].levels.model, (50.0f64.powi(2) / 2.0).sqrt());
    near(rows[3].informed, rows[3].levels.model);
    let copied = error_by_distance::copied(&batch, 0);
    let levels: Vec<u8> = copied.chunks_exact(16 * 16 * 3).map(|frame| frame[0]).collect();
    assert_eq!(levels, [20, 20, 20, 30, 30, 30, 30, 30]);
}

#[test]
fn brightness_is_guessed_from_the_nearest_given_cube_at_the_same_place() {
    let geometry = ClipGeometry::new(8, 16, 16, 2, 8).unwrap();
    let batch = brightening(geometry, 1);
    let mean = vec![0.0; batch.target(0).len() * geometry.cube()];
    let mut errors = ErrorByDistance::default();
    errors.add(&batch, 0, &mean, Target::Normalised);
    // A cube that is predicted to be its mean gets the given cube's, 25; frame 7 has 70, and its cube's own mean is 65.
    let last = errors.rows()[3];
    assert!((last.levels.model - 45.0).abs() < 1e-9 && (last.informed - 5.0).abs() < 1e-9, "{last:?}");
}
