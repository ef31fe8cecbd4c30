//! Arrays that are handed to Python without a copy: memory of Arrow or of our own, with a shape.

#![allow(unsafe_code)]

use std::{
    ffi::{CStr, c_int, c_void},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arrow_buffer::Buffer as ArrowBuffer;
use pyo3::{
    exceptions::{PyBufferError, PyIndexError, PyTypeError},
    ffi,
    prelude::*,
};

use crate::dlpack;

/// Bytes that had to be copied so that Python may write to them, since the module was loaded.
static COPIED: AtomicU64 = AtomicU64::new(0);

/// Bytes that Python may read and write, and that no Rust code looks at any more.
///
/// Invariant: the Arrow buffer has no other owner, so that nobody sees what Python writes.
pub struct Memory(ArrowBuffer);

// SAFETY (of both): Rust only frees the memory; who writes and reads it at the same time is the business of Python's
// consumers, as with any array that they share.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

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
    fn name(self) -> &'static str {
        match self {
            Self::U8 => "uint8",
            Self::Bool => "bool",
            Self::I64 => "int64",
            Self::F32 => "float32",
            Self::F64 => "float64",
        }
    }

    /// The letter of Python's module `struct`.
    fn letter(self) -> &'static CStr {
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

/// An array in memory that Python may write to. PyTorch, NumPy, JAX and others take it without a copy, by
/// `torch.from_dlpack(buffer)`, `numpy.asarray(buffer)` or `memoryview(buffer)`.
#[pyclass(frozen, module = "tubelet")]
pub struct Buffer {
    memory: Arc<Memory>,
    /// Bytes of the memory before its first element.
    offset: usize,
    element: Element,
    shape: Box<[i64]>,
}

impl Buffer {
    /// An array of this shape over all of a buffer's bytes; one that others hold too is copied.
    pub fn new(buffer: ArrowBuffer, element: Element, shape: &[usize]) -> Self {
        let shape: Box<[i64]> = shape.iter().map(|&side| side as i64).collect();
        let elements: i64 = shape.iter().product();
        assert_eq!(elements as usize * element.bytes(), buffer.len(), "because the shape is the buffer's");
        Self { memory: Arc::new(Memory::new(buffer)), offset: 0, element, shape }
    }

    /// The first byte.
    fn pointer(&self) -> *mut u8 {
        self.memory.pointer().wrapping_add(self.offset)
    }
}

#[pymethods]
impl Buffer {
    /// Sides of the array.
    #[getter]
    fn shape(&self) -> Vec<i64> {
        self.shape.to_vec()
    }

