"""VIDEOS as people give them: one path, or several, or data sets with their weights."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from ._errors import UsageError

Path: TypeAlias = "str | bytes | os.PathLike[str] | os.PathLike[bytes]"
Videos: TypeAlias = "Path | Iterable[Path] | Mapping[Path, float]"


def listed(videos: Videos) -> list[str]:
    """The paths, in their order; those that are no UTF-8 as Python has them (PEP 383)."""
    if isinstance(videos, (str, bytes, os.PathLike)):
        videos = [videos]
    try:
        if isinstance(videos, Mapping):
            paths = [f"{os.fsdecode(path)}={float(weight)}" for path, weight in videos.items()]
        else:
            paths = [os.fsdecode(path) for path in videos]
    except (TypeError, ValueError) as error:
        raise UsageError(f"videos must be a path or several paths: {error}") from error
    if not paths:
        raise UsageError("no videos are given")
    return paths
