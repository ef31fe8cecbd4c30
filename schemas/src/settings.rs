//! Words of settings that a recipe has and the pipeline follows.
//!
//! Each is written in a recipe in small letters with hyphens, as serde reads it here: `mask.kind = "tube"`,
//! `clip.short_video = "repeat-last"`.

use serde::{Deserialize, Serialize};

/// `mask.kind`: how the tokens lie that the encoder does not see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[doc(alias("TubeMaskingGenerator", "RandomMaskingGenerator"))]
pub enum MaskKind {
    /// The same places at all times (VideoMAE, section 3.3).
    #[default]
    Tube,
    /// Anywhere in space and time.
    Random,
    /// Whole time positions.
    Frame,
    /// Rectangles of places, the same at all times.
    Block,
    /// Tube in one clip and frame in another, by chance: a model learns to paint what is hidden of all frames, and whole
    /// frames from others.
    TubeAndFrame,
}

/// `mask.decoder`: which of the tokens that the encoder does not see the decoder need not predict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[doc(alias("RunningCellMaskingGenerator"))]
pub enum DecoderMask {
    /// None: it predicts every hidden token (VideoMAE).
    #[default]
    None,
    /// Cells of two by two places with a pattern that runs through time; `mask.decoder_ratio` is their share
    /// (VideoMAE V2, section 3.2).
    RunningCell,
}

/// `clip.order`: how the clips of a video lie in an epoch, where there are several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClipOrder {
    /// One after the other: one pass over the file gives them all.
    #[default]
    Together,
    /// Anywhere; each is a pass of its own.
    Scattered,
}

/// `clip.short_video`: what a video gives that is too short for a clip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShortVideo {
    /// Its last reachable frame is repeated (official).
    #[default]
    RepeatLast,
    /// It is played again from its first frame.
    Loop,
    /// No clip: another one takes its place.
    Skip,
}

/// `augment.short_segments`: what a video of fewer frames than segments gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShortSegments {
    /// Its first frame until the rest just fits, then every frame (VideoMAE V2).
    #[default]
    All,
    /// Its first frame only (VideoMAE).
    First,
}

/// `clip.resample`: in which order frames become the pixels of a clip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resample {
    /// Resized as the decoder's planes, then converted to RGB: one rounding, and less to do.
    #[default]
    Planes,
    /// Converted to RGB first, then resized as Pillow does: the official code's bytes.
    Rgb,
}

/// `clip.crop`: what is cut out of the frames of a clip, in pre-training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[doc(alias("GroupMultiScaleCrop"))]
pub enum Crop {
    /// A window of one of ten sizes and shapes at one of thirteen places, drawn for each clip (official).
    #[default]
    MultiScale,
    /// The largest window in the middle that has the clip's shape; nothing is drawn.
    Centre,
}

/// `clip.verify`: what must decode without complaint before a video gives clips.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verify {
    /// All of it, once a run, unless a manifest of `tubelet scan --verify` says that it does. Videos longer than a few
    /// minutes are taken by the clip.
    ///
    /// A decoder may make wrong pictures of damaged packets without a word and complain only of others, which a clip
    /// does not need.
    #[default]
    Video,
    /// What each clip takes.
    Clip,
}

/// `clip.skip`: which pictures that no clip wants are not decoded. It changes the speed and no pixel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Skip {
    /// Unneeded groups, and within the others the pictures that no other picture refers to.
    #[default]
    Unwanted,
    /// Those before the random-access point of a wanted one, and those of a group behind its last wanted one.
    Groups,
    /// None: all of the video is decoded for each clip, as loaders without an index do.
    Nothing,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The word of a setting.
    fn word(setting: impl Serialize) -> String {
        serde_json::to_value(setting).unwrap().as_str().unwrap().to_owned()
    }

    #[test]
    fn the_words_are_those_of_recipes_and_never_change() {
        let kinds =
            [MaskKind::Tube, MaskKind::Random, MaskKind::Frame, MaskKind::Block, MaskKind::TubeAndFrame];
        assert_eq!(kinds.map(word), ["tube", "random", "frame", "block", "tube-and-frame"]);
        assert_eq!([DecoderMask::None, DecoderMask::RunningCell].map(word), ["none", "running-cell"]);
        assert_eq!([ClipOrder::Together, ClipOrder::Scattered].map(word), ["together", "scattered"]);
        let short = [ShortVideo::RepeatLast, ShortVideo::Loop, ShortVideo::Skip];
        assert_eq!(short.map(word), ["repeat-last", "loop", "skip"]);
        assert_eq!([ShortSegments::All, ShortSegments::First].map(word), ["all", "first"]);
        assert_eq!([Resample::Planes, Resample::Rgb].map(word), ["planes", "rgb"]);
        assert_eq!([Crop::MultiScale, Crop::Centre].map(word), ["multi-scale", "centre"]);
        assert_eq!([Verify::Video, Verify::Clip].map(word), ["video", "clip"]);
        assert_eq!(
            [Skip::Unwanted, Skip::Groups, Skip::Nothing].map(word),
            ["unwanted", "groups", "nothing"]
        );
        assert_eq!(serde_json::from_str::<MaskKind>("\"tube\"").unwrap(), MaskKind::default());
    }
}
