//! Films inside other files: what is read of them is what is read of the films themselves.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow_array::{ArrayRef, BinaryArray, Int64Array, RecordBatch, StringArray, StructArray};
use arrow_schema::{DataType, Field};
use parquet::{
    arrow::ArrowWriter,
    basic::Compression,
    file::properties::{WriterProperties, WriterPropertiesBuilder},
};

use crate::{films, killed::kill_when, refusal, samples, stdout, succeed, text};

/// The films of the project, in the order in which a folder of them is read.
fn films_here() -> Vec<(String, Vec<u8>)> {
    let read = |name: &str| (name.to_owned(), fs::read(Path::new(&samples()).join(name)).unwrap());
    ["big_buck_bunny.mp4", "bottles.webm", "cars.mp4", "flower.mp4"].map(read).into()
}

/// Tars of these samples, two in each: a film, and its class.
fn tars(folder: &Path, films: &[(String, Vec<u8>)]) -> Vec<PathBuf> {
    let tar = |(at, films): (usize, &[(String, Vec<u8>)])| {
        let path = folder.join(format!("shards-{at:03}.tar"));
        let mut builder = tar::Builder::new(File::create(&path).unwrap());
        let mut put = |name: &str, bytes: &[u8]| {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            builder.append_data(&mut header, name, bytes).unwrap();
        };
        for (class, (name, bytes)) in films.iter().enumerate() {
            let key = name.split_once('.').unwrap().0;
            put(name, bytes);
            put(&format!("{key}.cls"), class.to_string().as_bytes());
        }
        builder.into_inner().unwrap();
        path
    };
    films.chunks(2).enumerate().map(tar).collect()
}

/// The clips of some batches, without a word of where they come from.
fn batches(data: &str, more: &[&str]) -> String {
    let arguments = ["inspect", "batches", data, "--workers", "2", "--recipe", "tiny", "--count", "4"];
    let lines = stdout(&[&arguments[..], more].concat());
    let without_name = |line: &str| {
        let mut columns: Vec<&str> = line.split('\t').collect();
        columns.remove(2);
        columns.join("\t")
    };
    lines.lines().map(without_name).collect::<Vec<_>>().join("\n")
}

#[test]
fn members_of_tars_give_the_clips_of_their_films() {
    let folder = tempfile::tempdir().unwrap();
    let tars = tars(folder.path(), &films_here());
    let (of_films, counted) = (batches(&samples(), &[]), folder.path().join("shards-{000..001}.tar"));
    assert_eq!(batches(text(&counted), &[]), of_films);
    assert_eq!(batches(text(folder.path()), &["--set", "run.sandbox=false"]), of_films);

    // A scan keeps where they are, so that a run opens no header: a name that is another by now is not missed.
    let manifest = folder.path().join("manifest.parquet");
    let rows = stdout(&["scan", text(&counted), "--out", text(&manifest), "--json", "--verify"]);
    let rows: Vec<serde_json::Value> = rows.lines().map(|row| serde_json::from_str(row).unwrap()).collect();
    let name = |row: usize| rows[row]["path"].as_str().unwrap().rsplit_once("/shards").unwrap().1.to_owned();
    assert_eq!([name(0), name(3)], ["-000.tar/big_buck_bunny.mp4", "-001.tar/flower.mp4"]);
    assert_eq!((rows[3]["label"].as_i64(), rows[0]["member_start"].as_u64()), (Some(1), Some(512)));
    assert!(rows.iter().all(|row| row["bytes"] == row["member_bytes"] && row["verdict"] == "good"));
    let changed = fs::metadata(&tars[0]).unwrap().modified().unwrap();
    let mut bytes = fs::read(&tars[0]).unwrap();
    bytes[0] ^= 1;
    fs::write(&tars[0], &bytes).unwrap();
    File::options().write(true).open(&tars[0]).unwrap().set_modified(changed).unwrap();
    assert_eq!(batches(text(&manifest), &[]), of_films);
    let (code, words) = refusal(&["scan", text(&counted)]);
    assert!(code == 2 && words.contains("shards-000.tar: archive header checksum mismatch"), "{words}");

    // Another tar in its place, in which the same films lie elsewhere.
    let mut turned = films_here();
    turned.swap(0, 1);
    self::tars(folder.path(), &turned);
    assert_eq!(batches(text(&manifest), &[]), of_films);
}

