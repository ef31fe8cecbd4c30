//! The names of the classes: `classes.txt`, a name a line, whose line is its number.

use std::{
    collections::{BTreeSet, HashMap},
    io::Write as _,
    path::Path,
};

use schemas::{WholeFile, regular_file};

use super::LabelError;

/// Names of classes; a class's number is its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Classes {
    names: Vec<String>,
    numbers: HashMap<String, usize>,
}

impl Classes {
    /// Classes of these names. Of two equal names the first is found by name.
    pub fn of(names: Vec<String>) -> Self {
        let mut numbers = HashMap::new();
        for (number, name) in names.iter().enumerate() {
            numbers.entry(name.clone()).or_insert(number);
        }
        Self { names, numbers }
    }

    /// Classes that are named by their numbers.
    pub fn numbered(count: usize) -> Self {
        Self::of((0..count).map(|number| number.to_string()).collect())
    }

    /// Reads `classes.txt`. Empty lines at the end do not count.
    ///
    /// # Errors
    /// When it cannot be read, names no class or one twice.
    pub fn read(path: &Path) -> Result<Self, LabelError> {
        let text = regular_file::read_to_string(path).map_err(|cause| LabelError::Io {
            action: "read",
            path: path.to_owned(),
            cause,
        })?;
        let names: Vec<String> = text.trim_end().lines().map(|line| line.trim().to_owned()).collect();
        if names.is_empty() {
            return Err(LabelError::NoClass { path: path.to_owned() });
        }
        let classes = Self::of(names);
        for (at, name) in classes.names.iter().enumerate() {
            let first = classes.numbers[name];
            if first != at {
                let (name, first, second) = (name.clone(), first + 1, at + 1);
                return Err(LabelError::ClassTwice { path: path.to_owned(), name, first, second });
            }
        }
        Ok(classes)
    }

    /// Writes `classes.txt`, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), LabelError> {
        let mut text = self.names.join("\n");
        text.push('\n');
        WholeFile::create(path)
            .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.finish()))
            .map_err(|cause| LabelError::Io { action: "write", path: path.to_owned(), cause })
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The names in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The name of class `number`; the number itself where there is none.
    pub fn name(&self, number: usize) -> String {
        self.names.get(number).cloned().unwrap_or_else(|| number.to_string())
    }

    /// The number of the class `name`.
    pub fn number_of(&self, name: &str) -> Option<usize> {
        self.numbers.get(name).copied()
    }
}

/// A class as a source writes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Word {
    Number(i64),
    Name(String),
}

/// The classes that occur.
pub(super) fn occurring(words: &[Word]) -> Classes {
    let numbers_only = words.iter().all(|word| matches!(word, Word::Number(_)));
    if numbers_only {
        let largest =
            words.iter().map(|word| if let Word::Number(number) = word { *number } else { 0 }).max();
        // A class list is held in memory: a number beyond 16 bits is a mistake, and is refused as outside.
        let count = largest.map_or(0, |largest| largest.clamp(-1, i64::from(u16::MAX)) + 1);
        return Classes::numbered(count as usize);
    }
    let names: BTreeSet<String> = words
        .iter()
        .map(|word| match word {
            Word::Number(number) => number.to_string(),
            Word::Name(name) => name.clone(),
        })
        .collect();
    Classes::of(names.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("classes.txt");
        let classes = Classes::of(vec!["riding a bike".into(), "zumba".into()]);
        classes.write(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "riding a bike\nzumba\n");
        assert_eq!(Classes::read(&path).unwrap(), classes);
        assert_eq!(classes.number_of("zumba"), Some(1));
    }

    #[test]
    fn a_name_that_stands_twice_is_refused_with_its_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("classes.txt");
        std::fs::write(&path, "run\njump\nrun\n").unwrap();
        let refused = Classes::read(&path).unwrap_err();
        assert!(matches!(refused, LabelError::ClassTwice { first: 1, second: 3, .. }), "{refused}");
        std::fs::write(&path, "\n\n").unwrap();
        assert!(matches!(Classes::read(&path), Err(LabelError::NoClass { .. })));
    }
}
