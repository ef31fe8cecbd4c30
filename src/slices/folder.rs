//! The folder of an output's slices: locks, receipts, what is missing.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use pipeline::names;
use schemas::{OutputLock, Slice, whole_file};

use super::receipt::{Receipt, Work};
use crate::{
    error::{Context as _, Result, Usage},
    observer::Observer,
    output_lock,
    words::listed,
};

/// Ending of a receipt.
const RECEIPT: &str = "json";

/// Where the slices of one output lie.
#[derive(Clone, Debug)]
pub struct SlicesFolder {
    out: PathBuf,
    folder: PathBuf,
}

impl SlicesFolder {
    /// That of an output that is a file.
    pub fn of_file(out: &Path) -> Self {
        let mut name = OsStr::new(".").to_owned();
        name.push(out.file_name().unwrap_or_default());
        name.push(".slices");
        Self { out: out.to_owned(), folder: out.with_file_name(name) }
    }

    /// That of an output that is a folder.
    pub fn of_folder(out: &Path) -> Self {
        Self { out: out.to_owned(), folder: out.join(".slices") }
    }

    /// Whether a slice has begun, and they are not finished.
    pub fn is_there(&self) -> bool {
        self.folder.is_dir()
    }

    /// A file or folder of a slice.
    pub fn part(&self, slice: Slice, ending: &str) -> PathBuf {
        self.folder.join(format!("{}.{ending}", slice.name()))
    }

    /// Begins a slice, or begins it again, once it is known what is to be made: nobody else has it until the lock is
    /// dropped.
    ///
    /// # Errors
    /// Usage error: another process has it, or slices of other work are there. When the folder cannot be written.
    pub fn begin(&self, slice: Slice, work: &Work, observer: &dyn Observer) -> Result<OutputLock> {
        fs::create_dir_all(&self.folder)
            .with_context(|| format!("{} cannot be created", names::shown(&self.folder)))?;
        let lock = output_lock::file(&self.folder.join(slice.name()), observer)?;
        let out = names::shown(&self.out);
        let anew = format!(
            "give the same VIDEOS and settings to all slices, or remove {} to begin anew",
            names::shown(&self.folder)
        );
        let others = self.slices()?;
        if let Some(other) = others.iter().find(|other| other.of() != slice.of()) {
            let words = format!("{out} was begun in {} slices, not in {}", other.of(), slice.of());
            return Err(Usage::new(words).hint(format!("--slice I/{}; else {anew}", other.of())).into());
        }
        for receipt in self.receipts()?.values() {
            if let Some(what) = work.difference(&receipt.work) {
                let words = format!("slice {} of {out} was made with another {what}", receipt.slice);
                return Err(Usage::new(words).hint(anew).into());
            }
        }
        Ok(lock)
    }

    /// Writes the receipt of a slice: it is done.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn end(&self, receipt: &Receipt) -> Result<()> {
        let path = self.part(receipt.slice, RECEIPT);
        let text = format!("{}\n", serde_json::to_string_pretty(receipt)?);
        whole_file::write(&path, text.as_bytes())
            .with_context(|| format!("{} cannot be written", names::shown(&path)))
    }

    /// The receipts of all slices, in their order.
    ///
    /// # Errors
    /// Usage error: slices are missing, or were made from other videos or by other settings than the first.
    pub fn all(&self) -> Result<Vec<Receipt>> {
        let receipts = self.receipts()?;
        let out = names::shown(&self.out);
        let Some(first) = receipts.values().next() else {
            return Err(Usage::new(format!("no slice of {out} is done"))
                .hint("--slice 0/N makes the first of N")
                .into());
        };
        if let Some(other) = receipts.keys().find(|slice| slice.of() != first.slice.of()) {
            let words = format!("{out} has slices of different numbers: {} and {other}", first.slice);
            return Err(Usage::new(words).hint(format!("remove {}", names::shown(&self.folder))).into());
        }
        let missing: Vec<Slice> = first.slice.all().filter(|slice| !receipts.contains_key(slice)).collect();
        if !missing.is_empty() {
            return Err(are_missing(&out, &missing).into());
        }
        let differing = |other: &Receipt| other.work.difference(&first.work).map(|what| (other.slice, what));
        if let Some((slice, what)) = receipts.values().find_map(differing) {
            let words =
                format!("slice {slice} of {out} was made with another {what} than slice {}", first.slice);
            return Err(Usage::new(words).hint(format!("--slice {slice} makes it again")).into());
        }
        Ok(receipts.into_values().collect())
    }

    /// Refuses slices of other work than is to be finished.
    ///
    /// # Errors
    /// Usage error: they were made from other videos or by other settings.
    pub fn check(&self, receipts: &[Receipt], wanted: &Work) -> Result<()> {
        match receipts.first().and_then(|receipt| receipt.work.difference(wanted)) {
            None => Ok(()),
            Some(what) => {
                let words =
                    format!("the slices of {} were made with another {what}", names::shown(&self.out));
                Err(Usage::new(words)
                    .hint(
                        "give the VIDEOS and settings that the slices were given, with --finish for --slice",
                    )
                    .into())
            }
        }
    }

    /// Removes all of it, once the output is there.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self) -> Result<()> {
        let removed = || format!("{} cannot be removed", names::shown(&self.folder));
        // In one step: half of the slices would look like slices that are missing.
        let aside = self.folder.with_extension("finished");
        if aside.is_dir() {
            fs::remove_dir_all(&aside).with_context(removed)?;
        }
        if self.folder.is_dir() {
            fs::rename(&self.folder, &aside).with_context(removed)?;
            fs::remove_dir_all(&aside).with_context(removed)?;
        }
        Ok(())
    }

    /// Every slice of which something is there.
    fn slices(&self) -> Result<Vec<Slice>> {
        let of_name = |name: &String| Slice::of_name(name.trim_start_matches('.').split('.').next()?);
        Ok(self.names()?.iter().filter_map(of_name).collect())
    }

    fn receipts(&self) -> Result<BTreeMap<Slice, Receipt>> {
        let mut receipts = BTreeMap::new();
        for name in self.names()? {
            let slice =
                name.strip_suffix(RECEIPT).and_then(|name| name.strip_suffix('.')).and_then(Slice::of_name);
            let Some(slice) = slice else { continue };
            let path = self.folder.join(&name);
            let read = || format!("{} cannot be read", names::shown(&path));
            let text = fs::read_to_string(&path).with_context(read)?;
            receipts.insert(slice, serde_json::from_str(&text).with_context(read)?);
        }
        Ok(receipts)
    }

    /// Names of all files.
    fn names(&self) -> Result<Vec<String>> {
        if !self.folder.is_dir() {
            return Ok(Vec::new());
        }
        let read = || format!("{} cannot be read", names::shown(&self.folder));
        let entries = fs::read_dir(&self.folder).with_context(read)?;
        let name = |entry: std::io::Result<fs::DirEntry>| entry.map(|entry| entry.file_name());
        let found: Vec<_> = entries.map(name).collect::<Result<_, _>>().with_context(read)?;
        Ok(found.into_iter().filter_map(|name| name.into_string().ok()).collect())
    }
}

