#!/usr/bin/env python3
"""What the usual readers make of damaged films: errors, hangs, dead processes, and pixels that no film has.

    python tests/python/peers_on_damage.py FOLDER_OF_CLIPS [--peers torchcodec,opencv] [--tubelet target/debug/tubelet]

FOLDER_OF_CLIPS holds `manifest.json`, which names for each file of `broken/` the undamaged film that it was made of.
Each reader opens each file in a process of its own, for at most 25 s, and is asked for 3 clips of 16 frames at
stride 4. A frame is *strange* when it differs by more than 6 levels somewhere from every frame that the same reader
gives of the undamaged film, and *misplaced* when it is another one of these than its number says.
"""

import argparse
import collections
import json
import multiprocessing
import os
import pathlib
import random
import subprocess

LIMIT = 25
CLIPS, FRAMES, STRIDE = 3, 16, 4


def torchcodec(path, mode="exact"):
    from torchcodec.decoders import VideoDecoder

    decoder = VideoDecoder(path, seek_mode=mode, num_ffmpeg_threads=1)
    return len(decoder), lambda wanted: decoder.get_frames_at(wanted).data.permute(0, 2, 3, 1).numpy()


def approximate(path):
    return torchcodec(path, "approximate")


def decord(path):
    from decord import VideoReader

    reader = VideoReader(path, num_threads=1)
    return len(reader), lambda wanted: reader.get_batch(wanted).asnumpy()


def opencv(path):
    import cv2
    import numpy

    capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    if not capture.isOpened():
        raise RuntimeError("cannot open")

    def frames(wanted):
        found, at = [], None
        for number in wanted:
            if at is None or number < at:
                capture.set(cv2.CAP_PROP_POS_FRAMES, number)
                at = number
            while at < number:
                if not capture.grab():
                    raise RuntimeError("ran out of frames")
                at += 1
            good, frame = capture.read()
            if not good:
                raise RuntimeError("ran out of frames")
            at += 1
            found.append(frame)
        return numpy.stack(found)

    return int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), frames


def pyav_stream(path):
    import av

    container = av.open(path)
    stream = container.streams.video[0]
    stream.thread_count = 1
    count = stream.frames
    if not count:
        count = sum(1 for packet in container.demux(stream) if packet.size)
        container.seek(0)
    return container, stream, count


def pyav_start(path):
    import numpy

    container, stream, count = pyav_stream(path)

    def frames(wanted):
        container.seek(0)
        found, keep = [], set(wanted)
        for number, frame in enumerate(container.decode(stream)):
            if number in keep:
                found.append(frame.to_ndarray(format="rgb24"))
            if number >= wanted[-1]:
                break
        if len(found) < len(keep):
            raise RuntimeError("ran out of frames")
        return numpy.stack(found)

    return count, frames


def pyav_seek(path):
    import numpy

    container, stream, count = pyav_stream(path)

    def frames(wanted):
        rate, base = stream.average_rate, stream.time_base
        target = [(stream.start_time or 0) + int(number / rate / base) for number in wanted]
        container.seek(target[0], stream=stream, backward=True)
        found, half = [], int(1 / rate / base / 2)
        for frame in container.decode(stream):
            while len(found) < len(target) and frame.pts is not None and frame.pts + half >= target[len(found)]:
                found.append(frame.to_ndarray(format="rgb24"))
            if len(found) == len(target):
                return numpy.stack(found)
        raise RuntimeError("ran out of frames")

    return count, frames


PEERS = {
    "torchcodec": torchcodec,
    "approximate": approximate,
    "decord": decord,
    "opencv": opencv,
    "pyav-seek": pyav_seek,
    "pyav-start": pyav_start,
}


def clips_of(count):
    draw = random.Random(1)
    span = (FRAMES - 1) * STRIDE + 1
    for _ in range(CLIPS):
        start = draw.randrange(max(1, count - span + 1))
        yield [min(start + frame * STRIDE, count - 1) for frame in range(FRAMES)]


