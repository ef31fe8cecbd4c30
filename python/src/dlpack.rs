//! Memory as DLPack tensors (<https://dmlc.github.io/dlpack/latest/c_api.html>), which PyTorch, NumPy, JAX and CuPy take
//! without a copy.
//!
//! A tensor travels in a capsule. Whoever takes it renames the capsule and calls the tensor's deleter when he is
//! done; of a capsule that nobody took, the capsule's own destructor does. There are two forms: consumers that name
//! a version of 1.0 or later get one that says that it may be written to, others the one without a word on that.

#![allow(unsafe_code)]

use std::{
    ffi::{CStr, c_void},
    sync::Arc,
};

use pyo3::{ffi, prelude::*};

use crate::memory::{Element, Memory};

const CAPSULE: &CStr = c"dltensor";
const VERSIONED_CAPSULE: &CStr = c"dltensor_versioned";

/// `kDLCPU`.
pub const CPU: i32 = 1;

#[repr(C)]
struct Device {
    kind: i32,
    number: i32,
}

#[repr(C)]
struct DataType {
    code: u8,
    bits: u8,
    lanes: u16,
}

#[repr(C)]
struct Tensor {
    data: *mut c_void,
    device: Device,
    dimensions: i32,
    data_type: DataType,
    shape: *mut i64,
    strides: *mut i64,
    byte_offset: u64,
}

/// `DLManagedTensor`.
#[repr(C)]
struct Managed {
    tensor: Tensor,
    context: *mut c_void,
    deleter: Option<unsafe extern "C" fn(*mut Managed)>,
}

/// `DLManagedTensorVersioned`; of its flags, 0 says that it may be written to.
#[repr(C)]
struct ManagedVersioned {
    version: [u32; 2],
    context: *mut c_void,
    deleter: Option<unsafe extern "C" fn(*mut ManagedVersioned)>,
    flags: u64,
    tensor: Tensor,
}

/// What a tensor points to; it lives until the deleter is called.
struct Context {
    _memory: Arc<Memory>,
    shape: Box<[i64]>,
    strides: Box<[i64]>,
}

/// A tensor of this shape whose first element is at `data` in `memory`, in a capsule; `versioned` chooses the form.
pub fn capsule<'py>(
    py: Python<'py>,
    memory: &Arc<Memory>,
    data: *mut u8,
    element: Element,
    shape: &[i64],
    versioned: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let mut strides = vec![1; shape.len()];
    for at in (1..shape.len()).rev() {
        strides[at - 1] = strides[at] * shape[at];
    }
    let context = Context { _memory: Arc::clone(memory), shape: shape.into(), strides: strides.into() };
    let mut context = Box::new(context);
    let tensor = Tensor {
        data: data.cast(),
        device: Device { kind: CPU, number: 0 },
        dimensions: shape.len() as i32,
        data_type: DataType { code: element.dlpack_code(), bits: 8 * element.bytes() as u8, lanes: 1 },
        shape: context.shape.as_mut_ptr(),
        strides: context.strides.as_mut_ptr(),
        byte_offset: 0,
    };
    let context = Box::into_raw(context).cast();
    if versioned {
        let deleter = Some(delete_versioned as unsafe extern "C" fn(*mut ManagedVersioned));
        let managed = ManagedVersioned { version: [1, 0], context, deleter, flags: 0, tensor };
        in_capsule(py, managed, VERSIONED_CAPSULE, destroy_versioned, |managed| {
            // SAFETY: the capsule was not made, so nobody else knows the tensor.
            unsafe { delete_versioned(managed) }
        })
    } else {
        let managed = Managed { tensor, context, deleter: Some(delete) };
        in_capsule(py, managed, CAPSULE, destroy, |managed| {
            // SAFETY: as above.
            unsafe { delete(managed) }
        })
    }
}

fn in_capsule<'py, T>(
    py: Python<'py>,
    managed: T,
    name: &'static CStr,
    destructor: unsafe extern "C" fn(*mut ffi::PyObject),
    undo: impl FnOnce(*mut T),
) -> PyResult<Bound<'py, PyAny>> {
    let managed = Box::into_raw(Box::new(managed));
    // SAFETY: the pointer is not null, the name is static, and the interpreter is attached (`py`). What is given back
    // is a new reference or null with an exception.
    let capsule = unsafe {
        let made = ffi::PyCapsule_New(managed.cast(), name.as_ptr(), Some(destructor));
        Bound::from_owned_ptr_or_err(py, made)
    };
    capsule.inspect_err(|_| undo(managed))
}

/// Frees a tensor and its hold on the memory; consumers call it once, from any thread.
unsafe extern "C" fn delete(managed: *mut Managed) {
    // SAFETY: `managed` came from `Box::into_raw` above, with a context that did as well, and is given up here.
    let managed = unsafe { Box::from_raw(managed) };
    // SAFETY: as above.
    drop(unsafe { Box::from_raw(managed.context.cast::<Context>()) });
}

/// The same of the versioned form.
unsafe extern "C" fn delete_versioned(managed: *mut ManagedVersioned) {
    // SAFETY: as in `delete`.
    let managed = unsafe { Box::from_raw(managed) };
    // SAFETY: as in `delete`.
    drop(unsafe { Box::from_raw(managed.context.cast::<Context>()) });
}

/// The end of a capsule: its tensor is freed if nobody took it, which would have changed the name.
unsafe extern "C" fn destroy(capsule: *mut ffi::PyObject) {
    // SAFETY: the interpreter calls this with the capsule that dies, whose pointer is a tensor as long as it has this
    // name.
    unsafe {
        if ffi::PyCapsule_IsValid(capsule, CAPSULE.as_ptr()) == 1 {
            delete(ffi::PyCapsule_GetPointer(capsule, CAPSULE.as_ptr()).cast());
        }
    }
}

/// The same of the versioned form.
unsafe extern "C" fn destroy_versioned(capsule: *mut ffi::PyObject) {
    // SAFETY: as in `destroy`.
    unsafe {
        if ffi::PyCapsule_IsValid(capsule, VERSIONED_CAPSULE.as_ptr()) == 1 {
            delete_versioned(ffi::PyCapsule_GetPointer(capsule, VERSIONED_CAPSULE.as_ptr()).cast());
        }
    }
}
