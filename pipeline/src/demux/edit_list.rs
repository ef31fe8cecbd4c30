//! Edit lists of MP4 (ISO 14496-12, 8.6.6), followed as FFmpeg follows them.
//!
//! An edit list puts the film together from parts of the track. Demuxers of GStreamer end a part at the length
//! that its track states, which loses its last frames where pictures are reordered. So the list is hidden from
//! them ([`Movie::patches`]): they give every packet of the track, and [`Movie::cut`] does what the list says.
//!
//! ```text
//! track      I0 p b b I4 p b b I8 p b b        edits: from 5 on, for 3 frames; from 0 on, for 2
//! packets    I4 p b b I8 p b b │ I0 p b b …    each part from a key frame on to the second behind its end
//! shown       ·  5 6 7  ·  · · · │ 0  1 · ·
//! ```
//!
//! What is before or behind its part is decoded, since others may need it, and never shown.

use super::{
    Packet,
    boxes::{self, child, children, descend, number},
};
use crate::{StreamTime, file::FileBytes, plan::order::Stamp};

/// Packets of all parts together; a list that takes more repeats its track without end.
const MOST_USED: usize = 1 << 22;

/// One part of an edit list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Edit {
    /// In ticks of the movie.
    length: u64,
    /// First tick of the track; -1 where nothing is shown.
    start: i64,
}

/// Bytes of a file that are hidden from its demuxer, and what it sees in their place.
pub(super) type Patch = (u64, Vec<u8>);

/// What an MP4 file says of the times of its first video track.
#[derive(Clone, Debug, Default)]
pub(super) struct Movie {
    /// Bytes that hide the edit lists, and lengths that lie.
    pub patches: Vec<Patch>,
    /// Ticks of the track, and of the movie, a second.
    scale: u64,
    movie_scale: u64,
    edits: Vec<Edit>,
    /// Samples are presented in another order than they are decoded.
    reorders: bool,
    /// Ticks that demuxers add to presentation times, so that none is before its decoding time.
    shift: i64,
    /// The samples are in fragments: FFmpeg then takes no more of the list than where the film begins.
    fragmented: bool,
    /// The version of a media header that nobody has defined, so that its times cannot be read.
    pub unknown_version: Option<u8>,
}

/// When a packet is decoded and presented, in ticks of its track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sample {
    decoded: i64,
    presented: i64,
    key: bool,
}

/// A packet of the film that an edit list puts together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Used {
    /// Which of the track's.
    sample: usize,
    /// Number of its part.
    part: u32,
    /// Where its part begins in the film, in ticks of the movie.
    begins: u64,
    /// The tick of the track that its part begins with.
    start: i64,
    /// It is presented before its part, or behind it.
    hidden: bool,
    behind: bool,
}

impl Movie {
    /// Reads the movie box of a file; nothing is known where there is none.
    pub(super) fn of(file: &FileBytes) -> Self {
        let Some((place, movie)) = boxes::find(file, *b"moov") else { return Self::default() };
        Self::read(movie.as_ref(), place).unwrap_or_default()
    }

    fn read(movie: &[u8], place: u64) -> Option<Self> {
        let movie_header = child(movie, b"mvhd")?;
        let mut found = Self { movie_scale: scale_of(movie_header.body)?, ..Self::default() };
        let mut first = None;
        for track in children(movie).filter(|child| child.kind == *b"trak") {
            found.fragmented |= first.is_none() && has_no_samples(track.body);
            let version = descend(track.body, &[b"mdia", b"mdhd"]).and_then(|header| header.first());
            found.unknown_version = found.unknown_version.or(version.copied().filter(|&version| version > 1));
            if !is_video(track.body) {
                continue;
            }
            if let Some(edits) = child(track.body, b"edts") {
                let kind = (track.place + edits.place - 4) as u64;
                found.patches.push((place + kind, b"free".to_vec()));
            }
            if !is_still(track.body) {
                first.get_or_insert(track);
            }
        }
        let track = first?;
        let media = child(track.body, b"mdia")?;
        let header = child(media.body, b"mdhd")?;
        found.scale = scale_of(header.body)?;
        let offsets = descend(media.body, &[b"minf", b"stbl", b"ctts"]).and_then(|offsets| offsets.get(8..));
        let offsets = offsets.unwrap_or_default().chunks_exact(8).map(|run| number(&run[4..]) as u32 as i32);
        found.reorders = offsets.len() > 0;
        found.shift = -offsets.map(i64::from).min().unwrap_or(0).min(0);
        let length = length_of(descend(media.body, &[b"minf", b"stbl", b"stts"]).unwrap_or_default());
        if let (Some(length), true) = (length, found.scale > 0) {
            let length = length.saturating_add(found.shift as u64);
            // Of a movie that is much longer than its track, demuxers take the track for a still picture.
            let movie_length =
                u128::from(length) * u128::from(found.movie_scale) / u128::from(found.scale) + 1;
            let movie_length = u64::try_from(movie_length).unwrap_or(u64::MAX);
            let header_at = place + (track.place + media.place + header.place) as u64;
            found.patches.push(length_in(header_at, header.body, length));
            found.patches.push(length_in(place + movie_header.place as u64, movie_header.body, movie_length));
        }
        found.edits = edits_of(descend(track.body, &[b"edts", b"elst"]).unwrap_or_default());
        Some(found)
    }

