#!/usr/bin/env python3
"""Compares the pixels of whole clips with NumPy's and Pillow's, written without a look at tubelet's code.

    python tests/python/transform_against_pillow.py --tubelet target/debug/tubelet VIDEO_OR_FOLDER…

`tubelet inspect batches --out` writes clips with all their cubes; PyAV decodes the same frames anew. Three ways to
the pixels of each clip's crop:

  formula   in f64: chroma repeated to luma's grid, antialiased bilinear, the stream's own matrix, rounded once
  rgb       the formula's matrix on whole frames, rounded to RGB of 8 bits, then Pillow's crop and resize (BILINEAR)
  swscale   FFmpeg's own RGB (PyAV, BT.601 or what the stream says), then Pillow's: what the official loader does

Prints the mean and the largest difference of tubelet's pixels to each; exits with 1 where the formula is missed by
more than 1 level. Needs av, numpy, pillow and pyarrow.
"""

import argparse
import collections
import math
import pathlib
import subprocess
import sys
import tempfile

import av
import numpy
import pyarrow.parquet as parquet
from PIL import Image

FRAMES, SIDE, TUBELET, PATCH = 16, 224, 2, 16
GRID = SIDE // PATCH
# Kr and Kb by FFmpeg's number of the matrix (AVColorSpace); 5 and 6 are BT.601, and what is not stated as well.
MATRICES = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 7: (0.212, 0.087), 9: (0.2627, 0.0593)}
FULL_RANGE = 2


