//! What every training is given.

use std::path::PathBuf;

use schemas::OutputLock;

use crate::{error::Result, machine, observer::Observer, output_lock, recipe_choice::RecipeChoice};

/// What every training is given.
#[derive(Clone, Debug)]
pub struct RunSettings {
    /// The folder of the run.
    pub out: PathBuf,
    /// The recipe; that of the run where one goes on and no other is named.
    pub recipe: RecipeChoice,
    /// Where to compute, such as `flex`.
    pub device: String,
    /// Steps to train in all, instead of the recipe's epochs.
    pub steps: Option<u64>,
    /// Whether the run in `out` goes on.
    pub resume: bool,
    /// Go on from the checkpoint of this step; from the newest where none is named. Later ones are set aside.
    #[doc(alias = "resume_from_checkpoint")]
    pub resume_from: Option<u64>,
    /// Number of threads that decode.
    pub workers: usize,
}

impl RunSettings {
    /// A run that begins in `out`, by the recipe that fits, on the CPU, with a thread a core.
    pub fn new(out: impl Into<PathBuf>) -> Self {
        Self {
            out: out.into(),
            recipe: RecipeChoice::default(),
            device: "flex".to_owned(),
            steps: None,
            resume: false,
            resume_from: None,
            workers: machine::default_workers(),
        }
    }

    /// Locks the folder of the run, as long as this lives; where a run is to go on and no folder is, there is nothing
    /// to be locked.
    pub(super) fn lock(&self, observer: &dyn Observer) -> Result<Option<OutputLock>> {
        let nothing_there = self.goes_on() && !self.out.is_dir();
        (!nothing_there).then(|| output_lock::folder(&self.out, observer)).transpose()
    }

    /// Whether the run in `out` goes on.
    pub(super) fn goes_on(&self) -> bool {
        self.resume || self.resume_from.is_some()
    }
}
