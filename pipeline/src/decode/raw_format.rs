//! Pictures without compression: where their samples stand in a packet, as FFmpeg's `rawvideo` and `v210` read them.
//!
//! ```text
//! I420  YYYY… UU… VV…          planes one behind the other
//! YUY2  Y U Y V  Y U Y V …     two pixels in four bytes
//! BGR   B G R  B G R …         the bytes of a pixel
//! v210  Cb Y Cr │ Y Cb Y │ …   three samples of 10 bits in four bytes
//! ```

use bytes::Bytes;

use crate::picture::{Layout, Matrix, Picture, Range, Sampling};

/// A format of pictures without compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RawFormat {
    /// GStreamer's name.
    pub name: &'static str,
    pub layout: Layout,
    packing: Packing,
}

/// Where the components of a picture stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    /// The components are planes, in this order.
    Planes(&'static [usize]),
    /// The first is a plane, the two others alternate in a second one, the first of them at this byte.
    Pairs([usize; 2]),
    /// All of them alternate: the first byte of each, and bytes from one of its samples to the next.
    Pixels([(usize, usize); 3]),
    /// Words of three samples, in rows of whole groups of 48 pixels.
    Words,
}
use Packing::{Pairs, Pixels, Planes, Words};

const fn row(name: &'static str, colour: Sampling, bits: u8, packing: Packing) -> RawFormat {
    RawFormat { name, layout: Layout { colour, bits }, packing }
}

/// Components of red, green and blue are in the order of our planes: G, B, R.
#[rustfmt::skip]
const FORMATS: [RawFormat; 30] = [
    row("I420", Sampling::Yuv420, 8, Planes(&[0, 1, 2])),
    row("YV12", Sampling::Yuv420, 8, Planes(&[0, 2, 1])),
    row("I420_10LE", Sampling::Yuv420, 10, Planes(&[0, 1, 2])),
    row("I420_12LE", Sampling::Yuv420, 12, Planes(&[0, 1, 2])),
    row("Y42B", Sampling::Yuv422, 8, Planes(&[0, 1, 2])),
    row("I422_10LE", Sampling::Yuv422, 10, Planes(&[0, 1, 2])),
    row("I422_12LE", Sampling::Yuv422, 12, Planes(&[0, 1, 2])),
    row("Y41B", Sampling::Yuv411, 8, Planes(&[0, 1, 2])),
    row("Y444", Sampling::Yuv444, 8, Planes(&[0, 1, 2])),
    row("Y444_10LE", Sampling::Yuv444, 10, Planes(&[0, 1, 2])),
    row("Y444_12LE", Sampling::Yuv444, 12, Planes(&[0, 1, 2])),
    row("GRAY8", Sampling::Grey, 8, Planes(&[0])),
    row("GRAY10_LE16", Sampling::Grey, 10, Planes(&[0])),
    row("GRAY16_LE", Sampling::Grey, 16, Planes(&[0])),
    row("GBR", Sampling::Gbr, 8, Planes(&[0, 1, 2])),
    row("NV12", Sampling::Yuv420, 8, Pairs([0, 1])),
    row("NV21", Sampling::Yuv420, 8, Pairs([1, 0])),
    row("YUY2", Sampling::Yuv422, 8, Pixels([(0, 2), (1, 4), (3, 4)])),
    row("YVYU", Sampling::Yuv422, 8, Pixels([(0, 2), (3, 4), (1, 4)])),
    row("UYVY", Sampling::Yuv422, 8, Pixels([(1, 2), (0, 4), (2, 4)])),
    row("RGB", Sampling::Gbr, 8, Pixels([(1, 3), (2, 3), (0, 3)])),
    row("BGR", Sampling::Gbr, 8, Pixels([(1, 3), (0, 3), (2, 3)])),
    row("RGBA", Sampling::Gbr, 8, Pixels([(1, 4), (2, 4), (0, 4)])),
    row("RGBx", Sampling::Gbr, 8, Pixels([(1, 4), (2, 4), (0, 4)])),
    row("BGRA", Sampling::Gbr, 8, Pixels([(1, 4), (0, 4), (2, 4)])),
    row("BGRx", Sampling::Gbr, 8, Pixels([(1, 4), (0, 4), (2, 4)])),
    row("ARGB", Sampling::Gbr, 8, Pixels([(2, 4), (3, 4), (1, 4)])),
    row("xRGB", Sampling::Gbr, 8, Pixels([(2, 4), (3, 4), (1, 4)])),
    row("ABGR", Sampling::Gbr, 8, Pixels([(2, 4), (1, 4), (3, 4)])),
    row("v210", Sampling::Yuv422, 10, Words),
];

