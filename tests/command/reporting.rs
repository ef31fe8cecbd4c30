//! `tubelet report`: one file that opens without a network, whatever names it is given to show.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{browser, films, refusal, shared, stdout, succeed, text};

/// Bytes of a report at most.
const MOST: u64 = 5_000_000;
/// A folder and a file in it: what a name can be that wants to be a script.
const SCRIPT: &str = "<script>alert(1)</script>.mp4";
/// A name that wants to be a picture.
const PICTURE: &str = "\"><img src=x onerror=alert(2)>.mp4";

/// Films of two classes, one with the name of a script, and one that is none with the name of a picture.
fn hostile_films(folder: &Path) -> PathBuf {
    let films = films::class_folders(folder, 8);
    films::film(&films.join("a").join(SCRIPT), 20);
    fs::write(films.join("b").join(PICTURE), "no film").unwrap();
    films
}

/// Writes a report, and looks at it as a browser does: nothing went wrong, and nothing came from a name.
fn look(inputs: &[&Path], out: &Path) -> Option<String> {
    let inputs: Vec<&str> = inputs.iter().map(|path| text(path)).collect();
    let said = stdout(&[&["report"], &inputs[..], &["--out", text(out), "--json"]].concat());
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    let html = fs::read_to_string(out).unwrap();
    assert_eq!((said["out"].as_str(), said["bytes"].as_u64()), (Some(text(out)), Some(html.len() as u64)));
    assert!((html.len() as u64) < MOST, "{} bytes", html.len());
    assert_eq!(html.matches("<script").count(), 2, "data and the page's own script");
    for outside in ["http://", "https://", "//cdn", "@import", "url("] {
        let own = "http://www.w3.org/2000/svg";
        assert!(!html.replace(own, "").contains(outside), "{outside}");
    }
    let seen = browser::open(out)?;
    let [console] = &seen.console[..] else { panic!("{:#?}", seen.console) };
    assert!(console.contains("the page was tried"), "{console}");
    assert!(!seen.dom.contains("data-alerted"), "a name was run");
    assert_eq!(seen.dom.matches("<script").count(), 4, "the page's own two, and two of the test");
    assert!(!seen.dom.contains("<img src=\"x\""), "a name became a picture");
    Some(seen.dom)
}

#[test]
fn a_report_of_runs_has_their_curves_and_what_differs_and_no_name_becomes_a_script() {
    let folder = tempfile::tempdir().unwrap();
    let films = hostile_films(folder.path());
    let place = |name: &str| folder.path().join(name);
    let probe = format!("run.probe_data={}", text(&films));
    let watched = ["--set", &probe, "--set", "run.probe_every=3", "--set", "run.reconstruct_every=3"];
    let watched =
        [&watched[..], &["--set", "run.probe_split=test=0.4", "--set", "run.max_failed_share=0.5"]].concat();
    let (first, second, tuned) = (place("first"), place("second"), place("tuned"));
    succeed(&films::pretrain(&films, &first, &[&["--steps", "6"], &watched[..]].concat()));
    let other = ["--steps", "4", "--set", "optimiser.base_lr=0.001", "--set", "run.max_failed_share=0.5"];
    succeed(&films::pretrain(&films, &second, &other));
    let learning = ["--init", "scratch", "--split", "test=0.4", "--steps", "3", "--set", "views.every=1"];
    let learning = [&learning[..], &["--set", "run.max_failed_share=0.5"]].concat();
    succeed(&films::finetune(&films, &tuned, &learning));
    if let Some(dom) = look(&[&first], &place("one.html")) {
        for words in
            ["6 of 6", "best k-NN probe", "What was predicted", "step 3", "Where the loader's time went"]
        {
            assert!(dom.contains(words), "{words}");
        }
        assert!(dom.contains("&lt;img src=x onerror=alert(2)&gt;.mp4"), "the film that failed is named");
        // Drawn by the script, told under the pointer, and switched by the click.
        assert!(dom.matches("class=\"curve run0\"").count() >= 4, "no curves");
        assert!(dom.contains("aria-pressed=\"true\"") && dom.contains("class=\"cross\""));
        assert!(dom.contains("step 3: ") || dom.contains("step 4: "));
    }
    if let Some(dom) = look(&[&first, &second], &place("two.html")) {
        assert!(
            dom.contains("curve run1") && dom.contains("optimiser.base_lr") && dom.contains("first, step ")
        );
    }
    if let Some(dom) = look(&[&tuned], &place("tuned.html")) {
        for words in ["first answer is right (top-1)", "Confusion", "Validation: loss", "class=\"matrix\""] {
            assert!(dom.contains(words), "{words}");
        }
    }
    if let Some(dom) = look(&[&tuned.join("predictions.parquet")], &place("test.html")) {
        assert!(dom.contains("class=\"matrix\""));
    }
}

#[test]
fn a_report_of_a_scan_has_formats_and_thumbnails_and_names_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let films = hostile_films(folder.path());
    let place = |name: &str| folder.path().join(name);
    succeed(&["scan", text(&films), "--out", text(&place("manifest.parquet"))]);
    if let Some(dom) = look(&[&place("manifest.parquet")], &place("scan.html")) {
        assert!(dom.contains("h264") && dom.contains("not-a-video"));
        assert!(dom.matches("src=\"data:image/jpeg;base64,").count() >= 9, "thumbnails");
        assert!(dom.contains("script&gt;.mp4 ·"), "the film with a script's name is shown");
    }
    if let Some(clips) = shared("clips") {
        succeed(&["scan", text(&clips), "--out", text(&place("clips.parquet"))]);
        look(&[&place("clips.parquet")], &place("clips.html"));
    }
}

#[test]
fn what_is_neither_a_run_nor_a_table_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report.html");
    let wrong = folder.path().join("wrong.parquet");
    fs::write(&wrong, "no table").unwrap();
    for (input, says) in [
        (folder.path(), "is not a run: it has no recipe.toml"),
        (wrong.as_path(), "is neither a run nor a manifest nor predictions"),
        (Path::new("absent"), "no such file or folder"),
    ] {
        let (code, words) = refusal(&["report", text(input), "--out", text(&out)]);
        assert!(code == 2 && words.contains(says), "{words}");
        assert!(!out.exists());
    }
}
