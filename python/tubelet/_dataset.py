"""Videos as batches of clips, for any trainer."""

from __future__ import annotations

import os
import sys
import threading
import tomllib
from abc import ABCMeta
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from . import _arguments, _ranks, _sandbox, _values
from ._batch import Batch
from ._errors import UsageError
from ._paths import Videos, listed
from ._tubelet import ClipLoader, ClipStream

# What a state of this version holds: the epoch, and how many batches of it all ranks took together.
_STATE_VERSION = 1

if TYPE_CHECKING:
    # What PyTorch is told when it is there (`_register`), for those who check types.
    from torch.utils.data import IterableDataset

    class _Iterable(IterableDataset[Batch]): ...

else:
    _Iterable = object


class ClipDataset(_Iterable, metaclass=ABCMeta):
    """Batches of clips of videos, decoded by threads of its own.

    It is the data set, the sampler, the collation and the loader in one, and iterable as it is::

        data = tubelet.ClipDataset("films", recipe="vit-b-k400-800", batch_size=32, mask="tube")
        for batch in data:                       # an epoch; behind its last batch the next loop is the next epoch
            batch["video"]                       # uint8 [32, 3, 16, 224, 224]

    To PyTorch it is an ``IterableDataset``: ``DataLoader(data, batch_size=None, num_workers=0, pin_memory=True)``. Worker
    processes are of no use to it, and refused: its threads do the work, and share what they know of the videos.

    A loop that is left early (``break``) leaves the epoch where it is: the next one begins it anew, unless
    :meth:`set_epoch` says another.

    What a batch holds depends on the seed, the epoch and its number alone: not on threads, nor on how many processes
    share the work. The batches of all ranks together are those of one process. A video that fails is left out, and
    another clip takes its place; :attr:`quarantined` lists it.

    :param videos: files, folders (searched to the bottom), globs, list files with ``path label`` lines, a manifest, or a
        folder of shards. Without ``labels`` and ``views`` also a mixture of such data sets by their weights:
        ``{"films": 2, "robots": 1}``, ``"films=2,robots=1"``, or a mixture file.
    :param recipe: a built-in recipe's name, or a TOML file: frames, stride, size, crops, masks, augmentation. By default
        VideoMAE's for ViT-B; with ``labels`` or ``views`` that of a fine-tuning.
    :param set: settings that differ from the recipe's, such as ``{"clip.stride": 2}``.
    :param batch_size: clips of a batch, repeats of a clip counted; the recipe's micro-batch where none is given. A batch
        of views has all views of as many videos as fit.
    :param mask: ``"tube"``, ``"random"``, ``"frame"``, ``"block"`` or ``"tube-and-frame"``; ``"recipe"`` for the
        recipe's; None for whole clips.
    :param labels: clips with their classes, changed as the recipe's augmentation says. True takes the classes from what
        stands behind each path of a list, or from folders; a string ``FILE[:COLUMN]`` from a table (see
        ``tubelet finetune --labels``).
    :param classes: a file with the names of the classes, one a line, in the order of their numbers.
    :param class_level: which folder is the class: 1 the first below the given one, or ``"parent"``.
    :param only_labelled: leave out videos without a class, instead of failing.
    :param views: views of a test, each video once and in order: ``(clips, crops)``, or True for the recipe's.
    :param layout: the order of pixels: ``"NCTHW"``, ``"NTCHW"`` (Hugging Face), ``"NTHWC"``, or ``"cubes"`` (ours).
    :param seed: the recipe's where none is given.
    :param threads: threads that decode; the processor's number where none is given.
    :param rank: which process this is; with ``world_size`` found out where none is given: ``torch.distributed``,
        ``RANK`` and ``WORLD_SIZE``, ``SLURM_PROCID`` and ``SLURM_NTASKS``, else 0 of 1.
    :param epoch: the epoch to begin with.
    :param format: ``"torch"``, ``"numpy"``, ``"buffer"``, or None for the first of these that is there when a loop begins
        (PyTorch only where it is imported already).
    :param quarantine: a file for the videos that fail, one JSON object a line; each rank needs one of its own.
    :param sandbox: whether each thread has a process that opens and decodes films, so that no film can crash this one (Linux);
        the recipe's ``run.sandbox`` where none is given, which is True in the built-in ones. Batches are the same.
    """

    def __init__(
        self,
        videos: Videos,
        *,
        recipe: str | os.PathLike[str] | None = None,
        set: Mapping[str, Any] | Sequence[str] | None = None,
        batch_size: int | None = None,
        mask: Literal["recipe", "tube", "random", "frame", "block", "tube-and-frame"] | None = "recipe",
        labels: bool | str | os.PathLike[str] | None = None,
        classes: str | os.PathLike[str] | None = None,
        class_level: int | Literal["parent"] | None = None,
        only_labelled: bool = False,
        views: tuple[int, int] | bool | None = None,
        layout: Literal["NCTHW", "NTCHW", "NTHWC", "cubes"] = "NCTHW",
        seed: int | None = None,
        threads: int | None = None,
        rank: int | None = None,
        world_size: int | None = None,
        epoch: int = 0,
        format: Literal["torch", "numpy", "buffer"] | None = None,
        quarantine: str | os.PathLike[str] | None = None,
        sandbox: bool | None = None,
    ) -> None:
        arguments = {name: value for name, value in locals().items() if name not in ("self", "__class__")}
        arguments["videos"] = listed(videos)
        self._arguments: dict[str, Any] = arguments
        self._open()

    def _open(self) -> None:
        it = self._arguments
        _values.chosen(it["format"])
        self._epoch, self._batches = _arguments.number("epoch", it["epoch"], 0), 0
        self._resumed = False
        self._rank, self._world_size = _ranks.found(it["rank"], it["world_size"])
        self._loader = ClipLoader(_wanted(it, self._rank, self._world_size))
        # The iterator whose place is this data set's; those of earlier loops have their own.
        self._current: ClipIterator | None = None
        self._process = os.getpid()
        _register()

    @property  # type: ignore[misc]
    def __class__(self) -> type:  # pyright: ignore[reportIncompatibleMethodOverride]
        # PyTorch may be imported after this object was made, and asks `isinstance(data, IterableDataset)`, which looks
        # here: by then it is there to be told.
        _register()
        return ClipDataset

    def __len__(self) -> int:
        """Batches of an epoch for this rank."""
        return self._loader.batches_per_epoch

    def __iter__(self) -> ClipIterator:
        """The batches of the epoch, from its start, or from where :meth:`load_state_dict` put it. After the last one the
        data set goes on to the next epoch by itself."""
        self._check_process()
        self._check_ranks()
        if not self._resumed:
            self._batches = 0
        self._resumed = False
        self._current = ClipIterator(self, self._epoch, self._batches)
        return self._current

    @property
    def epoch(self) -> int:
        """The epoch that the next loop gives, or the loop that runs."""
        return self._epoch

    def set_epoch(self, epoch: int) -> None:
        """Goes to the start of an epoch; the one that the data set is at already is left as it stands."""
        epoch = _arguments.number("epoch", epoch, 0)
        if epoch != self._epoch:
            self._goto(epoch, 0)
            self._resumed = False

    def state_dict(self) -> dict[str, Any]:
        """Where the data set stands: exact for any number of threads, since it counts the batches that were given."""
        return self._state(self._epoch, self._batches)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Lets the next loop go on where a state was taken: by other threads and another number of processes too, but not
        with other videos or other settings of clips."""
        epoch, batches = self._checked(state)
        self._goto(epoch, batches)
        self._resumed = True

    @property
    def quarantined(self) -> list[tuple[str, str, str]]:
        """The videos that gave no clip so far: path, verdict, reason."""
        return self._loader.quarantined()

    @property
    def recipe(self) -> dict[str, Any]:
        """Every setting, by section and name."""
        found: dict[str, Any] = {}
        for key, value in self._loader.settings:
            section, name = key.split(".", 1)
            found.setdefault(section, {})[name] = tomllib.loads(f"value = {value}")["value"]
        return found

    @property
    def classes(self) -> list[str]:
        """Names of the classes, in the order of their numbers; empty where clips have none."""
        return self._loader.classes

    @property
    def geometry(self) -> dict[str, int]:
        """``frames``, ``height``, ``width`` of a clip; ``tubelet`` and ``patch``, the sides of a cube; ``tokens``."""
        return self._loader.geometry

    @property
    def fingerprint(self) -> str:
        """Digest of all that decides what a batch holds: videos, labels, settings; not of threads or ranks."""
        return self._loader.fingerprint

    @property
    def rank(self) -> int:
        """Which of the processes this one is."""
        return self._rank

    @property
    def world_size(self) -> int:
        """Processes that share the batches."""
        return self._world_size

    def arrow(self, epoch: int | None = None) -> ArrowEpoch:
        """An epoch of this rank as a stream of Arrow record batches, which pyarrow, polars, DuckDB and Ray take. It does not
        change where the data set stands."""
        return ArrowEpoch(self, self._epoch if epoch is None else _arguments.number("epoch", epoch, 0))

    def __repr__(self) -> str:
        it, clip = self._arguments, self._loader.geometry
        ranks = "" if self._world_size == 1 else f", rank {self._rank} of {self._world_size}"
        return (
            f"ClipDataset({self._loader.videos} videos, {len(self)} batches an epoch{ranks}, clips of "
            f"{clip['frames']} frames of {clip['width']}x{clip['height']}, {it['layout']})"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        state = self._epoch, self._batches, self._resumed or self._batches > 0
        return _reopened, (self._arguments, state)

    def _state(self, epoch: int, batches: int) -> dict[str, Any]:
        seed = self.recipe["run"]["seed"]
        return {
            "version": _STATE_VERSION,
            "fingerprint": self.fingerprint,
            "seed": seed,
            "epoch": epoch,
            "batches": batches,
        }

    def _checked(self, state: Mapping[str, Any]) -> tuple[int, int]:
        try:
            version, seed, epoch, batches = (state[key] for key in ("version", "seed", "epoch", "batches"))
            fingerprint = state["fingerprint"]
        except (KeyError, TypeError) as error:
            raise UsageError(f"this is no state of a ClipDataset: {error!r} is missing") from None
        if version != _STATE_VERSION:
            raise UsageError(f"the state is of version {version}, and version {_STATE_VERSION} is read")
        if fingerprint != self.fingerprint:
            own = self.recipe["run"]["seed"]
            differs = (
                f"its seed is {seed}, and this one's {own}"
                if seed != own
                else "other videos, other labels, or other settings of clips (recipe, set, mask, layout, batch_size)"
            )
            raise UsageError(f"the state is of another data set: {differs}", "make the data set as it was made then")
        return _arguments.number("epoch", epoch, 0), _arguments.number("batches", batches, 0)

    def _goto(self, epoch: int, batches: int) -> None:
        self._current = None
        self._epoch, self._batches = epoch, batches

    def _check_ranks(self) -> None:
        """Refuses a process that got its rank after the data set was made: it would read what the other ranks read."""
        rank, world_size = _ranks.found(self._arguments["rank"], self._arguments["world_size"])
        if (rank, world_size) != (self._rank, self._world_size):
            raise UsageError(
                f"this process is rank {rank} of {world_size}, and was rank {self._rank} of {self._world_size} when the "
                "ClipDataset was made",
                "make it after the processes were started (in Lightning in `train_dataloader`), or give rank and world_size",
            )

    def _check_process(self) -> None:
        """Refuses a process whose threads would be the wrong ones."""
        data: Any = sys.modules.get("torch.utils.data")
        worker = data.get_worker_info() if data is not None else None
        if worker is None and self._process == os.getpid():
            return
        where = "in a worker of a DataLoader" if worker is not None else "in a process that was forked"
        raise UsageError(
            f"ClipDataset cannot be read {where}: it has threads of its own, which do the work of such processes",
            "DataLoader(data, batch_size=None, num_workers=0), and ClipDataset(..., threads=N)",
        )


class ClipIterator(Iterator[Batch]):
    """The batches of an epoch that are left. It has a state too, which is that of its data set while the loop runs."""

    def __init__(self, data: ClipDataset, epoch: int, first: int) -> None:
        self._data, self._epoch, self._batches = data, epoch, first
        self._ended = False
        # Begun by the first batch, so that an iterator that is only made, or put elsewhere, costs nothing.
        self._stream: ClipStream | None = None
        self._format: _values.Format = "buffer"
        self._lock = threading.Lock()

    def __next__(self) -> Batch:
        if self._data._process != os.getpid():
            return self._next()  # which refuses; a thread that is not here may have the lock
        with self._lock:  # several threads may take batches of one loop
            return self._next()

    def _next(self) -> Batch:
        data = self._data
        if self._ended:
            raise StopIteration
        if self._stream is None:
            data._check_process()
            self._format = _values.chosen(data._arguments["format"])
            self._stream = data._loader.stream(self._epoch, self._batches)
        found = self._stream.next()
        if found is None:
            self._stream, self._ended = None, True
            self._at(self._epoch + 1, 0)
            raise StopIteration
        batches = self._batches + data._world_size
        if batches // data._world_size < len(data):
            self._at(self._epoch, batches)
        else:
            # Loops that count batches (Hugging Face's Trainer) do not ask for the end after the last one.
            self._stream, self._ended = None, True
            self._at(self._epoch + 1, 0)
        arrays, words = found
        batch = Batch((key, _values.array(array, self._format)) for key, array in arrays.items())
        batch.update(words)
        return batch

    def __len__(self) -> int:
        """Batches of the epoch for this rank, those that were given included."""
        return len(self._data)

    def state_dict(self) -> dict[str, Any]:
        """Where the loop stands; see :meth:`ClipDataset.state_dict`."""
        return self._data._state(self._epoch, self._batches)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on where a state was taken."""
        epoch, batches = self._data._checked(state)
        self._stream, self._ended = None, False
        self._at(epoch, batches)

    def _at(self, epoch: int, batches: int) -> None:
        self._epoch, self._batches = epoch, batches
        if self._data._current is self:
            self._data._epoch, self._data._batches = epoch, batches


