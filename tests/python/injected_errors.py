#!/usr/bin/env python3
"""What a training makes of a system that fails: errors injected by strace into opening and reading films.

    python tests/python/injected_errors.py [--tubelet target/debug/tubelet] [--errors EIO,ESTALE] [--data files] [--quick]

It trains a small model for a few steps on copies of samples/, with the films as they are, by a manifest (whose films
are read packet by packet) and from packet shards, once undisturbed and once for each error, call and moment. A run is
right that ends with the weights of the undisturbed one, or that stops with exit code 1 and names film and cause; and
none may have a film in its quarantine. The last rows allow few open files (`ulimit -n`) instead. Needs strace.
"""

import argparse
import hashlib
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILMS = ["big_buck_bunny.mp4", "cars.mp4", "flower.mp4"]
SMALL = [
    "--recipe", "tiny", "--steps", "3", "--workers", "2", "--set", "clip.size=64", "--set", "optimiser.batch=3",
    "--set", "model.encoder_depth=1", "--set", "model.decoder_depth=1",
]
# The call, and what strace calls it: opening, asking for the size, reading.
CALLS = {"open": "openat", "stat": "statx", "read": "read,pread64"}
# Of the calls on a film: the first alone, the second alone, or all from the first or the second on.
MOMENTS = {"1st": "1", "2nd": "2", "all": "1+", "from 2nd": "2+"}
ERRORS = ["EIO", "ESTALE", "EMFILE", "ENFILE", "ENOMEM", "EACCES", "ETIMEDOUT", "EINTR"]


def train(tubelet, data, out, before=()):
    """Exit code, digest of the weights, stderr, lines of the quarantine."""
    shutil.rmtree(out, ignore_errors=True)
    command = [*before, tubelet, "pretrain", "--data", str(data), "--out", str(out), *SMALL]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300)
    weights = sorted(out.glob("checkpoint-*.safetensors"))
    digest = hashlib.sha256(weights[-1].read_bytes()).hexdigest() if weights else None
    quarantine = out / "quarantine.jsonl"
    lines = quarantine.read_text().splitlines() if quarantine.exists() else []
    return ended.returncode, digest, ended.stderr, [json.loads(line) for line in lines]


def verdict(undisturbed, found, film):
    """`same weights`, `stopped`, or what is wrong."""
    code, digest, words, quarantine = found
    if quarantine:
        return f"WRONG: in the quarantine: {quarantine[0]['reason']}"
    if code == 0:
        return "same weights" if digest == undisturbed[1] else "WRONG: other weights"
    names = "this system could not" in words and film in words
    return "stopped" if code == 1 and names else f"WRONG: exit {code}: {words.strip().splitlines()[-1:]}"


def few_files(tubelet, films, folder):
    """Trains with fewer and fewer open files; how many runs were wrong."""
    wrong = 0
    undisturbed = train(tubelet, films, folder / "undisturbed")
    for files in [64, 32, 16, 12, 11, 10, 9, 8, 7, 6, 5]:
        limited = ["bash", "-c", f'ulimit -n {files}; exec "$@"', "bash"]
        code, digest, words, quarantine = train(tubelet, films, folder / "run", limited)
        same = code == 0 and digest == undisturbed[1]
        is_right = not quarantine and (same or code == 1)
        wrong += not is_right
        last = (words.strip().splitlines() or [""])[-1][:160]
        reasons = [line["reason"] for line in quarantine]
        print(f"ulimit -n {files:3} {'' if is_right else 'WRONG '}{'same weights' if same else f'exit {code}: {last}'}", *reasons)
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tubelet", default=str(ROOT / "target/debug/tubelet"))
    parser.add_argument("--errors", default=",".join(ERRORS))
    parser.add_argument("--data", default="files,manifest,packets,ulimit")
    parser.add_argument("--quick", action="store_true", help="the first call and all calls only")
    arguments = parser.parse_args()
    moments = {name: MOMENTS[name] for name in (["1st", "all"] if arguments.quick else MOMENTS)}
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        films = folder / "films"
        films.mkdir()
        for name in FILMS:
            shutil.copy(ROOT / "samples" / name, films / name)
        manifest = folder / "manifest.parquet"
        scan = [arguments.tubelet, "scan", str(films), "--out", str(manifest)]
        subprocess.run(scan, check=True, capture_output=True)
        shards = folder / "shards"
        store = [arguments.tubelet, "preprocess", str(films), "--out", str(shards), "--store", "packets"]
        subprocess.run(store, check=True, capture_output=True)
        film, shard = films / FILMS[1], shards / "packets-00000.parquet"
        data = {"files": (films, film), "manifest": (manifest, film), "packets": (shards, shard)}
        wanted = arguments.data.split(",")
        print(f"{'data':9} {'error':10} {'call':5} " + " ".join(f"{name:14}" for name in moments))
        for way, (videos, file) in data.items():
            if way not in wanted:
                continue
            undisturbed = train(arguments.tubelet, videos, folder / "undisturbed")
            assert undisturbed[0] == 0 and not undisturbed[3], undisturbed[2]
            for error in arguments.errors.split(","):
                for call, names in CALLS.items():
                    cells = []
                    for when in moments.values():
                        inject = f"inject={names}:error={error}:when={when}"
                        strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-P", str(file), "-e", f"trace={names}"]
                        found = train(arguments.tubelet, videos, folder / "run", [*strace, "-e", inject])
                        cells.append(verdict(undisturbed, found, file.name))
                        wrong += cells[-1].startswith("WRONG")
                    print(f"{way:9} {error:10} {call:5} " + " ".join(f"{cell:14}" for cell in cells), flush=True)
        if "ulimit" in wanted:
            wrong += few_files(arguments.tubelet, films, folder)
    print(f"{wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
