//! What a person knows of a model that its file may not say.

use super::Heads;

/// What a person knows of a model and its file may not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// Attention heads.
    pub heads: Option<Heads>,
    /// Frames of a clip.
    pub frames: Option<usize>,
    /// Height and width of a frame in pixels.
    pub sides: Option<[usize; 2]>,
}
