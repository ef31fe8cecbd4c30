"""Memory is given back: `leaks.py`, done short."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="there is no /proc: memory is not looked at")
def test_memory_is_given_back() -> None:
    script = Path(__file__).with_name("leaks.py")
    done = subprocess.run([sys.executable, script, "0.02"], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
