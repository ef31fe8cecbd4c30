//! `tubelet frames`: single frames of one video, as digests or as pictures.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::{FrameReader, Usage, command::terminal::Terminal, output_lock};
use anyhow::{Context as _, Result};
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use md5::{Digest as _, Md5};
use pipeline::{
    FrameRank, names,
    picture::{Picture, Sampling},
    video::OpenVideo,
};
use schemas::settings::{Skip, Verify};
use serde::de::DeserializeOwned;

/// Decode frames of one video: print MD5 digests, or write PNG files
///
/// A frame is named by its rank in presentation order, from 0. The digest is that of the decoded planes, as
/// `ffmpeg -f framemd5` prints it. There is one line per frame: rank, time in ns, format, size, MD5,
/// separated by tabs.
///
/// Example: tubelet frames film.mp4 --indices 0,4,8-12 --out pictures
#[derive(clap::Args)]
pub struct Arguments {
    /// The video
    file: PathBuf,
    /// Ranks such as 0,4,8-12; by default all frames
    #[arg(long, value_name = "RANKS", value_delimiter = ',')]
    indices: Vec<String>,
    /// Print the digests, also if --out is given
    #[arg(long)]
    md5: bool,
    /// Print the digests as JSON, one object per frame
    #[arg(long)]
    json: bool,
    /// Write the frames as PNG files into this folder, upright, in RGB
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// What must decode without complaint first: the whole video, or only what the frames need
    #[arg(long, default_value = "video", value_parser = PossibleValuesParser::new(["video", "clip"]).try_map(|word| setting::<Verify>(&word)))]
    verify: Verify,
    /// Which pictures are not decoded: unwanted ones that no other picture refers to, groups without a wanted
    /// picture, or none
    #[arg(long, default_value = "unwanted", value_parser = PossibleValuesParser::new(["unwanted", "groups", "nothing"]).try_map(|word| setting::<Skip>(&word)))]
    skipping: Skip,
}

/// A setting by the word that recipes have for it.
fn setting<T: DeserializeOwned>(word: &str) -> Result<T, serde_json::Error> {
    serde_json::from_value(word.into())
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<()> {
    let mut reader = FrameReader::open(&arguments.file, arguments.verify, arguments.skipping)?;
    let ranks = ranks(&arguments.indices, reader.video().facts.frames)?;
    let pictures = reader.decode(&ranks)?;
    if let Some(folder) = &arguments.out {
        write(folder, &reader, &pictures)?;
    }
    if arguments.md5 || arguments.json || arguments.out.is_none() {
        print(reader.video(), &ranks, &pictures, arguments.json)?;
    }
    Ok(())
}

/// Writes the pictures into a folder.
fn write(folder: &Path, reader: &FrameReader, pictures: &BTreeMap<FrameRank, Picture>) -> Result<()> {
    let _lock = output_lock::folder(folder, &Terminal::default())?;
    for (rank, picture) in pictures {
        let rgb = reader.upright(picture);
        let image = image::RgbImage::from_raw(rgb.width, rgb.height, rgb.pixels)
            .expect("because a frame has three bytes a pixel");
        let mut bytes = Vec::new();
        image.write_to(&mut std::io::Cursor::new(&mut bytes), image::ImageFormat::Png)?;
        let path = folder.join(format!("frame_{:06}.png", rank.0));
        schemas::whole_file::write(&path, &bytes)
            .with_context(|| format!("{} cannot be written", names::shown(&path)))?;
    }
    Ok(())
}

/// Prints a line a frame, as JSON or in columns.
fn print(
    video: &OpenVideo,
    ranks: &[FrameRank],
    pictures: &BTreeMap<FrameRank, Picture>,
    json: bool,
) -> Result<()> {
    use std::io::Write as _;
    let mut stdout = std::io::stdout().lock();
    for rank in ranks {
        let picture = &pictures[rank];
        let time = video.facts.times.get(rank.0 as usize).map(|time| time.0);
        let digest: String = Md5::digest(&picture.planes).iter().map(|byte| format!("{byte:02x}")).collect();
        let (format, width, height) = (format_name(picture), picture.width, picture.height);
        if json {
            let line = serde_json::json!({
                "rank": rank.0, "time_ns": time, "format": format, "width": width, "height": height, "md5": digest,
            });
            writeln!(stdout, "{line}")?;
            continue;
        }
        let time = time.map_or_else(|| "-".into(), |time| time.to_string());
        writeln!(stdout, "{}\t{time}\t{format}\t{width}x{height}\t{digest}", rank.0)?;
    }
    Ok(())
}

/// FFmpeg's name of a picture's layout.
fn format_name(picture: &Picture) -> String {
    let name = match picture.layout.colour {
        Sampling::Grey => "gray",
        Sampling::Yuv420 => "yuv420p",
        Sampling::Yuv422 => "yuv422p",
        Sampling::Yuv411 => "yuv411p",
        Sampling::Yuv410 => "yuv410p",
        Sampling::Yuv444 => "yuv444p",
        Sampling::Gbr => "gbrp",
    };
    match picture.layout.bits {
        8 => name.to_owned(),
        bits => format!("{name}{bits}le"),
    }
}

/// `0`, `4`, `8-12` into ranks, in the order given.
fn ranks(words: &[String], frames: u32) -> Result<Vec<FrameRank>> {
    if words.is_empty() {
        return Ok((0..frames).map(FrameRank).collect());
    }
    let mut ranks = Vec::new();
    for word in words.iter().map(|word| word.trim()) {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        let (Ok(first), Ok(last)) = (first.parse::<u32>(), last.parse::<u32>()) else {
            return Err(Usage::new(format!(
                "`{word}` is neither the rank of a frame nor a range such as 8-12"
            ))
            .into());
        };
        if last >= frames || first > last {
            return Err(Usage::new(format!(
                "there are no frames {word}: the video has {frames}, counted from 0"
            ))
            .into());
        }
        ranks.extend((first..=last).map(FrameRank));
    }
    Ok(ranks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_may_be_ranges() {
        let words = ["3".to_owned(), "0-2".to_owned()];
        assert_eq!(ranks(&words, 4).unwrap(), [3, 0, 1, 2].map(FrameRank));
        assert!(ranks(&["4".into()], 4).unwrap_err().is::<Usage>());
        assert!(ranks(&["x".into()], 4).unwrap_err().is::<Usage>());
        assert_eq!(ranks(&[], 2).unwrap(), [0, 1].map(FrameRank));
    }
}
