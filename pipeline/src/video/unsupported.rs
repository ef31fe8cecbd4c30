//! The verdict on a file that is not read here, in the words of a person who has it: which format it is, and the
//! line that converts it.

use std::path::Path;

use crate::{
    error::VideoError,
    file::{
        FileBytes,
        foreign::{self, Foreign, Way},
    },
    names,
};

/// Bytes at the beginning of a file that are looked at: the header of a tar archive, or of Ogg.
const LOOKED_AT: u64 = 4096;

/// The same verdict, with what the content says.
pub(super) fn named(error: VideoError, path: &Path, file: &FileBytes) -> VideoError {
    let beginning = || file.slice(0..LOOKED_AT);
    match error {
        VideoError::UnknownContainer { bytes } => match foreign::recognise(beginning().as_ref(), bytes) {
            Some(Foreign::Film { format, way }) => {
                VideoError::Unsupported { format: format.to_owned(), convert: line(path, way) }
            }
            Some(Foreign::NoFilm(what)) => VideoError::NotAVideo { what: what.to_owned() },
            None => VideoError::UnknownContainer { bytes },
        },
        VideoError::UnknownCodec { codec } => {
            let code = codec.strip_prefix("video/x-gst-fourcc-").unwrap_or(&codec);
            let codec = foreign::codec_name(code).unwrap_or(code).to_owned();
            VideoError::UnsupportedCodec { codec, convert: line(path, Way::Encode) }
        }
        VideoError::NoVideoStream { .. } if is_still(beginning().as_ref()) => {
            VideoError::NotAVideo { what: "a picture (HEIF or AVIF)".to_owned() }
        }
        other => other,
    }
}

/// Whether the first box says that the file is a picture, which has the boxes of MP4.
fn is_still(bytes: &[u8]) -> bool {
    let brands: [&[u8]; 5] = [b"heic", b"heix", b"mif1", b"avif", b"heif"];
    bytes.get(4..8) == Some(b"ftyp") && bytes.get(8..12).is_some_and(|brand| brands.contains(&brand))
}

/// The line of a shell that makes a film that is read here of the one at `path`.
fn line(path: &Path, way: Way) -> Option<String> {
    let (options, ending) = match way {
        Way::Copy => ("-c copy", "mkv"),
        Way::Encode => ("-c:v libx264 -crf 16", "mp4"),
        Way::Elsewhere => return None,
    };
    let mut out = path.with_extension(ending);
    if out == path {
        out = path.with_extension(format!("converted.{ending}"));
    }
    Some(format!("ffmpeg -i {} -map 0:v:0 {options} {}", quoted(path), quoted(&out)))
}

/// A path as a word of a shell, which FFmpeg takes for a file.
fn quoted(path: &Path) -> String {
    let mut name = names::name_of(path);
    if path.to_str().is_none() || name.contains(char::is_control) {
        // Only this way of quoting has escapes; names that are no text have theirs already.
        if path.to_str().is_some() {
            name = name.replace('\\', r"\\");
        }
        return format!("$'{}'", names::one_line(&name.replace('\'', r"\'")));
    }
    // What looks like an option, or like a protocol.
    if name.starts_with('-') || (name.contains(':') && !name.starts_with(['/', '.'])) {
        name.insert_str(0, "./");
    }
    let is_plain = |letter: char| letter.is_alphanumeric() || "/._-+,@%=:".contains(letter);
    if name.chars().all(is_plain) { name } else { format!("'{}'", name.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_can_be_pasted_whatever_the_name_is() {
        for (name, word) in [
            ("films/a-1.flv", "films/a-1.flv"),
            ("my film.flv", "'my film.flv'"),
            ("it's.flv", r"'it'\''s.flv'"),
            ("-y.flv", "./-y.flv"),
            ("12:30.flv", "./12:30.flv"),
            ("two\nlines'.flv", r"$'two\nlines\'.flv'"),
        ] {
            assert_eq!(quoted(Path::new(name)), word);
        }
    }

    #[test]
    fn the_film_that_is_made_is_another_file() {
        let line = |name: &str, way| line(Path::new(name), way).unwrap();
        assert_eq!(line("a.flv", Way::Copy), "ffmpeg -i a.flv -map 0:v:0 -c copy a.mkv");
        assert_eq!(
            line("a.mp4", Way::Encode),
            "ffmpeg -i a.mp4 -map 0:v:0 -c:v libx264 -crf 16 a.converted.mp4"
        );
    }
}
