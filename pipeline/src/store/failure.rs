//! What a store says when it does not answer: an error of the system, which says nothing about a film.

use std::io;

use super::address;

/// A store does not give what was asked for, though it was asked several times.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct StoreFailure(String);

impl StoreFailure {
    /// The failure in these words, of which no secret is kept.
    pub fn error(words: &str) -> io::Error {
        io::Error::other(Self(address::shown(words)))
    }

    /// Whether an error is a store's.
    pub fn is_in(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|cause| cause.is::<Self>())
    }
}
