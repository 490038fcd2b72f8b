#!/bin/bash
# Make examples/sample: a real nginx serves a small shop on 127.0.0.1 under a small mixed load, and its two logs are kept.
# Needs Debian's nginx and wrk, and root or user namespaces (the shop lives on a tmpfs that goes with the script).
set -euo pipefail
SECONDS_OF_LOAD=${1:-95}
HERE=$(cd "$(dirname "$0")" && pwd)
OUT="$HERE/../examples/sample"

if [ "${PITH_SAMPLE_INSIDE:-}" = '' ]; then
  mkdir -p "$OUT"
  RESULT=$(mktemp -d)
  trap 'rm -rf "$RESULT"' EXIT
  USERNS=--map-root-user
  [ "$(id -u)" = 0 ] && USERNS=
  PITH_SAMPLE_INSIDE="$RESULT" TZ=UTC unshare -m $USERNS bash "$HERE/make-sample.sh" "$SECONDS_OF_LOAD"
  cp "$RESULT/access.log" "$RESULT/error.log" "$OUT/"
  wc -lc "$OUT/access.log" "$OUT/error.log"
  exit 0
fi

mount -t tmpfs tmpfs /srv
SHOP=/srv/shop
mkdir -p $SHOP/www/{static,products,img,admin} $SHOP/logs $SHOP/tmp
cp "$HERE/make-sample.lua" $SHOP/load.lua

page() { # path, bytes
  { printf '<!doctype html><title>%s</title>\n' "$1"; head -c "$2" /dev/zero | tr '\0' 'x'; } >"$SHOP/www/$1"
}
page index.html 5120; page about.html 2210; page cart.html 3377; page checkout.html 4108; page search.html 2950; page login.html 1810
page robots.txt 90; page favicon.ico 1150; page admin/index.html 900
for i in $(seq 1 400); do page "products/$i.html" $((2000 + i * 37 % 6100)); done
for i in $(seq 1 400); do page "img/$i.jpg" $((9000 + i * 911 % 52000)); done
page static/app.3f9c1d.js 48211; page static/vendor.a81e02.js 91007; page static/style.77b0aa.css 12044

cat >$SHOP/nginx.conf <<'CONF'
worker_processes 2;
pid /srv/shop/nginx.pid;
error_log /srv/shop/logs/error.log warn;
events { worker_connections 256; }
http {
  error_log /srv/shop/logs/error.log info;
  default_type text/html;
  types { text/html html; text/css css; text/javascript js; image/jpeg jpg; text/plain txt; }
  access_log /srv/shop/logs/access.log combined;
  client_body_temp_path /srv/shop/tmp/body; proxy_temp_path /srv/shop/tmp/proxy;
  fastcgi_temp_path /srv/shop/tmp/f; uwsgi_temp_path /srv/shop/tmp/u; scgi_temp_path /srv/shop/tmp/s;
  set_real_ip_from 127.0.0.1;
  real_ip_header X-Forwarded-For;
  limit_req_zone $binary_remote_addr zone=login:1m rate=6r/m;
  keepalive_requests 400;
  server {
    listen 127.0.0.1:18080;
    server_name shop.example;
    root /srv/shop/www;
    location / { try_files $uri $uri.html =404; index index.html; }
    location = / { try_files /index.html =404; }
    location /img/ { expires 30d; }
    location /admin/ { auth_basic "admin"; auth_basic_user_file /srv/shop/users; }
    location = /login { limit_req zone=login burst=2 nodelay; try_files /login.html =404; }
    location = /account { return 200 "account\n"; }
    location = /health { return 200 "ok\n"; }
    location = /shop { return 301 /; }
    location = /api/orders { client_max_body_size 2k; proxy_pass http://127.0.0.1:18081; }
    location /api/stock/ { proxy_pass http://127.0.0.1:18081; }
    location /api/price/ { proxy_pass http://127.0.0.1:18082; proxy_connect_timeout 1s; }
  }
  server {
    listen 127.0.0.1:18081;
    access_log off;
    location = /api/orders { return 201 '{"order":"accepted"}\n'; }
    location /api/stock/ { return 200 '{"uri":"$request_uri","left":$msec}\n'; }
  }
}
CONF
echo 'root:$apr1$pithpith$3qFJ4SdnyqmBYl5bN9bXe1' >$SHOP/users

nginx -c $SHOP/nginx.conf -p $SHOP -g 'daemon off; user root;' &
SERVER=$!
trap 'kill $SERVER 2>/dev/null || true' EXIT
for _ in $(seq 50); do curl -fs -o /dev/null -A 'check' http://127.0.0.1:18080/health && break; sleep 0.1; done

wrk -t 2 -c 10 -d "${SECONDS_OF_LOAD}s" --timeout 5s -s $SHOP/load.lua http://127.0.0.1:18080 &
LOAD=$!
# A second, slower client beside it: ranges, HEAD, a POST that is too large, conditional requests and requests that break off.
END=$((SECONDS + SECONDS_OF_LOAD))
n=0
while [ $SECONDS -lt $END ]; do
  n=$((n + 1))
  ip="203.0.113.$((n * 7 % 61 + 1))"
  go() { curl -s -o /dev/null -H "X-Forwarded-For: $ip" "$@" || true; }
  go -r 0-2047 "http://127.0.0.1:18080/img/$((n * 13 % 400 + 1)).jpg"
  go -I "http://127.0.0.1:18080/products/$((n * 17 % 400 + 1))"
  [ $((n % 4)) = 0 ] && go -z 'tomorrow' "http://127.0.0.1:18080/static/style.77b0aa.css"
  [ $((n % 9)) = 0 ] && go -A 'Wget/1.21.3' "http://127.0.0.1:18080/.git/config"
  [ $((n % 11)) = 0 ] && head -c 5000 /dev/zero | go --data-binary @- "http://127.0.0.1:18080/api/orders"
  [ $((n % 13)) = 0 ] && printf 'GET / HTTP/1.1\r\nHost' | timeout 0.3 bash -c 'exec 3<>/dev/tcp/127.0.0.1/18080; cat >&3' || true
  [ $((n % 17)) = 0 ] && go -u 'root:wrong' "http://127.0.0.1:18080/admin/"
  [ $((n % 60)) = 0 ] && kill -HUP $SERVER
  sleep 0.4
done
wait $LOAD
kill -QUIT $SERVER
wait $SERVER || true
trap - EXIT
cp $SHOP/logs/access.log $SHOP/logs/error.log "$PITH_SAMPLE_INSIDE/"
