"""Tables of what is in videos."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from . import _arguments, _paths, _sandbox, _tubelet, _values
from ._errors import UsageError
from ._paths import Path, Videos, listed
from ._tubelet import Table


def scan(
    videos: Videos,
    *,
    out: str | os.PathLike[str] | None = None,
    verify: bool = False,
    threads: int | None = None,
    sandbox: bool | None = None,
) -> Table:
    """What is in each video, and what is wrong with it: a row for each, in the order of the videos.

    :param videos: files, folders (searched to the bottom), globs, list files with ``path label`` lines.
    :param out: where to write the table as a manifest too, with the index beside it; data sets open it faster than the
        files, and need not verify what was verified.
    :param verify: decode each video completely; any complaint of the decoder makes it unusable.
    :param threads: videos that are read at the same time; the processor's number where none is given.
    :param sandbox: whether each thread has a process that opens and decodes films; by default where there can be one (Linux).
    :returns: a table with the columns of ``manifest.parquet``: ``path``, ``verdict`` (``good``, or the word of what is
        wrong), ``reason``, ``frames``, ``times`` (ns), ``width``, ``height``, ``codec`` and others.
    """
    in_processes = _sandbox.checked(sandbox) is not False
    count = _arguments.count("threads", threads)
    return _tubelet.scan(listed(videos), _arguments.path(out), count, bool(verify), in_processes)


def read_clips(
    clips: Any,
    *,
    recipe: str | os.PathLike[str] | None = None,
    set: Mapping[str, Any] | Sequence[str] | None = None,
    layout: Literal["NCTHW", "NTCHW", "NTHWC"] = "NCTHW",
    threads: int | None = None,
    sandbox: bool = False,
) -> Any:
    """Reads one clip for each row of a table of paths: a step of somebody else's pipeline, such as
    ``ray.data.Dataset.map_batches(tubelet.read_clips)``. Every process may call it, forked ones too.

    :param clips: a column ``path``, and maybe ``start`` and ``end`` in seconds: a dictionary of arrays or lists (Ray's
        default), a pyarrow table, or anything else of Arrow; or a list of paths. The first frame of a clip is the first that
        is shown from ``start`` on; without times the clip lies in the middle of the video.
    :param recipe: frames, stride or rate, and size of a clip; ``set`` changes it: ``{"clip.target_fps": 8}``.
    :param sandbox: opens and decodes in processes of their own, which are started for each call (Linux).
    :returns: a row for each clip, in their order, and the columns that were given besides. Of a dictionary a dictionary of
        NumPy arrays, with the pixels as ``video`` (uint8 ``[B, 3, T, H, W]``), ``frames``, ``pts``, ``times``, ``crop`` and ``row``; of a pyarrow
        table a pyarrow table, else a :class:`Table`, with the pixels as lists ``pixels``. ``error`` and ``verdict`` say why a
        clip could not be read, whose pixels are 0; they are null for all others.
    """
    settings = [f"run.sandbox={str(bool(_sandbox.checked(sandbox))).lower()}", *_arguments.settings(set)]
    asked = _arguments.path(recipe), settings, str(layout), _arguments.count("threads", threads)
    if isinstance(clips, (str, bytes, os.PathLike)):
        raise UsageError("clips is one path: give a list of paths, or a table with a column `path`")
    if isinstance(clips, Mapping):
        return _of_columns(clips, asked)
    if hasattr(clips, "__arrow_c_stream__"):
        given = _tubelet.table_of(clips.__arrow_c_stream__())
        _refuse_same(given.column_names, "pixels")
        table = _tubelet.read_clips(given._segments(), *asked)._with_columns_of(given)
        return table.to_pyarrow() if type(clips).__module__.startswith("pyarrow") else table
    if not isinstance(clips, Iterable):
        raise UsageError(f"clips must be a table or a list of paths, not {type(clips).__name__}")
    return _tubelet.read_clips([(_text(path), None, None) for path in clips], *asked)


def _of_columns(columns: Mapping[str, Any], asked: tuple[Any, ...]) -> dict[str, Any]:
    """Clips of a dictionary of columns, as such a one."""
    if "path" not in columns:
        raise UsageError("there is no column `path`")
    _refuse_same(columns, "pts")
    if isinstance(columns["path"], (str, bytes, os.PathLike)):
        raise UsageError("the column `path` is one path: give a list of paths")
    paths = [_text(path) for path in columns["path"]]
    starts, ends = (_seconds(columns.get(name), name, len(paths)) for name in ("start", "end"))
    arrays, words = _tubelet.read_clips_as_arrays(list(zip(paths, starts, ends)), *asked)
    format = _values.chosen("numpy")
    found = {key: _values.array(value, format) for key, value in arrays.items()}
    found.update({key: _values.objects(value) for key, value in words.items() if key != "path"})
    return {**columns, **found}


# Columns of clips, besides their pixels.
_OF_CLIPS = ("row", "video", "frames", "times", "crop", "verdict", "error")


def _refuse_same(given: Iterable[str], more: str) -> None:
    """Refuses a table of which a column would be lost."""
    for name in given:
        if name in _OF_CLIPS or name == more:
            raise UsageError(f"the table has a column `{name}`, as the clips have: give it another name")


def _seconds(column: Any, name: str, rows: int) -> list[float | None]:
    """Seconds, None for a time that is not given, as which NaN counts too."""
    if column is None:
        return [None] * rows
    try:
        times = [None if time is None or time != time else float(time) for time in column]
    except (TypeError, ValueError) as error:
        raise UsageError(f"the column `{name}` has no numbers of seconds: {error}") from None
    if len(times) != rows:
        raise UsageError(f"the column `{name}` has {len(times)} rows, and `path` {rows}")
    return times


def _text(path: Path) -> str:
    try:
        return _paths.text(path)
    except TypeError as error:
        raise UsageError(str(error)) from None
