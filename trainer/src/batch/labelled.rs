//! A batch of whole clips and their classes on the device: bytes, nothing computed yet.
//!
//! Shapes: B clips, N tokens, C values of a cube.

use burn::tensor::{Int, Tensor, TensorData};
use schemas::{ClipGeometry, LabelledBatch};

use super::{
    finite::OutputNotFinite,
    masked::{ClipIdentity, normalise, upload_cubes},
    pixel_box::PixelBox,
};
use crate::{
    device::Device,
    random::{Draws, purpose},
};

/// Why a batch could not be made.
pub type BatchError = Box<dyn std::error::Error + Send + Sync>;

/// A batch on its device.
#[derive(Clone, Debug)]
pub struct LabelledClips {
    /// Shape of the clips.
    pub geometry: ClipGeometry,
    /// Which clips they are.
    pub identities: Vec<ClipIdentity>,
    erased: Vec<Option<PixelBox>>,
    cubes: Tensor<3, Int>,
}

/// Why a batch cannot be learnt from, or says nothing.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LabelledClipsError {
    /// Its clips have another shape than the model's.
    #[error("the batch has clips of {found:?}, the model takes {wanted:?}")]
    Geometry {
        /// Shape of its clips.
        found: ClipGeometry,
        /// Shape that the model takes.
        wanted: ClipGeometry,
    },
    /// It has no clip.
    #[error("the batch has no clip")]
    Empty,
    /// A video has no class.
    #[error("{video} (row {row} of the data) has no label")]
    NoLabel {
        /// Its path.
        video: String,
        /// Its place in the data, from 0.
        row: u64,
    },
    /// A video's class is none of the head's.
    #[error("{video} (row {row} of the data) has label {label}; the head has {classes} classes, 0 to {last}", last = classes - 1)]
    LabelOutOfRange {
        /// Its path.
        video: String,
        /// Its place in the data, from 0.
        row: u64,
        /// Its label.
        label: i32,
        /// Classes of the head.
        classes: usize,
    },
    /// What the model gives for a clip is no number.
    #[error(transparent)]
    NotFinite(#[from] OutputNotFinite),
    /// A video has another number of labels, or numbers, than the head answers.
    #[error("{video} (row {row} of the data) has {found} labels; the head answers {answers}")]
    LabelCount {
        /// Its path.
        video: String,
        /// Its place in the data, from 0.
        row: u64,
        /// Its labels.
        found: usize,
        /// Answers of the head.
        answers: usize,
    },
    /// What should be right of a video is no number.
    #[error("{video} (row {row} of the data) has {label} among its labels, which is no number")]
    NoNumber {
        /// Its path.
        video: String,
        /// Its place in the data, from 0.
        row: u64,
        /// What stands there.
        label: String,
    },
}

/// The class of each clip of a batch.
///
/// # Errors
/// When a clip has none, or one that is none of the `classes`.
pub fn labels(batch: &LabelledBatch, classes: usize) -> Result<Vec<usize>, LabelledClipsError> {
    let label = |clip: usize| {
        let (video, row) = (batch.video(clip).to_owned(), batch.row(clip));
        let Some(label) = batch.label(clip) else { return Err(LabelledClipsError::NoLabel { video, row }) };
        match usize::try_from(label) {
            Ok(class) if class < classes => Ok(class),
            _ => Err(LabelledClipsError::LabelOutOfRange { video, row, label, classes }),
        }
    };
    (0..batch.len()).map(label).collect()
}

/// The labels, or numbers, of each clip of a batch, one row after the other.
///
/// # Errors
/// When a clip has none, or another number than `answers`.
pub fn label_vectors(batch: &LabelledBatch, answers: usize) -> Result<Vec<f32>, LabelledClipsError> {
    let mut vectors = Vec::with_capacity(batch.len() * answers);
    for clip in 0..batch.len() {
        let (video, row) = (batch.video(clip).to_owned(), batch.row(clip));
        match batch.labels(clip) {
            None => return Err(LabelledClipsError::NoLabel { video, row }),
            Some(labels) if labels.len() != answers => {
                return Err(LabelledClipsError::LabelCount { video, row, found: labels.len(), answers });
            }
            Some(labels) => {
                if let Some(&label) = labels.iter().find(|label| !label.is_finite()) {
                    return Err(LabelledClipsError::NoNumber { video, row, label: label.to_string() });
                }
                vectors.extend(labels);
            }
        }
    }
    Ok(vectors)
}

impl LabelledClips {
    /// Checks a batch and brings it to the device.
    ///
    /// # Errors
    /// When there is no clip in it, or its clips are not of `wanted` shape.
    pub fn upload(
        batch: &LabelledBatch,
        wanted: ClipGeometry,
        device: &Device,
    ) -> Result<Self, LabelledClipsError> {
        let geometry = batch.geometry();
        if geometry != wanted {
            return Err(LabelledClipsError::Geometry { found: geometry, wanted });
        }
        if batch.is_empty() {
            return Err(LabelledClipsError::Empty);
        }
        let identity = |clip| {
            let (epoch, number) = batch.identity(clip);
            ClipIdentity { epoch: epoch.into(), number }
        };
        let shape = [batch.len(), geometry.tokens(), geometry.cube()];
        Ok(Self {
            geometry,
            identities: (0..batch.len()).map(identity).collect(),
            erased: (0..batch.len()).map(|clip| batch.erase(clip).map(PixelBox::from)).collect(),
            cubes: upload_cubes(batch.cubes(), shape, device),
        })
    }

