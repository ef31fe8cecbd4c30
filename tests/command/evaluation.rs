//! A classifier tested and asked: numbers, files, failures.

use std::{fs::File, path::Path};

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use schemas::predictions::Predictions;

use crate::{models, refusal, samples, shared, stdout, succeed, text};

fn predictions(path: &Path) -> Predictions {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let schema = reader.schema().clone();
    let batches: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
    Predictions::of_batches(&schema, &batches).unwrap()
}

fn json(arguments: &[&str]) -> serde_json::Value {
    serde_json::from_str(&stdout(&[arguments, &["--json"]].concat())).unwrap()
}

/// The samples with classes: two of `still`, two of `moving`, and a text that is no video.
fn list(folder: &Path, broken: bool) -> String {
    let mut lines = String::new();
    for (name, label) in [("cars.mp4", 1), ("flower.mp4", 0), ("big_buck_bunny.mp4", 1), ("bottles.webm", 0)]
    {
        lines += &format!("{}/{name} {label}\n", samples());
    }
    if broken {
        std::fs::write(folder.join("letter.mp4"), "this is no film\n".repeat(50)).unwrap();
        lines += "letter.mp4 0\n";
    }
    let path = folder.join("list.txt");
    std::fs::write(&path, lines).unwrap();
    text(&path).to_owned()
}

/// The published rule for test clips: strided frames, the last one repeated, equally far apart.
fn formula(frames: u32, stride: u32, clips: u32) -> Vec<Vec<u32>> {
    let mut kept: Vec<u32> = (0..frames).step_by(stride as usize).collect();
    while kept.len() < 16 {
        kept.push(*kept.last().unwrap());
    }
    let step = f64::from(kept.len() as u32 - 16) / f64::from(clips - 1);
    (0..clips).map(|clip| kept[(f64::from(clip) * step) as usize..][..16].to_vec()).collect()
}

#[test]
fn a_test_counts_failed_videos_as_wrong_and_lists_them() {
    let folder = tempfile::tempdir().unwrap();
    let model = models::classifier(folder.path(), &["still", "moving"]);
    let out = folder.path().join("predictions.parquet");
    let list = list(folder.path(), true);
    let arguments = ["evaluate", "--model", text(&model), "--data", &list, "--out", text(&out)];
    let found = json(&arguments);
    assert_eq!((&found["videos"], &found["failed"]), (&5.into(), &1.into()));
    assert!(found["failures"][0]["video"].as_str().unwrap().ends_with("letter.mp4"), "{found}");
    assert_eq!(found["missing"], serde_json::json!([]));
    let right: u64 =
        found["classes"].as_array().unwrap().iter().map(|line| line["right"].as_u64().unwrap()).sum();
    assert!((found["top1"].as_f64().unwrap() - right as f64 / 5.0).abs() < 1e-12);
    // With two classes all but the failed one are among the first five.
    assert_eq!(found["top5"].as_f64(), Some(0.8));

    let kept = predictions(&out);
    assert_eq!((kept.predictions.len(), kept.failures.len()), (60, 1));
    for (name, frames) in [("cars", 100), ("flower", 150), ("big_buck", 144), ("bottles", 179)] {
        let views: Vec<_> = kept.predictions.iter().filter(|view| view.video.contains(name)).collect();
        assert_eq!(views.len(), 15);
        let expected = formula(frames, 4, 5);
        for view in views {
            assert_eq!(view.frames, expected[usize::from(view.view.clip)], "{name} {:?}", view.view);
        }
    }
    // The same numbers again without the model.
    let mut again = json(&["evaluate", "--from", text(&out)]);
    assert_eq!(again["top1"], found["top1"]);
    again["failures"] = found["failures"].clone();
    assert_eq!(again, found);
    let score = json(&["evaluate", "--from", text(&out), "--by", "score"]);
    assert_eq!(score["by"], "score");
    let text_out = folder.path().join("official.txt");
    succeed(&["evaluate", "--from", text(&out), "--out", text(&text_out), "--format", "official"]);
    assert_eq!(std::fs::read_to_string(&text_out).unwrap().lines().count(), 61);
}

#[test]
fn parts_from_several_machines_are_the_whole_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let model = models::classifier(folder.path(), &["still", "moving"]);
    let list = list(folder.path(), false);
    let test = |name: &str, more: &[&str]| {
        let out = folder.path().join(name);
        let fixed = ["evaluate", "--model", text(&model), "--data", &list, "--views", "2x3"];
        succeed(&[&fixed[..], &["--out", text(&out)], more].concat());
        out
    };
    let whole = test("whole", &["--batch", "4", "--workers", "2"]);
    let parts =
        [test("one", &["--part", "1/2", "--batch", "4"]), test("two", &["--part", "2/2", "--batch", "4"])];
    let joined = folder.path().join("joined");
    let [one, two] = parts.each_ref().map(|part| text(part));
    succeed(&["evaluate", "--from", two, one, one, "--out", text(&joined)]);
    assert_eq!(predictions(&joined), predictions(&whole));
    let found = json(&["evaluate", "--from", one]);
    assert_eq!(found["missing"].as_array().unwrap().len(), 2 * 6);
    let words = stdout(&["evaluate", "--from", one]);
    assert!(words.contains("12 of 24 views are missing") && words.contains("clip 1, crop 2"), "{words}");
}

