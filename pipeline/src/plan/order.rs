//! In which order packets are presented, and when.
//!
//! Given the times that the container has and what each packet codes, packets are ranked by time where
//! every one has its own, by the reordering rule of MPEG-1, 2 and 4 where times are missing, and not at
//! all otherwise: then frames must be counted as they leave the decoder.

use std::{cmp::Reverse, collections::BinaryHeap};

use serde::{Deserialize, Serialize};

use super::OutputIndex;
use crate::{
    StreamTime,
    codec::{Codec, Coded, Role},
};

/// Times of a packet as its container gives them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Presentation time, as stream time.
    pub pts: Option<StreamTime>,
    /// Decoding time, as stream time.
    pub dts: Option<StreamTime>,
    /// Nanoseconds that the frame is shown.
    pub duration: Option<i64>,
    /// The edit list begins behind it: decoded, never presented.
    pub hidden: bool,
    /// The edit list ends before it: never presented.
    pub behind: bool,
    /// The part of the edit list that it belongs to, which comes out behind all of the part before.
    pub part: u32,
}

impl Stamp {
    /// Whether the edit list lets it be presented.
    pub fn is_presented(&self) -> bool {
        !self.hidden && !self.behind
    }
}

/// How places were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IndexMode {
    /// Every packet has its own presentation time: frames are ranked by it.
    Times,
    /// MPEG without complete times, or with times that its decoder does not follow: the codec's rule of
    /// reordering ranks them.
    Reorder,
    /// Frames are counted as they come out of the decoder; always decoded from the start.
    Linear,
}

/// The places of all packets. Without a place: shows nothing, or (linear) not known.
pub fn order(codec: Codec, stamps: &[Stamp], coded: &[Coded]) -> (IndexMode, Vec<Option<OutputIndex>>) {
    if coded.iter().any(|picture| picture.irregular) {
        return (IndexMode::Linear, vec![None; coded.len()]);
    }
    if let Some(places) = by_time(stamps, coded) {
        let are_followed = match codec {
            Codec::H264 | Codec::Hevc => can_be_reordered(&places),
            // Some writers give times of decoding as those of presentation. FFmpeg counts frames as they leave
            // the decoder, and that of MPEG never looks at times.
            Codec::Mpeg1 | Codec::Mpeg2 | Codec::Mpeg4 => {
                stamps.iter().any(|stamp| stamp.part > 0) || places == by_role(coded)
            }
            _ => true,
        };
        if are_followed {
            return (IndexMode::Times, places);
        }
    }
    match codec {
        Codec::Mpeg1 | Codec::Mpeg2 | Codec::Mpeg4 => (IndexMode::Reorder, by_role(coded)),
        // Decode order is presentation order in these.
        Codec::Mjpeg
        | Codec::Rgb
        | Codec::Raw
        | Codec::Png
        | Codec::Other(_)
        | Codec::Vp8
        | Codec::Vp9
        | Codec::Av1 => {
            let all = coded.iter().map(|picture| Coded { role: Role::Between, ..*picture });
            (IndexMode::Reorder, by_role(&all.collect::<Vec<_>>()))
        }
        Codec::H264 | Codec::Hevc | Codec::Theora => (IndexMode::Linear, vec![None; coded.len()]),
    }
}

/// The places of all frames that an edit list lets be presented, rising.
pub fn shown(stamps: &[Stamp], places: &[Option<OutputIndex>]) -> Vec<OutputIndex> {
    let presented = stamps.iter().zip(places).filter(|(stamp, _)| stamp.is_presented());
    let mut shown: Vec<_> = presented.filter_map(|(_, place)| *place).collect();
    shown.sort_unstable();
    shown
}

fn by_time(stamps: &[Stamp], coded: &[Coded]) -> Option<Vec<Option<OutputIndex>>> {
    let mut sorted: Vec<usize> = (0..stamps.len()).filter(|&at| coded[at].shown).collect();
    if sorted.iter().any(|&at| stamps[at].pts.is_none()) {
        return None;
    }
    let moment = |at: usize| (stamps[at].part, stamps[at].pts);
    sorted.sort_by_key(|&at| moment(at));
    if sorted.windows(2).any(|pair| moment(pair[0]) == moment(pair[1])) {
        return None;
    }
    let mut places = vec![None; stamps.len()];
    for (place, at) in sorted.into_iter().enumerate() {
        places[at] = Some(OutputIndex(place as u32));
    }
    Some(places)
}

