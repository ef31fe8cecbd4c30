"""Compares a run's events with its lines, by TensorBoard's own reader: tensorboard_events.py RUN

Every number of metrics.jsonl and of validation.jsonl must be there once at its step, as the nearest 32-bit float, and
no other; so must every picture. Prints what it compared.
"""

import json
import struct
import sys
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

run = Path(sys.argv[1])


def flat(value, tag):
    if isinstance(value, dict):
        for key, below in value.items():
            yield from flat(below, f"{tag}/{key}" if tag else key)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield tag, struct.unpack("f", struct.pack("f", value))[0]


wanted = {}
for name, prefix in [("metrics.jsonl", ""), ("validation.jsonl", "validation/")]:
    lines = (run / name).read_text().splitlines() if (run / name).exists() else []
    for line in map(json.loads, lines):
        for tag, value in flat(line, ""):
            if tag not in ("step", "time"):
                wanted.setdefault(prefix + tag, []).append((line["step"], value))

events = EventAccumulator(str(run), size_guidance={"scalars": 0, "images": 0})
events.Reload()
found = {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
assert found.keys() == wanted.keys(), found.keys() ^ wanted.keys()
for tag in wanted:
    assert found[tag] == wanted[tag], (tag, found[tag], wanted[tag])
    steps = [step for step, _ in found[tag]]
    assert steps == sorted(set(steps)), (tag, steps)

pictures = {int(path.stem): path.read_bytes() for path in (run / "reconstructions").glob("*.png")}
tags = events.Tags()["images"]
seen = {event.step: event.encoded_image_string for tag in tags for event in events.Images(tag)}
assert seen == pictures, (seen.keys(), pictures.keys())
print(f"{len(found)} tags, {sum(map(len, found.values()))} numbers, {len(seen)} pictures: all once and equal")
