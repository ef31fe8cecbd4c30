//! The losses of a head's answers: one for each kind of answer.
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

use burn::tensor::{
    Tensor, TensorData,
    activation::{log_sigmoid, log_softmax},
};

/// How a head's answers are compared with what is right.
#[derive(Clone, Debug, PartialEq)]
#[doc(alias("CrossEntropyLoss", "BCEWithLogitsLoss", "MSELoss", "SoftTargetCrossEntropy"))]
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

/// Cross entropy with soft targets, the mean over clips: both are `[B, K]`.
pub fn soft_target_loss(logits: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
    let [clips, _] = logits.dims();
    (targets * log_softmax(logits, 1)).sum() / -(clips as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{device::Device, weights::floats};

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

    #[test]
    fn a_head_that_says_nothing_has_the_logarithm_of_the_classes_as_loss() {
        // Two clips of 400 classes, whose targets are smoothed by .1.
        let mut targets = vec![0.1 / 400.0; 800];
        targets[1] += 0.9;
        targets[799] += 0.9;
        let targets = Tensor::<2>::from_data(TensorData::new(targets, [2, 400]), Device::flex().tensors());
        let loss = floats(soft_target_loss(targets.zeros_like(), targets))[0];
        assert!((loss - 5.9915).abs() < 1e-4, "{loss}");
    }
}
