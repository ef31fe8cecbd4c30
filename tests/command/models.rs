//! Small models as files, their weights drawn by a fixed rule: what they answer is nonsense, but always the same.

use std::path::{Path, PathBuf};

use schemas::{ClipGeometry, ProblemType};
use trainer::{
    checkpoint::{self, Format, Kind, PixelScale, SavedModel, native::About},
    model::{ModelShape, NormEpsilons, Stack},
    weights::HostTensor,
};

/// A classifier of these classes that looks at 16 frames of 32×32 pixels.
pub fn classifier(folder: &Path, classes: &[&str]) -> PathBuf {
    let labels = classes.iter().map(|class| (*class).to_owned()).collect();
    write(folder, Kind::Classifier { classes: classes.len() }, labels, Format::Tubelet)
}

/// A pre-trained encoder and decoder of the same clips, in the official layout, which says no lengths.
pub fn pretrained(folder: &Path) -> PathBuf {
    write(folder, Kind::Pretraining, Vec::new(), Format::Official)
}

fn write(folder: &Path, kind: Kind, labels: Vec<String>, format: Format) -> PathBuf {
    let stack = |depth| Stack { dim: 48, depth, heads: 3, hidden: 96 };
    let shape = ModelShape {
        geometry: ClipGeometry::new(16, 32, 32, 2, 8).unwrap(),
        encoder: stack(2),
        decoder: if kind == Kind::Pretraining { stack(1) } else { SavedModel::NO_DECODER },
        epsilons: NormEpsilons::default(),
        encoder_norm: true,
    };
    let mut state = 1u64;
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32 / (1u64 << 23) as f32 - 1.0) * 0.2
    };
    let mut tensor = |shape: &[usize]| HostTensor {
        shape: shape.to_vec(),
        values: (0..shape.iter().product()).map(|_| draw()).collect(),
    };
    let weights =
        kind.layout(&shape).0.iter().map(|entry| (entry.name.clone(), tensor(&entry.shape))).collect();
    let about = About::default();
    let (stretched_from, pixels) = (None, PixelScale::IMAGENET);
    let (assumed, notes) = (Vec::new(), Vec::new());
    let problem_type = ProblemType::default();
    let model = SavedModel {
        kind,
        shape,
        labels,
        stretched_from,
        pixels,
        problem_type,
        weights,
        about,
        assumed,
        notes,
    };
    let path = folder.join(if format == Format::Official { "model.pth" } else { "model.safetensors" });
    let heads = checkpoint::Heads { encoder: 3, decoder: Some(3) };
    checkpoint::write(&model, format, &path, Some(heads)).unwrap();
    path
}
