//! A model for inference: which weights, what they look at, where it is computed.

use std::path::{Path, PathBuf};

use pipeline::dataset::labels::Classes;
use schemas::settings::Verify;
use trainer::{
    Device, Recipe, RunFolder,
    checkpoint::{self, Hints, Kind, SavedModel},
};

use crate::{
    device,
    error::{Context as _, Error, Result, Usage},
    input_file, machine,
    observer::Observer,
    recipe_choice::{self, RecipeChoice},
    weights,
};

/// Clips that a model looks at together where nobody says how many.
pub const TOGETHER: usize = 8;

/// Which model, and how it is computed.
#[derive(Clone, Debug)]
pub struct ModelSettings {
    /// The model: a run (its newest checkpoint), a checkpoint, an official .pth, or a Hugging Face folder.
    pub model: Option<PathBuf>,
    /// What the file may not say of its model, or what is wanted otherwise.
    pub hints: Hints,
    /// The settings that clips are made by; those that the model was trained by where no other is named.
    pub recipe: RecipeChoice,
    /// Where to compute, such as `flex`.
    pub device: String,
    /// Number of clips that the model computes at once.
    pub batch: usize,
    /// Number of threads that decode.
    pub workers: usize,
}

impl ModelSettings {
    /// These weights, with what they say of themselves, on the CPU.
    pub fn new(model: impl Into<PathBuf>) -> Self {
        Self {
            model: Some(model.into()),
            hints: Hints::default(),
            recipe: RecipeChoice::default(),
            device: "flex".to_owned(),
            batch: TOGETHER,
            workers: machine::default_workers(),
        }
    }
}

/// A model that was read, and the settings it is asked by.
#[derive(Clone, Debug)]
pub struct LoadedModel {
    /// The model.
    pub model: SavedModel,
    /// Those it was trained by, where that is known; clips are the model's.
    pub recipe: Recipe,
    /// Where it is computed.
    pub device: Device,
}

impl ModelSettings {
    /// Reads the model and says which it is. `frames` go before what the file says, and `hints` before them.
    ///
    /// # Errors
    /// Usage error: no such file, settings that do not fit; when the file cannot be read.
    pub fn open(&self, frames: Option<usize>, observer: &dyn Observer) -> Result<LoadedModel> {
        let device = self.device()?;
        let Some(path) = &self.model else {
            return Err(Usage::new("no model is given").hint("--model RUN or --model FILE").into());
        };
        input_file::check_file_or_folder(path)?;
        let hints = Hints { frames: self.hints.frames.or(frames), ..self.hints };
        let mut model = checkpoint::read_with(path, hints).map_err(weights::explain)?;
        let mut recipe = self.recipe.resolve(|| recipe_of(&model, path))?;
        check_settings(&self.recipe, &recipe)?;
        // What a person says goes before what the file says: a `.pth` from elsewhere does not say it.
        if self.recipe.sets("classifier.problem_type") {
            model.problem_type = recipe.classifier.problem_type;
        }
        let clip = model.shape.geometry;
        (recipe.clip.frames, recipe.clip.tubelet) = (clip.frames(), clip.tubelet());
        (recipe.clip.size, recipe.clip.width) = (clip.height(), clip.width());
        recipe.model.patch = clip.patch();
        observer.note(format_args!("model: {} ({})", which(path), weights::describe(&model)));
        weights::note_assumed(&model, "the file", observer);
        Ok(LoadedModel { model, recipe, device })
    }

    /// The settings that views are made by where no model is asked, or one that is only drawn: the recipe that is
    /// named, `default` otherwise; and where it is computed.
    ///
    /// # Errors
    /// Usage error: settings that do not fit.
    pub fn unmade(&self, default: Recipe) -> Result<(Recipe, Device)> {
        let device = self.device()?;
        let mut recipe = self.recipe.resolve(|| Ok(nothing_unseen(default)))?;
        recipe.clip.frames = self.hints.frames.unwrap_or(recipe.clip.frames);
        if let Some([height, width]) = self.hints.sides {
            (recipe.clip.size, recipe.clip.width) = (height, width);
        }
        check_views(&recipe)?;
        recipe_choice::check(&recipe)?;
        Ok((recipe, device))
    }

