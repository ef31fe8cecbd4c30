//! `tubelet reconstruct`: what a model predicts for hidden cubes, as a picture.

use std::path::PathBuf;

use anyhow::Result;

use crate::{
    Reconstructing,
    command::{
        arguments::{LengthArguments, RecipeArguments},
        report,
        terminal::Terminal,
    },
    output_lock,
};

/// Draw a clip, what the encoder saw of it, and the reconstruction of what was hidden
///
/// A model predicts cubes without their brightness and contrast. By default these are taken from the hidden
/// cubes themselves, as in publications, and the picture says so; --honest estimates them from the visible
/// cubes.
///
/// Example: tubelet reconstruct --model run film.mp4 --out picture.png
#[derive(clap::Args)]
pub struct Arguments {
    /// The model, which must have a decoder: a run (its newest checkpoint), a checkpoint, an official .pth,
    /// or a Hugging Face folder
    #[arg(long, visible_alias = "run", value_name = "RUN|FILE")]
    model: PathBuf,
    #[command(flatten)]
    lengths: LengthArguments,
    #[command(flatten)]
    recipe: RecipeArguments,
    /// The video
    video: PathBuf,
    /// The picture to write: a .png, or an animated .gif
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Use no statistics of the hidden cubes
    #[arg(long)]
    honest: bool,
    /// Show every frame of the clip in the PNG, instead of four
    #[arg(long)]
    all_frames: bool,
    /// Number of the clip: another number draws other frames, another crop and mask
    #[arg(long, value_name = "N", default_value_t = 0)]
    clip: u64,
    /// Where to compute
    #[arg(long, default_value = "flex")]
    device: String,
    /// Print one JSON object: the picture, and the captions of its rows
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<()> {
    let wanted = Reconstructing {
        model: arguments.model.clone(),
        hints: arguments.lengths.hints(),
        recipe: arguments.recipe.choice(),
        video: arguments.video.clone(),
        honest: arguments.honest,
        clip: arguments.clip,
        device: arguments.device.clone(),
    };
    let terminal = Terminal::default();
    let _lock = output_lock::file(&arguments.out, &terminal)?;
    let found = crate::reconstruct(&wanted, &terminal)?;
    found.save(&arguments.out, arguments.all_frames)?;
    report::say(format_args!(
        "{} written: {}",
        pipeline::names::shown(&arguments.out),
        found.rows[2].caption
    ));
    if arguments.json {
        let rows = found.rows.each_ref().map(|row| &row.caption);
        let out = pipeline::names::shown(&arguments.out);
        println!("{}", serde_json::json!({ "out": out, "title": found.title, "rows": rows }));
    }
    Ok(())
}
