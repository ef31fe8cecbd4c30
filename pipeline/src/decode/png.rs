//! A picture of PNG in a film: red, green and blue as they are, or grey, without transparency.
//!
//! GStreamer's element for FFmpeg's decoder gives other pictures than FFmpeg does, from the second one on.

use std::io::Cursor;

use image::{ColorType, ImageDecoder as _, codecs::png::PngDecoder};

use crate::{
    error::VideoError,
    picture::{Layout, Matrix, Picture, Range, Sampling},
};

/// The picture, which must be of this size.
pub(super) fn picture(bytes: &[u8], (width, height): (u32, u32)) -> Result<Picture, VideoError> {
    let wrong =
        |why: image::ImageError| VideoError::Damaged { complaints: 1, packets: 0, first: why.to_string() };
    let decoder = PngDecoder::new(Cursor::new(bytes)).map_err(wrong)?;
    if decoder.dimensions() != (width, height) {
        let (across, down) = decoder.dimensions();
        let before = format!("{width}x{height}");
        return Err(VideoError::CapsChanged { before, after: format!("{across}x{down}") });
    }
    let is_grey = match decoder.color_type() {
        ColorType::L8 | ColorType::La8 => true,
        ColorType::Rgb8 | ColorType::Rgba8 => false,
        _ => return Err(VideoError::UnknownFormat { format: "PNG with 16 bits a colour".to_owned() }),
    };
    let pixels = image::DynamicImage::from_decoder(decoder).map_err(wrong)?;
    let (colour, planes) = if is_grey {
        (Sampling::Grey, pixels.into_luma8().into_raw())
    } else {
        (Sampling::Gbr, planes(&pixels.into_rgb8()))
    };
    Ok(Picture {
        layout: Layout { colour, bits: 8 },
        width,
        height,
        matrix: Matrix::Bt601,
        range: Range::Full,
        planes: planes.into(),
    })
}

/// The planes of G, B and R of pixels.
fn planes(pixels: &[u8]) -> Vec<u8> {
    let plane = |channel: usize| pixels.chunks_exact(3).map(move |pixel| pixel[channel]);
    plane(1).chain(plane(2)).chain(plane(0)).collect()
}
