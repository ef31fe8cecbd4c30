//! Where a decoder stands in a video whose decode has stopped half-way, and what is left of a plan from there.
//!
//! ```text
//! decode order   I0  P3  b1  b2  P6  b4  b5  P9 …     the last call wanted frames 0 to 2
//! sent           ■   ■   ■   ■   ■                    P6 was sent ahead, so that frame 2 came out
//! held                                                3 and 6: sent, and yet to come out
//! the next: 3 to 5                       ■   ■   ■    the plan (I0 to b5) less what was sent, and P9 ahead
//! ```
//!
//! Everything since the start of the run was sent but for pictures that no other one refers to, and pictures that lead
//! the start. So whatever comes next decodes as in a full decode.

use std::collections::BTreeSet;

use crate::{
    PacketNumber,
    plan::{OutputIndex, PacketFact, PacketRun},
};

/// Where a decoder stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// The packet where decoding began.
    pub start: PacketNumber,
    /// The last packet that was sent.
    pub last: PacketNumber,
    /// The last frame that came out.
    pub came: OutputIndex,
    /// Frames whose packets were sent and that have yet to come out.
    pub held: BTreeSet<OutputIndex>,
}

impl Position {
    /// Where a decoder stands that is about to begin at a packet.
    pub fn before(start: PacketNumber) -> Self {
        Self { start, last: start, came: OutputIndex(0), held: BTreeSet::new() }
    }

    /// What is left of a run that gives the frames `wanted` (rising), so that the decoder goes on where it stands; nothing
    /// where it cannot, or would save nothing.
    pub fn rest_of(
        &self,
        run: &PacketRun,
        index: &[PacketFact],
        wanted: &[OutputIndex],
    ) -> Option<PacketRun> {
        let begins = *run.send.first()?;
        if begins < self.start || begins > self.last {
            return None;
        }
        let (sent, send): (Vec<_>, Vec<_>) = run.send.iter().partition(|&&packet| packet <= self.last);
        let place = |packet: PacketNumber| index.get(packet.0 as usize).and_then(|packet| packet.place);
        let is_gone =
            |place: OutputIndex| wanted.binary_search(&place).is_ok() && !self.held.contains(&place);
        let can_go_on = !sent.into_iter().filter_map(place).any(is_gone);
        can_go_on.then_some(PacketRun { send })
    }

    /// The position after the packets `sent` more, the last frame of which was `came`.
    pub fn after(
        self,
        sent: impl Iterator<Item = PacketNumber>,
        index: &[PacketFact],
        came: OutputIndex,
    ) -> Self {
        let Self { start, mut last, mut held, .. } = self;
        for packet in sent {
            last = last.max(packet);
            held.extend(index.get(packet.0 as usize).and_then(|packet| packet.place));
        }
        held.retain(|&place| place > came);
        Self { start, last, came, held }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{codec::Start, plan};
    use schemas::settings::Skip;

    /// I0 P3 b1 b2 | I6 b4 b5 P9 b7 b8 with an open start at I6.
    fn film() -> Vec<PacketFact> {
        let packet =
            |(place, start, disposable)| PacketFact { place: Some(OutputIndex(place)), start, disposable };
        let packets = [
            (0, Start::Closed, false),
            (3, Start::Never, false),
            (1, Start::Never, true),
            (2, Start::Never, true),
            (6, Start::Open, false),
            (4, Start::Never, true),
            (5, Start::Never, true),
            (9, Start::Never, false),
            (7, Start::Never, true),
            (8, Start::Never, true),
        ];
        packets.into_iter().map(packet).collect()
    }

    /// What is sent for the frames `wanted` after the packets `sent`, the first of which began a run, when `came` was the last
    /// frame that came out.
    fn rest(sent: &[u32], came: u32, wanted: &[u32]) -> Option<Vec<u32>> {
        let film = film();
        let sent = sent.iter().copied().map(PacketNumber);
        let wanted: Vec<_> = wanted.iter().copied().map(OutputIndex).collect();
        let start = sent.clone().next().unwrap();
        let position = Position::before(start).after(sent, &film, OutputIndex(came));
        let runs = plan::plan(&film, &wanted, Skip::Unwanted).unwrap();
        let rest = position.rest_of(&runs[0], &film, &wanted)?;
        Some(rest.send.into_iter().map(|packet| packet.0).collect())
    }

    #[test]
    fn what_was_sent_is_not_sent_again() {
        assert_eq!(rest(&[0, 1, 2, 3, 4], 2, &[3, 4, 5]), Some(vec![5, 6]));
        assert_eq!(rest(&[0, 1, 2, 3, 4], 2, &[3]), Some(vec![]));
        assert_eq!(rest(&[0, 1, 2, 3, 4], 2, &[9]), Some(vec![7]));
    }

    #[test]
    fn a_frame_that_came_or_was_left_out_makes_a_decode_begin_anew() {
        assert_eq!(rest(&[0, 1, 2, 3, 4], 2, &[2, 3]), None);
        assert_eq!(rest(&[0, 1, 3, 4], 0, &[1, 2]), None, "b1 was left out");
        assert_eq!(rest(&[0, 1, 3, 4], 0, &[2]), Some(vec![]), "b2 is yet to come");
    }

    #[test]
    fn pictures_that_lead_the_start_are_not_decoded_without_the_group_before() {
        assert_eq!(rest(&[4], 6, &[9]), Some(vec![7]));
        assert_eq!(rest(&[4], 6, &[5, 9]), None);
        let ahead = plan::following(&film(), PacketNumber(4), PacketNumber(4), 2);
        assert_eq!(ahead, [], "b4 and b5 lead");
        let ahead = plan::following(&film(), PacketNumber(0), PacketNumber(4), 3);
        assert_eq!(ahead, [5, 6, 7].map(PacketNumber));
    }

    #[test]
    fn nothing_is_gained_where_decoding_may_begin_behind() {
        assert_eq!(rest(&[0, 1, 2, 3], 2, &[9]), None);
    }
}
