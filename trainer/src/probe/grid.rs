//! Several attentive probes at once on the same features: one reading of the tokens, as many small trainings.
//!
//! ```text
//! for batches of videos, in an order drawn for each epoch:
//!     tokens to the device, once
//!     for each setting (rate, decay): forward, backward, update
//! ```
//!
//! Two manners, each as its paper's code: V-JEPA has one setting, decays matrices only, less from step to step,
//! and clips; V-JEPA 2 tries twenty settings, decays everything and does not clip. In both the rate of the
//! first step is already one step down the cosine.

use std::f64::consts::PI;

use burn::tensor::{Tensor, TensorData};

use super::{
    Outcome, ScoresNotFinite, Select, accuracy, attentive::AttentiveProbe, best, features::Features, finite,
    hold_out,
};
use crate::{
    batch::mixup::{Mix, upload_targets},
    device::Device,
    loss::answers::soft_target_loss,
    optimiser::adamw::{self, AdamW, Betas, Decayed},
    random::{Draws, purpose},
    weights::{Weights, floats},
};

/// Whose probe it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// V-JEPA's.
    VJepa,
    /// V-JEPA 2's.
    VJepa2,
}

/// A rate and a decay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setting {
    /// First learning rate.
    pub rate: f64,
    /// Weight decay.
    pub decay: f64,
}

/// How probes are trained.
#[derive(Clone, Debug, PartialEq)]
pub struct Training {
    /// Whose probe it is.
    pub manner: Manner,
    /// What is tried.
    pub settings: Vec<Setting>,
    /// Times that every video is seen.
    pub epochs: u64,
    /// Videos of an update.
    pub batch: usize,
    /// Seed of weights and order.
    pub seed: u64,
}

impl Manner {
    /// The settings of the paper's code.
    pub fn settings(self) -> Vec<Setting> {
        match self {
            Self::VJepa => vec![Setting { rate: 1e-3, decay: 0.01 }],
            Self::VJepa2 => [5e-3, 3e-3, 1e-3, 3e-4, 1e-4]
                .into_iter()
                .flat_map(|rate| [0.01, 0.1, 0.4, 0.8].map(|decay| Setting { rate, decay }))
                .collect(),
        }
    }

    /// Blocks of the paper's probe.
    pub fn depth(self) -> usize {
        match self {
            Self::VJepa => 1,
            Self::VJepa2 => 4,
        }
    }

    /// Decay of the step with this share of the run behind it.
    fn decay(self, first: f64, share: f64) -> f64 {
        const LAST: f64 = 1e-6; // `final_wd` of V-JEPA's schedule
        match self {
            Self::VJepa => LAST + (first - LAST) * 0.5 * (1.0 + (PI * share).cos()),
            Self::VJepa2 => first,
        }
    }
}

/// Trains all settings without the held-out videos, chooses one, trains it on all, and answers for the test
/// videos. With one setting, or one chosen on the test videos, nothing is held out.
///
/// # Errors
/// When a score of any setting is no number: its rate was too high.
pub fn probe(
    probe: AttentiveProbe,
    train: &Features,
    test: &Features,
    training: &Training,
    select: Select,
    device: &Device,
) -> Result<Outcome, ScoresNotFinite> {
    let (kept, held) = hold_out(train, training.seed);
    let name = |setting: &Setting| format!("rate {:e}, decay {}", setting.rate, setting.decay);
    let (known, asked) = match select {
        Select::HeldOut => (&kept, &held),
        Select::Test => (train, test),
    };
    let trained = fit(probe, known, training, device);
    let scores_of = |weights: &Weights, videos: &Features, setting: &Setting| {
        finite(scores(probe, weights, videos, training.batch, device), videos, || name(setting))
    };
    let answers: Vec<Vec<Vec<f32>>> = trained
        .iter()
        .zip(&training.settings)
        .map(|(weights, setting)| scores_of(weights, asked, setting))
        .collect::<Result<_, ScoresNotFinite>>()?;
    let shares = answers.iter().map(|scores| accuracy(scores, asked));
    let settings: Vec<(String, f64)> = training.settings.iter().map(name).zip(shares).collect();
    let chosen = best(settings.iter().map(|setting| setting.1));
    let scores = match select {
        Select::Test => answers[chosen].clone(),
        Select::HeldOut => {
            let setting = training.settings[chosen];
            let alone = Training { settings: vec![setting], ..training.clone() };
            scores_of(&fit(probe, train, &alone, device)[0], test, &setting)?
        }
    };
    Ok(Outcome { chosen: settings[chosen].0.clone(), select, settings, scores })
}

