"""VIDEOS as people give them: one path, or several, or data sets with their weights."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from ._errors import UsageError

Path: TypeAlias = "str | bytes | os.PathLike[str] | os.PathLike[bytes]"
Videos: TypeAlias = "Path | Iterable[Path] | Mapping[Path, float]"


# What a `pathlib.Path` makes of an address: one of its slashes is gone.
_SHORT_ADDRESS = re.compile(r"(s3a?|gs|az|azure|abfss?|https?):/(?!/)")


def text(path: Path) -> str:
    """A path, or an address, as text."""
    found = os.fsdecode(path)
    if isinstance(path, os.PathLike) and _SHORT_ADDRESS.match(found):
        scheme = found.split(":", 1)[0]
        raise UsageError(f"an address ({scheme}://…) must be a string: as a Path it has lost a slash")
    return found


def listed(videos: Videos) -> list[str]:
    """The paths, in their order; those that are no UTF-8 as Python has them (PEP 383)."""
    if isinstance(videos, (str, bytes, os.PathLike)):
        videos = [videos]
    try:
        if isinstance(videos, Mapping):
            paths = [f"{text(path)}={float(weight)}" for path, weight in videos.items()]
        else:
            paths = [text(path) for path in videos]
    except UsageError:
        raise
    except (TypeError, ValueError) as error:
        raise UsageError(f"videos must be a path or several paths: {error}") from error
    if not paths:
        raise UsageError("no videos are given")
    return paths
