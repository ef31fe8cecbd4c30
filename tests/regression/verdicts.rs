//! What is said of files that are no good video: what is wrong with a film, what is no film, and what the system could
//! not read, which is none of a film's faults.

use std::path::{Path, PathBuf};

use crate::{SMALL, refusal, samples, stdout, succeed, text, tubelet};

/// A film of which Linux reads no byte, whoever asks: memory of the process itself, whose first page nobody has.
#[cfg(target_os = "linux")]
fn unreadable(folder: &Path) -> PathBuf {
    let film = folder.join("unreadable.mp4");
    std::os::unix::fs::symlink("/proc/self/mem", &film).unwrap();
    film
}

/// A folder with the project's films and one that cannot be read.
#[cfg(target_os = "linux")]
fn films_and_an_unreadable_one() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("films")).unwrap();
    for name in ["big_buck_bunny.mp4", "cars.mp4", "flower.mp4"] {
        std::fs::copy(Path::new(&samples()).join(name), folder.path().join("films").join(name)).unwrap();
    }
    unreadable(&folder.path().join("films"));
    folder
}

/// Seen: an I/O error became the verdict on a healthy film, exit 0. Right: the scan stops with path, cause and remedy,
/// and leaves no manifest.
#[test]
#[cfg(target_os = "linux")]
fn a_disk_that_fails_made_a_film_damaged_in_a_scan() {
    let folder = films_and_an_unreadable_one();
    let manifest = folder.path().join("manifest.parquet");
    for more in [&[][..], &["--verify"]] {
        let films = folder.path().join("films");
        let (code, words) = refusal(&[&["scan", text(&films), "--out", text(&manifest)][..], more].concat());
        assert_eq!(code, 1, "{words}");
        assert!(words.contains("this system could not read") && words.contains("unreadable.mp4"), "{words}");
        assert!(words.contains("Input/output error") && words.contains("dmesg"), "{words}");
        assert!(!manifest.exists());
        let index = folder.path().join("manifest.index");
        assert!(std::fs::read_dir(index).map_or(0, Iterator::count) == 0);
    }
}

/// Seen: an I/O error put a healthy film into the quarantine, and the run ended with other weights. Right: every command
/// stops, and nothing is in the quarantine.
#[test]
#[cfg(target_os = "linux")]
fn a_disk_that_fails_put_a_healthy_film_into_the_quarantine() {
    let folder = films_and_an_unreadable_one();
    let (films, out) = (folder.path().join("films"), folder.path().join("out"));
    let pretrain = ["pretrain", "--data", text(&films), "--out", text(&out), "--steps", "3"];
    let small = SMALL;
    for command in [
        [&pretrain[..], &small].concat(),
        vec!["preprocess", text(&films), "--out", text(&out), "--recipe", "tiny"],
        vec!["preprocess", text(&films), "--out", text(&out), "--store", "packets"],
        vec!["preprocess", text(&films), "--out", text(&out), "--store", "transcode"],
        vec!["inspect", "batches", text(&films), "--recipe", "tiny"],
    ] {
        let (code, words) = refusal(&command);
        assert_eq!(code, 1, "{command:?}: {words}");
        assert!(
            words.contains("this system could not read") && words.contains("unreadable.mp4"),
            "{command:?}: {words}"
        );
        let quarantine = std::fs::read_to_string(out.join("quarantine.jsonl")).unwrap_or_default();
        assert_eq!(quarantine, "", "{command:?}");
        let _ = std::fs::remove_dir_all(&out);
    }
}

/// Seen: a film that the manifest calls good and that is gone was left out. Right: the run would go on with other films,
/// so it stops; a film that nobody has seen is the list's fault.
#[test]
fn a_film_that_was_lost_after_a_scan_was_left_out_in_silence() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["big_buck_bunny.mp4", "cars.mp4", "flower.mp4"] {
        std::fs::copy(Path::new(&samples()).join(name), folder.path().join(name)).unwrap();
    }
    let list = folder.path().join("list.txt");
    std::fs::write(&list, "big_buck_bunny.mp4\ncars.mp4\nflower.mp4\nabsent.mp4\n").unwrap();
    let batches = |data: &Path| {
        tubelet().args(["inspect", "batches", text(data), "--recipe", "tiny"]).output().unwrap()
    };
    let output = batches(&list);
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("1 of 4 videos gave no clip (1 not there)"));

    let manifest = folder.path().join("manifest.parquet");
    succeed(&["scan", text(&list), "--out", text(&manifest)]);
    std::fs::remove_file(folder.path().join("cars.mp4")).unwrap();
    let output = batches(&manifest);
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(words.contains("cars.mp4") && words.contains("it was there before"), "{words}");
}

