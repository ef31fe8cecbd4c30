//! Several labels a video, and numbers: learnt from a table, tested, asked, carried to Hugging Face's folder.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    films::{self, CLASSIFIER, film},
    killed::{files, kill_when},
    models, refusal, stdout, succeed, text,
};

/// A model that is validated by two clips of each film.
const VALIDATED: [&str; 6] =
    ["--set", "run.checkpoint_every=3", "--set", "views.clips=2", "--set", "views.every=1"];
const SEVERAL: [&str; 2] = ["--set", "classifier.problem_type=multi_label_classification"];
const NUMBERS: [&str; 2] = ["--set", "classifier.problem_type=regression"];

/// Two of the sample films four times each, with tables of labels and of numbers.
fn films(folder: &Path) -> PathBuf {
    let films = folder.join("films");
    fs::create_dir_all(&films).unwrap();
    let (mut words, mut columns, mut numbers) =
        ("path,label\n".to_owned(), "path,plant,road,even\n".to_owned(), "path,speed,value\n".to_owned());
    for number in 0..8 {
        let name = ["flower.mp4", "cars.mp4"][number % 2];
        let own = format!("{number}-{name}");
        film(&films.join(&own), number);
        let (plant, even) = (number % 2 == 0, number < 4);
        let labels = [(plant, "plant"), (!plant, "road"), (even, "even")];
        let labels: Vec<_> = labels.iter().filter(|label| label.0).map(|label| label.1).collect();
        // The last film has no label at all.
        words += &format!("{own},{}\n", if number == 7 { String::new() } else { labels.join("|") });
        columns += &format!("{own},{},{},{}\n", u8::from(plant), u8::from(!plant), u8::from(even));
        numbers += &format!("{own},{},{}\n", number as f64 / 8.0, if plant { -1.0 } else { 1.0 });
    }
    for (name, table) in [("words", words), ("columns", columns), ("numbers", numbers)] {
        fs::write(folder.join(format!("{name}.csv")), table).unwrap();
    }
    films
}

fn finetune<'a>(data: &'a str, labels: &'a str, out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let more = [&["--labels", labels][..], &VALIDATED, more].concat();
    films::finetune(Path::new(data), Path::new(out), &more)
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&stdout(&[arguments, &["--json"]].concat())).unwrap()
}

fn lines(path: &Path) -> Vec<Value> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn several_labels_are_learnt_tested_asked_and_carried_along() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let films = films(folder.path());
    let (films, table, run) = (text(&films), at("words.csv"), at("run"));
    let settings = ["--init", "scratch", "--split", "test=0.35", "--steps", "4"];
    let weights =
        ["--set", "classifier.class_weights=balanced", "--set", "classifier.balanced_sampling=true"];
    let output = succeed(&finetune(films, &table, &run, &[&settings[..], &SEVERAL, &weights].concat()));
    let words = String::from_utf8(output.stderr).unwrap();
    for said in ["class weights: even ", "plant: ", " of 5 videos", "mAP ", "how frequent each label is"] {
        assert!(words.contains(said), "{said}: {words}");
    }
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("mAP") && said.contains("\nlast     4"), "{said}");
    assert_eq!(fs::read_to_string(at("run/classes.txt")).unwrap(), "even\nplant\nroad\n");
    // What came of `balanced` is what the run has.
    let recipe = fs::read_to_string(at("run/recipe.toml")).unwrap();
    assert!(
        recipe.contains("class_weights = [") && recipe.contains("multi_label_classification"),
        "{recipe}"
    );
    let validations = lines(Path::new(&at("run/validation.jsonl")));
    assert!(
        validations.iter().all(|line| line["map"].is_f64() && line.get("top1").is_none()),
        "{validations:?}"
    );

    let evaluate = ["evaluate", "--model", &run, "--data", films, "--labels"];
    let kept = at("predictions.parquet");
    let found = json(&[&evaluate[..], &[&table, "--out", &kept]].concat());
    assert_eq!(found["problem_type"], "multi_label_classification");
    assert!((0.0..=1.0).contains(&found["map"].as_f64().unwrap()), "{found}");
    let videos: Vec<u64> =
        found["classes"].as_array().unwrap().iter().map(|line| line["videos"].as_u64().unwrap()).collect();
    assert_eq!(videos, [4, 4, 3]);
    // The same numbers again without the model; a column a class; and from Hugging Face's folder.
    assert_eq!(json(&["evaluate", "--from", &kept]), found);
    let columns = at("columns.csv:*");
    assert_eq!(json(&[&evaluate[..], &[&columns]].concat())["classes"][2]["videos"], 4);
    let hf = at("hf");
    succeed(&["convert", &run, &hf, "--to", "hf"]);
    let config: Value = serde_json::from_slice(&fs::read(at("hf/config.json")).unwrap()).unwrap();
    assert_eq!(
        (&config["problem_type"], &config["id2label"]["1"]),
        (&"multi_label_classification".into(), &"plant".into())
    );
    let views = ["--views", "2x1", "--set", "clip.stride=2"];
    let of_hf =
        json(&[&["evaluate", "--model", &hf, "--data", films, "--labels", &table][..], &views].concat());
    assert!((of_hf["map"].as_f64().unwrap() - found["map"].as_f64().unwrap()).abs() < 1e-9, "{of_hf}");

    let film = format!("{films}/0-flower.mp4");
    let line = json(&["predict", &film, "--model", &run]);
    let top = line["top"].as_array().unwrap();
    assert_eq!((top.len(), &line["problem_type"]), (3, &"multi_label_classification".into()));
    // Each has a probability of its own: after four steps all are about a half.
    let sum: f64 = top.iter().map(|it| it["probability"].as_f64().unwrap()).sum();
    assert!(sum > 1.05, "{line}");
    let (code, said) =
        refusal(&["evaluate", "--from", &kept, "--out", &at("official.txt"), "--format", "official"]);
    assert!(code == 2 && said.contains("one class per video"), "{said}");
}

