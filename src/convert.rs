//! Weights from one format into another.

use std::path::{Path, PathBuf};

use pipeline::dataset::labels::Classes;
use trainer::{
    checkpoint::{self, Format, Hints, Kind, PixelScale, SavedModel},
    model::{ModelShape, layout::LastNorm},
};

use crate::{
    error::{Result, Usage},
    input_file,
    observer::Observer,
    output_lock,
    weights::{describe, explain, note_assumed},
};

/// A conversion that is asked for.
#[derive(Clone, Debug)]
pub struct Conversion {
    /// The weights: a file or a folder, of any format that is read.
    pub input: PathBuf,
    /// What to write: a file, for Hugging Face a folder.
    pub output: PathBuf,
    /// The format to write.
    pub format: Format,
    /// What the file may not say of its model.
    pub hints: Hints,
    /// Names of a classifier's classes, one per line, if the file has none, or to replace them.
    pub classes: Option<PathBuf>,
}

/// Reads weights and writes them in another format; gives the model that they are.
///
/// # Errors
/// Usage error: no such file, or something about the model that the file does not say. When it cannot be read or
/// written.
pub fn convert(settings: &Conversion, observer: &dyn Observer) -> Result<SavedModel> {
    let Conversion { input, output, format, hints, classes } = settings;
    input_file::check_file_or_folder(input)?;
    let _lock = output_lock::file(output, observer)?;
    let mut model = checkpoint::read_with(input, *hints).map_err(explain)?;
    if let Some(classes) = classes {
        name_classes(&mut model, classes)?;
    }
    checkpoint::write(&model, *format, output, hints.heads).map_err(explain)?;
    note_assumed(&model, &pipeline::names::shown(input), observer);
    for difference in differences(&model, *format) {
        observer
            .note(format_args!("note: the code that reads this layout differs: it computes {difference}"));
    }
    Ok(model)
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
    input_file::check_file(file)?;
    let classes = Classes::read(file).map_err(|why| Usage::new(why.to_string()))?;
    match model.kind {
        Kind::Classifier { classes: head } if head == classes.len() => {
            model.labels = classes.names().to_vec();
            Ok(())
        }
        Kind::Classifier { classes: head } => Err(Usage::new(format!(
            "{} names {} classes, the head has {head}",
            pipeline::names::shown(file),
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
