//! The numbers of the official code: every folder of golden files against this model, on every device.
//!
//! Folders are those named in `GOLDEN_DIRS` (separated by colons), by default all in `shared/golden`
//! beside the checkout; always those in `tests/golden`, which this model wrote itself after it had met the
//! official numbers (`examples/golden.rs`). All geometry is read from `meta.json`. An element passes within
//! 1e-5 or within 1e-4 of the value; gradients in addition within 1e-4 of the tensor's largest; weights after
//! five steps in addition with 95 % of each tensor's elements within 1e-6. The largest differences are
//! printed.

mod batches;
mod folder;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use burn::tensor::{Tensor, activation::log_softmax};
use folder::{Golden, Tolerance};
use schemas::ClipBatch;
use trainer::{
    Device,
    clips::{self, MaskedClips},
    gradients::{Memory, descend},
    model::{Mode, VideoMae, classifier::Classifier, layout},
    objective,
    optimiser::{self, AdamW, Betas},
    weights::{HostTensor, Weights},
};

/// Folders of golden files for pre-training: this project's own, and those of others.
fn folders() -> Vec<PathBuf> {
    let in_folder = |folder: PathBuf| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        entries.flatten().map(|entry| entry.path()).collect()
    };
    let others = match std::env::var("GOLDEN_DIRS") {
        Ok(named) => named.split(':').map(PathBuf::from).collect(),
        Err(_) => folder::shared("golden").map(in_folder).unwrap_or_default(),
    };
    if !others.iter().any(|path| Golden::is_here(path)) {
        println!("skipped: no golden folder of others is here (GOLDEN_DIRS, TUBELET_SHARED)");
    }
    let mut found = in_folder(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden"));
    found.extend(others);
    found.retain(|path| Golden::is_here(path));
    found.sort();
    found
}

fn devices() -> Vec<Device> {
    let mut devices = vec![Device::flex()];
    if cfg!(feature = "tch") {
        devices.push(Device::parse("tch").unwrap());
    }
    devices
}

#[test]
fn every_golden_folder_is_met_on_every_device() {
    let folders = folders();
    assert!(!folders.is_empty(), "the project's own golden folders are in tests/golden");
    let mut failures = Vec::new();
    for path in folders {
        for device in devices() {
            let found = check(&path, &device);
            failures
                .extend(found.iter().map(|why| format!("{} on {}: {why}", path.display(), device.name())));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What is beyond the tolerances.
fn check(path: &Path, device: &Device) -> Vec<String> {
    let golden = Golden::read(path);
    println!("{} on {}", path.display(), device.name());
    let model = VideoMae::new(golden.shape, device);
    let layout = layout::pretraining(&golden.shape);
    golden.check_layout(&layout);
    let weights = Weights::fit(layout, golden.tensors("init."), device).unwrap();
    let everything = upload(&golden.batch(folder::Counted::Everything), &golden, device);
    let mut tolerance = Tolerance::new(&golden);

    let cubes = clips::upload_cubes(&golden.all_cubes(), golden.all_cubes_shape(), device);
    let pixels = golden.first_frames(&host(clips::normalise(cubes)));
    tolerance.check("input.pixels", pixels, golden.tensor("input.pixels_first_frame"));
    let targets = objective::targets(&everything, golden.target);
    tolerance.check("target", host(targets), &golden.sharp_targets());
    let encoded = model.encode(&weights, &everything, Mode::Fixed);
    tolerance.check("out.encoder", host(encoded), golden.tensor("out.encoder"));
    let painted = model.paint(&weights, &everything, Mode::Fixed);
    tolerance.check("out.prediction", host(painted), golden.tensor("out.prediction"));

    let batch = upload(&golden.batch(folder::Counted::LossMask), &golden, device);
    check_training(&golden, &model, weights, &batch, &mut tolerance);
    check_classifier(&golden, device, &mut tolerance);
    tolerance.report()
}

fn check_training(
    golden: &Golden,
    model: &VideoMae,
    mut weights: Weights,
    batch: &MaskedClips,
    tolerance: &mut Tolerance,
) {
    let betas = Betas { weight_decay: 0.0, ..golden.betas };
    let mut adamw = AdamW::new(betas, &weights);
    for step in 0..golden.rates.len() {
        let descent = descend(model, &weights, batch, golden.target, Mode::Fixed, Memory::Everything);
        let norm = optimiser::global_norm(&descent.gradients);
        tolerance.check_number("losses", descent.loss(), golden.losses[step]);
        tolerance.check_number("grad_norms", norm, golden.gradient_norms[step]);
        if step == 0 {
            let gradients = weights.with_values(descent.gradients.clone()).download();
            for (name, gradient) in gradients {
                tolerance.check_gradient("grad", gradient, golden.tensor(&format!("grad.{name}")));
            }
        }
        let gradients = match golden.clip_norm {
            Some(limit) => optimiser::clip(descent.gradients, norm, limit),
            None => descent.gradients,
        };
        adamw.betas.weight_decay = golden.weight_decays[step];
        weights = adamw.update(weights, gradients, golden.rates[step]);
    }
    let descent = descend(model, &weights, batch, golden.target, Mode::Fixed, Memory::Everything);
    tolerance.check_number("loss_after", descent.loss(), golden.loss_after);
    for (name, weight) in weights.download() {
        tolerance.check_weight("step5", weight, golden.tensor(&format!("step5.{name}")));
    }
}

fn check_classifier(golden: &Golden, device: &Device, tolerance: &mut Tolerance) {
    let Some(expected) = &golden.classifier else { return };
    let mut tensors: BTreeMap<String, HostTensor> = golden.tensors("init.encoder.");
    tensors.retain(|name, _| !name.starts_with("norm."));
    tensors.extend(golden.tensors("cls.init."));
    let layout = layout::classifier(&golden.shape, expected.classes);
    let weights = Weights::fit(layout, tensors, device).unwrap().tracked();

    let cubes = clips::upload_cubes(&golden.all_cubes(), golden.all_cubes_shape(), device);
    let classified = Classifier::new(golden.shape, device).classify(&weights, clips::normalise(cubes));
    let scores = log_softmax(classified.logits.clone(), 1); // B K
    let picked = expected
        .labels
        .iter()
        .enumerate()
        .map(|(clip, label)| scores.clone().slice([clip..clip + 1, *label..label + 1]).reshape([1]));
    let loss = -Tensor::cat(picked.collect(), 0).mean();
    let gradients = weights.or_zeros(weights.take_gradients(&mut loss.backward()));

    tolerance.check("cls.features", host(classified.features.inner()), golden.tensor("cls.features"));
    tolerance.check("cls.logits", host(classified.logits.inner()), golden.tensor("cls.logits"));
    tolerance.check_number("cls.loss", f64::from(host(loss.inner()).values[0]), expected.loss);
    for (name, gradient) in weights.with_values(gradients).download() {
        tolerance.check_gradient("cls.grad", gradient, golden.tensor(&format!("cls.grad.{name}")));
    }
}

fn upload(batch: &ClipBatch, golden: &Golden, device: &Device) -> MaskedClips {
    MaskedClips::upload(batch, golden.shape.geometry, device).unwrap()
}

fn host<const D: usize>(tensor: Tensor<D>) -> HostTensor {
    let shape = tensor.dims().to_vec();
    HostTensor { shape, values: tensor.try_into_vec_as().unwrap() }
}