#[test]
fn numbers_are_learnt_tested_and_asked() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let films = films(folder.path());
    let (film, films) = (films.join("0-flower.mp4"), text(&films));
    let (table, run) = (at("numbers.csv:speed,value"), at("run"));
    let settings = ["--init", "scratch", "--split", "test=0.35", "--steps", "4", "--set", "augment.mix=1"];
    let output = succeed(&finetune(films, &table, &run, &[&settings[..], &NUMBERS].concat()));
    let words = String::from_utf8(output.stderr).unwrap();
    for said in
        ["speed: mean ", "numbers are not smoothed", "in proportion", "R² ", "would be saying the mean"]
    {
        assert!(words.contains(said), "{said}: {words}");
    }
    assert_eq!(fs::read_to_string(at("run/classes.txt")).unwrap(), "speed\nvalue\n");
    let validations = lines(Path::new(&at("run/validation.jsonl")));
    assert!(validations.iter().all(|line| line["mse"] == line["loss"]), "{validations:?}");

    // The model knows its columns.
    let evaluate = ["evaluate", "--model", &run, "--data", films, "--labels"];
    let (plain, kept) = (at("numbers.csv"), at("predictions.parquet"));
    let found = json(&[&evaluate[..], &[&plain, "--out", &kept]].concat());
    assert_eq!(
        (&found["problem_type"], &found["numbers"][0]["name"]),
        (&"regression".into(), &"speed".into())
    );
    assert_eq!(found["numbers"][1]["deviation"], 1.0);
    assert!(found["r2"].is_f64() && found["mse"].as_f64().unwrap() > 0.0, "{found}");
    assert_eq!(json(&["evaluate", "--from", &kept]), found);
    let shown = stdout(&[&evaluate[..], &[&plain]].concat());
    assert!(shown.contains("R²") && shown.contains("correlation"), "{shown}");

    let line = json(&["predict", text(&film), "--model", &run, "--over-time"]);
    let values = line["values"].as_array().unwrap();
    assert_eq!((values.len(), &values[1]["name"]), (2, &"value".into()));
    assert!(values[0]["value"].is_f64() && line["over_time"].as_array().unwrap().len() == 2, "{line}");
    // A file that does not say what its answers are is told.
    let other = models::classifier(folder.path(), &["a", "b"]);
    let line = json(&[&["predict", text(&film), "--model", text(&other)][..], &NUMBERS].concat());
    assert_eq!((line["values"].as_array().unwrap().len(), line.get("top")), (2, None));
    let picture = at("film.png");
    let shown = stdout(&["predict", text(&film), "--model", &run, "--over-time", "--out", &picture]);
    assert!(shown.contains("speed") && !shown.contains('%'), "{shown}");
    assert!(Path::new(&picture).exists());
}

