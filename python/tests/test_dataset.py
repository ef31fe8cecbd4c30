"""`ClipDataset`: the command's clips, whatever the threads, the ranks and the place to go on from."""

from __future__ import annotations

import json
import pickle
import random
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from conftest import needs, run

import tubelet
from tubelet import _tubelet

# Twelve clips, an epoch of six batches.
SMALL: dict[str, Any] = {
    "recipe": "tiny",
    "batch_size": 2,
    "set": {"clip.clips_per_video": 3, "clip.size": 64},
    "format": "numpy",
}


def dataset(samples: Path, **others: Any) -> tubelet.ClipDataset:
    return tubelet.ClipDataset(samples, **{**SMALL, **others})


def told(batch: tubelet.Batch) -> tuple[Any, ...]:
    """What names a batch and all that is in it."""
    return tuple(
        (key, value if key == "path" else (value.shape, value.dtype.str, value.tobytes()))
        for key, value in sorted(batch.items())
    )


def all_told(batches: Any) -> list[tuple[Any, ...]]:
    return [told(batch) for batch in batches]


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "tubelet", *arguments], capture_output=True, text=True, check=True)


def test_batches_are_those_of_the_command(samples: Path, tmp_path: Path) -> None:
    out = tmp_path / "batches.parquet"
    settings = [f"--set={key}={value}" for key, value in SMALL["set"].items()]
    batch = ["--set=optimiser.batch=2", "--set=optimiser.micro_batch=0"]
    command("inspect", "batches", str(samples), "--recipe=tiny", *settings, *batch, "--count=24", f"--out={out}")
    wanted = pyarrow.parquet.read_table(out)
    data = dataset(samples, layout="cubes", threads=2)
    clips = 0
    for _ in range(2):
        for found in data:
            for row in range(2):
                theirs = wanted.slice(clips, 1).to_pylist()[0]
                for key, ours in [("video", found["path"][row]), ("clip", found["clip"][row]), ("epoch", found["epoch"][row])]:
                    assert theirs[key] == ours
                for key in ("visible", "target", "context", "frames", "times"):
                    assert theirs[key] == found[key][row].tolist(), key
                assert theirs["visible_cubes"] == found["visible_cubes"][row].ravel().tolist()
                assert theirs["target_cubes"] == found["target_cubes"][row].ravel().tolist()
                assert list(theirs["crop"].values()) == found["crop"][row].tolist()
                clips += 1
    assert clips == 24 == wanted.num_rows


def test_digests_are_those_of_the_command(samples: Path) -> None:
    blake3 = pytest.importorskip("blake3", reason="blake3 is not there: digests are not compared with the command's")
    settings = [f"--set={key}={value}" for key, value in SMALL["set"].items()]
    printed = command("inspect", "batches", str(samples), "--recipe=tiny", *settings, "--count=12", "--json").stdout
    lines = [json.loads(line) for line in printed.splitlines()]
    found = [batch for batch in dataset(samples, layout="cubes")]
    digests = [
        blake3.blake3(batch[key][row].tobytes()).hexdigest()[:16]
        for batch in found
        for row in range(2)
        for key in ("visible_cubes", "target_cubes")
    ]
    assert digests == [line[key] for line in lines for key in ("visible_pixels", "target_pixels")]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_batches_do_not_depend_on_threads(samples: Path, threads: int) -> None:
    data, plain = dataset(samples, threads=threads), dataset(samples, threads=3)
    assert len(data) == 6
    assert all_told(data) == all_told(plain)
    assert all_told(data) == all_told(plain), "the second epoch"


def test_layouts_hold_the_same_pixels(samples: Path) -> None:
    shapes = {"NCTHW": (2, 3, 16, 64, 64), "NTCHW": (2, 16, 3, 64, 64), "NTHWC": (2, 16, 64, 64, 3)}
    found = {layout: next(iter(dataset(samples, layout=layout)))["video"] for layout in shapes}
    for layout, shape in shapes.items():
        assert found[layout].shape == shape and found[layout].dtype == np.uint8
    assert np.array_equal(found["NTCHW"], found["NCTHW"].swapaxes(1, 2))
    assert np.array_equal(found["NTHWC"], found["NTCHW"].transpose(0, 1, 3, 4, 2))
    whole = next(iter(dataset(samples, mask=None)))
    assert np.array_equal(whole["video"], found["NCTHW"]) and "visible" not in whole
    with pytest.raises(AttributeError, match="are not masked"):
        whole.bool_masked_pos()


