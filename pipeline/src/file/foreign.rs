//! Files that are not read here, told by their content: films of other formats, and what is no film at all.
//!
//! It is asked only where [`super::recognise`] knows no container, so that the verdict names what is there and what
//! can be done. A beginning that belongs to none of these is nothing known.

/// What a file is that is not read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// A film, or an animation, of another format.
    Film {
        /// The format's name.
        format: &'static str,
        /// How it is converted.
        way: Way,
    },
    /// Something else: in words, as they follow "it is".
    NoFilm(&'static str),
}

/// How FFmpeg makes a film of it that is read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The packets are kept: every pixel stays.
    Copy,
    /// The pictures are compressed again.
    Encode,
    /// Many versions of FFmpeg cannot read it.
    Elsewhere,
}

/// What begins with `bytes`, and has `length` bytes in all.
pub fn recognise(bytes: &[u8], length: u64) -> Option<Foreign> {
    if length == 0 {
        return Some(Foreign::NoFilm("empty"));
    }
    film(bytes)
        .map(|(format, way)| Foreign::Film { format, way })
        .or_else(|| other(bytes).or_else(|| text(bytes)).map(Foreign::NoFilm))
}

fn at(bytes: &[u8], range: std::ops::Range<usize>) -> &[u8] {
    bytes.get(range).unwrap_or_default()
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Name of a film's format, and how it is converted.
fn film(bytes: &[u8]) -> Option<(&'static str, Way)> {
    const BEGINNINGS: [(&[u8], &str, Way); 9] = [
        (b"GIF87a", "GIF", Way::Encode),
        (b"GIF89a", "GIF", Way::Encode),
        (b".RMF", "RealMedia", Way::Encode),
        (b"nut/multimedia container\0", "NUT", Way::Encode),
        (b"\xb7\xd8\x00\x20\x37\x49\xda\x11", "WTV", Way::Encode),
        (b"BIKi", "Bink", Way::Encode),
        (b"SMK2", "Smacker", Way::Encode),
        (b"SMK4", "Smacker", Way::Encode),
        (b"\x12\x00\x0a", "raw AV1", Way::Copy),
    ];
    if let Some((_, format, way)) = BEGINNINGS.iter().find(|(magic, ..)| bytes.starts_with(magic)) {
        return Some((format, *way));
    }
    match (at(bytes, 0..4), at(bytes, 8..12)) {
        (b"RIFF", b"AMV ") => Some(("AMV", Way::Encode)),
        (b"RIFF", b"WEBP") => {
            // The flag of an animation in the extended header.
            let moves = at(bytes, 12..16) == b"VP8X" && at(bytes, 20..21).iter().any(|flags| flags & 2 != 0);
            moves.then_some(("animated WebP", Way::Elsewhere))
        }
        (b"\x89PNG", _) if holds(bytes, b"acTL") => Some(("animated PNG", Way::Encode)),
        _ => raw_stream(bytes).map(|format| (format, Way::Encode)),
    }
}

/// Whether Ogg holds pictures, by the headers of its streams at the beginning: of a codec that GStreamer has a name for.
pub(super) fn is_film_in_ogg(bytes: &[u8]) -> bool {
    let films: [&[u8]; 4] = [b"\x80theora", b"OVP80", b"BBCD", b"\x01video"];
    films.into_iter().any(|film| holds(bytes, film))
}

/// Names of streams without a container that are read.
pub(super) const RAW_H264: &str = "raw H.264";
pub(super) const RAW_HEVC: &str = "raw HEVC";

/// A stream of pictures without a container: start codes of NAL units, or of MPEG headers. It has no times, and
/// some writers of containers refuse its packets for that, so its pictures are compressed again.
pub(super) fn raw_stream(bytes: &[u8]) -> Option<&'static str> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let unit = match bytes.get(zeros) {
        Some(1) if (2..16).contains(&zeros) => &bytes[zeros + 1..],
        _ => return None,
    };
    let (first, second) = (*unit.first()?, unit.get(1).copied().unwrap_or(0));
    let first_of_layer = second & 0x07 == 1;
    match first {
        0xb3 => Some("raw MPEG-1 or MPEG-2"),
        0xb0 | 0xb5 => Some("raw MPEG-4"),
        0x00..=0x1f if unit.get(1..5) == Some(&[0, 0, 1, 0x20]) => Some("raw MPEG-4"),
        0x0f => Some("raw VC-1"),
        // Parameter sets and delimiters, which streams begin with; their second byte tells them apart.
        0x40 | 0x42 | 0x46 if first_of_layer => Some(RAW_HEVC),
        0x00 if first_of_layer && matches!(second >> 3, 14 | 15 | 20) => Some("raw VVC"),
        0x09 | 0x06 | 0x27 | 0x47 | 0x67 => Some(RAW_H264),
        _ => None,
    }
}

