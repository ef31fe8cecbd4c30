//! Small pictures as addresses that hold them: JPEG in base64.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use image::{RgbImage, codecs::jpeg::JpegEncoder, imageops};

/// Of 100: what is looked at small shows nothing of it.
const QUALITY: u8 = 78;

/// The picture at most so wide and high; none where it cannot be encoded.
pub fn address(picture: &RgbImage, [width, height]: [u32; 2]) -> Option<String> {
    let shrink = |from: u32, most: u32| f64::from(most) / f64::from(from.max(1));
    let factor = shrink(picture.width(), width).min(shrink(picture.height(), height)).min(1.0);
    let side = |from: u32| ((f64::from(from) * factor).round() as u32).max(1);
    let small = imageops::thumbnail(picture, side(picture.width()), side(picture.height()));
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode_image(&small).ok()?;
    Some(format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg)))
}

/// A picture of a file.
pub fn of_picture(path: &Path, most: [u32; 2]) -> Option<String> {
    address(&image::open(path).ok()?.into_rgb8(), most)
}

/// The frame in the middle of a video; none where it cannot be decoded.
#[cfg(feature = "video")]
pub fn of_video(path: &Path, most: [u32; 2]) -> Option<String> {
    use pipeline::FrameRank;
    use schemas::settings::{Skip, Verify};

    use crate::data::frames::{DimensionOrder, FrameReader};

    let mut reader = FrameReader::open(path, Verify::Clip, Skip::Unwanted).ok()?;
    let middle = FrameRank((reader.video().facts.times.len() / 2) as u32);
    let frame = reader.decode_rgb(&[middle], DimensionOrder::Nhwc).ok()?;
    address(&RgbImage::from_raw(frame.width, frame.height, frame.pixels)?, most)
}

/// A build without video decodes nothing.
#[cfg(not(feature = "video"))]
pub fn of_video(_: &Path, _: [u32; 2]) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_becomes_small_and_a_small_one_stays() {
        let size = |address: &str| {
            let bytes = STANDARD.decode(address.strip_prefix("data:image/jpeg;base64,").unwrap()).unwrap();
            let picture = image::load_from_memory(&bytes).unwrap();
            (picture.width(), picture.height())
        };
        let picture = |width, height| RgbImage::from_pixel(width, height, image::Rgb([200, 30, 10]));
        assert_eq!(size(&address(&picture(400, 200), [100, 100]).unwrap()), (100, 50));
        assert_eq!(size(&address(&picture(40, 20), [100, 100]).unwrap()), (40, 20));
        assert_eq!(size(&address(&picture(3000, 1), [100, 100]).unwrap()), (100, 1));
    }
}
