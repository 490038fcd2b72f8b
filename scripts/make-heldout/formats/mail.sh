# Postfix and Dovecot through rsyslog, RFC 5424 style timestamps: deliveries, rejections, bounces, IMAP and POP3 sessions
cat >/run/rsyslog.conf <<CONF
module(load="imuxsock" SysSock.Name="/dev/log")
mail.* action(type="omfile" file="/out/mail.log" template="RSYSLOG_FileFormat")
CONF
rsyslogd -n -f /run/rsyslog.conf -i /run/rsyslog.pid & sleep 1
groupadd -g 5000 vmail; useradd -u 5000 -g vmail -d /var/vmail -m vmail
postconf -e myhostname=mail.example.com mydestination=localhost virtual_mailbox_domains=example.com,example.net 'virtual_transport=lmtp:inet:127.0.0.1:2424' \
  virtual_mailbox_maps=hash:/etc/postfix/vmailbox virtual_alias_maps=hash:/etc/postfix/virtual inet_interfaces=127.0.0.1 smtp_dns_support_level=disabled compatibility_level=3.6 \
  'smtpd_recipient_restrictions=permit_sasl_authenticated,reject_unauth_destination,reject_non_fqdn_sender' smtpd_peername_lookup=no 'smtpd_helo_restrictions=reject_invalid_helo_hostname' smtpd_helo_required=yes \
  message_size_limit=90000 minimal_backoff_time=5s maximal_backoff_time=12s queue_run_delay=4s maximal_queue_lifetime=40s bounce_queue_lifetime=30s smtpd_client_connection_rate_limit=0 smtpd_error_sleep_time=0 mynetworks=10.9.8.7/32 maillog_file=
postconf -F '*/*/chroot=n'; postconf -M 2525/inet='2525 inet n - n - - smtpd'
postconf -e smtpd_sasl_type=dovecot smtpd_sasl_path=inet:127.0.0.1:2400 smtpd_sasl_auth_enable=yes smtpd_tls_auth_only=no smtpd_tls_security_level=none
for i in $(seq 60); do echo "user$i@example.com ok"; [ $((i % 3)) = 0 ] && echo "user$i@example.net ok" || true; done >/etc/postfix/vmailbox
echo 'sales@example.com user1@example.com, user2@example.com, user3@example.com, gone@example.com' >/etc/postfix/virtual; echo 'info@example.net user4@example.com, someone@remote.example.org' >>/etc/postfix/virtual
postmap /etc/postfix/vmailbox /etc/postfix/virtual; newaliases
cat >/run/dovecot.conf <<CONF
base_dir = /run/dovecot
protocols = imap pop3 lmtp
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_verbose = yes
mail_location = maildir:/var/vmail/%d/%n
mail_plugins = \$mail_plugins quota mail_log notify
plugin {
  quota = maildir:User quota
  quota_rule = *:storage=40k
  mail_log_events = delete undelete expunge copy mailbox_create
}
passdb {
  driver = static
  args = password=PLAIN-mail
}
userdb {
  driver = static
  args = uid=vmail gid=vmail home=/var/vmail/%d/%n allow_all_users=yes
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = 2424
  }
}
service auth {
  inet_listener {
    address = 127.0.0.1
    port = 2400
  }
}
service imap-login {
  inet_listener imap {
    port = 1143
  }
}
service pop3-login {
  inet_listener pop3 {
    port = 1110
  }
}
CONF
dovecot -c /run/dovecot.conf; postfix start >/dev/null 2>&1; sleep 2
for i in 1 2 3 4; do timeout 110 python3 /opt/heldout/load/mail.py 75 $i & w="${w:-} $!"; done; wait $w || true; sleep 6; postfix stop >/dev/null 2>&1; doveadm -c /run/dovecot.conf stop
