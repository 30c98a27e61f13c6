#!/usr/bin/env bash
# Debian's v4l2loopback for the virtual Pi's own kernel: loopback.sh KERNEL FILE.ko. A device of V4L2 that takes pictures,
# as laptops have it by `apt install v4l2loopback-dkms`. Compiled here: in emulation it would take minutes.
set -euo pipefail
KERNEL=$1 MODULE=$2
. "$(dirname "$0")/apart.sh"
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
cd "$WORK"

# This machine's own mirrors, as image.sh takes them; all of it for arm64.
SOURCES=$(cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null | grep -v '^ *#' || true)
mirror() { grep -oE "https?://[^ ]+/$1/?( |\$)" <<<"$SOURCES" | head -1 | tr -d ' '; }
SECURITY=$(mirror debian-security || true)
mkdir -p state/lists/partial cache/archives/partial
printf 'deb %s\n' "$(mirror debian) trixie main" "$(mirror debian) trixie-updates main" \
  ${SECURITY:+"$SECURITY trixie-security main"} >sources
theirs() {
  apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State="$WORK/state" -o Dir::Cache="$WORK/cache" \
    -o Dir::State::status=/dev/null -o Dir::Etc::SourceList="$WORK/sources" -o Dir::Etc::SourceParts=- \
    -o Dir::Etc::TrustedParts=/usr/share/keyrings -o APT::Sandbox::User=root "$@"
}
theirs update
theirs download v4l2loopback-dkms "linux-headers-$KERNEL" "linux-headers-${KERNEL%-arm64}-common" \
  "linux-kbuild-${KERNEL%-arm64}" libc6 ||
  { echo "loopback: the mirror has no headers of $KERNEL any more: build the disk anew" >&2; exit 1; }
for package in *.deb; do dpkg-deb -x "$package" root; done

# What of it runs while it compiles is arm64's: emulated, with its own libc.
export QEMU_LD_PREFIX=$WORK/root
ln -s usr/lib root/lib
HEADERS=root/usr/src/linux-headers-$KERNEL
sed -i "s#include /usr/src#include $WORK/root/usr/src#" "$HEADERS/Makefile"
rm -f "$HEADERS/vmlinux" # it would be searched for types, with a program more
# The kernel's own compiler is newer than this machine's may be.
printf '#!/bin/bash\nexec aarch64-linux-gnu-gcc "${@/#-fmin-function-alignment=/-falign-functions=}"\n' >cc
chmod +x cc
cp -r root/usr/src/v4l2loopback-* source
make -s -C "$HEADERS" M="$WORK/source" ARCH=arm64 CC="$WORK/cc" modules >&2
cp source/v4l2loopback.ko "$MODULE"