def test_masks_are_numbers_of_tokens_and_hugging_face_s_form(samples: Path) -> None:
    data = dataset(samples, mask="tube")
    batch = next(iter(data))
    tokens = data.geometry["tokens"]
    assert tokens == 8 * 4 * 4
    for row in range(2):
        together = np.concatenate([batch[key][row] for key in ("visible", "target", "context")])
        assert sorted(together.tolist()) == list(range(tokens))
        assert np.array_equal(np.flatnonzero(~batch.bool_masked_pos()[row]), batch["visible"][row])
    again = type(batch)({key: value for key, value in batch.items()})
    assert again.bool_masked_pos() is batch["bool_masked_pos"]
    random_mask = next(iter(dataset(samples, mask="random")))
    assert not np.array_equal(random_mask["visible"], batch["visible"])


def test_rows_of_fewer_tokens_are_filled(samples: Path) -> None:
    settings = {**SMALL["set"], "mask.decoder": "running-cell", "clip.frames": 12}
    for batch in dataset(samples, set=settings, batch_size=4):
        for key in ("target", "context"):
            counts = (batch[key] >= 0).sum(axis=1)
            assert batch[key].shape[1] == counts.max()
            for row, count in enumerate(counts):
                assert (batch[key][row, count:] == -1).all()


def test_pixels_are_the_loader_s_own_memory_and_writable(samples: Path) -> None:
    before = _tubelet.copied_bytes()
    batch = next(iter(dataset(samples, format="buffer")))
    buffer = batch["video"]
    array = np.asarray(buffer)
    assert array.ctypes.data == buffer.data_ptr() and array.flags.writeable
    array[0] = 7
    assert np.from_dlpack(buffer)[0, 0, 0, 0, 0] == 7
    assert _tubelet.copied_bytes() == before, "nothing was copied so that it may be written to"


