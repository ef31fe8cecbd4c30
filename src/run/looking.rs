//! What is seen of a pre-training's weights between its steps: a probe, a picture, each every so many steps and at the
//! end.

use std::sync::atomic::AtomicBool;

use pipeline::dataset::Dataset;
use trainer::{
    Device, Recipe,
    batch::labelled::BatchError,
    train::{look::Looked, state::TrainState},
};

use super::{pictures::Pictures, plan::Ready, training_probe::TrainingProbe};
use crate::{
    error::Result,
    observer::{Event, Observer},
};

/// Looks at the weights.
pub struct Looking<'a> {
    recipe: &'a Recipe,
    until: u64,
    probe: Option<&'a TrainingProbe>,
    pictures: Option<Pictures>,
    stop: &'a AtomicBool,
    observer: &'a dyn Observer,
}

impl<'a> Looking<'a> {
    /// Looks at the weights of a run that ends at step `until`. A probe is left out where the run is asked to stop
    /// while it is made.
    ///
    /// # Errors
    /// When there is no clip to draw.
    pub fn open(
        recipe: &'a Recipe,
        until: u64,
        probe: Option<&'a TrainingProbe>,
        (dataset, device, ready): (&Dataset, &Device, &Ready),
        stop: &'a AtomicBool,
        observer: &'a dyn Observer,
    ) -> Result<Self> {
        let draws = recipe.run.reconstruct_every > 0;
        let pictures = draws.then(|| Pictures::open(recipe, dataset, device, ready.folder.path()));
        Ok(Self { recipe, until, probe, pictures: pictures.transpose()?, stop, observer })
    }

    /// Looks at the weights of a step, if it is one to be looked at.
    ///
    /// # Errors
    /// When the weights give no numbers, or a picture cannot be kept.
    pub fn look(&self, state: &TrainState) -> Result<Looked, BatchError> {
        let run = &self.recipe.run;
        let is_due = |every: u64| every > 0 && (state.step.is_multiple_of(every) || state.step == self.until);
        let due = self.probe.filter(|_| is_due(run.probe_every));
        let probe = due.map(|probe| probe.probe(state, self.stop)).transpose()?;
        if matches!(probe, Some(None)) {
            self.observer.note(format_args!("asked to stop: the probe of step {} is left out", state.step));
        }
        let probe = probe.flatten();
        if let Some(line) = &probe {
            self.observer.on(Event::Probed { step: state.step, line });
        }
        let pictures = self.pictures.as_ref().filter(|_| is_due(run.reconstruct_every));
        Ok(Looked { probe, picture: pictures.map(|pictures| pictures.draw(state)).transpose()? })
    }
}
