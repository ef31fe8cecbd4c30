//! Which packets the decoder must see so that the wanted frames come out right.
//!
//! A plan is computed from the packet index alone: no file, no decoder, no clock. The stream is split
//! into groups at its trusted random-access points. Of each group that holds a wanted picture the
//! packets from its start to the last wanted one in decode order are sent, less the pictures that no
//! other refers to and that nobody wants; everything sent decodes exactly as in a full decode.
//!
//! ```text
//! decode order   I0  P3  b1  b2  P6  b4  b5     wanted: frames 0 and 5
//! sent           ■   ■   ·   ·   ■   ·   ■
//! ```
//!
//! A picture that is decoded after an *open* start but shown before it (a leading picture) may refer
//! to the group before. If one is wanted, both groups are sent as one; else it is left out.
//!
//! What the facts of a packet are is found by [`headers`](crate::codec::headers) (bitstream) and [`order`] (time).

pub mod order;

use schemas::settings::Skip;
use serde::{Deserialize, Serialize};

use crate::{PacketNumber, codec::Start};

/// A packet's place among all pictures that come out of the decoder, counted from 0. Frames that an
/// edit list hides have a place, but no rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OutputIndex(pub u32);

/// What a plan needs to know of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacketFact {
    /// Where its picture is presented; nothing if it shows none.
    pub place: Option<OutputIndex>,
    /// Whether decoding may begin here.
    pub start: Start,
    /// No other picture refers to it, and it carries nothing else that later packets need.
    pub disposable: bool,
}

/// Packets that are sent without a gap that matters; the decoder is drained after each run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketRun {
    /// The packets in decode order.
    pub send: Vec<PacketNumber>,
}

impl PacketRun {
    /// Packets between its first and its last that are not sent.
    pub fn left_out(&self) -> u64 {
        let span = |first: &PacketNumber, last: &PacketNumber| u64::from(last.0 - first.0) + 1;
        let whole = self.send.first().zip(self.send.last()).map_or(0, |(first, last)| span(first, last));
        whole - self.send.len() as u64
    }
}

/// Plans the decoding of the pictures at the places `wanted` (rising).
///
/// Gives nothing when a wanted place is that of no packet. Packet 0 always counts as a closed start,
/// as it does in a full decode.
pub fn plan(packets: &[PacketFact], wanted: &[OutputIndex], skipping: Skip) -> Option<Vec<PacketRun>> {
    let is_wanted = |at: usize| packets[at].place.is_some_and(|place| wanted.binary_search(&place).is_ok());
    let positions: Vec<usize> = (0..packets.len()).filter(|&at| is_wanted(at)).collect();
    if positions.len() != wanted.len() {
        return None;
    }
    if skipping == Skip::Nothing {
        let send = (0..packets.len()).map(|at| PacketNumber(at as u32)).collect();
        return Some(vec![PacketRun { send }]);
    }
    let mut runs: Vec<PacketRun> = Vec::new();
    let mut rest = positions.as_slice();
    while let Some(&first) = rest.first() {
        let mut start = start_of(packets, first);
        let end = next_start(packets, first);
        let mut count = rest.partition_point(|&at| at < end);
        // A wanted leading picture of the group that follows needs this group whole.
        while let Some(&next) = rest.get(count) {
            let begins = start_of(packets, next);
            let end = next_start(packets, next);
            let group = &rest[count..];
            let group = &group[..group.partition_point(|&at| at < end)];
            let touches = begins == next_start(packets, rest[count - 1]);
            if !(touches && group.iter().any(|&at| is_leading(packets, begins, at))) {
                break;
            }
            count += group.len();
        }
        let group = &rest[..count];
        while start > 0 && group.iter().any(|&at| is_leading(packets, start, at)) {
            start = start_of(packets, start - 1);
        }
        let last = *group.last().expect("a group has at least the wanted picture that it was made for");
        let send = (start..=last)
            .filter(|&at| is_wanted(at) || !is_leading(packets, start, at))
            .filter(|&at| skipping == Skip::Groups || !packets[at].disposable || is_wanted(at))
            .map(|at| PacketNumber(at as u32))
            .collect();
        runs.push(PacketRun { send });
        rest = &rest[count..];
    }
    Some(merge(runs))
}

/// The packets behind `last`, at most `count`, that a run which began at `start` may send next. Nothing is left out of them
/// but pictures that lead the start.
pub fn following(
    packets: &[PacketFact],
    start: PacketNumber,
    last: PacketNumber,
    count: usize,
) -> Vec<PacketNumber> {
    let (start, next) = (start.0 as usize, last.0 as usize + 1);
    let behind = next..packets.len().min(next.saturating_add(count));
    behind.filter(|&at| !is_leading(packets, start, at)).map(|at| PacketNumber(at as u32)).collect()
}

/// Joins a run that begins before the run before it ends (its start had to go back).
fn merge(runs: Vec<PacketRun>) -> Vec<PacketRun> {
    let mut merged: Vec<PacketRun> = Vec::with_capacity(runs.len());
    for run in runs {
        match merged.last_mut() {
            Some(before) if before.send.last() >= run.send.first() => {
                before.send.extend(run.send);
                before.send.sort_unstable();
                before.send.dedup();
            }
            _ => merged.push(run),
        }
    }
    merged
}

/// The start of the group that packet `at` belongs to.
fn start_of(packets: &[PacketFact], at: usize) -> usize {
    packets[..=at].iter().rposition(|packet| packet.start != Start::Never).unwrap_or(0)
}

/// The first start behind packet `at`, or the end.
fn next_start(packets: &[PacketFact], at: usize) -> usize {
    let behind = packets[at + 1..].iter().position(|packet| packet.start != Start::Never);
    behind.map_or(packets.len(), |distance| at + 1 + distance)
}

