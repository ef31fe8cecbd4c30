#!/usr/bin/env python3
"""Seconds that the published test spends on decoding: every view of a video reads all its frames at the stride.

    python tests/python/views_by_decord.py FOLDER [--views 15] [--stride 4] [--processes 2]

To be read beside `tubelet bench views FOLDER --model M`, on the same machine. Nothing is resized or classified here.
"""

import argparse
import multiprocessing
import pathlib
import time

import decord


def frames_of_a_view(view):
    path, stride = view
    video = decord.VideoReader(path, num_threads=1)
    return video.get_batch(list(range(0, len(video), stride))).shape[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--views", type=int, default=15)
    parser.add_argument("--stride", type=int, default=4)
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
    args = parser.parse_args()
    videos = sorted(str(path) for path in args.folder.glob("*.mp4"))
    views = [(video, args.stride) for video in videos for _ in range(args.views)]
    with multiprocessing.Pool(args.processes) as pool:
        begin = time.perf_counter()
        frames = sum(pool.imap_unordered(frames_of_a_view, views, chunksize=args.views))
        seconds = time.perf_counter() - begin
    print(f"{len(videos)} videos, {len(views)} views, {frames} frames kept: {seconds:.2f} s")


if __name__ == "__main__":
    main()
