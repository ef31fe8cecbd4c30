//! `tubelet convert`: weights from one format into another.

use std::path::PathBuf;

use anyhow::Result;
use trainer::checkpoint::{self, Format, Heads, Hints, Kind, SavedModel};

use crate::{
    report::{self, Usage},
    weights::{describe, explain},
};

/// Move weights between the official, the Hugging Face and tubelet's own format
///
/// IN is sniffed by its content: an official .pth, a Hugging Face folder, a checkpoint of tubelet, or the
/// folder of a run (its newest checkpoint). Every tensor must be there, of the right shape, and none left
/// over. Values keep their bits; what an optimiser needs is left behind.
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
    let model = checkpoint::read_with(input, hints).map_err(explain)?;
    let format = match arguments.to {
        To::Official => Format::Official,
        To::Hf => Format::HuggingFace,
        To::Tubelet => Format::Tubelet,
    };
    checkpoint::write(&model, format, output, *heads).map_err(explain)?;
    if !model.assumed.is_empty() {
        let assumed = model.assumed.join(", ");
        report::say(format_args!(
            "note: not said in {} and taken for granted (--heads, --frames, --size): {assumed}",
            input.display()
        ));
    }
    if let Some(note) = epsilons(&model, format) {
        report::say(note);
    }
    report::say(format_args!("done: {}: {}", output.display(), describe(&model)));
    Ok(())
}

/// The other code's epsilons, where they are not those that the model was made with.
fn epsilons(model: &SavedModel, format: Format) -> Option<String> {
    let ours = model.shape.epsilons;
    let last = match format {
        Format::Official => 1e-6,
        Format::HuggingFace => 1e-5,
        Format::Tubelet => return None,
    };
    let norm = match model.kind {
        Kind::Pretraining => "decoder.norm",
        Kind::Classifier { .. } => "fc_norm",
        Kind::Encoder { .. } => return None,
    };
    (ours.last != last).then(|| {
        format!(
            "note: the code that reads this layout computes {norm} with epsilon {last:e}, not {:e}",
            ours.last
        )
    })
}

/// `12`, or `12,6`.
fn heads(text: &str) -> Result<Heads, String> {
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
fn sides(text: &str) -> Result<[usize; 2], String> {
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
