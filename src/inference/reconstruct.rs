//! What a model predicts of a clip that it is shown a part of, as a picture: hidden cubes among visible ones, or what came
//! before and after a frame.

use std::path::{Path, PathBuf};

use image::RgbImage;
use pipeline::{clips::another_mask::with_mask, dataset::Dataset, video_entry::VideoEntry};
use schemas::{ClipBatch, ClipGeometry};
use trainer::{
    Device, Recipe, RunFolder,
    checkpoint::{self, Hints, Kind},
    inference::{
        error_by_distance::{self, ErrorByDistance, Errors},
        reconstruct::{self, Reconstruction, Statistics},
    },
    kernels::Target,
    model::VideoMae,
    weights::Weights,
};

use super::shown::{Given, Shown};
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
    /// The video; a picture is one that stands still. None where what is shown is a picture.
    pub video: Option<PathBuf>,
    /// What the model is shown of the clip.
    pub shown: Shown,
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
    /// The rows of a picture: the clip where it is known, what was seen of it, what was predicted; where whole frames are
    /// given also what copying the nearest of them would give.
    pub rows: Vec<Row>,
    /// How far the model was off, by distance from what it was shown: where this was chosen, and the truth is known.
    pub errors: Option<Vec<Errors>>,
    /// What the loss compares: pixels, or pixels without the brightness and contrast of their cube.
    pub target: Target,
    /// Frames of a still picture.
    columns: usize,
}

impl Reconstructed {
    /// Draws it: a `.png` of four frames (of eight where whole frames are given), or of all, or a `.gif`, `.mp4` or
    /// `.webm` that moves.
    ///
    /// # Errors
    /// Usage error: another ending. When the file cannot be written.
    pub fn save(&self, out: &Path, all_frames: bool) -> Result<()> {
        let frames = self.rows[0].frames.len();
        let most = if all_frames { frames } else { self.columns };
        sheet::save(out, &self.title, &self.rows, &columns(frames, most))
    }
}

/// Lets a model predict what is hidden of a clip.
///
/// # Errors
/// Usage error: no such file, or a model without a decoder. When the video gives no clip.
pub fn reconstruct(settings: &Reconstructing, observer: &dyn Observer) -> Result<Reconstructed> {
    let device = device::named(&settings.device)?;
    let video = video_of(settings)?;
    if !video.exists() {
        return Err(Usage::new(format!("{}: no such file", pipeline::names::shown(video))).into());
    }
    let Saved { model, weights, recipe, step } = read(settings, &device, observer)?;
    let (made, is_still) = clip(settings, video, &recipe)?;
    let batch = shown(settings, &made, &recipe)?;
    let predicted = reconstruct::predict(&model, &weights, &batch, &device)?.swap_remove(0);
    let target = recipe.model.target;
    let errors = (settings.shown != Shown::AsTrained && !is_still).then(|| {
        let mut errors = ErrorByDistance::default();
        errors.add(&batch, 0, &predicted, target);
        errors.rows()
    });
    let title = format!("{}  step {step}", video.file_name().unwrap_or_default().to_string_lossy());
    let rows = all_rows(settings, &batch, &predicted, &recipe, is_still);
    Ok(Reconstructed { title, rows, errors, target, columns: if is_whole_frames(settings) { 8 } else { 4 } })
}

fn is_whole_frames(settings: &Reconstructing) -> bool {
    matches!(settings.shown, Shown::Given(_))
}

/// The rows of the picture. Where whole frames are given, the brightness of each hidden cube would tell most of what comes
/// before and after: it is not used, or in a row of its own; of what came before and after a picture nobody knows it.
fn all_rows(
    settings: &Reconstructing,
    batch: &ClipBatch,
    predicted: &[f32],
    recipe: &Recipe,
    is_still: bool,
) -> Vec<Row> {
    let target = recipe.model.target;
    let drawn = |statistics| reconstruct::draw(batch, 0, predicted, target, statistics);
    let hidden = match settings.shown {
        Shown::AsTrained => 100.0 * recipe.mask.ratio,
        _ => 100.0 * batch.target(0).len() as f64 / batch.geometry().tokens() as f64,
    };
    let guessed = || rows(&drawn(Statistics::Guessed), recipe, hidden, true);
    let informed = || rows(&drawn(Statistics::True), recipe, hidden, false);
    if !is_whole_frames(settings) {
        let mut rows = if settings.honest || is_still { guessed() } else { informed() };
        rows.drain(..usize::from(is_still));
        return rows;
    }
    let mut rows = guessed();
    if is_still {
        rows.remove(0);
        return rows;
    }
    if !settings.honest && target == Target::Normalised {
        rows.extend(informed().pop());
    }
    let copied = error_by_distance::copied(batch, 0);
    let caption = "for comparison: the nearest given frame, copied".into();
    rows.push(Row { caption, frames: frames(batch.geometry(), &copied) });
    rows
}

