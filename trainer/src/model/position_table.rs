//! Position embeddings: a fixed table of sines and cosines over the flat token number.
//!
//! `a(pos, j) = pos / 10000^(2·⌊j/2⌋/d)`, sine for even j, cosine for odd j, computed in f64 and rounded
//! once (official `get_sinusoid_encoding_table`). The table is one-dimensional over the token number
//! (t, y, x), so more frames only append rows, and another picture size gives other rows to the same
//! place. It has no gradient and is in no checkpoint.

mod stretch;

use burn::tensor::{Int, Tensor, TensorData};

use crate::device::Device;

/// The table of a stack of blocks on its device: `[tokens, dim]`.
#[derive(Clone, Debug)]
#[doc(alias("get_sinusoid_encoding_table", "pos_embed", "positional encoding"))]
pub struct PositionTable(Tensor<2>);

impl PositionTable {
    /// The table for `tokens` tokens of width `dim`.
    pub fn new(tokens: usize, dim: usize, device: &Device) -> Self {
        let values = TensorData::new(sines(tokens, dim), [tokens, dim]);
        Self(Tensor::from_data(values, device.tensors()))
    }

    /// The table of a grid of tokens `from` (time, height, width), stretched to the grid `to`: bicubic in
    /// space, then linear in time.
    pub fn stretched(from: [usize; 3], to: [usize; 3], dim: usize, device: &Device) -> Self {
        let values = stretch::stretch(sines(from.iter().product(), dim), from, to, dim);
        Self(Tensor::from_data(TensorData::new(values, [to.iter().product(), dim]), device.tensors()))
    }

    /// The rows of `tokens` (`[clips · n]`, clip after clip): `[clips, n, dim]`.
    pub fn at(&self, tokens: &Tensor<1, Int>, clips: usize) -> Tensor<3> {
        let [rows] = tokens.dims();
        let [_, dim] = self.0.dims();
        self.0.clone().select(0, tokens.clone()).reshape([clips, rows / clips, dim])
    }

    /// All rows, for a model that sees every token: `[1, tokens, dim]`.
    pub fn all(&self) -> Tensor<3> {
        self.0.clone().unsqueeze()
    }
}

/// The entries in row-major order.
pub(crate) fn sines(tokens: usize, dim: usize) -> Vec<f32> {
    let frequencies: Vec<f64> = (0..dim).map(|j| 10000f64.powf((2 * (j / 2)) as f64 / dim as f64)).collect();
    let entry = |position: usize, j: usize| {
        let angle = position as f64 / frequencies[j];
        (if j.is_multiple_of(2) { angle.sin() } else { angle.cos() }) as f32
    };
    (0..tokens).flat_map(|position| (0..dim).map(move |j| (position, j))).map(|(p, j)| entry(p, j)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(tokens: usize, dim: usize, published: &[(usize, usize, f64)], sum: f64) {
        let entries = sines(tokens, dim);
        for &(position, j, wanted) in published {
            let found = f64::from(entries[position * dim + j]);
            assert!((found - wanted).abs() < 1e-7, "({position}, {j}): {found}, wanted {wanted}");
        }
        let total: f64 = entries.iter().map(|entry| f64::from(*entry)).sum();
        assert!((total - sum).abs() < 1e-3, "sum {total}, wanted {sum}");
        let squares: f64 = entries.iter().map(|entry| f64::from(*entry).powi(2)).sum();
        assert!((squares - (tokens * dim / 2) as f64).abs() < 0.1, "squares {squares}");
    }

    #[test]
    fn the_table_has_the_published_entries() {
        check(
            1568,
            768,
            &[
                (0, 0, 0.0),
                (0, 1, 1.0),
                (1, 0, 0.841470957),
                (1, 1, 0.540302277),
                (1, 2, 0.828430772),
                (1, 3, 0.560091496),
                (195, 0, 0.219454661),
                (196, 0, 0.939530075),
                (196, 1, 0.342466444),
                (784, 100, -0.637225926),
                (784, 101, -0.770677090),
                (1567, 0, 0.608948410),
                (1567, 1, -0.793209851),
                (1567, 2, 0.093231626),
                (1567, 383, -0.941941679),
                (1567, 384, 0.037954148),
                (1567, 766, 0.159815684),
                (1567, 767, 0.987146854),
            ],
            245744.9896,
        );
    }

    #[test]
    fn narrower_tables_have_their_published_entries() {
        let narrow = [
            (1, 0, 0.841470957),
            (1, 2, 0.815250635),
            (196, 10, -0.260699093),
            (1567, 0, 0.608948410),
            (1567, 7, 0.979681015),
            (1567, 382, 0.163660645),
            (1567, 383, 0.986516714),
        ];
        check(1568, 384, &narrow, 122425.8579);
        check(1568, 192, &[(1, 2, 0.788593054), (1567, 5, 0.599584103)], 60779.0220);
        let small =
            [(1, 2, 0.629797161), (127, 3, 0.129926443), (127, 46, 0.018639971), (127, 47, 0.999826252)];
        check(128, 48, &small, 2061.0598);
    }
}
