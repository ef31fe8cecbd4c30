//! What a model says of clips in a file: for comparing with other programs on the very same pixels.
//!
//! ```console
//! $ cargo run -p tubelet-trainer --example classify -- MODEL CLIPS.safetensors OUT.safetensors [DEVICE]
//! ```
//!
//! MODEL is anything that `tubelet convert` reads. CLIPS holds `input.u8`, `[B, T, H, W, 3]`. Of a classifier OUT gets
//! `logits`, `[B, K]` (none where it has no head), and `features`, `[B, D]`; of a model in pre-training `prediction`, `[B, M, C]`, at the tokens
//! where `mask`, `[B, N]`, of CLIPS is 1. `tests/python/exchange_classifier.py` and `transformers_layouts.py` use it.

#[path = "../tests/batches/mod.rs"]
mod batches;
#[path = "../tests/tensors/mod.rs"]
#[allow(dead_code)] // tests take other kinds of numbers too
mod tensors;

use std::{env, error::Error, fs, path::Path};

use burn::tensor::Tensor;
use safetensors::{Dtype, tensor::TensorView};
use schemas::ClipBatch;
use trainer::{
    Device,
    batch::masked::{MaskedClips, normalise, upload_cubes},
    checkpoint::{self, Kind, SavedModel},
    inference::classifier,
    model::{Mode, VideoMae},
    weights::Weights,
};

fn main() -> Result<(), Box<dyn Error>> {
    let given: Vec<String> = env::args().skip(1).collect();
    let [model, clips, out, device @ ..] = &given[..] else {
        return Err("wanted: MODEL CLIPS.safetensors OUT.safetensors [DEVICE]".into());
    };
    let device = Device::parse(device.first().map_or("flex", String::as_str))?;
    let model = checkpoint::read_any(Path::new(model))?;
    if model.kind == Kind::Pretraining {
        return predict(model, Path::new(clips), out, &device);
    }
    let (classifier, weights) = classifier::classifier_of(model, &device)?;
    let geometry = classifier.shape().geometry;
    let tensors = tensors::Tensors::read(Path::new(clips));
    let (shape, frames) = tensors.bytes("input.u8");
    if shape[1..] != [geometry.frames(), geometry.height(), geometry.width(), 3] {
        return Err(format!("clips of {shape:?}, the model takes {geometry:?}").into());
    }
    let (mut logits, mut features) = (Vec::new(), Vec::new());
    let has_head = weights.has("head.weight");
    for frames in frames.chunks_exact(frames.len() / shape[0]) {
        let cubes: Vec<u8> =
            (0..geometry.tokens()).flat_map(|token| batches::cube(frames, geometry, token)).collect();
        let cubes = upload_cubes(&cubes, [1, geometry.tokens(), geometry.cube()], &device);
        let cubes = normalise(cubes);
        if has_head {
            logits.extend(bytes(classifier.classify(&weights, cubes.clone()).logits)?);
        }
        features.extend(bytes(classifier.feature(&weights, cubes))?);
    }
    let rows = shape[0];
    let logits = TensorView::new(Dtype::F32, vec![rows, logits.len() / 4 / rows], &logits)?;
    let features = TensorView::new(Dtype::F32, vec![rows, features.len() / 4 / rows], &features)?;
    fs::write(out, safetensors::serialize([("logits", logits), ("features", features)], None)?)?;
    Ok(())
}

/// What a model in pre-training predicts at the masked tokens.
fn predict(model: SavedModel, clips: &Path, out: &str, device: &Device) -> Result<(), Box<dyn Error>> {
    let geometry = model.shape.geometry;
    let tensors = tensors::Tensors::read(clips);
    let ((shape, frames), (_, mask)) = (tensors.bytes("input.u8"), tensors.bytes("mask"));
    let tokens = geometry.tokens();
    let clips = frames.chunks_exact(frames.len() / shape[0]).zip(mask.chunks_exact(tokens)).enumerate();
    let clips: Vec<batches::MadeClip> = clips
        .map(|(number, (frames, mask))| {
            let with = |value: u8| (0..tokens).filter(|token| mask[*token] == value).collect();
            let (visible, target) = (with(0), with(1));
            let (number, frames) = (number as u64, frames.to_vec());
            batches::MadeClip { number, frames, visible, target, context: vec![] }
        })
        .collect();
    let batch = ClipBatch::try_from(batches::record_batch(geometry, &clips))?;
    let batch = MaskedClips::upload(&batch, geometry, device)?;
    let weights = Weights::fit(model.layout(), model.weights.clone(), device)?;
    let found = VideoMae::new(model.shape, device).predict(&weights, &batch, Mode::Fixed);
    let lengths = found.dims().to_vec();
    let found = bytes(found)?;
    let prediction = TensorView::new(Dtype::F32, lengths, &found)?;
    fs::write(out, safetensors::serialize([("prediction", prediction)], None)?)?;
    Ok(())
}

fn bytes<const D: usize>(values: Tensor<D>) -> Result<Vec<u8>, Box<dyn Error>> {
    let values: Vec<f32> = values.try_into_vec_as().map_err(|why| format!("{why:?}"))?;
    Ok(values.iter().flat_map(|value| value.to_le_bytes()).collect())
}
