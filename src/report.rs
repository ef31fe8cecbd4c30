//! A report in one HTML file that needs no network: of runs side by side, of a scan, of a test.
//!
//! ```text
//! RUN …                 [`run`] ─▶ overview, curves, pictures, loader, failures, settings, test      [`runs`]
//! folder of shards      what a preprocess wrote                                                      [`shards`]
//! manifest.parquet      what is in the videos, and some of them                                      [`scan`]
//! predictions.parquet   accuracy, confusion, what was wrong                                          [`test`]
//!                       sections ─▶ [`page`]: style, script and data in the file itself
//! ```
//!
//! It is written to a file, or told to browsers of this machine again whenever a run has gone on ([`serve`]).
//!
//! Names of files, classes and whatever else comes from outside is text: it is escaped where it becomes HTML
//! (`html.rs`), and the page allows no script but its own.

mod curves;
mod failures;
mod histogram;
mod html;
mod loader;
mod numbers;
mod overview;
mod page;
mod pictures;
mod run;
mod runs;
mod scan;
pub mod serve;
mod settings;
mod shards;
mod test;
mod thumbnail;

use std::path::{Path, PathBuf};

use pipeline::{
    dataset::{Dataset, manifest},
    names,
};
use schemas::whole_file;
use trainer::recipe::By;

use self::{page::Page, run::RunFacts};
use crate::{
    error::{Context as _, Result, Usage},
    inference::prediction_files,
    observer::Observer,
    output_lock,
};

/// A report that is asked for.
#[derive(Clone, Debug)]
pub struct Reporting {
    /// Folders of runs or of shards, manifests of `scan`, predictions of `evaluate`.
    pub inputs: Vec<PathBuf>,
    /// The file to write.
    pub out: PathBuf,
}

impl Reporting {
    /// A report of these.
    pub fn new(inputs: impl IntoIterator<Item = impl Into<PathBuf>>, out: impl Into<PathBuf>) -> Self {
        Self { inputs: inputs.into_iter().map(Into::into).collect(), out: out.into() }
    }
}

/// Writes a report, and gives its length in bytes.
///
/// # Errors
/// Usage error: nothing is named, or what is named is neither a run nor a manifest nor predictions. When something
/// cannot be read or written.
pub fn report(settings: &Reporting, observer: &dyn Observer) -> Result<u64> {
    let _lock = output_lock::file(&settings.out, observer)?;
    let text = page(&settings.inputs, None, observer)?;
    whole_file::write(&settings.out, text.as_bytes())
        .with_context(|| format!("{} cannot be written", names::shown(&settings.out)))?;
    Ok(text.len() as u64)
}

/// The page of these; `state` is what it is the page of, where it is to look for a newer one.
fn page(inputs: &[PathBuf], state: Option<&str>, observer: &dyn Observer) -> Result<String> {
    if inputs.is_empty() {
        return Err(Usage::new("nothing to report on is named").hint("a run, or a manifest of scan").into());
    }
    let (folders, files): (Vec<&PathBuf>, Vec<_>) = inputs.iter().partition(|path| path.is_dir());
    let is_shards =
        |path: &&PathBuf| !RunFacts::is_run(path) && Dataset::is_shard_folder(path).unwrap_or(false);
    let (shards, folders): (Vec<_>, Vec<_>) = folders.into_iter().partition(is_shards);
    let mut runs = folders.into_iter().map(|path| RunFacts::read(path)).collect::<Result<Vec<_>>>()?;
    run::tell_apart(&mut runs);
    for run in &runs {
        run.damage.iter().for_each(|what| observer.note(format_args!("{}: {what}", run.name)));
    }
    let mut page = Page::new(title(inputs));
    runs::write(&mut page, &runs);
    for folder in shards {
        shards::write(&mut page, folder)?;
    }
    for path in files {
        of_file(&mut page, path)?;
    }
    Ok(page.finish(state))
}

/// The section of a manifest or of predictions.
fn of_file(page: &mut Page, path: &Path) -> Result<()> {
    if !path.exists() {
        return Err(Usage::new(format!("{}: no such file or folder", names::shown(path))).into());
    }
    if let Ok(rows) = manifest::read(path) {
        scan::write(page, path, &rows);
        return Ok(());
    }
    let Ok(predictions) = prediction_files::read_all(&[path.to_owned()]) else {
        let message = format!("{} is neither a run nor a manifest nor predictions", names::shown(path));
        return Err(Usage::new(message)
            .hint("`tubelet scan` writes a manifest, `tubelet evaluate` writes predictions")
            .into());
    };
    let beside = |video: &str| Some(PathBuf::from(video)).filter(|path| path.is_file());
    page.heading(1, &format!("Test: {}", names::shown(path)));
    test::write(page, &predictions, By::Prob, &beside);
    Ok(())
}

fn title(inputs: &[PathBuf]) -> String {
    let names: Vec<String> = inputs.iter().map(|path| run::name_of(path)).collect();
    names.join(", ")
}
