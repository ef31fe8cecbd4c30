//! `tubelet report`: one file that opens without a network, whatever names it is given to show.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
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
        for words in ["curve run1", "class=\"legend\"", "optimiser.base_lr", "first, step "] {
            assert!(dom.contains(words), "{words}");
        }
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
fn a_report_of_shards_has_what_they_hold_and_what_gave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let films = hostile_films(folder.path());
    for store in ["packets", "frames"] {
        let (shards, page) = (folder.path().join(store), folder.path().join(format!("{store}.html")));
        let made = ["preprocess", text(&films), "--out", text(&shards), "--store", store, "--recipe", "tiny"];
        succeed(&[&made[..], &["--set", "run.max_failed_share=0.5"]].concat());
        let Some(dom) = look(&[&shards], &page) else { return };
        assert!(dom.contains("Shards: ") && dom.contains(&format!("{store}-00000.parquet")), "{store}");
        assert!(dom.contains("&lt;script&gt;alert(1)&lt;/script&gt;.mp4"), "{store}: a video is named");
        assert!(
            dom.contains("&lt;img src=x onerror=alert(2)&gt;.mp4"),
            "{store}: the film that failed is named"
        );
    }
}

#[test]
fn a_run_whose_newest_checkpoint_is_damaged_is_told_of_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let films = films::class_folders(folder.path(), 4);
    let (run, page) = (folder.path().join("run"), folder.path().join("run.html"));
    succeed(&films::pretrain(&films, &run, &["--steps", "2"]));
    fs::write(run.join("checkpoint-2.safetensors"), "no checkpoint").unwrap();
    fs::write(run.join("run.json"), "{").unwrap();
    let said = crate::said(&["report", text(&run), "--out", text(&page)]);
    assert!(said.contains("the newest checkpoint cannot be read"), "{said}");
    let html = fs::read_to_string(&page).unwrap();
    assert!(html.contains("the newest checkpoint cannot be read") && html.contains("<td class=\"n\">2</td>"));
    assert!(html.contains("what the run was asked for cannot be read"));
}

/// A served report; it ends with this.
struct Served {
    process: Child,
    address: String,
}

impl Served {
    fn of(run: &Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_tubelet"))
            .args(["report", text(run), "--serve", "--port", "0", "--json"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: serde_json::Value = serde_json::from_str(&line).unwrap();
        let address = said["address"].as_str().unwrap();
        let address = address.strip_prefix("http://").and_then(|rest| rest.strip_suffix('/')).unwrap();
        Self { address: address.to_owned(), process }
    }

    /// Status line, other lines of the head, and body.
    fn ask(&self, line: &str, host: &str) -> (String, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "{line} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    fn get(&self, path: &str) -> (String, String) {
        self.ask(&format!("GET {path}"), &self.address)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself, which the test has noticed then.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_served_report_follows_the_run_and_answers_this_machine_only() {
    let folder = tempfile::tempdir().unwrap();
    let films = films::class_folders(folder.path(), 4);
    let run = folder.path().join("run");
    succeed(&films::pretrain(&films, &run, &["--steps", "2"]));
    let served = Served::of(&run);
    assert!(served.address.starts_with("127.0.0.1:"), "{}", served.address);
    let (head, page) = served.get("/");
    assert!(head.starts_with("HTTP/1.1 200 OK") && head.contains("frame-ancestors 'none'"), "{head}");
    let (_, state) = served.get("/state");
    assert!(page.contains(&format!("const STATE = \"{state}\"")) && page.contains("connect-src 'self'"));
    assert!(page.contains(">2 of 2<"), "two steps were made");
    assert_eq!(served.get("/state").1, state, "nothing has changed");
    succeed(&films::pretrain(&films, &run, &["--steps", "3", "--resume"]));
    assert_ne!(served.get("/state").1, state, "the run has gone on");
    assert!(served.get("/").1.contains(">3 of 3<"), "and is shown");
    for (line, host, status) in [
        ("GET /", "evil.example", "421"),
        ("GET /state", "evil.example", "421"),
        ("POST /", &served.address, "405"),
        ("GET /recipe.toml", &served.address, "404"),
        ("GET /../run/run.json", &served.address, "404"),
    ] {
        let (head, body) = served.ask(line, host);
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status} ")) && !body.contains("<html"),
            "{line} {host}: {head}"
        );
    }
    let (head, body) = served.ask("HEAD /", &served.address);
    assert!(head.starts_with("HTTP/1.1 200") && body.is_empty());
    let port = served.address.rsplit(':').next().unwrap();
    let (code, words) = refusal(&["report", text(&run), "--serve", "--port", port]);
    assert!(code == 2 && words.contains("cannot be listened on"), "{words}");
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
