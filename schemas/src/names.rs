//! Names of videos as text: every list, table, message and column that names a video gets its name here.
//!
//! A path is bytes and need not be text. One that is UTF-8 is its own name. In the name of another each byte that
//! belongs to no character is written `\xE9`, and a backslash twice, so that no two paths have one name; a list may
//! name a video so ([`path_of`]). Where names are printed in lines, control characters are escaped as well
//! ([`one_line`]); columns of files and JSON keep them.

use std::{
    borrow::Cow,
    fmt::Write as _,
    path::{Path, PathBuf},
};

use crate::secrets::address_without_secrets;

/// The name of the video at `path`.
pub fn name_of(path: &Path) -> String {
    match path.to_str() {
        Some(text) => text.to_owned(),
        None => escaped(path.as_os_str().as_encoded_bytes()),
    }
}

/// Bytes as text, those that are no UTF-8 as `\xE9`, and each backslash twice.
pub fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(&chunk.valid().replace('\\', r"\\"));
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02X}");
        }
    }
    text
}

/// The path with this name, if the name is escaped; nothing where it holds no byte such as `\xE9`, since it is its
/// own path then.
#[cfg(unix)]
pub fn path_of(name: &str) -> Option<PathBuf> {
    use std::{ffi::OsString, os::unix::ffi::OsStringExt as _};
    let (mut bytes, mut rest, mut bytes_named) = (Vec::with_capacity(name.len()), name, 0);
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        if let Some(after) = after.strip_prefix('\\') {
            bytes.push(b'\\');
            rest = after;
        } else {
            let digits = after.strip_prefix('x')?.get(..2)?;
            let are_digits = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            bytes.push(u8::from_str_radix(digits, 16).ok().filter(|_| are_digits)?);
            bytes_named += 1;
            rest = &after[3..];
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    (bytes_named > 0).then(|| OsString::from_vec(bytes).into())
}

/// The path with this name: elsewhere every path is text.
#[cfg(not(unix))]
pub fn path_of(_: &str) -> Option<PathBuf> {
    None
}

/// A name, or any text, that stays in its line and column: control characters are written `\n`, `\t`, `\r` or
/// `\u{1b}`.
pub fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let escape = |letter: char| -> String {
        if letter.is_control() { letter.escape_default().collect() } else { letter.into() }
    };
    Cow::Owned(text.chars().map(escape).collect())
}

/// The name of a path, for a line; of an address without what may be a secret.
pub fn shown(path: &Path) -> String {
    one_line(&address_without_secrets(&name_of(path))).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_text_is_its_own() {
        for name in ["films/ä b.mp4", r"a\xE9.mp4", "two\nlines.mp4"] {
            assert_eq!(name_of(Path::new(name)), name);
        }
    }

    #[test]
    #[cfg(unix)]
    fn bytes_that_are_no_text_are_escaped_and_found_again() {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
        for (bytes, name) in [
            (&b"caf\xe9.mp4"[..], r"caf\xE9.mp4"),
            (b"a\\\xff\xc3.mp4", r"a\\\xFF\xC3.mp4"),
            (b"\xe9\xc3\xa9\xe9", r"\xE9é\xE9"),
        ] {
            let path = Path::new(OsStr::from_bytes(bytes));
            assert_eq!(name_of(path), name);
            assert_eq!(path_of(name).as_deref(), Some(path));
        }
        for own in ["plain.mp4", r"dir\file.mp4", r"a\\b", r"a\x", r"a\xg0", r"\"] {
            assert_eq!(path_of(own), None, "{own}");
        }
    }

    #[test]
    fn control_characters_do_not_break_lines() {
        assert_eq!(one_line("plain é.mp4"), "plain é.mp4");
        assert_eq!(one_line("a\nb\tc\r\u{1b}[31m.mp4"), r"a\nb\tc\r\u{1b}[31m.mp4");
    }
}
