//! The tracks that a file has (RFC 9559, section 5.1.4), and the one whose pictures are taken.
//!
//! That is the first whose type is video and whose codec is one of video, as FFmpeg counts its streams: flags do not
//! matter. Pictures of a cover are attachments in Matroska, and no tracks.

use std::collections::HashMap;

use super::{
    element::{Element, Reader},
    fault::Fault,
    ids,
};

/// All tracks, as far as their blocks are concerned.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tracks {
    /// Whether the blocks of a number are those of the video. Of several tracks of one number the first counts.
    numbers: HashMap<u64, bool>,
    pub video: Option<Track>,
}

impl Tracks {
    /// Reads a `Tracks` element.
    pub(super) fn read(reader: &mut Reader<'_>, tracks: &Element) -> Result<Self, Fault> {
        let mut found = Self::default();
        let mut entries = tracks.children();
        while let Some(entry) = entries.next(reader)? {
            if entry.id == ids::TRACK_ENTRY {
                let track = Track::read(reader, &entry)?;
                let chosen = found.video.is_none() && track.is_video();
                found.numbers.entry(track.number).or_insert(chosen);
                if found.numbers.len() > MOST_TRACKS {
                    return Err(Fault::Broken {
                        at: entry.at,
                        what: "is one of more tracks than any film has",
                    });
                }
                if chosen {
                    found.video = Some(track);
                }
            }
        }
        Ok(found)
    }

    /// Whether the blocks of `number` are those of the video; nothing where there is no such track.
    pub(super) fn is_video(&self, number: u64) -> Option<bool> {
        self.numbers.get(&number).copied()
    }
}

/// A track.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Track {
    pub number: u64,
    kind: u64,
    /// The codec's name, such as `V_VP9`.
    pub codec: String,
    /// What its decoder must know, packed like its blocks where an encoding's scope says so.
    pub setup: Vec<u8>,
    /// Nanoseconds of a frame, or 0.
    pub default_duration: u64,
    /// Nanoseconds that are taken off every time.
    pub codec_delay: u64,
    /// What the times of its blocks are multiplied with.
    pub timestamp_scale: f64,
    pub encodings: Vec<Encoding>,
    pub video: Video,
}

/// What a track says of its pictures.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Video {
    pub width: u64,
    pub height: u64,
    pub display_width: Option<u64>,
    pub display_height: Option<u64>,
    pub display_unit: u64,
    /// 1 interlaced, 2 progressive.
    pub interlaced: u64,
    pub stereo_mode: u64,
    pub frame_rate: f64,
    pub colour: Option<Colour>,
    /// The four characters of the format of pictures without compression.
    pub colour_space: [u8; 4],
    /// Yaw, pitch and roll of the projection, in degrees.
    pub pose: (f64, f64, f64),
}

/// Colour by the numbers of ISO/IEC 23091-2; 2 is not known, as 0 is of the range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Colour {
    pub matrix: u64,
    pub range: u64,
    pub transfer: u64,
    pub primaries: u64,
}

/// How the blocks of a track, or its setup, are packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Encoding {
    /// Bit 0: the blocks, bit 1: the setup.
    pub scope: u64,
    /// 0 compression, 1 encryption.
    pub kind: u64,
    pub algorithm: u64,
    pub settings: Vec<u8>,
}

/// Tracks of different numbers: four times as many as FFmpeg reads.
const MOST_TRACKS: usize = 4096;

/// Bytes of a decoder's setup, at most; that of Theora, the largest in use, has a few kilobytes.
const MOST_SETUP: u64 = 16 << 20;

/// Bytes of a codec's name that are kept.
const MOST_NAME: u64 = 256;

const TYPE_VIDEO: u64 = 1;

impl Track {
    fn read(reader: &mut Reader<'_>, entry: &Element) -> Result<Self, Fault> {
        let mut track = Self {
            number: 0,
            kind: 0,
            codec: String::new(),
            setup: Vec::new(),
            default_duration: 0,
            codec_delay: 0,
            timestamp_scale: 1.0,
            encodings: Vec::new(),
            video: Video::default(),
        };
        let mut fields = entry.children();
        while let Some(field) = fields.next(reader)? {
            match field.id {
                ids::TRACK_NUMBER => track.number = reader.unsigned(&field)?.unwrap_or(0),
                ids::TRACK_TYPE => track.kind = reader.unsigned(&field)?.unwrap_or(0),
                ids::CODEC_ID => track.codec = name(reader.value(&field, MOST_NAME)?),
                ids::CODEC_PRIVATE => track.setup = reader.value(&field, MOST_SETUP)?.to_vec(),
                ids::DEFAULT_DURATION => {
                    track.default_duration = reader.unsigned(&field)?.unwrap_or(0);
                }
                ids::CODEC_DELAY => track.codec_delay = reader.unsigned(&field)?.unwrap_or(0),
                ids::TRACK_TIMESTAMP_SCALE => {
                    track.timestamp_scale = reader.float(&field)?.unwrap_or(1.0);
                }
                ids::VIDEO => track.video = Video::read(reader, &field)?,
                ids::CONTENT_ENCODINGS => {
                    track.encodings.extend(encodings(reader, &field)?);
                    track.encodings.truncate(MOST_ENCODINGS);
                }
                _ => {}
            }
        }
        // Times that stand still would be of no use; FFmpeg takes them for times that are not scaled.
        if !track.timestamp_scale.is_finite() || track.timestamp_scale < 0.01 {
            track.timestamp_scale = 1.0;
        }
        let rate = track.video.frame_rate;
        if track.default_duration == 0 && rate.is_finite() && rate > 0.0 {
            track.default_duration = (1e9 / rate) as u64;
        }
        Ok(track)
    }

