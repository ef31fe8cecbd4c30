//! Data sets with weights, as they are named: `films=2,robots=1`, or a mixture file.
//!
//! ```text
//! films=2,robots=1       one word, or a word for each set
//! cut,films=2            a path may have commas and equals signs: a set ends behind `=NUMBER`, at a comma or the end
//! films=2                where that is the name of something there is, it is what is there
//! mixture.toml           [[data]] tables: videos = PATH or [PATHS], weight = NUMBER, name = "TEXT" if wanted
//! ```
//!
//! A set is whatever VIDEOS are: files, a folder, a glob, a list, a manifest, or a folder of shards. It is called what its
//! path ends in; where two would be called the same, as it is written.

use std::path::{Path, PathBuf};

use pipeline::{mixture::Weighted, names, store};

use super::{list::List, mixture_file};
use crate::error::{Result, Usage};

/// Sets of a mixture: how they are mixed is told by [`pipeline::mixture`].
pub type Mixture = Vec<Weighted<Vec<PathBuf>>>;

/// Most sets of a mixture.
const MOST_SETS: usize = 1 << 10;

/// The mixture that `given` names; none where it names videos.
///
/// # Errors
/// Usage error: sets with weights stand beside some without, a weight is none, or two sets have one name.
pub fn of(given: &[PathBuf]) -> Result<Option<Mixture>> {
    let sets = match given {
        [path] if mixture_file::is_one(path) => mixture_file::read(path)?,
        _ => {
            let named: Vec<Option<Vec<(String, f64)>>> = given.iter().map(|path| weighted(path)).collect();
            let Some(first) = named.iter().position(Option::is_some) else { return Ok(None) };
            if let Some(without) = named.iter().position(Option::is_none) {
                return Err(beside(&given[first], &given[without]).into());
            }
            let set = |(path, weight): (String, f64)| (None, vec![path.into()], weight);
            named.into_iter().flatten().flatten().map(set).collect()
        }
    };
    Ok(Some(checked(sets)?))
}

/// Refuses a mixture where it is not taken.
///
/// # Errors
/// Usage error: this is one.
pub fn refuse(path: &Path) -> Result<()> {
    if !mixture_file::is_one(path) && weighted(path).is_none() {
        return Ok(());
    }
    Err(Usage::new(format!(
        "{} is a mixture of data sets, which only pre-training takes",
        names::shown(path)
    ))
    .hint("`pretrain`, `inspect batches`, `stream` of masked or whole clips, and `bench load` take mixtures")
    .into())
}

/// The same with these names of columns, where its sets are lists; `path` itself where it is no mixture.
pub fn with_columns(path: &Path, columns: &str) -> PathBuf {
    let Some(sets) = weighted(path) else { return List::with_columns(path, columns) };
    let set = |(path, weight): (String, f64)| {
        format!("{}={weight}", List::with_columns(Path::new(&path), columns).display())
    };
    sets.into_iter().map(set).collect::<Vec<_>>().join(",").into()
}

/// Paths with weights; none where `given` is something that is there, or has no weight at its end.
fn weighted(given: &Path) -> Option<Vec<(String, f64)>> {
    // In the query of an address there may be secrets, which no message about a mixture shall tell.
    let may_be_one = given.symlink_metadata().is_err() && store::check(given).is_ok();
    let text = given.to_str().filter(|_| may_be_one)?;
    let mut sets = Vec::new();
    let mut path = String::new();
    for part in text.split(',') {
        path += part;
        match path.rsplit_once('=').and_then(|(path, weight)| Some((path, number(weight)?))) {
            Some((of, weight)) if !of.is_empty() => {
                sets.push((of.to_owned(), weight));
                path.clear();
            }
            _ => path.push(','),
        }
    }
    // `list.csv:start=2` names a column.
    let is_list = |text: &str| matches!(List::of(Path::new(text)), Ok(Some(_)));
    let names_a_column = sets.len() == 1 && is_list(text) && !is_list(&sets[0].0);
    (path.is_empty() && !names_a_column).then_some(sets)
}

/// A number as weights are written: digits, and a point if wanted.
fn number(text: &str) -> Option<f64> {
    let is_one = |it: char| it.is_ascii_digit() || matches!(it, '.' | '-' | '+' | 'e' | 'E');
    text.parse().ok().filter(|_| text.chars().all(is_one))
}

