//! Films of H.264 that begin in the middle of a stream: their frames are those from the first on that is right.
//!
//! Decoders show what they make of the pictures before as well, marked as corrupted; FFmpeg leaves these frames out, and
//! so they are hidden here as those before an edit list are. Which picture is the first is found in its headers
//! ([`codec`](crate::codec)); that the decoder marks none but those before it is checked where frames come out.

use crate::{
    codec::{Coded, Start},
    demux::Packet,
    plan::{OutputIndex, order::Stamp},
};

/// Hides the frames before the first one that is right, and lets decoding begin with the first packet; gives their
/// number. Nothing changes where the stream begins with a start, or where no picture is known to be right.
pub(super) fn hide(
    packets: &mut [Packet],
    stamps: &mut [Stamp],
    coded: &mut [Coded],
    places: &[Option<OutputIndex>],
) -> u32 {
    let begins = coded.first().is_none_or(|first| first.start != Start::Never);
    let first = coded.iter().position(|coded| coded.recovers);
    let Some(first) = first.and_then(|at| places[at]).filter(|_| !begins) else { return 0 };
    for (at, place) in places.iter().enumerate() {
        if place.is_some_and(|place| place < first) {
            stamps[at] = Stamp { hidden: true, behind: false, ..stamps[at] };
            packets[at].stamp = stamps[at];
        }
    }
    // What is decoded behind the first packet and shown before it needs what was cut off.
    coded[0].start = Start::Open;
    first.0
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::demux::Body;

    #[test]
    fn frames_before_the_first_that_is_right_are_hidden() {
        let packet = Packet { body: Body::Held(Bytes::new()), stamp: Stamp::default(), key: false };
        let places = [3, 1, 2, 4, 0].map(|place| Some(OutputIndex(place)));
        let hidden = |recovers: Option<usize>, start| {
            let mut packets = vec![packet.clone(); 5];
            let (mut stamps, mut coded) = (vec![Stamp::default(); 5], [Coded::UNKNOWN; 5]);
            coded[0].start = start;
            if let Some(at) = recovers {
                coded[at].recovers = true;
            }
            let count = hide(&mut packets, &mut stamps, &mut coded, &places);
            assert!(packets.iter().zip(&stamps).all(|(packet, stamp)| packet.stamp == *stamp));
            (count, stamps.iter().filter(|stamp| stamp.hidden).count(), coded[0].start)
        };
        assert_eq!(hidden(Some(0), Start::Never), (3, 3, Start::Open));
        assert_eq!(hidden(Some(2), Start::Never), (2, 2, Start::Open));
        assert_eq!(hidden(Some(0), Start::Closed), (0, 0, Start::Closed));
        assert_eq!(hidden(None, Start::Never), (0, 0, Start::Never));
    }
}
