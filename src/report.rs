//! A report in one HTML file that needs no network: of runs side by side, of a scan, of a test.
//!
//! ```text
//! RUN …                 [`run`] ─▶ overview, curves, pictures, loader, failures, settings, test      [`runs`]
//! manifest.parquet      what is in the videos, and some of them                                      [`scan`]
//! predictions.parquet   accuracy, confusion, what was wrong                                          [`test`]
//!                       sections ─▶ [`page`]: style, script and data in the file itself
//! ```
//!
//! Names of files, classes and whatever else comes from outside is text: it is escaped where it becomes HTML
//! ([`html`]), and the page allows no script but its own.

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
mod settings;
mod test;
mod thumbnail;

use std::path::{Path, PathBuf};

use pipeline::{dataset::manifest, names};
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
    /// Folders of runs, manifests of `scan`, predictions of `evaluate`.
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
    if settings.inputs.is_empty() {
        return Err(Usage::new("nothing to report on is named").hint("a run, or a manifest of scan").into());
    }
    let _lock = output_lock::file(&settings.out, observer)?;
    let (folders, files): (Vec<_>, Vec<_>) = settings.inputs.iter().partition(|path| path.is_dir());
    let mut runs = folders.into_iter().map(|path| RunFacts::read(path)).collect::<Result<Vec<_>>>()?;
    run::tell_apart(&mut runs);
    let mut page = Page::new(title(&settings.inputs));
    runs::write(&mut page, &runs);
    for path in files {
        of_file(&mut page, path)?;
    }
    let text = page.finish();
    whole_file::write(&settings.out, text.as_bytes())
        .with_context(|| format!("{} cannot be written", names::shown(&settings.out)))?;
    Ok(text.len() as u64)
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
