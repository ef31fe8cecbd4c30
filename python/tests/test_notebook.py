"""How a batch looks in a notebook."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import needs
from PIL import Image

import tubelet

GREY = [128, 128, 128]


def dataset(samples: Path, **others: Any) -> tubelet.ClipDataset:
    return tubelet.ClipDataset(samples, recipe="tiny", batch_size=2, **others)


def picture(page: str) -> np.ndarray:
    """The PNG of a page: uint8 `[H, W, 3]`."""
    found = re.search(r"data:image/png;base64,([A-Za-z0-9+/=]+)", page)
    assert found is not None
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(found[1]))))


@pytest.mark.parametrize("layout", ["NCTHW", "NTCHW", "NTHWC"])
@pytest.mark.parametrize("format", ["numpy", "buffer"])
def test_frames_are_shown_with_and_without_what_the_mask_hides(samples: Path, layout: Any, format: Any) -> None:
    batch = next(iter(dataset(samples, layout=layout, format=format)))
    page = batch._repr_html_()
    found = picture(page)
    # A title, then for each of two clips a caption and six frames of 160 pixels, twice.
    assert found.shape == (4 + 12 + 4 * (12 + 160 + 4), 4 + 6 * 164, 3)
    rows = [found[28 + row * 176 : 28 + row * 176 + 160] for row in range(4)]
    shares = [(row == GREY).all(axis=2).mean() for row in rows]
    assert shares[0] < 0.02 and shares[2] < 0.02 and 0.8 < shares[1] < 0.95 and 0.8 < shares[3] < 0.95, shares
    last = np.asarray(batch["video"])[0]
    last = {"NCTHW": last[:, -1].transpose(1, 2, 0), "NTCHW": last[-1].transpose(1, 2, 0), "NTHWC": last[-1]}[layout]
    shown = rows[0][:, 4 + 5 * 164 : 4 + 5 * 164 + 160]
    assert np.abs(shown.mean(axis=(0, 1)) - last.mean(axis=(0, 1))).max() < 2
    assert "17 keys" in page and "bool [2, 392]" in page.replace("bool_", "bool")


def test_what_has_no_mask_or_no_frames_is_shown_too(samples: Path) -> None:
    whole = next(iter(dataset(samples, mask=None, format="numpy")))
    assert picture(whole._repr_html_()).shape[0] == 4 + 12 + 2 * 176
    cubes = next(iter(dataset(samples, layout="cubes", format="numpy")))
    assert "<img" not in cubes._repr_html_() and "visible_cubes" in cubes._repr_html_()
    assert "0 clips" in tubelet.Batch()._repr_html_()


@needs("torch")
def test_tensors_are_shown(samples: Path) -> None:
    batch = next(iter(dataset(samples, format="torch")))
    assert picture(batch._repr_html_()).shape[0] == 4 + 12 + 4 * 176
