//! The weights that a training starts from: the official code's distributions, drawn by name.
//!
//! Each tensor has its own stream of random numbers, keyed by the seed and its name, so a weight does not
//! depend on the device, on the order of drawing, or on what else the model has.
//!
//! Two tensors keep PyTorch's default where everything else is drawn anew, as the official model has it:
//! the embedding (a convolution, which its initialiser passes over) and the narrowing to the decoder.

use crate::{
    device::Device,
    model::{ModelShape, layout},
    random::{Draws, purpose},
    weights::{Entry, HostTensor, Weights},
};

/// How the values of a tensor are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// All the same.
    Constant(f64),
    /// Uniform between minus and plus this bound.
    Uniform(f64),
    /// Normal of this spread, drawn again until within this bound.
    CutNormal {
        /// Standard deviation before the cut.
        sigma: f64,
        /// Largest distance from 0.
        bound: f64,
    },
}

/// Freshly drawn weights for pre-training.
pub fn draw(shape: &ModelShape, seed: u64, device: &Device) -> Weights {
    let cube = shape.geometry.cube();
    Weights::draw(layout::pretraining(shape), device, |entry| values(entry, rule(entry, cube), seed))
}

/// A freshly drawn tensor of an encoder alone, as in pre-training.
pub fn encoder_tensor(entry: &Entry, cube: usize, seed: u64) -> Vec<f32> {
    values(entry, rule(entry, cube), seed)
}

/// A freshly drawn tensor of a model in pre-training.
pub fn pretraining_tensor(entry: &Entry, cube: usize, seed: u64) -> HostTensor {
    HostTensor { shape: entry.shape.clone(), values: values(entry, rule(entry, cube), seed) }
}

/// A freshly drawn tensor of a classifier whose cubes have `cube` values. The head's are multiplied by
/// `head_scale`.
pub fn classifier_tensor(entry: &Entry, cube: usize, head_scale: f64, seed: u64) -> HostTensor {
    let mut values = values(entry, classifier_rule(entry, cube), seed);
    if entry.name.starts_with("head.") {
        values.iter_mut().for_each(|value| *value *= head_scale as f32);
    }
    HostTensor { shape: entry.shape.clone(), values }
}

/// The rule for a tensor of a classifier whose cubes have `cube` values (official `modeling_finetune.py`).
pub fn classifier_rule(entry: &Entry, cube: usize) -> Rule {
    match entry.shape[..] {
        // The initialiser passes over the convolution here, too.
        _ if entry.name.starts_with("patch_embed.proj.") => Rule::Uniform((cube as f64).powf(-0.5)),
        // timm's `trunc_normal_` cuts at ±2, a hundred deviations away.
        [_, _] => Rule::CutNormal { sigma: 0.02, bound: 2.0 },
        _ if entry.name.contains("norm") && entry.name.ends_with(".weight") => Rule::Constant(1.0),
        _ => Rule::Constant(0.0),
    }
}

/// The rule for a tensor of a model whose cubes have `cube` values.
pub fn rule(entry: &Entry, cube: usize) -> Rule {
    let name = entry.name.as_str();
    if name.contains("patch_embed.proj.") {
        // PyTorch's default for convolutions and their biases: by the number of inputs.
        return Rule::Uniform((cube as f64).powf(-0.5));
    }
    if name == "mask_token" {
        // `trunc_normal_(std=.02)` of the official model cuts at ±std, not at ±2.
        return Rule::CutNormal { sigma: 0.02, bound: 0.02 };
    }
    match entry.shape[..] {
        [_, input] if name == "encoder_to_decoder.weight" => Rule::Uniform((input as f64).powf(-0.5)),
        [output, input] => Rule::Uniform((6.0 / (input + output) as f64).sqrt()), // Xavier
        _ if name.contains("norm") && name.ends_with(".weight") => Rule::Constant(1.0),
        _ => Rule::Constant(0.0),
    }
}

fn values(entry: &Entry, rule: Rule, seed: u64) -> Vec<f32> {
    let mut draws = Draws::keyed(seed, &purpose::weights(&entry.name), &[]);
    let value = move |_| match rule {
        Rule::Constant(value) => value as f32,
        Rule::Uniform(bound) => draws.within(bound) as f32,
        Rule::CutNormal { sigma, bound } => draws.normal_within(sigma, bound) as f32,
    };
    (0..entry.elements()).map(value).collect()
}

#[cfg(test)]
mod tests {
    use schemas::ClipGeometry;

