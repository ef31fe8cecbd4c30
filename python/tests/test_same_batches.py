"""The clips of a loop are those that `tubelet inspect batches` prints digests of, wherever they come from."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tubelet

blake3 = pytest.importorskip("blake3", reason="blake3 is not there: digests are not compared with the command's")

SETTINGS = {"clip.clips_per_video": 2, "clip.size": 64, "clip.stride": 2}


def command(*arguments: str) -> str:
    line = [sys.executable, "-m", "tubelet", *arguments]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def shards_of(*store: str) -> Callable[[Path, Path], Path]:
    def made(films: Path, folder: Path) -> Path:
        settings = [f"--set={key}={value}" for key, value in SETTINGS.items()]
        command("preprocess", str(films), "--out", str(folder / "shards"), "--recipe=tiny", *settings, *store)
        return folder / "shards"

    return made


def files(films: Path, folder: Path) -> Path:
    return films


def listed(films: Path, folder: Path) -> Path:
    path = folder / "films.csv"
    path.write_text("".join(f"{film} {number % 2}\n" for number, film in enumerate(sorted(films.iterdir()))))
    return path


def manifest(films: Path, folder: Path) -> Path:
    tubelet.scan(films, out=folder / "manifest.parquet", verify=True)
    return folder / "manifest.parquet"


SOURCES = {
    "files": files,
    "list": listed,
    "manifest": manifest,
    "frames": shards_of("--store=frames"),
    "frames of RGB": shards_of("--store=frames", "--pixels=rgb"),
    "packets": shards_of("--store=packets"),
    "transcode": shards_of("--store=transcode"),
}


def digests(data: tubelet.ClipDataset) -> list[dict[str, Any]]:
    """What `inspect batches` prints of the clips, as far as it can be told from batches."""
    found = []
    for batch in data:
        for row in range(len(batch["path"])):
            line = {"video": batch["path"][row], "clip": int(batch["clip"][row]), "frames": batch["frames"][row].tolist()}
            for key, cubes in [("visible_pixels", "visible_cubes"), ("target_pixels", "target_cubes")]:
                line[key] = blake3.blake3(batch[cubes][row].tobytes()).hexdigest()[:16]
            found.append(line)
    return found


@pytest.mark.parametrize("source", SOURCES)
def test_digests_are_those_of_the_command(films: Path, tmp_path: Path, source: str) -> None:
    try:
        videos = SOURCES[source](films, tmp_path)
    except AssertionError as error:
        if source == "transcode" and "x264enc" in str(error):
            pytest.skip("x264enc is not there: transcoded shards are not compared")
        raise
    # Pixels that are RGB already are resized as RGB.
    chosen = {**SETTINGS, **({"clip.resample": "rgb"} if "RGB" in source else {})}
    settings = [f"--set={key}={value}" for key, value in chosen.items()]
    printed = command("inspect", "batches", str(videos), "--recipe=tiny", *settings, "--count=16", "--json")
    wanted = [json.loads(line) for line in printed.splitlines()]
    data = tubelet.ClipDataset(videos, recipe="tiny", set=chosen, batch_size=4, layout="cubes", format="numpy", threads=2)
    found = digests(data)
    assert len(found) == 16 == len(wanted)
    for ours, theirs in zip(found, wanted):
        assert ours == {key: theirs[key] for key in ours}
