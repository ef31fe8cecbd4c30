"""Says which package is missing where the native half cannot be loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

# The packages that bring a library, by the first word of its file's name.
PACKAGES = {
    "gst": {
        "Debian, Ubuntu": "apt install libgstreamer1.0-0 libgstreamer-plugins-base1.0-0 gstreamer1.0-plugins-good "
        "gstreamer1.0-plugins-bad gstreamer1.0-libav",
        "Fedora": "dnf install gstreamer1 gstreamer1-plugins-base gstreamer1-plugins-good "
        "gstreamer1-plugins-bad-free gstreamer1-plugin-libav",
        "Arch": "pacman -S gstreamer gst-plugins-base gst-plugins-good gst-plugins-bad gst-libav",
        "openSUSE": "zypper install libgstreamer-1_0-0 libgstvideo-1_0-0 gstreamer-plugins-good "
        "gstreamer-plugins-bad gstreamer-plugins-libav",
        "macOS": "brew install gstreamer",
    },
    "glib": {
        "Debian, Ubuntu": "apt install libglib2.0-0",
        "Fedora": "dnf install glib2",
        "Arch": "pacman -S glib2",
        "openSUSE": "zypper install libglib-2_0-0 libgobject-2_0-0",
        "macOS": "brew install glib",
    },
    "dav1d": {
        "Debian, Ubuntu": "apt install 'libdav1d[0-9]'",
        "Fedora": "dnf install libdav1d",
        "Arch": "pacman -S dav1d",
        "openSUSE": "zypper install libdav1d7",
        "macOS": "brew install dav1d",
    },
}
PACKAGES["gobject"] = PACKAGES["glib"]


def words(why: str) -> str | None:
    """What to do about an ``ImportError`` that says ``why``, if a library is what is missing."""
    found = re.search(r"lib(gst|glib|gobject|dav1d)[\w.+-]*", why)
    if found is None:
        return None
    packages = PACKAGES[found[1]]
    lines = [f"  {system + ':':16} {command}" for system, command in packages.items()]
    return "\n".join([f"tubelet needs the library {found[0]}, which is not installed:", *lines])


@contextmanager
def explained() -> Iterator[None]:
    """Adds to an ``ImportError`` which package is missing."""
    try:
        yield
    except ImportError as error:
        said = words(str(error))
        if said is None:
            raise
        raise ImportError(f"{said}\n\n({error})", name=error.name, path=error.path) from error
