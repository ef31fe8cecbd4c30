//! MP4 and QuickTime (ISO 14496-12, QTFF): the packets of the film, from the file's own tables.
//!
//! ```text
//! layout     where the boxes at the top lie
//! movie      the tracks, and which may be the film
//! tables ─┐
//! fragments ─▶ samples ─▶ edit list ─▶ packets: places in the file, with their times
//! entry      codec and configuration ─▶ caps
//! matrix     how pictures are turned
//! ```
//!
//! Which samples, in which order and at which times is what FFmpeg 8 makes of the same tables (`mov.c`). Everything
//! is a function of the bytes, with limits on memory and time; nothing recurses.
//!
//! A window that a `clap` box cuts out of pictures is left alone: FFmpeg's libraries export it since version 7.1
//! and do not apply it, only its command does since that version, when it is not told otherwise.

mod boxes;
mod caps;
mod clock;
mod compressed;
mod edit_list;
mod entry;
mod fault;
mod fragments;
mod layout;
mod matrix;
mod movie;
mod sample_descriptions;
mod samples;
mod tables;
#[cfg(test)]
mod test_films;
#[cfg(test)]
mod tests;
mod timing;

use std::{collections::BTreeMap, time::Instant};

use bytes::Bytes;

use self::{
    clock::Clock,
    edit_list::Used,
    entry::{Entry, name_of},
    fault::damaged,
    fragments::{Collector, Defaults},
    layout::Layout,
    movie::Candidate,
    samples::{Sample, most_samples},
    tables::Track,
    timing::Timing,
};
use super::{Body, Demuxed, Packet, allowance::Allowance, framing_of};
use crate::{
    codec::{bits::Framing, sei::Turns},
    error::VideoError,
    file::{Container, FileBytes},
    heartbeat,
    plan::order::Stamp,
};

/// Takes the video out of an MP4 file, until `deadline`.
pub(super) fn demux(file: &FileBytes, deadline: Instant, seconds: u32) -> Result<Demuxed, VideoError> {
    let clock = Clock::until(deadline, seconds);
    let layout = Layout::of(file, &clock)?;
    let inflated = compressed::inflated(layout.movie.as_ref())?;
    let movie = match &inflated {
        Some(inflated) => boxes::child(inflated, b"moov").map_or(&[][..], |movie| movie.body),
        None => layout.movie.as_ref(),
    };
    let defaults = Defaults::of(movie);
    // Nothing where a track has no samples.
    let film_of = |candidate: &Candidate<'_>| -> Result<Option<Demuxed>, VideoError> {
        let samples = Samples::of(candidate, file, &layout, &defaults, &clock)?;
        if samples.track.samples.is_empty() && samples.fragments.is_empty() {
            return Ok(None);
        }
        heartbeat::step();
        film(candidate, &samples, file, &clock).map(Some)
    };
    let mut film_of_png = None;
    for candidate in movie::candidates(movie) {
        let candidate = candidate?;
        if candidate.is_png {
            // One picture is the cover; more are the film where there is no other.
            film_of_png = film_of_png.or((candidate.stated_samples() > 1).then_some(candidate));
            continue;
        }
        if let Some(found) = film_of(&candidate)? {
            return Ok(found);
        }
    }
    let film_of_png = film_of_png.as_ref().map(film_of);
    let none = VideoError::NoVideoStream { container: Container::Mp4.name() };
    film_of_png.transpose()?.flatten().ok_or(none)
}

/// The samples of a track: those of its tables, put together by its edit list, and those of fragments behind.
struct Samples {
    track: Track,
    /// Which of the track's are used; nothing where all are, one after the other.
    edited: Option<Vec<Used>>,
    fragments: Vec<Sample>,
}