/// Sound, pictures, archives and other files with a mark of their own.
fn other(bytes: &[u8]) -> Option<&'static str> {
    const BEGINNINGS: [(&[u8], &str); 33] = [
        (b"\x89PNG\r\n\x1a\n", "a picture (PNG)"),
        (b"\xff\xd8\xff", "a picture (JPEG)"),
        (b"II*\0", "a picture (TIFF)"),
        (b"MM\0*", "a picture (TIFF)"),
        (b"8BPS", "a picture (Photoshop)"),
        (b"\0\0\0\x0cjP  ", "a picture (JPEG 2000)"),
        (b"\0\0\0\x0cJXL ", "a picture (JPEG XL)"),
        (b"\xff\x0a", "a picture (JPEG XL)"),
        (b"\x76\x2f\x31\x01", "a picture (OpenEXR)"),
        (b"ID3", "sound (MP3)"),
        (b"\xff\xfb", "sound (MP3)"),
        (b"\xff\xf3", "sound (MP3)"),
        (b"\xff\xf1", "sound (AAC)"),
        (b"\xff\xf9", "sound (AAC)"),
        (b"fLaC", "sound (FLAC)"),
        (b"OggS", "sound (Ogg)"),
        (b"MThd", "music (MIDI)"),
        (b"#!AMR", "sound (AMR)"),
        (b"PK\x03\x04", "an archive (ZIP): unpack it first"),
        (b"\x1f\x8b", "an archive (gzip): unpack it first"),
        (b"7z\xbc\xaf\x27\x1c", "an archive (7z): unpack it first"),
        (b"Rar!", "an archive (RAR): unpack it first"),
        (b"BZh", "an archive (bzip2): unpack it first"),
        (b"\xfd7zXZ\0", "an archive (xz): unpack it first"),
        (b"\x28\xb5\x2f\xfd", "an archive (Zstandard): unpack it first"),
        (b"%PDF", "a PDF"),
        (b"\x7fELF", "a program"),
        (b"MZ\x90", "a program"),
        (b"PAR1", "a Parquet file; manifests and shards are given alone"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (b"\x93NUMPY", "an array (NumPy)"),
        (b"SQLite format 3\0", "a database (SQLite)"),
        (b"version https://git-lfs", "the pointer of Git LFS in the place of the file: run `git lfs pull`"),
    ];
    if let Some((_, words)) = BEGINNINGS.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Some(words);
    }
    match (at(bytes, 0..4), at(bytes, 8..12)) {
        (b"RIFF", b"WAVE") => Some("sound (WAV)"),
        (b"RIFF", b"WEBP") => Some("a picture (WebP)"),
        (b"FORM", b"AIFF" | b"AIFC") => Some("sound (AIFF)"),
        _ if bytes.starts_with(b"BM") && at(bytes, 6..10) == [0; 4] => Some("a picture (BMP)"),
        _ if at(bytes, 257..262) == b"ustar" => Some("an archive (tar): unpack it first"),
        _ if bytes.iter().all(|&byte| byte == 0) => Some(
            "nothing but zeros, as far as it was looked at: a download that was never finished leaves such files",
        ),
        _ => None,
    }
}

