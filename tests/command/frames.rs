//! Frames of a film by rank, as digests and as pictures; what a scan finds.

use crate::{samples, shared, stdout, succeed, text};

#[test]
fn digests_are_those_of_a_full_decode() {
    let Some(clips) = shared("clips") else { return };
    let truth: serde_json::Value =
        serde_json::from_slice(&std::fs::read(clips.join("manifest.json")).unwrap()).unwrap();
    let truth = truth["files"].as_array().unwrap();
    for name in ["kinetics/k01.mp4", "mixed/hevc_mp4.mp4", "mixed/mpeg2_ps.mpg", "mixed/edit_list_skip.mp4"] {
        let of_file = truth.iter().find(|entry| entry["file"] == name).unwrap();
        let lines = stdout(&["frames", text(&clips.join(name)), "--md5"]);
        let digests: String = lines.lines().map(|line| line.rsplit('\t').next().unwrap()).collect();
        assert_eq!(lines.lines().count() as u64, of_file["frames"].as_u64().unwrap(), "{name}");
        let all = md5::Md5::digest(digests.as_bytes());
        let all: String = all.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(Some(all.as_str()), of_file["all_frames_md5"].as_str(), "{name}");
    }
}

use md5::Digest as _;

#[test]
fn single_frames_are_those_of_the_whole_film() {
    let film = format!("{}/big_buck_bunny.mp4", samples());
    let all = stdout(&["frames", &film]);
    let some = stdout(&["frames", &film, "--indices", "70,3,10-12"]);
    let wanted: Vec<&str> = [70, 3, 10, 11, 12].map(|rank| all.lines().nth(rank).unwrap()).to_vec();
    assert_eq!(some.lines().collect::<Vec<_>>(), wanted);
}

#[test]
fn frames_are_written_as_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let film = format!("{}/flower.mp4", samples());
    succeed(&["frames", &film, "--indices", "0,30", "--out", text(folder.path())]);
    let picture = image::open(folder.path().join("frame_000030.png")).unwrap().to_rgb8();
    assert_eq!(picture.dimensions(), (456, 256));
    let green = picture.pixels().filter(|pixel| pixel.0[1] > pixel.0[2]).count();
    assert!(green > 456 * 256 / 2, "the film shows a flower in a meadow: {green} greenish pixels");
}

#[test]
fn a_scan_tells_what_is_in_each_film() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("manifest.parquet");
    let lines = stdout(&["scan", &samples(), "--out", text(&manifest), "--json"]);
    let rows: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 4);
    let flower = rows.iter().find(|row| row["path"].as_str().unwrap().ends_with("flower.mp4")).unwrap();
    assert_eq!(
        (&flower["codec"], &flower["width"], &flower["height"]),
        (&"h264".into(), &456.into(), &256.into())
    );
    // A manifest is taken wherever videos are.
    let from_manifest = stdout(&["inspect", "batches", text(&manifest), "--recipe", "tiny", "--count", "4"]);
    assert_eq!(
        from_manifest,
        stdout(&["inspect", "batches", &samples(), "--recipe", "tiny", "--count", "4"])
    );
}
