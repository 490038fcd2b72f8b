# haproxy: HTTP, TCP and health-check lines through rsyslog, classic syslog header
mkdir -p /run/haproxy
cat >/run/rsyslog.conf <<CONF
module(load="imuxsock" SysSock.Name="/run/log") 
\$ActionFileDefaultTemplate RSYSLOG_TraditionalFileFormat
*.* /out/haproxy.log
CONF
rsyslogd -n -f /run/rsyslog.conf -i /run/rsyslog.pid & sleep 1
cat >/run/haproxy.cfg <<CONF
global
  log /run/log local0
  maxconn 400
defaults
  log global
  mode http
  option httplog
  option dontlognull
  option redispatch
  retries 2
  timeout connect 2s
  timeout client 6s
  timeout server 4s
frontend shop
  bind 127.0.0.1:8080
  capture request header Host len 24
  capture request header User-Agent len 60
  capture response header Content-Length len 9
  acl api path_beg /api
  acl static path_beg /static
  http-request deny deny_status 429 if { path_beg /wp-login /.env /xmlrpc }
  http-request redirect location /cart code 302 if { path /contact }
  use_backend api if api
  use_backend static if static
  default_backend pages
frontend raw
  bind 127.0.0.1:8081
  mode tcp
  option tcplog
  default_backend tcp
backend api
  balance leastconn
  option httpchk GET /api/v2/items/1
  server api1 127.0.0.1:9001 check inter 2s
  server api2 127.0.0.1:9002 check inter 2s
  server api3 127.0.0.1:9003 check inter 3s
backend pages
  cookie SRV insert indirect nocache
  server web1 127.0.0.1:9004 check inter 2s cookie w1 maxconn 20
  server web2 127.0.0.1:9005 check inter 2s cookie w2 maxconn 20
backend static
  balance uri
  server st1 127.0.0.1:9004 check
  server st2 127.0.0.1:9002 check
backend tcp
  mode tcp
  server t1 127.0.0.1:9001 check
CONF
up() { python3 /opt/heldout/load/upstream.py $1 $2 & }
up 9001 31; up 9002 32; b=$!; up 9003 33; up 9004 34; up 9005 35; d=$!
sleep .5; haproxy -f /run/haproxy.cfg & sleep 1
python3 /opt/heldout/load/web.py 127.0.0.1:8080 90 70 41 & load=$!
python3 /opt/heldout/load/web.py 127.0.0.1:8081 90 12 42 &
sleep 25; kill $b; sleep 10; up 9002 36; sleep 12; kill $d; sleep 8; up 9005 37; wait $load
