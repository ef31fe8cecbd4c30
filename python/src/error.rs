//! The library's errors as Python's exceptions, with the words that the command prints.

use pyo3::{
    prelude::*,
    sync::PyOnceLock,
    types::{PyDict, PyType},
};
use tubelet::{Error, pipeline::error_words::with_causes};

static USAGE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static VIDEO: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static OTHER: PyOnceLock<Py<PyType>> = PyOnceLock::new();

/// The exception of an error: `UsageError` with its hint, `VideoError` with path and verdict, `TubeletError`.
pub fn exception(py: Python<'_>, error: &Error) -> PyErr {
    let raised = match (error.usage(), video_of(error)) {
        (Some(usage), _) => usage_exception(py, &with_causes(error), usage.hinted()),
        #[cfg(feature = "video")]
        (None, Some((path, cause))) => {
            let name = tubelet::pipeline::names::name_of(path);
            let path = tubelet::schemas::secrets::address_without_secrets(&name);
            made(
                py,
                &VIDEO,
                "VideoError",
                &with_causes(error),
                &[("verdict", cause.verdict()), ("path", &path)],
            )
        }
        (None, _) => made(py, &OTHER, "TubeletError", &with_causes(error), &[]),
    };
    raised.unwrap_or_else(|failed| failed)
}

/// A `TubeletError` of these words.
pub fn failed(py: Python<'_>, message: &str) -> PyErr {
    made(py, &OTHER, "TubeletError", message, &[]).unwrap_or_else(|failed| failed)
}

/// A `UsageError` of these words.
pub fn usage(py: Python<'_>, message: &str, hint: Option<&str>) -> PyErr {
    usage_exception(py, message, hint).unwrap_or_else(|failed| failed)
}

fn usage_exception(py: Python<'_>, message: &str, hint: Option<&str>) -> PyResult<PyErr> {
    let hint = hint.map(|hint| ("hint", hint));
    made(py, &USAGE, "UsageError", message, hint.as_slice())
}

fn made(
    py: Python<'_>,
    class: &PyOnceLock<Py<PyType>>,
    name: &str,
    message: &str,
    facts: &[(&str, &str)],
) -> PyResult<PyErr> {
    let keywords = PyDict::new(py);
    for (key, value) in facts {
        keywords.set_item(key, value)?;
    }
    let class = class.import(py, "tubelet._errors", name)?;
    Ok(PyErr::from_value(class.call((message,), Some(&keywords))?))
}

#[cfg(feature = "video")]
fn video_of(error: &Error) -> Option<(&std::path::Path, &tubelet::pipeline::error::VideoError)> {
    match error {
        Error::Video { path, cause } => Some((path, cause)),
        Error::Context { cause, .. } => video_of(cause),
        _ => None,
    }
}

#[cfg(not(feature = "video"))]
fn video_of(_: &Error) -> Option<()> {
    None
}
