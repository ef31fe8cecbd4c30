"""Looks for memory that is not given back: `python leaks.py [FACTOR]`; 1 takes some minutes, .02 seconds.

10,000 batches, 1,000 decoders, loops that are left in the middle, errors in the middle of an epoch, tables, exports. Each is
done a while until the memory is warm; from then on the process may not grow by more than its own scatter, nor keep open what
it opened: handles, and processes that decode.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import tubelet

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
SMALL = {"recipe": "tiny", "batch_size": 4, "threads": 2, "format": "buffer"}
SETTINGS = {"clip.size": 64, "clip.clips_per_video": 50, "clip.verify": "clip"}
# What the allocator cannot give back, since something small lies in its midst.
ALLOWED = 64 << 20
THREADS = len(os.listdir("/proc/self/task"))


def resident() -> int:
    """Bytes of the process that are in memory once its threads have ended and what nobody holds was given back."""
    gc.collect()
    threads, still = 0, 0
    # Threads of a loader that was dropped end after the clip in hand; those of libraries stay.
    while still < 100 and threads != THREADS:
        before, threads = threads, len(os.listdir("/proc/self/task"))
        still = still + 1 if threads == before else 0
        time.sleep(0.05)
    ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def batches(count: int) -> None:
    """Batches of many epochs."""
    data = tubelet.ClipDataset(SAMPLES, set=SETTINGS, **SMALL)  # type: ignore[arg-type]
    while count > 0:
        for batch in data:
            memoryview(batch["video"])
            batch["video"].__dlpack__()
            batch["video"].__dlpack__(max_version=(1, 0))
            count -= 1
            if count <= 0:
                break


def loops_that_are_left(count: int) -> None:
    """Loops that are left after a batch, with threads in the middle of their work."""
    data = tubelet.ClipDataset(SAMPLES, set=SETTINGS, **SMALL)  # type: ignore[arg-type]
    for _ in range(count):
        next(iter(data))


def loaders(count: int) -> None:
    """Data sets that are opened and dropped."""
    for _ in range(count):
        next(iter(tubelet.ClipDataset(SAMPLES, set=SETTINGS, **SMALL)))  # type: ignore[arg-type]


def decoders_in_processes(count: int) -> None:
    """The same, each with a process of its own."""
    for _ in range(count):
        tubelet.VideoDecoder(SAMPLES / "cars.mp4", format="buffer", sandbox=sys.platform == "linux").get_frames_at([0, 3])


def decoders(count: int) -> None:
    """Decoders that are opened and dropped, each after some frames."""
    for number in range(count):
        video = tubelet.VideoDecoder(SAMPLES / ["cars.mp4", "bottles.webm"][number % 2], format="buffer")
        video.get_frames_at([0, 3])


def errors(count: int) -> None:
    """Errors when opening, when decoding, and in the middle of an epoch."""
    with tempfile.TemporaryDirectory() as folder:
        broken = Path(folder) / "broken.mp4"
        film = bytearray((SAMPLES / "cars.mp4").read_bytes())
        for at in range(60_000, 60_060, 3):
            film[at] ^= 0x55
        broken.write_bytes(film)
        text = Path(folder) / "text.mp4"
        text.write_text("no video")
        for _ in range(count):
            for fails in (
                lambda: tubelet.VideoDecoder(text),
                lambda: tubelet.VideoDecoder(broken, format="buffer")[:],
                lambda: list(tubelet.ClipDataset([text] * 4, set=SETTINGS, **SMALL)),  # type: ignore[arg-type]
            ):
                try:
                    fails()
                except tubelet.TubeletError:
                    continue
                raise AssertionError("it did not fail")


def tables(count: int) -> None:
    """Tables, and streams of Arrow that nobody reads."""
    data = tubelet.ClipDataset(SAMPLES, set=SETTINGS, **SMALL)  # type: ignore[arg-type]
    for _ in range(count):
        tubelet.scan(SAMPLES).__arrow_c_stream__()
        data.arrow().__arrow_c_stream__()


def opened() -> int:
    """Handles that are open, those of decoding processes and of libraries included."""
    return len(os.listdir("/proc/self/fd"))


def grown(work: Callable[[int], None], count: int) -> tuple[int, int]:
    """Bytes and handles that the process has more after a run of the work: the least of at most four runs.

    What leaks grows each time; what the allocator happens to hold once does not.
    """
    work(max(count // 4, 2))
    least_bytes, least_handles = sys.maxsize, sys.maxsize
    for _ in range(4):
        before, handles = resident(), opened()
        work(count)
        least_bytes = min(least_bytes, resident() - before)
        least_handles = min(least_handles, opened() - handles)
        if least_bytes <= ALLOWED and least_handles <= 2:
            break
    return least_bytes, least_handles


def main() -> int:
    factor = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    leaks = 0
    for work, count in [
        (batches, 10_000),
        (loops_that_are_left, 1_000),
        (loaders, 500),
        (decoders, 1_000),
        (decoders_in_processes, 100),
        (errors, 300),
        (tables, 300),
    ]:
        times = max(int(count * factor), 2)
        more, handles = grown(work, times)
        # A library may open a handle or two once.
        leaks += more > ALLOWED or handles > 2
        print(f"{work.__name__:20} {times:6} times: {more / 1e6:+7.1f} MB, {handles:+} handles", flush=True)
    return int(leaks > 0)


if __name__ == "__main__":
    sys.exit(main())
