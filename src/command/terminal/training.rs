//! A training in words: its steps, its validations, its end.

use schemas::metrics::{MetricsLine, ProbeLine, ValidationLine};
use serde_json::{Value, json};

use crate::{Outcome, Trained};

/// The live line of a step; it names what is waited for, and what the last probe found.
pub fn step(line: &MetricsLine, waited_for: Option<&str>, probed: Option<&ProbeLine>) -> String {
    let waited_for = waited_for.map(|stage| format!(" for {stage}")).unwrap_or_default();
    let mut words = format!(
        "loss {:.4}  rate {:.2e}  gradient {:.3}  {:.1} clips/s  waiting {:.0} %{waited_for}",
        line.loss,
        line.lr,
        line.gradient_norm,
        line.clips_per_second,
        100.0 * line.waiting_share,
    );
    if let Some(summing) = line.summing_share {
        words += &format!("  summing {:.0} %", 100.0 * summing);
    }
    if line.repeated_frame_share > 0.0 {
        words += &format!("  repeated frames {:.0} %", 100.0 * line.repeated_frame_share);
    }
    if let Some(probe) = probed {
        words += &format!("  k-NN {}", percent(probe.knn));
    }
    words
}

/// What a probe found, in a line.
pub fn probed(step: u64, line: &ProbeLine) -> String {
    let (knn, linear) = (percent(line.knn), percent(line.linear));
    let mut words = format!("after step {step}: k-NN {knn}, linear probe {linear} of {} videos", line.videos);
    if line.failed > 0 {
        words += &format!(", {} gave no clip and count as wrong", line.failed);
    }
    words + &format!(", in {:.1} s", line.seconds)
}

/// How a training ended, a line each.
pub fn end(trained: &Trained) -> Vec<String> {
    let Trained { outcome, losses, guessing } = trained;
    let losses = losses.map(|losses| format!("{losses} ({guessing})"));
    let end = match outcome {
        Outcome::Done { checkpoint } => format!("done: {}", pipeline::names::shown(checkpoint)),
        Outcome::Stopped { checkpoint, step } => {
            format!(
                "stopped after step {step}; --resume continues from {}",
                pipeline::names::shown(checkpoint)
            )
        }
        Outcome::OutOfData { checkpoint, step } => {
            format!("there was no more data after step {step}: {}", pipeline::names::shown(checkpoint))
        }
    };
    losses.into_iter().chain([end]).collect()
}

/// How a training ended, for programs.
pub fn json(trained: &Trained) -> Value {
    let (outcome, checkpoint, step) = match &trained.outcome {
        Outcome::Done { checkpoint } => ("done", checkpoint, None),
        Outcome::Stopped { checkpoint, step } => ("stopped", checkpoint, Some(*step)),
        Outcome::OutOfData { checkpoint, step } => ("out-of-data", checkpoint, Some(*step)),
    };
    let mut json = json!({ "outcome": outcome, "checkpoint": pipeline::names::shown(checkpoint) });
    if let Some(step) = step {
        json["step"] = step.into();
    }
    if let Some(losses) = &trained.losses {
        json["loss"] = json!({ "first": losses.first, "last": losses.last });
    }
    json
}

/// A share in percent.
pub fn percent(share: f64) -> String {
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
