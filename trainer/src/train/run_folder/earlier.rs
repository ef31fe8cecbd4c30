//! Going back to an earlier checkpoint of a run, where the newest one is damaged or not wanted.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use super::{RunFolder, RunFolderError, at};
use crate::checkpoint::{
    native::{self, CheckpointError},
    run_checkpoints,
};

/// What is put behind the name of a checkpoint that a run has gone back from.
const ASIDE: &str = ".aside";

/// The newest checkpoint of a run is damaged.
#[derive(Debug)]
pub struct DamagedCheckpoint {
    /// What is wrong with it.
    pub cause: CheckpointError,
    /// Step of the newest one that is whole, if there is one.
    pub last_whole: Option<u64>,
}

impl RunFolder {
    /// Reads all of the newest checkpoint of the run in `path`; tells if it is damaged.
    ///
    /// # Errors
    /// When the folder or the file cannot be read.
    pub fn check_newest(path: &Path) -> Result<Option<DamagedCheckpoint>, RunFolderError> {
        let mut all = run_checkpoints::in_folder(path).map_err(|cause| at(path, cause))?;
        let Some((_, newest)) = all.pop() else { return Ok(None) };
        match native::verify(&newest) {
            Ok(()) => Ok(None),
            Err(cause @ CheckpointError::File { .. }) => Err(cause.into()),
            Err(cause) => {
                let last_whole = all.into_iter().rev().find(|(_, path)| native::verify(path).is_ok());
                Ok(Some(DamagedCheckpoint { cause, last_whole: last_whole.map(|(step, _)| step) }))
            }
        }
    }

    /// Has the run in `path` go on from its checkpoint of step `step`: later ones get other names, which are told.
    ///
    /// # Errors
    /// When there is no such checkpoint, it is damaged itself, or a later one cannot be renamed.
    pub fn go_back(path: &Path, step: u64) -> Result<Vec<PathBuf>, RunFolderError> {
        let all = run_checkpoints::in_folder(path).map_err(|cause| at(path, cause))?;
        let Some((_, wanted)) = all.iter().find(|(found, _)| *found == step) else {
            let steps = all.iter().map(|(step, _)| *step).collect();
            return Err(RunFolderError::NoSuchStep { path: path.to_owned(), step, steps });
        };
        native::verify(wanted)?;
        // The latest goes first: what is left is a run at an earlier step at every moment.
        let later = all.iter().rev().take_while(|(found, _)| *found > step);
        later
            .map(|(_, path)| {
                let mut name = OsString::from(path.file_name().unwrap_or_default());
                name.push(ASIDE);
                let aside = path.with_file_name(name);
                fs::rename(path, &aside).map_err(|cause| at(path, cause))?;
                Ok(aside)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        checkpoint::native::{About, Checkpoint},
        recipe::Recipe,
        weights::HostTensor,
    };

    fn run(folder: &Path) -> RunFolder {
        let run = RunFolder::create(folder, &Recipe::default(), "").unwrap();
        for step in [20, 40] {
            let about = About { step, ..About::default() };
            let tensor = HostTensor { shape: vec![3], values: vec![1.0, 2.0, step as f32] };
            let weights = BTreeMap::from([("weight".to_owned(), tensor)]);
            let moments = [BTreeMap::new(), BTreeMap::new()];
            run.write_checkpoint(&Checkpoint { about, model: None, weights, moments, average: None })
                .unwrap();
        }
        run
    }

    fn flip(path: &Path, bit: usize) {
        let mut bytes = fs::read(path).unwrap();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(path, bytes).unwrap();
    }

    #[test]
    fn a_bit_flipped_anywhere_in_the_newest_is_found_and_the_one_before_is_named() {
        let folder = tempfile::tempdir().unwrap();
        run(folder.path());
        assert!(RunFolder::check_newest(folder.path()).unwrap().is_none());
        let newest = folder.path().join("checkpoint-40.safetensors");
        for bit in 0..8 * fs::read(&newest).unwrap().len() {
            flip(&newest, bit);
            let found = RunFolder::check_newest(folder.path()).unwrap();
            assert_eq!(found.unwrap_or_else(|| panic!("bit {bit}")).last_whole, Some(20));
            flip(&newest, bit);
        }
        flip(&folder.path().join("checkpoint-20.safetensors"), 2000);
        flip(&newest, 2000);
        let found = RunFolder::check_newest(folder.path()).unwrap().unwrap();
        assert_eq!(found.last_whole, None);
    }

    #[test]
    fn a_run_goes_back_to_a_checkpoint_that_is_there_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let run = run(folder.path());
        let refused = RunFolder::go_back(folder.path(), 30).unwrap_err().to_string();
        assert!(refused.ends_with("has no checkpoint of step 30, but of 20, 40"), "{refused}");
        let aside = RunFolder::go_back(folder.path(), 20).unwrap();
        assert_eq!(aside, [folder.path().join("checkpoint-40.safetensors.aside")]);
        assert_eq!(run.resume_point().unwrap().unwrap().step, 20);
        flip(&folder.path().join("checkpoint-20.safetensors"), 2000);
        assert!(RunFolder::go_back(folder.path(), 20).is_err());
    }
}
