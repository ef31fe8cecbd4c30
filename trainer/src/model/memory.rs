//! How much memory a training step takes, by part: counted from what this implementation keeps, in f32.
//!
//! For the backward pass a block with n tokens keeps the inputs of its two branches, of attention and of GELU,
//! and what attention gathered: `n(6d + h)` numbers. A block whose branches are computed in parts (where some
//! are left out at random, or by plain operations) also keeps what is computed again otherwise, the normed
//! tokens and what is behind GELU: `n(8d + 2h)`. With gradient checkpointing only a block's input stays, `nd`,
//! and one block at a time is whole, for some of the clips at a time. Scores of attention are never kept. What the
//! program, its decoders and LibTorch themselves take comes on top.

use super::{
    sizes::{ModelShape, Stack},
    stages::{Memory, clips_at_once},
};

/// Bytes of an f32.
const FLOAT: u64 = 4;

/// What of a step decides how much it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepSize {
    /// Clips computed at once.
    pub clips: usize,
    /// Tokens of a clip that the encoder sees.
    pub visible: usize,
    /// Mask tokens of a clip in the decoder.
    pub masked: usize,
    /// Of these, counted in the loss.
    pub counted: usize,
    /// What is kept for the backward pass.
    pub memory: Memory,
    /// How a block's branches are computed.
    pub branches: Branches,
    /// Micro-batches of an update.
    pub parts: usize,
    /// Whether an average of the weights is kept.
    pub averages: bool,
}

/// How the branches of a block are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Branches {
    /// Each as one operation.
    Whole,
    /// By single operations.
    InParts,
}

/// Bytes by part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryEstimate {
    /// The weights, and their average if one is kept.
    pub weights: u64,
    /// Gradients of a micro-batch.
    pub gradients: u64,
    /// With several micro-batches, the sums of the gradients so far: they are added in pairs, so that more of them wait.
    pub gradient_sum: u64,
    /// AdamW's two moments of each weight.
    pub moments: u64,
    /// What is kept for the backward pass, and the gradients that run through one block.
    pub activations: u64,
    /// Cubes as bytes, as pixels and as targets.
    pub batch: u64,
}

impl MemoryEstimate {
    /// The memory of a step of pre-training of a model with `parameters` weights.
    pub fn of_pretraining(shape: &ModelShape, parameters: usize, step: StepSize) -> Self {
        let table = parameters as u64 * FLOAT;
        let clips = step.clips as u64;
        let [visible, masked, counted] =
            [step.visible, step.masked, step.counted].map(|tokens| tokens as u64);
        let cube = shape.geometry.cube() as u64;
        let (encoder, decoder) = (shape.encoder, shape.decoder);
        let [wide, narrow] = [encoder.dim, decoder.dim].map(|dim| dim as u64);
        let [in_encoder, in_decoder] = [visible, visible + masked];
        // Behind the stacks: norms with their inputs, and the predicted cubes, their errors and gradients.
        let ends = 2 * visible * wide + counted * (2 * narrow + 3 * cube);
        let block = |stack, tokens| of_block(stack, tokens, step.branches) + through_block(stack, tokens);
        let activations = match step.memory {
            Memory::Everything => {
                let blocks = encoder.depth as u64 * of_block(encoder, in_encoder, step.branches)
                    + decoder.depth as u64 * of_block(decoder, in_decoder, step.branches);
                let through = through_block(encoder, in_encoder).max(through_block(decoder, in_decoder));
                clips * (blocks + through + ends)
            }
            Memory::BlockInputs => {
                let [of_encoder, of_decoder] = [in_encoder * wide, in_decoder * narrow];
                let inputs = encoder.depth as u64 * of_encoder + decoder.depth as u64 * of_decoder;
                // Gradients between two blocks, as they are handed on.
                let between = 2 * of_encoder.max(of_decoder);
                let at_once = |tokens: u64| clips_at_once(step.clips, tokens as usize) as u64;
                let one_block = [
                    at_once(in_encoder) * block(encoder, in_encoder),
                    at_once(in_decoder) * block(decoder, in_decoder),
                    at_once(counted) * ends,
                ];
                clips * (inputs + between) + one_block.into_iter().max().unwrap_or_default()
            }
        };
        Self {
            weights: table * (1 + u64::from(step.averages)),
            gradients: table,
            gradient_sum: table * u64::from(step.parts.max(1).ilog2()),
            moments: 2 * table,
            activations: activations * FLOAT,
            batch: clips * cube * (visible + counted) * (1 + FLOAT),
        }
    }

