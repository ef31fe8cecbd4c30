"""Clips a second of the readers of videos that this Python has: `python - SECONDS WORKERS VIDEOS…`.

Each worker is a process and takes the next video again and again: 16 frames, four apart, from a drawn place; a square
drawn out of them, resized to 224 x 224. Prints a line of JSON a reader: its name, and clips a second.
"""

import json
import multiprocessing
import os
import random
import sys
import time

FRAMES, STRIDE, SIZE = 16, 4, 224
SUFFIXES = (".mp4", ".mkv", ".webm", ".avi", ".mov", ".m4v", ".ts", ".mpg", ".mpeg")


def drawn(count, rng):
    start = rng.randrange(max(1, count - FRAMES * STRIDE + 1))
    return [min(start + STRIDE * at, count - 1) for at in range(FRAMES)]


def torchcodec(path, rng):
    from torchcodec.decoders import VideoDecoder
    decoder = VideoDecoder(path, num_ffmpeg_threads=1)
    return decoder.get_frames_at(drawn(len(decoder), rng)).data


def decord(path, rng):
    import decord
    import torch
    reader = decord.VideoReader(path, num_threads=1)
    return torch.from_numpy(reader.get_batch(drawn(len(reader), rng)).asnumpy()).permute(0, 3, 1, 2)


def opencv(path, rng):
    import cv2
    import torch
    cv2.setNumThreads(1)
    capture = cv2.VideoCapture(path)
    wanted = drawn(max(1, int(capture.get(cv2.CAP_PROP_FRAME_COUNT))), rng)
    capture.set(cv2.CAP_PROP_POS_FRAMES, wanted[0])
    frames = []
    for at in range(wanted[0], wanted[-1] + 1):
        if not capture.grab():
            break
        if at in wanted:
            frames.append(cv2.cvtColor(capture.retrieve()[1], cv2.COLOR_BGR2RGB))
    frames += [frames[-1]] * (FRAMES - len(frames))
    return torch.stack([torch.from_numpy(frame) for frame in frames]).permute(0, 3, 1, 2)


READERS = {"torchcodec": torchcodec, "decord": decord, "cv2": opencv}


def work(name, videos, seed, begin, seconds, done):
    import torch
    torch.set_num_threads(1)
    rng, clips = random.Random(seed), 0
    READERS[name](videos[seed % len(videos)], rng)  # what is imported first is not timed
    begin.wait()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        frames = READERS[name](videos[(seed + clips) % len(videos)], rng)
        side = min(frames.shape[2:]) * 3 // 4
        top, left = rng.randrange(frames.shape[2] - side + 1), rng.randrange(frames.shape[3] - side + 1)
        square = frames[:, :, top:top + side, left:left + side]
        torch.nn.functional.interpolate(square.contiguous(), (SIZE, SIZE), mode="bilinear", antialias=True)
        clips += 1
    done.put(clips)


def main(seconds, workers, paths):
    videos = []
    for path in paths:
        if os.path.isdir(path):
            for folder, _, names in os.walk(path):
                videos += [os.path.join(folder, name) for name in names if name.lower().endswith(SUFFIXES)]
        else:
            videos.append(path)
    videos.sort()
    processes_of = multiprocessing.get_context("fork")
    for name in READERS:
        if os.system(f'"{sys.executable}" -c "import torch, {name}" 2>{os.devnull}') != 0:
            continue
        begin, done = processes_of.Barrier(workers), processes_of.Queue()
        arguments = [(name, videos, seed * 7919, begin, seconds, done) for seed in range(workers)]
        processes = [processes_of.Process(target=work, args=each) for each in arguments]
        for process in processes:
            process.start()
        clips = 0
        for process in processes:
            process.join()
            if process.exitcode == 0:
                clips += done.get()
        print(json.dumps([name, clips / seconds]), flush=True)


main(float(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
