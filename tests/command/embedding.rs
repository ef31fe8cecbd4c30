//! Vectors of videos: made, interrupted, searched.

use std::{fs::File, path::Path};

use arrow_array::cast::AsArray as _;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use schemas::embeddings::{Embedded, Embedding};

use crate::{
    killed::{files, kill_when},
    models, refusal, samples, stdout, succeed, text,
};

fn rows(path: &Path) -> (Embedded, Vec<Embedding>) {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let embedded = Embedded::of(reader.schema()).unwrap();
    let rows = reader.build().unwrap().flat_map(|batch| embedded.rows(&batch.unwrap()).unwrap()).collect();
    (embedded, rows)
}

#[test]
fn every_window_of_every_video_has_a_vector_and_its_times() {
    let folder = tempfile::tempdir().unwrap();
    let model = models::classifier(folder.path(), &["a", "b", "c"]);
    let out = folder.path().join("films.parquet");
    let arguments = ["embed", &samples(), "--model", text(&model), "--windows", "16:16", "--out", text(&out)];
    succeed(&arguments);
    let (embedded, rows) = rows(&out);
    assert_eq!((embedded.lengths.as_slice(), embedded.windows), (&[48][..], Some([16, 16])));
    assert_eq!(embedded.feature, "fc_norm of the mean token");
    // 144, 179, 100 and 150 frames, of which the last 15 begin no window.
    let count = |name: &str| rows.iter().filter(|row| row.video.contains(name)).count();
    assert_eq!(["big_buck", "bottles", "cars", "flower"].map(count), [9, 11, 6, 9]);
    for row in &rows {
        assert_eq!((row.frames.0, row.frames.1), (16 * row.window, 16 * row.window + 15));
        assert!(row.span.0 < row.span.1 && row.vector.iter().all(|value| value.is_finite()));
    }
    assert!(rows.windows(2).all(|pair| (pair[0].row, pair[0].window) < (pair[1].row, pair[1].window)));

    // A second time there is nothing to do, and other vectors are not mixed in.
    let before = std::fs::metadata(&out).unwrap().modified().unwrap();
    succeed(&arguments);
    assert_eq!(std::fs::metadata(&out).unwrap().modified().unwrap(), before);
    let (code, words) = refusal(&[&arguments[..], &["--half"]].concat());
    assert_eq!(code, 2, "{words}");
    assert!(words.contains("another number format"), "{words}");
}

