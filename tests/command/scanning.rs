//! A scan, and a training by what it found: on the films that can be used, as if the others had never been there.

use std::{fs, path::Path};

use crate::{
    films::{film, pretrain},
    killed::files,
    shared, stdout, succeed, text,
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