class ArrowEpoch:
    """An epoch as Arrow record batches: ``pyarrow.RecordBatchReader.from_stream(epoch)``, ``polars.DataFrame(epoch)``. The
    threads that make them begin when it is taken; it may be taken again."""

    def __init__(self, data: ClipDataset, epoch: int) -> None:
        self._data, self._epoch = data, epoch

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> Any:
        """The batches as a C stream in a capsule."""
        self._data._check_process()
        return self._data._loader.arrow_stream(self._epoch, 0)


def _reopened(arguments: dict[str, Any], state: tuple[int, int, bool]) -> ClipDataset:
    data = ClipDataset(**arguments)
    data._epoch, data._batches, data._resumed = state
    return data


def _register() -> None:
    """Makes data sets IterableDatasets of PyTorch, where it is imported."""
    torch: Any = sys.modules.get("torch.utils.data")
    iterable = getattr(torch, "IterableDataset", None)
    if iterable is not None and not issubclass(ClipDataset, iterable):
        iterable.register(ClipDataset)


def _wanted(it: dict[str, Any], rank: int, world_size: int) -> dict[str, Any]:
    """The arguments as the native loader takes them."""
    settings = _arguments.settings(it["set"])
    kind, with_labels = _kind(it)
    if it["seed"] is not None:
        settings.append(f"run.seed={_arguments.number('seed', it['seed'], 0, 2**63 - 1)}")
    sandbox = _sandbox.checked(it["sandbox"])
    if sandbox is not None:
        settings.append(f"run.sandbox={str(sandbox).lower()}")
    if kind == "masked" and it["mask"] != "recipe":
        settings.append(f"mask.kind={it['mask']}")
    labels, views = it["labels"], it["views"]
    clips, crops = views if isinstance(views, (tuple, list)) else (None, None)
    return {
        "videos": it["videos"],
        "recipe": _arguments.path(it["recipe"]),
        "set": settings,
        "kind": kind,
        "labels": None if labels is None or isinstance(labels, bool) else _arguments.path(labels),
        "classes": _arguments.path(it["classes"]),
        "class_level": None if it["class_level"] is None else str(it["class_level"]),
        "only_labelled": bool(it["only_labelled"]),
        "with_labels": with_labels,
        "clips": clips,
        "crops": crops,
        "layout": str(it["layout"]),
        "batch_size": _arguments.count("batch_size", it["batch_size"]),
        "threads": _arguments.count("threads", it["threads"]),
        "rank": rank,
        "world_size": world_size,
        "quarantine": _arguments.path(it["quarantine"]),
    }


