//! Which tokens a clip's encoder does not see, and which of them the decoder paints.
//!
//! Token number = (t·grid height + y)·grid width + x. Counts are truncated products in f64, as the
//! official code computes them: .29 of 100 places is 28, not 29.
//!
//! ```text
//! encoder mask   hidden / visible                    one of tube, random, frame, block; or tube and frame by turns
//! decoder mask   painted / left out                  everything hidden (V1), or running cells (V2)
//!   target  = painted and hidden                     counts in the loss, its cube leaves the pipeline
//!   context = painted and visible                    takes part in attention, no pixels needed
//! ```

mod block;
mod error;
mod frame;
mod grid;
mod random;
mod running_cell;
mod tube;
mod tube_and_frame;

use schemas::{
    ClipGeometry,
    settings::{DecoderMask, MaskKind},
};

use crate::schedule::RowDraws;

pub use error::MaskError;
pub use running_cell::RunningCells;

/// A rule of masks that fits a geometry; draws one mask after the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MaskRule {
    geometry: ClipGeometry,
    kind: MaskKind,
    ratio: f64,
    hidden: usize,
    cells: Option<RunningCells>,
}

/// The tokens of one clip, each list ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    /// Seen by the encoder.
    pub visible: Vec<u16>,
    /// Painted and counted in the loss.
    pub target: Vec<u16>,
    /// Painted and not counted.
    pub context: Vec<u16>,
}

impl MaskRule {
    /// Masks of `kind` that hide the share `ratio` from the encoder; the decoder predicts all of it.
    ///
    /// # Errors
    /// When the ratio hides nothing or everything.
    pub fn new(geometry: ClipGeometry, kind: MaskKind, ratio: f64) -> Result<Self, MaskError> {
        let of = match kind {
            MaskKind::Tube | MaskKind::Block => geometry.places(),
            MaskKind::Random => geometry.tokens(),
            MaskKind::Frame => geometry.grid()[0],
            MaskKind::TubeAndFrame => {
                let [tube, frame] = tube_and_frame::KINDS.map(|kind| Self::new(geometry, kind, ratio));
                let hidden = geometry.tokens() - tube?.visible_tokens().min(frame?.visible_tokens());
                return Ok(Self { geometry, kind, ratio, hidden, cells: None });
            }
        };
        let hidden = (ratio * of as f64) as usize;
        if !(0.0..1.0).contains(&ratio) || hidden == 0 || hidden >= of {
            return Err(MaskError::Ratio { ratio, hidden, of });
        }
        Ok(Self { geometry, kind, ratio, hidden, cells: None })
    }

    /// The same with a decoder mask that hides the share `ratio` of all tokens, .25 to below 1, from the decoder.
    ///
    /// # Errors
    /// When the cells do not fit.
    pub fn with_decoder(self, decoder: DecoderMask, ratio: f64) -> Result<Self, MaskError> {
        let cells = match decoder {
            DecoderMask::None => None,
            DecoderMask::RunningCell => Some(RunningCells::new(self.geometry, ratio)?),
        };
        Ok(Self { cells, ..self })
    }

    /// Visible tokens of every mask of this rule.
    pub fn visible_tokens(&self) -> usize {
        let [times, ..] = self.geometry.grid();
        match self.kind {
            MaskKind::Tube | MaskKind::Block => (self.geometry.places() - self.hidden) * times,
            MaskKind::Random | MaskKind::TubeAndFrame => self.geometry.tokens() - self.hidden,
            MaskKind::Frame => (times - self.hidden) * self.geometry.places(),
        }
    }

    /// One bit a token: whether it is hidden from the encoder in a row.
    fn hidden(&self, draws: &mut RowDraws) -> Vec<bool> {
        let Self { geometry, kind, ratio, hidden, .. } = *self;
        match kind {
            MaskKind::Tube => tube::hidden(geometry, hidden, &mut draws.mask),
            MaskKind::Random => random::hidden(geometry, hidden, &mut draws.mask),
            MaskKind::Frame => frame::hidden(geometry, hidden, &mut draws.mask),
            MaskKind::Block => block::hidden(geometry, hidden, &mut draws.mask),
            MaskKind::TubeAndFrame => tube_and_frame::hidden(geometry, ratio, hidden, draws),
        }
    }

