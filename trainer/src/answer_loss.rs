//! What a head is asked to answer, and how far it is from that: one loss for each kind of answer.
//!
//! ```text
//! one class         cross entropy          −Σ y·log softmax(x),   mean over clips
//! several labels    binary cross entropy   −(p·y·log σ(x) + (1 − y)·log σ(−x)),   mean over clips and labels
//! numbers           squared error          (x − y)²,   mean over clips and numbers
//! ```
//!
//! They are PyTorch's `CrossEntropyLoss` with probabilities as targets, `BCEWithLogitsLoss` with `pos_weight` p,
//! and `MSELoss`. Weights of classes multiply the targets of a cross entropy, whose mean stays one over clips.
//!
//! Shapes: B clips, K answers.

use burn::tensor::{Tensor, TensorData, activation::log_sigmoid};
use schemas::{LabelledBatch, ProblemType};

use crate::{
    Device, Recipe,
    labelled_clips::{LabelledClipsError, label_vectors, labels},
    mixing::{Mix, soft_target_loss, upload_targets},
    recipe::ClassWeights,
};

/// How a head's answers are compared with what is right.
#[derive(Clone, Debug, PartialEq)]
pub enum AnswerLoss {
    /// Of one class.
    CrossEntropy,
    /// Of each label by itself.
    BinaryCrossEntropy {
        /// How much having each label counts against not having it; empty where all count 1.
        positive: Vec<f32>,
    },
    /// Of numbers.
    SquaredError,
}

impl AnswerLoss {
    /// The mean loss of answers `[B, K]` to `targets` `[B, K]`.
    pub fn mean(&self, answers: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        let all = targets.dims().iter().product::<usize>() as f64;
        match self {
            Self::CrossEntropy => soft_target_loss(answers, targets),
            Self::BinaryCrossEntropy { positive } => {
                // log σ(−x) = log σ(x) − x, so one logarithm does for both; it is finite for every x.
                let (has, has_not) = (targets.clone(), targets.neg() + 1.0);
                let has = match positive.len() {
                    0 => has,
                    labels => {
                        let weights = TensorData::new(positive.clone(), [1, labels]);
                        has * Tensor::<2>::from_data(weights, &answers.device())
                    }
                };
                let log = log_sigmoid(answers.clone());
                (has_not.clone() * answers - (has + has_not) * log).sum() / all
            }
            Self::SquaredError => (answers - targets).square().sum() / all,
        }
    }
}

/// What the clips of a micro-batch are to answer, and by which loss.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// How answers are compared.
    pub loss: AnswerLoss,
    problem_type: ProblemType,
    answers: usize,
    /// What the targets of each class are multiplied by; empty where all count 1.
    weights: Vec<f32>,
    smoothing: f64,
}

impl Question {
    /// What a recipe asks a head of so many answers.
    ///
    /// # Errors
    /// When the recipe's weights are of another number of classes, or have not been worked out.
    pub fn of(recipe: &Recipe, answers: usize) -> Result<Self, crate::RecipeError> {
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

    /// The targets of a batch, `[B, K]`, mixed as its pixels are.
    ///
    /// # Errors
    /// When a clip has none, or others than the head's.
    pub fn targets(
        &self,
        batch: &LabelledBatch,
        mix: Mix,
        device: &Device,
    ) -> Result<Tensor<2>, LabelledClipsError> {
        let (count, smoothing) = (self.answers, self.smoothing);
        let mut targets = match self.problem_type {
            ProblemType::SingleLabelClassification => mix.targets(&labels(batch, count)?, count, smoothing),
            ProblemType::MultiLabelClassification => {
                // Half of what is taken from a label is what is given to its absence, as in Keras's loss.
                let smooth = |label: f32| (f64::from(label) * (1.0 - smoothing) + 0.5 * smoothing) as f32;
                let labels = label_vectors(batch, count)?.into_iter().map(smooth);
                mix.vectors(&labels.collect::<Vec<_>>(), count)
            }
            ProblemType::Regression => mix.vectors(&label_vectors(batch, count)?, count),
        };
        if !self.weights.is_empty() {
            targets.iter_mut().zip(self.weights.iter().cycle()).for_each(|(share, weight)| *share *= weight);
        }
        Ok(upload_targets(targets, count, device))
    }
}

#[cfg(test)]
mod tests {
    use schemas::{
        BatchBuilder as _, ClipGeometry,
        labelled_batch::{LabelledBatchBuilder, LabelledClip, View},
    };

    use super::*;
    use crate::weights::floats;

    const ANSWERS: [f32; 6] = [0.3, -1.2, 2.0, -0.7, 0.0, 4.5];
    const LABELS: [f32; 6] = [1.0, 0.0, 0.25, 0.0, 1.0, 0.5];