/// Whether a decoder could present packets at these places: whatever is decoded before a picture and presented behind it is
/// held back meanwhile, and decoders hold back [`MOST_HELD_BACK`] pictures at most. They reorder by what pictures say of
/// themselves, and do not know the times of the container.
fn can_be_reordered(places: &[Option<OutputIndex>]) -> bool {
    // The highest places so far: one more than may be held back.
    let mut highest = BinaryHeap::with_capacity(MOST_HELD_BACK + 2);
    places.iter().flatten().all(|place| {
        highest.push(Reverse(place));
        // What falls out is the lowest. Where that is this one, all others are held back for it.
        highest.len() <= MOST_HELD_BACK + 1 || highest.pop() != Some(Reverse(place))
    })
}

/// Pictures in a decoder's buffer, at most: `MaxDpbSize` of H.264 (A.3.1) and HEVC (A.4.2).
const MOST_HELD_BACK: usize = 16;

/// A B-picture is shown at once, an anchor when the next anchor comes, the last one at the end.
fn by_role(coded: &[Coded]) -> Vec<Option<OutputIndex>> {
    let mut shown = Vec::with_capacity(coded.len());
    let mut held = None;
    for (at, picture) in coded.iter().enumerate().filter(|(_, picture)| picture.shown) {
        match picture.role {
            Role::Between => shown.push(at),
            Role::Anchor => shown.extend(held.replace(at)),
        }
    }
    shown.extend(held);
    let mut places = vec![None; coded.len()];
    for (place, at) in shown.into_iter().enumerate() {
        places[at] = Some(OutputIndex(place as u32));
    }
    places
}

/// Presentation times of `frames` frames, rising. Known times are sorted and given to the frames in
/// display order; where some are missing, the frames between are spread evenly.
pub fn times(
    mode: IndexMode,
    stamps: &[Stamp],
    places: &[Option<OutputIndex>],
    frames: usize,
) -> Vec<StreamTime> {
    let sorted = sorted_times(stamps);
    let rising = sorted.windows(2).all(|pair| pair[0] < pair[1]);
    let mut known: Vec<Option<i64>> = vec![None; frames];
    if !are_apart(&sorted) {
        // They are no times.
    } else if mode == IndexMode::Times {
        let pts = stamps.iter().zip(places).filter(|(stamp, place)| stamp.is_presented() && place.is_some());
        let mut pts: Vec<_> = pts.filter_map(|(stamp, _)| stamp.pts).map(|time| Some(time.0)).collect();
        pts.sort_unstable();
        known = pts;
    } else if rising && sorted.len() == frames {
        known = sorted.into_iter().map(Some).collect();
    } else if mode == IndexMode::Reorder {
        let listed = shown(stamps, places);
        for (stamp, place) in stamps.iter().zip(places) {
            let rank =
                place.and_then(|place| listed.binary_search(&place).ok()).filter(|_| stamp.is_presented());
            if let (Some(pts), Some(known)) = (stamp.pts, rank.and_then(|rank| known.get_mut(rank))) {
                *known = Some(pts.0);
            }
        }
    } else if let (Some(&first), Some(&last), Some(end)) =
        (sorted.first(), sorted.last(), frames.checked_sub(1))
    {
        known[0] = Some(first);
        known[end] = Some(last.max(first));
    }
    fill(known, stated_step(stamps).unwrap_or(USUAL_STEP)).into_iter().map(StreamTime).collect()
}

/// Where the times of frames come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimesFrom {
    /// Its packets have times, some of them at least.
    #[default]
    Packets,
    /// They have none, and frames are as far apart as the stream's headers say.
    Rate,
    /// Nobody says anything: 25 frames a second.
    Usual,
}

impl TimesFrom {
    /// Where those of a video with these packets come from.
    pub fn of(stamps: &[Stamp]) -> Self {
        let sorted = sorted_times(stamps);
        if are_apart(&sorted) && (sorted.len() > 1 || stamps.len() == 1) {
            Self::Packets
        } else if stated_step(stamps).is_some() {
            Self::Rate
        } else {
            Self::Usual
        }
    }

