//! Parts of a file that are brought before they are read, in few requests, and before any clock runs.

use std::{
    ops::Range,
    sync::{Arc, PoisonError},
};

use super::{FileBytes, Source};
use crate::{heartbeat, system::SystemError};

/// Parts that lie as near as this to each other are brought together.
const NEAR: u64 = 64 << 10;

impl FileBytes {
    /// Lets these parts be there, in whatever order they come, where they must be brought at all. Where that fails,
    /// [`Self::check`] says why.
    pub(crate) fn bring(&self, parts: impl Iterator<Item = Range<u64>>) {
        let Source::Disk(disk) = &self.source else { return };
        let (fetch, start, path) = {
            let disk = disk.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(fetch) = &disk.fetch else { return };
            (Arc::clone(fetch), disk.start, disk.path.clone())
        };
        for part in joined(parts.collect()) {
            let part = start.saturating_add(part.start)..start.saturating_add(part.end.min(self.length));
            if let Err(cause) = heartbeat::reading(|| fetch.fetch(part)) {
                // Another clone may have failed at the same time; its failure is as good.
                let _ = self.failure.set(SystemError::new("read", &path, cause));
                return;
            }
        }
    }
}

/// The parts in their order, those that are near each other as one.
fn joined(mut parts: Vec<Range<u64>>) -> Vec<Range<u64>> {
    parts.sort_unstable_by_key(|part| part.start);
    let mut joined: Vec<Range<u64>> = Vec::new();
    for part in parts {
        match joined.last_mut() {
            Some(last) if part.start <= last.end.saturating_add(NEAR) => last.end = last.end.max(part.end),
            _ => joined.push(part),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_near_each_other_are_one() {
        let parts = vec![300_000..300_010, 0..10, 5..40_000, 90_000..90_001];
        assert_eq!(joined(parts), [0..90_001, 300_000..300_010]);
    }
}
