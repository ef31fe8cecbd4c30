//! Weights that a golden training ends with, and what rounding may have done to them.
//!
//! AdamW divides a gradient by its own size, so rounding alone can turn the update of a weight whose gradient is
//! nothing but rounding. How far it may have moved each weight is reckoned ([`undetermined`]), and a twin that is
//! trained beside, with gradients shaken by as much, says how far such weights move others.
#![allow(dead_code)] // the suites of pre-training and of fine-tuning each use a part

mod rule;
pub mod undetermined;

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use trainer::{
    optimiser::adamw::{AdamW, Betas, Decayed},
    weights::{HostTensor, Weights},
};

use self::undetermined::Undetermined;

pub use self::rule::{Rule, Trained};

/// Weights in training, and their twin.
pub struct Twins {
    pub trainee: Trainee,
    pub twin: Trainee,
    pub undetermined: Undetermined,
}

/// Weights with their optimiser.
pub struct Trainee {
    pub weights: Weights,
    adamw: AdamW,
}

impl Twins {
    /// Both begin with `weights`; each tensor learns at its share (`scales`) of the rate.
    pub fn new(weights: &Weights, betas: Betas, scales: &[f64], decayed: Decayed) -> Self {
        let trainee = || {
            let mut adamw = AdamW::new(betas, weights);
            (adamw.scales, adamw.decayed) = (scales.to_vec(), decayed);
            Trainee { weights: weights.clone(), adamw }
        };
        Self { trainee: trainee(), twin: trainee(), undetermined: Undetermined::new(betas) }
    }

    /// From here on weights decay by this.
    pub fn decay(&mut self, weight_decay: f64) {
        self.trainee.adamw.betas.weight_decay = weight_decay;
        self.twin.adamw.betas.weight_decay = weight_decay;
    }

    /// An update by the gradients of each.
    pub fn update(&mut self, gradients: Vec<Tensor<1>>, twins: &[Tensor<1>], rate: f64) {
        let rates: Vec<f64> = self.trainee.adamw.scales.iter().map(|scale| rate * scale).collect();
        let place = gradients[0].device();
        let shaken = self.undetermined.update(&on_host(&gradients), &on_host(twins), &rates);
        let shaken = shaken.into_iter().map(|values| Tensor::from_floats(values.as_slice(), &place));
        self.twin.update(shaken.collect(), rate);
        self.trainee.update(gradients, rate);
    }

    /// What became of each tensor, beside its golden values and what it began as.
    pub fn trained<'a>(
        &self,
        before: &Weights,
        golden: impl Fn(&str) -> &'a HostTensor,
        mut each: impl FnMut(usize, &str, &Trained),
    ) {
        let names: Vec<String> = before.layout().0.iter().map(|entry| entry.name.clone()).collect();
        let downloads: [BTreeMap<String, HostTensor>; 3] =
            [before, &self.trainee.weights, &self.twin.weights].map(Weights::download);
        let [before, found, twin] = &downloads;
        for (at, name) in names.iter().enumerate() {
            let undetermined = self.undetermined.of_weights(at);
            let (found, before, twin) = (&found[name], &before[name], &twin[name]);
            each(at, name, &Trained { found, golden: golden(name), before, twin, undetermined });
        }
    }
}

impl Trainee {
    fn update(&mut self, gradients: Vec<Tensor<1>>, rate: f64) {
        self.weights = self.adamw.update(self.weights.clone(), gradients, rate);
    }
}

fn on_host(tensors: &[Tensor<1>]) -> Vec<Vec<f32>> {
    tensors.iter().map(|tensor| tensor.clone().try_into_vec_as().unwrap()).collect()
}
