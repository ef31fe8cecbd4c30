//! A run that goes on: what is in its folder, or what is there instead.

use std::path::{Path, PathBuf};

use pipeline::store;
use schemas::run_state::{RunState, RunVideo};
use trainer::{
    Recipe, RunFolder,
    train::run_folder::{DamagedCheckpoint, ResumePoint, RunFolderError},
};

use super::{data_place::gone_back, settings::RunSettings};
use crate::{
    error::{Error, Result, Usage},
    observer::Observer,
    recipe_choice::wrong,
    weights,
};

/// Files of a folder that a message names.
const NAMED: usize = 8;

/// A run that goes on.
pub struct Begun {
    /// Its folder.
    pub folder: RunFolder,
    /// Where it goes on.
    pub point: ResumePoint,
    /// Its recipe, with what was changed since it began.
    pub recipe: Recipe,
    /// What it was asked for, and its videos; none in folders of versions that did not write it.
    pub known: Option<(RunState, Vec<RunVideo>)>,
}

impl Begun {
    /// Opens the run of `command` in `path`.
    ///
    /// # Errors
    /// Usage error: there is no such run, or it has no checkpoint. When what is there cannot be read.
    pub fn open(path: &Path, command: &str, observer: &dyn Observer) -> Result<Self> {
        let nothing = |why: &str, hint: &str| {
            let there = what_is_there(path);
            Usage::new(format!(
                "there is nothing to resume in {}: {why}; {there}",
                pipeline::names::shown(path)
            ))
            .hint(hint)
        };
        if !path.join("recipe.toml").exists() {
            return Err(nothing("it contains no run", "leave out --resume to start a run there").into());
        }
        let folder = RunFolder::open(path).map_err(|why| match why {
            RunFolderError::Checkpoint(why) => weights::explain(why),
            why => why.into(),
        })?;
        let Some(point) = folder.resume_point()? else {
            let recipe = folder.recipe_path();
            let hint = format!(
                "--recipe {} with another --out begins the same run again",
                pipeline::names::shown(&recipe)
            );
            return Err(nothing("its checkpoints are gone", &hint).into());
        };
        let mut recipe = folder.recipe()?;
        let known = match folder.state()? {
            Some(state) => {
                let videos = folder.videos(&state)?;
                Some((state, videos))
            }
            None => None,
        };
        if let Some((state, _)) = &known {
            check_command(path, state, command)?;
            // A change is written into run.json first.
            change(&mut recipe, state)?;
            check_recipe(&folder.recipe_path(), &point, state, &recipe)?;
        } else {
            observer.note(format_args!(
                "note: {} has no run.json, as runs of older versions: the steps, the split and --init that it was \
                 asked for are not known, and are taken from this command",
                pipeline::names::shown(path)
            ));
        }
        Ok(Self { folder, point, recipe, known })
    }

    /// Writes down that what was changed behind its checkpoint holds from there on.
    fn go_back(&mut self, observer: &dyn Observer) -> Result<()> {
        let step = self.point.step;
        if let Some((state, _)) = &mut self.known
            && let Some(earlier) = gone_back(state, &self.recipe, step)
        {
            self.folder.change(&earlier, &self.recipe)?;
            observer.note(format_args!("what was changed later holds from step {step} on"));
            *state = earlier;
        }
        Ok(())
    }

    /// Refuses a checkpoint from before the last change of the order of clips.
    fn check_place(&self) -> Result<()> {
        let step = self.point.step;
        let Some(changed) = self.state().map(|state| state.place.step).filter(|changed| *changed > step)
        else {
            return Ok(());
        };
        let path = pipeline::names::shown(self.folder.path());
        Err(Usage::new(format!(
            "{path}: it was changed at step {changed}, and its newest checkpoint is of step {step}"
        ))
        .hint(format!("--resume-from {step} goes on from that checkpoint with what was changed"))
        .into())
    }

    /// What it was asked for.
    pub fn state(&self) -> Option<&RunState> {
        self.known.as_ref().map(|(state, _)| state)
    }

    /// The videos that are named, or else those that the run was begun with.
    pub fn data(&self, named: &[PathBuf]) -> Vec<PathBuf> {
        match self.state() {
            Some(state) if named.is_empty() => {
                state.data.named.iter().map(|name| from(&state.data.folder, name)).collect()
            }
            _ => named.to_vec(),
        }
    }

    /// The list of the test that the run was begun with.
    pub fn test_data(&self) -> Option<PathBuf> {
        let data = &self.state()?.data;
        data.test.as_ref().map(|name| from(&data.folder, name))
    }
}

