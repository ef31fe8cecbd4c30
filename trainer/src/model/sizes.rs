//! How large a model is: widths, depths and heads of its two stacks of blocks, by published name.
//!
//! A [`ModelShape`] holds lengths only; names and shapes of all tensors follow from it without a single
//! one being made ([`super::layout`]).

use schemas::ClipGeometry;
use serde::{Deserialize, Serialize};

/// The published sizes, and `tiny`, which is this project's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Size {
    /// Encoder 192 wide, 12 blocks, 3 heads; decoder 96 wide, 3 heads.
    Tiny,
    /// ViT-S: 384, 12, 6; decoder 192, 3.
    Small,
    /// ViT-B: 768, 12, 12; decoder 384, 6.
    Base,
    /// ViT-L: 1024, 24, 16; decoder 512, 8.
    Large,
    /// ViT-H: 1280, 32, 16; decoder 640, 8 (VideoMAE V2 has 512).
    Huge,
    /// ViT-g of VideoMAE V2: 1408, 40, 16; decoder 512, 8; MLPs 48/11 as wide as their stack.
    Giant,
}

/// A stack of transformer blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stack {
    /// Width of a token.
    pub dim: usize,
    /// Number of blocks.
    pub depth: usize,
    /// Attention heads of a block; divides `dim`.
    pub heads: usize,
    /// Width of the hidden layer of a block's MLP.
    pub hidden: usize,
}

/// What is added to the variance in each kind of LayerNorm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NormEpsilons {
    /// In the blocks and in `encoder.norm`.
    pub blocks: f64,
    /// In `decoder.norm` and in the classifier's `fc_norm`.
    pub last: f64,
}

impl Default for NormEpsilons {
    /// The official code's: 1e-6 everywhere. Hugging Face's model has others.
    fn default() -> Self {
        Self { blocks: 1e-6, last: 1e-6 }
    }
}

/// Everything that decides which tensors a model has and what is computed with them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ModelShape {
    /// The clips it takes.
    pub geometry: ClipGeometry,
    /// The blocks that see visible cubes.
    pub encoder: Stack,
    /// The blocks that predict hidden ones.
    pub decoder: Stack,
    /// Epsilons of its norms.
    pub epsilons: NormEpsilons,
    /// Whether a model in pre-training has a norm behind its encoder, as every published one. A classifier has none,
    /// and an encoder alone says it otherwise ([`super::layout::LastNorm`]).
    pub encoder_norm: bool,
}

impl Stack {
    /// How it stands in the digests that cached features are named by; never to be changed.
    pub fn digest_words(&self) -> String {
        let Self { dim, depth, heads, hidden } = self;
        format!("Stack {{ dim: {dim}, depth: {depth}, heads: {heads}, hidden: {hidden} }}")
    }
}

impl NormEpsilons {
    /// How they stand in the digests that cached features are named by; never to be changed.
    pub fn digest_words(&self) -> String {
        // `:?` writes the shortest decimal that is read back as the same number, 1e-6 as `1e-6`.
        format!("NormEpsilons {{ blocks: {:?}, last: {:?} }}", self.blocks, self.last)
    }
}

impl Size {
    /// The sizes and their names in a recipe, small to large.
    pub const ALL: [(&'static str, Self); 6] = [
        ("tiny", Self::Tiny),
        ("small", Self::Small),
        ("base", Self::Base),
        ("large", Self::Large),
        ("huge", Self::Huge),
        ("giant", Self::Giant),
    ];

    /// The encoder.
    pub fn encoder(self) -> Stack {
        let (dim, depth, heads) = match self {
            Self::Tiny => (192, 12, 3),
            Self::Small => (384, 12, 6),
            Self::Base => (768, 12, 12),
            Self::Large => (1024, 24, 16),
            Self::Huge => (1280, 32, 16),
            Self::Giant => (1408, 40, 16),
        };
        Stack { dim, depth, heads, hidden: self.hidden(dim) }
    }

    /// The decoder with `depth` blocks: depth is no part of a size, it is 4 or 12 in the publications.
    pub fn decoder(self, depth: usize) -> Stack {
        let (dim, heads) = match self {
            Self::Tiny => (96, 3),
            Self::Small => (192, 3),
            Self::Base => (384, 6),
            Self::Large | Self::Giant => (512, 8),
            Self::Huge => (640, 8),
        };
        Stack { dim, depth, heads, hidden: self.hidden(dim) }
    }

    /// Width of the hidden layer beside a width of `dim`: four times, in the giant 48/11 times,
    /// rounded down.
    pub fn hidden(self, dim: usize) -> usize {
        match self {
            Self::Giant => dim * 48 / 11,
            Self::Tiny | Self::Small | Self::Base | Self::Large | Self::Huge => dim * 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_digests_are_those_that_caches_have_been_named_by() {
        let stack = "Stack { dim: 192, depth: 12, heads: 3, hidden: 768 }";
        assert_eq!(Size::Tiny.encoder().digest_words(), stack);
        let epsilons = NormEpsilons { blocks: 1e-12, last: 1e-5 };
        assert_eq!(epsilons.digest_words(), "NormEpsilons { blocks: 1e-12, last: 1e-5 }");
    }

    #[test]
    fn the_giants_hidden_widths_are_cut_to_whole_numbers() {
        assert_eq!(Size::Giant.encoder().hidden, 6144);
        assert_eq!(Size::Giant.decoder(4).hidden, 2234);
    }
}
