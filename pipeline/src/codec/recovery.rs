//! Where the frames of an H.264 stream begin that does not begin with an instantaneous refresh picture: one that was cut
//! out of a broadcast, or between open groups of pictures.
//!
//! Messages of recovery points (ITU-T H.264, D.1.8) say after how many reference pictures the frames are right that are
//! shown from there on. FFmpeg shows no frame before (h264_field_start in h264_slice.c), and this follows its rule:
//!
//! ```text
//! decode order   I5  b3  b4  P8  b6  b7         the message stands with I5, and counts 0
//! shown              ·   ·   ■   ■   ■   ■      3 and 4 need pictures that were cut off
//! ```
//!
//! FFmpeg also takes pictures without such a message for recovery points, by what they look like and not alike in all of
//! its versions. No point is found here in a stream that has one before the first that is stated.

/// What a picture says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Marks {
    /// `frame_num`.
    pub number: u32,
    /// How many bits it has.
    pub bits: u32,
    /// Others may refer to it.
    pub is_reference: bool,
    /// Its first slice refers to no other picture.
    pub is_intra: bool,
    /// It is an instantaneous refresh picture.
    pub refreshes: bool,
    /// The number of frames until all is right, where a message with the picture states one.
    pub stated: Option<u32>,
}

/// Looks for the first picture that is right, and from which on all are.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    /// `frame_num` of that picture.
    awaited: Option<u32>,
    is_over: bool,
}

impl Recovery {
    /// Takes in the next picture, and says whether it is the one.
    pub(super) fn is_reached_by(&mut self, picture: Marks) -> bool {
        if self.is_over {
            return false;
        }
        let count = 1u32 << picture.bits;
        if let Some(frames) = picture.stated.filter(|&frames| frames < count) {
            let left = |awaited: u32| awaited.wrapping_sub(picture.number) % count;
            if self.awaited.is_none_or(|awaited| left(awaited) > frames) {
                self.awaited = Some((picture.number + frames) % count);
            }
            // Some encoders counted wrong in the first message; FFmpeg knows them by this.
            self.is_over = frames > 0 && frames == picture.number && picture.is_intra;
        }
        let is_awaited = self.awaited == Some(picture.number) && picture.is_reference && !self.is_over;
        let is_reached = picture.refreshes || is_awaited;
        self.is_over |= is_reached || (picture.is_intra && picture.is_reference);
        is_reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PICTURE: Marks =
        Marks { number: 0, bits: 4, is_reference: true, is_intra: false, refreshes: false, stated: None };

    /// The first picture that is right, of those with these numbers and messages.
    fn first(pictures: &[Marks]) -> Option<usize> {
        let mut recovery = Recovery::default();
        let reached: Vec<bool> = pictures.iter().map(|&picture| recovery.is_reached_by(picture)).collect();
        assert!(reached.iter().filter(|&&reached| reached).count() <= 1);
        reached.iter().position(|&reached| reached)
    }

    fn picture(number: u32, stated: Option<u32>) -> Marks {
        Marks { number, stated, ..PICTURE }
    }

    #[test]
    fn it_is_the_picture_that_a_message_counts_to() {
        let intra = Marks { is_intra: true, ..picture(5, Some(0)) };
        assert_eq!(first(&[intra, picture(6, None)]), Some(0));
        assert_eq!(first(&[picture(4, None), intra]), Some(1));
        let refreshed = [picture(14, Some(3)), picture(15, None), picture(0, None), picture(1, None)];
        assert_eq!(first(&refreshed), Some(3));
        // A picture that no other refers to has the number of the one behind it.
        let beside = Marks { is_reference: false, ..picture(1, None) };
        assert_eq!(first(&[picture(15, Some(2)), picture(0, None), beside, picture(1, None)]), Some(3));
        // A later message does not put it off, and one that counts less brings it nearer.
        assert_eq!(
            first(&[picture(1, Some(3)), picture(2, Some(3)), picture(3, None), picture(4, None)]),
            Some(3)
        );
        assert_eq!(
            first(&[picture(1, Some(3)), picture(2, Some(1)), picture(3, None), picture(4, None)]),
            Some(2)
        );
    }

    #[test]
    fn a_refresh_picture_ends_the_search() {
        let refresh = Marks { refreshes: true, is_intra: true, ..picture(0, None) };
        assert_eq!(first(&[picture(7, None), refresh, refresh]), Some(1));
    }

    #[test]
    fn a_picture_that_might_be_one_without_saying_so_leaves_it_open() {
        let intra = |stated| Marks { is_intra: true, ..picture(3, stated) };
        assert_eq!(first(&[intra(None), intra(Some(0))]), None);
        assert_eq!(first(&[picture(2, Some(1)), intra(None)]), Some(1));
        assert_eq!(first(&[intra(Some(3)), picture(4, None), picture(6, None)]), None);
        assert_eq!(first(&[picture(2, None), picture(3, Some(16))]), None);
    }
}
