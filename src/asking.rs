//! A model that is asked, not trained: which weights, what they look at, where it is computed, and the clips of
//! one video after the other.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use arrow::{array::RecordBatch, compute::concat_batches};
use pipeline::{dataset::labels::Classes, loader::channel::Batches, sampling::labelled::Spread};
use schemas::LabelledBatch;
use schemas::settings::{ShortSegments, Verify};
use trainer::{
    Device, Recipe, RunFolder,
    checkpoint::{self, Heads, Hints, Kind, SavedModel},
};

use crate::{
    arguments::{self, RecipeArguments},
    commands::convert,
    labelled_data,
    report::{self, Usage},
    weights,
};

/// Clips that a model looks at together where nobody says how many.
const TOGETHER: usize = 8;

/// What a file of weights may not say of its model.
#[derive(clap::Args)]
pub struct LengthArguments {
    /// Attention heads of the encoder (and the decoder), where an official file's widths do not tell them
    #[arg(long, value_name = "N[,M]", value_parser = convert::heads, help_heading = "What the model looks at")]
    heads: Option<Heads>,
    /// Frames of a clip, where the file does not say them or others are wanted
    #[arg(long, value_name = "N", help_heading = "What the model looks at")]
    frames: Option<usize>,
    /// Side of a frame in pixels, or height and width, where the file does not say them or others are wanted
    #[arg(long, value_name = "S|HxW", value_parser = convert::sides, help_heading = "What the model looks at")]
    size: Option<[usize; 2]>,
}

impl LengthArguments {
    /// What a person says of the model.
    pub fn hints(&self) -> Hints {
        Hints { heads: self.heads, frames: self.frames, sides: self.size }
    }
}

/// Which model is asked.
#[derive(clap::Args)]
pub struct ModelArguments {
    /// The weights: a run (its newest checkpoint), a checkpoint, an official .pth, or a Hugging Face folder
    #[arg(long, value_name = "RUN|FILE")]
    pub model: Option<PathBuf>,
    #[command(flatten)]
    lengths: LengthArguments,
    #[command(flatten)]
    recipe: RecipeArguments,
    /// Where to compute: flex (this processor), or another that this build has
    #[arg(long, default_value = "flex")]
    device: String,
    /// Clips that the model looks at together
    #[arg(long, value_name = "N", default_value_t = TOGETHER)]
    pub batch: usize,
    /// Threads that decode
    #[arg(long, value_name = "N", default_value_t = arguments::default_workers())]
    pub workers: usize,
}

/// A model that was read, and the settings it is asked by.
pub struct Asked {
    /// The model.
    pub model: SavedModel,
    /// Those it was trained by, where that is known; clips are the model's.
    pub recipe: Recipe,
    /// Where it is computed.
    pub device: Device,
}

impl ModelArguments {
    /// Reads the model and says which it is. `frames` go before what the file says, and `--frames` before them.
    ///
    /// # Errors
    /// Asked wrongly: no such file, settings that do not fit; when the file cannot be read.
    pub fn open(&self, frames: Option<usize>) -> Result<Asked> {
        let device = self.device()?;
        let Some(path) = &self.model else {
            return Err(Usage::new("no model is named").hint("--model RUN or --model FILE").into());
        };
        if !path.exists() {
            return Err(Usage::new(format!("{}: no such file or folder", path.display())).into());
        }
        let hints = self.lengths.hints();
        let hints = Hints { frames: hints.frames.or(frames), ..hints };
        let mut model = checkpoint::read_with(path, hints).map_err(weights::explain)?;
        let mut recipe = self.recipe.resolve_from(|| recipe_of(&model, path))?;
        check_settings(&self.recipe.set, &recipe)?;
        // What a person says goes before what the file says: a `.pth` from elsewhere does not say it.
        if sets(&self.recipe.set, "classifier.problem_type") {
            model.problem_type = recipe.classifier.problem_type;
        }
        let clip = model.shape.geometry;
        (recipe.clip.frames, recipe.clip.tubelet) = (clip.frames(), clip.tubelet());
        (recipe.clip.size, recipe.clip.width) = (clip.height(), clip.width());
        recipe.model.patch = clip.patch();
        report::say(format_args!("model: {} ({})", which(path), weights::describe(&model)));
        weights::say_notes(&model, "the file");
        Ok(Asked { model, recipe, device })
    }

