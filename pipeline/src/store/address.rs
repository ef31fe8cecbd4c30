//! Which paths are addresses of objects, and which of them are refused.

use std::{io, path::Path};

/// What addresses begin with.
const SCHEMES: [&str; 9] = ["s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "http", "https"];

/// Whether a path is the address of an object, or of a folder in a store.
pub fn is_address(path: &Path) -> bool {
    parts(path).is_some()
}

/// The scheme of an address, and what follows.
pub(super) fn parts(path: &Path) -> Option<(&str, &str)> {
    let (scheme, rest) = path.to_str()?.split_once("://")?;
    SCHEMES.contains(&scheme).then_some((scheme, rest))
}

/// What is said of an address where this build reads no stores.
pub(super) const NOT_BUILT: &str = "this tubelet was built without the feature `cloud`, which reads object stores: build with `--features cloud`";

/// Refuses an address that this build cannot read, or that may hold a secret: what a run is given stands in its files and
/// messages.
///
/// # Errors
/// When it has a user's name or a password, a query or a fragment; when this build reads no stores.
pub fn check(path: &Path) -> io::Result<()> {
    refuse_secrets(path)?;
    if cfg!(feature = "cloud") || !is_address(path) {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::Unsupported, NOT_BUILT))
}

/// Refuses an address to which nothing can be written.
///
/// # Errors
/// As [`check`]; when it is one of HTTP, whose servers take no objects.
pub fn check_out(path: &Path) -> io::Result<()> {
    check(path)?;
    match parts(path) {
        Some((scheme, _)) if scheme.starts_with("http") => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "nothing can be written to a server of HTTP: give an address of a store (s3://, gs://, az://), or a path",
        )),
        _ => Ok(()),
    }
}

fn refuse_secrets(path: &Path) -> io::Result<()> {
    let Some((scheme, rest)) = parts(path) else { return Ok(()) };
    let host = rest.split('/').next().unwrap_or_default();
    // `abfss://container@account…` has a container there.
    let has_user = host.contains('@') && !scheme.starts_with("abfs");
    if !has_user && !rest.contains(['?', '#']) {
        return Ok(());
    }
    let words =
        "an address has no user, no password and no query here: credentials come from the environment";
    Err(io::Error::new(io::ErrorKind::InvalidInput, words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_paths() {
        for address in ["s3://bucket/a.mp4", "gs://b", "az://c/d/", "http://127.0.0.1:9/a", "https://h/a.mp4"]
        {
            assert!(
                is_address(Path::new(address)) && refuse_secrets(Path::new(address)).is_ok(),
                "{address}"
            );
        }
        for path in ["a.mp4", "/s3/a.mp4", "ftp://h/a", "file:///a", "list.csv:path=a", "C:/films"] {
            assert!(!is_address(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn secrets_are_refused() {
        for address in ["https://me:secret@h/a.mp4", "https://h/a.mp4?sig=secret", "s3://secret@b/a"] {
            let why = refuse_secrets(Path::new(address)).unwrap_err().to_string();
            assert!(!why.contains("secret"), "{why}");
        }
        assert!(refuse_secrets(Path::new("abfss://data@account/a.mp4")).is_ok());
    }
}
