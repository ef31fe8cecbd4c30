//! Opens a file: takes it apart into packets, ranks their frames, and refuses what cannot be read whole.

use std::{path::Path, sync::Once};

use gstreamer as gst;

use super::{OpenVideo, VideoFacts, VideoReader, facts, paired, parts, recovered, turned, unsupported};
#[cfg(target_os = "linux")]
use crate::sandbox::message::How;
use crate::{
    codec::{Coded, StreamHeader, bits::MOST_UNITS, headers},
    demux::{self, Demuxed, demuxer},
    error::VideoError,
    file::{Container, FileBytes, Place, recognise},
    plan::{
        OutputIndex, PacketFact,
        order::{self, IndexMode},
    },
    system,
};

impl VideoReader {
    /// Reads the file at a path, or the part of one that an entry names, takes it apart and ranks its frames.
    ///
    /// # Errors
    /// When the file is no video that can be read whole; see [`VideoError`].
    pub fn open<'a>(&mut self, video: impl Into<Place<'a>>) -> Result<OpenVideo, VideoError> {
        self.open_counted(video, None)
    }

    /// The same of a video of which opening has counted the frames before, if it had to. Its file must not have changed.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(crate) fn open_counted<'a>(
        &mut self,
        video: impl Into<Place<'a>>,
        counted: Option<u32>,
    ) -> Result<OpenVideo, VideoError> {
        let place = video.into();
        #[cfg(target_os = "linux")]
        if self.child.is_some() {
            return self.open_in_child(place, How::Read { counted });
        }
        self.open_bytes(place.path, open_file(place, self.limits.file_bytes)?, counted)
    }

    /// The same of the bytes of a file that is called `path`.
    pub(crate) fn open_bytes(
        &mut self,
        path: &Path,
        file: FileBytes,
        counted: Option<u32>,
    ) -> Result<OpenVideo, VideoError> {
        let mut video = self.scan_bytes(path, file)?;
        if video.facts.index == IndexMode::Linear {
            match counted {
                Some(frames) => video.recount(frames)?,
                None => self.count(&mut video)?,
            }
        }
        Ok(video)
    }

    /// Like [`Self::open`], but never decodes: the frames of an [`IndexMode::Linear`] video are taken
    /// to be its packets that show a picture.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_for_scan<'a>(&mut self, video: impl Into<Place<'a>>) -> Result<OpenVideo, VideoError> {
        let place = video.into();
        #[cfg(target_os = "linux")]
        if self.child.is_some() {
            return self.open_in_child(place, How::Scan);
        }
        self.scan_bytes(place.path, open_file(place, self.limits.file_bytes)?)
    }

    /// The same of the bytes of a file that is called `path`.
    pub(crate) fn scan_bytes(&self, path: &Path, file: FileBytes) -> Result<OpenVideo, VideoError> {
        initialise()?;
        let opened = self.take_apart(path, file.clone());
        // Whatever was found out from bytes that could not be read says nothing of the film.
        file.check()?;
        opened.map_err(|why| unsupported::named(why, path, &file))
    }

    /// Ranks the frames of a file's video.
    fn take_apart(&self, path: &Path, file: FileBytes) -> Result<OpenVideo, VideoError> {
        // All packets are looked at; what a store takes to give them is no time of the film.
        file.bring(std::iter::once(0..file.length()));
        let deadline = demux::deadline(self.limits.seconds);
        let bytes = file.length();
        let container = recognise(file.slice(0..RECOGNISED).as_ref())
            .filter(|container| !container.is_pictures() || may_be_pictures(path))
            .ok_or(VideoError::UnknownContainer { bytes })?;
        let demuxed = demuxer::demux(file.clone(), container, deadline, self.limits.seconds)?;
        let Demuxed { codec, framing, caps, mut packets, orientation, turns } = demuxed;

        let setup = caps.structure(0).map(demux::setup_of).unwrap_or_default();
        let bodies = packets.iter().map(|packet| packet.buffer(&file).into_mapped_buffer_readable());
        let (mut header, mut coded) = headers::look(codec, framing, &setup, bodies.map(Bytes));
        check_units(&header, container)?;
        let turns = if turns.first.is_some() { turns } else { header.turns };
        let orientation = turned::upright(orientation, turns)?;
        paired::join(&mut packets, &mut coded);
        parts::join(&mut packets, &mut coded)?;
        let mut stamps: Vec<_> = packets.iter().map(|packet| packet.stamp).collect();
        let (mode, places) = order::order(codec, &stamps, &coded);
        let parts = stamps.last().map_or(1, |stamp| stamp.part as usize + 1);
        if mode == IndexMode::Times && parts == 1 {
            header.unrecovered = recovered::hide(&mut packets, &mut stamps, &mut coded, &places);
        }
        if parts > 1 && mode != IndexMode::Times {
            return Err(VideoError::EditList { parts, reason: "the times of its packets are not their own" });
        }
        #[rustfmt::skip]
        let facts = facts::Gathered {
            bytes, container, codec, caps: &caps, orientation, header, mode,
            packets: &packets, stamps: &stamps, places: &places, coded: &coded,
        };
        let (facts, hidden) = facts.facts();
        self.check_size(&facts, header.size)?;
        if facts.frames == 0 {
            return Err(VideoError::NothingShown { packets: facts.packets });
        }
        check_frames(&header, &facts)?;
        let shown = hidden_between(order::shown(&stamps, &places), parts, hidden);
        let index = packet_facts(&coded, &places, !facts.interlaced);
        let (sizes, verified, counted) = Default::default();
        Ok(OpenVideo {
            facts,
            codec,
            caps,
            packets,
            file,
            index,
            hidden,
            shown,
            header,
            sizes,
            verified,
            counted,
            #[cfg(target_os = "linux")]
            in_child: None,
        })
    }

    pub(super) fn check_size(&self, facts: &VideoFacts, coded: Option<(u32, u32)>) -> Result<(), VideoError> {
        // Decoders believe the stream: one whose header was damaged makes of a small film a giant one.
        let container = (facts.width, facts.height);
        if let Some(stream) = coded.filter(|&stream| !is_near(stream, container)) {
            return Err(VideoError::SizesDiffer { stream, container });
        }
        for (width, height) in [Some((facts.width, facts.height)), coded].into_iter().flatten() {
            if u64::from(width) * u64::from(height) > self.limits.pixels {
                return Err(VideoError::PictureTooLarge { width, height, limit: self.limits.pixels });
            }
        }
        Ok(())
    }
}

