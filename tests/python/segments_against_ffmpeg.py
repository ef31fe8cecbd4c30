#!/usr/bin/env python3
"""Compares the frames of parts of videos with FFmpeg's full decode.

    python tests/python/segments_against_ffmpeg.py --tubelet target/debug/tubelet [--count 50] FOLDER_OR_FILE…

Draws `count` parts of the files, half of them by frames and half by seconds, writes them as a list, and has
`tubelet preprocess --store frames` store drawn clips of each. The truth is PyAV: all frames of a file are decoded, and
a frame is of a part by its rank, or by the time at which it is shown after the first frame. Each stored frame must lie
in its part, and have the planes that FFmpeg gives for its rank. Prints a line a part, and exits with 1 if one is wrong.
"""

import argparse
import fractions
import math
import pathlib
import random
import subprocess
import sys
import tempfile

import av
import numpy
import pyarrow.parquet as parquet


def truth(path):
    """Times after the first frame in seconds, and the planes of each frame; None where FFmpeg complains."""
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            # Pictures that are cropped at the left begin where they do, not where memory is aligned.
            stream.codec_context.options = {"flags": "unaligned"}
            frames = list(container.decode(stream))
    except Exception:
        return None
    if not frames or any(frame.is_corrupt or frame.pts is None or frame.rotation for frame in frames):
        return None
    first = frames[0].pts
    times = [(frame.pts - first) * frame.time_base for frame in frames]
    if times != sorted(set(times)) or frames[0].format.name not in ("yuv420p", "yuvj420p"):
        return None
    return times, frames


def planes(frame):
    """The planes of a frame without padding."""
    cells = []
    for plane in frame.planes:
        rows = numpy.frombuffer(plane, "u1").reshape(-1, plane.line_size)
        cells.append(rows[: plane.height, : plane.width].tobytes())
    return b"".join(cells)


def microseconds(seconds):
    return math.floor(seconds * 1_000_000 + fractions.Fraction(1, 2))


def drawn(files, count, draws):
    """Parts of files: a line of a list each, with what is right of it."""
    parts = []
    while len(parts) < count:
        path = draws.choice(list(files))
        times, _ = files[path]
        first = draws.randrange(len(times))
        behind = draws.randrange(first + 1, len(times) + 1)
        if len(parts) % 2 == 0:
            parts.append((path, f"{first},{behind},,", range(first, behind)))
            continue
        # Between frames, on a frame, and behind the last.
        start = float(times[first]) - draws.choice([0, 0.0005]) if first else 0.0
        stop = float(times[behind]) if behind < len(times) else float(times[-1]) + 0.02
        start, stop = round(max(start, 0), 6), round(stop + draws.choice([0, 0.0005]), 6)
        # As they are written, to the microsecond: 0.16 is not the float that is nearest to it.
        bounds = [microseconds(fractions.Fraction(str(bound))) for bound in (start, stop)]
        ranks = [rank for rank, time in enumerate(times) if bounds[0] <= microseconds(time) < bounds[1]]
        if ranks:
            parts.append((path, f",,{start},{stop}", ranks))
    return parts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tubelet", required=True)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("what", nargs="+")
    asked = parser.parse_args()
    paths = [
        file
        for what in map(pathlib.Path, asked.what)
        for file in (sorted(what.rglob("*")) if what.is_dir() else [what])
        if file.is_file()
    ]
    draws = random.Random(asked.seed)
    draws.shuffle(paths)
    files = {}
    for path in paths:
        if len(files) < asked.count and (found := truth(path)):
            files[path] = found
    parts = drawn(files, asked.count, draws)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        lines = [f"{path.resolve()},{bounds}\n" for path, bounds, _ in parts]
        (folder / "frames.csv").write_text("path,start,stop\n" + "".join(
            line.rstrip("\n,") + "\n" for line in lines[0::2]))
        (folder / "seconds.csv").write_text("path,start_seconds,stop_seconds\n" + "".join(
            line.replace(",,,", ",") for line in lines[1::2]))
        command = [asked.tubelet, "preprocess", str(folder / "frames.csv"), str(folder / "seconds.csv")]
        command += ["--out", str(folder / "shards"), "--store", "frames", "--clips-per-video", "2"]
        command += ["--short-side", "0", "--set", "clip.frames=16", "--set", "clip.stride=2"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            print(done.stdout + done.stderr)
        table = [row for shard in sorted((folder / "shards").glob("*.parquet")) for row in
                 parquet.read_table(shard).to_pylist()]
    return report(parts[0::2] + parts[1::2], files, table)


def report(parts, files, table):
    by_video = {}
    for row in table:
        by_video.setdefault(row["slot"] // 2, []).append(row)
    sums = {"equal": 0, "refused": 0, "WRONG": 0}
    pictures = 0
    for number, (path, bounds, ranks) in enumerate(parts):
        rows = by_video.get(number, [])
        verdict = "equal" if len(rows) == 2 else "refused"
        for row in rows:
            distinct = sorted(set(row["frames"]))
            stored = numpy.frombuffer(row["planes"], "u1").reshape(len(distinct), -1)
            for rank, picture in zip(distinct, stored):
                pictures += 1
                if rank not in ranks or picture.tobytes() != planes(files[path][1][rank]):
                    verdict = "WRONG"
        sums[verdict] += 1
        print(f"{verdict} {path.name} {bounds} of {len(files[path][0])} frames")
    print(f"{pictures} pictures of {len(parts)} parts of {len({part[0] for part in parts})} files:", sums)
    return 1 if sums["WRONG"] or not sums["equal"] else 0


if __name__ == "__main__":
    sys.exit(main())
