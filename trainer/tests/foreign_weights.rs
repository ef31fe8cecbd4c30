//! Weights as other people's code leaves them: in shards, under other keys and prefixes, in other spellings, with
//! biases that nothing sees. Each file is made here from a small model and must be read as that very model.

mod altered;
mod small_model;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use altered::{Stored, change_pickle, change_tensors, read_tensors, write_tensors};
use burn::tensor::Tensor;
use safetensors::Dtype;
use small_model::model;
use trainer::{
    Device,
    batch::masked,
    checkpoint::{self, Format, Heads, Hints, Kind, SavedModel, read_any, read_with, sniff},
    model::{VideoMae, classifier::Classifier, layout::LastNorm},
    weights::Weights,
};

const CLASSIFIER: Kind = Kind::Classifier { classes: 3 };

/// What the official layout of the small model does not say.
fn hints() -> Hints {
    let heads = Some(Heads { encoder: 2, decoder: Some(4) });
    Hints { heads, frames: Some(4), sides: Some([8, 16]) }
}

/// The small model as a folder of Hugging Face without tubelet's note, as `transformers` writes it.
fn hugging_face(model: &SavedModel) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hf");
    checkpoint::write(model, Format::HuggingFace, &path, None).unwrap();
    let file = path.join("model.safetensors");
    write_tensors(&file, &read_tensors(&file), &[("format", "pt")]);
    (folder, path)
}

/// The small model as an official file, without tubelet's note.
fn official(model: &SavedModel) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.pth");
    checkpoint::write(model, Format::Official, &path, None).unwrap();
    change_pickle(&path, b"\x80\x02", b"X\x07\0\0\0tubelet", b"X\x07\0\0\0another");
    (folder, path)
}

/// The tensors of a model under official names.
fn tensors_of(model: &SavedModel) -> BTreeMap<String, Stored> {
    let stored = model.weights.iter().map(|(name, tensor)| {
        let bytes = tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        (name.clone(), Stored { kind: Dtype::F32, shape: tensor.shape.clone(), bytes })
    });
    stored.collect()
}

fn floats(values: &[f32]) -> Stored {
    let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    Stored { kind: Dtype::F32, shape: vec![values.len()], bytes }
}

/// Splits a safetensors file into shards of so many tensors, with an index beside them.
fn shard(file: &Path, tensors_each: usize) -> Vec<PathBuf> {
    let tensors: Vec<(String, Stored)> = read_tensors(file).into_iter().collect();
    let parts: Vec<_> = tensors.chunks(tensors_each).collect();
    let (mut map, mut paths) = (serde_json::Map::new(), Vec::new());
    for (number, part) in parts.iter().enumerate() {
        let name = format!("model-{:05}-of-{:05}.safetensors", number + 1, parts.len());
        let path = file.with_file_name(&name);
        write_tensors(&path, &part.iter().cloned().collect(), &[("format", "pt")]);
        map.extend(part.iter().map(|(tensor, _)| (tensor.clone(), name.clone().into())));
        paths.push(path);
    }
    let index = serde_json::json!({ "metadata": { "total_size": 1 }, "weight_map": map });
    fs::write(file.with_file_name("model.safetensors.index.json"), index.to_string()).unwrap();
    fs::remove_file(file).unwrap();
    paths
}

#[test]
fn shards_are_the_model_whether_the_folder_the_index_or_a_shard_is_named() {
    for kind in [Kind::Pretraining, CLASSIFIER] {
        let model = model(kind);
        let (_folder, path) = hugging_face(&model);
        let shards = shard(&path.join("model.safetensors"), 7);
        assert!(shards.len() > 2);
        for named in [path.clone(), path.join("model.safetensors.index.json"), shards[1].clone()] {
            let read = read_any(&named).unwrap();
            assert_eq!((read.kind, &read.weights), (kind, &model.weights), "{}", named.display());
        }
        fs::remove_file(&shards[1]).unwrap();
        let refused = read_any(&path).unwrap_err().to_string();
        assert!(refused.contains("it names model-00002-of-") && refused.ends_with("not there"), "{refused}");
    }
}

