//! Lists of videos: one a line, with a class or without.
//!
//! ```text
//! path                      no class
//! path 3      path,3        a class by its number
//! path a name path,a name   a class by its name
//! path 0 -1                 VideoMAE V2's pre-training lists: first frame and number of frames of all of it
//! path 0 300 3              the same with a class
//! ```
//!
//! A path may hold spaces: it goes to the last word with a video's ending; in a line without one, to the number
//! at its end. `#` begins a comment. Parts of videos are refused: a line that says where one begins is no whole
//! video.

/// A line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its line, from 1.
    pub line: usize,
    /// The path as it is written.
    pub path: String,
    /// The class as it is written.
    pub class: Option<String>,
}

/// Why a line of a list is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// A table with a head.
    #[error("line {line}: `{text}` is the head of a table, and a list has none")]
    Head {
        /// The line, from 1.
        line: usize,
        /// What it says.
        text: String,
    },
    /// Numbers that name a part of a video.
    #[error(
        "line {line}: `{numbers}` after the path is a first frame and a number of frames, and parts of videos are \
         not read; `0 -1` means all of it"
    )]
    PartOfVideo {
        /// The line, from 1.
        line: usize,
        /// The two numbers.
        numbers: String,
    },
    /// A line without a path.
    #[error("line {line}: `{text}` has no path")]
    NoPath {
        /// The line, from 1.
        line: usize,
        /// What it says.
        text: String,
    },
}

impl ListError {
    /// What would do, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Head { .. } => {
                Some("`tubelet finetune --data FOLDER --labels TABLE.csv` joins a table by path")
            }
            Self::PartOfVideo { .. } | Self::NoPath { .. } => None,
        }
    }
}

/// What separates the words of a line.
const SEPARATORS: [char; 3] = [' ', '\t', ','];
/// Names of a column of paths, which only the head of a table has.
const HEADS: [&str; 6] = ["path", "video", "file", "filename", "file_name", "video_path"];

/// Reads the text of a list; `endings` are those of video files.
///
/// # Errors
/// The first line that is wrong.
pub fn read(text: &str, endings: &[&str]) -> Result<Vec<Listed>, ListError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.lines().map(str::trim).zip(1..);
    let mut listed = Vec::new();
    for (line, number) in lines.filter(|(line, _)| !line.is_empty() && !line.starts_with('#')) {
        let first = line.split(SEPARATORS).next().unwrap_or_default();
        if listed.is_empty() && line != first && HEADS.contains(&first.to_ascii_lowercase().as_str()) {
            return Err(ListError::Head { line: number, text: line.to_owned() });
        }
        listed.push(entry(number, line, endings)?);
    }
    Ok(listed)
}

fn entry(line: usize, text: &str, endings: &[&str]) -> Result<Listed, ListError> {
    let (path, rest) = divided(text, endings);
    let path = path.trim_matches(SEPARATORS).trim_matches('"');
    if path.is_empty() {
        return Err(ListError::NoPath { line, text: text.to_owned() });
    }
    let class = class(line, rest.trim_matches(SEPARATORS))?;
    Ok(Listed { line, path: path.to_owned(), class })
}

/// The class in what stands behind the path.
fn class(line: usize, rest: &str) -> Result<Option<String>, ListError> {
    let words: Vec<&str> = rest.split(SEPARATORS).filter(|word| !word.is_empty()).collect();
    match words.as_slice() {
        [] => Ok(None),
        [start, total, class @ ..] if is_whole(start) && is_whole(total) => {
            let numbers = [start, total].map(|word| word.parse::<i64>().unwrap_or(i64::MAX));
            if numbers[0] > 0 || numbers[1] < -1 || numbers[1] == 0 {
                return Err(ListError::PartOfVideo { line, numbers: format!("{start} {total}") });
            }
            Ok((!class.is_empty()).then(|| class.join(" ")))
        }
        _ => Ok(Some(rest.trim_matches('"').to_owned())),
    }
}

