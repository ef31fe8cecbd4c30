//! MP4 files whose tables say the same film in other words, or lie about its times, give the frames of FFmpeg.
//!
//! Each is a sample of the repository, taken apart and put together otherwise; the truth is FFmpeg's full decode of
//! the untouched sample, held as a digest.
#![cfg(feature = "video")]

#[path = "mp4_tables/film.rs"]
mod film;
mod shared;

use std::path::Path;

use film::{Film, boxed, full};
use pipeline::{
    FrameRank,
    error::VideoError,
    picture::Orientation,
    video::{Limits, OpenVideo, VideoReader},
};
use shared::{md5_of, md5_of_all};

/// Samples of H.264 and HEVC with B-pictures and an edit list: their frames, and the digest of all by FFmpeg 8.
const SAMPLES: [(&str, u32, &str); 3] = [
    ("cars.mp4", 100, "7db674e47db69bd8d586b745e80df45f"),
    ("flower.mp4", 150, "4a8382e8bea2d7d04fb5743faa811b2f"),
    ("big_buck_bunny.mp4", 144, "bad4dae897b013e28674be5bc9b75766"),
];

fn sample(name: &str) -> Film {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../samples")).join(name);
    Film::read(&std::fs::read(path).unwrap())
}

/// The video of a file, and the digests of its frames.
fn decoded(file: &[u8]) -> Result<(OpenVideo, Vec<String>), VideoError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mp4");
    std::fs::write(&path, file).unwrap();
    let mut reader = VideoReader::new(Limits { seconds: 600, ..Limits::default() });
    let video = reader.open(&path)?;
    let all: Vec<_> = (0..video.facts.frames).map(FrameRank).collect();
    let pictures = reader.decode(&video, &all)?;
    Ok((video, pictures.iter().map(|(_, picture)| md5_of(picture)).collect()))
}

/// The digest of the frames of a file, and how many there are; or why there are none.
fn all(file: &[u8]) -> Result<(u32, String), String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mp4");
    std::fs::write(&path, file).unwrap();
    let mut reader = VideoReader::new(Limits { seconds: 600, ..Limits::default() });
    let words = |error: VideoError| format!("{}: {error}", error.verdict());
    let video = reader.open(&path).map_err(words)?;
    assert!(video.facts.times.is_sorted_by(|one, next| one < next), "{:?}", video.facts.times);
    let wanted: Vec<_> = (0..video.facts.frames).map(FrameRank).collect();
    let pictures = reader.decode(&video, &wanted).map_err(words)?;
    Ok((video.facts.frames, md5_of_all(pictures.iter().map(|(_, picture)| picture))))
}

/// Every variant of every sample gives all frames of FFmpeg.
fn check(variants: impl Fn(&Film) -> Vec<(String, Vec<u8>)>) {
    for (name, frames, digest) in SAMPLES {
        for (variant, file) in variants(&sample(name)) {
            assert_eq!(all(&file), Ok((frames, digest.to_owned())), "{name}, {variant}");
        }
    }
}

#[test]
fn samples_in_tables_and_in_fragments_behind_them_are_one_film() {
    check(|film| {
        let mixtures =
            [(0, 30, true), (0, 1, false), (1, 1, true), (7, 1, true), (7, 11, false), (50, 20, true)];
        let variant = |(count, each, timed)| {
            (
                format!("{count} in tables, fragments of {each}, timed: {timed}"),
                film.fragmented(count, each, timed),
            )
        };
        mixtures.into_iter().map(variant).collect()
    });
}

#[test]
fn durations_that_are_zero_or_missing_take_no_frame_away() {
    check(|film| {
        let (count, step) = (film.samples.len() as u32, film.samples[0].duration);
        [
            ("last of none", vec![[count - 1, step], [1, 0]]),
            ("last of one tick", vec![[count - 1, step], [1, 1]]),
            ("four missing", vec![[count - 4, step]]),
            ("more than there are", vec![[count + 9, step]]),
            ("run of 2³¹", vec![[0x7fff_ffff, step]]),
        ]
        .map(|(name, times)| (name.to_owned(), film.whole(Some(&times))))
        .to_vec()
    });
}

#[test]
fn lengths_in_headers_may_lie() {
    check(|film| {
        let lying = |length: u32| {
            let mut film = film.clone();
            film.movie_header[16..20].copy_from_slice(&length.to_be_bytes());
            film.track_header[20..24].copy_from_slice(&length.to_be_bytes());
            film.media_header[16..20].copy_from_slice(&length.to_be_bytes());
            (format!("length {length}"), film.whole(None))
        };
        [0, 1, 1 << 20, u32::MAX].map(lying).to_vec()
    });
}

#[test]
fn data_may_be_of_any_stated_length_and_anything_may_follow_the_last_box() {
    check(|film| {
        let mut files = vec![
            ("whole".to_owned(), film.whole(None)),
            ("data of size 0".to_owned(), film.movie_first(|_| 0)),
            ("data too long".to_owned(), film.movie_first(|size| size + 4000)),
            ("data too short".to_owned(), film.movie_first(|size| size - 20)),
        ];
        for behind in [&[1, 2, 3][..], &[0; 40], b"\0\0\x01\0free", &[0xff; 33]] {
            files.push((format!("{behind:?} behind"), [&film.whole(None), behind].concat()));
        }
        files
    });
}

