//! Running-cell mask of the decoder (VideoMAE V2, RunningCellMaskingGenerator).
//!
//! Cells of 2×2 places tile the frame. Of a cell's four places m = trunc(4·share) are hidden from the
//! decoder at each time position, and the hidden ones move on by one place from one time position to the
//! next, so every place is painted at the same share of times:
//!
//! ```text
//! hidden(map k, time t, place p) = (p + k + t + 1) mod 4 < m        p = 2·(y mod 2) + (x mod 2)
//! ```

use schemas::ClipGeometry;

use super::error::MaskError;

/// A running-cell mask that fits a geometry.
#[doc(alias = "RunningCellMaskingGenerator")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunningCells {
    geometry: ClipGeometry,
    hidden: usize,
}

impl RunningCells {
    /// How many maps there are; one is drawn for each clip.
    pub const MAPS: usize = 4;

    /// Cells that hide the share `share` of the tokens from the decoder.
    ///
    /// # Errors
    /// When the share is not .25 to below 1, or the grid has odd sides.
    pub fn new(geometry: ClipGeometry, share: f64) -> Result<Self, MaskError> {
        let hidden = (share * 4.0) as usize;
        if !(0.25..1.0).contains(&share) || !(1..=3).contains(&hidden) {
            return Err(MaskError::CellShare { share });
        }
        let [_, height, width] = geometry.grid();
        if !height.is_multiple_of(2) || !width.is_multiple_of(2) {
            return Err(MaskError::CellGrid { height, width });
        }
        Ok(Self { geometry, hidden })
    }

    /// One bit a token: whether the decoder paints it under map `map`.
    pub fn painted(&self, map: usize) -> Vec<bool> {
        let [times, height, width] = self.geometry.grid();
        let places = move |t| (0..height).flat_map(move |y| (0..width).map(move |x| (t, y, x)));
        let painted =
            |(t, y, x): (usize, usize, usize)| (2 * (y % 2) + x % 2 + map + t + 1) % 4 >= self.hidden;
        (0..times).flat_map(places).map(painted).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_cells_come_out() {
        let table = [
            (
                0.25,
                ["0001 0010 0100 1000", "0010 0100 1000 0001", "0100 1000 0001 0010", "1000 0001 0010 0100"],
            ),
            (
                0.5,
                ["1001 0011 0110 1100", "0011 0110 1100 1001", "0110 1100 1001 0011", "1100 1001 0011 0110"],
            ),
            (
                0.75,
                ["1101 1011 0111 1110", "1011 0111 1110 1101", "0111 1110 1101 1011", "1110 1101 1011 0111"],
            ),
        ];
        let geometry = ClipGeometry::new(8, 32, 32, 2, 16).unwrap();
        for (share, maps) in table {
            let cells = RunningCells::new(geometry, share).unwrap();
            for (map, expected) in maps.into_iter().enumerate() {
                let digits = |cell: &[bool]| cell.iter().map(|&open| if open { '0' } else { '1' }).collect();
                let found: Vec<String> = cells.painted(map).chunks(4).map(digits).collect();
                assert_eq!(found.join(" "), expected, "share {share} map {map}");
            }
        }
    }

    #[test]
    fn shares_and_grids_that_do_not_fit_are_refused() {
        let geometry = ClipGeometry::new(16, 224, 224, 2, 16).unwrap();
        for share in [0.0, 0.24, 1.0, f64::NAN] {
            assert!(
                matches!(RunningCells::new(geometry, share), Err(MaskError::CellShare { .. })),
                "{share}"
            );
        }
        let odd = ClipGeometry::new(16, 112, 112, 2, 16).unwrap();
        assert_eq!(RunningCells::new(odd, 0.5), Err(MaskError::CellGrid { height: 7, width: 7 }));
    }
}
