//! `tubelet reconstruct`: what a model paints, as a picture.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use image::RgbImage;
use pipeline::{dataset::Dataset, video_entry::VideoEntry};
use schemas::ClipBatch;
use trainer::{
    Device, Recipe, RunFolder,
    checkpoint::{self, Kind},
    inference::reconstruct::{Reconstruction, Statistics},
    model::VideoMae,
    weights::Weights,
};

use crate::{
    arguments::RecipeArguments,
    asking::LengthArguments,
    data,
    report::{self, Usage},
    sheet::{self, Row},
    weights,
};

/// Paint the hidden nine tenths of a clip: original, what the encoder saw, reconstruction
///
/// A model paints cubes without their brightness and contrast. By default these are taken from the hidden
/// cubes themselves, as in publications, and the picture says so; --honest takes them from the visible
/// cubes alone.
///
/// Example: tubelet reconstruct --model run film.mp4 --out picture.png
#[derive(clap::Args)]
pub struct Arguments {
    /// The weights, which must have a decoder: a run (its newest checkpoint), a checkpoint, an official .pth, or a
    /// Hugging Face folder
    #[arg(long, visible_alias = "run", value_name = "RUN|FILE")]
    model: PathBuf,
    #[command(flatten)]
    lengths: LengthArguments,
    #[command(flatten)]
    recipe: RecipeArguments,
    /// The video
    video: PathBuf,
    /// The picture: .png, or .gif for one that moves
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Use nothing of what was hidden
    #[arg(long)]
    honest: bool,
    /// Show every frame of the clip in the PNG, not four
    #[arg(long)]
    all_frames: bool,
    /// Which of the video's clips: another number draws other frames, crop and mask
    #[arg(long, value_name = "N", default_value_t = 0)]
    clip: u64,
    /// Where to compute
    #[arg(long, default_value = "flex")]
    device: String,
}

/// Runs it.
pub fn run(arguments: Arguments) -> Result<()> {
    let device = Device::parse(&arguments.device).map_err(|why| Usage::new(why.to_string()))?;
    if !arguments.video.exists() {
        return Err(Usage::new(format!("{}: no such file", arguments.video.display())).into());
    }
    let Saved { model, weights, recipe, step } = read(&arguments, &device)?;
    let batch = clip(&arguments, &recipe)?;
    let statistics = if arguments.honest { Statistics::Guessed } else { Statistics::True };
    let target = recipe.model.target;
    let painted =
        trainer::inference::reconstruct::reconstruct(&model, &weights, &batch, target, statistics, &device)?;
    let [painted] = <[Reconstruction; 1]>::try_from(painted)
        .expect("because a batch of one clip gives one reconstruction");

    let title = format!("{}  step {step}", arguments.video.file_name().unwrap_or_default().to_string_lossy());
    let rows = rows(&painted, &recipe, arguments.honest);
    sheet::save(&arguments.out, &title, &rows, &columns(&recipe, arguments.all_frames))?;
    report::say(format_args!("{} written: {}", arguments.out.display(), rows[2].caption));
    Ok(())
}

/// A model with its weights, and the settings that it was trained by.
struct Saved {
    model: VideoMae,
    weights: Weights,
    recipe: Recipe,
    step: u64,
}

/// The model that is asked for; of a run that keeps an average of its weights, the average.
fn read(arguments: &Arguments, device: &Device) -> Result<Saved> {
    let path = &arguments.model;
    if !path.exists() {
        return Err(Usage::new(format!("{}: no such file or folder", path.display())).into());
    }
    let mut saved = checkpoint::read_with(path, arguments.lengths.hints()).map_err(weights::explain)?;
    if saved.kind != Kind::Pretraining {
        let what = weights::describe(&saved);
        return Err(Usage::new(format!("{} has no decoder to reconstruct with: {what}", path.display()))
            .hint("--model takes what `tubelet pretrain` made, or other weights with a decoder")
            .into());
    }
    weights::say_notes(&saved, "the file");
    if let Ok(run) = RunFolder::open(path)
        && let Some(average) = run.last_checkpoint()?.average
    {
        saved.weights = average;
    }
    let own = Recipe::from_toml(&saved.about.recipe);
    let own = own.with_context(|| format!("the recipe in {} cannot be used", path.display()))?;
    let mut recipe = showing_everything(arguments.recipe.resolve_from(|| Ok(own))?);
    let clip = saved.shape.geometry;
    (recipe.clip.frames, recipe.clip.tubelet) = (clip.frames(), clip.tubelet());
    (recipe.clip.size, recipe.clip.width) = (clip.height(), clip.width());
    recipe.model.patch = clip.patch();
    let (step, saved) = (saved.about.step, saved.for_our_pixels());
    let weights = Weights::fit(saved.layout(), saved.weights, device)?;
    Ok(Saved { model: VideoMae::new(saved.shape, device), weights, recipe, step })
}

/// The recipe with one clip a batch, and every hidden cube painted: a decoder mask saves work in training,
/// here it would leave holes.
fn showing_everything(mut recipe: Recipe) -> Recipe {
    recipe.mask.decoder = schemas::settings::DecoderMask::None;
    recipe.optimiser.batch = 1;
    recipe.optimiser.micro_batch = 0;
    recipe.clip.clips_per_video = 1;
    recipe
}

/// The batch with the one clip that is asked for.
fn clip(arguments: &Arguments, recipe: &Recipe) -> Result<ClipBatch> {
    let entry = VideoEntry { path: arguments.video.clone(), label: None };
    let dataset = Dataset::of_videos(vec![entry]);
    let batch = data::one_batch(&dataset, recipe, arguments.clip)?;
    Ok(ClipBatch::try_from(batch)?)
}

fn rows(painted: &Reconstruction, recipe: &Recipe, honest: bool) -> [Row; 3] {
    let normalised = recipe.model.target == trainer::kernels::Target::Normalised;
    let how = match (normalised, honest) {
        (false, _) => "reconstruction",
        (true, false) => "reconstruction, brightness and contrast of each hidden cube given",
        (true, true) => "reconstruction, nothing of the hidden cubes given",
    };
    let hidden = 100.0 * recipe.mask.ratio;
    [
        Row { caption: "original".into(), frames: frames(painted, &painted.original) },
        Row {
            caption: format!("seen by the encoder, {hidden:.0} % hidden"),
            frames: frames(painted, &painted.masked),
        },
        Row { caption: how.into(), frames: frames(painted, &painted.reconstruction) },
    ]
}

fn frames(painted: &Reconstruction, pixels: &[u8]) -> Vec<RgbImage> {
    let (width, height) = (painted.geometry.width(), painted.geometry.height());
    pixels
        .chunks_exact(width * height * 3)
        .map(|frame| {
            RgbImage::from_raw(width as u32, height as u32, frame.to_vec())
                .expect("because a frame has three bytes a pixel")
        })
        .collect()
}

/// Four frames from first to last, or all.
fn columns(recipe: &Recipe, all: bool) -> Vec<usize> {
    let frames = recipe.clip.frames;
    if all || frames <= 4 {
        return (0..frames).collect();
    }
    (0..4).map(|column| column * (frames - 1) / 3).collect()
}
