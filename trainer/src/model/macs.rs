//! How much work a clip is: multiply-accumulates of one forward pass.
//!
//! A block with n tokens takes `n(4d² + 2dh) + 2n²d`; norms, softmax and GELU are not counted. This is
//! how papers count (and often call FLOPs). Backward takes twice the forward.

use super::sizes::{ModelShape, Stack};

/// Multiply-accumulates of one clip, by part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Macs {
    /// Embedding of `embedded` cubes.
    pub embed: u64,
    /// Encoder over the visible tokens.
    pub encoder: u64,
    /// The narrowing of visible tokens to the decoder's width.
    pub to_decoder: u64,
    /// Decoder over visible and mask tokens.
    pub decoder: u64,
    /// The head over `predicted` mask tokens.
    pub head: u64,
}

impl Macs {
    /// The work for a clip of which `embedded` cubes are embedded, `visible` go through the encoder and
    /// `predicted` mask tokens through the decoder.
    ///
    /// The official code embeds all cubes and then takes the visible ones; this one embeds these alone,
    /// with the same numbers.
    pub fn of_pretraining(shape: &ModelShape, embedded: usize, visible: usize, predicted: usize) -> Self {
        let [embedded, visible, predicted] = [embedded, visible, predicted].map(|tokens| tokens as u64);
        let cube = shape.geometry.cube() as u64;
        let [wide, narrow] = [shape.encoder.dim, shape.decoder.dim].map(|dim| dim as u64);
        Self {
            embed: embedded * cube * wide,
            encoder: blocks(shape.encoder, visible),
            to_decoder: visible * wide * narrow,
            decoder: blocks(shape.decoder, visible + predicted),
            head: predicted * narrow * cube,
        }
    }

    /// All parts together.
    pub fn total(self) -> u64 {
        self.embed + self.encoder + self.to_decoder + self.decoder + self.head
    }
}

/// The work of a classifier of `classes` classes for one view.
pub fn of_classifier(shape: &ModelShape, classes: usize) -> u64 {
    let tokens = shape.geometry.tokens() as u64;
    let dim = shape.encoder.dim as u64;
    tokens * shape.geometry.cube() as u64 * dim + blocks(shape.encoder, tokens) + dim * classes as u64
}

fn blocks(stack: Stack, tokens: u64) -> u64 {
    let [dim, depth, hidden] = [stack.dim, stack.depth, stack.hidden].map(|length| length as u64);
    depth * (tokens * (4 * dim * dim + 2 * dim * hidden) + 2 * tokens * tokens * dim)
}

#[cfg(test)]
mod tests {
    use schemas::ClipGeometry;

    use super::*;
    use crate::model::sizes::{NormEpsilons, Size};

    fn shape(size: Size, decoder: Stack, patch: usize) -> ModelShape {
        ModelShape {
            geometry: ClipGeometry::new(16, 224, 224, 2, patch).unwrap(),
            encoder: size.encoder(),
            decoder,
            epsilons: NormEpsilons::default(),
            encoder_norm: true,
        }
    }

    /// Billions, cut to the three places of the published table.
    fn giga(macs: u64) -> f64 {
        (macs as f64 / 1e6).round() / 1e3
    }

    #[test]
    fn a_clip_takes_the_published_work() {
        let (narrow, of_base, of_giant) =
            (Size::Large.decoder(4), Size::Base.decoder(4), Size::Giant.decoder(4));
        // Mask tokens in the decoder; embedding, encoder, narrowing, decoder, head; all.
        let published = [
            (Size::Small, Size::Small.decoder(4), 1408, [0.925, 3.633, 0.012, 6.551, 0.415], 11.536),
            (Size::Base, of_base, 1408, [1.850, 14.061, 0.047, 18.651, 0.830], 35.440),
            (Size::Large, Size::Large.decoder(12), 1408, [2.466, 49.577, 0.084, 89.402, 1.107], 142.636),
            (Size::Huge, Size::Huge.decoder(12), 1408, [3.083, 102.760, 0.131, 130.249, 1.384], 237.607),
            (Size::Base, of_base, 784, [1.850, 14.061, 0.047, 9.419, 0.462], 25.840),
            (Size::Large, narrow, 784, [2.466, 49.577, 0.084, 15.528, 0.617], 68.272),
            (Size::Huge, narrow, 784, [3.083, 102.760, 0.105, 15.528, 0.617], 122.093),
            (Size::Giant, of_giant, 1024, [3.391, 214.798, 0.150, 22.658, 0.617], 241.614),
        ];
        for (size, decoder, masked, parts, total) in published {
            let (patch, tokens, visible) =
                if size == Size::Giant { (14, 2048, 208) } else { (16, 1568, 160) };
            let macs = Macs::of_pretraining(&shape(size, decoder, patch), tokens, visible, masked);
            let found = [macs.embed, macs.encoder, macs.to_decoder, macs.decoder, macs.head].map(giga);
            assert_eq!((found, giga(macs.total())), (parts, total), "{size:?}, {masked} mask tokens");
        }
        // The sizes of V2 without a decoder mask, and the base model at .75.
        for (size, decoder, patch, [tokens, visible], total) in [
            (Size::Large, narrow, 16, [1568, 160], 83.035),
            (Size::Huge, narrow, 16, [1568, 160], 136.856),
            (Size::Giant, of_giant, 14, [2048, 208], 263.957),
            (Size::Base, of_base, 16, [1568, 392], 57.437),
        ] {
            let macs = Macs::of_pretraining(&shape(size, decoder, patch), tokens, visible, tokens - visible);
            assert_eq!(giga(macs.total()), total, "{size:?}");
        }
    }

    #[test]
    fn the_decoder_is_more_than_half_and_hidden_cubes_need_no_embedding() {
        let share = |size: Size, depth| {
            let macs = Macs::of_pretraining(&shape(size, size.decoder(depth), 16), 1568, 160, 1408);
            (100.0 * macs.decoder as f64 / macs.total() as f64).round()
        };
        assert_eq!([share(Size::Base, 4), share(Size::Large, 12)], [53.0, 63.0]);
        let base = shape(Size::Base, Size::Base.decoder(4), 16);
        let [all, seen] =
            [1568, 160].map(|embedded| Macs::of_pretraining(&base, embedded, 160, 1408).total());
        assert_eq!(((all - seen) as f64 / 1e7).round() / 100.0, 1.66);
    }

    #[test]
    fn a_classifiers_view_takes_the_published_work() {
        for (size, patch, published) in [
            (Size::Small, 16, 56.9),
            (Size::Base, 16, 180.3),
            (Size::Large, 16, 596.8),
            (Size::Huge, 16, 1191.0),
            (Size::Giant, 14, 2542.8),
        ] {
            let macs = of_classifier(&shape(size, size.decoder(4), patch), 400);
            assert_eq!((macs as f64 / 1e8).round() / 10.0, published, "{size:?}");
        }
    }
}