/// A plane of a packet: its row in bytes, and how many there are.
#[derive(Clone, Copy, Debug)]
struct Rows {
    bytes: usize,
    count: usize,
}

impl RawFormat {
    /// The format of a name.
    pub fn named(name: &str) -> Option<Self> {
        FORMATS.into_iter().find(|format| format.name == name)
    }

    /// The picture of this size in a packet; nothing where the packet is too short for it. Its colour is that of nobody
    /// who says it.
    pub fn picture(self, bytes: &[u8], width: u32, height: u32) -> Option<Picture> {
        let range = match self.layout.colour {
            Sampling::Gbr | Sampling::Grey => Range::Full,
            _ => Range::Limited,
        };
        let (layout, matrix, planes) = (self.layout, Matrix::Bt601, Bytes::new());
        let mut picture = Picture { layout, width, height, matrix, range, planes };
        let planes = match self.packing {
            Planes(order) => {
                let of = |&component: &usize| self.rows(&picture, component);
                let rows: Vec<_> = order.iter().map(of).collect();
                let rows = if self.name == "GRAY8" { aligned(&rows, bytes.len()) } else { rows };
                let places: Vec<_> = (0..order.len()).map(|component| (order[component], 0, 1)).collect();
                gather(bytes, &rows, &places, &picture)?
            }
            Pairs([first, second]) => {
                let pairs = self.rows(&picture, 1);
                let rows = [self.rows(&picture, 0), Rows { bytes: 2 * pairs.bytes, ..pairs }];
                gather(
                    bytes,
                    &aligned(&rows, bytes.len()),
                    &[(0, 0, 1), (1, first, 2), (1, second, 2)],
                    &picture,
                )?
            }
            Pixels(places) => {
                let row =
                    |(component, (_, step)): (usize, &(usize, usize))| step * picture.plane_size(component).0;
                let longest = places.iter().enumerate().map(row).max()?;
                let rows = [Rows { bytes: longest, count: height as usize }];
                // As FFmpeg does where rows of whole words fit into the packet: Windows has no others.
                let rows = if places[0].1 == 3 { aligned(&rows, bytes.len()) } else { rows.to_vec() };
                gather(bytes, &rows, &places.map(|(first, step)| (0, first, step)), &picture)?
            }
            Words => words(bytes, &picture)?,
        };
        picture.planes = planes.into();
        Some(picture)
    }

    /// The rows of a component that is a plane.
    fn rows(self, picture: &Picture, component: usize) -> Rows {
        let (columns, count) = picture.plane_size(component);
        Rows { bytes: columns * picture.sample_bytes(), count }
    }
}

/// The same rows, each of whole words where a packet of so many bytes has room for that.
fn aligned(rows: &[Rows], length: usize) -> Vec<Rows> {
    let aligned = rows.iter().map(|rows| Rows { bytes: rows.bytes.next_multiple_of(4), ..*rows });
    let fit = aligned.clone().map(|rows| rows.bytes * rows.count).sum::<usize>() <= length;
    if fit { aligned.collect() } else { rows.to_vec() }
}

/// The planes of a picture out of a packet of planes of such `rows`: for each component its plane, its first sample in a
/// row and the samples from one to the next.
fn gather(
    bytes: &[u8],
    rows: &[Rows],
    places: &[(usize, usize, usize)],
    picture: &Picture,
) -> Option<Vec<u8>> {
    let mut planes = Vec::new();
    for (component, &(plane, first, step)) in places.iter().enumerate() {
        let begin: usize = rows[..plane].iter().map(|rows| rows.bytes * rows.count).sum();
        let columns = picture.plane_size(component).0;
        for row in 0..rows[plane].count {
            let at = begin + row * rows[plane].bytes;
            let samples = bytes.get(at..at + rows[plane].bytes)?;
            if step == 1 {
                planes.extend_from_slice(samples.get(..columns * picture.sample_bytes())?);
            } else {
                planes.extend(samples.get(first..)?.iter().step_by(step).take(columns));
            }
        }
    }
    Some(planes)
}

/// Pixels in a group of v210, and its bytes.
const GROUP: (usize, usize) = (48, 128);

