//! The test at the end of a fine-tuning, for programs.

use schemas::{ProblemType, predictions::Predictions};
use serde_json::{Value, json};
use trainer::{
    evaluation::{self, RegressionReport, Report, SeveralReport},
    recipe::By,
};

use crate::run::final_evaluation::{FinalTest, TestedWeights};

/// Views, and how the last weights and the best ones did.
pub fn of(test: &FinalTest) -> Value {
    let FinalTest { videos, clips, crops, by, weights } = test;
    let row = |TestedWeights { name, step, predictions }: &TestedWeights| {
        let mut row = numbers(predictions, *by);
        row["weights"] = (*name).into();
        row["step"] = (*step).into();
        row["failed"] = predictions.failures.len().into();
        row
    };
    json!({ "videos": videos, "clips": clips, "crops": crops, "weights": weights.iter().map(row).collect::<Vec<_>>() })
}

fn numbers(said: &Predictions, by: By) -> Value {
    let answers = evaluation::answers(said, by);
    let names = &said.tested.classes;
    match said.tested.problem_type {
        ProblemType::SingleLabelClassification => {
            let report = Report::of(&answers, names);
            json!({
                "top1": report.top1.share, "top1_low": report.top1.low, "top1_high": report.top1.high,
                "top5": report.top5.share,
            })
        }
        ProblemType::MultiLabelClassification => {
            let report = SeveralReport::of(evaluation::with_labels(&answers, said), names);
            json!({ "mean_average_precision": report.mean_average_precision, "exact": report.exact })
        }
        ProblemType::Regression => {
            let report = RegressionReport::of(evaluation::with_labels(&answers, said), names);
            json!({ "r2": report.r2, "correlation": report.correlation, "mse": report.mse })
        }
    }
}
