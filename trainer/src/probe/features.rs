//! Features of videos: one vector a video, or one a token, with the video's class.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A video that has features.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureVideo {
    /// Place of the video in its list, from 0.
    pub row: u64,
    /// Its path.
    pub video: String,
    /// Its class.
    pub label: usize,
}

/// A video that gave no clip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedVideo {
    /// Place of the video in its list, from 0.
    pub row: u64,
    /// Its path.
    pub video: String,
    /// Why.
    pub reason: String,
}

/// Features of videos, in the order of their rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Features {
    /// The videos.
    pub videos: Vec<FeatureVideo>,
    /// Tokens of each.
    pub tokens: usize,
    /// Values of a token.
    pub width: usize,
    /// Videos that gave no clip: they have no features, and are no others' place.
    pub failed: Vec<FailedVideo>,
    pub(super) values: Vec<f32>,
}

/// A video has another number of values than the first one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{video} has {found} values, but the first video has {wanted}")]
pub struct RaggedError {
    /// Its path.
    pub video: String,
    /// Its values.
    pub found: usize,
    /// Values of the first one.
    pub wanted: usize,
}

impl Features {
    /// Features of videos whose views are averaged (`Views::Mean`) or put one behind the other
    /// (`Views::Joined`). Each item is a video's view: the views of a video must follow in their order, videos
    /// may come in any.
    ///
    /// # Errors
    /// When a video has another number of values than the first one.
    pub fn collect(
        width: usize,
        views: Views,
        items: impl IntoIterator<Item = (FeatureVideo, Vec<f32>)>,
    ) -> Result<Self, RaggedError> {
        let mut videos: BTreeMap<u64, (FeatureVideo, Vec<Vec<f32>>)> = BTreeMap::new();
        for (video, values) in items {
            videos.entry(video.row).or_insert_with(|| (video, Vec::new())).1.push(values);
        }
        let mut features = Self { width, ..Self::default() };
        for (video, values) in videos.into_values() {
            let values = match views {
                Views::Joined => values.concat(),
                Views::Mean => mean(&values),
            };
            let wanted = if features.videos.is_empty() { values.len() } else { features.tokens * width };
            if values.len() != wanted || width == 0 || values.len() % width != 0 {
                return Err(RaggedError { video: video.video, found: values.len(), wanted });
            }
            features.tokens = values.len() / width;
            features.values.extend(values);
            features.videos.push(video);
        }
        Ok(features)
    }

    /// Several features of videos in one, in the order of their rows.
    ///
    /// # Errors
    /// When they have not equally many values of a video.
    pub fn joined(parts: Vec<Self>) -> Result<Self, RaggedError> {
        let width = parts.iter().find(|part| !part.is_empty()).map_or(0, |part| part.width);
        let mut failed: Vec<FailedVideo> = parts.iter().flat_map(|part| part.failed.clone()).collect();
        failed.sort_by_key(|video| video.row);
        let videos = parts.iter().flat_map(|part| part.videos.iter().cloned());
        let values = parts.iter().flat_map(|part| part.vectors().map(<[f32]>::to_vec));
        Ok(Self { failed, ..Self::collect(width, Views::Joined, videos.zip(values))? })
    }

    /// Videos.
    pub fn len(&self) -> usize {
        self.videos.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.videos.is_empty()
    }

    /// Each video's values, `[tokens, width]` as one vector.
    pub fn vectors(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact((self.tokens * self.width).max(1))
    }

    /// The values of video `at`.
    pub fn vector(&self, at: usize) -> &[f32] {
        let row = self.tokens * self.width;
        &self.values[at * row..][..row]
    }

    /// The class of each video.
    pub fn labels(&self) -> Vec<usize> {
        self.videos.iter().map(|video| video.label).collect()
    }

    /// These of its videos.
    pub fn of(&self, places: &[usize]) -> Self {
        Self {
            videos: places.iter().map(|at| self.videos[*at].clone()).collect(),
            values: places.iter().flat_map(|at| self.vector(*at)).copied().collect(),
            failed: Vec::new(),
            ..*self
        }
    }

    /// The mean token of each video, as the only one.
    pub fn pooled(&self) -> Self {
        let width = self.width;
        let pool =
            |vector: &[f32]| mean(&vector.chunks_exact(width).map(<[f32]>::to_vec).collect::<Vec<_>>());
        Self {
            videos: self.videos.clone(),
            tokens: 1,
            width,
            failed: self.failed.clone(),
            values: self.vectors().flat_map(pool).collect(),
        }
    }
}

/// What becomes of a video's views.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Views {
    /// Their mean.
    Mean,
    /// All tokens, view after view ("attend across segments").
    Joined,
}

