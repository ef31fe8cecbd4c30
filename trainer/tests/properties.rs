//! Scores, schedules, mixing and recipes hold their rules whatever the numbers are.

use proptest::prelude::*;
use schemas::{
    ProblemType,
    labelled_batch::View,
    predictions::{Failure, Prediction, Predictions, Tested},
};
use trainer::{
    Recipe,
    batch::mixup::{Mix, cutmix_box},
    evaluation,
    optimiser::{layer_decay, learning_rate::LearningRate},
    probe::knn,
    recipe::By,
};

const CLASSES: usize = 4;

/// A test of ten videos by 2×3 views, some missing, some of videos that failed.
fn predictions() -> impl Strategy<Value = Predictions> {
    let logits = proptest::collection::vec(-9.0f32..9.0, CLASSES);
    let views = proptest::collection::btree_map((0u64..10, 0u16..6), logits, 0..40);
    (views, proptest::collection::btree_set(0u64..10, 0..5)).prop_map(|(views, failed)| {
        let prediction = |((row, view), logits): ((u64, u16), Vec<f32>)| Prediction {
            row,
            video: format!("{row}.mp4"),
            label: Some((row % CLASSES as u64) as i32),
            view: View { clip: view / 3, crop: view % 3 },
            frames: vec![0, 4],
            span: (0, 1),
            logits,
        };
        let predictions: Vec<Prediction> = views.into_iter().map(prediction).collect();
        let is_failed = |row: &u64| predictions.iter().all(|view| view.row != *row);
        let failures = failed.into_iter().filter(is_failed);
        let failures: Vec<Failure> = failures
            .map(|row| Failure { row, video: format!("{row}.mp4"), label: Some(0), reason: "cut".to_owned() })
            .collect();
        let classes = (0..CLASSES).map(|class| class.to_string()).collect();
        let tested = Tested { classes, videos: 10, clips: 2, crops: 3, ..Tested::default() };
        Predictions { tested, predictions, failures, ..Predictions::default() }
    })
}

