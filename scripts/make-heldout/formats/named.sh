# BIND 9: queries, security, resolver failures, transfers
mkdir -p /run/named /var/cache/bind; chown bind /run/named /var/cache/bind; touch $1; chown bind $1
CHANNEL='file "/out/named.log"; print-time yes'
. /opt/heldout/load/zones.sh
chown bind /run/*.zone /run; named -f -u bind -c /run/named.conf & sleep 2
python3 /opt/heldout/load/dns.py 5353 25 51 & load=$!
for i in $(seq 11); do
  sleep 2; dig -p 5353 @127.0.0.1 +tries=1 +time=1 AXFR example.$([ $((i % 2)) = 0 ] && echo com || echo net) >/dev/null || true
  printf 'server 127.0.0.1 5353\nzone example.com\nupdate add new%d.example.com 60 A 10.0.30.%d\nsend\n' $i $i | nsupdate 2>/dev/null || true
  dig -b 127.200.0.$i -p 5353 @127.0.0.1 +tries=1 +time=1 +tcp www.example.org >/dev/null || true
done; wait $load
