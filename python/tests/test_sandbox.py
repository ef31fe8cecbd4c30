"""Decoding in processes of their own: the same batches, whatever becomes of the processes."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import run

import tubelet

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="decoding processes are for Linux")

SMALL: dict[str, Any] = {
    "recipe": "tiny",
    "batch_size": 2,
    "set": {"clip.clips_per_video": 3, "clip.size": 64},
    "format": "numpy",
    "threads": 2,
}


def children(of: int | None = None) -> list[int]:
    """The processes that a process has begun and that are not over, by their parent as `/proc` has it."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent = (entry / "stat").read_text().rsplit(")", 1)[1].split()[:2]
            except OSError:
                continue
            if int(parent) == (of or os.getpid()) and state != "Z":
                found.append(int(entry.name))
    return found


def told(data: tubelet.ClipDataset) -> list[tuple[list[str], bytes]]:
    return [(batch["path"], batch["video"].tobytes()) for batch in data]


def test_batches_are_those_of_threads_and_the_recipe_decides(samples: Path) -> None:
    wanted = told(tubelet.ClipDataset(samples, sandbox=False, **SMALL))
    assert children() == []
    for sandbox in (None, True):
        data = tubelet.ClipDataset(samples, sandbox=sandbox, **SMALL)
        batches = iter(data)
        next(batches)
        assert 1 <= len(children()) <= 2, sandbox
        del batches
        assert told(data) == wanted
    assert data.recipe["run"]["sandbox"] is True
    threads = tubelet.ClipDataset(samples, **{**SMALL, "set": {**SMALL["set"], "run.sandbox": False}})
    next(iter(threads))
    assert data.fingerprint == threads.fingerprint, "a state goes on with and without"


def test_processes_that_are_killed_change_no_batch(samples: Path) -> None:
    videos = [samples] * 10
    wanted = told(tubelet.ClipDataset(videos, sandbox=False, **SMALL))
    data = tubelet.ClipDataset(videos, sandbox=True, **SMALL)
    found, killed = [], 0
    for number, batch in enumerate(data):
        found.append((batch["path"], batch["video"].tobytes()))
        if number % 4 == 1:
            for child in children():
                os.kill(child, signal.SIGKILL)
                killed += 1
    assert found == wanted and data.quarantined == []
    assert killed >= 4, killed


@pytest.mark.parametrize("last", ["", "os._exit(0)", "os.kill(os.getpid(), 9)", "sys.exit(3)"])
def test_no_process_outlives_the_interpreter(samples: Path, last: str) -> None:
    code = f"""
        import os, sys, tubelet
        data = tubelet.ClipDataset([sys.argv[1]] * 20, recipe="tiny", batch_size=2, format="buffer", sandbox=True, threads=2)
        video = tubelet.VideoDecoder(sys.argv[1] + "/cars.mp4", format="buffer", sandbox=True)
        video[0]
        batches = iter(data)
        next(batches)
        print(*[line.split(")")[0].split(" (")[0] for line in
                [open(f"/proc/{{pid}}/stat").read() for pid in os.listdir("/proc") if pid.isdigit() and os.path.exists(f"/proc/{{pid}}/stat")]
                if line.rsplit(")", 1)[1].split()[1] == str(os.getpid())], flush=True)
        {last}
    """
    done = run(code, str(samples))
    begun = [int(pid) for pid in done.stdout.split()]
    assert len(begun) >= 2, done
    until = time.monotonic() + 5
    while time.monotonic() < until and any(Path(f"/proc/{pid}").exists() for pid in begun):
        time.sleep(0.05)
    assert not [pid for pid in begun if Path(f"/proc/{pid}").exists()]


def test_frames_and_tables_are_the_same_in_processes(samples: Path) -> None:
    film = samples / "cars.mp4"
    plain = tubelet.VideoDecoder(film, format="numpy")
    boxed = tubelet.VideoDecoder(film, format="numpy", sandbox=True)
    assert len(children()) == 1
    for key in (slice(0, 20), slice(20, 40), slice(3, 90, 7)):
        assert np.array_equal(boxed[key], plain[key])
    os.kill(children()[0], signal.SIGKILL)
    assert np.array_equal(boxed[7], plain[7])
    del boxed
    assert children() == []
    rows = [tubelet.scan(samples, sandbox=sandbox, verify=True).to_pylist() for sandbox in (False, True)]
    assert rows[0] == rows[1] and len(rows[0]) == 4
    clips = [tubelet.read_clips({"path": [film]}, set={"clip.size": 64}, sandbox=sandbox) for sandbox in (False, True)]
    assert np.array_equal(clips[0]["video"], clips[1]["video"]) and clips[1]["error"][0] is None


def test_a_forked_process_leaves_the_processes_of_its_parent_alone(samples: Path) -> None:
    code = """
        import multiprocessing, os, sys, tubelet
        film = sys.argv[1] + "/cars.mp4"
        before = tubelet.VideoDecoder(film, format="buffer", sandbox=True)
        data = tubelet.ClipDataset([sys.argv[1]] * 20, recipe="tiny", batch_size=2, format="buffer", sandbox=True)
        batches = iter(data)
        next(batches)
        wanted = [before[at].tolist() for at in (3, 60)]
        def child(queue):
            try:
                next(batches)
                said = "nothing"
            except tubelet.TubeletError as error:
                said = str(error)
            queue.put((said, [before[at].tolist() for at in (3, 60)] == wanted))
        context = multiprocessing.get_context("fork")
        queue = context.Queue()
        process = context.Process(target=child, args=(queue,))
        process.start()
        assert [before[at].tolist() for at in (3, 60)] == wanted
        said, same = queue.get(timeout=60)
        assert "belong to another process" in said and same, said
        process.join(20)
        assert process.exitcode == 0, process.exitcode
        assert [before[at].tolist() for at in (3, 60)] == wanted
        assert len(next(batches)["path"]) == 2
    """
    done = run(code, str(samples))
    assert done.returncode == 0, done.stderr


def test_where_there_can_be_none_they_are_refused(samples: Path) -> None:
    code = """
        import sys
        sys.executable = ""
        import tubelet
        try:
            tubelet.ClipDataset(sys.argv[1], sandbox=True)
        except tubelet.UsageError as error:
            print(error)
        assert tubelet.scan(sys.argv[1]).num_rows == 4
    """
    done = run(code, str(samples))
    assert done.returncode == 0 and "sandbox = True needs Linux" in done.stdout, done
