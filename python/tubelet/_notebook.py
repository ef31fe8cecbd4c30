"""How a batch looks in a notebook."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping
from math import gcd, isqrt
from pathlib import PurePath
from typing import Any

from . import _tubelet

# Clips that are shown.
_CLIPS = 3


def page(batch: Mapping[str, Any]) -> str:
    """A contact sheet of some clips, masked ones beside the whole, and what the batch holds."""
    sheet = _sheet(batch)
    picture = "" if sheet is None else f'<img alt="frames of clips" style="max-width:100%" src="data:image/png;base64,{_text(sheet)}">'
    rows = "".join(
        f"<tr><td style='text-align:left'>{html.escape(key)}</td><td style='text-align:left'>{_kind(value)}</td></tr>"
        for key, value in batch.items()
    )
    keys = f"<details><summary>{len(batch)} keys</summary><table>{rows}</table></details>"
    return f"<div><b>Batch</b> of {len(batch.get('path', ()))} clips<br>{picture}{keys}</div>"


def _sheet(batch: Mapping[str, Any]) -> bytes | None:
    """The PNG, where pixels can be had."""
    found = _layout(batch)
    if found is None:
        return None
    layout, sides = found
    hidden = batch.get("bool_masked_pos")
    cube = _cube(sides, 0 if hidden is None else int(hidden.shape[1]))
    if cube is None:
        cube, hidden = (1, gcd(sides[1], sides[2])), None
    count = min(_CLIPS, int(batch["video"].shape[0]))
    clips = [
        {
            "caption": _caption(batch, row),
            "pixels": _memory(batch["video"][row]),
            "hidden": None if hidden is None else bytes(_memory(hidden[row])),
        }
        for row in range(count)
    ]
    if any(clip["pixels"] is None for clip in clips):
        return None
    shown = f"{count} of {batch['video'].shape[0]} clips, {layout}"
    return _tubelet.contact_sheet(shown, clips, layout, sides, cube)


def _layout(batch: Mapping[str, Any]) -> tuple[str, tuple[int, int, int]] | None:
    """Layout and frames, height, width of the pixels, by their shape; None for cubes."""
    shape = [int(side) for side in getattr(batch.get("video"), "shape", ())]
    if len(shape) != 5 or str(getattr(batch["video"], "dtype", "")).rpartition(".")[2] != "uint8":
        return None
    if shape[4] == 3:
        return "NTHWC", (shape[1], shape[2], shape[3])
    if shape[1] == 3:
        return "NCTHW", (shape[2], shape[3], shape[4])
    return ("NTCHW", (shape[1], shape[3], shape[4])) if shape[2] == 3 else None


def _cube(sides: tuple[int, int, int], tokens: int) -> tuple[int, int] | None:
    """Frames and side of a cube, of which there are so many; None where no cube fits."""
    frames, height, width = sides
    for length in (2, 1, 4, 8):
        patch = isqrt(frames * height * width // (length * tokens)) if tokens else 0
        if patch and not (frames % length or height % patch or width % patch):
            if (frames // length) * (height // patch) * (width // patch) == tokens:
                return length, patch
    return None


def _memory(array: Any) -> Any:
    """Something with the buffer protocol that holds an array's bytes; None where that cannot be had."""
    if isinstance(array, _tubelet.Buffer):
        return memoryview(array).cast("B")
    if hasattr(array, "detach"):
        array = array.detach().cpu()
        try:
            array = array.numpy()
        except RuntimeError:
            return None
    try:
        return array.tobytes()
    except AttributeError:
        return None


def _caption(batch: Mapping[str, Any], row: int) -> str:
    """Which video, which class, which times."""
    words = [PurePath(batch["path"][row]).name] if "path" in batch else []
    if "label" in batch and int(_first(batch["label"][row])) >= 0:
        words.append(f"class {int(_first(batch['label'][row]))}")
    if "pts" in batch:
        times = batch["pts"][row]
        words.append(f"{float(_first(times[0])):.2f} to {float(_first(times[-1])):.2f} s")
    if "flip" in batch and bool(_first(batch["flip"][row])):
        words.append("flipped")
    return "  ".join(words)


def _first(number: Any) -> Any:
    return number.tolist() if hasattr(number, "tolist") else number


def _kind(value: Any) -> str:
    shape, kind = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape is None:
        return html.escape(f"{type(value).__name__} of {len(value)}" if hasattr(value, "__len__") else repr(value))
    return html.escape(f"{str(kind).rpartition('.')[2]} {list(shape)}")


def _text(png: bytes) -> str:
    return base64.b64encode(png).decode("ascii")
