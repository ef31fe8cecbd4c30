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
pub mod dropout;
mod encoder;
pub mod layout;
pub mod macs;
pub mod memory;
pub mod position_table;
pub mod sizes;

use std::ops::Range;

use burn::tensor::Tensor;

use self::{
    block::Block,
    decoder::{Decoder, Places},
    drop_path::DropPath,
    encoder::Encoder,
    position_table::PositionTable,
};
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

/// A part of the way from pixels to cubes, as a function of the weights, of the tokens of some clips and of the
/// places of these clips in the batch.
pub(crate) type Stage<'a> = Box<dyn Fn(&Weights, Tensor<3>, Range<usize>) -> Tensor<3> + 'a>;

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
        let drop_path = self.drop_path(mode, "decoder", clips);
        let places = self.places(clips, 0..clips.len());
        Decoder::of(weights, &self.shape).forward(encoded, &places, &drop_path)
    }

    /// The same way from visible pixels to painted cubes, cut into stages that each keep one tensor: one a
    /// block, and one each for what lies before, between and behind the two stacks.
    pub(crate) fn stages<'a>(&'a self, clips: &'a MaskedClips, mode: Mode) -> Vec<Stage<'a>> {
        let shape = &self.shape;
        let block = |prefix: &'static str, stack: Stack, name, number| -> Stage<'a> {
            let drop_path = self.drop_path(mode, name, clips);
            Box::new(move |weights, tokens, part| {
                let block = Block::of(weights, prefix, number, stack, shape.epsilons.blocks);
                let kept = match name == "decoder" && number + 1 == stack.depth {
                    true => self.places(clips, part.clone()).of_painted(),
                    false => 0..tokens.dims()[1],
                };
                block.forward_kept(tokens, kept, &drop_path.of(part), number)
            })
        };
        let mut stages: Vec<Stage<'a>> = vec![Box::new(|weights, pixels, part| {
            let positions = self.encoder_positions.at(&clips.visible_of(part.clone()), part.len());
            Encoder::of(weights, "encoder.", shape).embed(pixels, positions)
        })];
        stages.extend((0..shape.encoder.depth).map(|at| block("encoder.", shape.encoder, "encoder", at)));
        stages.push(Box::new(|weights, tokens, part| {
            let encoded = encoder::last_norm(weights, shape, tokens);
            Decoder::of(weights, shape).begin(encoded, &self.places(clips, part))
        }));
        stages.extend((0..shape.decoder.depth).map(|at| block("decoder.", shape.decoder, "decoder", at)));
        stages.push(Box::new(|weights, tokens, part| {
            Decoder::of(weights, shape).finish(tokens, &self.places(clips, part))
        }));
        stages
    }

    fn places(&self, clips: &MaskedClips, part: Range<usize>) -> Places {
        Places {
            visible: self.decoder_positions.at(&clips.visible_of(part.clone()), part.len()),
            masked: self.decoder_positions.at(&clips.masked_of(part.clone()), part.len()),
            painted: clips.targets,
        }
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
