//! What several commands take, as it is typed, and what it means to the library.

use std::path::{Path, PathBuf};

use crate::{
    data::{labels::settings::LabelSettings, list::List, mixture},
    inference::model::{ModelSettings, TOGETHER},
    machine::{MOST_WORKERS, default_workers},
    recipe_choice::{RecipeChoice, RecipeSource},
    run::settings::RunSettings,
};
use pipeline::dataset::{labels::folders::ClassLevel, list_file::Columns};
use trainer::checkpoint::{Heads, Hints};

/// VIDEOS: files, folders (searched to the bottom), globs, list files (`path label` lines), a manifest.
#[derive(clap::Args)]
pub struct Videos {
    /// Files, folders (searched recursively), globs, list files with `path label` lines, or a
    /// manifest.parquet
    #[arg(value_name = "VIDEOS", required = true)]
    pub videos: Vec<PathBuf>,
    #[command(flatten)]
    pub columns: ColumnArguments,
}

impl Videos {
    /// The videos, lists with the names of their columns.
    pub fn given(&self) -> Vec<PathBuf> {
        self.columns.of(&self.videos)
    }
}

/// What the columns of lists are called.
#[derive(clap::Args)]
pub struct ColumnArguments {
    /// What the columns of list files are called, if not path, label, start and stop (frames), start_seconds
    /// and stop_seconds: `path=clip,start_seconds=from,stop_seconds=to,label=action`
    #[arg(long, value_name = "NAMES", value_parser = columns)]
    columns: Option<String>,
}

impl ColumnArguments {
    /// `given`, the lists among it with the names of their columns.
    pub fn of(&self, given: &[PathBuf]) -> Vec<PathBuf> {
        let named = |path: &PathBuf| match &self.columns {
            Some(columns) => mixture::with_columns(path, columns),
            None => path.clone(),
        };
        given.iter().map(named).collect()
    }

    /// A split, its lists with the names of their columns.
    pub fn of_split(&self, split: Option<&String>) -> Option<String> {
        let part = |word: &str| match word.split_once('=') {
            Some((part, list)) => {
                let named = self.columns.as_ref().map(|columns| List::with_columns(Path::new(list), columns));
                format!("{part}={}", named.unwrap_or_else(|| list.into()).display())
            }
            None => word.to_owned(),
        };
        split.map(|split| split.split(',').map(part).collect::<Vec<_>>().join(","))
    }
}

/// `path=FILE,label=ACTION`, as it is typed.
fn columns(text: &str) -> Result<String, String> {
    text.parse::<Columns>().map(|_| text.to_owned())
}

/// A recipe and changes to it.
#[derive(clap::Args)]
pub struct RecipeArguments {
    /// A built-in recipe's name, or a TOML file
    #[arg(long, value_name = "NAME|FILE")]
    pub recipe: Option<String>,
    /// Change a setting, such as `model.size=small`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Precision of matrix products, f32 or bf16; the same as `--set model.precision=P`
    #[arg(long, value_name = "P")]
    pub precision: Option<String>,
}

impl RecipeArguments {
    /// The recipe that they mean.
    pub fn choice(&self) -> RecipeChoice {
        let source = match &self.recipe {
            None => RecipeSource::Fitting,
            Some(name) => RecipeSource::Named(name.clone()),
        };
        RecipeChoice { source, set: self.set.clone(), precision: self.precision.clone() }
    }
}

/// Where classes come from. Without any of it: what stands behind each path of a list, or the first folder below
/// the one that is given.
#[derive(clap::Args, Clone, Debug)]
pub struct LabelArguments {
    /// Names of the classes, one per line, in the order of their numbers
    #[arg(long, value_name = "CLASSES.TXT")]
    pub classes: Option<PathBuf>,
    /// A CSV or Parquet file with the paths and classes of the videos, joined by path; `FILE:COLUMN` names
    /// the column of classes. For several labels per video, a cell of `FILE:COLUMN` has them separated by
    /// `|`, or `FILE:A,B,…` names one column of 0 and 1 per class. For regression, `FILE:A,B,…` names the
    /// columns of numbers. `FILE:*` means all columns
    #[arg(long, value_name = "FILE[:COLUMN]")]
    pub labels: Option<String>,
    /// Which folder is the class: 1 is the first below the given folder, 0 the given folder itself, `parent`
    /// the folder that contains the video
    #[arg(long, value_name = "N|parent")]
    pub class_level: Option<ClassLevel>,
    /// Leave out videos without a class, instead of failing
    #[arg(long)]
    pub only_labelled: bool,
}

impl LabelArguments {
    /// The classes that they mean.
    pub fn settings(&self) -> LabelSettings {
        LabelSettings {
            classes: self.classes.clone(),
            labels: self.labels.clone(),
            class_level: self.class_level,
            only_labelled: self.only_labelled,
            ..LabelSettings::default()
        }
    }
}

