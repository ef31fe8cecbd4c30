//! Lists without a head: a video a line.
//!
//! ```text
//! path                                   no class
//! path 3      path,3      path::3        a class by its number
//! path a name path,a name                a class by its name
//! path 0 -1   path 0 300  path 30 60 3   VideoMAE V2's: first frame, number of frames, and a class; -1 means all
//! k400 path 10.0 2.5 7.5 3               InternVideo's: source, path, length, start and end in seconds, class
//! ```
//!
//! A path may hold spaces: it goes to the last word with a video's ending; in a line without one, to the number
//! at its end, or it stands in quotes. `#` begins a comment. Where no line of V2's begins behind frame 0, all of them
//! name whole videos, whose number of frames the list knows.

use super::{
    Form, ListError, Listed,
    row::{of_frames, time},
    table::quoted_cells,
    text_of,
};
use crate::segment::Segment;

/// What separates the words of a line; two colons do so too.
const SEPARATORS: [char; 3] = [' ', '\t', ','];
const COLONS: &str = "::";

/// Reads the lines of a list.
pub(super) fn read<E: From<ListError>>(
    bytes: &[u8],
    endings: &[&str],
    take: &mut dyn FnMut(Listed) -> Result<(), E>,
) -> Result<(), E> {
    let mut has_parts = None;
    for (line, text) in texts(bytes) {
        let mut listed = entry(line, &text_of(text), endings)?;
        if listed.form == Form::VideoMaeV2
            && matches!(listed.segment, Segment::Frames { start: 0, .. })
            && !*has_parts.get_or_insert_with(|| one_begins_later(bytes, endings))
        {
            listed.segment = Segment::Whole;
        }
        take(listed)?;
    }
    Ok(())
}

/// The lines that say something, by their numbers from 1.
fn texts(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let lines = (1..).zip(bytes.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with(b"#"))
}

/// Whether a line of V2's begins behind frame 0.
fn one_begins_later(bytes: &[u8], endings: &[&str]) -> bool {
    texts(bytes).any(|(line, text)| {
        let segment = entry(line, &text_of(text), endings).map(|listed| listed.segment);
        matches!(segment, Ok(Segment::Frames { start: 1.., .. }))
    })
}

fn entry(line: usize, text: &str, endings: &[&str]) -> Result<Listed, ListError> {
    let text = text.trim();
    let (path, rest) = match quoted(text) {
        Some(parts) => parts,
        None => {
            let (path, rest) = divided(text, endings);
            (without_separators(path).trim_matches('"').to_owned(), rest.to_owned())
        }
    };
    if path.is_empty() {
        return Err(ListError::NoPath { line, text: text.to_owned() });
    }
    let rest = without_separators(&rest);
    let words: Vec<&str> = words(rest).into_iter().map(|(_, word)| word).collect();
    if let Some(listed) = of_internvideo(line, &path, &words)? {
        return Ok(listed);
    }
    let listed = |class, segment, form| Listed { line, path, class, segment, split: None, form };
    match words.as_slice() {
        [] => Ok(listed(None, Segment::Whole, Form::Paths)),
        [start, total, class @ ..] if is_whole(start) && is_whole(total) => {
            let segment = of_v2(line, start, total)?;
            Ok(listed((!class.is_empty()).then(|| class.join(" ")), segment, Form::VideoMaeV2))
        }
        _ => Ok(listed(Some(rest.trim_matches('"').to_owned()), Segment::Whole, Form::PathLabel)),
    }
}

/// The part of a video that V2's numbers mean.
fn of_v2(line: usize, start: &str, total: &str) -> Result<Segment, ListError> {
    let wrong = || ListError::Frames { line, numbers: format!("{start} {total}") };
    let number = |word: &str| word.parse::<i64>().map_err(|_| wrong());
    let (first, count) = (number(start)?, number(total)?);
    match count {
        -1 if first <= 0 => Ok(Segment::Whole),
        _ if first < 0 && count > 0 => Ok(Segment::Whole),
        -1 => of_frames(first, None).map_err(|cause| ListError::Segment { line, cause }),
        1.. => {
            let stop = first.saturating_add(count);
            of_frames(first, Some(stop)).map_err(|cause| ListError::Segment { line, cause })
        }
        _ => Err(wrong()),
    }
}

/// A line of InternVideo's: the path has its source before it, and three times and a class behind it.
fn of_internvideo(line: usize, path: &str, behind: &[&str]) -> Result<Option<Listed>, ListError> {
    let [total, start, end, class] = behind else { return Ok(None) };
    let times: Vec<_> = [total, start, end].iter().filter_map(|word| time(word)).collect();
    let source = words(path).first().map_or(0, |(_, source)| source.len());
    let file = without_separators(&path[source..]);
    let ([total, start, end], false, true) = (times.as_slice(), file.is_empty(), is_whole(class)) else {
        return Ok(None);
    };
    let segment = if [total, start, end].iter().any(|time| time.0 < 0) {
        Segment::Whole
    } else {
        Segment::times(*start, Some(*end)).map_err(|cause| ListError::Segment { line, cause })?
    };
    let (path, class) = (file.to_owned(), Some((*class).to_owned()));
    Ok(Some(Listed { line, path, class, segment, split: None, form: Form::InternVideo }))
}

