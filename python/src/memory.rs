//! Memory that Python may read and write, and what its elements are.

use std::{
    ffi::CStr,
    sync::atomic::{AtomicU64, Ordering},
};

use arrow_buffer::Buffer as ArrowBuffer;
use pyo3::prelude::*;

/// Bytes that had to be copied so that Python may write to them, since the module was loaded.
static COPIED: AtomicU64 = AtomicU64::new(0);

/// Bytes that Python may read and write, and that no Rust code looks at any more.
///
/// Invariant: the Arrow buffer has no other owner, so that nobody sees what Python writes.
pub struct Memory(ArrowBuffer);

impl Memory {
    /// Takes the only hold of a buffer; one that others hold too is copied.
    pub fn new(buffer: ArrowBuffer) -> Self {
        if buffer.strong_count() == 1 {
            return Self(buffer);
        }
        COPIED.fetch_add(buffer.len() as u64, Ordering::Relaxed);
        Self(ArrowBuffer::from_vec(buffer.as_slice().to_vec()))
    }

    /// The first byte.
    pub fn pointer(&self) -> *mut u8 {
        self.0.as_ptr().cast_mut()
    }
}

/// What an element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// `uint8`
    U8,
    /// `bool`, a byte each.
    Bool,
    /// `int64`
    I64,
    /// `float32`
    F32,
    /// `float64`
    F64,
}

impl Element {
    /// Bytes of one.
    pub fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::Bool => 1,
            Self::F32 => 4,
            Self::I64 | Self::F64 => 8,
        }
    }

    /// NumPy's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::U8 => "uint8",
            Self::Bool => "bool",
            Self::I64 => "int64",
            Self::F32 => "float32",
            Self::F64 => "float64",
        }
    }

    /// The element that NumPy calls so.
    pub fn named(name: &str) -> Option<Self> {
        [Self::U8, Self::Bool, Self::I64, Self::F32, Self::F64]
            .into_iter()
            .find(|element| element.name() == name)
    }

    /// The letter of Python's module `struct`.
    pub fn letter(self) -> &'static CStr {
        match self {
            Self::U8 => c"B",
            Self::Bool => c"?",
            Self::I64 => c"q",
            Self::F32 => c"f",
            Self::F64 => c"d",
        }
    }

    /// `DLDataTypeCode`.
    pub fn dlpack_code(self) -> u8 {
        match self {
            Self::I64 => 0,
            Self::U8 => 1,
            Self::F32 | Self::F64 => 2,
            Self::Bool => 6,
        }
    }
}

/// Bytes that had to be copied so that Python may write to them; for tests.
#[pyfunction]
pub fn copied_bytes() -> u64 {
    COPIED.load(Ordering::Relaxed)
}
