//! Epochs in which every class comes equally often, whatever the number of its videos (class-aware sampling).
//!
//! ```text
//! clip n of an epoch ─▶ a class, all equally likely ─▶ one of its videos, all equally likely ─▶ one of its slots
//! ```
//!
//! Drawn with replacement from (seed, epoch, n), so an epoch has as many clips as ever: videos of rare classes
//! come several times in it, and some of frequent classes do not come. A video that comes again shows the frames
//! of its slot again, with a crop and changes of its own. Where videos have several labels a label is drawn, then
//! a video that has it; those without any label are a class of their own. Classes without a video are not drawn.

use std::collections::BTreeMap;

use crate::{
    VideoNumber,
    draws::{Draws, Purpose},
    schedule::{Order, Schedule},
    source::{ClipSource, Truth},
};

/// The videos of each class that has any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Groups(Vec<Vec<VideoNumber>>);

impl Groups {
    /// The classes of the videos of a source; a video without a class is in none.
    pub(super) fn of(source: &dyn ClipSource) -> Self {
        let mut groups: BTreeMap<i64, Vec<VideoNumber>> = BTreeMap::new();
        for video in (0..source.videos()).map(VideoNumber) {
            let Truth { label, labels } = source.truth(video);
            for class in classes_of(label, labels.as_deref()) {
                groups.entry(class).or_default().push(video);
            }
        }
        Self(groups.into_values().collect())
    }

    /// The slots of an epoch. Without any class it is the schedule's own.
    pub(super) fn order(&self, schedule: &Schedule, epoch: u32) -> Order {
        if self.0.is_empty() {
            return schedule.order(epoch);
        }
        let slots = (0..schedule.clips()).map(|number| {
            let mut draws = Draws::new(schedule.seed, Purpose::Balance, epoch, number);
            let videos = &self.0[draws.place(self.0.len())];
            let video = videos[draws.place(videos.len())];
            let clips = schedule.clips_per_video;
            video.slot(clips, draws.below(u64::from(clips)))
        });
        Schedule::in_order(epoch, slots.collect())
    }
}

/// The classes that a video counts among; −1 is that of videos whose labels are all 0.
fn classes_of(label: Option<i32>, labels: Option<&[f32]>) -> Vec<i64> {
    let Some(labels) = labels else { return label.map(i64::from).into_iter().collect() };
    let classes: Vec<i64> =
        (0i64..).zip(labels).filter(|(_, has)| **has > 0.0).map(|(class, _)| class).collect();
    if classes.is_empty() { vec![-1] } else { classes }
}

#[cfg(test)]
mod tests {
    use schemas::settings::ClipOrder;

    use super::*;
    use crate::ClipNumber;

    const SCHEDULE: Schedule =
        Schedule { seed: 5, videos: 3000, clips_per_video: 2, order: ClipOrder::Scattered };

    /// 30 videos of class 0, the others of class 1.
    fn uneven() -> Groups {
        Groups(vec![(0..30).map(VideoNumber).collect(), (30..3000).map(VideoNumber).collect()])
    }

    #[test]
    fn every_class_comes_equally_often_and_every_video_of_it() {
        let order = uneven().order(&SCHEDULE, 0);
        let slots: Vec<u64> = (0..6000).map(|clip| order.slot(ClipNumber(clip), 0).unwrap().0).collect();
        let rare = slots.iter().filter(|slot| **slot < 60).count();
        // 3000 ± 5 standard deviations of a binomial draw.
        assert!((2806..3194).contains(&rare), "{rare}");
        for slot in 0..60 {
            let count = slots.iter().filter(|other| **other == slot).count();
            assert!((15..90).contains(&count), "slot {slot}: {count} times, wanted about 50");
        }
    }

    #[test]
    fn an_epoch_is_drawn_alike_again_and_otherwise_in_another() {
        let order = |schedule: &Schedule, epoch| {
            let order = uneven().order(schedule, epoch);
            (0..50).map(|clip| order.slot(ClipNumber(clip), 0).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(order(&SCHEDULE, 3), order(&SCHEDULE, 3));
        assert_ne!(order(&SCHEDULE, 3), order(&SCHEDULE, 4));
        assert_ne!(order(&SCHEDULE, 3), order(&Schedule { seed: 6, ..SCHEDULE }, 3));
    }

    #[test]
    fn a_video_counts_among_each_of_its_labels_and_one_without_among_those_without() {
        assert_eq!(classes_of(Some(4), None), [4]);
        assert_eq!(classes_of(None, None), [0i64; 0]);
        assert_eq!(classes_of(None, Some(&[1.0, 0.0, 1.0])), [0, 2]);
        assert_eq!(classes_of(None, Some(&[0.0, 0.0])), [-1]);
    }
}