/// Names slices of `out` that are missing, and the options that make them.
pub fn are_missing(out: &str, missing: &[Slice]) -> Usage {
    let of = missing.first().map_or(1, |slice| slice.of());
    let shown: Vec<String> = missing.iter().map(ToString::to_string).collect();
    let array: Vec<String> = missing.iter().map(|slice| slice.number().to_string()).collect();
    Usage::new(format!("{} of {of} slices of {out} are missing: {}", missing.len(), listed(&shown))).hint(
        format!(
            "--slice {} makes the first of them; as a Slurm array: sbatch --array={}, with --slice auto/{of}",
            shown.first().map_or("", String::as_str),
            array.join(",")
        ),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn work(list: &str) -> Work {
        Work::new("scan", 9, list.to_owned(), json!({}))
    }

    fn receipt(slice: &str, list: &str) -> Receipt {
        Receipt { slice: slice.parse().unwrap(), work: work(list), failed: Vec::new() }
    }

    #[test]
    fn slices_that_are_missing_are_named_with_the_options_that_make_them() {
        let folder = tempfile::tempdir().unwrap();
        let slices = SlicesFolder::of_file(&folder.path().join("manifest.parquet"));
        let none = slices.all().unwrap_err().to_string();
        assert!(none.ends_with("manifest.parquet is done"), "{none}");
        for number in [0, 2, 3] {
            let slice = Slice::new(number, 5).unwrap();
            let _lock = slices.begin(slice, &work("a"), &()).unwrap();
            slices.end(&receipt(&slice.to_string(), "a")).unwrap();
        }
        let refused = slices.all().unwrap_err();
        assert!(refused.to_string().ends_with("are missing: 1/5, 4/5"), "{refused}");
        let hint = refused.hint().unwrap();
        assert!(
            hint.starts_with("--slice 1/5 ") && hint.contains("--array=1,4, with --slice auto/5"),
            "{hint}"
        );
        for slice in ["1/5", "4/5"] {
            slices.end(&receipt(slice, "a")).unwrap();
        }
        assert_eq!(slices.all().unwrap().len(), 5);
        slices.remove().unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn slices_of_other_lists_and_other_numbers_do_not_mix() {
        let folder = tempfile::tempdir().unwrap();
        let slices = SlicesFolder::of_folder(folder.path());
        let begin = |slice: &str, list: &str| slices.begin(slice.parse().unwrap(), &work(list), &());
        let lock = begin("0/2", "a").unwrap();
        let twin = begin("0/2", "a").unwrap_err().to_string();
        assert!(twin.contains("is being written by another process"), "{twin}");
        drop(lock);
        slices.end(&receipt("0/2", "a")).unwrap();
        let other = begin("1/2", "b").unwrap_err().to_string();
        assert!(other.ends_with("was made with another list of videos"), "{other}");
        let other = begin("1/3", "a").unwrap_err().to_string();
        assert!(other.ends_with("was begun in 2 slices, not in 3"), "{other}");
        slices.end(&receipt("1/2", "b")).unwrap();
        let other = slices.all().unwrap_err();
        assert!(other.to_string().ends_with("another list of videos than slice 0/2"), "{other}");
        assert_eq!(other.hint(), Some("--slice 1/2 makes it again"));
    }
}