    /// The mask of a row.
    pub fn draw(&self, draws: &mut RowDraws) -> Mask {
        let hidden = self.hidden(draws);
        let painted = match &self.cells {
            None => hidden.clone(),
            Some(cells) => cells.painted(draws.decoder.place(RunningCells::MAPS)),
        };
        let tokens = |wanted: &dyn Fn(usize) -> bool| {
            (0..hidden.len()).filter(|&token| wanted(token)).map(|token| token as u16).collect()
        };
        Mask {
            visible: tokens(&|token| !hidden[token]),
            target: tokens(&|token| painted[token] && hidden[token]),
            context: tokens(&|token| painted[token] && !hidden[token]),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use schemas::settings::ClipOrder;

    use super::*;
    use crate::{RowNumber, schedule::Schedule};

    fn geometry(times: usize, height: usize, width: usize) -> ClipGeometry {
        ClipGeometry::new(times * 2, height * 16, width * 16, 2, 16).unwrap()
    }

    fn row(number: u64) -> RowDraws {
        Schedule { seed: 3, videos: 1, clips_per_video: 1, order: ClipOrder::Together }
            .row(0, RowNumber(number))
    }

    #[test]
    fn tube_masks_hide_the_published_counts() {
        for (times, height, width, ratio, hidden, visible) in [
            (8, 14, 14, 0.9, 1408, 160),
            (8, 14, 14, 0.95, 1488, 80),
            (8, 14, 14, 0.8, 1248, 320),
            (8, 14, 14, 0.75, 1176, 392),
            (8, 14, 14, 0.5, 784, 784),
            (8, 16, 16, 0.9, 1840, 208),
            (8, 7, 7, 0.9, 352, 40),
            (8, 7, 7, 0.75, 288, 104),
            (8, 4, 4, 0.75, 96, 32),
            (8, 10, 10, 0.9, 720, 80),
            (8, 12, 12, 0.9, 1032, 120),
            (8, 20, 20, 0.9, 2880, 320),
            (16, 14, 14, 0.9, 2816, 320),
            (8, 10, 10, 0.29, 224, 576),
            (8, 10, 10, 0.57, 448, 352),
        ] {
            let geometry = geometry(times, height, width);
            let rule = MaskRule::new(geometry, MaskKind::Tube, ratio).unwrap();
            let mask = rule.draw(&mut row(0));
            assert_eq!((mask.target.len(), mask.visible.len()), (hidden, visible), "{geometry:?} {ratio}");
            assert_eq!((rule.visible_tokens(), mask.context.len()), (visible, 0));
        }
    }

    #[test]
    fn random_and_frame_masks_hide_their_counts() {
        let hidden = |kind, ratio| {
            let rule = MaskRule::new(geometry(8, 14, 14), kind, ratio).unwrap();
            rule.draw(&mut row(1)).target.len()
        };
        assert_eq!(hidden(MaskKind::Random, 0.9), 1411);
        assert_eq!(hidden(MaskKind::Frame, 0.875), 7 * 196);
        assert_eq!(hidden(MaskKind::Block, 0.9), 1408);
    }

    #[test]
    fn running_cells_leave_the_published_counts() {
        // Mask tokens, those counted in the loss; length of the decoder's sequence, cubes needed in all.
        for (share, [painted, counted, length, cubes]) in [
            (0.0, [1408, 1408, 1568, 1568]),
            (0.25, [1176, 1056, 1336, 1216]),
            (0.5, [784, 704, 944, 864]),
            (0.75, [392, 352, 552, 512]),
        ] {
            for number in 0..8 {
                let decoder = if share == 0.0 { DecoderMask::None } else { DecoderMask::RunningCell };
                let rule = MaskRule::new(geometry(8, 14, 14), MaskKind::Tube, 0.9).unwrap();
                let rule = rule.with_decoder(decoder, share).unwrap();
                let mask = rule.draw(&mut row(number));
                assert_eq!((mask.target.len(), mask.context.len()), (counted, painted - counted));
                let seen = mask.visible.len();
                assert_eq!((seen + painted, seen + counted), (length, cubes), "share {share}");
            }
        }
        let rule = MaskRule::new(geometry(8, 16, 16), MaskKind::Tube, 0.9).unwrap();
        let mask = rule.with_decoder(DecoderMask::RunningCell, 0.5).unwrap().draw(&mut row(0));
        assert_eq!((mask.target.len(), mask.context.len()), (920, 104));
        assert_eq!(mask.visible.len() + 1024, 1232, "the decoder's sequence");
    }

    #[test]
    fn ratios_that_leave_nothing_are_refused() {
        for ratio in [0.0, 1.0, -0.5, 0.001, f64::NAN] {
            let rule = MaskRule::new(geometry(8, 14, 14), MaskKind::Tube, ratio);
            assert!(matches!(rule, Err(MaskError::Ratio { .. })), "{ratio}");
        }
    }

    #[test]
    fn tube_and_frame_masks_come_about_as_often_and_leave_as_many_tokens() {
        let geometry = geometry(8, 7, 7);
        let rule = MaskRule::new(geometry, MaskKind::TubeAndFrame, 0.875).unwrap();
        // A whole frame has 49 tokens, a tube mask leaves 7 places at 8 times, of which 7 tokens are hidden besides.
        assert_eq!(rule.visible_tokens(), 49);
        let is_frame = |number| {
            let visible = rule.draw(&mut row(number)).visible;
            assert_eq!(visible.len(), 49);
            visible.iter().all(|token| token / 49 == visible[0] / 49)
        };
        let frames = (0..400).filter(|number| is_frame(*number)).count();
        // 200 ± 5 standard deviations of a fair coin
        assert!((150..250).contains(&frames), "{frames} of 400");
    }

    proptest! {
        #[test]
        fn every_token_is_visible_or_hidden_and_lists_ascend(
            kind in prop::sample::select(vec![
                MaskKind::Tube, MaskKind::Random, MaskKind::Frame, MaskKind::Block, MaskKind::TubeAndFrame,
            ]),
            ratio in 0.25f64..0.85, height in 2usize..9, width in 2usize..9, number: u64,
        ) {
            let geometry = geometry(8, height, width);
            let rule = MaskRule::new(geometry, kind, ratio).unwrap();
            let mask = rule.draw(&mut row(number));
            prop_assert_eq!(mask.visible.len(), rule.visible_tokens());
            let mut all = [mask.visible.clone(), mask.target.clone()].concat();
            prop_assert!(mask.visible.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(mask.target.windows(2).all(|pair| pair[0] < pair[1]));
            all.sort_unstable();
            prop_assert!(all.into_iter().eq(0..geometry.tokens() as u16));
        }

        #[test]
        fn a_tube_is_the_same_at_all_times(number: u64) {
            let geometry = geometry(8, 14, 14);
            let rule = MaskRule::new(geometry, MaskKind::Tube, 0.9).unwrap();
            let visible = rule.draw(&mut row(number)).visible;
            for time in visible.chunks(20) {
                prop_assert!(time.iter().map(|token| token % 196).eq(visible[..20].iter().copied()));
            }
        }
    }
}
