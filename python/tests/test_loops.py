"""What loops of others do with a data set: pin it, count its batches, start it late, send it elsewhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import tubelet
from conftest import needs, run
from test_examples import EXAMPLES

SET = {"clip.size": 64}


def data_of(films: Path, **options: Any) -> tubelet.ClipDataset:
    return tubelet.ClipDataset(films, set=SET, **{"batch_size": 2, "recipe": "tiny", **options})


@needs("torch")
def test_a_loop_that_counts_batches_comes_to_the_next_epoch(films: Path) -> None:
    from torch.utils.data import DataLoader

    data = data_of(films)
    loader = DataLoader(data, batch_size=None)
    epochs = [[int(batch["epoch"][0]) for batch in islice(loader, len(loader))] for _ in range(3)]
    assert epochs == [4 * [0], 4 * [1], 4 * [2]]
    assert (data.epoch, data.state_dict()["batches"]) == (3, 0)


def test_the_last_batch_of_a_rank_is_the_end_of_the_epoch(films: Path) -> None:
    for rank in range(3):  # four batches: one for each of three ranks, and one that is left
        data = data_of(films, rank=rank, world_size=3)
        assert [int(next(iter(data))["epoch"][0]) for _ in range(2)] == [0, 1]
    views = [tubelet.ClipDataset(films, set=SET, views=(1, 1), batch_size=2, rank=rank, world_size=3) for rank in range(3)]
    assert [len(list(data)) for data in views] == [2, 1, 1]
    assert [data.epoch for data in views] == [1, 1, 1]


@needs("torch")
def test_a_batch_is_pinned_whole(films: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    from torch.utils.data._utils.pin_memory import pin_memory

    pinned = []
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor, device=None: pinned.append(tensor) or tensor.clone())
    batch = next(iter(data_of(films, format="torch")))
    found = pin_memory(batch)
    assert type(found) is tubelet.Batch and list(found) == list(batch)
    tensors = [value for value in batch.values() if isinstance(value, torch.Tensor)]
    assert len(pinned) == len(tensors)
    assert found["path"] == batch["path"]
    assert torch.equal(found.bool_masked_pos(), batch.bool_masked_pos())
    assert torch.equal(found["video"], batch["video"]) and found["video"].data_ptr() != batch["video"].data_ptr()


@needs("torch")
@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_worker_processes_are_refused_with_what_to_do(films: Path, context: str) -> None:
    code = """
    import sys, torch, tubelet
    from torch.utils.data import DataLoader
    if __name__ == "__main__":
        data = tubelet.ClipDataset(sys.argv[1], recipe="tiny", set={"clip.size": 64}, batch_size=2)
        try:
            next(iter(DataLoader(data, batch_size=None, num_workers=2, multiprocessing_context=sys.argv[2])))
        except tubelet.UsageError as error:
            print(error)
    """
    done = run(code, str(films), context)
    assert "cannot be read in a worker of a DataLoader" in done.stdout, done.stderr
    assert "num_workers=0" in done.stdout


@needs("torch")
def test_a_rank_that_came_after_the_data_set_is_refused(films: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    early, told = data_of(films), data_of(films, rank=0, world_size=1)
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(tubelet.UsageError, match="rank 1 of 2, and was rank 0 of 1"):
        iter(early)
    next(iter(told))
    assert (data_of(films).rank, len(data_of(films))) == (1, 2)


@needs("torch", "transformers", "lightning", "torchdata")
def test_two_processes_of_lightning_share_the_clips(films: Path, tmp_path: Path) -> None:
    options = ["--batch", "2", "--size", "64", "--steps", "2", "--save-every", "2"]
    page = str(EXAMPLES / "pretrain_lightning.py")
    two = ["--accelerator", "cpu", "--devices", "2"]
    command = [sys.executable, page, str(films), "--out", str(tmp_path), *options, *two]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    # The processes write to one pipe, and may do so on one line.
    seen = sorted(clip for clips in re.findall(r"clips (\[.*?\])", done.stdout) for clip in json.loads(clips))
    assert seen == list(range(8)), done.stdout


def test_two_data_sets_at_once_do_not_disturb_each_other(films: Path) -> None:
    alone = [[batch["clip"].tolist() for batch in data_of(films, seed=seed)] for seed in (1, 2)]
    paths = [[batch["path"] for batch in data_of(films, seed=seed)] for seed in (1, 2)]
    both = list(zip(data_of(films, seed=1), data_of(films, seed=2)))
    assert [[pair[at]["clip"].tolist() for pair in both] for at in (0, 1)] == alone
    assert [[pair[at]["path"] for pair in both] for at in (0, 1)] == paths


@pytest.mark.parametrize(
    "options, words",
    [
        ({"batch_size": 2**70}, "batch_size = .* must be at most"),
        ({"threads": 2**70}, "threads = .* must be at most"),
        ({"rank": 1.0, "world_size": 2}, "rank = 1.0 is no whole number"),
        ({"rank": "0", "world_size": "2"}, "rank = '0' is no whole number"),
        ({"rank": 0, "world_size": 2**40}, "world_size = .* must be at most"),
        ({"layout": None}, "`None` is no layout"),
        ({"views": (2**40, 1)}, "is no pair of clips and crops"),
        ({"epoch": 2**40}, "epoch = .* must be at most"),
        ({"seed": float("nan")}, "seed = nan is no whole number"),
    ],
)
def test_numbers_beyond_reason_are_usage_errors(films: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(tubelet.UsageError, match=words):
        data_of(films, **options)


def test_a_scan_says_what_is_wrong_with_its_arguments(films: Path) -> None:
    for options in ({"threads": -1}, {"threads": 0}, {"threads": 1.5}, {"out": 5}):
        with pytest.raises(tubelet.UsageError):
            tubelet.scan(films, **options)  # type: ignore[arg-type]