/// The video, or the picture that is given in its place.
fn video_of(settings: &Reconstructing) -> Result<&Path> {
    match (&settings.video, &settings.shown) {
        (Some(video), Shown::Given(Given::Picture(picture))) => {
            let names = [picture, video].map(|path| pipeline::names::shown(path));
            let message =
                format!("the picture {} is given in place of a video, and {} too", names[0], names[1]);
            Err(Usage::new(message).hint("`--given first` shows the first frame of the video").into())
        }
        (None, Shown::Given(Given::Picture(path))) | (Some(path), _) => Ok(path),
        (None, _) => Err(Usage::new("no video is named").into()),
    }
}

/// The clip under the mask that is asked for.
fn shown(settings: &Reconstructing, made: &ClipBatch, recipe: &Recipe) -> Result<ClipBatch> {
    let geometry = made.geometry();
    let visible = match &settings.shown {
        Shown::AsTrained => return Ok(made.clone()),
        Shown::Given(given) => given.tokens(geometry)?,
        Shown::Masked(masked) => masked.tokens(geometry, recipe, settings.clip)?,
    };
    Ok(with_mask(made, &visible)?.try_into()?)
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

/// The batch with the one clip that is asked for, and whether it is a picture that stands still.
fn clip(settings: &Reconstructing, video: &Path, recipe: &Recipe) -> Result<(ClipBatch, bool)> {
    let entry = VideoEntry::whole(video.to_owned(), None);
    let dataset = Dataset::of_videos(vec![entry]);
    let mut recipe = recipe.clone();
    recipe.clip.stills |= settings.shown != Shown::AsTrained;
    let batch = ClipBatch::try_from(one_batch(&dataset, &recipe, settings.clip)?)?;
    let is_still = batch.repeated_frames() + 1 == batch.geometry().frames();
    if !is_still || settings.shown == Shown::AsTrained {
        return Ok((batch, false));
    }
    // Of a picture as much is shown as fits, not a part that is drawn.
    recipe.clip.crop = schemas::settings::Crop::Centre;
    Ok((one_batch(&dataset, &recipe, settings.clip)?.try_into()?, true))
}

/// Original, what was seen, what was predicted; of a clip of which `hidden` % were hidden.
pub(crate) fn rows(predicted: &Reconstruction, recipe: &Recipe, hidden: f64, honest: bool) -> Vec<Row> {
    let normalised = recipe.model.target == Target::Normalised;
    let how = match (normalised, honest) {
        (false, _) => "reconstruction",
        (true, false) => "reconstruction, brightness and contrast of each hidden cube given",
        (true, true) => "reconstruction, nothing of the hidden cubes given",
    };
    vec![
        Row { caption: "original".into(), frames: frames(predicted.geometry, &predicted.original) },
        Row {
            caption: format!("seen by the encoder, {hidden:.0} % hidden"),
            frames: frames(predicted.geometry, &predicted.masked),
        },
        Row { caption: how.into(), frames: frames(predicted.geometry, &predicted.reconstruction) },
    ]
}

fn frames(geometry: ClipGeometry, pixels: &[u8]) -> Vec<RgbImage> {
    let (width, height) = (geometry.width(), geometry.height());
    pixels
        .chunks_exact(width * height * 3)
        .map(|frame| {
            RgbImage::from_raw(width as u32, height as u32, frame.to_vec())
                .expect("because a frame has three bytes a pixel")
        })
        .collect()
}

/// So many frames from first to last, or all where there are no more.
pub(crate) fn columns(frames: usize, most: usize) -> Vec<usize> {
    if frames <= most {
        return (0..frames).collect();
    }
    (0..most).map(|column| column * (frames - 1) / (most - 1)).collect()
}
