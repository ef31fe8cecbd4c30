//! Edit lists (ISO 14496-12, 8.6.6), followed as FFmpeg follows them (`mov_fix_index`).
//!
//! An edit list puts the film together from parts of the track.
//!
//! ```text
//! track      I0 p b b I4 p b b I8 p b b        edits: from 5 on, for 3 frames; from 0 on, for 2
//! packets    I4 p b b I8 p b b │ I0 p b b …    each part from a key frame on to the second behind its end
//! shown       ·  5 6 7  ·  · · · │ 0  1 · ·
//! ```
//!
//! What is before or behind its part is decoded, since others may need it, and never shown.

use super::{boxes::Fields, clock::Clock, fault::damaged, samples::Sample};
use crate::error::VideoError;

/// One part of an edit list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    /// In ticks of the movie.
    pub length: u64,
    /// First tick of the track; -1 where nothing is shown.
    pub start: i64,
}

/// The edit list of a track.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct EditList {
    pub edits: Vec<Edit>,
    /// Ticks of the track, and of the movie, a second.
    pub scale: u32,
    pub movie_scale: u32,
}

/// A sample of the film that an edit list puts together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Used {
    /// Which of the track's.
    pub sample: usize,
    /// Number of its part.
    pub part: u32,
    /// Where its part begins in the film, in ticks of the movie.
    pub begins: u64,
    /// The tick of the track that its part begins with.
    pub start: i64,
    /// It is presented before its part, or behind it.
    pub hidden: bool,
    pub behind: bool,
}

/// What following an edit list gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Film {
    pub used: Vec<Used>,
    /// When the last of them is decoded, in ticks of the track since the beginning of the film.
    pub last_decoded: Option<i64>,
}

impl EditList {
    /// The edits in the body of an `elst` box; how many there are its size says.
    pub fn read(list: &[u8]) -> Result<Vec<Edit>, VideoError> {
        let mut fields = Fields(list);
        let Some(((version, _), _)) = fields.version().zip(fields.word()) else { return Ok(Vec::new()) };
        let mut edits = Vec::new();
        let mut edit = || {
            let length = fields.sized(version)?;
            let start = if version == 1 { fields.long()? as i64 } else { fields.signed()?.into() };
            fields.skip(4)?;
            Some(Edit { length, start })
        };
        while let Some(edit) = edit() {
            if i64::try_from(edit.length).is_err() {
                return Err(damaged("a part of its edit list has a negative length"));
            }
            if edits.len() == MOST_EDITS {
                return Err(damaged(format!("its edit list has more than {MOST_EDITS} parts")));
            }
            edits.push(edit);
        }
        Ok(edits)
    }

    /// Parts that show anything.
    pub fn parts(&self) -> usize {
        self.edits.iter().filter(|edit| edit.start != -1).count()
    }

    /// Ticks of the track that the film begins later than the track, by the first two edits: that is all that
    /// FFmpeg follows in fragments.
    pub fn begins(&self) -> i64 {
        let empty = self.edits.first().filter(|edit| edit.start == -1);
        let start = self.edits.get(usize::from(empty.is_some())).map_or(0, |edit| edit.start.max(0));
        let empty = empty.and_then(|edit| self.ticks_of_movie(edit.length)).unwrap_or(0);
        if self.movie_scale == 0 { 0 } else { start.saturating_sub(empty) }
    }

    /// Which samples are used, part by part; `reorders` where presentation is moved away from decoding, `shift` by
    /// how much FFmpeg decodes earlier for it. A list that uses more than `most` repeats its track without end.
    pub fn follow(
        &self,
        samples: &[Sample],
        (reorders, shift): (bool, i64),
        most: usize,
        clock: &Clock,
    ) -> Result<Film, VideoError> {
        // The beginning of each part is looked for among all samples.
        if self.edits.len().saturating_mul(samples.len()) > MOST_STEPS {
            let reason = "they are too many for so many samples";
            return Err(VideoError::EditList { parts: self.parts(), reason });
        }
        let mut film = Film::default();
        let (mut begins, mut part, mut empty) = (0u64, 0, 0i64);
        let mut counter = Counter { end: -shift, ..Counter::default() };
        for edit in &self.edits {
            clock.count(1 + samples.len() / 8)?;
            let from = begins;
            begins = begins.saturating_add(edit.length);
            let length = self.ticks_of_movie(edit.length);
            let length = length.filter(|length| length.checked_add(edit.start).is_some()).unwrap_or(0);
            counter.begin(length);
            // An empty part behind the first that is not is taken for one that begins before the track.
            if part == 0 && edit.start == -1 {
                empty = empty.saturating_add(length);
                continue;
            }
            let (start, end) = (edit.start, edit.start.saturating_add(length));
            let mut found_key_behind = false;
            for at in first_needed(samples, start, reorders)..samples.len() {
                let sample = &samples[at];
                let presented = sample.presented();
                let (hidden, behind) = (presented < start, presented >= end);
                film.used.push(Used { sample: at, part, begins: from, start, hidden, behind });
                if film.used.len() > most {
                    let reason = "they repeat the track without end";
                    return Err(VideoError::EditList { parts: self.parts(), reason });
                }
                clock.tick()?;
                let step = samples.get(at + 1).map_or(length, |next| next.decoded - sample.decoded);
                counter.count(!hidden && !behind, sample.offset.into(), step, shift);
                if sample.key && presented.saturating_add(step) >= end {
                    // Pictures behind the first key frame may be presented before it.
                    if found_key_behind || !reorders {
                        break;
                    }
                    found_key_behind = true;
                }
            }
            part += 1;
        }
        film.last_decoded = counter.last(empty);
        Ok(film)
    }

