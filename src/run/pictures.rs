//! Pictures of what a model predicts while it is pre-trained: the same two clips each time, with the same masks.

use std::{io::Cursor, path::PathBuf};

use image::ImageFormat;
use pipeline::dataset::Dataset;
use schemas::{ClipBatch, whole_file};
use trainer::{
    Device, Recipe,
    inference::reconstruct::{Statistics, reconstruct},
    model::VideoMae,
    train::{event_file, state::TrainState},
};

use crate::{
    data::{loading::Loading, masked},
    error::{Context as _, Result},
    inference::reconstruct::{columns, rows, showing_everything},
    sheet,
};

/// Clips of a picture, where there are as many videos.
const CLIPS: u64 = 2;

/// Pictures that are drawn again and again.
pub struct Pictures {
    recipe: Recipe,
    model: VideoMae,
    clips: ClipBatch,
    device: Device,
    folder: PathBuf,
}

impl Pictures {
    /// Reads the first clips of a training, and makes the folder of its pictures in that of the run.
    ///
    /// # Errors
    /// When there is no clip, or the folder cannot be made.
    pub fn open(recipe: &Recipe, dataset: &Dataset, device: &Device, run: &std::path::Path) -> Result<Self> {
        let mut recipe = showing_everything(recipe.clone());
        recipe.optimiser.batch = dataset.videos().clamp(1, CLIPS) as usize;
        recipe.clip.repeats = 1;
        // A video that fails has its say in the training itself.
        let loading = Loading::begin(None, dataset.videos(), 1.0)?;
        let mut batches = masked::batches(dataset, &recipe, 0, 1, &loading)?;
        let clips = ClipBatch::try_from(batches.next().context("the loader ended without a batch")??)?;
        let folder = run.join(event_file::PICTURES);
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("{} cannot be made", pipeline::names::shown(&folder)))?;
        Ok(Self {
            model: VideoMae::new(recipe.model_shape()?, device),
            recipe,
            clips,
            device: device.clone(),
            folder,
        })
    }

    /// Draws what the weights of a training predict, and keeps it under the step.
    ///
    /// # Errors
    /// When what they predict is no number, or the file cannot be written.
    pub fn draw(&self, state: &TrainState) -> Result<Vec<u8>> {
        let Self { recipe, model, clips, device, folder } = self;
        let weights = state.average.as_ref().unwrap_or(&state.weights);
        let target = recipe.model.target;
        let predicted = reconstruct(model, weights, clips, target, Statistics::True, device)?;
        let hidden = 100.0 * recipe.mask.ratio;
        let rows: Vec<_> =
            predicted.iter().flat_map(|predicted| rows(predicted, recipe, hidden, false)).collect();
        let frames = rows.first().map_or(0, |row| row.frames.len());
        let mut png = Vec::new();
        let sheet = sheet::still(&format!("step {}", state.step), &rows, &columns(frames, 4));
        sheet.write_to(&mut Cursor::new(&mut png), ImageFormat::Png)?;
        let path = folder.join(format!("{}.png", state.step));
        whole_file::write(&path, &png)
            .with_context(|| format!("{} cannot be written", pipeline::names::shown(&path)))?;
        Ok(png)
    }
}
