//! Every clean film gives FFmpeg's frames: their number, their pixels, their colour, planned or not.
#![cfg(feature = "video")]

mod shared;

use pipeline::{
    FrameRank,
    picture::{Matrix, Range},
    video::{Limits, VideoReader},
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng as _, SeedableRng as _},
};
use schemas::settings::Skip;
use shared::{Film, films, folder, md5_of, md5_of_all};

/// Compares counts and pixels of every film in `folders`; gives what differs, by name.
fn differences(folders: &[&str]) -> Vec<String> {
    let Some(clips) = folder() else { return Vec::new() };
    // This is about pixels: on a busy machine a 4K film takes its time.
    let limits = Limits { seconds: 600, ..Limits::default() };
    let mut planned = VideoReader::new(limits);
    let mut plain = VideoReader::new(limits).with_skipping(Skip::Nothing);
    let mut found = Vec::new();
    for film in films(folders) {
        if let Err(difference) = compare(&film, &clips, &mut planned, &mut plain) {
            found.push(format!("{}: {difference}", film.file));
        }
    }
    found
}

fn compare(
    film: &Film,
    clips: &std::path::Path,
    planned: &mut VideoReader,
    plain: &mut VideoReader,
) -> Result<(), String> {
    let words = |error: pipeline::error::VideoError| format!("{}: {error}", error.verdict());
    let video = planned.open(&clips.join(&film.file)).map_err(words)?;
    if video.facts.frames != film.frames {
        return Err(format!("{} frames instead of {}", video.facts.frames, film.frames));
    }
    if video.facts.times.len() != film.frames as usize || !video.facts.times.is_sorted_by(|a, b| a < b) {
        return Err("times do not rise".to_owned());
    }
    let all: Vec<_> = (0..film.frames).map(FrameRank).collect();
    let whole = plain.decode(&video, &all).map_err(words)?;
    let digest = md5_of_all(whole.iter().map(|(_, picture)| picture));
    if film.differs_by_version > 0 {
        eprintln!("{}: pixels not compared, versions of FFmpeg differ on them", film.file);
    } else if film.all_frames_md5.as_ref() != Some(&digest) {
        return Err(format!(
            "pixels differ from FFmpeg's ({:?}, {:?})",
            video.facts.index, whole[0].1.layout
        ));
    }
    let (colour, expected) = ((whole[0].1.matrix, whole[0].1.range), colour_of(film));
    if colour != expected {
        return Err(format!("colour {colour:?} instead of {expected:?}"));
    }
    let mut draw = ChaCha8Rng::seed_from_u64(0);
    for stride in [1, 2, 3, 4, 7] {
        let start = draw.next_u32() % film.frames;
        let wanted: Vec<_> = (0..16).map(|frame| FrameRank((start + frame * stride) % film.frames)).collect();
        for reader in [&mut *planned, &mut *plain] {
            for (rank, picture) in reader.decode(&video, &wanted).map_err(words)? {
                if md5_of(&picture) != md5_of(&whole[rank.0 as usize].1) {
                    return Err(format!("frame {} of {wanted:?} differs in a plan", rank.0));
                }
            }
        }
    }
    Ok(())
}

/// The rule for a film by what FFmpeg says of it: BT.601 and limited where that is nothing, full for JPEG and RGB.
fn colour_of(film: &Film) -> (Matrix, Range) {
    let matrix = match film.color.matrix.as_deref() {
        Some("bt709") => Matrix::Bt709,
        Some("bt2020nc") => Matrix::Bt2020,
        Some("smpte240m") => Matrix::Smpte240m,
        Some("fcc") => Matrix::Fcc,
        _ => Matrix::Bt601,
    };
    let layout = film.pix_fmt.as_deref().unwrap_or_default();
    let is_full = film.color.range.as_deref() == Some("pc") || layout.starts_with("gbr");
    (matrix, if is_full || layout.starts_with("yuvj") { Range::Full } else { Range::Limited })
}

#[test]
fn kinetics_films_give_the_frames_of_ffmpeg() {
    assert_eq!(differences(&["kinetics/"]), Vec::<String>::new());
}

#[test]
fn large_films_give_the_frames_of_ffmpeg() {
    assert_eq!(differences(&["highres/"]), Vec::<String>::new());
}

#[test]
fn robot_films_give_the_frames_of_ffmpeg() {
    assert_eq!(differences(&["droid/"]), Vec::<String>::new());
}

#[test]
fn films_of_every_codec_and_container_give_the_frames_of_ffmpeg() {
    assert_eq!(differences(&["mixed/"]), Vec::<String>::new());
}
