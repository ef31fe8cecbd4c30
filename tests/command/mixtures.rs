//! Several data sets by weights: their shares, whatever the number of workers, and a run that is cut and goes on.

use std::{collections::BTreeMap, fs, path::Path};

use crate::{SMALL, films::film, killed::kill_when, refusal, said, stdout, succeed, text};

/// Two folders, of six films and of two.
fn folders(folder: &Path) -> [String; 2] {
    for number in 0..6 {
        film(&folder.join(format!("films/{number}.mp4")), number);
    }
    for number in 6..8 {
        film(&folder.join(format!("robots/{number}.mp4")), number);
    }
    ["films", "robots"].map(|set| text(&folder.join(set)).to_owned())
}

/// The clips of a mixture, a line each.
fn clips(data: &[&str], workers: &str, count: &str) -> Vec<String> {
    let print = ["inspect", "batches", "--workers", workers, "--count", count];
    let arguments = [&print[..2], data, &print[2..], &SMALL].concat();
    stdout(&arguments).lines().map(str::to_owned).collect()
}

/// How many clips are of each film.
fn by_film(clips: &[String]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for clip in clips {
        let video = clip.split('\t').nth(2).unwrap();
        *counts.entry(video.rsplit('/').next().unwrap().to_owned()).or_default() += 1;
    }
    counts
}

#[test]
fn sets_have_their_shares_and_any_number_of_workers_gives_the_same_clips() {
    let folder = tempfile::tempdir().unwrap();
    let [films, robots] = folders(folder.path());
    let mixed = format!("{films}=1,{robots}=3");
    let one = clips(&[&mixed], "1", "32");
    assert_eq!(one, clips(&[&mixed], "2", "32"));
    assert_eq!(one, clips(&[&format!("{films}=2"), &format!("{robots}=6")], "5", "32"));
    // Eight clips an epoch, six of them of two films; a video that comes again has other frames.
    let counts = by_film(&one);
    assert_eq!(["6.mp4", "7.mp4"].map(|film| counts[film]), [12, 12], "{counts:?}");
    let mut again: Vec<&str> = one.iter().filter(|clip| clip.contains("6.mp4")).map(String::as_str).collect();
    let columns = |clip: &str| clip.split('\t').skip(2).collect::<Vec<_>>().join("\t");
    again.dedup_by_key(|clip| columns(clip));
    assert!(again.len() > 4, "{again:?}");
}

#[test]
fn files_a_list_and_shards_are_mixed_and_give_the_clips_of_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let [films, robots] = folders(folder.path());
    let [list, frames, packets] = ["list.csv", "frames", "packets"].map(|name| folder.path().join(name));
    fs::write(&list, (0..6).map(|number| format!("films/{number}.mp4,0\n")).collect::<String>()).unwrap();
    succeed(&[&["preprocess", &robots, "--out", text(&packets), "--store", "packets"][..], &SMALL].concat());
    succeed(&[&["preprocess", &robots, "--out", text(&frames)][..], &SMALL].concat());
    let pixels = |data: &str| -> Vec<String> {
        let column = |clip: &String| clip.split('\t').skip(4).collect::<Vec<_>>().join("\t");
        clips(&[data], "2", "8").iter().map(column).collect()
    };
    let of_files = pixels(&format!("{films}=1,{robots}=1"));
    assert_eq!(of_files, pixels(&format!("{}=1,{}=1", text(&list), text(&packets))));
    // The first frames of frame shards were drawn for that set alone; crops and masks are those of the mixture.
    let of_frames = pixels(&format!("{films}=1,{}=1", text(&frames)));
    let same = of_files.iter().zip(&of_frames).filter(|(one, other)| one == other).count();
    let mask = |clip: &String| clip.split('\t').nth(3).unwrap().to_owned();
    assert!(same == 4 && of_files.iter().map(mask).eq(of_frames.iter().map(mask)), "{of_frames:#?}");
}

#[test]
fn a_broken_film_gives_its_clips_to_others_of_its_set() {
    let folder = tempfile::tempdir().unwrap();
    let [films, robots] = folders(folder.path());
    fs::write(Path::new(&robots).join("6.mp4"), "no film").unwrap();
    let mixed = format!("{films}=1,{robots}=1");
    let of_robots = |clips: &[String]| clips.iter().filter(|clip| clip.contains("/robots/")).count();
    let counts = by_film(&clips(&[&mixed], "2", "16"));
    assert!(!counts.contains_key("6.mp4") && counts["7.mp4"] == 8, "{counts:?}");
    assert_eq!(of_robots(&clips(&[&mixed], "2", "16")), counts["7.mp4"]);
    fs::write(Path::new(&robots).join("7.mp4"), "no film").unwrap();
    let print = ["inspect", "batches", &mixed, "--count", "16", "--set", "run.max_failed_share=1"];
    let (code, words) = refusal(&[&print[..], &SMALL].concat());
    assert!(code == 1 && words.contains("none of the clips of robots can be read in epoch 0"), "{words}");
}

