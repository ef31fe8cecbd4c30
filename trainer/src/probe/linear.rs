//! A linear map from a clip's mean token to classes, on features standardised by the training set.
//!
//! ```text
//! loss = cross entropy + λ/2 · ‖weight‖²          all videos at once, Adam, half a cosine down
//! ```
//!
//! Standardising is what the BatchNorm without affine of MAE's linear probe does. The loss is convex, so what
//! is chosen is only λ.

use burn::tensor::{Tensor, TensorData};

use super::{
    Outcome, ScoresNotFinite, Select, accuracy, best,
    features::{Features, Standard},
    finite, hold_out,
};
use crate::{
    batch::mixup::{Mix, upload_targets},
    device::Device,
    loss::answers::soft_target_loss,
    optimiser::{
        adamw::{AdamW, Betas},
        learning_rate::LearningRate,
    },
    weights::{Entry, Layout, Weights, floats},
};

/// λ that are tried.
pub const DECAYS: [f64; 7] = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0];
/// Steps of each fit; with standardised features the loss has settled long before.
const STEPS: u64 = 300;
/// Largest step: a weight of a standardised feature is of size 0.01 to 1.
const RATE: f64 = 0.02;

/// Chooses λ, fits all training videos with it, and answers for the test videos.
///
/// # Errors
/// When a score is no number.
pub fn probe(
    train: &Features,
    test: &Features,
    classes: usize,
    select: Select,
    seed: u64,
    device: &Device,
) -> Result<Outcome, ScoresNotFinite> {
    let name = |decay: f64| format!("λ {decay:e}");
    let answer = |train: &Features, test: &Features, decay| {
        let standard = Standard::of(train);
        let weights = fit(&standard.apply(train), &train.labels(), classes, decay, device);
        finite(scores(&weights, &standard.apply(test), device), test, || name(decay))
    };
    let (kept, held) = hold_out(train, seed);
    let (known, asked) = match select {
        Select::HeldOut => (&kept, &held),
        Select::Test => (train, test),
    };
    let mut settings = Vec::new();
    for decay in DECAYS {
        settings.push((name(decay), accuracy(&answer(known, asked, decay)?, asked)));
    }
    let chosen = best(settings.iter().map(|setting| setting.1));
    let scores = answer(train, test, DECAYS[chosen])?;
    Ok(Outcome { chosen: settings[chosen].0.clone(), select, settings, scores })
}

/// The weights that fit these standardised vectors best.
fn fit(vectors: &[Vec<f32>], labels: &[usize], classes: usize, decay: f64, device: &Device) -> Weights {
    let width = vectors.first().map_or(0, Vec::len);
    let entry = |name: &str, shape: &[usize]| Entry { name: name.to_owned(), shape: shape.to_vec() };
    let layout = Layout(vec![entry("linear.weight", &[classes, width]), entry("linear.bias", &[classes])]);
    let mut weights = Weights::draw(layout, device, |entry| vec![0.0; entry.elements()]);
    if vectors.is_empty() {
        return weights;
    }
    let inputs = upload(vectors, device);
    let targets = upload_targets(Mix::Nothing.targets(labels, classes, 0.0), classes, device);
    // Decay is part of the loss here, so that λ means the same at any rate.
    let mut adam = AdamW::new(Betas { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 }, &weights);
    let rate = LearningRate { peak: RATE, floor: 0.0, warmup: 0, total: STEPS };
    for step in 0..STEPS {
        let tracked = weights.tracked();
        let penalty = tracked.matrix("linear.weight").square().sum() * (decay / 2.0);
        let loss = soft_target_loss(logits(&tracked, inputs.clone()), targets.clone()) + penalty;
        let gradients = tracked.take_gradients(&mut loss.backward());
        let gradients = weights.or_zeros(gradients);
        weights = adam.update(weights, gradients, rate.at(step));
    }
    weights
}

fn logits(weights: &Weights, inputs: Tensor<2>) -> Tensor<2> {
    crate::kernels::linear(inputs, weights.matrix("linear.weight"), Some(weights.vector("linear.bias")))
}

fn scores(weights: &Weights, vectors: &[Vec<f32>], device: &Device) -> Vec<Vec<f32>> {
    if vectors.is_empty() {
        return Vec::new();
    }
    let logits = logits(weights, upload(vectors, device));
    let [_, classes] = logits.dims();
    floats(logits).chunks_exact(classes).map(<[f32]>::to_vec).collect()
}

fn upload(vectors: &[Vec<f32>], device: &Device) -> Tensor<2> {
    let shape = [vectors.len(), vectors.first().map_or(0, Vec::len)];
    Tensor::from_data(TensorData::new(vectors.concat(), shape), device.tensors())
}

#[cfg(test)]
mod tests {
    use super::{super::features::tests::made, *};

    #[test]
    fn classes_that_a_line_separates_are_told_apart() {
        let (train, test) = (made(60, 3, 1, 8), made(30, 3, 1, 8));
        let found = probe(&train, &test, 3, Select::HeldOut, 0, &Device::flex()).unwrap();
        assert_eq!(accuracy(&found.scores, &test), 1.0, "{found:?}");
        assert_eq!((found.settings.len(), found.scores.len()), (7, 30));
    }

    #[test]
    fn a_video_beyond_all_that_was_learnt_from_gets_no_score() {
        let (train, test) = (made(40, 2, 1, 4).scaled(0.0), made(10, 2, 1, 4).scaled(1e37));
        let refused = probe(&train, &test, 2, Select::HeldOut, 0, &Device::flex()).unwrap_err();
        assert!(refused.to_string().contains("its scores for 0.mp4 (row 0) are not finite"), "{refused}");
    }

    #[test]
    fn a_larger_penalty_makes_smaller_weights() {
        let train = made(40, 2, 1, 4);
        let vectors = Standard::of(&train).apply(&train);
        let size = |decay| {
            let weights = fit(&vectors, &train.labels(), 2, decay, &Device::flex()).download();
            weights["linear.weight"].values.iter().map(|value| value * value).sum::<f32>()
        };
        assert!(size(10.0) < 0.1 * size(1e-3));
    }
}
