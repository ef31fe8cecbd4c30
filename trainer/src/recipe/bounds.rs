//! The largest value of each number that becomes memory, threads or the width of a column: far beyond what anybody
//! trains with, and small enough that products of them are numbers.

use super::{
    error::{RecipeError, invalid},
    sections::Recipe,
};

/// Pixels of a side, before and after the crop.
const MOST_PIXELS: u64 = 1 << 14;

/// Clips of an update, epochs, classes.
const MOST_COUNT: u64 = 1 << 20;

/// Bytes of the pixels of a clip: 16 frames of 4096×4096 have 768 MiB.
const MOST_CLIP_BYTES: usize = 1 << 30;

/// Steps: what a number of floating point counts one by one, in ten thousand years.
const MOST_STEPS: u64 = 1 << 48;

impl Recipe {
    /// Checks that no number is beyond its bound; what follows from them can be computed then.
    pub(super) fn check_bounds(&self) -> Result<(), RecipeError> {
        for (key, value, most) in self.counts() {
            if value > most {
                return Err(invalid(key, value, format!("is more than {most}"), None));
            }
        }
        for (key, value, most) in self.numbers() {
            if value > most {
                return Err(invalid(key, value, format!("is more than {most}"), None));
            }
        }
        let clip = &self.clip;
        let width = if clip.width == 0 { clip.size } else { clip.width };
        if clip.frames * clip.size * width * 3 > MOST_CLIP_BYTES {
            let why = format!("makes clips of {} frames with more than {MOST_CLIP_BYTES} bytes", clip.frames);
            return Err(invalid("clip.size", clip.size, why, None));
        }
        Ok(())
    }

    /// Key, value and bound of whole numbers.
    fn counts(&self) -> Vec<(&'static str, u64, u64)> {
        let Self { clip, model, optimiser, schedule, run, classifier, augment, views, .. } = self;
        let of_sizes = [
            ("clip.frames", clip.frames, 1 << 12),
            ("clip.stride", clip.stride, MOST_COUNT),
            ("clip.size", clip.size, MOST_PIXELS),
            ("clip.width", clip.width, MOST_PIXELS),
            ("clip.tubelet", clip.tubelet, 1 << 12),
            ("clip.short_side", clip.short_side, MOST_PIXELS),
            ("clip.clips_per_video", clip.clips_per_video, 1 << 16),
            ("clip.repeats", clip.repeats, 1 << 10),
            ("model.patch", model.patch, MOST_PIXELS),
            ("model.encoder_depth", model.encoder_depth, 1 << 10),
            ("model.decoder_depth", model.decoder_depth, 1 << 10),
            ("model.encoder_dim", model.encoder_dim, 1 << 14),
            ("model.decoder_dim", model.decoder_dim, 1 << 14),
            ("model.encoder_heads", model.encoder_heads, 1 << 14),
            ("model.decoder_heads", model.decoder_heads, 1 << 14),
            ("model.encoder_mlp", model.encoder_mlp, 1 << 16),
            ("model.decoder_mlp", model.decoder_mlp, 1 << 16),
            ("optimiser.batch", optimiser.batch, MOST_COUNT),
            ("optimiser.micro_batch", optimiser.micro_batch, MOST_COUNT),
            ("classifier.classes", classifier.classes, MOST_COUNT),
            ("augment.rand_operations", augment.rand_operations, 1 << 10),
            ("views.short_side", views.short_side, MOST_PIXELS),
        ];
        let of_time = [
            ("schedule.epochs", schedule.epochs, MOST_COUNT),
            ("schedule.warmup_epochs", schedule.warmup_epochs, MOST_COUNT),
            ("schedule.warmup_steps", schedule.warmup_steps, MOST_STEPS),
            ("run.log_every", run.log_every, MOST_STEPS),
            ("run.checkpoint_every", run.checkpoint_every, MOST_STEPS),
            ("run.keep_last", run.keep_last, MOST_STEPS),
            ("run.keep_every", run.keep_every, MOST_STEPS),
            ("run.probe_every", run.probe_every, MOST_STEPS),
            ("run.reconstruct_every", run.reconstruct_every, MOST_STEPS),
            ("run.seconds_per_clip", run.seconds_per_clip.into(), 24 * 60 * 60),
            ("run.loading_mib", run.loading_mib.into(), MOST_COUNT),
            ("views.every", views.every, MOST_COUNT),
        ];
        of_sizes.map(|(key, value, most)| (key, value as u64, most)).into_iter().chain(of_time).collect()
    }

    /// Key, value and bound of numbers of floating point that are multiplied with themselves or drawn by.
    fn numbers(&self) -> [(&'static str, f64, f64); 6] {
        let Self { clip, optimiser, augment, .. } = self;
        [
            ("clip.target_fps", clip.target_fps, 1000.0),
            ("optimiser.layer_decay", optimiser.layer_decay, 10.0),
            ("augment.rand_spread", augment.rand_spread, 100.0),
            ("augment.crop_aspect", augment.crop_aspect, 100.0),
            ("augment.mixup", augment.mixup, 1000.0),
            ("augment.cutmix", augment.cutmix, 1000.0),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_beyond_their_bounds_are_named_with_the_bound() {
        for (setting, words) in [
            ("clip.stride=4294967297", "`clip.stride = 4294967297` is more than 1048576"),
            ("optimiser.batch=1000000000000", "`optimiser.batch = 1000000000000` is more than 1048576"),
            ("clip.short_side=1000000000", "`clip.short_side = 1000000000` is more than 16384"),
            ("clip.target_fps=1e9", "`clip.target_fps = 1000000000` is more than 1000"),
        ] {
            let mut recipe = Recipe::default();
            recipe.set(setting).unwrap();
            assert_eq!(recipe.check().unwrap_err().to_string(), words);
        }
        let mut recipe = Recipe::default();
        recipe.set("clip.frames=64").unwrap();
        recipe.set("clip.size=8192").unwrap();
        let refused = recipe.check().unwrap_err().to_string();
        assert!(refused.starts_with("`clip.size = 8192` makes clips of 64 frames"), "{refused}");
    }

    #[test]
    fn every_number_has_a_bound_or_is_checked_otherwise() {
        let bounded: Vec<_> = Recipe::default().counts().into_iter().map(|(key, ..)| key).collect();
        let whole =
            Recipe::default().settings().into_iter().filter(|(_, value)| value.parse::<u64>().is_ok());
        let without: Vec<_> =
            whole.map(|(key, _)| key).filter(|key| !bounded.contains(&key.as_str())).collect();
        assert_eq!(without, ["run.seed", "views.clips", "views.crops"]);
    }

    #[test]
    fn bounds_are_beyond_every_built_in_recipe() {
        for name in Recipe::built_in_names() {
            Recipe::built_in(name).unwrap().check_bounds().unwrap();
        }
    }
}
