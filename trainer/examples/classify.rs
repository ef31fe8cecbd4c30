//! What a classifier says of clips in a file: for comparing with other programs on the very same pixels.
//!
//! ```console
//! $ cargo run -p tubelet-trainer --example classify -- MODEL CLIPS.safetensors OUT.safetensors [DEVICE]
//! ```
//!
//! MODEL is anything that `tubelet convert` reads. CLIPS holds `input.u8`, `[B, T, H, W, 3]`; OUT gets `logits`,
//! `[B, K]`, and `features`, `[B, D]`. `tests/python/exchange_classifier.py` uses it.

#[path = "../tests/batches/cube.rs"]
mod cube;
#[path = "../tests/tensors/mod.rs"]
#[allow(dead_code)] // tests take other kinds of numbers too
mod tensors;

use std::{env, error::Error, fs, path::Path};

use burn::tensor::Tensor;
use safetensors::{Dtype, tensor::TensorView};
use trainer::{
    Device, checkpoint,
    clips::{normalise, upload_cubes},
    frozen,
};

fn main() -> Result<(), Box<dyn Error>> {
    let given: Vec<String> = env::args().skip(1).collect();
    let [model, clips, out, device @ ..] = &given[..] else {
        return Err("wanted: MODEL CLIPS.safetensors OUT.safetensors [DEVICE]".into());
    };
    let device = Device::parse(device.first().map_or("flex", String::as_str))?;
    let model = checkpoint::read_any(Path::new(model))?;
    let (classifier, weights) = frozen::classifier(model, &device)?;
    let geometry = classifier.shape().geometry;
    let tensors = tensors::Tensors::read(Path::new(clips));
    let (shape, frames) = tensors.bytes("input.u8");
    if shape[1..] != [geometry.frames(), geometry.height(), geometry.width(), 3] {
        return Err(format!("clips of {shape:?}, the model takes {geometry:?}").into());
    }
    let (mut logits, mut features) = (Vec::new(), Vec::new());
    for frames in frames.chunks_exact(frames.len() / shape[0]) {
        let cubes: Vec<u8> =
            (0..geometry.tokens()).flat_map(|token| cube::cube(frames, geometry, token)).collect();
        let cubes = upload_cubes(&cubes, [1, geometry.tokens(), geometry.cube()], &device);
        let found = classifier.classify(&weights, normalise(cubes));
        logits.extend(bytes(found.logits)?);
        features.extend(bytes(found.features)?);
    }
    let rows = shape[0];
    let logits = TensorView::new(Dtype::F32, vec![rows, logits.len() / 4 / rows], &logits)?;
    let features = TensorView::new(Dtype::F32, vec![rows, features.len() / 4 / rows], &features)?;
    fs::write(out, safetensors::serialize([("logits", logits), ("features", features)], None)?)?;
    Ok(())
}

fn bytes(values: Tensor<2>) -> Result<Vec<u8>, Box<dyn Error>> {
    let values: Vec<f32> = values.try_into_vec_as().map_err(|why| format!("{why:?}"))?;
    Ok(values.iter().flat_map(|value| value.to_le_bytes()).collect())
}
