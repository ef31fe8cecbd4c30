//! Lists, folders, shards and outputs: what was read, waited for, or left behind.

use std::{
    collections::HashMap,
    fs::{self, File},
    path::Path,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use parquet::arrow::{ArrowWriter, arrow_reader::ParquetRecordBatchReaderBuilder};

use crate::{
    films::{ENCODER, film, pretrain},
    fixtures::{mp4::Film, shown::sample},
    refusal, samples, stdout, succeed, text, tubelet,
};

/// Seen: a scan waited at a pipe named like a film for somebody to write. Right: only files are read.
#[test]
#[cfg(unix)]
fn a_pipe_named_like_a_film_was_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("film.mp4");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let begun = Instant::now();
    let mut command = tubelet();
    command.timeout(Duration::from_secs(60));
    let output = command.args(["frames", text(&pipe)]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

/// Seen: the first video of a list that begins with a byte order mark was not found. Right: it is (report 10b).
#[test]
fn a_byte_order_mark_lost_the_first_video_of_a_list() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list.txt");
    fs::write(&list, format!("\u{feff}{0}/cars.mp4\n{0}/flower.mp4\n", samples())).unwrap();
    let manifest = folder.path().join("manifest.parquet");
    let rows = stdout(&["scan", text(&list), "--json", "--out", text(&manifest)]);
    let goods = rows.lines().filter(|row| row.contains("\"kind\":\"good\""));
    assert_eq!((rows.lines().count(), goods.count()), (2, 2), "{rows}");
}

/// Seen: a run over a few videos of which each fails drew them again and again. Right: it stops, and names them once.
#[test]
fn a_run_on_broken_videos_alone_never_ended() {
    let folder = tempfile::tempdir().unwrap();
    let (films, out) = (folder.path().join("films"), folder.path().join("out"));
    fs::create_dir(&films).unwrap();
    (0..5).for_each(|number| fs::write(films.join(format!("{number}.mp4")), "no film\n").unwrap());
    let (code, words) = refusal(&pretrain(&films, &out, &["--steps", "2"]));
    assert_eq!(code, 1, "{words}");
    let quarantine = fs::read_to_string(out.join("quarantine.jsonl")).unwrap();
    let mut videos: Vec<&str> =
        quarantine.lines().map(|line| line.split("\"video\":").nth(1).unwrap()).collect();
    let all = videos.len();
    videos.dedup();
    assert!(all > 0 && videos.len() == all, "{quarantine}");
}

/// Seen: one broken film of five ended a run, being a fifth of them. Right: a small set bears a few.
#[test]
fn one_broken_film_of_a_few_ended_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let (films, out) = (folder.path().join("films"), folder.path().join("out"));
    (0..4).for_each(|number| film(&films.join(format!("{number}.mp4")), number));
    fs::write(films.join("broken.mp4"), "no film\n").unwrap();
    succeed(&pretrain(&films, &out, &["--steps", "2"]));
    assert_eq!(fs::read_to_string(out.join("quarantine.jsonl")).unwrap().lines().count(), 1);
}

/// Seen: a film whose last pictures are damaged gave its first clips, and failed in a later epoch. Right: a complaint
/// anywhere keeps it out, unless only the clip is to be verified.
#[test]
fn damage_at_the_end_of_a_film_passed_until_a_clip_met_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mp4");
    let mut film = Film::read(&sample("cars.mp4"));
    let damaged = &film.samples[97];
    let middle = (damaged.place + damaged.size / 2) as usize;
    film.data[middle..middle + 40].fill(0);
    fs::write(&path, film.whole(None)).unwrap();
    let (code, words) = refusal(&["frames", text(&path), "--indices", "0"]);
    assert!(code == 1 && words.contains("damaged"), "{words}");
    assert_eq!(stdout(&["frames", text(&path), "--indices", "0", "--verify", "clip"]).lines().count(), 1);
}

/// Seen: the second of two equal options was an error. Right: the last one counts, so that aliases can be overruled.
#[test]
fn a_repeated_option_was_an_error() {
    let batches =
        |more: &[&str]| stdout(&[&["inspect", "batches", &samples(), "--recipe", "tiny"][..], more].concat());
    assert_eq!(batches(&["--count", "3", "--count", "2"]), batches(&["--count", "2"]));
    assert_eq!(batches(&["--workers", "1", "--workers", "2", "--count", "2"]), batches(&["--count", "2"]));
}

