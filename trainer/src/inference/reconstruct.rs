//! What a model predicts, as pictures: the original, what the encoder saw, the reconstruction.
//!
//! A model with normalised targets predicts each cube without its brightness and contrast. To make pixels of
//! it, mean and standard deviation of each colour must come from somewhere:
//!
//! * [`Statistics::True`]: the hidden cube's own. Pictures in publications are made this way; the model
//!   has not predicted everything that is seen in them.
//! * [`Statistics::Guessed`]: from what the encoder saw: the mean of all visible pixels of the clip, and
//!   the mean of the visible cubes' standard deviations. Nothing of a hidden cube is used.
//!
//! Visible cubes are shown as they are.

use schemas::{ClipBatch, ClipGeometry, geometry::CHANNELS};

use crate::{
    batch::masked::{ClipsError, MaskedClips},
    device::Device,
    kernels::Target,
    model::{Mode, VideoMae},
    weights::{NotFinite, Weights, floats},
};

/// Where brightness and contrast of a predicted cube come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistics {
    /// From the hidden cube itself.
    True,
    /// From the visible cubes of the clip.
    Guessed,
}

/// A clip three times; each is `[frames, height, width, 3]` of u8, row-major.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconstruction {
    /// Shape of the clip.
    pub geometry: ClipGeometry,
    /// As it was. Places of which the batch has no pixels (contexts) are grey.
    pub original: Vec<u8>,
    /// As the encoder saw it: hidden cubes are grey.
    pub masked: Vec<u8>,
    /// Visible cubes, and predicted ones in the place of hidden ones.
    pub reconstruction: Vec<u8>,
}

/// Level of places that are not shown.
const GREY: u8 = 128;

/// Added to the standard deviation by the loss, in levels.
const EPSILON: f64 = 255e-6;

/// Predicts the hidden cubes of every clip of `batch`, in its order.
///
/// # Errors
/// When the batch is not of the model's shape, or what the model predicts is NaN or infinite.
pub fn reconstruct(
    model: &VideoMae,
    weights: &Weights,
    batch: &ClipBatch,
    target: Target,
    statistics: Statistics,
    device: &Device,
) -> Result<Vec<Reconstruction>, ClipsError> {
    let geometry = model.shape().geometry;
    let clips = MaskedClips::upload(batch, geometry, device)?;
    let predicted = floats(model.predict(weights, &clips, Mode::Fixed));
    let cube = geometry.cube();
    for (clip, values) in predicted.chunks_exact(clips.targets * cube).enumerate() {
        if let Some(found) = NotFinite::among(values) {
            return Err(ClipsError::NotFinite { clip, found });
        }
    }
    let clip = |(number, predicted): (usize, &[f32])| {
        let mut pictures = [GREY; 3]
            .map(|level| vec![level; geometry.frames() * geometry.height() * geometry.width() * CHANNELS]);
        let visible = batch.visible_cubes().chunks_exact(cube).skip(number * batch.visible_tokens());
        let seen: Vec<&[u8]> = visible.take(batch.visible_tokens()).collect();
        for (token, bytes) in batch.visible(number).iter().zip(&seen) {
            pictures.iter_mut().for_each(|picture| place(picture, geometry, *token, |at| bytes[at]));
        }
        let guessed = guess(&seen);
        let hidden = batch.target_cubes(number).chunks_exact(cube);
        for ((token, truth), values) in
            batch.target(number).iter().zip(hidden).zip(predicted.chunks_exact(cube))
        {
            let levels = match statistics {
                Statistics::True => colours(truth),
                Statistics::Guessed => guessed,
            };
            let [original, _, reconstruction] = &mut pictures;
            place(original, geometry, *token, |at| truth[at]);
            place(reconstruction, geometry, *token, |at| {
                let (colour, pixel) = (at / (cube / CHANNELS), at % (cube / CHANNELS));
                let value = f64::from(values[pixel * CHANNELS + colour]);
                let (mean, deviation) = levels[colour];
                match target {
                    Target::Normalised => (value * (deviation + EPSILON) + mean).round() as u8,
                    Target::Raw => (value * 255.0).round() as u8,
                }
            });
        }
        let [original, masked, reconstruction] = pictures;
        Reconstruction { geometry, original, masked, reconstruction }
    };
    Ok(predicted.chunks_exact(clips.targets * cube).enumerate().map(clip).collect())
}

/// Writes the cube of `token` into a picture; `level` gives its bytes in the order of the embedding.
fn place(picture: &mut [u8], geometry: ClipGeometry, token: u16, level: impl Fn(usize) -> u8) {
    let [_, rows, columns] = geometry.grid();
    let (tubelet, patch) = (geometry.tubelet(), geometry.patch());
    let token = usize::from(token);
    let (t, y, x) = (token / (rows * columns), token / columns % rows, token % columns);
    for at in 0..geometry.cube() {
        let (column, row) = (at % patch, at / patch % patch);
        let (time, colour) = (at / (patch * patch) % tubelet, at / (patch * patch * tubelet));
        let line = ((t * tubelet + time) * geometry.height() + y * patch + row) * geometry.width();
        picture[(line + x * patch + column) * CHANNELS + colour] = level(at);
    }
}

/// Mean and unbiased standard deviation of each colour of a cube.
fn colours(cube: &[u8]) -> [(f64, f64); CHANNELS] {
    let pixels = cube.len() / CHANNELS;
    std::array::from_fn(|colour| {
        let levels = &cube[colour * pixels..][..pixels];
        let mean = levels.iter().map(|level| f64::from(*level)).sum::<f64>() / pixels as f64;
        let squares = levels.iter().map(|level| (f64::from(*level) - mean).powi(2)).sum::<f64>();
        (mean, (squares / (pixels as f64 - 1.0).max(1.0)).sqrt())
    })
}

/// Mean over all these cubes of their means, and of their standard deviations.
fn guess(cubes: &[&[u8]]) -> [(f64, f64); CHANNELS] {
    let count = cubes.len() as f64;
    cubes.iter().map(|cube| colours(cube)).fold([(0.0, 0.0); CHANNELS], |sums, cube| {
        std::array::from_fn(|colour| {
            (sums[colour].0 + cube[colour].0 / count, sums[colour].1 + cube[colour].1 / count)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cube_lands_at_its_place_in_the_picture() {
        let geometry = ClipGeometry::new(4, 4, 6, 2, 2).unwrap();
        let mut picture = vec![0; 4 * 4 * 6 * 3];
        // Token 10 of grid 2×2×3 is time 1, row 1, column 1.
        place(&mut picture, geometry, 10, |at| at as u8 + 1);
        let pixel = |frame: usize, y: usize, x: usize| ((frame * 4 + y) * 6 + x) * 3;
        assert_eq!(picture[pixel(2, 2, 2)], 1);
        assert_eq!(picture[pixel(2, 2, 3)], 2);
        assert_eq!(picture[pixel(2, 3, 2)], 3);
        assert_eq!(picture[pixel(3, 2, 2)], 5);
        assert_eq!(picture[pixel(2, 2, 2) + 1], 9);
        assert_eq!(picture.iter().filter(|level| **level > 0).count(), 24);
    }
}