    /// Parts that show anything.
    pub(super) fn parts(&self) -> usize {
        if self.fragmented { 1 } else { self.edits.iter().filter(|edit| edit.start != -1).count() }
    }

    /// The packets of the film in the order in which they are decoded, with its times. `packets` are all of
    /// the track, with times since `origin`, in ns. Nothing when the list repeats them without end.
    pub(super) fn cut(&self, packets: Vec<Packet>, origin: i64) -> Option<Vec<Packet>> {
        if self.scale == 0 || self.movie_scale == 0 || self.edits.is_empty() {
            return Some(packets);
        }
        if self.fragmented {
            return Some(self.moved(packets));
        }
        let Some(samples) =
            packets.iter().map(|packet| self.sample(packet, origin)).collect::<Option<Vec<_>>>()
        else {
            return Some(packets);
        };
        let used = self.follow(&samples)?;
        let film = used.into_iter().map(|used| {
            let Packet { body, stamp, key } = packets[used.sample].clone();
            let begins = nanoseconds(used.begins.into(), self.movie_scale);
            let sample = samples[used.sample];
            let time = |tick: i64| {
                StreamTime(
                    begins.saturating_add(nanoseconds(i128::from(tick) - i128::from(used.start), self.scale)),
                )
            };
            let Used { part, hidden, behind, .. } = used;
            let (pts, dts) = (Some(time(sample.presented)), Some(time(sample.decoded)));
            Packet { body, stamp: Stamp { pts, dts, part, hidden, behind, ..stamp }, key }
        });
        Some(film.collect())
    }

    /// All packets, with the film beginning where the list says.
    fn moved(&self, mut packets: Vec<Packet>) -> Vec<Packet> {
        let empty = self.edits.first().filter(|edit| edit.start == -1).map_or(0, |edit| edit.length);
        let start = self.edits.iter().take(2).find(|edit| edit.start >= 0).map_or(0, |edit| edit.start);
        let by =
            nanoseconds(start.into(), self.scale).saturating_sub(nanoseconds(empty.into(), self.movie_scale));
        for Packet { stamp, .. } in &mut packets {
            for time in [&mut stamp.pts, &mut stamp.dts].into_iter().flatten() {
                time.0 = time.0.saturating_sub(by);
            }
        }
        packets
    }

    fn sample(&self, packet: &Packet, origin: i64) -> Option<Sample> {
        let ticks = |time: StreamTime| ticks_of(time.0.saturating_add(origin), self.scale);
        let decoded = ticks(packet.stamp.dts?);
        Some(Sample { decoded, presented: ticks(packet.stamp.pts?) - self.shift, key: packet.key })
    }

    /// Which packets are used, part by part.
    fn follow(&self, samples: &[Sample]) -> Option<Vec<Used>> {
        let mut film = Vec::new();
        let (mut begins, mut part) = (0u64, 0);
        for edit in &self.edits {
            let from = begins;
            begins = begins.saturating_add(edit.length);
            // An empty part behind the first that is not is taken for one that begins before the track.
            if film.is_empty() && edit.start == -1 {
                continue;
            }
            let length = self.ticks_of_movie(edit.length);
            let length = length.filter(|length| length.checked_add(edit.start).is_some()).unwrap_or(0);
            let (start, end) = (edit.start, edit.start.saturating_add(length));
            let mut found_key_behind = false;
            for sample in self.first_needed(samples, start)..samples.len() {
                let Sample { decoded, presented, key } = samples[sample];
                let (hidden, behind) = (presented < start, presented >= end);
                film.push(Used { sample, part, begins: from, start, hidden, behind });
                if film.len() > MOST_USED {
                    return None;
                }
                let duration = samples.get(sample + 1).map_or(length, |next| next.decoded - decoded);
                if key && presented.saturating_add(duration) >= end {
                    // Pictures behind the first key frame may be presented before it.
                    if found_key_behind || !self.reorders {
                        break;
                    }
                    found_key_behind = true;
                }
            }
            part += 1;
        }
        Some(film)
    }

