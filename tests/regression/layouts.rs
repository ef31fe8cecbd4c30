//! Weights in the layouts that people have them in, made of a small model.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use trainer::checkpoint::{self, Format};

use crate::{
    fixtures::tensors::{Stored, floats, read, write},
    flower, models, refusal, stdout, succeed, text,
};

/// What `predict` says of a film, as it is printed.
fn predicted(model: &Path) -> String {
    stdout(&["predict", &flower(), "--model", text(model), "--views", "1x1", "--json"])
}

/// A classifier in the folder of Hugging Face, as `transformers` writes it, and what it answers.
fn hugging_face(folder: &Path) -> (PathBuf, String) {
    let (model, hf) = (models::classifier(folder, &["still", "moving"]), folder.join("hf"));
    succeed(&["convert", text(&model), text(&hf), "--to", "hf"]);
    change(&hf.join("model.safetensors"), |_| {});
    let reference = predicted(&hf);
    (hf, reference)
}

fn change(file: &Path, change: impl FnOnce(&mut BTreeMap<String, Stored>)) {
    let mut tensors = read(file);
    change(&mut tensors);
    write(file, &tensors);
}

/// The same words, wherever the model lies.
#[track_caller]
fn answers_alike(model: &Path, reference: &str) {
    let answers = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["top"].clone()
    };
    assert_eq!(answers(&predicted(model)), answers(reference));
}

/// Seen: weights in two files with an index were "model.safetensors: No such file". Right: they are one model.
#[test]
fn weights_in_two_files_with_an_index_were_not_found() {
    let folder = tempfile::tempdir().unwrap();
    let (hf, reference) = hugging_face(folder.path());
    let whole = hf.join("model.safetensors");
    let mut first = read(&whole);
    let middle = first.keys().nth(first.len() / 2).unwrap().clone();
    let second = first.split_off(&middle);
    let mut map = serde_json::Map::new();
    for (name, part) in
        [("model-00001-of-00002.safetensors", first), ("model-00002-of-00002.safetensors", second)]
    {
        write(&hf.join(name), &part);
        map.extend(part.keys().map(|tensor| (tensor.clone(), name.into())));
    }
    fs::remove_file(whole).unwrap();
    let index = json!({ "metadata": { "total_size": 1 }, "weight_map": map });
    fs::write(hf.join("model.safetensors.index.json"), index.to_string()).unwrap();
    answers_alike(&hf, &reference);
}

/// Seen: key biases of a ten millionth, as AdamW leaves them, were refused. Right: the softmax does not see them; they
/// are left out, and that is said once (transformers PR 48675).
#[test]
fn key_biases_of_a_ten_millionth_were_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (hf, reference) = hugging_face(folder.path());
    change(&hf.join("model.safetensors"), |tensors| {
        for block in 0..2 {
            let name = format!("videomae.encoder.layer.{block}.attention.attention.key.bias");
            tensors.insert(name, floats(&[1e-7; 48]));
        }
    });
    answers_alike(&hf, &reference);
    let said = succeed(&["predict", &flower(), "--model", text(&hf), "--views", "1x1"]);
    assert_eq!(String::from_utf8(said.stderr).unwrap().matches("softmax").count(), 1);
}

/// Seen: the folders that the authors of V2 publish were refused: "only videomae is read". Right: the features are those
/// of the same weights in a file of tubelet (VideoMAEv2#45).
#[test]
fn folders_of_videomae_v2_were_refused() {
    let folder = tempfile::tempdir().unwrap();
    let model = models::classifier(folder.path(), &["still", "moving"]);
    let v2 = folder.path().join("v2");
    fs::create_dir(&v2).unwrap();
    let tensors = read(&model).into_iter().filter(|(name, _)| !name.starts_with("head."));
    write(
        &v2.join("model.safetensors"),
        &tensors.map(|(name, stored)| (format!("model.{name}"), stored)).collect(),
    );
    let config = json!({
        "model_type": "VideoMAEv2_Base",
        "architectures": ["VideoMAEv2_Base"],
        "model_config": {
            "img_size": 32, "patch_size": 8, "in_chans": 3, "num_classes": 0, "embed_dim": 48, "depth": 2,
            "num_heads": 3, "mlp_ratio": 2.0, "qkv_bias": true, "qk_scale": null, "layer_norm_eps": 1e-6,
            "init_values": 0.0, "use_learnable_pos_emb": false, "tubelet_size": 2, "use_mean_pooling": true,
            "num_frames": 16, "cos_attn": false
        }
    });
    fs::write(v2.join("config.json"), config.to_string()).unwrap();
    let vectors = |model: &Path, name: &str| {
        let out = folder.path().join(name);
        let arguments = ["embed", &flower(), "--model", text(model), "--views", "1x1", "--format", "npy"];
        succeed(&[&arguments[..], &["--out", text(&out)]].concat());
        crate::killed::files(&out, ".npy")
    };
    let of_v2 = vectors(&v2, "of-v2");
    assert_eq!(of_v2.len(), 1);
    assert_eq!(of_v2, vectors(&model, "of-model"));
}

