//! In which order the pixels of whole clips lie.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::geometry::{CHANNELS, ClipGeometry};

/// The order of a clip's pixels in memory, named by its dimensions from the slowest to the fastest: N clips,
/// C colours (red, green, blue), T frames, H rows, W columns.
#[doc(alias = "memory format")]
#[doc(alias = "channels last")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PixelLayout {
    /// Cubes in token order, each in the byte order of the embedding's weights ([`crate::geometry`]).
    #[serde(rename = "cubes")]
    Cubes,
    /// `[N, C, T, H, W]`: PyTorch's 3D convolutions, the official code.
    #[serde(rename = "NCTHW")]
    Ncthw,
    /// `[N, T, C, H, W]`: Hugging Face's video models, torchcodec.
    #[serde(rename = "NTCHW")]
    Ntchw,
    /// `[N, T, H, W, C]`: JAX, TensorFlow, NumPy, pictures.
    #[serde(rename = "NTHWC")]
    Nthwc,
}

/// A word that names no layout.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no layout; there are cubes, NCTHW, NTCHW and NTHWC")]
pub struct UnknownLayout(String);

impl PixelLayout {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Cubes, Self::Ncthw, Self::Ntchw, Self::Nthwc];

    /// Its word in metadata, settings and arguments.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cubes => "cubes",
            Self::Ncthw => "NCTHW",
            Self::Ntchw => "NTCHW",
            Self::Nthwc => "NTHWC",
        }
    }

    /// Lengths of the dimensions of one clip: `[tokens, cube]` for cubes, else four numbers in the order of its
    /// name.
    pub fn shape(self, geometry: ClipGeometry) -> Vec<usize> {
        let (frames, height, width) = (geometry.frames(), geometry.height(), geometry.width());
        match self {
            Self::Cubes => vec![geometry.tokens(), geometry.cube()],
            Self::Ncthw => vec![CHANNELS, frames, height, width],
            Self::Ntchw => vec![frames, CHANNELS, height, width],
            Self::Nthwc => vec![frames, height, width, CHANNELS],
        }
    }
}

impl fmt::Display for PixelLayout {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for PixelLayout {
    type Err = UnknownLayout;

    /// Letters may be small or large.
    fn from_str(word: &str) -> Result<Self, UnknownLayout> {
        let named = |layout: &Self| layout.name().eq_ignore_ascii_case(word);
        Self::ALL.into_iter().find(named).ok_or_else(|| UnknownLayout(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layout_is_found_by_its_word_and_has_the_pixels_of_a_clip() {
        let geometry = ClipGeometry::new(4, 16, 32, 2, 8).unwrap();
        for layout in PixelLayout::ALL {
            assert_eq!(layout.name().parse(), Ok(layout));
            assert_eq!(layout.shape(geometry).iter().product::<usize>(), 3 * 4 * 16 * 32, "{layout}");
            assert_eq!(serde_json::to_string(&layout).unwrap(), format!("{:?}", layout.name()));
        }
        assert_eq!("nthwc".parse(), Ok(PixelLayout::Nthwc));
        assert!("NCHW".parse::<PixelLayout>().unwrap_err().to_string().contains("NTCHW"));
        assert_eq!(PixelLayout::Ntchw.shape(geometry), [4, 3, 16, 32]);
    }
}
