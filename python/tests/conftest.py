"""What tests share: the films, and what is skipped where it is not there."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]

# A shell starts what runs in the background with SIGINT ignored, which a child would inherit, and Ctrl-C is tested.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def samples() -> Path:
    """Four small films: h264 and vp9."""
    return REPOSITORY / "samples"


@pytest.fixture(scope="session")
def mixed() -> Path:
    """Films of every codec and container, which only some checkouts have beside them."""
    folder = REPOSITORY.parent / "shared" / "clips" / "mixed"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there: films of other codecs are not tried")
    return folder


@pytest.fixture(scope="session")
def ffmpeg() -> str:
    found = shutil.which("ffmpeg")
    if found is None:
        pytest.skip("ffmpeg is not there: frames are not compared with it")
    return found


def needs(*modules: str) -> pytest.MarkDecorator:
    """Skips a test, and says so, where a module is missing."""
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} cannot be imported")


def run(code: str, *arguments: str, timeout: float = 120, **options: object) -> subprocess.CompletedProcess[str]:
    """Runs Python code in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", dedent(code), *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **options.pop("env", {})},  # type: ignore[dict-item]
        **options,  # type: ignore[call-overload]
    )


def sample_films(folder: Path, count: int) -> Path:
    """Short films; a box that players pass over makes each of them another file."""
    folder.mkdir(parents=True)
    for number in range(count):
        film = REPOSITORY / "samples" / ("flower.mp4", "cars.mp4")[number % 2]
        box = b"\0\0\0\x40free" + f"{folder.name}/{number}".encode().ljust(56)
        (folder / f"{number}.mp4").write_bytes(film.read_bytes() + box)
    return folder


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of eight short films."""
    return sample_films(tmp_path_factory.mktemp("videos") / "films", 8)
