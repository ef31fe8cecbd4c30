//! The groups of a video that hold the frames of a part of it, as a video of their own.
//!
//! ```text
//! packets   I0 P3 b1 b2 │ I6 P9 b7 b8 │ I12 …       part: frames 7 and 8
//! kept                    I6 P9 b7 b8               frames 6 to 9, of which 1 and 2 are the part
//! ```
//!
//! It is cut where decoding may begin and no frame lies on the other side, so what is kept decodes as it does in the
//! whole. Where frames are counted nothing is cut.

use std::ops::Range;

use super::stored_video::{StoredPacket, StoredPart, StoredVideo};
use crate::{
    codec::Start,
    plan::{OutputIndex, order::IndexMode},
};

impl StoredVideo {
    /// The groups that hold these frames, and which of its packets they are.
    pub(crate) fn part(self, frames: Range<usize>) -> (Self, Range<usize>) {
        let hidden = self.hidden_before() as usize;
        let wanted = frames.start + hidden..frames.end + hidden;
        let kept = match self.mode {
            IndexMode::Linear => 0..self.packets.len(),
            IndexMode::Times | IndexMode::Reorder => groups(&self.packets, &wanted),
        };
        let places = || self.packets[kept.clone()].iter().filter_map(|packet| packet.fact.place);
        let before = places().min().map_or(0, |OutputIndex(place)| place as usize);
        let (first, shown) = match self.mode {
            IndexMode::Linear => (0, self.times.len()),
            _ => (before.saturating_sub(hidden), places().count() - hidden.saturating_sub(before)),
        };
        let moved = |packet: &StoredPacket| {
            let mut packet = *packet;
            packet.fact.place = packet.fact.place.map(|place| OutputIndex(place.0 - before as u32));
            packet
        };
        let last = (first + shown).min(self.times.len());
        let part = StoredPart {
            first: first as u32,
            start: (frames.start - first) as u32,
            stop: (frames.end - first) as u32,
        };
        let hidden = match self.mode {
            IndexMode::Linear => self.hidden,
            _ => self.hidden.saturating_sub(before as u32),
        };
        let times = self.times[first..last].to_vec();
        let packets = self.packets[kept.clone()].iter().map(moved).collect();
        (Self { hidden, times, packets, part: Some(part), ..self }, kept)
    }
}

/// The packets from the last place before the `wanted` frames where the video can be cut to the first behind them.
fn groups(packets: &[StoredPacket], wanted: &Range<usize>) -> Range<usize> {
    let is_wanted = |packet: &StoredPacket| {
        packet.fact.place.is_some_and(|OutputIndex(place)| wanted.contains(&(place as usize)))
    };
    let Some((first, last)) = packets.iter().position(is_wanted).zip(packets.iter().rposition(is_wanted))
    else {
        return 0..packets.len();
    };
    // The lowest place from each packet on.
    let mut lowest = vec![u32::MAX; packets.len() + 1];
    for (at, packet) in packets.iter().enumerate().rev() {
        lowest[at] = lowest[at + 1].min(packet.fact.place.map_or(u32::MAX, |place| place.0));
    }
    let (mut from, mut to, mut highest) = (0, packets.len(), None);
    for (at, packet) in packets.iter().enumerate() {
        let is_cut = packet.fact.start == Start::Closed && highest.is_none_or(|highest| highest < lowest[at]);
        if is_cut && at <= first {
            from = at;
        }
        if is_cut && at > last {
            to = at;
            break;
        }
        highest = highest.max(packet.fact.place.map(|place| place.0));
    }
    from..to
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::PacketFact;

    fn packets(of: &[(u32, Start)]) -> Vec<StoredPacket> {
        let packet = |&(place, start): &(u32, Start)| StoredPacket {
            bytes: 1,
            pts: None,
            fact: PacketFact { place: Some(OutputIndex(place)), start, disposable: false },
            hidden: false,
            key: start != Start::Never,
        };
        of.iter().map(packet).collect()
    }

    #[test]
    fn what_is_kept_begins_and_ends_where_no_frame_is_torn_from_its_group() {
        use Start::{Closed, Never, Open};
        let video = packets(&[
            (0, Closed),
            (2, Never),
            (1, Never),
            (3, Closed),
            (5, Never),
            (4, Never),
            (8, Open),
            (7, Never),
            (6, Never),
            (9, Closed),
        ]);
        for (wanted, kept) in
            [(1..2, 0..3), (2..4, 0..9), (4..5, 3..9), (6..9, 3..9), (9..10, 9..10), (0..10, 0..10)]
        {
            assert_eq!(groups(&video, &wanted), kept, "{wanted:?}");
        }
    }
}
