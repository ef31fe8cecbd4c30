//! What must hold between settings, whatever the data.

use schemas::settings::DecoderMask;

use super::{
    error::{RecipeError, invalid},
    sections::Recipe,
};

impl Recipe {
    /// Checks everything that can be wrong without looking at data.
    ///
    /// # Errors
    /// The first setting that is wrong, with what would do.
    pub fn check(&self) -> Result<(), RecipeError> {
        self.check_bounds()?;
        let shape = self.model_shape()?;
        self.accumulation()?;
        self.check_finetuning_ranges()?;
        self.check_shares()?;
        self.check_numbers()?;
        self.check_counts()?;
        if shape.encoder.depth == 0 {
            return Err(invalid("model.encoder_depth", 0, "must be at least 1".to_owned(), None));
        }
        let [_, height, width] = shape.geometry.grid();
        self.check_decoder_mask(height, width)
    }

    fn check_shares(&self) -> Result<(), RecipeError> {
        let (mask, optimiser) = (&self.mask, &self.optimiser);
        for (key, value) in [
            ("mask.ratio", mask.ratio),
            ("mask.decoder_ratio", mask.decoder_ratio),
            ("model.drop_path", self.model.drop_path),
            ("optimiser.beta1", optimiser.beta1),
            ("optimiser.beta2", optimiser.beta2),
            ("optimiser.ema", optimiser.ema),
        ] {
            if !(0.0..1.0).contains(&value) {
                return Err(invalid(key, value, "is not from 0 to below 1".to_owned(), None));
            }
        }
        Ok(())
    }

    fn check_numbers(&self) -> Result<(), RecipeError> {
        let optimiser = &self.optimiser;
        for (key, value) in [
            ("clip.target_fps", self.clip.target_fps),
            ("optimiser.base_lr", optimiser.base_lr),
            ("optimiser.floor_lr", optimiser.floor_lr),
            ("optimiser.epsilon", optimiser.epsilon),
            ("optimiser.weight_decay", optimiser.weight_decay),
            ("optimiser.clip_norm", optimiser.clip_norm),
            ("run.max_failed_share", self.run.max_failed_share),
        ] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(invalid(key, value, "is not a number from 0 up".to_owned(), None));
            }
        }
        Ok(())
    }

    fn check_counts(&self) -> Result<(), RecipeError> {
        for (key, value) in [
            ("clip.stride", self.clip.stride),
            ("clip.clips_per_video", self.clip.clips_per_video),
            ("clip.repeats", self.clip.repeats),
            ("schedule.epochs", self.schedule.epochs as usize),
            ("run.log_every", self.run.log_every as usize),
            ("run.checkpoint_every", self.run.checkpoint_every as usize),
            ("run.keep_last", self.run.keep_last as usize),
            ("run.seconds_per_clip", self.run.seconds_per_clip as usize),
            ("run.loading_mib", self.run.loading_mib as usize),
        ] {
            if value == 0 {
                return Err(invalid(key, value, "must be at least 1".to_owned(), None));
            }
        }
        Ok(())
    }

    fn check_decoder_mask(&self, height: usize, width: usize) -> Result<(), RecipeError> {
        let mask = &self.mask;
        if mask.decoder == DecoderMask::RunningCell {
            if height % 2 == 1 || width % 2 == 1 {
                let why = format!("needs even grids, this one is {height} by {width}");
                return Err(invalid("mask.decoder", "running-cell", why, None));
            }
            if mask.decoder_ratio < 0.25 {
                let why = "hides no cell of four from the decoder".to_owned();
                return Err(invalid(
                    "mask.decoder_ratio",
                    mask.decoder_ratio,
                    why,
                    Some(".25, .5 and .75 do".into()),
                ));
            }
        }
        Ok(())
    }
}
