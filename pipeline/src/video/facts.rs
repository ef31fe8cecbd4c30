//! What is known of a video once it is open: the row that `tubelet scan` writes of it.

use gstreamer as gst;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::stored_video::{StoredPacket, StoredVideo};
use crate::{
    FrameRank, StreamTime,
    codec::{Codec, Coded, Start, StreamHeader},
    demux::Packet,
    file::Container,
    picture::Orientation,
    plan::{
        OutputIndex,
        order::{self, IndexMode, Stamp, TimesFrom},
    },
};

/// One of the names that this program gives.
type Name = &'static str;

/// Facts of a video that was opened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VideoFacts {
    /// Bytes of the file.
    pub bytes: u64,
    /// Name of the container: `mp4`, `matroska`, `avi`, `mpeg-ps`, `mpeg-ts`, `flv`, `ogg`, `asf`, `mxf`, `dv`,
    /// `h264`, `hevc` (streams without a container).
    #[serde(deserialize_with = "container_name")]
    pub container: Name,
    /// Name of the codec: `h264`, `hevc`, `vp8`, `vp9`, `av1`, `mpeg4`, `mpeg2`, `mpeg1`, `mjpeg`, `theora`, or one of
    /// [`OtherCodec`](crate::codec::other::OtherCodec)'s.
    #[serde(deserialize_with = "codec_name")]
    pub codec: Name,
    /// Columns of a picture before it is turned upright.
    pub width: u32,
    /// Rows of a picture before it is turned upright.
    pub height: u32,
    /// Width and height of a pixel, as a ratio.
    pub pixel_aspect: (u32, u32),
    /// How to turn pictures upright.
    pub orientation: Orientation,
    /// Frames. Exact, except that an [`IndexMode::Linear`] video opened for scanning has its packets
    /// counted instead.
    pub frames: u32,
    /// Packets, hidden ones included.
    pub packets: u32,
    /// Presentation time of each frame, rising. Where the container has none for a frame, it is
    /// interpolated between its neighbours.
    pub times: Vec<StreamTime>,
    /// Where these times come from.
    pub times_from: TimesFrom,
    /// Frames that the container marks as key frames, rising; in MPEG-1 and 2 the pictures that stand
    /// alone. Those that an edit list hides have no rank and are left out.
    pub key_frames: Vec<FrameRank>,
    /// Nanoseconds from the first frame to the end of the last.
    pub duration: i64,
    /// Whether the distances of frames differ by more than rounding to milliseconds explains.
    pub variable_rate: bool,
    /// Mean rate: frames over duration.
    pub frames_per_second: f64,
    /// Whether frames are presented in another order than they are decoded.
    pub has_b_frames: bool,
    /// Whether pictures are, or may be, interlaced.
    pub interlaced: bool,
    /// How ranks were found.
    pub index: IndexMode,
}

impl VideoFacts {
    /// Whether it is a picture.
    pub fn is_still(&self) -> bool {
        self.frames == 1 && Container::named(self.container).is_some_and(Container::is_pictures)
    }
}

/// What opening a video found, from which its facts follow.
pub(super) struct Gathered<'a> {
    pub bytes: u64,
    pub container: Container,
    pub codec: Codec,
    pub caps: &'a gst::Caps,
    pub orientation: Orientation,
    pub header: StreamHeader,
    pub packets: &'a [Packet],
    pub stamps: &'a [Stamp],
    pub places: &'a [Option<OutputIndex>],
    pub coded: &'a [Coded],
    pub mode: IndexMode,
}

impl Gathered<'_> {
    /// The facts, and how many frames come before frame 0, hidden by an edit list.
    pub(super) fn facts(&self) -> (VideoFacts, u32) {
        let structure = self.caps.structure(0);
        let number = |name| structure.and_then(|structure| structure.get::<i32>(name).ok());
        let side = |name| number(name).and_then(|side| u32::try_from(side).ok()).filter(|&side| side > 0);
        let coded_size = self.header.size.unwrap_or_default();
        let scan = structure.and_then(|structure| structure.get::<&str>("interlace-mode").ok());

        let shown = self.coded.iter().filter(|coded| coded.shown).count() as u32;
        let hidden = self.stamps.iter().zip(self.coded).filter(|(stamp, coded)| stamp.hidden && coded.shown);
        let hidden = hidden.count() as u32;
        // Frames that are counted are only those that are presented.
        let before_first = if self.mode == IndexMode::Linear { 0 } else { hidden };
        let behind = self.stamps.iter().zip(self.coded).filter(|(stamp, coded)| stamp.behind && coded.shown);
        let frames = shown.saturating_sub(hidden + behind.count() as u32);
        let listed = order::shown(self.stamps, self.places);
        // No packet of a video that is counted has a place; a key picture is shown after all that are decoded before.
        let shown_before = self.coded.iter().scan(0, |before, coded| {
            *before += u32::from(coded.shown);
            Some(*before - u32::from(coded.shown))
        });
        let shown_before: Vec<u32> = shown_before.collect();
        let mut key_frames: Vec<_> = (0..self.packets.len())
            .filter(|&at| self.is_key(at))
            .filter_map(|at| match self.mode {
                IndexMode::Linear => Some(shown_before[at]),
                IndexMode::Times | IndexMode::Reorder => {
                    listed.binary_search(&self.places[at]?).ok().map(|rank| rank as u32)
                }
            })
            .filter(|&rank| rank < frames)
            .map(FrameRank)
            .collect();
        key_frames.sort_unstable();
        let has_b_frames = match self.mode {
            IndexMode::Linear => matches!(self.codec, Codec::H264 | Codec::Hevc | Codec::Mpeg4),
            IndexMode::Times | IndexMode::Reorder => !self.places.iter().flatten().is_sorted(),
        };
        let mut facts = VideoFacts {
            bytes: self.bytes,
            container: self.container.name(),
            codec: self.codec.name(),
            width: side("width").unwrap_or(coded_size.0),
            height: side("height").map_or(coded_size.1, |rows| self.rows_of_picture(rows)),
            pixel_aspect: pixel_aspect(self.caps),
            orientation: self.orientation,
            frames,
            packets: self.packets.len() as u32,
            times: Vec::new(),
            times_from: TimesFrom::of(self.stamps),
            key_frames,
            duration: 0,
            variable_rate: false,
            frames_per_second: 0.0,
            has_b_frames,
            interlaced: self.header.interlaced || scan.is_some_and(|scan| scan != "progressive"),
            index: self.mode,
        };
        facts.set_times(order::times(self.mode, self.stamps, self.places, frames as usize), self.stamps);
        (facts, before_first)
    }

    /// Rows of a picture where `stated` rows are said. Those of HEVC may be fields, of which parsers state the frame.
    fn rows_of_picture(&self, stated: u32) -> u32 {
        let coded = self.header.size.map_or(0, |(_, rows)| rows);
        let is_field = self.codec == Codec::Hevc && (stated.div_ceil(2)..stated).contains(&coded);
        if is_field { stated / 2 } else { stated }
    }

    /// Whether packet `at` is a key frame. The parser of MPEG-1 and 2 also flags the last picture that it
    /// holds when the stream ends, so there the picture itself is asked.
    fn is_key(&self, at: usize) -> bool {
        match self.codec {
            Codec::Mpeg1 | Codec::Mpeg2 => self.coded[at].start != Start::Never,
            _ => self.packets[at].key,
        }
    }
}