/// Whether packet `at` of the group that begins with the open start `start` is shown before it.
fn is_leading(packets: &[PacketFact], start: usize, at: usize) -> bool {
    start > 0
        && packets[start].start == Start::Open
        && at > start
        && packets[at].place.is_some_and(|place| Some(place) < packets[start].place)
        && at < next_start(packets, start)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet(place: u32, start: Start, disposable: bool) -> PacketFact {
        PacketFact { place: Some(OutputIndex(place)), start, disposable }
    }

    /// I0 P3 b1 b2 | I6 b4 b5 P9 b7 b8 with a start of kind `second` at I6.
    fn two_groups(second: Start) -> Vec<PacketFact> {
        use Start::{Closed, Never};
        vec![
            packet(0, Closed, false),
            packet(3, Never, false),
            packet(1, Never, true),
            packet(2, Never, true),
            packet(6, second, false),
            packet(4, Never, true),
            packet(5, Never, true),
            packet(9, Never, false),
            packet(7, Never, true),
            packet(8, Never, true),
        ]
    }

    fn sent(packets: &[PacketFact], wanted: &[u32]) -> Vec<Vec<u32>> {
        let wanted: Vec<_> = wanted.iter().copied().map(OutputIndex).collect();
        let runs = plan(packets, &wanted, Skip::Unwanted).unwrap();
        runs.iter().map(|run| run.send.iter().map(|packet| packet.0).collect()).collect()
    }

    #[test]
    fn unwanted_b_pictures_are_left_out() {
        assert_eq!(sent(&two_groups(Start::Never), &[0, 5]), [[0, 1, 4, 6]]);
    }

    #[test]
    fn decoding_starts_at_the_last_start_before_the_first_wanted_picture() {
        assert_eq!(sent(&two_groups(Start::Open), &[8]), [[4, 7, 9]]);
    }

    #[test]
    fn groups_without_a_wanted_picture_between_them_are_separate_runs() {
        assert_eq!(sent(&two_groups(Start::Open), &[0, 7]), vec![vec![0], vec![4, 7, 8]]);
    }

    #[test]
    fn a_wanted_leading_picture_needs_the_group_before() {
        assert_eq!(sent(&two_groups(Start::Open), &[4]), [[0, 1, 4, 5]]);
        assert_eq!(sent(&two_groups(Start::Open), &[1, 4, 9]), [[0, 1, 2, 4, 5, 7]]);
        assert_eq!(sent(&two_groups(Start::Closed), &[4]), [[4, 5]]);
    }

    #[test]
    fn what_is_skipped_is_the_settings_choice() {
        let sent = |skipping| plan(&two_groups(Start::Closed), &[OutputIndex(8)], skipping).unwrap();
        let packets = |skipping| sent(skipping)[0].send.iter().map(|packet| packet.0).collect::<Vec<_>>();
        assert_eq!(packets(Skip::Unwanted), [4, 7, 9]);
        assert_eq!(packets(Skip::Groups), [4, 5, 6, 7, 8, 9]);
        assert_eq!(packets(Skip::Nothing), (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn a_place_that_no_packet_has_gives_no_plan() {
        assert_eq!(plan(&two_groups(Start::Open), &[OutputIndex(10)], Skip::Unwanted), None);
    }

    fn stream() -> impl Strategy<Value = Vec<PacketFact>> {
        let groups = prop::collection::vec((0u8..3, 1u32..5), 1..5);
        groups.prop_map(|groups| {
            let (mut packets, mut shown) = (Vec::new(), 0);
            for (number, (kind, anchors)) in groups.into_iter().enumerate() {
                for anchor in 0..anchors {
                    let start = match (anchor, kind) {
                        (0, 0) => Start::Closed,
                        (0, 1) => Start::Open,
                        _ => Start::Never,
                    };
                    let leading = if number == 0 && anchor == 0 { 0 } else { 2 };
                    let leading = if start == Start::Closed { 0 } else { leading };
                    packets.push(packet(shown + leading, start, false));
                    packets.extend((0..leading).map(|b| packet(shown + b, Start::Never, b == 1)));
                    shown += leading + 1;
                }
            }
            packets
        })
    }

    proptest! {
        #[test]
        fn every_wanted_picture_is_sent_once_and_after_what_it_may_refer_to(
            packets in stream(),
            picks in prop::collection::vec(any::<prop::sample::Index>(), 1..6),
        ) {
            let mut wanted: Vec<_> = picks.iter().map(|pick| packets[pick.index(packets.len())].place.unwrap()).collect();
            wanted.sort_unstable();
            wanted.dedup();
            let runs = plan(&packets, &wanted, Skip::Unwanted).unwrap();
            let all: Vec<usize> = runs.iter().flat_map(|run| &run.send).map(|packet| packet.0 as usize).collect();
            prop_assert!(all.is_sorted_by(|a, b| a < b));
            for place in &wanted {
                prop_assert!(all.iter().any(|&at| packets[at].place == Some(*place)));
            }
            for run in &runs {
                let (start, last) = (run.send[0].0 as usize, run.send.last().unwrap().0 as usize);
                prop_assert!(start == 0 || packets[start].start != Start::Never);
                for at in start..=last {
                    let left_out = !run.send.contains(&PacketNumber(at as u32));
                    prop_assert!(!left_out || packets[at].disposable || is_leading(&packets, start, at));
                }
                for &PacketNumber(at) in &run.send {
                    prop_assert!(!is_leading(&packets, start, at as usize));
                }
            }
        }
    }
}
