//! AdamW over named tensors, and the norm of all gradients together.
//!
//! Burn's AdamW keys its state by numbers drawn when a module is made, so a file that knows tensors by
//! name cannot carry it, and it clips each tensor's gradient by itself. This one keeps its moments in the
//! order of the layout, which gives them names, and leaves clipping to [`clip`], which knows the norm over
//! all tensors.

use burn::tensor::Tensor;

use crate::{
    kernels::{self, AdamwStep, Learning},
    weights::{Entry, Weights, floats},
};

/// What does not change from step to step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Betas {
    /// How much of the mean gradient is kept.
    pub beta1: f64,
    /// How much of the mean squared gradient is kept.
    pub beta2: f64,
    /// Added to the root of the mean squared gradient.
    pub epsilon: f64,
    /// Weight decay of the tensors that decay.
    pub weight_decay: f64,
}

/// Which tensors decay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decayed {
    /// All but biases, norms and tokens ([`Entry::is_undecayed`]).
    Matrices,
    /// All.
    Everything,
}

/// The optimiser: settings and moments.
#[doc(alias("optimizer", "torch.optim.AdamW"))]
#[derive(Clone, Debug)]
pub struct AdamW {
    /// What does not change from step to step, unless somebody changes it.
    pub betas: Betas,
    /// What the rate of each tensor is multiplied by; empty where all learn alike. A tensor at 0 stays as it
    /// is: weight decay acts with the tensor's own rate.
    pub scales: Vec<f64>,
    /// Which tensors decay.
    pub decayed: Decayed,
    moments: Vec<[Tensor<1>; 2]>,
    updates: u64,
}

impl AdamW {
    /// An optimiser that has not made an update.
    pub fn new(betas: Betas, weights: &Weights) -> Self {
        let zeros = |value: &Tensor<1>| [value.zeros_like(), value.zeros_like()];
        Self::with(betas, weights.values().iter().map(zeros).collect(), 0)
    }

    /// An optimiser that goes on from these moments after `updates` updates.
    pub fn resume(betas: Betas, first: Weights, second: Weights, updates: u64) -> Self {
        let moments = first.into_values().into_iter().zip(second.into_values());
        let moments = moments.map(|(first, second)| [first, second]).collect();
        Self::with(betas, moments, updates)
    }

    fn with(betas: Betas, moments: Vec<[Tensor<1>; 2]>, updates: u64) -> Self {
        Self { betas, scales: Vec::new(), decayed: Decayed::Matrices, moments, updates }
    }

    /// Mean and mean squared gradients so far, each in the order of the layout.
    pub fn moments(&self) -> [Vec<Tensor<1>>; 2] {
        [0, 1].map(|which| self.moments.iter().map(|pair| pair[which].clone()).collect())
    }

    /// Weights after one more update. An update at rate 0 leaves them as they are and still counts.
    pub fn update(&mut self, weights: Weights, gradients: Vec<Tensor<1>>, rate: f64) -> Weights {
        self.updates += 1;
        let Betas { beta1, beta2, epsilon, weight_decay } = self.betas;
        let step = |(place, entry): (usize, &Entry)| AdamwStep {
            rate: rate * self.scales.get(place).copied().unwrap_or(1.0),
            decay: if self.decayed == Decayed::Matrices && entry.is_undecayed() { 0.0 } else { weight_decay },
            beta1,
            beta2,
            epsilon,
            time: self.updates,
        };
        let steps: Vec<AdamwStep> = weights.layout().0.iter().enumerate().map(step).collect();
        let moments = std::mem::take(&mut self.moments);
        weights.replace(|values| {
            let tensors = values.into_iter().zip(gradients).zip(moments).zip(steps);
            let learning = tensors
                .map(|(((value, gradient), moments), step)| Learning { value, gradient, moments, step })
                .collect();
            let (values, moments) = kernels::adamw_of_all(learning).into_iter().unzip();
            self.moments = moments;
            values
        })
    }
}

/// The Euclidean norm of all gradients together.
pub fn global_norm(gradients: &[Tensor<1>]) -> f64 {
    // One read from the device; few enough numbers to add them exactly.
    floats(kernels::square_sums(gradients)).into_iter().map(f64::from).sum::<f64>().sqrt()
}

/// Shortens gradients of norm `norm` to about `limit` if they are longer (PyTorch's `clip_grad_norm_`).
#[doc(alias = "clip_grad_norm_")]
pub fn clip(gradients: Vec<Tensor<1>>, norm: f64, limit: f64) -> Vec<Tensor<1>> {
    let factor = limit / (norm + 1e-6);
    if factor >= 1.0 {
        return gradients;
    }
    gradients.into_iter().map(|gradient| gradient * factor).collect()
}
