//! Whole clips in any layout, written frame by frame.
//!
//! ```text
//! byte of colour c of pixel (t, y, x)    cubes   crate::tubelets, all tokens
//!                                        NCTHW   ((c·frames + t)·height + y)·width + x
//!                                        NTCHW   ((t·3 + c)·height + y)·width + x
//!                                        NTHWC   ((t·height + y)·width + x)·3 + c
//! ```
//!
//! A frame's lines are copied to where they belong, so each pixel is written once and no clip of whole frames is held
//! beside the one that is handed on.

use schemas::{ClipGeometry, PixelLayout, geometry::CHANNELS};

use crate::{transform::lines::Lines, tubelets};

/// Writes the frames of clips of one geometry in one layout.
#[derive(Clone, Debug)]
pub struct PixelWriter {
    geometry: ClipGeometry,
    layout: PixelLayout,
    /// All tokens of a clip, ascending.
    tokens: Vec<u16>,
}

impl PixelWriter {
    /// For clips of this geometry in this layout.
    pub fn new(geometry: ClipGeometry, layout: PixelLayout) -> Self {
        // A geometry has at most 65536 tokens, so the last number is a u16's.
        let tokens = (0..geometry.tokens()).map(|token| token as u16).collect();
        Self { geometry, layout, tokens }
    }

    /// The order of the pixels.
    pub fn layout(&self) -> PixelLayout {
        self.layout
    }

    /// Bytes of a whole clip.
    pub fn bytes(&self) -> usize {
        clip_bytes(self.geometry)
    }

    /// Room for a whole clip.
    pub fn room(&self) -> Vec<u8> {
        vec![0; self.bytes()]
    }

    /// Puts a frame of the clip's size where frame `number` of the clip lies in `pixels`, which are a whole clip.
    pub fn put(&self, frame: &Lines, number: usize, pixels: &mut [u8]) {
        let (frames, width) = (self.geometry.frames(), self.geometry.width());
        let plane = self.geometry.height() * width;
        let start_of = |colour: usize| match self.layout {
            PixelLayout::Ncthw => (colour * frames + number) * plane,
            _ => (number * CHANNELS + colour) * plane,
        };
        match self.layout {
            PixelLayout::Cubes => {
                tubelets::put_frame(self.geometry, frame, number, &self.tokens, pixels);
            }
            PixelLayout::Ncthw | PixelLayout::Ntchw => {
                for (row, lines) in frame.samples().chunks_exact(CHANNELS * width).enumerate() {
                    for (colour, line) in lines.chunks_exact(width).enumerate() {
                        pixels[start_of(colour) + row * width..][..width].copy_from_slice(line);
                    }
                }
            }
            PixelLayout::Nthwc => frame.interleave_into(&mut pixels[start_of(0)..][..CHANNELS * plane]),
        }
    }
}

/// Bytes of a whole clip.
pub(crate) fn clip_bytes(geometry: ClipGeometry) -> usize {
    geometry.tokens() * geometry.cube()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::crop::Window;

    #[test]
    fn every_byte_lies_where_its_layout_says() {
        let (frames, height, width) = (4, 8, 12);
        let geometry = ClipGeometry::new(frames, height, width, 2, 4).unwrap();
        let value = |t: usize, y: usize, x: usize, colour: usize| {
            (((t * height + y) * width + x) * 3 + colour).wrapping_mul(0x9E37_79B1) as u32 as u8
        };
        for layout in [PixelLayout::Ncthw, PixelLayout::Ntchw, PixelLayout::Nthwc] {
            let writer = PixelWriter::new(geometry, layout);
            let (mut found, mut frame) = (writer.room(), Lines::default());
            for t in 0..frames {
                let at = |at: usize| value(t, at / (width * 3), at / 3 % width, at % 3);
                let pixels: Vec<u8> = (0..height * width * 3).map(at).collect();
                let window = Window { x: 0, y: 0, width: width as u32, height: height as u32 };
                frame.cut_from(&pixels, width as u32, window);
                writer.put(&frame, t, &mut found);
            }
            for (t, y, x, c) in all_places(frames, height, width) {
                let at = match layout {
                    PixelLayout::Ncthw => ((c * frames + t) * height + y) * width + x,
                    PixelLayout::Ntchw => ((t * 3 + c) * height + y) * width + x,
                    _ => ((t * height + y) * width + x) * 3 + c,
                };
                assert_eq!(found[at], value(t, y, x, c), "{layout} {:?}", (t, y, x, c));
            }
        }
    }

    /// Every frame, row, column and colour.
    fn all_places(frames: usize, height: usize, width: usize) -> Vec<(usize, usize, usize, usize)> {
        let all = 0..frames * height * width * 3;
        all.map(|at| (at / 3 / width / height, at / 3 / width % height, at / 3 % width, at % 3)).collect()
    }
}
