//! Why a mask cannot be made.

/// Why a mask cannot be drawn.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MaskError {
    /// The ratio is no number from 0 to below 1, or leaves nothing visible or nothing hidden.
    #[error(
        "a mask ratio of {ratio} hides {hidden} of {of}; at least one must stay visible and one must be hidden"
    )]
    Ratio {
        /// The ratio.
        ratio: f64,
        /// What it hides.
        hidden: usize,
        /// Out of how many tokens, places or time positions.
        of: usize,
    },
    /// Running cells hide 1, 2 or 3 of 4 tokens.
    #[error("running cells hide .25 to .99 of the tokens, not {share}")]
    CellShare {
        /// The share asked for.
        share: f64,
    },
    /// Cells of 2×2 do not tile the grid.
    #[error("cells of 2×2 do not tile a grid of {height}×{width}")]
    CellGrid {
        /// Rows of the grid.
        height: usize,
        /// Columns of the grid.
        width: usize,
    },
}
