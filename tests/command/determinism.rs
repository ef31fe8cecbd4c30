//! The same clips whatever the number of workers, and from files as from their shards.

use crate::{samples, stdout, succeed, text};

fn batches(data: &str, workers: &str, more: &[&str]) -> String {
    let mut arguments =
        vec!["inspect", "batches", data, "--workers", workers, "--recipe", "tiny", "--count", "12"];
    arguments.extend(more);
    stdout(&arguments)
}

#[test]
fn one_two_and_five_workers_give_the_same_clips() {
    let one = batches(&samples(), "1", &[]);
    assert_eq!(one.lines().count(), 12, "{one}");
    assert_eq!(one, batches(&samples(), "2", &[]));
    assert_eq!(one, batches(&samples(), "5", &[]));
    assert_eq!(one, batches(&samples(), "5", &[]));
    assert_ne!(one, batches(&samples(), "2", &["--set", "run.seed=1"]));
}

#[test]
fn files_and_shards_made_of_them_give_the_same_clips() {
    let folder = tempfile::tempdir().unwrap();
    for short_side in ["0", "80"] {
        let setting = format!("clip.short_side={short_side}");
        let shards = folder.path().join(short_side);
        succeed(&["preprocess", &samples(), "--out", text(&shards), "--recipe", "tiny", "--set", &setting]);
        let more = ["--set", &setting, "--set", "clip.resample=rgb", "--count", "4"];
        let from_files = batches(&samples(), "2", &more);
        let from_shards = batches(text(&shards), "2", &more);
        assert_eq!(from_files, from_shards, "short side {short_side}");
    }
}

#[test]
fn a_broken_video_leaves_its_place_to_the_next_in_files_and_shards_alike() {
    let folder = tempfile::tempdir().unwrap();
    let films = folder.path().join("films");
    std::fs::create_dir(&films).unwrap();
    for film in std::fs::read_dir(samples()).unwrap() {
        let film = film.unwrap().path();
        std::fs::copy(&film, films.join(film.file_name().unwrap())).unwrap();
    }
    std::fs::write(films.join("broken.mp4"), "this is no film\n").unwrap();
    let shards = folder.path().join("shards");
    let lenient = ["--set", "run.max_failed_share=0.5", "--set", "clip.resample=rgb"];
    succeed(
        &[&["preprocess", text(&films), "--out", text(&shards), "--recipe", "tiny"][..], &lenient].concat(),
    );
    let from_files = batches(text(&films), "2", &lenient);
    assert_eq!(from_files.lines().count(), 12, "{from_files}");
    assert_eq!(from_files, batches(text(&films), "1", &lenient));
    // Epochs after the first draw other frames from the files; the shards keep theirs.
    let first_epoch = |lines: &str| lines.lines().take(5).map(String::from).collect::<Vec<_>>();
    assert_eq!(first_epoch(&from_files), first_epoch(&batches(text(&shards), "2", &lenient)));
}
