#!/usr/bin/env bash
# The packages that Raspberry Pi OS has and Debian lacks, made from what their authors publish:
# pi_packages.sh FOLDER ROOT writes FOLDER/*.deb for arm64 and the Python of the Debian tree ROOT.
set -euo pipefail
OUT=$1 ROOT=$2
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
mkdir -p "$OUT"
CC="aarch64-linux-gnu-gcc -shared -fPIC -O2 -w -pthread -I$WORK/include"
SUFFIX=cpython-313-aarch64-linux-gnu.so
PIP="${PYTHON:-python3} -m pip --disable-pip-version-check -q"

# Python's headers, which the device itself does not need: by this machine's apt, from that tree's sources.
mkdir -p "$WORK/state/lists/partial" "$WORK/cache/archives/partial"
theirs() {
  apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State="$WORK/state" -o Dir::Cache="$WORK/cache" \
    -o Dir::State::status=/dev/null -o Dir::Etc::SourceList="$ROOT/etc/apt/sources.list" -o Dir::Etc::SourceParts=- \
    -o Dir::Etc::TrustedParts=/usr/share/keyrings -o APT::Sandbox::User=root "$@"
}
(cd "$WORK" && theirs update && theirs download libpython3.13-dev)
dpkg-deb -x "$WORK"/libpython3.13-dev_*.deb "$WORK/headers"
mv "$WORK/headers/usr/include/python3.13" "$WORK/include"
cp -r "$WORK/headers/usr/include/aarch64-linux-gnu" "$WORK/include/"

source_of() { (cd "$WORK" && $PIP download --no-deps --no-binary=:all: -d . "$1" && tar xzf "${1%%==*}"-*.tar.gz); }
package() { # package NAME VERSION DEPENDS FOLDER
  mkdir -p "$4/DEBIAN"
  printf 'Package: %s\nVersion: %s\nArchitecture: arm64\nMaintainer: lenswire\nDepends: %s\nDescription: %s\n' \
    "$1" "$2" "$3" "as Raspberry Pi OS has it, for the virtual Pi" >"$4/DEBIAN/control"
  dpkg-deb --root-owner-group -Znone -b "$4" "$OUT/$1.deb" >/dev/null
}

LIB=usr/lib/python3/dist-packages
GPIO=$WORK/gpio/$LIB
mkdir -p "$GPIO"
source_of lgpio==0.2.2.0
(cd "$WORK/lgpio-0.2.2.0" && swig -python -outdir "$GPIO" -o wrap.c lgpio.i &&
  $CC -Isrc src/lg*.c src/rgpiod.c wrap.c -o "$GPIO/_lgpio.$SUFFIX" -lrt -ldl)
mkdir -p "$GPIO/lgpio-0.2.2.0.dist-info"
printf 'Metadata-Version: 2.1\nName: lgpio\nVersion: 0.2.2.0\n' >"$GPIO/lgpio-0.2.2.0.dist-info/METADATA"
package python3-lgpio 0.2.2-1 python3 "$WORK/gpio"

CAMERA=$WORK/camera/$LIB
mkdir -p "$CAMERA"
$PIP install --no-deps --no-compile --only-binary=:all: --python-version 3.13 --implementation cp --abi cp313 --abi none \
  --platform manylinux2014_aarch64 --platform manylinux_2_28_aarch64 --platform manylinux_2_34_aarch64 --platform any \
  --target "$CAMERA" picamera2==0.3.38 simplejpeg==1.9.0 videodev2==0.0.4
source_of pidng==4.0.9
cp -r "$WORK/pidng-4.0.9/src/pidng" "$CAMERA/"
(cd "$WORK/pidng-4.0.9/src/pidng" && $CC -std=gnu99 bitunpack.c liblj92/lj92.c -o "$CAMERA/ljpegCompress.$SUFFIX")
# picamera2 imports its DRM preview always, which a headless box never uses.
cat >"$CAMERA/pykms.py" <<'PY'
"""Nothing that shows: the virtual Pi has no display."""


class _Names(type):
    def __getattr__(cls, name: str) -> str:
        return name


class PixelFormat(metaclass=_Names):
    """Any format, by its name."""
PY
package python3-picamera2 0.3.38-1 "python3-libcamera, python3-numpy, python3-prctl, python3-pil, python3-piexif, \
python3-tqdm, python3-libarchive-c, python3-jsonschema" "$WORK/camera"
