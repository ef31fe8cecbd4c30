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
    /// The head over `painted` mask tokens.
    pub head: u64,
}

impl Macs {
    /// The work for a clip of which `embedded` cubes are embedded, `visible` go through the encoder and
    /// `painted` mask tokens through the decoder.
    ///
    /// The official code embeds all cubes and then takes the visible ones; this one embeds these alone,
    /// with the same numbers.
    pub fn of_pretraining(shape: &ModelShape, embedded: usize, visible: usize, painted: usize) -> Self {
        let [embedded, visible, painted] = [embedded, visible, painted].map(|tokens| tokens as u64);
        let cube = shape.geometry.cube() as u64;
        let [wide, narrow] = [shape.encoder.dim, shape.decoder.dim].map(|dim| dim as u64);
        Self {
            embed: embedded * cube * wide,
            encoder: blocks(shape.encoder, visible),
            to_decoder: visible * wide * narrow,
            decoder: blocks(shape.decoder, visible + painted),
            head: painted * narrow * cube,
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
        }
    }

    /// Billions, cut to the three places of the published table.
    fn giga(macs: u64) -> f64 {
        (macs as f64 / 1e6).round() / 1e3
    }

    #[test]
    fn a_clip_takes_the_published_work() {
        let plain = [
            (Size::Small, 4, 11.536),
            (Size::Base, 4, 35.440),
            (Size::Large, 12, 142.636),
            (Size::Huge, 12, 237.607),
            (Size::Large, 4, 83.035),
        ];
        for (size, depth, published) in plain {
            let shape = shape(size, size.decoder(depth), 16);
            assert_eq!(giga(Macs::of_pretraining(&shape, 1568, 160, 1408).total()), published, "{size:?}");
        }
        let base = shape(Size::Base, Size::Base.decoder(4), 16);
        assert_eq!(giga(Macs::of_pretraining(&base, 1568, 392, 1176).total()), 57.437);
    }

    #[test]
    fn a_decoder_mask_of_one_half_takes_the_published_work() {
        let narrow = Size::Large.decoder(4);
        let dual = [
            (Size::Base, Size::Base.decoder(4), 25.840),
            (Size::Large, narrow, 68.272),
            (Size::Huge, narrow, 122.093),
        ];
        for (size, decoder, published) in dual {
            let macs = Macs::of_pretraining(&shape(size, decoder, 16), 1568, 160, 784);
            assert_eq!(giga(macs.total()), published, "{size:?}");
        }
        let giant = shape(Size::Giant, Size::Giant.decoder(4), 14);
        assert_eq!(giga(Macs::of_pretraining(&giant, 2048, 208, 1024).total()), 241.614);
    }

    #[test]
    fn the_base_models_work_is_spread_as_published() {
        let shape = shape(Size::Base, Size::Base.decoder(4), 16);
        let macs = Macs::of_pretraining(&shape, 1568, 160, 1408);
        let parts = [macs.embed, macs.encoder, macs.to_decoder, macs.decoder, macs.head].map(giga);
        assert_eq!(parts, [1.850, 14.061, 0.047, 18.651, 0.830]);
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