    /// The settings that views are made by where no model is asked, or one that is only drawn: the recipe that is
    /// named, `default` otherwise; and where it is computed.
    ///
    /// # Errors
    /// Asked wrongly: settings that do not fit.
    pub fn unmade(&self, default: Recipe) -> Result<(Recipe, Device)> {
        let device = self.device()?;
        let mut recipe = self.recipe.resolve_from(|| Ok(nothing_unseen(default)))?;
        recipe.clip.frames = self.lengths.frames.unwrap_or(recipe.clip.frames);
        if let Some([height, width]) = self.lengths.size {
            (recipe.clip.size, recipe.clip.width) = (height, width);
        }
        check_views(&recipe)?;
        arguments::check(&recipe)?;
        Ok((recipe, device))
    }

    /// Names the model in an error that is its fault: what it gives is no number.
    pub fn named_in(&self, why: anyhow::Error) -> anyhow::Error {
        match &self.model {
            Some(path) if weights::is_not_finite(&why) => why.context(format!("model {}", path.display())),
            _ => why,
        }
    }

    /// Where it is computed, after a look at how many clips together.
    fn device(&self) -> Result<Device> {
        if self.batch == 0 {
            return Err(Usage::new("`--batch 0` is no clip at all").into());
        }
        Ok(Device::parse(&self.device).map_err(|why| Usage::new(why.to_string()))?)
    }
}

impl Asked {
    /// Names of the model's classes; numbers where it has none.
    ///
    /// # Errors
    /// Asked wrongly: it is no classifier.
    pub fn classes(&self) -> Result<Classes> {
        let Kind::Classifier { classes } = self.model.kind else {
            return Err(Usage::new(format!(
                "the model is no classifier: {}",
                weights::describe(&self.model)
            ))
            .hint("`tubelet finetune` makes one of it")
            .into());
        };
        if self.model.labels.len() == classes {
            return Ok(Classes::of(self.model.labels.clone()));
        }
        Ok(Classes::numbered(classes))
    }
}

/// The settings that a model was trained by.
fn recipe_of(model: &SavedModel, path: &Path) -> Result<Recipe> {
    let text = &model.about.recipe;
    if text.is_empty() {
        return Ok(nothing_unseen(Recipe::default()));
    }
    let recipe = Recipe::from_toml(text);
    let recipe = recipe.with_context(|| format!("the recipe in {} cannot be used", path.display()))?;
    Ok(nothing_unseen(recipe))
}

/// Nothing is decoded that no view shows, unless somebody asks for it (`--set clip.verify=video`).
fn nothing_unseen(mut recipe: Recipe) -> Recipe {
    recipe.clip.verify = Verify::Clip;
    recipe
}

/// Whether a setting is among those that are changed.
fn sets(set: &[String], key: &str) -> bool {
    set.iter().any(|change| change.split('=').next().is_some_and(|name| name.trim() == key))
}

/// Refuses settings that are the model's, and views that are none.
fn check_settings(set: &[String], recipe: &Recipe) -> Result<()> {
    for (key, instead) in [("clip.frames", "--frames"), ("clip.size", "--size"), ("clip.width", "--size HxW")]
    {
        if sets(set, key) {
            return Err(Usage::new(format!("`{key}` is the model's"))
                .hint(format!("{instead} says another"))
                .into());
        }
    }
    check_views(recipe)
}

