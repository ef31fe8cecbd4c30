//! A batch of masked clips on the device: bytes and token numbers, nothing computed yet.
//!
//! Batches carry u8 cubes; they go to the device as they are (a quarter of the bytes of f32) and are
//! turned into numbers there. A clip's mask tokens are laid out with those that count first:
//!
//! ```text
//! masked   [ targets of this clip ; contexts of this clip ]        M places, the same for every clip
//! targets  the first T places, T the largest number of targets in the batch
//! ```
//!
//! A running-cell mask counts different numbers of tokens in different clips when the time positions
//! are no multiple of 4. A clip with fewer targets then has contexts among the first T places; these
//! are predicted too and weigh 0 in the loss.
//!
//! Shapes: B clips, V visible tokens, M mask tokens, T targets, C values of a cube.

use std::{borrow::Cow, ops::Range, sync::Arc};

use burn::tensor::{Int, Tensor, TensorData};
use schemas::{ClipBatch, ClipGeometry, geometry::CHANNELS};

use crate::{device::Device, kernels, weights::NotFinite};

/// Mean of each colour over ImageNet, subtracted from pixels in [0, 1] (official `DataAugmentation`).
pub const PIXEL_MEAN: [f32; CHANNELS] = [0.485, 0.456, 0.406];
/// Standard deviation of each colour over ImageNet, by which pixels are divided.
pub const PIXEL_STD: [f32; CHANNELS] = [0.229, 0.224, 0.225];

/// Who a clip of the batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClipIdentity {
    /// Its epoch.
    pub epoch: u64,
    /// Its number within the epoch.
    pub number: u64,
}

/// Which set of a mixture each clip of a batch is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetsOfClips {
    /// The names of all sets.
    pub names: Arc<[Arc<str>]>,
    /// The place of each clip's set among them, and how many of its targets count.
    pub of_clips: Vec<(usize, usize)>,
}

/// A batch on its device.
#[derive(Clone, Debug)]
#[doc(alias("random_masking", "bool_masked_pos"))]
pub struct MaskedClips {
    /// Shape of the clips.
    pub geometry: ClipGeometry,
    /// Which clips they are.
    pub identities: Vec<ClipIdentity>,
    /// Visible tokens of all clips, `[B·V]`.
    pub visible: Tensor<1, Int>,
    /// Mask tokens of all clips, targets first, `[B·M]`.
    pub masked: Tensor<1, Int>,
    /// Cubes that are predicted in each clip: T.
    pub targets: usize,
    /// Targets that count, over all clips.
    pub counted: usize,
    /// Which set of a mixture each is of; none where there is no mixture.
    pub sets: Option<SetsOfClips>,
    /// 1 for targets that count and 0 for others, `[B, T, 1]`; none when all count.
    pub weights: Option<Tensor<3>>,
    visible_cubes: Tensor<3, Int>,
    target_cubes: Tensor<3, Int>,
}

/// Why a batch cannot be trained on, or gives no picture.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ClipsError {
    /// Its clips have another shape than the model's.
    #[error("the batch has clips of {found:?}, the model takes {wanted:?}")]
    Geometry {
        /// Shape of its clips.
        found: ClipGeometry,
        /// Shape that the model takes.
        wanted: ClipGeometry,
    },
    /// It has no clip, or none of its clips has a visible token or a target.
    #[error("the batch has {clips} clips with {visible} visible tokens each and {targets} targets in all")]
    Empty {
        /// Its clips.
        clips: usize,
        /// Visible tokens of a clip.
        visible: usize,
        /// Targets of all clips.
        targets: usize,
    },
    /// Its clips have different numbers of mask tokens.
    #[error("clip {clip} of the batch has {found} mask tokens, the first one has {wanted}")]
    Ragged {
        /// Which clip.
        clip: usize,
        /// Targets and contexts of that clip.
        found: usize,
        /// Targets and contexts of the first clip.
        wanted: usize,
    },
    /// What the model predicts for a clip is no number.
    #[error("the model's cubes for clip {clip} of the batch are not finite: {found}")]
    NotFinite {
        /// Which clip.
        clip: usize,
        /// Which values.
        found: NotFinite,
    },
}

