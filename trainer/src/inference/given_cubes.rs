//! What a model was shown of a clip, by place: the cubes that an answer to a hidden one can be made of without it.

use schemas::{ClipBatch, ClipGeometry, geometry::CHANNELS};

use crate::kernels::Target;

/// Added to the standard deviation by the loss, in levels.
const EPSILON: f64 = 255e-6;

/// Mean and standard deviation of each colour, in levels.
pub(super) type ColourStatistics = [(f64, f64); CHANNELS];

/// The visible cubes of a clip.
pub(super) struct GivenCubes<'a> {
    geometry: ClipGeometry,
    cubes: Vec<(u16, &'a [u8])>,
    /// Of the whole clip: for a place at which nothing is visible.
    anywhere: ColourStatistics,
}

impl<'a> GivenCubes<'a> {
    /// Those of a clip of a batch.
    pub fn of(batch: &'a ClipBatch, clip: usize) -> Self {
        let geometry = batch.geometry();
        let all = batch.visible_cubes().chunks_exact(geometry.cube());
        let shown = all.skip(clip * batch.visible_tokens());
        let cubes: Vec<_> = batch.visible(clip).iter().copied().zip(shown).collect();
        Self { geometry, anywhere: mean_statistics(&cubes), cubes }
    }

    /// Each token with its cube, ascending.
    pub fn all(&self) -> impl Iterator<Item = (u16, &'a [u8])> {
        self.cubes.iter().copied()
    }

    /// Time position and cube of everything that is visible at the place of `token`, at any time, ascending.
    pub fn at_the_place_of(&self, token: u16) -> impl Iterator<Item = (usize, &'a [u8])> {
        let places = self.geometry.places();
        let same = move |(other, _): &(u16, _)| (usize::from(*other) % places) == usize::from(token) % places;
        self.all().filter(same).map(move |(token, cube)| (usize::from(token) / places, cube))
    }

    /// Brightness and contrast for a hidden cube, as near as what is visible tells them.
    pub fn statistics_at(&self, token: u16) -> ColourStatistics {
        let time = usize::from(token) / self.geometry.places();
        let nearest = self.at_the_place_of(token).min_by_key(|(other, _)| other.abs_diff(time));
        nearest.map_or(self.anywhere, |(_, cube)| colours(cube))
    }

    /// Mean level of each colour over all that is visible.
    pub fn mean_colour(&self) -> [f64; CHANNELS] {
        self.anywhere.map(|(mean, _)| mean)
    }
}

/// Mean and unbiased standard deviation of each colour of a cube.
pub(super) fn colours<L: Copy + Into<f64>>(cube: &[L]) -> ColourStatistics {
    let pixels = cube.len() / CHANNELS;
    std::array::from_fn(|colour| {
        let levels = &cube[colour * pixels..][..pixels];
        let mean = levels.iter().map(|level| (*level).into()).sum::<f64>() / pixels as f64;
        let squares = levels.iter().map(|level| ((*level).into() - mean).powi(2)).sum::<f64>();
        (mean, (squares / (pixels as f64 - 1.0).max(1.0)).sqrt())
    })
}

/// Mean over all these cubes of their means, and of their standard deviations.
fn mean_statistics(cubes: &[(u16, &[u8])]) -> ColourStatistics {
    let count = cubes.len() as f64;
    cubes.iter().map(|(_, cube)| colours(cube)).fold([(0.0, 0.0); CHANNELS], |sums, cube| {
        std::array::from_fn(|colour| {
            (sums[colour].0 + cube[colour].0 / count, sums[colour].1 + cube[colour].1 / count)
        })
    })
}

/// The levels, 0 to 255, of a cube that is predicted as `values` (target order), in the order of the embedding.
pub(super) fn levels_of(values: &[f32], statistics: ColourStatistics, target: Target) -> Vec<f64> {
    let pixels = values.len() / CHANNELS;
    let level = |at: usize| {
        let (colour, pixel) = (at / pixels, at % pixels);
        let value = f64::from(values[pixel * CHANNELS + colour]);
        let (mean, deviation) = statistics[colour];
        let level = match target {
            Target::Normalised => value * (deviation + EPSILON) + mean,
            Target::Raw => value * 255.0,
        };
        level.clamp(0.0, 255.0)
    };
    (0..values.len()).map(level).collect()
}

/// What the loss compares of a cube of these levels, in the order of the embedding.
pub(super) fn targets_of<L: Copy + Into<f64>>(cube: &[L], target: Target) -> Vec<f64> {
    let pixels = cube.len() / CHANNELS;
    let statistics = colours(cube);
    let value = |(at, level): (usize, &L)| match target {
        Target::Raw => (*level).into() / 255.0,
        Target::Normalised => {
            let (mean, deviation) = statistics[at / pixels];
            ((*level).into() - mean) / (deviation + EPSILON)
        }
    };
    cube.iter().enumerate().map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_come_back_out_of_their_targets_and_statistics() {
        let cube: Vec<u8> = (0..24).map(|at| (at * 37 % 251) as u8).collect();
        for target in [Target::Raw, Target::Normalised] {
            let targets = targets_of(&cube, target);
            // Embedding order is colour after colour, target order pixel after pixel.
            let values: Vec<f32> = (0..24).map(|at| targets[at % 3 * 8 + at / 3] as f32).collect();
            let levels = levels_of(&values, colours(&cube), target);
            let furthest = levels.iter().zip(&cube).map(|(a, b)| (a - f64::from(*b)).abs());
            assert!(furthest.fold(0.0, f64::max) < 1e-4, "{target:?}");
        }
    }
}
