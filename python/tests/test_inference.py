"""`embed` and `predict`: what the command says, as tables."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow
import pytest

import tubelet

SMALL = ["clip.size=32", "clip.frames=8", "model.patch=8", "model.encoder_dim=48", "model.encoder_depth=1"]
SMALL += ["model.encoder_heads=3", "optimiser.batch=2", "augment.flip=0", "schedule.warmup_epochs=0", "schedule.warmup_steps=0"]


def command(*arguments: str) -> str:
    line = [sys.executable, "-m", "tubelet", *arguments]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory, samples: Path) -> Path:
    """Films of two classes, in folders."""
    folder = tmp_path_factory.mktemp("films")
    for number, (name, kind) in enumerate([("cars.mp4", "drive"), ("flower.mp4", "bloom")] * 2):
        (folder / kind).mkdir(exist_ok=True)
        (folder / kind / f"{number}{name}").write_bytes((samples / name).read_bytes() + bytes(number))
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, films: Path) -> Path:
    """A classifier that was trained for a step, so that what it says is nonsense."""
    out = tmp_path_factory.mktemp("model") / "run"
    settings = [f"--set={setting}" for setting in SMALL]
    command("finetune", "--data", str(films), f"--out={out}", "--init=scratch", "--steps=1", *settings)
    return out


def test_answers_are_those_of_the_command(films: Path, model: Path) -> None:
    table = tubelet.predict(films, model, views=(2, 1), threads=1)
    rows = table.to_pylist()
    lines = [json.loads(line) for line in command("predict", str(films), f"--model={model}", "--views=2x1", "--json").splitlines()]
    assert [row["video"] for row in rows] == [line["video"] for line in lines] and len(rows) == 4
    for row, line in zip(rows, lines):
        best = line["top"][0]
        assert (row["class"], row["name"]) == (best["class"], best["name"])
        assert row["probability"] == pytest.approx(best["probability"], abs=1e-6)
        assert sum(row["answers"]) == pytest.approx(1, abs=1e-5) and len(row["answers"]) == 2
        assert row["start"] is None and row["failure"] is None
    tested = json.loads(pyarrow.table(table).schema.metadata[b"tubelet.tested"])
    assert tested["classes"] == ["bloom", "drive"]
    clips = tubelet.predict(films, model, views=(2, 1), over_time=True).to_pylist()
    assert len(clips) == 8 and clips[0]["start"] < clips[0]["end"] <= clips[1]["end"]


def test_a_video_that_fails_has_its_reason(samples: Path, model: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    rows = tubelet.predict([samples / "cars.mp4", text], model, views=(1, 1)).to_pylist()
    assert rows[0]["failure"] is None and "text" in rows[1]["failure"]
    assert rows[1]["class"] is None and rows[1]["answers"] is None


def test_vectors_are_those_of_the_command(films: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "vectors.parquet"
    command("embed", str(films), f"--model={model}", f"--out={out}", "--views=1x1")
    import pyarrow.parquet

    wanted = pyarrow.parquet.read_table(out)
    found = pyarrow.table(tubelet.embed(films, model, views=(1, 1)))
    assert found.column_names == wanted.column_names and found.num_rows == 4
    assert found.column("vector").to_pylist() == wanted.column("vector").to_pylist()
    kept = tmp_path / "kept.parquet"
    windows = pyarrow.table(tubelet.embed(films, model, windows=(8, 40), out=kept, half=True))
    assert windows.num_rows > 4 and pyarrow.parquet.read_table(kept).equals(windows)
    kind = windows.schema.field("vector").type
    assert pyarrow.types.is_float16(kind.value_type) and kind.list_size == 48


def test_wrong_arguments_are_refused(samples: Path, model: Path) -> None:
    for call, words in [
        (lambda: tubelet.predict(samples, "/no/such"), "no such file"),
        (lambda: tubelet.embed(samples, "/no/such"), "no such file"),
        (lambda: tubelet.embed(samples, model, pool="max"), "pool = 'max' is none of"),  # type: ignore[arg-type]
        (lambda: tubelet.embed(samples, model, windows=16), "windows = 16 is no pair"),  # type: ignore[arg-type]
        (lambda: tubelet.embed(samples, model, device="tpu"), "tpu"),
        (lambda: tubelet.embed(samples, model, preprocess="tad"), "--windows"),
        (lambda: tubelet.predict("/no/such", model), "no such file"),
    ]:
        with pytest.raises(tubelet.UsageError) as raised:
            call()
        assert words in str(raised.value)
