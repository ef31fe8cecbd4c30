//! Every row of the sampling tables of the official code: frames, crops and boxes.

mod golden_folders;

use golden_folders::{json, number, numbers, with_file};
use pipeline::{
    FrameRank,
    augment::{
        erase,
        operation::{KINDS, Kind, Operation},
        resized_crop::CropRange,
    },
    sampling::{
        dense, labelled,
        segments::{self},
    },
};
use schemas::settings::ShortSegments;
use serde_json::Value;

/// Runs `check` on every row of table `name` of every folder; no table is empty.
fn rows(name: &str, check: impl Fn(&Value)) {
    for folder in with_file("tables.json") {
        let tables = json(&folder, "tables.json");
        let Some(rows) = tables.get(name) else { continue };
        let rows = rows.as_array().unwrap();
        assert!(!rows.is_empty(), "{name} in {}", folder.display());
        rows.iter().for_each(&check);
    }
}

/// The ranks of the frames of a clip.
fn ranks(row: &Value) -> Vec<FrameRank> {
    numbers(&row["indices"]).into_iter().map(FrameRank).collect()
}

fn views_of(row: &Value) -> Vec<Vec<FrameRank>> {
    row["views"].as_array().unwrap().iter().map(ranks).collect()
}

#[test]
fn dense_training_clips() {
    rows("dense_train", |row| {
        let (frames, clip, stride) = (number(row, "frames"), number(row, "clip"), number(row, "stride"));
        let end = row["end"].as_u64().map(|end| end as u32);
        assert_eq!(dense::ends(frames, clip, stride).is_some(), end.is_some(), "{row}");
        if let Some((low, high)) = dense::ends(frames, clip, stride) {
            assert_eq!([low, high], *numbers(&row["end_range"]), "{row}");
        }
        assert_eq!(dense::ending_at(frames, clip, stride, end.unwrap_or(0)), ranks(row), "{row}");
    });
}

#[test]
fn dense_validation_clips() {
    rows("dense_validation_v2", |row| {
        let found = dense::validation(number(row, "frames"), number(row, "clip"), number(row, "stride"));
        assert_eq!(found, ranks(row), "{row}");
    });
}

#[test]
fn dense_test_clips() {
    rows("dense_test", |row| {
        let (frames, clip, stride) = (number(row, "frames"), number(row, "clip"), number(row, "stride"));
        assert_eq!(dense::test(frames, clip, stride, number(row, "segments")), views_of(row), "{row}");
    });
}

#[test]
fn segment_training_clips() {
    for (table, short) in
        [("segment_train_v1", ShortSegments::First), ("segment_train_v2", ShortSegments::All)]
    {
        rows(table, |row| {
            let (frames, segments) = (number(row, "frames"), number(row, "segments"));
            let range = segments::range(frames, segments);
            if range > 0 {
                assert_eq!([0, range], *numbers(&row["draw_range"]), "{row}");
            }
            let last = range.saturating_sub(1);
            let places: Vec<u32> = (0..segments)
                .map(|segment| match row["draw"].as_str() {
                    None if range == 0 => 0,
                    Some("zeros") => 0,
                    Some("last") => last,
                    Some("alternating") => segment % 2 * last,
                    other => panic!("unknown draw {other:?}"),
                })
                .collect();
            assert_eq!(segments::at(frames, segments, short, &places), ranks(row), "{row}");
        });
    }
}

#[test]
fn segment_validation_clips() {
    rows("segment_validation_v2", |row| {
        let (frames, segments) = (number(row, "frames"), number(row, "segments"));
        let found = segments::validation(frames, segments, ShortSegments::All);
        assert_eq!(found, ranks(row), "{row}");
    });
}

#[test]
fn segment_test_clips() {
    for (table, short) in [("segment_test_v1", ShortSegments::First), ("segment_test_v2", ShortSegments::All)]
    {
        rows(table, |row| {
            let expected = views_of(row);
            let (frames, segments) = (number(row, "frames"), number(row, "segments"));
            assert_eq!(segments::test(frames, segments, expected.len() as u32, short), expected, "{row}");
        });
    }
}

#[test]
fn test_windows() {
    rows("test_crops", |row| {
        let short = number(row, "short");
        let resized = labelled::resized((number(row, "width"), number(row, "height")), short);
        assert_eq!(resized, (number(row, "resized_width"), number(row, "resized_height")), "{row}");
        let windows = labelled::windows(resized, (short, short), number(row, "crops"));
        let along_x = row["axis"] == "x";
        let places = windows.iter().map(|window| if along_x { window.x } else { window.y });
        assert_eq!(places.collect::<Vec<_>>(), numbers(&row["offsets"]), "{row}");
        assert!(windows.iter().all(|window| if along_x { window.y == 0 } else { window.x == 0 }), "{row}");
    });
}

