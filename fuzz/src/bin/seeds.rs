//! `seeds CORPUS FOLDER…`: sorts files by what they begin with into CORPUS/TARGET, where each target starts from, and adds
//! some that are made. `seeds` alone names the targets.
//!
//! Of files longer than [`MOST`] bytes their first packets are taken, and their beginning where that is of use by itself.
//! `scripts/fuzz.sh` calls it.

use std::{env, fs, io, path::Path, process::ExitCode};

/// Bytes of a seed: fuzzing copies and changes each many thousand times.
const MOST: usize = 200_000;

/// Bytes of a beginning.
const BEGINNING: usize = 188 * 64;

/// The targets that a file is a seed of, with the bytes that they are given.
fn seeds_of(path: &Path, bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let begins = |at: usize, words: &[&[u8]]| {
        words.iter().any(|word| bytes.get(at..).is_some_and(|rest| rest.starts_with(word)))
    };
    let targets: &[&str] = match () {
        () if begins(4, &[b"ftyp", b"moov", b"styp"]) => &["box", "open"],
        () if begins(0, &[b"\x1a\x45\xdf\xa3"]) => &["ebml", "open"],
        () if begins(0, &[b"RIFF"]) && begins(8, &[b"AVI"]) => &["avi", "streams"],
        () if begins(0, &[b"\x47"]) && begins(188, &[b"\x47"]) => &["transport", "streams"],
        () if begins(0, &[b"OggS"]) => &["ogg", "streams"],
        () if begins(0, &[b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"]) => &["asf", "streams"],
        // FLV, MXF, program streams, DV.
        () if begins(0, &[b"FLV", b"\x06\x0e\x2b\x34", b"\0\0\x01\xba", b"\x1f\x07\0"]) => &["streams"],
        () if begins(0, &[b"\xff\xd8\xff", b"\x89PNG", b"GIF8"]) => &["pictures"],
        () if begins(0, &[b"RIFF"]) && begins(8, &[b"WEBP"]) => &["pictures"],
        () if begins(257, &[b"ustar"]) => &["tar"],
        () if begins(0, &[b"PAR1"]) && name.starts_with("manifest") => &["manifest", "pages"],
        () if begins(0, &[b"PAR1"]) && name.starts_with("index") => &["index", "pages"],
        () if begins(0, &[b"PAR1"]) => &["shard", "pages", "table"],
        () if name.ends_with(".pth") || name.ends_with(".pt") => &["pickle"],
        () if name.ends_with(".safetensors") => &["safetensors"],
        () if name.ends_with(".toml") => &["recipe"],
        () if name.ends_with(".csv") || name.ends_with(".txt") => &["list"],
        () => &[],
    };
    let whole = match targets {
        ["transport" | "ogg" | "asf", ..] | ["streams"] => &bytes[..bytes.len().min(BEGINNING)],
        _ if bytes.len() > MOST => &[],
        _ => bytes,
    };
    let is_film = targets.contains(&"open") || targets.contains(&"streams");
    let films = is_film.then(|| pipeline::fuzz::first_packets(bytes)).flatten();
    let wholes =
        targets.iter().filter(|_| !whole.is_empty()).map(|target| ((*target).to_owned(), whole.to_vec()));
    // Whatever it is, it is not what other programs' files are.
    let beginning =
        (!bytes.is_empty()).then(|| ("foreign".to_owned(), bytes[..bytes.len().min(4096)].to_vec()));
    wholes.chain(films).chain(beginning).collect()
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
        tubelet_fuzz::targets().for_each(|(name, _)| println!("{name}"));
        return ExitCode::SUCCESS;
    };
    gstreamer::init().expect("because GStreamer is installed");
    for (number, (target, bytes)) in pipeline::fuzz::made().into_iter().enumerate() {
        let folder = Path::new(corpus).join(target);
        let written = fs::create_dir_all(&folder)
            .and_then(|()| fs::write(folder.join(format!("made-{number}")), bytes));
        written.expect("because the corpus can be written");
    }
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
