"""Class folders in which every video is a class of its own: its first half to train on, its second to test on.

    python tests/python/halves_in_time.py OUT VIDEO... [--pieces N]

Each half is cut into N pieces (2), encoded again as H.264 with B-frames: OUT/train/NAME/*.mp4 and
OUT/test/NAME/*.mp4 share no moment. Then the trivial answer is given for comparison: the class whose training
pieces have the nearest mean colour. Needs ffmpeg, and nothing of Python beyond itself.

    tubelet pretrain --data OUT/train --out pretrained
    tubelet finetune --split train=OUT/train,test=OUT/test --init pretrained --out classifier --steps 300
    tubelet evaluate --model classifier --data OUT/test
"""

import argparse
import json
import subprocess
from pathlib import Path

FFMPEG = ["ffmpeg", "-v", "error", "-nostdin", "-y"]


def run(*command):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True).stdout


def seconds(video):
    said = run("ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "format=duration", "-of", "json", video)
    return float(json.loads(said)["format"]["duration"])


def cut(video, out, pieces):
    """The pieces of a video, those of its first half before those of its second."""
    length, name = seconds(video) / (2 * pieces), video.name.split(".")[0]
    for at in range(2 * pieces):
        piece = out / ("train" if at < pieces else "test") / name / f"{name}-{at}.mp4"
        piece.parent.mkdir(parents=True, exist_ok=True)
        where = ["-ss", f"{at * length:.3f}", "-i", video, "-t", f"{length:.3f}"]
        run(*FFMPEG, *where, "-an", "-c:v", "libx264", "-crf", 18, "-bf", 2, "-pix_fmt", "yuv420p", piece)


def mean_colour(video):
    """Each frame averaged to one pixel, and those over the video."""
    pixels = run(*FFMPEG, "-i", video, "-vf", "scale=1:1:flags=area", "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    return [sum(pixels[channel::3]) / (len(pixels) // 3) for channel in range(3)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--pieces", type=int, default=2)
    given = parser.parse_args()
    for video in given.videos:
        cut(video, given.out, given.pieces)
    colours = {
        part: [(piece.parent.name, mean_colour(piece)) for piece in sorted((given.out / part).glob("*/*.mp4"))]
        for part in ("train", "test")
    }
    apart = lambda one, other: sum((a - b) ** 2 for a, b in zip(one, other))
    right = sum(
        name == min(colours["train"], key=lambda train: apart(train[1], colour))[0] for name, colour in colours["test"]
    )
    count = len(colours["test"])
    print(f"{len(colours['train'])} pieces to train on, {count} to test on, {len(given.videos)} classes")
    print(f"nearest mean colour: {right} of {count} right, {100 * right / count:.1f} %")


if __name__ == "__main__":
    main()