#[test]
fn a_training_on_tars_is_that_on_their_films_and_goes_on_after_it_was_stopped() {
    let folder = tempfile::tempdir().unwrap();
    // Not beside the runs, whose folders are searched as well.
    let tars_here = folder.path().join("data");
    fs::create_dir(&tars_here).unwrap();
    tars(&tars_here, &films_here());
    let more = ["--steps", "6", "--set", "optimiser.batch=2", "--set", "run.checkpoint_every=1"];
    let out = |name: &str| folder.path().join(name);
    let lines = |out: &Path| fs::read_to_string(out.join("metrics.jsonl")).unwrap_or_default();
    let losses = |out: &Path| -> Vec<String> {
        let loss = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["loss"].to_string();
        lines(out).lines().map(loss).collect()
    };
    succeed(&films::pretrain(Path::new(&samples()), &out("films"), &more));
    let cut = out("tars");
    kill_when(&films::pretrain(&tars_here, &cut, &more), || lines(&cut).lines().count() >= 2);
    succeed(&["pretrain", "--out", text(&cut), "--resume"]);
    assert_eq!(losses(&cut).len(), 6);
    assert_eq!(losses(&cut), losses(&out("films")));

    let shards = folder.path().join("packets");
    succeed(&["preprocess", text(&tars_here), "--out", text(&shards), "--store", "packets"]);
    assert_eq!(batches(text(&shards), &[]), batches(&samples(), &[]));
    let frames = |path: &Path| stdout(&["frames", text(path), "--indices", "3,10"]);
    let inside = tars_here.join("shards-001.tar/flower.mp4");
    assert_eq!(frames(&inside), frames(&Path::new(&samples()).join("flower.mp4")));
}

/// A table of the project's films, as `datasets` writes it: the first two by their bytes, the others by their paths.
fn table(path: &Path, properties: WriterPropertiesBuilder) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let films = films_here();
    let bytes = (0..).zip(&films).map(|(row, (_, bytes))| (row < 2).then_some(bytes));
    let paths = (0..).zip(&films).map(|(row, (name, _))| (row >= 2).then(|| format!("{}/{name}", samples())));
    let columns: [(Arc<Field>, ArrayRef); 2] = [
        (Field::new("bytes", DataType::Binary, true).into(), Arc::new(BinaryArray::from_iter(bytes))),
        (Field::new("path", DataType::Utf8, true).into(), Arc::new(StringArray::from_iter(paths))),
    ];
    let columns: [(&str, ArrayRef); 2] = [
        ("video", Arc::new(StructArray::from(columns.to_vec()))),
        ("label", Arc::new(Int64Array::from(vec![0, 1, 1, 0]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = File::create(path).unwrap();
    let properties = properties.set_dictionary_enabled(false).build();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn cells_of_tables_give_the_clips_of_their_films() {
    let folder = tempfile::tempdir().unwrap();
    let of_films = batches(&samples(), &[]);
    for (name, compression) in [("plain", Compression::UNCOMPRESSED), ("snappy", Compression::SNAPPY)] {
        let home = folder.path().join(name);
        let file = home.join("data/train-00000-of-00001.parquet");
        // A group of rows for the films that have bytes: whether a compressed one has is told by groups.
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(2));
        table(&file, properties.set_compression(compression));
        assert_eq!(batches(text(&home), &[]), of_films, "{name}");
        assert_eq!(batches(text(&file), &["--set", "run.sandbox=false"]), of_films, "{name}");
        let manifest = folder.path().join(format!("{name}.parquet"));
        let rows = stdout(&["scan", text(&home), "--out", text(&manifest), "--json"]);
        let rows: Vec<serde_json::Value> =
            rows.lines().map(|row| serde_json::from_str(row).unwrap()).collect();
        let ends = |row: usize, end: &str| rows[row]["path"].as_str().unwrap().ends_with(end);
        assert!(ends(1, "/data/train-00000-of-00001.parquet/video/1") && ends(3, "samples/flower.mp4"));
        assert_eq!(rows[0]["member_start"].is_u64(), name == "plain");
        assert_eq!((rows[1]["label"].as_i64(), rows[3]["label"].as_i64()), (Some(1), Some(0)));
        assert_eq!(batches(text(&manifest), &[]), of_films, "{name}");
    }
}
