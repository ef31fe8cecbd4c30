"""What happens when the package is imported."""

import subprocess
import sys

from conftest import run

import tubelet
from tubelet import _native_library


def test_an_import_is_quick_and_brings_no_large_library() -> None:
    code = """
        import sys, time
        begun = time.process_time()
        import tubelet
        took = time.process_time() - begun
        large = {"torch", "numpy", "pyarrow", "pandas"} & set(sys.modules)
        print(took)
        assert not large, large
        assert took < 0.3, took
    """
    done = run(code)
    assert done.returncode == 0, done.stderr


def test_every_public_name_has_words_of_its_own() -> None:
    assert sorted(tubelet.__all__) == tubelet.__all__
    for name in tubelet.__all__:
        if name != "__version__":
            assert getattr(tubelet, name).__doc__, name


def test_a_missing_library_is_named_with_its_packages() -> None:
    why = "libgstreamer-1.0.so.0: cannot open shared object file: No such file or directory"
    said = _native_library.words(why)
    assert said is not None
    for word in ["libgstreamer-1.0.so.0", "apt install libgstreamer1.0-0", "dnf install", "pacman -S", "zypper", "brew"]:
        assert word in said
    assert "libdav1d" in (_native_library.words("libdav1d.so.6: cannot open shared object file") or "")
    assert _native_library.words("undefined symbol: foo") is None


def test_an_import_without_gstreamer_says_what_to_install(tmp_path) -> None:  # type: ignore[no-untyped-def]
    # A library of the same name that is none is found first.
    (tmp_path / "libgstreamer-1.0.so.0").write_bytes(b"")
    done = run("import tubelet", env={"LD_LIBRARY_PATH": str(tmp_path)})
    assert done.returncode == 1
    assert "apt install" in done.stderr and "ImportError" in done.stderr, done.stderr


def test_the_package_can_be_run_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "tubelet", "--version"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == f"tubelet {tubelet.__version__}\n", done
    wrong = subprocess.run([sys.executable, "-m", "tubelet", "scan", "/no/such"], capture_output=True, text=True)
    assert wrong.returncode == 2 and "no such file" in wrong.stderr, wrong
