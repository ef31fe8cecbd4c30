//! Films, tars, shards and manifests of object stores: what is read is what is read of files, whatever the server does in
//! between, and what is written is there whole or not at all.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    object_server::{Fault, Server},
    samples, stdout, text,
};

const FILMS: [&str; 4] = ["big_buck_bunny.mp4", "bottles.webm", "cars.mp4", "flower.mp4"];

/// The films of the project under names that begin so.
fn films(prefix: &str) -> std::collections::BTreeMap<String, Vec<u8>> {
    let read = |film: &str| fs::read(Path::new(&samples()).join(film)).unwrap();
    FILMS.iter().map(|film| (format!("{prefix}{film}"), read(film))).collect()
}

/// A list of the addresses of the films, in the order of a folder of them.
fn list(server: &Server, folder: &Path) -> PathBuf {
    let list = folder.join("list.txt");
    let lines = FILMS.map(|film| server.http(film) + "\n");
    fs::write(&list, lines.concat()).unwrap();
    list
}

/// Exit code, stdout, stderr.
fn run(server: &Server, arguments: &[&str]) -> (i32, String, String) {
    let output = server.tubelet().args(arguments).output().unwrap();
    let words = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (out, said) = (words(output.stdout), words(output.stderr));
    assert!(!said.contains("top-secret-key") && !said.contains("AKIATEST"), "{said}");
    (output.status.code().unwrap(), out, said)
}

/// What it prints where it ends well.
fn succeed(server: &Server, arguments: &[&str]) -> String {
    let (code, out, said) = run(server, arguments);
    assert_eq!(code, 0, "tubelet {}: {said}", arguments.join(" "));
    out
}

const BATCHES: [&str; 8] = ["inspect", "batches", "--workers", "2", "--recipe", "tiny", "--count", "4"];

/// The clips of batches, without a word of where they come from.
fn clips(lines: &str) -> String {
    let without_name = |line: &str| {
        let mut columns: Vec<&str> = line.split('\t').collect();
        columns.remove(2);
        columns.join("\t")
    };
    lines.lines().map(without_name).collect::<Vec<_>>().join("\n")
}

fn clips_of_files() -> String {
    clips(&stdout(&[&BATCHES[..], &[&samples()]].concat()))
}

fn clips_of(server: &Server, data: &str, more: &[&str]) -> String {
    clips(&succeed(server, &[&BATCHES[..], &[data], more].concat()))
}

#[test]
fn films_of_a_server_give_the_clips_of_files_also_where_it_fails_now_and_then() {
    let folder = tempfile::tempdir().unwrap();
    let of_files = clips_of_files();
    for (fault, more) in [
        (Fault::None, &[][..]),
        (Fault::Cut, &["--set", "run.sandbox=false"]),
        (Fault::Busy, &[]),
        (Fault::Mute, &[]),
    ] {
        let server = Server::start(films(""), fault, false);
        let list = list(&server, folder.path());
        assert_eq!(clips_of(&server, text(&list), more), of_files, "{fault:?}");
    }
}

