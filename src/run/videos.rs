//! A run's videos, found again where they are now.

use pipeline::dataset::Dataset;
use schemas::run_state::{Part, RunVideo};

use crate::{
    data::listing::{self, Listing},
    error::{Result, Usage},
    observer::Observer,
    words::listed,
};

/// Where the videos that were found are those of a run.
pub struct Again {
    /// The row of each video of the run, in the run's order.
    pub rows: Vec<usize>,
    /// Rows of videos that the run does not know.
    pub others: Vec<usize>,
}

/// The videos of `part` (all without one) among `names`, which are those of the data as it is now.
///
/// # Errors
/// Usage error: videos of the run are not there.
pub fn again(known: &[RunVideo], part: Option<Part>, names: &[String]) -> Result<Again> {
    let wanted = known.iter().filter(|video| part.is_none_or(|part| video.part == part));
    let wanted: Vec<&str> = wanted.map(|video| video.video.as_str()).collect();
    match listing::find_again(&wanted, names) {
        Ok((rows, others)) => Ok(Again { rows, others }),
        Err(missing) => {
            let (count, all) = (missing.len(), wanted.len());
            Err(Usage::new(format!("{count} of the run's {all} videos are missing: {}", listed(&missing)))
                .hint("--data FOLDER says where they are now; a video is found by its path below the folder")
                .into())
        }
    }
}

/// Tells which videos the run does not know and leaves out.
pub fn note_left_out(others: &[usize], names: &[String], observer: &dyn Observer) {
    if others.is_empty() {
        return;
    }
    let added: Vec<String> = others.iter().filter_map(|&row| names.get(row).cloned()).collect();
    observer.note(format_args!(
        "{} videos came after the run began and are left out, neither trained on nor tested: {}",
        added.len(),
        listed(&added)
    ));
}

/// The same videos in the order of the run. Shards are taken whole: what they hold is counted as they count.
///
/// # Errors
/// Usage error: the shards hold other videos.
pub fn in_order(listing: Listing, again: &Again, observer: &dyn Observer) -> Result<Dataset> {
    let names = listing.names();
    let in_place = again.others.is_empty() && again.rows.iter().enumerate().all(|(at, row)| at == *row);
    match listing.dataset {
        dataset if in_place => Ok(dataset),
        Dataset::Videos(videos) => {
            note_left_out(&again.others, &names, observer);
            let numbers: Vec<_> =
                again.rows.iter().filter_map(|&row| listing.numbers.get(row).copied()).collect();
            Ok(Dataset::Videos(videos.chosen(&numbers)))
        }
        Dataset::FrameShards(_) | Dataset::PacketShards(_) | Dataset::Mixture(_) => {
            let others: Vec<String> =
                again.others.iter().filter_map(|&row| names.get(row).cloned()).collect();
            let message = match others.is_empty() {
                true => "the shards hold the run's videos in another order".to_owned(),
                false => format!("the shards hold videos that the run does not know: {}", listed(&others)),
            };
            Err(Usage::new(message).hint("give the shards that the run began with").into())
        }
    }
}
