//! Shards as other tools see them.

use std::{fs, path::Path, process::Command};

use crate::{refusal, said, samples, stdout, succeed, text};

/// The line that `tests/python/read_shards.py` prints, or none where Python lacks something, said aloud.
fn python_reads(kind: &str, folder: &Path) -> Option<Vec<String>> {
    let line = python_says("read_shards.py", &[kind, text(folder)])?;
    Some(line.split_whitespace().map(str::to_owned).collect())
}

/// What a script of `tests/python` prints, or none where Python lacks something, said aloud.
fn python_says(script: &str, arguments: &[&str]) -> Option<String> {
    let script = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python")).join(script);
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let Ok(output) = Command::new(python).arg(script).args(arguments).output() else {
        println!("skipped: no Python here");
        return None;
    };
    let line = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{line}{}", String::from_utf8_lossy(&output.stderr));
    if line.starts_with("missing") {
        println!("skipped: Python has no {}", line["missing".len()..].trim());
        return None;
    }
    Some(line)
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
        let (picture, read) = (picture.to_rgb8(), fs::read(folder.path().join("rgb.bin")).unwrap());
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
        let times = fs::read_dir(folder.path()).unwrap().map(|entry| {
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

/// Films in folders of two classes, one of them damaged.
fn class_folders(folder: &Path) -> std::path::PathBuf {
    let films = folder.join("films");
    for (class, film) in [("road", "cars.mp4"), ("garden", "flower.mp4"), ("garden", "bottles.webm")] {
        fs::create_dir_all(films.join(class)).unwrap();
        fs::copy(Path::new(&samples()).join(film), films.join(class).join(film)).unwrap();
    }
    let whole = fs::read(films.join("road/cars.mp4")).unwrap();
    fs::write(films.join("road/half.mp4"), &whole[..whole.len() / 2]).unwrap();
    films
}

#[test]
fn shards_of_videos_hold_the_files_as_they_are_with_their_classes() {
    use arrow_array::{cast::AsArray as _, types::Int64Type};
    let folder = tempfile::tempdir().unwrap();
    let (films, shards) = (class_folders(folder.path()), folder.path().join("shards"));
    let make = ["preprocess", text(&films), "--out", text(&shards), "--store", "video"];
    let words = said(&[&make[..], &["--set", "run.max_failed_share=0.5"]].concat());
    assert!(words.contains("3 videos in"), "{words}");
    let file = fs::File::open(shards.join("videos-00000.parquet")).unwrap();
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let described = reader.schema().metadata()["huggingface"].clone();
    assert!(described.contains(r#""label":{"_type":"ClassLabel","names":["garden","road"]}"#), "{described}");
    let mut found = Vec::new();
    for batch in reader.build().unwrap() {
        let batch = batch.unwrap();
        let video = batch["video"].as_struct();
        let (bytes, paths) = (video.column(0).as_binary::<i32>(), video.column(1).as_string::<i32>());
        let labels = batch["label"].as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            assert!(bytes.value(row) == fs::read(films.join(paths.value(row))).unwrap());
            found.push((paths.value(row).to_owned(), labels.value(row)));
        }
    }
    let row = |path: &str, label| (path.to_owned(), label);
    let wanted = [row("garden/bottles.webm", 0), row("garden/flower.mp4", 0), row("road/cars.mp4", 1)];
    assert_eq!(found, wanted);
    assert!(fs::read_to_string(shards.join("quarantine.jsonl")).unwrap().contains("half.mp4"));
    // A second time there is nothing to do, and shards of another kind do not come beside them.
    assert!(said(&[&make[..], &["--set", "run.max_failed_share=0.5"]].concat()).contains("0 videos in"));
    let (code, words) = refusal(&[&make[..5], &["packets"]].concat());
    assert!(code != 0 && words.contains("kind"), "{words}");
}

#[test]
fn datasets_opens_shards_of_videos_and_decodes_our_frames() {
    let folder = tempfile::tempdir().unwrap();
    let (films, shards) = (class_folders(folder.path()), folder.path().join("shards"));
    fs::remove_file(films.join("road/half.mp4")).unwrap();
    succeed(&["preprocess", text(&films), "--out", text(&shards), "--store", "video"]);
    let Some(lines) = python_says("video_shards.py", &[text(&shards)]) else { return };
    let mut classes = Vec::new();
    for line in lines.lines() {
        let [path, class, frames, _, bytes] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        assert_eq!(bytes, md5(&fs::read(films.join(path)).unwrap()), "{line}");
        let manifest = folder.path().join("manifest.parquet");
        let scanned = stdout(&["scan", text(&films.join(path)), "--json", "--out", text(&manifest)]);
        assert!(scanned.contains(&format!("\"frames\":{frames}")), "{line}: {scanned}");
        classes.push(class.to_owned());
    }
    assert_eq!(classes, ["garden", "garden", "road"]);
}

#[test]
fn packets_and_a_transcode_of_parts_give_the_frames_of_the_parts() {
    let folder = tempfile::tempdir().unwrap();
    for film in ["cars.mp4", "flower.mp4", "bottles.webm", "big_buck_bunny.mp4"] {
        fs::copy(Path::new(&samples()).join(film), folder.path().join(film)).unwrap();
    }
    let list = folder.path().join("list.csv");
    let rows = "path,start,stop,label\ncars.mp4,3,40,1\ncars.mp4,60,101,0\nflower.mp4,40,90,2\nflower.mp4,0,-1,1\n\
        bottles.webm,33,60,0\nbig_buck_bunny.mp4,70,130,1\n";
    fs::write(&list, rows).unwrap();
    let clips = |data: &str| {
        let print = ["inspect", "batches", data, "--recipe", "tiny", "--count", "12", "--json"];
        stdout(&[&print[..], &["--set", "clip.clips_per_video=2"]].concat())
    };
    let of_files = clips(text(&list));
    let [packets, transcode] = ["packets", "transcode"].map(|store| {
        let shards = folder.path().join(store);
        succeed(&["preprocess", text(&list), "--out", text(&shards), "--store", store]);
        shards
    });
    assert_eq!(of_files, clips(text(&packets)));
    // Other pixels, of the same frames.
    let facts = |lines: &str| -> Vec<serde_json::Value> {
        let lines = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.map(|line| serde_json::json!([line["video"], line["frames"], line["mask"]])).collect()
    };
    assert_eq!(facts(&of_files), facts(&clips(text(&transcode))));
    // A part takes the groups that it lies in, not the whole film.
    let bytes = |film: &str| fs::metadata(folder.path().join(film)).unwrap().len();
    let stored: u64 =
        fs::read_dir(&packets).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    let whole =
        2 * bytes("cars.mp4") + 2 * bytes("flower.mp4") + bytes("bottles.webm") + bytes("big_buck_bunny.mp4");
    println!("{stored} bytes of shards, {whole} of the films");
    let (code, words) =
        refusal(&["preprocess", text(&list), "--out", text(&folder.path().join("v")), "--store", "video"]);
    assert!(code == 2 && words.contains("are parts of their files, and files are stored whole"), "{words}");
}
