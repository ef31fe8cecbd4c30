//! Why the library could not do what it was asked.
//!
//! A [`Usage`] error is the caller's: other settings, another recipe or other files would do, and a hint says which.
//! The command ends with exit code 2 then. Everything else failed while it was done: exit code 1. Causes are kept
//! as they were, so that [`source`](std::error::Error::source) leads from what was wanted to what the system said.

use std::io;
#[cfg(feature = "video")]
use std::path::PathBuf;

use arrow_schema::ArrowError;
use parquet::errors::ParquetError;
use pipeline::{
    dataset::{DatasetError, labels::LabelError, manifest::ManifestError},
    loader::StreamError,
    preprocess::PreprocessError,
    quarantine::QuarantineError,
    shard::ShardError,
    system::SystemError,
    worker_pool::PoolError,
};
#[cfg(feature = "video")]
use pipeline::{error::VideoError, film_file::FilmFileError};
use schemas::{clip_batch::ClipBatchError, embeddings::EmbeddingsError, predictions::PredictionsError};
use trainer::{
    RecipeError, TrainError,
    batch::{finite::OutputNotFinite, labelled::LabelledClipsError, masked::ClipsError},
    checkpoint::CheckpointError,
    evaluation::JoinError,
    inference::frozen_encoder::FeaturesError,
    probe::ScoresNotFinite,
    train::{run_folder::RunFolderError, world::WorldError},
    weights::Misfit,
};

/// What the library's functions give.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A usage error: what was asked for cannot be done, and the caller can mend it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Usage {
    message: String,
    hint: Option<String>,
}