def frames_of_clips(row):
    """A row's cubes as frames: time, row, column, colour."""
    tokens = numpy.array(row["visible"] + row["target"])
    assert sorted(tokens) == list(range(len(tokens))), "some cubes are missing"
    cubes = numpy.array(row["visible_cubes"] + row["target_cubes"], "u1")
    cubes = cubes.reshape(len(tokens), 3, TUBELET, PATCH, PATCH)[numpy.argsort(tokens)]
    cubes = cubes.reshape(FRAMES // TUBELET, GRID, GRID, 3, TUBELET, PATCH, PATCH)
    return cubes.transpose(0, 4, 1, 5, 2, 6, 3).reshape(FRAMES, SIDE, SIDE, 3)


def weights(length):
    """How much each of `length` samples counts in each of SIDE outputs, as Pillow's bilinear filter has it."""
    scale = length / SIDE
    support = max(scale, 1.0)
    matrix = numpy.zeros((SIDE, length))
    for out in range(SIDE):
        centre = (out + 0.5) * scale
        first, last = math.floor(centre - support + 0.5), math.floor(centre + support + 0.5)
        for at in range(max(first, 0), min(last, length)):
            matrix[out, at] = max(0.0, 1.0 - abs(at - centre + 0.5) / support)
    return matrix / matrix.sum(axis=1, keepdims=True)


def planes_of(frame):
    """Luma and chroma on luma's grid, the bits of a sample, and whether it is RGB; nothing for other layouts."""
    name = frame.format.name.replace("yuvj", "yuv")
    bits = max(component.bits for component in frame.format.components)
    if not name.startswith(("yuv", "gbrp")) or not frame.format.is_planar:
        return None
    planes = []
    for number, plane in enumerate(frame.planes):
        samples = numpy.frombuffer(plane, "<u2" if bits > 8 else "u1")
        samples = samples.reshape(plane.height, -1)[:, : plane.width].astype("f8")
        if number:
            down, across = -(-frame.height // plane.height), -(-frame.width // plane.width)
            samples = samples.repeat(down, 0).repeat(across, 1)[: frame.height, : frame.width]
        planes.append(samples)
    return planes, bits, name.startswith("gbrp")


def to_rgb(planes, bits, is_rgb, frame):
    """Levels of red, green and blue, neither rounded nor cut off."""
    step = 2.0 ** (bits - 8)
    if is_rgb:
        green, blue, red = (plane / (256 * step - 1) for plane in planes)
        return numpy.stack([red, green, blue], -1) * 255
    kr, kb = MATRICES.get(int(frame.colorspace), (0.299, 0.114))
    full = int(frame.color_range) == FULL_RANGE or frame.format.name.startswith("yuvj")
    y = planes[0] / (256 * step - 1) if full else (planes[0] - 16 * step) / (219 * step)
    cb, cr = ((plane - 128 * step) / ((256 * step - 1) if full else 224 * step) for plane in planes[1:])
    red, blue = y + 2 * (1 - kr) * cr, y + 2 * (1 - kb) * cb
    green = (y - kr * red - kb * blue) / (1 - kr - kb)
    return numpy.stack([red, green, blue], -1) * 255


def to_levels(values):
    return numpy.floor(values + 0.5).clip(0, 255).astype("u1")


def decoded(video, wanted):
    """The wanted frames of a full decode, by rank."""
    found, rank = {}, 0
    with av.open(video) as container:
        container.streams.video[0].thread_type = "NONE"
        for frame in container.decode(container.streams.video[0]):
            if rank in wanted:
                found[rank] = frame
            rank += 1
    return found


def three_ways(frame, crop):
    """The crop of a frame by formula, by RGB and by swscale; nothing for a layout that is not computed here."""
    planes = planes_of(frame)
    if planes is None:
        return None
    left, top, width, height = crop
    window = lambda plane: plane[top : top + height, left : left + width]
    rows, columns = weights(height), weights(width)
    small = [rows @ window(plane) @ columns.T for plane in planes[0]]
    formula = to_levels(to_rgb(small, *planes[1:], frame))

    def by_pillow(rgb):
        image = Image.fromarray(rgb).crop((left, top, left + width, top + height))
        return numpy.asarray(image.resize((SIDE, SIDE), Image.BILINEAR))

    return formula, by_pillow(to_levels(to_rgb(*planes, frame))), by_pillow(frame.to_ndarray(format="rgb24"))


class Distance:
    def __init__(self):
        self.levels = self.total = self.largest = self.above_one = 0

    def add(self, ours, theirs):
        apart = numpy.abs(ours.astype("i2") - theirs)
        self.levels += apart.size
        self.total += int(apart.sum())
        self.largest = max(self.largest, int(apart.max()))
        self.above_one += int((apart > 1).sum())

    def __str__(self):
        share = 100 * self.above_one / self.levels
        return f"mean {self.total / self.levels:.4f}, largest {self.largest}, more than 1: {share:.3f} %"


def main():
    parser = argparse.ArgumentParser(description="Compare the pixels of clips with NumPy's and Pillow's")
    parser.add_argument("--tubelet", default="target/debug/tubelet", help="the command")
    parser.add_argument("--clips", type=int, default=24, help="clips to compare")
    parser.add_argument("--frames", type=int, default=4, help="frames of each clip to compare")
    parser.add_argument("videos", nargs="+")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/clips.parquet"
        command = [given.tubelet, "inspect", "batches", *given.videos, "--count", str(given.clips), "--out", file]
        settings = [f"clip.size={SIDE}", "clip.stride=4", "mask.decoder=none", "optimiser.batch=1"]
        subprocess.run([*command, *(word for one in settings for word in ("--set", one))], check=True)
        clips = parquet.read_table(file).to_pylist()
    sums = collections.defaultdict(Distance)
    for clip in clips:
        ours = frames_of_clips(clip)
        numbers = range(0, FRAMES, max(1, FRAMES // given.frames))
        found = decoded(clip["video"], {clip["frames"][number] for number in numbers})
        crop = [clip["crop"][side] for side in ("x", "y", "width", "height")]
        for number in numbers:
            ways = three_ways(found[clip["frames"][number]], crop)
            if ways is None:
                print(f"{clip['video']}: {found[clip['frames'][number]].format.name} is not computed here")
                break
            for name, way in zip(("formula", "rgb", "swscale"), ways):
                sums[name].add(ours[number], way[:, ::-1] if clip["flip"] else way)
    videos = len({clip["video"] for clip in clips})
    print(f"{len(clips)} clips of {videos} videos")
    for name, distance in sums.items():
        print(f"{name:8} {distance}")
    sys.exit(1 if not sums or sums["formula"].largest > 1 else 0)


if __name__ == "__main__":
    main()
