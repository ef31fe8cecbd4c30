"""Arguments as people give them, checked, as the native half takes them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from ._errors import UsageError


def settings(given: Mapping[str, Any] | Sequence[str] | None) -> list[str]:
    """Settings of a recipe as ``key=value``."""
    if given is None:
        return []
    if isinstance(given, Mapping):
        return [f"{key}={_written(value)}" for key, value in given.items()]
    if isinstance(given, str):
        raise UsageError("set must be a dictionary, or a list of strings such as 'clip.stride=2'")
    return [str(setting) for setting in given]


def _written(value: Any) -> str:
    """A value as TOML writes it; NumPy's booleans look like Python's."""
    text = str(value)
    return text.lower() if text in ("True", "False") else text


def path(given: Any) -> str | None:
    """A path, or a name."""
    if given is None:
        return None
    try:
        return os.fsdecode(given)
    except TypeError as error:
        raise UsageError(str(error)) from None


def count(name: str, given: Any) -> int | None:
    """How many, at least one."""
    return None if given is None else number(name, given, 1)


#: The largest number that an epoch, a rank or a count may be.
MOST = 2**32 - 1


def number(name: str, given: Any, least: int, most: int = MOST) -> int:
    """A whole number, NumPy's and PyTorch's included."""
    try:
        found = int(given.__index__())
    except (AttributeError, TypeError):
        raise UsageError(f"{name} = {given!r} is no whole number") from None
    if found < least:
        raise UsageError(f"{name} = {found} must be at least {least}")
    if found > most:
        raise UsageError(f"{name} = {found} must be at most {most}")
    return found


def pair(name: str, given: Any) -> tuple[int, int] | None:
    """Two counts."""
    if given is None:
        return None
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise UsageError(f"{name} = {given!r} is no pair of numbers such as (16, 4)")
    return number(name, given[0], 1), number(name, given[1], 1)
