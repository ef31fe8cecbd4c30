//! Every setting that decides what a clip is; together with the files it decides every byte of a batch.

use schemas::{
    ClipGeometry,
    settings::{ClipOrder, Crop, DecoderMask, MaskKind, Resample, ShortVideo},
};

use crate::{
    mask::{MaskError, MaskRule},
    sampling::pretraining::{Pace, Sampling},
    schedule::{Schedule, ScheduleError},
};

/// Whether clips are mirrored left to right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flip {
    /// None is (official in pre-training).
    #[default]
    Never,
    /// Every second one, by chance.
    Half,
}

/// What a clip is and how clips are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClipSettings {
    /// Frames, pixels and cubes of a clip.
    pub geometry: ClipGeometry,
    /// Distance of two frames.
    pub pace: Pace,
    /// What a video shorter than a clip's span gives.
    pub short_videos: ShortVideo,
    /// Short side in pixels that whole frames are resized to before the crop; 0 keeps their size.
    pub short_side: u32,
    /// In which order frames become pixels. Stored RGB frames know the official one only.
    pub resample: Resample,
    /// How crops are drawn.
    pub crop: Crop,
    /// Whether clips are mirrored.
    pub flip: Flip,
    /// How hidden tokens lie.
    pub mask: MaskKind,
    /// Share of hidden tokens.
    pub mask_ratio: f64,
    /// Which hidden tokens the decoder need not predict.
    pub decoder_mask: DecoderMask,
    /// Share of all tokens that are hidden from the decoder, .25 to below 1; without effect without a decoder mask.
    pub decoder_ratio: f64,
    /// Clips drawn from each video in an epoch.
    pub clips_per_video: u32,
    /// How the clips of a video lie in an epoch.
    pub clip_order: ClipOrder,
    /// Crops and masks of each clip (V2's `num_sample`): rows of a batch = `batch × repeats`.
    pub repeats: u32,
    /// Clips of a batch, before they are repeated.
    pub batch: u32,
    /// Batches of one update: an epoch ends with a whole update, what is left over is dropped.
    pub batches_per_update: u32,
    /// Seed of every draw.
    pub seed: u64,
}

/// Why settings make no batches.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A count is zero.
    #[error("{what} is 0")]
    Zero {
        /// Which count.
        what: &'static str,
    },
    /// The mask does not fit.
    #[error(transparent)]
    Mask(#[from] MaskError),
    /// No batch fits in an epoch.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// A batch has more bytes than Arrow's 32-bit offsets can count.
    #[error("a batch of {rows} rows has {bytes} bytes of cubes, more than the 2 GiB that a column can hold")]
    BatchTooLarge {
        /// Rows.
        rows: u64,
        /// Bytes of all cubes of all rows.
        bytes: u64,
    },
}

impl ClipSettings {
    /// The published pre-training of VideoMAE for this geometry: stride 4, multi-scale crop, tube mask
    /// of .9, one clip a video. Only pixels are resized by planes.
    pub fn published(geometry: ClipGeometry, batch: u32, seed: u64) -> Self {
        Self {
            geometry,
            pace: Pace::Stride(4),
            short_videos: ShortVideo::RepeatLast,
            short_side: 0,
            resample: Resample::Planes,
            crop: Crop::MultiScale,
            flip: Flip::Never,
            mask: MaskKind::Tube,
            mask_ratio: 0.9,
            decoder_mask: DecoderMask::None,
            decoder_ratio: 0.5,
            clips_per_video: 1,
            clip_order: ClipOrder::Together,
            repeats: 1,
            batch,
            batches_per_update: 1,
            seed,
        }
    }

    /// The rule by which frames are sampled.
    pub fn sampling(&self) -> Sampling {
        Sampling { frames: self.geometry.frames() as u32, pace: self.pace, short: self.short_videos }
    }

    /// The rule by which masks are drawn.
    ///
    /// # Errors
    /// When it does not fit the geometry.
    pub fn mask_rule(&self) -> Result<MaskRule, MaskError> {
        MaskRule::new(self.geometry, self.mask, self.mask_ratio)?
            .with_decoder(self.decoder_mask, self.decoder_ratio)
    }

    /// The schedule over `videos` videos.
    pub fn schedule(&self, videos: u64) -> Schedule {
        let ClipSettings { seed, clips_per_video, clip_order: order, .. } = *self;
        Schedule { seed, videos, clips_per_video, order }
    }

    /// Batches of an epoch over `videos` videos.
    ///
    /// # Errors
    /// When a count is 0, the mask does not fit, an epoch does not fill a batch, or a batch is too large.
    pub fn batches_per_epoch(&self, videos: u64) -> Result<u64, SettingsError> {
        check_counts([self.clips_per_video, self.repeats, self.batch, self.batches_per_update])?;
        self.mask_rule()?;
        check_size(u64::from(self.batch) * u64::from(self.repeats), self.geometry)?;
        whole_updates(self.schedule(videos), self.batch, self.batches_per_update)
    }
}

/// Refuses a 0 among clips per video, repeats, batch, and batches of an update.
pub(crate) fn check_counts(counts: [u32; 4]) -> Result<(), SettingsError> {
    let names = [
        "the number of clips per video",
        "the number of repeats",
        "the batch",
        "the number of batches of an update",
    ];
    match names.into_iter().zip(counts).find(|(_, count)| *count == 0) {
        Some((what, _)) => Err(SettingsError::Zero { what }),
        None => Ok(()),
    }
}

/// Refuses a batch of `rows` whole clips that a column cannot hold.
pub(crate) fn check_size(rows: u64, geometry: ClipGeometry) -> Result<(), SettingsError> {
    let bytes = rows.saturating_mul((geometry.tokens() * geometry.cube()) as u64);
    if bytes > i32::MAX as u64 { Err(SettingsError::BatchTooLarge { rows, bytes }) } else { Ok(()) }
}

/// Batches of an epoch, which ends with a whole update.
pub(crate) fn whole_updates(
    schedule: Schedule,
    batch: u32,
    batches_per_update: u32,
) -> Result<u64, SettingsError> {
    let update = u64::from(batch) * u64::from(batches_per_update);
    Ok(schedule.batches(update)? * u64::from(batches_per_update))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_make_no_batch_are_refused() {
        let geometry = ClipGeometry::new(16, 224, 224, 2, 16).unwrap();
        let good = ClipSettings::published(geometry, 4, 0);
        assert_eq!(good.batches_per_epoch(10), Ok(2));
        let parts = ClipSettings { batch: 2, batches_per_update: 2, ..good };
        assert_eq!(parts.batches_per_epoch(11), Ok(4));
        let refused = |settings: ClipSettings| settings.batches_per_epoch(10).unwrap_err();
        assert!(matches!(refused(ClipSettings { repeats: 0, ..good }), SettingsError::Zero { .. }));
        assert!(matches!(refused(ClipSettings { mask_ratio: 1.0, ..good }), SettingsError::Mask(_)));
        assert!(matches!(refused(ClipSettings { batch: 11, ..good }), SettingsError::Schedule(_)));
        assert!(matches!(
            refused(ClipSettings { repeats: 1000, ..good }),
            SettingsError::BatchTooLarge { .. }
        ));
    }
}
