//! VideoMAE: a model that predicts the cubes of a clip which it was not shown.
//!
//! ```text
//! visible cubes ─▶ embed + positions ─▶ encoder ─▶ narrow ─▶ [ … ; mask tokens ] ─▶ decoder ─▶ cubes
//! ```
//!
//! What is here is a set of functions over a table of [`Weights`]: nothing of a model outlives a step but
//! that table and the fixed tables of positions.

use std::ops::Range;

use burn::tensor::Tensor;

use super::{
    decoder::{self, Places},
    encoder,
    mode::Mode,
    position_table::PositionTable,
    sizes::ModelShape,
    stages::{Stage, forward},
};
use crate::{batch::masked::MaskedClips, device::Device, random::purpose, weights::Weights};

/// What a model has beside its weights: its lengths and its tables of positions.
#[doc(alias("PretrainVisionTransformer", "VideoMAEForPreTraining"))]
pub struct VideoMae {
    shape: ModelShape,
    encoder_positions: PositionTable,
    decoder_positions: PositionTable,
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
    #[doc(alias("forward_encoder", "forward_features"))]
    pub fn encode(&self, weights: &Weights, clips: &MaskedClips, mode: Mode) -> Tensor<3> {
        let stages = self.encoder_stages(clips, mode);
        let tokens = forward(&stages, weights, clips.visible_pixels(), clips.len());
        encoder::last_norm(weights, &self.shape, tokens)
    }

    /// The cubes that it predicts at the targets: `[clips, targets, cube]`, values in target order
    /// (time, row, column, colour).
    #[doc(alias("forward", "forward_decoder"))]
    pub fn predict(&self, weights: &Weights, clips: &MaskedClips, mode: Mode) -> Tensor<3> {
        forward(&self.stages(clips, mode), weights, clips.visible_pixels(), clips.len())
    }

    /// The way from visible pixels to predicted cubes, cut into stages that each keep one tensor: one a block, and
    /// one each for what lies before, between and behind the two stacks.
    pub(crate) fn stages<'a>(&'a self, clips: &'a MaskedClips, mode: Mode) -> Vec<Stage<'a>> {
        let shape = &self.shape;
        let drop_path = mode.drop_path(purpose::DROP_PATH_OF_DECODER, shape.decoder.depth, &clips.identities);
        let decoder = decoder::stages(shape, |part| self.places(clips, part), &drop_path);
        let mut stages = self.encoder_stages(clips, mode);
        let mut decoder = decoder.into_iter();
        // No stage of its own: the norm is computed once more with what it is given to.
        let begin = decoder.next().expect("because a decoder begins with its mask tokens");
        stages.push(Box::new(move |weights, tokens, part| {
            begin(weights, encoder::last_norm(weights, shape, tokens), part)
        }));
        stages.extend(decoder);
        stages
    }

    fn encoder_stages<'a>(&'a self, clips: &'a MaskedClips, mode: Mode) -> Vec<Stage<'a>> {
        let drop_path =
            mode.drop_path(purpose::DROP_PATH_OF_ENCODER, self.shape.encoder.depth, &clips.identities);
        let positions =
            |part: Range<usize>| self.encoder_positions.at(&clips.visible_of(part.clone()), part.len());
        encoder::stages("encoder.", &self.shape, positions, &drop_path)
    }

    fn places(&self, clips: &MaskedClips, part: Range<usize>) -> Places {
        Places {
            visible: self.decoder_positions.at(&clips.visible_of(part.clone()), part.len()),
            masked: self.decoder_positions.at(&clips.masked_of(part.clone()), part.len()),
            predicted: clips.targets,
        }
    }
}
