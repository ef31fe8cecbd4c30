"""Renders films with several labels each, and with numbers: something to learn from with `classifier.problem_type`.

    python tests/python/render_answers.py FOLDER [--films 96] [--seed 1]

Each film is 64×64 pixels of still noise with some squares: a red one, a blue one, one that moves, each there or not by
chance (`moving` is rare). FOLDER gets the films, `labels.csv` (path,label with `|` between labels), `columns.csv` (a column
of 0 and 1 a label) and `numbers.csv` (path, brightness of the noise from -1 to 1, side of the green square from 0 to 1).
Needs numpy, and ffmpeg in the PATH.
"""

import argparse
import subprocess
from pathlib import Path

import numpy as np

SIDE, FRAMES = 64, 24
LABELS = {"red": 0.5, "blue": 0.4, "moving": 0.2}


def film(draw):
    """Frames of a film, its labels and its numbers."""
    labels = [label for label, share in LABELS.items() if draw.random() < share]
    brightness, size = draw.uniform(-1, 1), draw.uniform(0, 1)
    noise = np.clip(110 + 60 * brightness + draw.normal(0, 12, (SIDE, SIDE, 1)), 0, 255)
    still = np.repeat(noise, 3, axis=2).astype(np.uint8)
    side = int(6 + 16 * size)
    still[4 : 4 + side, 4 : 4 + side] = (20, 180, 20)
    for label, colour, left in (("red", (220, 20, 20), 30), ("blue", (20, 20, 220), 46)):
        if label in labels:
            top = draw.integers(2, SIDE - 16)
            still[top : top + 14, left : left + 14] = colour
    start = draw.integers(0, SIDE)
    frames = np.repeat(still[None], FRAMES, axis=0)
    for time in range(FRAMES):
        left = (start + (3 * time if "moving" in labels else 0)) % (SIDE - 8)
        frames[time, SIDE - 12 : SIDE - 4, left : left + 8] = (240, 240, 240)
    return frames, labels, (brightness, size)


def write(path, frames):
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{SIDE}x{SIDE}", "-r", "12", "-i", "-"]
    coded = ["-c:v", "libx264", "-crf", "12", "-g", "12", "-pix_fmt", "yuv420p"]
    command = ["ffmpeg", "-v", "error", "-y", *raw, *coded, str(path)]
    subprocess.run(command, input=frames.tobytes(), check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--films", type=int, default=96)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    films = given.folder / "films"
    films.mkdir(parents=True, exist_ok=True)
    words, columns, numbers = ["path,label"], ["path," + ",".join(LABELS)], ["path,brightness,side"]
    for number in range(given.films):
        frames, labels, (brightness, size) = film(np.random.default_rng([given.seed, number]))
        name = f"{number:03}.mp4"
        write(films / name, frames)
        words.append(f"{name},{'|'.join(labels)}")
        columns.append(f"{name}," + ",".join(str(int(label in labels)) for label in LABELS))
        numbers.append(f"{name},{brightness:.6f},{size:.6f}")
    for name, lines in (("labels", words), ("columns", columns), ("numbers", numbers)):
        (given.folder / f"{name}.csv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