/// The mean of vectors, summed in f64.
fn mean(vectors: &[Vec<f32>]) -> Vec<f32> {
    let mut sums = vec![0f64; vectors.first().map_or(0, Vec::len)];
    for vector in vectors {
        sums.iter_mut().zip(vector).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    sums.into_iter().map(|sum| (sum / vectors.len() as f64) as f32).collect()
}

/// Mean and spread of each value over a training set.
pub struct Standard {
    mean: Vec<f64>,
    spread: Vec<f64>,
}

impl Standard {
    /// Those of `features`.
    pub fn of(features: &Features) -> Self {
        let width = features.tokens * features.width;
        let (videos, mut mean, mut spread) =
            (features.len().max(1) as f64, vec![0.0; width], vec![0.0; width]);
        for vector in features.vectors() {
            mean.iter_mut().zip(vector).for_each(|(sum, value)| *sum += f64::from(*value) / videos);
        }
        for vector in features.vectors() {
            let away = vector.iter().zip(&mean).map(|(value, mean)| (f64::from(*value) - mean).powi(2));
            spread.iter_mut().zip(away).for_each(|(sum, square)| *sum += square / videos);
        }
        // MAE's BatchNorm adds 1e-6 to the variance.
        Self { mean, spread: spread.into_iter().map(|variance: f64| (variance + 1e-6).sqrt()).collect() }
    }

    /// The vectors of `features`, each value less the mean and over the spread.
    pub fn apply(&self, features: &Features) -> Vec<Vec<f32>> {
        let standard = |vector: &[f32]| {
            let values = vector.iter().zip(&self.mean).zip(&self.spread);
            values.map(|((value, mean), spread)| ((f64::from(*value) - mean) / spread) as f32).collect()
        };
        features.vectors().map(standard).collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::random::Draws;

    /// Videos whose class shows in one of their values, beside noise.
    pub(in super::super) fn made(videos: u64, classes: usize, tokens: usize, width: usize) -> Features {
        let mut draws = Draws::keyed(9, "made features", &[videos]);
        let items = (0..videos).map(|row| {
            let label = row as usize % classes;
            let value = |at: usize| draws.normal() as f32 + if at % width == label { 12.0 } else { 0.0 };
            let values = (0..tokens * width).map(value).collect();
            (FeatureVideo { row, video: format!("{row}.mp4"), label }, values)
        });
        Features::collect(width, Views::Joined, items).unwrap()
    }

    impl Features {
        /// The same with every value so many times as large.
        pub(in super::super) fn scaled(mut self, by: f32) -> Self {
            self.values.iter_mut().for_each(|value| *value *= by);
            self
        }
    }

    #[test]
    fn views_of_a_video_are_averaged_or_joined() {
        let video = |row| FeatureVideo { row, video: String::new(), label: 0 };
        let items =
            || vec![(video(1), vec![1.0, 2.0]), (video(0), vec![5.0, 6.0]), (video(1), vec![3.0, 4.0])];
        let ragged = Features::collect(2, Views::Joined, items()).unwrap_err();
        assert_eq!((ragged.found, ragged.wanted), (4, 2));
        let mean = Features::collect(2, Views::Mean, items()).unwrap();
        assert_eq!((mean.vector(0), mean.vector(1), mean.tokens), (&[5.0, 6.0][..], &[2.0, 3.0][..], 1));
    }

    #[test]
    fn shares_of_videos_join_to_what_one_process_has() {
        let mut all = made(7, 2, 3, 4);
        all.failed =
            [8, 9].map(|row| FailedVideo { row, video: String::new(), reason: String::new() }).into();
        let share = |rank: usize| {
            let places: Vec<usize> = (0..all.len()).filter(|at| at % 3 == rank).collect();
            let failed = all.failed.iter().filter(|video| video.row as usize % 3 == rank).cloned().collect();
            Features { failed, ..all.of(&places) }
        };
        let nothing = Features { width: 4, ..Features::default() };
        assert_eq!(Features::joined(vec![share(2), nothing, share(0), share(1)]).unwrap(), all);
    }

    #[test]
    fn standardised_features_have_mean_0_and_spread_1() {
        let features = made(100, 2, 1, 3);
        let vectors = Standard::of(&features).apply(&features);
        for at in 0..3 {
            let mean = vectors.iter().map(|vector| vector[at]).sum::<f32>() / 100.0;
            let square = vectors.iter().map(|vector| vector[at].powi(2)).sum::<f32>() / 100.0;
            assert!(mean.abs() < 1e-5 && (square - 1.0).abs() < 1e-4, "{mean} {square}");
        }
    }
}
