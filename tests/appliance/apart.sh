# Sourced first, by a script that runs arm64's programs: it goes on in a place of its own, where they are emulated. What
# is mounted there is gone when it ends, however it ends.
[ "${APART:-}" ] || APART=1 exec unshare --mount --propagation private -- bash "$0" "$@"
mountpoint -q /proc/sys/fs/binfmt_misc || mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
[ -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ] || update-binfmts --import qemu-aarch64
