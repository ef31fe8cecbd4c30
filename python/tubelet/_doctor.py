"""What this installation can read."""

from __future__ import annotations

import json
from typing import Any

from . import _tubelet


class Diagnosis(dict[str, Any]):
    """What was found, as ``tubelet doctor --json`` prints it; printed, a line a format."""

    __slots__ = ("complete", "install")

    #: Whether nothing is missing.
    complete: bool
    #: The line that installs what is missing, by the family of systems; that of this system first. Empty where nothing is.
    install: dict[str, str]

    def __init__(self, found: dict[str, Any], complete: bool, install: dict[str, str]) -> None:
        super().__init__(found)
        self.complete, self.install = complete, install

    def __str__(self) -> str:
        lines = [f"tubelet {self['version']}, GStreamer {self['gstreamer'] or 'not there'}"]
        for format in self["formats"]:
            name = format["name"] + (" encoder" if format["kind"] == "encoder" else "")
            missing = ", ".join(lack["name"] for lack in format["missing"])
            present = ", ".join(it["name"] for it in format["installed"]) or "tubelet itself"
            lines.append(f"{name:16} {'missing: ' + missing if missing else 'ok: ' + present}")
        lines += [f"{system + ':':16} {line}" for system, line in self.install.items()]
        return "\n".join(lines)

    __repr__ = __str__

    def __reduce__(self) -> tuple[Any, ...]:
        return Diagnosis, (dict(self), self.complete, self.install)


def doctor() -> Diagnosis:
    """Which codecs and containers can be read here, what is missing, and which package brings it, by the names of Debian and
    Ubuntu, Fedora, Arch Linux, openSUSE and Homebrew. No video is opened."""
    found, complete, install = _tubelet.doctor()
    return Diagnosis(json.loads(found), complete, dict(install))