#[test]
fn one_clip_and_one_crop_work_and_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let model = models::classifier(folder.path(), &["still", "moving"]);
    let out = folder.path().join("predictions.parquet");
    let list = list(folder.path(), false);
    let arguments =
        ["evaluate", "--model", text(&model), "--data", &list, "--views", "1x1", "--out", text(&out)];
    let said = String::from_utf8(succeed(&arguments).stderr).unwrap();
    assert!(said.contains("the middle one") && said.contains("the centre"), "{said}");
    let kept = predictions(&out);
    assert_eq!(kept.predictions.len(), 4);
    // 100 frames: the clip that ends at (64 + 100) / 2.
    assert_eq!(kept.predictions[0].frames[..3], [18, 22, 26]);
}

#[test]
fn an_answer_is_a_table_a_line_of_json_and_a_picture() {
    let folder = tempfile::tempdir().unwrap();
    let model = models::classifier(folder.path(), &["still", "moving", "both"]);
    let film = format!("{}/cars.mp4", samples());
    let picture = folder.path().join("cars.png");
    let fixed = ["predict", &film, "--model", text(&model), "--over-time", "--views", "3x3"];
    let words = stdout(&[&fixed[..], &["--top", "2", "--out", text(&picture)]].concat());
    assert!(words.starts_with(&film) && words.contains(" %") && words.contains("0.0 s"), "{words}");
    assert!(image::open(&picture).unwrap().width() >= 4 * 160);
    let line = json(&fixed);
    let top = line["top"].as_array().unwrap();
    let sum: f64 = top.iter().map(|it| it["probability"].as_f64().unwrap()).sum();
    assert!(top.len() == 3 && (sum - 1.0).abs() < 1e-9, "{line}");
    assert_eq!(line["over_time"].as_array().unwrap().len(), 3);
}

#[test]
fn what_does_not_fit_the_model_is_asked_wrongly() {
    let folder = tempfile::tempdir().unwrap();
    let model = models::classifier(folder.path(), &["still", "moving"]);
    let list = list(folder.path(), false);
    let classes = folder.path().join("classes.txt");
    std::fs::write(&classes, "a\nb\nc\n").unwrap();
    let film = format!("{}/cars.mp4", samples());
    let odd = folder.path().join("odd.txt");
    std::fs::write(&odd, format!("{film} 7\n")).unwrap();
    let encoder = tempfile::tempdir().unwrap();
    let pretrained = models::pretrained(encoder.path());
    let model = text(&model);
    for (arguments, says) in [
        (vec!["evaluate", "--model", model, "--data", text(&odd)], "label 7 is outside"),
        (vec!["evaluate", "--model", model, "--data", &list, "--classes", text(&classes)], "3 classes"),
        (vec!["evaluate", "--model", model, "--data", &film], "class `samples` is not in the list"),
        (vec!["evaluate", "--model", text(&pretrained), "--heads", "3,3", "--data", &list], "no classifier"),
        (vec!["evaluate", "--data", &list], "no model is given"),
        (vec!["evaluate", "--model", model, "--data", &list, "--views", "5"], "5x3"),
        (vec!["evaluate", "--model", model, "--data", &list, "--set", "clip.frames=8"], "--frames"),
        (vec!["evaluate", "--from", "absent.parquet"], "absent.parquet: no such file"),
        (vec!["predict", &film, "--model", model, "--classes", text(&classes)], "3 classes"),
        (vec!["predict", &film, "--model", model, "--out", "a.bmp"], "must end in .png or .gif"),
        (vec!["predict", &film, "--model", "absent"], "absent: no such file or folder"),
    ] {
        let (code, words) = refusal(&arguments);
        assert_eq!(code, 2, "{arguments:?}: {words}");
        assert!(words.contains(says), "{arguments:?}: {words}");
        assert_eq!(words.matches("error: ").count(), 1, "{words}");
    }
}

#[test]
fn all_views_from_one_decode_are_those_of_a_decode_each() {
    let folder = tempfile::tempdir().unwrap();
    let model = models::classifier(folder.path(), &["still", "moving"]);
    let film = format!("{}/flower.mp4", samples());
    let line = stdout(&["bench", "views", &film, "--model", text(&model), "--views", "3x2"]);
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&line["views"], &line["same_pixels"], &line["same_logits"]),
        (&6.into(), &true.into(), &true.into())
    );
    let decoded = |way| line[way].as_u64().unwrap();
    assert!(decoded("once_decoded") < decoded("each_decoded"), "{line}");
    assert!(decoded("each_decoded") < decoded("each_whole_decoded"), "{line}");
}

#[test]
fn broken_videos_in_a_test_are_wrong_and_nothing_hangs() {
    let Some(broken) = shared("clips/broken") else { return };
    let folder = tempfile::tempdir().unwrap();
    let model = models::classifier(folder.path(), &["broken", "whole"]);
    let mut videos: Vec<_> = std::fs::read_dir(&broken).unwrap().map(|entry| entry.unwrap().path()).collect();
    videos.sort();
    // A tenth of them is enough for a quick test, with those that promise endless work.
    let endless = ["loop", "huge", "lies"];
    let chosen: Vec<_> = (0..)
        .zip(&videos)
        .filter(|(at, path)| at % 10 == 0 || endless.iter().any(|word| text(path).contains(word)))
        .map(|(_, path)| format!("{} 0\n", path.display()))
        .collect();
    let list = folder.path().join("list.txt");
    std::fs::write(&list, chosen.concat()).unwrap();
    let found = json(&["evaluate", "--model", text(&model), "--data", text(&list), "--views", "2x1"]);
    assert_eq!(found["videos"].as_u64(), Some(chosen.len() as u64));
    let failed = found["failed"].as_u64().unwrap();
    assert!(failed > 0 && found["failures"].as_array().unwrap().len() as u64 == failed, "{found}");
}