    /// Number of clips: B.
    pub fn len(&self) -> usize {
        self.identities.len()
    }

    /// Whether there is no clip; never so after `upload`.
    pub fn is_empty(&self) -> bool {
        self.identities.is_empty()
    }

    /// The cubes as the model takes them, `[B, N, C]`, nothing erased.
    pub fn plain_pixels(&self) -> Tensor<3> {
        normalise(self.cubes.clone())
    }

    /// Cubes from 0 to 1, `[B/2, N, C]`, of a batch in which every clip has two rows: whole levels, then 256ths
    /// of a level. Neither mean nor deviation is taken out.
    pub fn fine_pixels(&self) -> Tensor<3> {
        let [rows, tokens, cube] = self.cubes.dims();
        let pairs = self.cubes.clone().float().reshape([rows / 2, 2, tokens * cube]);
        let part = |which: usize| {
            pairs.clone().slice([0..rows / 2, which..which + 1, 0..tokens * cube]).reshape([
                rows / 2,
                tokens,
                cube,
            ])
        };
        (part(0) + part(1) / 256.0) / 255.0
    }

    /// The cubes as the model takes them, `[B, N, C]`; boxes that were erased are full of noise.
    pub fn pixels(&self, seed: u64) -> Tensor<3> {
        let mut pixels = self.plain_pixels();
        let [_, tokens, cube] = pixels.dims();
        for (clip, erased) in self.erased.iter().enumerate() {
            let Some(erased) = erased else { continue };
            let ClipIdentity { epoch, number } = self.identities[clip];
            let mut draws = Draws::keyed(seed, purpose::ERASING, &[epoch, number]);
            // Noise for all pixels, so that what a pixel gets does not depend on the box.
            let noise: Vec<f32> = (0..tokens * cube).map(|_| draws.normal() as f32).collect();
            let noise = TensorData::new(noise, [1, tokens, cube]);
            let noise = Tensor::<3>::from_data(noise, &pixels.device());
            let place = [clip..clip + 1, 0..tokens, 0..cube];
            let filled = erased.fill(pixels.clone().slice(place.clone()), noise, self.geometry);
            pixels = pixels.slice_assign(place, filled);
        }
        pixels
    }
}

#[cfg(test)]
mod tests {
    use schemas::{
        BatchBuilder as _,
        labelled_batch::{EraseBox, LabelledBatchBuilder, LabelledClip, View},
    };

    use super::*;
    use crate::weights::floats;

    fn batch(clips: &[(u64, Option<i32>, Option<EraseBox>)]) -> LabelledBatch {
        let mut builder = LabelledBatchBuilder::new(ClipGeometry::new(2, 4, 4, 2, 2).unwrap());
        for &(clip, label, erase) in clips {
            builder.push(LabelledClip {
                clip,
                epoch: 1,
                row: clip,
                video: "a.mp4".into(),
                label,
                labels: None,
                view: View::default(),
                frames: [0, 1].into(),
                times: [0, 1].into(),
                crop: [0, 0, 4, 4],
                flip: false,
                erase,
                pixels: vec![clip as u8; 96],
            });
        }
        LabelledBatch::try_from(builder.finish().unwrap()).unwrap()
    }

    fn pixels(clips: &[(u64, Option<i32>, Option<EraseBox>)]) -> Vec<f32> {
        let batch = batch(clips);
        floats(LabelledClips::upload(&batch, batch.geometry(), &Device::flex()).unwrap().pixels(5))
    }

    #[test]
    fn a_clip_is_erased_alike_in_any_batch_and_nothing_else_changes() {
        let erase = Some(EraseBox { top: 0, left: 0, height: 2, width: 4 });
        let both = pixels(&[(3, None, None), (4, None, erase)]);
        let plain = pixels(&[(3, None, None), (4, None, None)]);
        assert_eq!(both[..96], plain[..96]);
        assert_eq!(both[96..], pixels(&[(4, None, erase)]));
        // The upper half of the clip are its first two cubes of four.
        assert!(both[96..144].iter().zip(&plain[96..144]).all(|(erased, plain)| erased != plain));
        assert_eq!(both[144..], plain[144..]);
    }

    #[test]
    fn levels_and_256ths_make_one_clip() {
        let batch = batch(&[(255, None, None), (0, None, None), (3, None, None), (64, None, None)]);
        let clips = LabelledClips::upload(&batch, batch.geometry(), &Device::flex()).unwrap();
        let pixels = floats(clips.fine_pixels());
        assert_eq!(pixels.len(), 2 * 96);
        assert!(pixels[..96].iter().all(|value| *value == 1.0));
        assert!(pixels[96..].iter().all(|value| *value == 3.25 / 255.0));
    }

    #[test]
    fn a_label_that_the_head_does_not_have_is_refused_by_name() {
        let refused =
            |label| labels(&batch(&[(0, Some(1), None), (7, label, None)]), 2).unwrap_err().to_string();
        assert_eq!(refused(Some(2)), "a.mp4 (row 7 of the data) has label 2; the head has 2 classes, 0 to 1");
        assert_eq!(refused(None), "a.mp4 (row 7 of the data) has no label");
        assert!(refused(Some(-1)).contains("label -1"));
        assert_eq!(labels(&batch(&[(0, Some(1), None)]), 2).unwrap(), [1]);
    }
}