#[test]
fn a_mixed_training_killed_and_resumed_ends_with_the_same_bytes_and_keeps_its_weights() {
    let folder = tempfile::tempdir().unwrap();
    let [films, robots] = folders(folder.path());
    let mixed = format!("{films}=3,{robots}=1");
    let train = |out: &Path, more: &[&str]| {
        let arguments = ["pretrain", "--data", &mixed, "--out", text(out), "--steps", "8"];
        [&arguments[..], more, &SMALL].concat().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let [whole, cut] = ["whole", "cut"].map(|name| folder.path().join(name));
    let run = |arguments: &[String]| said(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    run(&train(&whole, &[]));
    let begin = train(&cut, &[]);
    let begin: Vec<&str> = begin.iter().map(String::as_str).collect();
    kill_when(&begin, || cut.join("checkpoint-3.safetensors").exists());
    let resume = ["pretrain", "--out", text(&cut), "--resume"];
    for (data, says) in [
        (format!("{films}=1,{robots}=1"), "was begun with the mixture films=3,robots=1"),
        (films.clone(), "--data names no mixture"),
    ] {
        let (code, words) = refusal(&[&resume[..], &["--data", &data]].concat());
        assert!(code == 2 && words.contains(says), "{words}");
    }
    // The same weights by other numbers, in a mixture file of another folder; the sets are where they have moved to.
    let moved = folder.path().join("moved");
    fs::create_dir(&moved).unwrap();
    for set in ["films", "robots"] {
        fs::rename(folder.path().join(set), moved.join(set)).unwrap();
    }
    let table = "[[data]]\nvideos = \"films\"\nweight = 1.5\n[[data]]\nvideos = [\"robots\"]\nweight = 0.5\n";
    fs::write(moved.join("mixture.toml"), table).unwrap();
    succeed(&[&resume[..], &["--data", text(&moved.join("mixture.toml"))]].concat());
    let last = |run: &Path| tensors(&fs::read(run.join("checkpoint-8.safetensors")).unwrap()).to_vec();
    assert!(last(&whole) == last(&cut), "the weights differ");

    let lines = fs::read_to_string(whole.join("metrics.jsonl")).unwrap();
    for line in lines.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let of = |set: &str, key: &str| line["sets"][set][key].as_f64();
        let shares = [of("films", "share").unwrap(), of("robots", "share").unwrap()];
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-6, "{line}");
        // A line a step: the loss is that of the sets together.
        let part = |set, share| of(set, "loss").map_or(0.0, |loss| loss * share);
        let loss = part("films", shares[0]) + part("robots", shares[1]);
        assert!((loss - line["loss"].as_f64().unwrap()).abs() < 1e-5, "{line}");
    }
    let state: serde_json::Value =
        serde_json::from_slice(&fs::read(whole.join("run.json")).unwrap()).unwrap();
    let sets = &state["data"]["mixture"];
    assert_eq!(
        (&sets[0]["name"], &sets[0]["weight"], &sets[1]["videos"]),
        (&"films".into(), &3.0.into(), &2.into())
    );
}

/// What follows the head, which names the data's folder.
fn tensors(bytes: &[u8]) -> &[u8] {
    let (length, behind) = bytes.split_first_chunk::<8>().unwrap();
    &behind[usize::try_from(u64::from_le_bytes(*length)).unwrap()..]
}

#[test]
fn what_cannot_be_mixed_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let [films, robots] = folders(folder.path());
    let shards = folder.path().join("shards");
    let settings = [&SMALL[..], &["--set", "clip.short_side=48"]].concat();
    succeed(&[&["preprocess", &robots, "--out", text(&shards)][..], &settings].concat());
    let both = format!("{films}=1,{}=1", text(&shards));
    let batches = |data: &[&str]| refusal(&[&["inspect", "batches"][..], data, &SMALL].concat());
    for (data, says) in [
        (vec![both.as_str()], "shards: the shards were made with clip.short_side = 48, not 0"),
        (vec![&format!("{films}=1"), &robots], "has no weight"),
        (vec![&format!("{films}=1,{films}/nothing=1")], "no such file or folder"),
    ] {
        let (code, words) = batches(&data);
        assert!(code == 2 && words.contains(says), "{words}");
    }
    let (code, words) =
        refusal(&["embed", &format!("{films}=1"), "--out", "never.parquet", "--model", "none"]);
    assert!(code == 2 && words.contains("a mixture of data sets, which only pre-training takes"), "{words}");
}
