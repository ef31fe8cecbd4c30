//! A picture of a batch for notebooks: some frames of some clips, and the same with what a mask hides in grey.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage, imageops};
use pyo3::{buffer::PyBuffer, prelude::*, types::PyBytes};
use tubelet::{
    schemas::{ClipGeometry, PixelLayout},
    sheet,
};

use crate::error;

/// Frames of a clip that are shown, evenly spread over it.
const COLUMNS: usize = 6;
/// Longer side of a frame as it is shown.
const SIDE: u32 = 160;
/// What stands for hidden pixels.
const GREY: Rgb<u8> = Rgb([128; 3]);

/// A clip that is to be shown, as Python's keywords.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct ShownClip {
    caption: String,
    pixels: PyBuffer<u8>,
    /// A byte a token, 1 for those that are hidden.
    hidden: Option<PyBuffer<u8>>,
}

/// A PNG of clips, each of `[frames, height, width]` pixels in `layout`, whose cubes have the sides `[tubelet, patch]`.
#[pyfunction]
pub fn contact_sheet<'py>(
    py: Python<'py>,
    title: &str,
    clips: Vec<ShownClip>,
    layout: &str,
    sides: [usize; 3],
    cube: [usize; 2],
) -> PyResult<Bound<'py, PyBytes>> {
    let wrong = |why: &dyn std::fmt::Display| error::usage(py, &why.to_string(), None);
    let layout: PixelLayout = layout.parse().map_err(|why| wrong(&why))?;
    let [frames, height, width] = sides;
    let [tubelet, patch] = cube;
    let geometry = ClipGeometry::new(frames, height, width, tubelet, patch).map_err(|why| wrong(&why))?;
    let mut rows = Vec::new();
    for clip in &clips {
        let pixels = clip.pixels.to_vec(py)?;
        if pixels.len() != 3 * frames * height * width {
            return Err(error::usage(py, "a clip has not so many pixels as its sides say", None));
        }
        let shown = Shown { pixels, layout, geometry };
        rows.push(sheet::Row { caption: clip.caption.clone(), frames: shown.frames(&[]) });
        if let Some(hidden) = &clip.hidden {
            let hidden = hidden.to_vec(py)?;
            rows.push(sheet::Row {
                caption: "  what the mask leaves".to_owned(),
                frames: shown.frames(&hidden),
            });
        }
    }
    let png = py.detach(|| -> tubelet::Result<Vec<u8>> {
        let mut png = Vec::new();
        let columns: Vec<usize> = (0..COLUMNS.min(frames)).collect();
        sheet::still(title, &rows, &columns).write_to(&mut Cursor::new(&mut png), ImageFormat::Png)?;
        Ok(png)
    });
    Ok(PyBytes::new(py, &png.map_err(|why| error::exception(py, &why))?))
}

/// The pixels of a clip.
struct Shown {
    pixels: Vec<u8>,
    layout: PixelLayout,
    geometry: ClipGeometry,
}

impl Shown {
    /// The frames that are shown, small; `hidden` has a byte a token, or none.
    fn frames(&self, hidden: &[u8]) -> Vec<RgbImage> {
        let frames = self.geometry.frames();
        let columns = COLUMNS.min(frames);
        let frame = |column: usize| column * (frames - 1) / (columns - 1).max(1);
        (0..columns).map(|column| small(&self.frame(frame(column), hidden))).collect()
    }

    fn frame(&self, frame: usize, hidden: &[u8]) -> RgbImage {
        let geometry = self.geometry;
        let (frames, height, width) = (geometry.frames(), geometry.height(), geometry.width());
        let (down, across) = (height / geometry.patch(), width / geometry.patch());
        RgbImage::from_fn(width as u32, height as u32, |x, y| {
            let (x, y) = (x as usize, y as usize);
            let place = (y / geometry.patch()) * across + x / geometry.patch();
            if hidden.get(frame / geometry.tubelet() * down * across + place) == Some(&1) {
                return GREY;
            }
            Rgb([0, 1, 2].map(|colour| {
                let at = match self.layout {
                    PixelLayout::Ntchw => ((frame * 3 + colour) * height + y) * width + x,
                    PixelLayout::Nthwc => ((frame * height + y) * width + x) * 3 + colour,
                    PixelLayout::Ncthw | PixelLayout::Cubes => {
                        ((colour * frames + frame) * height + y) * width + x
                    }
                };
                self.pixels.get(at).copied().unwrap_or_default()
            }))
        })
    }
}

/// A picture whose longer side is [`SIDE`].
fn small(picture: &RgbImage) -> RgbImage {
    let (width, height) = picture.dimensions();
    let longer = width.max(height).max(1);
    let side = |side: u32| (side * SIDE / longer).max(1);
    imageops::resize(picture, side(width), side(height), imageops::FilterType::Triangle)
}
