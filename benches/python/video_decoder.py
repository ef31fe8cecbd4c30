#!/usr/bin/env python3
"""Compares `tubelet.VideoDecoder` with torchcodec and video-reader-rs: CPU time, memory, and whether frames are right.

    python benches/python/video_decoder.py FOLDER_OR_FILE… [--repeat 3] [--json]

Three ways to read, of each video once: `drawn`, 16 frames 4 apart from a drawn place; `all`, every frame at once;
`slices`, every frame in slices of 32, one after the other. Every reader has one thread. A reader does one way in a
process of its own, first over all videos without a clock (page cache), then timed; ways are taken in turn in each
round. Numbers are medians of the rounds: CPU and wall ms a frame that is delivered, largest resident memory in MB.

Then every frame that `all` gives is compared with FFmpeg's full decode (PyAV, one thread, no seek), as
`tests/python/transform_against_pillow.py` computes RGB from the planes: chroma repeated, the stream's own matrix,
f64, rounded once. `wrong` counts frames that look clearly more like a neighbour (up to 3 ranks away; 1.5 times
nearer in the mean) than like the frame of their rank; `levels` is the largest difference of a pixel to the formula. A difference of colour rules alone (FFmpeg's
scaler smooths chroma, or takes BT.601 where the stream says BT.709) shows in `levels`, not in `wrong`.

Needs numpy and av; readers that are not installed are named and left out.
"""

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "python"))

ENDINGS = (".mp4", ".mkv", ".webm", ".avi", ".mov", ".ts", ".mpg")
WAYS = ("drawn", "all", "slices")
SLICE = 32


# ---------------------------------------------------------------- readers: open(path) -> (frames, get(ranks))


def open_tubelet(path):
    import tubelet

    video = tubelet.VideoDecoder(path)
    return len(video), lambda ranks: numpy.asarray(video.get_frames_at(indices=list(ranks)).data)


def torchcodec_with(mode):
    def open_it(path):
        from torchcodec.decoders import VideoDecoder

        video = VideoDecoder(path, seek_mode=mode, num_ffmpeg_threads=1)
        return len(video), lambda ranks: video.get_frames_at(indices=list(ranks)).data.numpy()

    return open_it


def open_video_reader(path):
    from video_reader import PyVideoReader

    video = PyVideoReader(path, threads=1)
    return video.get_shape()[0], lambda ranks: numpy.moveaxis(video.get_batch(list(ranks)), 3, 1)


READERS = {
    "tubelet": open_tubelet,
    "torchcodec": torchcodec_with("exact"),
    "torchcodec-approximate": torchcodec_with("approximate"),
    "video-reader-rs": open_video_reader,
}
MODULES = {"tubelet": "tubelet", "video-reader-rs": "video_reader"}


def read(reader, way, path, number):
    """Opens the video and reads it this way; the arrays one by one."""
    count, get = READERS[reader](path)
    if way == "drawn":
        start = random.Random(number).randrange(max(1, count - 60))
        yield get([min(start + 4 * at, count - 1) for at in range(16)])
    elif way == "all":
        yield get(range(count))
    else:
        for start in range(0, count, SLICE):
            yield get(range(start, min(start + SLICE, count)))


# ---------------------------------------------------------------- one measurement, in a process of its own


def measure(reader, way, files):
    frames = failed = 0
    for timed in (False, True):
        cpu, wall = time.process_time(), time.perf_counter()
        for number, path in enumerate(files):
            try:
                for array in read(reader, way, path, number):
                    frames += len(array) if timed else 0
            except Exception:
                failed += timed
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    per_frame = 1000 / max(1, frames)
    return {"cpu_ms": cpu * per_frame, "wall_ms": wall * per_frame, "peak_rss_mb": memory, "frames": frames, "failed": failed}


def unlike(one, other):
    """Mean difference of two pictures at every fourth pixel; not of their brightness, which a reader may round down
    everywhere."""
    apart = one[::4, ::4] - other[::4, ::4].astype("i2")
    return float(numpy.abs(apart - apart.mean(axis=(0, 1))).mean())


