//! What a model predicts for the hidden nine tenths of a clip, as a picture.

use std::path::{Path, PathBuf};

use image::RgbImage;
use pipeline::{dataset::Dataset, video_entry::VideoEntry};
use schemas::ClipBatch;
use trainer::{
    Device, Recipe, RunFolder,
    checkpoint::{self, Hints, Kind},
    inference::reconstruct::{Reconstruction, Statistics},
    model::VideoMae,
    weights::Weights,
};

use crate::{
    data::masked::one_batch,
    device,
    error::{Context as _, Result, Usage},
    input_file,
    observer::Observer,
    recipe_choice::RecipeChoice,
    sheet::{self, Row},
    weights,
};

/// A reconstruction that is asked for.
#[derive(Clone, Debug)]
pub struct Reconstructing {
    /// The weights, which must have a decoder.
    pub model: PathBuf,
    /// What the file may not say of its model.
    pub hints: Hints,
    /// The settings that the clip is drawn by; those that the model was trained by where no other is named.
    pub recipe: RecipeChoice,
    /// The video.
    pub video: PathBuf,
    /// Whether nothing of what was hidden is used.
    pub honest: bool,
    /// Number of the clip: another number draws other frames, another crop and mask.
    pub clip: u64,
    /// Where to compute, such as `flex`.
    pub device: String,
}

/// A clip as it is, as the encoder saw it, and as the model predicts it.
pub struct Reconstructed {
    /// The video and the model's step.
    pub title: String,
    /// The three rows of a picture.
    pub rows: [Row; 3],
}

impl Reconstructed {
    /// Draws it: a `.png` of four frames, or of all, or a `.gif` that moves.
    ///
    /// # Errors
    /// Usage error: another ending. When the file cannot be written.
    pub fn save(&self, out: &Path, all_frames: bool) -> Result<()> {
        let frames = self.rows[0].frames.len();
        sheet::save(out, &self.title, &self.rows, &columns(frames, all_frames))
    }
}

/// Lets a model predict what is hidden of a clip.
///
/// # Errors
/// Usage error: no such file, or a model without a decoder. When the video gives no clip.
pub fn reconstruct(settings: &Reconstructing, observer: &dyn Observer) -> Result<Reconstructed> {
    let device = device::named(&settings.device)?;
    if !settings.video.exists() {
        return Err(Usage::new(format!("{}: no such file", pipeline::names::shown(&settings.video))).into());
    }
    let Saved { model, weights, recipe, step } = read(settings, &device, observer)?;
    let batch = clip(settings, &recipe)?;
    let statistics = if settings.honest { Statistics::Guessed } else { Statistics::True };
    let target = recipe.model.target;
    let predicted =
        trainer::inference::reconstruct::reconstruct(&model, &weights, &batch, target, statistics, &device)?;
    let [predicted] = <[Reconstruction; 1]>::try_from(predicted)
        .expect("because a batch of one clip gives one reconstruction");
    let title = format!("{}  step {step}", settings.video.file_name().unwrap_or_default().to_string_lossy());
    Ok(Reconstructed { title, rows: rows(&predicted, &recipe, settings.honest) })
}

/// A model with its weights, and the settings that it was trained by.
struct Saved {
    model: VideoMae,
    weights: Weights,
    recipe: Recipe,
    step: u64,
}

/// The model that is asked for; of a run that keeps an average of its weights, the average.
fn read(settings: &Reconstructing, device: &Device, observer: &dyn Observer) -> Result<Saved> {
    let path = &settings.model;
    input_file::check_file_or_folder(path)?;
    let mut saved = checkpoint::read_with(path, settings.hints).map_err(weights::explain)?;
    if saved.kind != Kind::Pretraining {
        let what = weights::describe(&saved);
        return Err(Usage::new(format!(
            "{} has no decoder, which reconstruction needs: {what}",
            pipeline::names::shown(path)
        ))
        .hint("give --model a run of `tubelet pretrain`, or other weights with a decoder")
        .into());
    }
    weights::note_assumed(&saved, "the file", observer);
    if let Ok(run) = RunFolder::open(path)
        && let Some(average) = run.last_checkpoint()?.average
    {
        saved.weights = average;
    }
    let own = Recipe::from_toml(&saved.about.recipe);
    let own =
        own.with_context(|| format!("the recipe in {} cannot be used", pipeline::names::shown(path)))?;
    let mut recipe = showing_everything(settings.recipe.resolve(|| Ok(own))?);
    let clip = saved.shape.geometry;
    (recipe.clip.frames, recipe.clip.tubelet) = (clip.frames(), clip.tubelet());
    (recipe.clip.size, recipe.clip.width) = (clip.height(), clip.width());
    recipe.model.patch = clip.patch();
    let (step, saved) = (saved.about.step, saved.for_our_pixels());
    let weights = Weights::fit(saved.layout(), saved.weights, device)?;
    Ok(Saved { model: VideoMae::new(saved.shape, device), weights, recipe, step })
}

/// The recipe with one clip a batch, and every hidden cube predicted: a decoder mask saves work in training,
/// here it would leave holes.
pub(crate) fn showing_everything(mut recipe: Recipe) -> Recipe {
    recipe.mask.decoder = schemas::settings::DecoderMask::None;
    recipe.optimiser.batch = 1;
    recipe.optimiser.micro_batch = 0;
    recipe.clip.clips_per_video = 1;
    recipe
}

/// The batch with the one clip that is asked for.
fn clip(settings: &Reconstructing, recipe: &Recipe) -> Result<ClipBatch> {
    let entry = VideoEntry::whole(settings.video.clone(), None);
    let dataset = Dataset::of_videos(vec![entry]);
    let batch = one_batch(&dataset, recipe, settings.clip)?;
    Ok(ClipBatch::try_from(batch)?)
}

pub(crate) fn rows(predicted: &Reconstruction, recipe: &Recipe, honest: bool) -> [Row; 3] {
    let normalised = recipe.model.target == trainer::kernels::Target::Normalised;
    let how = match (normalised, honest) {
        (false, _) => "reconstruction",
        (true, false) => "reconstruction, brightness and contrast of each hidden cube given",
        (true, true) => "reconstruction, nothing of the hidden cubes given",
    };
    let hidden = 100.0 * recipe.mask.ratio;
    [
        Row { caption: "original".into(), frames: frames(predicted, &predicted.original) },
        Row {
            caption: format!("seen by the encoder, {hidden:.0} % hidden"),
            frames: frames(predicted, &predicted.masked),
        },
        Row { caption: how.into(), frames: frames(predicted, &predicted.reconstruction) },
    ]
}

fn frames(predicted: &Reconstruction, pixels: &[u8]) -> Vec<RgbImage> {
    let (width, height) = (predicted.geometry.width(), predicted.geometry.height());
    pixels
        .chunks_exact(width * height * 3)
        .map(|frame| {
            RgbImage::from_raw(width as u32, height as u32, frame.to_vec())
                .expect("because a frame has three bytes a pixel")
        })
        .collect()
}

/// Four frames from first to last, or all.
pub(crate) fn columns(frames: usize, all: bool) -> Vec<usize> {
    if all || frames <= 4 {
        return (0..frames).collect();
    }
    (0..4).map(|column| column * (frames - 1) / 3).collect()
}
