//! Weights as people have them: read where they can be, refused in a line where they cannot; and numbers that are
//! none, which never become an answer.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow_array::{
    Array, ArrayRef, FixedSizeListArray, PrimitiveArray, RecordBatch,
    builder::{Float32Builder, ListBuilder},
    cast::AsArray,
    types::{Float16Type, Float32Type},
};
use arrow_schema::DataType;
use parquet::arrow::{ArrowWriter, arrow_reader::ParquetRecordBatchReaderBuilder};
use schemas::embeddings::Half;
use trainer::checkpoint::{self, Format, Kind, SavedModel};

use crate::{flower, models, refusal, samples, shared, stdout, succeed, text};

/// What is written in a message where the file's own value stands.
const MARK: f32 = 12345.678;

/// A classifier with NaN in its head, as a program without this one's care leaves it.
fn broken_classifier(folder: &Path) -> PathBuf {
    let path = models::classifier(folder, &["still", "moving"]);
    change(&path, |model| model.weights.get_mut("head.bias").unwrap().values[1] = MARK);
    let bytes = fs::read(&path).unwrap();
    let at = bytes.windows(4).position(|window| window == MARK.to_le_bytes()).unwrap();
    let mut bytes = [&bytes[..at], &f32::NAN.to_le_bytes(), &bytes[at + 4..]].concat();
    // As a version wrote it that gave files no digest.
    for (from, to) in [("tubelet.digest", "another.entry."), ("blake3:", "nothing")] {
        let at = bytes.windows(from.len()).position(|some| some == from.as_bytes()).unwrap();
        bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
    }
    fs::write(&path, bytes).unwrap();
    path
}

fn change(path: &Path, change: impl FnOnce(&mut SavedModel)) {
    let mut model = checkpoint::read_any(path).unwrap();
    change(&mut model);
    checkpoint::write(&model, Format::Tubelet, path, None).unwrap();
}

/// A list of two videos with classes.
fn list(folder: &Path) -> String {
    let path = folder.join("list.txt");
    fs::write(&path, format!("{0}/flower.mp4 0\n{0}/cars.mp4 1\n", samples())).unwrap();
    text(&path).to_owned()
}

/// Seen: one NaN in a head was scored 100 %, since nothing is greater than NaN. Right: no command but `inspect
/// checkpoint` reads such weights, and that one names them (mmpretrain#1632).
#[test]
fn a_nan_in_the_head_was_scored_as_right() {
    let folder = tempfile::tempdir().unwrap();
    let model = broken_classifier(folder.path());
    let (model, list, out) = (text(&model), list(folder.path()), folder.path().join("out"));
    let (film, out) = (flower(), text(&out));
    for arguments in [
        vec!["evaluate", "--model", model, "--data", &list],
        vec!["predict", &film, "--model", model, "--json"],
        vec!["embed", &film, "--model", model, "--out", out],
        vec!["convert", model, out, "--to", "hf"],
        vec!["reconstruct", "--model", model, &film, "--out", "picture.png"],
        vec!["probe", "knn", "--model", model, "--data", &list, "--split", "test=0.5"],
        vec!["finetune", "--init", model, "--data", &list, "--out", out, "--set", "optimiser.batch=2"],
        vec!["pretrain", "--init", model, "--data", &film, "--out", out, "--set", "optimiser.batch=1"],
    ] {
        let (code, words) = refusal(&arguments);
        assert_eq!(code, 1, "{arguments:?}: {words}");
        assert!(words.contains("`head.bias` (f32) is not finite: NaN at 1, 1 of its 2 values"), "{words}");
        assert_eq!(words.lines().filter(|line| line.starts_with("error: ")).count(), 1, "{words}");
        assert!(!Path::new(out).exists(), "{arguments:?} left something behind");
    }
    let named = stdout(&["inspect", "checkpoint", model]);
    assert!(named.contains("no other command reads this file: head.bias"), "{named}");
}