impl Samples {
    fn of(
        candidate: &Candidate<'_>,
        file: &FileBytes,
        layout: &Layout,
        defaults: &BTreeMap<u32, Defaults>,
        clock: &Clock,
    ) -> Result<Self, VideoError> {
        let descriptions = candidate.entries.len() as u16;
        let track = Track::read(candidate.tables, descriptions, file.length(), clock)?;
        let edits = &candidate.edits;
        // As FFmpeg does: fragments have no more of the list than where the film begins.
        let follows = track.has_times && !candidate.is_behind_fragments && !track.is_overrun;
        let follows = follows && !edits.edits.is_empty() && !track.samples.is_empty();
        let (mut edited, mut last) = (None, track.samples.last().map(|sample| sample.decoded - track.shift));
        if follows {
            let film = edits.follow(
                &track.samples,
                (track.reorders, track.shift),
                most_samples(file.length()),
                clock,
            )?;
            (edited, last) = (Some(film.used), film.last_decoded);
        } else {
            last = last.map(|last| last.saturating_sub(edits.begins()));
        }
        let mut collector = Collector::new(
            candidate.id,
            defaults,
            descriptions,
            edits.begins(),
            (last, track.end),
            file.length(),
            clock,
        );
        collector.collect(file, layout, edits.scale)?;
        Ok(Self { track, edited, fragments: collector.samples })
    }

    /// Those of the film in the order in which they are decoded, with their times.
    fn film<'a>(&'a self, timing: &Timing<'_>) -> Vec<(&'a Sample, Stamp)> {
        let all = &self.track.samples;
        let mut film: Vec<_> = match &self.edited {
            Some(used) => {
                let edited = |used: &Used| (&all[used.sample], timing.edited(&all[used.sample], used));
                used.iter().map(edited).collect()
            }
            None => all.iter().map(|sample| (sample, timing.moved(sample))).collect(),
        };
        let part = film.last().map_or(0, |(_, stamp)| stamp.part);
        let in_fragments =
            self.fragments.iter().map(|sample| (sample, Stamp { part, ..timing.of_fragment(sample) }));
        film.extend(in_fragments);
        film
    }
}

/// The film of a track.
fn film(
    candidate: &Candidate<'_>,
    samples: &Samples,
    file: &FileBytes,
    clock: &Clock,
) -> Result<Demuxed, VideoError> {
    let timing = Timing { edits: &candidate.edits, begins: candidate.edits.begins() };
    let film = samples.film(&timing);
    check_data(&film, file)?;
    let entry = one_entry(candidate, &film)?;
    let shown = caps::Shown { size: candidate.size, ..span(&film, candidate.edits.scale) };
    let Some((codec, caps)) = caps::caps(entry, shown) else {
        return Err(VideoError::UnknownCodec { codec: name_of(&entry.format) });
    };
    let orientation =
        matrix::orientation(&candidate.matrix).map_err(|degrees| VideoError::OddTurn { degrees })?;
    clock.tick()?;
    let framing = caps.structure(0).map_or(Framing::StartCodes, framing_of);
    let sets = parameter_sets(candidate, entry, &film, framing)?;
    // Samples without bytes show nothing.
    let packets = film.into_iter().filter(|(sample, _)| sample.length > 0);
    let mut allowance = Allowance::of(file.length());
    let packet = |(sample, stamp): (&Sample, Stamp)| {
        let &Sample { place, length, .. } = sample;
        let body = match sets.get(usize::from(sample.entry)) {
            Some(sets) => Body::Headed { head: sets.clone(), place, length },
            None => Body::OnDisk { place, length },
        };
        let too_much = |what| damaged(format!("{what} would take much more memory than the file has bytes"));
        allowance.take(body.length().into()).map_err(too_much)?;
        Ok(Packet { body, stamp, key: sample.key })
    };
    let packets: Vec<_> = packets.map(packet).collect::<Result<_, VideoError>>()?;
    if packets.is_empty() {
        let all = samples.track.samples.len() + samples.fragments.len();
        return Err(VideoError::NothingShown { packets: all as u32 });
    }
    Ok(Demuxed { codec, framing, caps, packets, orientation, turns: Turns::default() })
}

