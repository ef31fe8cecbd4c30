#!/usr/bin/env python3
"""What SIGKILL at drawn moments makes of each command that writes.

    python tests/python/kills.py [--tubelet target/debug/tubelet] [--kills 500] [--only probe,scan] [--seed 1] [--videos 12]

Each command runs once undisturbed. Then it is killed at a moment drawn from the time that it took, is run again (with
`--resume` where it has that), perhaps is killed again, until it ends by itself: what it leaves must be what the
undisturbed one left, byte for byte, and nothing else. Lines of metrics are compared without what they say of time.
A kill counts where the process was still there. Prints a table; the exit code is 1 where anything differed.
"""

import argparse
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILMS = ["flower.mp4", "cars.mp4"]
SMALL = ["clip.size=32", "clip.frames=4", "clip.verify=clip", "optimiser.batch=4", "model.encoder_depth=1",
         "schedule.warmup_epochs=0", "run.log_every=1", "run.checkpoint_every=2"]
SMALL = [word for setting in SMALL for word in ("--set", setting)]
SHORT = ["--set", "views.clips=1", "--set", "views.crops=1", "--set", "views.every=2", "--set", "schedule.warmup_steps=1"]
# Those whose results others are given.
MODELS = ["pretrain", "finetune", "preprocess packets"]
# How often a run that was killed is killed again.
AGAIN = 0.5


