//! Started by a launcher as one of several processes, a training does not do what each of the others does too.

use std::path::Path;

use crate::{samples, text, tubelet};

/// Exit code and words of a training that is started with these variables, and whether it left a folder.
fn training(variables: &[(&str, &str)]) -> (i32, String, bool) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let small = ["--recipe", "tiny", "--set", "model.encoder_depth=1", "--set", "model.decoder_depth=1"];
    let output = tubelet()
        .args(["pretrain", "--data", &samples(), "--out", text(&out), "--steps", "1"])
        .args(small)
        .args(["--set", "optimiser.batch=2", "--set", "optimiser.micro_batch=1", "--set", "clip.size=32"])
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), words, Path::new(&out).exists())
}

#[test]
fn several_processes_that_cannot_sum_are_a_usage_error() {
    for variables in [
        [("RANK", "0"), ("WORLD_SIZE", "2"), ("LOCAL_RANK", "0")],
        [("SLURM_PROCID", "1"), ("SLURM_NTASKS", "2"), ("SLURM_LOCALID", "1")],
    ] {
        let (code, words, left) = training(&variables);
        assert_eq!((code, left), (2, false), "{words}");
        let launcher = if variables[0].0 == "RANK" { "torchrun" } else { "srun" };
        assert!(words.contains(&format!("error: {launcher} started 2 processes")), "{words}");
        // Without MPI and with it.
        assert!(words.contains("hint: ") && words.contains("mpirun -n 2"), "{words}");
    }
}

#[test]
fn one_process_trains_whoever_started_it() {
    let (code, words, left) =
        training(&[("SLURM_PROCID", "0"), ("SLURM_NTASKS", "1"), ("SLURM_LOCALID", "0")]);
    assert_eq!((code, left), (0, true), "{words}");
}

#[test]
fn half_of_an_environment_is_a_usage_error() {
    let (code, words, left) = training(&[("WORLD_SIZE", "2"), ("LOCAL_RANK", "0")]);
    assert_eq!((code, left), (2, false), "{words}");
    assert!(words.contains("WORLD_SIZE is set, as by torchrun, and RANK is not"), "{words}");
}