def frames_of_clip(frames, wanted):
    """The frames of a clip, which may name one several times."""
    distinct = sorted(set(wanted))
    found = dict(zip(distinct, frames(distinct)))
    return [found[number] for number in wanted]


def whole_film(name, path):
    """All frames of an undamaged film; the counts of some readers are too large by a few."""
    count, frames = PEERS[name](path)
    for last in range(count, max(0, count - 4), -1):
        try:
            return [frame.astype("i2") for frame in frames(list(range(last)))]
        except Exception:
            continue
    return []


def judge(name, path, undamaged, answer):
    """In a process of its own: what a reader does with one file."""
    import numpy

    # What decoders complain of, nobody reads.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        count, frames = PEERS[name](path)
    except Exception:
        answer.put("exception on opening")
        return
    delivered = []
    for wanted in clips_of(count):
        try:
            delivered.append((wanted, frames_of_clip(frames, wanted)))
        except Exception:
            continue
    outcomes = {0: "no clip", CLIPS: "all clips"}
    answer.put(outcomes.get(len(delivered), "some clips"))
    whole = whole_film(name, undamaged) if undamaged and delivered else []
    near = lambda one, other: one.shape == other.shape and int(numpy.abs(one - other).max()) <= 6
    for wanted, clip in delivered if whole else []:
        for number, frame in zip(wanted, clip):
            frame = frame.astype("i2")
            if number < len(whole) and near(frame, whole[number]):
                continue
            answer.put("misplaced" if any(near(frame, other) for other in whole) else "strange")


def asked(name, path, undamaged):
    """The outcome for one file, and what its frames are."""
    answer = multiprocessing.SimpleQueue()
    process = multiprocessing.Process(target=judge, args=(name, path, undamaged, answer))
    said = []
    process.start()
    # A dead or stuck process says nothing more.
    waited = 0
    while process.is_alive() and waited < LIMIT * (4 if said else 1) * 10:
        process.join(0.1)
        waited += 1
        while not answer.empty():
            said.append(answer.get())
    while not answer.empty():
        said.append(answer.get())
    if process.is_alive():
        process.kill()
        process.join()
        return said or [f"no answer in {LIMIT} s"]
    return said or ["killed by a signal"]


def by_tubelet(tubelet, path):
    """The same of tubelet: three clips out of plans, or the error."""
    try:
        done = subprocess.run([tubelet, "frames", path], capture_output=True, text=True, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return [f"no answer in {LIMIT} s"]
    return {0: ["all clips"], 1: ["refused"]}.get(done.returncode, ["killed by a signal"])


def main():
    parser = argparse.ArgumentParser(description="What the usual readers make of damaged films")
    parser.add_argument("clips", type=pathlib.Path)
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--tubelet", help="the command; counts what it gives and refuses")
    given = parser.parse_args()
    films = json.loads((given.clips / "manifest.json").read_text())["files"]
    films = [film for film in films if film["file"].startswith("broken/")]
    names = given.peers.split(",")
    # Once here, so that each process begins with them.
    for module in ("numpy", "torchcodec.decoders", "decord", "cv2", "av"):
        try:
            __import__(module)
        except ImportError:
            pass
    table = collections.defaultdict(collections.Counter)
    for film in films:
        path = str(given.clips / film["file"])
        undamaged = film.get("undamaged") and str(given.clips / film["undamaged"])
        for name in names:
            for word in set(asked(name, path, undamaged)):
                table[word][name] += 1
        if given.tubelet:
            for word in by_tubelet(given.tubelet, path):
                table[word]["tubelet"] += 1
        print(film["file"], flush=True)
    columns = names + (["tubelet"] if given.tubelet else [])
    print(f"{'files':22}" + "".join(f"{name:>14}" for name in columns))
    for word, counts in sorted(table.items()):
        print(f"{word:22}" + "".join(f"{counts[name]:14}" for name in columns))


if __name__ == "__main__":
    main()
