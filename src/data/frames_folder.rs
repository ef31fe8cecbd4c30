//! A folder of numbered pictures (`img_00001.jpg` …) as a video, and what lists say of one.
//!
//! ```text
//! frames/v1 1 120      VideoMAE V2's pre-training: the number of the first picture, and how many there are
//! frames/v1 120 3      its fine-tuning, and mmaction2: how many there are, and a class
//! frames/v1 1 120 3    both
//! ```

use std::path::Path;

use pipeline::{
    dataset::list_file::{Form, Listed},
    file::numbered,
    segment::Segment,
};

/// Whether a folder is a video: it holds numbered pictures and nothing else.
pub fn is_one(folder: &Path) -> bool {
    numbers(folder).is_some()
}

/// The numbers of the first and of the last picture.
fn numbers(folder: &Path) -> Option<(i64, i64)> {
    let pictures = numbered::pictures(folder).ok()?;
    let number = |picture: Option<&numbered::Numbered>| i64::try_from(picture?.number).ok();
    number(pictures.first()).zip(number(pictures.last()))
}

/// A line of a list whose numbers follow the name of a folder: its words read anew. Nothing where there is no such
/// folder.
pub fn reread(listed: &Listed, exists: impl Fn(&Path) -> bool) -> Option<Listed> {
    if !matches!(listed.form, Form::Paths | Form::PathLabel) {
        return None;
    }
    let mut words: Vec<&str> = listed.path.split([' ', '\t', ',']).collect();
    words.extend(listed.class.as_deref());
    let behind = words.iter().rev().take_while(|word| word.parse::<i64>().is_ok()).count();
    let folder = words.get(..words.len().checked_sub(behind)?)?.join(" ");
    if !(2..=3).contains(&behind) || !exists(Path::new(&folder)) {
        return None;
    }
    let numbers: Vec<i64> =
        words[words.len() - behind..].iter().filter_map(|word| word.parse().ok()).collect();
    let frames = |start: i64, total: i64| {
        let start = u32::try_from(start).ok()?;
        Segment::frames(start, Some(start.checked_add(u32::try_from(total).ok()?)?)).ok()
    };
    let class = numbers.get(2).map(i64::to_string);
    let segment = frames(numbers[0], numbers[1])?;
    Some(Listed { path: folder, class, segment, form: Form::VideoMaeV2, ..listed.clone() })
}

/// What a line of VideoMAE V2's means of the pictures in `folder`, whose numbers need not begin with 0.
pub fn meant(mut listed: Listed, folder: &Path) -> Listed {
    let (Form::VideoMaeV2, Some((first, last))) = (listed.form, numbers(folder)) else { return listed };
    let Segment::Frames { start, stop: Some(stop) } = listed.segment else { return listed };
    let (start, total, count) = (i64::from(start), i64::from(stop) - i64::from(start), last - first + 1);
    if start >= first && start + total - 1 <= last {
        let rank = |number: i64| u32::try_from(number - first).unwrap_or(u32::MAX);
        listed.segment = match total == count {
            true => Segment::Whole,
            false => Segment::Frames { start: rank(start), stop: Some(rank(start + total)) },
        };
    } else if start == count && listed.class.is_none() {
        // The number of pictures, and a class.
        (listed.segment, listed.class) = (Segment::Whole, Some(total.to_string()));
    }
    listed
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline::dataset::list_file;

    #[test]
    fn lines_of_folders_are_those_of_the_official_lists() {
        let folder = tempfile::tempdir().unwrap();
        let frames = folder.path().join("frames/v1");
        std::fs::create_dir_all(&frames).unwrap();
        for number in 1..=12 {
            std::fs::write(frames.join(format!("img_{number:05}.jpg")), "").unwrap();
        }
        assert!(is_one(&frames) && !is_one(folder.path()));
        for (line, segment, class) in [
            ("frames/v1 1 12", "all of it", None),
            ("frames/v1 3 4", "frames 2 to 6", None),
            ("frames/v1 12 3", "all of it", Some("3")),
            ("frames/v1 1 12 7", "all of it", Some("7")),
            ("frames/v1 9 7", "frames 9 to 16", None),
        ] {
            let listed = list_file::read_text(line, &["mp4"]).unwrap().remove(0);
            let read = reread(&listed, |path| folder.path().join(path).is_dir()).unwrap();
            let read = meant(read, &frames);
            assert_eq!(read.path, "frames/v1", "{line}");
            assert_eq!(
                (read.segment.to_string().as_str(), read.class.as_deref()),
                (segment, class),
                "{line}"
            );
        }
        let plain = list_file::read_text("frames/v2 1 12", &["mp4"]).unwrap().remove(0);
        assert_eq!(reread(&plain, |path| folder.path().join(path).is_dir()), None);
    }
}
