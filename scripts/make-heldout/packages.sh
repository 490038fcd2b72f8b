#!/bin/bash
# Makes dpkg.log: packages.sh ROOT OUT
# A system is set up, upgraded and cleared of packages by apt itself, on a copy of the root; this one needs the mirror.
set -euo pipefail
root=$(realpath "${1:?usage: packages.sh ROOT OUT}") out=$(realpath "${2:?usage: packages.sh ROOT OUT}")
work=$(mktemp -d "${TMPDIR:-/var/tmp}/heldout.XXXXXX")
mkdir "$work/upper" "$work/work" "$work/root"
unshare --mount --uts --pid --ipc --fork --kill-child bash -euc '
  root=$1 work=$2 out=$3
  hostname web01
  mount -t overlay overlay -o "lowerdir=$root,upperdir=$work/upper,workdir=$work/work" "$work/root"
  cp /etc/resolv.conf /etc/hosts "$work/root/etc/"
  cd "$work/root"
  mount -t proc proc proc
  mount -t tmpfs -o mode=755 tmpfs dev; mkdir dev/shm dev/pts; chmod 1777 dev/shm
  for d in null zero full random urandom tty; do touch dev/$d; mount --bind /dev/$d dev/$d; done
  mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts dev/pts; ln -s pts/ptmx dev/ptmx
  apt() { chroot . env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LANG=C.UTF-8 eatmydata apt-get -q -y "$@" >/dev/null </dev/null || true; }
  apt upgrade
  for set in "build-essential cmake gdb autoconf libtool pkg-config" "php8.2-fpm php8.2-mysql php8.2-xml php8.2-curl php8.2-gd" \
    "python3-numpy python3-django python3-sqlalchemy python3-flask" "apache2 libapache2-mod-wsgi-py3" "samba-common-bin nfs-common" \
    "ruby-full bundler" "imagemagick ghostscript" "vim emacs-nox tmux htop mtr-tiny" "r-base-core" "texlive-latex-base" "rabbitmq-server" \
    "ffmpeg" "xfce4" "libgtk-3-dev" "qtbase5-dev" "postgis" "golang-go" "octave" "gstreamer1.0-plugins-good" "samba" "bird2 frr" "munin" "mailman3"; do
    apt install --no-install-recommends $set
  done
  apt remove npm emacs-nox r-base-core; apt autoremove
  apt purge rabbitmq-server texlive-latex-base samba-common-bin; apt autoremove --purge
  apt install --no-install-recommends emacs-nox texlive-latex-base
  apt install --reinstall nginx php8.2-cli php8.2-common redis-server openssh-server apache2 vim ruby3.1
  apt remove ffmpeg libgtk-3-dev qtbase5-dev golang-go; apt autoremove
  apt install --no-install-recommends libgtk-3-dev golang-go ffmpeg
  apt purge xfce4 octave mailman3; apt autoremove --purge
  apt purge apache2 imagemagick ghostscript ruby-full php8.2-fpm; apt autoremove --purge
  cp var/log/dpkg.log "$out/dpkg.log"
' bash "$root" "$work" "$out"
rm -rf "$work"
