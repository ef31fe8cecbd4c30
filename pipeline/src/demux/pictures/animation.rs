//! GIF and WebP: the pictures of an animation, or the only one.

use std::io::Cursor;

use image::{
    AnimationDecoder, DynamicImage, Frame, ImageDecoder as _, ImageError,
    codecs::{gif::GifDecoder, webp::WebPDecoder},
};

use super::{Pictures, SHOWN, check_size, damaged, planes};
use crate::{error::VideoError, file::Container};

/// The shortest time that a picture of a GIF is shown, in milliseconds, and what a shorter one means, as FFmpeg and
/// browsers have it.
const SHORTEST: u32 = 20;
const USUAL: u32 = 100;

/// The pictures, decoded.
pub(in crate::demux) fn pictures(bytes: &[u8], container: Container) -> Result<Pictures, VideoError> {
    let wrong = |why: ImageError| damaged(container, why);
    let bytes = Cursor::new(bytes);
    if container == Container::Gif {
        let decoder = GifDecoder::new(bytes).map_err(wrong)?;
        let size = decoder.dimensions();
        return frames(decoder, size, container);
    }
    let decoder = WebPDecoder::new(bytes).map_err(wrong)?;
    let (width, height) = decoder.dimensions();
    if decoder.has_animation() {
        return frames(decoder, (width, height), container);
    }
    check_size(width, height, 0)?;
    let picture = DynamicImage::from_decoder(decoder).map_err(wrong)?.into_rgb8();
    Ok(Pictures { width, height, planes: vec![(planes(picture.as_raw(), 3), SHOWN)] })
}

fn frames<'a>(
    decoder: impl AnimationDecoder<'a>,
    (width, height): (u32, u32),
    container: Container,
) -> Result<Pictures, VideoError> {
    let mut all = Vec::new();
    let mut held = 0;
    check_size(width, height, held)?;
    for frame in decoder.into_frames() {
        let frame = frame.map_err(|why| damaged(container, why))?;
        let shown = shown(&frame, container);
        let mut picture = frame.into_buffer();
        if picture.dimensions() != (width, height) {
            return Err(damaged(container, "a picture is of another size"));
        }
        if container == Container::Gif {
            // What nothing was drawn on is white in FFmpeg's pictures.
            picture
                .pixels_mut()
                .filter(|pixel| pixel.0[3] == 0)
                .for_each(|pixel| pixel.0 = [255, 255, 255, 0]);
        }
        let planes = planes(picture.as_raw(), 4);
        held += planes.len() as u64;
        all.push((planes, shown));
        check_size(width, height, held)?;
    }
    if all.is_empty() {
        return Err(damaged(container, "there is no picture in it"));
    }
    Ok(Pictures { width, height, planes: all })
}

/// How many nanoseconds a picture is shown.
fn shown(frame: &Frame, container: Container) -> i64 {
    let (numerator, denominator) = frame.delay().numer_denom_ms();
    let milliseconds = numerator / denominator.max(1);
    let milliseconds = match container {
        Container::Gif if milliseconds < SHORTEST => USUAL,
        _ => milliseconds.max(1),
    };
    i64::from(milliseconds) * 1_000_000
}