impl MaskedClips {
    /// Checks a batch and brings it to the device.
    ///
    /// # Errors
    /// When its clips are not of `wanted` shape, no cube of it is visible or none is a target, or its clips
    /// have different numbers of mask tokens.
    pub fn upload(batch: &ClipBatch, wanted: ClipGeometry, device: &Device) -> Result<Self, ClipsError> {
        let geometry = batch.geometry();
        if geometry != wanted {
            return Err(ClipsError::Geometry { found: geometry, wanted });
        }
        let clips = batch.len();
        let numbers = 0..clips;
        let counted = numbers.clone().map(|clip| batch.target(clip).len()).sum();
        let targets = numbers.clone().map(|clip| batch.target(clip).len()).max().unwrap_or(0);
        if targets == 0 || batch.visible_tokens() == 0 {
            let visible = batch.visible_tokens();
            return Err(ClipsError::Empty { clips, visible, targets: counted });
        }
        let masked = |clip| batch.target(clip).len() + batch.context(clip).len();
        if let Some(clip) = numbers.clone().find(|clip| masked(*clip) != masked(0)) {
            return Err(ClipsError::Ragged { clip, found: masked(clip), wanted: masked(0) });
        }
        // Where M is too small for T places in every clip, Ragged has been returned: M ≥ T.
        Ok(Self {
            geometry,
            identities: numbers.clone().map(|clip| identity(batch, clip)).collect(),
            visible: tokens(numbers.clone().flat_map(|clip| batch.visible(clip)), device),
            masked: tokens(
                numbers.clone().flat_map(|clip| batch.target(clip).iter().chain(batch.context(clip))),
                device,
            ),
            targets,
            counted,
            sets: sets_of(batch),
            weights: (counted < clips * targets).then(|| weights(batch, targets, device)),
            visible_cubes: upload_cubes(
                batch.visible_cubes(),
                [clips, batch.visible_tokens(), geometry.cube()],
                device,
            ),
            target_cubes: upload_cubes(
                &padded_targets(batch, targets),
                [clips, targets, geometry.cube()],
                device,
            ),
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

    /// Visible tokens of some of the clips.
    pub(crate) fn visible_of(&self, clips: Range<usize>) -> Tensor<1, Int> {
        self.tokens_of(&self.visible, clips)
    }

    /// Mask tokens of some of the clips, targets of each first.
    pub(crate) fn masked_of(&self, clips: Range<usize>) -> Tensor<1, Int> {
        self.tokens_of(&self.masked, clips)
    }

    fn tokens_of(&self, tokens: &Tensor<1, Int>, clips: Range<usize>) -> Tensor<1, Int> {
        let of_clip = tokens.dims()[0] / self.len();
        tokens.clone().slice([clips.start * of_clip..clips.end * of_clip])
    }

    /// The visible cubes as the model takes them, `[B, V, C]`.
    pub fn visible_pixels(&self) -> Tensor<3> {
        normalise(self.visible_cubes.clone())
    }

    /// The bytes of the target cubes of some of the clips, `[clips, T, C]`, in the order of the embedding.
    pub(crate) fn target_cubes_of(&self, clips: Range<usize>) -> Tensor<3, Int> {
        self.target_cubes.clone().slice([clips])
    }

    /// The weights of the targets of some of the clips.
    pub(crate) fn weights_of(&self, clips: Range<usize>) -> Option<Tensor<3>> {
        self.weights.clone().map(|weights| weights.slice([clips]))
    }

    /// The levels 0 to 255 of the target cubes, `[B, T, C]`, in the order of the embedding.
    pub fn target_levels(&self) -> Tensor<3> {
        self.target_cubes.clone().float()
    }
}

/// Levels of cubes `[B, n, C]` to `(level/255 − mean)/std` of their colour, in that order in f32.
pub fn normalise(cubes: Tensor<3, Int>) -> Tensor<3> {
    let [clips, tokens, cube] = cubes.dims();
    let device = cubes.device();
    let colours = |values: [f32; CHANNELS]| {
        Tensor::<4>::from_data(TensorData::new(values.to_vec(), [1, 1, CHANNELS, 1]), &device)
    };
    // A cube's bytes are colour after colour.
    let levels = cubes.float().reshape([clips, tokens, CHANNELS, cube / CHANNELS]);
    ((levels / 255.0 - colours(PIXEL_MEAN)) / colours(PIXEL_STD)).reshape([clips, tokens, cube])
}

fn sets_of(batch: &ClipBatch) -> Option<SetsOfClips> {
    let of_clip = |clip| Some((batch.set_of(clip)?, batch.target(clip).len()));
    let of_clips = (0..batch.len()).map(of_clip).collect::<Option<_>>()?;
    Some(SetsOfClips { names: Arc::clone(batch.sets()), of_clips })
}

fn identity(batch: &ClipBatch, clip: usize) -> ClipIdentity {
    let (epoch, number) = batch.identity(clip);
    ClipIdentity { epoch: epoch.into(), number }
}

fn tokens<'a>(tokens: impl Iterator<Item = &'a u16>, device: &Device) -> Tensor<1, Int> {
    kernels::upload_tokens(tokens.map(|token| i64::from(*token)).collect(), device.tensors())
}

/// Cubes `[B, n, C]` brought to the device as bytes.
pub fn upload_cubes(values: &[u8], shape: [usize; 3], device: &Device) -> Tensor<3, Int> {
    kernels::upload_bytes(values, shape, device.tensors())
}

fn weights(batch: &ClipBatch, targets: usize, device: &Device) -> Tensor<3> {
    let weight = |clip, place| if place < batch.target(clip).len() { 1f32 } else { 0.0 };
    let values: Vec<f32> = (0..batch.len())
        .flat_map(|clip| (0..targets).map(move |place| (clip, place)))
        .map(|(clip, place)| weight(clip, place))
        .collect();
    Tensor::from_data(TensorData::new(values, [batch.len(), targets, 1]), device.tensors())
}

/// Target cubes of all clips, with black ones after those of a clip that has fewer.
fn padded_targets(batch: &ClipBatch, targets: usize) -> Cow<'_, [u8]> {
    let all = batch.all_target_cubes();
    if all.len() == batch.len() * targets * batch.geometry().cube() {
        return all.into();
    }
    let row = targets * batch.geometry().cube();
    let mut cubes = vec![0; batch.len() * row];
    for (clip, padded) in cubes.chunks_exact_mut(row).enumerate() {
        let found = batch.target_cubes(clip);
        padded[..found.len()].copy_from_slice(found);
    }
    cubes.into()
}
