//! Lists as people have them, and parts of videos.

use std::{fs, fs::File, path::Path};

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use schemas::embeddings::Embedded;

use crate::{films, models, refusal, said, samples, stdout, succeed, text};

/// Rows of a file of vectors: the video's name and the frames of the window.
fn windows(path: &Path) -> Vec<(String, (u32, u32))> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let embedded = Embedded::of(reader.schema()).unwrap();
    let rows = reader.build().unwrap().flat_map(|batch| embedded.rows(&batch.unwrap()).unwrap());
    let short = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    rows.map(|row| (short(&row.video), row.frames)).collect()
}

#[test]
fn parts_of_videos_are_scanned_embedded_tested_and_learnt_from() {
    let folder = tempfile::tempdir().unwrap();
    let (list, samples) = (folder.path().join("parts.csv"), samples());
    let part = |film: &str, rest: &str| format!("{samples}/{film},{rest}\n");
    let good =
        [part("flower.mp4", "10,42,0"), part("flower.mp4", "42,90,1"), part("cars.mp4", ",,0")].concat();
    let outside = part("cars.mp4", "80,101,1");
    fs::write(&list, format!("path,start,stop,label\n{good}{outside}")).unwrap();

    // The scan keeps the parts, and says which is in no film.
    let manifest = folder.path().join("manifest.parquet");
    let rows = stdout(&["scan", text(&list), "--out", text(&manifest), "--json"]);
    let rows: Vec<serde_json::Value> = rows.lines().map(|row| serde_json::from_str(row).unwrap()).collect();
    let frames: Vec<_> = rows.iter().map(|row| row["frames"].as_u64()).collect();
    assert_eq!(frames, [Some(32), Some(48), Some(100), None]);
    assert_eq!((rows[0]["start"].as_u64(), rows[1]["stop"].as_u64()), (Some(10), Some(90)));
    assert_eq!(rows[0]["times"].as_array().unwrap().len(), 32);
    assert_eq!(
        (rows[3]["verdict"].as_str(), rows[3]["kind"].as_str()),
        (Some("no-such-frame"), Some("not there"))
    );

    // Windows are those of the part, from the list and from the manifest.
    let model = models::classifier(folder.path(), &["a", "b"]);
    fs::write(&list, format!("path,start,stop,label\n{good}")).unwrap();
    let embed = |videos: &Path, name: &str| {
        let out = folder.path().join(name);
        succeed(&["embed", text(videos), "--model", text(&model), "--windows", "16:16", "--out", text(&out)]);
        windows(&out)
    };
    let of_list = embed(&list, "list.parquet");
    let of_part =
        |name: &str| -> Vec<_> { of_list.iter().filter(|row| row.0 == name).map(|row| row.1).collect() };
    assert_eq!(of_part("flower.mp4#frames=10,42"), [(10, 25), (26, 41)]);
    assert_eq!(of_part("flower.mp4#frames=42,90"), [(42, 57), (58, 73), (74, 89)]);
    assert_eq!(of_part("cars.mp4").len(), 6);
    assert_eq!(of_list, embed(&manifest, "manifest-vectors.parquet"));

    let predicted = stdout(&["predict", text(&list), "--model", text(&model), "--json"]);
    assert_eq!(predicted.matches("flower.mp4#frames=10,42").count(), 1, "{predicted}");
    let evaluated = succeed(&["evaluate", "--data", text(&list), "--model", text(&model)]);
    assert!(String::from_utf8_lossy(&evaluated.stdout).contains('3'));

    let run = folder.path().join("run");
    said(&films::pretrain(&manifest, &run, &["--steps", "2", "--set", "optimiser.batch=2"]));
    let videos = stdout(&["inspect", "run", text(&run), "--videos"]);
    assert!(videos.contains("flower.mp4#frames=42,90\n"), "{videos}");
}

#[test]
fn files_of_parts_are_refused_and_columns_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("parts.tsv");
    fs::write(&list, format!("film\tfrom\tto\n{}/cars.mp4\t0.5\t1.5\n", samples())).unwrap();
    let columns = ["--columns", "path=film,start_seconds=from,stop_seconds=to"];
    let manifest = folder.path().join("manifest.parquet");
    let scan = ["scan", text(&list), "--out", text(&manifest)];
    let (code, words) = refusal(&scan);
    assert_eq!(code, 2);
    assert!(words.contains("no column of paths; there are: film, from, to"), "{words}");
    let words = said(&[&scan[..], &columns].concat());
    assert!(words.contains("is read as a table with a head: 1 videos, 1 of them parts of videos"), "{words}");
    let out = folder.path().join("shards");
    let preprocess = ["preprocess", text(&list), "--out", text(&out), "--store", "video"];
    let (code, words) = refusal(&[&preprocess[..], &columns].concat());
    assert_eq!(code, 2);
    assert!(words.contains("1 of the videos are parts of their files"), "{words}");
    let (code, words) = refusal(&["scan", text(&list), "--columns", "film=path"]);
    assert_eq!(code, 2);
    assert!(words.contains("`film` is none of path, label, start, stop"), "{words}");
}
