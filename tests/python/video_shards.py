"""Opens video shards by Hugging Face's `datasets`, as `docs/shards.md` says.

    video_shards.py DIR      of each row its path, its class, and the MD5 of all its RGB frames from torchcodec

Prints "missing NAME" where Python lacks what it needs.
"""

import hashlib
import pathlib
import sys
import tempfile

try:
    import pyarrow.parquet as parquet
    import torchcodec  # noqa: F401
    from datasets import ClassLabel, Video, load_dataset
except (ImportError, OSError, RuntimeError) as why:
    print("missing", getattr(why, "name", None) or "torchcodec")
    sys.exit()

folder = pathlib.Path(sys.argv[1])
for shard in folder.glob("*.parquet"):
    groups = parquet.ParquetFile(shard).metadata
    for group in range(groups.num_row_groups):
        columns = [groups.row_group(group).column(at) for at in range(groups.num_columns)]
        assert all(column.compression == "UNCOMPRESSED" for column in columns)

with tempfile.TemporaryDirectory() as cache:
    data = load_dataset(str(folder), split="train", cache_dir=cache)
    assert isinstance(data.features["video"], Video), data.features
    label = data.features["label"]
    for row, stored in zip(data, data.cast_column("video", Video(decode=False))):
        decoder = row["video"]
        frames = hashlib.md5()
        for frame in decoder:
            frames.update(frame.permute(1, 2, 0).contiguous().numpy().tobytes())
        named = label.int2str(row["label"]) if isinstance(label, ClassLabel) else row["label"]
        size = hashlib.md5(stored["video"]["bytes"]).hexdigest()
        print(stored["video"]["path"], named, len(decoder), frames.hexdigest(), size)
