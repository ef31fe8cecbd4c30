//! A decoder's buffer to a [`Picture`]: visible samples only, rows without padding.

use bytes::Bytes;
use gst_video::prelude::*;
use gstreamer as gst;
use gstreamer_video as gst_video;

use crate::picture::{Layout, Matrix, Picture, Range, Sampling};

/// The colour rule of a picture, `stated` being what stream and container say, the one that counts first.
///
/// Where nobody says it, the matrix is BT.601 whatever the size, as FFmpeg's scaler takes it, with which the usual
/// readers convert; GStreamer's own default goes by the size. Transfer functions and primaries are not looked at: HDR
/// pictures (PQ, HLG) are taken by their matrix as they are. Red, green and blue have no matrix, and the full range.
pub(super) fn rule_of(
    stated: [Option<&gst_video::VideoColorimetry>; 2],
    colour: Sampling,
    usual: Range,
) -> (Matrix, Range) {
    let stated = || stated.into_iter().flatten();
    let matrix = stated().find_map(|colour| match colour.matrix() {
        gst_video::VideoColorMatrix::Bt601 => Some(Matrix::Bt601),
        gst_video::VideoColorMatrix::Bt709 => Some(Matrix::Bt709),
        gst_video::VideoColorMatrix::Bt2020 => Some(Matrix::Bt2020),
        gst_video::VideoColorMatrix::Smpte240m => Some(Matrix::Smpte240m),
        gst_video::VideoColorMatrix::Fcc => Some(Matrix::Fcc),
        _ => None,
    });
    let range = stated().find_map(|colour| match colour.range() {
        gst_video::VideoColorRange::Range0_255 => Some(Range::Full),
        gst_video::VideoColorRange::Range16_235 => Some(Range::Limited),
        _ => None,
    });
    let range = if colour == Sampling::Gbr { Some(Range::Full) } else { range };
    (matrix.unwrap_or(Matrix::Bt601), range.unwrap_or(usual))
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
        planes: Bytes::new(),
    };
    if info.n_planes() == 1 && layout.colour == Sampling::Gbr {
        picture.planes = apart(&frame, left as usize, &picture)?.into();
        return Some(picture);
    }
    let sizes: Vec<_> = (0..layout.colour.planes())
        .map(|plane| {
            let (columns, rows) = picture.plane_size(plane);
            (columns * picture.sample_bytes(), rows)
        })
        .collect();
    let mut planes = Vec::with_capacity(sizes.iter().map(|(columns, rows)| columns * rows).sum());
    for (plane, (columns, rows)) in sizes.into_iter().enumerate() {
        let stride = usize::try_from(*frame.plane_stride().get(plane)?).ok()?;
        let samples = frame.plane_data(plane as u32).ok()?;
        let (across, _) = if plane == 0 { (0, 0) } else { layout.colour.chroma_shift() };
        let left = (left as usize >> across) * picture.sample_bytes();
        if stride == columns && left == 0 {
            planes.extend_from_slice(samples.get(..columns * rows)?);
        } else {
            for row in 0..rows {
                let start = row * stride + left;
                planes.extend_from_slice(samples.get(start..start + columns)?);
            }
        }
    }
    picture.planes = planes.into();
    Some(picture)
}

/// The planes of G, B and R of a frame whose pixels have them beside each other.
fn apart(
    frame: &gst_video::VideoFrameRef<&gst::BufferRef>,
    left: usize,
    picture: &Picture,
) -> Option<Vec<u8>> {
    let (columns, rows) = picture.plane_size(0);
    let mut planes = Vec::with_capacity(3 * columns * rows);
    // Components are counted from red.
    for component in [1, 2, 0] {
        let samples = frame.comp_data(component).ok()?;
        let stride = usize::try_from(frame.comp_stride(component)).ok()?;
        let step = usize::try_from(frame.comp_pstride(component)).ok().filter(|&step| step > 0)?;
        for row in 0..rows {
            let row = samples.get(row * stride + left * step..)?.iter().step_by(step);
            planes.extend(row.take(columns));
        }
    }
    (planes.len() == 3 * columns * rows).then_some(planes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_counts_before_the_container_and_bt601_where_nobody_says() {
        gstreamer::init().unwrap();
        let rule = |stream: &str, container: &str, colour| {
            let stated = [stream, container].map(|text| text.parse().ok());
            rule_of([stated[0].as_ref(), stated[1].as_ref()], colour, Range::Limited)
        };
        let yuv = Sampling::Yuv420;
        assert_eq!(rule("", "", yuv), (Matrix::Bt601, Range::Limited));
        assert_eq!(rule("bt709", "bt601", yuv), (Matrix::Bt709, Range::Limited));
        assert_eq!(rule("", "bt2020", yuv), (Matrix::Bt2020, Range::Limited));
        assert_eq!(rule("bt2100-pq", "bt601", yuv), (Matrix::Bt2020, Range::Limited));
        // Full range, and nothing of the matrix: that is the container's.
        assert_eq!(rule("1:0:0:0", "bt709", yuv), (Matrix::Bt709, Range::Full));
        assert_eq!(rule("2:1:0:0", "", Sampling::Gbr), (Matrix::Bt601, Range::Full));
    }
}
