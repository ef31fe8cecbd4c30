//! PNG pictures one behind the other.

use image::{ImageFormat, ImageReader};

use super::{Pictures, SHOWN, check_size, damaged, planes};
use crate::{error::VideoError, file::Container};

/// What every PNG begins with.
const MARK: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The pictures, decoded.
pub(in crate::demux) fn pictures(bytes: &[u8]) -> Result<Pictures, VideoError> {
    let mut pictures = Pictures { width: 0, height: 0, planes: Vec::new() };
    let (mut rest, mut held) = (bytes, 0);
    while rest.starts_with(MARK) {
        let number = pictures.planes.len();
        let cut = || damaged(Container::Png, format!("picture {number} is cut"));
        let length = length(rest).ok_or_else(cut)?;
        let side =
            |at: usize| rest.get(at..at + 4).and_then(|side| side.try_into().ok()).map(u32::from_be_bytes);
        let (width, height) = side(16).zip(side(20)).ok_or_else(cut)?;
        check_size(width, height, held)?;
        if number == 0 {
            (pictures.width, pictures.height) = (width, height);
        } else if (width, height) != (pictures.width, pictures.height) {
            let before = format!("{}x{}", pictures.width, pictures.height);
            return Err(VideoError::CapsChanged { before, after: format!("{width}x{height}") });
        }
        let reader = ImageReader::with_format(std::io::Cursor::new(&rest[..length]), ImageFormat::Png);
        let picture = reader.decode().map_err(|why| damaged(Container::Png, why))?.into_rgb8();
        let planes = planes(picture.as_raw(), 3);
        held += planes.len() as u64;
        pictures.planes.push((planes, SHOWN));
        rest = &rest[length..];
    }
    Ok(pictures)
}

/// Bytes of the picture at the beginning: its chunks up to the one that ends it.
fn length(bytes: &[u8]) -> Option<usize> {
    let mut at = MARK.len();
    loop {
        let length = u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize;
        let kind = bytes.get(at + 4..at + 8)?;
        at = at.checked_add(12)?.checked_add(length)?;
        bytes.get(..at)?;
        if kind == b"IEND" {
            return Some(at);
        }
    }
}
