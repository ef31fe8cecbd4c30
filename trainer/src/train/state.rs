//! The state of a training between steps: weights, optimiser, average of the weights; to and from a checkpoint.

use std::collections::BTreeMap;

use schemas::MADE_BY;

use crate::{
    checkpoint::{
        Description,
        native::{About, Checkpoint},
    },
    device::Device,
    model::{ModelShape, init_weights},
    optimiser::adamw::AdamW,
    recipe::Recipe,
    weights::{HostTensor, Layout, Misfit, Weights, download},
};

/// The state of a training.
#[doc(alias("EMA", "exponential moving average", "state_dict"))]
#[derive(Clone, Debug)]
pub struct TrainState {
    /// The model's weights.
    pub weights: Weights,
    /// Average of the weights over the steps so far, if the recipe keeps one.
    pub average: Option<Weights>,
    /// Updates so far.
    pub step: u64,
    /// What the model is, where that does not follow from the recipe.
    pub description: Option<Description>,
    /// Steps and clips of the checkpoint that it went on from: a batch may have been another one before.
    before: (u64, u64),
    optimiser: AdamW,
}

impl TrainState {
    /// Before the first step, with freshly drawn weights.
    pub fn begin(recipe: &Recipe, shape: &ModelShape, device: &Device) -> Self {
        Self::from_weights(recipe, init_weights::draw(shape, recipe.run.seed, device))
    }

    /// Before the first step, with weights that are there already.
    pub fn from_weights(recipe: &Recipe, weights: Weights) -> Self {
        let optimiser = AdamW::new(recipe.betas(), &weights);
        let average = (recipe.optimiser.ema > 0.0).then(|| weights.clone());
        Self { weights, average, step: 0, description: None, before: (0, 0), optimiser }
    }

    /// Where a checkpoint left off; every later bit is as if the run had not stopped.
    ///
    /// # Errors
    /// When the checkpoint's tensors are not those of this model.
    pub fn resume(
        recipe: &Recipe,
        layout: &Layout,
        checkpoint: Checkpoint,
        device: &Device,
    ) -> Result<Self, Misfit> {
        let fit = |tensors: BTreeMap<String, HostTensor>| Weights::fit(layout.clone(), tensors, device);
        let [first, second] = checkpoint.moments;
        let weights = fit(checkpoint.weights)?;
        let average = match (recipe.optimiser.ema > 0.0, checkpoint.average) {
            (false, _) => None,
            (true, Some(average)) => Some(fit(average)?),
            (true, None) => Some(weights.clone()),
        };
        let (step, description) = (checkpoint.about.step, checkpoint.model);
        let before = (step, checkpoint.about.clips);
        let optimiser = AdamW::resume(recipe.betas(), fit(first)?, fit(second)?, step);
        Ok(Self { weights, average, step, description, before, optimiser })
    }

    /// The same with the rate of each tensor multiplied by its own factor.
    pub fn scaled(mut self, scales: Vec<f64>) -> Self {
        self.optimiser.scales = scales;
        self
    }

    /// The state after one more step.
    pub fn step(self, gradients: Vec<burn::tensor::Tensor<1>>, rate: f64, keep: f64) -> Self {
        let Self { weights, average, step, description, before, mut optimiser } = self;
        let weights = optimiser.update(weights, gradients, rate);
        let average = average.map(|average| {
            let newest = weights.values().to_vec();
            average.replace(|values| {
                let pairs = values.into_iter().zip(newest);
                pairs.map(|(old, new)| old * keep + new * (1.0 - keep)).collect()
            })
        });
        Self { weights, average, step: step + 1, description, before, optimiser }
    }

    /// A copy on the host, to be written.
    pub fn checkpoint(&self, recipe: &Recipe, data: &str) -> Checkpoint {
        let about = About {
            recipe: recipe.to_toml(),
            step: self.step,
            clips: self.before.1 + (self.step - self.before.0) * recipe.optimiser.batch as u64,
            data: data.to_owned(),
            made_by: MADE_BY.to_owned(),
        };
        Checkpoint {
            about,
            model: self.description.clone(),
            weights: self.weights.download(),
            moments: self.optimiser.moments().map(|values| download(self.weights.layout(), &values)),
            average: self.average.as_ref().map(Weights::download),
        }
    }
}