def make_films(folder, count):
    """Films of two classes, each with bytes of its own: a box at its end holds its number."""
    for number in range(count):
        place = folder / "ab"[number // 2 % 2] / f"{number}.mp4"
        place.parent.mkdir(parents=True, exist_ok=True)
        film = (ROOT / "samples" / FILMS[number % 2]).read_bytes()
        place.write_bytes(film + bytes([0, 0, 0, 16]) + b"free" + number.to_bytes(8, "big"))


def commands(films, models):
    """Name: the command without its output, the option of the output, its name, what is added to go on."""
    films = str(films)
    encoder, classifier = (str(models / name) for name in ("pretrain", "finetune"))
    preprocess = ["preprocess", films, "--recipe", "tiny", "--short-side", "64", "--store"]
    embed = ["embed", films, "--model", classifier, "--views", "1x1"]
    pretrain = ["pretrain", "--recipe", "tiny", *SMALL, "--set", "model.decoder_depth=1", "--steps", "8", "--data"]
    return {
        "pretrain": ([*pretrain, films], "--out", "pretrain", ["--resume"]),
        "finetune": (["finetune", "--recipe", "finetune-small", *SMALL, *SHORT, "--steps", "8", "--init", "scratch",
                      "--split", "test=0.34", "--data", films], "--out", "finetune", ["--resume"]),
        "probe": (["probe", "linear", "--model", encoder, "--data", films, "--split", "test=0.34", "--json"],
                  "--cache", "cache", []),
        "evaluate": (["evaluate", "--model", classifier, "--data", films, "--views", "1x1", "--json"], "--out",
                     "predictions.parquet", []),
        "preprocess frames": ([*preprocess, "frames", "--clips-per-video", "2", "--clips-per-shard", "4"], "--out",
                              "frames", []),
        "preprocess packets": ([*preprocess[:-3], "--store", "packets", "--videos-per-shard", "2"], "--out", "packets", []),
        "preprocess transcode": ([*preprocess, "transcode", "--videos-per-shard", "2"], "--out", "transcode", []),
        "pretrain packets": ([*pretrain, str(models / "preprocess packets")], "--out", "run", ["--resume"]),
        "convert tubelet": (["convert", encoder, "--to", "tubelet"], None, "model.safetensors", []),
        "convert official": (["convert", encoder, "--to", "official"], None, "model.pth", []),
        "convert hf": (["convert", encoder, "--to", "hf"], None, "model", []),
        "scan": (["scan", films, "--verify"], "--out", "manifest.parquet", []),
        "embed parquet": (embed, "--out", "vectors.parquet", []),
        "embed npy": ([*embed, "--format", "npy"], "--out", "vectors", []),
    }


def without_time(name, content):
    """What is the same in two runs."""
    if not name.endswith(".jsonl"):
        return content
    lines = [json.loads(line) for line in content.splitlines()]
    timed = {"clips_per_second", "waiting_share", "seconds", "loader"}
    kept = [{key: value for key, value in line.items() if key not in timed} for line in lines]
    return json.dumps(kept).encode()


def files(folder, whole):
    """Name and content of all files; run.json tells what was done to a run, and is looked at apart."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_dir() or path.name == "run.json" or (path.name.endswith(".lock") and not whole):
            continue
        found[name] = without_time(name, path.read_bytes())
    return found


class Command:
    def __init__(self, tubelet, folder, name, line):
        self.words, self.option, self.out, self.again = line
        self.tubelet, self.folder, self.name = tubelet, folder, name

    def line(self, place, resume):
        out = [self.option, str(place / self.out)] if self.option else []
        words = [self.words[0], self.words[1], str(place / self.out), *self.words[2:]] if not self.option else self.words
        return [self.tubelet, *words, *out, *(self.again if resume else [])]

    def start(self, place, resume):
        return subprocess.Popen(self.line(place, resume), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def is_there(self, place):
        """A converted model, and a run that has a state, are not written again."""
        if self.again:
            return (place / self.out / "recipe.toml").exists()
        return self.option is None and (place / self.out).exists()

    def undisturbed(self):
        place = self.folder / "whole" / self.name
        place.mkdir(parents=True)
        began = time.monotonic()
        process = self.start(place, False)
        stdout, stderr = process.communicate()
        if process.returncode:
            sys.exit(f"{self.name}: exit {process.returncode}\n{stderr}")
        self.seconds = time.monotonic() - began
        self.expected = (files(place, True), self.said(stdout, place))
        return place / self.out

    def said(self, stdout, place):
        return stdout.replace(str(place), "")

    def cut(self, draw, limit):
        """Kills it until it ends by itself: how many kills, and what is wrong."""
        place = self.folder / "cut" / self.name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        kills = 0
        while True:
            resume = bool(self.again) and self.is_there(place)
            if not self.again and self.is_there(place):
                return kills, self.compare(place, None)
            began = time.monotonic()
            process = self.start(place, resume)
            is_cut = kills < limit and (kills == 0 or draw.random() < AGAIN)
            try:
                stdout, stderr = process.communicate(timeout=draw.uniform(0, self.seconds) if is_cut else None)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                kills += 1
                continue
            # A machine that has other work to do is slow at times.
            self.seconds = min(self.seconds, time.monotonic() - began) if kills == 0 else self.seconds
            if process.returncode:
                return kills, f"exit {process.returncode} after {kills} kills: {stderr.strip()[-400:]}"
            return kills, self.compare(place, stdout)

    def compare(self, place, stdout):
        expected, said = self.expected
        # A lock that a killed process left stays where nothing had to be written again.
        found = files(place, stdout is not None)
        if stdout is None:
            found = {name: bytes for name, bytes in found.items() if not pathlib.Path(name).name.startswith(".")}
        if found != expected:
            other = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
            return f"other files: {other}"
        # Only these print their results.
        if stdout is not None and self.words[0] in ("probe", "evaluate") and self.said(stdout, place) != said:
            return f"it says something else: {stdout}"
        return None


def undisturbed(tubelet, folder, lines, wanted):
    """Names and commands that are wanted, each after it ended by itself; the models that others need are made too."""
    for name, line in lines.items():
        if name in wanted or name in MODELS:
            command = Command(tubelet, folder, name, line)
            (folder / "models" / name).symlink_to(command.undisturbed())
            if name in wanted:
                yield name, command


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tubelet", default=str(ROOT / "target/debug/tubelet"))
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--only", default="")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--videos", type=int, default=12)
    options = parser.parse_args()
    draw, wrong, total = random.Random(options.seed), [], 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        make_films(folder / "films", options.videos)
        models = folder / "models"
        models.mkdir()
        lines = commands(folder / "films", models)
        wanted = [name for name in options.only.split(",") if name] or list(lines)
        each = -(-options.kills // len(wanted))
        print(f"{'command':22} {'kills':>5} {'ended':>5} {'wrong':>5} {'seconds undisturbed':>20}")
        for name, command in undisturbed(options.tubelet, folder, lines, wanted):
            kills = ended = 0
            failed = []
            while kills < each:
                more, why = command.cut(draw, each - kills)
                kills, ended = kills + more, ended + 1
                failed += [why] if why else []
            total += kills
            wrong += [f"{name}: {why}" for why in failed]
            print(f"{name:22} {kills:5} {ended:5} {len(failed):5} {command.seconds:20.2f}", flush=True)
    print(f"{total} kills, {len(wrong)} wrong")
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
