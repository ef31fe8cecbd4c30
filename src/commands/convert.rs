//! `tubelet convert`: weights from one format into another.

use std::path::{Path, PathBuf};

use anyhow::Result;
use pipeline::dataset::labels::Classes;
use trainer::{
    checkpoint::{self, Format, Heads, Hints, Kind, PixelScale, SavedModel},
    model::{ModelShape, layout::LastNorm},
};

use crate::{
    report::{self, Usage},
    weights::{describe, explain, say_notes},
};

/// Move weights between the official, the Hugging Face and tubelet's own format
///
/// IN is sniffed by its content: an official .pth, a Hugging Face folder, a checkpoint of tubelet, or the
/// folder of a run (its newest checkpoint). Every tensor must be there, of the right shape, and none left
/// over. Shards are read by their index. Values keep their bits; what an optimiser needs is left behind. Names of classes, the norms' epsilons and
/// how pixels are scaled go along, also where the layout has no place for them.
///
/// Example: tubelet convert run --to hf model
#[derive(clap::Args)]
pub struct Arguments {
    /// The weights: a file or a folder
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// What to write: a file, for hf a folder
    #[arg(value_name = "OUT")]
    output: PathBuf,
    /// The format to write
    #[arg(long, value_name = "FORMAT")]
    to: To,
    /// Attention heads of the encoder (and the decoder), where an official file's widths do not tell them
    #[arg(long, value_name = "N[,M]", value_parser = heads)]
    heads: Option<Heads>,
    /// Frames of a clip, where the file does not say them (16 otherwise)
    #[arg(long, value_name = "N")]
    frames: Option<usize>,
    /// Side of a frame in pixels, or height and width, where the file does not say them (224 otherwise)
    #[arg(long, value_name = "S|HxW", value_parser = sides)]
    size: Option<[usize; 2]>,
    /// Names of a classifier's classes, one a line, where the file has none or others
    #[arg(long, value_name = "CLASSES.TXT")]
    classes: Option<PathBuf>,
}

/// Names of the formats.
#[derive(Clone, Copy, clap::ValueEnum)]
enum To {
    /// A .pth in the official layout
    Official,
    /// A folder for `from_pretrained` of transformers
    Hf,
    /// tubelet's own safetensors file
    Tubelet,
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { input, output, heads, frames, size, .. } = arguments;
    if !input.exists() {
        return Err(Usage::new(format!("{}: no such file or folder", input.display())).into());
    }
    let hints = Hints { heads: *heads, frames: *frames, sides: *size };
    let mut model = checkpoint::read_with(input, hints).map_err(explain)?;
    if let Some(classes) = &arguments.classes {
        name_classes(&mut model, classes)?;
    }
    let format = match arguments.to {
        To::Official => Format::Official,
        To::Hf => Format::HuggingFace,
        To::Tubelet => Format::Tubelet,
    };
    checkpoint::write(&model, format, output, *heads).map_err(explain)?;
    say_notes(&model, &input.display().to_string());
    for difference in differences(&model, format) {
        report::say(format_args!("note: the code that reads this layout computes {difference}"));
    }
    report::say(format_args!("done: {}: {}", output.display(), describe(&model)));
    Ok(())
}

/// What the code that reads this layout computes otherwise than the model was made, whatever stands beside the
/// weights.
fn differences(model: &SavedModel, format: Format) -> Vec<String> {
    let ModelShape { geometry, epsilons, .. } = model.shape;
    let (blocks, last, pixels) = match format {
        Format::Official => (1e-6, 1e-6, PixelScale::IMAGENET),
        // Its epsilon of the blocks and its scale of pixels are written.
        Format::HuggingFace => (epsilons.blocks, 1e-5, model.pixels),
        Format::Tubelet => return Vec::new(),
    };
    let norm = match model.kind {
        Kind::Pretraining => Some("decoder.norm"),
        Kind::Classifier { .. } => Some("fc_norm"),
        Kind::Encoder { last_norm: LastNorm::OfMean } => Some("fc_norm"),
        Kind::Encoder { .. } => None,
    };
    let mut found = Vec::new();
    if blocks != epsilons.blocks {
        found.push(format!("the norms of its blocks with epsilon {blocks:e}, not {:e}", epsilons.blocks));
    }
    if let Some(norm) = norm.filter(|_| last != epsilons.last) {
        let ours = epsilons.last;
        let remedy = if format == Format::HuggingFace {
            format!(" (`model.{norm}.eps = {ours:e}`)")
        } else {
            String::new()
        };
        found.push(format!("{norm} with epsilon {last:e}, not {ours:e}{remedy}"));
    }
    if pixels != model.pixels {
        found.push(format!(
            "pixels scaled by ImageNet's mean and deviation, not by {:?} and {:?}",
            model.pixels.mean, model.pixels.std
        ));
    }
    if let Some([t, h, w]) = model.stretched_from {
        let [time, height, width] = geometry.grid();
        found.push(format!(
            "positions of a table for {time}×{height}×{width} cubes, not one stretched from {t}×{h}×{w}"
        ));
    }
    found
}

/// Gives a classifier these names of classes.
fn name_classes(model: &mut SavedModel, file: &Path) -> Result<()> {
    let classes = Classes::read(file).map_err(|why| Usage::new(why.to_string()))?;
    match model.kind {
        Kind::Classifier { classes: head } if head == classes.len() => {
            model.labels = classes.names().to_vec();
            Ok(())
        }
        Kind::Classifier { classes: head } => Err(Usage::new(format!(
            "{} names {} classes, the head has {head}",
            file.display(),
            classes.len()
        ))
        .into()),
        Kind::Pretraining | Kind::Encoder { .. } => Err(Usage::new(format!(
            "--classes names those of a classifier, and this is an {}",
            describe(model)
        ))
        .into()),
    }
}

/// `12`, or `12,6`.
///
/// # Errors
/// When it is neither.
pub fn heads(text: &str) -> Result<Heads, String> {
    let number = |text: &str| match text.trim().parse() {
        Ok(0) | Err(_) => Err(format!("`{text}` is no number of heads")),
        Ok(heads) => Ok(heads),
    };
    Ok(match text.split_once(',') {
        Some((encoder, decoder)) => Heads { encoder: number(encoder)?, decoder: Some(number(decoder)?) },
        None => Heads { encoder: number(text)?, decoder: None },
    })
}

/// `224`, or `112x224`.
///
/// # Errors
/// When it is neither.
pub fn sides(text: &str) -> Result<[usize; 2], String> {
    let number = |text: &str| text.parse().map_err(|_| format!("`{text}` is no number of pixels"));
    Ok(match text.split_once('x') {
        Some((height, width)) => [number(height)?, number(width)?],
        None => [number(text)?; 2],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_one_number_or_two() {
        assert_eq!(heads("12"), Ok(Heads { encoder: 12, decoder: None }));
        assert_eq!(heads("12,6"), Ok(Heads { encoder: 12, decoder: Some(6) }));
        assert!(heads("0").is_err() && heads("12,").is_err() && heads("many").is_err());
    }

    #[test]
    fn a_size_is_a_side_or_height_and_width() {
        assert_eq!(sides("224"), Ok([224, 224]));
        assert_eq!(sides("112x224"), Ok([112, 224]));
        assert!(sides("112x").is_err());
    }
}
