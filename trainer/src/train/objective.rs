//! The objective of a fine-tuning: the targets of a micro-batch, and the loss that compares answers with them.

use burn::tensor::Tensor;
use schemas::{LabelledBatch, ProblemType};

use crate::{
    batch::{
        labelled::{LabelledClipsError, label_vectors, labels},
        mixup::{Mix, upload_targets},
    },
    device::Device,
    loss::answers::AnswerLoss,
    recipe::{ClassWeights, Recipe},
};

/// What the clips of a micro-batch are to answer, and by which loss.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    /// How answers are compared.
    pub loss: AnswerLoss,
    problem_type: ProblemType,
    answers: usize,
    /// What the targets of each class are multiplied by; empty where all count 1.
    weights: Vec<f32>,
    smoothing: f64,
}

impl Objective {
    /// What a recipe asks a head of so many answers.
    ///
    /// # Errors
    /// When the recipe's weights are of another number of classes, or have not been worked out.
    pub fn of(recipe: &Recipe, answers: usize) -> Result<Self, crate::recipe::RecipeError> {
        let problem_type = recipe.classifier.problem_type;
        let weights: Vec<f32> = match &recipe.classifier.class_weights {
            ClassWeights::Given(weights) if weights.len() == answers => {
                weights.iter().map(|weight| *weight as f32).collect()
            }
            weights if weights.is_none() => Vec::new(),
            _ => return Err(recipe.other_weights(answers)),
        };
        let (loss, weights) = match problem_type {
            ProblemType::SingleLabelClassification => (AnswerLoss::CrossEntropy, weights),
            ProblemType::MultiLabelClassification => {
                (AnswerLoss::BinaryCrossEntropy { positive: weights }, Vec::new())
            }
            ProblemType::Regression => (AnswerLoss::SquaredError, Vec::new()),
        };
        Ok(Self { loss, problem_type, answers, weights, smoothing: recipe.augment.smoothing })
    }

    /// The labels of a batch.
    ///
    /// # Errors
    /// When a clip has none, or others than the head's.
    pub fn labels(&self, batch: &LabelledBatch) -> Result<Labels, LabelledClipsError> {
        Ok(match self.problem_type {
            ProblemType::SingleLabelClassification => Labels::Classes(labels(batch, self.answers)?),
            ProblemType::MultiLabelClassification | ProblemType::Regression => {
                Labels::Vectors(label_vectors(batch, self.answers)?)
            }
        })
    }

    /// The targets of a batch with these labels, `[B, K]`, mixed as its pixels are.
    pub fn targets(&self, labels: &Labels, mix: Mix, device: &Device) -> Tensor<2> {
        let (count, smoothing) = (self.answers, self.smoothing);
        let mut targets = match labels {
            Labels::Classes(classes) => mix.targets(classes, count, smoothing),
            Labels::Vectors(labels) if self.problem_type == ProblemType::MultiLabelClassification => {
                // Half of what is taken from a label is what is given to its absence, as in Keras's loss.
                let smooth = |label: &f32| (f64::from(*label) * (1.0 - smoothing) + 0.5 * smoothing) as f32;
                mix.vectors(&labels.iter().map(smooth).collect::<Vec<_>>(), count)
            }
            Labels::Vectors(numbers) => mix.vectors(numbers, count),
        };
        if !self.weights.is_empty() {
            targets.iter_mut().zip(self.weights.iter().cycle()).for_each(|(share, weight)| *share *= weight);
        }
        upload_targets(targets, count, device)
    }
}

/// What the clips of a micro-batch are labelled with.
#[derive(Clone, Debug, PartialEq)]
pub enum Labels {
    /// The class of each clip.
    Classes(Vec<usize>),
    /// The labels, or numbers, of each clip, one row after the other.
    Vectors(Vec<f32>),
}

#[cfg(test)]
mod tests {
    use schemas::{
        BatchBuilder as _, ClipGeometry,
        labelled_batch::{LabelledBatchBuilder, LabelledClip, View},
    };

    use super::*;
    use crate::weights::floats;

