#!/usr/bin/env python3
"""Compares every frame that `tubelet frames` gives with FFmpeg's full decode, for the files of any folder.

    python tests/python/exact_against_ffmpeg.py --tubelet target/debug/tubelet FOLDER_OR_FILE…

Prints a line a file (equal, refused with its reason, WRONG) and the sums; exits with 1 if anything is wrong.

A file counts as clean where FFmpeg decodes it without a word and marks no frame as corrupt. Of each clean file
all frames of a full decode are compared, then 50 drawn ones out of plans, with unwanted pictures left out and
with none left out. A file that is not clean may be refused; what is given of it must still be FFmpeg's frames.

The truth is `frame_truth.py` (PyAV) where --truth or $TUBELET_SHARED/peers names it, else `ffmpeg -f framemd5`.
"""

import argparse
import collections
import importlib.util
import os
import pathlib
import random
import subprocess
import sys

Truth = collections.namedtuple("Truth", "digests errors")


def load_truth(path):
    """`frame_truth.py` as a function of a file, or the command of FFmpeg as one."""
    if path and pathlib.Path(path).exists():
        spec = importlib.util.spec_from_file_location("frame_truth", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)

        def by_pyav(file):
            result = module.decode(str(file))
            if any(frame["format"] in PACKED or frame["format"] in PLANES for frame in result["frames"]):
                return by_command(file)
            corrupt = [f"frame {frame['rank']} is marked as corrupt" for frame in result["frames"] if frame["corrupt"]]
            return Truth([frame["md5"] for frame in result["frames"]], result["errors"] + corrupt)

        return by_pyav
    return by_command


PACKED = {"rgb24", "bgr24", "rgba", "bgra", "argb", "abgr", "rgb0", "bgr0", "0rgb", "0bgr", "pal8"}
# The planes of what has Y, Cb and Cr beside each other, which FFmpeg's scaler only puts in other places.
PLANES = {"yuyv422": "yuv422p", "uyvy422": "yuv422p", "yvyu422": "yuv422p", "nv12": "yuv420p", "nv21": "yuv420p", "ya8": "gray", "monob": "gray"}
# Planes with transparency, which tubelet leaves out.
PLANES |= {f"yuva{sampling}p{bits}": f"yuv{sampling}p{bits}" for sampling in (420, 422, 444) for bits in ("", "9le", "10le", "12le", "16le")}
PLANES |= {"gbrap": "gbrp", "gbrap10le": "gbrp10le"}  # gbrap12le is rounded on the way


def as_planes(file):
    """What makes FFmpeg take packed pictures apart into planes, as tubelet does, without rounding and without transparency."""
    command = ["ffprobe", "-v", "quiet", "-select_streams", "V:0", "-show_entries", "stream=pix_fmt", "-of", "csv=p=0", str(file)]
    layout = subprocess.run(command, capture_output=True, text=True, errors="replace").stdout.strip()
    if layout == "pal8":
        # Straight to planes, FFmpeg rounds.
        return ["-vf", "format=rgb24,format=gbrp"]
    planes = "gbrp" if layout in PACKED else PLANES.get(layout)
    return ["-pix_fmt", planes] if planes else []


def by_command(file):
    """What FFmpeg's command gives and says."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-threads", "1", "-flags", "unaligned", "-noautorotate", "-i", str(file)]
    command += ["-map", "0:V:0", "-fps_mode", "passthrough", *as_planes(file), "-f", "framemd5", "-"]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    lines = [line for line in done.stdout.splitlines() if line and not line.startswith("#")]
    return Truth([line.split(",")[-1].strip() for line in lines], done.stderr.splitlines())


def frames(tubelet, file, *options):
    """Digests by rank, or the reason why there are none."""
    try:
        done = subprocess.run([tubelet, "frames", str(file), *options], capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        return {}, "HANGS for 120 s"
    if done.returncode not in (0, 1):
        return {}, f"DIES with {done.returncode}"
    if done.returncode:
        return {}, " ".join(done.stderr.split())
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    return {int(row[0]): row[4] for row in rows}, None


def compare(tubelet, truth_of, file, draws=50):
    """`equal`, `refused` or `WRONG`, and what there is to say."""
    truth = truth_of(file)
    given, reason = frames(tubelet, file)
    if reason:
        if reason.startswith(("HANGS", "DIES")):
            return "WRONG", reason
        said = truth.errors[0] if truth.errors else f"FFmpeg gives {len(truth.digests)} frames without a word"
        return ("refused" if truth.errors or not truth.digests else "REFUSED"), f"{reason} | {said}"
    said = f" | FFmpeg says {truth.errors[0]}" if truth.errors else ""
    if len(given) != len(truth.digests):
        return "WRONG", f"{len(given)} frames instead of {len(truth.digests)}{said}"
    strange = [rank for rank, digest in given.items() if truth.digests[rank] != digest]
    if strange:
        return "WRONG", f"{len(strange)} of {len(given)} frames differ, first {strange[0]}{said}"
    draw = random.Random(len(given))
    wanted = sorted({draw.randrange(len(given)) for _ in range(draws)}) if draws else []
    for skipping in ("unwanted", "groups", "nothing") if wanted else ():
        ranks = ",".join(map(str, wanted))
        planned, reason = frames(tubelet, file, "--indices", ranks, "--verify", "clip", "--skipping", skipping)
        if reason or any(planned.get(rank) != truth.digests[rank] for rank in wanted):
            return "WRONG", f"frames out of plans, skipping {skipping}: {reason or 'they differ'}"
    return "equal", f"{len(given)} frames{said}"


def arguments(description):
    """The options that scripts of this kind share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--tubelet", default="target/debug/tubelet", help="the command")
    shared = os.environ.get("TUBELET_SHARED", "../shared")
    parser.add_argument("--truth", default=f"{shared}/peers/frame_truth.py", help="frame_truth.py")
    return parser


def main():
    parser = arguments("Compare tubelet's frames with FFmpeg's")
    parser.add_argument("files", nargs="+", type=pathlib.Path, help="files and folders")
    given = parser.parse_args()
    truth_of = load_truth(given.truth)
    files = [file for path in given.files for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    files = [file for file in files if file.is_file() and file.suffix not in (".json", ".md", ".txt", ".parquet")]
    counts = collections.Counter()
    for file in files:
        outcome, words = compare(given.tubelet, truth_of, file)
        counts[outcome] += 1
        print(f"{outcome:8}{file}: {words}", flush=True)
    sums = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
    print(f"{len(files)} files: {sums}   (REFUSED: FFmpeg decodes it without a word)")
    sys.exit(1 if counts["WRONG"] else 0)


if __name__ == "__main__":
    main()