    /// At the fullest moment. The backward pass begins with all activations and no gradient and ends the other
    /// way round, so the larger of the two counts.
    pub fn total(self) -> u64 {
        let Self { weights, gradients, gradient_sum, moments, activations, batch } = self;
        weights + gradient_sum + moments + batch + gradients.max(activations)
    }
}

/// Numbers that a block over `tokens` tokens keeps for its backward pass.
fn of_block(stack: Stack, tokens: u64, branches: Branches) -> u64 {
    let (dim, hidden) = (stack.dim as u64, stack.hidden as u64);
    tokens
        * match branches {
            Branches::Whole => 6 * dim + hidden,
            Branches::InParts => 8 * dim + 2 * hidden,
        }
}

/// Numbers of the gradients that run through a block: at its MLP's hidden layer twice, and at its ends.
fn through_block(stack: Stack, tokens: u64) -> u64 {
    tokens * (2 * stack.dim as u64 + 2 * stack.hidden as u64)
}

#[cfg(test)]
mod tests {
    use schemas::ClipGeometry;

    use super::*;
    use crate::model::{NormEpsilons, Size, layout};

    fn base(memory: Memory) -> MemoryEstimate {
        let shape = ModelShape {
            geometry: ClipGeometry::new(16, 224, 224, 2, 16).unwrap(),
            encoder: Size::Base.encoder(),
            decoder: Size::Base.decoder(4),
            epsilons: NormEpsilons::default(),
            encoder_norm: true,
        };
        let step = StepSize {
            clips: 2,
            visible: 160,
            masked: 1408,
            counted: 1408,
            memory,
            branches: Branches::InParts,
            parts: 1,
            averages: false,
        };
        MemoryEstimate::of_pretraining(&shape, layout::pretraining(&shape).parameters(), step)
    }

    #[test]
    fn weights_gradients_and_moments_are_four_tables() {
        let estimate = base(Memory::Everything);
        let table = 94_210_944 * 4;
        assert_eq!([estimate.weights, estimate.gradients, estimate.moments], [table, table, 2 * table]);
        assert_eq!(estimate.gradient_sum, 0);
        // Two clips of 1568 cubes as bytes and as floats.
        assert_eq!(estimate.batch, 2 * 1568 * 1536 * 5);
    }

    #[test]
    fn gradients_take_the_place_of_activations() {
        let estimate = base(Memory::Everything);
        let MemoryEstimate { weights, moments, batch, activations, gradients, .. } = estimate;
        assert!(activations > gradients);
        assert_eq!(estimate.total(), weights + moments + batch + activations);
        let fewer = MemoryEstimate { activations: gradients / 2, ..estimate };
        assert_eq!(fewer.total(), weights + moments + batch + gradients);
    }

    #[test]
    fn block_inputs_take_a_fraction_of_everything() {
        let [whole, inputs] = [Memory::Everything, Memory::BlockInputs].map(base);
        // By hand, in numbers of a clip: 12 blocks of 160·(8·768 + 2·3072) and 4 of 1568·(8·384 + 2·1536), the
        // gradients through one of the latter, 1568·(2·384 + 2·1536), and the ends, of which one is there for one of
        // the two clips; gradients between blocks are 2·1568·384.
        let (decoder, through) = (1568 * 6144, 1568 * 3840);
        let ends = 2 * 160 * 768 + 1408 * (2 * 384 + 3 * 1536);
        assert_eq!(whole.activations, 2 * 4 * (12 * 160 * 12_288 + 4 * decoder + through + ends));
        let kept = 12 * 160 * 768 + 4 * 1568 * 384 + 2 * 1568 * 384;
        assert_eq!(inputs.activations, 4 * (2 * kept + (decoder + through)));
    }
}
