//! How long a recipe takes on this machine: a step and some loading are timed, the rest is arithmetic.
//!
//! A step is timed on as many of the data's clips as take a few seconds. A model too large for that is cut to
//! a few of its blocks, and the time grows with the multiply-accumulates.

use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use pipeline::dataset::Dataset;
use trainer::{Device, Recipe, model::macs::Macs};

use crate::{
    data::{loading::Loading, masked, narrow::narrow},
    error::{Context as _, Result},
};

/// Multiply-accumulates that the timed step may take, forward and backward: seconds on two cores.
const AFFORDABLE: u64 = 100_000_000_000;

/// A step is forward, and backward with twice the work.
const PASSES: u64 = 3;

/// How long loading is timed.
const LOADING: Duration = Duration::from_secs(3);

/// What was timed.
pub struct Forecast {
    /// Seconds of computing for a clip.
    pub computing: f64,
    /// Seconds of loading for a clip.
    pub loading: f64,
    /// Clips of the timed step.
    pub clips: usize,
    /// Whether the timed model had fewer blocks than the recipe's.
    pub cut: bool,
    /// Whether both happen on the same processor.
    pub together: bool,
}

impl Forecast {
    /// Times a step of `recipe` and the loading of its clips.
    ///
    /// # Errors
    /// When clips cannot be made.
    pub fn measure(recipe: &Recipe, dataset: &Dataset, device: &Device, workers: usize) -> Result<Self> {
        let whole = work(recipe)?;
        let mut timed = recipe.clone();
        let cut = whole * recipe.clip.repeats as u64 > AFFORDABLE;
        if cut {
            let shape = recipe.model_shape()?;
            timed.model.encoder_depth = shape.encoder.depth.min(2);
            timed.model.decoder_depth = shape.decoder.depth.min(1);
        }
        let cost = work(&timed)?;
        let slots = dataset.slots(narrow(recipe.clip.clips_per_video)) as usize;
        let (micro_batch, _) = recipe.accumulation()?;
        let groups = (AFFORDABLE / (cost * recipe.clip.repeats as u64).max(1)) as usize;
        let groups = groups.clamp(1, (micro_batch / recipe.clip.repeats).min(slots).max(1));
        let clips = groups * recipe.clip.repeats;
        (timed.optimiser.batch, timed.optimiser.micro_batch) = (clips, 0);

        let (loading, batch) = loading(&timed, dataset, workers)?;
        let mut step = 0.0;
        trainer::time_steps(&timed, device, batch, 2, |seconds| step = seconds)?;
        let computing = step / clips as f64 * whole as f64 / cost as f64;
        // The processor that computes is the one that decodes.
        Ok(Self { computing, loading, clips, cut, together: device.is_cpu() })
    }

    /// Seconds for `clips` clips.
    pub fn seconds(&self, clips: u64) -> f64 {
        let a_clip =
            if self.together { self.computing + self.loading } else { self.computing.max(self.loading) };
        a_clip * clips as f64
    }
}

/// Multiply-accumulates of a clip, forward and backward.
fn work(recipe: &Recipe) -> Result<u64> {
    let (shape, tokens) = (recipe.model_shape()?, masked::token_counts(recipe)?);
    Ok(PASSES * Macs::of_pretraining(&shape, tokens.visible, tokens.visible, tokens.predicted).total())
}

/// Seconds of loading for a clip, and a batch.
fn loading(recipe: &Recipe, dataset: &Dataset, workers: usize) -> Result<(f64, RecordBatch)> {
    let loading = Loading::begin(None, dataset.videos(), 1.0)?;
    let mut batches = masked::batches(dataset, recipe, 0, workers, &loading)?;
    // The first batch pays for starting threads and decoders.
    let first = batches.next().context("the pipeline ended")??;
    let (start, mut clips) = (Instant::now(), 0);
    while clips == 0 || start.elapsed() < LOADING {
        clips += batches.next().context("the pipeline ended")??.num_rows();
    }
    Ok((start.elapsed().as_secs_f64() / clips as f64, first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loading_hides_behind_a_card_and_adds_up_on_a_processor() {
        let forecast = |together| Forecast { computing: 2.0, loading: 0.5, clips: 4, cut: false, together };
        assert_eq!([forecast(true).seconds(10), forecast(false).seconds(10)], [25.0, 20.0]);
    }

    #[test]
    fn the_work_of_the_base_model_is_three_times_its_forward_pass() {
        let recipe = Recipe::built_in("vit-b-k400-800").unwrap();
        // 33.7788 GMACs: as published, but with only the visible cubes embedded.
        assert_eq!(work(&recipe).unwrap() / 1_000_000, 101_336);
    }
}
