//! The command as a person uses it: real files in, words, files and exit codes out.

mod answers;
mod conversion;
mod crash;
mod determinism;
mod embedding;
mod evaluation;
mod films;
mod finetuning;
mod frames;
mod help;
mod labelling;
mod messages;
mod models;
mod probing;
mod resuming;
mod shards;
mod splitting;
mod tables;
mod training;
mod verdicts;
mod weights;
mod wrong_usage;

use std::{
    path::{Path, PathBuf},
    process::Output,
};

use assert_cmd::Command;

/// The command, ready to be given arguments.
fn tubelet() -> Command {
    let mut command = Command::cargo_bin("tubelet").expect("because cargo builds it for its tests");
    command.env_remove("RUST_LOG").env("NO_COLOR", "1");
    command
}

/// Runs it and expects exit code 0.
fn succeed(arguments: &[&str]) -> Output {
    let output = tubelet().args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "tubelet {} failed: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Exit code and message of a command that is expected to fail.
fn refusal(arguments: &[&str]) -> (i32, String) {
    let output = tubelet().args(arguments).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// What it printed to stdout.
fn stdout(arguments: &[&str]) -> String {
    String::from_utf8(succeed(arguments).stdout).unwrap()
}

/// The four real films that the project carries.
fn samples() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").display().to_string()
}

/// The folder `shared` beside the checkout, or none, said aloud.
fn shared(what: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let place = std::env::var_os("TUBELET_SHARED").map_or(beside, PathBuf::from).join(what);
    if !place.exists() {
        println!("skipped: {} is not there", place.display());
        return None;
    }
    Some(place)
}

/// A path as an argument.
fn text(path: &Path) -> &str {
    path.to_str().expect("because test folders have plain names")
}

/// A model that trains in seconds.
const SMALL: [&str; 14] = [
    "--recipe",
    "tiny",
    "--set",
    "clip.size=64",
    "--set",
    "optimiser.batch=4",
    "--set",
    "model.encoder_depth=2",
    "--set",
    "model.decoder_depth=1",
    "--set",
    "run.log_every=1",
    "--set",
    "run.checkpoint_every=3",
];
