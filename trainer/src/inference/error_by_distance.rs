//! How far a model's answers are from the truth, by the distance in time from what it was shown, beside answers that need
//! no model.
//!
//! ```text
//! copy   the given frame that is nearest in time, at the same place; of two as near, the earlier one
//! mean   the mean of all given frames, at the same place
//! ```
//!
//! Where nothing is given at a place at any time (as under a tube mask), there is no distance, and both are the mean colour
//! of all that is given. Errors are taken twice:
//!
//! * in the loss's own units: mean squared error to the loss's targets. With normalised targets a control's cube is
//!   normalised by its own mean and deviation, as a model that answers with it would do.
//! * in levels: the root of the mean squared error of pixels from 0 to 255. Brightness and contrast of the model's
//!   normalised cubes are guessed from what is given, as those of the controls are; [`Errors::informed`] is the model's
//!   answer with the true ones.

use std::collections::BTreeMap;

use schemas::{ClipBatch, ClipGeometry, geometry::CHANNELS};

use super::{
    given_cubes::{GivenCubes, colours, levels_of, targets_of},
    picture::place,
};
use crate::kernels::Target;

/// Errors by distance, over any number of clips.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ErrorByDistance {
    sums: BTreeMap<Option<usize>, Sums>,
}

/// Errors at one distance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Errors {
    /// Frames from the nearest given one; none where nothing is given at the same place.
    pub distance: Option<usize>,
    /// Pixels of which it is the mean.
    pub pixels: u64,
    /// In the loss's own units.
    pub loss: Answers,
    /// In levels, 0 to 255.
    pub levels: Answers,
    /// In levels, of the model's answer with the true brightness and contrast of each cube.
    pub informed: f64,
}

/// A number for each way to answer.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Answers {
    /// The model's.
    pub model: f64,
    /// The nearest given frame.
    pub copy: f64,
    /// The mean of the given frames.
    pub mean: f64,
}

/// Sums of squares.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sums {
    values: u64,
    loss: [f64; 3],
    levels: [f64; 3],
    informed: f64,
}

impl ErrorByDistance {
    /// Adds what a model predicted of clip `clip` of a batch ([`super::reconstruct::predict`]).
    pub fn add(&mut self, batch: &ClipBatch, clip: usize, predicted: &[f32], target: Target) {
        let geometry = batch.geometry();
        let cube = geometry.cube();
        let given = GivenCubes::of(batch, clip);
        let hidden = batch.target(clip).iter().zip(batch.target_cubes(clip).chunks_exact(cube));
        for ((token, truth), values) in hidden.zip(predicted.chunks_exact(cube)) {
            let controls = Controls::of(&given, *token, geometry);
            let guessed = levels_of(values, given.statistics_at(*token), target);
            let informed = levels_of(values, colours(truth), target);
            let wanted = targets_of(truth, target);
            let losses = [
                in_embedding_order(values),
                targets_of(&controls.copy, target),
                targets_of(&controls.mean, target),
            ];
            let levels = [&guessed, &controls.copy, &controls.mean];
            for at in 0..cube {
                let sums = self.sums.entry(controls.distances[time_of(at, geometry)]).or_default();
                sums.values += 1;
                for answer in 0..3 {
                    sums.loss[answer] += (losses[answer][at] - wanted[at]).powi(2);
                    sums.levels[answer] += (levels[answer][at] - f64::from(truth[at])).powi(2);
                }
                sums.informed += (informed[at] - f64::from(truth[at])).powi(2);
            }
        }
    }

    /// The errors at each distance, nearest first; last those without any.
    pub fn rows(&self) -> Vec<Errors> {
        let row = |(distance, sums): (&Option<usize>, &Sums)| {
            let count = sums.values as f64;
            Errors {
                distance: *distance,
                pixels: sums.values / CHANNELS as u64,
                loss: answers(sums.loss.map(|sum| sum / count)),
                levels: answers(sums.levels.map(|sum| (sum / count).sqrt())),
                informed: (sums.informed / count).sqrt(),
            }
        };
        let (nowhere, somewhere): (Vec<_>, Vec<_>) =
            self.sums.iter().partition(|(distance, _)| distance.is_none());
        somewhere.into_iter().chain(nowhere).map(row).collect()
    }
}

/// Clip `clip` of a batch with the nearest given frame in the place of what is hidden: `[frames, height, width, 3]`.
pub fn copied(batch: &ClipBatch, clip: usize) -> Vec<u8> {
    let geometry = batch.geometry();
    let given = GivenCubes::of(batch, clip);
    let mut picture = vec![0; geometry.frames() * geometry.height() * geometry.width() * CHANNELS];
    for (token, bytes) in given.all() {
        place(&mut picture, geometry, token, |at| bytes[at]);
    }
    for token in batch.target(clip) {
        let copy = Controls::of(&given, *token, geometry).copy;
        place(&mut picture, geometry, *token, |at| copy[at].round() as u8);
    }
    picture
}

fn answers([model, copy, mean]: [f64; 3]) -> Answers {
    Answers { model, copy, mean }
}

/// Answers that need no model, in levels and in the order of the embedding.
struct Controls {
    /// Of each frame of the cube.
    distances: Vec<Option<usize>>,
    copy: Vec<f64>,
    mean: Vec<f64>,
}

impl Controls {
    fn of(given: &GivenCubes<'_>, token: u16, geometry: ClipGeometry) -> Self {
        let (tubelet, cube) = (geometry.tubelet(), geometry.cube());
        let first = usize::from(token) / geometry.places() * tubelet;
        let frames: Vec<(usize, usize, &[u8])> = given
            .at_the_place_of(token)
            .flat_map(|(time, cube)| (0..tubelet).map(move |frame| (time * tubelet + frame, frame, cube)))
            .collect();
        if frames.is_empty() {
            let mean = given.mean_colour();
            let flat: Vec<f64> = (0..cube).map(|at| mean[at / (cube / CHANNELS)]).collect();
            return Self { distances: vec![None; tubelet], copy: flat.clone(), mean: flat };
        }
        let nearest: Vec<_> = (first..first + tubelet)
            .map(|frame| {
                frames.iter().min_by_key(|(other, ..)| other.abs_diff(frame)).expect("because some are given")
            })
            .collect();
        // The same pixel of another frame of a cube.
        let pixel = |at: usize, (_, frame, bytes): &(usize, usize, &[u8])| {
            f64::from(bytes[at - time_of(at, geometry) * square(geometry) + frame * square(geometry)])
        };
        let mean = |at| frames.iter().map(|frame| pixel(at, frame)).sum::<f64>() / frames.len() as f64;
        Self {
            distances: (0..tubelet).map(|time| Some(nearest[time].0.abs_diff(first + time))).collect(),
            copy: (0..cube).map(|at| pixel(at, nearest[time_of(at, geometry)])).collect(),
            mean: (0..cube).map(mean).collect(),
        }
    }
}

/// Pixels of one frame of a cube.
fn square(geometry: ClipGeometry) -> usize {
    geometry.patch() * geometry.patch()
}

/// The frame of its cube that value `at` belongs to, in the order of the embedding.
fn time_of(at: usize, geometry: ClipGeometry) -> usize {
    at / square(geometry) % geometry.tubelet()
}

/// Values in target order (pixel after pixel), in the order of the embedding (colour after colour).
fn in_embedding_order(values: &[f32]) -> Vec<f64> {
    let pixels = values.len() / CHANNELS;
    (0..values.len()).map(|at| f64::from(values[at % pixels * CHANNELS + at / pixels])).collect()
}
