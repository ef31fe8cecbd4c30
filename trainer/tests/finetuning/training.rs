//! The steps of a golden training, taken again.

use burn::tensor::Tensor;
use trainer::{
    Device,
    batch::{
        masked::{normalise, upload_cubes},
        mixup::{Mix, upload_targets},
    },
    loss::answers::AnswerLoss,
    model::{Mode, classifier::Classifier, layout, stages::Memory},
    optimiser::{
        adamw::{self, Betas},
        layer_decay,
        learning_rate::LearningRate,
    },
    recipe::Freeze,
    train::forward_backward::{Gradients, forward_backward_labelled},
    weights::{HostTensor, Weights},
};

use super::{Golden, Tolerance, number, real};
use crate::trained::{Trained, Twins};

/// What is optimised by: as the folder says, or wrongly, to see whether that is noticed.
pub struct Settings {
    pub betas: Betas,
    /// What the rate of each tensor is multiplied by.
    pub scales: Vec<f64>,
    pub clip_norm: Option<f64>,
    pub decayed: adamw::Decayed,
    /// What all rates are multiplied by.
    pub rate: f64,
}

impl Settings {
    pub fn of(golden: &Golden) -> Self {
        let optimizer = &golden.meta["train"]["optimizer"];
        let layout = layout::classifier(&golden.shape, golden.classes);
        let decay = real(&optimizer["layer_decay"]);
        Self {
            betas: golden.betas(),
            scales: layer_decay::scales(&layout, golden.shape.encoder.depth, decay),
            clip_norm: optimizer["clip_grad"].as_f64(),
            decayed: adamw::Decayed::Matrices,
            rate: 1.0,
        }
    }
}

pub fn weights(golden: &Golden, device: &Device) -> Weights {
    let layout = layout::classifier(&golden.shape, golden.classes);
    Weights::fit(layout, golden.tensors.under("init."), device).unwrap()
}

pub fn pixels(golden: &Golden, device: &Device) -> Tensor<3> {
    let geometry = golden.shape.geometry;
    normalise(upload_cubes(&golden.cubes(), [golden.batch, geometry.tokens(), geometry.cube()], device))
}

/// The targets of step `step`, row by row.
fn targets(golden: &Golden, step: usize, tolerance: &mut Tolerance) -> Vec<f32> {
    let train = &golden.meta["train"];
    let smoothing = real(&train["smoothing"]);
    if let Some(labels) = golden.tensors.whole("train.labels") {
        let labels: Vec<usize> =
            labels[step * golden.batch..][..golden.batch].iter().map(|label| *label as usize).collect();
        return Mix::Nothing.targets(&labels, golden.classes, smoothing);
    }
    let row = golden.batch * golden.classes;
    let wanted = golden.tensors.floats("train.targets").values[step * row..][..row].to_vec();
    let labels: Vec<usize> = train["labels"][step].as_array().unwrap().iter().map(number).collect();
    let mix = Mix::Mixup { lambda: real(&train["lam"][step]) };
    let found = HostTensor { shape: vec![row], values: mix.targets(&labels, golden.classes, smoothing) };
    tolerance.check("targets", &found, &HostTensor { shape: vec![row], values: wanted.clone() });
    wanted
}

/// Losses, gradients, rates, and the weights and their average after the last step. A twin is trained beside, whose
/// gradients are shaken by what rounding may do: how far it gets away says what the numbers can determine.
pub fn check_training(
    golden: &Golden,
    device: &Device,
    memory: Memory,
    settings: &Settings,
    tolerance: &mut Tolerance,
) {
    let train = &golden.meta["train"];
    let (optimizer, schedule) = (&train["optimizer"], &train["schedule"]);
    let per_epoch = number(&schedule["steps_per_epoch"]);
    let rate = LearningRate {
        peak: real(&optimizer["base_lr"]),
        floor: real(&optimizer["min_lr"]),
        warmup: (number(&schedule["warmup_epochs"]) * per_epoch) as u64,
        total: (number(&schedule["epochs"]) * per_epoch) as u64,
    };
    let classifier = Classifier::new(golden.shape, device);
    let (before, pixels) = (weights(golden, device), pixels(golden, device));
    let mut twins = Twins::new(&before, settings.betas, &settings.scales, settings.decayed);
    let mut average = before.clone();
    let parts = number(&train["accumulation"]);
    let micro = golden.batch / parts;
    for (step, wanted) in train["steps"].as_array().unwrap().iter().enumerate() {
        let at = rate.at((number(&schedule["first_step"]) + step) as u64);
        tolerance.number("learning rates", at, real(&wanted["lr"]));
        let targets = targets(golden, step, tolerance);
        let gradients_of = |weights: &Weights| -> Vec<Gradients> {
            let part = |part: usize| {
                let clips = part * micro..(part + 1) * micro;
                let rows = clips.start * golden.classes..clips.end * golden.classes;
                let targets = upload_targets(targets[rows].to_vec(), golden.classes, device);
                let cubes = pixels.clone().slice([clips]);
                let (kind, mode, freeze) = (&AnswerLoss::CrossEntropy, Mode::Fixed, Freeze::Nothing);
                forward_backward_labelled(
                    &classifier,
                    weights,
                    cubes,
                    &[],
                    targets,
                    kind,
                    mode,
                    freeze,
                    memory,
                )
            };
            (0..parts).map(part).collect()
        };
        let mean = |gradients_of: Vec<Gradients>| {
            gradients_of.into_iter().reduce(|sum, part| sum.join(part)).unwrap()
        };
        let found = gradients_of(&twins.trainee.weights);
        for (found, wanted) in found.iter().zip(wanted["micro_losses"].as_array().unwrap()) {
            tolerance.number("micro losses", found.loss(), real(wanted));
        }
        let gradients = mean(found);
        tolerance.number("losses", gradients.loss(), real(&wanted["loss"]));
        let norm = adamw::global_norm(&gradients.tensors);
        tolerance.number("gradient norms", norm, real(&wanted["grad_norm_before_clip"]));
        if step == 0 {
            for (name, gradient) in before.with_values(gradients.tensors.clone()).download() {
                tolerance.check("gradients", &gradient, golden.tensors.floats(&format!("grad.{name}")));
            }
        }
        let clipped = |gradients: Vec<Tensor<1>>| match settings.clip_norm {
            Some(limit) => {
                let norm = adamw::global_norm(&gradients);
                adamw::clip(gradients, norm, limit)
            }
            None => gradients,
        };
        let gradients = clipped(gradients.tensors);
        let shaken = clipped(mean(gradients_of(&twins.twin.weights)).tensors);
        twins.update(gradients, &shaken, at * settings.rate);
        if let Some(decay) = train["ema_decay"].as_f64() {
            twins.undetermined.average(decay);
            let newest = twins.trainee.weights.values().to_vec();
            average = average.replace(|values| {
                let pairs = values.into_iter().zip(newest);
                pairs.map(|(old, new)| old * decay + new * (1.0 - decay)).collect()
            });
        }
    }
    let average = average.download();
    let golden_after = |name: &str| golden.tensors.floats(&format!("after.{name}"));
    twins.trained(&before, golden_after, |at, name, trained| {
        tolerance.trained("after", name, trained);
        let averaged = format!("ema.{name}");
        if golden.tensors.has(&averaged) {
            // The twin's average would be nearer; what the weights may be apart is enough.
            let (golden, undetermined) =
                (golden.tensors.floats(&averaged), twins.undetermined.of_averages(at));
            tolerance.trained(
                "average",
                name,
                &Trained { found: &average[name], golden, undetermined, ..*trained },
            );
        }
    });
}
