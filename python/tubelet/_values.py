"""What arrays are given as: PyTorch's tensors, NumPy's arrays, or buffers of our own."""

from __future__ import annotations

import sys
from typing import Any, Literal

from ._errors import UsageError
from ._tubelet import Buffer

Format = Literal["torch", "numpy", "buffer"]


def chosen(format: str | None) -> Format:
    """The format that is named, or the one that fits: ``torch`` where it is imported, else ``numpy`` where it can be."""
    if format == "torch":
        _need("torch")
        return "torch"
    if format == "numpy":
        _need("numpy")
        return "numpy"
    if format == "buffer":
        return "buffer"
    if format is not None:
        raise UsageError(f"format = {format!r} is none of 'torch', 'numpy', 'buffer' and None")
    if "torch" in sys.modules:
        return "torch"
    try:
        import numpy  # noqa: F401
    except ImportError:
        return "buffer"
    return "numpy"


def array(buffer: Buffer, format: Format) -> Any:
    """A buffer in this format, without a copy."""
    if format == "torch":
        import torch

        return torch.from_dlpack(buffer)  # type: ignore[attr-defined, unused-ignore]
    if format == "numpy":
        import numpy

        return numpy.asarray(buffer)
    return buffer


def _need(module: str) -> None:
    try:
        __import__(module)
    except ImportError as error:
        raise UsageError(f"format = {module!r} needs {module}, which cannot be imported: {error}") from error


def numbers(values: list[float], format: Format) -> Any:
    """float64 ``[N]`` in this format; a list where there is neither PyTorch nor NumPy."""
    if format == "torch":
        import torch

        return torch.tensor(values, dtype=torch.float64)
    if format == "numpy":
        import numpy

        return numpy.array(values, dtype=numpy.float64)
    return values


def objects(values: list[str | None]) -> Any:
    """Text as NumPy's array of objects."""
    import numpy

    return numpy.array(values, dtype=object)
