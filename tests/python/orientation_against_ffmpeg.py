#!/usr/bin/env python3
"""Compares the upright pictures of `tubelet frames --out` with what FFmpeg shows of turned and mirrored films.

    python tests/python/orientation_against_ffmpeg.py --tubelet target/debug/tubelet [FILE…]

Without files it turns a sample film in every way that a track's matrix (MP4) and a message of the stream (H.264, SEI
display orientation) can say, alone and together. The truth is the display matrix that FFmpeg (by PyAV, 8 or newer)
attaches to the first frame, followed as the `ffmpeg` command follows it (`fftools/ffmpeg_filter.c`, autorotate).
Prints a line a film (equal, refused or WRONG) and exits with 1 if anything is wrong.
"""

import argparse
import math
import pathlib
import struct
import subprocess
import sys
import tempfile

import av
import numpy

import container_edits


def shown_by_ffmpeg(file):
    """The first frame as FFmpeg shows it, RGB, and words for how it was turned."""
    with av.open(str(file)) as container:
        stream = next(s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic)
        frame = next(container.decode(stream))
        picture = frame.to_ndarray(format="rgb24")
        sides = [side for side in frame.side_data if side.type.name == "DISPLAYMATRIX"]
    if not sides:
        return picture, "as it is"
    matrix = struct.unpack("<9i", bytes(sides[0])[:36])
    return turned(picture, matrix)


def turned(picture, matrix):
    """A picture by a display matrix, in the words of FFmpeg's filters."""
    columns = [math.hypot(matrix[0], matrix[3]), math.hypot(matrix[1], matrix[4])]
    if not all(columns):
        return picture[:0], "by a matrix that turns nothing"
    theta = round(math.degrees(math.atan2(matrix[1] / columns[1], matrix[0] / columns[0])))
    theta -= 360 * math.floor(theta / 360 + 0.9 / 360)
    transposed = picture.transpose(1, 0, 2)
    if abs(theta - 90) < 1:
        return (transposed, "cclock_flip") if matrix[3] > 0 else (transposed[:, ::-1], "clock")
    if abs(theta - 180) < 1:
        across = picture[:, ::-1] if matrix[0] < 0 else picture
        return (across[::-1] if matrix[4] < 0 else across), "hflip, vflip"
    if abs(theta - 270) < 1:
        return (transposed[::-1, ::-1], "clock_flip") if matrix[3] < 0 else (transposed[::-1], "cclock")
    if abs(theta) > 1:
        # FFmpeg draws it aslant on black, of which no clip should be made.
        return picture[:0], f"aslant by {theta} degrees"
    return (picture[::-1], "vflip") if matrix[4] < 0 else (picture, "as it is")


def shown_by_tubelet(tubelet, file, folder):
    """The first frame, or the reason why there is none."""
    from PIL import Image

    command = [tubelet, "frames", str(file), "--indices", "0", "--out", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return None, " ".join(done.stderr.split())
    return numpy.asarray(Image.open(next(folder.glob("*.png"))).convert("RGB")), None


def films(folder, film):
    """Every way of turning one film: name and path."""

    def ffmpeg(*arguments):
        return subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)]).returncode == 0

    base = folder / "base.mp4"
    ffmpeg("-i", film, "-t", "1", "-an", "-vf", "scale=176:96", "-c:v", "libx264", "-preset", "veryfast", "-bf", "2", base)
    messages = {"": None}
    for angle in (90, 180, 270):
        for flip in ("", "horizontal", "vertical"):
            rule = f"h264_metadata=display_orientation=insert:rotate={angle}" + (f":flip={flip}" if flip else "")
            messages[f"message_{angle}{flip}"] = rule
    messages["message_mirrored"] = "h264_metadata=display_orientation=insert:flip=horizontal"
    for message, rule in messages.items():
        plain = folder / f"{message or 'none'}.mp4"
        if not ffmpeg("-i", base, "-c", "copy", *(["-bsf:v", rule] if rule else []), plain):
            continue
        for container in ("mp4", "mkv", "ts") if rule else ():
            out = folder / f"{message}.{container}"
            if container == "mp4" or ffmpeg("-i", plain, "-c", "copy", out):
                yield f"{message}.{container}", out
        odd = {"by_30_degrees": (0.866, 0.5, -0.5, 0.866), "by_89.6_degrees": (0.007, 1, -1, 0.007), "sheared": (1, 0.2, 0, 1)}
        turns = {**container_edits.TURNS, **odd} if not rule else {"turned_90": container_edits.TURNS["turned_90"]}
        for turn, values in turns.items():
            out = folder / f"{turn}_{message}.mp4"
            out.write_bytes(container_edits.matrix(*values)(plain.read_bytes()))
            yield out.stem, out


def main():
    parser = argparse.ArgumentParser(description="Compare how tubelet and FFmpeg turn films")
    parser.add_argument("--tubelet", default="target/debug/tubelet", help="the command")
    parser.add_argument("--film", default="samples/cars.mp4", help="what is turned where no files are given")
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    given = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for at, (name, file) in enumerate([(file.name, file) for file in given.files] or films(folder, given.film)):
            truth, how = shown_by_ffmpeg(file)
            pictures = folder / f"pictures-{at}"
            picture, reason = shown_by_tubelet(given.tubelet, file, pictures)
            if reason:
                outcome = f"refused: {reason}"
            elif not truth.size:
                outcome = "WRONG: a picture that is aslant must be refused"
            elif picture.shape != truth.shape:
                outcome = f"WRONG: {picture.shape[1]}x{picture.shape[0]} instead of {truth.shape[1]}x{truth.shape[0]}"
            else:
                # Both make RGB of the same planes by rules of their own: turned wrongly, it is far off.
                difference = numpy.abs(picture.astype(int) - truth).mean()
                outcome = "equal" if difference < 4 else f"WRONG: {difference:.1f} levels off on average"
            wrong += outcome.startswith("WRONG")
            print(f"{name:32}{how:28}{outcome}", flush=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