impl VideoFacts {
    /// The facts of a video that a shard keeps.
    pub(super) fn of_stored(stored: &StoredVideo) -> Self {
        let rank = |packet: &StoredPacket| packet.fact.place?.0.checked_sub(stored.hidden).map(FrameRank);
        let keys = stored.packets.iter().filter(|packet| packet.key);
        let mut key_frames: Vec<_> = keys.filter_map(rank).collect();
        key_frames.sort_unstable();
        let places = stored.packets.iter().filter_map(|packet| packet.fact.place);
        let mut facts = Self {
            bytes: stored.packets.iter().map(|packet| u64::from(packet.bytes)).sum(),
            container: Container::named(&stored.container).map_or("packets", Container::name),
            codec: stored.codec.name(),
            width: stored.size.0,
            height: stored.size.1,
            pixel_aspect: (1, 1),
            orientation: stored.orientation,
            frames: stored.times.len() as u32,
            packets: stored.packets.len() as u32,
            times: Vec::new(),
            times_from: TimesFrom::Packets,
            key_frames,
            duration: 0,
            variable_rate: false,
            frames_per_second: 0.0,
            has_b_frames: !places.is_sorted(),
            interlaced: stored.interlaced,
            index: stored.mode,
        };
        facts.set_times(stored.times.clone(), &[]);
        facts
    }

    /// Takes over the number of frames that the decoder gave.
    pub(super) fn recount(&mut self, frames: u32, stamps: &[Stamp]) {
        self.frames = frames;
        self.key_frames.retain(|rank| rank.0 < frames);
        self.set_times(order::times(self.index, stamps, &[], frames as usize), stamps);
    }

    fn set_times(&mut self, times: Vec<StreamTime>, stamps: &[Stamp]) {
        let steps: Vec<i64> = times.windows(2).map(|pair| pair[1].0.saturating_sub(pair[0].0)).collect();
        let span = times.first().zip(times.last()).map_or(0, |(first, last)| last.0.saturating_sub(first.0));
        let mean = span.checked_div(steps.len() as i64);
        let stated = stamps.iter().find_map(|stamp| stamp.duration).filter(|&step| step > 0);
        let last = mean.filter(|&step| step > 0).or(stated).unwrap_or(0);
        self.duration = span.saturating_add(last);
        let (least, most) = (steps.iter().min().copied(), steps.iter().max().copied());
        self.variable_rate =
            least.zip(most).is_some_and(|(least, most)| most.saturating_sub(least) > MILLISECOND_ROUNDING);
        self.frames_per_second =
            if self.duration > 0 { times.len() as f64 * 1e9 / self.duration as f64 } else { 0.0 };
        self.times = times;
    }
}

/// Width and height of a pixel as caps say it, or square.
pub(super) fn pixel_aspect(caps: &gst::Caps) -> (u32, u32) {
    let aspect =
        caps.structure(0).and_then(|structure| structure.get::<gst::Fraction>("pixel-aspect-ratio").ok());
    let aspect = aspect.map(|aspect| (aspect.numer().unsigned_abs(), aspect.denom().unsigned_abs()));
    aspect.filter(|aspect| aspect.0 > 0 && aspect.1 > 0).unwrap_or((1, 1))
}

fn container_name<'de, D: Deserializer<'de>>(from: D) -> Result<&'static str, D::Error> {
    let name = String::deserialize(from)?;
    Container::named(&name).map(Container::name).ok_or_else(|| D::Error::custom("no container has this name"))
}

fn codec_name<'de, D: Deserializer<'de>>(from: D) -> Result<&'static str, D::Error> {
    let name = String::deserialize(from)?;
    Codec::named(&name).map(Codec::name).ok_or_else(|| D::Error::custom("no codec has this name"))
}

/// Two times that are rounded to milliseconds (Matroska) can be off by one each way, in ns.
const MILLISECOND_ROUNDING: i64 = 2_000_000;