/// A path in quotes, and what stands behind it.
fn quoted(text: &str) -> Option<(String, String)> {
    let inside = text.strip_prefix('"')?;
    let mut letters = inside.char_indices().peekable();
    let mut end = None;
    while let Some((at, letter)) = letters.next() {
        if letter == '"' && letters.next_if(|(_, next)| *next == '"').is_none() {
            end = Some(at + 2);
            break;
        }
    }
    let separator = text.as_bytes().get(end?).copied().unwrap_or(b',');
    let mut cells = quoted_cells(text, separator).into_iter();
    let path = cells.next()?;
    Some((path, cells.collect::<Vec<_>>().join(" ")))
}

fn without_separators(text: &str) -> &str {
    let text = text.trim_matches(SEPARATORS);
    text.trim_start_matches(COLONS).trim_end_matches(COLONS).trim_matches(SEPARATORS)
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
    // Without an ending only numbers can be told from the path: one, or V2's two or three.
    let numbers = words.iter().rev().take_while(|(_, word)| is_number(word)).count();
    let numbers = numbers.min(words.len().saturating_sub(1));
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
    let mut words = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let length = match rest.chars().next() {
            Some(letter) if SEPARATORS.contains(&letter) => letter.len_utf8(),
            _ if rest.starts_with(COLONS) => COLONS.len(),
            letter => {
                at += letter.map_or(1, char::len_utf8);
                continue;
            }
        };
        if start < at {
            words.push((start, &text[start..at]));
        }
        at += length;
        start = at;
    }
    if start < text.len() {
        words.push((start, &text[start..]));
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
    use crate::dataset::list_file::read_text;

    const ENDINGS: [&str; 2] = ["mp4", "mkv"];

    fn one(text: &str) -> Listed {
        read_text(text, &ENDINGS).unwrap().remove(0)
    }

    #[test]
    fn every_form_of_a_line_is_read() {
        for (text, path, class) in [
            ("a.mp4", "a.mp4", None),
            ("my film.mp4 3", "my film.mp4", Some("3")),
            ("film 1.0.mp4 3", "film 1.0.mp4", Some("3")),
            ("a.mp4,4", "a.mp4", Some("4")),
            ("a.mp4::4", "a.mp4", Some("4")),
            ("plain::12", "plain", Some("12")),
            ("a.mp4\tplaying the guitar", "a.mp4", Some("playing the guitar")),
            ("\"my film.mp4\",\"a name\"", "my film.mp4", Some("a name")),
            ("\"a, \"\"b\"\".dat\" 7", "a, \"b\".dat", Some("7")),
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
            ("video 3", "video", Some("3")),
            ("\u{feff}a.mp4 3", "a.mp4", Some("3")),
            ("a.mp4 3\r\n", "a.mp4", Some("3")),
            ("k400 a b.mp4 -1 -1 -1 7", "a b.mp4", Some("7")),
            ("ssv2,a.mp4,10.5,0,10.5,7", "a.mp4", Some("7")),
        ] {
            let found = one(text);
            assert_eq!((found.path.as_str(), found.class.as_deref()), (path, class), "{text}");
        }
    }

    #[test]
    fn the_forms_of_lines_are_told_apart() {
        for (text, form) in [
            ("a.mp4", Form::Paths),
            ("a.mp4 pouring", Form::PathLabel),
            ("a.mp4 0 -1 3", Form::VideoMaeV2),
            ("ssv2 a.mp4 -1 -1 -1 3", Form::InternVideo),
        ] {
            assert_eq!(one(text).form, form, "{text}");
        }
    }

    #[test]
    fn parts_of_videos_are_those_of_the_official_lists() {
        let segments = |text: &str| -> Vec<String> {
            read_text(text, &ENDINGS).unwrap().iter().map(|listed| listed.segment.to_string()).collect()
        };
        assert_eq!(
            segments("a.mp4 0 300\nb.mp4 30 60 3\nc.mp4 5 -1\nd.mp4 0 -1"),
            ["frames 0 to 300", "frames 30 to 90", "frames from 5", "all of it"]
        );
        assert_eq!(segments("a.mp4 0 300\nb.mp4 0 60\n"), ["all of it", "all of it"]);
        assert_eq!(
            segments("k400 a.mp4 10 2.5 7.25 1\nk400 a.mp4 10 -1 -1 1"),
            ["seconds 2.5 to 7.25", "all of it"]
        );
    }

    #[test]
    fn a_line_that_fits_nothing_is_refused_with_its_number() {
        let refused = |text: &str| read_text(text, &ENDINGS).unwrap_err().to_string();
        let words = refused("a.mp4 0 -1\n\nb.mp4 30 0\n");
        assert!(words.starts_with("line 3: `30 0` after the path"), "{words}");
        assert!(refused("a.mp4 5 -3").starts_with("line 1: `5 -3`"));
        assert_eq!(refused("k400 a.mp4 9 5 4 1"), "line 1: seconds 5 to 4 ends before it begins");
        assert_eq!(refused("a.mp4\n\"\" 3"), "line 2: `\"\" 3` has no path");
        assert_eq!(read_text("# a comment\n , 3\n", &ENDINGS).unwrap()[0].path, "3");
    }
}
