//! What a loss of power leaves, wherever it comes: the old file or the new one, whole.
//!
//! The calls of a [`WholeFile`] are recorded, and every beginning of them is played on a disk in memory that keeps of
//! what was not synced whatever a drawn number says:
//!
//! ```text
//! bytes written and not synced       kept, lost, or kept up to anywhere
//! a name made and not synced         kept or lost, each by itself, in their order or out of it
//! ```

use std::{
    cell::RefCell,
    collections::BTreeMap,
    io::Write as _,
    path::{Path, PathBuf},
};

use proptest::prelude::*;

use super::{WholeFile, WholeFolder};

/// A call that changes a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Create(PathBuf),
    Write(PathBuf, Vec<u8>),
    Sync(PathBuf),
    Rename(PathBuf, PathBuf),
    SyncFolder(PathBuf),
}

thread_local! {
    static CALLS: RefCell<Vec<Call>> = const { RefCell::new(Vec::new()) };
}

/// Notes a call of this thread.
pub(super) fn record(call: impl FnOnce() -> Call) {
    CALLS.with_borrow_mut(|calls| calls.push(call()));
}

/// The calls of `work`.
fn calls_of(work: impl FnOnce()) -> Vec<Call> {
    CALLS.take();
    work();
    CALLS.take()
}

/// A file on the disk: what is safe, and what came after.
#[derive(Clone, Debug, Default)]
struct Inode {
    synced: Vec<u8>,
    written: Vec<u8>,
}

/// A change of names that is not safe yet.
#[derive(Clone, Debug)]
enum Change {
    Made(PathBuf, usize),
    Renamed(PathBuf, PathBuf, usize),
}

/// A disk in memory.
#[derive(Clone, Debug, Default)]
struct Disk {
    inodes: Vec<Inode>,
    /// Names as a running process sees them.
    seen: BTreeMap<PathBuf, usize>,
    /// Names that a loss of power leaves for sure.
    safe: BTreeMap<PathBuf, usize>,
    changes: Vec<Change>,
}

impl Disk {
    /// A disk with one file.
    fn with(path: &Path, bytes: &[u8]) -> Self {
        let names = BTreeMap::from([(path.to_owned(), 0)]);
        let inode = Inode { synced: bytes.to_vec(), written: bytes.to_vec() };
        Self { inodes: vec![inode], seen: names.clone(), safe: names, changes: Vec::new() }
    }

    fn play(&mut self, call: &Call) {
        match call {
            Call::Create(path) => {
                self.inodes.push(Inode::default());
                self.seen.insert(path.clone(), self.inodes.len() - 1);
                self.changes.push(Change::Made(path.clone(), self.inodes.len() - 1));
            }
            Call::Write(path, bytes) => self.inodes[self.seen[path]].written.extend(bytes),
            Call::Sync(path) => {
                let inode = &mut self.inodes[self.seen[path]];
                inode.synced = inode.written.clone();
            }
            Call::Rename(from, to) => {
                let inode = self.seen.remove(from).unwrap();
                self.seen.insert(to.clone(), inode);
                self.changes.push(Change::Renamed(from.clone(), to.clone(), inode));
            }
            Call::SyncFolder(_) => {
                self.safe = self.seen.clone();
                self.changes.clear();
            }
        }
    }

    /// What is at `path` after the power was lost, by these drawn numbers.
    fn after_a_loss(&self, path: &Path, drawn: &mut impl Iterator<Item = u16>) -> Option<Vec<u8>> {
        let mut next = || usize::from(drawn.next().unwrap());
        let mut names = self.safe.clone();
        for change in &self.changes {
            if next() % 2 == 0 {
                continue;
            }
            match change {
                Change::Made(path, inode) => drop(names.insert(path.clone(), *inode)),
                Change::Renamed(from, to, inode) => {
                    names.remove(from);
                    names.insert(to.clone(), *inode);
                }
            }
        }
        let Inode { synced, written } = &self.inodes[*names.get(path)?];
        // Of what was not synced a beginning is there, or the length with nothing in it.
        let more = next() % (written.len() - synced.len() + 1);
        let mut left = written[..synced.len() + more].to_vec();
        if next() % 4 == 0 {
            left[synced.len()..].fill(0);
        }
        Some(left)
    }
}

/// The calls of writing these parts to `target`.
fn writing(target: &Path, parts: &[Vec<u8>]) -> Vec<Call> {
    calls_of(|| {
        let mut file = WholeFile::create(target).unwrap();
        parts.iter().for_each(|part| file.write_all(part).unwrap());
        file.finish().unwrap();
    })
}

fn whole(old: &[u8], new: &[u8], left: Option<&[u8]>) -> bool {
    left == Some(old) || left == Some(new)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_loss_of_power_leaves_the_old_or_the_new_file_whole(
        parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..50), 1..6),
        old in proptest::collection::vec(any::<u8>(), 0..50),
        drawn in proptest::collection::vec(any::<u16>(), 64),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("file");
        let (calls, new) = (writing(&target, &parts), parts.concat());
        let mut drawn = drawn.into_iter().cycle();
        let mut disk = Disk::with(&target, &old);
        for call in &calls {
            disk.play(call);
            for _ in 0..8 {
                let left = disk.after_a_loss(&target, &mut drawn);
                prop_assert!(whole(&old, &new, left.as_deref()), "after {call:?}: {left:?}");
            }
        }
        // Once it has said that it is done, it is the new one.
        let left = disk.after_a_loss(&target, &mut drawn);
        prop_assert_eq!(left, Some(new));
    }
}

/// The disk in memory does find a file that is not synced, and one whose name is not.
#[test]
fn without_its_syncs_a_file_would_be_lost() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("file");
    let calls = writing(&target, &[b"new and longer".to_vec()]);
    let is_sync = |call: &Call| matches!(call, Call::Sync(_));
    let is_folder = |call: &Call| matches!(call, Call::SyncFolder(_));
    assert!(calls.iter().any(is_sync) && calls.last().is_some_and(is_folder));
    let left_out = |leave: &dyn Fn(&Call) -> bool, drawn: u16| {
        let mut disk = Disk::with(&target, b"old");
        calls.iter().filter(|call| !leave(call)).for_each(|call| disk.play(call));
        disk.after_a_loss(&target, &mut std::iter::repeat(drawn))
    };
    assert_eq!(left_out(&is_sync, 1), Some(b"n".to_vec()));
    assert_eq!(left_out(&is_folder, 0), Some(b"old".to_vec()));
    assert_eq!(left_out(&|_| false, 0), Some(b"new and longer".to_vec()));
}

#[test]
fn a_folder_is_renamed_when_its_names_are_on_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().canonicalize().unwrap().join("model");
    let mut beside = PathBuf::new();
    let calls = calls_of(|| {
        let whole = WholeFolder::create(&target).unwrap();
        beside = whole.path().to_owned();
        super::write(&beside.join("weights"), b"w").unwrap();
        whole.finish().unwrap();
    });
    let synced = Call::SyncFolder(beside.clone());
    let tail =
        [synced, Call::Rename(beside, target.clone()), Call::SyncFolder(target.parent().unwrap().into())];
    assert_eq!(calls[calls.len() - 3..], tail);
}