#[test]
fn a_shard_that_lacks_a_tensor_or_holds_another_is_named() {
    let (_folder, path) = hugging_face(&model(CLASSIFIER));
    let shards = shard(&path.join("model.safetensors"), 9);
    let whole = fs::read(&shards[0]).unwrap();
    change_tensors(&shards[0], |tensors| {
        tensors.insert("more".to_owned(), floats(&[0.0]));
    });
    let refused = read_any(&path).unwrap_err().to_string();
    assert!(refused.contains("00001-of-") && refused.contains("holds `more`"), "{refused}");
    fs::write(&shards[0], whole).unwrap();
    change_tensors(&shards[0], |tensors| {
        tensors.remove("classifier.bias");
    });
    let refused = read_any(&path).unwrap_err().to_string();
    assert!(refused.contains("`classifier.bias` is not in model-00001-of-"), "{refused}");
}

#[test]
fn shards_of_torch_are_read_by_their_index() {
    let model = model(CLASSIFIER);
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    checkpoint::write(&model, Format::Official, &at("pytorch_model-00001-of-00001.bin"), None).unwrap();
    let map: serde_json::Map<String, serde_json::Value> =
        model.weights.keys().map(|name| (name.clone(), "pytorch_model-00001-of-00001.bin".into())).collect();
    let index = serde_json::json!({ "weight_map": map }).to_string();
    fs::write(at("pytorch_model.bin.index.json"), index).unwrap();
    let read = read_any(&at("pytorch_model.bin.index.json")).unwrap();
    assert_eq!((read.kind, read.shape, read.weights), (model.kind, model.shape, model.weights));
}

#[test]
fn weights_are_found_under_every_key_that_people_put_them_under() {
    for kind in [Kind::Pretraining, CLASSIFIER] {
        let model = model(kind);
        for key in ["module", "state_dict", "model_state", "model_state_dict", "teacher", "model_ema"] {
            let (_folder, path) = official(&model);
            let text = [b"X".as_slice(), &(key.len() as u32).to_le_bytes(), key.as_bytes()].concat();
            change_pickle(&path, b"\x80\x02", b"X\x05\0\0\0model", &text);
            assert_eq!(read_with(&path, hints()).unwrap().weights, model.weights, "{key}");
        }
    }
}

#[test]
fn prefixes_are_taken_off_whoever_put_them_there_and_whatever_holds_the_tensors() {
    for kind in [Kind::Pretraining, CLASSIFIER, Kind::Encoder { last_norm: LastNorm::Present }] {
        let model = model(kind);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bare.safetensors");
        for prefix in ["", "model.", "module.", "_orig_mod.", "model.module.", "net.", "lightning.net.model."]
        {
            let named =
                tensors_of(&model).into_iter().map(|(name, stored)| (format!("{prefix}{name}"), stored));
            write_tensors(&path, &named.collect(), &[]);
            let read = read_with(&path, hints()).unwrap();
            assert_eq!((read.kind, &read.weights), (kind, &model.weights), "{prefix}");
            assert_eq!(sniff(&path).unwrap(), Format::Official);
        }
    }
}

#[test]
fn hugging_face_s_names_are_read_without_a_config_where_a_person_says_the_lengths() {
    for kind in [Kind::Pretraining, CLASSIFIER, Kind::Encoder { last_norm: LastNorm::Absent }] {
        let model = model(kind);
        let (_folder, path) = hugging_face(&model);
        let file = path.join("model.safetensors");
        let named = read_tensors(&file).into_iter().map(|(name, stored)| (format!("model.{name}"), stored));
        write_tensors(&file, &named.collect(), &[]);
        fs::remove_file(path.join("config.json")).unwrap();
        let refused = read_any(&file).unwrap_err();
        assert!(refused.hint().is_some_and(|hint| hint.contains("--heads")), "{refused}");
        let read = read_with(&file, hints()).unwrap();
        assert_eq!((read.kind, &read.weights), (kind, &model.weights));
        assert_eq!((read.shape.encoder, read.shape.decoder), (model.shape.encoder, model.shape.decoder));
        assert!(read.assumed.iter().any(|taken| taken.contains("1e-12")), "{:?}", read.assumed);
    }
}

