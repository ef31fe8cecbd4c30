//! A decoded picture as the decoder gives it: planes, their layout, and the colour rule they follow.
//!
//! `decode/` makes pictures, `transform/` reads them; neither knows the other.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Number of horizontal and vertical luma samples that share one chroma sample, and bits a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Layout {
    /// How colour is laid out.
    pub colour: Sampling,
    /// Bits of a sample: 8, or 9 to 16 stored in two little-endian bytes.
    pub bits: u8,
}

/// Every layout that is read, by GStreamer's name of it.
const LAYOUTS: [(&str, Sampling, u8); 17] = [
    ("GRAY8", Sampling::Grey, 8),
    ("GRAY10_LE16", Sampling::Grey, 10),
    ("GRAY16_LE", Sampling::Grey, 16),
    ("I420", Sampling::Yuv420, 8),
    ("I420_10LE", Sampling::Yuv420, 10),
    ("I420_12LE", Sampling::Yuv420, 12),
    ("Y42B", Sampling::Yuv422, 8),
    ("I422_10LE", Sampling::Yuv422, 10),
    ("I422_12LE", Sampling::Yuv422, 12),
    ("Y41B", Sampling::Yuv411, 8),
    ("YUV9", Sampling::Yuv410, 8),
    ("Y444", Sampling::Yuv444, 8),
    ("Y444_10LE", Sampling::Yuv444, 10),
    ("Y444_12LE", Sampling::Yuv444, 12),
    ("GBR", Sampling::Gbr, 8),
    ("GBR_10LE", Sampling::Gbr, 10),
    ("GBR_12LE", Sampling::Gbr, 12),
];

/// What decoders give of a layout beside others: with a plane of transparency behind, which is left out as in FFmpeg's
/// scaler, or with all components of a pixel beside each other.
const SHOWN_AS: [(&str, &str); 16] = [
    ("A420", "I420"),
    ("A420_10LE", "I420_10LE"),
    ("A422_10LE", "I422_10LE"),
    ("A444_10LE", "Y444_10LE"),
    ("GBRA", "GBR"),
    ("GBRA_10LE", "GBR_10LE"),
    ("GBRA_12LE", "GBR_12LE"),
    ("RGB", "GBR"),
    ("BGR", "GBR"),
    ("RGBx", "GBR"),
    ("BGRx", "GBR"),
    ("xRGB", "GBR"),
    ("xBGR", "GBR"),
    ("RGBA", "GBR"),
    ("BGRA", "GBR"),
    ("ARGB", "GBR"),
];

impl Layout {
    /// The layout behind a GStreamer format name, if it is one that is read.
    pub fn named(format: &str) -> Option<Self> {
        let format = SHOWN_AS.into_iter().find(|(name, _)| *name == format).map_or(format, |(_, as_)| as_);
        let (_, colour, bits) = LAYOUTS.into_iter().find(|(name, ..)| *name == format)?;
        Some(Self { colour, bits })
    }

    /// GStreamer's name of the layout; nothing for one that no decoder gives.
    pub fn name(self) -> Option<&'static str> {
        let is_it = |(_, colour, bits): &(&str, Sampling, u8)| *colour == self.colour && *bits == self.bits;
        LAYOUTS.into_iter().find(is_it).map(|(name, ..)| name)
    }
}

/// Which planes there are and how large the second and third are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Sampling {
    /// One plane of luma.
    Grey,
    /// Y, Cb, Cr; chroma has half the columns and half the rows, rounded up.
    Yuv420,
    /// Y, Cb, Cr; chroma has half the columns, rounded up.
    Yuv422,
    /// Y, Cb, Cr; chroma has a quarter of the columns, rounded up.
    Yuv411,
    /// Y, Cb, Cr; chroma has a quarter of the columns and rows, rounded up.
    Yuv410,
    /// Y, Cb, Cr of one size.
    Yuv444,
    /// G, B, R of one size, in this order.
    Gbr,
}

impl Sampling {
    /// Planes of a picture.
    pub fn planes(self) -> usize {
        if self == Self::Grey { 1 } else { 3 }
    }

