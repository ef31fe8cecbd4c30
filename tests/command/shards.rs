//! Shards as other tools see them.

use std::process::Command;

use crate::{samples, stdout, succeed, text};

/// The line that `tests/python/read_shards.py` prints, or none where Python lacks something, said aloud.
fn python_reads(kind: &str, folder: &std::path::Path) -> Option<Vec<String>> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/read_shards.py");
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let Ok(output) = Command::new(python).args([script, kind, text(folder)]).output() else {
        println!("skipped: no Python here");
        return None;
    };
    let line = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{line}{}", String::from_utf8_lossy(&output.stderr));
    if line.starts_with("missing") {
        println!("skipped: Python has no {}", line["missing".len()..].trim());
        return None;
    }
    Some(line.split_whitespace().map(str::to_owned).collect())
}

fn md5(bytes: &[u8]) -> String {
    <md5::Md5 as md5::Digest>::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn python_sees_the_right_picture() {
    // The script rounds in floats, the command in integers.
    for (pixels, tolerance) in [("planes", 1), ("rgb", 0)] {
        let folder = tempfile::tempdir().unwrap();
        let make = ["preprocess", &samples(), "--out", text(folder.path()), "--recipe", "tiny"];
        succeed(&[&make[..], &["--pixels", pixels]].concat());
        let Some(line) = python_reads("frames", folder.path()) else { return };
        let [video, rank] = &line[..] else { panic!("{line:?}") };
        let pictures = folder.path().join("pictures");
        succeed(&["frames", video, "--indices", rank, "--out", text(&pictures)]);
        let picture =
            image::open(pictures.join(format!("frame_{:06}.png", rank.parse::<u32>().unwrap()))).unwrap();
        let (picture, read) = (picture.to_rgb8(), std::fs::read(folder.path().join("rgb.bin")).unwrap());
        assert_eq!(picture.as_raw().len(), read.len());
        let furthest = picture.as_raw().iter().zip(&read).map(|(one, other)| one.abs_diff(*other)).max();
        assert!(furthest <= Some(tolerance), "{pixels}: {furthest:?}");
    }
}

#[test]
fn python_decodes_a_transcode() {
    let folder = tempfile::tempdir().unwrap();
    let make = ["preprocess", &samples(), "--out", text(folder.path()), "--store", "transcode"];
    succeed(&[&make[..], &["--short-side", "64"]].concat());
    let Some(line) = python_reads("packets", folder.path()) else { return };
    let [video, frames, _] = &line[..] else { panic!("{line:?}") };
    assert_eq!(stdout(&["frames", video, "--md5"]).lines().count().to_string(), *frames);
}

#[test]
fn python_decodes_the_packets_of_a_shard() {
    let folder = tempfile::tempdir().unwrap();
    succeed(&["preprocess", &samples(), "--out", text(folder.path()), "--store", "packets"]);
    let Some(line) = python_reads("packets", folder.path()) else { return };
    let [video, frames, digest] = &line[..] else { panic!("{line:?}") };
    let of_frames = stdout(&["frames", video, "--md5"]);
    assert_eq!(of_frames.lines().count().to_string(), *frames);
    let of_frames: String = of_frames.lines().map(|line| line.rsplit('\t').next().unwrap()).collect();
    assert_eq!(*digest, md5(of_frames.as_bytes()));
}

#[test]
fn a_second_preprocess_has_nothing_left_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["preprocess", &samples(), "--out", text(folder.path()), "--recipe", "tiny"];
    succeed(&arguments);
    let times = || {
        let times = std::fs::read_dir(folder.path()).unwrap().map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name(), entry.metadata().unwrap().modified().unwrap())
        });
        let mut times: Vec<_> =
            times.filter(|(name, _)| name.to_string_lossy().ends_with(".parquet")).collect();
        times.sort();
        times
    };
    let before = times();
    succeed(&arguments);
    assert_eq!(before, times());
    assert!(
        !stdout(&["inspect", "batches", text(folder.path()), "--recipe", "tiny", "--count", "4"]).is_empty()
    );
}
