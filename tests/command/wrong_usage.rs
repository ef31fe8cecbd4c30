//! A usage error ends with exit code 2 and one clear message, a failure with 1.

use crate::{samples, text, tubelet};

/// Exit code and message, with the folder's name taken out.
fn refusal(arguments: &[&str], folder: &tempfile::TempDir) -> (i32, String) {
    let output = tubelet().args(arguments).output().unwrap();
    let words = String::from_utf8(output.stderr).unwrap().replace(text(folder.path()), "FOLDER");
    (output.status.code().unwrap(), words)
}

#[test]
fn an_unknown_recipe_key_offers_the_nearest_one() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let arguments = ["pretrain", "--data", &samples(), "--out", text(&out), "--set", "model.pach=16"];
    let (code, words) = refusal(&arguments, &folder);
    assert_eq!(code, 2, "{words}");
    assert!(words.contains("model.pach") && words.contains("model.patch"), "{words}");
}

#[test]
fn a_patch_that_does_not_divide_the_frame_is_asked_wrongly() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let arguments = ["pretrain", "--data", &samples(), "--out", text(&out), "--set", "model.patch=15"];
    let (code, words) = refusal(&arguments, &folder);
    assert_eq!(code, 2, "{words}");
    assert!(
        words.starts_with("error: `model.patch = 15` does not divide the frame side 224\n\nhint: "),
        "{words}"
    );
}

#[test]
fn an_unknown_device_lists_those_that_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let arguments = ["pretrain", "--data", &samples(), "--out", text(&out), "--device", "abacus"];
    let (code, words) = refusal(&arguments, &folder);
    assert_eq!(code, 2, "{words}");
    assert!(words.contains("abacus") && words.contains("flex"), "{words}");
}

#[test]
fn a_folder_that_is_not_there_is_asked_wrongly() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent");
    let (code, words) = refusal(&["scan", text(&absent)], &folder);
    assert_eq!((code, words.as_str()), (2, "error: FOLDER/absent: no such file or folder\n"));
}

#[test]
fn an_empty_folder_is_asked_wrongly() {
    let folder = tempfile::tempdir().unwrap();
    let (code, words) = refusal(&["scan", text(folder.path())], &folder);
    assert_eq!((code, words.as_str()), (2, "error: no video in FOLDER\n"));
}

#[test]
fn an_output_that_cannot_be_written_fails() {
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("file");
    std::fs::write(&blocked, "").unwrap();
    let below = blocked.join("run");
    for arguments in
        [["scan", &samples(), "--out", text(&below)], ["preprocess", &samples(), "--out", text(&below)]]
    {
        let (code, words) = refusal(&arguments, &folder);
        assert_eq!(code, 1, "{words}");
        assert_eq!(words.matches("error: ").count(), 1, "{words}");
    }
}

#[test]
fn a_text_file_named_mp4_gives_no_clip() {
    let folder = tempfile::tempdir().unwrap();
    let film = folder.path().join("film.mp4");
    std::fs::write(&film, "this is no film\n".repeat(50)).unwrap();
    let out = folder.path().join("run");
    let train = ["pretrain", "--data", text(&film), "--out", text(&out), "--set", "optimiser.batch=1"];
    let (code, words) = refusal(&train, &folder);
    assert_eq!(code, 1, "{words}");
    assert!(words.contains("film.mp4"), "{words}");
    let (code, words) = refusal(&["frames", text(&film)], &folder);
    assert_eq!(code, 1, "{words}");
    assert!(words.contains("film.mp4"), "{words}");
}

#[test]
fn a_shard_cut_short_is_one_clear_message() {
    let folder = tempfile::tempdir().unwrap();
    let shards = folder.path().join("shards");
    crate::succeed(&[
        "preprocess",
        &samples(),
        "--out",
        text(&shards),
        "--recipe",
        "tiny",
        "--set",
        "clip.short_side=64",
    ]);
    let shard = std::fs::read_dir(&shards)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|ending| ending == "parquet"))
        .unwrap();
    let bytes = std::fs::read(&shard).unwrap();
    std::fs::write(&shard, &bytes[..bytes.len() / 2]).unwrap();
    let (code, words) =
        refusal(&["inspect", "batches", text(&shards), "--recipe", "tiny", "--count", "4"], &folder);
    assert_eq!(code, 1, "{words}");
    assert_eq!(words.lines().filter(|line| line.starts_with("error: ")).count(), 1, "{words}");
    assert!(words.contains(text(shard.file_name().unwrap().as_ref())), "{words}");
}

#[test]
fn a_run_is_not_overwritten_unless_it_is_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let samples = samples();
    let mut arguments = vec!["pretrain", "--data", &samples, "--out", text(&out), "--steps", "1"];
    arguments.extend(crate::SMALL);
    crate::succeed(&arguments);
    let (code, words) = refusal(&arguments, &folder);
    assert_eq!(code, 2, "{words}");
    assert!(words.contains("--resume"), "{words}");
}

#[test]
#[cfg(not(feature = "cloud"))]
fn a_build_without_object_stores_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    for arguments in [
        &["scan", "s3://bucket/films/"][..],
        &["pretrain", "--data", "https://host/a.mp4", "--out", text(&out), "--steps", "1"],
        &["preprocess", &samples(), "--out", "s3://bucket/shards/"],
    ] {
        let (code, words) = refusal(arguments, &folder);
        assert!(code == 2 && words.contains("built without the feature `cloud`"), "{code}: {words}");
    }
}