#[test]
fn an_embed_killed_and_run_again_ends_with_the_same_bytes() {
    let samples = samples();
    for (more, ending, joined) in [
        (&["--windows", "16:8"][..], ".parquet", true),
        (&["--format", "npy", "--half", "--views", "2x1"], ".npy", false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let model = models::pretrained(folder.path());
        let embed = |name: &str, kill: bool| {
            let out = folder.path().join(name);
            let fixed = ["embed", &samples, "--model", text(&model), "--heads", "3,3", "--size", "32"];
            let arguments = [&fixed[..], &["--batch", "2", "--out", text(&out)], more].concat();
            let parts = if joined { folder.path().join(format!(".{name}.parts")) } else { out.clone() };
            if kill {
                kill_when(&arguments, || parts.is_dir() && !files(&parts, ending).is_empty());
            } else {
                succeed(&arguments);
                assert_eq!(parts.exists(), !joined, "parts are gone once they are joined");
            }
            out
        };
        let whole = embed("whole.out", false);
        embed("cut.out", true);
        let cut = embed("cut.out", false);
        if joined {
            assert!(std::fs::read(whole).unwrap() == std::fs::read(cut).unwrap(), "the files differ");
        } else {
            assert_eq!(files(&whole, ".npy").len(), 4);
            assert!(files(&whole, ".npy") == files(&cut, ".npy"), "the arrays differ");
        }
    }
}

#[test]
fn vectors_do_not_depend_on_batches_threads_or_other_videos() {
    let folder = tempfile::tempdir().unwrap();
    let model = models::classifier(folder.path(), &["a", "b"]);
    let film = format!("{}/cars.mp4", samples());
    let embed = |name: &str, videos: &str, more: &[&str]| {
        let out = folder.path().join(name);
        let fixed = ["embed", videos, "--model", text(&model), "--windows", "16:4", "--out", text(&out)];
        succeed(&[&fixed[..], more].concat());
        let rows = rows(&out).1.into_iter().filter(|row| row.video.contains("cars"));
        rows.map(|row| (row.window, row.vector)).collect::<Vec<_>>()
    };
    let together = embed("all.parquet", &samples(), &["--workers", "3"]);
    assert_eq!(together.len(), 22);
    assert_eq!(together, embed("one.parquet", &film, &["--workers", "1"]));
}

#[test]
fn tad_files_are_named_and_shaped_as_the_published_ones() {
    let folder = tempfile::tempdir().unwrap();
    let model = models::classifier(folder.path(), &["a", "b"]);
    let short = folder.path().join("v_1.cut.mp4");
    std::fs::copy(format!("{}/cars.mp4", samples()), &short).unwrap();
    let out = folder.path().join("features");
    let arguments =
        ["embed", text(&short), "--model", text(&model), "--format", "tad-npy", "--out", text(&out)];
    succeed(&arguments);
    let bytes = std::fs::read(out.join("v_1.npy")).unwrap();
    assert!(bytes[10..].starts_with(b"{'descr': '<f4', 'fortran_order': False, 'shape': (22, 48), }"));
    assert_eq!(bytes.len(), 128 + 22 * 48 * 4);
    let other = folder.path().join("normalised");
    let arguments = ["embed", text(&short), "--model", text(&model), "--format", "tad-npy"];
    succeed(&[&arguments[..], &["--preprocess", "normalised", "--out", text(&other)]].concat());
    assert_ne!(std::fs::read(other.join("v_1.npy")).unwrap(), bytes);
}

#[test]
fn a_search_finds_the_like_and_leaves_the_query_out() {
    let folder = tempfile::tempdir().unwrap();
    let model = models::classifier(folder.path(), &["a", "b"]);
    let films = folder.path().join("films");
    std::fs::create_dir(&films).unwrap();
    for name in ["cars.mp4", "flower.mp4", "big_buck_bunny.mp4"] {
        std::fs::copy(format!("{}/{name}", samples()), films.join(name)).unwrap();
    }
    std::fs::copy(films.join("cars.mp4"), films.join("same.mp4")).unwrap();
    let out = folder.path().join("films.parquet");
    succeed(&["embed", text(&films), "--model", text(&model), "--windows", "16:16", "--out", text(&out)]);
    let search = |query: &str, more: &[&str]| {
        let fixed = ["embed", query, "--nearest", "2", "--in", text(&out), "--json"];
        let lines = stdout(&[&fixed[..], more].concat());
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<serde_json::Value>>()
    };
    let inside = search(text(&films.join("cars.mp4")), &[]);
    assert_eq!(inside.len(), 2);
    assert!(inside[0]["video"].as_str().unwrap().ends_with("same.mp4"), "{inside:?}");
    assert!(inside[0]["similarity"].as_f64() >= inside[1]["similarity"].as_f64());
    // A video that is not in the file needs the model, and finds its copies.
    let outside = format!("{}/flower.mp4", samples());
    let found = search(&outside, &["--model", text(&model)]);
    assert!(found[0]["video"].as_str().unwrap().ends_with("films/flower.mp4"), "{found:?}");
    let (code, words) = refusal(&["embed", &outside, "--nearest", "2", "--in", text(&out)]);
    assert_eq!(code, 2, "{words}");
    assert!(words.contains("--model"), "{words}");
}

#[test]
fn videos_that_give_no_vector_are_named_and_the_others_are_made() {
    let folder = tempfile::tempdir().unwrap();
    let model = models::classifier(folder.path(), &["a", "b"]);
    let text_file = folder.path().join("letter.mp4");
    std::fs::write(&text_file, "this is no film\n".repeat(50)).unwrap();
    let film = format!("{}/cars.mp4", samples());
    let out = folder.path().join("out.parquet");
    let fixed = ["--model", text(&model), "--windows", "16:16", "--json", "--out", text(&out)];
    let line = stdout(&[&["embed", text(&text_file), &film][..], &fixed].concat());
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&line["made_now"], &line["failed"][0]["row"]), (&6.into(), &0.into()));
    assert_eq!(rows(&out).1.len(), 6);
    let none = folder.path().join("none.parquet");
    let fixed = ["--model", text(&model), "--windows", "16:16", "--out", text(&none)];
    let (code, words) = refusal(&[&["embed", text(&text_file)][..], &fixed].concat());
    assert_eq!(code, 1, "{words}");
    assert!(words.contains("letter.mp4"), "{words}");
    let left = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.filter(|name| name.to_string_lossy().contains("none")).count() == 0);
}

#[test]
fn all_tokens_of_a_window_are_kept_with_their_lengths() {
    let folder = tempfile::tempdir().unwrap();
    let model = models::classifier(folder.path(), &["a", "b"]);
    let film = format!("{}/cars.mp4", samples());
    let out = folder.path().join("tokens.parquet");
    let arguments = ["embed", &film, "--model", text(&model), "--pool", "tokens", "--half"];
    succeed(&[&arguments[..], &["--views", "1x1", "--out", text(&out)]].concat());
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&out).unwrap()).unwrap();
    let embedded = Embedded::of(reader.schema()).unwrap();
    assert_eq!((embedded.lengths.as_slice(), embedded.views), (&[8, 4, 4, 48][..], Some([1, 1])));
    let batch = reader.build().unwrap().next().unwrap().unwrap();
    assert_eq!(batch.column_by_name("vector").unwrap().as_fixed_size_list().value_length(), 8 * 4 * 4 * 48);
    let (code, words) = refusal(&[&arguments[..], &["--out", "none.parquet"]].concat());
    assert_eq!(code, 2, "{words}");
    assert!(words.contains("5x3 views"), "{words}");
}
