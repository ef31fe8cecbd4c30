//! A scan, and a training by what it found: on the films that can be used, as if the others had never been there.

use std::{fs, path::Path};

use crate::{
    films::{film, pretrain},
    killed::files,
    refusal, shared, stdout, succeed, text,
};

/// Ten good films in `folder`, in the order of their names, and between them what is none: texts, films that were
/// cut or damaged, and, where they are there, films that were made to harm.
fn mixed(folder: &Path) -> Vec<String> {
    let at = |name: &str| folder.join(name);
    let mut good = Vec::new();
    for number in 0..10 {
        let path = at(&format!("{number}0-film.mp4"));
        film(&path, number);
        good.push(text(&path).to_owned());
        let whole = fs::read(&path).unwrap();
        fs::write(at(&format!("{number}1-text.mp4")), format!("text {number}")).unwrap();
        fs::write(at(&format!("{number}2-cut.mp4")), &whole[..whole.len() * (number + 1) / 12]).unwrap();
        let mut damaged = whole.clone();
        // In the middle of its pictures: only a decode finds it.
        damaged[whole.len() / 2..][..400].fill(0x5a);
        fs::write(at(&format!("{number}3-damaged.mp4")), damaged).unwrap();
    }
    if let Some(attacks) = shared("clips/attacks") {
        let attacks = fs::read_dir(attacks).unwrap().map(|entry| entry.unwrap().path());
        for attack in attacks.filter(|path| path.extension().is_some_and(|end| end == "mp4" || end == "mkv"))
        {
            fs::copy(&attack, at(&format!("54-{}", attack.file_name().unwrap().display()))).unwrap();
        }
    }
    good
}

#[test]
fn a_training_by_a_manifest_of_the_good_films_is_one_on_them_alone() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    fs::create_dir(place("films")).unwrap();
    let films = mixed(&place("films"));
    let (all, good, list) = (place("all.parquet"), place("good.parquet"), place("good.txt"));
    let scan = ["scan", text(&place("films")), "--verify", "--json", "--out"].map(str::to_owned);
    let scan = |out: &Path, more: &[&str]| {
        let words: Vec<&str> = scan.iter().map(String::as_str).collect();
        stdout(&[&words[..], &[text(out)], more].concat())
    };
    // Where an earlier scan left an index, there is none of other numbers.
    scan(&good, &[]);
    let rows = scan(&good, &["--only-good"]);
    assert!(!place("good.index").exists());
    let row = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
    let found: Vec<_> = rows.lines().map(row).filter(|row| row["verdict"] == "good").collect();
    let found: Vec<&str> = found.iter().map(|row| row["path"].as_str().unwrap()).collect();
    // A film that was made to harm may be one that every decoder takes.
    assert!(films.iter().all(|film| found.contains(&film.as_str())), "{found:?}");
    assert!(found.iter().all(|path| path.ends_with("-film.mp4") || path.contains("54-")), "{found:?}");
    fs::write(&list, found.join("\n")).unwrap();
    assert!(rows.lines().count() >= 40, "of those that cannot be used it says why");
    assert_eq!(scan(&all, &[]), rows);

    let trained = |data: &Path, name: &str| {
        let more = ["--steps", "6", "--set", "run.max_failed_share=0.95", "--set", "clip.verify=video"];
        succeed(&pretrain(data, &place(name), &more));
        (files(&place(name), "checkpoint-6.safetensors"), files(&place(name), "quarantine.jsonl"))
    };
    let (alone, none) = trained(&list, "alone");
    let (by_manifest, none_either) = trained(&good, "by-manifest");
    assert_eq!(alone.len(), 1);
    assert!(alone == by_manifest, "other weights than those of the good films alone");
    assert!(none.values().chain(none_either.values()).all(Vec::is_empty));
    // Films that cannot be used have their places in the order, and leave it to others.
    assert!(trained(&all, "with-places").0 != alone);
    let (by_folder, verdicts) = trained(&place("films"), "by-folder");
    assert!(by_folder == trained(&all, "again").0 && !verdicts["quarantine.jsonl"].is_empty());
}

#[test]
fn copies_of_verified_films_are_not_decoded_whole() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let (films, copies, manifest) = (place("films"), place("copies"), place("verified.parquet"));
    fs::create_dir(&films).unwrap();
    fs::create_dir(&copies).unwrap();
    for number in 0..6 {
        film(&films.join(format!("{number}.mp4")), number);
        let mut copy = fs::read(films.join(format!("{number}.mp4"))).unwrap();
        if number == 3 {
            let middle = copy.len() / 2;
            copy[middle..][..400].fill(0x5a);
        }
        fs::write(copies.join(format!("{number}-copied.mp4")), copy).unwrap();
    }
    let rows = stdout(&["scan", text(&films), "--verify", "--json", "--out", text(&manifest)]);
    let first: serde_json::Value = serde_json::from_str(rows.lines().next().unwrap()).unwrap();
    let digest = blake3::hash(&fs::read(films.join("0.mp4")).unwrap());
    assert_eq!(first["blake3"], digest.to_hex().as_str());

    let trained = |name: &str, setting: &str| {
        let set = ["--steps", "2", "--set", "clip.verify=video", "--set", setting];
        succeed(&pretrain(&copies, &place(name), &set));
        let quarantine = fs::read_to_string(place(name).join("quarantine.jsonl")).unwrap();
        let metrics = fs::read_to_string(place(name).join("metrics.jsonl")).unwrap();
        let row = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
        let rows: Vec<_> = metrics.lines().map(row).collect();
        let losses: Vec<_> = rows.iter().map(|row| row["loss"].to_string()).collect();
        // Until the first step: later clips are of films that were verified by then, and how many are read ahead is chance.
        let [sent, clips] = ["packets_sent", "clips"].map(|key| rows[0]["loader"][key].as_f64().unwrap());
        (losses, quarantine.contains("3-copied.mp4"), sent / clips)
    };
    let setting = format!("clip.verified_in={}", text(&manifest));
    let (whole, by_digest) = (trained("whole", "clip.verified_in="), trained("by-digest", &setting));
    assert_eq!(whole.0, by_digest.0);
    assert!(
        whole.1 && by_digest.1,
        "the damaged copy has the length of a film that was verified, and is none"
    );
    assert!(
        by_digest.2 > 0.0 && 1.5 * by_digest.2 < whole.2,
        "{} and {} packets a clip",
        by_digest.2,
        whole.2
    );
}

#[test]
fn a_manifest_without_digests_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let [films, manifest, out] = ["films", "manifest.parquet", "run"].map(|name| folder.path().join(name));
    fs::create_dir(&films).unwrap();
    (0..4).for_each(|number| film(&films.join(format!("{number}.mp4")), number));
    succeed(&["scan", text(&films), "--out", text(&manifest)]);
    for (manifest, why) in [(text(&manifest), "lists no verified video"), ("missing.parquet", "cannot read")]
    {
        let setting = format!("clip.verified_in={manifest}");
        let (code, said) = refusal(&pretrain(&films, &out, &["--steps", "1", "--set", &setting]));
        assert_eq!(code, 2, "{said}");
        assert!(
            said.contains("clip.verified_in") && said.contains(why) && said.contains("--verify"),
            "{said}"
        );
    }
}