#[test]
fn mmaction_s_names_are_the_official_model() {
    let model = model(CLASSIFIER);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mmaction.safetensors");
    let theirs = |name: &str| {
        let name = name.replace("patch_embed.proj.", "patch_embed.projection.");
        let name = name.replace(".mlp.fc1.", ".mlp.layers.0.0.").replace(".mlp.fc2.", ".mlp.layers.1.");
        match name.strip_prefix("head.") {
            Some(part) => format!("cls_head.fc_cls.{part}"),
            None => format!("backbone.{name}"),
        }
    };
    let named = tensors_of(&model).into_iter().map(|(name, stored)| (theirs(&name), stored));
    write_tensors(&path, &named.collect(), &[]);
    assert_eq!(read_with(&path, hints()).unwrap().weights, model.weights);
}

#[test]
fn a_key_s_bias_is_left_out_and_said_once() {
    let model = model(Kind::Pretraining);
    let (_folder, path) = hugging_face(&model);
    let file = path.join("model.safetensors");
    for (largest, said) in [(0.0, None), (3e-7f32, Some("3.0e-7")), (5.5, Some("5.5e0"))] {
        change_tensors(&file, |tensors| {
            for (stack, width) in [("videomae.encoder.layer.", 16), ("decoder.decoder_layers.", 8)] {
                let mut bias = vec![0.0; width];
                bias[3] = -largest;
                let name = format!("{stack}0.attention.attention.key.bias");
                tensors.insert(name, floats(&bias));
            }
        });
        let read = read_any(&path).unwrap();
        assert_eq!(read.weights, model.weights);
        match said {
            None => assert!(read.notes.is_empty(), "{:?}", read.notes),
            Some(said) => {
                assert!(read.notes.len() == 1 && read.notes[0].contains(said), "{:?}", read.notes);
            }
        }
    }
}

#[test]
fn a_joint_bias_is_split_and_the_key_s_part_left_out() {
    let model = model(CLASSIFIER);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("joint.safetensors");
    let mut tensors = tensors_of(&model);
    for block in 0..2 {
        let mut take =
            |part: &str| tensors.remove(&format!("blocks.{block}.attn.{part}_bias")).unwrap().bytes;
        let (queries, values) = (take("q"), take("v"));
        let keys: Vec<u8> = (0..16).flat_map(|at| (at as f32 * 1e-8).to_le_bytes()).collect();
        let bytes = [queries, keys, values].concat();
        let joint = Stored { kind: Dtype::F32, shape: vec![48], bytes };
        tensors.insert(format!("blocks.{block}.attn.qkv.bias"), joint);
    }
    write_tensors(&path, &tensors, &[]);
    let read = read_with(&path, hints()).unwrap();
    assert_eq!((read.weights, read.notes.len()), (model.weights, 1));
}

/// The V2 authors' folder of a classifier without its head.
fn v2_folder(model: &SavedModel) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("v2");
    fs::create_dir(&path).unwrap();
    let named = tensors_of(model).into_iter().map(|(name, stored)| (format!("model.{name}"), stored));
    write_tensors(&path.join("model.safetensors"), &named.collect(), &[("format", "pt")]);
    let config = serde_json::json!({
        "model_type": "VideoMAEv2_Base",
        "architectures": ["VideoMAEv2_Base"],
        "model_config": {
            "img_size": 8, "patch_size": 4, "in_chans": 3, "num_classes": 0, "embed_dim": 16, "depth": 2,
            "num_heads": 2, "mlp_ratio": 2.5, "qkv_bias": true, "qk_scale": null, "layer_norm_eps": 1e-6,
            "init_values": 0.0, "use_learnable_pos_emb": false, "tubelet_size": 2, "use_mean_pooling": true,
            "num_frames": 4, "cos_attn": false
        }
    });
    fs::write(path.join("config.json"), config.to_string()).unwrap();
    (folder, path)
}

