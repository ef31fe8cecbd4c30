//! Shards as other tools see them.

use std::process::Command;

use crate::{samples, stdout, succeed, text};

/// Reads every shard with pyarrow and, where they are there, DuckDB and polars; prints the digest of
/// the first frame of the first row.
const READ: &str = r#"
import sys, hashlib, pathlib
try:
    import numpy, pyarrow.parquet as parquet
except ImportError:
    print("missing"); sys.exit()
shards = sorted(pathlib.Path(sys.argv[1]).glob("*.parquet"))
row = parquet.read_table(shards[0]).slice(0, 1).to_pylist()[0]
pixels = numpy.frombuffer(row["pixels"], "uint8").reshape(16, row["height"], row["width"], 3)
for module, count in [("duckdb", lambda m: m.sql(f"select count(*) from '{shards[0]}'").fetchone()[0]),
                      ("polars", lambda m: m.read_parquet(shards[0]).height)]:
    try:
        assert count(__import__(module)) == parquet.read_metadata(shards[0]).num_rows
    except ImportError:
        print("no", module, file=sys.stderr)
print(row["video"], row["frames"][0], hashlib.md5(pixels[0].tobytes()).hexdigest())
"#;

#[test]
fn python_sees_the_right_picture() {
    let folder = tempfile::tempdir().unwrap();
    succeed(&["preprocess", &samples(), "--out", text(folder.path()), "--recipe", "tiny"]);
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let read = Command::new(python).args(["-c", READ, text(folder.path())]).output();
    let Some(line) = read.ok().map(|output| String::from_utf8(output.stdout).unwrap()) else {
        println!("skipped: no Python here");
        return;
    };
    if line.trim() == "missing" {
        println!("skipped: Python has no pyarrow or no numpy");
        return;
    }
    let [video, rank, digest] = line.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{line}") };
    let pictures = folder.path().join("pictures");
    succeed(&["frames", video, "--indices", rank, "--out", text(&pictures)]);
    let picture =
        image::open(pictures.join(format!("frame_{:06}.png", rank.parse::<u32>().unwrap()))).unwrap();
    let of_picture = <md5::Md5 as md5::Digest>::digest(picture.to_rgb8().as_raw());
    assert_eq!(digest, of_picture.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
}

#[test]
fn a_second_preprocess_has_nothing_left_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["preprocess", &samples(), "--out", text(folder.path()), "--recipe", "tiny"];
    succeed(&arguments);
    let times = || {
        let times = std::fs::read_dir(folder.path()).unwrap().map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name(), entry.metadata().unwrap().modified().unwrap())
        });
        let mut times: Vec<_> =
            times.filter(|(name, _)| name.to_string_lossy().ends_with(".parquet")).collect();
        times.sort();
        times
    };
    let before = times();
    succeed(&arguments);
    assert_eq!(before, times());
    assert!(
        !stdout(&["inspect", "batches", text(folder.path()), "--recipe", "tiny", "--count", "4"]).is_empty()
    );
}
