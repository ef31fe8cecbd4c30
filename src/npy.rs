//! NumPy's `.npy`: one array of floats a file.
//!
//! The header is written as NumPy 2 writes it, so that a file has the bytes that `numpy.save` gives. How many
//! rows there are is said first; a file with another number of rows is never finished.

use std::{
    io::{self, Write as _},
    path::Path,
};

use schemas::{
    WholeFile,
    embeddings::{Half, Number},
};

/// Digits that NumPy leaves room for, so that a file may grow.
const GROWTH_DIGITS: usize = 21;

/// An array in the making.
pub struct NpyWriter {
    file: WholeFile,
    number: Number,
    /// Values that are still to come.
    missing: usize,
    /// Of what was written.
    hasher: blake3::Hasher,
}

impl NpyWriter {
    /// An array of `rows` rows of these lengths, to stand at `path`.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn create(path: &Path, rows: usize, lengths: &[usize], number: Number) -> io::Result<Self> {
        let missing = rows * lengths.iter().product::<usize>();
        let mut array =
            Self { file: WholeFile::create(path)?, number, missing, hasher: blake3::Hasher::new() };
        array.write(&header(rows, lengths, number))?;
        Ok(array)
    }

    /// How its values are kept.
    pub fn number(&self) -> Number {
        self.number
    }

    /// More values.
    ///
    /// # Errors
    /// When they are more than was said, or cannot be written.
    pub fn push(&mut self, values: &[f32]) -> io::Result<()> {
        let more = || io::Error::other("more values came than the array has");
        self.missing = self.missing.checked_sub(values.len()).ok_or_else(more)?;
        let bytes: Vec<u8> = match self.number {
            Number::F32 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Number::F16 => {
                values.iter().flat_map(|value| Half::from_f32(*value).to_bits().to_le_bytes()).collect()
            }
        };
        self.write(&bytes)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.file.write_all(bytes)
    }

    /// Puts the file in its place; gives the BLAKE3 digest of its bytes.
    ///
    /// # Errors
    /// When values are missing, or the file cannot be written.
    pub fn finish(self) -> io::Result<String> {
        if self.missing > 0 {
            return Err(io::Error::other(format!("{} values of the array never came", self.missing)));
        }
        self.file.finish()?;
        Ok(self.hasher.finalize().to_hex().to_string())
    }
}

fn header(rows: usize, lengths: &[usize], number: Number) -> Vec<u8> {
    let kind = match number {
        Number::F32 => "<f4",
        Number::F16 => "<f2",
    };
    let shape: Vec<String> =
        std::iter::once(rows).chain(lengths.iter().copied()).map(|n| n.to_string()).collect();
    let comma = if shape.len() == 1 { "," } else { "" };
    let mut text =
        format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({}{comma}), }}", shape.join(", "));
    text.push_str(&" ".repeat(GROWTH_DIGITS.saturating_sub(shape[0].len())));
    // Magic, version and length are 10 bytes, and a line feed ends the header; all is a multiple of 64.
    let padding = (text.len() + 11).next_multiple_of(64) - (text.len() + 11);
    text.push_str(&" ".repeat(padding));
    text.push('\n');
    let length = u16::try_from(text.len()).expect("because a shape of a few lengths is short");
    [b"\x93NUMPY\x01\x00", &length.to_le_bytes()[..], text.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_bytes_of_numpy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        let mut writer = NpyWriter::create(&path, 2, &[3], Number::F32).unwrap();
        writer.push(&[0.0, 1.0, 2.0]).unwrap();
        writer.push(&[3.0, 4.0, 5.0]).unwrap();
        let digest = writer.finish().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(digest, blake3::hash(&bytes).to_hex().as_str());
        assert_eq!(bytes.len(), 128 + 24);
        let text = b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }  ";
        assert!(bytes.starts_with(text) && bytes[..128].ends_with(b" \n"));
        assert_eq!(bytes[128..][4..8], 1f32.to_le_bytes());
    }

    #[test]
    fn an_array_that_is_not_whole_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        let mut writer = NpyWriter::create(&path, 1, &[2, 2], Number::F16).unwrap();
        writer.push(&[0.5; 3]).unwrap();
        assert!(writer.finish().is_err() && !path.exists());
        let mut writer = NpyWriter::create(&path, 1, &[1], Number::F16).unwrap();
        assert!(writer.push(&[0.5; 3]).is_err());
    }
}
