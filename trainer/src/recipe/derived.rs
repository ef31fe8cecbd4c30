//! What follows from settings: shapes, numbers of steps, rates.

use std::ops::Range;

use schemas::{ClipGeometry, GeometryError};

use super::{
    built_in,
    error::{RecipeError, divisors, invalid},
    sections::{Optimiser, Recipe},
};
use crate::{
    model::{ModelShape, NormEpsilons, Stack, stages::Memory},
    optimiser::{
        adamw::Betas,
        learning_rate::{LearningRate, PUBLISHED_BATCH},
    },
};

impl Recipe {
    /// The built-in recipe of this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn built_in(name: &str) -> Result<Self, RecipeError> {
        let mut recipe = Self::default();
        built_in::layers(name)?.iter().try_for_each(|text| recipe.lay(text))?;
        Ok(recipe)
    }

    /// Names of the built-in recipes.
    pub fn built_in_names() -> Vec<&'static str> {
        built_in::names()
    }

    /// The shape of the clips.
    ///
    /// # Errors
    /// When lengths do not divide.
    pub fn geometry(&self) -> Result<ClipGeometry, RecipeError> {
        let (clip, patch) = (&self.clip, self.model.patch);
        let width = if clip.width == 0 { clip.size } else { clip.width };
        ClipGeometry::new(clip.frames, clip.size, width, clip.tubelet, patch).map_err(|error| match error {
            GeometryError::NotDivisible { by_what: "patch", length, .. } => invalid(
                "model.patch",
                patch,
                format!("does not divide the frame side {length}"),
                divisors(length),
            ),
            GeometryError::NotDivisible { .. } => invalid(
                "clip.tubelet",
                clip.tubelet,
                format!("does not divide the {} frames of a clip", clip.frames),
                None,
            ),
            other => invalid("clip.size", clip.size, format!("does not make a clip: {other}"), None),
        })
    }

    /// The shape of the model.
    ///
    /// # Errors
    /// When lengths do not divide.
    pub fn model_shape(&self) -> Result<ModelShape, RecipeError> {
        let (model, geometry) = (&self.model, self.geometry()?);
        let (encoder, decoder) = (model.size.encoder(), model.size.decoder(model.decoder_depth));
        let given = |given: usize, size: usize| if given == 0 { size } else { given };
        // A width that is set takes the size's ratio with it, unless the hidden width is set too.
        let stack = |of_size: Stack, dim, heads, hidden, depth| {
            let wide = given(dim, of_size.dim);
            let wider = if dim == 0 { of_size.hidden } else { model.size.hidden(dim) };
            Stack { dim: wide, depth, heads: given(heads, of_size.heads), hidden: given(hidden, wider) }
        };
        let encoder_depth = given(model.encoder_depth, encoder.depth);
        let encoder =
            stack(encoder, model.encoder_dim, model.encoder_heads, model.encoder_mlp, encoder_depth);
        let decoder =
            stack(decoder, model.decoder_dim, model.decoder_heads, model.decoder_mlp, model.decoder_depth);
        for (key, stack) in [("model.encoder_heads", encoder), ("model.decoder_heads", decoder)] {
            if !stack.dim.is_multiple_of(stack.heads) {
                let why = format!("does not divide the width {}", stack.dim);
                return Err(invalid(key, stack.heads, why, None));
            }
        }
        let (epsilons, encoder_norm) = (NormEpsilons::default(), model.encoder_norm);
        Ok(ModelShape { geometry, encoder, decoder, epsilons, encoder_norm })
    }

    /// Clips of one micro-batch, and micro-batches of one update.
    ///
    /// # Errors
    /// When one does not divide the other.
    pub fn accumulation(&self) -> Result<(usize, usize), RecipeError> {
        let Optimiser { batch, micro_batch, .. } = self.optimiser;
        let micro = if micro_batch == 0 { batch } else { micro_batch };
        if batch == 0 {
            return Err(invalid("optimiser.batch", batch, "is no batch".to_owned(), None));
        }
        if self.clip.repeats == 0 || !micro.is_multiple_of(self.clip.repeats) {
            let why = format!("does not divide the {micro} clips of a micro-batch");
            return Err(invalid("clip.repeats", self.clip.repeats, why, divisors(micro)));
        }
        if !batch.is_multiple_of(micro) {
            let why = format!("does not divide the {batch} clips of an update");
            return Err(invalid("optimiser.micro_batch", micro, why, divisors(batch)));
        }
        Ok((micro, batch / micro))
    }

    /// The micro-batches of an update that process `rank` of `size` computes: neighbours, as many as each other's. None
    /// where they cannot be shared out.
    pub fn share(&self, rank: usize, size: usize) -> Result<Option<Range<usize>>, RecipeError> {
        let (_, parts) = self.accumulation()?;
        let share = parts / size.max(1);
        Ok(parts.is_multiple_of(size).then_some(rank * share..(rank + 1) * share))
    }

    /// The learning rate over `total` steps, `per_epoch` of them an epoch.
    pub fn learning_rate(&self, per_epoch: u64, total: u64) -> LearningRate {
        let scale = self.optimiser.batch as f64 / self.clip.repeats as f64 / PUBLISHED_BATCH;
        let warmup = match self.schedule.warmup_steps {
            0 => self.schedule.warmup_epochs * per_epoch,
            steps => steps,
        };
        LearningRate {
            peak: self.optimiser.base_lr * scale,
            floor: self.optimiser.floor_lr * scale,
            warmup,
            total,
        }
    }

    /// What is kept for the backward pass.
    pub fn memory(&self) -> Memory {
        if self.model.gradient_checkpointing { Memory::BlockInputs } else { Memory::Everything }
    }

    /// The optimiser's settings.
    pub fn betas(&self) -> Betas {
        let Optimiser { beta1, beta2, epsilon, weight_decay, .. } = self.optimiser;
        Betas { beta1, beta2, epsilon, weight_decay }
    }

    /// BLAKE3 of the recipe's text: two recipes with the same digest train alike.
    pub fn digest(&self) -> String {
        blake3::hash(self.to_toml().as_bytes()).to_hex().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_that_does_not_divide_is_refused_with_those_that_do() {
        let mut recipe = Recipe::default();
        recipe.set("model.patch=15").unwrap();
        let refused = recipe.check().unwrap_err();
        assert_eq!(refused.to_string(), "`model.patch = 15` does not divide the frame side 224");
        assert_eq!(refused.hint().unwrap(), "4, 7, 8, 14, 16, 28 and 32 do");
    }

    #[test]
    fn frames_may_be_oblong() {
        let mut recipe = Recipe::default();
        assert_eq!(recipe.geometry().unwrap().grid(), [8, 14, 14]);
        recipe.set("clip.size=112").unwrap();
        recipe.set("clip.width=192").unwrap();
        assert_eq!(recipe.geometry().unwrap().grid(), [8, 7, 12]);
        recipe.set("clip.width=200").unwrap();
        let refused = recipe.check().unwrap_err();
        assert_eq!(refused.to_string(), "`model.patch = 16` does not divide the frame side 200");
    }

    #[test]
    fn every_built_in_recipe_is_sound() {
        for name in Recipe::built_in_names() {
            let recipe = Recipe::built_in(name).unwrap();
            recipe.check().unwrap();
            if name.starts_with("finetune") {
                recipe.check_finetuning(100, 100 * recipe.schedule.epochs).unwrap();
            }
        }
        let refused = Recipe::built_in("vit-b-k400-80").unwrap_err();
        assert!(refused.hint().unwrap().contains("vit-b-k400-800"));
    }

    #[test]
    fn published_recipes_have_the_published_parameters() {
        for (name, parameters) in [
            ("vit-s-k400-1600", 24_029_376),
            ("vit-b-k400-1600", 94_210_944),
            ("vit-l-k400-1600", 342_996_992),
            ("vit-h-k400-1600", 692_487_296),
            ("v2-vit-b-800", 94_210_944),
            ("v2-vit-l-1200", 317_782_016),
            ("v2-vit-h-1200", 645_659_392),
            ("v2-vit-g-1200", 1_026_306_560),
        ] {
            let shape = Recipe::built_in(name).unwrap().model_shape().unwrap();
            assert_eq!(crate::model::layout::pretraining(&shape).parameters(), parameters, "{name}");
        }
    }

    #[test]
    fn published_recipes_have_the_published_rates() {
        for (name, peak, floor) in [
            ("vit-s-k400-1600", 6e-4, 4e-5),
            ("vit-b-k400-800", 1.2e-3, 8e-5),
            ("vit-l-k400-1600", 3e-4, 2e-5),
            ("vit-b-ucf101-3200", 2.25e-4, 7.5e-6),
            ("v2-vit-b-800", 4e-3, 4e-5),
            ("v2-vit-l-1200", 6e-3, 6e-5),
            ("v2-vit-g-1200", 4.8e-3, 8e-5),
        ] {
            let rate = Recipe::built_in(name).unwrap().learning_rate(100, 10_000);
            let close = |found: f64, published: f64| (found - published).abs() < 1e-12;
            assert!(close(rate.peak, peak) && close(rate.floor, floor), "{name}: {rate:?}");
        }
    }

    #[test]
    fn published_fine_tunings_have_the_published_rates_and_settings() {
        for (name, videos, peak, floor, decay, drop) in [
            ("finetune-b-k400", 384, 7.5e-4, 1.5e-6, 0.75, 0.1),
            ("finetune-h-k400", 512, 2e-3, 2e-5, 0.75, 0.2),
            ("finetune-b-ssv2-800", 512, 1e-3, 2e-6, 0.75, 0.1),
            ("finetune-s-ssv2", 384, 1.5e-3, 1.5e-6, 0.7, 0.1),
            ("finetune-v2-g-k710", 96, 3.75e-4, 3.75e-7, 0.9, 0.3),
        ] {
            let recipe = Recipe::built_in(name).unwrap();
            let rate = recipe.learning_rate(100, 10_000);
            let close = |found: f64, published: f64| (found - published).abs() < 1e-12;
            assert!(close(rate.peak, peak) && close(rate.floor, floor), "{name}: {rate:?}");
            assert_eq!(recipe.optimiser.batch / recipe.clip.repeats, videos, "{name}");
            assert_eq!((recipe.optimiser.layer_decay, recipe.model.drop_path), (decay, drop), "{name}");
            assert_eq!(recipe.optimiser.beta2, 0.999, "{name}");
        }
        // 240,436 training videos of Kinetics-400 are 626 steps of 384.
        assert_eq!(Recipe::built_in("finetune-b-k400").unwrap().steps_per_epoch(240_436).unwrap(), 626);
    }

    #[test]
    fn rates_grow_with_the_clips_of_an_update() {
        let mut recipe = Recipe::default();
        recipe.set("optimiser.batch=2048").unwrap();
        recipe.set("schedule.epochs=801").unwrap();
        let rate = recipe.learning_rate(117, 801 * 117);
        let wanted = LearningRate { peak: 1.2e-3, floor: 8e-5, warmup: 4680, total: 93_717 };
        assert!((rate.peak - wanted.peak).abs() < 1e-15 && (rate.floor - wanted.floor).abs() < 1e-15);
        assert_eq!((rate.warmup, rate.total), (wanted.warmup, wanted.total));
    }

    #[test]
    fn an_update_is_made_of_whole_micro_batches() {
        let mut recipe = Recipe::default();
        recipe.set("optimiser.micro_batch=32").unwrap();
        assert_eq!(recipe.accumulation().unwrap(), (32, 8));
        recipe.set("optimiser.micro_batch=33").unwrap();
        assert!(recipe.check().is_err());
    }
}