/// Names for all sets, each one's own; weights that are weights.
fn checked(sets: Vec<mixture_file::NamedSet>) -> Result<Mixture> {
    if sets.is_empty() || sets.len() > MOST_SETS {
        let found = sets.len();
        return Err(Usage::new(format!("a mixture has 1 to {MOST_SETS} sets, not {found}")).into());
    }
    let written =
        |paths: &[PathBuf]| paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(",");
    let end = |paths: &[PathBuf]| match paths {
        [path] => {
            let end = path.file_name().map(|end| end.to_string_lossy().into_owned());
            end.filter(|end| !end.contains(['*', '?', '[', '{']))
        }
        _ => None,
    };
    let ends: Vec<Option<String>> = sets.iter().map(|(_, paths, _)| end(paths)).collect();
    let mut named: Mixture = Vec::new();
    for (at, (name, paths, weight)) in sets.into_iter().enumerate() {
        let alone = ends[at].clone().filter(|end| ends.iter().flatten().filter(|it| *it == end).count() == 1);
        let name = name.or(alone).unwrap_or_else(|| written(&paths));
        if !(weight.is_finite() && weight > 0.0) {
            let message =
                format!("the weight of {} is {weight}, not a number above 0", names::one_line(&name));
            return Err(Usage::new(message).hint("leave a set out to take nothing of it").into());
        }
        if named.iter().any(|set| *set.name == *name) {
            let message = format!("two sets of the mixture are called {}", names::one_line(&name));
            return Err(Usage::new(message)
                .hint("add up their weights, or name them in a mixture file")
                .into());
        }
        named.push(Weighted { name: name.into(), weight, set: paths });
    }
    Ok(named)
}

fn beside(with: &Path, without: &Path) -> Usage {
    let (with, without) = (names::shown(with), names::shown(without));
    Usage::new(format!("{without} has no weight, and {with} has one")).hint(format!(
        "a mixture gives each set a weight: {with} {without}=1; paths that end in `=NUMBER` can be named in a mixture file"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(given: &[&str]) -> Vec<(String, String, f64)> {
        let given: Vec<PathBuf> = given.iter().map(PathBuf::from).collect();
        let sets = of(&given).unwrap().unwrap_or_default();
        let set = |set: Weighted<Vec<PathBuf>>| {
            (set.name.to_string(), set.set[0].display().to_string(), set.weight)
        };
        sets.into_iter().map(set).collect()
    }

    fn set(name: &str, path: &str, weight: f64) -> (String, String, f64) {
        (name.to_owned(), path.to_owned(), weight)
    }

    #[test]
    fn sets_are_named_in_one_word_or_in_several() {
        let both = [set("films", "d/films", 2.0), set("robots", "robots", 0.5)];
        assert_eq!(named(&["d/films=2,robots=.5"]), both);
        assert_eq!(named(&["d/films=2", "robots=0.5"]), both);
        assert_eq!(named(&["films"]), []);
        assert_eq!(named(&["films,robots"]), []);
        assert_eq!(named(&["films=many"]), []);
    }

    #[test]
    fn commas_and_equals_signs_may_stand_in_paths() {
        assert_eq!(named(&["a,b=c/lr=3=2,d=1"]), [set("lr=3", "a,b=c/lr=3", 2.0), set("d", "d", 1.0)]);
        assert_eq!(named(&["a,b=2"]), [set("a,b", "a,b", 2.0)]);
    }

    #[test]
    fn what_is_there_is_what_it_is_called() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lr=3");
        std::fs::create_dir(&path).unwrap();
        let text = path.to_str().unwrap();
        assert_eq!(named(&[text]), []);
        assert_eq!(named(&[&format!("{text}=2")]), [set("lr=3", text, 2.0)]);
        // The columns of a list are no weights, and have weights behind them.
        let list = folder.path().join("list.csv");
        std::fs::write(&list, "path,2\na.mp4,7\n").unwrap();
        let columns = format!("{}:path=path:start=2", list.display());
        assert_eq!(named(&[&columns]), []);
        assert_eq!(named(&[&format!("{columns}=4")])[0].2, 4.0);
        let mixed = with_columns(Path::new(&format!("{}=4,films=2", list.display())), "path=path,label=2");
        assert_eq!(
            named(&[mixed.to_str().unwrap()]),
            [
                set("list.csv:path=path:label=2", &format!("{}:path=path:label=2", list.display()), 4.0),
                set("films", "films", 2.0)
            ]
        );
    }

    #[test]
    fn sets_with_one_end_are_called_as_they_are_written() {
        let names: Vec<String> =
            named(&["a/clips=1,b/clips=1,c/*.mp4=1"]).into_iter().map(|it| it.0).collect();
        assert_eq!(names, ["a/clips", "b/clips", "c/*.mp4"]);
    }

    #[test]
    fn what_is_no_mixture_is_refused_with_what_is_wrong() {
        for (given, words) in [
            (&["a=1", "b"][..], "b has no weight, and a=1 has one"),
            (&["a=0,b=1"], "the weight of a is 0"),
            (&["a=-1"], "the weight of a is -1"),
            (&["a=1,a=2"], "two sets of the mixture are called a"),
        ] {
            let given: Vec<PathBuf> = given.iter().map(PathBuf::from).collect();
            let refused = of(&given).unwrap_err();
            assert!(refused.usage().unwrap().to_string().contains(words), "{refused}");
        }
        assert!(refuse(Path::new("films=2")).is_err() && refuse(Path::new("films")).is_ok());
    }
}