#[test]
fn only_a_missing_sample_makes_a_film_cut() {
    let film = sample("cars.mp4");
    let whole = film.movie_first(|_| 0);
    let end = film.samples.iter().map(|sample| sample.place + sample.size).max().unwrap();
    let surplus = film.data.len() - end as usize;
    assert_eq!(all(&whole[..whole.len() - surplus]).unwrap().0, 100);
    let cut = all(&whole[..whole.len() - surplus - 1]).unwrap_err();
    assert_eq!(cut, "truncated: the file is truncated: it ends before the data of 1 of 100 packets");
    let fragments = film.fragmented(7, 11, true);
    let cut = all(&fragments[..fragments.len() - 5]).unwrap_err();
    assert!(cut.starts_with("truncated: the file is truncated: the file ends within the fragment"), "{cut}");
}

#[test]
fn a_broken_track_of_sound_does_not_matter() {
    check(|film| {
        let handler = full(b"hdlr", 0, [0, u32::from_be_bytes(*b"soun"), 0, 0, 0]);
        let sound = |inner: Vec<u8>| boxed(b"trak", &boxed(b"mdia", &[handler.clone(), inner].concat()));
        let broken = [
            sound(Vec::new()),
            sound(boxed(b"minf", &boxed(b"stbl", &full(b"stsz", 0, [0, u32::MAX])))),
            sound([0xff; 30].to_vec()),
            boxed(b"trak", &[]),
        ];
        let with = |(at, broken): (usize, Vec<u8>)| {
            (format!("broken sound {at}"), Film { before: broken, ..film.clone() }.whole(None))
        };
        broken.into_iter().enumerate().map(with).collect()
    });
}

#[test]
fn pictures_are_turned_and_mirrored_as_the_matrix_says() {
    const ONE: i32 = 1 << 16;
    let turned = |[a, b, c, d]: [i32; 4]| {
        let mut film = sample("cars.mp4");
        for (at, value) in [(40, a), (44, b), (52, c), (56, d)] {
            film.track_header[at..at + 4].copy_from_slice(&value.to_be_bytes());
        }
        decoded(&film.whole(None)).map(|(video, frames)| (video.facts.orientation, frames.len()))
    };
    let upright = |quarter_turns, mirrored| (Orientation { quarter_turns, mirrored }, 100);
    // What `ffmpeg -i FILE -frames:v 1` shows of the same files.
    for (matrix, expected) in [
        ([ONE, 0, 0, ONE], upright(0, false)),
        ([0, ONE, -ONE, 0], upright(1, false)),
        ([-ONE, 0, 0, ONE], upright(0, true)),
        ([ONE, 0, 0, -ONE], upright(2, true)),
        ([0, ONE, ONE, 0], upright(3, true)),
        ([0, -2 * ONE, -ONE, 0], upright(1, true)),
    ] {
        assert_eq!(turned(matrix).unwrap(), expected, "{matrix:?}");
    }
    let slanted = turned([46_341, 46_341, -46_341, 46_341]).unwrap_err();
    assert!(matches!(slanted, VideoError::OddTurn { degrees: 45 }), "{slanted}");
}

#[test]
fn references_to_data_that_their_box_cannot_hold_are_damage() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/cars.mp4");
    let mut film = std::fs::read(path).unwrap();
    let at = film.windows(4).position(|kind| kind == b"dref").unwrap();
    assert!(decoded(&film).is_ok());
    // The count stands behind version and flags.
    film[at + 8] = 0x80;
    let refused = decoded(&film).unwrap_err();
    assert_eq!(refused.verdict(), "container-damaged", "{refused}");
}

#[test]
fn one_flipped_time_of_presentation_hides_its_frame_and_moves_no_other() {
    let mut film = sample("flower.mp4");
    let (_, whole) = decoded(&film.whole(None)).unwrap();
    // Presented half a minute or more behind the end of the film: FFmpeg decodes and does not show it.
    film.samples[90].offset |= 1 << 21;
    let (video, frames) = decoded(&film.whole(None)).unwrap();
    assert_eq!((video.facts.frames, frames.len()), (149, 149));
    let at = frames.iter().zip(&whole).position(|(frame, other)| frame != other).unwrap_or(149);
    assert!((80..100).contains(&at), "{at}");
    assert!(frames[at..] == whole[at + 1..], "frames behind {at} moved");
}

#[test]
fn samples_of_two_descriptions_are_one_film_where_only_the_configuration_differs() {
    for (name, frames, digest) in &SAMPLES[..2] {
        let mut film = sample(name);
        let entry = film.descriptions[8..].to_vec();
        let mut other = entry.clone();
        let configuration = other.windows(4).position(|kind| kind == b"avcC").unwrap() + 4;
        // What the profile is compatible with, which no decoder asks.
        other[configuration + 2] ^= 0x40;
        film.descriptions = [&[0, 0, 0, 0, 0, 0, 0, 2][..], &entry, &other].concat();
        film.second_from = Some(40);
        assert_eq!(all(&film.whole(None)), Ok((*frames, (*digest).to_owned())), "{name}");
        // Pictures of another size are another film.
        film.descriptions[8 + entry.len() + 8 + 24] ^= 1;
        let changed = all(&film.whole(None)).unwrap_err();
        assert!(
            changed.starts_with("caps-changed: the pictures change from avc1 456x256 to avc1 200x256"),
            "{changed}"
        );
    }
}
