//! `tubelet reconstruct`: what a model paints, as a picture.

use std::path::PathBuf;

use anyhow::Result;
use image::RgbImage;
use pipeline::dataset::{Dataset, VideoEntry};
use schemas::ClipBatch;
use trainer::{
    Device, Recipe, RunFolder,
    model::{VideoMae, layout},
    reconstruct::{Reconstruction, Statistics},
    weights::Weights,
};

use crate::{
    data,
    report::{self, Usage},
    sheet::{self, Row},
};

/// Paint the hidden nine tenths of a clip: original, what the encoder saw, reconstruction
///
/// A model paints cubes without their brightness and contrast. By default these are taken from the hidden
/// cubes themselves, as in publications, and the picture says so; --honest takes them from the visible
/// cubes alone.
///
/// Example: tubelet reconstruct --run run film.mp4 --out picture.png
#[derive(clap::Args)]
pub struct Arguments {
    /// The run whose newest checkpoint paints
    #[arg(long, value_name = "RUN")]
    run: PathBuf,
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
    let no_run = |why| Usage::new(format!("{} is no run: {why}", arguments.run.display()));
    let run = RunFolder::open(&arguments.run).map_err(no_run)?;
    let recipe = showing_everything(run.recipe()?);
    let batch = clip(&arguments, &recipe)?;

    let model = VideoMae::new(recipe.model_shape()?, &device);
    let checkpoint = run.last_checkpoint()?;
    let step = checkpoint.about.step;
    let tensors = checkpoint.average.unwrap_or(checkpoint.weights);
    let weights = Weights::fit(layout::pretraining(model.shape()), tensors, &device)?;
    let statistics = if arguments.honest { Statistics::Guessed } else { Statistics::True };
    let target = recipe.model.target;
    let painted = trainer::reconstruct::reconstruct(&model, &weights, &batch, target, statistics, &device)?;
    let [painted] = <[Reconstruction; 1]>::try_from(painted)
        .expect("because a batch of one clip gives one reconstruction");

    let title = format!("{}  step {step}", arguments.video.file_name().unwrap_or_default().to_string_lossy());
    let rows = rows(&painted, &recipe, arguments.honest);
    sheet::save(&arguments.out, &title, &rows, &columns(&recipe, arguments.all_frames))?;
    report::say(format_args!("{} written: {}", arguments.out.display(), rows[2].caption));
    Ok(())
}

/// The recipe with one clip a batch, and every hidden cube painted: a decoder mask saves work in training,
/// here it would leave holes.
fn showing_everything(mut recipe: Recipe) -> Recipe {
    recipe.mask.decoder = trainer::recipe::DecoderMask::None;
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
    let normalised = recipe.model.target == trainer::objective::Target::Normalised;
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