/// The weights of each setting after all epochs. They begin alike and see the same batches.
pub fn fit(probe: AttentiveProbe, train: &Features, training: &Training, device: &Device) -> Vec<Weights> {
    let begin = |setting: &Setting| {
        let weights = probe.draw(training.seed, device);
        let betas = Betas { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: setting.decay };
        let mut adamw = AdamW::new(betas, &weights);
        if training.manner == Manner::VJepa2 {
            adamw.decayed = Decayed::Everything;
        }
        (*setting, weights, adamw)
    };
    let mut probes: Vec<_> = training.settings.iter().map(begin).collect();
    let batch = training.batch.clamp(1, train.len().max(1));
    let per_epoch = train.len() / batch;
    let total = (per_epoch as u64 * training.epochs) as f64;
    let mut step = 0;
    for epoch in 0..training.epochs {
        let mut order: Vec<(u64, usize)> = (0..train.len())
            .map(|at| {
                (
                    Draws::keyed(training.seed, purpose::ORDER_OF_PROBE, &[epoch, at as u64])
                        .unit()
                        .to_bits(),
                    at,
                )
            })
            .collect();
        order.sort_unstable();
        for places in order.chunks_exact(batch) {
            let places: Vec<usize> = places.iter().map(|place| place.1).collect();
            let tokens = upload(train, &places, device);
            let labels: Vec<usize> = places.iter().map(|at| train.videos[*at].label).collect();
            let targets = Mix::Nothing.targets(&labels, probe.classes, 0.0);
            let targets = upload_targets(targets, probe.classes, device);
            step += 1;
            let share = step as f64 / total;
            for (setting, weights, adamw) in &mut probes {
                let tracked = weights.tracked();
                let loss = soft_target_loss(probe.classify(&tracked, tokens.clone()), targets.clone());
                let gradients = weights.or_zeros(tracked.take_gradients(&mut loss.backward()));
                let gradients = match training.manner {
                    Manner::VJepa => {
                        let norm = adamw::global_norm(&gradients);
                        adamw::clip(gradients, norm, 1.0)
                    }
                    Manner::VJepa2 => gradients,
                };
                adamw.betas.weight_decay = training.manner.decay(setting.decay, share);
                let rate = setting.rate * 0.5 * (1.0 + (PI * share).cos());
                *weights = adamw.update(weights.clone(), gradients, rate);
            }
        }
    }
    probes.into_iter().map(|(_, weights, _)| weights).collect()
}

/// Logits of each video.
pub fn scores(
    probe: AttentiveProbe,
    weights: &Weights,
    features: &Features,
    batch: usize,
    device: &Device,
) -> Vec<Vec<f32>> {
    let places: Vec<usize> = (0..features.len()).collect();
    let logits = |places: &[usize]| floats(probe.classify(weights, upload(features, places, device)));
    let rows = places.chunks(batch.max(1)).flat_map(logits).collect::<Vec<f32>>();
    rows.chunks_exact(probe.classes).map(<[f32]>::to_vec).collect()
}

/// Tokens of these videos: `[B, N, D]`.
fn upload(features: &Features, places: &[usize], device: &Device) -> Tensor<3> {
    let values: Vec<f32> = places.iter().flat_map(|at| features.vector(*at)).copied().collect();
    let shape = [places.len(), features.tokens, features.width];
    Tensor::from_data(TensorData::new(values, shape), device.tensors())
}

#[cfg(test)]
mod tests {
    use super::{super::features::tests::made, *};

    #[test]
    fn a_probe_finds_the_class_in_its_tokens_and_the_setting_is_chosen_on_held_out_videos() {
        let (train, test) = (made(40, 2, 3, 8), made(20, 2, 3, 8));
        let shape = AttentiveProbe { dim: 8, heads: 2, depth: 1, classes: 2 };
        let training = Training {
            manner: Manner::VJepa,
            // A rate of 0 leaves the first weights, which know nothing.
            settings: vec![Setting { rate: 0.0, decay: 0.01 }, Setting { rate: 5e-3, decay: 0.01 }],
            epochs: 30,
            batch: 8,
            seed: 1,
        };
        let found = probe(shape, &train, &test, &training, Select::HeldOut, &Device::flex()).unwrap();
        assert_eq!(found.chosen, "rate 5e-3, decay 0.01", "{found:?}");
        assert_eq!(accuracy(&found.scores, &test), 1.0, "{found:?}");
    }

    #[test]
    fn a_setting_learns_alone_what_it_learns_among_others() {
        let train = made(12, 2, 2, 4);
        let shape = AttentiveProbe { dim: 4, heads: 1, depth: 2, classes: 2 };
        let training = |settings: Vec<Setting>| Training {
            manner: Manner::VJepa2,
            settings,
            epochs: 2,
            batch: 4,
            seed: 1,
        };
        let [one, two] = [Setting { rate: 1e-3, decay: 0.1 }, Setting { rate: 1e-2, decay: 0.4 }];
        let fit = |settings| fit(shape, &train, &training(settings), &Device::flex());
        assert_eq!(fit(vec![one, two])[1].download(), fit(vec![two])[0].download());
    }

    #[test]
    fn v_jepa_2_tries_twenty_settings() {
        assert_eq!((Manner::VJepa2.settings().len(), Manner::VJepa.settings().len()), (20, 1));
        assert!((Manner::VJepa.decay(0.01, 1.0) - 1e-6).abs() < 1e-12);
    }
}
