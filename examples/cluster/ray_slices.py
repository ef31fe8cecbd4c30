"""Shares the work of a tubelet command among the nodes of a Ray cluster, and puts the slices together.

    python ray_slices.py 16 tubelet scan /data/films --verify --out /data/films.parquet

Change: what a slice may use (below). Every node sees videos and output under the same paths. A slice whose worker or
node is lost is started again by Ray. A worker takes its command along when it dies; where a node is cut off but goes
on, the lock of the slice refuses the second one until the first has ended.
"""

import ctypes
import signal
import subprocess
import sys
import time

import ray

CPUS = 2


def die_with_worker():
    """Linux: SIGKILL for the command when the thread that started it ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


@ray.remote(num_cpus=CPUS, max_retries=5, retry_exceptions=True)
def do_slice(command, number, of):
    ended = subprocess.run([*command, "--slice", f"{number}/{of}"], preexec_fn=die_with_worker)
    if ended.returncode != 0:
        time.sleep(10)
        raise RuntimeError(f"slice {number}/{of} ended with {ended.returncode}")


if __name__ == "__main__":
    of, command = int(sys.argv[1]), sys.argv[2:]
    ray.init()
    ray.get([do_slice.remote(command, number, of) for number in range(of)])
    subprocess.run([*command, "--finish"], check=True)
