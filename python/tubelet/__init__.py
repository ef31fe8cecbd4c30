"""Exact clips, frames and tables of videos, for PyTorch, NumPy and everything that reads Arrow.

=====================  ==========================================================================
:class:`ClipDataset`   batches of clips for a trainer: masked, whole, labelled, or views of a test
:class:`VideoDecoder`  frames of one video, by their place or time, with torchcodec's names
:func:`read_clips`     clips of a table of paths and times, for pipelines such as Ray Data
:func:`embed`          vectors of videos, for searches and probes, as a table
:func:`predict`        what a classifier says of videos, as a table
:func:`doctor`         what this installation can read, and which package brings what is missing
:func:`scan`           what is in a collection of videos, and what is wrong with it, as a table
=====================  ==========================================================================

Nothing here imports PyTorch, NumPy or pyarrow; arrays are PyTorch's where it is imported already, else NumPy's where
that can be imported, else :class:`Buffer`, which every library with DLPack or the buffer protocol takes.
"""

from __future__ import annotations

from . import _native_library

with _native_library.explained():
    from ._tubelet import Buffer, Table, __version__

from ._batch import Batch
from ._dataset import ClipDataset
from ._decoder import Frame, FrameBatch, VideoDecoder, VideoMetadata
from ._doctor import Diagnosis, doctor
from ._errors import TubeletError, UsageError, VideoError
from ._inference import embed, predict
from ._tables import read_clips, scan

__all__ = [
    "Batch",
    "Buffer",
    "ClipDataset",
    "Diagnosis",
    "Frame",
    "FrameBatch",
    "Table",
    "TubeletError",
    "UsageError",
    "VideoDecoder",
    "VideoError",
    "VideoMetadata",
    "__version__",
    "doctor",
    "embed",
    "predict",
    "read_clips",
    "scan",
]
