//! What may be another thing when a run goes on, and what not.
//!
//! A run keeps the shape of its model, the order of its clips and what its loss means: a checkpoint of another
//! model cannot be read, and a run that is half of one and half of another is neither. What only changes how the
//! same model goes on learning from the same videos may change, and is written down.

use trainer::Recipe;

use super::{begun::Begun, settings::RunSettings};
use crate::{
    error::{Result, Usage},
    words::listed,
};

/// Settings that may change.
const MAY_CHANGE: [&str; 62] = [
    // How a clip is read and what is cut out of a frame.
    "clip.stride",
    "clip.short_side",
    "clip.resample",
    "clip.crop",
    "clip.short_video",
    "clip.stills",
    "clip.target_fps",
    "clip.verify",
    "clip.verified_in",
    "clip.skip",
    // What is hidden.
    "mask.kind",
    "mask.ratio",
    "mask.decoder",
    "mask.decoder_ratio",
    // How the model is computed, and what is left out of it while it learns.
    "model.drop_path",
    "model.gradient_checkpointing",
    "model.precision",
    "model.kernels",
    "classifier.dropout",
    "classifier.freeze",
    // How far a step goes.
    "optimiser.batch",
    "optimiser.micro_batch",
    "optimiser.base_lr",
    "optimiser.floor_lr",
    "optimiser.beta1",
    "optimiser.beta2",
    "optimiser.epsilon",
    "optimiser.weight_decay",
    "optimiser.clip_norm",
    "optimiser.ema",
    "optimiser.layer_decay",
    "schedule.epochs",
    "schedule.warmup_epochs",
    "schedule.warmup_steps",
    // What is written down, and what may fail.
    "run.log_every",
    "run.checkpoint_every",
    "run.max_failed_share",
    "run.seconds_per_clip",
    "run.loading_mib",
    "run.sandbox",
    "run.tensorboard",
    "run.keep_last",
    "run.keep_every",
    "run.probe_every",
    "run.probe_data",
    "run.probe_split",
    "run.reconstruct_every",
    // How training clips differ from the video.
    "augment.rand_operations",
    "augment.rand_magnitude",
    "augment.rand_spread",
    "augment.rand_probability",
    "augment.crop_least",
    "augment.crop_aspect",
    "augment.flip",
    "augment.flip_sides",
    "augment.erase",
    "augment.mixup",
    "augment.cutmix",
    "augment.mix",
    "augment.cutmix_share",
    "augment.smoothing",
    "views.every",
];

/// A setting and its two values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differing {
    /// Which setting.
    pub key: String,
    /// What it was.
    pub from: String,
    /// What it is asked to be.
    pub to: String,
}

/// The settings that differ: those that may change, and those that may not.
pub fn between(was: &Recipe, asked: &Recipe) -> (Vec<Differing>, Vec<Differing>) {
    let pairs = was.settings().into_iter().zip(asked.settings());
    pairs
        .filter(|((_, from), (_, to))| from != to)
        .map(|((key, from), (_, to))| Differing { key, from, to })
        // Of a test nothing is kept by the run.
        .partition(|differing| {
            MAY_CHANGE.contains(&differing.key.as_str()) || differing.key.starts_with("views.")
        })
}

/// Refuses settings that a run cannot go on with.
///
/// # Errors
/// Usage error: names them, with what they are in the run.
pub fn check(begun: &Begun, asked: &Recipe) -> Result<()> {
    let (_, refused) = between(&begun.recipe, asked);
    // What an older version was begun with stands in its recipe alone, and was never compared.
    if refused.is_empty() || begun.known.is_none() {
        return Ok(());
    }
    let words: Vec<String> =
        refused.iter().map(|it| format!("{} is {} in the run, not {}", it.key, it.from, it.to)).collect();
    let newest = pipeline::names::shown(&begun.point.checkpoint);
    Err(Usage::new(listed(&words))
        .hint(format!("start a new run from these weights: --init {newest} --out …"))
        .into())
}

impl RunSettings {
    /// The recipe, not checked yet: of the run where one goes on and no other is named, else as asked for, or
    /// `default`.
    ///
    /// # Errors
    /// Usage error: also where the run cannot go on with it.
    pub fn recipe(&self, begun: Option<&Begun>, default: impl FnOnce() -> Result<Recipe>) -> Result<Recipe> {
        let recipe = self.recipe.resolve(|| match begun {
            Some(begun) => Ok(begun.recipe.clone()),
            None => default(),
        })?;
        begun.map_or(Ok(()), |begun| check(begun, &recipe))?;
        Ok(recipe)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_that_may_change_is_one() {
        let keys: Vec<String> = Recipe::default().settings().into_iter().map(|(key, _)| key).collect();
        for key in MAY_CHANGE {
            assert!(keys.iter().any(|known| known == key), "{key}");
        }
    }

    #[test]
    fn a_rate_may_change_and_a_shape_or_an_order_may_not() {
        let was = Recipe::default();
        for (set, may) in [
            ("optimiser.base_lr=0.001", true),
            ("mask.ratio=0.5", true),
            ("run.log_every=3", true),
            ("clip.frames=8", false),
            ("clip.clips_per_video=2", false),
            ("clip.repeats=2", false),
            ("model.encoder_depth=3", false),
            ("model.target=raw", false),
            ("run.seed=1", false),
            ("classifier.classes=3", false),
            ("augment.sampling=segments", false),
        ] {
            let mut asked = was.clone();
            asked.set(set).unwrap();
            let (changed, refused) = between(&was, &asked);
            assert_eq!((changed.len(), refused.len()), if may { (1, 0) } else { (0, 1) }, "{set}");
        }
    }
}