/// Arguments that every training takes.
#[derive(clap::Args)]
pub struct RunArguments {
    /// The folder of the run
    #[arg(long, value_name = "RUN")]
    pub out: PathBuf,
    #[command(flatten)]
    pub recipe: RecipeArguments,
    /// Device to compute on: flex (the CPU, in pure Rust), or another device of this build
    #[arg(long, default_value = "flex")]
    pub device: String,
    /// Total number of steps to train, instead of the recipe's epochs. The run records it; with --resume,
    /// another number changes the length, and the learning rate schedule with it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=MOST_STEPS))]
    pub steps: Option<u64>,
    /// Continue from the newest checkpoint in RUN with the settings of the run (RUN/run.json; `tubelet
    /// inspect run RUN` shows them). Options that contradict them are refused; permitted changes are recorded
    #[arg(long)]
    pub resume: bool,
    /// Continue from the checkpoint of this step instead of the newest, which may be damaged; later checkpoints
    /// are renamed to checkpoint-STEP.safetensors.aside
    #[arg(long, value_name = "STEP")]
    pub resume_from: Option<u64>,
    /// Number of threads that decode
    #[arg(long, value_name = "N", default_value_t = default_workers(), value_parser = workers)]
    pub workers: usize,
    /// Print one JSON object at the end: how it ended, the last checkpoint, the losses, and the test where there
    /// is one
    #[arg(long)]
    pub json: bool,
}

impl RunArguments {
    /// The run that they mean.
    pub fn settings(&self) -> RunSettings {
        RunSettings {
            out: self.out.clone(),
            recipe: self.recipe.choice(),
            device: self.device.clone(),
            steps: self.steps,
            resume: self.resume,
            resume_from: self.resume_from,
            workers: self.workers,
        }
    }
}

/// What a file of weights may not say of its model.
#[derive(clap::Args)]
pub struct LengthArguments {
    /// Attention heads of the encoder (and the decoder), if an official file's widths do not tell them
    #[arg(long, value_name = "N[,M]", value_parser = heads, help_heading = "Input of the model")]
    heads: Option<Heads>,
    /// Frames of a clip, if the file does not say, or to use another number
    #[arg(long, value_name = "N", help_heading = "Input of the model")]
    frames: Option<usize>,
    /// Side of a frame in pixels, or height and width, if the file does not say, or to use another size
    #[arg(long, value_name = "S|HxW", value_parser = sides, help_heading = "Input of the model")]
    size: Option<[usize; 2]>,
}

impl LengthArguments {
    /// What a person says of the model.
    pub fn hints(&self) -> Hints {
        Hints { heads: self.heads, frames: self.frames, sides: self.size }
    }
}

/// Which model, and how it is computed.
#[derive(clap::Args)]
pub struct ModelArguments {
    /// The model: a run (its newest checkpoint), a checkpoint, an official .pth, or a Hugging Face folder
    #[arg(long, value_name = "RUN|FILE")]
    pub model: Option<PathBuf>,
    #[command(flatten)]
    lengths: LengthArguments,
    #[command(flatten)]
    recipe: RecipeArguments,
    /// Device to compute on: flex (the CPU, in pure Rust), or another device of this build
    #[arg(long, default_value = "flex")]
    device: String,
    /// Number of clips that the model computes at once
    #[arg(long, value_name = "N", default_value_t = TOGETHER, value_parser = clips)]
    pub batch: usize,
    /// Number of threads that decode
    #[arg(long, value_name = "N", default_value_t = default_workers(), value_parser = workers)]
    pub workers: usize,
}

impl ModelArguments {
    /// The model that they mean.
    pub fn settings(&self) -> ModelSettings {
        ModelSettings {
            model: self.model.clone(),
            hints: self.lengths.hints(),
            recipe: self.recipe.choice(),
            device: self.device.clone(),
            batch: self.batch,
            workers: self.workers,
        }
    }
}

/// Steps of a run: what a number of floating point counts one by one, in ten thousand years.
pub const MOST_STEPS: u64 = 1 << 48;

/// A number of threads.
///
/// # Errors
/// When it is no number up to 1024.
pub fn workers(text: &str) -> Result<usize, String> {
    up_to(MOST_WORKERS, text)
}

/// A number of clips that are computed at once, or of repetitions.
///
/// # Errors
/// When it is no number up to 65536.
pub fn clips(text: &str) -> Result<usize, String> {
    up_to(1 << 16, text)
}

fn up_to(most: usize, text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|&number| number <= most);
    number.ok_or_else(|| format!("`{text}` is not a number from 0 to {most}"))
}

/// `5x3`: clips along time, and crops of each.
///
/// # Errors
/// When it is not two numbers from 1 to 1024.
pub fn views(text: &str) -> Result<[u32; 2], String> {
    let wrong = || format!("`{text}` is no number of clips and crops such as 5x3");
    let number = |text: &str| text.parse().ok().filter(|number| (1..=1 << 10).contains(number));
    let (clips, crops) = text.split_once(['x', '×']).ok_or_else(wrong)?;
    Ok([number(clips).ok_or_else(wrong)?, number(crops).ok_or_else(wrong)?])
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
    fn views_are_two_counts() {
        assert_eq!(views("5x3"), Ok([5, 3]));
        assert_eq!(views("1×1"), Ok([1, 1]));
        for wrong in ["5", "0x3", "5x", "axb", "5x2000"] {
            assert!(views(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn counts_have_bounds() {
        assert_eq!((workers("1024"), clips("65536")), (Ok(1024), Ok(65536)));
        for wrong in ["1025", "100000", "-1", "many", "18446744073709551616"] {
            assert_eq!(workers(wrong).unwrap_err(), format!("`{wrong}` is not a number from 0 to 1024"));
        }
    }

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