#[test]
fn v2_s_folder_is_read_with_the_lengths_of_its_own_config() {
    for kind in [Kind::Encoder { last_norm: LastNorm::OfMean }, CLASSIFIER] {
        let model = model(kind);
        let (_folder, path) = v2_folder(&model);
        let read = read_any(&path).unwrap();
        assert_eq!((read.kind, &read.weights), (kind, &model.weights));
        assert_eq!((read.shape.encoder, read.shape.epsilons), (model.shape.encoder, model.shape.epsilons));
        let clip = read.shape.geometry;
        assert_eq!(
            [clip.frames(), clip.height(), clip.width(), clip.tubelet(), clip.patch()],
            [4, 8, 8, 2, 4]
        );
        let config = path.join("config.json");
        let text = fs::read_to_string(&config).unwrap();
        for (from, to, says) in [
            ("\"depth\":2", "\"depth\":3", "`depth` is 3: the tensors have 2"),
            ("\"cos_attn\":false", "\"cos_attn\":true", "`cos_attn` is true"),
            ("\"use_mean_pooling\":true", "\"use_mean_pooling\":false", "first token alone"),
            ("VideoMAEv2_Base\"", "swin\"", "`model_type` is "),
        ] {
            assert!(text.contains(from), "{text}");
            fs::write(&config, text.replace(from, to)).unwrap();
            let refused = read_any(&path).unwrap_err().to_string();
            assert!(refused.contains(says), "{refused}");
        }
    }
}

#[test]
fn a_model_of_the_default_config_has_no_norm_behind_its_encoder_in_any_layout() {
    let mut model = model(Kind::Pretraining);
    model.shape.encoder_norm = false;
    model.weights.retain(|name, _| !name.starts_with("encoder.norm."));
    let folder = tempfile::tempdir().unwrap();
    for (number, format) in
        [Format::HuggingFace, Format::Tubelet, Format::Official, Format::HuggingFace].into_iter().enumerate()
    {
        let path = folder.path().join(number.to_string());
        checkpoint::write(&model, format, &path, None).unwrap();
        if format == Format::HuggingFace {
            let config = fs::read_to_string(path.join("config.json")).unwrap();
            assert!(config.contains("\"use_mean_pooling\": true"), "{config}");
        }
        let read = read_any(&path).unwrap();
        assert_eq!((read.shape, &read.weights), (model.shape, &model.weights), "{format:?}");
    }
    let weights = Weights::fit(model.layout(), model.weights.clone(), &Device::flex()).unwrap();
    assert!(!weights.has("encoder.norm.weight"));
    let _ = VideoMae::new(model.shape, &Device::flex());
}

#[test]
fn a_feature_model_gives_the_feature_of_its_classifier() {
    let whole = model(CLASSIFIER);
    let mut headless = whole.clone();
    headless.kind = Kind::Encoder { last_norm: LastNorm::OfMean };
    headless.weights.retain(|name, _| !name.starts_with("head."));
    let device = Device::flex();
    let geometry = whole.shape.geometry;
    let (tokens, cube) = (geometry.tokens(), geometry.cube());
    let levels: Vec<u8> = (0..tokens * cube).map(|at| (at * 37 % 256) as u8).collect();
    let cubes = masked::normalise(masked::upload_cubes(&levels, [1, tokens, cube], &device));
    let classifier = Classifier::new(whole.shape, &device);
    let fit = |model: &SavedModel| Weights::fit(model.layout(), model.weights.clone(), &device).unwrap();
    let host = |features: Tensor<2>| -> Vec<f32> { features.try_into_vec_as().unwrap() };
    let wanted = host(classifier.classify(&fit(&whole), cubes.clone()).features);
    assert_eq!(host(classifier.feature(&fit(&headless), cubes)), wanted);
}
