//! `tubelet convert`: weights from one format into another.

use std::path::PathBuf;

use anyhow::Result;
use trainer::checkpoint::{Format, Heads, Hints};

use crate::{
    Conversion,
    command::{arguments, report, terminal::Terminal},
    weights::describe,
};

/// Convert weights between the official, the Hugging Face and tubelet's own format
///
/// The format of IN is recognised by its content: an official .pth, a Hugging Face folder, a checkpoint of
/// tubelet, or the folder of a run (its newest checkpoint). Every tensor must be there and of the right
/// shape, and none may be left over. Shards are read by their index. Values keep their bits; the state of the
/// optimiser is not converted. The names of classes, the epsilons of the norms, and the scale of pixels are
/// kept, also if the layout has no place for them.
///
/// Example: tubelet convert run --to hf model
#[derive(clap::Args)]
pub struct Arguments {
    /// The weights to read: a file or a folder
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// What to write: a file, or a folder for hf
    #[arg(value_name = "OUT")]
    output: PathBuf,
    /// The format to write
    #[arg(long, value_name = "FORMAT")]
    to: To,
    /// Attention heads of the encoder (and the decoder), if an official file's widths do not tell them
    #[arg(long, value_name = "N[,M]", value_parser = arguments::heads)]
    heads: Option<Heads>,
    /// Frames of a clip, if the file does not say (default: 16)
    #[arg(long, value_name = "N")]
    frames: Option<usize>,
    /// Side of a frame in pixels, or height and width, if the file does not say (default: 224)
    #[arg(long, value_name = "S|HxW", value_parser = arguments::sides)]
    size: Option<[usize; 2]>,
    /// Names of a classifier's classes, one per line, if the file has none, or to replace them
    #[arg(long, value_name = "CLASSES.TXT")]
    classes: Option<PathBuf>,
    /// Print one JSON object: what was written, and what model it is
    #[arg(long)]
    json: bool,
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
    let wanted = Conversion {
        input: arguments.input.clone(),
        output: arguments.output.clone(),
        format: match arguments.to {
            To::Official => Format::Official,
            To::Hf => Format::HuggingFace,
            To::Tubelet => Format::Tubelet,
        },
        hints: Hints { heads: arguments.heads, frames: arguments.frames, sides: arguments.size },
        classes: arguments.classes.clone(),
    };
    let model = crate::convert(&wanted, &Terminal::default())?;
    let out = pipeline::names::shown(&wanted.output);
    report::say(format_args!("done: {out}: {}", describe(&model)));
    if arguments.json {
        println!("{}", serde_json::json!({ "out": out, "model": describe(&model), "classes": model.labels }));
    }
    Ok(())
}