#[test]
fn a_manifest_in_a_store_has_an_index_by_which_less_than_the_films_is_read() {
    let mut objects = films("bucket/films/");
    for film in objects.values_mut() {
        // Nobody needs this box for a clip. (Matroska has another of the kind.)
        let (box_bytes, is_mp4) = (300_000u32, film.get(4..8) == Some(b"ftyp"));
        film.extend(box_bytes.to_be_bytes().into_iter().filter(|_| is_mp4));
        film.extend(b"free".iter().filter(|_| is_mp4));
        film.resize(film.len() + if is_mp4 { box_bytes as usize - 8 } else { 0 }, 0);
    }
    let server = Server::start(objects, Fault::None, false);
    let size: usize = server.objects("bucket/films/").values().map(Vec::len).sum();
    let manifest = "s3://bucket/lists/all.parquet";
    let rows = succeed(&server, &["scan", "s3://bucket/films/", "--out", manifest, "--json", "--verify"]);
    assert_eq!(rows.matches(r#""verdict":"good""#).count(), 4, "{rows}");
    let written: Vec<String> = server.objects("bucket/lists/").into_keys().collect();
    assert_eq!(written, ["all.index/index-00000.parquet", "all.parquet"]);
    let whole = server.take_given();
    assert!(whole >= size as u64, "a scan that verifies reads all: {whole} of {size}");

    assert_eq!(clips_of(&server, manifest, &[]), clips_of_files());
    let of_clips = server.take_given();
    assert!(of_clips < size as u64 / 2, "{of_clips} bytes for 4 clips of {size}");
    // A manifest that is written again leaves no index of other videos.
    succeed(&server, &["scan", "s3://bucket/films/cars.mp4", "--out", manifest, "--only-good"]);
    let written: Vec<String> = server.objects("bucket/lists/").into_keys().collect();
    assert_eq!(written, ["all.parquet"]);
}

#[test]
fn films_in_tars_of_a_store_are_those_of_files_with_their_classes() {
    let mut objects = std::collections::BTreeMap::new();
    for (at, film) in FILMS.iter().enumerate() {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, bytes) in [
            ((*film).to_owned(), fs::read(Path::new(&samples()).join(film)).unwrap()),
            (film.replace(".mp4", ".cls").replace(".webm", ".cls"), at.to_string().into_bytes()),
        ] {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            builder.append_data(&mut header, name, &bytes[..]).unwrap();
        }
        objects.insert(format!("bucket/shards-{at:03}.tar"), builder.into_inner().unwrap());
    }
    let server = Server::start(objects, Fault::Cut, false);
    let of_files = clips_of_files();
    for (data, more) in
        [("s3://bucket/shards-{000..003}.tar", &[][..]), ("s3://bucket/", &["--set", "run.sandbox=false"])]
    {
        assert_eq!(clips_of(&server, data, more), of_files, "{data}");
    }
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("manifest.parquet");
    let tars = "s3://bucket/shards-{002..003}.tar";
    let rows = succeed(&server, &["scan", tars, "--out", text(&manifest), "--json"]);
    assert!(rows.contains(r#""label":2"#) && rows.contains(r#""label":3"#), "{rows}");
    let (code, _, said) =
        run(&server, &["scan", "s3://bucket/shards-{003..004}.tar", "--out", text(&manifest)]);
    assert!(code == 2 && said.contains("shards-004.tar: there is no such object"), "{said}");
}

#[test]
fn shards_that_are_written_to_a_store_are_whole_and_those_of_files_also_after_it_died() {
    let folder = tempfile::tempdir().unwrap();
    let local = folder.path().join("shards");
    let settings =
        ["--recipe", "tiny", "--clips-per-shard", "1", "--workers", "1", "--set", "run.seconds_per_clip=600"];
    let server = Server::start(films("bucket/films/"), Fault::None, false);
    let preprocess =
        |data: &str, out: &str| run(&server, &[&["preprocess", data, "--out", out], &settings[..]].concat());
    // The digest of the list of videos stands in shards, so that both are made of one.
    let (code, _, said) = preprocess("s3://bucket/films/", text(&local));
    assert_eq!(code, 0, "{said}");
    let expected: std::collections::BTreeMap<String, Vec<u8>> = fs::read_dir(&local)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), path))
        .filter(|(name, _)| name.ends_with(".parquet"))
        .map(|(name, path)| (name, fs::read(path).unwrap()))
        .collect();
    assert_eq!(expected.len(), 4);

    server.dies_after_taking(2);
    let (code, _, said) = preprocess("s3://bucket/films/", "s3://bucket/shards/");
    assert!(code == 1 && said.contains("s3://bucket/"), "{code}: {said}");
    let of_first = server.objects("bucket/shards/");
    assert_eq!(of_first.len(), 2, "{:?}", of_first.keys());
    assert!(of_first.iter().all(|(name, bytes)| expected[name] == *bytes), "a shard is whole or not there");

    server.revive();
    let (code, _, said) = preprocess("s3://bucket/films/", "s3://bucket/shards/");
    assert_eq!(code, 0, "{said}");
    assert!(server.objects("bucket/shards/") == expected);
    assert_eq!(
        clips_of(&server, "s3://bucket/shards/", &[]),
        clips(&stdout(&[&BATCHES[..], &[text(&local)]].concat()))
    );
    let shard = "s3://bucket/shards/frames-00002.parquet";
    assert!(
        succeed(&server, &["inspect", "batches", shard, "--recipe", "tiny", "--count", "1"]).contains("cars")
    );
}

