//! The top of a file: headers, segments, what stands in them, and in which order it is read.
//!
//! ```text
//! EBML header │ Segment: SeekHead  Info  Tracks  Cluster  Cluster …  Cues │ EBML header │ Segment …
//! ```
//!
//! A first look goes on to the tracks, which count before the clusters, or where the SeekHead says that they stand;
//! the second takes the clusters. No place is ever jumped to: everything is read in the order of the file. Segments
//! that follow each other, as services of live video write them, are one film where their tracks are the same, and so
//! are elements somewhere behind the end of a segment, as with FFmpeg.

use super::{
    clusters::{Found, Making},
    element::{Element, Reader},
    fault::Fault,
    ids, metadata,
    tracks::Tracks,
};

/// Nanoseconds of a tick where a file does not say.
const USUAL_SCALE: u64 = 1_000_000;

/// The longest tick: two seconds, which a time base of FFmpeg can hold.
const MOST_SCALE: u64 = i32::MAX as u64;

/// A segment's body: where it begins, and where it ends, if that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    body: u64,
    end: Option<u64>,
}

impl Segment {
    /// One of size 0, as writers leave it that cannot go back, is one of unknown size.
    fn of(element: &Element) -> Self {
        Self { body: element.body, end: element.end().filter(|&end| end > element.body) }
    }

    /// The first segment of a file; nothing where there is none.
    pub(super) fn first(reader: &mut Reader<'_>) -> Result<Option<Self>, Fault> {
        let mut at = 0;
        while at < reader.length() {
            let element = reader.element(at, None)?;
            match element.id {
                ids::SEGMENT => return Ok(Some(Self::of(&element))),
                ids::EBML => check_header(reader, &element)?,
                _ => {}
            }
            at = element.end().ok_or(without_size(at))?;
        }
        Ok(None)
    }

    /// What follows at the end of a segment; nothing where no more is read.
    fn behind(reader: &mut Reader<'_>, at: u64) -> Result<Option<Self>, Fault> {
        let id = |bytes: &[u8]| bytes.first_chunk().map(|&id| u32::from_be_bytes(id));
        match id(reader.bytes(at, 4)) {
            Some(ids::EBML) => {
                let header = reader.element(at, None)?;
                check_header(reader, &header)?;
                let at = header.end().ok_or(without_size(at))?;
                let next = reader.element(at, None)?;
                if next.id != ids::SEGMENT {
                    return Err(Fault::Broken { at, what: "follows a header and is no segment" });
                }
                Ok(Some(Self::of(&next)))
            }
            Some(ids::SEGMENT) => Ok(Some(Self::of(&reader.element(at, None)?))),
            _ => Ok(lost_element(reader, at)?.map(|body| Self { body, end: None })),
        }
    }
}

fn without_size(at: u64) -> Fault {
    Fault::Broken { at, what: "has no size" }
}

/// Bytes behind a segment that are searched at a time.
const SEARCHED: u64 = 1 << 16;

/// Where, from `at` on, an element begins at which FFmpeg would go on to read.
fn lost_element(reader: &mut Reader<'_>, mut at: u64) -> Result<Option<u64>, Fault> {
    while at < reader.length() {
        reader.check_time()?;
        let bytes = reader.bytes(at, SEARCHED + 3);
        let is_one = |id: &[u8]| id.try_into().is_ok_and(|id| ids::is_resumed_at(u32::from_be_bytes(id)));
        if let Some(found) = bytes.windows(4).position(is_one) {
            return Ok(Some(at + found as u64));
        }
        at += SEARCHED;
    }
    Ok(None)
}

/// The latest versions that are read.
const EBML_VERSION: u64 = 1;
const MATROSKA_VERSION: u64 = 3;

/// Checks that a header asks for nothing that is not read. Its name of the format does not matter, as with FFmpeg.
fn check_header(reader: &mut Reader<'_>, header: &Element) -> Result<(), Fault> {
    let mut fields = header.children();
    while let Some(field) = fields.next(reader)? {
        let (of, latest) = match field.id {
            ids::EBML_READ_VERSION => ("EBML", EBML_VERSION),
            ids::DOC_TYPE_READ_VERSION => ("Matroska", MATROSKA_VERSION),
            ids::EBML_MAX_ID_LENGTH => ("EBML, with longer identifiers,", 4),
            ids::EBML_MAX_SIZE_LENGTH => ("EBML, with longer sizes,", 8),
            _ => continue,
        };
        if let Some(version) = reader.unsigned(&field)?.filter(|&version| version > latest) {
            return Err(Fault::Newer { of, version });
        }
    }
    Ok(())
}

/// What must be known before the blocks.
#[derive(Clone, Debug)]
pub(super) struct Head {
    /// Nanoseconds of a tick.
    pub tick: u64,
    pub tracks: Tracks,
    segment: Segment,
    /// Where the first cluster stands, if there is one.
    first_cluster: Option<u64>,
}

