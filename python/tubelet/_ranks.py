"""Which of the processes that train together this one is."""

from __future__ import annotations

import os
import sys
from typing import Any

from . import _arguments
from ._errors import UsageError

# Names of the two numbers, by who starts the processes: torchrun, accelerate and Lightning; Slurm.
_VARIABLES = [("RANK", "WORLD_SIZE"), ("SLURM_PROCID", "SLURM_NTASKS")]


def found(rank: int | None, world_size: int | None) -> tuple[int, int]:
    """Rank and number of processes: those that are given, of ``torch.distributed`` where it is initialised, or of the
    environment; else 0 of 1."""
    if (rank is None) != (world_size is None):
        raise UsageError("rank and world_size belong together: give both, or neither")
    if rank is not None and world_size is not None:
        rank, world_size = _arguments.number("rank", rank, 0), _arguments.number("world_size", world_size, 1)
        if rank >= world_size:
            raise UsageError(f"rank {rank} is none of {world_size} ranks", "ranks are numbered from 0")
        return rank, world_size
    distributed: Any = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    for names in _VARIABLES:
        values = [os.environ.get(name) for name in names]
        if all(values):
            try:
                own, all_of_them = (int(value or "") for value in values)
            except ValueError:
                raise UsageError(f"{names[0]} = {values[0]!r} and {names[1]} = {values[1]!r} are no numbers") from None
            return found(own, all_of_them)
    return 0, 1