/// Refuses a packet that a decoder would take a hundred times its memory for.
fn check_units(header: &StreamHeader, container: Container) -> Result<(), VideoError> {
    let reason = |at| format!("packet {at} has more than {MOST_UNITS} units");
    let damaged = |at| VideoError::ContainerDamaged { container: container.name(), reason: reason(at) };
    header.crowded.map_or(Ok(()), |at| Err(damaged(at)))
}

/// Refuses a stream in which a picture is missing that others refer to, or of which the packets do not tell which frames are
/// shown and nobody counts these.
fn check_frames(header: &StreamHeader, facts: &VideoFacts) -> Result<(), VideoError> {
    if let Some(at) = header.gap {
        return Err(VideoError::PacketsMissing { at, packets: facts.packets });
    }
    if header.restarts && facts.index != IndexMode::Linear {
        let codec = "HEVC with the end of a sequence before a clean random-access picture".to_owned();
        return Err(VideoError::UnknownCodec { codec });
    }
    Ok(())
}

/// Whether a file with this name may be a picture, or a folder of them. A picture that is called `film.mp4` is what a
/// server gave in place of a film, and no video.
fn may_be_pictures(path: &Path) -> bool {
    let Some(ending) = path.extension().map(|ending| ending.to_string_lossy().to_lowercase()) else {
        return true;
    };
    PICTURES.contains(&ending.as_str()) || path.is_dir()
}

/// Endings of picture files.
const PICTURES: [&str; 6] = ["jpg", "jpeg", "jpe", "png", "gif", "webp"];

/// Bytes at the beginning of a file by which its container is known.
const RECOGNISED: u64 = 4096;

/// The places of all frames, where an edit list of so many parts hides pictures between them; else nothing. One part
/// hides frames at its ends, unless times are not in the order of the frames.
fn hidden_between(shown: Vec<OutputIndex>, parts: usize, hidden: u32) -> Vec<OutputIndex> {
    let is_behind_hidden = shown.first().is_none_or(|first| first.0 == hidden);
    let follow = || shown.windows(2).all(|pair| pair[0].0 + 1 == pair[1].0);
    if parts == 1 && is_behind_hidden && follow() { Vec::new() } else { shown }
}

/// What a plan needs to know of each packet.
fn packet_facts(coded: &[Coded], places: &[Option<OutputIndex>], may_skip: bool) -> Vec<PacketFact> {
    let fact = |(coded, &place): (&Coded, &Option<OutputIndex>)| PacketFact {
        place,
        start: coded.start,
        disposable: coded.disposable && may_skip,
    };
    coded.iter().zip(places).map(fact).collect()
}

/// Opens a file, of which up to `in_memory` bytes are read at once.
pub(super) fn open_file(place: Place<'_>, in_memory: u64) -> Result<FileBytes, VideoError> {
    system::read(place.path, || FileBytes::open(place, in_memory))?
        .map_err(|cause| VideoError::CannotOpen { path: place.path.to_owned(), cause })
}

/// The bytes of a packet; one that cannot be read has none.
struct Bytes(Result<gst::MappedBuffer<gst::buffer::Readable>, gst::Buffer>);

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], |mapped| mapped.as_slice())
    }
}

/// Whether a coded size may be that of pictures of a size that a container states: whole blocks of up to 64
/// samples, a window in them, and twice the size for what is meant to be shown smaller.
fn is_near((width, height): (u32, u32), (shown_width, shown_height): (u32, u32)) -> bool {
    let near = |coded: u32, shown: u32| shown == 0 || coded / 2 <= shown.saturating_add(64);
    near(width, shown_width) && near(height, shown_height)
}

/// Initialises GStreamer once a process.
pub(crate) fn initialise() -> Result<(), VideoError> {
    static ONCE: Once = Once::new();
    let mut result = Ok(());
    ONCE.call_once(|| result = gst::init());
    result.map_err(|_| VideoError::ElementMissing { element: "gstreamer" })
}
