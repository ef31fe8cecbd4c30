//! What every training is given.

use std::path::PathBuf;

use trainer::Device;

use crate::{device, error::Result, machine, recipe_choice::RecipeChoice};

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
            workers: machine::default_workers(),
        }
    }

    /// Where to compute.
    ///
    /// # Errors
    /// Usage error: this build has no such device.
    pub fn device(&self) -> Result<Device> {
        device::named(&self.device)
    }
}