#[test]
fn a_server_that_fails_for_good_stops_the_command_and_a_film_that_is_not_there_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("manifest.parquet");
    let server = Server::start(films(""), Fault::Busy, true);
    let list = list(&server, folder.path());
    let (code, _, said) = run(&server, &["scan", text(&list), "--out", text(&manifest)]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("this system could not read http://127.0.0.1") && said.contains("503"), "{said}");
    assert!(!manifest.exists());

    let server = Server::start(films(""), Fault::None, false);
    fs::write(&list, server.http("absent.mp4\n") + &server.http("cars.mp4\n")).unwrap();
    let rows = succeed(&server, &["scan", text(&list), "--out", text(&manifest), "--json"]);
    assert!(rows.contains(r#""kind":"not there""#) && rows.contains(r#""verdict":"good""#), "{rows}");
}

#[test]
fn a_training_goes_on_where_its_server_died() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(films("bucket/films/"), Fault::None, false);
    let train = |out: &Path| {
        let settings =
            ["--recipe", "tiny", "--steps", "4", "--workers", "1", "--set", "run.checkpoint_every=1"];
        let more =
            ["--set", "optimiser.batch=2", "--set", "run.log_every=1", "--set", "run.seconds_per_clip=600"];
        run(
            &server,
            &[&["pretrain", "--data", "s3://bucket/films/", "--out", text(out)], &settings[..], &more]
                .concat(),
        )
    };
    let (whole, broken) = (folder.path().join("whole"), folder.path().join("broken"));
    let (code, _, said) = train(&whole);
    assert_eq!(code, 0, "{said}");

    // The last film is not given.
    server.dies_after(server.take_asked() as i64 - 1);
    let (code, _, said) = train(&broken);
    assert!(code == 1 && said.contains("this system could not read s3://bucket/films/"), "{code}: {said}");
    let quarantine = fs::read_to_string(broken.join("quarantine.jsonl")).unwrap_or_default();
    assert_eq!(quarantine, "", "that says nothing of a film");

    server.revive();
    let arguments = ["pretrain", "--out", text(&broken), "--resume"];
    let (code, _, said) = run(&server, &arguments);
    assert_eq!(code, 0, "{said}");
    let losses = |run: &Path| {
        let lines = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
        let loss = |line: &str| {
            line.split("\"loss\":").nth(1).map(|rest| rest.split(',').next().unwrap().to_owned())
        };
        lines.lines().filter_map(loss).collect::<Vec<_>>()
    };
    assert_eq!(losses(&whole).len(), 4);
    assert_eq!(losses(&broken), losses(&whole));
    for file in ["run.json", "recipe.toml", "metrics.jsonl"] {
        let text = fs::read_to_string(broken.join(file)).unwrap_or_default();
        assert!(!text.contains("top-secret-key") && !text.contains("AKIATEST"), "{file}: {text}");
    }
}

#[test]
fn secrets_in_addresses_are_refused_and_not_shown() {
    let server = Server::start(films(""), Fault::None, false);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    for address in [
        "https://me:secret@host/a.mp4",
        "https://host/a.mp4?sig=secret",
        "https://host/a.mp4?sig=secret=1",
        "s3://k:secret@bucket/films/",
    ] {
        for arguments in [
            &["scan", address][..],
            &["frames", address, "--indices", "0"],
            &["pretrain", "--data", address, "--out", text(&out)],
        ] {
            let (code, _, said) = run(&server, arguments);
            assert_eq!(code, 2, "{said}");
            assert!(
                !said.contains("secret") && said.contains("credentials come from the environment"),
                "{said}"
            );
        }
    }
    let (code, _, said) =
        run(&server, &["embed", &samples(), "--out", "e.parquet", "--model", "https://me:secret@host/model"]);
    assert!(code == 2 && said.contains("read from a file") && !said.contains("secret"), "{code}: {said}");
    let written = fs::read_dir(&out).map_or(0, |entries| entries.count());
    assert_eq!(written, 0);
}

#[test]
fn what_cannot_be_read_from_or_written_to_a_store_is_a_usage_error() {
    let server = Server::start(films("bucket/"), Fault::None, false);
    for (arguments, words) in [
        (&["scan", "s3://bucket/list.csv"][..], "are read from files only"),
        (&["scan", "s3://bucket/none/"], "no video in s3://bucket/none/"),
        (
            &["scan", "s3://bucket/", "--out", "http://host/m.parquet"],
            "nothing can be written to a server of HTTP",
        ),
        (
            &["preprocess", "s3://bucket/", "--out", "s3://bucket/s/", "--slice", "0/2"],
            "slices are written to a folder",
        ),
        (
            &["pretrain", "--data", "s3://bucket/", "--out", "s3://bucket/run"],
            "is an address of an object store",
        ),
    ] {
        let (code, _, said) = run(&server, arguments);
        assert!(code == 2 && said.contains(words), "{}: {code}: {said}", arguments.join(" "));
    }
    assert_eq!(server.objects("bucket/").len(), 4);
}