def _kind(it: dict[str, Any]) -> tuple[str, bool]:
    """Which clips are wanted, and whether views have classes."""
    mask, labels, views = it["mask"], it["labels"], it["views"]
    with_labels = labels not in (None, False)
    about_labels = [name for name in ("classes", "class_level") if it[name] is not None]
    about_labels += ["only_labelled"] if it["only_labelled"] else []
    if about_labels and not with_labels:
        raise UsageError(f"{about_labels[0]} is for clips with classes", "labels=True, or labels='FILE[:COLUMN]'")
    if (with_labels or views not in (None, False)) and mask not in (None, "recipe"):
        raise UsageError(f"mask = {mask!r} is for clips without labels and views", "leave mask out")
    if views not in (None, False):
        pair = isinstance(views, (tuple, list)) and len(views) == 2
        if views is not True and not (pair and all(isinstance(side, int) and 0 < side <= _arguments.MOST for side in views)):
            raise UsageError(f"views = {views!r} is no pair of clips and crops such as (5, 3), nor True")
        return "views", with_labels
    if with_labels:
        return "labelled", True
    if mask is None:
        return "whole", False
    if mask not in ("recipe", "tube", "random", "frame", "block", "tube-and-frame"):
        kinds = "'recipe', 'tube', 'random', 'frame', 'block', 'tube-and-frame'"
        raise UsageError(f"mask = {mask!r} is none of {kinds} and None")
    return "masked", False
