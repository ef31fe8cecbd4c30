//! The tracks of a movie (`moov`, ISO 14496-12, 8.2 to 8.4), and which of them is the film.

use std::collections::BTreeSet;

use super::{
    boxes::{Fields, child, children, descend, number},
    edit_list::{Edit, EditList},
    entry::Entry,
    fault::damaged,
    matrix::{self, Matrix},
};
use crate::error::VideoError;

/// A track that may be the film.
#[derive(Clone, Debug)]
pub(super) struct Candidate<'a> {
    pub id: u32,
    /// The matrices of track and movie.
    pub matrix: Matrix,
    /// Columns and rows at which it is shown, or 0.
    pub size: (u32, u32),
    pub edits: EditList,
    pub entries: Vec<Entry>,
    /// The body of its `stbl` box.
    pub tables: &'a [u8],
    /// The body of its `dref` box.
    pub references: &'a [u8],
    /// A track before it has no samples in tables: FFmpeg then follows no edit list.
    pub is_behind_fragments: bool,
    /// It holds pictures of PNG: with one, the cover.
    pub is_png: bool,
}

/// Bytes of the smallest reference in a `dref` box.
const SMALLEST_REFERENCE: usize = 12;

/// Tracks of video that are looked into; each is looked for in all fragments.
const MOST_CANDIDATES: usize = 64;

/// Tracks of chapters that a track may name.
const MOST_CHAPTERS: usize = 64;

/// What a movie header says.
#[derive(Clone, Copy, Debug, Default)]
struct MovieHeader {
    scale: u32,
    matrix: Matrix,
}

/// The tracks of a movie that may be the film, in the order of the file: those of video, except pictures of
/// chapters.
pub(super) fn candidates(movie: &[u8]) -> impl Iterator<Item = Result<Candidate<'_>, VideoError>> {
    let header = child(movie, b"mvhd").and_then(|header| movie_header(header.body)).unwrap_or_default();
    let tracks = || children(movie).filter(|child| child.kind == *b"trak").map(|track| track.body);
    let of_chapters: BTreeSet<u32> = tracks().flat_map(chapters).collect();
    let mut has_fragments_before = false;
    let all = tracks().filter_map(move |track| {
        let is_behind_fragments = has_fragments_before;
        has_fragments_before |= has_no_times(track);
        let candidate = candidate(track, header, is_behind_fragments)?;
        let is_of_chapters = candidate.as_ref().is_ok_and(|track| of_chapters.contains(&track.id));
        (!is_of_chapters).then_some(candidate)
    });
    all.take(MOST_CANDIDATES)
}

fn movie_header(body: &[u8]) -> Option<MovieHeader> {
    let mut fields = Fields(body);
    let (version, _) = fields.version()?;
    fields.skip(if version == 1 { 16 } else { 8 })?;
    let scale = fields.word()?;
    fields.skip(if version == 1 { 8 } else { 4 })?;
    fields.skip(4 + 2 + 10)?;
    Some(MovieHeader { scale, matrix: matrix::read(&mut fields)? })
}

/// Numbers of the tracks that hold the chapters of this one.
fn chapters(track: &[u8]) -> Vec<u32> {
    let list = descend(track, &[b"tref", b"chap"]).unwrap_or_default();
    let mut fields = Fields(list);
    std::iter::from_fn(|| fields.word()).take(MOST_CHAPTERS).collect()
}

/// Whether a track has no sample of its own, as where samples are in fragments.
fn has_no_times(track: &[u8]) -> bool {
    let times = descend(track, &[b"mdia", b"minf", b"stbl", b"stts"]);
    times.and_then(|times| times.get(4..8)).is_none_or(|count| count == [0; 4])
}

/// The track as a candidate; nothing where it is no video.
fn candidate<'a>(
    track: &'a [u8],
    header: MovieHeader,
    is_behind_fragments: bool,
) -> Option<Result<Candidate<'a>, VideoError>> {
    let media = child(track, b"mdia")?.body;
    let handler = child(media, b"hdlr").and_then(|handler| handler.body.get(8..12))?;
    let tables = descend(media, &[b"minf", b"stbl"]).unwrap_or_default();
    let entries = match child(tables, b"stsd") {
        Some(entries) if entries.is_cut && handler == b"vide" => {
            let reason = "its sample descriptions are not whole".to_owned();
            return Some(Err(VideoError::Truncated { reason }));
        }
        Some(entries) => Entry::read_all(entries.body),
        None => Ok(Vec::new()),
    };
    let entries = match entries {
        Ok(entries) => entries,
        Err(error) => return (handler == b"vide").then_some(Err(error)),
    };
    let is_video = match handler {
        b"vide" => true,
        b"soun" | b"subp" | b"clcp" | b"text" | b"sbtl" | b"meta" | b"hint" => false,
        // Others are what their format says: sequences of images are `pict`.
        _ => entries.first().is_some_and(|entry| entry.media.is_some()),
    };
    is_video.then(|| read(track, media, tables, entries, header, is_behind_fragments))
}