/// A line at the end of its path.
fn divided<'a>(text: &'a str, endings: &[&str]) -> (&'a str, &'a str) {
    let words = words(text);
    let ending =
        |word: &str| word.trim_matches('"').rsplit_once('.').map(|(_, ending)| ending.to_lowercase());
    let known = |word: &str| ending(word).is_some_and(|ending| endings.contains(&ending.as_str()));
    // Any other ending, such as that of a file that is named although nobody would look for it.
    let any = |word: &str| {
        let letters = |ending: &str| ending.chars().any(|letter| letter.is_ascii_alphabetic());
        ending(word).is_some_and(|ending| (1..=5).contains(&ending.len()) && letters(&ending))
    };
    let last = words.iter().rposition(|(_, word)| known(word));
    if let Some(at) = last.or_else(|| words.iter().position(|(_, word)| any(word))) {
        let (start, word) = words[at];
        return text.split_at(start + word.len());
    }
    // Without an ending only numbers can be told from the path: one, or V2's `0 -1`.
    let numbers = words.iter().rev().take_while(|(_, word)| is_number(word)).count().min(words.len() - 1);
    let behind = match numbers {
        0 => return (text, ""),
        1 => 1,
        _ if words[words.len() - 1].1.starts_with('-') => 2,
        _ => 1,
    };
    text.split_at(words[words.len() - behind].0)
}

/// Words and where they begin.
fn words(text: &str) -> Vec<(usize, &str)> {
    let mut at = 0;
    let mut words = Vec::new();
    for word in text.split(SEPARATORS) {
        if !word.is_empty() {
            words.push((at, word));
        }
        // Separators are one byte long.
        at += word.len() + 1;
    }
    words
}

fn is_whole(word: &str) -> bool {
    word.parse::<i64>().is_ok()
}

fn is_number(word: &str) -> bool {
    word.contains(|letter: char| letter.is_ascii_digit()) && word.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDINGS: [&str; 2] = ["mp4", "mkv"];

    fn one(text: &str) -> (String, Option<String>) {
        let listed = read(text, &ENDINGS).unwrap().remove(0);
        (listed.path, listed.class)
    }

    #[test]
    fn every_form_of_a_line_is_read() {
        for (text, path, class) in [
            ("a.mp4", "a.mp4", None),
            ("my film.mp4 3", "my film.mp4", Some("3")),
            ("film 1.0.mp4 3", "film 1.0.mp4", Some("3")),
            ("a.mp4,4", "a.mp4", Some("4")),
            ("a.mp4\tplaying the guitar", "a.mp4", Some("playing the guitar")),
            ("\"my film.mp4\",\"a name\"", "my film.mp4", Some("a name")),
            ("k400/a.MP4 0 -1", "k400/a.MP4", None),
            ("a.mp4 0 300", "a.mp4", None),
            ("a.mp4 0 300 pouring", "a.mp4", Some("pouring")),
            ("a.mp4 -1 -1 7", "a.mp4", Some("7")),
            ("a.mp4 1.5", "a.mp4", Some("1.5")),
            ("film.dat 2", "film.dat", Some("2")),
            ("plain 12", "plain", Some("12")),
            ("plain 1.0", "plain", Some("1.0")),
            ("two words", "two words", None),
            ("plain 0 -1", "plain", None),
            ("12", "12", None),
            ("\u{feff}a.mp4 3", "a.mp4", Some("3")),
        ] {
            let found = one(text);
            assert_eq!((found.0.as_str(), found.1.as_deref()), (path, class), "{text}");
        }
    }

    #[test]
    fn parts_of_videos_and_heads_are_refused_with_their_line() {
        let refused = read("a.mp4 0 -1\n\nb.mp4 30 60\n", &ENDINGS).unwrap_err().to_string();
        assert!(refused.starts_with("line 3: `30 60` after the path"), "{refused}");
        assert!(read("a.mp4 120 3\n", &ENDINGS).is_err(), "mmaction2's `path frames class`");
        assert!(matches!(read("path,label\na.mp4,1\n", &ENDINGS), Err(ListError::Head { line: 1, .. })));
        assert!(matches!(read("# a comment\n , 3\n", &ENDINGS), Ok(listed) if listed[0].path == "3"));
    }
}
