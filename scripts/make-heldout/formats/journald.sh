# systemd-journald: the journal of a host with sshd, cron, Postfix, named, su and useradd, in the export format
mkdir -p /run/systemd/journal /run/log/journal /run/systemd/units /run/named
mount -t sysfs -o ro sysfs /sys; mount -t cgroup2 cgroup2 /sys/fs/cgroup
uuid=$(cat /proc/sys/kernel/random/uuid); echo $uuid >/run/boot; mount --bind /run/boot /proc/sys/kernel/random/boot_id; echo ${uuid//-/} | rev >/etc/machine-id
printf '[Journal]\nStorage=volatile\nRateLimitBurst=0\nReadKMsg=no\nAudit=no\n' >/etc/systemd/journald.conf
/lib/systemd/systemd-journald & journal=$!
sleep 1; ln -sf /run/systemd/journal/dev-log /dev/log
LOAD_SECONDS=45; . /opt/heldout/load/ssh.sh
postconf -e inet_interfaces=127.0.0.1 myhostname=web01.example.com maillog_file= ; postconf -F '*/*/chroot=n'; newaliases; postfix start >/dev/null 2>&1
CHANNEL='syslog daemon'; . /opt/heldout/load/zones.sh
chown bind /run/named /run/*.zone; named -f -u bind -c /run/named.conf & sleep 1
python3 /opt/heldout/load/journal.py 300 &
(sleep 1; timeout 40 python3 /opt/heldout/load/dns.py 5353 4 71 || true) &
for i in 1 2 3; do worker $i >/dev/null 2>&1 </dev/null & w="${w:-} $!"; done
for i in $(seq 40); do
  printf 'From: cron\nSubject: job %d\n\nran %d files\n' $i $((RANDOM % 900)) | sendmail -f app@example.com "$([ $((i % 3)) = 0 ] && echo nobody$i || echo root)" || true
  printf 'backup of disk %d\n  files: %d\n  errors: %d\n' $((i % 3)) $((RANDOM * 7)) $((RANDOM % 2)) | systemd-cat -t backup -p info
  logger -t app -p daemon.warning "slow request $i: $((RANDOM % 4000)) ms, größe $RANDOM"
  sleep 1
done
wait $w || true; journalctl -D /run/log/journal -o export >$1; kill $journal
