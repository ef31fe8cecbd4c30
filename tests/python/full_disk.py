#!/usr/bin/env python3
"""What a disk that is full makes of each command that writes.

    sudo python tests/python/full_disk.py [--tubelet target/debug/tubelet] [--sizes 8] [--only scan,embed npy]

Each command runs once with room enough, and then on file systems in memory that hold a part of what it writes. It must
end with exit code 1, say that no space is left, and leave nothing half-written: what is there by the name of an output
has the bytes of the undisturbed run. With more room the same command (with `--resume` where there is a run) must end
with the undisturbed result. Prints a table; the exit code is 1 where anything differed. It mounts a tmpfs, for which
it must be root.
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

from kills import ROOT, commands, make_films, undisturbed, without_time

WORDS = "No space left on device"
# What a run adds to, or has for a while.
GROWING = re.compile(r"(metrics|validation|quarantine)\.jsonl|checkpoint-\d+\.safetensors|best\.safetensors")


def more_commands(films, models):
    """Those that a kill leaves nothing of."""
    film, encoder, classifier = str(films / "a/0.mp4"), str(models / "pretrain"), str(models / "finetune")
    batches = ["inspect", "batches", str(films), "--recipe", "tiny", "--set", "optimiser.batch=2", "--count", "2"]
    return {
        "embed tad-npy": (["embed", str(films), "--model", classifier, "--format", "tad-npy"], "--out", "tad", []),
        "predict": (["predict", "--model", classifier, film, "--views", "1x1"], "--out", "film.png", []),
        "reconstruct": (["reconstruct", film, "--model", encoder], "--out", "picture.png", []),
        "frames": (["frames", film, "--indices", "0,4,8"], "--out", "pictures", []),
        "inspect batches": (batches, "--out", "batches.parquet", []),
        "scan --only-good": (["scan", str(films), "--only-good"], "--out", "good.parquet", []),
    }


def size_of(place):
    """Kilobytes that its files take, in pages."""
    return sum(-(-path.stat().st_size // 4096) * 4 for path in place.rglob("*") if path.is_file())


def halves(place, command):
    """Outputs that are there and not whole, and temporary files."""
    wrong = []
    for path in place.rglob("*"):
        name = str(path.relative_to(place))
        if path.is_dir() or name.endswith(".lock"):
            continue
        if name.endswith(".part"):
            wrong.append(f"{name} is left")
        elif GROWING.fullmatch(path.name):
            if path.suffix == ".safetensors":
                inspect = [command.tubelet, "inspect", "checkpoint", str(path)]
                wrong += [] if not subprocess.run(inspect, capture_output=True).returncode else [f"{name} is damaged"]
        elif path.name != "run.json" and ".parts/" not in name and path.name != "B3SUMS":
            expected = command.expected[0].get(name)
            if expected is not None and without_time(name, path.read_bytes()) != expected:
                wrong.append(f"{name} has other bytes")
            elif expected is None:
                wrong.append(f"{name} should not be there")
    return wrong


def fill(command, place, size):
    """Runs it with so many kilobytes, and again with more: what is wrong, and whether it did not fit."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "tubelet-full", str(place)], check=True)
    try:
        process = command.start(place, False)
        _, stderr = process.communicate()
        wrong = [] if process.returncode in (0, 1) else [f"exit {process.returncode}: {stderr.strip()[-200:]}"]
        if process.returncode == 1 and WORDS not in stderr:
            wrong.append(f"it says {stderr.strip()[-200:]}")
        is_full = process.returncode != 0
        if is_full:
            wrong += halves(place, command)
            subprocess.run(["mount", "-o", "remount,size=512m", str(place)], check=True)
            process = command.start(place, bool(command.again) and command.is_there(place))
            stdout, stderr = process.communicate()
            if process.returncode:
                wrong.append(f"again: exit {process.returncode}: {stderr.strip()[-200:]}")
            else:
                found = command.compare(place, stdout)
                wrong += [f"again: {found}"] if found else []
        return wrong, is_full
    finally:
        subprocess.run(["umount", str(place)], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tubelet", default=str(ROOT / "target/debug/tubelet"))
    parser.add_argument("--sizes", type=int, default=8)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    wrong, total = [], 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        make_films(folder / "films", 8)
        models = folder / "models"
        models.mkdir()
        lines = commands(folder / "films", models) | more_commands(folder / "films", models)
        wanted = [name for name in options.only.split(",") if name] or list(lines)
        print(f"{'command':22} {'full':>5} {'wrong':>5} {'kB':>7}")
        for name, command in undisturbed(options.tubelet, folder, lines, wanted):
            place = folder / "full"
            place.mkdir(exist_ok=True)
            needed = size_of(folder / "whole" / name)
            failed, full = [], 0
            for part in range(options.sizes):
                found, is_full = fill(command, place, max(4, needed * part // options.sizes // 4 * 4))
                failed += [f"{name}, {part}/{options.sizes}: {why}" for why in found]
                full += is_full
            total += full
            wrong += failed
            print(f"{name:22} {full:5} {len(failed):5} {needed:7}", flush=True)
    print(f"{total} full disks, {len(wrong)} wrong")
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
