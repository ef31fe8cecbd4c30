"""`read_clips`: a table of paths and times to a table of clips."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from conftest import run

import tubelet
from tubelet import _tubelet

SMALL: dict[str, Any] = {"set": {"clip.size": 64, "clip.frames": 8, "clip.target_fps": 5}, "threads": 2}


def test_columns_give_columns(samples: Path) -> None:
    paths = np.array([str(samples / name) for name in ("cars.mp4", "flower.mp4", "cars.mp4")])
    columns = {"path": paths, "start": np.array([2.0, np.nan, 0.0]), "label": np.array([1, 2, 3])}
    copied = _tubelet.copied_bytes()
    found = tubelet.read_clips(columns, layout="NTHWC", **SMALL)
    assert found["video"].shape == (3, 8, 64, 64, 3) and found["video"].flags.writeable
    assert _tubelet.copied_bytes() == copied
    assert found["label"].tolist() == [1, 2, 3] and found["path"] is paths and found["row"].tolist() == [0, 1, 2]
    assert found["pts"][0][0] == 2.0 and found["pts"][2][0] == 0.0
    assert found["error"].tolist() == [None] * 3
    frames = tubelet.VideoDecoder(paths[0], format="numpy").get_frames_played_at(found["pts"][0])
    assert np.array_equal(frames.pts_seconds, found["pts"][0])


def test_an_arrow_table_gives_one(samples: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    table = pyarrow.table({"path": [str(samples / "cars.mp4"), str(text)], "end": [3, None], "name": ["a", "b"]})
    found = tubelet.read_clips(table, **SMALL)
    assert isinstance(found, pyarrow.Table) and found.num_rows == 2
    assert found.column("name").to_pylist() == ["a", "b"] and found.column("end").to_pylist() == [3, None]
    assert found.column("verdict").to_pylist() == [None, "not-a-video"]
    assert "text" in found.column("error")[1].as_py() and found.column("pixels")[1].as_py()[:3] == [0, 0, 0]
    plain = tubelet.read_clips([samples / "cars.mp4"], **SMALL)
    assert isinstance(plain, tubelet.Table) and plain.num_rows == 1
    again = tubelet.read_clips(tubelet.read_clips(table, **SMALL).select(["path"]), **SMALL)
    assert again.num_rows == 2


@pytest.mark.parametrize(
    ("clips", "words"),
    [
        ({"file": ["a"]}, "no column `path`"),
        ({"path": ["a"], "start": ["x"]}, "`start` has no numbers"),
        ({"path": ["a"], "start": [1, 2]}, "has 2 rows"),
        ({"path": ["a"], "end": [float("inf")]}, "cannot begin or end at inf"),
        (pyarrow.table({"file": ["a"]}), "no column `path` of text"),
        (pyarrow.table({"path": ["a"], "end": ["b"]}), "`end` has no numbers"),
        (5, "not int"),
        ([5], "int"),
    ],
)
def test_what_is_no_table_is_refused(clips: Any, words: str) -> None:
    with pytest.raises(tubelet.UsageError, match=words):
        tubelet.read_clips(clips)


def test_a_forked_process_may_read(samples: Path) -> None:
    code = """
        import multiprocessing, sys, tubelet
        settings = {"set": {"clip.size": 64, "clip.frames": 8}}
        wanted = tubelet.read_clips({"path": [sys.argv[1]]}, **settings)["video"].tobytes()
        def child(queue):
            queue.put(tubelet.read_clips({"path": [sys.argv[1]]}, **settings)["video"].tobytes() == wanted)
        context = multiprocessing.get_context("fork")
        queue = context.Queue()
        process = context.Process(target=child, args=(queue,))
        process.start()
        assert queue.get(timeout=60)
        process.join(20)
        assert process.exitcode == 0
    """
    done = run(code, str(samples / "cars.mp4"))
    assert done.returncode == 0, done.stderr


def test_columns_that_would_be_lost_and_a_single_path_are_refused(samples: Path) -> None:
    path = str(samples / "cars.mp4")
    for table in ({"path": [path], "video": ["mine"]}, pyarrow.table({"path": [path], "pixels": [1]})):
        with pytest.raises(tubelet.UsageError, match="give it another name"):
            tubelet.read_clips(table, recipe="tiny")
    for clips in (path, samples / "cars.mp4", {"path": path}):
        with pytest.raises(tubelet.UsageError, match="is one path"):
            tubelet.read_clips(clips, recipe="tiny")
