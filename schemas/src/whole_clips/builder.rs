//! Rows of whole clips in any layout to a record batch.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, FixedSizeListArray, ListArray, RecordBatch, StringArray, UInt8Array, UInt16Array,
};
use arrow_buffer::{MutableBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, SchemaRef};

use super::WholeClipShape;
use crate::{
    batch_builder::BatchBuilder,
    clip_batch::item_field,
    labelled_batch::{
        LabelledClip,
        builder::{columns, label_vectors},
    },
};

/// Tokens of a masked clip, each list ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MaskTokens {
    /// Seen by the encoder.
    pub visible: Vec<u16>,
    /// Counted in the loss.
    pub target: Vec<u16>,
    /// Predicted without being counted.
    pub context: Vec<u16>,
}

/// Why there is no clip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClipFailure {
    /// The verdict on the video ([`crate::Kind::of_verdict`]); none where it is no fault of the video.
    pub verdict: Option<String>,
    /// A sentence.
    pub error: String,
}

/// One row, as it is put into a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct WholeClip {
    /// The clip.
    pub clip: LabelledClip,
    /// Its tokens, where clips are masked.
    pub tokens: Option<MaskTokens>,
    /// The set of a mixture that the video is of.
    pub set: Option<Arc<str>>,
    /// Why it is all zeros, where it could not be read.
    pub failure: Option<ClipFailure>,
}

impl From<LabelledClip> for WholeClip {
    fn from(clip: LabelledClip) -> Self {
        Self { clip, tokens: None, set: None, failure: None }
    }
}

/// Collects rows of one shape. Each row's pixels are copied once, when it is pushed.
#[derive(Debug)]
pub struct WholeClipsBuilder {
    shape: WholeClipShape,
    schema: SchemaRef,
    clips: Vec<LabelledClip>,
    tokens: Vec<MaskTokens>,
    sets: Vec<Option<Arc<str>>>,
    failures: Vec<Option<ClipFailure>>,
    /// Of a batch; it begins where a vector register and a page of other programs' arrays would.
    pixels: MutableBuffer,
}

impl WholeClipsBuilder {
    /// A builder of batches of this shape.
    pub fn new(shape: WholeClipShape) -> Self {
        let (clips, tokens, sets, failures) = Default::default();
        Self { shape, schema: shape.schema(), clips, tokens, sets, failures, pixels: MutableBuffer::new(0) }
    }
}

impl BatchBuilder for WholeClipsBuilder {
    type Row = WholeClip;

    fn rows(&self) -> usize {
        self.clips.len()
    }

    fn push(&mut self, WholeClip { mut clip, tokens, set, failure }: WholeClip) {
        self.pixels.extend_from_slice(&std::mem::take(&mut clip.pixels));
        self.clips.push(clip);
        self.tokens.push(tokens.unwrap_or_default());
        self.sets.push(set);
        self.failures.push(failure);
    }

    /// Fails when a row does not have the shape's number of frames, bytes or visible tokens.
    fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let (clips, tokens) = (std::mem::take(&mut self.clips), std::mem::take(&mut self.tokens));
        let (sets, failures) = (std::mem::take(&mut self.sets), std::mem::take(&mut self.failures));
        // The next batch is most often as large: no pixel is moved to where there is more room.
        let next = MutableBuffer::new(self.pixels.len());
        let pixels = std::mem::replace(&mut self.pixels, next);
        let pixels = UInt8Array::new(ScalarBuffer::from(arrow_buffer::Buffer::from(pixels)), None);
        let mut columns = columns(&self.schema, &clips, ("pixels", Arc::new(pixels)))?;
        if self.shape.with_labels {
            columns.push(label_vectors(&clips));
        }
        if let Some(visible) = self.shape.visible {
            columns.push(fixed(visible, tokens.iter().map(|it| it.visible.as_slice()))?);
            columns.push(free(tokens.iter().map(|it| it.target.as_slice()))?);
            columns.push(free(tokens.iter().map(|it| it.context.as_slice()))?);
        }
        if self.shape.with_sets {
            columns.push(Arc::new(sets.iter().map(Option::as_deref).collect::<StringArray>()));
        }
        if self.shape.with_failures {
            let of = |part: fn(&ClipFailure) -> Option<&str>| -> ArrayRef {
                Arc::new(failures.iter().map(|it| it.as_ref().and_then(part)).collect::<StringArray>())
            };
            columns.push(of(|failure| failure.verdict.as_deref()));
            columns.push(of(|failure| Some(&failure.error)));
        }
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
    }
}

/// Lists of `length` tokens.
fn fixed<'a>(length: usize, lists: impl Iterator<Item = &'a [u16]>) -> Result<ArrayRef, ArrowError> {
    let length = i32::try_from(length).map_err(|why| ArrowError::InvalidArgumentError(why.to_string()))?;
    let values: Arc<dyn Array> = Arc::new(UInt16Array::from_iter_values(lists.flatten().copied()));
    Ok(Arc::new(FixedSizeListArray::try_new(item_field(DataType::UInt16), length, values, None)?))
}

