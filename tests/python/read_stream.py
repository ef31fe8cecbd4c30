"""Reads `tubelet stream` with pyarrow, run by hand: read_stream.py TUBELET VIDEOS

The pixels of all layouts must be the same once their axes are turned, the cubes of `cubes` those of the pixels, and the
tokens of each clip every number once. Prints what it read.
"""

import json
import subprocess
import sys

import numpy
import pyarrow

tubelet, videos = sys.argv[1:3]
SETTINGS = ["--recipe", "tiny", "--batch", "2", "--set", "clip.size=64", "--count", "2"]
# From each layout to N, T, H, W, C.
AXES = {"NTHWC": (0, 1, 2, 3, 4), "NTCHW": (0, 1, 3, 4, 2), "NCTHW": (0, 2, 3, 4, 1)}


def stream(*more):
    command = [tubelet, "stream", videos, *SETTINGS, *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        with pyarrow.ipc.open_stream(process.stdout) as reader:
            schema = {key.decode(): value.decode() for key, value in reader.schema.metadata.items()}
            batches = list(reader)
    assert process.returncode == 0, process.returncode
    return schema, batches


def flat(column):
    return column.flatten().to_numpy(zero_copy_only=True)


pixels = {}
for layout, axes in AXES.items():
    schema, batches = stream("--layout", layout)
    assert schema["tubelet.format"] == "tubelet-whole-clips/1" and schema["tubelet.layout"] == layout
    geometry = json.loads(schema["tubelet.geometry"])
    lengths = {"T": geometry["frames"], "H": geometry["height"], "W": geometry["width"], "C": 3}
    shape = [-1] + [lengths[axis] for axis in layout[1:]]
    pixels[layout] = [flat(batch["pixels"]).reshape(shape).transpose(axes) for batch in batches]
    for batch in batches:
        tokens = geometry["frames"] // geometry["tubelet"] * (geometry["height"] // geometry["patch"]) ** 2
        for row in range(batch.num_rows):
            parts = [batch[name][row].as_py() for name in ("visible", "target", "context")]
            assert sorted(sum(parts, [])) == list(range(tokens))
for layout in AXES:
    for one, other in zip(pixels["NTHWC"], pixels[layout], strict=True):
        assert (one == other).all(), layout

_, cubes = stream("--layout", "cubes")
t, p = geometry["tubelet"], geometry["patch"]
for batch, frames in zip(cubes, pixels["NTHWC"], strict=True):
    n, T, H, W, _ = frames.shape
    # [n, t', tubelet, y', patch, x', patch, c] to [n, token, c, tubelet, patch, patch]
    parts = frames.reshape(n, T // t, t, H // p, p, W // p, p, 3).transpose(0, 1, 3, 5, 7, 2, 4, 6)
    parts = parts.reshape(n, -1, 3 * t * p * p)
    for row in range(n):
        for name in ("visible", "target"):
            found = numpy.array(batch[name + "_cubes"][row].as_py(), "u1").reshape(-1, 3 * t * p * p)
            assert (parts[row][batch[name][row].as_py()] == found).all(), name
print(f"{sum(batch.num_rows for batch in cubes)} clips of {lengths} are the same in {', '.join(AXES)} and cubes")
