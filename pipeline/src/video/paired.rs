//! Films whose packets are fields: two of them are one frame, at the time of the first.

use crate::{
    codec::{Coded, fields::second_fields},
    demux::Packet,
};

/// Gives the frame of two fields to the packet of the first; that of the second shows nothing and has no time.
pub(super) fn join(packets: &mut [Packet], coded: &mut [Coded]) {
    let seconds = second_fields(coded);
    let mut first = 0;
    for at in (0..packets.len()).filter(|&at| coded[at].shown || seconds[at]).collect::<Vec<_>>() {
        if !seconds[at] {
            first = at;
            continue;
        }
        coded[at].shown = false;
        let second = std::mem::take(&mut packets[at].stamp.duration);
        let stamp = &mut packets[first].stamp;
        stamp.duration = stamp.duration.zip(second).map(|(one, other)| one.saturating_add(other));
        (packets[at].stamp.pts, packets[at].stamp.dts) = (None, None);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{
        StreamTime,
        codec::{Codec, Field},
        demux::Body,
        plan::order::{self, IndexMode, Stamp},
    };

    #[test]
    fn frames_of_two_packets_have_the_times_of_the_first() {
        let packet = |milliseconds: i64| Packet {
            body: Body::Held(Bytes::new()),
            stamp: Stamp {
                pts: Some(StreamTime(milliseconds * 1_000_000)),
                duration: Some(20_000_000),
                ..Stamp::default()
            },
            key: false,
        };
        let field = |bottom, number| Coded {
            field: Some(Field { bottom, number }),
            irregular: true,
            ..Coded::UNKNOWN
        };
        // Two frames of fields, shown in the other order, and a whole frame.
        let mut packets: Vec<_> = [80, 100, 40, 60, 120].map(packet).into();
        let mut coded =
            vec![field(false, 1), field(true, 1), field(false, 2), field(true, 2), Coded::UNKNOWN];
        join(&mut packets, &mut coded);
        let shown: Vec<_> = coded.iter().map(|coded| coded.shown).collect();
        assert_eq!(shown, [true, false, true, false, true]);
        let stamps: Vec<_> = packets.iter().map(|packet| packet.stamp).collect();
        let (mode, places) = order::order(Codec::H264, &stamps, &coded);
        assert_eq!(mode, IndexMode::Linear);
        let times = order::times(mode, &stamps, &places, 3);
        assert_eq!(times, [40, 80, 120].map(|time| StreamTime(time * 1_000_000)));
        assert_eq!(
            stamps.iter().map(|stamp| stamp.duration).collect::<Vec<_>>(),
            [Some(40_000_000), None, Some(40_000_000), None, Some(20_000_000)]
        );
    }
}
