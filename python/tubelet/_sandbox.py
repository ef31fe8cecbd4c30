"""Decoding in processes of their own: how they are started, and who asks for them."""

from __future__ import annotations

import sys

from . import _tubelet
from ._errors import UsageError

# A decoding process is an interpreter without packages that loads the native half alone.
_PROGRAM = """\
import sys
from importlib.machinery import ExtensionFileLoader, ModuleSpec
loader = ExtensionFileLoader("tubelet._tubelet", sys.argv[1])
module = loader.create_module(ModuleSpec("tubelet._tubelet", loader, origin=sys.argv[1]))
loader.exec_module(module)
module.serve()
"""


def prepare() -> bool:
    """Tells the native half how its decoding processes are started. Says whether there can be any: on Linux, and where it is
    known which program the interpreter is."""
    program = sys.executable
    return bool(program) and _tubelet.decode_by(program, ["-I", "-S", "-c", _PROGRAM, _tubelet.__file__])


_THERE = prepare()


def checked(sandbox: bool | None) -> bool | None:
    """Whether there shall be decoding processes; refuses them where there can be none."""
    if sandbox and not _THERE:
        raise UsageError(
            "sandbox = True needs Linux, a sys.executable, and no limit of the size of files (`ulimit -f`)",
            "sandbox=False decodes on threads",
        )
    return None if sandbox is None else bool(sandbox)