    fn is_video(&self) -> bool {
        self.kind == TYPE_VIDEO && self.codec.starts_with('V')
    }
}

/// A name, which ends with its element or with a byte 0.
fn name(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

impl Video {
    fn read(reader: &mut Reader<'_>, video: &Element) -> Result<Self, Fault> {
        let mut found = Self::default();
        let mut fields = video.children();
        while let Some(field) = fields.next(reader)? {
            match field.id {
                ids::PIXEL_WIDTH => found.width = reader.unsigned(&field)?.unwrap_or(0),
                ids::PIXEL_HEIGHT => found.height = reader.unsigned(&field)?.unwrap_or(0),
                ids::DISPLAY_WIDTH => found.display_width = reader.unsigned(&field)?,
                ids::DISPLAY_HEIGHT => found.display_height = reader.unsigned(&field)?,
                ids::DISPLAY_UNIT => found.display_unit = reader.unsigned(&field)?.unwrap_or(0),
                ids::FLAG_INTERLACED => found.interlaced = reader.unsigned(&field)?.unwrap_or(0),
                ids::STEREO_MODE => found.stereo_mode = reader.unsigned(&field)?.unwrap_or(0),
                ids::FRAME_RATE => found.frame_rate = reader.float(&field)?.unwrap_or(0.0),
                ids::COLOUR_SPACE => {
                    let four = reader.value(&field, 4)?;
                    found.colour_space = four.first_chunk().copied().unwrap_or_default();
                }
                ids::COLOUR => found.colour = Some(Colour::read(reader, &field)?),
                ids::PROJECTION => found.pose = pose(reader, &field)?,
                _ => {}
            }
        }
        Ok(found)
    }
}

impl Colour {
    fn read(reader: &mut Reader<'_>, colour: &Element) -> Result<Self, Fault> {
        let mut found = Self { matrix: 2, range: 0, transfer: 2, primaries: 2 };
        let mut fields = colour.children();
        while let Some(field) = fields.next(reader)? {
            match field.id {
                ids::MATRIX_COEFFICIENTS => found.matrix = reader.unsigned(&field)?.unwrap_or(2),
                ids::RANGE => found.range = reader.unsigned(&field)?.unwrap_or(0),
                ids::TRANSFER_CHARACTERISTICS => {
                    found.transfer = reader.unsigned(&field)?.unwrap_or(2);
                }
                ids::PRIMARIES => found.primaries = reader.unsigned(&field)?.unwrap_or(2),
                _ => {}
            }
        }
        Ok(found)
    }
}

fn pose(reader: &mut Reader<'_>, projection: &Element) -> Result<(f64, f64, f64), Fault> {
    let (mut yaw, mut pitch, mut roll) = (0.0, 0.0, 0.0);
    let mut fields = projection.children();
    while let Some(field) = fields.next(reader)? {
        match field.id {
            ids::POSE_YAW => yaw = reader.float(&field)?.unwrap_or(0.0),
            ids::POSE_PITCH => pitch = reader.float(&field)?.unwrap_or(0.0),
            ids::POSE_ROLL => roll = reader.float(&field)?.unwrap_or(0.0),
            _ => {}
        }
    }
    Ok((yaw, pitch, roll))
}

/// Encodings of a track that are read; a second one is refused already.
const MOST_ENCODINGS: usize = 2;

fn encodings(reader: &mut Reader<'_>, all: &Element) -> Result<Vec<Encoding>, Fault> {
    let mut found = Vec::new();
    let mut entries = all.children();
    while let Some(entry) = entries.next(reader)? {
        if entry.id == ids::CONTENT_ENCODING && found.len() < MOST_ENCODINGS {
            found.push(Encoding::read(reader, &entry)?);
        }
    }
    Ok(found)
}

impl Encoding {
    fn read(reader: &mut Reader<'_>, encoding: &Element) -> Result<Self, Fault> {
        let mut found = Self { scope: 1, kind: 0, algorithm: 0, settings: Vec::new() };
        let mut fields = encoding.children();
        while let Some(field) = fields.next(reader)? {
            match field.id {
                ids::ENCODING_SCOPE => found.scope = reader.unsigned(&field)?.unwrap_or(1),
                ids::ENCODING_TYPE => found.kind = reader.unsigned(&field)?.unwrap_or(0),
                ids::COMPRESSION => found.read_compression(reader, &field)?,
                _ => {}
            }
        }
        Ok(found)
    }

    fn read_compression(&mut self, reader: &mut Reader<'_>, compression: &Element) -> Result<(), Fault> {
        let mut fields = compression.children();
        while let Some(field) = fields.next(reader)? {
            match field.id {
                ids::COMPRESSION_ALGORITHM => self.algorithm = reader.unsigned(&field)?.unwrap_or(0),
                ids::COMPRESSION_SETTINGS => {
                    self.settings = reader.value(&field, MOST_SETUP)?.to_vec();
                }
                _ => {}
            }
        }
        Ok(())
    }
}