proptest! {
    #[test]
    fn parts_in_any_order_and_any_number_of_times_are_the_whole(
        whole in predictions(),
        places in proptest::collection::vec(0usize..3, 60),
        twice in 0usize..3,
    ) {
        let mut parts: Vec<Predictions> =
            (0..3).map(|_| Predictions { tested: whole.tested.clone(), ..Predictions::default() }).collect();
        let mut places = places.into_iter();
        let mut part = || places.next().unwrap_or(0);
        whole.predictions.iter().for_each(|view| parts[part()].predictions.push(view.clone()));
        whole.failures.iter().for_each(|failure| parts[part()].failures.push(failure.clone()));
        parts.push(parts[twice].clone());
        prop_assert_eq!(&evaluation::join(parts.clone()).unwrap(), &whole);
        parts.reverse();
        prop_assert_eq!(&evaluation::join(parts).unwrap(), &whole);
        // Each view of a video that did not fail is there or missing.
        let missing = evaluation::missing(&whole).len();
        prop_assert_eq!(missing + whole.predictions.len() + 6 * whole.failures.len(), 60);
    }

    #[test]
    fn an_answer_is_a_distribution_that_the_order_of_views_does_not_change(
        whole in predictions(),
        by in prop_oneof![Just(By::Prob), Just(By::Score)],
    ) {
        let answers = evaluation::answers(&whole, by);
        let mut turned = whole.clone();
        turned.predictions.reverse();
        let again = evaluation::answers(&turned, by);
        prop_assert_eq!(answers.len(), again.len());
        for (one, other) in answers.iter().zip(&again) {
            prop_assert_eq!((one.row, one.views, one.label), (other.row, other.views, other.label));
            for (one, other) in one.probabilities.iter().zip(&other.probabilities) {
                prop_assert!((one - other).abs() < 1e-12);
            }
            let sum: f64 = one.probabilities.iter().sum();
            prop_assert!(one.views == 0 || (sum - 1.0).abs() < 1e-9, "{sum}");
            let ranked = one.ranked();
            prop_assert_eq!(one.rank(), ranked.iter().position(|class| Some(*class as i32) == one.label));
        }
    }

    #[test]
    fn a_rank_is_the_place_in_a_sorted_list(logits in proptest::collection::vec(-3i8..3, 1..9)) {
        // Whole numbers, so that many are equal.
        let logits: Vec<f32> = logits.into_iter().map(f32::from).collect();
        let mut sorted: Vec<usize> = (0..logits.len()).collect();
        sorted.sort_by(|one, other| logits[*other].total_cmp(&logits[*one]));
        for (place, class) in sorted.into_iter().enumerate() {
            prop_assert_eq!(evaluation::rank_of(&logits, class), place);
        }
    }

    #[test]
    fn probabilities_do_not_see_what_is_added_to_all_logits(
        logits in proptest::collection::vec(-50.0f64..50.0, 1..9),
        added in -1e4f64..1e4,
    ) {
        let one = evaluation::softmax(logits.clone());
        let other = evaluation::softmax(logits.iter().map(|logit| logit + added).collect());
        prop_assert!(one.iter().zip(&other).all(|(one, other)| (one - other).abs() < 1e-9));
        for (class, probability) in one.iter().enumerate() {
            let logits: Vec<f32> = logits.iter().map(|logit| *logit as f32).collect();
            prop_assert!((evaluation::cross_entropy(&logits, class) + probability.ln()).abs() < 1e-3);
        }
        for logit in logits {
            let sum = evaluation::sigmoid(logit) + evaluation::sigmoid(-logit);
            prop_assert!((sum - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn average_precision_is_the_mean_precision_at_each_video_that_is_found(
        scores in proptest::collection::vec((0u8..6, any::<bool>()), 0..12),
        lost in 0u64..4,
    ) {
        let scores: Vec<(f64, bool)> = scores.into_iter().map(|(score, has)| (f64::from(score), has)).collect();
        let found = evaluation::average_precision(&scores, lost);
        let at_least = |score: f64| scores.iter().filter(move |other| other.0 >= score);
        let precision = |score| {
            at_least(score).filter(|other| other.1).count() as f64 / at_least(score).count() as f64
        };
        let positives: Vec<f64> = scores.iter().filter(|it| it.1).map(|it| it.0).collect();
        let all = positives.len() as u64 + lost;
        let wanted = (all > 0).then(|| positives.into_iter().map(precision).sum::<f64>() / all as f64);
        match (found, wanted) {
            (Some(found), Some(wanted)) => prop_assert!((found - wanted).abs() < 1e-12, "{found} {wanted}"),
            (found, wanted) => prop_assert_eq!(found, wanted),
        }
    }

    #[test]
    fn a_correlation_does_not_see_scale_and_sees_the_sign(
        pairs in proptest::collection::vec((-9.0f64..9.0, -9.0f64..9.0), 3..20),
        scale in 0.1f64..50.0,
        shift in -50.0f64..50.0,
    ) {
        let plain = evaluation::correlation(&pairs).unwrap();
        prop_assert!((-1.0..=1.0).contains(&plain));
        let change = |by: f64| pairs.iter().map(|(x, y)| (x * by + shift, *y)).collect::<Vec<_>>();
        prop_assert!((evaluation::correlation(&change(scale)).unwrap() - plain).abs() < 1e-6);
        prop_assert!((evaluation::correlation(&change(-scale)).unwrap() + plain).abs() < 1e-6);
        let itself: Vec<(f64, f64)> = pairs.iter().map(|(x, _)| (*x, *x)).collect();
        prop_assert!((evaluation::correlation(&itself).unwrap() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn an_interval_holds_its_share_and_narrows_with_the_count(of in 1u64..5000, share in 0.0f64..=1.0) {
        let hits = (of as f64 * share) as u64;
        let few = evaluation::wilson(hits, of);
        prop_assert!(0.0 <= few.low && few.low <= few.share && few.share <= few.high && few.high <= 1.0);
        let many = evaluation::wilson(hits * 10, of * 10);
        prop_assert!(many.high - many.low < few.high - few.low);
    }

    #[test]
    fn a_rate_rises_to_its_peak_and_falls_to_its_floor(
        peak in 1e-5f64..1e-2,
        floor_share in 0.0f64..1.0,
        warmup in 0u64..50,
        rest in 1u64..200,
    ) {
        let rate = LearningRate { peak, floor: peak * floor_share, warmup, total: warmup + rest };
        let rates: Vec<f64> = (0..rate.total).map(|step| rate.at(step)).collect();
        let (rise, fall) = rates.split_at(warmup as usize);
        prop_assert!(rise.is_sorted() && fall.is_sorted_by(|one, next| one >= next));
        prop_assert!(rates.iter().all(|rate| (0.0..=peak * (1.0 + 1e-12)).contains(rate)));
        prop_assert!(fall.iter().all(|step| *step >= rate.floor * (1.0 - 1e-12)));
        prop_assert!((fall[0] / peak - 1.0).abs() < 1e-12);
        // Behind its end it stays where it is.
        prop_assert!((rate.at(rate.total + 7) - rate.floor).abs() < 1e-12);
    }

    #[test]
    fn layers_learn_the_slower_the_nearer_they_are_to_the_pixels(depth in 1usize..40, decay in 0.1f64..1.2) {
        let scales: Vec<f64> = (0..=depth + 1).map(|layer| layer_decay::scale(layer, depth, decay)).collect();
        prop_assert!(scales.is_sorted() && scales.last() == Some(&1.0));
        prop_assert!(scales.iter().all(|scale| (0.0..=1.0).contains(scale)));
        for block in 0..depth {
            prop_assert_eq!(layer_decay::layer_of(&format!("blocks.{block}.attn.qkv.weight"), depth), block + 1);
        }
    }

    #[test]
    fn mixed_targets_sum_to_one_and_the_two_halves_of_a_batch_mirror_each_other(
        labels in proptest::collection::vec(0usize..CLASSES, 1..8),
        lambda in 0.0f64..1.0,
        smoothing in 0.0f64..0.9,
    ) {
        let rows = |mix: Mix| mix.targets(&labels, CLASSES, smoothing);
        for mix in [Mix::Nothing, Mix::Mixup { lambda }] {
            for row in rows(mix).chunks_exact(CLASSES) {
                prop_assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{row:?}");
                prop_assert!(row.iter().all(|share| (0.0..=1.0 + 1e-6).contains(share)));
            }
        }
        // A clip mixed by λ and the same one turned round by 1 − λ are one.
        let turned: Vec<usize> = labels.iter().rev().copied().collect();
        let other = Mix::Mixup { lambda: 1.0 - lambda }.targets(&turned, CLASSES, smoothing);
        for (one, other) in rows(Mix::Mixup { lambda }).iter().zip(&other) {
            prop_assert!((one - other).abs() < 1e-6);
        }
    }

    #[test]
    fn a_box_lies_in_the_picture_and_its_share_is_what_is_said(
        height in 1usize..60,
        width in 1usize..60,
        lambda in 0.0f64..=1.0,
        place in any::<(prop::sample::Index, prop::sample::Index)>(),
    ) {
        let (y, x) = (place.0.index(height), place.1.index(width));
        let (region, share) = cutmix_box(height, width, lambda, y, x);
        prop_assert!(region.top <= region.bottom && region.bottom <= height);
        prop_assert!(region.left <= region.right && region.right <= width);
        let outside = (height * width - region.area()) as f64 / (height * width) as f64;
        prop_assert!((outside - share).abs() < 1e-12);
        // At an edge it is cut, never larger than was drawn.
        prop_assert!(share >= lambda - 1e-9, "{share} {lambda}");
    }

    #[test]
    fn the_nearest_neighbour_of_a_training_vector_is_itself(
        vectors in proptest::collection::vec(proptest::collection::vec(-1.0f32..1.0, 3), 2..9),
    ) {
        let train: Vec<Vec<f32>> = vectors.iter().map(|vector| knn::scaled(vector)).collect();
        let labels: Vec<usize> = (0..train.len()).collect();
        let votes = knn::votes(&train, &labels, &train, train.len(), 1, knn::TEMPERATURE);
        for (at, vote) in votes.iter().enumerate() {
            let chosen = vote.iter().position(|vote| *vote > 0.0).unwrap();
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
            prop_assert!(dot(&train[chosen], &train[at]) >= dot(&train[at], &train[at]) - 1e-5);
        }
    }

    #[test]
    fn a_recipe_comes_back_from_its_text_and_every_setting_shows(
        ratio in 0.01f64..0.99,
        batch in 1usize..4096,
        rate in 1e-6f64..1.0,
        seed in 0u64..1 << 40,
        kind in prop_oneof![Just("tube"), Just("random"), Just("frame"), Just("block")],
        problem in prop::sample::select(&ProblemType::ALL[..]),
    ) {
        let plain = Recipe::default();
        let settings = [
            format!("mask.ratio={ratio}"),
            format!("optimiser.batch={batch}"),
            format!("optimiser.base_lr={rate}"),
            format!("run.seed={seed}"),
            format!("mask.kind={kind}"),
            format!("classifier.problem_type={problem}"),
        ];
        let mut recipe = plain.clone();
        for setting in &settings {
            recipe.set(setting).unwrap();
        }
        let read = Recipe::from_toml(&recipe.to_toml()).unwrap();
        prop_assert_eq!(read.to_toml(), recipe.to_toml());
        prop_assert_eq!(read.digest(), recipe.digest());
        // Laid over the defaults one by one, the settings that it says are all that it is.
        let mut laid = plain;
        for (key, value) in recipe.settings() {
            laid.set(&format!("{key}={value}")).unwrap();
        }
        prop_assert_eq!(laid.to_toml(), recipe.to_toml());
        // A setting that is refused changes nothing.
        prop_assert!(laid.set("mask.ratoi=0.5").is_err() && laid.set("clip.size=wide").is_err());
        prop_assert_eq!(laid.to_toml(), recipe.to_toml());
    }
}
