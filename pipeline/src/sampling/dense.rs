//! Dense sampling as VideoMAE fine-tunes and tests with it (`kinetics.py`; V2's `datasets.py`).
//!
//! A training clip covers L·stride frames by `linspace` with both ends included, so its frames are
//! stride · L/(L−1) apart (4.267 for 16 frames at stride 4). Test clips step by the stride itself.
//!
//! ```text
//! train, N > L·s   index = ⌊linspace(end − L·s, end, L)⌋, at most end − 1,   end one of L·s … N−1
//! train, N ≤ L·s   index = ⌊linspace(0, N, ⌊N/s⌋)⌋, then N again and again,  at most N − 1
//! test             kept = 0, s, 2s, … (the last repeated up to L);  clip c = kept[⌊c·step⌋ … + L]
//! ```

use crate::{FrameRank, draws::Draws};

/// NumPy's `linspace(start, stop, count)`, rounded down.
fn linspace(start: u32, stop: u32, count: u32) -> impl Iterator<Item = u32> {
    let (from, to) = (f64::from(start), f64::from(stop));
    let step = (to - from) / f64::from(count.saturating_sub(1).max(1));
    (0..count).map(move |at| {
        // NumPy sets the last value to the stop itself, except where it is also the first.
        if at > 0 && at + 1 == count { stop } else { (f64::from(at) * step + from) as u32 }
    })
}

/// L·stride, the frames that a training clip covers.
fn span(clip: u32, stride: u32) -> u32 {
    clip.saturating_mul(stride.max(1))
}

/// Where a training clip of `frames` frames may end: `low … high − 1`; none where the video is no longer
/// than the clip's span and nothing is drawn.
pub fn ends(frames: u32, clip: u32, stride: u32) -> Option<(u32, u32)> {
    let span = span(clip, stride);
    (frames > span).then_some((span, frames))
}

/// The frames of a training clip that ends at `end` (ignored where [`ends`] says that nothing is drawn).
pub fn ending_at(frames: u32, clip: u32, stride: u32, end: u32) -> Vec<FrameRank> {
    let last = frames.saturating_sub(1);
    match ends(frames, clip, stride) {
        Some((span, _)) => linspace(end.saturating_sub(span), end, clip)
            .map(|rank| FrameRank(rank.min(end.saturating_sub(1))))
            .collect(),
        None => {
            let spread = linspace(0, frames, frames / stride.max(1)).map(|rank| rank.min(last));
            spread.chain(std::iter::repeat(last)).take(clip as usize).map(FrameRank).collect()
        }
    }
}

/// A training clip, its end drawn.
#[doc(alias = "dense sampling")]
pub fn train(frames: u32, clip: u32, stride: u32, draws: &mut Draws) -> Vec<FrameRank> {
    let end =
        ends(frames, clip, stride).map_or(0, |(low, high)| low + draws.place((high - low) as usize) as u32);
    ending_at(frames, clip, stride, end)
}

/// The clip by which V2 validates: the middle one. (V1 draws it, so its best epoch is partly luck.)
pub fn validation(frames: u32, clip: u32, stride: u32) -> Vec<FrameRank> {
    let middle = (u64::from(span(clip, stride)) + u64::from(frames)) / 2;
    ending_at(frames, clip, stride, u32::try_from(middle).unwrap_or(u32::MAX))
}

/// The `views` clips of a test. One view would divide by zero in the official code; here it is the
/// validation clip.
pub fn test(frames: u32, clip: u32, stride: u32, views: u32) -> Vec<Vec<FrameRank>> {
    if views <= 1 {
        return vec![validation(frames, clip, stride)];
    }
    let mut kept: Vec<_> = (0..frames).step_by(stride.max(1) as usize).map(FrameRank).collect();
    let last = kept.last().copied().unwrap_or(FrameRank(0));
    kept.resize(kept.len().max(clip as usize), last);
    let step = (kept.len() - clip as usize) as f64 / f64::from(views - 1);
    let view = |number: u32| {
        let start = (f64::from(number) * step) as usize;
        kept.iter().copied().skip(start).take(clip as usize).collect()
    };
    (0..views).map(view).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::draws::Purpose;

    #[test]
    fn training_clips_are_those_of_the_official_code() {
        let table: [(u32, u32, [u32; 16]); 7] = [
            (300, 64, [0, 4, 8, 12, 17, 21, 25, 29, 34, 38, 42, 46, 51, 55, 59, 63]),
            (300, 299, [235, 239, 243, 247, 252, 256, 260, 264, 269, 273, 277, 281, 286, 290, 294, 298]),
            (64, 0, [0, 4, 8, 12, 17, 21, 25, 29, 34, 38, 42, 46, 51, 55, 59, 63]),
            (63, 0, [0, 4, 9, 13, 18, 22, 27, 31, 36, 40, 45, 49, 54, 58, 62, 62]),
            (60, 0, [0, 4, 8, 12, 17, 21, 25, 30, 34, 38, 42, 47, 51, 55, 59, 59]),
            (30, 0, [0, 5, 10, 15, 20, 25, 29, 29, 29, 29, 29, 29, 29, 29, 29, 29]),
            (3, 0, [2; 16]),
        ];
        for (frames, end, expected) in table {
            assert_eq!(ending_at(frames, 16, 4, end), expected.map(FrameRank), "{frames} frames, end {end}");
        }
        assert_eq!((ends(300, 16, 4), ends(64, 16, 4)), (Some((64, 300)), None));
    }

    #[test]
    fn the_five_clips_of_a_300_frame_test_step_by_exactly_4() {
        let views = test(300, 16, 4, 5);
        let ends: Vec<_> = views.iter().map(|view| (view[0].0, view[15].0)).collect();
        assert_eq!(ends, [(0, 60), (56, 116), (116, 176), (176, 236), (236, 296)]);
        assert!(views.iter().all(|view| view.windows(2).all(|pair| pair[1].0 - pair[0].0 == 4)));
    }

    #[test]
    fn one_test_view_is_the_middle_clip() {
        let middle = [118, 122, 126, 130, 135, 139, 143, 147, 152, 156, 160, 164, 169, 173, 177, 181];
        assert_eq!(test(300, 16, 4, 1), [middle.map(FrameRank)]);
    }

    proptest! {
        #[test]
        fn every_clip_has_its_length_and_frames_that_exist(
            frames in 1u32..400, clip in 1u32..33, stride in 1u32..9, views in 1u32..8, number: u64,
        ) {
            let mut draws = Draws::new(0, Purpose::Start, 0, number);
            let mut clips = test(frames, clip, stride, views);
            prop_assert_eq!(clips.len(), views as usize);
            clips.push(train(frames, clip, stride, &mut draws));
            clips.push(validation(frames, clip, stride));
            for ranks in clips {
                prop_assert_eq!(ranks.len(), clip as usize);
                prop_assert!(ranks.is_sorted() && ranks.iter().all(|rank| rank.0 < frames));
            }
        }
    }
}
