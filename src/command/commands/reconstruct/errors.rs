//! How far a model is off by distance from what it was shown, as a table and as JSON.

use serde_json::{Value, json};
use trainer::{
    inference::error_by_distance::{Answers, Errors},
    kernels::Target,
};

use crate::command::report;

/// A row a distance.
pub fn table(errors: &[Errors], target: Target) -> String {
    let normalised = target == Target::Normalised;
    let mut head = ["frames away", "loss: model", "copy", "mean", "levels: model", "copy", "mean"]
        .map(String::from)
        .to_vec();
    if normalised {
        head.push("model, informed".to_owned());
    }
    let row = |errors: &Errors| {
        let of = |answers: &Answers| [answers.model, answers.copy, answers.mean];
        let mut row =
            vec![errors.distance.map_or_else(|| "none given".to_owned(), |frames| frames.to_string())];
        row.extend(of(&errors.loss).map(|error| format!("{error:.4}")));
        row.extend(of(&errors.levels).map(|error| format!("{error:.2}")));
        row.extend(normalised.then(|| format!("{:.2}", errors.informed)));
        row
    };
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(errors.iter().map(row)).collect();
    let informed = if normalised {
        "\nmodel, informed: with the true brightness and contrast of each cube, which the others do not know"
    } else {
        ""
    };
    format!(
        "{}\nloss: mean squared error of {}; levels: root of the mean squared error of pixels, 0 to 255\n\
         copy: the given frame that is nearest, at the same place; mean: of all given frames, at the same place{informed}\n",
        report::table(&rows),
        if normalised { "normalised pixels" } else { "pixels, 0 to 1" },
    )
}

/// An object a distance.
pub fn json(errors: &[Errors]) -> Value {
    let answers = |of: &Answers| json!({ "model": of.model, "copy": of.copy, "mean": of.mean });
    let row = |errors: &Errors| {
        let mut levels = answers(&errors.levels);
        levels["informed"] = errors.informed.into();
        json!({
            "distance": errors.distance, "pixels": errors.pixels,
            "loss": answers(&errors.loss), "levels": levels,
        })
    };
    errors.iter().map(row).collect()
}
