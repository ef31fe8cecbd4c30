//! Video shards: the files themselves with their classes, as Hugging Face's `datasets` reads them.

use std::sync::atomic::AtomicBool;

use pipeline::{VideoNumber, dataset::Dataset, preprocess, preprocess::DescribedVideo};
use schemas::{MADE_BY, video_shard::VideoShardFacts};
use trainer::Recipe;

use super::{
    packets::{name_of, videos_of, videos_per_shard},
    settings::{Preprocessed, Preprocessing},
    shards::Shards,
};
use crate::{
    data::{labels::settings::LabelSettings, listing::Listing, source::limits},
    error::{Error, Result, Usage},
    observer::Observer,
};

/// Makes shards of the videos' files.
pub(super) fn make(
    settings: &Preprocessing,
    dataset: &Dataset,
    recipe: &Recipe,
    stop: &AtomicBool,
    observer: &dyn Observer,
) -> Result<Preprocessed> {
    let videos = videos_of(dataset)?;
    if videos.segments() > 0 {
        let parts = videos.segments();
        let message = format!("{parts} of the videos are parts of their files, and files are stored whole");
        return Err(Usage::new(message).hint("`--store packets` and `--store transcode` store parts").into());
    }
    let (classes, said) = described(settings, observer)?;
    let facts = VideoShardFacts {
        videos: dataset.videos(),
        videos_per_shard: videos_per_shard(settings, videos, |facts: VideoShardFacts| {
            facts.videos_per_shard
        })?,
        classes,
        source: dataset.digest(),
        made_by: MADE_BY.to_owned(),
    };
    let shards = Shards {
        what: "videos",
        name: &|key| name_of(videos, VideoNumber(key)),
        maker: preprocess::videos(videos.clone(), said, facts.clone(), limits(recipe)),
    };
    shards.make(settings, dataset, recipe, &facts, stop, observer)
}

/// The classes, and name and class of each video: as fine-tuning finds them where nothing is said of them. Where it would
/// not know the classes, there are none.
fn described(
    settings: &Preprocessing,
    observer: &dyn Observer,
) -> Result<(Vec<String>, Vec<DescribedVideo>)> {
    // How lists are read was said when they were opened.
    let quiet: &dyn Observer = &();
    let without = |why: &dyn std::fmt::Display| {
        observer.note(format_args!("note: no classes are stored: {why}"));
        let listing = Listing::open(&settings.videos, quiet)?;
        let labels = listing.entries.iter().map(|video| video.label).collect();
        Ok::<_, Error>((Vec::new(), listing.names(), labels))
    };
    let (classes, names, labels): (_, _, Vec<_>) =
        match LabelSettings::default().videos(&settings.videos, None, quiet) {
            // A folder without folders in it.
            Ok((_, labelled)) if labelled.classes.names().len() == 1 => without(&"there is only one")?,
            Ok((videos, labelled)) => {
                let labels = videos.entries().iter().map(|video| video.label).collect();
                (labelled.classes.names().to_vec(), videos.names(), labels)
            }
            Err(Error::Usage(why)) => without(&why)?,
            Err(why) => return Err(why),
        };
    let said = names.into_iter().zip(labels).map(|(name, label)| DescribedVideo { name, label }).collect();
    Ok((classes, said))
}
