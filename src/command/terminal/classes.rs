//! The table of classes that is shown before anything is trained: where they come from, how many videos each has
//! in either part, and what is odd about them.

use schemas::ProblemType;

use crate::{class_counts::ClassCounts, command::report};

/// Classes that are shown; of more only these and what is odd.
const SHOWN: usize = 40;

/// The table and the notes below it; of several labels how many videos have each, of numbers how they are spread.
pub fn text(counts: &ClassCounts) -> String {
    if !counts.problem_type.is_single_label() {
        let what = how_many(counts.problem_type, counts.names.len());
        let lines: String = counts.notes.iter().map(|line| format!("{line}\n")).collect();
        return format!("labels: {}; {what}\n{lines}{}", counts.origin, in_all(counts));
    }
    let test = counts.test.as_ref();
    let mut rows = vec![vec!["class".to_owned(), "name".to_owned(), "train".to_owned()]];
    if test.is_some() {
        rows[0].push("test".to_owned());
    }
    for (number, name) in counts.names.iter().enumerate().take(SHOWN) {
        let mut row = vec![number.to_string(), name.clone(), counts.train[number].to_string()];
        row.extend(test.map(|test| test[number].to_string()));
        rows.push(row);
    }
    let mut text = format!("classes: {}\n{}", counts.origin, report::table(&rows));
    if let Some(more) = counts.names.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        text += &format!("… and {more} more classes\n");
    }
    text += &in_all(counts);
    counts.notes.iter().for_each(|note| text += &format!("\nnote: {note}"));
    text
}

/// How many videos either part has.
fn in_all(counts: &ClassCounts) -> String {
    let [train, test] = counts.videos;
    let split = counts.split.as_ref().map_or(String::new(), |split| format!(" (--split {split})"));
    format!("{train} videos to train on, {test} to test on{split}")
}

/// How many answers there are, in words.
fn how_many(problem_type: ProblemType, count: usize) -> String {
    match problem_type {
        ProblemType::SingleLabelClassification => format!("{count} classes"),
        ProblemType::MultiLabelClassification => format!("{count} labels, of which one may have several"),
        ProblemType::Regression => format!("{count} number{}", if count == 1 { "" } else { "s" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(problem_type: ProblemType) -> ClassCounts {
        ClassCounts {
            problem_type,
            origin: "the first folder below films".to_owned(),
            names: vec!["run".to_owned(), "jump".to_owned()],
            train: vec![3, 1],
            test: Some(vec![1, 0]),
            videos: [4, 1],
            split: Some("test=0.2".to_owned()),
            notes: vec!["one".to_owned(), "two".to_owned()],
        }
    }

    #[test]
    fn classes_are_a_table_with_notes_below() {
        assert_eq!(
            text(&counts(ProblemType::SingleLabelClassification)),
            "classes: the first folder below films\nclass  name  train  test\n0      run   3      1\n1      jump  \
             1      0\n4 videos to train on, 1 to test on (--split test=0.2)\nnote: one\nnote: two"
        );
    }

    #[test]
    fn numbers_have_a_line_each() {
        assert_eq!(
            text(&counts(ProblemType::Regression)),
            "labels: the first folder below films; 2 numbers\none\ntwo\n4 videos to train on, 1 to test on (--split \
             test=0.2)"
        );
    }
}