impl RunSettings {
    /// The run of `command` that is to go on; none where one is to begin.
    ///
    /// # Errors
    /// Usage error: there is nothing to go on from, the newest checkpoint is damaged, or a run is where one is to
    /// begin. When what is there cannot be read.
    pub fn begun(&self, command: &str, observer: &dyn Observer) -> Result<Option<Begun>> {
        if !self.goes_on() && self.out.join("recipe.toml").exists() {
            let is_taken = RunFolderError::Taken { path: self.out.clone() };
            return Err(taken(&is_taken).into());
        }
        if self.goes_on() && self.out.join("recipe.toml").exists() {
            check_checkpoints(&self.out, self.resume_from, observer)?;
        }
        if !self.goes_on() {
            return Ok(None);
        }
        let mut begun = Begun::open(&self.out, command, observer)?;
        if self.resume_from.is_some() {
            begun.go_back(observer)?;
        }
        begun.check_place()?;
        Ok(Some(begun))
    }
}

/// Goes back to the checkpoint of step `from`, and says what that sets aside; else refuses a newest checkpoint that is
/// damaged, and names the last one that is not.
fn check_checkpoints(path: &Path, from: Option<u64>, observer: &dyn Observer) -> Result<()> {
    if let Some(step) = from {
        let aside = RunFolder::go_back(path, step).map_err(|why| match why {
            RunFolderError::NoSuchStep { .. } => Usage::new(why.to_string()).into(),
            why => Error::from(why),
        })?;
        for file in aside {
            let file = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            observer.note(format_args!("the run goes back to step {step}: a later checkpoint is now {file}"));
        }
    }
    let Some(DamagedCheckpoint { cause, last_whole }) = RunFolder::check_newest(path)? else { return Ok(()) };
    let hint = match last_whole {
        Some(step) => {
            format!("--resume-from {step} goes on from checkpoint-{step}.safetensors, which is whole")
        }
        None => "no checkpoint of the run is whole: start a new run with another --out".to_owned(),
    };
    Err(Usage::new(cause.to_string()).hint(hint).into())
}

/// Refuses to begin where a run is.
pub(super) fn taken(error: &RunFolderError) -> Usage {
    Usage::new(error.to_string()).hint("--resume continues it; give --out another folder to start a new run")
}

/// A path that was named in `folder`. Where it is there from here too, it stays as it was named: a run's folder
/// may have moved with its videos.
pub(super) fn from(folder: &str, name: &str) -> PathBuf {
    let stays = store::is_address(Path::new(name)) || Path::new(name).exists();
    if stays { PathBuf::from(name) } else { Path::new(folder).join(name) }
}

/// Refuses to go on with a run by the other command.
fn check_command(path: &Path, state: &RunState, command: &str) -> Result<()> {
    if state.command == command {
        return Ok(());
    }
    Err(Usage::new(format!("{} was begun by {}", pipeline::names::shown(path), state.command))
        .hint(format!("`{} --out {} --resume`", state.command, pipeline::names::shown(path)))
        .into())
}

/// Makes the changes of a run that are settings.
fn change(recipe: &mut Recipe, state: &RunState) -> Result<()> {
    for change in state.changes.iter().filter(|change| change.what.contains('.')) {
        recipe.set(&format!("{}={}", change.what, change.to)).map_err(wrong)?;
    }
    Ok(())
}

/// Refuses a recipe.toml that says something else than the checkpoint and the changes since: a bit of it rotted, or
/// it was changed by hand, of which the run would know nothing.
fn check_recipe(path: &Path, point: &ResumePoint, state: &RunState, recipe: &Recipe) -> Result<()> {
    // One of another version that is not read any more says nothing.
    let Ok(mut written) = Recipe::from_toml(&point.recipe) else { return Ok(()) };
    change(&mut written, state)?;
    let mut pairs = written.settings().into_iter().zip(recipe.settings());
    let Some(((key, from), (_, to))) = pairs.find(|((_, from), (_, to))| from != to) else { return Ok(()) };
    let path = pipeline::names::shown(path);
    Err(Usage::new(format!("{path} says {key} = {to}, and the run was made with {from}"))
        .hint(format!(
            "write {from} back; `--resume --set {key}={to}` changes a setting, if it may be changed"
        ))
        .into())
}

/// What is in a folder, in words.
fn what_is_there(path: &Path) -> String {
    let Ok(entries) = path.read_dir() else {
        return if path.exists() {
            "it is no folder".to_owned()
        } else {
            "there is no such folder".to_owned()
        };
    };
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    // Our own lock is none of it.
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let steps = last_step(path).map_or(String::new(), |step| format!("; its metrics go up to step {step}"));
    match (names.is_empty(), more) {
        (true, _) => "it is empty".to_owned(),
        (false, 0) => format!("there are {}{steps}", names.join(", ")),
        (false, more) => format!("there are {} and {more} more{steps}", names.join(", ")),
    }
}

/// The step of the last line of metrics.
fn last_step(path: &Path) -> Option<u64> {
    let text = std::fs::read_to_string(path.join("metrics.jsonl")).ok()?;
    let line: serde_json::Value = serde_json::from_str(text.lines().last()?).ok()?;
    line.get("step")?.as_u64()
}
