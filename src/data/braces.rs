//! Paths that are counted: `shards-{000..099}.tar` is a hundred paths, as for a shell and for WebDataset.

use std::path::{Path, PathBuf};

use crate::error::{Result, Usage};

/// Paths that one pattern may stand for.
const MOST: usize = 1 << 20;

/// The paths that `pattern` counts, in their order; nothing where it counts none.
///
/// # Errors
/// Usage error: too many, or a range that is backwards.
pub fn counted(pattern: &Path) -> Result<Option<Vec<PathBuf>>> {
    let Some(text) = pattern.to_str().filter(|text| range(text).is_some()) else { return Ok(None) };
    let mut done = Vec::new();
    let mut open = vec![text.to_owned()];
    while let Some(text) = open.pop() {
        let Some(Range { before, first, last, width, after }) = range(&text) else {
            done.push(text.into());
            continue;
        };
        if first > last {
            return Err(Usage::new(format!("{}: {first}..{last} is backwards", pattern.display())).into());
        }
        if last - first >= MOST as u64 || done.len() + open.len() > MOST {
            return Err(Usage::new(format!("{} are more than {MOST} files", pattern.display())).into());
        }
        // The last is put first, since the first is taken next.
        open.extend((first..=last).rev().map(|number| format!("{before}{number:0width$}{after}")));
    }
    Ok(Some(done))
}

/// The first range in a text.
struct Range<'a> {
    before: &'a str,
    first: u64,
    last: u64,
    /// Digits of a number, at least.
    width: usize,
    after: &'a str,
}

fn range(text: &str) -> Option<Range<'_>> {
    text.match_indices('{').find_map(|(at, _)| {
        let (inside, after) = text[at + 1..].split_once('}')?;
        let (first, last) = inside.split_once("..")?;
        let number =
            |text: &str| text.bytes().all(|digit| digit.is_ascii_digit()).then(|| text.parse().ok())?;
        // `{000..099}` has leading zeros, `{0..99}` has none.
        let width = if first.len() > 1 && first.starts_with('0') { first.len() } else { 1 };
        Some(Range { before: &text[..at], first: number(first)?, last: number(last)?, width, after })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(pattern: &str) -> Vec<String> {
        let counted = counted(Path::new(pattern)).unwrap().unwrap_or_default();
        counted.into_iter().map(|path| path.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn ranges_are_counted_with_their_zeros() {
        assert_eq!(paths("a-{008..010}.tar"), ["a-008.tar", "a-009.tar", "a-010.tar"]);
        assert_eq!(paths("{9..10}"), ["9", "10"]);
        assert_eq!(paths("{0..1}/{01..02}.tar"), ["0/01.tar", "0/02.tar", "1/01.tar", "1/02.tar"]);
        for other in ["a.tar", "a-{x,y}.tar", "a-{1..b}.tar", "a-{1..2"] {
            assert!(paths(other).is_empty(), "{other}");
        }
    }

    #[test]
    fn ranges_that_are_none_are_refused() {
        for pattern in ["{3..1}", "{0..9999999999}", "{000..999}{000..999}{000..999}"] {
            assert!(counted(Path::new(pattern)).unwrap_err().usage().is_some(), "{pattern}");
        }
    }
}