/// Seen: weights whose products overflow gave `null` and scores. Right: an error with the model, the stage where it
/// begins, and the video.
#[test]
fn a_nan_in_the_logits_counted_as_a_right_answer() {
    let folder = tempfile::tempdir().unwrap();
    let list = list(folder.path());
    for (tensor, stage) in [("head.weight", "head"), ("blocks.1.mlp.fc2.weight", "blocks.1")] {
        let model = models::classifier(folder.path(), &["still", "moving"]);
        change(&model, |model| {
            // Finite, every one; what comes out of the products is not, for one class at least.
            let half = model.weights[tensor].values.len() / 2;
            let values = &mut model.weights.get_mut(tensor).unwrap().values;
            values[..half].fill(f32::MAX);
            values[half..].fill(f32::MIN);
            model.weights.get_mut("head.bias").unwrap().values.fill(f32::MAX);
        });
        let model = text(&model);
        for arguments in [
            vec!["evaluate", "--model", model, "--data", &list, "--views", "1x1", "--json"],
            vec!["predict", &flower(), "--model", model, "--views", "1x1", "--json"],
        ] {
            let output = crate::tubelet().args(&arguments).output().unwrap();
            let words = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{words}");
            assert!(output.stdout.is_empty(), "nothing is answered");
            assert!(words.contains(&format!("error: model {model}: ")), "{words}");
            assert!(words.contains("flower.mp4 (row 0 of the data, clip 0, crop 0)"), "{words}");
            assert!(words.contains("logits are not finite: "), "{words}");
            assert!(words.contains(&format!("the first behind {stage}")), "{words}");
        }
        if stage == "head" {
            continue;
        }
        let other = folder.path().join("other.txt");
        fs::write(&other, format!("{}/big_buck_bunny.mp4 0\n", samples())).unwrap();
        let (out, cache) = (folder.path().join("vectors.parquet"), folder.path().join("cache"));
        for arguments in [
            vec!["embed", &flower(), "--model", model, "--views", "1x1", "--out", text(&out)],
            vec!["probe", "knn", "--model", model, "--split", &format!("train={list},test={}", text(&other))],
        ] {
            let more = if arguments[0] == "probe" { vec!["--cache", text(&cache)] } else { Vec::new() };
            let (code, words) = refusal(&[arguments.clone(), more].concat());
            assert_eq!(code, 1, "{arguments:?}: {words}");
            assert!(words.contains("the model's features are not finite"), "{words}");
            assert!(words.contains(&format!("error: model {model}: ")), "{words}");
        }
        assert!(!out.exists());
    }
}

/// The same predictions with `value` as the logit of class `class` in row `row`.
fn with_logit(file: &Path, row: usize, class: usize, value: f32) {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap();
    let schema = reader.schema().clone();
    let batches: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
    let batch = &batches[0];
    let at = batch.schema().index_of("logits").unwrap();
    let logits = batch.column(at).as_list::<i32>();
    let DataType::List(item) = logits.data_type() else { panic!("logits are lists") };
    let mut changed = ListBuilder::new(Float32Builder::new()).with_field(Arc::clone(item));
    for number in 0..logits.len() {
        let mut values = logits.value(number).as_primitive::<Float32Type>().values().to_vec();
        if number == row {
            values[class] = value;
        }
        changed.values().append_slice(&values);
        changed.append(true);
    }
    let mut columns = batch.columns().to_vec();
    columns[at] = Arc::new(changed.finish());
    let batch = RecordBatch::try_new(schema, columns).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(file).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// Seen: NaN in predictions of another machine became a rank. Right: an error with file, video and view.
#[test]
fn a_nan_in_a_file_of_predictions_was_summed_up() {
    let folder = tempfile::tempdir().unwrap();
    let model = models::classifier(folder.path(), &["still", "moving"]);
    let (whole, file) = (folder.path().join("whole.parquet"), folder.path().join("broken.parquet"));
    let list = list(folder.path());
    let model = text(&model);
    succeed(&["evaluate", "--model", model, "--data", &list, "--views", "2x1", "--out", text(&whole)]);
    for place in 0..24 {
        let (row, class) = (place % 4, place / 4 % 2);
        let value = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY][place / 8];
        fs::copy(&whole, &file).unwrap();
        with_logit(&file, row, class, value);
        let by = ["prob", "score"][place % 2];
        let (code, words) = refusal(&["evaluate", "--from", text(&whole), text(&file), "--by", by, "--json"]);
        assert_eq!(code, 1, "{words}");
        let (video, clip) = (["flower", "cars"][row / 2], row % 2);
        let says = format!("{video}.mp4 (row {}, clip {clip}, crop 0) has the logit {value}", row / 2);
        assert!(words.contains("broken.parquet") && words.contains(&says), "{words}");
    }
}