    /// Luma columns and rows per chroma sample, as powers of two.
    pub fn chroma_shift(self) -> (u32, u32) {
        match self {
            Self::Grey | Self::Yuv444 | Self::Gbr => (0, 0),
            Self::Yuv420 => (1, 1),
            Self::Yuv422 => (1, 0),
            Self::Yuv411 => (2, 0),
            Self::Yuv410 => (2, 2),
        }
    }
}

/// Luma and chroma weights (ITU-R BT.601, BT.709, BT.2020 non-constant luminance).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Matrix {
    /// Kr .299, Kb .114. Also for streams that say nothing, as FFmpeg's scaler assumes.
    Bt601,
    /// Kr .2126, Kb .0722.
    Bt709,
    /// Kr .2627, Kb .0593.
    Bt2020,
    /// Kr .212, Kb .087.
    Smpte240m,
    /// Kr .30, Kb .11.
    Fcc,
}

impl Matrix {
    /// Every matrix with the name that shards give it.
    const NAMES: [(Self, &str); 5] = [
        (Self::Bt601, "bt601"),
        (Self::Bt709, "bt709"),
        (Self::Bt2020, "bt2020"),
        (Self::Smpte240m, "smpte240m"),
        (Self::Fcc, "fcc"),
    ];

    /// Its name in shards.
    pub fn name(self) -> &'static str {
        let found = Self::NAMES.into_iter().find(|(matrix, _)| *matrix == self);
        found.expect("because every matrix has a name").1
    }

    /// The matrix of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(_, of)| *of == name).map(|(matrix, _)| matrix)
    }
}

/// Which sample values mean black and white.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Range {
    /// 16 to 235 (chroma 240), times 2^(bits − 8).
    Limited,
    /// 0 to 2^bits − 1.
    Full,
}

impl Range {
    /// Its name in shards.
    pub fn name(self) -> &'static str {
        match self {
            Self::Limited => "limited",
            Self::Full => "full",
        }
    }

    /// The range of a name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Limited, Self::Full].into_iter().find(|range| range.name() == name)
    }
}

/// How far a picture must be turned clockwise to stand upright, and whether it is mirrored first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Orientation {
    /// Clockwise quarter turns, 0 to 3.
    pub quarter_turns: u8,
    /// Mirrored left to right before it is turned.
    pub mirrored: bool,
}

/// One decoded picture: visible samples only, rows without padding, planes one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Layout of the planes.
    pub layout: Layout,
    /// Columns of luma, before it is turned upright.
    pub width: u32,
    /// Rows of luma, before it is turned upright.
    pub height: u32,
    /// Colour matrix.
    pub matrix: Matrix,
    /// Range of the samples.
    pub range: Range,
    /// The planes, tight.
    pub planes: Bytes,
}

impl Picture {
    /// Columns and rows of plane `plane`, in samples.
    pub fn plane_size(&self, plane: usize) -> (usize, usize) {
        let (width, height) = (self.width as usize, self.height as usize);
        if plane == 0 {
            return (width, height);
        }
        let (across, down) = self.layout.colour.chroma_shift();
        (width.div_ceil(1 << across), height.div_ceil(1 << down))
    }

    /// Bytes of a sample.
    pub fn sample_bytes(&self) -> usize {
        if self.layout.bits > 8 { 2 } else { 1 }
    }

    /// The samples of plane `plane`.
    pub fn plane(&self, plane: usize) -> &[u8] {
        let bytes = |plane| {
            let (columns, rows) = self.plane_size(plane);
            columns * rows * self.sample_bytes()
        };
        let start: usize = (0..plane).map(bytes).sum();
        &self.planes[start..start + bytes(plane)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_what_they_name() {
        for (name, colour, bits) in LAYOUTS {
            assert_eq!(Layout::named(name).and_then(Layout::name), Some(name));
            assert_eq!(Layout { colour, bits }.name(), Some(name));
        }
        assert_eq!((Layout::named("NV12"), Matrix::named("bt470"), Range::named("")), (None, None, None));
        for (matrix, name) in Matrix::NAMES {
            assert_eq!((Matrix::named(name), matrix.name()), (Some(matrix), name));
        }
        assert_eq!(Range::named(Range::Full.name()), Some(Range::Full));
    }
}
