"""Reads clips of a folder of films with Ray Data: paths go in, rows with pixels come out, on as many machines as Ray has.

    python ray_map_batches.py films
    python ray_map_batches.py films --address auto        # a cluster that runs already; films lie on a shared disk

Needs ray[data] and pyarrow. Each task is given some paths, and opens, decodes and crops in a process of its own;
a task whose worker dies is given to another one by Ray. Reading is the same everywhere: a row does not depend on
which worker made it. A film that cannot be read is a row with an `error`, and ends nothing.
"""

import argparse

import pyarrow
import ray
import tubelet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", help="a folder, a list, or a manifest")
    parser.add_argument("--address", help="of a cluster; without it, Ray starts on this machine alone")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--task", type=int, default=2, help="videos of a task")
    args = parser.parse_args()

    ray.init(address=args.address, log_to_driver=False)
    table = pyarrow.table(tubelet.scan(args.videos)).select(["path"])
    print(f"{table.num_rows} videos, {len(ray.nodes())} nodes")

    paths = ray.data.from_arrow(table).repartition(-(-table.num_rows // args.task))
    clips = paths.map_batches(
        tubelet.read_clips,  # a dictionary of columns in, a dictionary of columns out
        fn_kwargs={"set": {"clip.size": args.size}, "threads": 1},
        batch_size=args.task,
        num_cpus=1,
    )
    for row in clips.iter_rows():
        if row["error"] is None:
            print(row["path"], row["video"].shape, row["frames"][:3], "…")
        else:
            print(row["path"], "cannot be read:", row["verdict"], row["error"])


if __name__ == "__main__":
    main()