    /// NumPy's name of an element's type.
    #[getter]
    fn dtype(&self) -> &'static str {
        self.element.name()
    }

    /// Bytes of all elements.
    #[getter]
    fn nbytes(&self) -> usize {
        self.shape.iter().product::<i64>() as usize * self.element.bytes()
    }

    /// Address of the first byte.
    fn data_ptr(&self) -> usize {
        self.pointer() as usize
    }

    /// The elements as nested lists.
    fn tolist<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let view = slf.py().import("builtins")?.call_method1("memoryview", (slf,))?;
        view.call_method0("tolist")
    }

    fn __len__(&self) -> PyResult<usize> {
        let first = self.shape.first().map(|&side| side as usize);
        first.ok_or_else(|| PyTypeError::new_err("a single number has no length"))
    }

    /// The part of this number along the first side, in the same memory.
    fn __getitem__(&self, at: isize) -> PyResult<Self> {
        let (Some(&side), Some(rest)) = (self.shape.first(), self.shape.get(1..)) else {
            return Err(PyTypeError::new_err("a single number has no parts"));
        };
        let place = if at < 0 { at + side as isize } else { at };
        if !(0..side as isize).contains(&place) {
            return Err(PyIndexError::new_err(format!("there is no {at}: the buffer has {side}")));
        }
        let part = rest.iter().product::<i64>() as usize * self.element.bytes();
        let offset = self.offset + place as usize * part;
        Ok(Self { memory: Arc::clone(&self.memory), offset, element: self.element, shape: rest.into() })
    }

    fn __repr__(&self) -> String {
        format!("tubelet.Buffer(shape={:?}, dtype={})", self.shape, self.element.name())
    }

    /// Where the memory is: `(kDLCPU, 0)`.
    fn __dlpack_device__(&self) -> (i32, i32) {
        (dlpack::CPU, 0)
    }

    /// The array as a DLPack tensor in a capsule.
    #[pyo3(signature = (*, stream=None, max_version=None, dl_device=None, copy=None))]
    fn __dlpack__<'py>(
        &self,
        py: Python<'py>,
        stream: Option<Bound<'py, PyAny>>,
        max_version: Option<(u32, u32)>,
        dl_device: Option<(i32, i32)>,
        copy: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if stream.is_some() {
            return Err(PyBufferError::new_err("memory of the CPU belongs to no stream"));
        }
        if dl_device.is_some_and(|device| device != (dlpack::CPU, 0)) {
            return Err(PyBufferError::new_err(
                "the memory is the CPU's; copy the tensor where it is wanted",
            ));
        }
        if copy == Some(true) {
            return Err(PyBufferError::new_err(
                "the memory is given as it is; copy the tensor that is made of it",
            ));
        }
        let versioned = max_version.is_some_and(|(major, _)| major >= 1);
        dlpack::capsule(py, &self.memory, self.pointer(), self.element, &self.shape, versioned)
    }

    /// # Safety
    /// The interpreter calls it with a view to fill.
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        if view.is_null() {
            return Err(PyBufferError::new_err("there is no view to fill"));
        }
        let this = slf.get();
        let element = this.element.bytes();
        let mut strides = vec![element as isize; this.shape.len()];
        for at in (1..this.shape.len()).rev() {
            strides[at - 1] = strides[at] * this.shape[at] as isize;
        }
        let sides: Box<[isize]> = this.shape.iter().map(|&side| side as isize).collect();
        let mut sides = Box::new(Sides { shape: sides, strides: strides.into() });
        let wants = |flag: c_int| flags & flag == flag;
        let (shape, strides) = (sides.shape.as_mut_ptr(), sides.strides.as_mut_ptr());
        // SAFETY: the view is the interpreter's to fill. What it points to lives until `__releasebuffer__` (the sides)
        // or as long as `obj`, which the view owns (the memory).
        unsafe {
            (*view).buf = this.pointer().cast();
            (*view).len = this.nbytes() as isize;
            (*view).readonly = 0;
            (*view).itemsize = element as isize;
            (*view).format = match wants(ffi::PyBUF_FORMAT) {
                true => this.element.letter().as_ptr().cast_mut(),
                false => std::ptr::null_mut(),
            };
            (*view).ndim = this.shape.len() as c_int;
            (*view).shape = if wants(ffi::PyBUF_ND) { shape } else { std::ptr::null_mut() };
            (*view).strides = if wants(ffi::PyBUF_STRIDES) { strides } else { std::ptr::null_mut() };
            (*view).suboffsets = std::ptr::null_mut();
            (*view).internal = Box::into_raw(sides).cast::<c_void>();
            (*view).obj = slf.into_any().into_ptr();
        }
        Ok(())
    }

    /// # Safety
    /// The interpreter calls it once with a view that `__getbuffer__` filled.
    unsafe fn __releasebuffer__(&self, view: *mut ffi::Py_buffer) {
        // SAFETY: `internal` is what `__getbuffer__` put there, and nobody uses it after this.
        drop(unsafe { Box::from_raw((*view).internal.cast::<Sides>()) });
    }
}

/// Sides and strides of a view.
struct Sides {
    shape: Box<[isize]>,
    strides: Box<[isize]>,
}

/// Bytes that had to be copied so that Python may write to them; for tests.
#[pyfunction]
pub fn copied_bytes() -> u64 {
    COPIED.load(Ordering::Relaxed)
}
