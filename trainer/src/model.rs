//! VideoMAE: a model that paints the cubes of a clip which it was not shown.
//!
//! ```text
//! visible cubes ─▶ embed + positions ─▶ encoder ─▶ narrow ─▶ [ … ; mask tokens ] ─▶ decoder ─▶ cubes
//! ```
//!
//! What is here is a set of functions over a table of [`Weights`]: nothing of a model outlives a step but
//! that table and the fixed tables of positions.

mod block;
pub mod classifier;
mod decoder;
pub mod drop_path;
mod encoder;
pub mod layout;
pub mod macs;
pub mod position_table;
pub mod sizes;

use burn::tensor::Tensor;

use self::{decoder::Decoder, drop_path::DropPath, encoder::Encoder, position_table::PositionTable};
pub use self::{
    drop_path::ClipIdentity,
    sizes::{ModelShape, NormEpsilons, Size, Stack},
};
use crate::{Device, clips::MaskedClips, weights::Weights};

/// What a model has beside its weights: its lengths and its tables of positions.
pub struct VideoMae {
    shape: ModelShape,
    encoder_positions: PositionTable,
    decoder_positions: PositionTable,
}

/// What is random in a forward pass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    /// Nothing.
    Fixed,
    /// Branches are left out at `drop_path` at most, drawn under `seed`.
    Training {
        /// Seed of the run.
        seed: u64,
        /// Rate at the last block of each stack.
        drop_path: f64,
    },
}

impl VideoMae {
    /// A model of this shape on `device`.
    pub fn new(shape: ModelShape, device: &Device) -> Self {
        let tokens = shape.geometry.tokens();
        Self {
            shape,
            encoder_positions: PositionTable::new(tokens, shape.encoder.dim, device),
            decoder_positions: PositionTable::new(tokens, shape.decoder.dim, device),
        }
    }

    /// Its lengths.
    pub fn shape(&self) -> &ModelShape {
        &self.shape
    }

    /// What the encoder makes of the visible cubes: `[clips, visible, encoder width]`.
    pub fn encode(&self, weights: &Weights, clips: &MaskedClips, mode: Mode) -> Tensor<3> {
        let encoder = Encoder::of(weights, "encoder.", &self.shape);
        let positions = self.encoder_positions.at(&clips.visible, clips.len());
        let drop_path = self.drop_path(mode, "encoder", clips);
        let tokens = encoder.forward(clips.visible_pixels(), positions, &drop_path);
        encoder::last_norm(weights, &self.shape, tokens)
    }

    /// The cubes that it paints at the targets: `[clips, targets, cube]`, values in target order
    /// (time, row, column, colour).
    pub fn paint(&self, weights: &Weights, clips: &MaskedClips, mode: Mode) -> Tensor<3> {
        let encoded = self.encode(weights, clips, mode);
        Decoder::of(weights, &self.shape).forward(
            encoded,
            self.decoder_positions.at(&clips.visible, clips.len()),
            self.decoder_positions.at(&clips.masked, clips.len()),
            clips.targets,
            &self.drop_path(mode, "decoder", clips),
        )
    }

    fn drop_path(&self, mode: Mode, stack: &'static str, clips: &MaskedClips) -> DropPath {
        let depth = if stack == "encoder" { self.shape.encoder.depth } else { self.shape.decoder.depth };
        match mode {
            Mode::Training { seed, drop_path: rate } if rate > 0.0 => {
                DropPath::Drawn { seed, stack, rate, depth, clips: clips.identities.clone() }
            }
            Mode::Training { .. } | Mode::Fixed => DropPath::Never,
        }
    }
}
