//! The folder of a run: its arguments, recipe, metrics and checkpoints.
//!
//! ```text
//! run.json, videos.jsonl            what it was asked for, and its videos ([`schemas::run_state`])
//! recipe.toml                       the resolved recipe; repeats the run
//! metrics.jsonl                     a line every so many steps
//! events.out.tfevents.*.tubelet     the same for TensorBoard
//! checkpoint-<step>.safetensors     the last two, so that one is whole whatever happens, or those that it keeps
//! validation.jsonl                  fine-tuning: a line a validation
//! best.safetensors                  the weights that did best in a validation, or in a probe
//! reconstructions/<step>.png        pre-training: what it predicts, if it draws it
//! ```
//!
//! The checkpoint of the highest step is where a run goes on. A file is only ever seen whole, under its
//! own name, so no other file needs to say which one is valid. Of a run that begins, `recipe.toml` is written
//! last, behind the checkpoint of step 0: a folder that has it has everything, and one that lacks it is no run.

mod earlier;
mod run_files;
mod state_digest;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use schemas::{names::shown, whole_file};

use crate::{
    checkpoint::{
        native::{self, About, Checkpoint, CheckpointError},
        run_checkpoints,
    },
    recipe::{Recipe, RecipeError, Run},
};

pub use self::{earlier::DamagedCheckpoint, run_files::RunFiles};

/// A run's folder, and the data that the run is about.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
    data: String,
    /// Whether the folder was made for this run.
    made: bool,
}

/// Where a run goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResumePoint {
    /// Updates of the weights so far.
    pub step: u64,
    /// Clips that these took; the pipeline begins with the next one.
    pub clips: u64,
    /// Digest of the data that it was trained on.
    pub data: String,
    /// The recipe as the checkpoint has it, as TOML.
    pub recipe: String,
    /// The checkpoint.
    pub checkpoint: PathBuf,
}

/// Why a run's folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunFolderError {
    /// A file or the folder could not be made, read or written.
    #[error("{path}: {cause}", path = shown(path))]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// There is a run in it already.
    #[error("{path} already contains a run", path = shown(path))]
    Taken {
        /// Which folder.
        path: PathBuf,
    },
    /// There is no checkpoint in it.
    #[error("{path} contains no checkpoint", path = shown(path))]
    NoCheckpoint {
        /// Which folder.
        path: PathBuf,
    },
    /// It has checkpoints, but none of the step that was asked for.
    #[error("{path} has no checkpoint of step {step}, but of {}", in_words(steps), path = shown(path))]
    NoSuchStep {
        /// Which folder.
        path: PathBuf,
        /// The step.
        step: u64,
        /// Those that it has.
        steps: Vec<u64>,
    },
    /// `run.json` or `videos.jsonl` is not what a run writes.
    #[error("{path}: {why}", path = shown(path))]
    State {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Its recipe is wrong.
    #[error("{path}: {cause}", path = shown(path))]
    Recipe {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        cause: RecipeError,
    },
    /// A checkpoint is wrong.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

impl RunFolder {
    /// Makes the folder of a run that begins, and writes its recipe. `data` is a digest of what it trains
    /// on.
    ///
    /// # Errors
    /// When it cannot be written, or already contains a run.
    pub fn create(path: &Path, recipe: &Recipe, data: &str) -> Result<Self, RunFolderError> {
        let run = Self::make(path, data)?;
        run.write_recipe(recipe)?;
        Ok(run)
    }

    fn make(path: &Path, data: &str) -> Result<Self, RunFolderError> {
        let made = !path.exists();
        let run = Self { path: path.to_owned(), data: data.to_owned(), made };
        fs::create_dir_all(path).map_err(|cause| at(path, cause))?;
        let trained = run.newest_step()?.is_some_and(|step| step > 0) || run.best_path().exists();
        if run.recipe_path().exists() || trained {
            return Err(RunFolderError::Taken { path: path.to_owned() });
        }
        Ok(run)
    }

    /// Opens the folder of a run that is there.
    ///
    /// # Errors
    /// When its recipe or its newest checkpoint cannot be read.
    pub fn open(path: &Path) -> Result<Self, RunFolderError> {
        let mut run = Self::look_at(path);
        run.recipe()?;
        if let Some(point) = run.resume_point()? {
            run.data = point.data;
        }
        Ok(run)
    }

    /// The folder of a run that is only looked at, whatever state its checkpoints are in.
    pub fn look_at(path: &Path) -> Self {
        Self { path: path.to_owned(), data: String::new(), made: false }
    }

    /// The same run with the digest of its data, where no checkpoint has told it.
    pub fn on_data(self, digest: &str) -> Self {
        if self.data.is_empty() { Self { data: digest.to_owned(), ..self } } else { self }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Digest of the data that the run trains on.
    pub fn data(&self) -> &str {
        &self.data
    }

    /// Where the metrics are.
    pub fn metrics_path(&self) -> PathBuf {
        self.path.join("metrics.jsonl")
    }

    /// Where the validations of a fine-tuning are.
    pub fn validation_path(&self) -> PathBuf {
        self.path.join("validation.jsonl")
    }

    /// Where the best weights are, by validation or probe.
    pub fn best_path(&self) -> PathBuf {
        self.path.join("best.safetensors")
    }

    /// Where the recipe is.
    pub fn recipe_path(&self) -> PathBuf {
        self.path.join("recipe.toml")
    }

    /// Where is written what the run was asked for.
    pub fn state_path(&self) -> PathBuf {
        self.path.join("run.json")
    }

    /// Where its videos are listed.
    pub fn videos_path(&self) -> PathBuf {
        self.path.join("videos.jsonl")
    }

    /// Where the names of a classifier's classes are.
    pub fn classes_path(&self) -> PathBuf {
        self.path.join("classes.txt")
    }

    fn write_recipe(&self, recipe: &Recipe) -> Result<(), RunFolderError> {
        self.write(&self.recipe_path(), &recipe.to_toml())
    }

    fn write(&self, path: &Path, text: &str) -> Result<(), RunFolderError> {
        whole_file::write(path, text.as_bytes()).map_err(|cause| at(path, cause))
    }

    /// The run's recipe.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn recipe(&self) -> Result<Recipe, RunFolderError> {
        let path = self.recipe_path();
        let text = fs::read_to_string(&path).map_err(|cause| at(&path, cause))?;
        Recipe::from_toml(&text).map_err(|cause| RunFolderError::Recipe { path, cause })
    }

    /// Where the run goes on: its newest checkpoint, or none if it has none yet.
    ///
    /// # Errors
    /// When the folder or the checkpoint's header cannot be read.
    pub fn resume_point(&self) -> Result<Option<ResumePoint>, RunFolderError> {
        let Some(checkpoint) = self.newest()? else { return Ok(None) };
        let about = native::read_about(&checkpoint)?;
        let About { step, clips, data, recipe, .. } = about;
        Ok(Some(ResumePoint { step, clips, data, recipe, checkpoint }))
    }

    /// Reads the newest checkpoint.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn last_checkpoint(&self) -> Result<Checkpoint, RunFolderError> {
        let newest =
            self.newest()?.ok_or_else(|| RunFolderError::NoCheckpoint { path: self.path.clone() })?;
        Ok(Checkpoint::read(&newest)?)
    }

    /// Writes a checkpoint under the name of its step.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_checkpoint(&self, checkpoint: &Checkpoint) -> Result<PathBuf, RunFolderError> {
        let path = run_checkpoints::path_of(&self.path, checkpoint.about.step);
        checkpoint.write(&path)?;
        Ok(path)
    }

    /// Removes the checkpoints that `settings` do not keep. The newest is always kept.
    ///
    /// # Errors
    /// When one cannot be removed.
    pub fn prune(&self, settings: &Run) -> Result<(), RunFolderError> {
        for (newer, (step, path)) in (0..).zip(self.checkpoints()?.into_iter().rev()) {
            if !settings.keeps(step, newer) {
                fs::remove_file(&path).map_err(|cause| at(&path, cause))?;
            }
        }
        Ok(())
    }

    fn newest(&self) -> Result<Option<PathBuf>, RunFolderError> {
        Ok(self.checkpoints()?.pop().map(|(_, path)| path))
    }

    fn newest_step(&self) -> Result<Option<u64>, RunFolderError> {
        Ok(self.checkpoints()?.pop().map(|(step, _)| step))
    }

    /// Steps and files of all checkpoints, by step.
    fn checkpoints(&self) -> Result<Vec<(u64, PathBuf)>, RunFolderError> {
        run_checkpoints::in_folder(&self.path).map_err(|cause| at(&self.path, cause))
    }
}