    /// The packet that decoding begins with for a part that begins at `start`.
    fn first_needed(&self, samples: &[Sample], start: i64) -> usize {
        let not_after = samples.partition_point(|sample| sample.decoded <= start);
        let is_before = |sample: &Sample| !self.reorders || sample.presented <= start;
        let starts = |sample: &Sample| sample.key && is_before(sample);
        let last = samples[..not_after].iter().rposition(starts);
        // Of several that are decoded at its time, the first.
        let key = last.and_then(|last| {
            let at_once = samples.partition_point(|sample| sample.decoded < samples[last].decoded);
            (at_once..=last).find(|&at| starts(&samples[at]))
        });
        let any = if self.reorders { None } else { not_after.checked_sub(1) };
        key.or(any).unwrap_or(0)
    }

    /// Ticks of the movie as ticks of the track, rounded.
    fn ticks_of_movie(&self, ticks: u64) -> Option<i64> {
        let scaled = u128::from(ticks) * u128::from(self.scale) + u128::from(self.movie_scale / 2);
        i64::try_from(scaled / u128::from(self.movie_scale)).ok()
    }
}

/// The nearest tick to a time.
fn ticks_of(nanoseconds: i64, scale: u64) -> i64 {
    let scaled = i128::from(nanoseconds) * i128::from(scale) + 500_000_000;
    i64::try_from(scaled.div_euclid(1_000_000_000)).unwrap_or(i64::MAX)
}

fn nanoseconds(ticks: i128, scale: u64) -> i64 {
    let scaled = (ticks * 1_000_000_000).div_euclid(i128::from(scale.max(1)));
    i64::try_from(scaled).unwrap_or(if ticks < 0 { i64::MIN } else { i64::MAX })
}

/// Ticks a second of a movie header or media header.
fn scale_of(header: &[u8]) -> Option<u64> {
    header.get(if header.first()? == &1 { 20..24 } else { 12..16 }).map(number)
}

/// Another length for the header of a movie or of media, whose body is at `place`: demuxers end at what it says
/// even where it lies.
fn length_in(place: u64, header: &[u8], length: u64) -> Patch {
    if header.first() == Some(&1) {
        (place + 24, length.min(u64::from(u32::MAX)).to_be_bytes().to_vec())
    } else {
        (place + 16, i32::try_from(length).unwrap_or(i32::MAX).to_be_bytes().to_vec())
    }
}

/// Ticks of all samples, by the body of an `stts` box; nothing where it has none.
fn length_of(times: &[u8]) -> Option<u64> {
    let runs = times.get(8..)?.chunks_exact(8);
    let length = runs.fold(0u64, |sum, run| sum.saturating_add(number(&run[..4]) * number(&run[4..])));
    (length > 0).then_some(length)
}

fn is_video(track: &[u8]) -> bool {
    let handler = descend(track, &[b"mdia", b"hdlr"]).and_then(|handler| handler.get(8..12));
    handler == Some(b"vide")
}

/// Whether it is a picture of the cover (PNG), which is not the film.
fn is_still(track: &[u8]) -> bool {
    let entries = descend(track, &[b"mdia", b"minf", b"stbl", b"stsd"]);
    entries.and_then(|entries| entries.get(12..16)) == Some(b"png ")
}

/// Whether a track has no sample of its own, as where samples are in fragments.
fn has_no_samples(track: &[u8]) -> bool {
    let times = descend(track, &[b"mdia", b"minf", b"stbl", b"stts"]);
    times.and_then(|times| times.get(4..8)).is_none_or(|count| number(count) == 0)
}

