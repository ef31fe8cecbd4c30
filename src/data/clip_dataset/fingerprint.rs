//! What decides which clips a batch holds, as one digest: a loader that goes on compares it.

use pipeline::{
    dataset::Dataset,
    mixture::{Weighted, shares},
};
use schemas::PixelLayout;
use trainer::Recipe;

use super::settings::ClipKind;

/// First word of what is digested; another one makes all digests differ.
const VERSION: &str = "tubelet-clips/1";

/// Videos as the digest knows them: by their names below the folder that they were found in, so that a folder may
/// move, and by what is right of them.
pub(super) struct NamedVideos<'a> {
    pub names: Vec<String>,
    pub labels: Vec<Option<i32>>,
    /// Several labels, or numbers, of each; empty where they have none.
    pub answers: Vec<&'a [f32]>,
    pub classes: &'a [String],
}

/// Digest of the videos, their order and labels, how shards of them were made, and every setting that clips depend
/// on; of no file's contents.
pub(super) fn of(
    dataset: &Dataset,
    videos: &NamedVideos<'_>,
    recipe: &Recipe,
    kind: &ClipKind,
    layout: PixelLayout,
    batch: u64,
) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut word = |word: &str| {
        hasher.update(&(word.len() as u64).to_le_bytes());
        hasher.update(word.as_bytes());
    };
    for decided in [VERSION, kind.name(), layout.name(), &batch.to_string(), &of_store(dataset)] {
        word(decided);
    }
    for (key, value) in recipe.settings() {
        if decides(&key, kind) {
            word(&format!("{key} = {value}"));
        }
    }
    videos.names.iter().chain(videos.classes).for_each(|name| word(name));
    for label in &videos.labels {
        word(&label.map_or_else(String::new, |label| label.to_string()));
    }
    for answers in &videos.answers {
        word(&answers.iter().map(f32::to_string).collect::<Vec<_>>().join(","));
    }
    hasher.finalize().to_hex().to_string()
}

/// What shards hold other than the files they were made of.
fn of_store(dataset: &Dataset) -> String {
    match dataset {
        Dataset::Videos(_) => String::new(),
        Dataset::FrameShards(shards) => {
            let facts = shards.facts();
            format!("frames of seed {}, {} a video", facts.seed, facts.clips_per_video)
        }
        // Packets of the files themselves give the files' frames.
        Dataset::PacketShards(shards) => shards.facts().transcode.as_ref().map_or_else(String::new, |made| {
            format!("transcode {} {} {} {}", made.short_side, made.group, made.quality, made.encoder)
        }),
        Dataset::Mixture(sets) => {
            let set = |(set, share): (&Weighted<Dataset>, f64)| format!("{share} {}", of_store(&set.set));
            sets.iter().zip(shares(sets)).map(set).collect::<Vec<_>>().join("; ")
        }
    }
}

/// Whether clips of this kind depend on a setting.
fn decides(key: &str, kind: &ClipKind) -> bool {
    let section = key.split('.').next().unwrap_or_default();
    match (section, key) {
        // Changes the speed and no pixel.
        (_, "clip.skip") => false,
        ("clip", _) | (_, "model.patch" | "run.seed") => true,
        ("mask", _) => matches!(kind, ClipKind::Masked),
        (_, "classifier.balanced_sampling") => matches!(kind, ClipKind::Labelled(_)),
        ("augment", _) => matches!(kind, ClipKind::Labelled(_) | ClipKind::Views { .. }),
        ("views", _) => matches!(kind, ClipKind::Views { .. }),
        _ => false,
    }
}
