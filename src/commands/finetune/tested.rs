//! What a validation, and the test at the end, found, for each kind of answer.

use schemas::{ProblemType, metrics::ValidationLine, predictions::Predictions};
use trainer::{
    evaluation::{self, RegressionReport, Report, SeveralReport},
    recipe::By,
};

/// The head of the test's table.
pub fn head(problem_type: ProblemType) -> Vec<String> {
    let columns: &[&str] = match problem_type {
        ProblemType::SingleLabelClassification => &["top-1", "95 % interval", "top-5"],
        ProblemType::MultiLabelClassification => &["mAP", "all labels right"],
        ProblemType::Regression => &["R²", "correlation", "MSE"],
    };
    ["weights", "step"].iter().chain(columns).map(|column| (*column).to_owned()).collect()
}

/// The cells of a row under it, behind weights and step.
pub fn cells(said: &Predictions, by: By) -> Vec<String> {
    let answers = evaluation::answers(said, by);
    let names = &said.tested.classes;
    match said.tested.problem_type {
        ProblemType::SingleLabelClassification => {
            let report = Report::of(&answers, names);
            let interval = format!("{:.1} to {:.1}", 100.0 * report.top1.low, 100.0 * report.top1.high);
            vec![percent(report.top1.share), interval, percent(report.top5.share)]
        }
        ProblemType::MultiLabelClassification => {
            let report = SeveralReport::of(evaluation::with_labels(&answers, said), names);
            vec![percent(report.mean_average_precision), percent(report.exact)]
        }
        ProblemType::Regression => {
            let report = RegressionReport::of(evaluation::with_labels(&answers, said), names);
            vec![number(report.r2), number(report.correlation), format!("{:.4}", report.mse)]
        }
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// A number that may not be there, because what is right does not vary.
pub fn number(found: Option<f64>) -> String {
    found.map_or_else(|| "–".to_owned(), |found| format!("{found:.4}"))
}

/// What a validation found, in a line.
pub fn validated(line: &ValidationLine, best: bool) -> String {
    let of = format!("of {} videos by one view", line.videos);
    let mut words = format!("after step {}: ", line.step);
    words += &match (line.top1, line.mean_average_precision, line.mse) {
        (Some(top1), _, _) => format!(
            "top-1 {} {of}, top-5 {}, loss {:.4}",
            percent(top1),
            percent(line.top5.unwrap_or_default()),
            line.loss
        ),
        (_, Some(map), _) => format!("mAP {} {of}, loss {:.4}", percent(map), line.loss),
        (_, _, Some(mse)) => {
            format!("R² {} {of}, correlation {}, MSE {mse:.4}", number(line.r2), number(line.correlation))
        }
        _ => format!("loss {:.4} {of}", line.loss),
    };
    if line.failed > 0 {
        words += &format!(", {} gave no view and count as wrong", line.failed);
    }
    if best {
        words += ", the best so far";
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> ValidationLine {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn every_kind_of_answer_has_its_own_words() {
        let single = line(r#"{"step":3,"epoch":0,"top1":0.5,"top5":1.0,"loss":0.7,"videos":4,"failed":1}"#);
        assert_eq!(
            validated(&single, true),
            "after step 3: top-1 50.0 % of 4 videos by one view, top-5 100.0 %, loss 0.7000, 1 gave no view and \
             count as wrong, the best so far"
        );
        let several = line(r#"{"step":3,"epoch":0,"loss":0.7,"videos":4,"failed":0,"map":0.25}"#);
        assert_eq!(
            validated(&several, false),
            "after step 3: mAP 25.0 % of 4 videos by one view, loss 0.7000"
        );
        let numbers = line(r#"{"step":3,"epoch":0,"loss":0.7,"videos":4,"failed":0,"mse":0.7,"r2":-0.5}"#);
        let words = "after step 3: R² -0.5000 of 4 videos by one view, correlation –, MSE 0.7000";
        assert_eq!(validated(&numbers, false), words);
    }
}