/// The same embeddings with `value` at a place of the vector of row `row`.
fn with_value(file: &Path, row: usize, place: usize, value: f32) {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap();
    let schema = reader.schema().clone();
    let batch = reader.build().unwrap().next().unwrap().unwrap();
    let at = batch.schema().index_of("vector").unwrap();
    let vectors = batch.column(at).as_fixed_size_list();
    let DataType::FixedSizeList(item, length) = vectors.data_type() else { panic!("a vector is a list") };
    let changed = row * *length as usize + place;
    let values: ArrayRef = match item.data_type() {
        DataType::Float16 => {
            let mut values = vectors.values().as_primitive::<Float16Type>().values().to_vec();
            values[changed] = Half::from_f32(value);
            Arc::new(PrimitiveArray::<Float16Type>::from_iter_values(values))
        }
        _ => {
            let mut values = vectors.values().as_primitive::<Float32Type>().values().to_vec();
            values[changed] = value;
            Arc::new(PrimitiveArray::<Float32Type>::from_iter_values(values))
        }
    };
    let mut columns = batch.columns().to_vec();
    columns[at] = Arc::new(FixedSizeListArray::try_new(Arc::clone(item), *length, values, None).unwrap());
    let batch = RecordBatch::try_new(schema, columns).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(file).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// Seen: vectors with NaN were neighbours at distance `null`. Right: an error with file, video and place.
#[test]
fn a_nan_in_a_file_of_vectors_was_a_neighbour() {
    let folder = tempfile::tempdir().unwrap();
    let model = models::classifier(folder.path(), &["still", "moving"]);
    let (films, cars) = (flower(), format!("{}/cars.mp4", samples()));
    for half in [&[][..], &["--half"]] {
        let (whole, file) = (folder.path().join("whole.parquet"), folder.path().join("broken.parquet"));
        let fixed =
            ["embed", &films, &cars, "--model", text(&model), "--views", "1x1", "--out", text(&whole)];
        succeed(&[&fixed[..], half].concat());
        // 70000 is a number that halves do not hold.
        for (row, place, value) in
            [(0, 0, f32::NAN), (1, 47, f32::INFINITY), (0, 11, -70000.0), (1, 5, f32::NAN)]
        {
            fs::copy(&whole, &file).unwrap();
            let value = if half.is_empty() && value.is_finite() { f32::NEG_INFINITY } else { value };
            with_value(&file, row, place, value);
            let (code, words) = refusal(&["embed", &films, "--nearest", "1", "--in", text(&file), "--json"]);
            assert_eq!(code, 1, "{words}");
            let video = ["flower", "cars"][row];
            let says = format!("{video}.mp4 (row {row}, window 0) has the value ");
            assert!(words.contains("broken.parquet") && words.contains(&says), "{words}");
            assert!(words.contains(&format!(" at {place}, which is no number")), "{words}");
        }
        fs::remove_file(&whole).unwrap();
    }
}

/// Seen: weights that are published without their decoder could not begin a pre-training. Right: a decoder is drawn, and
/// that is said (VideoMAE#89, VideoMAEv2#80).
#[test]
fn published_weights_without_a_decoder_began_no_pre_training() {
    let folder = tempfile::tempdir().unwrap();
    let model = models::classifier(folder.path(), &["still", "moving"]);
    let (run, again) = (folder.path().join("run"), folder.path().join("again"));
    let film = flower();
    let begin = |out: &Path, more: &[&str]| {
        let fixed = ["pretrain", "--data", &film, "--init", text(&model), "--out", text(out), "--steps", "1"];
        let settings = ["--recipe", "tiny", "--set", "clip.size=32", "--set", "model.patch=8"];
        [&fixed[..], &settings, &["--set", "optimiser.batch=1"], more]
            .concat()
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let borrowed = |arguments: Vec<String>| -> (i32, String) {
        refusal(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    // The first try says which settings fit, and leaves nothing behind.
    let (code, words) = borrowed(begin(&run, &[]));
    assert_eq!(code, 2, "{words}");
    assert!(words.contains("does not fit") && words.lines().count() < 6, "{words}");
    let hint = words.lines().find_map(|line| line.strip_prefix("hint: ")).unwrap();
    assert!(!run.exists());
    let settings: Vec<&str> = hint.split(' ').collect();
    let (code, words) = borrowed(begin(&run, &settings));
    assert_eq!(code, 0, "{words}");
    assert!(words.contains("drawn: encoder.norm.weight, encoder.norm.bias, a fresh decoder of "), "{words}");
    assert!(words.contains("4 of its tensors have no place in a pre-training"), "{words}");
    // What it made is a beginning in turn, whole.
    let made = text(&run).to_owned();
    let mut arguments = begin(&again, &settings);
    arguments[4] = made;
    let (code, words) = borrowed(arguments);
    assert!(code == 0 && !words.contains("drawn"), "{words}");
}

/// Seen: `reconstruct` of weights without a decoder gave 95 to 121 lines of tensor names. Right: one line; any weights
/// with a decoder reconstruct.
#[test]
fn reconstructing_with_a_classifier_printed_a_hundred_names() {
    let folder = tempfile::tempdir().unwrap();
    let (film, picture) = (flower(), folder.path().join("picture.png"));
    let classifier = models::classifier(folder.path(), &["still", "moving"]);
    let (code, words) =
        refusal(&["reconstruct", "--model", text(&classifier), &film, "--out", text(&picture)]);
    assert_eq!(code, 2, "{words}");
    assert!(words.contains("has no decoder, which reconstruction needs: classifier of 2 classes"), "{words}");
    assert!(words.lines().count() <= 4, "{words}");
    let other = tempfile::tempdir().unwrap();
    let model = models::pretrained(other.path());
    let hf = folder.path().join("hf");
    succeed(&["convert", text(&model), text(&hf), "--to", "hf"]);
    for model in [&model, &hf] {
        succeed(&["reconstruct", "--model", text(model), &film, "--out", text(&picture)]);
        assert!(image::open(&picture).unwrap().width() > 4 * 32);
        fs::remove_file(&picture).unwrap();
    }
}

/// What `predict` says of a film, as it is printed.
fn predicted(model: &Path) -> String {
    stdout(&["predict", &flower(), "--model", text(model), "--views", "2x1", "--json"])
}

/// Seen: the reported weights themselves. Right: each is read, or refused with a hint that works.
#[test]
fn weights_that_people_reported_were_refused() {
    let Some(runs) = shared("runs") else { return };
    let at = |name: &str| runs.join(name);
    let reference = predicted(&at("hf-plain-reference"));
    assert_eq!(predicted(&at("hf-sharded-safetensors")), reference);
    let tuned = succeed(&["predict", &flower(), "--model", text(&at("hf-5.10-key-bias-after-tuning"))]);
    let said = String::from_utf8(tuned.stderr).unwrap();
    assert_eq!(said.matches("the softmax gives the same without them").count(), 1, "{said}");
    let nan = at("nan-in-head.pth");
    let lengths = ["--heads", "2", "--size", "32", "--frames", "4"];
    let (code, words) =
        refusal(&[&["predict", &flower(), "--model", text(&nan), "--json"][..], &lengths].concat());
    assert!(code == 1 && words.contains("`head.bias` (f32) is not finite: NaN"), "{code} {words}");
    let seen = stdout(&[&["inspect", "checkpoint", text(&nan)][..], &lengths].concat());
    assert!(seen.contains("no other command reads this file: head.bias"), "{seen}");

    let folder = tempfile::tempdir().unwrap();
    let vectors = folder.path().join("vectors.parquet");
    let v2 = at("hf-videomaev2-layout");
    let made =
        succeed(&["embed", &flower(), "--model", text(&v2), "--views", "1x1", "--out", text(&vectors)]);
    assert!(String::from_utf8(made.stderr).unwrap().contains("fc_norm of the mean token"));
    assert_eq!(
        checkpoint::read_any(&v2).unwrap().kind,
        Kind::Encoder { last_norm: trainer::model::layout::LastNorm::OfMean }
    );
    let picture = folder.path().join("picture.png");
    let default = at("hf-pretraining-default-config");
    succeed(&["reconstruct", "--model", text(&default), &flower(), "--out", text(&picture)]);
    let unknown = at("official-pre-without-norm-unknown-heads.pth");
    let (code, words) = refusal(&["inspect", "checkpoint", text(&unknown)]);
    assert!(code == 2 && words.contains("hint: `--heads N`"), "{code} {words}");
    assert!(stdout(&["inspect", "checkpoint", text(&unknown), "--heads", "2"]).contains("no norm behind"));
    for (number, (model, heads)) in
        [(&default, &[][..]), (&unknown, &["--heads", "2"])].into_iter().enumerate()
    {
        let out = folder.path().join(number.to_string());
        let (film, settings) = (
            flower(),
            [
                "model.encoder_dim=16",
                "model.encoder_depth=1",
                "model.encoder_heads=2",
                "model.encoder_mlp=32",
                "model.decoder_dim=16",
                "model.decoder_depth=1",
                "model.decoder_heads=2",
                "model.decoder_mlp=32",
                "clip.size=32",
                "clip.frames=4",
                "optimiser.batch=1",
            ],
        );
        let mut arguments = vec!["pretrain", "--data", &film, "--out", text(&out), "--init", text(model)];
        arguments.extend(["--steps", "1"]);
        arguments.extend(settings.iter().flat_map(|setting| ["--set", setting]));
        arguments.extend(heads);
        let said = String::from_utf8(succeed(&arguments).stderr).unwrap();
        assert!(said.contains("have no norm behind the encoder, and one is drawn"), "{said}");
        if number == 0 {
            let (without, hf) = (folder.path().join("without"), folder.path().join("hf"));
            arguments[4] = text(&without);
            arguments.extend(["--set", "model.encoder_norm=false"]);
            let said = String::from_utf8(succeed(&arguments).stderr).unwrap();
            assert!(!said.contains("drawn"), "{said}");
            succeed(&["convert", text(&without), text(&hf), "--to", "hf"]);
            let config = fs::read_to_string(hf.join("config.json")).unwrap();
            assert!(config.contains("\"use_mean_pooling\": true"), "{config}");
        }
    }
}