impl Head {
    /// Reads a segment until its tracks and its ticks are known and a cluster comes, or to its end.
    pub(super) fn read(reader: &mut Reader<'_>, segment: Segment) -> Result<Self, Fault> {
        let (mut tick, mut tracks, mut first_cluster) = (None, None, None);
        let mut promised = Vec::new();
        let mut at = segment.body;
        while at < segment.end.unwrap_or(reader.length()) {
            let element = reader.element(at, segment.end)?;
            if ends_segment(&element, segment)? {
                break;
            }
            match element.id {
                ids::INFO => {
                    let found = tick_of(reader, &element)?;
                    if *tick.get_or_insert(found) != found {
                        return Err(Fault::Broken { at, what: "gives times another scale" });
                    }
                }
                ids::SEEK_HEAD if first_cluster.is_none() => {
                    promised.extend(places_of_tracks(reader, &element)?);
                    promised.truncate(MOST_PLACES);
                }
                ids::TRACKS if first_cluster.is_none() || promised.contains(&(at - segment.body)) => {
                    let found = Tracks::read(reader, &element)?;
                    if tracks.as_ref().is_some_and(|tracks| *tracks != found) {
                        return Err(Fault::Broken { at, what: "has other tracks than the one before" });
                    }
                    tracks = Some(found);
                }
                ids::CLUSTER => {
                    first_cluster.get_or_insert(at);
                    if tick.is_some() && tracks.is_some() {
                        break;
                    }
                }
                _ => metadata::check(reader, &element)?,
            }
            at = match element.end() {
                None if element.id == ids::CLUSTER => end_of_cluster(reader, &element)?,
                end => end.ok_or(without_size(at))?,
            };
        }
        let tick = tick.filter(|&tick| tick > 0).unwrap_or(USUAL_SCALE);
        let tracks = tracks.unwrap_or_default();
        Ok(Self { tick, tracks, segment, first_cluster })
    }

    /// Takes the packets of all clusters of the film.
    pub(super) fn take_clusters(
        &self,
        reader: &mut Reader<'_>,
        making: Making<'_>,
        found: &mut Found,
    ) -> Result<(), Fault> {
        let Some(mut at) = self.first_cluster else { return Ok(()) };
        let mut segment = self.segment;
        loop {
            let end = segment.end.unwrap_or(reader.length());
            let element = if at < end { Some(reader.element(at, segment.end)?) } else { None };
            let element = match element {
                Some(element) if !ends_segment(&element, segment)? => element,
                _ if at >= reader.length() => return Ok(()),
                _ => {
                    let Some(next) = Segment::behind(reader, at)? else { return Ok(()) };
                    segment = next;
                    at = segment.body;
                    continue;
                }
            };
            at = match element.id {
                ids::CLUSTER => found.take_cluster(reader, &element, making)?,
                ids::TRACKS if Tracks::read(reader, &element)? != self.tracks => {
                    return Err(Fault::OtherTracks { packets: found.packets.len() as u32 });
                }
                _ => {
                    metadata::check(reader, &element)?;
                    element.end().ok_or(without_size(at))?
                }
            };
        }
    }
}

/// Whether a segment of unknown size ends before an element. One that belongs into none is damage.
fn ends_segment(element: &Element, segment: Segment) -> Result<bool, Fault> {
    match element.id {
        ids::EBML | ids::SEGMENT if segment.end.is_none() => Ok(true),
        id if ids::is_of_segment(id) => Ok(false),
        _ => Err(Fault::Broken { at: element.at, what: "is none that a segment may have" }),
    }
}

/// Where a cluster of unknown size ends.
fn end_of_cluster(reader: &mut Reader<'_>, cluster: &Element) -> Result<u64, Fault> {
    let mut at = cluster.body;
    while at < reader.length() {
        let element = reader.element(at, None)?;
        if ids::ends_cluster(element.id) {
            break;
        }
        at = element.end().ok_or(without_size(at))?;
    }
    Ok(at)
}

/// Places of tracks that are taken of a SeekHead: more than any has.
const MOST_PLACES: usize = 16;

/// Where a SeekHead says that tracks stand, counted from the body of the segment.
fn places_of_tracks(reader: &mut Reader<'_>, head: &Element) -> Result<Vec<u64>, Fault> {
    let mut places = Vec::new();
    let mut entries = head.children();
    while let Some(entry) = entries.next(reader)? {
        // Voids and sums may stand beside the entries.
        if entry.id != ids::SEEK {
            continue;
        }
        let (mut id, mut place) = (None, None);
        let mut fields = entry.children();
        while let Some(field) = fields.next(reader)? {
            match field.id {
                ids::SEEK_ID => id = reader.unsigned(&field)?,
                ids::SEEK_POSITION => place = reader.unsigned(&field)?,
                _ => {}
            }
        }
        if id == Some(ids::TRACKS.into()) && places.len() < MOST_PLACES {
            places.extend(place);
        }
    }
    Ok(places)
}

/// The scale of times that an `Info` element gives.
fn tick_of(reader: &mut Reader<'_>, info: &Element) -> Result<u64, Fault> {
    let mut tick = USUAL_SCALE;
    let mut fields = info.children();
    while let Some(field) = fields.next(reader)? {
        if field.id == ids::TIMESTAMP_SCALE {
            tick = reader.unsigned(&field)?.unwrap_or(USUAL_SCALE);
            if tick > MOST_SCALE {
                return Err(Fault::Broken { at: field.at, what: "gives times a scale of seconds" });
            }
        }
    }
    Ok(tick)
}
