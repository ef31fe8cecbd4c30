"""How fast `ClipDataset` gives clips, as one JSON line: the counterpart of `tubelet bench load`.

    python python/benches/load_clips.py films --threads 2 --seconds 8

The videos are listed so often that an epoch does not end before the time does. PyTorch is used where it is there.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import resource
import time

import tubelet
from tubelet import _tubelet

BATCH = 4
# More clips than are read in a minute.
CLIPS = 20_000


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("videos", nargs="+")
    arguments.add_argument("--threads", type=int)
    arguments.add_argument("--seconds", type=float, default=8)
    arguments.add_argument("--clips-per-video", type=int, default=1)
    arguments.add_argument("--recipe")
    arguments.add_argument("--mask", default="recipe", help="none for whole clips")
    arguments.add_argument("--layout", default="NCTHW")
    arguments.add_argument("--format")
    given = arguments.parse_args()
    if given.format is None and importlib.util.find_spec("torch") is not None:
        given.format = "torch"

    def dataset(videos: list[str]) -> tubelet.ClipDataset:
        return tubelet.ClipDataset(
            videos,
            recipe=given.recipe,
            set={"clip.verify": "clip", "clip.clips_per_video": given.clips_per_video},
            batch_size=BATCH,
            mask=None if given.mask == "none" else given.mask,
            layout=given.layout,
            threads=given.threads,
            format=given.format,
        )

    clips = len(dataset(given.videos)) * BATCH
    batches = iter(dataset(given.videos * max(CLIPS // max(clips, 1), 1)))
    # The first batch pays for starting threads and decoders.
    next(batches)
    begun, before, copied = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF), _tubelet.copied_bytes()
    count = moved = 0
    while (passed := time.perf_counter() - begun) < given.seconds:
        video = next(batches)["video"]
        count += len(video)
        moved += video.nbytes
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found = {
        "clips_per_second": count / passed,
        "cpu_ms_per_clip": 1e3 * cpu / count,
        "peak_rss_mb": after.ru_maxrss // 1000,
        "pixel_bytes": moved,
        "copied_bytes": _tubelet.copied_bytes() - copied,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
