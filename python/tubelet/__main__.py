"""The command ``tubelet``."""

from __future__ import annotations

import signal
import sys

from ._tubelet import run_command


def main() -> int:
    """Does what the command line asks for; gives the exit code."""
    # Ctrl-C is the command's: it ends a run after the step, with a checkpoint.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return run_command(["tubelet", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
