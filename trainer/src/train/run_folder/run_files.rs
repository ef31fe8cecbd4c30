//! The files that say what a run was started with: written before its first step, read when it is resumed.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use schemas::run_state::{self, RunState, RunVideo};

use super::{RunFolder, RunFolderError, at, state_digest};
use crate::{
    checkpoint::{native::Checkpoint, run_checkpoints},
    recipe::Recipe,
    train::event_file,
};

/// What a run begins with, beside its recipe.
#[derive(Clone, Copy, Debug)]
pub struct RunFiles<'a> {
    /// What it was asked for.
    pub state: &'a RunState,
    /// Text of `videos.jsonl`.
    pub videos: &'a str,
    /// Text of `classes.txt`, where there are classes.
    pub classes: Option<&'a str>,
    /// The checkpoint of step 0.
    pub checkpoint: &'a Checkpoint,
}

impl RunFolder {
    /// Makes the folder of a run that begins, with everything that it goes on from; where that fails, nothing of
    /// it stays. What an earlier start left that did not come to a run is taken over.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub fn begin(
        path: &Path,
        recipe: &Recipe,
        data: &str,
        files: RunFiles<'_>,
    ) -> Result<Self, RunFolderError> {
        let run = Self::make(path, data)?;
        match run.write_files(recipe, files) {
            Ok(()) => Ok(run),
            Err(why) => {
                run.leave_nothing();
                Err(why)
            }
        }
    }

    fn write_files(&self, recipe: &Recipe, files: RunFiles<'_>) -> Result<(), RunFolderError> {
        let RunFiles { state, videos, classes, checkpoint } = files;
        for name in ["metrics.jsonl", "validation.jsonl", "quarantine.jsonl"] {
            remove(&self.path.join(name))?;
        }
        self.write(&self.videos_path(), videos)?;
        if let Some(classes) = classes {
            self.write(&self.classes_path(), classes)?;
        }
        self.write_state(state)?;
        self.write_checkpoint(checkpoint)?;
        self.write_recipe(recipe)
    }

    /// Takes away what [`Self::begin`] wrote, so that another start finds no run: one that fails before its first
    /// step is none. A list of videos that failed stays; with nothing in it the folder goes too, if it was made.
    pub fn leave_nothing(&self) {
        let lines = [self.metrics_path(), self.validation_path(), self.path.join("quarantine.jsonl")];
        let empty = |path: &&PathBuf| fs::metadata(path).is_ok_and(|facts| facts.len() == 0);
        // The recipe goes first: without it the rest is no run, whatever happens.
        let written = [self.recipe_path(), self.state_path(), self.videos_path(), self.classes_path()];
        let first = run_checkpoints::path_of(&self.path, 0);
        let events = event_file::paths(&self.path).unwrap_or_default();
        for path in written.iter().chain([&first]).chain(&events).chain(lines.iter().filter(empty)) {
            // What cannot be taken away is taken over by the next start.
            let _ = fs::remove_file(path);
        }
        if self.made {
            // It stays where something else is in it.
            let _ = fs::remove_dir(&self.path);
        }
    }

    /// What the run was asked for; none in folders of versions that did not write it.
    ///
    /// # Errors
    /// When it cannot be read, or is of another version.
    pub fn state(&self) -> Result<Option<RunState>, RunFolderError> {
        let path = self.state_path();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(at(&path, cause)),
        };
        let wrong = |why: String| RunFolderError::State { path: path.clone(), why };
        state_digest::check(&text).map_err(&wrong)?;
        let state: RunState = serde_json::from_str(&text).map_err(|why| wrong(why.to_string()))?;
        if state.format != run_state::VERSION {
            return Err(wrong(format!("its format is {}, not {}", state.format, run_state::VERSION)));
        }
        Ok(Some(state))
    }

    /// The videos of a run of this state.
    ///
    /// # Errors
    /// When they cannot be read, or are not those that the state was written with.
    pub fn videos(&self, state: &RunState) -> Result<Vec<RunVideo>, RunFolderError> {
        let path = self.videos_path();
        let text = fs::read_to_string(&path).map_err(|cause| at(&path, cause))?;
        let wrong = |why: String| RunFolderError::State { path: path.clone(), why };
        if blake3::hash(text.as_bytes()).to_hex().as_str() != state.data.list {
            return Err(wrong("it is not the list that run.json was written with".to_owned()));
        }
        run_state::videos_of_text(&text).map_err(|(line, why)| wrong(format!("line {line}: {why}")))
    }

    /// Writes down what the run is asked for from now on. The state first: it says what the recipe was and is.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn change(&self, state: &RunState, recipe: &Recipe) -> Result<(), RunFolderError> {
        self.write_state(state)?;
        self.write_recipe(recipe)
    }

    fn write_state(&self, state: &RunState) -> Result<(), RunFolderError> {
        let path = self.state_path();
        let text = serde_json::to_string_pretty(state)
            .map_err(|why| RunFolderError::State { path: path.clone(), why: why.to_string() })?;
        self.write(&path, &state_digest::put_in(&text))
    }
}

