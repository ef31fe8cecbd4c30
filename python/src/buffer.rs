//! Arrays that are handed to Python without a copy: memory of Arrow or of our own, with a shape.

#![allow(unsafe_code)]

use std::{
    ffi::{c_int, c_void},
    sync::Arc,
};

use arrow_buffer::Buffer as ArrowBuffer;
use pyo3::{
    exceptions::{PyBufferError, PyIndexError, PyTypeError, PyValueError},
    ffi,
    prelude::*,
};

use crate::{
    dlpack,
    memory::{Element, Memory},
};

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

    /// A copy, as `pickle` keeps it.
    #[expect(clippy::type_complexity, reason = "it is Python's: a function and its arguments")]
    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyAny>, &'static str, Vec<i64>))> {
        let py = slf.py();
        let bytes = py.import("builtins")?.call_method1("memoryview", (slf,))?.call_method0("tobytes")?;
        let made_by = py.import("tubelet._tubelet")?.getattr("buffer_of")?;
        Ok((made_by, (bytes, slf.get().dtype(), slf.get().shape())))
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

/// A buffer as it was pickled.
#[pyfunction]
pub fn buffer_of(data: &[u8], dtype: &str, shape: Vec<usize>) -> PyResult<Buffer> {
    let wrong = || PyValueError::new_err(format!("{} bytes are no {dtype}{shape:?}", data.len()));
    let element = Element::named(dtype).ok_or_else(wrong)?;
    let bytes = shape.iter().try_fold(element.bytes(), |bytes, &side| bytes.checked_mul(side));
    if bytes != Some(data.len()) {
        return Err(wrong());
    }
    Ok(Buffer::new(ArrowBuffer::from(data), element, &shape))
}

/// Sides and strides of a view.
struct Sides {
    shape: Box<[isize]>,
    strides: Box<[isize]>,
}
