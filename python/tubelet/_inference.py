"""What a model makes of videos: vectors, and answers of a classifier."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from . import _arguments, _tubelet
from ._errors import UsageError
from ._paths import Videos, listed
from ._tubelet import Table


def embed(
    videos: Videos,
    model: str | os.PathLike[str],
    *,
    out: str | os.PathLike[str] | None = None,
    windows: tuple[int, int] | None = None,
    views: tuple[int, int] | None = None,
    pool: Literal["mean", "tokens"] = "mean",
    half: bool = False,
    preprocess: Literal["normalised", "tad"] | None = None,
    recipe: str | os.PathLike[str] | None = None,
    set: Mapping[str, Any] | Sequence[str] | None = None,
    frames: int | None = None,
    size: int | tuple[int, int] | None = None,
    device: str = "flex",
    batch_size: int | None = None,
    threads: int | None = None,
) -> Table:
    """Vectors of videos: a row for each, or one for each window of frames. As ``tubelet embed``.

    :param model: a run (its newest checkpoint), a checkpoint, an official .pth, or a Hugging Face folder.
    :param out: a Parquet file for the table. What is interrupted goes on where it was, with the same file.
    :param windows: a vector for each window of so many neighbouring frames, one begun every so many: ``(16, 4)``.
    :param views: clips and crops that a video's vector is the mean of; the recipe's where none is given.
    :param pool: ``"mean"`` over the tokens, or all ``"tokens"``.
    :param half: numbers of 16 bits.
    :param preprocess: how frames become pixels: ``"normalised"``, or ``"tad"`` as extract_tad_feature.py does it.
    :param frames: frames of a clip, where the file does not say; ``size`` likewise, a side or height and width.
    :param device: where the model is computed; the wheel brings ``"flex"``, the processor.
    :param batch_size: clips that are computed together.
    :returns: ``row``, ``video``, ``label``, ``window``, ``first`` and ``last`` (frames), ``start`` and ``end`` (ns),
        ``vector``; videos that fail have no row.
    """
    for name, value, words in [("pool", pool, ("mean", "tokens")), ("preprocess", preprocess, (None, "normalised", "tad"))]:
        if value not in words:
            raise UsageError(f"{name} = {value!r} is none of {', '.join(map(repr, words))}")
    asked = _model(model, recipe, set, frames, size, device, batch_size, threads)
    pairs = _arguments.pair("windows", windows), _arguments.pair("views", views)

    def made(file: str) -> Table:
        return _tubelet.embed(listed(videos), asked, file, *pairs, pool, bool(half), preprocess)

    if out is not None:
        return made(os.fsdecode(out))
    with tempfile.TemporaryDirectory(prefix="tubelet") as folder:
        return made(str(Path(folder) / "vectors.parquet"))


def predict(
    videos: Videos,
    model: str | os.PathLike[str],
    *,
    views: tuple[int, int] | None = None,
    over_time: bool = False,
    classes: str | os.PathLike[str] | None = None,
    recipe: str | os.PathLike[str] | None = None,
    set: Mapping[str, Any] | Sequence[str] | None = None,
    frames: int | None = None,
    size: int | tuple[int, int] | None = None,
    device: str = "flex",
    batch_size: int | None = None,
    threads: int | None = None,
) -> Table:
    """What a classifier says of videos. As ``tubelet predict``.

    :param model: a run (its newest checkpoint), a checkpoint, an official .pth, or a Hugging Face folder.
    :param views: clips along time, and crops of each; the recipe's where none is given.
    :param over_time: a row for each clip, with its ``start`` and ``end`` in seconds, instead of one for each video.
    :param classes: a file with the names of the classes, one a line, where the model has none.
    :returns: ``row``, ``video``, ``label`` (where it is known), ``start``, ``end``, ``class``, ``name``, ``probability``,
        ``answers`` (the probability of every class, or the numbers of a regression), and ``failure``, the reason why a video
        could not be read. Of a regression ``class``, ``name`` and ``probability`` are null.
    """
    asked = _model(model, recipe, set, frames, size, device, batch_size, threads)
    names = _arguments.path(classes)
    return _tubelet.predict(listed(videos), asked, names, _arguments.pair("views", views), bool(over_time))


def _model(
    model: Any, recipe: Any, set: Any, frames: Any, size: Any, device: Any, batch_size: Any, threads: Any
) -> dict[str, Any]:
    """Which model, as the native half takes it."""
    path = _arguments.path(model)
    if path is None:
        raise UsageError("no model is given")
    return {
        "model": path,
        "recipe": _arguments.path(recipe),
        "set": _arguments.settings(set),
        "frames": _arguments.count("frames", frames),
        "size": _arguments.pair("size", (size, size) if isinstance(size, int) else size),
        "device": str(device),
        "batch_size": _arguments.count("batch_size", batch_size),
        "threads": _arguments.count("threads", threads),
    }
