//! Predictions as the official code writes them, for its `merge`.
//!
//! ```text
//! 0.0, 0.0                                        one line that is no prediction
//! name [logit, logit, …] label clip crop          a line a view
//! ```
//!
//! The official `merge` tells videos apart by their names, so a name here is the whole path: two videos of one
//! file name in two folders stay two.

use std::fmt::Write as _;

use schemas::predictions::Predictions;

/// The text. A video without a known class has label −1; a video that failed has no line, as there.
pub fn official_text(predictions: &Predictions) -> String {
    let mut text = "0.0, 0.0\n".to_owned();
    for view in &predictions.predictions {
        // The logits are found by the first bracket of the line.
        let name = view.video.replace('[', "(").replace(']', ")");
        let logits: Vec<String> = view.logits.iter().map(f32::to_string).collect();
        let (label, clip, crop) = (view.label.unwrap_or(-1), view.view.clip, view.view.crop);
        writeln!(text, "{name} [{}] {label} {clip} {crop}", logits.join(", "))
            .expect("because a string takes any text");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_view() {
        let predictions = super::super::tests::of(&[(3, 1, &[0.5, -2.25])]);
        assert_eq!(official_text(&predictions), "0.0, 0.0\n3.mp4 [0.5, -2.25] 1 0 0\n");
    }
}