/// Takes a file away, if it is there.
fn remove(path: &Path) -> Result<(), RunFolderError> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(at(path, cause)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use schemas::run_state::{DataPlace, Part, PlannedSteps, RateSchedule, RunData};

    use super::*;
    use crate::checkpoint::native::About;

    const RECIPE: fn() -> Recipe = Recipe::default;

    fn videos() -> String {
        let video = RunVideo { video: "a/1.mp4".to_owned(), class: None, labels: None, part: Part::Train };
        run_state::videos_to_text(&[video]).unwrap()
    }

    fn state() -> RunState {
        let (digest, list) = (String::new(), blake3::hash(videos().as_bytes()).to_hex().to_string());
        let schedule = RateSchedule { peak: 1.0, floor: 0.0, warmup: 0, total: 6, digest: digest.clone() };
        RunState {
            format: run_state::VERSION.to_owned(),
            command: "pretrain".to_owned(),
            made_by: String::new(),
            steps: PlannedSteps { until: 6, per_epoch: 2 },
            schedule,
            init: None,
            data: RunData {
                named: vec!["films".into()],
                test: None,
                folder: "/d".into(),
                digest,
                videos: 1,
                list,
                mixture: Vec::new(),
            },
            split: None,
            classes: Vec::new(),
            device: "flex".to_owned(),
            workers: 1,
            machine: None,
            products: None,
            place: DataPlace::default(),
            changes: Vec::new(),
        }
    }

    fn checkpoint(step: u64) -> Checkpoint {
        let moments = [BTreeMap::new(), BTreeMap::new()];
        let about = About { step, ..About::default() };
        Checkpoint { about, model: None, weights: BTreeMap::new(), moments, average: None }
    }

    fn begin(path: &Path) -> Result<RunFolder, RunFolderError> {
        let (state, videos, checkpoint) = (state(), videos(), checkpoint(0));
        let files = RunFiles { state: &state, videos: &videos, classes: None, checkpoint: &checkpoint };
        RunFolder::begin(path, &RECIPE(), "digest", files)
    }

    #[test]
    fn a_run_that_begins_has_its_state_its_videos_and_a_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        begin(&path).unwrap();
        let run = RunFolder::open(&path).unwrap();
        assert_eq!(run.state().unwrap().unwrap(), state());
        assert_eq!(run.videos(&state()).unwrap().len(), 1);
        assert_eq!(run.resume_point().unwrap().unwrap().step, 0);
        assert!(matches!(begin(&path), Err(RunFolderError::Taken { .. })));
        fs::write(run.videos_path(), "").unwrap();
        let refused = run.videos(&state()).unwrap_err().to_string();
        assert!(refused.contains("not the list"), "{refused}");
        fs::write(run.state_path(), "{}").unwrap();
        assert!(matches!(run.state(), Err(RunFolderError::State { .. })));
    }

    #[test]
    fn any_bit_of_the_state_that_flipped_is_noticed_and_a_state_without_a_digest_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let run = begin(folder.path()).unwrap();
        let whole = fs::read(run.state_path()).unwrap();
        for bit in 0..8 * whole.len() {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            fs::write(run.state_path(), flipped).unwrap();
            assert!(run.state().is_err(), "bit {bit}");
        }
        let older = serde_json::to_string_pretty(&state()).unwrap();
        for text in [older.clone(), older + "\n"] {
            fs::write(run.state_path(), text).unwrap();
            assert_eq!(run.state().unwrap().unwrap(), state());
        }
    }

    #[test]
    fn of_a_start_that_failed_nothing_is_left_but_what_failed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let run = begin(&path).unwrap();
        run.leave_nothing();
        assert!(!path.exists());
        let run = begin(&path).unwrap();
        let list = path.join("quarantine.jsonl");
        fs::write(&list, "a line\n").unwrap();
        run.leave_nothing();
        assert_eq!(fs::read_dir(&path).unwrap().count(), 1);
        begin(&path).unwrap();
        assert!(!list.exists());
    }

    #[test]
    fn a_start_that_was_killed_is_taken_over_and_weights_that_were_trained_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let run = begin(folder.path()).unwrap();
        fs::remove_file(run.recipe_path()).unwrap();
        begin(folder.path()).unwrap();
        run.write_checkpoint(&checkpoint(3)).unwrap();
        fs::remove_file(run.recipe_path()).unwrap();
        assert!(matches!(begin(folder.path()), Err(RunFolderError::Taken { .. })));
    }
}