    /// Ticks of the movie as ticks of the track, rounded.
    fn ticks_of_movie(&self, ticks: u64) -> Option<i64> {
        let movie_scale = u128::from(self.movie_scale.max(1));
        let scaled = u128::from(ticks) * u128::from(self.scale) + movie_scale / 2;
        i64::try_from(scaled / movie_scale).ok()
    }
}

/// Parts of an edit list: a cut every second of a day is fewer.
const MOST_EDITS: usize = 1 << 18;

/// Parts times samples: hundreds of parts of a day's film, or thousands of an hour's.
const MOST_STEPS: usize = 1 << 31;

/// The packet that decoding begins with for a part that begins at `start`.
fn first_needed(samples: &[Sample], start: i64, reorders: bool) -> usize {
    let not_after = samples.partition_point(|sample| sample.decoded <= start);
    let is_before = |sample: &Sample| !reorders || sample.presented() <= start;
    let starts = |sample: &Sample| sample.key && is_before(sample);
    let last = samples[..not_after].iter().rposition(starts);
    // Of several that are decoded at its time, the first.
    let key = last.and_then(|last| {
        let at_once = samples.partition_point(|sample| sample.decoded < samples[last].decoded);
        (at_once..=last).find(|&at| starts(&samples[at]))
    });
    let any = if reorders { None } else { not_after.checked_sub(1) };
    key.or(any).unwrap_or(0)
}

/// Counts when samples of the film are decoded, as FFmpeg does: from the first that is shown on.
#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    /// Where the parts so far end.
    end: i64,
    next: i64,
    last: Option<i64>,
    /// One of this part was shown.
    started: bool,
    first_shown: Option<i64>,
}

impl Counter {
    fn begin(&mut self, length: i64) {
        (self.next, self.started) = (self.end, false);
        self.end = self.end.saturating_add(length);
    }

    fn count(&mut self, shown: bool, offset: i64, step: i64, shift: i64) {
        if shown {
            self.started = true;
            let presented = self.next.saturating_add(offset).saturating_add(shift);
            self.first_shown = Some(self.first_shown.map_or(presented, |first| first.min(presented)));
        }
        self.last = Some(self.next);
        if self.started {
            self.next = self.next.saturating_add(step);
        }
    }

    /// When the last is decoded, once the first that is shown is moved to the end of what is empty.
    fn last(&self, empty: i64) -> Option<i64> {
        let surplus = self.first_shown.unwrap_or(-1).saturating_sub(empty).max(0);
        self.last.map(|last| last.saturating_sub(surplus))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demux::mp4::test_films::table;

    /// A track of groups of four, I0 P3 b1 b2, ten ticks each; presented three frames after they are decoded.
    fn track(groups: i64) -> Vec<Sample> {
        let group = |group: i64| {
            [(0, 0), (1, 3), (2, 1), (3, 2)].map(|(decoded, presented)| Sample {
                decoded: (4 * group + decoded) * 10,
                offset: (presented - decoded) as i32 * 10 + 30,
                key: decoded == 0,
                ..Sample::default()
            })
        };
        (0..groups).flat_map(group).collect()
    }

    fn followed(edits: &[(u64, i64)]) -> Film {
        let edits = edits.iter().map(|&(length, start)| Edit { length, start }).collect();
        let list = EditList { scale: 1000, movie_scale: 1000, edits };
        list.follow(&track(5), (true, 0), 100, &Clock::endless()).unwrap()
    }

    /// What is used of five groups: sample numbers, and which of them are shown.
    fn film(edits: &[(u64, i64)]) -> (Vec<usize>, Vec<usize>) {
        let used = followed(edits).used;
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
        let samples: Vec<_> =
            track(3).into_iter().map(|sample| Sample { decoded: 0, offset: 30, ..sample }).collect();
        assert_eq!(first_needed(&samples, 30, true), 0);
        assert_eq!(first_needed(&track(3), 75, true), 4);
        assert_eq!(first_needed(&[], 75, true), 0);
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
    fn a_list_that_repeats_its_track_without_end_is_refused() {
        let edits = vec![Edit { length: 200, start: 30 }; 3];
        let list = EditList { scale: 1000, movie_scale: 1000, edits };
        let follow = |most| list.follow(&track(5), (true, 0), most, &Clock::endless());
        assert_eq!(follow(60).unwrap().used.len(), 60);
        assert!(matches!(follow(59), Err(VideoError::EditList { parts: 3, .. })));
    }

    #[test]
    fn the_last_sample_is_decoded_as_long_after_the_first_as_in_the_track() {
        // Presentation is moved to 0: the first frame is presented 30 ticks after it is decoded.
        assert_eq!(followed(&[(200, 30)]).last_decoded, Some(190 - 30));
        assert_eq!(followed(&[(40, -1), (200, 30)]).last_decoded, Some(40 + 190 - 30));
        assert_eq!(followed(&[(50, -1)]).last_decoded, None);
    }

    #[test]
    fn edits_are_read_as_many_as_there_are() {
        let list = table(b"elst", &[[1000, u32::MAX, 1 << 16], [1000, 512, 1 << 16]]);
        let edits = EditList::read(&list[8..]).unwrap();
        assert_eq!(edits, [Edit { length: 1000, start: -1 }, Edit { length: 1000, start: 512 }]);
        let list = EditList { edits, scale: 500, movie_scale: 1000 };
        assert_eq!((list.parts(), list.begins()), (1, 12));
        assert_eq!(EditList::read(&[0; 7]).unwrap(), []);
        let long = [&[1, 0, 0, 0, 0, 0, 0, 9][..], &[0xff; 8], &[0; 12]].concat();
        assert!(EditList::read(&long).is_err());
    }
}