#[test]
fn a_balanced_training_killed_and_resumed_ends_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let films = films(folder.path());
    let (films, table) = (text(&films), at("words.csv"));
    let weights =
        ["--set", "classifier.class_weights=balanced", "--set", "classifier.balanced_sampling=true"];
    let settings = ["--init", "scratch", "--split", "test=0.35", "--steps", "6"];
    let (whole, cut) = (at("whole"), at("cut"));
    let all = [&settings[..], &SEVERAL, &weights].concat();
    succeed(&finetune(films, &table, &whole, &all));
    let arguments = finetune(films, &table, &cut, &all);
    kill_when(&arguments, || Path::new(&cut).join("checkpoint-3.safetensors").exists());
    // The recipe is the run's: weights are not worked out again.
    let labels = ["finetune", "--data", films, "--labels", &table, "--out", &cut, "--resume"];
    succeed(&[&labels[..], &["--split", "test=0.35", "--steps", "6"]].concat());
    for left in ["checkpoint-6.safetensors", "best.safetensors", "validation.jsonl", "recipe.toml"] {
        assert!(files(Path::new(&whole), left) == files(Path::new(&cut), left), "{left} differs");
    }
}

#[test]
fn batches_have_labels_and_classes_come_equally_often_where_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let films = films(folder.path());
    let rare: String = (0..8)
        .map(|number| {
            format!("{number}-{},{}\n", ["flower.mp4", "cars.mp4"][number % 2], u8::from(number == 3))
        })
        .collect();
    let table = folder.path().join("rare.csv");
    fs::write(&table, format!("path,label\n{rare}")).unwrap();
    let batches = |more: &[&str], count: &str| {
        let arguments = ["inspect", "batches", text(&films), "--finetune", "--json", "--count", count];
        let text = stdout(&[&arguments[..], &CLASSIFIER, more].concat());
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>()
    };
    let of_class = ["--labels", text(&table)];
    let count = |lines: &[Value]| lines.iter().filter(|line| line["label"] == 1).count();
    assert_eq!(count(&batches(&of_class, "16")), 2);
    let balanced = batches(&[&of_class[..], &["--set", "classifier.balanced_sampling=true"]].concat(), "40");
    assert!((10..31).contains(&count(&balanced)), "{} of 40", count(&balanced));

    let words = folder.path().join("words.csv");
    let lines = batches(&[&SEVERAL[..], &["--labels", text(&words)]].concat(), "8");
    let of = |name: &str| {
        let line = lines.iter().find(|line| line["video"].as_str().unwrap().ends_with(name)).unwrap();
        (line["label"].clone(), line["labels"].clone())
    };
    assert_eq!(of("/0-flower.mp4"), (Value::Null, serde_json::json!([1.0, 1.0, 0.0])));
    assert_eq!(of("/7-cars.mp4"), (Value::Null, serde_json::json!([0.0, 0.0, 0.0])));
}

#[test]
fn what_does_not_go_with_the_kind_of_answer_is_one_message_and_no_run() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let films = films(folder.path());
    let (films, words, columns, numbers) =
        (text(&films), at("words.csv"), at("columns.csv:*"), at("numbers.csv"));
    fs::write(at("classes.txt"), "plant\nroad\n").unwrap();
    let (out, classes, labels) = (at("refused"), at("classes.txt"), at("words.csv:label"));
    let given = |weights: &'static str| ["--set", weights];
    for (table, kind, more, says) in [
        (None, &SEVERAL, vec![], "come from a table"),
        (None, &NUMBERS, vec![], "--labels FILE.csv with the columns path and value"),
        (Some(&numbers), &SEVERAL, vec![], "no column of labels (label, class, class_name)"),
        (Some(&words), &NUMBERS, vec![], "which is no number"),
        (Some(&labels), &SEVERAL, vec!["--classes", &classes], "has the label `even`, none of the 2 classes"),
        (Some(&numbers), &NUMBERS, vec!["--classes", &classes], "leave out --classes"),
        (Some(&numbers), &NUMBERS, given("classifier.class_weights=balanced").to_vec(), "is about classes"),
        (Some(&numbers), &NUMBERS, given("classifier.balanced_sampling=true").to_vec(), "is about classes"),
        (Some(&columns), &SEVERAL, given("classifier.class_weights=[1,2]").to_vec(), "a list of 3 numbers"),
        (
            Some(&columns),
            &SEVERAL,
            given("classifier.class_weights=heavy").to_vec(),
            "none, balanced, or a list",
        ),
    ] {
        let table = table.map_or_else(Vec::new, |table| vec!["--labels", table.as_str()]);
        let fixed = ["finetune", "--data", films, "--out", &out, "--init", "scratch", "--steps", "2"];
        let (code, said) = refusal(&[&fixed[..], &CLASSIFIER, kind, &table, &more].concat());
        assert_eq!((code, said.matches("error: ").count()), (2, 1), "{said}");
        assert!(said.contains(says), "{says}: {said}");
        assert!(!Path::new(&out).exists(), "a folder was made: {said}");
    }
}
