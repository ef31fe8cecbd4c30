//! Objects that are written, each there whole or not at all, and objects that are taken away.
//!
//! A store shows an object when all of it is there. What a process that is killed has sent of a large one is no object;
//! stores keep it until a rule of their bucket takes it away.

use std::{fs, io, os::unix::fs::FileExt as _, path::Path, sync::Arc};

use object_store::{Error, ObjectStore, ObjectStoreExt as _, WriteMultipart, path::Path as Key};

use super::client::{Place, wait};

/// Bytes of a part of a large object; smaller ones are sent as one.
const PART: u64 = 8 << 20;

/// Parts that are under way at the same time.
const PARTS: usize = 4;

/// Writes an object of these bytes.
///
/// # Errors
/// When the store does not take it; the object is then what it was.
pub fn put(address: &Path, bytes: Vec<u8>) -> io::Result<()> {
    let Place { store, key, .. } = Place::of(address)?;
    wait(async move { store.put(&key, bytes.into()).await.map(drop) })
}

/// Writes an object of the bytes of a file.
///
/// # Errors
/// When the file cannot be read, or the store does not take it; the object is then what it was.
pub fn upload(address: &Path, file: fs::File) -> io::Result<()> {
    let length = file.metadata()?.len();
    if length <= PART {
        return put(address, read(&file, 0, length)?);
    }
    let Place { store, key, .. } = Place::of(address)?;
    wait(async move { in_parts(store, key, &file, length).await })
}

/// Takes an object away; where there is none nothing is done.
///
/// # Errors
/// When the store refuses.
pub fn remove(address: &Path) -> io::Result<()> {
    let Place { store, key, .. } = Place::of(address)?;
    let removed = wait(async move { store.delete(&key).await });
    removed.or_else(|why| if why.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(why) })
}

async fn in_parts(store: Arc<dyn ObjectStore>, key: Key, file: &fs::File, length: u64) -> Result<(), Error> {
    let mut upload = WriteMultipart::new_with_chunk_size(store.put_multipart(&key).await?, PART as usize);
    let mut at = 0;
    while at < length {
        let part = PART.min(length - at);
        let sent = match (read(file, at, part), upload.wait_for_capacity(PARTS - 1).await) {
            (Ok(bytes), Ok(())) => {
                upload.put(bytes.into());
                Ok(())
            }
            (Err(why), _) => Err(Error::Generic { store: "file", source: why.into() }),
            (_, Err(why)) => Err(why),
        };
        if let Err(why) = sent {
            // The failure is the cause, whatever becomes of the parts.
            let _ = upload.abort().await;
            return Err(why);
        }
        at += part;
    }
    upload.finish().await.map(drop)
}

fn read(file: &fs::File, start: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length as usize];
    file.read_exact_at(&mut bytes, start)?;
    Ok(bytes)
}