    use super::*;
    use crate::model::{NormEpsilons, Size};

    fn base() -> ModelShape {
        ModelShape {
            geometry: ClipGeometry::new(16, 224, 224, 2, 16).unwrap(),
            encoder: Size::Base.encoder(),
            decoder: Size::Base.decoder(4),
            epsilons: NormEpsilons::default(),
            encoder_norm: true,
        }
    }

    /// Largest value and variance of a tensor of the base model.
    fn drawn(name: &str) -> (f64, f64) {
        let shape = base();
        let layout = layout::pretraining(&shape);
        let entry = layout.0.iter().find(|entry| entry.name == name).unwrap();
        let values = values(entry, rule(entry, shape.geometry.cube()), 0);
        let largest = values.iter().fold(0f64, |largest, value| largest.max(f64::from(value.abs())));
        (largest, values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>() / values.len() as f64)
    }

    #[test]
    fn each_group_of_the_base_model_has_its_published_bound_and_variance() {
        for (name, bound, variance) in [
            ("encoder.patch_embed.proj.weight", 0.0255155, 2.17014e-4),
            ("encoder.blocks.0.attn.qkv.weight", 0.0441942, 6.51042e-4),
            ("decoder.blocks.0.attn.qkv.weight", 0.0625, 1.30208e-3),
            ("encoder.blocks.3.attn.proj.weight", 0.0625, 1.30208e-3),
            ("decoder.blocks.3.attn.proj.weight", 0.0883883, 2.60417e-3),
            ("encoder.blocks.0.mlp.fc1.weight", 0.0395285, 5.20833e-4),
            ("decoder.blocks.0.mlp.fc2.weight", 0.0559017, 1.04167e-3),
            ("decoder.head.weight", 0.0559017, 1.04167e-3),
            ("encoder_to_decoder.weight", 0.0360844, 4.34028e-4),
            ("encoder.blocks.0.mlp.fc2.weight", 0.0395285, 5.20833e-4),
            ("decoder.blocks.0.mlp.fc1.weight", 0.0559017, 1.04167e-3),
        ] {
            let (largest, spread) = drawn(name);
            assert!(largest <= bound + 1e-7 && largest > 0.999 * bound, "{name}: largest {largest}");
            assert!((spread / variance - 1.0).abs() < 0.01, "{name}: variance {spread}, wanted {variance}");
        }
    }

    #[test]
    fn biases_start_at_zero_and_norms_at_one() {
        for (name, value) in [
            ("encoder.blocks.0.attn.q_bias", 0.0),
            ("decoder.head.bias", 0.0),
            ("encoder.blocks.0.mlp.fc1.bias", 0.0),
            ("decoder.norm.bias", 0.0),
            ("encoder.blocks.0.norm1.weight", 1.0),
            ("decoder.norm.weight", 1.0),
        ] {
            assert_eq!(drawn(name), (value, value), "{name}");
        }
        assert!((drawn("encoder.patch_embed.proj.bias").1 / 2.17014e-4 - 1.0).abs() < 0.1);
        assert!(drawn("mask_token").0 <= 0.02);
        assert!((drawn("mask_token").1 / 1.16450e-4 - 1.0).abs() < 0.15);
    }

    #[test]
    fn a_classifier_begins_as_published() {
        let shape = base();
        let layout = layout::classifier(&shape, 400);
        let drawn = |name: &str| {
            let entry = layout.0.iter().find(|entry| entry.name == name).unwrap();
            let values = classifier_tensor(entry, shape.geometry.cube(), 0.001, 0).values;
            let largest = values.iter().fold(0f32, |largest, value| largest.max(value.abs()));
            let variance =
                values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>() / values.len() as f64;
            (largest, variance.sqrt())
        };
        let (_, spread) = drawn("head.weight");
        assert!((spread / 2e-5 - 1.0).abs() < 0.01, "{spread}");
        let (largest, spread) = drawn("patch_embed.proj.weight");
        assert!(largest <= 0.02552 && (spread / 0.0147 - 1.0).abs() < 0.01, "{largest} {spread}");
        assert!((drawn("blocks.3.mlp.fc1.weight").1 / 0.02 - 1.0).abs() < 0.01);
        assert_eq!(drawn("fc_norm.weight"), (1.0, 1.0));
        for zero in ["head.bias", "blocks.0.attn.q_bias", "blocks.0.mlp.fc2.bias", "fc_norm.bias"] {
            assert_eq!(drawn(zero), (0.0, 0.0), "{zero}");
        }
    }
}