/// Refuses views that are none.
fn check_views(recipe: &Recipe) -> Result<()> {
    for (key, value) in [("views.clips", recipe.views.clips), ("views.crops", recipe.views.crops)] {
        if !(1..=1 << 10).contains(&value) {
            return Err(Usage::new(format!("`{key} = {value}` is not from 1 to 1024")).into());
        }
    }
    if recipe.clip.stride == 0 || recipe.clip.stride > 1 << 16 {
        return Err(Usage::new(format!("`clip.stride = {}` is no stride", recipe.clip.stride)).into());
    }
    Ok(())
}

/// The file that a path to a model means, and what else could be meant.
fn which(path: &Path) -> String {
    let shown = path.display().to_string();
    let Ok(run) = RunFolder::open(path) else { return shown };
    let Ok(Some(point)) = run.resume_point() else { return shown };
    let best = run.best_path();
    let other = if best.is_file() {
        format!("; the best in validation is {}", best.display())
    } else {
        String::new()
    };
    format!("{}, the newest of the run{other}", point.checkpoint.display())
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

/// What a count of 1 means, for which the published formulas divide by zero.
pub fn say_single_views(recipe: &Recipe) {
    if recipe.views.clips == 1 {
        report::say("1 clip a video: the middle one, as in validation (the published formula needs two)");
    }
    if recipe.views.crops == 1 {
        report::say("1 crop a clip: the centre (the published formula needs two)");
    }
}

/// How the views of a video are made, in words that change when they do.
pub fn views_in_words(recipe: &Recipe) -> String {
    let frames = recipe.clip.frames;
    let clips = match labelled_data::spread(recipe) {
        Spread::Dense { stride } => format!("test clips of {frames} frames, {stride} apart"),
        Spread::Segments { short: ShortSegments::All } => format!("test clips of {frames} segments"),
        Spread::Segments { short: ShortSegments::First } => {
            format!("test clips of {frames} segments, frame 0 of short videos")
        }
    };
    format!("{clips}; {}", pixels_in_words(recipe))
}

/// How a frame becomes the pixels that a model was trained on, in words.
pub fn pixels_in_words(recipe: &Recipe) -> String {
    let height = recipe.clip.size;
    let width = if recipe.clip.width == 0 { height } else { recipe.clip.width };
    let short = if recipe.views.short_side == 0 { height.min(width) } else { recipe.views.short_side };
    format!("short side {short} by OpenCV's bilinear, {width}x{height} of it, ImageNet's mean and deviation")
}

/// Batches of clips in which no video meets another, so that what is computed of a video does not depend on the
/// videos around it. It is given batches of one row each.
pub struct ByVideo {
    rows: Batches,
    most: usize,
    next: Option<RecordBatch>,
}

impl ByVideo {
    /// Batches of at most `most` of these rows.
    pub fn new(rows: Batches, most: usize) -> Self {
        Self { rows, most, next: None }
    }

    fn batch(&mut self) -> Result<Option<LabelledBatch>> {
        let mut waiting: Vec<RecordBatch> = Vec::new();
        while waiting.len() < self.most {
            let Some(row) = self.next.take().map(Ok).or_else(|| self.rows.next()) else { break };
            let row = row?;
            if waiting.first().is_some_and(|first| first.column_by_name("row") != row.column_by_name("row")) {
                self.next = Some(row);
                break;
            }
            waiting.push(row);
        }
        let Some(first) = waiting.first() else { return Ok(None) };
        let batch = concat_batches(&first.schema(), &waiting)?;
        Ok(Some(LabelledBatch::try_from(batch)?))
    }
}

impl Iterator for ByVideo {
    type Item = Result<LabelledBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        self.batch().transpose()
    }
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
    fn what_the_model_decides_is_not_set() {
        let refused = check_settings(&["clip.frames=8".into()], &Recipe::default()).unwrap_err();
        assert!(refused.is::<Usage>() && refused.to_string().contains("clip.frames"), "{refused}");
        check_settings(&["clip.stride=2".into()], &Recipe::default()).unwrap();
    }
}
