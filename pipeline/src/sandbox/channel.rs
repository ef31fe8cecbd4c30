//! Messages over a socket: a length, the message, and perhaps a handle of a file.

use std::{
    io::{self, IoSlice, IoSliceMut, Read as _, Write as _},
    mem::MaybeUninit,
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use serde::{Serialize, de::DeserializeOwned};

/// Bytes of the longest message: the index of a film of some million packets.
const LONGEST: usize = 512 << 20;

/// Bytes of a message that are read at a time: a length that was made up reserves nothing.
const READ_AT_ONCE: usize = 1 << 20;

/// Sends a message, and with it a handle.
pub(super) fn send(
    mut socket: &UnixStream,
    message: &impl Serialize,
    handle: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let mut frame = postcard::to_extend(message, vec![0; 4]).map_err(io::Error::other)?;
    let length = u32::try_from(frame.len() - 4).map_err(io::Error::other)?;
    frame[..4].copy_from_slice(&length.to_le_bytes());
    let handles = handle.as_slice();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !handles.is_empty() {
        ancillary.push(SendAncillaryMessage::ScmRights(handles));
    }
    let sent = sendmsg(socket.as_fd(), &[IoSlice::new(&frame)], &mut ancillary, SendFlags::NOSIGNAL)?;
    socket.write_all(&frame[sent..])
}

/// Receives a message, and the handle that came with it. `idle` is called whenever the socket's time for reading has
/// passed without a byte; its error ends the waiting.
pub(super) fn receive<T: DeserializeOwned>(
    socket: &UnixStream,
    mut idle: impl FnMut() -> io::Result<()>,
) -> io::Result<(T, Option<OwnedFd>)> {
    let (mut length, mut handle) = ([0; 4], None);
    let mut have = 0;
    while have < length.len() {
        have += part(&mut idle, || with_handle(socket, &mut length[have..], &mut handle))?;
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > LONGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let (mut frame, mut have) = (Vec::new(), 0);
    while have < length {
        frame.resize(length.min(have + READ_AT_ONCE), 0);
        let mut socket = socket;
        have += part(&mut idle, || socket.read(&mut frame[have..]))?;
    }
    let message =
        postcard::from_bytes(&frame).map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why))?;
    Ok((message, handle))
}

/// Bytes that came, at least one.
fn part(
    idle: &mut impl FnMut() -> io::Result<()>,
    mut read: impl FnMut() -> io::Result<usize>,
) -> io::Result<usize> {
    loop {
        match read() {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Err(why) if matches!(why.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => idle()?,
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            answer => return answer,
        }
    }
}

fn with_handle(socket: &UnixStream, bytes: &mut [u8], handle: &mut Option<OwnedFd>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let slices = &mut [IoSliceMut::new(bytes)];
    let received = recvmsg(socket.as_fd(), slices, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(handles) = message {
            *handle = handles.last().or(handle.take());
        }
    }
    Ok(received.bytes)
}

#[cfg(test)]
mod tests {
    use std::{fs::File, io::Seek as _};

    use super::*;

    #[test]
    fn messages_longer_than_the_socket_holds_come_whole_and_with_their_handle() {
        let (here, there) = UnixStream::pair().unwrap();
        let long: Vec<u64> = (0..1_000_000).collect();
        let sent = long.clone();
        let sender = std::thread::spawn(move || {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(b"film").unwrap();
            send(&here, &sent, Some(file.as_fd())).unwrap();
            send(&here, &"short", None).unwrap();
        });
        let never = || panic!("nothing is late");
        let (came, handle): (Vec<u64>, _) = receive(&there, never).unwrap();
        assert!(came == long);
        let mut film = File::from(handle.unwrap());
        film.rewind().unwrap();
        assert_eq!(io::read_to_string(film).unwrap(), "film");
        let (came, handle): (String, _) = receive(&there, never).unwrap();
        assert!(came == "short" && handle.is_none());
        sender.join().unwrap();
        let end = receive::<String>(&there, never).unwrap_err();
        assert_eq!(end.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_length_that_was_made_up_is_refused() {
        let (mut here, there) = UnixStream::pair().unwrap();
        here.write_all(&u32::MAX.to_le_bytes()).unwrap();
        let refused = receive::<String>(&there, || Ok(())).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
    }
}