    fn batch(clips: &[(Option<i32>, Option<&[f32]>)]) -> LabelledBatch {
        let mut builder = LabelledBatchBuilder::new(ClipGeometry::new(2, 4, 4, 2, 2).unwrap());
        for (clip, (label, labels)) in (0..).zip(clips) {
            builder.push(LabelledClip {
                clip,
                epoch: 0,
                row: clip,
                video: "a.mp4".into(),
                label: *label,
                labels: labels.map(Into::into),
                view: View::default(),
                frames: [0, 1].into(),
                times: [0, 1].into(),
                crop: [0, 0, 4, 4],
                flip: false,
                erase: None,
                pixels: vec![0; 96],
            });
        }
        LabelledBatch::try_from(builder.finish().unwrap()).unwrap()
    }

    fn objective(settings: &[&str], answers: usize) -> Result<Objective, crate::recipe::RecipeError> {
        let mut recipe = Recipe::default();
        settings.iter().for_each(|setting| recipe.set(setting).unwrap());
        Objective::of(&recipe, answers)
    }

    fn targets(settings: &[&str], clips: &[(Option<i32>, Option<&[f32]>)], mix: Mix) -> Vec<f32> {
        let objective = objective(settings, 2).unwrap();
        let labels = objective.labels(&batch(clips)).unwrap();
        floats(objective.targets(&labels, mix, &Device::flex()))
    }

    fn close(found: &[f32], wanted: &[f32]) {
        let near = found.iter().zip(wanted).all(|(found, wanted)| (found - wanted).abs() < 1e-6);
        assert!(near && found.len() == wanted.len(), "{found:?}, wanted {wanted:?}");
    }

    #[test]
    fn weights_of_classes_multiply_their_targets() {
        let weights = ["classifier.class_weights=[0.5, 2]", "augment.smoothing=0"];
        close(&targets(&weights, &[(Some(0), None), (Some(1), None)], Mix::Nothing), &[0.5, 0.0, 0.0, 2.0]);
        let mixed = targets(&weights, &[(Some(0), None), (Some(1), None)], Mix::Mixup { lambda: 0.25 });
        close(&mixed, &[0.125, 1.5, 0.375, 0.5]);
        assert!(objective(&["classifier.class_weights=[1, 2, 3]"], 2).is_err());
        assert!(objective(&["classifier.class_weights=balanced"], 2).is_err());
    }

    #[test]
    fn labels_are_smoothed_to_a_half_and_mixed_and_numbers_are_mixed_alone() {
        let clips: [(Option<i32>, Option<&[f32]>); 2] =
            [(None, Some(&[1.0, 1.0])), (None, Some(&[0.0, 1.0]))];
        let several = "classifier.problem_type=multi_label_classification";
        let found = targets(&[several, "augment.smoothing=0.1"], &clips, Mix::Mixup { lambda: 0.75 });
        close(&found, &[0.725, 0.95, 0.275, 0.95]);
        let clips: [(Option<i32>, Option<&[f32]>); 2] =
            [(None, Some(&[8.0, -1.0])), (None, Some(&[4.0, 3.0]))];
        let numbers = ["classifier.problem_type=regression", "augment.smoothing=0.1"];
        close(&targets(&numbers, &clips, Mix::Mixup { lambda: 0.75 }), &[7.0, 0.0, 5.0, 2.0]);
    }

    #[test]
    fn a_clip_with_other_answers_than_the_head_is_named() {
        let objective = objective(&["classifier.problem_type=regression"], 2).unwrap();
        let refused = |clips: &[(Option<i32>, Option<&[f32]>)]| {
            objective.labels(&batch(clips)).unwrap_err().to_string()
        };
        assert_eq!(refused(&[(Some(1), None)]), "a.mp4 (row 0 of the data) has no label");
        let words = refused(&[(None, Some(&[1.0]))]);
        assert_eq!(words, "a.mp4 (row 0 of the data) has 1 labels; the head answers 2");
        let words = refused(&[(None, Some(&[1.0, f32::NAN]))]);
        assert!(words.contains("has NaN among its labels"), "{words}");
    }
}
