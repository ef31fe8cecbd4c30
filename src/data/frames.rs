//! Single frames of one video, decoded.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use pipeline::{
    FrameRank,
    file::Place,
    names,
    picture::Picture,
    store,
    transform::{self, RgbFrame, crop::Window, lines::Lines, orientation},
    video::{Limits, OpenVideo, SequentialReader, Stop, VideoReader},
};
use schemas::settings::{Skip, Verify};

use super::stores;
use crate::error::{Error, Result, Usage};

/// How the pixels of a frame follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DimensionOrder {
    /// All reds, then all greens, then all blues: `[N, 3, H, W]`.
    #[default]
    Nchw,
    /// Pixel after pixel: `[N, H, W, 3]`.
    Nhwc,
}

/// RGB frames of one size, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RgbFrames {
    /// Columns of a frame.
    pub width: u32,
    /// Rows of a frame.
    pub height: u32,
    /// `frames × 3 × height × width` bytes, in the order that was asked for.
    pub pixels: Vec<u8>,
}

/// A video that is open, and the decoder for its frames.
#[doc(alias = "VideoDecoder")]
#[doc(alias = "VideoReader")]
pub struct FrameReader {
    path: PathBuf,
    reader: SequentialReader,
}

impl FrameReader {
    /// Opens a video. `verify` says how much of it is decoded before a frame is given, `skipping` which pictures are
    /// not decoded.
    ///
    /// # Errors
    /// Usage error: no such file; an address that this build does not read, or with a secret in it. When it is no video
    /// that can be decoded.
    pub fn open(path: &Path, verify: Verify, skipping: Skip) -> Result<Self> {
        Self::open_within(path, verify, skipping, Limits::default())
    }

    /// The same, where the video may cost so much.
    ///
    /// # Errors
    /// The same.
    pub fn open_within(path: &Path, verify: Verify, skipping: Skip, limits: Limits) -> Result<Self> {
        stores::check(path)?;
        store::look_again();
        if !Place::from(path).exists() {
            return Err(Usage::new(format!("{}: no such file", names::shown(path))).into());
        }
        let mut reader = VideoReader::new(limits).with_verify(verify).with_skipping(skipping);
        let video = reader.open(path).map_err(|why| Error::of_video(path, why))?;
        Ok(Self { path: path.to_owned(), reader: SequentialReader::new(reader, video) })
    }

    /// The same reader, whose calls end with an error when `stop` says so.
    pub fn with_stop(mut self, stop: Stop) -> Self {
        self.reader = self.reader.with_stop(stop);
        self
    }

    /// What is known of the video: its frames, their times, its size.
    pub fn video(&self) -> &OpenVideo {
        self.reader.video()
    }

    /// The frames of these ranks, in presentation order; a rank that is asked for twice is decoded once. All of them
    /// are in memory together.
    ///
    /// # Errors
    /// When a frame is not there or the decoder complains.
    pub fn decode(&mut self, ranks: &[FrameRank]) -> Result<BTreeMap<FrameRank, Picture>> {
        let mut wanted = ranks.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        let found = self.reader.decode(&wanted);
        Ok(found.map_err(|why| Error::of_video(&self.path, why))?.into_iter().collect())
    }

    /// The frames of these ranks as RGB, upright, in their own size and in the order asked for; one that is asked for
    /// twice is decoded once. Besides the result little more than a picture is in memory. A call that wants what comes behind
    /// the frames of the last one goes on where that stopped.
    ///
    /// # Errors
    /// Usage error: so many frames do not fit in memory. When a frame is not there or the decoder complains.
    #[doc(alias = "get_batch")]
    #[doc(alias = "get_frames_at")]
    pub fn decode_rgb(&mut self, ranks: &[FrameRank], order: DimensionOrder) -> Result<RgbFrames> {
        let facts = &self.video().facts;
        let orientation = facts.orientation;
        let size = orientation::upright_size(orientation, (facts.width, facts.height));
        let mut places: BTreeMap<FrameRank, Vec<usize>> = BTreeMap::new();
        for (place, rank) in ranks.iter().enumerate() {
            places.entry(*rank).or_default().push(place);
        }
        let mut frames = Frames { order, wanted: ranks.len(), size: None, pixels: Vec::new(), wrong: None };
        let (mut lines, mut spare) = (Lines::default(), Lines::default());
        let decoded = self.reader.decode_each(ranks, |rank, picture| {
            let size = orientation::upright_size(orientation, (picture.width, picture.height));
            let window = Window { x: 0, y: 0, width: size.0, height: size.1 };
            transform::window_of(&picture, orientation, window, &mut lines, &mut spare);
            frames.put(&places[&rank], size, &lines);
        });
        decoded.map_err(|why| Error::of_video(&self.path, why))?;
        let (width, height) = frames.size.unwrap_or(size);
        match frames.wrong {
            Some(usage) => Err(usage.into()),
            None => Ok(RgbFrames { width, height, pixels: frames.pixels }),
        }
    }

    /// A frame as RGB, upright, in its own size.
    pub fn upright(&self, picture: &Picture) -> RgbFrame {
        transform::whole_frame(picture, self.video().facts.orientation, 0)
    }
}

/// Frames that are being collected.
struct Frames {
    order: DimensionOrder,
    /// How many.
    wanted: usize,
    /// Columns and rows, once the first is there.
    size: Option<(u32, u32)>,
    pixels: Vec<u8>,
    /// Why they cannot be kept.
    wrong: Option<Usage>,
}

impl Frames {
    /// Puts a frame in its places.
    fn put(&mut self, places: &[usize], size: (u32, u32), frame: &Lines) {
        let (width, height) = (frame.width(), frame.height());
        let bytes = width * height * 3;
        if *self.size.get_or_insert(size) != size {
            self.wrong = Some(Usage::new("the frames are of different sizes, so ask for them one by one"));
        } else if self.pixels.is_empty() && self.wrong.is_none() {
            self.wrong = self.make_room(bytes).err();
        }
        if self.wrong.is_some() {
            return;
        }
        let Some((&first, others)) = places.split_first() else { return };
        let to = &mut self.pixels[first * bytes..][..bytes];
        match self.order {
            DimensionOrder::Nchw => {
                for (line, samples) in frame.samples().chunks_exact(width).enumerate() {
                    let (row, colour) = (line / 3, line % 3);
                    to[(colour * height + row) * width..][..width].copy_from_slice(samples);
                }
            }
            DimensionOrder::Nhwc => frame.interleave_into(to),
        }
        for &other in others {
            self.pixels.copy_within(first * bytes..(first + 1) * bytes, other * bytes);
        }
    }

    fn make_room(&mut self, frame: usize) -> Result<(), Usage> {
        let bytes = frame.checked_mul(self.wanted);
        // A trial, since zeroed memory comes without being touched, and cannot be asked for with an answer.
        let bytes = bytes.filter(|&bytes| Vec::<u8>::new().try_reserve_exact(bytes).is_ok());
        let Some(bytes) = bytes else {
            let gib = frame as f64 * self.wanted as f64 / f64::from(1 << 30);
            let message = format!("{} frames are {gib:.1} GiB, which do not fit in memory", self.wanted);
            return Err(Usage::new(message).hint("ask for fewer at a time"));
        };
        self.pixels = vec![0; bytes];
        Ok(())
    }
}
