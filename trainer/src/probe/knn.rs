//! k nearest neighbours as DINO counts them: nothing is trained, so it is the first number to print.
//!
//! Features are scaled to length 1. The k training videos with the largest dot product vote for their class
//! with the weight `exp(similarity / .07)` (official `eval_knn.py`).

use super::{Outcome, Select, accuracy, best, features::Features, hold_out};

/// DINO's temperature.
pub const TEMPERATURE: f64 = 0.07;
/// DINO's numbers of neighbours; 20 is usually the best.
pub const NEIGHBOURS: [usize; 4] = [10, 20, 100, 200];

/// Votes for each of `classes` classes, for each query. Vectors are taken as they are: scale them first.
pub fn votes(
    train: &[Vec<f32>],
    labels: &[usize],
    queries: &[Vec<f32>],
    classes: usize,
    neighbours: usize,
    temperature: f64,
) -> Vec<Vec<f32>> {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
    let vote = |query: &Vec<f32>| {
        let mut near: Vec<(f64, usize)> =
            train.iter().zip(labels).map(|(train, label)| (dot(train, query), *label)).collect();
        // A stable sort: of equally near ones the first in the list.
        near.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut votes = vec![0.0; classes];
        for (similarity, label) in near.iter().take(neighbours) {
            votes[*label] += (similarity / temperature).exp();
        }
        votes.into_iter().map(|vote| vote as f32).collect()
    };
    queries.iter().map(vote).collect()
}

/// The vector at length 1; one of length 0 stays.
pub fn scaled(vector: &[f32]) -> Vec<f32> {
    let length = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
    if length == 0.0 {
        vector.to_vec()
    } else {
        vector.iter().map(|value| (f64::from(*value) / length) as f32).collect()
    }
}

/// Chooses among these numbers of neighbours and answers for the test videos from all training videos. More
/// neighbours than there are videos are all of them.
pub fn probe(
    train: &Features,
    test: &Features,
    classes: usize,
    neighbours: &[usize],
    select: Select,
    seed: u64,
) -> Outcome {
    let answer = |train: &Features, test: &Features, neighbours| {
        let vectors = |features: &Features| -> Vec<Vec<f32>> { features.vectors().map(scaled).collect() };
        votes(&vectors(train), &train.labels(), &vectors(test), classes, neighbours, TEMPERATURE)
    };
    let (kept, held) = hold_out(train, seed);
    let (known, asked) = match select {
        Select::HeldOut => (&kept, &held),
        Select::Test => (train, test),
    };
    let setting = |k: &usize| (format!("k {k}"), accuracy(&answer(known, asked, *k), asked));
    let settings: Vec<(String, f64)> = neighbours.iter().map(setting).collect();
    let chosen = best(settings.iter().map(|setting| setting.1));
    let scores = answer(train, test, neighbours.get(chosen).copied().unwrap_or(1));
    let chosen = settings.get(chosen).map_or_else(String::new, |setting| setting.0.clone());
    Outcome { chosen, select, settings, scores }
}

#[cfg(test)]
mod tests {
    use super::{super::features::tests::made, *};

    #[test]
    fn the_nearest_votes_most_and_only_so_many_vote() {
        let train = [vec![1.0, 0.0], vec![0.8, 0.6], vec![0.0, 1.0]];
        let found = votes(&train, &[0, 1, 1], &[vec![1.0, 0.0]], 2, 2, 0.5);
        let wanted = [(1.0f64 / 0.5).exp() as f32, (0.8f64 / 0.5).exp() as f32];
        assert!(
            found[0].iter().zip(wanted).all(|(found, wanted)| (found - wanted).abs() < 1e-5),
            "{found:?}"
        );
        assert_eq!(scaled(&[3.0, 4.0]), [0.6, 0.8]);
        assert_eq!(scaled(&[0.0]), [0.0]);
    }

    #[test]
    fn the_numbers_that_are_asked_for_are_tried_and_one_alone_is_taken() {
        let (train, test) = (made(20, 2, 1, 4), made(10, 2, 1, 4));
        let found = probe(&train, &test, 2, &[3, 1000], Select::HeldOut, 0);
        assert_eq!(found.settings.iter().map(|it| it.0.as_str()).collect::<Vec<_>>(), ["k 3", "k 1000"]);
        let one = probe(&train, &test, 2, &[1], Select::HeldOut, 0);
        assert_eq!((one.chosen.as_str(), one.scores.len()), ("k 1", 10));
    }
}
