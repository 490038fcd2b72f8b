# sshd through rsyslog: scans, wrong names and passwords, keys, sessions, sftp; with cron and sudo-less su beside it
cat >/run/rsyslog.conf <<CONF
module(load="imuxsock" SysSock.Name="/dev/log")
\$ActionFileDefaultTemplate RSYSLOG_TraditionalFileFormat
*.* /out/sshd.log
CONF
rsyslogd -n -f /run/rsyslog.conf -i /run/rsyslog.pid & sleep 1
. /opt/heldout/load/ssh.sh
for i in 1 2 3 4 5 6 7 8 9 10; do worker $i >/dev/null 2>&1 </dev/null & w="${w:-} $!"; done; wait $w || true
