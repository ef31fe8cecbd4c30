"""`scan`: what is in a collection of videos, as a table."""

from __future__ import annotations

from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from conftest import run

import tubelet


def test_a_scan_is_a_table_with_a_row_for_each_video(samples: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    table = tubelet.scan([samples, text], threads=2)
    assert len(table) == table.num_rows == 5 and "verdict" in table.column_names
    found = pyarrow.table(table)
    assert found.column("verdict").to_pylist() == ["good"] * 4 + ["not-a-video"]
    assert found.column("frames").to_pylist() == [144, 179, 100, 150, None]
    assert len(found.column("times")[2]) == 100
    assert pyarrow.table(table).equals(found), "a table may be taken twice"
    assert table.to_pyarrow().equals(found) and table.to_pylist()[4]["kind"] == "not a video"
    assert pyarrow.RecordBatchReader.from_stream(table).read_all().equals(found)


def test_a_scan_may_write_a_manifest(samples: Path, tmp_path: Path) -> None:
    out = tmp_path / "manifest.parquet"
    table = tubelet.scan(str(samples / "cars.mp4"), out=out, verify=True)
    assert pyarrow.table(table).column("verified").to_pylist() == [True]
    assert pyarrow.parquet.read_table(out).column("frames").to_pylist() == [100]


@pytest.mark.parametrize(
    ("videos", "words"),
    [("/no/such", "no such file"), ([], "no videos are given"), (5, "must be a path or several"), ([5], "must be a path")],
)
def test_what_is_no_collection_is_refused(videos: object, words: str) -> None:
    with pytest.raises(tubelet.UsageError, match=words):
        tubelet.scan(videos)  # type: ignore[arg-type]


def test_ctrl_c_ends_a_scan(samples: Path) -> None:
    code = """
        import os, signal, sys, threading, time, tubelet
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        begun = time.monotonic()
        try:
            tubelet.scan([sys.argv[1]] * 400, verify=True, threads=1)
        except KeyboardInterrupt:
            print(f"{time.monotonic() - begun:.1f}")
    """
    done = run(code, str(samples))
    assert done.returncode == 0 and float(done.stdout) < 10, done