def test_a_state_goes_on_at_any_batch(samples: Path) -> None:
    whole = dataset(samples)
    wanted = all_told(whole) + all_told(whole)
    drawn = random.Random(7)
    for place in drawn.sample(range(12), 4):
        begun = dataset(samples, threads=2)
        for _ in range(place // 6):
            assert len(list(begun)) == 6
        batches = iter(begun)
        for _ in range(place % 6):
            next(batches)
        state = json.loads(json.dumps(begun.state_dict()))
        assert (state["epoch"], state["batches"]) == divmod(place, 6)
        resumed = dataset(samples, threads=drawn.choice([1, 4]))
        resumed.load_state_dict(state)
        assert resumed.state_dict() == state
        found = all_told(resumed)
        found += all_told(resumed) if place < 6 else []
        assert found == wanted[place:]


def test_a_loop_begins_anew_and_an_epoch_leads_to_the_next(samples: Path) -> None:
    data = dataset(samples)
    first = next(iter(data))
    assert (data.epoch, data.state_dict()["batches"]) == (0, 1)
    assert told(next(iter(data))) == told(first), "a loop that was left begins anew"
    assert [int(batch["epoch"][0]) for batch in data] == [0] * 6
    assert (data.epoch, data.state_dict()["batches"]) == (1, 0)
    assert [int(batch["epoch"][0]) for batch in data] == [1] * 6
    data.set_epoch(5)
    assert int(next(iter(data))["epoch"][0]) == 5
    assert dataset(samples, epoch=3).epoch == 3


def test_setting_the_epoch_that_it_is_keeps_the_place(samples: Path) -> None:
    data = dataset(samples)
    batches = iter(data)
    next(batches), next(batches)
    other = dataset(samples)
    other.load_state_dict(data.state_dict())
    other.set_epoch(0)
    assert len(list(other)) == 4
    other.load_state_dict(data.state_dict())
    other.set_epoch(2)
    assert len(list(other)) == 6


def test_iterators_have_states_of_their_own(samples: Path) -> None:
    data = dataset(samples)
    wanted = all_told(dataset(samples))
    one, other = iter(data), iter(data)
    next(one), next(one), next(other)
    assert one.state_dict()["batches"] == 2 and other.state_dict()["batches"] == 1
    assert data.state_dict() == other.state_dict(), "the newest loop is the data set's"
    other.load_state_dict(one.state_dict())
    assert told(next(other)) == wanted[2] and data.state_dict()["batches"] == 3
    assert len(other) == 6
    assert len(list(one)) == 4 and list(one) == []
    assert one.state_dict()["epoch"] == 1


def test_a_state_of_another_data_set_is_refused(samples: Path) -> None:
    state = dataset(samples).state_dict()
    for others, words in [
        ({"seed": 9}, "its seed is 0, and this one's 9"),
        ({"set": {**SMALL["set"], "clip.stride": 3}}, "other settings of clips"),
        ({"batch_size": 3}, "batch_size"),
    ]:
        with pytest.raises(tubelet.UsageError, match=words):
            dataset(samples, **others).load_state_dict(state)
    for wrong in [{}, {**state, "version": 2}, {**state, "epoch": -1}, {**state, "batches": "x"}, 5]:
        with pytest.raises(tubelet.UsageError):
            dataset(samples).load_state_dict(wrong)  # type: ignore[arg-type]


def test_ranks_together_are_one(samples: Path) -> None:
    # An epoch for four ranks has eleven clips, but only whole rounds of four batches.
    one = dataset(samples, batch_size=1, rank=0, world_size=1)
    wanted = all_told(one)
    ranks = [dataset(samples, batch_size=1, rank=rank, world_size=4) for rank in range(4)]
    assert [len(data) for data in ranks] == [3] * 4
    found = [all_told(data) for data in ranks]
    assert [found[at % 4][at // 4] for at in range(12)] == wanted


def test_a_state_goes_on_with_another_number_of_ranks(samples: Path) -> None:
    wanted = all_told(dataset(samples, batch_size=1))
    four = [dataset(samples, batch_size=1, rank=rank, world_size=4) for rank in range(4)]
    for data in four:
        next(iter(data))
    states = [data.state_dict() for data in four]
    assert states[0]["batches"] == 4 and all(state == states[0] for state in states)
    two = [dataset(samples, batch_size=1, rank=rank, world_size=2) for rank in range(2)]
    found = []
    for data in two:
        data.load_state_dict(states[0])
        found.append(all_told(data))
    assert [found[at % 2][at // 2] for at in range(8)] == wanted[4:]


def test_ranks_are_found_in_the_environment(samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_PROCID", "1")
    monkeypatch.setenv("SLURM_NTASKS", "2")
    data = dataset(samples)
    assert (data.rank, data.world_size, len(data)) == (1, 2, 3)
    monkeypatch.setenv("RANK", "2")
    monkeypatch.setenv("WORLD_SIZE", "3")
    assert (dataset(samples).rank, dataset(samples).world_size) == (2, 3)
    monkeypatch.setenv("RANK", "two")
    with pytest.raises(tubelet.UsageError, match="RANK = 'two'"):
        dataset(samples)
    assert dataset(samples, rank=0, world_size=1).world_size == 1


def test_labelled_clips_have_classes_and_views_come_in_order(samples: Path, tmp_path: Path) -> None:
    for name, folder in [("cars.mp4", "drive"), ("flower.mp4", "bloom"), ("bottles.webm", "drive")]:
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).symlink_to(samples / name)
    settings = {"clip.size": 64, "clip.clips_per_video": 2, "augment.flip": 0}
    data = tubelet.ClipDataset(tmp_path, labels=True, set=settings, batch_size=2, format="numpy", threads=2)
    assert data.classes == ["bloom", "drive"]
    for batch in data:
        assert batch["label"].tolist() == [data.classes.index(Path(path).parent.name) for path in batch["path"]]
        assert batch["video"].shape == (2, 3, 16, 64, 64)
    views = tubelet.ClipDataset(tmp_path, labels=True, views=(2, 3), set=settings, batch_size=6, format="numpy")
    assert len(views) == 3
    found = list(views)
    assert [batch["view"].tolist() for batch in found] == [[[clip, crop] for clip in range(2) for crop in range(3)]] * 3
    assert [Path(batch["path"][0]).name for batch in found] == ["flower.mp4", "bottles.webm", "cars.mp4"]
    assert [int(batch["label"][0]) for batch in found] == [0, 1, 1]
    plain = tubelet.ClipDataset(tmp_path, views=True, set=settings, format="numpy")
    assert set(next(iter(plain))["label"].tolist()) == {-1}


def test_several_labels_are_an_array(samples: Path, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    rows = [f"{samples / name},{a},{b}" for name, a, b in [("cars.mp4", 1, 0), ("flower.mp4", 1, 1)]]
    table.write_text("\n".join(["path,red,fast", *rows]))
    settings = {"clip.size": 64, "classifier.problem_type": "multi_label_classification"}
    videos = [samples / "cars.mp4", samples / "flower.mp4"]
    data = tubelet.ClipDataset(
        videos, labels=f"{table}:red,fast", views=(1, 1), set=settings, batch_size=1, format="numpy"
    )
    assert [batch["labels"].tolist() for batch in data] == [[[1.0, 0.0]], [[1.0, 1.0]]]
    assert data.classes == ["red", "fast"]


def test_a_video_that_fails_is_listed_and_another_clip_takes_its_place(samples: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_text("no video")
    quarantine = tmp_path / "quarantine.jsonl"
    videos = [samples / "cars.mp4", broken, samples / "flower.mp4"]
    settings = {**SMALL["set"], "run.max_failed_share": 0.5}
    data = tubelet.ClipDataset(videos, **{**SMALL, "set": settings}, quarantine=quarantine)
    batches = list(data)
    assert len(batches) == len(data) and all(str(broken) not in batch["path"] for batch in batches)
    ((path, verdict, reason),) = data.quarantined
    assert (path, verdict) == (str(broken), "not-a-video") and "text" in reason
    assert json.loads(quarantine.read_text())["video"] == str(broken)
    hopeless = tubelet.ClipDataset([broken] * 20, **SMALL)
    with pytest.raises(tubelet.TubeletError, match="none of the 60 clips"):
        list(hopeless)


def test_an_epoch_is_a_stream_of_arrow(samples: Path) -> None:
    data = dataset(samples)
    reader = pyarrow.RecordBatchReader.from_stream(data.arrow())
    found = reader.read_all()
    assert found.num_rows == 12 and reader.schema.metadata[b"tubelet.layout"] == b"NCTHW"
    pixels = [row.as_py() for row in found.column("pixels")][:2]
    assert next(iter(data))["video"].reshape(2, -1).tolist() == pixels
    later = pyarrow.RecordBatchReader.from_stream(data.arrow(epoch=4))
    assert set(later.read_all().column("epoch").to_pylist()) == {4}
    assert data.epoch == 0
    unread = data.arrow().__arrow_c_stream__()
    del unread


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ({"recipe": "no-such"}, "no-such"),
        ({"set": {"clip.strid": 3}}, "clip.stride"),
        ({"set": "clip.stride=3"}, "set must be a dictionary"),
        ({"set": ["clip.stride=3\nclip.size=96"]}, "is more than one `section.key=value`"),
        ({"set": {"clip.stride": "3\nb = 2"}}, "is more than one `section.key=value`"),
        ({"sandbox": True, "set": {"run.sandbox": "maybe"}}, "run.sandbox"),
        ({"mask": "tubes"}, "mask = 'tubes' is none of"),
        ({"layout": "NCHW"}, "there are cubes, NCTHW, NTCHW and NTHWC"),
        ({"batch_size": 0}, "batch_size = 0 must be at least 1"),
        ({"batch_size": 2.5}, "batch_size = 2.5 is no whole number"),
        ({"batch_size": 100}, "a smaller batch"),
        ({"threads": -1}, "threads = -1"),
        ({"rank": 1}, "belong together"),
        ({"rank": 2, "world_size": 2}, "rank 2 is none of 2 ranks"),
        ({"epoch": -1}, "epoch = -1"),
        ({"seed": "x"}, "seed = 'x'"),
        ({"views": (1, 0)}, "is no pair of clips and crops"),
        ({"views": 5}, "is no pair of clips and crops"),
        ({"labels": True, "mask": "tube"}, "mask = 'tube' is for clips without labels"),
        ({"classes": "x.txt"}, "classes is for clips with classes"),
        ({"labels": True, "class_level": "up"}, "`up` is neither a number of folders nor `parent`"),
        ({"labels": "/no/such.csv"}, "/no/such.csv"),
        ({"format": "jax"}, "format = 'jax'"),
        ({"quarantine": 5}, "int"),
    ],
)
def test_wrong_arguments_are_refused(samples: Path, others: dict[str, Any], words: str) -> None:
    with pytest.raises(tubelet.UsageError) as raised:
        dataset(samples, **others)
    assert words in str(raised.value)


def test_what_is_not_there_is_refused(samples: Path) -> None:
    with pytest.raises(tubelet.UsageError, match="no such file"):
        tubelet.ClipDataset("/no/such")
    with pytest.raises(TypeError):
        tubelet.ClipDataset(samples, stride=2)  # type: ignore[call-arg]


@pytest.mark.parametrize("format", ["numpy", "buffer"])
def test_a_batch_can_be_pickled(samples: Path, format: str) -> None:
    for layout in ("NCTHW", "cubes"):
        batch = next(iter(dataset(samples, format=format, layout=layout)))
        again = pickle.loads(pickle.dumps(batch))
        assert type(again) is tubelet.Batch and list(again) == list(batch)
        for key, value in batch.items():
            assert type(again[key]) is type(value)
            assert np.array_equal(np.asarray(again[key]), np.asarray(value)), key
    with pytest.raises(ValueError, match="3 bytes are no int64"):
        _tubelet.buffer_of(b"abc", "int64", [1])


def test_it_can_be_pickled_before_a_loop_and_within(samples: Path) -> None:
    data = dataset(samples)
    wanted = all_told(dataset(samples))
    assert all_told(pickle.loads(pickle.dumps(data))) == wanted
    batches = iter(data)
    next(batches), next(batches)
    again = pickle.loads(pickle.dumps(data))
    assert again.state_dict() == data.state_dict() and all_told(again) == wanted[2:]
    assert all_told(batches) == wanted[2:], "and the first one goes on"


FORK = """
    import multiprocessing, sys, tubelet
    data = tubelet.ClipDataset(sys.argv[1], recipe="tiny", batch_size=2, format="buffer")
    batches = iter(data)
    next(batches)
    def child(queue):
        said = []
        for read in (lambda: next(iter(data)), lambda: next(batches)):
            try:
                read()
                said.append("nothing")
            except tubelet.TubeletError as error:
                said.append(str(error))
        try:
            fresh = tubelet.ClipDataset(sys.argv[1], recipe="tiny", batch_size=2, format="buffer")
            next(iter(fresh))
            said.append("read")
        except tubelet.TubeletError as error:
            said.append(str(error))
        queue.put(said)
    if __name__ == "__main__":
        context = multiprocessing.get_context("fork")
        queue = context.Queue()
        process = context.Process(target=child, args=(queue,))
        process.start()
        for line in queue.get(timeout=60):
            print(line)
        process.join(20)
        print(process.exitcode)
        next(batches)
"""


def test_a_forked_process_is_told_what_to_do(samples: Path) -> None:
    done = run(FORK, str(samples))
    assert done.returncode == 0, done.stderr
    assert "num_workers=0" in done.stdout and "threads=N" in done.stdout
    assert "belong to another process" in done.stdout
    assert done.stdout.splitlines()[-2:] == ["read", "0"], done.stdout


def test_a_spawned_process_may_read(samples: Path, tmp_path: Path) -> None:
    script = tmp_path / "spawn.py"
    script.write_text(
        "import multiprocessing, sys, tubelet\n"
        "def child(data, queue):\n"
        "    queue.put([batch['clip'].tolist() for batch in data])\n"
        "if __name__ == '__main__':\n"
        "    data = tubelet.ClipDataset(sys.argv[1], recipe='tiny', batch_size=2, format='buffer')\n"
        "    context = multiprocessing.get_context('spawn')\n"
        "    queue = context.Queue()\n"
        "    process = context.Process(target=child, args=(data, queue))\n"
        "    process.start()\n"
        "    assert queue.get(timeout=60) == [batch['clip'].tolist() for batch in data]\n"
        "    process.join(20)\n"
        "    sys.exit(process.exitcode)\n"
    )
    done = subprocess.run([sys.executable, script, samples], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_ctrl_c_ends_a_loop_and_the_loader_goes_on(samples: Path) -> None:
    code = """
        import os, signal, sys, threading, time, tubelet
        data = tubelet.ClipDataset([sys.argv[1]] * 200, recipe="tiny", batch_size=400, threads=1, format="buffer",
                                   set={"clip.clips_per_video": 2})
        batches = iter(data)
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        begun = time.monotonic()
        try:
            next(batches)
            print("no signal")
        except KeyboardInterrupt:
            print(time.monotonic() - begun < 2)
        assert len(next(batches)["path"]) == 400
        print("goes on")
    """
    done = run(code, str(samples))
    assert done.stdout.split("\n")[:2] == ["True", "goes on"], done


@needs("pyarrow")
def test_ctrl_c_ends_the_reading_of_a_stream(samples: Path) -> None:
    code = """
        import os, signal, sys, threading, time, pyarrow, tubelet
        short = {"clip.size": 32, "clip.frames": 2, "clip.stride": 1}
        data = tubelet.ClipDataset([sys.argv[1]] * 2000, batch_size=4, threads=1, set=short)
        reader = pyarrow.RecordBatchReader.from_stream(data.arrow())
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        begun = time.monotonic()
        try:
            try:
                reader.read_all()
            except OSError as error:
                # It was told to the C stream; what a signal means comes as soon as Python has the word again.
                time.sleep(1)
            print("not heard")
        except KeyboardInterrupt as error:
            print(time.monotonic() - begun < 2, "was interrupted: KeyboardInterrupt" in str(error.__context__))
    """
    done = run(code, str(samples))
    assert done.stdout.split() == ["True", "True"], done


def test_the_interpreter_ends_with_a_live_loader(samples: Path) -> None:
    for last in ("", "sys.exit(3)", "raise SystemExit(3)", "1 / 0"):
        code = f"""
            import sys, threading, tubelet
            data = tubelet.ClipDataset([sys.argv[1]] * 50, recipe="tiny", batch_size=2, format="buffer")
            batches = iter(data)
            next(batches)
            threading.Thread(target=lambda: list(data), daemon=True).start()
            {last}
        """
        done = run(code, str(samples), timeout=60)
        assert done.returncode == {"": 0, "1 / 0": 1}.get(last, 3), done.stderr


@needs("torch")
def test_torch_gets_tensors_and_takes_it_for_an_iterable_data_set(samples: Path) -> None:
    code = """
        import sys, tubelet
        data = tubelet.ClipDataset(sys.argv[1], recipe="tiny", batch_size=2)
        assert "torch" not in sys.modules
        import torch
        from torch.utils.data import DataLoader, IterableDataset
        assert isinstance(data, IterableDataset) and isinstance(data, tubelet.ClipDataset)
        loader = DataLoader(data, batch_size=None)
        assert len(loader) == len(data)
        batches = list(loader)
        assert len(batches) == len(data)
        batch = batches[0]
        assert type(batch) is tubelet.Batch, type(batch)
        assert batch["video"].dtype == torch.uint8 and batch["visible"].dtype == torch.int64
        assert batch.bool_masked_pos().dtype == torch.bool and isinstance(batch["path"], list)
        assert batch["video"].data_ptr() % 64 == 0
        batch["video"].zero_()
        if torch.cuda.is_available():
            assert next(iter(DataLoader(data, batch_size=None, pin_memory=True)))["video"].is_pinned()
        print("done")
    """
    done = run(code, str(samples))
    assert done.stdout == "done\n" and "Warning" not in done.stderr, done


@needs("torch")
@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_a_worker_of_a_data_loader_is_told_what_to_do(samples: Path, tmp_path: Path, context: str) -> None:
    script = tmp_path / "workers.py"
    script.write_text(
        "import sys, torch, tubelet\n"
        "if __name__ == '__main__':\n"
        "    data = tubelet.ClipDataset(sys.argv[1], recipe='tiny', batch_size=2)\n"
        f"    loader = torch.utils.data.DataLoader(data, batch_size=None, num_workers=2, multiprocessing_context='{context}')\n"
        "    next(iter(loader))\n"
    )
    done = subprocess.run([sys.executable, script, samples], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "num_workers=0" in done.stderr and "threads=N" in done.stderr, done.stderr


@needs("torch", "torchdata")
def test_a_stateful_data_loader_goes_on_where_it_was(samples: Path) -> None:
    from torchdata.stateful_dataloader import StatefulDataLoader

    def loader() -> Any:
        return StatefulDataLoader(dataset(samples, format="torch"), batch_size=None)

    wanted = [batch["video"] for batch in loader()]
    for place in (0, 2, 5):
        begun = loader()
        batches = iter(begun)
        for _ in range(place):
            next(batches)
        resumed = loader()
        resumed.load_state_dict(begun.state_dict())
        found = [batch["video"] for batch in resumed]
        assert len(found) == 6 - place and all(map(lambda a, b: a.equal(b), found, wanted[place:]))
    ended = loader()
    assert len(list(ended)) == 6
    after = loader()
    after.load_state_dict(ended.state_dict())
    assert [int(batch["epoch"][0]) for batch in after] == [1] * 6


def test_threads_that_share_a_loop_get_each_batch_once(samples: Path) -> None:
    wanted = sorted(int(clip) for batch in dataset(samples) for clip in batch["clip"])
    for _ in range(5):
        loop, found, barrier = iter(dataset(samples)), [], threading.Barrier(4)

        def take() -> None:
            barrier.wait()
            for batch in loop:
                found.extend(int(clip) for clip in batch["clip"])

        threads = [threading.Thread(target=take) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(found) == wanted
