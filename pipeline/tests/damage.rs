//! Every damaged film of the collection: no crash, no hang, the verdict that it deserves, and never a
//! frame that is not in the undamaged film.
#![cfg(feature = "video")]

mod shared;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use pipeline::{
    FrameRank,
    picture::Picture,
    video::{Limits, VideoReader},
};

use shared::{films, folder, md5_of};

/// Every film and its verdict when it is opened and decoded whole.
const VERDICTS: &[(&str, &str)] = &[
    ("audio_only.mp4", "no-video-stream"),
    ("avcc_missing.mp4", "damaged"),
    ("bit_depth_change.ts", "caps-changed"),
    ("bit_flips_av1.mp4", "damaged"),
    ("bit_flips_few.mp4", "damaged"),
    ("bit_flips_hevc.mp4", "damaged"),
    ("bit_flips_key_frame.mp4", "damaged"),
    ("bit_flips_many.mp4", "damaged"),
    ("bit_flips_mjpeg.avi", "damaged"),
    ("bit_flips_mpeg4.avi", "damaged"),
    ("bit_flips_vp9.webm", "damaged"),
    ("box_size_4.mp4", "good"),
    ("codec_change.ts", "codec-changed"),
    ("concat_loop.mp4", "not-a-video"),
    ("duration_lies_x100.mp4", "good"),
    ("duration_zero.mp4", "good"),
    ("edit_list_beyond.mp4", "nothing-shown"),
    ("empty.mp4", "not-a-video"),
    ("encrypted_cenc.mp4", "encrypted"),
    ("external_data_reference.mp4", "good"),
    ("first_key_removed.mkv", "damaged"),
    ("first_key_removed.mp4", "packets-missing"),
    ("garbage_between.ts", "good"),
    ("html_error_page.mp4", "not-a-video"),
    ("huge_dimensions_container.mp4", "too-large"),
    ("huge_dimensions_sps.mp4", "sizes-differ"),
    ("lost_burst.ts", "packets-missing"),
    ("lost_packets.ts", "container-damaged"),
    ("mdat_zero_run.mp4", "damaged"),
    ("mdat_zero_second_half.mp4", "damaged"),
    ("moov_missing.mp4", "container-damaged"),
    ("moov_truncated.mp4", "truncated"),
    ("nal_length_overflow.mp4", "packets-missing"),
    ("nal_length_zero.mp4", "damaged"),
    ("no_index.avi", "good"),
    ("one_byte.mp4", "not-a-video"),
    ("playlist_loop.mp4", "not-a-video"),
    ("png_named.mp4", "not-a-video"),
    ("real_corrupted.mp4", "damaged"),
    ("real_no_timescale.mp4", "container-damaged"),
    ("real_zero_empty_stsc.mp4", "truncated"),
    ("references_missing.mkv", "packets-missing"),
    ("resolution_change.ts", "caps-changed"),
    ("resolution_change_original.mp4", "caps-changed"),
    ("seekhead_loop.mkv", "container-damaged"),
    ("spliced_same_codec_shifted.mp4", "truncated"),
    ("spliced_two_films.mp4", "truncated"),
    ("sps_damaged.mp4", "damaged"),
    ("sps_other_size.mp4", "damaged"),
    ("stco_beyond_file.mp4", "truncated"),
    ("stss_missing.mp4", "good"),
    ("stss_wrong_samples.mp4", "good"),
    ("stsz_huge_count.mp4", "container-damaged"),
    ("stsz_wrong_sizes.mp4", "truncated"),
    ("stts_huge_count.mp4", "good"),
    ("stts_zero_deltas.mp4", "good"),
    ("text_named.mp4", "not-a-video"),
    ("timescale_zero.mp4", "container-damaged"),
    ("timestamps_back.mkv", "good"),
    ("timestamps_back.ts", "good"),
    ("timestamps_equal.mkv", "good"),
    ("timestamps_jump.ts", "good"),
    ("truncated_30.mp4", "truncated"),
    ("truncated_50.avi", "truncated"),
    ("truncated_50.webm", "truncated"),
    ("truncated_55_hevc.mp4", "truncated"),
    ("truncated_60.mkv", "truncated"),
    ("truncated_60.mp4", "truncated"),
    ("truncated_60_moov_was_behind.mp4", "truncated"),
    ("truncated_70_fragmented.mp4", "truncated"),
    ("truncated_95.mp4", "truncated"),
    ("unknown_codec.mp4", "unknown-codec"),
    ("zero_run.mkv", "container-damaged"),
    ("zero_run_mpeg2.mpg", "damaged"),
];

#[test]
fn every_damaged_film_has_the_verdict_that_is_listed() {
    let Some(clips) = folder() else { return };
    let mut reader = VideoReader::new(Limits::default());
    let mut found = BTreeMap::new();
    let mut wrong = Vec::new();
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
        found.insert(film.file.clone(), verdict);
        let Some(base) = film.undamaged else { continue };
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
    let listed: BTreeMap<_, _> =
        VERDICTS.iter().map(|&(file, verdict)| (format!("broken/{file}"), verdict)).collect();
    let different: BTreeSet<_> =
        found.iter().filter(|(file, verdict)| listed.get(*file) != Some(verdict)).collect();
    assert!(different.is_empty(), "not as listed, or not listed: {different:?}");
    assert_eq!(listed.len(), found.len(), "a listed film is missing");
}
