"""Tables of what is in videos."""

from __future__ import annotations

import os

from . import _arguments, _tubelet
from ._paths import Videos, listed
from ._tubelet import Table


def scan(
    videos: Videos,
    *,
    out: str | os.PathLike[str] | None = None,
    verify: bool = False,
    threads: int | None = None,
) -> Table:
    """What is in each video, and what is wrong with it: a row for each, in the order of the videos.

    :param videos: files, folders (searched to the bottom), globs, list files with ``path label`` lines.
    :param out: where to write the table as a manifest too, with the index beside it; data sets open it faster than the
        files, and need not verify what was verified.
    :param verify: decode each video completely; any complaint of the decoder makes it unusable.
    :param threads: videos that are read at the same time; the processor's number where none is given.
    :returns: a table with the columns of ``manifest.parquet``: ``path``, ``verdict`` (``good``, or the word of what is
        wrong), ``reason``, ``frames``, ``times`` (ns), ``width``, ``height``, ``codec`` and others.
    """
    return _tubelet.scan(listed(videos), _arguments.path(out), _arguments.count("threads", threads), bool(verify))