/// Seen: a disk that became full under a file of batches left half a file. Right: whole or not at all.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_left_half_a_file_of_batches() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("batches.parquet");
    // Files of more than 100 kB are refused, as a full disk refuses them.
    let line = format!(
        "trap '' XFSZ; ulimit -f 100; exec {} inspect batches {} --recipe tiny --set optimiser.batch=4 --count 8 --out {}",
        env!("CARGO_BIN_EXE_tubelet"),
        samples(),
        text(&out)
    );
    let output = Command::new("bash").args(["-c", &line]).output().unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(words.contains("batches.parquet"), "{words}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "something is left");
}

/// The shard's rows again, with another word in what its footer says of the dataset.
fn with_facts(shard: &Path, from: &str, to: &str) {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(shard).unwrap()).unwrap();
    let schema = reader.schema().as_ref().clone();
    let of_file = reader.metadata().file_metadata().key_value_metadata().unwrap().clone();
    let ours = of_file.into_iter().filter(|entry| entry.key.starts_with("tubelet"));
    let metadata: HashMap<String, String> = ours
        .map(|entry| {
            let value = entry.value.unwrap();
            let is_it = entry.key == "tubelet.frames";
            assert!(!is_it || value.contains(from), "{value}");
            (entry.key, if is_it { value.replace(from, to) } else { value })
        })
        .collect();
    let batches: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
    let schema = Arc::new(schema.with_metadata(metadata));
    let mut writer = ArrowWriter::try_new(File::create(shard).unwrap(), Arc::clone(&schema), None).unwrap();
    for batch in batches {
        writer.write(&batch.with_schema(Arc::clone(&schema)).unwrap()).unwrap();
    }
    writer.close().unwrap();
}

/// Seen: a shard that says that its dataset has 2⁶⁰ videos ended in a panic, and one of 10⁹ took 3.5 GB. Right: refused
/// in a line (attack frame_shard).
#[test]
fn a_shard_that_promises_a_billion_videos_took_memory_for_each() {
    for videos in ["1000000000", "1152921504606846976"] {
        let folder = tempfile::tempdir().unwrap();
        let (shards, recipe) = (folder.path().join("shards"), ["--recipe", "tiny", "--set", "clip.size=32"]);
        let film = format!("{}/cars.mp4", samples());
        succeed(&[&["preprocess", &film, "--out", text(&shards)][..], &recipe].concat());
        let shard = shards.join("frames-00000.parquet");
        with_facts(&shard, "\"videos\":1,", &format!("\"videos\":{videos},"));
        let line = format!(
            "ulimit -v 2000000; exec {} inspect batches {} --recipe tiny --set clip.size=32 --count 1 --workers 1",
            env!("CARGO_BIN_EXE_tubelet"),
            text(&shards)
        );
        let output = Command::new("bash").args(["-c", &line]).output().unwrap();
        let words = String::from_utf8(output.stderr).unwrap();
        assert!(matches!(output.status.code(), Some(1 | 2)), "{words}");
        assert!(words.starts_with("error: ") && !words.contains("panicked"), "{words}");
    }
}

/// Seen: a run resumed before its first checkpoint had no digest of its data, and could not be resumed again. Right: it
/// has, and ends as one that was left alone.
#[test]
fn a_run_resumed_before_its_first_checkpoint_forgot_its_data() {
    let folder = tempfile::tempdir().unwrap();
    let films = crate::films::class_folders(folder.path(), 4);
    let out = folder.path().join("run");
    let begin = pretrain(&films, &out, &["--steps", "3"]);
    crate::killed::kill_when(&begin, || out.join("recipe.toml").exists());
    for _ in 0..2 {
        succeed(&["pretrain", "--out", text(&out), "--resume"]);
    }
    assert!(out.join("checkpoint-3.safetensors").exists());
    let other = folder.path().join("other");
    film(&other.join("films/a/0.mp4"), 9);
    let (code, words) = refusal(
        &[&["pretrain", "--out", text(&out), "--resume", "--data", text(&other)][..], &ENCODER].concat(),
    );
    assert!(code == 2 && words.contains("4 of the run's 4 videos are missing"), "{words}");
}
