#!/usr/bin/env python3
"""How many clips a second `tubelet.ClipDataset` gives to Python: one JSON line, as `tubelet bench load` prints it.

    python benches/python/clip_dataset.py films --threads 2 --seconds 8
    python benches/python/clip_dataset.py films --threads 2 --seconds 8 --layout cubes --format numpy
    load_peers.py … --also "python=python benches/python/clip_dataset.py films --threads 2 --seconds 8"

Batches of 4 clips of 16 frames at 224 x 224 with tube masks are made and looked at (a value of each clip), as
loaders are usually compared. Videos count as verified, as they do from the second epoch of a run on. The first
batch pays for starting threads and decoders; so does the first of each epoch, so take videos for a hundred clips or more.
`cpu_ms_per_clip` is the CPU time of this process and of its decoding processes between the first batch and the last;
`peak_rss_mb` the largest resident memory of this process.
"""

import argparse
import glob
import json
import os
import resource
import time

import tubelet

BATCH = 4


def passes(loader):
    """Batches of one epoch after another."""
    while True:
        yield from loader


def cpu_seconds():
    """CPU time of this process, of its children that have ended, and of those that are there (Linux)."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = time.process_time() + ended.ru_utime + ended.ru_stime
    for children in glob.glob("/proc/self/task/*/children"):
        for child in open(children).read().split():
            try:
                fields = open(f"/proc/{child}/stat").read().rsplit(")", 1)[1].split()
            except FileNotFoundError:
                continue
            seconds += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="+")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--stride", type=int, default=4)
    parser.add_argument("--clips-per-video", type=int, default=1)
    parser.add_argument("--layout", default="NCTHW", help="NCTHW, NTCHW, NTHWC or cubes")
    parser.add_argument("--mask", default="tube", help="tube, or none for whole clips")
    parser.add_argument("--format", default="torch", help="torch, numpy or another format of the dataset")
    parser.add_argument("--pin", action="store_true", help="through torch's DataLoader with pin_memory")
    args = parser.parse_args()

    clips = tubelet.ClipDataset(
        args.videos,
        set={"clip.verify": "clip", "clip.stride": args.stride, "clip.clips_per_video": args.clips_per_video},
        batch_size=BATCH,
        mask=None if args.mask == "none" else args.mask,
        layout=args.layout,
        format=args.format,
        threads=args.threads,
    )
    loader = clips
    if args.pin:
        from torch.utils.data import DataLoader

        loader = DataLoader(clips, batch_size=None, num_workers=0, pin_memory=True)
    batches = passes(loader)

    next(batches)
    cpu, start = cpu_seconds(), time.perf_counter()
    count = values = 0
    while time.perf_counter() - start < args.seconds:
        batch = next(batches)
        video = batch["video"] if "video" in batch else batch["visible_cubes"]
        count += len(video)
        values += sum(int(clip.reshape(-1)[0]) for clip in video)
    wall, cpu = time.perf_counter() - start, cpu_seconds() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "clips_per_second": count / wall,
                "clips": count,
                "seconds": wall,
                "cpu_ms_per_clip": 1000 * cpu / max(1, count),
                "peak_rss_mb": memory.ru_maxrss // 1000,
                "failed_videos": len(clips.quarantined),
                "errors": len(clips.quarantined),
                "sum_of_values": values,
            }
        )
    )


if __name__ == "__main__":
    main()
