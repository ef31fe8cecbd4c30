//! What a run's folder tells: its lines, its settings, what failed, its pictures.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use pipeline::names;
use schemas::{
    metrics::{MetricsLine, ValidationLine},
    predictions::Predictions,
    quarantine::QuarantineLine,
    run_state::RunState,
};
use serde::de::DeserializeOwned;
use trainer::{Recipe, RunFolder, train::event_file::PICTURES};

use crate::{
    error::{Result, Usage},
    inference::prediction_files,
    run::final_evaluation::PREDICTIONS,
};

/// What a run's folder tells.
pub struct RunFacts {
    /// What it is called in the report.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
    /// Its settings.
    pub recipe: Recipe,
    /// What it was asked for; older versions did not write it.
    pub state: Option<RunState>,
    /// A line every so many steps.
    pub metrics: Vec<MetricsLine>,
    /// A line a validation.
    pub validations: Vec<ValidationLine>,
    /// Videos that gave no clip.
    pub failures: Vec<QuarantineLine>,
    /// Pictures of what was predicted, by step.
    pub pictures: Vec<(u64, PathBuf)>,
    /// What was answered in the test of a fine-tuning.
    pub predictions: Option<Predictions>,
    /// What of it cannot be read, in sentences: the rest is told all the same.
    pub damage: Vec<String>,
}

impl RunFacts {
    /// Whether a folder is that of a run.
    pub fn is_run(path: &Path) -> bool {
        path.join("recipe.toml").exists()
    }

    /// Reads a folder.
    ///
    /// # Errors
    /// Usage error: it is no run. When its recipe or its lines cannot be read.
    pub fn read(path: &Path) -> Result<Self> {
        if !Self::is_run(path) {
            let message = format!("{} is not a run: it has no recipe.toml", names::shown(path));
            return Err(Usage::new(message).into());
        }
        let run = RunFolder::look_at(path);
        let mut damage = Vec::new();
        let mut told = |why: String| damage.push(why);
        if let Err(why) = run.resume_point() {
            told(format!("the newest checkpoint cannot be read, so the run cannot go on from it: {why}"));
        }
        let state = run.state().unwrap_or_else(|why| {
            told(format!("what the run was asked for cannot be read: {why}"));
            None
        });
        let predictions = path.join(PREDICTIONS);
        let predictions = predictions.is_file().then(|| prediction_files::read_all(&[predictions]));
        let predictions = predictions.transpose().unwrap_or_else(|why| {
            told(format!("what was answered in the test cannot be read: {why}"));
            None
        });
        let metrics: Vec<MetricsLine> = lines(&run.metrics_path())?;
        let last = metrics.last().map_or(0, |line| line.step);
        Ok(Self {
            name: name_of(path),
            path: path.to_owned(),
            recipe: run.recipe()?,
            state,
            validations: lines(&run.validation_path())?,
            failures: lines(&path.join("quarantine.jsonl"))?,
            pictures: pictures(path).into_iter().filter(|(step, _)| *step <= last).collect(),
            metrics,
            predictions,
            damage,
        })
    }

    /// Steps that have been made, as far as lines tell.
    pub fn steps(&self) -> u64 {
        self.metrics.last().map_or(0, |line| line.step)
    }

    /// Where a video of the run is, if it is still there.
    pub fn video(&self, name: &str) -> Option<PathBuf> {
        let data = &self.state.as_ref()?.data;
        let named = data.named.iter().chain(&data.test).flat_map(|named| {
            let from = Path::new(&data.folder).join(named);
            let below = if from.is_dir() { Some(from.clone()) } else { from.parent().map(Path::to_owned) };
            [Some(from), below.map(|folder| folder.join(name)), Some(PathBuf::from(name))]
        });
        let is_it = |path: &PathBuf| {
            path.is_file() && path.ends_with(Path::new(name).file_name().unwrap_or_default())
        };
        named.flatten().find(is_it)
    }
}

/// The last part of a path that says something.
pub fn name_of(path: &Path) -> String {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    whole.file_name().map_or_else(|| names::shown(path), |name| name.to_string_lossy().into_owned())
}

/// Gives runs of the same name their whole paths.
pub fn tell_apart(runs: &mut [RunFacts]) {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    runs.iter().for_each(|run| *counts.entry(run.name.clone()).or_default() += 1);
    for run in runs.iter_mut().filter(|run| counts[&run.name] > 1) {
        run.name = names::shown(&run.path);
    }
}

/// The lines of a file that are whole; none where it is not there. A run may be writing the last one.
pub fn lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text.lines().map_while(|line| serde_json::from_str(line).ok()).collect()),
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(why) => Err(why.into()),
    }
}

fn pictures(run: &Path) -> Vec<(u64, PathBuf)> {
    let entries = fs::read_dir(run.join(PICTURES)).into_iter().flatten().flatten();
    let step = |path: &Path| path.file_name()?.to_str()?.strip_suffix(".png")?.parse().ok();
    let mut found: Vec<(u64, PathBuf)> =
        entries.filter_map(|entry| Some((step(&entry.path())?, entry.path()))).collect();
    found.sort();
    found
}
