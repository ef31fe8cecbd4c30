//! How the views of a video are made, in words that change when they do.

use pipeline::sampling::labelled::Spread;
use schemas::settings::ShortSegments;
use trainer::Recipe;

use crate::data::labelled;

/// How the views of a video are made, in words that change when they do.
pub fn views_in_words(recipe: &Recipe) -> String {
    let frames = recipe.clip.frames;
    let clips = match labelled::spread(recipe) {
        Spread::Dense { stride } => format!("test clips of {frames} frames, {stride} apart"),
        Spread::Segments { short: ShortSegments::All } => format!("test clips of {frames} segments"),
        Spread::Segments { short: ShortSegments::First } => {
            format!("test clips of {frames} segments, frame 0 of short videos")
        }
    };
    format!("{clips}; {}", pixels_in_words(recipe))
}

/// How a frame becomes the pixels that a model was trained on, in words.
pub fn pixels_in_words(recipe: &Recipe) -> String {
    let height = recipe.clip.size;
    let width = if recipe.clip.width == 0 { height } else { recipe.clip.width };
    let short = if recipe.views.short_side == 0 { height.min(width) } else { recipe.views.short_side };
    format!("short side {short} by OpenCV's bilinear, {width}x{height} of it, ImageNet's mean and deviation")
}