    /// Names the model in an error that is its fault: what it gives is no number.
    pub fn named_in(&self, why: Error) -> Error {
        match &self.model {
            Some(path) if why.is_not_finite() => Error::Context {
                what: format!("model {}", pipeline::names::shown(path)),
                cause: Box::new(why),
            },
            _ => why,
        }
    }

    /// Where it is computed, after a look at how many clips together.
    fn device(&self) -> Result<Device> {
        if self.batch == 0 {
            return Err(Usage::new("`--batch 0` computes nothing; it must be at least 1").into());
        }
        device::named(&self.device)
    }
}

impl LoadedModel {
    /// Names of the model's classes; numbers where it has none.
    ///
    /// # Errors
    /// Usage error: it is no classifier.
    pub fn classes(&self) -> Result<Classes> {
        let Kind::Classifier { classes } = self.model.kind else {
            return Err(Usage::new(format!(
                "the model is no classifier: {}",
                weights::describe(&self.model)
            ))
            .hint("`tubelet finetune` makes a classifier of it")
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
    let recipe =
        recipe.with_context(|| format!("the recipe in {} cannot be used", pipeline::names::shown(path)))?;
    Ok(nothing_unseen(recipe))
}

/// Nothing is decoded that no view shows, unless somebody asks for it (`--set clip.verify=video`).
fn nothing_unseen(mut recipe: Recipe) -> Recipe {
    recipe.clip.verify = Verify::Clip;
    recipe
}

/// Refuses settings that are the model's, and views that are none.
fn check_settings(choice: &RecipeChoice, recipe: &Recipe) -> Result<()> {
    for (key, instead) in [("clip.frames", "--frames"), ("clip.size", "--size"), ("clip.width", "--size HxW")]
    {
        if choice.sets(key) {
            return Err(Usage::new(format!("`{key}` is fixed by the model"))
                .hint(format!("{instead} gives another value"))
                .into());
        }
    }
    check_views(recipe)
}

/// Refuses views that are none.
fn check_views(recipe: &Recipe) -> Result<()> {
    for (key, value) in [("views.clips", recipe.views.clips), ("views.crops", recipe.views.crops)] {
        if !(1..=1 << 10).contains(&value) {
            return Err(Usage::new(format!("`{key} = {value}` is not between 1 and 1024")).into());
        }
    }
    if recipe.clip.stride == 0 || recipe.clip.stride > 1 << 16 {
        return Err(
            Usage::new(format!("`clip.stride = {}` is not between 1 and 65536", recipe.clip.stride)).into()
        );
    }
    Ok(())
}

/// The file that a path to a model means, and what else could be meant.
fn which(path: &Path) -> String {
    let shown = pipeline::names::shown(path);
    let Ok(run) = RunFolder::open(path) else { return shown };
    let Ok(Some(point)) = run.resume_point() else { return shown };
    let best = run.best_path();
    let other = if best.is_file() {
        format!("; the best by validation or probe is {}", pipeline::names::shown(&best))
    } else {
        String::new()
    };
    format!("{}, the newest of the run{other}", pipeline::names::shown(&point.checkpoint))
}

/// What a count of 1 means, for which the published formulas divide by zero.
pub fn note_single_views(recipe: &Recipe, observer: &dyn Observer) {
    if recipe.views.clips == 1 {
        observer.note(
            "1 clip per video: the middle one, as in validation (the published formula needs at least two)",
        );
    }
    if recipe.views.crops == 1 {
        observer.note("1 crop per clip: the centre (the published formula needs at least two)");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_model_decides_is_not_set() {
        let set = |change: &str| RecipeChoice { set: vec![change.to_owned()], ..RecipeChoice::default() };
        let refused = check_settings(&set("clip.frames=8"), &Recipe::default()).unwrap_err();
        assert!(refused.usage().is_some() && refused.to_string().contains("clip.frames"), "{refused}");
        check_settings(&set("clip.stride=2"), &Recipe::default()).unwrap();
    }
}
