"""Reads shards as README says.

    read_shards.py frames DIR      the first frame of the first row, as RGB written to DIR/rgb.bin
    read_shards.py packets DIR     the MD5 of every frame of the first video, as planes, from PyAV

Also opens the shards with DuckDB and polars where they are there. Prints "missing NAME" where Python lacks
what it needs.
"""

import hashlib
import pathlib
import sys

try:
    import numpy
    import pyarrow.parquet as parquet
except ImportError as why:
    print("missing", why.name)
    sys.exit()


def rgb_of(y, cb, cr, matrix, full):
    """One frame's planes as RGB: chroma repeated, then the stream's own matrix."""
    kr, kb = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}[matrix]
    y = y.astype("f8") / 255 if full else (y - 16.0) / 219
    cb, cr = ((c - 128.0) / (255 if full else 224) for c in (cb.astype("f8"), cr.astype("f8")))
    cb, cr = (c.repeat(2, 0).repeat(2, 1)[: y.shape[0], : y.shape[1]] for c in (cb, cr))
    red, blue = y + 2 * (1 - kr) * cr, y + 2 * (1 - kb) * cb
    green = (y - kr * red - kb * blue) / (1 - kr - kb)
    return (numpy.stack([red, green, blue], -1) * 255 + 0.5).clip(0, 255).astype("u1")


def frames(shard):
    row = parquet.read_table(shard).slice(0, 1).to_pylist()[0]
    w, h = row["width"], row["height"]
    if "pixels" in row:
        rgb = numpy.frombuffer(row["pixels"], "u1").reshape(16, h, w, 3)[0]
    else:
        assert row["format"] == "I420", row["format"]
        ranks, place = numpy.unique(row["frames"], return_inverse=True)
        stored = numpy.frombuffer(row["planes"], "u1").reshape(len(ranks), -1)
        cw, ch = (w + 1) // 2, (h + 1) // 2
        y, cb, cr = numpy.split(stored[place[0]], [w * h, w * h + cw * ch])
        rgb = rgb_of(
            y.reshape(h, w), cb.reshape(ch, cw), cr.reshape(ch, cw), row["matrix"], row["range"] == "full"
        )
    shard.with_name("rgb.bin").write_bytes(rgb.tobytes())
    print(row["video"], row["frames"][0])


def packets(shard):
    try:
        import av
    except ImportError as why:
        print("missing", why.name)
        sys.exit()
    row = parquet.read_table(shard).slice(0, 1).to_pylist()[0]
    decoder = av.CodecContext.create({"av1": "libdav1d"}.get(row["codec"], row["codec"]), "r")
    if row["codec_data"]:
        decoder.extradata = row["codec_data"]
    ends = numpy.cumsum(row["sizes"])
    pictures = []
    for end, size in zip(ends, row["sizes"]):
        pictures += decoder.decode(av.Packet(row["packets"][end - size : end]))
    pictures += decoder.decode(None)
    assert len(pictures) == row["frames"] + row["hidden"], (len(pictures), row["frames"])
    all_planes = hashlib.md5()
    for picture in pictures[row["hidden"] :]:
        all_planes.update(hashlib.md5(picture.to_ndarray().tobytes()).hexdigest().encode())
    print(row["video"], row["frames"], all_planes.hexdigest())


kind, folder = sys.argv[1:]
first = sorted(pathlib.Path(folder).glob("*.parquet"))[0]
rows = parquet.read_metadata(first).num_rows
for name, count in [
    ("duckdb", lambda duckdb: len(duckdb.sql(f"select * from '{first}'").fetchall())),
    ("polars", lambda polars: polars.read_parquet(first).height),
]:
    try:
        assert count(__import__(name)) == rows, name
    except ImportError:
        print("no", name, file=sys.stderr)
{"frames": frames, "packets": packets}[kind](first)