/// The rows that a scan of these files prints.
fn rows(files: &[(&str, &[u8])]) -> Vec<serde_json::Value> {
    let folder = tempfile::tempdir().unwrap();
    let mut arguments = vec!["scan".to_owned(), "--json".to_owned(), "--out".to_owned()];
    arguments.push(text(&folder.path().join("manifest.parquet")).to_owned());
    arguments.push(format!("{}/flower.mp4", samples()));
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
        arguments.push(text(&folder.path().join(name)).to_owned());
    }
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    stdout(&arguments).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Seen: FLV and NUT, a cut film and a web page had one verdict, "not a video". Right: unsupported with the line that converts
/// it, damaged, and no video with what it is (reports 09).
#[test]
fn films_that_are_not_read_were_called_no_video() {
    let film = std::fs::read(Path::new(&samples()).join("flower.mp4")).unwrap();
    let rows = rows(&[
        ("cut.mp4", &film[..film.len() / 2]),
        ("named.mp4", b"nut/multimedia container\0"),
        ("page.mp4", b"<!DOCTYPE html><html><body>404</body></html>"),
        ("empty.mp4", b""),
    ]);
    let words: Vec<_> = rows
        .iter()
        .map(|row| [&row["kind"], &row["verdict"]].map(|word| word.as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(
        words,
        [
            ["good", "good"],
            ["damaged", "truncated"],
            ["unsupported", "unsupported"],
            ["not a video", "not-a-video"],
            ["not a video", "not-a-video"],
        ]
    );
    let reason = |at: usize| rows[at]["reason"].as_str().unwrap();
    assert!(
        reason(2).contains("NUT is not a supported format; `ffmpeg -i ") && reason(2).contains("named"),
        "{}",
        reason(2)
    );
    assert!(reason(3).contains("an HTML page"), "{}", reason(3));
    assert_eq!(reason(4), "not a video: it is empty");
}

/// Seen: "This file is corrupt" of whatever was not read. Right: the error begins with its kind.
#[test]
fn an_error_did_not_say_whether_the_film_or_the_format_was_meant() {
    let folder = tempfile::tempdir().unwrap();
    let film = std::fs::read(Path::new(&samples()).join("flower.mp4")).unwrap();
    for (name, bytes, words) in [
        ("cut.mp4", &film[..film.len() / 2], "cut.mp4: damaged: the file is truncated"),
        ("ogg.mp4", b"BIKi", "ogg.mp4: unsupported: Bink is not a supported format; `ffmpeg"),
        ("text.mp4", b"no film", "text.mp4: not a video: it is text"),
    ] {
        std::fs::write(folder.path().join(name), bytes).unwrap();
        let (code, found) = refusal(&["frames", text(&folder.path().join(name))]);
        assert!(code == 1 && found.contains(words), "{found}");
    }
}

/// Seen: `.wmv`, `.gif` and others in a folder were passed over without a word. Right: films of formats that are not
/// read count as videos, others are counted on stderr.
#[test]
fn files_were_passed_over_without_a_count() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(Path::new(&samples()).join("flower.mp4"), folder.path().join("flower.mp4")).unwrap();
    for name in ["a.gif", "notes.txt", "more.txt", "film.wmv"] {
        std::fs::write(folder.path().join(name), "x").unwrap();
    }
    let manifest = tempfile::tempdir().unwrap();
    let manifest = manifest.path().join("manifest.parquet");
    let output = succeed(&["scan", text(folder.path()), "--out", text(&manifest)]);
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(words.contains("3 files passed over: 2 .txt, 1 .gif; name them to read them"), "{words}");
    assert!(words.contains("1 of 2 videos can be used"), "{words}");
}

/// Seen: a name that is no UTF-8 was good in a scan and not found later; one with a newline broke the lines that are
/// printed. Right: kept by its bytes, and escaped where lines are printed.
#[test]
#[cfg(unix)]
fn a_name_that_is_no_utf_8_was_good_in_a_scan_and_then_lost() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
    let folder = tempfile::tempdir().unwrap();
    let films = folder.path().join("films");
    std::fs::create_dir(&films).unwrap();
    for (of, name) in [("flower.mp4", &b"caf\xe9.mp4"[..]), ("cars.mp4", b"two\nlines\t.mp4")] {
        std::fs::copy(Path::new(&samples()).join(of), films.join(OsStr::from_bytes(name))).unwrap();
    }
    let manifest = folder.path().join("manifest.parquet");
    succeed(&["scan", text(&films), "--out", text(&manifest)]);
    let batches =
        |data: &Path| stdout(&["inspect", "batches", text(data), "--recipe", "tiny", "--count", "4"]);
    let lines = batches(&manifest);
    assert_eq!(lines, batches(&films));
    assert_eq!(lines.lines().count(), 4, "{lines}");
    assert!(lines.contains(r"caf\xE9.mp4") && lines.contains(r"two\nlines\t.mp4"), "{lines}");
    assert!(lines.lines().all(|line| line.split('\t').count() == 10), "{lines}");

    let shards = folder.path().join("shards");
    succeed(&["preprocess", text(&manifest), "--out", text(&shards), "--store", "packets"]);
    assert_eq!(lines, batches(&shards));
}

/// Seen: frames and rates of headers, given as if they were those of the decode. Right: the row says whose they are.
#[test]
fn a_scan_gave_numbers_of_headers_as_those_of_a_decode() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("manifest.parquet");
    for (more, numbers) in [(&[][..], "of packets"), (&["--verify"], "decoded")] {
        let samples = samples();
        let arguments = [&["scan", &samples, "--json", "--out", text(&manifest)][..], more].concat();
        for line in stdout(&arguments).lines() {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(row["numbers"].as_str(), Some(numbers));
        }
    }
}

/// Seen: a full disk under `frames --out` gave a message without the path. Right: the picture is named.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_under_pictures_had_no_path() {
    let folder = tempfile::tempdir().unwrap();
    let film = format!("{}/flower.mp4", samples());
    // Files of more than 1024 bytes are refused, as a full disk refuses them.
    let line = format!(
        "trap '' XFSZ; ulimit -f 1; exec {} frames {film} --indices 0 --out {}",
        env!("CARGO_BIN_EXE_tubelet"),
        text(folder.path())
    );
    let output = std::process::Command::new("bash").args(["-c", &line]).output().unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(words.contains("frame_000000.png cannot be written: "), "{words}");
}