/// How many samples there are and how long they last, but for the last.
fn span(samples: &[(&Sample, Stamp)], scale: u32) -> caps::Shown {
    let ticks: u128 = samples.iter().rev().skip(1).map(|(sample, _)| u128::from(sample.duration)).sum();
    let span = u64::try_from(ticks * 1_000_000_000 / u128::from(scale.max(1))).unwrap_or(0);
    caps::Shown { samples: samples.len() as u64, span, ..caps::Shown::default() }
}

/// Checks that the file has the bytes of all samples that are used.
fn check_data(samples: &[(&Sample, Stamp)], file: &FileBytes) -> Result<(), VideoError> {
    let missing = samples.iter().filter(|(sample, _)| sample.bytes().end > file.length()).count();
    if missing == 0 {
        return Ok(());
    }
    let all = samples.len();
    Err(VideoError::Truncated { reason: format!("it ends before the data of {missing} of {all} packets") })
}

/// The first sample entry of a film; an error where another one is of another codec or size.
fn one_entry<'a>(
    candidate: &'a Candidate<'_>,
    samples: &[(&Sample, Stamp)],
) -> Result<&'a Entry, VideoError> {
    let entry_of = |(sample, _): &(&Sample, Stamp)| candidate.entries.get(usize::from(sample.entry));
    let Some(first) = samples.first().and_then(entry_of) else {
        return Err(damaged("its video has no sample description"));
    };
    for (at, entry) in samples.iter().filter_map(entry_of).enumerate() {
        if matches!(&entry.format, b"encv" | b"drmi") {
            return Err(VideoError::Encrypted);
        }
        if entry.is_like(first) {
            continue;
        }
        if entry.media.is_none() || entry.media != first.media {
            return Err(VideoError::CodecChanged { packets: at as u32 });
        }
        return Err(VideoError::CapsChanged { before: first.described(), after: entry.described() });
    }
    candidate.check_references()?;
    if candidate.is_elsewhere(first) {
        return Err(damaged("the samples of its video are in another file"));
    }
    Ok(first)
}

/// The parameter sets of every entry, where samples have entries with others than the first; else nothing.
fn parameter_sets(
    candidate: &Candidate<'_>,
    first: &Entry,
    samples: &[(&Sample, Stamp)],
    framing: Framing,
) -> Result<Vec<Bytes>, VideoError> {
    let mut used = vec![false; candidate.entries.len()];
    for (sample, _) in samples {
        if let Some(used) = used.get_mut(usize::from(sample.entry)) {
            *used = true;
        }
    }
    let entries = || candidate.entries.iter().zip(&used);
    if entries().all(|(entry, used)| !used || entry.setup == first.setup) {
        return Ok(Vec::new());
    }
    let sets_of = |(entry, used): (&Entry, &bool)| {
        let sets = if *used { sample_descriptions::parameter_sets(entry, framing) } else { Some(Vec::new()) };
        sets.map(Bytes::from)
    };
    let sets = entries().map(sets_of).collect();
    let changed = || VideoError::CapsChanged {
        before: first.described(),
        after: "another configuration of its decoder".to_owned(),
    };
    Option::ok_or_else(sets, changed)
}

/// An edit list, followed over samples that the same bytes say.
#[cfg(any(test, feature = "fuzz"))]
pub(super) fn fuzz_edit_list(bytes: &[u8]) {
    let clock = Clock::until(Instant::now() + std::time::Duration::from_secs(10), 10);
    let Ok(edits) = edit_list::EditList::read(bytes) else { return };
    let word = |at: usize| {
        bytes.get(4 * at..).and_then(|word| word.first_chunk()).map_or(0, |&word| i32::from_be_bytes(word))
    };
    let sample = |at: usize| Sample {
        decoded: 512 * at as i64,
        offset: word(at),
        key: word(at) % 3 == 0,
        ..Sample::default()
    };
    let samples: Vec<_> = (0..40).map(sample).collect();
    let list =
        edit_list::EditList { edits, scale: word(3).unsigned_abs(), movie_scale: word(5).unsigned_abs() };
    let _ = (list.begins(), list.follow(&samples, (word(7) > 0, word(9).into()), 1000, &clock));
}