impl Usage {
    /// What is wrong.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// The same with something to do about it.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// What to do about it, if anything is known.
    pub fn hinted(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Other settings or other files would do.
    #[error(transparent)]
    Usage(#[from] Usage),
    /// What was wanted when the cause came up, such as `a.parquet cannot be read`.
    #[error("{what}")]
    Context {
        /// What was wanted.
        what: String,
        /// Why it failed.
        #[source]
        cause: Box<Error>,
    },
    /// It was done, and nothing came of it.
    #[error("{0}")]
    Nothing(String),
    /// A video cannot be read or decoded. What the system cannot read is [`Error::System`].
    #[cfg(feature = "video")]
    #[error("{}", of_video(path, cause))]
    Video {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it; [`VideoError::verdict`] is a word for programs.
        #[source]
        cause: Box<VideoError>,
    },
    /// The system cannot read or write a file: that says nothing of what is in it.
    #[error(transparent)]
    System(Box<SystemError>),
    /// Videos, a manifest or shards cannot be opened.
    #[error(transparent)]
    Dataset(Box<DatasetError>),
    /// A manifest cannot be read or written.
    #[error(transparent)]
    Manifest(Box<ManifestError>),
    /// A shard cannot be read or written.
    #[error(transparent)]
    Shard(Box<ShardError>),
    /// Shards cannot be made.
    #[error(transparent)]
    Preprocess(Box<PreprocessError>),
    /// Too many videos failed, or the quarantine cannot be written.
    #[error(transparent)]
    Quarantine(Box<QuarantineError>),
    /// Batches cannot be made.
    #[error(transparent)]
    Stream(Box<StreamError>),
    /// Threads that read videos cannot go on.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// Classes or labels cannot be read.
    #[error(transparent)]
    Label(Box<LabelError>),
    /// A recipe that was read earlier does not fit.
    #[error(transparent)]
    Recipe(Box<RecipeError>),
    /// Weights cannot be read or written.
    #[error(transparent)]
    Checkpoint(Box<CheckpointError>),
    /// A run's folder cannot be used.
    #[error(transparent)]
    RunFolder(Box<RunFolderError>),
    /// A training ended before its last step.
    #[error(transparent)]
    Train(Box<TrainError>),
    /// The processes of a training cannot go on together.
    #[error(transparent)]
    World(Box<WorldError>),
    /// Features of a frozen encoder cannot be made.
    #[error(transparent)]
    Features(Box<FeaturesError>),
    /// Weights are not those of a model.
    #[error(transparent)]
    Misfit(Box<Misfit>),
    /// Clips do not fit a model.
    #[error(transparent)]
    Clips(Box<LabelledClipsError>),
    /// Masked clips do not fit a model.
    #[error(transparent)]
    MaskedClips(Box<ClipsError>),
    /// A probe gives what is no number.
    #[error(transparent)]
    Scores(Box<ScoresNotFinite>),
    /// A model gives what is no number.
    #[error(transparent)]
    NotFinite(Box<OutputNotFinite>),
    /// A batch is not what its schema says.
    #[error(transparent)]
    Batch(Box<ClipBatchError>),
    /// A file does not hold predictions.
    #[error(transparent)]
    Predictions(Box<PredictionsError>),
    /// Predictions do not belong together.
    #[error(transparent)]
    Join(Box<JoinError>),
    /// A file does not hold embeddings, or a number does not fit.
    #[error(transparent)]
    Embeddings(Box<EmbeddingsError>),
    /// Arrow refuses a table.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    /// A Parquet file cannot be read or written.
    #[error(transparent)]
    Parquet(#[from] ParquetError),
    /// Text is not the JSON that it should be.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A picture cannot be encoded.
    #[error(transparent)]
    Picture(#[from] image::ImageError),
    /// A video cannot be encoded.
    #[cfg(feature = "video")]
    #[error(transparent)]
    FilmFile(#[from] FilmFileError),
    /// The system refuses a file or a thread.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What the caller does with the results failed.
    #[error(transparent)]
    Caller(Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// The usage error that it is, whatever stands before it.
    pub fn usage(&self) -> Option<&Usage> {
        match self {
            Self::Usage(usage) => Some(usage),
            Self::Context { cause, .. } => cause.usage(),
            _ => None,
        }
    }

    /// That another process of the training failed, or that this one cannot reach it, where that is why.
    pub fn of_world(&self) -> Option<&WorldError> {
        match self {
            Self::World(cause) => Some(cause),
            Self::Context { cause, .. } => cause.of_world(),
            Self::Train(cause) => match &**cause {
                TrainError::World(cause) => Some(cause),
                _ => None,
            },
            _ => None,
        }
    }

    /// What to do about it, if anything is known.
    pub fn hint(&self) -> Option<&str> {
        self.usage()?.hinted()
    }

    /// A failure of whatever the caller does with the results.
    pub fn of_caller(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Caller(cause.into())
    }

    /// That of a video's file.
    #[cfg(feature = "video")]
    pub(crate) fn of_video(path: &std::path::Path, cause: VideoError) -> Self {
        match cause {
            VideoError::System(cause) => cause.into(),
            cause => Self::Video { path: path.to_owned(), cause: Box::new(cause) },
        }
    }

    /// Whether it says that a model gives what is no number.
    pub(crate) fn is_not_finite(&self) -> bool {
        match self {
            Self::Context { cause, .. } => cause.is_not_finite(),
            Self::NotFinite(_) => true,
            Self::Clips(cause) => matches!(**cause, LabelledClipsError::NotFinite(_)),
            Self::Features(cause) => {
                matches!(**cause, FeaturesError::Clips(LabelledClipsError::NotFinite(_)))
            }
            _ => false,
        }
    }
}

/// Causes that may be large lie on the heap, so that a result stays small.
macro_rules! boxed {
    ($($variant:ident: $cause:ident),+ $(,)?) => {$(
        impl From<$cause> for Error {
            fn from(cause: $cause) -> Self {
                Self::$variant(Box::new(cause))
            }
        }
    )+};
}

boxed! {
    System: SystemError,
    Dataset: DatasetError,
    Manifest: ManifestError,
    Shard: ShardError,
    Preprocess: PreprocessError,
    Quarantine: QuarantineError,
    Stream: StreamError,
    Label: LabelError,
    Recipe: RecipeError,
    Checkpoint: CheckpointError,
    RunFolder: RunFolderError,
    Train: TrainError,
    World: WorldError,
    Features: FeaturesError,
    Misfit: Misfit,
    Clips: LabelledClipsError,
    MaskedClips: ClipsError,
    Scores: ScoresNotFinite,
    NotFinite: OutputNotFinite,
    Batch: ClipBatchError,
    Predictions: PredictionsError,
    Join: JoinError,
    Embeddings: EmbeddingsError,
}

/// The file of a video that failed and what kind of failure that is, where the cause does not begin with it.
#[cfg(feature = "video")]
fn of_video(path: &std::path::Path, cause: &VideoError) -> String {
    let (kind, shown) = (cause.kind().name(), pipeline::names::shown(path));
    if cause.to_string().starts_with(kind) { shown } else { format!("{shown}: {kind}") }
}

/// Says what was wanted when something failed.
pub(crate) trait Context<T> {
    /// With these words before the cause.
    ///
    /// # Errors
    /// Where there is no value.
    fn context(self, what: impl Into<String>) -> Result<T>;

    /// With words that are made only then.
    ///
    /// # Errors
    /// Where there is no value.
    fn with_context<S: Into<String>>(self, what: impl FnOnce() -> S) -> Result<T>;
}

impl<T, E: Into<Error>> Context<T> for std::result::Result<T, E> {
    fn context(self, what: impl Into<String>) -> Result<T> {
        self.with_context(|| what)
    }

    fn with_context<S: Into<String>>(self, what: impl FnOnce() -> S) -> Result<T> {
        self.map_err(|cause| Error::Context { what: what().into(), cause: Box::new(cause.into()) })
    }
}

impl<T> Context<T> for Option<T> {
    fn context(self, what: impl Into<String>) -> Result<T> {
        self.with_context(|| what)
    }

    fn with_context<S: Into<String>>(self, what: impl FnOnce() -> S) -> Result<T> {
        self.ok_or_else(|| Error::Nothing(what().into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usage_error_and_its_hint_are_found_behind_what_was_wanted() {
        let refused: Result<()> =
            Err(Usage::new("no videos").hint("name some")).context("nothing was trained");
        let refused = refused.unwrap_err();
        assert_eq!(refused.to_string(), "nothing was trained");
        assert_eq!(refused.hint(), Some("name some"));
        let failed = Error::from(io::Error::other("gone"));
        assert!(failed.usage().is_none() && failed.hint().is_none());
    }

    #[test]
    fn an_error_is_small() {
        assert!(size_of::<Error>() < 96, "{} bytes", size_of::<Error>());
    }

    #[test]
    fn causes_are_kept_in_their_order() {
        let cause: Result<()> = Err(io::Error::other("gone")).context("a.txt cannot be read");
        let chain = cause.context("no list").unwrap_err();
        let mut words = vec![chain.to_string()];
        let mut cause = std::error::Error::source(&chain);
        while let Some(found) = cause {
            words.push(found.to_string());
            cause = found.source();
        }
        assert_eq!(words, ["no list", "a.txt cannot be read", "gone"]);
    }
}
