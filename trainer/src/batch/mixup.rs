//! Mixup and cutmix: a batch is mixed with itself in reverse order, and so are its targets.
//!
//! ```text
//! mixup    x ← λ·x + (1 − λ)·x turned round                          λ ~ Beta(.8, .8)
//! cutmix   the pixels of one box come from x turned round            λ ~ Beta(1, 1), then 1 − share of the box
//! target   λ·y + (1 − λ)·y turned round,   y = s/K everywhere, 1 − s more at the class
//! ```
//!
//! One λ and one box hold for a whole micro-batch, as in the official code, whose batch is that of one GPU. They are
//! drawn from (seed, step, micro-batch).
//!
//! Shapes: B clips, N tokens, C values of a cube, K classes.

use burn::tensor::{Tensor, TensorData};
use schemas::ClipGeometry;

use super::pixel_box::PixelBox;
use crate::random::{Draws, purpose};

/// How often and how strongly batches are mixed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mixing {
    /// Probability that a batch is mixed at all.
    pub mix: f64,
    /// α of the Beta distribution of mixup; 0 leaves it out.
    pub mixup: f64,
    /// α of the Beta distribution of cutmix; 0 leaves it out.
    pub cutmix: f64,
    /// Probability of cutmix in a mixed batch, where there are both.
    pub cutmix_share: f64,
}

impl Mixing {
    /// Whether batches may be mixed.
    pub fn mixes(&self) -> bool {
        self.mix > 0.0 && (self.mixup > 0.0 || self.cutmix > 0.0)
    }
}

/// How a batch is mixed.
#[doc(alias("cutmix", "mixup"))]
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mix {
    /// Not at all.
    Nothing,
    /// Every pixel is mixed.
    Mixup {
        /// Weight of the clip itself.
        lambda: f64,
    },
    /// A box comes from the other clip.
    Cutmix {
        /// The box.
        region: PixelBox,
        /// Share of the clip that is its own.
        lambda: f64,
    },
}

impl Mix {
    /// What happens to micro-batch `part` of step `step`.
    pub fn draw(mixing: Mixing, geometry: ClipGeometry, seed: u64, step: u64, part: u64) -> Self {
        let mut draws = Draws::keyed(seed, purpose::MIXING, &[step, part]);
        if !mixing.mixes() || draws.unit() >= mixing.mix {
            return Self::Nothing;
        }
        let cut = match (mixing.mixup > 0.0, mixing.cutmix > 0.0) {
            (true, true) => draws.unit() < mixing.cutmix_share,
            (_, cutmix) => cutmix,
        };
        if !cut {
            return Self::Mixup { lambda: draws.beta(mixing.mixup) };
        }
        let lambda = draws.beta(mixing.cutmix);
        let (height, width) = (geometry.height(), geometry.width());
        let mut place = |length: usize| (draws.unit() * length as f64) as usize;
        let (y, x) = (place(height), place(width));
        let (region, lambda) = cutmix_box(height, width, lambda, y, x);
        Self::Cutmix { region, lambda }
    }

    /// The mixed pixels of clips `[B, N, C]`.
    pub fn pixels(self, pixels: Tensor<3>, geometry: ClipGeometry) -> Tensor<3> {
        match self {
            Self::Nothing => pixels,
            Self::Mixup { lambda } => pixels.clone() * lambda + pixels.flip([0]) * (1.0 - lambda),
            Self::Cutmix { region, .. } => region.fill(pixels.clone(), pixels.flip([0]), geometry),
        }
    }

    /// The targets of clips of these classes: row by row, `classes` numbers that sum to 1.
    pub fn targets(self, labels: &[usize], classes: usize, smoothing: f64) -> Vec<f32> {
        let lambda = self.lambda();
        let (off, on) = (smoothing / classes as f64, 1.0 - smoothing + smoothing / classes as f64);
        let share = |class, label| if class == label { on } else { off };
        let pairs = labels.iter().zip(labels.iter().rev());
        pairs
            .flat_map(|(&own, &other)| (0..classes).map(move |class| (class, own, other)))
            .map(|(class, own, other)| {
                (lambda * share(class, own) + (1.0 - lambda) * share(class, other)) as f32
            })
            .collect()
    }

