//! Draws rows of frames with captions: a PNG sheet, or a GIF or video that plays.
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
#[cfg(feature = "video")]
use pipeline::film_file::{self, FilmFormat, Frames};
use schemas::whole_file;

use crate::error::{Context as _, Result};

/// Pixels between pictures, and at the edge.
const GAP: u32 = 4;
/// Height of a line of caption in pixels: an 8×8 font and some air.
const LINE: u32 = 12;
/// Pictures smaller than this are drawn larger by a whole factor, so that they can be looked at.
const SMALLEST: u32 = 160;
/// Milliseconds that a frame is shown in motion.
const FRAME_MS: u32 = 120;

/// What a picture's name may end in.
#[cfg(feature = "video")]
const ENDINGS: &str = ".png, .gif, .mp4 or .webm";
#[cfg(not(feature = "video"))]
const ENDINGS: &str = ".png or .gif";

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

/// The sheet's rows at one moment: a frame of what moves.
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
/// ending chooses the format: `.png` for a still sheet of the frames `columns`; `.gif`, `.mp4` or `.webm` for all
/// frames in motion.
///
/// # Errors
/// Usage error: the ending is another one. When the file cannot be written, or GStreamer cannot encode it.
pub fn save(out: &Path, title: &str, rows: &[Row], columns: &[usize]) -> Result<()> {
    let mut bytes = Vec::new();
    match out.extension().and_then(|ending| ending.to_str()).map(str::to_lowercase).as_deref() {
        Some("png") => {
            still(title, rows, columns).write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)?;
        }
        Some("gif") => {
            let mut encoder = gif::GifEncoder::new(&mut bytes);
            encoder.set_repeat(gif::Repeat::Infinite)?;
            for moment in moments(title, rows) {
                let delay = image::Delay::from_numer_denom_ms(FRAME_MS, 1);
                encoder.encode_frame(Frame::from_parts(moment.convert(), 0, 0, delay))?;
            }
        }
        #[cfg(feature = "video")]
        Some("mp4") => bytes = film(title, rows, FilmFormat::Mp4)?,
        #[cfg(feature = "video")]
        Some("webm") => bytes = film(title, rows, FilmFormat::WebM)?,
        _ => {
            return Err(crate::error::Usage::new(format!(
                "{} must end in {ENDINGS}",
                pipeline::names::shown(out)
            ))
            .into());
        }
    }
    whole_file::write(out, &bytes)
        .with_context(|| format!("{} cannot be written", pipeline::names::shown(out)))
}

/// The sheet at each moment.
fn moments(title: &str, rows: &[Row]) -> impl Iterator<Item = RgbImage> {
    let frames = rows.iter().map(|row| row.frames.len()).max().unwrap_or(0);
    (0..frames).map(move |at| moment(title, rows, at))
}

/// A video of the sheet in motion.
#[cfg(feature = "video")]
fn film(title: &str, rows: &[Row], format: FilmFormat) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("film");
    let moments: Vec<RgbImage> = moments(title, rows).map(even).collect();
    let (width, height) = moments.first().map_or((0, 0), RgbImage::dimensions);
    let rgb: Vec<Vec<u8>> = moments.into_iter().map(RgbImage::into_raw).collect();
    film_file::write(&path, Frames { width, height, milliseconds: FRAME_MS, rgb: &rgb }, format)?;
    Ok(std::fs::read(&path)?)
}

/// The picture with a row and a column of paper more where they are odd: encoders halve the colours' size. RGB rows of
/// GStreamer are multiples of four bytes, so columns are too.
#[cfg(feature = "video")]
fn even(picture: RgbImage) -> RgbImage {
    let (width, height) = (picture.width().next_multiple_of(4), picture.height().next_multiple_of(2));
    let inside = |x, y| x < picture.width() && y < picture.height();
    RgbImage::from_fn(width, height, |x, y| if inside(x, y) { *picture.get_pixel(x, y) } else { PAPER })
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
    fn a_picture_with_another_ending_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let refused = save(&folder.path().join("a.bmp"), "", &[], &[]).unwrap_err();
        assert!(refused.usage().is_some(), "{refused}");
    }

    #[cfg(feature = "video")]
    #[test]
    fn what_moves_is_a_video_by_its_ending() {
        let folder = tempfile::tempdir().unwrap();
        let picture = |level: u8| RgbImage::from_pixel(31, 31, Rgb([level, 255 - level, 40]));
        let rows = [Row { caption: "predicted".into(), frames: (0..6).map(|at| picture(at * 40)).collect() }];
        for (name, mark) in [("a.mp4", &b"ftyp"[..]), ("a.webm", &[0x1a, 0x45, 0xdf, 0xa3])] {
            let path = folder.path().join(name);
            save(&path, "title", &rows, &[0]).unwrap();
            let bytes = std::fs::read(&path).unwrap();
            assert!(bytes[..16].windows(4).any(|four| four == mark), "{name}: {:?}", &bytes[..16]);
        }
    }
}
