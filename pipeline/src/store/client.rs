//! Stores by their addresses: what they list, the stamps of objects, and ranges of them.
//!
//! One thread speaks with all stores; whoever asks waits for it, and shows that it is not stuck. A request that fails for a
//! moment is tried again by the crate, with growing pauses; what is still refused is a [`StoreFailure`]. Credentials are
//! those of the environment, as the crate reads them.

use std::{
    collections::HashMap,
    future::Future,
    io,
    ops::Range,
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::{
    BackoffConfig, ClientOptions, Error, GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt as _,
    RetryConfig, aws::AmazonS3Builder, azure::MicrosoftAzureBuilder, gcp::GoogleCloudStorageBuilder,
    http::HttpBuilder, path::Path as Key,
};
use tokio::runtime::{Builder, Handle, Runtime};

use super::{address, failure::StoreFailure, per_process::PerProcess};
use crate::{error_words, file::FileStamp, heartbeat};

/// Times that a request is sent again, the pauses between two, and how long all of them may take.
const RETRIES: usize = 8;
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
const RETRY_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a request may take, and how long it may take to reach the server.
const TIMEOUT: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How often an answer that is too short is asked for.
const TRIES_OF_SHORT: u32 = 4;

/// How often whoever waits for a store shows that it is not stuck.
const SIGN: Duration = Duration::from_millis(200);

/// An object that a store lists: its address and its stamp.
pub type Listed = (PathBuf, FileStamp);

/// What an object is known again by: its stamp, and the store's own word for its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version {
    pub stamp: FileStamp,
    tag: Option<String>,
}

impl Version {
    fn of(meta: &ObjectMeta) -> Self {
        let modified = meta.last_modified.timestamp_nanos_opt().unwrap_or_default();
        // A weak tag does not promise the same bytes, and servers refuse it as a condition.
        let tag = meta.e_tag.clone().filter(|tag| !tag.starts_with("W/"));
        Self { stamp: FileStamp { bytes: meta.size, modified }, tag }
    }
}

/// The objects below an address, in the order of their names.
///
/// # Errors
/// When the store cannot be asked, or cannot list.
pub fn list(path: &Path) -> io::Result<Vec<Listed>> {
    let place = Place::of(path)?;
    let found: Vec<ObjectMeta> = whole(|| {
        let (store, key) = (place.store.clone(), place.key.clone());
        async move { store.list(Some(&key)).try_collect().await }
    })?;
    let mut listed: Vec<Listed> =
        found.iter().map(|meta| (place.path_of(&meta.location), Version::of(meta).stamp)).collect();
    listed.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(listed)
}

/// The objects directly below an address, in no order.
pub(crate) fn children(path: &Path) -> io::Result<Vec<PathBuf>> {
    let place = Place::of(path)?;
    let listed = whole(|| {
        let (store, key) = (place.store.clone(), place.key.clone());
        async move { store.list_with_delimiter(Some(&key)).await }
    })?;
    Ok(listed.objects.iter().map(|meta| place.path_of(&meta.location)).collect())
}

/// What an object is at the moment.
pub(super) fn version(path: &Path) -> io::Result<Version> {
    let Place { store, key, .. } = Place::of(path)?;
    wait(async move { store.head(&key).await }).map(|meta| Version::of(&meta))
}

/// The bytes in `range` of an object of this version, all of them.
pub(super) fn read(path: &Path, version: &Version, range: Range<u64>) -> io::Result<Bytes> {
    let Place { store, key, .. } = Place::of(path)?;
    let mut short = String::new();
    for tries in 0..TRIES_OF_SHORT {
        pause(tries);
        let (store, key, wanted) = (store.clone(), key.clone(), range.clone());
        let options =
            GetOptions { range: Some(wanted.into()), if_match: version.tag.clone(), ..GetOptions::default() };
        let answered = wait(async move {
            let got = store.get_opts(&key, options).await?;
            let now = Version::of(&got.meta);
            Ok((now, got.bytes().await))
        })?;
        match answered {
            (now, _) if now.stamp != version.stamp => return Err(changed()),
            (_, Ok(bytes)) if bytes.len() as u64 == range.end - range.start => return Ok(bytes),
            (_, Ok(bytes)) => {
                short = format!("it gave {} bytes of {}", bytes.len(), range.end - range.start);
            }
            // The connection ended in the middle.
            (_, Err(why)) => short = why.to_string(),
        }
    }
    Err(StoreFailure::error(&short))
}

/// What a store lists, asked for again where an answer ended early: the crate sends a request again that got none.
fn whole<T: Send + 'static, F>(ask: impl Fn() -> F) -> io::Result<T>
where
    F: Future<Output = Result<T, Error>> + Send + 'static,
{
    let mut tries = 1;
    loop {
        match wait(ask()) {
            Err(why) if tries < TRIES_OF_SHORT && StoreFailure::is_of_a_body(&why) => {
                pause(tries);
                tries += 1;
            }
            answer => return answer,
        }
    }
}