fn in_words(steps: &[u64]) -> String {
    let words: Vec<String> = steps.iter().map(u64::to_string).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

fn at(path: &Path, cause: io::Error) -> RunFolderError {
    RunFolderError::File { path: path.to_owned(), cause }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn checkpoint(step: u64) -> Checkpoint {
        Checkpoint {
            about: About {
                recipe: String::new(),
                step,
                clips: 8 * step,
                data: "digest".to_owned(),
                made_by: String::new(),
            },
            model: None,
            weights: BTreeMap::new(),
            moments: [BTreeMap::new(), BTreeMap::new()],
            average: None,
        }
    }

    #[test]
    fn the_last_two_checkpoints_are_kept_and_the_last_is_where_it_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::create(folder.path(), &Recipe::default(), "digest").unwrap();
        assert_eq!(run.resume_point().unwrap(), None);
        for step in [9, 10, 100] {
            run.write_checkpoint(&checkpoint(step)).unwrap();
            run.prune(&Run::default()).unwrap();
        }
        let steps: Vec<u64> = run.checkpoints().unwrap().into_iter().map(|(step, _)| step).collect();
        assert_eq!(steps, [10, 100]);
        let point = RunFolder::open(folder.path()).unwrap().resume_point().unwrap().unwrap();
        assert_eq!((point.step, point.clips, point.data.as_str()), (100, 800, "digest"));
    }

    #[test]
    fn a_folder_that_holds_a_run_is_not_taken_for_another() {
        let folder = tempfile::tempdir().unwrap();
        RunFolder::create(folder.path(), &Recipe::default(), "").unwrap();
        let refused = RunFolder::create(folder.path(), &Recipe::default(), "");
        assert!(matches!(refused, Err(RunFolderError::Taken { .. })));
        assert_eq!(RunFolder::open(folder.path()).unwrap().recipe().unwrap(), Recipe::default());
    }
}