    /// What a reader of the times should know of them.
    pub fn note(self) -> Option<&'static str> {
        match self {
            Self::Packets => None,
            Self::Rate => {
                Some("its packets have no times: frames are spread by the rate that the stream states")
            }
            Self::Usual => Some("neither packets nor headers state times: 25 frames a second are assumed"),
        }
    }
}

/// The times that packets have, of presentation or else of decoding, in order.
fn sorted_times(stamps: &[Stamp]) -> Vec<i64> {
    let visible = stamps.iter().filter(|stamp| stamp.is_presented());
    let mut sorted: Vec<i64> =
        visible.filter_map(|stamp| stamp.pts.or(stamp.dts)).map(|time| time.0).collect();
    sorted.sort_unstable();
    sorted
}

/// Whether times are those of frames: a microsecond apart on the average. Demuxers that know of none count up from 0.
fn are_apart(sorted: &[i64]) -> bool {
    let span = sorted.first().zip(sorted.last()).map(|(first, last)| last.saturating_sub(*first));
    span.is_some_and(|span| span >= 1000 * (sorted.len() as i64 - 1))
}

/// How far apart frames are by what is said of the first one that says it, where that may be believed: 1 to 1000 a
/// second. Headers that were never filled in say millions.
fn stated_step(stamps: &[Stamp]) -> Option<i64> {
    let step = stamps.iter().find_map(|stamp| stamp.duration)?;
    (1_000_000..=1_000_000_000).contains(&step).then_some(step)
}

/// Distance of frames where nothing at all is known of it: 25 a second, in ns.
const USUAL_STEP: i64 = 40_000_000;

