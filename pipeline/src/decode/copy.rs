//! A decoder's buffer to a [`Picture`]: visible samples only, rows without padding.

use gst_video::prelude::*;
use gstreamer as gst;
use gstreamer_video as gst_video;

use crate::picture::{Layout, Matrix, Picture, Range};

/// The colour rule of a stream that says one. Without: BT.601, limited unless it is JPEG.
///
/// GStreamer's own defaults go by the size of the picture; FFmpeg's scaler, which the usual readers
/// convert with, takes BT.601 for all.
pub(super) fn rule_of(tagged: Option<&gst_video::VideoInfo>, jpeg: bool) -> (Matrix, Range) {
    let untagged = (Matrix::Bt601, if jpeg { Range::Full } else { Range::Limited });
    let Some(info) = tagged else { return untagged };
    let colorimetry = info.colorimetry();
    let matrix = match colorimetry.matrix() {
        gst_video::VideoColorMatrix::Bt709 => Matrix::Bt709,
        gst_video::VideoColorMatrix::Bt2020 => Matrix::Bt2020,
        gst_video::VideoColorMatrix::Smpte240m => Matrix::Smpte240m,
        gst_video::VideoColorMatrix::Fcc => Matrix::Fcc,
        _ => untagged.0,
    };
    let range = match colorimetry.range() {
        gst_video::VideoColorRange::Range0_255 => Range::Full,
        gst_video::VideoColorRange::Range16_235 => Range::Limited,
        _ => untagged.1,
    };
    (matrix, range)
}

/// Copies the planes of `buffer` without their `left` first columns (of luma). Nothing when the buffer
/// is smaller than `info` says.
pub(super) fn copy(
    buffer: &gst::BufferRef,
    info: &gst_video::VideoInfo,
    left: u32,
    layout: Layout,
    (matrix, range): (Matrix, Range),
) -> Option<Picture> {
    let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, info).ok()?;
    let mut picture = Picture {
        layout,
        width: frame.width().checked_sub(left)?,
        height: frame.height(),
        matrix,
        range,
        planes: Vec::new(),
    };
    let sizes: Vec<_> = (0..layout.colour.planes())
        .map(|plane| {
            let (columns, rows) = picture.plane_size(plane);
            (columns * picture.sample_bytes(), rows)
        })
        .collect();
    picture.planes.reserve_exact(sizes.iter().map(|(columns, rows)| columns * rows).sum());
    for (plane, (columns, rows)) in sizes.into_iter().enumerate() {
        let stride = usize::try_from(*frame.plane_stride().get(plane)?).ok()?;
        let samples = frame.plane_data(plane as u32).ok()?;
        let (across, _) = if plane == 0 { (0, 0) } else { layout.colour.chroma_shift() };
        let left = (left as usize >> across) * picture.sample_bytes();
        if stride == columns && left == 0 {
            picture.planes.extend_from_slice(samples.get(..columns * rows)?);
        } else {
            for row in 0..rows {
                picture
                    .planes
                    .extend_from_slice(samples.get(row * stride + left..row * stride + left + columns)?);
            }
        }
    }
    Some(picture)
}
