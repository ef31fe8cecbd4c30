//! The classes of labelled videos, counted: how many videos each has in either part, and what is odd about them.

use schemas::ProblemType;

use crate::words::listed;

/// The classes of labelled videos.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassCounts {
    /// What kind of answer is wanted.
    pub problem_type: ProblemType,
    /// Where the classes come from, in words.
    pub origin: String,
    /// Names of the classes, or of the numbers.
    pub names: Vec<String>,
    /// Videos of each class to train on; empty where a video has not one class.
    pub train: Vec<usize>,
    /// Videos of each class to test on, where there is a test.
    pub test: Option<Vec<usize>>,
    /// Videos to train on, and to test on.
    pub videos: [u64; 2],
    /// The split as it was asked for.
    pub split: Option<String>,
    /// What a person should know about them, a sentence each; where a video has not one class a line for each label.
    pub notes: Vec<String>,
}

/// What is odd about one class.
pub(crate) const ONE_CLASS: &str = "there is one class, so there is nothing to tell apart";

impl ClassCounts {
    /// The same with notes on what is odd about the counts.
    pub(crate) fn with_odd(mut self) -> Self {
        self.notes.extend(odd(&self.names, &self.train, self.test.as_deref()));
        self
    }
}

/// What is odd about classes of so many videos, a sentence each.
fn odd(names: &[String], train: &[usize], test: Option<&[usize]>) -> Vec<String> {
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
        notes.push(ONE_CLASS.to_owned());
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: &[&str], train: &[usize], test: Option<&[usize]>) -> String {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        odd(&names, train, test).join("\n")
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
