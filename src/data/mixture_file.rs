//! Mixture files: the sets of a mixture as a TOML table.
//!
//! ```toml
//! [[data]]
//! videos = "films"                      # a path, or several: ["films", "more/*.mp4"]
//! weight = 2
//!
//! [[data]]
//! name = "robots"                       # where it is to be called otherwise than its path ends
//! videos = "/data/lists/train.csv"
//! weight = 1
//! ```
//!
//! Paths are relative to the file's folder, or, where nothing is there, to the working directory.

use std::path::{Path, PathBuf};

use pipeline::{names, store};
use schemas::regular_file;
use serde::Deserialize;

use crate::error::{Context as _, Result, Usage};

/// A set: its name where it has one of its own, its paths, its weight.
pub type NamedSet = (Option<String>, Vec<PathBuf>, f64);

/// Whether this is a mixture file, by its name.
pub fn is_one(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "toml") && path.is_file()
}

/// The sets of a mixture file.
///
/// # Errors
/// Usage error: it is none. When it cannot be read.
pub fn read(path: &Path) -> Result<Vec<NamedSet>> {
    let text = regular_file::read_to_string(path)
        .with_context(|| format!("{} cannot be read", names::shown(path)))?;
    let file: File = toml::from_str(&text).map_err(|why| {
        let why = why.to_string();
        Usage::new(format!("{} is no mixture file: {}", names::shown(path), why.trim_end()))
            .hint("a mixture file has a [[data]] table for each set, with `videos` and `weight`")
    })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let place = |path: String| {
        let below = folder.join(&path);
        let lies_below = below.exists() || !Path::new(&path).exists();
        if lies_below && !store::is_address(Path::new(&path)) { below } else { path.into() }
    };
    let set = |set: Set| {
        let paths = match set.videos {
            Paths::One(path) => vec![path],
            Paths::Several(paths) => paths,
        };
        (set.name, paths.into_iter().map(place).collect(), set.weight)
    };
    Ok(file.data.into_iter().map(set).collect())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    data: Vec<Set>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    name: Option<String>,
    videos: Paths,
    weight: f64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Paths {
    One(String),
    Several(Vec<String>),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(text: &str) -> Result<Vec<NamedSet>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mixture.toml");
        std::fs::write(&path, text).unwrap();
        std::fs::create_dir(folder.path().join("films")).unwrap();
        let below = |sets: Vec<NamedSet>| {
            let place = |path: PathBuf| path.strip_prefix(folder.path()).map_or(path.clone(), Path::to_owned);
            let set =
                |(name, paths, weight): NamedSet| (name, paths.into_iter().map(place).collect(), weight);
            sets.into_iter().map(set).collect()
        };
        read(&path).map(below)
    }

    #[test]
    fn a_table_is_a_set() {
        let text = "[[data]]\nvideos = \"films\"\nweight = 2\n[[data]]\nname = \"r\"\nvideos = [\"/x/a.csv\", \"b=3,c\"]\nweight = 0.5\n";
        let films = (None, vec![PathBuf::from("films")], 2.0);
        let robots = (Some("r".to_owned()), vec![PathBuf::from("/x/a.csv"), PathBuf::from("b=3,c")], 0.5);
        assert_eq!(sets(text).unwrap(), [films, robots]);
    }

    #[test]
    fn another_file_is_none() {
        for text in
            ["films = 2\n", "[[data]]\nvideos = \"a\"\n", "[[data]]\nvideos = \"a\"\nweights = 1\n", "[["]
        {
            let refused = sets(text).unwrap_err();
            assert!(refused.usage().unwrap().to_string().contains("is no mixture file"), "{refused}");
        }
    }
}
