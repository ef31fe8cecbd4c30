//! Elements of EBML (RFC 8794) where they lie in a file: an identifier, a size, a body of bytes or of elements.
//!
//! A [`Reader`] gives the header of the element at a place and the values in it. It reads a file on the disk by small
//! parts, so that the bodies of blocks are never read. An element must end within the one that holds it and within
//! the file. Nothing here calls itself: how deep elements are nested costs no stack.

use std::time::Instant;

use super::fault::Fault;
use crate::{
    file::{FileBytes, FileSlice},
    heartbeat,
};

/// An element: identifier, place, where its body begins, how long that is (nothing: unknown).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element {
    pub id: u32,
    pub at: u64,
    pub body: u64,
    pub size: Option<u64>,
}

impl Element {
    /// Where it ends; nothing where that is not known.
    pub(super) fn end(&self) -> Option<u64> {
        self.size.map(|size| self.body + size)
    }

    /// Its elements.
    pub(super) fn children(&self) -> Children {
        Children { at: self.body, end: self.end() }
    }
}

/// Bytes of a file on the disk that are read at a time.
const WINDOW: u64 = 4096;

/// Elements between two looks at the clock.
const UNTIMED: u32 = 1 << 12;

/// Identifiers are at most this long, sizes twice that (the maxima of Matroska).
const ID_BYTES: usize = 4;

/// Reads elements of a file, until a deadline.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    file: &'a FileBytes,
    /// The bytes read last, all of them of a file in memory.
    window: FileSlice,
    window_at: u64,
    deadline: Instant,
    elements: u32,
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a FileBytes, deadline: Instant) -> Self {
        let window = file.slice(0..if file.is_in_memory() { file.length() } else { WINDOW });
        Self { file, window, window_at: 0, deadline, elements: 0 }
    }

    /// Bytes of the file.
    pub(super) fn length(&self) -> u64 {
        self.file.length()
    }

    /// Up to `count` bytes at `at`: fewer where the file ends.
    pub(super) fn bytes(&mut self, at: u64, count: u64) -> &[u8] {
        let end = at.saturating_add(count).min(self.file.length());
        let window_end = self.window_at + self.window.as_ref().len() as u64;
        if !self.file.is_in_memory() && (at < self.window_at || end > window_end) {
            // Twice as many: who goes on in small steps and looks far ahead reads each byte twice, and no more.
            self.window = self.file.slice(at..at.saturating_add(count.saturating_mul(2).max(WINDOW)));
            self.window_at = at;
        }
        let window = self.window.as_ref();
        let from = usize::try_from(at.saturating_sub(self.window_at)).unwrap_or(usize::MAX).min(window.len());
        let to = usize::try_from(end.saturating_sub(self.window_at)).unwrap_or(usize::MAX);
        &window[from..to.clamp(from, window.len())]
    }

    /// The header of the element at `at`, in a master element that ends at `end`, or of unknown size.
    pub(super) fn element(&mut self, at: u64, end: Option<u64>) -> Result<Element, Fault> {
        self.elements += 1;
        if self.elements.is_multiple_of(UNTIMED) {
            self.check_time()?;
        }
        let (length, broken) = (self.length(), |what| Fault::Broken { at, what });
        let header = self.bytes(at, (3 * ID_BYTES) as u64);
        let cut = || Fault::Cut { missing: 1 };
        let (id, id_bytes) = number(header, ID_BYTES).ok_or_else(|| match header {
            [0, ..] | [1..=15, ..] => broken("does not begin with an identifier"),
            _ => cut(),
        })?;
        // The marker of its length is a part of an identifier.
        let id = id as u32 | 1 << (7 * id_bytes);
        let rest = &header[id_bytes..];
        let (size, size_bytes) = number(rest, 2 * ID_BYTES).ok_or_else(|| match rest {
            [0, ..] => broken("has no size"),
            _ => cut(),
        })?;
        let unknown = size + 1 == 1 << (7 * size_bytes);
        let element = Element {
            id,
            at,
            body: at + (id_bytes + size_bytes) as u64,
            size: Some(size).filter(|_| !unknown),
        };
        match (element.end(), end) {
            (None, Some(_)) => Err(broken("has no size within an element that has one")),
            (_, Some(end)) if element.body > end => Err(broken("ends behind the element that holds it")),
            (Some(stop), Some(end)) if stop > end => Err(broken("ends behind the element that holds it")),
            (Some(stop), _) if stop > length => Err(Fault::Cut { missing: stop - length }),
            _ => Ok(element),
        }
    }

    /// Looks at the clock.
    pub(super) fn check_time(&self) -> Result<(), Fault> {
        heartbeat::step();
        if Instant::now() > self.deadline { Err(Fault::Late) } else { Ok(()) }
    }

    /// The value of an element that is a number; nothing where it has no bytes, and so its default value.
    pub(super) fn unsigned(&mut self, element: &Element) -> Result<Option<u64>, Fault> {
        let body = self.value(element, 8)?;
        Ok((!body.is_empty()).then(|| body.iter().fold(0, |value, &byte| value << 8 | u64::from(byte))))
    }

    /// The value of an element that is a number of floating point.
    pub(super) fn float(&mut self, element: &Element) -> Result<Option<f64>, Fault> {
        let at = element.at;
        match *self.value(element, 8)? {
            [] => Ok(None),
            [a, b, c, d] => Ok(Some(f32::from_be_bytes([a, b, c, d]).into())),
            [a, b, c, d, e, f, g, h] => Ok(Some(f64::from_be_bytes([a, b, c, d, e, f, g, h]))),
            _ => Err(Fault::Broken { at, what: "is no number of four or eight bytes" }),
        }
    }

    /// The body of an element of at most `most` bytes.
    pub(super) fn value(&mut self, element: &Element, most: u64) -> Result<&[u8], Fault> {
        match element.size {
            Some(size) if size <= most => Ok(self.bytes(element.body, size)),
            _ => Err(Fault::Broken { at: element.at, what: "is longer than elements of its kind are" }),
        }
    }
}

/// A number of one to `most` bytes as EBML writes it, at the beginning of `bytes`, and how many it takes. The first
/// byte's leading zeros say that (RFC 8794, section 4).
pub(super) fn number(bytes: &[u8], most: usize) -> Option<(u64, usize)> {
    let length = bytes.first()?.leading_zeros() as usize + 1;
    let raw = bytes.get(..length).filter(|_| length <= most)?;
    let raw = raw.iter().fold(0u64, |value, &byte| value << 8 | u64::from(byte));
    Some((raw & ((1 << (7 * length)) - 1), length))
}

/// A walk over the elements of a master element of known size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Children {
    at: u64,
    end: Option<u64>,
}

impl Children {
    /// The next element; nothing at the end.
    pub(super) fn next(&mut self, reader: &mut Reader<'_>) -> Result<Option<Element>, Fault> {
        if self.end.is_none_or(|end| self.at >= end) {
            return Ok(None);
        }
        let element = reader.element(self.at, self.end)?;
        self.at = element.end().unwrap_or(element.body);
        Ok(Some(element))
    }
}
