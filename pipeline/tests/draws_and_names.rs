//! What is drawn, divided, weighted and named holds its rules whatever the numbers are.

use std::{collections::BTreeSet, path::Path};

use pipeline::{
    ClipNumber, Slot, VideoNumber,
    dataset::labels::{balanced_weights, is_held_out, positive_weights},
    draws::{Draws, Purpose},
    names::{name_of, one_line, path_of},
    quarantine::Quarantine,
    schedule::Schedule,
};
use proptest::prelude::*;
use schemas::settings::ClipOrder;

fn schedule() -> impl Strategy<Value = Schedule> {
    let order = prop_oneof![Just(ClipOrder::Together), Just(ClipOrder::Scattered)];
    (any::<u64>(), 1u64..40, 1u32..6, order).prop_map(|(seed, videos, clips_per_video, order)| Schedule {
        seed,
        videos,
        clips_per_video,
        order,
    })
}

proptest! {
    #[test]
    fn an_epoch_takes_every_slot_once_and_each_epoch_in_its_own_order(
        schedule in schedule(),
        epoch in any::<u32>(),
    ) {
        let order = schedule.order(epoch);
        let slots: Vec<Slot> =
            (0..schedule.clips()).map(|clip| order.slot(ClipNumber(clip), 0).unwrap()).collect();
        let distinct: BTreeSet<Slot> = slots.iter().copied().collect();
        let all: Vec<Slot> = (0..schedule.clips()).map(Slot).collect();
        prop_assert_eq!(distinct.into_iter().collect::<Vec<_>>(), all);
        prop_assert_eq!(&order, &schedule.order(epoch));
        if schedule.order == ClipOrder::Together {
            let videos: Vec<VideoNumber> = slots.iter().map(|slot| schedule.video_of(*slot)).collect();
            let changes = videos.windows(2).filter(|pair| pair[0] != pair[1]).count() as u64;
            prop_assert_eq!(changes + 1, schedule.videos);
        }
    }

    #[test]
    fn a_clip_whose_slots_fail_tries_every_other_slot_once(
        schedule in schedule(),
        clip in any::<prop::sample::Index>(),
    ) {
        let order = schedule.order(1);
        let clip = ClipNumber(clip.index(schedule.clips() as usize) as u64);
        let tried: Vec<Slot> = (0..).map_while(|failures| order.slot(clip, failures)).collect();
        prop_assert_eq!(tried.len() as u64, schedule.clips());
        let distinct: BTreeSet<Slot> = tried.into_iter().collect();
        prop_assert_eq!(distinct.len() as u64, schedule.clips());
    }

    #[test]
    fn clips_that_are_together_are_of_one_video(schedule in schedule(), epoch in 0u32..9) {
        let order = schedule.order(epoch);
        let mut number = 0;
        while number < schedule.clips() {
            let together = order.together(ClipNumber(number));
            let of = |number| schedule.video_of(order.slot(ClipNumber(number), 0).unwrap());
            prop_assert!((number..number + together).all(|next| of(next) == of(number)));
            number += together;
        }
        prop_assert_eq!(number, schedule.clips());
    }

    #[test]
    fn draws_stay_below_their_bound_and_depend_on_all_parts_of_their_key(
        seed in any::<u64>(),
        epoch in any::<u32>(),
        number in any::<u64>(),
        bound in 1u64..1 << 50,
    ) {
        let stream = |purpose, epoch, number| {
            let mut draws = Draws::new(seed, purpose, epoch, number);
            (0..8).map(|_| draws.below(bound)).collect::<Vec<_>>()
        };
        let own = stream(Purpose::Crop, epoch, number);
        prop_assert!(own.iter().all(|drawn| *drawn < bound));
        prop_assert_eq!(&own, &stream(Purpose::Crop, epoch, number));
        if bound > 1 << 20 {
            prop_assert_ne!(&own, &stream(Purpose::Flip, epoch, number));
            prop_assert_ne!(&own, &stream(Purpose::Crop, epoch.wrapping_add(1), number));
            prop_assert_ne!(&own, &stream(Purpose::Crop, epoch, number.wrapping_add(1)));
        }
    }

    #[test]
    fn a_choice_is_of_distinct_numbers_in_rising_order(seed in any::<u64>(), of in 0usize..60, share in 0.0..1.0) {
        let count = (of as f64 * share) as usize;
        let chosen = Draws::new(seed, Purpose::Mask, 0, 0).choose(count, of);
        prop_assert_eq!(chosen.len(), count);
        prop_assert!(chosen.is_sorted_by(|one, next| one < next) && chosen.iter().all(|number| *number < of));
        let mut all: Vec<usize> = (0..of).collect();
        Draws::new(seed, Purpose::Mask, 0, 1).shuffle(&mut all);
        all.sort_unstable();
        prop_assert_eq!(all, (0..of).collect::<Vec<_>>());
    }

    #[test]
    fn a_larger_share_holds_out_what_a_smaller_one_does(
        names in proptest::collection::vec("[a-z/]{1,20}", 1..40),
        seed in any::<u64>(),
        one in 0.0..1.0,
        other in 0.0..1.0,
    ) {
        let (smaller, larger) = (f64::min(one, other), f64::max(one, other));
        for name in &names {
            let is_out = |share| is_held_out(name.as_bytes(), share, seed);
            prop_assert!(!is_out(smaller) || is_out(larger), "{}", name);
            prop_assert!(!is_out(0.0) && is_out(1.0));
        }
    }

    #[test]
    fn weighted_classes_count_alike_and_all_together_as_before(
        counts in proptest::collection::vec(0usize..200, 1..12),
    ) {
        let videos: usize = counts.iter().sum();
        let weights = balanced_weights(&counts);
        let shares = counts.iter().zip(&weights).filter_map(|(count, weight)| Some(*count as f64 * (*weight)?));
        let wanted = videos as f64 / counts.len() as f64;
        for (at, share) in shares.enumerate() {
            prop_assert!((share - wanted).abs() < 1e-9 * wanted, "class {at}: {share} {wanted}");
        }
        for (count, weight) in counts.iter().zip(&weights) {
            prop_assert_eq!(weight.is_some(), *count > 0);
        }
        for (count, weight) in counts.iter().zip(positive_weights(&counts, videos)) {
            prop_assert_eq!(weight.is_some(), *count > 0 && *count < videos);
            if let Some(weight) = weight {
                // Having it counts, all in all, as much as not having it.
                prop_assert!((weight * *count as f64 - (videos - count) as f64).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn a_name_stays_in_its_line_and_column(text in any::<String>()) {
        let line = one_line(&text).into_owned();
        prop_assert!(!line.contains(char::is_control), "{line:?}");
        prop_assert_eq!(&one_line(&line), &line);
        prop_assert_eq!(line == text, !text.contains(char::is_control));
    }

    #[test]
    fn a_video_is_in_a_quarantine_once_and_the_share_ends_the_run(
        videos in 1u64..30,
        failed in proptest::collection::vec(0u64..30, 0..40),
        share in 0.0..1.0,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("quarantine.jsonl");
        let quarantine = Quarantine::open(Some(&path), videos, share).unwrap();
        let mut distinct = BTreeSet::new();
        for video in failed.iter().map(|number| number % videos) {
            let ended = quarantine.record(&format!("{video}.mp4"), "damaged", "a reason").is_err();
            distinct.insert(video);
            // A small set bears a few, and no set bears that all fail.
            prop_assert!(!ended || distinct.len() as f64 > share * videos as f64);
            prop_assert!(ended || (distinct.len() as u64) < videos);
            if ended {
                break;
            }
        }
        prop_assert_eq!(quarantine.failed(), distinct.len() as u64);
        let lines = std::fs::read_to_string(&path).unwrap();
        prop_assert_eq!(lines.lines().count(), distinct.len());
        // Opened again it knows them.
        drop(quarantine);
        let again = Quarantine::open(Some(&path), videos, share).unwrap();
        let are_known = distinct.iter().all(|video| again.is_failed(&format!("{video}.mp4")));
        prop_assert!(are_known);
    }
}

#[cfg(unix)]
proptest! {
    #[test]
    fn no_two_paths_have_one_name_and_a_name_finds_its_path(
        one in proptest::collection::vec(any::<u8>(), 1..12),
        other in proptest::collection::vec(any::<u8>(), 1..12),
    ) {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
        let path = |bytes: &[u8]| Path::new(OsStr::from_bytes(bytes)).to_owned();
        let (one, other) = (path(&one), path(&other));
        let name = name_of(&one);
        match one.to_str() {
            Some(text) => prop_assert_eq!(&name, text),
            None => prop_assert_eq!(path_of(&name), Some(one.clone())),
        }
        // A text that looks like an escaped name is its own; no two paths that are no text share theirs.
        if one != other && one.to_str().is_none() && other.to_str().is_none() {
            prop_assert_ne!(name, name_of(&other));
        }
    }
}