/// Text and its kinds.
fn text(bytes: &[u8]) -> Option<&'static str> {
    let utf16 = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let plain = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        // The beginning of a file may end within a character.
        Err(why) if why.error_len().is_none() => std::str::from_utf8(&bytes[..why.valid_up_to()]).ok()?,
        Err(_) => return utf16.then_some("text (UTF-16)"),
    };
    if plain.contains(|letter: char| letter.is_control() && !letter.is_whitespace()) {
        return None;
    }
    let start: String = plain.trim_start().chars().take(16).collect::<String>().to_ascii_lowercase();
    Some(match start {
        _ if start.starts_with("<!doctype html") || start.starts_with("<html") => {
            "an HTML page, as a server sends in the place of a file that it does not have"
        }
        _ if start.starts_with("<?xml") || start.starts_with("<svg") => "an XML document",
        _ if start.starts_with(['{', '[']) => "a JSON document",
        _ => "text",
    })
}

/// The name that people know a codec by, from a media type of GStreamer or a four-character code.
pub fn codec_name(word: &str) -> Option<&'static str> {
    let media = word.split(',').next().unwrap_or(word).trim().to_ascii_lowercase();
    let word = media.strip_prefix("video/x-").unwrap_or(&media);
    // Matroska's identifiers, such as `V_REAL/RV40`.
    let word = word.strip_prefix("v_").map_or(word, |id| id.rsplit(['/', ' ']).next().unwrap_or(id));
    Some(match word.strip_prefix("gst-fourcc-").unwrap_or(word) {
        "huffyuv" | "hfyu" | "ffvh" => "HuffYUV",
        "ffv" | "ffv1" => "FFV1",
        "image/png" | "png" | "mpng" => "PNG",
        "image/gif" | "gif" => "GIF",
        "image/tiff" | "tiff" => "TIFF",
        "image/bmp" | "bmp" | "wrle" => "BMP",
        "image/webp" | "webp" => "WebP",
        "image/x-j2c" | "image/x-jpc" | "image/jp2" | "mjp2" | "mjpeg2000" => "JPEG 2000",
        "prores" | "apch" | "apcn" | "apcs" | "apco" => "ProRes",
        "ap4h" | "ap4x" => "ProRes 4444",
        "dnxhd" | "avdn" | "avdh" => "DNxHD",
        "cineform" | "cfhd" => "CineForm",
        "dv" | "dvc" | "dvcp" | "dvsd" | "dv5n" | "dv5p" | "dvhp" => "DV",
        "h263" | "s263" | "h263-1998" => "H.263",
        "msmpeg" | "div3" | "mp42" | "mp43" => "Microsoft MPEG-4",
        "divx" => "DivX 3",
        "wmv" | "wmv1" | "wmv2" | "wmv3" | "wvc1" => "Windows Media Video",
        "flash-video" | "flv1" => "Sorenson Spark",
        "vp6" | "vp6-flash" | "vp6-alpha" | "vp6f" | "vp62" => "VP6",
        "theora" => "Theora",
        "dirac" => "Dirac",
        "svq" | "svq1" | "svq3" => "Sorenson Video",
        "cinepak" | "cvid" => "Cinepak",
        "indeo" | "iv31" | "iv32" | "iv41" | "iv50" => "Indeo",
        "rle" | "msrle" | "qtrle" => "run-length pictures",
        "raw" | "uncompressed" | "yuv2" | "2vuy" | "v210" | "rawv" => "raw pictures",
        "pn-realvideo" | "rv30" | "rv40" => "RealVideo",
        "h266" | "vvc1" | "vvi1" => "VVC",
        "camstudio" | "cscd" => "CamStudio",
        "tscc" | "tsc2" => "TechSmith",
        "utvideo" | "ulrg" | "uly0" | "uly2" => "Ut Video",
        "magicyuv" | "m8rg" | "m8y0" => "MagicYUV",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn film(format: &'static str, way: Way) -> Option<Foreign> {
        Some(Foreign::Film { format, way })
    }

    fn of(bytes: &[u8]) -> Option<Foreign> {
        recognise(bytes, bytes.len() as u64)
    }

    #[test]
    fn films_of_other_formats_are_named() {
        let wrapped = |parts: [&[u8]; 3]| parts.concat();
        assert_eq!(of(b"GIF89a\x40\x01"), film("GIF", Way::Encode));
        assert_eq!(of(b"nut/multimedia container\0"), film("NUT", Way::Encode));
        assert_eq!(
            of(&wrapped([b"OggS\0\x02", &[0; 22], b"\x01vorbis"])),
            Some(Foreign::NoFilm("sound (Ogg)"))
        );
        assert_eq!(of(b"RIFF\x10\0\0\0WEBPVP8X\x0a\0\0\0\x02"), film("animated WebP", Way::Elsewhere));
        assert_eq!(of(b"RIFF\x10\0\0\0WEBPVP8 "), Some(Foreign::NoFilm("a picture (WebP)")));
    }

    #[test]
    fn raw_streams_are_told_apart_by_their_first_unit() {
        for (unit, format) in [
            (&[0x67, 0x64, 0x00][..], "raw H.264"),
            (&[0x09, 0x10], "raw H.264"),
            (&[0x40, 0x01, 0x0c], "raw HEVC"),
            (&[0x46, 0x01, 0x50], "raw HEVC"),
            (&[0xb3, 0x14, 0x00], "raw MPEG-1 or MPEG-2"),
            (&[0xb0, 0x01, 0x00], "raw MPEG-4"),
            (&[0x00, 0x00, 0x00, 0x01, 0x20], "raw MPEG-4"),
            (&[0x0f, 0xc0], "raw VC-1"),
            (&[0x00, 0x79, 0x00], "raw VVC"),
        ] {
            for code in [&[0, 0, 1][..], &[0, 0, 0, 1]] {
                assert_eq!(of(&[code, unit].concat()), film(format, Way::Encode), "{unit:x?}");
            }
        }
        assert_eq!(of(&[0, 0, 1, 0xe0, 0, 0]), None);
    }

    #[test]
    fn what_is_no_film_is_named() {
        for (bytes, words) in [
            (&b""[..], "empty"),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", "a picture (JPEG)"),
            (b" <!DOCTYPE html><title>404</title>", "an HTML page"),
            ("\u{feff}ein Text, kein Film".as_bytes(), "text"),
            (b"{\"error\": 404}", "a JSON document"),
            (b"PK\x03\x04\x14\0", "an archive (ZIP)"),
            (b"version https://git-lfs.github.com/spec/v1\noid", "the pointer of Git LFS"),
            (&[0; 64], "nothing but zeros"),
        ] {
            let Some(Foreign::NoFilm(found)) = of(bytes) else { panic!("{bytes:x?}: {:?}", of(bytes)) };
            assert!(found.starts_with(words), "{found}");
        }
        assert_eq!(of(b"\x01\x02\x03\xff\xfe\xfd what is this"), None);
        assert_eq!(of(&[b'a', 0xc3]), Some(Foreign::NoFilm("text")));
    }

    #[test]
    fn codecs_have_the_names_that_people_know() {
        for (word, name) in [
            ("video/x-huffyuv", "HuffYUV"),
            ("image/png", "PNG"),
            ("png ", "PNG"),
            ("HFYU", "HuffYUV"),
            ("video/x-gst-fourcc-CFHD", "CineForm"),
            ("apch", "ProRes"),
            ("video/x-prores, variant=hq", "ProRes"),
        ] {
            assert_eq!(codec_name(word), Some(name), "{word}");
        }
        assert_eq!(codec_name("video/x-never-seen"), None);
    }
}
