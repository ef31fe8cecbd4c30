//! What must hold between the settings of fine-tuning.

use super::{
    error::{RecipeError, divisors, invalid},
    sections::Recipe,
};

impl Recipe {
    /// Checks these sections' ranges.
    pub(super) fn check_finetuning_ranges(&self) -> Result<(), RecipeError> {
        let (classifier, augment, views) = (&self.classifier, &self.augment, &self.views);
        for (key, value) in [
            ("augment.rand_probability", augment.rand_probability),
            ("augment.flip", augment.flip),
            ("augment.erase", augment.erase),
            ("augment.mix", augment.mix),
            ("augment.cutmix_share", augment.cutmix_share),
            ("augment.smoothing", augment.smoothing),
        ] {
            if !(0.0..=1.0).contains(&value) {
                return Err(invalid(key, value, "is not from 0 to 1".to_owned(), None));
            }
        }
        for (key, value) in [
            ("classifier.init_scale", classifier.init_scale),
            ("augment.rand_spread", augment.rand_spread),
            ("augment.mixup", augment.mixup),
            ("augment.cutmix", augment.cutmix),
        ] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(invalid(key, value, "is not a number from 0 up".to_owned(), None));
            }
        }
        if !(0.0..1.0).contains(&classifier.dropout) {
            let why = "is not from 0 to below 1".to_owned();
            return Err(invalid("classifier.dropout", classifier.dropout, why, None));
        }
        if !(0.0..=10.0).contains(&augment.rand_magnitude) {
            let why = "is not from 0 to 10".to_owned();
            return Err(invalid("augment.rand_magnitude", augment.rand_magnitude, why, None));
        }
        if !(augment.crop_least > 0.0 && augment.crop_least <= 1.0) {
            let why = "is not above 0 and up to 1".to_owned();
            return Err(invalid("augment.crop_least", augment.crop_least, why, None));
        }
        if !(augment.crop_aspect >= 1.0 && augment.crop_aspect.is_finite()) {
            let why = "is not a number from 1 up".to_owned();
            return Err(invalid("augment.crop_aspect", augment.crop_aspect, why, None));
        }
        self.check_answers()?;
        let decay = self.optimiser.layer_decay;
        if !(decay > 0.0 && decay.is_finite()) {
            return Err(invalid("optimiser.layer_decay", decay, "is not a number above 0".to_owned(), None));
        }
        for (key, value) in [("views.clips", views.clips), ("views.crops", views.crops)] {
            if !(1..=1 << 10).contains(&value) {
                return Err(invalid(key, value, "is not between 1 and 1024".to_owned(), None));
            }
        }
        Ok(())
    }

    /// Checks what fine-tuning needs beside [`Recipe::check`]: a batch that can be mixed, a warm-up that ends,
    /// a first step. `per_epoch` are the steps of an epoch, `total` those of the run.
    ///
    /// # Errors
    /// The first setting that is wrong, with what would do.
    pub fn check_finetuning(&self, per_epoch: u64, total: u64) -> Result<(), RecipeError> {
        let (micro, _) = self.accumulation()?;
        if self.augment.mixing().mixes() && !micro.is_multiple_of(2) {
            let key =
                if self.optimiser.micro_batch == 0 { "optimiser.batch" } else { "optimiser.micro_batch" };
            let why = "is odd: mixup and cutmix mix a batch with itself turned round".to_owned();
            let hint = format!("{} does, or `augment.mix=0`", micro + 1);
            return Err(invalid(key, micro, why, Some(hint)));
        }
        let warmup = self.learning_rate(per_epoch, total).warmup;
        if warmup >= total && warmup > 0 {
            let (key, value) = match self.schedule.warmup_steps {
                0 => ("schedule.warmup_epochs", self.schedule.warmup_epochs),
                steps => ("schedule.warmup_steps", steps),
            };
            let why = format!("is a rise of {warmup} steps in a run of {total}");
            let hint = "a tenth of the run is enough: `schedule.warmup_steps=…`".to_owned();
            return Err(invalid(key, value, why, Some(hint)));
        }
        Ok(())
    }

    /// Steps of an epoch over `videos` videos.
    ///
    /// # Errors
    /// When they are fewer than one update needs.
    pub fn steps_per_epoch(&self, videos: u64) -> Result<u64, RecipeError> {
        let clips = videos * self.clip.clips_per_video as u64 * self.clip.repeats as u64;
        let batch = self.optimiser.batch;
        match clips / (batch.max(1) as u64) {
            0 => {
                let why = format!("is more than the {clips} clips of an epoch of {videos} videos");
                let hint = divisors(clips as usize).unwrap_or_else(|| "more videos would do".to_owned());
                Err(invalid("optimiser.batch", batch, why, Some(hint)))
            }
            steps => Ok(steps),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(settings: &[&str]) -> Recipe {
        let mut recipe = Recipe::default();
        settings.iter().for_each(|setting| recipe.set(setting).unwrap());
        recipe
    }

    #[test]
    fn an_odd_batch_is_refused_where_it_is_mixed() {
        let odd = with(&["optimiser.batch=7", "schedule.warmup_epochs=0"]);
        let refused = odd.check_finetuning(10, 100).unwrap_err().to_string();
        assert!(refused.starts_with("`optimiser.batch = 7` is odd"), "{refused}");
        with(&["optimiser.batch=7", "schedule.warmup_epochs=0", "augment.mix=0"])
            .check_finetuning(10, 100)
            .unwrap();
    }

    #[test]
    fn a_warm_up_longer_than_the_run_is_refused() {
        let refused = with(&["schedule.warmup_epochs=5"]).check_finetuning(10, 30).unwrap_err().to_string();
        assert_eq!(refused, "`schedule.warmup_epochs = 5` is a rise of 50 steps in a run of 30");
        with(&["schedule.warmup_epochs=5"]).check_finetuning(10, 51).unwrap();
    }

    #[test]
    fn fewer_videos_than_a_batch_are_an_error_and_no_run_of_no_steps() {
        let recipe = with(&["optimiser.batch=64", "clip.repeats=2"]);
        assert_eq!(recipe.steps_per_epoch(100).unwrap(), 3);
        let refused = recipe.steps_per_epoch(20).unwrap_err();
        let text = "`optimiser.batch = 64` is more than the 40 clips of an epoch of 20 videos";
        assert_eq!(refused.to_string(), text);
        assert!(refused.hint().unwrap().contains("20 do"), "{:?}", refused.hint());
    }

    #[test]
    fn shares_are_from_nothing_to_all() {
        for setting in
            ["augment.smoothing=1.5", "augment.crop_least=0", "classifier.dropout=1", "views.clips=0"]
        {
            assert!(with(&[setting]).check().is_err(), "{setting}");
        }
    }
}
