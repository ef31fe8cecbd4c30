//! Weights of classes that differ in their number of videos.
//!
//! ```text
//! one class a video     n / (K · n_c)       scikit-learn's `compute_class_weight("balanced")`
//! several               (n − n_c) / n_c     the same formula of "has it" over that of "has it not", which is
//!                                           PyTorch's `pos_weight`
//! ```

use std::collections::HashMap;

use super::Classes;
use crate::video_entry::VideoEntry;

/// The weight of each class of which there are `counts` videos; none for a class without any.
#[doc(alias = "compute_class_weight")]
pub fn balanced_weights(counts: &[usize]) -> Vec<Option<f64>> {
    let (videos, classes) = (counts.iter().sum::<usize>() as f64, counts.len() as f64);
    counts.iter().map(|&count| (count > 0).then(|| videos / (classes * count as f64))).collect()
}

/// The weight of having each label, of which there are `counts` among `videos` videos, against not having it;
/// none for a label that no video has, or all have.
#[doc(alias = "pos_weight")]
pub fn positive_weights(counts: &[usize], videos: usize) -> Vec<Option<f64>> {
    let weight =
        |&count: &usize| (1..videos).contains(&count).then(|| (videos - count) as f64 / count as f64);
    counts.iter().map(weight).collect()
}

/// Videos of each class, by class number.
pub fn counts(videos: &[VideoEntry], classes: &Classes) -> Vec<usize> {
    let mut counts: HashMap<i32, usize> = HashMap::new();
    for label in videos.iter().filter_map(|video| video.label) {
        *counts.entry(label).or_default() += 1;
    }
    let count = |class: usize| i32::try_from(class).ok().and_then(|class| counts.get(&class).copied());
    (0..classes.len()).map(|class| count(class).unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balanced_weights_are_scikit_learn_s() {
        // compute_class_weight("balanced", classes=np.arange(3), y=[0] * 70 + [1] * 20 + [2] * 7)
        let wanted = [0.461_904_761_904_761_9, 1.616_666_666_666_666_7, 4.619_047_619_047_619];
        for (found, wanted) in balanced_weights(&[70, 20, 7]).into_iter().zip(wanted) {
            assert!((found.unwrap() - wanted).abs() < 1e-15, "{found:?} {wanted}");
        }
        assert_eq!(balanced_weights(&[3, 0]), [Some(0.5), None]);
    }

    #[test]
    fn a_label_s_weight_is_the_ratio_of_two_balanced_weights() {
        // compute_class_weight("balanced", classes=[0, 1], y=[1] * 5 + [0] * 35): 0.571…, 4.0
        assert_eq!(positive_weights(&[5, 0, 40], 40), [Some(7.0), None, None]);
        let both = balanced_weights(&[35, 5]);
        assert!((both[1].unwrap() / both[0].unwrap() - 7.0).abs() < 1e-12);
    }
}
