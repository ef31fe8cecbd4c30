//! The settings themselves: sections, keys, defaults.

use schemas::settings::{ClipOrder, Crop, DecoderMask, MaskKind, Resample, ShortVideo, Skip, Verify};
use serde::{Deserialize, Serialize};

use super::{
    finetuning_sections::{Augment, Classifier, Views},
    run_section::Run,
};
use crate::{
    kernels::{Kernels, Precision, Target},
    model::Size,
};

/// All settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// What a clip is.
    pub clip: Clip,
    /// Which tokens are hidden.
    pub mask: Mask,
    /// What is trained.
    pub model: Model,
    /// How it is trained.
    pub optimiser: Optimiser,
    /// How long.
    pub schedule: Schedule,
    /// What is written down, and when.
    pub run: Run,
    /// The head, in fine-tuning.
    pub classifier: Classifier,
    /// How training clips differ from the video, in fine-tuning.
    pub augment: Augment,
    /// The clips and crops of a video that are classified together, in evaluation.
    pub views: Views,
}

/// `[clip]`: frames, pixels and cubes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clip {
    /// Frames of a clip.
    pub frames: usize,
    /// Frames of the video from one to the next.
    pub stride: usize,
    /// Height of a frame in pixels, after the crop.
    pub size: usize,
    /// Width of a frame in pixels; 0 means as wide as high.
    pub width: usize,
    /// Frames of a cube.
    pub tubelet: usize,
    /// Frames are resized to this short side before the crop, in pixels; 0 leaves them as they are.
    pub short_side: usize,
    /// In which order frames are resized and converted to RGB.
    pub resample: Resample,
    /// What is cut out of a frame, in pre-training.
    pub crop: Crop,
    /// Clips that are drawn from a video each epoch, each with a first frame of its own.
    pub clips_per_video: usize,
    /// How the clips of a video lie in an epoch.
    pub order: ClipOrder,
    /// Crops and masks of each clip's frames, all in one update (VideoMAE V2's `num_sample`). The learning
    /// rate grows with the clips of an update over this.
    pub repeats: usize,
    /// What a video that is too short gives.
    pub short_video: ShortVideo,
    /// Whether pre-training takes a picture for a video of one frame; everything else always does.
    pub stills: bool,
    /// Frames a second that the stride counts; 0 counts the video's own frames.
    pub target_fps: f64,
    /// What must decode without complaint before a video gives clips.
    pub verify: Verify,
    /// A manifest of `tubelet scan --verify`: a video with the bytes of one that was verified there need not be
    /// decoded whole. Empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub verified_in: String,
    /// Which pictures that no clip wants are not decoded. It changes the speed and no pixel.
    pub skip: Skip,
}

/// `[mask]`: which tokens are hidden from the encoder, and which of these from the decoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mask {
    /// Shape of what is hidden.
    pub kind: MaskKind,
    /// Share of tokens hidden from the encoder.
    pub ratio: f64,
    /// Whether some hidden tokens need not be predicted (VideoMAE V2).
    pub decoder: DecoderMask,
    /// Share of tokens hidden from the decoder; without effect when `decoder` is none.
    pub decoder_ratio: f64,
}

/// `[model]`: its size and what it is asked for. Overrides of 0 mean "as the size says".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Named size.
    pub size: Size,
    /// Side of a cube in pixels.
    pub patch: usize,
    /// Blocks of the decoder.
    pub decoder_depth: usize,
    /// Rate of left-out branches at the last block.
    pub drop_path: f64,
    /// Width of the encoder.
    pub encoder_dim: usize,
    /// Blocks of the encoder.
    pub encoder_depth: usize,
    /// Attention heads of the encoder.
    pub encoder_heads: usize,
    /// Hidden width of the encoder's MLPs.
    pub encoder_mlp: usize,
    /// Width of the decoder.
    pub decoder_dim: usize,
    /// Attention heads of the decoder.
    pub decoder_heads: usize,
    /// Hidden width of the decoder's MLPs.
    pub decoder_mlp: usize,
    /// Whether there is a norm behind the encoder in pre-training; a model of Hugging Face's default config has none.
    pub encoder_norm: bool,
    /// What a hidden cube's target is.
    pub target: Target,
    /// Whether blocks are computed again in the backward pass instead of being remembered.
    pub gradient_checkpointing: bool,
    /// What the factors of matrix products are rounded to; everything else stays f32.
    pub precision: Precision,
    /// Whether the device's own kernels run, or the plain compositions that they are tested against.
    pub kernels: Kernels,
}

/// `[optimiser]`: AdamW.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Optimiser {
    /// Clips of an update.
    pub batch: usize,
    /// Clips that are computed at once; 0 means all of an update's.
    pub micro_batch: usize,
    /// Largest learning rate at 256 clips an update; grows with their number.
    pub base_lr: f64,
    /// What the rate falls towards, at 256 clips an update.
    pub floor_lr: f64,
    /// β₁.
    pub beta1: f64,
    /// β₂.
    pub beta2: f64,
    /// ε.
    pub epsilon: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// Largest norm of all gradients together; 0 does not clip.
    pub clip_norm: f64,
    /// How much of an average of the weights is kept each step; 0 keeps no average.
    pub ema: f64,
    /// Rate of a layer over that of the layer above it, in fine-tuning; 1 trains all layers alike.
    pub layer_decay: f64,
}

/// `[schedule]`: how long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Times that every video is seen.
    pub epochs: u64,
    /// Epochs in which the rate rises.
    pub warmup_epochs: u64,
    /// Steps in which the rate rises; 0 leaves it to the epochs.
    pub warmup_steps: u64,
}

impl Default for Clip {
    fn default() -> Self {
        Self {
            frames: 16,
            stride: 4,
            size: 224,
            width: 0,
            tubelet: 2,
            short_side: 0,
            resample: Resample::Planes,
            crop: Crop::MultiScale,
            clips_per_video: 1,
            order: ClipOrder::Together,
            repeats: 1,
            short_video: ShortVideo::RepeatLast,
            stills: false,
            target_fps: 0.0,
            verify: Verify::Video,
            verified_in: String::new(),
            skip: Skip::Unwanted,
        }
    }
}

impl Default for Mask {
    fn default() -> Self {
        Self { kind: MaskKind::Tube, ratio: 0.9, decoder: DecoderMask::None, decoder_ratio: 0.5 }
    }
}

impl Default for Model {
    fn default() -> Self {
        Self {
            size: Size::Base,
            patch: 16,
            decoder_depth: 4,
            drop_path: 0.0,
            encoder_dim: 0,
            encoder_depth: 0,
            encoder_heads: 0,
            encoder_mlp: 0,
            decoder_dim: 0,
            decoder_heads: 0,
            decoder_mlp: 0,
            encoder_norm: true,
            target: Target::Normalised,
            gradient_checkpointing: false,
            precision: Precision::F32,
            kernels: Kernels::Own,
        }
    }
}

impl Default for Optimiser {
    fn default() -> Self {
        Self {
            batch: 256,
            micro_batch: 0,
            base_lr: 1.5e-4,
            floor_lr: 1e-5,
            beta1: 0.9,
            beta2: 0.95,
            epsilon: 1e-8,
            weight_decay: 0.05,
            clip_norm: 0.0,
            ema: 0.0,
            layer_decay: 1.0,
        }
    }
}

impl Default for Schedule {
    /// 801 epochs: the published 800-epoch model is laid out for one more.
    fn default() -> Self {
        Self { epochs: 801, warmup_epochs: 40, warmup_steps: 0 }
    }
}
