//! A training over films some of which crash, hang or exhaust their decoder, each of which runs in a process of its own.

#![cfg(all(feature = "video", target_os = "linux"))]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
    thread,
};

use pipeline::sandbox::{Launch, serve, start_by};
use tubelet::{Pretraining, RecipeChoice};

/// What a child does with a film of such a name before it opens it.
fn attack(film: &Path) {
    match film.file_stem().and_then(|name| name.to_str()) {
        Some("crash") => std::process::abort(),
        Some("hang") => loop {
            thread::park();
        },
        Some("grow") => {
            let mut held = Vec::new();
            loop {
                held.push(vec![0u8; 64 << 20]);
            }
        }
        _ => {}
    }
}

/// The process that decodes: this test, run alone by its parents.
#[test]
#[ignore = "it serves a parent"]
fn child() {
    serve::serve_with(&attack);
}

/// A training of two steps over the films in `folder`: its tensors, and the verdicts on its films.
fn trained(folder: &Path, sandbox: &str) -> (Vec<u8>, BTreeMap<String, String>) {
    let run = folder.join("run");
    let mut wanted = Pretraining::new([folder.join("films")], &run);
    let set = [
        "clip.size=64",
        "optimiser.batch=4",
        "model.encoder_depth=1",
        "model.decoder_depth=1",
        "schedule.warmup_epochs=0",
        "run.max_failed_share=0.9",
        "run.seconds_per_clip=6",
        sandbox,
    ];
    wanted.run.recipe = RecipeChoice { set: set.map(String::from).to_vec(), ..RecipeChoice::named("tiny") };
    wanted.run.steps = Some(2);
    tubelet::pretrain(&wanted, &AtomicBool::new(false), &()).unwrap();

    // Behind its header, which names the data, a checkpoint is tensors.
    let checkpoint = std::fs::read(run.join("checkpoint-2.safetensors")).unwrap();
    let header = u64::from_le_bytes(checkpoint[..8].try_into().unwrap()) as usize;
    let weights = checkpoint[8 + header..].to_vec();
    assert!(!weights.is_empty());
    let quarantine = std::fs::read_to_string(run.join("quarantine.jsonl")).unwrap();
    let line = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let name = Path::new(line["video"].as_str().unwrap()).file_stem().unwrap().to_owned();
        (name.into_string().unwrap(), line["verdict"].as_str().unwrap().to_owned())
    };
    (weights, quarantine.lines().map(line).collect())
}

/// The sample films, and beside them what `bad` writes to these paths.
fn films(bad: impl Fn(&Path)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let films = folder.path().join("films");
    std::fs::create_dir(&films).unwrap();
    for sample in samples() {
        std::fs::copy(&sample, films.join(sample.file_name().unwrap())).unwrap();
    }
    for name in ["crash.mp4", "grow.mp4", "hang.mp4"] {
        bad(&films.join(name));
    }
    folder
}

fn samples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let films = std::fs::read_dir(folder).unwrap().map(|film| film.unwrap().path());
    films.filter(|film| film.extension().is_some_and(|end| end == "mp4" || end == "webm")).collect()
}

#[test]
fn films_that_end_their_decoder_cost_a_training_nothing_but_themselves() {
    let arguments = ["child", "--exact", "--ignored", "--nocapture", "--test-threads=1"];
    let program = std::env::current_exe().unwrap();
    start_by(Launch { program, arguments: arguments.map(Into::into).into() });

    let attacks = films(|path| assert!(std::fs::copy(&samples()[0], path).unwrap() > 0));
    let (weights, verdicts) = trained(attacks.path(), "run.sandbox=true");
    let verdict = |name: &str| verdicts.get(name).map(String::as_str);
    assert_eq!(verdict("crash"), Some("decoder-crashed"));
    assert_eq!(verdict("grow"), Some("decoder-crashed"));
    assert_eq!(verdict("hang"), Some("time-limit"));
    assert_eq!(verdicts.len(), 3, "{verdicts:?}");

    // The same places in the dataset and no film in them, by threads.
    let texts = films(|path| std::fs::write(path, "this is no film\n").unwrap());
    let (expected, verdicts) = trained(texts.path(), "run.sandbox=false");
    assert!(verdicts.values().all(|verdict| verdict == "not-a-video"), "{verdicts:?}");
    assert!(weights == expected, "the weights are others than those of the good films");
}
