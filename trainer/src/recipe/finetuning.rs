//! The sections that only fine-tuning, probes and evaluation read, and what must hold between settings there.

use schemas::ProblemType;
use serde::{Deserialize, Serialize};

use super::{RecipeError, answers::ClassWeights, divisors, invalid, sections::Recipe};

/// `[classifier]`: the head, and how the weights under it are used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Classifier {
    /// Classes of the head; 0 takes as many as the data has.
    pub classes: usize,
    /// What the head's first weights are multiplied by: small, so that the first logits are about 0.
    pub init_scale: f64,
    /// Rate of features that are left out before the head.
    pub dropout: f64,
    /// Positions of a clip whose shape is not that of pre-training.
    pub position: Position,
    /// What keeps the weights it begins with.
    pub freeze: Freeze,
    /// What kind of answer the head gives, in Hugging Face's words.
    #[serde(default, skip_serializing_if = "ProblemType::is_single_label")]
    pub problem_type: ProblemType,
    /// How much each class counts in the loss.
    #[serde(default, skip_serializing_if = "ClassWeights::is_none")]
    pub class_weights: ClassWeights,
    /// Whether clips are drawn so that every class comes equally often.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub balanced_sampling: bool,
}

/// Where tokens are when a clip has another shape than in pre-training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Position {
    /// A table for the new number of tokens (the official code and Hugging Face).
    Fresh,
    /// The table of pre-training, stretched: bicubic in space, then linear in time.
    Interpolate,
}

/// What is not trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Freeze {
    /// Everything is trained.
    Nothing,
    /// Only `fc_norm` and the head are trained.
    Encoder,
}

/// `[augment]`: how training clips differ from the video.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Augment {
    /// How a clip's frames are chosen.
    pub sampling: Sampling,
    /// What a video of fewer frames than segments gives.
    pub short_segments: ShortSegments,
    /// Operations of RandAugment a clip; 0 leaves it out.
    pub rand_operations: usize,
    /// Their mean magnitude, 0 to 10.
    pub rand_magnitude: f64,
    /// Standard deviation of the magnitude.
    pub rand_spread: f64,
    /// Probability with which each of the operations is applied.
    pub rand_probability: f64,
    /// Smallest share of the picture that a crop covers; the largest is 1.
    pub crop_least: f64,
    /// Largest ratio of a crop's sides, and one over its smallest.
    pub crop_aspect: f64,
    /// Probability of a mirrored clip.
    pub flip: f64,
    /// Mirror although class names contain "left" and "right".
    pub flip_sides: bool,
    /// Probability that a box of a clip is filled with noise.
    pub erase: f64,
    /// α of the Beta distribution of mixup; 0 leaves it out.
    pub mixup: f64,
    /// α of the Beta distribution of cutmix; 0 leaves it out.
    pub cutmix: f64,
    /// Probability that a batch is mixed at all.
    pub mix: f64,
    /// Probability of cutmix in a mixed batch, where there are both.
    pub cutmix_share: f64,
    /// Share of the target that is spread over all classes.
    pub smoothing: f64,
}

/// How a clip's frames are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sampling {
    /// A window of neighbouring frames (Kinetics).
    Dense,
    /// A frame of each of as many equal parts of the video (Something-Something).
    Segments,
}

/// What a video of fewer frames than segments gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShortSegments {
    /// Its first frame until the rest just fits, then all of it (VideoMAE V2).
    All,
    /// Its first frame only (VideoMAE).
    First,
}

/// `[views]`: what a video is judged by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Views {
    /// Clips along time in a test.
    pub clips: usize,
    /// Crops of each along the long side.
    pub crops: usize,
    /// Short side that frames are resized to, in pixels; 0 is the clip's own side.
    pub short_side: usize,
    /// What is averaged over a video's views.
    pub by: By,
    /// Epochs of fine-tuning from one validation to the next; 0 never validates.
    pub every: u64,
}

/// What is averaged over a video's views.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// Probabilities (official).
    Prob,
    /// Logits.
    Score,
}

impl Default for Classifier {
    fn default() -> Self {
        Self {
            classes: 0,
            init_scale: 0.001, // `--init_scale` of every official script
            dropout: 0.0,
            position: Position::Fresh,
            freeze: Freeze::Nothing,
            problem_type: ProblemType::default(),
            class_weights: ClassWeights::default(),
            balanced_sampling: false,
        }
    }
}

impl Default for Augment {
    /// The official scripts': `rand-m7-n4-mstd0.5-inc1`, erasing .25, mixup .8, cutmix 1, smoothing .1.
    fn default() -> Self {
        Self {
            sampling: Sampling::Dense,
            short_segments: ShortSegments::All,
            rand_operations: 4,
            rand_magnitude: 7.0,
            rand_spread: 0.5,
            rand_probability: 0.5,
            crop_least: 0.08,
            crop_aspect: 1.3333,
            flip: 0.5,
            flip_sides: false,
            erase: 0.25,
            mixup: 0.8,
            cutmix: 1.0,
            mix: 1.0,
            cutmix_share: 0.5,
            smoothing: 0.1,
        }
    }
}

impl Default for Views {
    fn default() -> Self {
        Self { clips: 5, crops: 3, short_side: 0, by: By::Prob, every: 1 }
    }
}

impl Augment {
    /// Whether batches may be mixed.
    pub fn mixes(&self) -> bool {
        self.mix > 0.0 && (self.mixup > 0.0 || self.cutmix > 0.0)
    }
}

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
                return Err(invalid(key, value, "is not from 1 to 1024".to_owned(), None));
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
        if self.augment.mixes() && !micro.is_multiple_of(2) {
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
