//! Every damaged film of the collection: no crash, no hang, the verdict that it deserves, and never a
//! frame that is not in the undamaged film.
#![cfg(feature = "video")]

mod shared;

use std::collections::HashMap;

use pipeline::{
    FrameRank,
    picture::Picture,
    video::{Limits, VideoReader},
};
use shared::{Film, films, folder, md5_of};

/// Films that FFmpeg decodes without a word and that are refused all the same, with the reason.
const REFUSED_THOUGH_CLEAN: &[(&str, &str, &str)] = &[("png_named.mp4", "not-a-video", "one still picture")];

/// What the name of a film says was done to it, and the verdict that such damage deserves.
const BY_NAME: &[(&str, &str)] = &[
    ("audio_only", "no-video-stream"),
    ("bit_depth_change", "caps-changed"),
    ("bit_flips", "damaged"),
    ("codec_change", "codec-changed"),
    ("concat_loop", "not-a-video"),
    ("edit_list_beyond", "nothing-shown"),
    ("empty", "not-a-video"),
    ("encrypted", "encrypted"),
    ("html", "not-a-video"),
    ("mdat_zero", "damaged"),
    ("moov_missing", "container-damaged"),
    ("one_byte", "not-a-video"),
    ("playlist", "not-a-video"),
    ("references_missing", "packets-missing"),
    ("resolution_change", "caps-changed"),
    ("stco_beyond_file", "truncated"),
    ("text_named", "not-a-video"),
    ("truncated", "truncated"),
    ("unknown_codec", "unknown-codec"),
];

/// What is wrong with the verdict `found` on a film, its frames being `frames` where it is good: films of which
/// FFmpeg complains, or that change in the middle, must be refused; others give FFmpeg's number of frames.
fn objection(film: &Film, found: &str, frames: usize) -> Option<String> {
    let name = film.file.rsplit('/').next().unwrap_or_default();
    let exception = REFUSED_THOUGH_CLEAN.iter().find(|(file, ..)| *file == name);
    let must_be_refused = film.verdict != "clean" || film.frame_formats.len() > 1;
    let by_name =
        BY_NAME.iter().find(|(beginning, _)| name.starts_with(beginning)).map(|(_, verdict)| *verdict);
    let expected = match exception {
        Some((_, verdict, _)) => found == *verdict,
        None if must_be_refused => found != "good" && by_name.is_none_or(|verdict| verdict == found),
        None => found == "good" && frames == film.frames as usize,
    };
    let words =
        || format!("{name}: {found}, {frames} frames; FFmpeg: {}, {} frames", film.verdict, film.frames);
    (!expected).then(words)
}

#[test]
fn every_damaged_film_has_the_verdict_that_it_deserves_by_what_ffmpeg_says() {
    let Some(clips) = folder() else { return };
    let mut reader = VideoReader::new(Limits::default());
    let (mut objections, mut wrong) = (Vec::new(), Vec::new());
    let mut undamaged = HashMap::new();
    for film in films(&["broken/"]) {
        let decoded = reader.open(&clips.join(&film.file)).and_then(|video| {
            let all: Vec<_> = (0..video.facts.frames).map(FrameRank).collect();
            reader.decode(&video, &all)
        });
        let verdict = match &decoded {
            Ok(_) => "good",
            Err(error) => error.verdict(),
        };
        eprintln!("{}: {}", film.file, decoded.as_ref().err().map_or("good".to_owned(), ToString::to_string));
        objections.extend(objection(&film, verdict, decoded.as_ref().map_or(0, Vec::len)));
        let Some(base) = film.undamaged.clone() else { continue };
        let whole = undamaged.entry(base.clone()).or_insert_with(|| {
            let video = reader.open(&clips.join(&base)).unwrap();
            let all: Vec<_> = (0..video.facts.frames).map(FrameRank).collect();
            let whole = reader.decode(&video, &all).unwrap();
            whole.iter().map(|(_, picture)| md5_of(picture)).collect::<Vec<_>>()
        });
        let mut clips_of = Vec::new();
        let frames = reader.open(&clips.join(&film.file)).map_or(0, |video| {
            for start in (0..video.facts.frames).step_by(5) {
                let clip = (0..16).map(|frame| FrameRank(start + frame * 2));
                let clip: Vec<_> = clip.filter(|rank| rank.0 < video.facts.frames).collect();
                clips_of.extend(reader.decode(&video, &clip).unwrap_or_default());
            }
            video.facts.frames
        });
        // Where packets are missing, ranks move: then a frame must only be one of the film's.
        let is_right = |(rank, picture): &(FrameRank, Picture)| {
            let digest = md5_of(picture);
            if frames as usize == whole.len() {
                whole[rank.0 as usize] == digest
            } else {
                whole.contains(&digest)
            }
        };
        let strange =
            |frames: &[(FrameRank, Picture)]| frames.iter().filter(|frame| !is_right(frame)).count();
        let (in_whole, in_clips) = (strange(&decoded.unwrap_or_default()), strange(&clips_of));
        if in_whole > 0 || in_clips > 0 {
            wrong.push(format!(
                "{}: {in_whole} frames of the whole, {in_clips} of clips are wrong",
                film.file
            ));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(objections, Vec::<String>::new());
}
