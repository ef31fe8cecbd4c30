//! The sections that only fine-tuning, probes and evaluation read: keys and defaults.

use schemas::{ProblemType, settings::ShortSegments};
use serde::{Deserialize, Serialize};

use crate::batch::mixup::Mixing;

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

/// `[views]`: the clips and crops of a video that are classified together.
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
    /// How batches are mixed.
    pub fn mixing(&self) -> Mixing {
        let Self { mix, mixup, cutmix, cutmix_share, .. } = *self;
        Mixing { mix, mixup, cutmix, cutmix_share }
    }
}

/// How much each class counts in the loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "it is none, balanced, or a list of a weight a class such as [1, 2.5]")]
pub enum ClassWeights {
    /// By a rule.
    By(WeightRule),
    /// These, in the order of the classes. Where videos have several labels they are the weights of having each
    /// label against not having it.
    Given(Vec<f64>),
}

/// A rule for the weights of classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WeightRule {
    /// All alike.
    None,
    /// By scikit-learn's formula from the training videos; a run writes down the list that comes of it.
    Balanced,
}

impl ClassWeights {
    /// Whether all classes count alike.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for ClassWeights {
    fn default() -> Self {
        Self::By(WeightRule::None)
    }
}