    fn tensor(values: &[f32]) -> Tensor<2> {
        Tensor::from_data(TensorData::new(values.to_vec(), [2, 3]), Device::flex().tensors())
    }

    fn loss(loss: &AnswerLoss, answers: &[f32]) -> f64 {
        f64::from(floats(loss.mean(tensor(answers), tensor(&LABELS)))[0])
    }

    #[test]
    fn losses_are_pytorch_s() {
        // torch 2.15, float64: binary_cross_entropy_with_logits and mse_loss of ANSWERS and LABELS.
        let positive = vec![2.0, 0.5, 3.0];
        for (kind, wanted) in [
            (AnswerLoss::BinaryCrossEntropy { positive: Vec::new() }, 0.966_991_116_190_588_1),
            (AnswerLoss::BinaryCrossEntropy { positive }, 1.014_040_016_950_360_5),
            (AnswerLoss::SquaredError, 3.747_083_333_333_333),
        ] {
            let found = loss(&kind, &ANSWERS);
            assert!((found - wanted).abs() < 1e-6, "{kind:?}: {found}, wanted {wanted}");
        }
    }

    #[test]
    fn gradients_are_those_of_differences() {
        let positive = vec![2.0, 0.5, 3.0];
        for kind in [
            AnswerLoss::CrossEntropy,
            AnswerLoss::BinaryCrossEntropy { positive: Vec::new() },
            AnswerLoss::BinaryCrossEntropy { positive },
            AnswerLoss::SquaredError,
        ] {
            let answers = Tensor::<2>::from_data(
                TensorData::new(ANSWERS.to_vec(), [2, 3]),
                &Device::flex().tensors().clone().autodiff(),
            );
            let answers = answers.require_grad();
            let targets = Tensor::from_data(TensorData::new(LABELS.to_vec(), [2, 3]), &answers.device());
            let gradients = kind.mean(answers.clone(), targets).backward();
            let gradients = floats(answers.grad(&gradients).expect("because it asked for them"));
            for (at, found) in gradients.into_iter().enumerate() {
                let moved = |by: f32| {
                    let mut answers = ANSWERS;
                    answers[at] += by;
                    loss(&kind, &answers)
                };
                let wanted = (moved(1e-2) - moved(-1e-2)) / 2e-2;
                assert!((f64::from(found) - wanted).abs() < 2e-4, "{kind:?}, {at}: {found}, wanted {wanted}");
            }
        }
    }

    #[test]
    fn confident_answers_have_finite_losses() {
        let kind = AnswerLoss::BinaryCrossEntropy { positive: Vec::new() };
        let found = loss(&kind, &[-1000.0, 1000.0, 1000.0, -1000.0, 1000.0, 0.0]);
        // 1000 for the label missed, 1000 for the one that is not there, 750 of a quarter, ln 2 of a half.
        let wanted = (1000.0 + 1000.0 + 750.0 + std::f64::consts::LN_2) / 6.0;
        assert!((found - wanted).abs() < 1e-3, "{found}, wanted {wanted}");
    }

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
                cubes: vec![0; 96],
            });
        }
        LabelledBatch::try_from(builder.finish().unwrap()).unwrap()
    }

    fn question(settings: &[&str], answers: usize) -> Result<Question, crate::RecipeError> {
        let mut recipe = Recipe::default();
        settings.iter().for_each(|setting| recipe.set(setting).unwrap());
        Question::of(&recipe, answers)
    }

    fn targets(settings: &[&str], clips: &[(Option<i32>, Option<&[f32]>)], mix: Mix) -> Vec<f32> {
        let question = question(settings, 2).unwrap();
        floats(question.targets(&batch(clips), mix, &Device::flex()).unwrap())
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
        assert!(question(&["classifier.class_weights=[1, 2, 3]"], 2).is_err());
        assert!(question(&["classifier.class_weights=balanced"], 2).is_err());
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
        let question = question(&["classifier.problem_type=regression"], 2).unwrap();
        let refused = |clips: &[(Option<i32>, Option<&[f32]>)]| {
            question.targets(&batch(clips), Mix::Nothing, &Device::flex()).unwrap_err().to_string()
        };
        assert_eq!(refused(&[(Some(1), None)]), "a.mp4 (row 0 of the data) has no label");
        let words = refused(&[(None, Some(&[1.0]))]);
        assert_eq!(words, "a.mp4 (row 0 of the data) has 1 labels; the head answers 2");
        let words = refused(&[(None, Some(&[1.0, f32::NAN]))]);
        assert!(words.contains("has NaN among its labels"), "{words}");
    }
}