    /// The targets of clips with several labels, or numbers: rows of `answers`, mixed in proportion.
    pub fn vectors(self, rows: &[f32], answers: usize) -> Vec<f32> {
        let lambda = self.lambda();
        if self == Self::Nothing || answers == 0 {
            return rows.to_vec();
        }
        let turned = rows.chunks_exact(answers).rev().flatten();
        let mixed = |(own, other): (&f32, &f32)| {
            (lambda * f64::from(*own) + (1.0 - lambda) * f64::from(*other)) as f32
        };
        rows.iter().zip(turned).map(mixed).collect()
    }

    /// Share of a clip that is its own.
    fn lambda(self) -> f64 {
        match self {
            Self::Nothing => 1.0,
            Self::Mixup { lambda } | Self::Cutmix { lambda, .. } => lambda,
        }
    }
}

/// The box of cutmix around row `y`, column `x`, cut to the picture, and the share of the picture outside it.
pub fn cutmix_box(height: usize, width: usize, lambda: f64, y: usize, x: usize) -> (PixelBox, f64) {
    let ratio = (1.0 - lambda).sqrt();
    let side = |centre: usize, length: usize| {
        let half = (length as f64 * ratio) as usize / 2;
        (centre.saturating_sub(half), (centre + half).min(length))
    };
    let ((top, bottom), (left, right)) = (side(y, height), side(x, width));
    let region = PixelBox { top, bottom, left, right };
    (region, 1.0 - region.area() as f64 / (height * width) as f64)
}

/// Targets on a device: `[B, K]`.
pub fn upload_targets(targets: Vec<f32>, classes: usize, device: &crate::device::Device) -> Tensor<2> {
    let clips = targets.len() / classes.max(1);
    Tensor::from_data(TensorData::new(targets, [clips, classes]), device.tensors())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{device::Device, weights::floats};

    fn geometry() -> ClipGeometry {
        ClipGeometry::new(2, 8, 8, 2, 4).unwrap()
    }

    #[test]
    fn mixed_targets_are_the_published_ones() {
        let targets = Mix::Mixup { lambda: 0.3 }.targets(&[0, 3], 7, 0.1);
        let wanted = [0.284286, 0.0142857, 0.0142857, 0.644286, 0.0142857, 0.0142857, 0.0142857];
        assert!(
            targets[..7].iter().zip(wanted).all(|(found, wanted): (_, f32)| (found - wanted).abs() < 1e-6)
        );
        assert!((targets[7..].iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_box_at_the_border_is_cut_and_counts_as_what_is_left() {
        let (region, lambda) = cutmix_box(224, 224, 0.0, 74, 219);
        assert_eq!(region, PixelBox { top: 0, bottom: 186, left: 107, right: 224 });
        assert!((lambda - 0.566_286_670_9).abs() < 1e-9);
    }

    #[test]
    fn the_same_step_is_mixed_alike_and_half_of_the_steps_are_cut() {
        let mixing = Mixing { mix: 1.0, mixup: 0.8, cutmix: 1.0, cutmix_share: 0.5 };
        let draw = |step| Mix::draw(mixing, geometry(), 3, step, 0);
        assert_eq!(draw(5), draw(5));
        let cut = (0..1000).filter(|step| matches!(draw(*step), Mix::Cutmix { .. })).count();
        assert!((440..560).contains(&cut), "{cut}");
        let without = Mixing { cutmix: 0.0, ..mixing };
        assert!(matches!(Mix::draw(without, geometry(), 3, 5, 0), Mix::Mixup { .. }));
    }

    #[test]
    fn cutmix_takes_the_box_from_the_clip_at_the_other_end() {
        let device = Device::flex();
        let clips: Vec<f32> = [1.0, 2.0].iter().flat_map(|value| vec![*value; 4 * 96]).collect();
        let clips = Tensor::<3>::from_data(TensorData::new(clips, [2, 4, 96]), device.tensors());
        let region = PixelBox { top: 0, bottom: 4, left: 0, right: 4 };
        let mixed = floats(Mix::Cutmix { region, lambda: 0.75 }.pixels(clips.clone(), geometry()));
        assert_eq!(mixed[..96], [2.0; 96]);
        assert_eq!(mixed[96..384], [1.0; 288]);
        assert_eq!(mixed[384..480], [1.0; 96]);
        let mixed = floats(Mix::Mixup { lambda: 0.25 }.pixels(clips, geometry()));
        assert!((mixed[0] - 1.75).abs() < 1e-6 && (mixed[767] - 1.25).abs() < 1e-6);
    }
}
