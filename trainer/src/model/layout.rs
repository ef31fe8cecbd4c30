//! Which tensors a model has: official names and shapes, in the order of the official file.
//!
//! ```text
//! mask_token                              [1, 1, D']           D  width of the encoder
//! encoder.patch_embed.proj.weight, .bias  [D, 3, t, P, P], [D]  D' width of the decoder
//! encoder.blocks.0 … , encoder.norm                             C  values of a cube
//! decoder.blocks.0 … , decoder.norm
//! decoder.head.weight, .bias              [C, D'], [C]
//! encoder_to_decoder.weight               [D', D]
//! ```
//!
//! A classifier has the same encoder without the prefix and without its norm, then `fc_norm` and `head`. A model of
//! Hugging Face's default config has no `encoder.norm` in pre-training either.

use schemas::{ClipGeometry, geometry::CHANNELS};
use serde::{Deserialize, Serialize};

use super::sizes::{ModelShape, Stack};
use crate::weights::{Entry, Layout};

/// The tensors of a model in pre-training.
pub fn pretraining(shape: &ModelShape) -> Layout {
    let (encoder, decoder, cube) = (shape.encoder, shape.decoder, shape.geometry.cube());
    let mut entries = vec![entry("mask_token", &[1, 1, decoder.dim])];
    embedding(&mut entries, "encoder.", shape.geometry, encoder.dim);
    blocks(&mut entries, "encoder.", encoder);
    if shape.encoder_norm {
        affine(&mut entries, "encoder.norm", encoder.dim);
    }
    blocks(&mut entries, "decoder.", decoder);
    affine(&mut entries, "decoder.norm", decoder.dim);
    linear(&mut entries, "decoder.head", cube, decoder.dim);
    entries.push(entry("encoder_to_decoder.weight", &[decoder.dim, encoder.dim]));
    Layout(entries)
}

/// The tensors of a classifier of `classes` classes.
pub fn classifier(shape: &ModelShape, classes: usize) -> Layout {
    let Layout(mut entries) = encoder(shape, LastNorm::Absent);
    affine(&mut entries, "fc_norm", shape.encoder.dim);
    linear(&mut entries, "head", classes, shape.encoder.dim);
    Layout(entries)
}

/// Whether an encoder that stands alone has the norm behind its last block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LastNorm {
    /// It has, as in pre-training.
    Present,
    /// It has not, as in fine-tuning.
    Absent,
    /// It has `fc_norm` instead, behind the mean token: a classifier without its head, as VideoMAE V2 is published
    /// for features.
    OfMean,
}

/// The tensors of an encoder alone, without a prefix.
pub fn encoder(shape: &ModelShape, last_norm: LastNorm) -> Layout {
    let mut entries = Vec::new();
    embedding(&mut entries, "", shape.geometry, shape.encoder.dim);
    blocks(&mut entries, "", shape.encoder);
    match last_norm {
        LastNorm::Present => affine(&mut entries, "norm", shape.encoder.dim),
        LastNorm::OfMean => affine(&mut entries, "fc_norm", shape.encoder.dim),
        LastNorm::Absent => {}
    }
    Layout(entries)
}

fn entry(name: impl Into<String>, shape: &[usize]) -> Entry {
    Entry { name: name.into(), shape: shape.to_vec() }
}

fn embedding(entries: &mut Vec<Entry>, prefix: &str, geometry: ClipGeometry, dim: usize) {
    let (tubelet, patch) = (geometry.tubelet(), geometry.patch());
    let name = format!("{prefix}patch_embed.proj");
    entries.push(entry(format!("{name}.weight"), &[dim, CHANNELS, tubelet, patch, patch]));
    entries.push(entry(format!("{name}.bias"), &[dim]));
}

fn blocks(entries: &mut Vec<Entry>, prefix: &str, stack: Stack) {
    let Stack { dim, depth, hidden, .. } = stack;
    for block in 0..depth {
        let name = format!("{prefix}blocks.{block}");
        affine(entries, &format!("{name}.norm1"), dim);
        entries.push(entry(format!("{name}.attn.q_bias"), &[dim]));
        entries.push(entry(format!("{name}.attn.v_bias"), &[dim]));
        entries.push(entry(format!("{name}.attn.qkv.weight"), &[3 * dim, dim]));
        linear(entries, &format!("{name}.attn.proj"), dim, dim);
        affine(entries, &format!("{name}.norm2"), dim);
        linear(entries, &format!("{name}.mlp.fc1"), hidden, dim);
        linear(entries, &format!("{name}.mlp.fc2"), dim, hidden);
    }
}

