#!/bin/bash
# Makes the Debian 12 root in which the servers run: root.sh ROOT
# Needs root and debootstrap. The mirror is the one of this machine's apt.
set -euo pipefail
root=${1:?usage: root.sh ROOT}
mirror=$(awk '/^URIs:/{print $2; exit}' /etc/apt/sources.list.d/debian.sources 2>/dev/null || true)
mirror=${mirror:-http://deb.debian.org/debian}
[ -x "$root/usr/bin/apt-get" ] || debootstrap --variant=minbase \
  --include=eatmydata,ca-certificates,perl,python3-minimal,procps,iproute2,netbase,openssl bookworm "$root" "$mirror"

cp -r /etc/apt/sources.list.d/debian.sources "$root/etc/apt/sources.list.d/" 2>/dev/null || true
for f in /etc/apt/apt.conf.d/99*; do [ -e "$f" ] && cp "$f" "$root/etc/apt/apt.conf.d/"; done
: >"$root/etc/apt/sources.list"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
echo web01 >"$root/etc/hostname"
cp /etc/resolv.conf /etc/hosts "$root/etc/"

inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LANG=C.UTF-8 "$@"; }
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/dev/shm" 2>/dev/null || true
trap 'umount "$root/dev/shm" "$root/proc" || true' EXIT
inside apt-get update -q
# One server after the other, as an administrator would: the package manager's own logs are two of the formats.
for set in \
  'rsyslog cron logrotate curl' 'nginx haproxy squid caddy' 'postgresql postgresql-contrib' 'mariadb-server' 'redis-server' \
  'bind9 bind9-dnsutils' 'openssh-server openssh-client sshpass' 'postfix dovecot-imapd dovecot-pop3d dovecot-lmtpd' \
  'prometheus prometheus-node-exporter prometheus-alertmanager' 'tomcat10 openjdk-17-jdk-headless' 'systemd' \
  'slapd ldap-utils' 'etcd-server etcd-client' 'nodejs npm' 'strace git gcc make' 'docker.io' 'mosquitto mosquitto-clients' 'exim4-daemon-light-'; do
  inside eatmydata apt-get install -q -y --no-install-recommends $set
done
# What makes this root's own names neutral.
echo '127.0.0.1 localhost web01 web01.example.com' >"$root/etc/hosts"
rm -f "$root/etc/resolv.conf"
# The one program that is not in Debian: a web framework with its JSON logger.
mkdir -p "$root/srv/app" && npm --prefix "$root/srv/app" install --no-audit --no-fund --silent fastify@4.29.1 winston@3.17.0
