//! Pictures, animations and folders of numbered pictures as videos.

use std::{fs, path::Path};

use image::{Rgb, RgbImage, codecs::gif::GifEncoder};

use crate::{
    films,
    fixtures::made::{self, Times},
    models, refusal, said, stdout, text, tubelet,
};

/// A picture with a stripe at `x`.
fn picture(x: u32) -> RgbImage {
    RgbImage::from_fn(64, 48, |column, row| {
        Rgb([if column / 8 == x % 8 { 250 } else { 20 }, (row * 5) as u8, (column * 4) as u8])
    })
}

/// The row that a scan writes of a file.
fn scanned(path: &Path) -> serde_json::Value {
    let out = path.with_extension("parquet");
    let rows = stdout(&["scan", text(path), "--out", text(&out), "--json"]);
    serde_json::from_str(rows.lines().next().unwrap()).unwrap()
}

fn animation(path: &Path, frames: u32) {
    let mut encoder = GifEncoder::new(fs::File::create(path).unwrap());
    let frame = |x| image::Frame::new(image::DynamicImage::ImageRgb8(picture(x)).into_rgba8());
    encoder.encode_frames((0..frames).map(frame)).unwrap();
}

/// A photograph of 96×64 pixels.
fn photograph(path: &Path) {
    made::make(path, "jpegenc", "identity", Times::Right);
    let pictures = fs::read(path).unwrap();
    // Within a picture no byte of it follows an FF.
    let end = pictures.windows(2).position(|pair| pair == [0xff, 0xd9]).unwrap() + 2;
    fs::write(path, &pictures[..end]).unwrap();
}

#[test]
fn pictures_and_animations_are_scanned_predicted_and_embedded() {
    let folder = tempfile::tempdir().unwrap();
    let [png, gif, jpeg] = ["still.png", "moving.gif", "photo.jpg"].map(|name| folder.path().join(name));
    picture(3).save(&png).unwrap();
    photograph(&jpeg);
    let row = scanned(&jpeg);
    assert_eq!((row["container"].as_str(), row["frames"].as_u64()), (Some("jpeg"), Some(1)), "{row}");
    animation(&gif, 20);
    let row = scanned(&png);
    assert_eq!((row["container"].as_str(), row["frames"].as_u64()), (Some("png"), Some(1)), "{row}");
    // What a server gave in place of a film.
    let named = folder.path().join("film.mp4");
    fs::copy(&png, &named).unwrap();
    let out = folder.path().join("named.parquet");
    let (_, words) = refusal(&["scan", text(&named), "--out", text(&out)]);
    assert!(words.contains("not-a-video"), "{words}");
    let row = scanned(&gif);
    assert_eq!((row["container"].as_str(), row["frames"].as_u64()), (Some("gif"), Some(20)), "{row}");
    assert_eq!(row["times"][1].as_u64(), Some(100_000_000));
    let model = models::classifier(folder.path(), &["a", "b"]);
    let all = [text(&png), text(&gif), text(&jpeg)];
    let predicted = stdout(&[&["predict"], &all[..], &["--model", text(&model), "--json"]].concat());
    assert!(
        ["still.png", "moving.gif", "photo.jpg"].iter().all(|name| predicted.contains(name)),
        "{predicted}"
    );
    let out = folder.path().join("vectors.parquet");
    said(&[&["embed"], &all[..], &["--model", text(&model), "--out", text(&out)]].concat());
}

#[test]
fn pretraining_takes_pictures_only_where_the_recipe_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let films = films::class_folders(folder.path(), 4);
    let png = folder.path().join("still.png");
    picture(1).save(&png).unwrap();
    let list = folder.path().join("list.txt");
    let names: String = (0..4).map(|at| format!("films/{}/{at}.mp4\n", ["a", "b"][at / 2 % 2])).collect();
    fs::write(&list, format!("{names}still.png\n")).unwrap();
    assert!(films.is_dir());
    let out = folder.path().join("run");
    let strict = ["--steps", "2", "--set", "run.max_failed_share=0"];
    let (code, words) = refusal(&films::pretrain(&list, &out, &strict));
    assert_eq!(code, 1, "{words}");
    assert!(words.contains("it is a picture (png), and `clip.stills` is false"), "{words}");
    let out = folder.path().join("second");
    said(&films::pretrain(&list, &out, &[&strict[..], &["--set", "clip.stills=true"]].concat()));
}

#[test]
fn a_folder_of_numbered_pictures_is_a_video() {
    let folder = tempfile::tempdir().unwrap();
    let frames = folder.path().join("frames/v1");
    fs::create_dir_all(&frames).unwrap();
    for number in 1..=12 {
        picture(number).save(frames.join(format!("img_{number:05}.png"))).unwrap();
    }
    let row = scanned(&frames);
    assert_eq!((row["verdict"].as_str(), row["frames"].as_u64()), (Some("good"), Some(12)), "{row}");
    let list = folder.path().join("list.txt");
    fs::write(&list, "frames/v1 3 4\n").unwrap();
    let row = scanned(&list);
    assert_eq!((row["start"].as_u64(), row["frames"].as_u64()), (Some(2), Some(4)), "{row}");
    fs::remove_file(frames.join("img_00005.png")).unwrap();
    let out = folder.path().join("gap.parquet");
    let scan = ["scan", text(&frames), text(&list), "--out", text(&out), "--json"];
    let output = tubelet().args(scan).output().unwrap();
    let rows = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{rows}");
    assert!(rows.contains("picture 6 follows picture 4"), "{rows}");
}
