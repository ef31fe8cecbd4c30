//! What a model of numbers (regression) says of a video.

use serde_json::{Value, json};
use trainer::evaluation::Answer;

use super::class_name::shown;

use crate::command::report;

/// The numbers with their names, in the model's order.
fn named<'a>(names: &'a [String], answer: &'a Answer) -> impl Iterator<Item = (String, f64)> + 'a {
    answer.probabilities.iter().enumerate().map(|(at, number)| (name(names, at), *number))
}

/// The name of a number; one that has none is called by its place.
fn name(names: &[String], at: usize) -> String {
    shown(names, at).replace("class ", "number ")
}

/// A list of names and values.
pub fn json(names: &[String], answer: &Answer) -> Value {
    named(names, answer).map(|(name, value)| json!({ "name": name, "value": value })).collect()
}

/// A row a number.
pub fn table(names: &[String], answer: &Answer) -> String {
    report::table(
        &named(names, answer).map(|(name, value)| vec![name, format!("{value:.4}")]).collect::<Vec<_>>(),
    )
}

/// A row a clip, a column a number.
pub fn time_table(names: &[String], clips: &[((f64, f64), Answer)]) -> String {
    let heads = (0..names.len()).map(|at| name(names, at));
    let head = ["from", "to"].map(String::from).into_iter().chain(heads).collect();
    let rows = clips.iter().map(|((start, end), answer)| {
        let times = [format!("{start:.1} s"), format!("{end:.1} s")].into_iter();
        times.chain(answer.probabilities.iter().map(|value| format!("{value:.4}"))).collect()
    });
    report::table(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
}

/// The first numbers in words.
pub fn words(names: &[String], answer: &Answer, most: usize) -> Vec<String> {
    named(names, answer).take(most).map(|(name, value)| format!("{name} {value:.3}")).collect()
}
