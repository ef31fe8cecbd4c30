//! Where the collection of test films lies, and what its manifest says of each.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::path::PathBuf;

use md5::{Digest as _, Md5};
use pipeline::picture::Picture;
use serde::Deserialize;

/// A film as `clips/manifest.json` describes it, by FFmpeg's full decode.
#[derive(Clone, Debug, Deserialize)]
pub struct Film {
    pub file: String,
    pub frames: u32,
    #[serde(default)]
    pub all_frames_md5: Option<String>,
    /// Frames that FFmpeg 5 decodes otherwise than FFmpeg 8, whose digests the manifest holds.
    #[serde(default, rename = "frames_different_5_vs_8")]
    pub differs_by_version: u32,
    #[serde(default)]
    pub undamaged: Option<String>,
    /// `clean` where FFmpeg reports nothing and marks no frame as corrupt.
    #[serde(default)]
    pub verdict: String,
    /// What ffprobe says of its colour.
    #[serde(default)]
    pub color: Colour,
    #[serde(default)]
    pub pix_fmt: Option<String>,
    /// Formats and sizes of the frames.
    #[serde(default)]
    pub frame_formats: Vec<String>,
}

/// Range and matrix by FFmpeg's names.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Colour {
    pub range: Option<String>,
    pub matrix: Option<String>,
}

/// The folder, or nothing (said on stderr) where it is missing.
pub fn folder() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared");
    let folder = std::env::var_os("TUBELET_SHARED").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    let clips = folder.join("clips");
    if !clips.join("manifest.json").exists() {
        eprintln!("skipped: no test films at {} (TUBELET_SHARED names another place)", clips.display());
        return None;
    }
    Some(clips)
}

/// The films whose name begins with one of `folders`.
pub fn films(folders: &[&str]) -> Vec<Film> {
    #[derive(Deserialize)]
    struct Manifest {
        files: Vec<Film>,
    }
    let Some(clips) = folder() else { return Vec::new() };
    let text = std::fs::read(clips.join("manifest.json")).unwrap();
    let manifest: Manifest = serde_json::from_slice(&text).unwrap();
    let named = |film: &Film| folders.iter().any(|folder| film.file.starts_with(folder));
    manifest.files.into_iter().filter(named).collect()
}

/// MD5 of a picture's planes, in hexadecimal.
pub fn md5_of(picture: &Picture) -> String {
    hex(&Md5::digest(&picture.planes))
}

/// MD5 of the concatenated hexadecimal MD5s of all pictures.
pub fn md5_of_all<'a>(pictures: impl Iterator<Item = &'a Picture>) -> String {
    let mut all = Md5::new();
    pictures.for_each(|picture| all.update(md5_of(picture)));
    hex(&all.finalize())
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
