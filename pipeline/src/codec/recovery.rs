//! Where the frames of an H.264 stream begin that does not begin with an instantaneous refresh picture: one that was cut
//! out of a broadcast, or between open groups of pictures.
//!
//! Messages of recovery points (ITU-T H.264, D.1.8) say after how many reference pictures the frames are right that are
//! shown from there on. FFmpeg shows no frame before (h264_field_start in h264_slice.c), and nor is one shown here:
//!
//! ```text
//! decode order   I5  b3  b4  P8  b6  b7         the message stands with I5, and counts 0
//! shown              ·   ·   ■   ■   ■   ■      3 and 4 need pictures that were cut off
//! ```
//!
//! Only pictures that need no other count as such points. Where a message counts more than 0, frames get right little by
//! little, and damage to those that are not shown would spoil those that are. And FFmpeg takes pictures without a message
//! for recovery points, by what they look like and not alike in all of its versions. No point is found in a stream that
//! has one of these before.

/// What a picture says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Marks {
    /// Others may refer to it.
    pub is_reference: bool,
    /// Its first slice refers to no other picture.
    pub is_intra: bool,
    /// It is an instantaneous refresh picture.
    pub refreshes: bool,
    /// The number of reference pictures until all is right, where a message with the picture states one.
    pub stated: Option<u32>,
}

/// Looks for the first picture that is right, and from which on all are.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    is_over: bool,
}

impl Recovery {
    /// Whether no later picture can be the one.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Takes in the next picture, and says whether it is the one.
    pub(super) fn is_reached_by(&mut self, picture: Marks) -> bool {
        let stands_alone = picture.is_intra && picture.is_reference;
        let is_point = picture.refreshes || (stands_alone && picture.stated == Some(0));
        let is_reached = is_point && !self.is_over;
        self.is_over |= is_point || stands_alone || picture.stated.is_some();
        is_reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PICTURE: Marks = Marks { is_reference: true, is_intra: false, refreshes: false, stated: None };
    const INTRA: Marks = Marks { is_intra: true, ..PICTURE };
    const POINT: Marks = Marks { stated: Some(0), ..INTRA };
    const REFRESH: Marks = Marks { refreshes: true, ..INTRA };

    /// The first picture that is right.
    fn first(pictures: &[Marks]) -> Option<usize> {
        let mut recovery = Recovery::default();
        let reached: Vec<bool> = pictures.iter().map(|&picture| recovery.is_reached_by(picture)).collect();
        assert!(reached.iter().filter(|&&reached| reached).count() <= 1);
        reached.iter().position(|&reached| reached)
    }

    #[test]
    fn it_is_the_first_that_refreshes_or_stands_alone_and_says_so() {
        assert_eq!(first(&[POINT, PICTURE, POINT]), Some(0));
        assert_eq!(first(&[PICTURE, PICTURE, POINT, REFRESH]), Some(2));
        assert_eq!(first(&[PICTURE, REFRESH, POINT, REFRESH]), Some(1));
        let beside = Marks { is_reference: false, ..INTRA };
        assert_eq!(first(&[beside, POINT]), Some(1));
        assert_eq!(first(&[PICTURE]), None);
    }

    #[test]
    fn one_that_might_be_it_before_leaves_it_open() {
        assert_eq!(first(&[INTRA, POINT]), None);
        assert_eq!(first(&[INTRA, REFRESH]), None);
        let refreshed = Marks { stated: Some(3), ..PICTURE };
        assert_eq!(first(&[refreshed, PICTURE, POINT]), None);
        assert_eq!(first(&[Marks { stated: Some(0), ..PICTURE }, REFRESH]), None);
        assert_eq!(first(&[Marks { is_reference: false, ..POINT }, REFRESH]), None);
    }
}
