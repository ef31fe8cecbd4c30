//! Builds small MP4 files for tests.

/// A box.
pub(crate) fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
}

/// A "full" box: version, flags, and numbers of four bytes.
pub(crate) fn full(kind: &[u8; 4], version: u8, flags: u32, words: &[u32]) -> Vec<u8> {
    let head = u32::from(version) << 24 | flags;
    let words = words.iter().flat_map(|word| word.to_be_bytes());
    boxed(kind, &[&head.to_be_bytes()[..], &words.collect::<Vec<_>>()].concat())
}

/// A full box of a table: the number of its entries, then their fields.
pub(crate) fn table<const N: usize>(kind: &[u8; 4], entries: &[[u32; N]]) -> Vec<u8> {
    let count = [entries.len() as u32];
    let words = count.into_iter().chain(entries.iter().flatten().copied());
    full(kind, 0, 0, &words.collect::<Vec<_>>())
}

/// The sample entry of a picture of 320x240, with the boxes in it.
pub(crate) fn entry(format: &[u8; 4], inner: &[u8]) -> Vec<u8> {
    let mut body = vec![0; 78];
    body[7] = 1;
    body[24..28].copy_from_slice(&[1, 64, 0, 240]);
    body.extend_from_slice(inner);
    boxed(format, &body)
}

/// A box of sample entries.
pub(crate) fn entries(entries: &[Vec<u8>]) -> Vec<u8> {
    let head = [&[0; 4][..], &(entries.len() as u32).to_be_bytes()].concat();
    boxed(b"stsd", &[head, entries.concat()].concat())
}

/// The identity in a track's or a movie's matrix.
pub(crate) const IDENTITY: [i32; 9] = [1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30];

/// A movie header with `scale` ticks a second and a matrix.
pub(crate) fn movie_header(scale: u32, matrix: [i32; 9]) -> Vec<u8> {
    let mut words = vec![0, 0, scale, 0, 0, 0, 0, 0];
    words.extend(matrix.map(|value| value as u32));
    words.extend([0; 7]);
    full(b"mvhd", 0, 0, &words)
}

/// A track header.
pub(crate) fn track_header(id: u32, matrix: [i32; 9]) -> Vec<u8> {
    let mut words = vec![0, 0, id, 0, 0, 0, 0, 0, 0];
    words.extend(matrix.map(|value| value as u32));
    words.extend([320 << 16, 240 << 16]);
    full(b"tkhd", 0, 3, &words)
}

/// A track of video with `scale` ticks a second, from its sample tables and, if it has one, its edit list.
pub(crate) fn track(id: u32, scale: u32, tables: &[Vec<u8>], edits: &[[u32; 3]]) -> Vec<u8> {
    let handler = full(b"hdlr", 0, 0, &[0, u32::from_be_bytes(*b"vide"), 0, 0, 0]);
    let header = full(b"mdhd", 0, 0, &[0, 0, scale, 0, 0]);
    let media = boxed(b"minf", &boxed(b"stbl", &tables.concat()));
    let media = boxed(b"mdia", &[header, handler, media].concat());
    let edits = if edits.is_empty() { Vec::new() } else { boxed(b"edts", &table(b"elst", edits)) };
    boxed(b"trak", &[track_header(id, IDENTITY), edits, media].concat())
}
