//! Draws rows of frames with captions: a PNG sheet, or a GIF that plays.
//!
//! ```text
//! caption
//! ┌──────┐ ┌──────┐ ┌──────┐
//! │ t 0  │ │ t 5  │ │ t 10 │     one row a stage: original, seen, reconstruction
//! └──────┘ └──────┘ └──────┘
//! ```

use std::{io::Cursor, path::Path};

use font8x8::UnicodeFonts as _;
use image::{Frame, ImageFormat, Rgb, RgbImage, buffer::ConvertBuffer as _, codecs::gif};
use schemas::whole_file;

use crate::error::{Context as _, Result};

/// Pixels between pictures, and at the edge.
const GAP: u32 = 4;
/// Height of a line of caption in pixels: an 8×8 font and some air.
const LINE: u32 = 12;
/// Pictures smaller than this are drawn larger by a whole factor, so that they can be looked at.
const SMALLEST: u32 = 160;
/// Milliseconds a frame of a GIF is shown.
const GIF_FRAME_MS: u32 = 120;

const PAPER: Rgb<u8> = Rgb([255; 3]);
const INK: Rgb<u8> = Rgb([30; 3]);

/// A caption and the frames under it, all of one size.
pub struct Row {
    /// One line of text.
    pub caption: String,
    /// Frames in order of time.
    pub frames: Vec<RgbImage>,
}

/// A still sheet: one row of pictures under the other, a column for each frame of `columns`.
pub fn still(title: &str, rows: &[Row], columns: &[usize]) -> RgbImage {
    let picked: Vec<(&str, Vec<&RgbImage>)> = rows
        .iter()
        .map(|row| (row.caption.as_str(), columns.iter().filter_map(|&at| row.frames.get(at)).collect()))
        .collect();
    draw(title, &picked)
}

/// The sheet's rows side by side at one moment: a frame of the GIF.
fn moment(title: &str, rows: &[Row], at: usize) -> RgbImage {
    let picked: Vec<(&str, Vec<&RgbImage>)> =
        rows.iter().map(|row| (row.caption.as_str(), row.frames.get(at).into_iter().collect())).collect();
    draw(title, &picked)
}

fn draw(title: &str, rows: &[(&str, Vec<&RgbImage>)]) -> RgbImage {
    let (width, height) = rows
        .iter()
        .flat_map(|(_, pictures)| pictures)
        .map(|picture| picture.dimensions())
        .next()
        .unwrap_or((SMALLEST, SMALLEST));
    let zoom = SMALLEST.div_ceil(width.max(height)).max(1);
    let (width, height) = (width * zoom, height * zoom);
    let columns = rows.iter().map(|(_, pictures)| pictures.len()).max().unwrap_or(1) as u32;
    let captions = rows.iter().map(|(caption, _)| *caption).chain([title]);
    let text = captions.map(|line| 8 * line.chars().count() as u32).max().unwrap_or(0);
    let sheet_width = (columns * (width + GAP) + GAP).max(text + 2 * GAP);
    let sheet_height = GAP + LINE + rows.len() as u32 * (LINE + height + GAP);
    let mut sheet = RgbImage::from_pixel(sheet_width, sheet_height, PAPER);
    write(&mut sheet, GAP, GAP, title);
    for (number, (caption, pictures)) in rows.iter().enumerate() {
        let top = GAP + LINE + number as u32 * (LINE + height + GAP);
        write(&mut sheet, GAP, top + 2, caption);
        for (column, picture) in pictures.iter().enumerate() {
            let left = GAP + column as u32 * (width + GAP);
            for (x, y, pixel) in sheet_window(left, top + LINE, width, height) {
                sheet.put_pixel(x, y, *picture.get_pixel(pixel.0 / zoom, pixel.1 / zoom));
            }
        }
    }
    sheet
}

/// Pixels of a window: where they are on the sheet, and in the window.
fn sheet_window(
    left: u32,
    top: u32,
    width: u32,
    height: u32,
) -> impl Iterator<Item = (u32, u32, (u32, u32))> {
    (0..height).flat_map(move |y| (0..width).map(move |x| (left + x, top + y, (x, y))))
}

/// Writes a line in an 8×8 font; characters that the font lacks become question marks.
fn write(sheet: &mut RgbImage, left: u32, top: u32, line: &str) {
    for (place, letter) in line.chars().enumerate() {
        let glyph = font8x8::BASIC_FONTS.get(letter).or_else(|| font8x8::LATIN_FONTS.get(letter));
        let glyph = glyph.or_else(|| font8x8::BASIC_FONTS.get('?')).unwrap_or_default();
        for (row, bits) in glyph.iter().enumerate() {
            for column in (0..8).filter(|column| bits >> column & 1 == 1) {
                let (x, y) = (left + 8 * place as u32 + column, top + row as u32);
                if x < sheet.width() && y < sheet.height() {
                    sheet.put_pixel(x, y, INK);
                }
            }
        }
    }
}

/// Writes a picture beside `out` and renames it, so that a half-written one is never seen. The name's
/// ending chooses the format: `.png` for a still sheet of the frames `columns`, `.gif` for all frames
/// in motion.
///
/// # Errors
/// When the ending is another one, or the file cannot be written.
pub fn save(out: &Path, title: &str, rows: &[Row], columns: &[usize]) -> Result<()> {
    let mut bytes = Vec::new();
    match out.extension().and_then(|ending| ending.to_str()).map(str::to_lowercase).as_deref() {
        Some("png") => {
            still(title, rows, columns).write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)?;
        }
        Some("gif") => {
            let frames = rows.iter().map(|row| row.frames.len()).max().unwrap_or(0);
            let mut encoder = gif::GifEncoder::new(&mut bytes);
            encoder.set_repeat(gif::Repeat::Infinite)?;
            for at in 0..frames {
                let delay = image::Delay::from_numer_denom_ms(GIF_FRAME_MS, 1);
                encoder.encode_frame(Frame::from_parts(moment(title, rows, at).convert(), 0, 0, delay))?;
            }
        }
        _ => {
            return Err(crate::error::Usage::new(format!(
                "{} must end in .png or .gif",
                pipeline::names::shown(out)
            ))
            .into());
        }
    }
    whole_file::write(out, &bytes)
        .with_context(|| format!("{} cannot be written", pipeline::names::shown(out)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_has_a_column_for_each_chosen_frame() {
        let frames = vec![RgbImage::from_pixel(160, 160, Rgb([200, 0, 0])); 16];
        let rows = [Row { caption: "original".into(), frames }];
        let sheet = still("title", &rows, &[0, 5, 10, 15]);
        assert_eq!(sheet.dimensions(), (4 * 164 + 4, 4 + 12 + 12 + 160 + 4));
        assert_eq!(*sheet.get_pixel(4, 28), Rgb([200, 0, 0]));
        assert_eq!(*sheet.get_pixel(165, 28), PAPER);
    }

    #[test]
    fn a_picture_that_is_neither_png_nor_gif_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let refused = save(&folder.path().join("a.bmp"), "", &[], &[]).unwrap_err();
        assert!(refused.usage().is_some(), "{refused}");
    }
}
