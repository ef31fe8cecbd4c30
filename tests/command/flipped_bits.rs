//! A bit that flipped on the disk is an error that names the file, and what is whole is offered.

use std::{fs, path::Path};

use crate::{
    films::{class_folders, pretrain},
    killed::files,
    models, refusal, said, stdout, succeed, text,
};

/// Flips a bit, and again.
fn flip(path: &Path, bit: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[bit / 8] ^= 1 << (bit % 8);
    fs::write(path, bytes).unwrap();
}

fn bits(path: &Path) -> usize {
    8 * fs::metadata(path).unwrap().len() as usize
}

/// Places all over a file, drawn by a fixed rule; half of them in its first 8 kB, where a header is.
fn drawn(count: usize, bits: usize) -> impl Iterator<Item = usize> {
    let mut state = 7u64;
    (0..count).map(move |at| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let bound = if at % 2 == 0 { bits } else { bits.min(8 << 13) };
        (state >> 33) as usize % bound
    })
}

/// `TUBELET_FLIPS=100` flips as many.
fn flips() -> usize {
    std::env::var("TUBELET_FLIPS").map_or(8, |flips| flips.parse().unwrap())
}

#[test]
fn a_damaged_checkpoint_is_refused_and_the_last_good_one_is_offered_and_taken() {
    let folder = tempfile::tempdir().unwrap();
    let films = class_folders(folder.path(), 4);
    let (whole, out) = (folder.path().join("whole"), folder.path().join("run"));
    for run in [&whole, &out] {
        succeed(&pretrain(&films, run, &["--steps", "4"]));
    }
    let newest = out.join("checkpoint-4.safetensors");
    let resume = ["pretrain", "--out", text(&out), "--resume", "--steps", "6"];
    let last = files(&whole, "checkpoint-4.safetensors");
    for bit in drawn(flips(), bits(&newest)) {
        flip(&newest, bit);
        let (code, message) = refusal(&resume);
        assert_eq!(code, 2, "bit {bit}: {message}");
        assert!(message.starts_with(&format!("error: {}", text(&newest))), "bit {bit}: {message}");
        let hint = "hint: --resume-from 2 goes on from checkpoint-2.safetensors, which is whole";
        assert!(message.contains(hint), "bit {bit}: {message}");
        flip(&newest, bit);
        assert!(files(&out, "checkpoint-4.safetensors") == last, "it was touched");
    }
    for arguments in [
        vec!["convert", text(&out), "--to", "official", text(&films)],
        vec!["inspect", "checkpoint", text(&out)],
        vec!["embed", text(&films), "--model", text(&out), "--out", text(&films)],
        vec!["reconstruct", text(&films), "--model", text(&out), "--out", "picture.png"],
    ] {
        let bit = bits(&newest) - 77;
        flip(&newest, bit);
        let (code, message) = refusal(&arguments);
        assert_eq!(code, 2, "{message}");
        let offered = "checkpoint-2.safetensors is the run's newest checkpoint that is whole";
        assert!(
            message.contains("checkpoint-4.safetensors is damaged") && message.contains(offered),
            "{message}"
        );
        flip(&newest, bit);
    }
    flip(&newest, bits(&newest) - 5);
    let (code, message) = refusal(&["pretrain", "--out", text(&out), "--resume-from", "3"]);
    assert!(code == 2 && message.contains("has no checkpoint of step 3, but of 2, 4"), "{message}");
    let message = said(&["pretrain", "--out", text(&out), "--resume-from", "2"]);
    assert!(message.contains("a later checkpoint is now checkpoint-4.safetensors.aside"), "{message}");
    assert!(files(&out, "checkpoint-4.safetensors") == last, "the run went on from step 2 to other bytes");
}

