//! Small films of containers and codecs without rules of their own: FFmpeg's frames, also out of plans and of halves.
#![cfg(feature = "video")]

mod shared;

use std::path::{Path, PathBuf};

use pipeline::{
    FrameRank,
    plan::order::IndexMode::{self, Linear, Reorder, Times},
    video::{Limits, VideoReader},
};
use shared::md5_of_all;

/// Name, container, codec, frames, the digest of FFmpeg's, and how they are told from each other.
#[rustfmt::skip]
const FILMS: [(&str, &str, &str, u32, &str, IndexMode); 23] = [
    ("av1.ivf", "ivf", "av1", 6, "fcfa9675d8394f070a1018f04f063927", Times),
    ("vp8.ivf", "ivf", "vp8", 6, "8bad3c1d0bb1adea164b8778d658b666", Times),
    ("vp9.ivf", "ivf", "vp9", 6, "472e760ff66e08a6c8905a3de74b8a2d", Times),
    ("grey.y4m", "y4m", "rawvideo", 3, "7bd86c8309806c2354d5f8f50a09ca6b", Times),
    ("ten_bits.y4m", "y4m", "rawvideo", 3, "711ff1c2ff56271ebfcad80f37c11b6f", Times),
    ("raw_420.avi", "avi", "rawvideo", 3, "b4c928299c1c8430731caf9a17526706", Reorder),
    ("raw_bgr.avi", "avi", "rawvideo", 3, "301053383a637b42b74b3e12fda1081d", Reorder),
    ("raw_uyvy.mov", "mp4", "rawvideo", 3, "585c8fe288f4a9ed0d42dc708f746c80", Times),
    ("raw_yuyv.mkv", "matroska", "rawvideo", 3, "9e28e28c7d37f96453c1801d599f3ad2", Times),
    ("v210.mov", "mp4", "rawvideo", 3, "697084b0f092ac6d5d8660c6ebc5f2ff", Times),
    ("png.avi", "avi", "png", 3, "7bd86c8309806c2354d5f8f50a09ca6b", Reorder),
    ("png.mov", "mp4", "png", 3, "301053383a637b42b74b3e12fda1081d", Times),
    ("ffv1.mkv", "matroska", "ffv1", 4, "63e3bd28a0d8d6b2bddfb3a99e096dda", Linear),
    ("flv1.flv", "flv", "flv1", 7, "fc80b7be969fab9552b8b945803ebaac", Linear),
    ("h263.3gp", "mp4", "h263", 7, "acb4cd4d8d8298d91530d31724a67e11", Linear),
    ("h264.flv", "flv", "h264", 7, "6eba66bce71ed47a8ae38079e3ef5b54", Times),
    ("huffyuv.avi", "avi", "huffyuv", 4, "af71f537c297113fc79acdb4b5a45e0f", Reorder),
    ("mpeg2.mxf", "mxf", "mpeg2", 5, "8e0f129f3973338c39e28001cafac369", Times),
    ("msmpeg4v2.avi", "avi", "msmpeg4v2", 7, "fc80b7be969fab9552b8b945803ebaac", Linear),
    ("prores.mkv", "matroska", "prores", 4, "f7e861e7373fd9a5db885ea63c6a365f", Times),
    ("prores.mov", "mp4", "prores", 4, "f7e861e7373fd9a5db885ea63c6a365f", Times),
    ("theora.ogv", "ogg", "theora", 6, "1ed35626cdff545dd5c42925a48abc55", Linear),
    ("wmv1.wmv", "asf", "wmv1", 7, "19d1fdf3d1080d0cf90b618b51f4c909", Linear),
];

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/other_codecs").join(name)
}

#[test]
fn they_give_the_frames_of_ffmpeg_also_one_by_one() {
    let mut reader = VideoReader::new(Limits::default());
    for (name, container, codec, frames, digest, index) in FILMS {
        let video = reader.open(&path(name)).unwrap_or_else(|why| panic!("{name}: {why}"));
        let facts = &video.facts;
        assert_eq!(
            (facts.container, facts.codec, facts.frames, facts.index),
            (container, codec, frames, index),
            "{name}"
        );
        assert!(facts.width >= 32 && facts.height >= 32, "{name}");
        let steps: Vec<_> = facts.times.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
        assert!(steps.iter().all(|step| (39_000_000..=41_000_000).contains(step)), "{name}: {steps:?}");
        let all: Vec<_> = (0..frames).map(FrameRank).collect();
        let whole = reader.decode(&video, &all).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert_eq!(md5_of_all(whole.iter().map(|(_, picture)| picture)), digest, "{name}");
        for (rank, picture) in whole.iter().rev() {
            let [(_, alone)] = &reader.decode(&video, &[*rank]).unwrap()[..] else { panic!("{name}") };
            assert!(alone == picture, "{name}, frame {}", rank.0);
        }
    }
}

#[test]
fn one_that_is_cut_gives_its_first_frames_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut reader = VideoReader::new(Limits { seconds: 20, ..Limits::default() });
    for (name, ..) in FILMS {
        let bytes = std::fs::read(path(name)).unwrap();
        let video = reader.open(&path(name)).unwrap();
        let all: Vec<_> = (0..video.facts.frames).map(FrameRank).collect();
        let whole = reader.decode(&video, &all).unwrap();
        for tenths in 1..10 {
            let cut = folder.path().join(name);
            std::fs::write(&cut, &bytes[..bytes.len() * tenths / 10]).unwrap();
            let Ok(video) = reader.open(&cut) else { continue };
            let ranks = &all[..all.len().min(video.facts.frames as usize)];
            let Ok(given) = reader.decode(&video, ranks) else { continue };
            assert!(given == whole[..given.len()], "{name} cut at {tenths} tenths");
        }
    }
}
