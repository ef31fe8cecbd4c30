//! Every way in which a file of weights can be wrong: refused with words that say what, and where.
//!
//! Each file is a good one in which one thing is changed.

mod altered;
mod small_model;

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
};

use altered::{Stored, change_pickle, change_tensors};
use safetensors::Dtype;
use small_model::model;
use trainer::checkpoint::{self, CheckpointError, Format, Heads, Hints, Kind, read_any, read_with};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// What the official layout of the small model does not say.
fn hints() -> Hints {
    let heads = Some(Heads { encoder: 2, decoder: Some(4) });
    Hints { heads, frames: Some(4), sides: Some([8, 16]) }
}

/// Reads with [`hints`], which must fail, and returns the message.
fn refused(path: &Path) -> String {
    match read_with(path, hints()) {
        Ok(_) => panic!("{} was read", path.display()),
        Err(why) => why.to_string(),
    }
}

/// A good model in a new folder, and the file with its weights.
fn good(format: Format, kind: Kind) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    checkpoint::write(&model(kind), format, &path, None).unwrap();
    read_with(&path, hints()).unwrap();
    let weights = if path.is_dir() { path.join("model.safetensors") } else { path };
    (folder, weights)
}

#[test]
fn a_file_cut_anywhere_is_damaged() {
    for format in [Format::Official, Format::HuggingFace, Format::Tubelet] {
        let (_folder, path) = good(format, Kind::Pretraining);
        let whole = fs::read(&path).unwrap();
        for length in [9, 40, 500, whole.len() / 2, whole.len() - 1] {
            fs::write(&path, &whole[..length]).unwrap();
            let why = read_with(&path, hints()).unwrap_err();
            assert!(matches!(why, CheckpointError::Damaged { .. }), "{format:?} cut to {length}: {why}");
        }
        fs::write(&path, "").unwrap();
        assert!(refused(&path).ends_with("is not a file of weights: it is empty"));
    }
}

#[test]
fn bytes_that_were_changed_in_a_zip_do_not_get_past_its_checksums() {
    let (_folder, path) = good(Format::Official, Kind::Pretraining);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    // A storage: behind the pickle, before the directory.
    bytes[middle..middle + 200].iter_mut().for_each(|byte| *byte ^= 1);
    fs::write(&path, bytes).unwrap();
    assert!(matches!(read_with(&path, hints()), Err(CheckpointError::Damaged { .. })));
}

#[test]
fn a_file_of_another_kind_is_no_file_of_weights() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.pth");
    fs::write(&path, "<html>404</html>").unwrap();
    assert!(refused(&path).contains("begins neither as a zip (.pth) nor as safetensors"));
    let mut zip = ZipWriter::new(File::create(&path).unwrap());
    zip.start_file("letter.txt", SimpleFileOptions::default().compression_method(CompressionMethod::Stored))
        .unwrap();
    zip.finish().unwrap();
    assert!(matches!(read_any(&path), Err(CheckpointError::Damaged { .. })));
    let (_folder, path) = good(Format::Tubelet, Kind::Pretraining);
    change_tensors(&path, |tensors| tensors.retain(|name, _| name == "mask_token"));
    assert!(refused(&path).contains("missing: encoder.norm.weight"));
}

#[test]
fn a_tensor_too_many_too_few_or_of_another_shape_is_listed() {
    for (format, norm) in
        [(Format::Tubelet, "encoder.norm.weight"), (Format::HuggingFace, "videomae.layernorm.weight")]
    {
        let (_folder, path) = good(format, Kind::Pretraining);
        let whole = fs::read(&path).unwrap();
        change_tensors(&path, |tensors| {
            tensors.insert("pos_embed".to_owned(), tensors[norm].clone());
        });
        assert!(refused(&path).ends_with("not those of this model:\n  unused: pos_embed"));
        fs::write(&path, &whole).unwrap();
        change_tensors(&path, |tensors| {
            tensors.remove(norm);
        });
        assert!(refused(&path).ends_with(&format!("not those of this model:\n  missing: {norm}")));
        fs::write(&path, &whole).unwrap();
        change_tensors(&path, |tensors| tensors.get_mut(norm).unwrap().shape = vec![4, 4]);
        assert!(refused(&path).ends_with(&format!("\n  wrong shape: {norm} is [4, 4], wanted [16]")));
    }
}

#[test]
fn the_same_goes_for_a_pth() {
    let name = b"encoder.norm.weight";
    let (_folder, path) = good(Format::Official, Kind::Pretraining);
    change_pickle(&path, b"encoder.", name, b"encoder.norm.height");
    let why = refused(&path);
    assert!(why.contains("\n  missing: encoder.norm.weight\n  unused: encoder.norm.height"), "{why}");
    let (_folder, path) = good(Format::Official, Kind::Pretraining);
    change_pickle(&path, name, b"(J\x10\0\0\0t", b"(J\x08\0\0\0t");
    let why = refused(&path);
    assert!(why.ends_with("\n  wrong shape: encoder.norm.weight is [8], wanted [16]"), "{why}");
}

#[test]
fn a_view_that_reaches_beyond_its_storage_is_damage() {
    let (_folder, path) = good(Format::Official, Kind::Pretraining);
    change_pickle(&path, b"encoder.norm.weight", b"(J\x10\0\0\0t", b"(J\x11\0\0\0t");
    assert!(matches!(read_with(&path, hints()), Err(CheckpointError::Damaged { .. })));
}