#[test]
fn a_run_whose_state_or_recipe_rotted_is_not_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let films = class_folders(folder.path(), 4);
    let out = folder.path().join("run");
    succeed(&pretrain(&films, &out, &["--steps", "2"]));
    let resume = ["pretrain", "--out", text(&out), "--resume", "--steps", "4"];
    let (state, recipe) = (out.join("run.json"), out.join("recipe.toml"));
    for bit in drawn(flips(), bits(&state)) {
        flip(&state, bit);
        let (code, message) = refusal(&resume);
        assert!(code != 0 && message.contains(text(&state)), "bit {bit}: {message}");
        flip(&state, bit);
    }
    // A bit of a digit.
    let whole = fs::read_to_string(&recipe).unwrap();
    fs::write(&recipe, whole.replacen("stride = 2", "stride = 3", 1)).unwrap();
    let (code, message) = refusal(&resume);
    assert!(code == 2 && message.contains("says clip.stride = 3, and the run was made with 2"), "{message}");
    fs::write(&recipe, whole).unwrap();
    // What is asked for is written down, and is no damage.
    succeed(&[&resume[..], &["--set", "clip.stride=3"]].concat());
    succeed(&["pretrain", "--out", text(&out), "--resume", "--steps", "5"]);
}

#[test]
fn an_array_with_a_flipped_bit_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let films = class_folders(folder.path(), 4);
    let model = models::classifier(folder.path(), &["a", "b"]);
    let out = folder.path().join("arrays");
    let embed = ["embed", text(&films), "--model", text(&model), "--views", "1x1", "--format", "npy"];
    let embed = [&embed[..], &["--out", text(&out)]].concat();
    succeed(&embed);
    let whole = [files(&out, ".npy"), files(&out, "B3SUMS")];
    assert_eq!((whole[0].len(), whole[1].len()), (4, 1));
    let array = out.join(whole[0].keys().next().unwrap());
    for bit in drawn(flips(), bits(&array)) {
        flip(&array, bit);
        succeed(&embed);
        assert!([files(&out, ".npy"), files(&out, "B3SUMS")] == whole, "bit {bit}");
    }
}

#[test]
fn a_checkpoint_without_a_digest_is_read_and_inspect_tells() {
    let folder = tempfile::tempdir().unwrap();
    let model = models::classifier(folder.path(), &["a", "b"]);
    let told = stdout(&["inspect", "checkpoint", text(&model)]);
    assert!(told.contains("\ndigest blake3:") && told.contains(" (its content has it)"), "{told}");
    let mut bytes = fs::read(&model).unwrap();
    for (from, to) in [("tubelet.digest", "another.entry."), ("blake3:", "nothing")] {
        let at = bytes.windows(from.len()).position(|some| some == from.as_bytes()).unwrap();
        bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
    }
    fs::write(&model, bytes).unwrap();
    let told = stdout(&["inspect", "checkpoint", text(&model)]);
    assert!(told.contains("\nno digest"), "{told}");
}

#[test]
fn damaged_vectors_predictions_and_manifests_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let films = class_folders(folder.path(), 4);
    let model = models::classifier(folder.path(), &["a", "b"]);
    let at = |name: &str| folder.path().join(name);
    let (manifest, vectors, predictions) =
        (at("manifest.parquet"), at("vectors.parquet"), at("predictions.parquet"));
    succeed(&["scan", text(&films), "--out", text(&manifest)]);
    let few = ["--model", text(&model), "--views", "1x1"];
    succeed(&[&["embed", text(&films), "--out", text(&vectors)][..], &few].concat());
    succeed(&[&["evaluate", "--data", text(&films), "--out", text(&predictions)][..], &few].concat());
    for (file, arguments) in [
        (&manifest, vec!["inspect", "batches", text(&manifest), "--recipe", "tiny", "--count", "1"]),
        (&vectors, [&["embed", text(&films), "--out", text(&vectors)][..], &few].concat()),
        (&predictions, vec!["evaluate", "--from", text(&predictions)]),
    ] {
        for bit in drawn(flips(), bits(file)) {
            flip(file, bit);
            let (code, message) = refusal(&arguments);
            assert!(code == 1 && message.contains(text(file)), "{}: bit {bit}: {message}", file.display());
            flip(file, bit);
        }
        succeed(&arguments);
    }
}
