# Sourced: configuration and zones of a name server; CHANNEL says where its log goes.
cat >/run/named.conf <<CONF
options { directory "/var/cache/bind"; pid-file "/run/named/named.pid"; session-keyfile "/run/named/session.key"; listen-on port 5353 { 127.0.0.1; }; listen-on-v6 { none; };
  recursion yes; allow-recursion { 127.0.0.0/12; }; allow-transfer { 127.0.0.1; }; dnssec-validation no; empty-zones-enable no; rate-limit { responses-per-second 12; window 5; }; };
logging { channel all { $CHANNEL; print-severity yes; print-category yes; severity info; };
  category default { all; }; category queries { all; }; category query-errors { all; }; category security { all; }; category lame-servers { all; }; category resolver { all; }; category update { all; }; category xfer-out { all; }; category rate-limit { all; }; };
zone "example.com" { type master; file "/run/example.zone"; allow-update { 127.0.0.1; }; };
zone "example.net" { type master; file "/run/example2.zone"; };
zone "30.0.10.in-addr.arpa" { type master; file "/run/reverse.zone"; };
CONF
{ echo '$TTL 300'; echo '@ IN SOA ns1 admin 2025010100 3600 600 86400 60'; echo '@ IN NS ns1'; echo 'ns1 IN A 127.0.0.1'; echo '@ IN MX 10 mail'; echo '*.dev IN A 127.0.0.9'
  for i in $(seq 250); do echo "host$i IN A 10.0.30.$i"; echo "host$i IN AAAA 2001:db8::$i"; done; for n in www mail shop api cdn ldap git ci; do echo "$n IN A 10.0.30.7"; done; } >/run/example.zone
cp /run/example.zone /run/example2.zone
{ echo '$TTL 300'; echo '@ IN SOA ns1.example.com. admin 2025010100 3600 600 86400 60'; echo '@ IN NS ns1.example.com.'; for i in $(seq 250); do echo "$i IN PTR host$i.example.com."; done; } >/run/reverse.zone