fn read<'a>(
    track: &'a [u8],
    media: &'a [u8],
    tables: &'a [u8],
    entries: Vec<Entry>,
    header: MovieHeader,
    is_behind_fragments: bool,
) -> Result<Candidate<'a>, VideoError> {
    let (id, own, size) =
        child(track, b"tkhd").and_then(|header| track_header(header.body)).unwrap_or_default();
    let scale = scale_of(child(media, b"mdhd").map_or(&[][..], |header| header.body))?;
    let mut edits: Vec<Edit> = Vec::new();
    for list in children(track).filter(|child| child.kind == *b"edts") {
        for list in children(list.body).filter(|child| child.kind == *b"elst") {
            edits = EditList::read(list.body)?;
        }
    }
    let is_png = entries.first().is_some_and(|entry| entry.format == *b"png ");
    Ok(Candidate {
        id,
        matrix: matrix::product(&own, &header.matrix),
        size,
        edits: EditList { edits, scale, movie_scale: header.scale },
        entries,
        tables,
        references: descend(media, &[b"minf", b"dinf", b"dref"]).unwrap_or_default(),
        is_behind_fragments,
        is_png,
    })
}

/// Number, matrix and size of a track by the body of its header.
fn track_header(body: &[u8]) -> Option<(u32, Matrix, (u32, u32))> {
    let mut fields = Fields(body);
    let (version, _) = fields.version()?;
    fields.skip(if version == 1 { 16 } else { 8 })?;
    let id = fields.word()?;
    fields.skip(if version == 1 { 12 } else { 8 })?;
    fields.skip(8 + 8)?;
    let matrix = matrix::read(&mut fields)?;
    // 16.16 bits.
    Some((id, matrix, (fields.word()? >> 16, fields.word()? >> 16)))
}

/// Ticks a second by the body of a media header.
fn scale_of(body: &[u8]) -> Result<u32, VideoError> {
    let mut fields = Fields(body);
    let version = fields.version().map_or(0, |(version, _)| version);
    if version > 1 {
        return Err(damaged(format!("a media header is of version {version}")));
    }
    let scale = fields.skip(if version == 1 { 16 } else { 8 }).and_then(|()| fields.word());
    match scale {
        Some(scale) if scale > 0 && scale <= i32::MAX as u32 => Ok(scale),
        Some(scale) => Err(damaged(format!("its video has {scale} ticks a second"))),
        None => Err(damaged("its video has no media header")),
    }
}

impl Candidate<'_> {
    /// How many samples its tables state.
    pub fn stated_samples(&self) -> u64 {
        child(self.tables, b"stsz").and_then(|sizes| sizes.body.get(8..12)).map_or(0, number)
    }

    /// Refuses a number of references to data that their box cannot hold, as FFmpeg does (`mov_read_dref`).
    pub fn check_references(&self) -> Result<(), VideoError> {
        let mut fields = Fields(self.references);
        let Some(count) = fields.skip(4).and_then(|()| fields.word()) else { return Ok(()) };
        let most = (self.references.len() - 1) / SMALLEST_REFERENCE + 1;
        if count == 0 || count as usize > most {
            return Err(damaged(format!("it has {count} references to data in a box for {most}")));
        }
        Ok(())
    }

    /// Whether the samples of an entry are in another file, which is not looked for: an alias with a path
    /// (QuickTime). Addresses FFmpeg does not follow either, and takes the samples to be in the file itself.
    pub fn is_elsewhere(&self, entry: &Entry) -> bool {
        let all = children(self.references.get(8..).unwrap_or_default());
        let own = all.enumerate().find(|(at, _)| at + 1 == usize::from(entry.reference));
        own.is_some_and(|(_, alias)| alias.kind == *b"alis" && has_path(alias.body))
    }
}

/// Whether the body of an `alis` box has an absolute path, which is number 2 of the records at its end.
fn has_path(alias: &[u8]) -> bool {
    // Version and flags, and what aliases of the Macintosh begin with: volume, name and levels.
    const FIXED: usize = 4 + 150;
    const PATH: u16 = 2;
    const END: u16 = 0xffff;
    let mut fields = Fields(alias.get(FIXED..).unwrap_or_default());
    while let Some((number, length)) = fields.short().zip(fields.short()) {
        match number {
            PATH => return true,
            END => return false,
            _ if fields.skip(usize::from(length).next_multiple_of(2)).is_none() => return false,
            _ => {}
        }
    }
    false
}
