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
fn processes_that_decode_give_the_clips_of_threads() {
    let by_threads = batches(&samples(), "2", &["--set", "run.sandbox=false"]);
    assert_eq!(by_threads, batches(&samples(), "2", &["--set", "run.sandbox=true"]));
}

#[test]
fn files_and_shards_made_of_them_give_the_same_clips() {
    let folder = tempfile::tempdir().unwrap();
    for (short_side, resample, pixels) in
        [("0", "planes", "planes"), ("80", "planes", "planes"), ("0", "rgb", "planes"), ("80", "rgb", "rgb")]
    {
        let (side, way) = (format!("clip.short_side={short_side}"), format!("clip.resample={resample}"));
        let settings = ["--set", &side, "--set", &way];
        let shards = folder.path().join(format!("{short_side}-{resample}"));
        let make = ["preprocess", &samples(), "--out", text(&shards), "--recipe", "tiny", "--pixels", pixels];
        succeed(&[&make[..], &settings].concat());
        let more = [&settings[..], &["--count", "4"]].concat();
        assert_eq!(
            batches(&samples(), "2", &more),
            batches(text(&shards), "2", &more),
            "short side {short_side}, {resample} from {pixels}"
        );
    }
}

#[test]
fn packets_give_the_clips_of_the_files_in_every_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let shards = folder.path().join("shards");
    succeed(&["preprocess", &samples(), "--out", text(&shards), "--store", "packets"]);
    let more = ["--set", "clip.clips_per_video=2"];
    assert_eq!(batches(&samples(), "2", &more), batches(text(&shards), "3", &more));
}

#[test]
fn a_transcode_gives_frames_of_the_same_ranks_and_times_that_look_alike() {
    let folder = tempfile::tempdir().unwrap();
    let shards = folder.path().join("shards");
    let make = ["preprocess", &samples(), "--out", text(&shards), "--store", "transcode"];
    succeed(&[&make[..], &["--short-side", "10000", "--quality", "1"]].concat());
    // Everything but the pixels: epoch, clip, video, start, frames, crop, mask.
    let facts = |data: &str| -> Vec<String> {
        let lines = batches(data, "2", &[]);
        lines.lines().map(|line| line.split('\t').take(8).collect::<Vec<_>>().join("\t")).collect()
    };
    assert_eq!(facts(&samples()), facts(text(&shards)));
    let pixels = |data: &str, out: &str| {
        let file = folder.path().join(out);
        let print = ["inspect", "batches", data, "--recipe", "tiny", "--set", "optimiser.batch=4"];
        succeed(&[&print[..], &["--count", "4", "--out", text(&file)]].concat());
        cubes(&file)
    };
    let (files, transcode) = (pixels(&samples(), "files.parquet"), pixels(text(&shards), "shards.parquet"));
    assert_eq!(files.len(), transcode.len());
    let sum: u64 = files.iter().zip(&transcode).map(|(one, other)| u64::from(one.abs_diff(*other))).sum();
    let mean = sum as f64 / files.len() as f64;
    // x264 at a rate factor of 1 loses almost nothing; another frame or another colour rule is far off.
    assert!(mean < 1.5, "frames differ by {mean:.2} levels in the mean");
}

/// All visible cubes of a file of batches.
fn cubes(file: &std::path::Path) -> Vec<u8> {
    use arrow_array::cast::AsArray as _;
    let file = std::fs::File::open(file).unwrap();
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file)
        .unwrap()
        .build()
        .unwrap();
    let mut all = Vec::new();
    for batch in reader {
        let batch = batch.unwrap();
        let cubes = batch.column_by_name("visible_cubes").unwrap().as_fixed_size_list().values().clone();
        all.extend_from_slice(cubes.as_primitive::<arrow_array::types::UInt8Type>().values());
    }
    all
}

#[test]
fn packets_of_every_kind_of_file_give_its_clips() {
    let Some(clips) = crate::shared("clips/mixed") else { return };
    let folder = tempfile::tempdir().unwrap();
    let films = folder.path().join("films");
    std::fs::create_dir(&films).unwrap();
    // One or two of each: times that vary, hidden packets, ranks that must be counted, turned, cropped.
    let kinds =
        ["edit_list", "vfr", "avi", "rotat", "crop", "open_gop", "ts", "vp9", "hevc", "mpeg2", "av1", "10"];
    let mut taken = 0;
    for kind in kinds {
        let mut found: Vec<_> = std::fs::read_dir(&clips)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.file_name().unwrap().to_string_lossy().contains(kind))
            .collect();
        found.sort();
        for path in found.into_iter().take(2) {
            std::fs::copy(&path, films.join(path.file_name().unwrap())).unwrap();
            taken += 1;
        }
    }
    assert!(taken >= 12, "{taken} films");
    let shards = folder.path().join("shards");
    let lenient = ["--set", "run.max_failed_share=0.5"];
    succeed(
        &[&["preprocess", text(&films), "--out", text(&shards), "--store", "packets"][..], &lenient].concat(),
    );
    let more = [&lenient[..], &["--count", "24"]].concat();
    assert_eq!(batches(text(&films), "2", &more), batches(text(&shards), "2", &more));
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
