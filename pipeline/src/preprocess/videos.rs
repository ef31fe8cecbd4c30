//! Rows of video shards: the files of films as they are, once all of a film has decoded without complaint.

use std::{fs::File, io::Read as _, path::Path, sync::Arc};

use schemas::{regular_file, video_shard::VideoShardFacts};

use super::{KeyMaker, KeyRows, packets};
use crate::{
    VideoNumber,
    dataset::VideoList,
    shard::{MOST_BYTES, video_row},
    source::{Reach, SourceError},
    system,
    video::Limits,
};

/// What a video shard says of a film.
#[derive(Clone, Debug)]
pub struct DescribedVideo {
    /// Its name, which is no place on this machine.
    pub name: String,
    /// Its class.
    pub label: Option<i32>,
}

/// Makes the rows of a dataset of video shards from `videos`, of each of which something is `said`.
pub fn videos(
    videos: VideoList,
    said: Vec<DescribedVideo>,
    facts: VideoShardFacts,
    limits: Limits,
) -> Arc<dyn Fn() -> KeyMaker + Send + Sync> {
    let paths = videos.clone();
    packets::of_each_video(videos, limits, move |_, opened, number| {
        match (paths.entries().get(number.index()), said.get(number.index())) {
            (Some(video), Some(said)) => rows(&video.path, opened.open.facts.bytes, number, said, &facts),
            _ => Err(SourceError::Broken { reason: format!("nothing is said of video {}", number.0) }),
        }
    })
}

fn rows(
    path: &Path,
    bytes: u64,
    number: VideoNumber,
    said: &DescribedVideo,
    facts: &VideoShardFacts,
) -> KeyRows {
    let failed = |verdict: &str, reason: String| {
        Err(SourceError::Failed { verdict: verdict.to_owned(), reason, reach: Reach::Video })
    };
    if path.is_dir() {
        return failed("unsupported", "a folder of pictures is no file that a shard could hold".to_owned());
    }
    if bytes > MOST_BYTES {
        return failed("too-large", format!("it has {bytes} bytes, and a row holds {MOST_BYTES} at most"));
    }
    let file = system::read(path, || {
        let mut file = Vec::with_capacity(bytes as usize);
        let open: File = regular_file::open(path)?;
        open.take(MOST_BYTES + 1).read_to_end(&mut file).map(|_| file)
    });
    match file {
        Ok(Ok(file)) if file.len() as u64 <= MOST_BYTES => {
            Ok(vec![video_row(facts, number, &said.name, said.label, file)])
        }
        Ok(Ok(_)) => failed("too-large", format!("a row holds {MOST_BYTES} bytes at most")),
        Ok(Err(why)) => failed("cannot-open", format!("it cannot be read: {why}")),
        Err(why) => Err(SourceError::Broken { reason: why.to_string() }),
    }
}
