//! `tubelet reconstruct`: what a model predicts for hidden cubes, as a picture.

mod errors;

use std::path::PathBuf;

use anyhow::Result;
use schemas::settings::MaskKind;
use serde::{Deserialize as _, de::IntoDeserializer as _};

use crate::{
    Reconstructing,
    command::{
        arguments::{LengthArguments, RecipeArguments},
        report,
        terminal::Terminal,
    },
    inference::shown::{Given, Masked, Shown},
    output_lock,
};

/// Draw a clip, what the encoder saw of it, and the reconstruction of what was hidden
///
/// A model predicts cubes without their brightness and contrast. By default these are taken from the hidden
/// cubes themselves, as in publications, and the picture says so; --honest estimates them from the visible
/// cubes.
///
/// With --given the model sees whole frames, or a picture, and draws what came before and after; with --mask it
/// sees what another mask leaves. Both print how far it is off, by distance from what it saw, beside the nearest
/// given frame and the mean of the given frames.
///
/// Example: tubelet reconstruct --model run film.mp4 --given middle --out film.gif
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
    /// The video, or a picture
    video: Option<PathBuf>,
    /// What the model sees: `first`, `middle` or `last` frame of the clip, frames such as `0,8` (from 0; each with
    /// the other one of its cube), or a picture in place of the video's first frame
    #[arg(long, value_name = "FRAMES|PICTURE", conflicts_with_all = ["mask", "ratio", "seed"])]
    given: Option<Given>,
    /// Mask to hide with, instead of the recipe's: tube, random, frame, block
    #[arg(long, value_name = "KIND", value_parser = mask_kind)]
    mask: Option<MaskKind>,
    /// Share that the mask hides, instead of the recipe's
    #[arg(long, value_name = "R")]
    ratio: Option<f64>,
    /// Seed of the mask: another number draws another mask of the same clip
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// The picture to write: a .png; or an animated .gif, a .mp4 or a .webm
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Use no statistics of the hidden cubes
    #[arg(long)]
    honest: bool,
    /// Show every frame of the clip in the PNG, instead of four (eight with --given)
    #[arg(long)]
    all_frames: bool,
    /// Number of the clip: another number draws other frames, another crop and mask
    #[arg(long, value_name = "N", default_value_t = 0)]
    clip: u64,
    /// Where to compute
    #[arg(long, default_value = "flex")]
    device: String,
    /// Print one JSON object: the picture, the captions of its rows, and the errors by distance
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
        shown: shown(arguments),
        honest: arguments.honest,
        clip: arguments.clip,
        device: arguments.device.clone(),
    };
    let terminal = Terminal::default();
    let _lock = output_lock::file(&arguments.out, &terminal)?;
    let found = crate::reconstruct(&wanted, &terminal)?;
    found.save(&arguments.out, arguments.all_frames)?;
    let caption =
        found.rows.iter().find(|row| row.caption.starts_with("reconstruction")).map(|row| &row.caption);
    let caption = caption.map_or("", String::as_str);
    report::say(format_args!("{} written: {caption}", pipeline::names::shown(&arguments.out)));
    if arguments.json {
        let rows: Vec<&str> = found.rows.iter().map(|row| row.caption.as_str()).collect();
        let out = pipeline::names::shown(&arguments.out);
        let mut json = serde_json::json!({ "out": out, "title": found.title, "rows": rows });
        if let Some(found) = &found.errors {
            json["errors"] = errors::json(found);
        }
        println!("{json}");
    } else if let Some(found_errors) = &found.errors {
        print!("{}", errors::table(found_errors, found.target));
    }
    Ok(())
}

/// What the model is shown.
fn shown(arguments: &Arguments) -> Shown {
    let Arguments { given, mask, ratio, seed, .. } = arguments;
    match given {
        Some(given) => Shown::Given(given.clone()),
        None if mask.is_none() && ratio.is_none() && seed.is_none() => Shown::AsTrained,
        None => Shown::Masked(Masked { kind: *mask, ratio: *ratio, seed: *seed }),
    }
}

/// The word of `mask.kind`.
fn mask_kind(word: &str) -> Result<MaskKind, String> {
    MaskKind::deserialize(word.into_deserializer()).map_err(|why: serde::de::value::Error| why.to_string())
}
