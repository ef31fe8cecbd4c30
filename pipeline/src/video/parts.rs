//! Films that an edit list puts together from several parts of a track: whether their parts can be joined.
//!
//! A decoder is sent the parts one after the other. Each must begin with a picture that needs none of the part
//! before; pictures that are decoded after it and shown before it would need them, and are never shown.

use crate::{
    codec::{Coded, Start},
    demux::Packet,
    error::VideoError,
    plan::order::Stamp,
};

/// Checks the beginning of every part but the first, and takes out what would need the part before.
pub(super) fn join(packets: &mut Vec<Packet>, coded: &mut Vec<Coded>) -> Result<(), VideoError> {
    let stamps: Vec<Stamp> = packets.iter().map(|packet| packet.stamp).collect();
    let parts = stamps.last().map_or(1, |stamp| stamp.part as usize + 1);
    if parts == 1 {
        return Ok(());
    }
    let refuse = |reason| Err(VideoError::EditList { parts, reason });
    if coded.iter().any(|coded| coded.irregular) {
        return refuse("its packets are no frames");
    }
    let keep = kept(&stamps, coded);
    let Some(keep) = keep else { return refuse("one of them begins with a picture that needs others") };
    let mut kept = keep.iter();
    packets.retain(|_| kept.next() == Some(&true));
    let mut kept = keep.iter();
    coded.retain(|_| kept.next() == Some(&true));
    Ok(())
}

/// Which packets are kept; nothing when a part cannot begin where it does.
fn kept(stamps: &[Stamp], coded: &[Coded]) -> Option<Vec<bool>> {
    let mut keep = vec![true; stamps.len()];
    for first in 1..stamps.len() {
        if stamps[first].part == stamps[first - 1].part {
            continue;
        }
        match coded[first].start {
            Start::Never => return None,
            Start::Closed => {}
            Start::Open => {
                let part = first + 1..stamps.len();
                let group = part.take_while(|&at| {
                    stamps[at].part == stamps[first].part && coded[at].start == Start::Never
                });
                for at in group.filter(|&at| stamps[at].pts < stamps[first].pts) {
                    keep[at] = false;
                }
            }
        }
    }
    Some(keep)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StreamTime;

    #[test]
    fn parts_begin_with_starts_and_lose_pictures_that_lead_them() {
        let stamp = |part, pts| Stamp { part, pts: Some(StreamTime(pts)), ..Stamp::default() };
        let stamps = [stamp(0, 0), stamp(0, 1), stamp(1, 7), stamp(1, 5), stamp(1, 8), stamp(1, 9)];
        let coded = |second| {
            let mut coded = [Coded::UNKNOWN; 6];
            coded[2].start = second;
            coded
        };
        assert_eq!(kept(&stamps, &coded(Start::Never)), None);
        assert_eq!(kept(&stamps, &coded(Start::Closed)), Some(vec![true; 6]));
        assert_eq!(kept(&stamps, &coded(Start::Open)), Some(vec![true, true, true, false, true, true]));
    }
}