/// The planes of a picture of v210. Rows may have half a group at their end, as some writers leave the rest out.
fn words(bytes: &[u8], picture: &Picture) -> Option<Vec<u8>> {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let whole = width.div_ceil(GROUP.0) * GROUP.1;
    let halves = width.div_ceil(GROUP.0 / 2) * (GROUP.1 / 2);
    let stride = if bytes.len() >= whole * height { whole } else { halves };
    if bytes.len() < stride * height || (stride != whole && bytes.len() != stride * height) {
        return None;
    }
    let columns = [width, width.div_ceil(2), width.div_ceil(2)];
    let mut planes = columns.map(|columns| Vec::with_capacity(2 * columns * height));
    for row in bytes.chunks_exact(stride.max(1)).take(height) {
        let sample = |at: usize| {
            let word = u32::from_le_bytes(*row.get(at / 3 * 4..)?.first_chunk()?);
            Some(((word >> (10 * (at % 3)) & 0x3ff) as u16).to_le_bytes())
        };
        // Cb Y Cr Y: every second one is luma.
        for column in 0..width {
            planes[0].extend(sample(2 * column + 1)?);
        }
        for column in 0..columns[1] {
            planes[1].extend(sample(4 * column)?);
            planes[2].extend(sample(4 * column + 2)?);
        }
    }
    Some(planes.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planes(name: &str, bytes: &[u8], width: u32, height: u32) -> Option<Vec<u8>> {
        Some(RawFormat::named(name).unwrap().picture(bytes, width, height)?.planes.to_vec())
    }

    #[test]
    fn samples_are_taken_from_where_their_format_has_them() {
        assert_eq!(planes("YV12", &[1, 2, 3, 4, 5, 6], 2, 2).unwrap(), [1, 2, 3, 4, 6, 5]);
        assert_eq!(planes("NV12", &[1, 2, 3, 4, 5, 6], 2, 2).unwrap(), [1, 2, 3, 4, 5, 6]);
        assert_eq!(planes("NV21", &[1, 2, 3, 4, 5, 6], 2, 2).unwrap(), [1, 2, 3, 4, 6, 5]);
        assert_eq!(planes("YUY2", &[1, 2, 3, 4], 2, 1).unwrap(), [1, 3, 2, 4]);
        assert_eq!(planes("UYVY", &[1, 2, 3, 4], 2, 1).unwrap(), [2, 4, 1, 3]);
        assert_eq!(planes("BGR", &[1, 2, 3], 1, 1).unwrap(), [2, 1, 3]);
        assert_eq!(planes("ARGB", &[9, 1, 2, 3], 1, 1).unwrap(), [2, 3, 1]);
        // The last pixel of an odd row of pairs has a place for its neighbour.
        assert_eq!(planes("YUY2", &[1, 2, 3, 4, 5, 6, 7, 8], 3, 1).unwrap(), [1, 3, 5, 2, 6, 4, 8]);
    }

    #[test]
    fn rows_are_of_whole_words_where_the_packet_has_room_for_them() {
        assert_eq!(planes("RGB", &[1, 2, 3, 0, 4, 5, 6, 0], 1, 2).unwrap(), [2, 5, 3, 6, 1, 4]);
        assert_eq!(planes("RGB", &[1, 2, 3, 4, 5, 6], 1, 2).unwrap(), [2, 5, 3, 6, 1, 4]);
    }

    #[test]
    fn three_samples_of_ten_bits_stand_in_a_word() {
        let word = |samples: [u32; 3]| (samples[0] | samples[1] << 10 | samples[2] << 20).to_le_bytes();
        let mut row = [word([1, 2, 3]), word([1000, 4, 500])].concat();
        row.resize(GROUP.1, 0);
        let expected = [2, 1000, 500, 1, 4, 3, 0u16].map(u16::to_le_bytes).concat();
        assert_eq!(planes("v210", &row, 3, 1).unwrap(), expected);
        assert_eq!(planes("v210", &row[..64], 3, 1).unwrap(), expected);
        assert_eq!(planes("v210", &row[..65], 3, 1), None);
    }

    #[test]
    fn a_packet_that_is_too_short_has_no_picture() {
        for format in FORMATS {
            assert!(format.picture(&[7; 5], 6, 6).is_none(), "{}", format.name);
            let planes = format.picture(&[7; 4096], 6, 6).unwrap();
            let size: usize = (0..format.layout.colour.planes()).map(|plane| planes.plane(plane).len()).sum();
            assert_eq!(planes.planes.len(), size, "{}", format.name);
        }
    }
}
