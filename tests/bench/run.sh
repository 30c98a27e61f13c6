#!/bin/sh
# The benchmark. Installs what it needs (Debian, root), keeps everything of its own in $BENCH, outside the repository.
#   tests/bench/run.sh [--long] [--only PART]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=$here/../../.venv/bin/python
export BENCH="${BENCH:-/tmp/lenswire-bench}"
mkdir -p "$BENCH"

packages="gcc libc6-dev linux-libc-dev ustreamer gstreamer1.0-tools gstreamer1.0-plugins-base
    gstreamer1.0-plugins-good gstreamer1.0-x mpv xvfb"
if ! dpkg -s $packages >"$BENCH/install.log" 2>&1; then
    echo "installing the peers ..."
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $packages; } \
        >"$BENCH/install.log" 2>&1 || { echo "that failed; see $BENCH/install.log"; exit 1; }
fi
gcc -O2 -Wall -fPIC -shared -o "$BENCH/fakev4l2.so" "$here/fakev4l2.c" -ldl -lpthread
[ -f "$BENCH/frames/1920x1080.yu12" ] || "$python" "$here/mkframes.py" "$BENCH/frames"
"$python" -c "import matplotlib" 2>/dev/null || "$python" -m pip -q --disable-pip-version-check install matplotlib
exec "$python" "$here/bench.py" "$@"
