#!/usr/bin/env bash
# The virtual Pi's disk: image.sh FOLDER writes disk.img (ext4, no partition table), vmlinuz, initrd.img and id_ed25519
# there. Debian trixie for arm64, as Raspberry Pi OS has it below its own packages; those that Debian lacks (picamera2,
# lgpio) are made here. Run as root; .ci/run shows the packages that it needs. About 5 minutes, nearly all of it
# Debian's own install scripts in emulation.
set -euo pipefail
OUT=$1 HERE=$(cd "$(dirname "$0")" && pwd)
export OUT
ROOT=$OUT/root
mkdir -p "$OUT"
exec 9>"$OUT/lock"
flock 9
[ ! -e "$OUT/disk.img" ] || exit 0
lap() { echo "image: $SECONDS s: $*"; }
die() { echo "image: $*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || die "run as root: a disk full of other users' files is written"
. "$HERE/apart.sh"
[ -f "$OUT/id_ed25519" ] || ssh-keygen -q -t ed25519 -N '' -C virtual-pi -f "$OUT/id_ed25519"

# The mirrors that this machine itself uses; trixie is what runs in the virtual Pi, whatever runs here.
SOURCES=$(cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null | grep -v '^ *#' || true)
mirror() { grep -oE "https?://[^ ]+/$1/?( |\$)" <<<"$SOURCES" | head -1 | tr -d ' '; }
MAIN=$(mirror debian) SECURITY=$(mirror debian-security || true)
[ -n "$MAIN" ] || die "no Debian mirror in /etc/apt: an Ubuntu host needs one in sources.list.d"

PACKAGES=linux-image-arm64,initramfs-tools,zstd,systemd-sysv,systemd-resolved,systemd-timesyncd,udev,dbus,kmod,sudo
PACKAGES+=,iproute2,netbase,openssh-server,procps,polkitd,avahi-daemon,unattended-upgrades
PACKAGES+=,python3,python3-venv,python3-apt,python3-numpy,python3-prctl,python3-pil,python3-piexif,python3-tqdm
PACKAGES+=,python3-libarchive-c,python3-jsonschema,python3-libcamera,libcamera-ipa,libturbojpeg0,v4l-utils,iw

# Emulated seconds are what this costs, so what is slow is left to this machine, or out: units are enabled below;
# certificates, byte code of most packages, questions to nobody and good compression are not missed.
export PUT_OFF="/usr/bin/py3compile /usr/bin/py3clean /usr/sbin/update-ca-certificates /usr/bin/deb-systemd-helper
  /usr/bin/deb-systemd-invoke"
cat >"$OUT/slow-off.sh" <<'HOOK'
set -e
mkdir -p "$1/etc/initramfs-tools/conf.d"
printf 'MODULES=list\nCOMPRESSLEVEL=1\n' >"$1/etc/initramfs-tools/conf.d/virtual-pi"
printf 'virtio_blk\nvirtio_net\next4\n' >"$1/etc/initramfs-tools/modules"
echo update_initramfs=no >"$1/etc/initramfs-tools/update-initramfs.conf"
rm -f "$1/etc/apt/apt.conf.d/70debconf"
for program in $PUT_OFF; do
  [ ! -e "$1$program" ] || mv "$1$program" "$1$program.real"
  chroot "$1" dpkg-divert --quiet --local --no-rename --divert "$program.real" --add "$program"
  ln -s /bin/true "$1$program"
done
HOOK
# In memory: dpkg asks a disk to confirm every step.
mkdir -p "$ROOT"
mount -t tmpfs -o size=2g,mode=755 virtual-pi "$ROOT"
SYSTEMD_HWDB_UPDATE_BYPASS=1 mmdebstrap --quiet --mode=root --architectures=arm64 --variant=minbase \
  --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
  --dpkgopt=force-unsafe-io --dpkgopt=force-confold \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --essential-hook='sh "$OUT/slow-off.sh" "$1"' --include="$PACKAGES" trixie "$ROOT" \
  "deb $MAIN trixie main" "deb $MAIN trixie-updates main" ${SECURITY:+"deb $SECURITY trixie-security main"}
lap "Debian is there"

bash "$HERE/pi_packages.sh" "$OUT/debs" "$ROOT"
cp "$OUT"/debs/*.deb "$ROOT/tmp/"
chroot "$ROOT" sh -c 'dpkg -i /tmp/*.deb >/dev/null && rm /tmp/*.deb'
lap "picamera2 and lgpio are there"

for program in $PUT_OFF; do
  rm "$ROOT$program"
  chroot "$ROOT" dpkg-divert --quiet --local --rename --remove "$program"
done
echo update_initramfs=yes >"$ROOT/etc/initramfs-tools/update-initramfs.conf"
systemctl --root="$ROOT" preset-all 2>/dev/null
# The byte code of what a device imports of Debian's packages; that of the standard library is there.
chroot "$ROOT" python3 -m compileall -q /usr/lib/python3/dist-packages/picamera2 \
  /usr/lib/python3/dist-packages/libcamera /usr/lib/python3/dist-packages/apt >/dev/null
touch "$ROOT/etc/.updated" "$ROOT/var/.updated"
lap "what was put off is done"

# The machine: a user as Raspberry Pi OS makes one, its groups and device rights, and a network.
echo virtualpi >"$ROOT/etc/hostname"
printf '127.0.0.1 localhost\n127.0.1.1 virtualpi\n' >"$ROOT/etc/hosts"
echo '/dev/vda / ext4 defaults,noatime 0 1' >"$ROOT/etc/fstab"
printf '[Match]\nName=en* eth*\n[Network]\nDHCP=ipv4\n' >"$ROOT/etc/systemd/network/20-wired.network"
systemctl --root="$ROOT" -q mask systemd-networkd-wait-online.service apt-daily.timer apt-daily-upgrade.timer \
  e2scrub_all.timer e2scrub_reap.service systemd-pstore.service ldconfig.service
ln -sf ../run/systemd/resolve/stub-resolv.conf "$ROOT/etc/resolv.conf"
chroot "$ROOT" groupadd -f --system gpio
chroot "$ROOT" useradd -m -s /bin/bash -G sudo,video,gpio pi
echo 'pi ALL=(ALL) NOPASSWD:ALL' >"$ROOT/etc/sudoers.d/pi"
for home in root home/pi; do
  install -d -m700 "$ROOT/$home/.ssh"
  install -m600 "$OUT/id_ed25519.pub" "$ROOT/$home/.ssh/authorized_keys"
done
chroot "$ROOT" chown -R pi:pi /home/pi
cat >"$ROOT/etc/udev/rules.d/99-virtual-pi.rules" <<'RULES'
SUBSYSTEM=="gpio", KERNEL=="gpiochip*", GROUP="gpio", MODE="0660"
KERNEL=="udmabuf", GROUP="video", MODE="0660"
RULES
# picamera2 on a camera that is not a Pi's: see there.
install -m644 "$HERE/guest/virtual_picamera2.py" "$ROOT/usr/lib/python3/dist-packages/"
echo 'import virtual_picamera2' >"$ROOT/usr/lib/python3/dist-packages/virtual_picamera2.pth"
rm -rf "$ROOT"/var/cache/apt/archives/*.deb "$ROOT"/var/lib/apt/lists/*

cp -L "$ROOT"/boot/vmlinuz-* "$OUT/vmlinuz"
cp -L "$ROOT"/boot/initrd.img-* "$OUT/initrd.img"
truncate -s 3G "$OUT/disk.new"
mke2fs -q -t ext4 -E lazy_itable_init=1,lazy_journal_init=1 -L root -d "$ROOT" "$OUT/disk.new"
mv "$OUT/disk.new" "$OUT/disk.img"
lap "the disk is written: $(du -h "$OUT/disk.img" | cut -f1)"
rm -rf "$OUT/debs" "$OUT/slow-off.sh"
