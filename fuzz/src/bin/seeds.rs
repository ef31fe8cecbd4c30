//! `seeds CORPUS FOLDER…`: sorts files by what they begin with into CORPUS/TARGET, where each target starts from.
//!
//! Films longer than [`MOST`] bytes give their first packets only. `scripts/fuzz.sh` calls it.

use std::{env, fs, io, path::Path, process::ExitCode};

/// Bytes of a seed: fuzzing copies and changes each many thousand times.
const MOST: usize = 200_000;

/// The targets that a file is a seed of, with the bytes that they are given.
fn seeds_of(path: &Path, bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let begins = |at: usize, words: &[&[u8]]| words.iter().any(|word| bytes.get(at..).is_some_and(|rest| rest.starts_with(word)));
    let targets: &[&str] = match () {
        () if begins(4, &[b"ftyp", b"moov", b"styp"]) => &["box", "open"],
        () if begins(0, &[b"\x1a\x45\xdf\xa3"]) => &["ebml", "open"],
        () if begins(0, &[b"RIFF"]) && begins(8, &[b"AVI"]) => &["avi"],
        () if begins(0, &[b"\x47"]) && begins(188, &[b"\x47"]) => &["transport"],
        () if begins(0, &[b"PAR1"]) && name.starts_with("manifest") => &["manifest", "pages"],
        () if begins(0, &[b"PAR1"]) && name.starts_with("index") => &["index", "pages"],
        () if begins(0, &[b"PAR1"]) => &["shard", "pages"],
        () if name.ends_with(".pth") || name.ends_with(".pt") => &["pickle"],
        () if name.ends_with(".safetensors") => &["safetensors"],
        () if name.ends_with(".toml") => &["recipe"],
        () if name.ends_with(".csv") || name.ends_with(".txt") => &["list"],
        () => &[],
    };
    let whole = match targets {
        ["transport"] => &bytes[..bytes.len().min(188 * 64)],
        _ if bytes.len() > MOST => &[],
        _ => bytes,
    };
    let films = targets.contains(&"open").then(|| pipeline::fuzz::first_packets(bytes)).flatten();
    let wholes = targets.iter().filter(|_| !whole.is_empty()).map(|target| ((*target).to_owned(), whole.to_vec()));
    wholes.chain(films).collect()
}

fn sort(corpus: &Path, path: &Path) -> io::Result<usize> {
    if path.is_dir() {
        return fs::read_dir(path)?.map(|entry| sort(corpus, &entry?.path())).sum();
    }
    let seeds = seeds_of(path, &fs::read(path)?);
    for (target, bytes) in &seeds {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(path.to_string_lossy().replace(['/', '.'], "_")), bytes)?;
    }
    Ok(seeds.len())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [corpus, folders @ ..] = &arguments[..] else {
        eprintln!("usage: seeds CORPUS FOLDER…");
        return ExitCode::from(2);
    };
    gstreamer::init().expect("because GStreamer is installed");
    for folder in folders {
        match sort(Path::new(corpus), Path::new(folder)) {
            Ok(count) => println!("{folder}: {count} seeds"),
            Err(why) => {
                eprintln!("{folder}: {why}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
