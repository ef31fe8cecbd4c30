//! The child's end of the socket: what it says, and the bytes of a film that it asks its parent for.

use std::{
    io,
    ops::Range,
    os::unix::net::UnixStream,
    sync::{Mutex, PoisonError},
};

use super::{
    channel,
    message::{Answer, Request},
};
use crate::{file::Fetch, store::StoreFailure};

/// The child's end of the socket.
#[derive(Debug)]
pub(super) struct Link {
    pub socket: UnixStream,
    /// Held while a message is sent.
    pub saying: Mutex<()>,
    /// Held from a question to its answer.
    pub asking: Mutex<()>,
}

impl Link {
    /// Says something to the parent.
    pub fn say(&self, answer: &Answer) -> io::Result<()> {
        let _whole = self.saying.lock().unwrap_or_else(PoisonError::into_inner);
        channel::send(&self.socket, answer, None)
    }
}

impl Fetch for Link {
    /// Only while a request is answered: what the parent says next is the answer to this.
    fn fetch(&self, range: Range<u64>) -> io::Result<()> {
        let _alone = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        self.say(&Answer::Need { start: range.start, end: range.end })?;
        match channel::receive(&self.socket, || Ok(()))?.0 {
            Request::Fetched(None) => Ok(()),
            Request::Fetched(Some(why)) => Err(StoreFailure::error(&why)),
            _ => Err(io::Error::other("the parent spoke out of turn")),
        }
    }
}
