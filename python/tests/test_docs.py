"""docs/python.md is true: its blocks run, and so do both columns of its tables of lines."""

from __future__ import annotations

import importlib.util
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY, sample_films

TEXT = (REPOSITORY / "docs" / "python.md").read_text()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the page takes for granted: `films`, `classes`, `film.mp4`, and a list."""
    folder = tmp_path_factory.mktemp("page")
    sample_films(folder / "films", 8)
    for name in ("pouring", "stirring"):
        sample_films(folder / "classes" / name, 4)
    (folder / "film.mp4").write_bytes((folder / "films" / "1.mp4").read_bytes())
    (folder / "train.csv").write_text("".join(f"films/{number}.mp4 {number % 2}\n" for number in range(8)))
    return folder


def is_missing(code: str) -> list[str]:
    """Modules that the code imports and that are not installed."""
    found = re.findall(r"^(?:import|from) ([\w., ]+?)(?: import .*)?$", code, re.MULTILINE)
    modules = {name.strip().split(".")[0] for line in found for name in line.split(",")}
    return sorted(module for module in modules if importlib.util.find_spec(module) is None)


def run(code: str, folder: Path) -> None:
    """Runs it in a process of its own: some readers do not bear one another."""
    if missing := is_missing(code):
        pytest.skip(f"not installed: {', '.join(missing)}")
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"


BLOCKS = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_a_block_runs(block: str, folder: Path) -> None:
    run(block, folder)


def tables() -> dict[str, list[tuple[str, str]]]:
    """The lines of each table, by the name of what one comes from; empty where there is nothing to write."""
    found = {}
    for name, body in re.findall(r"^\| (.+?) \| tubelet \|\n\| --- \| --- \|\n((?:\|.*\n)+)", TEXT, re.MULTILINE):
        lines = []
        for row in body.splitlines():
            old, new = row.strip("| ").split(" | ")
            old, new = ("" if cell == "–" else cell for cell in (old, new))
            lines.append((old.strip("`"), old.strip("`") if new == "the same" else new.strip("`")))
        found[name] = lines
    return found


def test_the_page_has_its_tables() -> None:
    assert [len(lines) > 5 for lines in tables().values()] == 5 * [True], tables().keys()


# What both columns call by the same name, as plain arrays and numbers.
KEEP = """
import pickle, numpy
def plain(value):
    if hasattr(value, "asnumpy"): value = value.asnumpy()
    return numpy.asarray(value)
kept = {}
for name, value in list(globals().items()):
    if type(value).__module__.split(".")[0] in ("builtins", "torch", "numpy") and not name.startswith("_"):
        try: kept[name] = plain(value)
        except Exception: pass
kept = {name: array for name, array in kept.items() if array.dtype.kind in "biuf"}
pickle.dump(kept, open("%s", "wb"))
"""


@pytest.mark.parametrize("name", tables())
@pytest.mark.parametrize("column", ["old", "new"])
def test_a_column_runs(name: str, column: str, folder: Path) -> None:
    lines = [line for line in (pair[column == "new"] for pair in tables()[name]) if line]
    run("\n".join(lines) + KEEP % f"{name}.{column}", folder)


@pytest.mark.parametrize("name", tables())
def test_both_columns_give_the_same(name: str, folder: Path) -> None:
    import numpy

    kept = [folder / f"{name}.{column}" for column in ("old", "new")]
    if not all(file.exists() for file in kept):
        pytest.skip("one of the columns did not run")
    old, new = (pickle.loads(file.read_bytes()) for file in kept)
    drawn = {"clip", "bool_masked_pos", "pixel_values"}  # of these only the shape can be the same
    both = old.keys() & new.keys()
    print(name, {key: (old[key].shape, new[key].shape) for key in both})
    assert both
    for key in both:
        assert old[key].shape == new[key].shape, key
        if key in drawn:
            continue
        apart = numpy.abs(old[key].astype("f8") - new[key].astype("f8"))
        # Colours are converted by other rules; a wrong frame would be further off.
        tolerance = 3 if old[key].dtype == numpy.uint8 else 1e-3
        assert apart.mean() < tolerance, f"{key}: {apart.mean()} apart"