/// Waits before a request is sent again: longer each time, and not before the first.
fn pause(tries: u32) {
    if tries > 0 {
        heartbeat::step();
        thread::sleep((SHORTEST_PAUSE * 2u32.pow(tries - 1)).min(LONGEST_PAUSE));
    }
}

fn changed() -> io::Error {
    StoreFailure::error("the object changed while it was read")
}

/// A store, and a place in it.
pub(super) struct Place {
    /// What its addresses begin with.
    base: String,
    pub store: Arc<dyn ObjectStore>,
    pub key: Key,
}

impl Place {
    pub fn of(path: &Path) -> io::Result<Self> {
        address::check(path)?;
        let wrong = |why: String| io::Error::new(io::ErrorKind::InvalidInput, why);
        let (scheme, rest) = address::parts(path).ok_or_else(|| wrong("it is no address".to_owned()))?;
        let (host, key) = rest.split_once('/').unwrap_or((rest, ""));
        let key = if scheme.starts_with("http") { Key::from_url_path(key) } else { Key::parse(key) };
        let key = key.map_err(|why| wrong(why.to_string()))?;
        let base = format!("{scheme}://{host}");
        Ok(Self { store: store(scheme, &base)?, base, key })
    }

    fn path_of(&self, key: &Key) -> PathBuf {
        format!("{}/{key}", self.base).into()
    }
}

/// The store whose addresses begin with `base`, which is made once.
fn store(scheme: &str, base: &str) -> io::Result<Arc<dyn ObjectStore>> {
    static STORES: PerProcess<HashMap<String, Arc<dyn ObjectStore>>> = PerProcess::new();
    STORES.with(|stores| {
        if let Some(store) = stores.get(base) {
            return Ok(Arc::clone(store));
        }
        let made = made(scheme, base).map_err(|why| StoreFailure::error(&why.to_string()))?;
        stores.insert(base.to_owned(), Arc::clone(&made));
        Ok(made)
    })
}

fn made(scheme: &str, base: &str) -> Result<Arc<dyn ObjectStore>, Error> {
    // Another library of this program may have chosen one before; any will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let pauses = (SHORTEST_PAUSE, LONGEST_PAUSE);
    let backoff = BackoffConfig { init_backoff: pauses.0, max_backoff: pauses.1, ..BackoffConfig::default() };
    let retry = RetryConfig { backoff, max_retries: RETRIES, retry_timeout: RETRY_TIMEOUT };
    let options = ClientOptions::new().with_timeout(TIMEOUT).with_connect_timeout(CONNECT_TIMEOUT);
    Ok(match scheme {
        // Its options are those of the environment, among them AWS_ALLOW_HTTP.
        "s3" | "s3a" => Arc::new(AmazonS3Builder::from_env().with_url(base).with_retry(retry).build()?),
        "gs" => Arc::new(GoogleCloudStorageBuilder::from_env().with_url(base).with_retry(retry).build()?),
        "http" | "https" => {
            let options = options.with_allow_http(true);
            Arc::new(
                HttpBuilder::new().with_url(base).with_client_options(options).with_retry(retry).build()?,
            )
        }
        _ => Arc::new(MicrosoftAzureBuilder::from_env().with_url(base).with_retry(retry).build()?),
    })
}

/// Waits for what the thread of the stores does, and shows that this one is not stuck.
pub(super) fn wait<T: Send + 'static>(
    asked: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> io::Result<T> {
    let (tell, answer) = mpsc::sync_channel(1);
    runtime()?.spawn(async move {
        // Whoever asked may have gone.
        let _ = tell.send(asked.await);
    });
    loop {
        match answer.recv_timeout(SIGN) {
            Ok(answer) => return answer.map_err(of_store),
            Err(mpsc::RecvTimeoutError::Timeout) => heartbeat::step(),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                return Err(StoreFailure::error("the thread that asks stores gave up"));
            }
        }
    }
}

/// The thread that speaks with all stores, begun at the first request.
fn runtime() -> io::Result<Handle> {
    static RUNTIME: PerProcess<Option<Runtime>> = PerProcess::new();
    RUNTIME.with(|runtime| {
        if let Some(runtime) = runtime {
            return Ok(runtime.handle().clone());
        }
        let begun =
            Builder::new_multi_thread().worker_threads(1).thread_name("stores").enable_all().build()?;
        Ok(runtime.insert(begun).handle().clone())
    })
}

/// What a store says, told apart: that there is no such object is a statement about the object.
fn of_store(why: Error) -> io::Error {
    match why {
        Error::NotFound { .. } => io::Error::new(io::ErrorKind::NotFound, "there is no such object"),
        Error::Precondition { .. } => changed(),
        // Of a request that failed the cause lies deep.
        why => StoreFailure::error(&error_words::with_causes(&why)),
    }
}
