"""The pages in examples/python run on small films in few steps, and what they say of tubelet is true."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import tubelet
from conftest import REPOSITORY, needs, sample_films

EXAMPLES = REPOSITORY / "examples" / "python"
SIZE, BATCH = 64, 4


def run(*command: object) -> str:
    """What a program prints; it must succeed."""
    env = dict(os.environ, OMP_NUM_THREADS="2", TOKENIZERS_PARALLELISM="false", HF_HUB_OFFLINE="1", NO_COLOR="1")
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=env)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def example(name: str, *arguments: object) -> str:
    return run(sys.executable, EXAMPLES / name, *arguments)


def tubelet_command() -> str:
    """The command that the wheel brings."""
    found = shutil.which("tubelet", path=str(Path(sys.executable).parent))
    assert found, "the wheel brings no command"
    return found


def losses(printed: str) -> list[float]:
    return [float(loss) for loss in re.findall(r"^step \d+ loss (\S+)", printed, re.MULTILINE)]


def falls(values: list[float]) -> bool:
    """Whether the last five are smaller than the first five in the mean."""
    return all(map(math.isfinite, values)) and sum(values[-5:]) < sum(values[:5])


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classes") / "films"
    for name in ("pouring", "stirring"):
        sample_films(folder / name, 2)
    return folder


@needs("torch", "transformers")
def test_the_first_loss_of_transformers_is_tubelets_own(films: Path, tmp_path: Path) -> None:
    import torch

    sys.path.insert(0, str(EXAMPLES))
    from pretrain_transformers import small_model

    torch.manual_seed(3)
    small_model(SIZE).save_pretrained(tmp_path / "weights")
    options = ["--steps", 20, "--batch", BATCH, "--size", SIZE, "--seed", 7, "--init", tmp_path / "weights"]
    theirs = losses(example("pretrain_transformers.py", films, *options))
    assert len(theirs) == 20 and falls(theirs), theirs

    settings = {
        "clip.size": SIZE,
        "model.encoder_depth": 2,
        "model.decoder_depth": 1,
        "optimiser.batch": BATCH,
        "run.seed": 7,
        "run.log_every": 1,
    }
    sets = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    command = [tubelet_command(), "pretrain", "--data", films, "--recipe", "tiny", *sets]
    run(*command, "--init", tmp_path / "weights", "--steps", 1, "--out", tmp_path / "run")
    ours = json.loads((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()[0])["loss"]
    print(f"first loss: transformers {theirs[0]:.6f}, tubelet {ours:.6f}, apart {abs(ours - theirs[0]):.1e}")
    assert abs(ours - theirs[0]) < 1e-4


@pytest.mark.parametrize(
    "page",
    [
        pytest.param("pretrain_trainer.py", marks=needs("torch", "transformers", "accelerate")),
        pytest.param("pretrain_lightning.py", marks=needs("torch", "transformers", "lightning", "torchdata")),
    ],
)
def test_a_run_that_goes_on_in_mid_epoch_is_the_run_that_never_stopped(page: str, films: Path, tmp_path: Path) -> None:
    # Eight films are four batches: step 6 is in the middle of the second epoch.
    options = ["--batch", 2, "--size", SIZE, "--save-every", 3]
    whole = example(page, films, "--out", tmp_path / "whole", "--steps", 12, *options)
    first = example(page, films, "--out", tmp_path / "stopped", "--steps", 6, *options)
    rest = example(page, films, "--out", tmp_path / "stopped", "--steps", 12, "--resume", *options)
    lines = lambda printed: [line for line in printed.splitlines() if line.startswith("step ")]
    together = lines(first) + [line for line in lines(rest) if line not in lines(first)]
    assert len(lines(whole)) == 12
    assert together == lines(whole)


@needs("torch")
def test_the_loss_of_the_jepa_like_loop_falls(films: Path) -> None:
    found = losses(example("jepa_like.py", films, "--steps", 20, "--batch", BATCH, "--size", 48))
    assert len(found) == 20 and falls(found), found


@needs("torch", "transformers", "pyarrow")
def test_logits_of_views_are_tubelets_own(classes: Path, tmp_path: Path) -> None:
    import pyarrow.parquet
    import torch
    from transformers import VideoMAEConfig, VideoMAEForVideoClassification

    torch.manual_seed(5)
    config = VideoMAEConfig(
        image_size=SIZE,
        hidden_size=192,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=768,
        id2label={0: "pouring", 1: "stirring"},
        label2id={"pouring": 0, "stirring": 1},
    )
    model = VideoMAEForVideoClassification(config)
    with torch.no_grad():  # so that every tensor counts and logits differ
        for tensor in model.parameters():
            tensor.add_(torch.randn_like(tensor) * 0.05)
    model.save_pretrained(tmp_path / "model")

    printed = example("evaluate_views.py", tmp_path / "model", classes, "--views", "2x3", "--out", tmp_path / "theirs")
    theirs = json.loads((tmp_path / "theirs").read_text())
    settings = ["--set", "clip.stride=4", "--views", "2x3", "--by", "score", "--out", tmp_path / "ours.parquet"]
    run(tubelet_command(), "evaluate", "--model", tmp_path / "model", "--data", classes, *settings)
    ours = defaultdict(list)
    for row in pyarrow.parquet.read_table(tmp_path / "ours.parquet").to_pylist():
        ours[row["video"]].append(row["logits"])
    assert set(ours) == set(theirs) and len(ours) == 4
    apart, right = 0.0, 0
    for path, views in ours.items():
        assert len(views) == 6
        mean = [sum(of_class) / 6 for of_class in zip(*views)]
        apart = max(apart, *(abs(one - other) for one, other in zip(mean, theirs[path])))
        assert mean.index(max(mean)) == theirs[path].index(max(theirs[path]))
        right += config.id2label[mean.index(max(mean))] == Path(path).parent.name
    print(f"{len(ours)} videos, mean logits at most {apart:.1e} apart")
    assert apart < 1e-4
    assert f"top-1 {right} of 4 videos" in printed
    said = tubelet.predict(classes, tmp_path / "model", views=(2, 3), set={"clip.stride": 4})
    for row in pyarrow.table(said).to_pylist():
        assert row["class"] == theirs[row["video"]].index(max(theirs[row["video"]]))


@pytest.fixture(scope="module")
def two_nodes():
    """The address of a cluster of Ray with two logical nodes of a processor each."""
    pytest.importorskip("ray")
    pytest.importorskip("pyarrow")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    yield cluster.address
    cluster.shutdown()


def test_ray_reads_clips_on_two_nodes(films: Path, two_nodes: str) -> None:
    printed = example("ray_map_batches.py", films, "--address", two_nodes, "--size", SIZE)
    assert "8 videos, 2 nodes" in printed
    assert sorted(re.findall(r"(\d)\.mp4 ", printed)) == list("01234567"), printed


def test_a_killed_worker_of_ray_changes_no_clip(films: Path, two_nodes: str, tmp_path: Path) -> None:
    import pyarrow
    import ray

    options = {"set": {"clip.size": SIZE}, "threads": 1}

    def clips_of_a_worker_that_dies_once(columns: dict[str, Any]) -> dict[str, Any]:
        marker = tmp_path / "died"
        if not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return tubelet.read_clips(columns, **options)

    table = pyarrow.table(tubelet.scan(films)).select(["path"])
    ray.init(address=two_nodes, log_to_driver=False)
    try:
        paths = ray.data.from_arrow(table).repartition(4)
        rows = paths.map_batches(clips_of_a_worker_that_dies_once, batch_size=None).take_all()
    finally:
        ray.shutdown()
    assert (tmp_path / "died").exists()
    expected = tubelet.read_clips({"path": table.column("path").to_pylist()}, **options)
    by_path = {row["path"]: row for row in rows}
    assert len(rows) == len(by_path) == 8
    for path, frames, video in zip(expected["path"], expected["frames"], expected["video"]):
        assert by_path[path]["error"] is None
        assert (by_path[path]["frames"] == frames).all() and (by_path[path]["video"] == video).all()