fn affine(entries: &mut Vec<Entry>, name: &str, dim: usize) {
    entries.push(entry(format!("{name}.weight"), &[dim]));
    entries.push(entry(format!("{name}.bias"), &[dim]));
}

fn linear(entries: &mut Vec<Entry>, name: &str, output: usize, input: usize) {
    entries.push(entry(format!("{name}.weight"), &[output, input]));
    entries.push(entry(format!("{name}.bias"), &[output]));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sizes::{NormEpsilons, Size};

    fn shape(size: Size, decoder_depth: usize, patch: usize) -> ModelShape {
        ModelShape {
            geometry: ClipGeometry::new(16, 224, 224, 2, patch).unwrap(),
            encoder: size.encoder(),
            decoder: size.decoder(decoder_depth),
            epsilons: NormEpsilons::default(),
            encoder_norm: true,
        }
    }

    /// VideoMAE V2's huge model has the large one's decoder.
    fn huge_of_v2() -> ModelShape {
        ModelShape { decoder: Size::Large.decoder(4), ..shape(Size::Huge, 4, 16) }
    }

    #[test]
    fn the_published_models_have_their_published_numbers_of_parameters_and_tensors() {
        // all, encoder, decoder, narrowing and mask token; tensors in all, of encoder, of decoder
        let published = [
            (shape(Size::Small, 4, 16), [24_029_376, 21_879_936, 2_075_520, 73_920], [218, 160, 56]),
            (shape(Size::Base, 4, 16), [94_210_944, 86_227_200, 7_688_448, 295_296], [218, 160, 56]),
            (shape(Size::Large, 12, 16), [342_996_992, 303_860_736, 38_611_456, 524_800], [478, 316, 160]),
            (shape(Size::Huge, 12, 16), [692_487_296, 631_607_040, 60_060_416, 819_840], [582, 420, 160]),
            (shape(Size::Large, 4, 16), [317_782_016, 303_860_736, 13_396_480, 524_800], [374, 316, 56]),
            (huge_of_v2(), [645_659_392, 631_607_040, 13_396_480, 655_872], [478, 420, 56]),
            (shape(Size::Giant, 4, 14), [1_026_306_560, 1_011_610_752, 13_974_400, 721_408], [582, 524, 56]),
        ];
        for (shape, parameters, tensors) in published {
            let layout = pretraining(&shape);
            let parts = ["encoder.", "decoder."].map(|part| layout.parameters_of(part));
            let rest = layout.parameters() - parts[0] - parts[1];
            assert_eq!([layout.parameters(), parts[0], parts[1], rest], parameters);
            let count = |part: &str| layout.0.iter().filter(|entry| entry.name.starts_with(part)).count();
            assert_eq!([count(""), count("encoder."), count("decoder.")], tensors);
        }
    }

    #[test]
    fn classifiers_of_400_classes_have_their_published_numbers_of_parameters_and_tensors() {
        let published = [
            (shape(Size::Small, 4, 16), 22_033_936, 162),
            (shape(Size::Base, 4, 16), 86_534_800, 162),
            (shape(Size::Large, 4, 16), 304_270_736, 318),
            (shape(Size::Huge, 4, 16), 632_119_440, 422),
            (shape(Size::Giant, 4, 14), 1_012_174_352, 526),
        ];
        for (shape, parameters, tensors) in published {
            let layout = classifier(&shape, 400);
            assert_eq!((layout.parameters(), layout.0.len()), (parameters, tensors));
        }
    }

    #[test]
    fn the_base_model_decays_67_tensors_and_leaves_151_alone() {
        let layout = pretraining(&shape(Size::Base, 4, 16));
        let (left, decayed): (Vec<_>, Vec<_>) = layout.0.iter().partition(|entry| entry.is_undecayed());
        let sum = |entries: &[&Entry]| entries.iter().map(|entry| entry.elements()).sum::<usize>();
        assert_eq!((left.len(), sum(&left)), (151, 134_016));
        assert_eq!((decayed.len(), sum(&decayed)), (67, 94_076_928));
    }

    #[test]
    fn the_order_is_that_of_the_official_file() {
        let layout = pretraining(&shape(Size::Base, 4, 16));
        let names: Vec<_> = layout.0.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names[0], "mask_token");
        assert_eq!(
            names[3..9],
            [
                "norm1.weight",
                "norm1.bias",
                "attn.q_bias",
                "attn.v_bias",
                "attn.qkv.weight",
                "attn.proj.weight"
            ]
            .map(|name| format!("encoder.blocks.0.{name}"))
        );
        assert_eq!(names[217], "encoder_to_decoder.weight");
        assert_eq!(layout.0[1].shape, [768, 3, 2, 16, 16]);
    }
}
