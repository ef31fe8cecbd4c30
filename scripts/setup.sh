#!/usr/bin/env bash
# Installs what tubelet needs to be built and run, where it is missing.
#
#   scripts/setup.sh              GStreamer and its plugins
#   scripts/setup.sh --libtorch   and what bringing LibTorch needs besides
#   scripts/setup.sh --python     and what building and testing the Python package needs besides
#   scripts/setup.sh --mpi        and what several processes that train one model need besides
#   scripts/setup.sh --browser    and the browser that the tests open reports in (Chromium; not by brew)
#   scripts/setup.sh --print      only prints the command line that would install them
#
# It knows apt-get, dnf, pacman, zypper and brew, and asks for root by sudo where needed. apt-get was tried on Debian 12
# and 13; the others were not tried: their names of packages come from the distributions' own lists.
#
# Fedora has H.264, HEVC and the H.264 encoder in RPM Fusion, openSUSE in Packman: add that repository first.
set -euo pipefail

print=
libtorch=
wheel=
mpi=
browser=
for argument in "$@"; do
  case $argument in
    --libtorch) libtorch=1 ;;
    --python) wheel=1 ;;
    --mpi) mpi=1 ;;
    --browser) browser=1 ;;
    --print) print=1 ;;
    *) echo "setup: unknown argument $argument" >&2; exit 2 ;;
  esac
done

# What installs, what tells whether a package is there, and the names: compiler and libraries, plugins, Python for LibTorch
# and for the wheel, MPI and what reads its headers, the browser.
for tool in apt-get dnf pacman zypper brew none; do command -v "$tool" >/dev/null && break; done
case $tool in
  apt-get)
    install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends)
    is_there() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
    packages=(gcc g++ pkg-config libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev libdav1d-dev
      gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
      gstreamer1.0-plugins-ugly gstreamer1.0-libav)
    python=(python3 python3-pip unzip) venv=(python3 python3-venv)
    processes=(openmpi-bin libopenmpi-dev clang libclang-dev) pages=(chromium) ;;
  dnf)
    install=(dnf install -y)
    is_there() { rpm -q --quiet --whatprovides "$1"; }
    packages=(gcc gcc-c++ pkgconf-pkg-config gstreamer1-devel gstreamer1-plugins-base-devel libdav1d-devel
      gstreamer1-plugins-base gstreamer1-plugins-base-tools gstreamer1-plugins-good gstreamer1-plugins-bad-free
      gstreamer1-plugins-ugly gstreamer1-plugin-libav libavcodec-freeworld)
    python=(python3 python3-pip unzip) venv=(python3 python3-pip)
    processes=(openmpi openmpi-devel clang clang-devel) pages=(chromium) ;;
  pacman)
    install=(pacman -S --noconfirm --needed)
    is_there() { pacman -T "$1" >/dev/null; }
    packages=(gcc pkgconf dav1d gstreamer gst-plugins-base gst-plugins-good gst-plugins-bad gst-plugins-ugly gst-libav)
    python=(python python-pip unzip) venv=(python python-pip)
    processes=(openmpi clang) pages=(chromium) ;;
  zypper)
    install=(zypper --non-interactive install)
    is_there() { rpm -q --quiet --whatprovides "$1"; }
    packages=(gcc gcc-c++ pkg-config gstreamer-devel gstreamer-plugins-base-devel dav1d-devel
      gstreamer-utils gstreamer-plugins-base gstreamer-plugins-good gstreamer-plugins-bad gstreamer-plugins-ugly
      gstreamer-plugins-libav)
    python=(python3 python3-pip unzip) venv=(python3 python3-pip)
    processes=(openmpi openmpi-devel clang clang-devel) pages=(chromium) ;;
  brew)
    install=(brew install)
    is_there() { brew list --versions "$1" >/dev/null 2>&1; }
    packages=(pkgconf gstreamer dav1d)
    python=(python3) venv=(python3) processes=(open-mpi llvm) pages=() ;;
  none)
    if pkg-config --exists gstreamer-1.0 2>/dev/null && gst-inspect-1.0 avdec_h264 >/dev/null 2>&1; then exit 0; fi
    echo "setup: none of apt-get, dnf, pacman, zypper and brew is here. Install GStreamer 1.20 or newer with its" >&2
    echo "setup: development files, the plugin sets base, good, bad, ugly and libav, the command line tools, dav1d" >&2
    echo "setup: with its development files, pkg-config and a C++ compiler, then run make again." >&2
    exit 1 ;;
esac
[ -z "$libtorch" ] || packages+=("${python[@]}")
[ -z "$wheel" ] || packages+=("${venv[@]}")
[ -z "$mpi" ] || packages+=("${processes[@]}")
# An empty list is an unbound one to older versions of bash.
[ -z "$browser" ] || packages+=(${pages[@]+"${pages[@]}"})

as_root=()
[ "$tool" = brew ] || [ "$(id -u)" -eq 0 ] || as_root=(sudo)
if [ -n "$print" ]; then
  echo "${as_root[*]:+${as_root[*]} }${install[*]} ${packages[*]}"
  exit 0
fi

if ! command -v cargo >/dev/null; then
  echo "setup: cargo is missing; install Rust 1.95 or newer first: https://rustup.rs" >&2
  exit 1
fi
missing=()
for package in "${packages[@]}"; do is_there "$package" || missing+=("$package"); done
[ ${#missing[@]} -eq 0 ] && exit 0
if [ ${#as_root[@]} -gt 0 ] && ! command -v sudo >/dev/null; then
  echo "setup: install these as root: ${missing[*]}" >&2
  exit 1
fi
echo "setup: installing ${missing[*]} by $tool" >&2
[ "$tool" != apt-get ] || ${as_root[@]+"${as_root[@]}"} apt-get update -qq
${as_root[@]+"${as_root[@]}"} "${install[@]}" "${missing[@]}" >&2