/// Seen: folders of the library's default config have no norm behind the encoder; they were refused, and the hint led to
/// a second error. Right: read, and a picture comes of them.
#[test]
fn folders_of_the_default_config_lacked_a_norm() {
    let folder = tempfile::tempdir().unwrap();
    let whole = models::pretrained(folder.path());
    let mut model = checkpoint::read_any(&whole).unwrap();
    model.shape.encoder_norm = false;
    model.weights.retain(|name, _| !name.starts_with("encoder.norm."));
    let hf = folder.path().join("hf");
    checkpoint::write(&model, Format::HuggingFace, &hf, None).unwrap();
    change(&hf.join("model.safetensors"), |_| {});
    let config = fs::read_to_string(hf.join("config.json")).unwrap();
    assert!(config.contains("\"use_mean_pooling\": true"), "{config}");
    let picture = folder.path().join("picture.png");
    succeed(&["reconstruct", "--model", text(&hf), &flower(), "--out", text(&picture)]);
    assert!(picture.exists());
}

/// Seen: of weights that do not say their heads the hint named an option that the command did not have. Right: each
/// command that gives the hint has it.
#[test]
fn a_hint_named_heads_which_no_command_had() {
    let folder = tempfile::tempdir().unwrap();
    let known = models::pretrained(folder.path());
    let bare = folder.path().join("bare.safetensors");
    let tensors = checkpoint::read_any(&known).unwrap().weights.into_iter();
    let stored = tensors.map(|(name, tensor)| {
        let Stored { kind, bytes, .. } = floats(&tensor.values);
        (name, Stored { kind, shape: tensor.shape, bytes })
    });
    write(&bare, &stored.collect());
    let (out, film) = (folder.path().join("out"), flower());
    let lengths = ["--size", "32", "--frames", "16"];
    let begin = ["--data", &film, "--init", text(&bare), "--out", text(&out), "--recipe", "tiny"];
    let begin = [&begin[..], &["--set", "optimiser.batch=1", "--steps", "1"]].concat();
    let inspect = [&["inspect", "checkpoint", text(&bare)][..], &lengths].concat();
    for command in [[&["pretrain"][..], &begin].concat(), inspect.clone()] {
        let (code, words) = refusal(&command);
        assert!(code != 0 && words.contains("hint: `--heads "), "{command:?}: {words}");
        let (_, words) = refusal(&[&command[..], &["--heads", "3,3"]].concat());
        assert!(
            !words.contains("unexpected argument") && !words.contains("`--heads"),
            "{command:?}: {words}"
        );
    }
    assert!(stdout(&[&inspect[..], &["--heads", "3,3"]].concat()).contains("48"));
}

/// Seen: a half of 65520 and more is infinite, and what came of it was given as an answer. Right: refused by name.
#[test]
fn halves_that_overflowed_gave_answers() {
    let folder = tempfile::tempdir().unwrap();
    let (hf, _) = hugging_face(folder.path());
    change(&hf.join("model.safetensors"), |tensors| {
        let bias = tensors.get_mut("classifier.bias").unwrap();
        // One, and what 70000 is as a half.
        *bias = Stored { kind: "F16".to_owned(), shape: vec![2], bytes: vec![0, 0x3c, 0, 0x7c] };
    });
    let (code, words) = refusal(&["predict", &flower(), "--model", text(&hf)]);
    assert_eq!(code, 1, "{words}");
    assert!(words.contains("`classifier.bias` (f16) is not finite: inf at 1"), "{words}");
}