def compare(reader, files):
    """How the frames of all videos differ from FFmpeg's."""
    import av
    from transform_against_pillow import planes_of, to_levels, to_rgb

    found = {"frames": 0, "wrong": 0, "missing": 0, "levels": 0, "mean_levels": 0.0, "failed": 0, "skipped": 0}
    for path in files:
        truth = []
        with av.open(path) as container:
            container.streams.video[0].thread_type = "NONE"
            for frame in container.decode(container.streams.video[0]):
                planes = planes_of(frame)
                truth.append(None if planes is None else to_levels(to_rgb(*planes, frame)))
        if not truth or any(rgb is None for rgb in truth):
            found["skipped"] += 1
            continue
        try:
            (given,) = read(reader, "all", path, 0)
        except Exception as why:
            found["failed"] += 1
            print(f"{reader}: {path}: {why}", file=sys.stderr)
            continue
        given = numpy.moveaxis(given, 1, 3).astype("i2")
        found["missing"] += abs(len(truth) - len(given))
        for rank, picture in enumerate(given[: len(truth)]):
            if picture.shape != truth[rank].shape:
                found["wrong"] += 1
                continue
            apart = numpy.abs(picture - truth[rank])
            around = range(max(0, rank - 3), min(len(truth), rank + 4))
            nearest = min(unlike(picture, truth[other]) for other in around)
            found["frames"] += 1
            found["wrong"] += unlike(picture, truth[rank]) > 1.5 * nearest
            found["levels"] = max(found["levels"], int(apart.max()))
            found["mean_levels"] += float(apart.mean())
    found["mean_levels"] /= max(1, found["frames"])
    return found


def in_process(reader, way, files):
    env = dict(os.environ, OMP_NUM_THREADS="1", PYTHONWARNINGS="ignore")
    if reader == "video-reader-rs":  # its wheel does not find its own libraries on Debian 12
        for entry in sys.path:
            if (libraries := Path(entry, "video_reader_rs.libs")).is_dir():
                env["LD_LIBRARY_PATH"] = f"{libraries}:{env.get('LD_LIBRARY_PATH', '')}"
    command = [sys.executable, __file__, "--one", f"{reader}:{way}", *files]
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    sys.stderr.write("".join(line + "\n" for line in done.stderr.splitlines() if line.startswith(reader)))
    try:
        return json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        return {"error": (done.stderr.strip().splitlines() or ["no output"])[-1]}


# ---------------------------------------------------------------- rounds


def videos(paths):
    found = []
    for path in map(Path, paths):
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        found += [str(one) for one in inside if one.suffix.lower() in ENDINGS]
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="+")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--readers", default=",".join(READERS))
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        reader, way = args.one.split(":")
        print(json.dumps(compare(reader, args.videos) if way == "compare" else measure(reader, way, args.videos)))
        return

    files, report = videos(args.videos), {}
    if not files:
        sys.exit(f"no videos in {' '.join(args.videos)}")
    rounds = {(reader, way): [] for reader in args.readers.split(",") for way in WAYS}
    for _ in range(args.repeat):
        for (reader, way), results in rounds.items():
            results.append(in_process(reader, way, files))
    for (reader, way), results in rounds.items():
        if wrong := [one["error"] for one in results if "error" in one]:
            report.setdefault(reader, {})[way] = {"error": wrong[0]}
        else:
            medians = {key: statistics.median(one[key] for one in results) for key in results[0]}
            report.setdefault(reader, {})[way] = medians
    for reader in report:
        report[reader]["compare"] = in_process(reader, "compare", files)
    if args.json:
        print(json.dumps({"files": len(files), "repeat": args.repeat, "readers": report}))
        return
    print(f"{len(files)} videos, {args.repeat} rounds; CPU ms a frame / wall ms a frame / MB")
    for reader, of_reader in report.items():
        cells = []
        for way in WAYS:
            one = of_reader[way]
            cells.append(
                f"{way} {one['error']}" if "error" in one
                else f"{way} {one['cpu_ms']:.2f} / {one['wall_ms']:.2f} / {one['peak_rss_mb']:.0f}"
                + (f" ({one['failed']:.0f} failed)" if one["failed"] else "")
            )
        print(f"{reader:24s} {'   '.join(cells)}")
        print(f"{'':24s} {json.dumps(of_reader['compare'])}")


if __name__ == "__main__":
    main()