#[test]
fn a_view_that_repeats_a_small_storage_without_end_is_refused_before_it_is_made() {
    let (_folder, path) = good(Format::Official, Kind::Pretraining);
    // mask_token [1, 1, 8] with strides [8, 8, 1] as [1, 1, 2^20] with strides [8, 8, 0].
    change_pickle(
        &path,
        b"mask_token",
        b"(J\x01\0\0\0J\x01\0\0\0J\x08\0\0\0t(J\x08\0\0\0J\x08\0\0\0J\x01\0\0\0t",
        b"(J\x01\0\0\0J\x01\0\0\0J\0\0\x10\0t(J\x08\0\0\0J\x08\0\0\0J\0\0\0\0t",
    );
    assert!(refused(&path).contains("wrong shape"), "the decoder's other tensors are not as wide");
}

#[test]
fn a_call_that_a_pickle_asks_for_is_never_made() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mark) = (folder.path().join("model.pth"), folder.path().join("mark"));
    let command = format!("touch {}", mark.display());
    let pickle = [
        b"\x80\x02cposix\nsystem\nX".as_slice(),
        &(command.len() as u32).to_le_bytes(),
        command.as_bytes(),
        b"\x85R.",
    ]
    .concat();
    let mut zip = ZipWriter::new(File::create(&path).unwrap());
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    zip.start_file("a/data.pkl", stored).unwrap();
    zip.write_all(&pickle).unwrap();
    zip.finish().unwrap();
    assert!(read_any(&path).is_err());
    assert!(!mark.exists());
}

#[test]
fn whole_numbers_and_doubles_are_refused_by_name() {
    for (kind, size, word) in [(Dtype::F64, 8, "f64"), (Dtype::I32, 4, "i32")] {
        let (_folder, path) = good(Format::Tubelet, Kind::Pretraining);
        change_tensors(&path, |tensors| {
            let bytes = vec![0; 16 * size];
            tensors.insert("encoder.norm.bias".to_owned(), Stored { kind, shape: vec![16], bytes });
        });
        assert!(
            refused(&path)
                .ends_with(&format!("`encoder.norm.bias` holds {word}; f32, f16 and bf16 are read"))
        );
    }
}

#[test]
fn settings_that_make_another_model_of_the_weights_are_refused() {
    for (from, to, why) in [
        ("\"use_mean_pooling\": false", "\"use_mean_pooling\": true", "loses the norm behind its encoder"),
        ("\"hidden_act\": \"gelu\"", "\"hidden_act\": \"relu\"", "`hidden_act` is relu"),
        ("\"num_attention_heads\": 2", "\"num_attention_heads\": 3", "3 heads do not divide the width 16"),
        (
            "\"hidden_size\": 16",
            "\"hidden_size\": 18446744073709551615",
            "would be 18446744073709551615 wide",
        ),
        ("\"layer_norm_eps\": 1e-6", "\"layer_norm_eps\": 0.0", "would add 0e0 to the variance"),
        ("\"num_frames\": 4", "\"num_frames\": \"four\"", "config.json is damaged or truncated"),
    ] {
        let (_folder, path) = good(Format::HuggingFace, Kind::Pretraining);
        let config = path.with_file_name("config.json");
        let text = fs::read_to_string(&config).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(&config, text.replacen(from, to, 1)).unwrap();
        let found = read_any(&path).unwrap_err().to_string();
        assert!(found.contains(why), "{found}");
    }
}

#[test]
fn a_width_without_published_heads_asks_for_them() {
    let (_folder, path) = good(Format::Official, Kind::Pretraining);
    // Without tubelet's own note beside the weights.
    change_pickle(&path, b"encoder_to_decoder.weight", b"X\x07\0\0\0tubelet", b"X\x07\0\0\0another");
    let why = read_any(&path).unwrap_err();
    assert!(matches!(why, CheckpointError::HeadsUnknown { stack: "encoder", dim: 16, .. }), "{why}");
    assert!(why.hint().unwrap().contains("--heads"));
    let read = read_with(&path, hints()).unwrap();
    assert_eq!(read.shape, model(Kind::Pretraining).shape);
}

#[test]
fn heads_that_a_person_says_must_be_those_that_the_file_says() {
    let (_folder, path) = good(Format::HuggingFace, Kind::Pretraining);
    let given = Hints { heads: Some(Heads { encoder: 4, decoder: None }), ..Hints::default() };
    let why = read_with(&path, given).unwrap_err().to_string();
    assert!(why.starts_with("the encoder in ") && why.ends_with(" has 2 heads, not 4"), "{why}");
}

#[test]
fn a_folder_that_is_not_empty_is_not_written_over() {
    let (_folder, path) = good(Format::HuggingFace, Kind::Pretraining);
    let folder = path.parent().unwrap();
    let why = checkpoint::write(&model(Kind::Pretraining), Format::HuggingFace, folder, None).unwrap_err();
    assert!(matches!(why, CheckpointError::Taken { .. }), "{why}");
    assert_eq!(fs::read_dir(folder).unwrap().count(), 3);
    assert_eq!(fs::read_dir(folder.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
}
