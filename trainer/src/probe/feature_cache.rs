//! Files of features that were computed before.
//!
//! ```text
//! values    [videos, tokens, width]  f32        videos   row, path, label, as JSON in the metadata
//!                                               failed   row, path, reason, likewise
//! ```
//!
//! What a file is about is its name: the digest of everything that decides the values (weights, positions,
//! preprocessing, data, what was taken). A file is whole or not there; one that cannot be read is made again.

use std::{
    io,
    path::{Path, PathBuf},
};

use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use super::features::{FailedVideo, FeatureVideo, Features};
use crate::weights::NotFinite;

/// A folder of features that were computed before.
#[derive(Clone, Debug)]
pub struct FeatureCache(PathBuf);

impl FeatureCache {
    /// The cache in this folder, which is made when something is kept.
    pub fn new(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// The features that all of `parts` decide; none where they are not there, or their file is damaged.
    pub fn find(&self, parts: &[&str]) -> Option<Features> {
        from_bytes(&std::fs::read(self.path(parts)).ok()?)
    }

    /// Keeps the features that all of `parts` decide.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep(&self, parts: &[&str], features: &Features) -> io::Result<()> {
        let path = self.path(parts);
        let named = |why: io::Error| {
            io::Error::new(why.kind(), format!("{} cannot be written: {why}", schemas::names::shown(&path)))
        };
        std::fs::create_dir_all(&self.0).map_err(named)?;
        let bytes = to_bytes(features).map_err(io::Error::other)?;
        schemas::whole_file::write(&path, &bytes).map_err(named)
    }

    /// Removes the features that all of `parts` decide, where they are kept: whoever keeps them wants them no more.
    pub fn forget(&self, parts: &[&str]) {
        let _ = std::fs::remove_file(self.path(parts));
    }

    fn path(&self, parts: &[&str]) -> PathBuf {
        let mut key = blake3::Hasher::new();
        for part in parts {
            key.update(&(part.len() as u64).to_le_bytes());
            key.update(part.as_bytes());
        }
        self.0.join(format!("features-{}.safetensors", key.finalize().to_hex()))
    }
}

fn to_bytes(features: &Features) -> Result<Vec<u8>, safetensors::SafeTensorError> {
    let bytes: Vec<u8> = features.values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let shape = vec![features.len(), features.tokens, features.width];
    let because = "because words and numbers always make JSON";
    // One entry: several are written in any order, and the same features are to be the same bytes.
    let digest = blake3::hash(&bytes).to_hex();
    let videos =
        serde_json::to_string(&(&features.videos, &features.failed, digest.as_str())).expect(because);
    let metadata = [("videos".to_owned(), videos)].into();
    safetensors::serialize([("values", TensorView::new(Dtype::F32, shape, &bytes)?)], Some(metadata))
}

/// Videos that have features, those that failed, and the digest of the values, which older versions did not write.
fn facts(text: &str) -> Option<(Vec<FeatureVideo>, Vec<FailedVideo>, Option<String>)> {
    if let Ok((videos, failed, digest)) = serde_json::from_str(text) {
        return Some((videos, failed, Some(digest)));
    }
    let (videos, failed) = serde_json::from_str(text).ok()?;
    Some((videos, failed, None))
}

/// None where the bytes are no whole file of features.
fn from_bytes(bytes: &[u8]) -> Option<Features> {
    let (_, header) = SafeTensors::read_metadata(bytes).ok()?;
    let metadata = header.metadata().as_ref()?;
    let (videos, failed, digest) = facts(metadata.get("videos")?)?;
    let file = SafeTensors::deserialize(bytes).ok()?;
    let values = file.tensor("values").ok()?;
    let [count, tokens, width] = values.shape()[..] else { return None };
    if count != videos.len() || values.dtype() != Dtype::F32 {
        return None;
    }
    if digest.is_some_and(|digest| blake3::hash(values.data()).to_hex().as_str() != digest) {
        return None;
    }
    let (quads, _) = values.data().as_chunks::<4>();
    let values: Vec<f32> = quads.iter().map(|quad| f32::from_le_bytes(*quad)).collect();
    // What is no number is no feature: it is made again.
    if NotFinite::among(&values).is_some() {
        return None;
    }
    Some(Features { videos, tokens, width, failed, values })
}

#[cfg(test)]
mod tests {
    use super::{super::features::tests::made, *};

    #[test]
    fn several_may_keep_the_same_features_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let (cache, features) = (FeatureCache::new(folder.path()), made(6, 2, 3, 4));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..20).for_each(|_| cache.keep(&["same"], &features).unwrap()));
            }
        });
        assert_eq!(cache.find(&["same"]), Some(features));
    }

    #[test]
    fn features_are_made_once_and_again_when_the_file_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let cache = FeatureCache::new(folder.path());
        let get = |parts: &[&str]| {
            if let Some(features) = cache.find(parts) {
                return (features, false);
            }
            cache.keep(parts, &made(6, 2, 3, 4)).unwrap();
            (made(6, 2, 3, 4), true)
        };
        assert_eq!(get(&["weights", "clips"]), (made(6, 2, 3, 4), true));
        assert_eq!(get(&["weights", "clips"]), (made(6, 2, 3, 4), false));
        assert!(get(&["weightsc", "lips"]).1, "parts are told apart");
        for entry in std::fs::read_dir(&folder).unwrap() {
            std::fs::write(entry.unwrap().path(), b"cut").unwrap();
        }
        assert!(get(&["weights", "clips"]).1);
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let mut bytes = std::fs::read(&path).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            std::fs::write(path, bytes).unwrap();
        }
        assert_eq!(get(&["weights", "clips"]), (made(6, 2, 3, 4), true), "a bit flipped");
        let mut broken = made(6, 2, 3, 4);
        broken.values[7] = f32::NAN;
        cache.keep(&["weights", "clips"], &broken).unwrap();
        assert_eq!(get(&["weights", "clips"]), (made(6, 2, 3, 4), true), "what is no number is made again");
    }
}
