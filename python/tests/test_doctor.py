"""`doctor`: the same as the command says."""

import json
import pickle
import subprocess
import sys

import tubelet


def test_it_finds_what_the_command_finds() -> None:
    found = tubelet.doctor()
    done = subprocess.run([sys.executable, "-m", "tubelet", "doctor", "--json"], capture_output=True, text=True)
    assert json.loads(done.stdout) == dict(found)
    assert found.complete == (done.returncode == 0) == (not found.install)
    assert str(found).startswith(f"tubelet {tubelet.__version__}, GStreamer ")
    assert len(str(found).splitlines()) == 1 + len(found["formats"]) + len(found.install)
    again = pickle.loads(pickle.dumps(found))
    assert again == found and again.install == found.install


def test_what_is_missing_is_named_with_its_package() -> None:
    lack = {"name": "avdec_h264", "does_not_load": False, "packages": []}
    format = {"name": "H.264", "kind": "codec", "installed": [], "missing": [lack]}
    facts = {"version": "1", "gstreamer": None, "formats": [format]}
    found = tubelet.Diagnosis(facts, False, {"Debian and Ubuntu": "apt install gstreamer1.0-libav"})
    assert "missing: avdec_h264" in str(found) and "apt install gstreamer1.0-libav" in str(found)