/// The entries of the body of an `elst` box.
fn edits_of(list: &[u8]) -> Vec<Edit> {
    let (version, count) = (list.first(), list.get(4..8).map_or(0, number));
    let half = if version == Some(&1) { 8 } else { 4 };
    let entries = list.get(8..).unwrap_or_default().chunks_exact(2 * half + 4).take(count as usize);
    let edit = |entry: &[u8]| {
        let start = number(&entry[half..2 * half]);
        let start = if half == 8 { start as i64 } else { i64::from(start as u32 as i32) };
        Edit { length: number(&entry[..half]), start }
    };
    entries.map(edit).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::boxes::boxed, *};

    /// A track of groups of four, I0 P3 b1 b2, ten ticks each; presented three frames after they are decoded.
    fn track(groups: i64) -> Vec<Sample> {
        let group = |group: i64| {
            [(0, 0), (1, 3), (2, 1), (3, 2)].map(|(decoded, presented)| Sample {
                decoded: (4 * group + decoded) * 10,
                presented: (4 * group + presented) * 10 + 30,
                key: decoded == 0,
            })
        };
        (0..groups).flat_map(group).collect()
    }

    /// What is used of five groups: sample numbers, and which of them are shown.
    fn film(edits: &[(u64, i64)]) -> (Vec<usize>, Vec<usize>) {
        let edits = edits.iter().map(|&(length, start)| Edit { length, start }).collect();
        let movie = Movie { scale: 1000, movie_scale: 1000, edits, reorders: true, ..Movie::default() };
        let used = movie.follow(&track(5)).unwrap();
        let shown = used.iter().filter(|used| !used.hidden && !used.behind).map(|used| used.sample);
        (used.iter().map(|used| used.sample).collect(), shown.collect())
    }

    #[test]
    fn a_part_goes_from_a_key_frame_to_the_second_behind_its_end() {
        let all = (0..20).collect::<Vec<_>>();
        assert_eq!(film(&[(200, 30)]), (all.clone(), all.clone()));
        // Starts at frame 5: P3, b1 and b2 of the second group are frames 7, 5 and 6.
        assert_eq!(film(&[(30, 80)]), ((4..13).collect(), vec![5, 6, 7]));
        // A length that reaches behind the track takes what there is.
        assert_eq!(film(&[(9000, 30)]), (all.clone(), all));
    }

    #[test]
    fn of_packets_that_are_decoded_at_once_the_first_key_frame_counts() {
        let samples = track(3).into_iter().map(|sample| Sample { decoded: 0, ..sample });
        let samples: Vec<_> = samples.map(|sample| Sample { presented: 30, ..sample }).collect();
        let movie = Movie { scale: 1000, movie_scale: 1000, reorders: true, ..Movie::default() };
        assert_eq!(movie.first_needed(&samples, 30), 0);
        assert_eq!(movie.first_needed(&track(3), 75), 4);
    }

    #[test]
    fn parts_follow_each_other_and_may_repeat() {
        let (used, shown) = film(&[(50, -1), (20, 110), (20, 30)]);
        assert_eq!(shown, [8, 10, 0, 2]);
        assert_eq!(used, (8..17).chain(0..9).collect::<Vec<_>>());
        assert_eq!(film(&[(50, -1)]), (vec![], vec![]));
        assert_eq!(film(&[(50, 999_999)]).1, Vec::<usize>::new());
        // An empty part in the middle shows the beginning of the track, as it does in FFmpeg.
        assert_eq!(film(&[(20, 110), (32, -1)]).1, [8, 10, 0]);
    }

    #[test]
    fn edits_of_the_video_are_read_and_hidden() {
        let entry = |start: i32| [&1000u32.to_be_bytes()[..], &start.to_be_bytes(), &[0, 1, 0, 0]].concat();
        let list = [&[0, 0, 0, 0, 0, 0, 0, 3][..], &entry(-1), &entry(0), &entry(512)].concat();
        let header = [&[0; 12][..], &500u32.to_be_bytes(), &[0; 4]].concat();
        let times = boxed(b"stts", &[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 10]);
        let offsets =
            boxed(b"ctts", &[&[1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1][..], &(-7i32).to_be_bytes()].concat());
        let track = |handler: &[u8; 4]| {
            let samples = boxed(b"minf", &boxed(b"stbl", &[times.clone(), offsets.clone()].concat()));
            let handler = boxed(b"hdlr", &[&[0; 8][..], handler].concat());
            let media = boxed(b"mdia", &[handler, boxed(b"mdhd", &header), samples].concat());
            boxed(b"trak", &[boxed(b"edts", &boxed(b"elst", &list)), media].concat())
        };
        let movie = [boxed(b"mvhd", &header), track(b"soun"), track(b"vide")].concat();
        let found = Movie::read(&movie, 100).unwrap();
        assert_eq!((found.scale, found.shift, found.parts(), found.fragmented), (500, 7, 2, false));
        assert_eq!(found.edits[1], Edit { length: 1000, start: 0 });
        let seen = |at: usize| &movie[found.patches[at].0 as usize - 100..][..4];
        assert_eq!(
            (found.patches.len(), seen(0), seen(1), seen(2)),
            (3, &b"edts"[..], &[0; 4][..], &[0; 4][..])
        );
        assert_eq!(
            (&found.patches[1].1, &found.patches[2].1),
            (&37i32.to_be_bytes().to_vec(), &38i32.to_be_bytes().to_vec())
        );
        assert!(Movie::read(&boxed(b"mvhd", &header), 0).is_none());
        assert_eq!(found.unknown_version, None);
        let mut damaged = movie;
        let version = damaged.windows(4).position(|kind| kind == b"mdhd").unwrap() + 4;
        damaged[version] = 8;
        assert_eq!(Movie::read(&damaged, 100).unwrap().unknown_version, Some(8));
    }
}
