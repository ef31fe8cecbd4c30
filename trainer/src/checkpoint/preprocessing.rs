//! preprocessor_config.json: what Hugging Face's processor does with pictures before the model sees them.
//!
//! Mean and deviation are written out, because the processor's own are .5 and .5, and VideoMAE's are
//! ImageNet's. They are read for the same reason: a model may have been trained with any.

use std::{io::Read as _, path::Path};

use schemas::{ClipGeometry, geometry::CHANNELS, regular_file};
use serde::Deserialize;

use super::{CheckpointError, PixelScale};

/// The file; newer versions call a video's so.
pub(super) const FILE: &str = "preprocessor_config.json";
const FILE_OF_VIDEO: &str = "video_preprocessor_config.json";
/// Longest file that is read; they have some hundred bytes.
const LIMIT: u64 = 1 << 20;
/// Levels of a pixel.
const LEVELS: f64 = 255.0;

/// What the file says. What is left out is as `VideoMAEImageProcessor` has it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Settings {
    do_rescale: Option<bool>,
    rescale_factor: Option<f64>,
    do_normalize: Option<bool>,
    image_mean: Option<Colours>,
    image_std: Option<Colours>,
}

/// A number for all colours, or one for each.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Colours {
    One(f64),
    Each(Vec<f64>),
}

impl Colours {
    fn each(self) -> Option<[f64; CHANNELS]> {
        match self {
            Self::One(value) => Some([value; CHANNELS]),
            Self::Each(values) => values.try_into().ok(),
        }
    }
}

/// How a folder's processor scales pixels, or ImageNet's scale, and that it is taken for granted.
pub(super) fn pixels_of(folder: &Path) -> Result<(PixelScale, Vec<String>), CheckpointError> {
    Ok(match read(folder)? {
        Some(scale) => (scale, Vec::new()),
        None => {
            let file = FILE;
            let words = format!("pixels scaled by ImageNet's mean and deviation ({file} is not there)");
            (PixelScale::IMAGENET, vec![words])
        }
    })
}

/// How the folder's processor scales pixels; none where the folder does not say.
fn read(folder: &Path) -> Result<Option<PixelScale>, CheckpointError> {
    let names = [FILE, FILE_OF_VIDEO];
    let Some(path) = names.map(|name| folder.join(name)).into_iter().find(|path| path.is_file()) else {
        return Ok(None);
    };
    let mut text = String::new();
    regular_file::open(&path)
        .and_then(|file| file.take(LIMIT).read_to_string(&mut text))
        .map_err(|cause| CheckpointError::File { path: path.clone(), cause })?;
    let settings: Settings = serde_json::from_str(&text)
        .map_err(|why| CheckpointError::Damaged { path: path.clone(), cause: why.to_string() })?;
    settings.scale().map(Some).ok_or_else(|| CheckpointError::Config {
        path,
        key: "image_mean, image_std",
        found: "not a number for each of 3 colours".to_owned(),
        why: "pixels are scaled by (pixel − mean) ÷ deviation".to_owned(),
    })
}

impl Settings {
    fn scale(self) -> Option<PixelScale> {
        let colours = |given: Option<Colours>, own: f64| given.unwrap_or(Colours::One(own)).each();
        let (mean, std) = match self.do_normalize {
            Some(false) => ([0.0; CHANNELS], [1.0; CHANNELS]),
            _ => (colours(self.image_mean, 0.5)?, colours(self.image_std, 0.5)?),
        };
        // As numbers for pixels in [0, 1]; 1 at the usual factor, which is written with some rounding.
        let factor = match (self.do_rescale, self.rescale_factor) {
            (Some(false), _) => LEVELS,
            (_, Some(factor)) if (factor * LEVELS - 1.0).abs() > 1e-9 => factor * LEVELS,
            _ => 1.0,
        };
        let scale = PixelScale { mean: mean.map(|mean| mean / factor), std: std.map(|std| std / factor) };
        scale.is_usable().then_some(scale)
    }
}

/// The file for a model of these clips: the short side to the model's, the middle of it, the colours as the model
/// takes them.
pub(super) fn written(geometry: ClipGeometry, pixels: PixelScale) -> String {
    let (height, width) = (geometry.height(), geometry.width());
    let settings = serde_json::json!({
        "image_processor_type": "VideoMAEImageProcessor",
        "do_resize": true,
        "size": { "shortest_edge": height.min(width) },
        "do_center_crop": true,
        "crop_size": { "height": height, "width": width },
        "do_rescale": true,
        "rescale_factor": 1.0 / LEVELS,
        "do_normalize": true,
        "image_mean": pixels.mean,
        "image_std": pixels.std,
    });
    format!("{settings:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(text: &str) -> Option<PixelScale> {
        serde_json::from_str::<Settings>(text).unwrap().scale()
    }

    #[test]
    fn what_is_written_is_read_and_spelt_as_people_spell_it() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()).unwrap(), None);
        let geometry = ClipGeometry::new(16, 224, 224, 2, 16).unwrap();
        let text = written(geometry, PixelScale::IMAGENET);
        assert!(text.contains("0.485") && text.contains("0.229"), "{text}");
        std::fs::write(folder.path().join(FILE), text).unwrap();
        assert_eq!(read(folder.path()).unwrap(), Some(PixelScale::IMAGENET));
        std::fs::write(folder.path().join(FILE), "{").unwrap();
        assert!(matches!(read(folder.path()), Err(CheckpointError::Damaged { .. })));
    }

    #[test]
    fn what_is_left_out_is_the_processor_s_half() {
        assert_eq!(scale("{}"), Some(PixelScale { mean: [0.5; 3], std: [0.5; 3] }));
        assert_eq!(scale(r#"{"do_normalize": false}"#), Some(PixelScale { mean: [0.0; 3], std: [1.0; 3] }));
        let bytes = r#"{"do_rescale": false, "image_mean": 51, "image_std": [255, 255, 255]}"#;
        assert_eq!(scale(bytes), Some(PixelScale { mean: [0.2; 3], std: [1.0; 3] }));
    }

    #[test]
    fn numbers_that_scale_nothing_are_refused() {
        for text in [r#"{"image_std": 0}"#, r#"{"image_mean": [0.5]}"#, r#"{"image_std": [1, 1, -1]}"#] {
            assert_eq!(scale(text), None, "{text}");
        }
    }
}