#[test]
fn validation_windows() {
    rows("validation_crop", |row| {
        let resized = labelled::resized((number(row, "width"), number(row, "height")), number(row, "short"));
        assert_eq!(resized, (number(row, "resized_width"), number(row, "resized_height")), "{row}");
        let crop = number(row, "crop");
        let window = labelled::centre(resized, (crop, crop));
        assert_eq!((window.x, window.y), (number(row, "x"), number(row, "y")), "{row}");
    });
}

#[test]
fn random_resized_crops() {
    rows("random_resized_crop", |row| {
        let range = CropRange::default();
        let frame = (number(row, "width"), number(row, "height"));
        let draw = |key: &str| row[key].as_f64().unwrap();
        let expected = (number(row, "crop_width"), number(row, "crop_height"));
        let ranges = (numbers(&row["x_range"]), numbers(&row["y_range"]));
        match range.size(frame, draw("area_draw"), draw("aspect_draw")) {
            Some(size) => {
                assert!(!row["fallback"].as_bool().unwrap(), "{row}");
                assert_eq!(size, expected, "{row}");
                assert_eq!(ranges, (vec![0, frame.0 - size.0], vec![0, frame.1 - size.1]), "{row}");
            }
            None => {
                assert!(row["fallback"].as_bool().unwrap(), "{row}");
                let window = range.fallback(frame);
                assert_eq!((window.width, window.height), expected, "{row}");
                assert_eq!(ranges, (vec![window.x; 2], vec![window.y; 2]), "{row}");
            }
        }
    });
}

#[test]
fn erased_boxes() {
    rows("random_erasing", |row| {
        let draw = |key: &str| row[key].as_f64().unwrap();
        let clip = (number(row, "width"), number(row, "height"));
        let expected = (number(row, "erase_width"), number(row, "erase_height"));
        let expected = row["accepted"].as_bool().unwrap().then_some(expected);
        assert_eq!(erase::size(clip, draw("area_draw"), draw("aspect_draw")), expected, "{row}");
    });
}

#[test]
fn feature_windows() {
    rows("feature_windows", |row| {
        let every = match row["set"].as_str().unwrap() {
            "THUMOS14" => 4,
            "FINEACTION" => 16,
            other => panic!("unknown set {other}"),
        };
        let starts = labelled::window_starts(number(row, "frames"), 16, every);
        let starts: Vec<u32> = starts.map(|start| start.0).collect();
        assert_eq!(starts.len(), number(row, "count") as usize, "{row}");
        let first = numbers(&row["starts"]);
        assert_eq!(starts[..first.len()], first, "{row}");
    });
}

/// The official name of each kind.
fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::AutoContrast => "AutoContrast",
        Kind::Equalize => "Equalize",
        Kind::Invert => "Invert",
        Kind::Rotate => "Rotate",
        Kind::Posterize => "PosterizeIncreasing",
        Kind::Solarize => "SolarizeIncreasing",
        Kind::SolarizeAdd => "SolarizeAdd",
        Kind::Color => "ColorIncreasing",
        Kind::Contrast => "ContrastIncreasing",
        Kind::Brightness => "BrightnessIncreasing",
        Kind::Sharpness => "SharpnessIncreasing",
        Kind::ShearX => "ShearX",
        Kind::ShearY => "ShearY",
        Kind::TranslateX => "TranslateXRel",
        Kind::TranslateY => "TranslateYRel",
    }
}

#[test]
fn operations_by_magnitude() {
    for folder in with_file("tables.json") {
        let tables = json(&folder, "tables.json");
        let table = &tables["randaugment_levels"];
        let order: Vec<_> =
            table["order"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        assert_eq!(KINDS.map(name).to_vec(), order);
        for level in table["levels"].as_array().unwrap() {
            for kind in KINDS {
                let operation = Operation::at(kind, level["magnitude"].as_f64().unwrap(), false);
                let found = operation.argument();
                let expected =
                    level["args"][name(kind)].as_array().unwrap().first().map(|arg| arg.as_f64().unwrap());
                match (found, expected) {
                    (Some(found), Some(expected)) => {
                        assert!((found - expected).abs() < 1e-12, "{operation:?} for {expected} in {level}");
                    }
                    (found, expected) => assert_eq!(found, expected, "{operation:?}"),
                }
                let turned = Operation::at(kind, level["magnitude"].as_f64().unwrap(), true);
                let signed = table["signed"].as_array().unwrap().iter().any(|word| word == name(kind));
                assert_eq!(turned != operation, signed && level["magnitude"] != 0.0, "{operation:?}");
            }
        }
    }
}
