//! Small models whose every value is another one, so that a value in a wrong place shows.

use std::collections::BTreeMap;

use schemas::ClipGeometry;
use trainer::{
    checkpoint::{Kind, PixelScale, SavedModel, native::About},
    model::{ModelShape, NormEpsilons, Stack},
    weights::HostTensor,
};

/// A model of this kind: clips of 4×8×16 in cubes of 2×4×4.
pub fn model(kind: Kind) -> SavedModel {
    let decoder = match kind {
        Kind::Pretraining => Stack { dim: 8, depth: 1, heads: 4, hidden: 20 },
        Kind::Classifier { .. } | Kind::Encoder { .. } => SavedModel::NO_DECODER,
    };
    let shape = ModelShape {
        geometry: ClipGeometry::new(4, 8, 16, 2, 4).unwrap(),
        encoder: Stack { dim: 16, depth: 2, heads: 2, hidden: 40 },
        decoder,
        epsilons: NormEpsilons::default(),
        encoder_norm: true,
    };
    let mut drawn = 0u32;
    let weights: BTreeMap<String, HostTensor> = kind
        .layout(&shape)
        .0
        .into_iter()
        .map(|entry| {
            let values = (0..entry.elements()).map(|_| {
                drawn += 1;
                // Weyl's sequence: spread over (−1, 1) without repeating.
                drawn.wrapping_mul(0x9e37_79b9) as i32 as f32 / i32::MAX as f32
            });
            let values = values.collect();
            (entry.name, HostTensor { shape: entry.shape, values })
        })
        .collect();
    let about = About {
        recipe: "[clip]\nframes = 4\n".to_owned(),
        step: 7,
        clips: 56,
        data: "digest".to_owned(),
        made_by: "a test".to_owned(),
    };
    SavedModel {
        kind,
        shape,
        labels: Vec::new(),
        stretched_from: None,
        pixels: PixelScale::IMAGENET,
        problem_type: schemas::ProblemType::default(),
        weights,
        about,
        assumed: Vec::new(),
        notes: Vec::new(),
    }
}
