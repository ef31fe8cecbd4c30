//! The table of classes that is shown before anything is trained: where they come from, how many videos each has
//! in either part, and what is odd about them.

use pipeline::dataset::labels;

use super::Parts;
use crate::{listing::listed, report};

/// Classes that are shown; of more only these and what is odd.
const SHOWN: usize = 40;

/// The table and the notes below it.
pub(super) fn text(parts: &Parts) -> String {
    let train = labels::counts(parts.train.entries(), &parts.classes);
    let test = parts.test.as_ref().map(|test| labels::counts(test.entries(), &parts.classes));
    let mut rows = vec![vec!["class".to_owned(), "name".to_owned(), "train".to_owned()]];
    if test.is_some() {
        rows[0].push("test".to_owned());
    }
    for (number, name) in parts.classes.names().iter().enumerate().take(SHOWN) {
        let mut row = vec![number.to_string(), name.clone(), train[number].to_string()];
        row.extend(test.as_ref().map(|test| test[number].to_string()));
        rows.push(row);
    }
    let mut text = format!("classes: {}\n{}", parts.origin, report::table(&rows));
    if let Some(more) = parts.classes.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        text += &format!("… and {more} more classes\n");
    }
    text += &in_all(parts);
    text.push('\n');
    let notes = parts.notes.iter().cloned().chain(notes(parts.classes.names(), &train, test.as_deref()));
    notes.for_each(|note| text += &format!("note: {note}\n"));
    text
}

/// How many videos either part has.
pub(super) fn in_all(parts: &Parts) -> String {
    let held_out = parts.test.as_ref().map_or(0, |test| test.len());
    let split = parts.split.as_ref().map_or(String::new(), |split| format!(" (--split {})", split.text));
    format!("{} videos to train on, {held_out} to test on{split}", parts.train.len())
}

/// What is odd about classes of so many videos, a sentence each.
fn notes(names: &[String], train: &[usize], test: Option<&[usize]>) -> Vec<String> {
    let held_out = |class: usize| test.map_or(0, |test| test[class]);
    let named = |fits: &dyn Fn(usize) -> bool| -> Vec<String> {
        (0..names.len()).filter(|&class| fits(class)).map(|class| format!("`{}`", names[class])).collect()
    };
    let mut notes = Vec::new();
    let empty = named(&|class| train[class] + held_out(class) == 0);
    let numbered = names.iter().enumerate().all(|(at, name)| *name == at.to_string());
    let numbers = names.iter().all(|name| name.parse::<i64>().is_ok());
    if numbered && names.len() > 1 && train[0] + held_out(0) == 0 {
        let last = names.len() - 1;
        notes.push(format!(
            "the numbers seem to begin with 1: class 0 has no video, and the head has {} classes for up to {last}; a \
             list of names, --classes CLASSES.TXT, or numbers from 0 give {last}",
            names.len()
        ));
    } else if !empty.is_empty() {
        notes.push(format!("no video in {} of {} classes: {}", empty.len(), names.len(), listed(&empty)));
    } else if numbers && !numbered {
        notes.push(format!(
            "the names of the classes are numbers, and are taken as names: `{}` is class 0",
            names[0]
        ));
    }
    let single = named(&|class| train[class] + held_out(class) == 1);
    if !single.is_empty() {
        notes.push(format!("only one video in {}", listed(&single)));
    }
    let unlearnt = named(&|class| train[class] == 0 && held_out(class) > 0);
    if !unlearnt.is_empty() {
        notes.push(format!(
            "all videos of {} are held out, so it cannot be learnt: another seed or share, or two lists",
            listed(&unlearnt)
        ));
    }
    let untested = named(&|class| test.is_some() && train[class] > 1 && held_out(class) == 0);
    if !untested.is_empty() {
        notes.push(format!("no video of {} is in the test", listed(&untested)));
    }
    if names.len() == 1 {
        notes.push("there is one class, so there is nothing to tell apart".to_owned());
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: &[&str], train: &[usize], test: Option<&[usize]>) -> String {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        notes(&names, train, test).join("\n")
    }

    #[test]
    fn what_is_odd_is_said_and_nothing_else_is() {
        assert_eq!(found(&["a", "b"], &[2, 3], None), "");
        assert_eq!(found(&["0", "1"], &[2, 3], Some(&[1, 1])), "");
        assert!(found(&["0", "1", "2"], &[0, 2, 2], None).contains("class 0 has no video"));
        let gaps = found(&["0", "1", "2", "3"], &[2, 0, 2, 0], None);
        assert_eq!(gaps, "no video in 2 of 4 classes: `1`, `3`");
        assert!(found(&["1", "10", "2"], &[2, 2, 2], None).contains("taken as names: `1` is class 0"));
        assert_eq!(found(&["a", "b"], &[1, 2], None), "only one video in `a`");
        assert!(found(&["a", "b"], &[0, 2], Some(&[2, 1])).contains("all videos of `a` are held out"));
        assert_eq!(found(&["a", "b"], &[3, 2], Some(&[0, 1])), "no video of `a` is in the test");
        assert!(found(&["a"], &[3], None).contains("nothing to tell apart"));
    }
}