/// Fills gaps evenly, ends by the mean step or `step`, and keeps times rising.
fn fill(known: Vec<Option<i64>>, step: i64) -> Vec<i64> {
    let mut anchors: Vec<(usize, i64)> = Vec::new();
    for (at, time) in known.iter().enumerate() {
        if let Some(time) = *time
            && anchors.last().is_none_or(|&(before, earlier)| time - earlier >= (at - before) as i64)
        {
            anchors.push((at, time));
        }
    }
    let (Some(&(first, start)), Some(&(last, end))) = (anchors.first(), anchors.last()) else {
        return (0..known.len() as i64).map(|at| at * step).collect();
    };
    let step = if last > first { ((end - start) / (last - first) as i64).max(1) } else { step };
    let at_frame = |at: usize| match anchors.partition_point(|&(anchor, _)| anchor <= at) {
        0 => start - (first - at) as i64 * step,
        behind if behind == anchors.len() => end + (at - last) as i64 * step,
        behind => {
            let ((left, from), (right, to)) = (anchors[behind - 1], anchors[behind]);
            let share = i128::from(to - from) * (at - left) as i128 / (right - left) as i128;
            from + share as i64
        }
    };
    (0..known.len()).map(at_frame).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: i64 = 1_000_000;

    fn stamp(milliseconds: i64) -> Stamp {
        Stamp { pts: Some(StreamTime(milliseconds * MILLISECOND)), ..Stamp::default() }
    }

    fn numbers(places: &[Option<OutputIndex>]) -> Vec<u32> {
        places.iter().map(|place| place.unwrap().0).collect()
    }

    #[test]
    fn packets_with_their_own_times_are_ranked_by_them() {
        let stamps = [stamp(0), stamp(30), stamp(10), stamp(20)];
        let (mode, places) = order(Codec::H264, &stamps, &[Coded::UNKNOWN; 4]);
        assert_eq!((mode, numbers(&places)), (IndexMode::Times, vec![0, 3, 1, 2]));
    }

    #[test]
    fn equal_times_are_not_trusted() {
        let stamps = [stamp(0), stamp(30), stamp(30)];
        assert_eq!(order(Codec::H264, &stamps, &[Coded::UNKNOWN; 3]).0, IndexMode::Linear);
    }

    #[test]
    fn times_that_no_decoder_could_follow_are_not_trusted() {
        let mode = |held_back: i64, codec| {
            let times = (0..30).map(|at| if at == held_back { -1 } else { at });
            order(codec, &times.map(stamp).collect::<Vec<_>>(), &[Coded::UNKNOWN; 30]).0
        };
        for codec in [Codec::H264, Codec::Hevc] {
            assert_eq!([mode(1, codec), mode(16, codec)], [IndexMode::Times; 2]);
            assert_eq!([mode(17, codec), mode(29, codec)], [IndexMode::Linear; 2]);
        }
    }

    #[test]
    fn b_pictures_are_shown_at_once_and_anchors_with_the_next_anchor() {
        use Role::{Anchor, Between};
        let pictures = [Anchor, Anchor, Between, Between, Anchor, Between];
        let pictures = pictures.map(|role| Coded { role, ..Coded::UNKNOWN });
        let (mode, places) = order(Codec::Mpeg2, &[Stamp::default(); 6], &pictures);
        assert_eq!((mode, numbers(&places)), (IndexMode::Reorder, vec![0, 3, 1, 2, 5, 4]));
    }

    #[test]
    fn times_that_contradict_the_order_of_mpeg_rank_no_frames() {
        use Role::{Anchor, Between};
        let pictures = [Anchor, Anchor, Between, Between].map(|role| Coded { role, ..Coded::UNKNOWN });
        let presented = [stamp(0), stamp(30), stamp(10), stamp(20)];
        let decoded = [stamp(0), stamp(10), stamp(20), stamp(30)];
        for (stamps, mode) in [(presented, IndexMode::Times), (decoded, IndexMode::Reorder)] {
            for codec in [Codec::Mpeg2, Codec::Mpeg4] {
                let (found, places) = order(codec, &stamps, &pictures);
                assert_eq!((found, numbers(&places)), (mode, vec![0, 3, 1, 2]));
                assert_eq!(
                    times(found, &stamps, &places, 4),
                    [0, 10, 20, 30].map(|time| StreamTime(time * MILLISECOND))
                );
            }
        }
        assert_eq!(order(Codec::H264, &decoded, &pictures).0, IndexMode::Times);
    }

    #[test]
    fn frames_that_are_hidden_have_no_time() {
        let hidden = Stamp { hidden: true, ..stamp(0) };
        let stamps = [hidden, hidden, stamp(5), stamp(5)];
        let (mode, places) = order(Codec::Mpeg4, &stamps, &[Coded::UNKNOWN; 4]);
        assert_eq!(mode, IndexMode::Reorder);
        assert_eq!(times(mode, &stamps, &places, 2).len(), 2);
    }

    #[test]
    fn frames_without_any_time_are_spread_by_a_believable_rate_or_25_a_second() {
        let found = |duration| {
            let stamps = [Stamp { duration, ..Stamp::default() }; 3];
            let times = times(IndexMode::Linear, &stamps, &[None; 3], 3);
            (TimesFrom::of(&stamps), times.iter().map(|time| time.0).collect::<Vec<_>>())
        };
        assert_eq!(found(Some(33_333_333)), (TimesFrom::Rate, vec![0, 33_333_333, 66_666_666]));
        let usual = (TimesFrom::Usual, vec![0, 40_000_000, 80_000_000]);
        for unbelievable in [None, Some(0), Some(1), Some(-5), Some(i64::MAX)] {
            assert_eq!(found(unbelievable), usual);
        }
        // A single time says nothing of the rate, and times of a few nanoseconds are none.
        assert_eq!(TimesFrom::of(&[stamp(0), Stamp::default()]), TimesFrom::Usual);
        assert_eq!(TimesFrom::of(&[stamp(0)]), TimesFrom::Packets);
        let counted = [0, 1, 2].map(|time| Stamp { pts: Some(StreamTime(time)), ..Stamp::default() });
        assert_eq!(TimesFrom::of(&counted), TimesFrom::Usual);
        let (mode, places) = order(Codec::H264, &counted, &[Coded::UNKNOWN; 3]);
        assert_eq!(times(mode, &counted, &places, 3), [0, 40_000_000, 80_000_000].map(StreamTime));
    }

    #[test]
    fn missing_times_are_spread_between_their_neighbours() {
        assert_eq!(fill(vec![None, Some(10), None, None, Some(40), None], 5), [0, 10, 20, 30, 40, 50]);
        assert_eq!(fill(vec![None, None, None], 5), [0, 5, 10]);
        assert_eq!(fill(vec![Some(10), Some(10), Some(30)], 5), [10, 20, 30]);
    }
}