/// Lists of any number of tokens.
fn free<'a>(lists: impl Iterator<Item = &'a [u16]> + Clone) -> Result<ArrayRef, ArrowError> {
    let offsets = OffsetBuffer::from_lengths(lists.clone().map(<[u16]>::len));
    let values: Arc<dyn Array> = Arc::new(UInt16Array::from_iter_values(lists.flatten().copied()));
    Ok(Arc::new(ListArray::try_new(item_field(DataType::UInt16), offsets, values, None)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClipGeometry, PixelLayout, labelled_batch::View, whole_clips::WholeClips};

    fn shape() -> WholeClipShape {
        let geometry = ClipGeometry::new(2, 4, 8, 2, 4).unwrap();
        WholeClipShape { visible: Some(1), ..WholeClipShape::new(geometry, PixelLayout::Ntchw) }
    }

    fn clip(number: u64, tokens: MaskTokens) -> WholeClip {
        let clip = LabelledClip {
            clip: number,
            epoch: 3,
            row: 10 + number,
            video: "a/b.mp4".into(),
            label: None,
            labels: None,
            view: View::default(),
            frames: [0, 4].into(),
            times: [0, 40].into(),
            crop: [1, 2, 3, 4],
            flip: true,
            erase: None,
            pixels: vec![number as u8 + 7; 2 * 4 * 8 * 3],
        };
        WholeClip { clip, tokens: Some(tokens), set: None, failure: None }
    }

    fn tokens(target: u16) -> MaskTokens {
        MaskTokens { visible: vec![0], target: vec![target], context: Vec::new() }
    }

    #[test]
    fn what_is_pushed_is_what_is_read() {
        let mut builder = WholeClipsBuilder::new(shape());
        builder.push(clip(0, tokens(1)));
        builder.push(clip(1, MaskTokens { target: Vec::new(), context: vec![1], ..tokens(1) }));
        let batch = WholeClips::try_from(builder.finish().unwrap()).unwrap();
        assert_eq!((batch.len(), batch.identity(1), batch.video(0)), (2, (3, 1), "a/b.mp4"));
        assert_eq!((batch.shape(), batch.frames(1)), (shape(), &[0, 4][..]));
        assert_eq!((batch.pixels()[0], batch.pixels()[192], batch.pixels().len()), (7, 8, 384));
        assert_eq!((batch.visible(1), batch.target(0), batch.target(1)), (&[0][..], &[1][..], &[][..]));
        assert_eq!(batch.context(1), [1]);
        builder.push(clip(2, tokens(1)));
        let next = WholeClips::try_from(builder.finish().unwrap()).unwrap();
        assert_eq!((next.len(), next.pixels()[0]), (1, 9));
        let empty = WholeClips::try_from(builder.finish().unwrap()).unwrap();
        assert!(empty.is_empty() && empty.pixels().is_empty());
    }

    #[test]
    fn a_row_of_another_shape_makes_no_batch_and_a_token_that_is_none_is_refused() {
        let mut builder = WholeClipsBuilder::new(shape());
        builder.push(clip(0, MaskTokens::default()));
        assert!(builder.finish().is_err(), "no visible token");
        let mut short = clip(0, tokens(1));
        short.clip.pixels.pop();
        builder.push(short);
        assert!(builder.finish().is_err(), "a byte is missing");
        builder.push(clip(0, tokens(2)));
        let refused = WholeClips::try_from(builder.finish().unwrap()).unwrap_err().to_string();
        assert!(refused.contains("`target` names token 2 of 2"), "{refused}");
    }

    #[test]
    fn a_row_may_say_why_there_is_no_clip_where_the_shape_says_so() {
        let mut builder = WholeClipsBuilder::new(WholeClipShape { with_failures: true, ..shape() });
        let failure = ClipFailure { verdict: Some("truncated".into()), error: "bytes are missing".into() };
        builder.push(clip(0, tokens(1)));
        builder.push(WholeClip { failure: Some(failure.clone()), ..clip(1, tokens(1)) });
        builder.push(WholeClip {
            failure: Some(ClipFailure { verdict: None, ..failure }),
            ..clip(2, tokens(1))
        });
        let batch = WholeClips::try_from(builder.finish().unwrap()).unwrap();
        let error = "bytes are missing";
        assert_eq!(
            [0, 1, 2].map(|row| batch.failure(row)),
            [None, Some((Some("truncated"), error)), Some((None, error))]
        );
    }

    #[test]
    fn another_format_and_an_unknown_layout_are_refused() {
        let mut builder = WholeClipsBuilder::new(WholeClipShape { visible: None, ..shape() });
        builder.push(clip(0, tokens(1)));
        let batch = builder.finish().unwrap();
        for (key, value, words) in [
            (super::super::LAYOUT_KEY, "NCHW", "NCHW"),
            (crate::clip_batch::VERSION_KEY, "tubelet-clip-batch/1", "wanted tubelet-whole-clips/1"),
        ] {
            let mut schema = batch.schema().as_ref().clone();
            schema.metadata.insert(key.to_owned(), value.to_owned());
            let other = RecordBatch::try_new(Arc::new(schema), batch.columns().to_vec()).unwrap();
            let refused = WholeClips::try_from(other).unwrap_err().to_string();
            assert!(refused.contains(words), "{refused}");
        }
    }
}
