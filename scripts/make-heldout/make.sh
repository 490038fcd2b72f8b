#!/bin/bash
# Makes held-out logs: make.sh ROOT OUT NAME...
# Each format runs in namespaces of its own (files, host name, network with loopback only, processes), so nothing it
# starts outlives it and no name or path of this machine reaches a log.
set -euo pipefail
root=$(realpath "${1:?usage: make.sh ROOT OUT NAME...}") out=$(realpath "${2:?usage: make.sh ROOT OUT NAME...}")
shift 2
here=$(dirname "$(realpath "$0")")
for name in "$@"; do
  [ -x "$here/formats/$name.sh" ] || { echo "no format $name" >&2; exit 2; }
  mkdir -p "$out"
  rm -f "$out/$name.log"
  # The upper layer of an overlay takes what the format writes: every format starts from the same root.
  work=$(mktemp -d "${TMPDIR:-/var/tmp}/heldout.XXXXXX")
  mkdir "$work/upper" "$work/work" "$work/root"
  unshare --mount --uts --net --pid --ipc --fork --kill-child bash -euc '
    root=$1 work=$2 out=$3 here=$4 name=$5
    hostname web01
    ip link set lo up
    mount -t overlay overlay -o "lowerdir=$root,upperdir=$work/upper,workdir=$work/work" "$work/root"
    cd "$work/root"
    mount -t proc proc proc
    mount -t tmpfs tmpfs run; mount -t tmpfs tmpfs tmp; chmod 1777 tmp
    mount -t tmpfs -o mode=755 tmpfs dev; mkdir dev/shm dev/pts; chmod 1777 dev/shm
    for d in null zero full random urandom tty; do touch dev/$d; mount --bind /dev/$d dev/$d; done
    mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts dev/pts; ln -s pts/ptmx dev/ptmx
    ln -s /proc/self/fd dev/fd; ln -s /proc/self/fd/1 dev/stdout; ln -s /proc/self/fd/2 dev/stderr
    mkdir -p out opt/heldout run/lock
    mount --bind "$out" out; mount --bind "$here" opt/heldout
    exec chroot . env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM=dumb \
      timeout -k 5 "${HELDOUT_SECONDS:-400}" bash -eu "/opt/heldout/formats/$name.sh" "/out/$name.log"
  ' bash "$root" "$work" "$out" "$here" "$name" || echo "$name: left with $?" >&2
  rm -rf "$work"
  # A few servers print the release of the kernel once when they start: those lines are the machine's, not theirs.
  grep -avF "$(uname -r)" "$out/$name.log" >"$out/$name.tmp" || true
  mv "$out/$name.tmp" "$out/$name.log"
  [ -s "$out/$name.log" ] && printf '%-16s %9d bytes %8d lines  xz -9e %8d\n' "$name" "$(stat -c %s "$out/$name.log")" \
    "$(wc -l <"$out/$name.log")" "$(xz -9e -c "$out/$name.log" | wc -c)"
done
