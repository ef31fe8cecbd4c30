//! Films on which tubelet was wrong, as people reported them: all frames are those of FFmpeg 8's full decode, or the
//! refusal is named.
#![cfg(feature = "video")]

mod shared;

use pipeline::{
    FrameRank,
    picture::Orientation,
    video::{Limits, VideoReader},
};
use shared::{folder, md5_of_all};

/// Films below `clips/`, their frames, and the MD5 of the frames' MD5s by `frame_truth.py`.
const FRAMES: [(&str, u32, &str); 22] = [
    ("reports/01a_moov_then_fragments_ranks_shifted.mp4", 75, "ded1eeccb4792ba4e37fc10ba406ce5a"),
    ("reports/01e_moov_then_fragments_mjpeg.mov", 30, "c000f8c557f34ce22feb981c289f7fb9"),
    ("reports/02a_last_sample_duration_0.mp4", 75, "ded1eeccb4792ba4e37fc10ba406ce5a"),
    ("reports/02d_last_sample_duration_0_edit_list_bframes.mp4", 108, "e807fadca288d933bebd514f85abc50b"),
    ("reports/02e_stts_shorter_than_stsz.mp4", 108, "e807fadca288d933bebd514f85abc50b"),
    ("reports/03a_mkv_pose_roll_90_ffmpeg8_remux.mkv", 90, "33b398b339e2f5862785805da23079ff"),
    ("reports/03d_mkv_pose_yaw180.mkv", 108, "e807fadca288d933bebd514f85abc50b"),
    ("reports/04a_matrix_mirrored_and_turned.mp4", 108, "e807fadca288d933bebd514f85abc50b"),
    ("reports/04c_sei_display_orientation_90.mp4", 108, "e807fadca288d933bebd514f85abc50b"),
    ("reports/05a_real_samsung_slow_motion.mp4", 63, "24dfbc9cf66755dc483c608c377c8796"),
    ("reports/06a_real_apple_spatial_mvhevc.mov", 5, "f3f92aeefd822208a659f98e4811c3e0"),
    ("reports/07a_ts_without_pcr_times.ts", 108, "e807fadca288d933bebd514f85abc50b"),
    ("reports/08a_mdat_size_0.mp4", 108, "e807fadca288d933bebd514f85abc50b"),
    ("reports/08c_three_bytes_behind_the_last_box.mp4", 108, "e807fadca288d933bebd514f85abc50b"),
    ("reports/09_flv_h264.flv", 32, "14a37ff582a5e4e769f0dc9b8923f3dd"),
    ("reports/09_png_in_mov.mov", 30, "d559a63794f6e5eda3df520243fc8e6e"),
    ("reports/09_raw_hevc.hevc", 32, "40d36caa070aa041acbc3b134a61f2aa"),
    ("reports/09_wmv.wmv", 30, "33d19be69bbc2c0a764f31472f660eeb"),
    ("reports/09_huffyuv.avi", 30, "5f63897b53e6c2a4b0bc78926291eaf7"),
    ("reports/11_real_audio_track_without_stsd.mp4", 30, "5dcc4effeb8c71315547fe7453b4ba99"),
    ("reports/12_real_avchd_fields.mts", 3, "399e169b8c6ec62d78b406aa2aa07e3f"),
    ("attacks/h264_ctts_flip_rank_moved.mp4", 299, "c7423434ce6d4af09359938456bb9892"),
];

/// Quarter turns and mirroring of those that are not upright as they are.
const TURNED: [(&str, u8, bool); 4] = [
    ("reports/03a_mkv_pose_roll_90_ffmpeg8_remux.mkv", 3, false),
    ("reports/03d_mkv_pose_yaw180.mkv", 0, true),
    ("reports/04a_matrix_mirrored_and_turned.mp4", 1, true),
    ("reports/04c_sei_display_orientation_90.mp4", 3, false),
];

/// Files that must be refused, and the verdict.
const REFUSED: [(&str, &str); 3] = [
    ("attacks/ebml_nested_blockgroups.mkv", "container-damaged"),
    ("attacks/mkv_lacing_1000.mkv", "container-damaged"),
    ("attacks/av1_one_bit_flip_silent.mp4", "damaged"),
];

#[test]
fn reported_films_give_the_frames_of_ffmpeg() {
    let Some(clips) = folder() else { return };
    let mut reader = VideoReader::new(Limits { seconds: 600, ..Limits::default() });
    for (name, frames, digest) in FRAMES {
        let path = clips.join(name);
        if !path.exists() {
            eprintln!("skipped: {name} is not there");
            continue;
        }
        let video = reader.open(&path).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert_eq!(video.facts.frames, frames, "{name}");
        let (_, quarter_turns, mirrored) =
            TURNED.into_iter().find(|turned| turned.0 == name).unwrap_or_default();
        assert_eq!(video.facts.orientation, Orientation { quarter_turns, mirrored }, "{name}");
        let all: Vec<_> = (0..frames).map(FrameRank).collect();
        let pictures = reader.decode(&video, &all).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert_eq!(md5_of_all(pictures.iter().map(|(_, picture)| picture)), digest, "{name}");
    }
}

#[test]
fn what_is_not_read_is_refused_by_name() {
    let Some(clips) = folder() else { return };
    let mut reader = VideoReader::new(Limits::default());
    for (name, verdict) in REFUSED {
        let path = clips.join(name);
        if !path.exists() {
            eprintln!("skipped: {name} is not there");
            continue;
        }
        let refused = reader.open(&path).and_then(|video| reader.verify(&video)).unwrap_err();
        assert_eq!(refused.verdict(), verdict, "{name}: {refused}");
    }
}
